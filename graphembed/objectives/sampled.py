"""Mini-batches for objectives: a few nodes or pairs at a time, with sampled neighbourhoods."""

import dataclasses as dc
from collections.abc import Callable, Sequence
from typing import overload
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Data

from graphembed.graph import Graph
from graphembed.kernels.neighbors import batch_stream
from graphembed.objectives.protocol import whole
from graphembed.sampling.neighbors import NeighborSampler


@dc.dataclass(frozen=True)
class MiniBatches:
    """How to cut training into batches: each sees some nodes, or pairs of nodes, and a sample of what is around them.

    Args:
        num_neighbors: In-neighbours sampled per hop, -1 for all; as many hops as the encoder has layers.
        batch_size: Nodes, pairs or triplets in a batch.

    Raises:
        ValueError: There are no hops, or less than one in a batch.

    Example:
        >>> MiniBatches((10, 5)).batch_size
        1024

    References:
        Hamilton et al. 2017, "Inductive representation learning on large graphs", section 3.1 and algorithm 2.
    """

    num_neighbors: tuple[int, ...] = (15, 10)
    batch_size: int = 1024

    def __post_init__(self) -> None:
        if not self.num_neighbors or self.batch_size < 1:
            raise ValueError(
                "num_neighbors must have a number per hop and batch_size be at least 1, got "
                f"num_neighbors={self.num_neighbors}, batch_size={self.batch_size}"
            )

    def of_nodes(self, graph: Graph, nodes: NDArray[np.int64], seed: int, **known: Tensor) -> Sequence[Data]:
        """Cut nodes, in random order, into batches; ``known`` (nodes of the graph, ...) are things told of the seeds.

        Batch ``i``: ``x``, ``edge_index`` and ``edge_weight`` of a sampled neighbourhood whose first ``batch_size``
        nodes are the seeds; ``n_id``, which nodes these are; ``num_sampled_nodes`` and ``num_sampled_edges`` per hop.
        """
        parts = self._parts(nodes, seed)

        def make(i: int) -> Data:
            batch = self._around(graph, parts[i], seed, i)
            for key, value in known.items():
                batch[key] = value.index_select(0, torch.from_numpy(parts[i]))
            return batch

        return Made(len(parts), make)

    def of_tuples(self, graph: Graph, seed: int, key: str, nodes: NDArray[np.int64], **known: Tensor) -> Sequence[Data]:
        """Cut tuples of nodes, the columns of (k, tuples), in random order into batches.

        The seeds of batch ``i`` are the nodes of its tuples, each once; ``batch[key]`` (k, some) are rows among them.
        ``known`` (tuples, ...) are things told of the tuples.
        """
        parts = self._parts(np.arange(nodes.shape[1]), seed)

        def make(i: int) -> Data:
            seeds, place = np.unique(nodes[:, parts[i]], return_inverse=True)
            batch = self._around(graph, seeds, seed, i)
            batch[key] = torch.from_numpy(place.reshape(len(nodes), -1))
            for name, value in known.items():
                batch[name] = value.index_select(0, torch.from_numpy(parts[i]))
            return batch

        return Made(len(parts), make)

    def of_pairs(self, graph: Graph, edges: NDArray[np.int64], others: NDArray[np.int64], seed: int) -> Sequence[Data]:
        """Cut pairs, (edges, 2) and (others, 2), in random order into batches of as many edges as others.

        Where there are fewer others than edges they begin again. ``edge_label_index`` (2, pairs) are rows among the
        seeds, ``edge_label`` says which pairs are edges.
        """
        both = np.concatenate([edges, np.resize(others, edges.shape)], axis=1).T
        half = dc.replace(self, batch_size=max(self.batch_size // 2, 1))
        parts = half.of_tuples(graph, seed, "edge_label_index", both)

        def make(i: int) -> Data:
            batch = parts[i]
            batch.edge_label_index = torch.cat([batch.edge_label_index[:2], batch.edge_label_index[2:]], dim=1)
            pairs = batch.edge_label_index.shape[1]
            batch.edge_label = torch.arange(pairs) < pairs // 2
            return batch

        return Made(len(parts), make)

    def _parts(self, items: NDArray[np.int64], seed: int) -> list[NDArray[np.int64]]:
        order = np.random.default_rng(seed).permutation(items)
        return [order[first : first + self.batch_size] for first in range(0, len(order), self.batch_size)]

    def _around(self, graph: Graph, seeds: NDArray[np.int64], seed: int, number: int) -> Data:
        sampler = _sampler(graph, self.num_neighbors)
        stream = batch_stream(seed, number, seeds, np.empty(0, np.int64))
        out = sampler.sample(torch.from_numpy(seeds), stream=stream)
        weight = graph.data.edge_weight
        if weight is not None:
            edges = sampler.edge_permutation
            assert isinstance(edges, Tensor)
            weight = weight.index_select(0, edges.index_select(0, out.edge))
        return Data(
            x=graph.data.x.index_select(0, out.node),
            edge_index=torch.stack([out.row, out.col]),
            edge_weight=weight,
            n_id=out.node,
            batch_size=len(seeds),
            num_sampled_nodes=out.num_sampled_nodes,
            num_sampled_edges=out.num_sampled_edges,
        )


_SAMPLERS: WeakKeyDictionary[Graph, dict[tuple[int, ...], NeighborSampler]] = WeakKeyDictionary()


def _sampler(graph: Graph, num_neighbors: tuple[int, ...]) -> NeighborSampler:
    """Return the sampler of a graph: its rows are sorted once, not in every epoch."""
    known = _SAMPLERS.setdefault(graph, {})
    if num_neighbors not in known:
        known[num_neighbors] = NeighborSampler(graph, num_neighbors)
    return known[num_neighbors]


def all_nodes(graph: Graph, sampled: MiniBatches | None, seed: int) -> Sequence[Data]:
    """Return the whole graph as one batch or, if ``sampled``, all of its nodes, some at a time."""
    return [whole(graph)] if sampled is None else sampled.of_nodes(graph, np.arange(graph.num_nodes), seed)


class Made(Sequence[Data]):
    """A list whose items are made when they are asked for, always the same.

    Args:
        count: How many.
        make: Makes one from its number.
    """

    def __init__(self, count: int, make: Callable[[int], Data]) -> None:
        self._count, self._make = count, make

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, i: int) -> Data: ...
    @overload
    def __getitem__(self, i: slice) -> list[Data]: ...
    def __getitem__(self, i: int | slice) -> Data | list[Data]:
        if isinstance(i, slice):
            return [self._make(k) for k in range(*i.indices(self._count))]
        if not 0 <= i < self._count:
            raise IndexError(f"there are {self._count} batches, from 0; got {i}")
        return self._make(i)
