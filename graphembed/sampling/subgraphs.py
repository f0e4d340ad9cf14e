"""Mini-batches that are not made hop by hop: what matters most to each seed, and clusters of the whole graph.

`ImportanceSampler` takes, for each seed, the nodes that matter most to it, however far away; `ClusterLoader` cuts the
graph once and goes through the pieces.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.loader.utils import filter_data
from torch_geometric.sampler import BaseSampler, EdgeSamplerInput, NegativeSampling, NodeSamplerInput, SamplerOutput
from torch_geometric.sampler.neighbor_sampler import edge_sample, node_sample

from graphembed.errors import DataError
from graphembed.graph import Graph
from graphembed.kernels.importance import nearest_by_pagerank, nearest_by_visits
from graphembed.kernels.neighbors import NODE, TREE, Rows, batch_stream, hop_stream, numbered, rows_of, within
from graphembed.sampling.neighbors import Negatives
from graphembed.sampling.relations import as_array, check_seeds, read_relations, shared_number


class ImportanceSampler(BaseSampler):
    """Samples, for each seed, the subgraph of the nodes that matter most to it, apart from those of other seeds.

    A graph neural network of any depth then sees these nodes only (ShaDow): depth no longer multiplies neighbours. For
    PyG's ``NodeLoader`` and ``LinkLoader``; ``batch`` says which seed a node belongs to, and seeds come first.

    Args:
        data: PyG ``Data`` with ``edge_index``, or a `Graph`.
        size: Nodes per seed, itself included.
        by: ``"ppr"``: personalised PageRank over in-neighbours, which draws nothing; ``"walks"``: how often random
            walks visit a node.
        restart: Chance to jump back to the seed, of either.
        tolerance: How much PageRank may be left unpushed per in-neighbour; work per seed is at most
            1 / (restart tolerance).
        walks: Walks from each seed.
        length: Steps of a walk.
        weight_attr: Name of edge weights that steps are taken in proportion to.
        seed: Everything random comes from it.

    Raises:
        DataError: Weights that are missing, of the wrong shape, negative or not finite; no ``edge_index``.
        ValueError: A parameter is out of range.

    Example:
        >>> from torch_geometric.loader import NodeLoader
        >>> data = Data(edge_index=torch.tensor([[1, 2, 3], [0, 1, 2]]), num_nodes=4)
        >>> batch = next(iter(NodeLoader(data, ImportanceSampler(data, size=3), batch_size=1)))
        >>> batch.n_id
        tensor([0, 1, 2])

    References:
        Zeng et al. 2021, "Decoupling the depth and scope of graph neural networks", section 3.2 (PageRank). Ying et al.
        2018, "Graph convolutional neural networks for web-scale recommender systems", section 3.1 (walks).
    Differs from the paper: PinSAGE aggregates over the visited nodes as if they were neighbours; here the edges among
        them are kept as they are in the graph.
    """

    def __init__(
        self,
        data: Data | Graph,
        size: int,
        by: str = "ppr",
        *,
        restart: float = 0.15,
        tolerance: float = 1e-4,
        walks: int = 100,
        length: int = 10,
        weight_attr: str | None = None,
        seed: int = 0,
    ) -> None:
        if by not in ("ppr", "walks"):
            raise ValueError(f"by must be 'ppr' or 'walks', got {by!r}")
        if not 0 < restart <= 1:
            raise ValueError(f"restart must be above 0 and at most 1, got {restart}")
        if tolerance <= 0 or min(size, walks, length) < 1:
            raise ValueError(
                "tolerance must be positive and size, walks and length at least 1, got "
                f"tolerance={tolerance}, size={size}, walks={walks}, length={length}"
            )
        self.num_nodes, _, (self._relation,) = read_relations(_data(data), weight_attr)
        self._rows = Rows(self._relation.indptr, self._relation.indices)
        self._mass = np.empty(0) if self._relation.mass is None else self._relation.mass
        self.size, self.by, self.restart, self.tolerance = size, by, restart, tolerance
        self.walks, self.length, self.weight_attr, self.seed = walks, length, weight_attr, seed
        self._epoch = shared_number()

    @property
    def edge_permutation(self) -> Tensor:
        """Which edge of the data each edge of the sampler is."""
        return self._relation.order

    def set_epoch(self, epoch: int) -> None:
        """Let walks and negatives of the next epoch be drawn anew, in all workers."""
        self._epoch.fill_(epoch)

    def sample_from_nodes(self, index: NodeSamplerInput, **_: Any) -> SamplerOutput:
        """Sample what matters to some nodes; called by PyG's loaders."""
        stream = batch_stream(self.seed, int(self._epoch), as_array(index.node), np.empty(0, np.int64))
        return node_sample(index, lambda seed, _: self.sample(seed, stream))

    def sample_from_edges(self, index: EdgeSamplerInput, neg_sampling: NegativeSampling | None = None) -> SamplerOutput:
        """Sample what matters to both ends of some edges, and to negatives; called by PyG's loaders."""
        ends = as_array(torch.cat([index.row, index.col]))
        stream = batch_stream(self.seed, int(self._epoch), ends, np.empty(0, np.int64))
        negatives = None if neg_sampling is None else Negatives(neg_sampling, hop_stream(stream, -1))
        return edge_sample(
            index, lambda seed, _: self.sample(seed, stream), self.num_nodes, True, neg_sampling=negatives
        )

    def sample(self, seed: Tensor, stream: int = 0) -> SamplerOutput:
        """Sample what matters to seeds: nodes of the first come before those of the second, all seeds before both."""
        seeds = check_seeds(as_array(seed), self._rows.indptr.size - 1)
        if self.by == "ppr":
            starts, nodes, _ = nearest_by_pagerank(
                self._rows, self._mass, seeds, self.size, self.restart, self.tolerance
            )
        else:
            starts, nodes, _ = nearest_by_visits(
                self._rows, self._mass, seeds, self.size, self.walks, self.length, self.restart, stream
            )
        tree = np.repeat(np.arange(seeds.size), np.diff(starts))
        rest = np.ones(nodes.size, bool)
        rest[starts[:-1]] = False
        keys = nodes | (tree << TREE)
        keys = np.concatenate([keys[~rest], keys[rest]])
        row, col, edge = _induced(self._rows, keys)
        every = torch.from_numpy(keys)
        counts = [seeds.size, int(rest.sum())]
        return SamplerOutput(every & NODE, row, col, edge, every >> TREE, counts, None)


