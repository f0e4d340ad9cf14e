"""`NeighborSampler`: neighbour sampling for PyG's loaders, without add-ons to PyG.

A mini-batch of a graph neural network needs its seeds' neighbours, their neighbours, and so on; taking a few of them at
each hop keeps batches small. PyG's loaders take any sampler that keeps their contract, so scripts change by one
argument: ``NeighborLoader(data, [15, 10], neighbor_sampler=NeighborSampler(data, [15, 10]))``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Data, HeteroData
from torch_geometric.sampler import (
    BaseSampler,
    EdgeSamplerInput,
    HeteroSamplerOutput,
    NegativeSampling,
    NodeSamplerInput,
    NumNeighbors,
    SamplerOutput,
)
from torch_geometric.sampler.neighbor_sampler import edge_sample, node_sample

from graphembed.errors import DataError, first_few
from graphembed.graph import Graph
from graphembed.kernels.neighbors import (
    NODE,
    TREE,
    Chosen,
    Edges,
    Found,
    batch_stream,
    hop_stream,
    latest,
    no_edges,
    numbered,
    rows_of,
    rows_until,
    settle,
    uniform,
    uniform_again,
    weighted,
    weighted_again,
    within,
)
from graphembed.sampling.relations import ONE, EdgeType, Relation, as_array, check_seeds, read_relations, shared_number

_KINDS = ("directional", "bidirectional", "induced")


class NeighborSampler(BaseSampler):
    """Samples a few in-neighbours of every node that was found a hop before, hop by hop.

    The same seed gives the same batches on any number of threads and loader workers: what is drawn for a batch depends
    on the seed, the epoch and the seeds in the batch. Loaders that shuffle make new batches every epoch; others repeat
    theirs unless `set_epoch` is called.

    Args:
        data: PyG ``Data`` or ``HeteroData`` with ``edge_index``, or a `Graph` (loaders then take its ``data``). The
            rows of an undirected `Graph` are read where they are, memory-mapped ones on disk, unless there are times or
            weights other than its own; `edge_permutation`, and loaders, which ask for ``data``, take 16 bytes per edge
            and direction and more.
        num_neighbors: How many per hop, -1 for all; with several types of edges, a list for all or one per type.
        replace: Whether a neighbour may be drawn more than once.
        weight_attr: Name of edge weights (edges,) that neighbours are drawn in proportion to; those of 0 never are.
        time_attr: Name of times of nodes or of edges. Each seed then sees only what is there at its time: nodes or
            edges no later than it. Implies ``disjoint``. With as many nodes as edges, "edge" in the name tells.
        temporal_strategy: Of the neighbours there are by then, ``"uniform"`` ones or the ``"last"``.
        disjoint: Keep the neighbourhoods of seeds apart; ``batch`` says which seed a node belongs to.
        subgraph_type: ``"directional"`` for the sampled edges, which point to the seeds; ``"bidirectional"`` for these
            and their reverse; ``"induced"`` for all edges between sampled nodes.
        seed: Everything random comes from it.

    Raises:
        DataError: Weights or times that are missing, of the wrong shape, negative or not finite; no ``edge_index``.
        ValueError: An unknown strategy or type of subgraph, or settings that exclude each other.

    Example:
        >>> from torch_geometric.loader import NeighborLoader
        >>> data = Data(x=torch.eye(3), edge_index=torch.tensor([[0, 1, 2], [1, 2, 0]]))
        >>> sampler = NeighborSampler(data, [2, 2])
        >>> batch = next(iter(NeighborLoader(data, [2, 2], neighbor_sampler=sampler, batch_size=1)))
        >>> batch.n_id, batch.edge_index
        (tensor([0, 2, 1]), tensor([[1, 2],
                [0, 1]]))

    References:
        Hamilton, Ying and Leskovec 2017, "Inductive representation learning on large graphs", section 3.1.
    Differs from the paper: without replacement unless ``replace``.
    """

    def __init__(
        self,
        data: Data | HeteroData | Graph,
        num_neighbors: NumNeighbors | Sequence[int] | Mapping[EdgeType, Sequence[int]],
        *,
        replace: bool = False,
        weight_attr: str | None = None,
        time_attr: str | None = None,
        temporal_strategy: str = "uniform",
        disjoint: bool = False,
        subgraph_type: str = "directional",
        seed: int = 0,
    ) -> None:
        subgraph_type = getattr(subgraph_type, "value", subgraph_type)  # PyG's enumeration will do
        _check_choice("temporal_strategy", temporal_strategy, ("uniform", "last"))
        _check_choice("subgraph_type", subgraph_type, _KINDS)
        if temporal_strategy == "last" and (time_attr is None or weight_attr is not None):
            raise ValueError("temporal_strategy='last' needs a time_attr and leaves no use for a weight_attr")
        self.num_nodes, self.node_time, self.relations = read_relations(data, weight_attr, time_attr)
        self.num_neighbors = num_neighbors
        self.replace, self.temporal_strategy, self.subgraph_type = replace, temporal_strategy, subgraph_type
        self.weight_attr, self.time_attr = weight_attr, time_attr
        self.disjoint = disjoint or time_attr is not None
        self.seed = seed
        self._epoch = shared_number()

    @property
    def num_neighbors(self) -> NumNeighbors:
        """How many neighbours are sampled per hop."""
        return self._num_neighbors

    @num_neighbors.setter
    def num_neighbors(self, given: NumNeighbors | Sequence[int] | Mapping[EdgeType, Sequence[int]]) -> None:
        if not isinstance(given, NumNeighbors):
            given = NumNeighbors(dict(given) if isinstance(given, Mapping) else list(given))
        kinds = [relation.kind for relation in self.relations]
        self._fanouts = {ONE: given.get_values()} if kinds == [ONE] else given.get_values(kinds)
        self._num_neighbors = given

    @property
    def edge_permutation(self) -> Tensor | dict[EdgeType, Tensor]:
        """Which edge of the data each edge of the sampler is."""
        order = {relation.kind: relation.order for relation in self.relations}
        return order if isinstance(self.num_nodes, dict) else order[ONE]

    def set_epoch(self, epoch: int) -> None:
        """Let the next epoch draw anew, in all workers, persistent ones included."""
        self._epoch.fill_(epoch)

    def sample_from_nodes(self, index: NodeSamplerInput, **_: Any) -> SamplerOutput | HeteroSamplerOutput:
        """Sample the neighbourhood of some nodes; called by PyG's loaders."""
        stream = self._stream(index.node, index.input_id)
        return node_sample(index, lambda seed, time: self.sample(seed, time, stream))

    def sample_from_edges(
        self, index: EdgeSamplerInput, neg_sampling: NegativeSampling | None = None
    ) -> SamplerOutput | HeteroSamplerOutput:
        """Sample the neighbourhood of both ends of some edges, and of negatives; called by PyG's loaders."""
        if index.time is None and self.node_time is not None and neg_sampling is not None:
            raise ValueError("negatives of links in time need times of the links: pass edge_label_time to the loader")
        stream = self._stream(torch.cat([index.row, index.col]), index.input_id)
        negatives = None if neg_sampling is None else Negatives(neg_sampling, hop_stream(stream, -1))
        return edge_sample(
            index,
            lambda seed, time: self.sample(seed, time, stream),
            self.num_nodes,
            self.disjoint,
            self.node_time,
            negatives,
        )

    def _stream(self, nodes: Tensor, ids: Tensor | None) -> int:
        numbers = nodes[:0] if ids is None else ids
        return batch_stream(self.seed, int(self._epoch), as_array(nodes), as_array(numbers))

    def sample(
        self, seed: Tensor | dict[str, Tensor], seed_time: Any = None, stream: int = 0
    ) -> SamplerOutput | HeteroSamplerOutput:
        """Sample the neighbourhood of seeds, with draws from a stream.

        Args:
            seed: (seeds,) nodes, or one such per type.
            seed_time: (seeds,) times, or one such per type; by default those of the seeds themselves.
            stream: As from `batch_stream`.
        """
        seeds = seed if isinstance(seed, dict) else {"": seed}
        times = seed_time if seed_time is None or isinstance(seed_time, dict) else {"": seed_time}
        found = self._start(seeds)
        limit = self._limits(seeds, times)
        edges = {relation.kind: no_edges() for relation in self.relations}
        reached = {kind: [0] for kind in edges}
        bounds = {kind: [0, nodes.size] for kind, nodes in found.items()}
        for hop in range(len(self.num_neighbors)):
            for number, relation in enumerate(self.relations):
                source, _, target = relation.kind
                first, last = bounds[target][hop : hop + 2]
                draws = hop_stream(stream, hop * len(self.relations) + number)
                chosen = self._choose(relation, found[target].keys, first, last, hop, limit, draws)
                edges[relation.kind], found[source] = settle(
                    relation.indices, chosen, first, found[target].keys, found[source], edges[relation.kind]
                )
                reached[relation.kind].append(len(edges[relation.kind].row))
            for kind, nodes in found.items():
                bounds[kind].append(nodes.size)
        if self.subgraph_type == "induced":
            edges = {relation.kind: self._within(relation, found, limit) for relation in self.relations}
        out = self._output(found, edges)
        out.num_sampled_nodes = {kind: np.diff(each).tolist() for kind, each in bounds.items()}
        out.num_sampled_edges = {kind: np.diff(each).tolist() for kind, each in reached.items()}
        if self.subgraph_type == "induced":
            out.num_sampled_nodes = out.num_sampled_edges = None  # not hop by hop
        if not isinstance(self.num_nodes, dict):
            out = _of_one(out)
        return out.to_bidirectional() if self.subgraph_type == "bidirectional" else out

    def _start(self, seeds: dict[str, Tensor]) -> dict[str, Found]:
        """Number the seeds of each type; their trees run on across types in the order given."""
        counts = self.num_nodes if isinstance(self.num_nodes, dict) else {"": self.num_nodes}
        keys = dict.fromkeys(counts, np.empty(0, np.int64))
        trees = 0
        for kind, nodes in seeds.items():
            keys[kind] = check_seeds(as_array(nodes), counts[kind])
            if self.disjoint:
                keys[kind] = keys[kind] | (np.arange(trees, trees + nodes.numel()) << TREE)
            trees += nodes.numel()
        return {kind: numbered(values) for kind, values in keys.items()}

    def _limits(self, seeds: dict[str, Tensor], times: dict[str, Tensor] | None) -> NDArray[Any] | None:
        """Say until when each tree sees."""
        if self.time_attr is None:
            return None
        if times is None:
            known = self.node_time if isinstance(self.node_time, dict) else {"": self.node_time}
            if missing := [kind for kind in seeds if known.get(kind) is None]:
                raise ValueError(
                    f"seeds {first_few(missing)} have no time of their own: pass input_time (nodes) or edge_label_time "
                    "(links) to the loader".replace("seeds ''", "seeds")
                )
            times = {kind: known[kind][nodes] for kind, nodes in seeds.items()}
        limit: NDArray[Any] = np.concatenate([times[kind].cpu().numpy().ravel() for kind in seeds])
        if limit.size != (count := sum(nodes.numel() for nodes in seeds.values())):
            raise DataError(f"expected a time for each of {count} seeds, got {limit.size}")
        return limit

    def _rows(
        self, relation: Relation, keys: NDArray[np.int64], first: int, last: int, limit: NDArray[Any] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        if limit is None or relation.time is None:
            return rows_of(relation.indptr, keys, first, last)
        return rows_until(relation.indptr, relation.time, limit, keys, first, last)

    def _choose(
        self,
        relation: Relation,
        keys: NDArray[np.int64],
        first: int,
        last: int,
        hop: int,
        limit: NDArray[Any] | None,
        stream: int,
    ) -> Chosen:
        """Choose entries of the rows of the nodes found by the hop before."""
        fanout = int(self._fanouts[relation.kind][hop])
        begin, end = self._rows(relation, keys, first, last, limit)
        if relation.weight is not None and relation.mass is not None:
            if self.replace and fanout >= 0:
                return weighted_again(begin, end, relation.mass, fanout, stream, first)
            return weighted(begin, end, relation.weight, relation.mass, fanout, stream, first)
        if fanout < 0 or self.temporal_strategy == "last":
            return latest(begin, end, fanout)
        return (uniform_again if self.replace else uniform)(begin, end, fanout, stream, first)

    def _within(self, relation: Relation, found: dict[str, Found], limit: NDArray[Any] | None) -> Edges:
        source, _, target = relation.kind
        keys = found[target].keys
        begin, end = self._rows(relation, keys, 0, found[target].size, limit)
        return within(relation.indices, begin, end, keys, found[source])

    def _output(self, found: dict[str, Found], edges: dict[EdgeType, Edges]) -> HeteroSamplerOutput:
        keys = {kind: torch.from_numpy(nodes.keys[: nodes.size].copy()) for kind, nodes in found.items()}
        return HeteroSamplerOutput(
            node={kind: each & NODE for kind, each in keys.items()} if self.disjoint else keys,
            row={kind: torch.from_numpy(each.row) for kind, each in edges.items()},
            col={kind: torch.from_numpy(each.col) for kind, each in edges.items()},
            edge={kind: torch.from_numpy(each.edge) for kind, each in edges.items()},
            batch={kind: each >> TREE for kind, each in keys.items()} if self.disjoint else None,
        )


class Negatives:
    """PyG's rule for drawing negatives, with draws of its own instead of torch's global ones.

    Args:
        rule: What to draw.
        seed: Where chance comes from.
    """

    def __init__(self, rule: NegativeSampling, seed: int) -> None:
        rule = NegativeSampling.cast(rule)
        self.amount, self.is_binary, self.is_triplet = rule.amount, rule.is_binary, rule.is_triplet
        self._weights = {"src": rule.src_weight, "dst": rule.dst_weight}
        self._generator = torch.Generator().manual_seed(seed)

    def sample(self, num_samples: int, endpoint: str, num_nodes: int) -> Tensor:
        """Draw nodes for one end of negative pairs."""
        weight = self._weights[endpoint]
        if weight is None:
            return torch.randint(num_nodes, (num_samples,), generator=self._generator)
        if weight.numel() != num_nodes:
            raise DataError(f"{endpoint}_weight of negatives has {weight.numel()} entries for {num_nodes} nodes")
        return torch.multinomial(weight, num_samples, replacement=True, generator=self._generator)


def _check_choice(name: str, given: str, known: Sequence[str]) -> None:
    if given not in known:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, known))}, got {given!r}")


def _of_one(out: HeteroSamplerOutput) -> SamplerOutput:
    """Take the output of the only type of nodes and edges."""
    sizes = out.num_sampled_nodes, out.num_sampled_edges
    nodes, edges = None if sizes[0] is None else sizes[0][""], None if sizes[1] is None else sizes[1][ONE]
    batch = None if out.batch is None else out.batch[""]
    return SamplerOutput(out.node[""], out.row[ONE], out.col[ONE], out.edge[ONE], batch, nodes, edges)