class ClusterLoader:
    """Goes through a graph in batches: the subgraphs among the nodes of a few random clusters (Cluster-GCN).

    Every node is in one batch per epoch; edges between batches are missing, most of them few because clusters are
    dense. ``n_id`` and ``e_id`` of a batch say which nodes and edges they are. Each time the loader is gone through,
    clusters are put together anew.

    Args:
        data: PyG ``Data`` with ``edge_index``, or a `Graph`.
        parts: How many clusters to cut the graph into (needs pymetis), or the cluster of each node, (nodes,).
        batch_size: Clusters per batch.
        shuffle: Whether to put clusters together at random.
        seed: Everything random comes from it.

    Raises:
        ImportError: The graph is to be cut and pymetis is not installed.
        DataError: Clusters that do not fit the nodes.
        ValueError: Less than one cluster, or less than one per batch.

    Example:
        >>> data = Data(edge_index=torch.tensor([[0, 1, 2, 3], [1, 0, 3, 2]]), num_nodes=4)
        >>> for batch in ClusterLoader(data, np.array([0, 0, 1, 1]), shuffle=False):
        ...     batch.n_id, batch.edge_index.tolist()
        (tensor([0, 1]), [[1, 0], [0, 1]])
        (tensor([2, 3]), [[1, 0], [0, 1]])

    References:
        Chiang et al. 2019, "Cluster-GCN", algorithm 1; several clusters per batch: section 3.2.
    """

    def __init__(
        self,
        data: Data | Graph,
        parts: int | NDArray[np.integer[Any]] | Tensor,
        batch_size: int = 1,
        *,
        shuffle: bool = True,
        seed: int = 0,
    ) -> None:
        if batch_size < 1 or (isinstance(parts, int) and parts < 1):
            raise ValueError(f"parts and batch_size must be at least 1, got batch_size={batch_size}, parts={parts!r}")
        self.data = _data(data)
        nodes, _, (relation,) = read_relations(self.data)
        self._rows, self._order = Rows(relation.indptr, relation.indices), relation.order
        label = cut(self._rows, parts) if isinstance(parts, int) else np.asarray(parts)
        if label.shape != (nodes,):
            raise DataError(f"expected the cluster of each node, one for each of {nodes}, got shape {label.shape}")
        _, label = np.unique(label, return_inverse=True)
        self._nodes = np.argsort(label, kind="stable")
        self._starts = np.append(0, np.cumsum(np.bincount(label)))
        self.batch_size, self.shuffle, self.seed, self._epoch = batch_size, shuffle, seed, 0

    @property
    def num_parts(self) -> int:
        """How many clusters there are; none is empty."""
        return len(self._starts) - 1

    def __len__(self) -> int:
        return -(-self.num_parts // self.batch_size)

    def __iter__(self) -> Iterator[Data]:
        parts = np.arange(self.num_parts)
        if self.shuffle:
            parts = np.random.default_rng([self.seed, self._epoch]).permutation(parts)
        self._epoch += 1
        for first in range(0, self.num_parts, self.batch_size):
            chosen = np.sort(parts[first : first + self.batch_size])
            yield self._batch(np.concatenate([self._nodes[self._starts[p] : self._starts[p + 1]] for p in chosen]))

    def _batch(self, nodes: NDArray[np.int64]) -> Data:
        row, col, edge = _induced(self._rows, nodes)
        batch = filter_data(self.data, torch.from_numpy(nodes), row, col, edge, self._order)
        batch.n_id, batch.e_id = torch.from_numpy(nodes), self._order[edge]
        return batch


def cut(rows: Rows, parts: int) -> NDArray[np.int64]:
    """Cut a graph, its edges taken as undirected, into parts of about one size with few edges between them (METIS).

    References:
        Karypis and Kumar 1998, "A fast and high quality multilevel scheme for partitioning irregular graphs".
    """
    nodes = rows.indptr.size - 1
    if parts == 1 or nodes == 0:
        return np.zeros(nodes, np.int64)
    try:
        import pymetis
    except ImportError as error:
        raise ImportError(
            "cutting a graph needs pymetis: pip install 'graphembed[partition]', or give the cluster of each node"
        ) from error
    target = np.repeat(np.arange(nodes), np.diff(rows.indptr))
    ends = np.stack([np.append(rows.indices, target), np.append(target, rows.indices)])
    keys = np.unique(ends[0, ends[0] != ends[1]] * nodes + ends[1, ends[0] != ends[1]])
    starts = np.append(0, np.cumsum(np.bincount(keys // nodes, minlength=nodes)))
    _, label = pymetis.part_graph(min(parts, nodes), pymetis.CSRAdjacency(starts, keys % nodes))
    return np.asarray(label, np.int64)


def _induced(rows: Rows, keys: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
    """List the edges among nodes, within their trees."""
    begin, end = rows_of(rows.indptr, keys, 0, keys.size)
    row, col, edge = within(rows.indices, begin, end, keys, numbered(keys))
    return torch.from_numpy(row), torch.from_numpy(col), torch.from_numpy(edge)


def _data(data: Data | Graph) -> Data:
    return data.data if isinstance(data, Graph) else data
