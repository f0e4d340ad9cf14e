"""A GNN on a graph that does not fit into memory at once: all nodes of one layer, block by block, then the next layer.

Sampling would need the neighbours of neighbours of each block, soon the whole graph; layer by layer, every node is
computed once. Messages are only written out for the edges of a block; tables of features and layers may be on disk.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graphembed.kernels.csr import CSR
from graphembed.nn.aggregate import Neighbours, can_fuse, fused
from graphembed.nn.gnn import GNN, convolve

AT_ONCE = (
    1 << 27
)  # numbers (half a gigabyte) in the largest table of a graph that is embedded at once: see wants_blocks


def layerwise(
    gnn: GNN,
    x: Any,
    csr: CSR,
    edge_attr: Any = None,
    *,
    entries: int = 1 << 17,
    folder: str | Path | None = None,
) -> NDArray[np.float32]:
    """Embed all nodes of a graph exactly, as ``gnn.eval()(x, edge_index, ...)`` does, some nodes at a time.

    Args:
        gnn: On the CPU; whatever its mode, dropout is off.
        x: (nodes, features) array or tensor; may be memory-mapped.
        csr: Row ``v`` lists the nodes with an edge to ``v``: ``graph.csr`` if the graph is undirected, else
            ``graphembed.kernels.csr.transpose(graph.csr)``. May be memory-mapped.
        edge_attr: (edges, channels) in the order of ``csr``; may be memory-mapped.
        entries: Nodes and edges to them in a block, unless one node has more.
        folder: Where to keep the layers on disk while at work; by default they are kept in memory, those still needed.

    Returns:
        (nodes, out_channels).

    Raises:
        ValueError: A convolution or normalisation looks further than one edge, so blocks would be wrong.

    Example:
        >>> from torch_geometric.nn import SAGEConv
        >>> with torch.random.fork_rng():
        ...     gnn = GNN(SAGEConv, [8], 4, in_channels=3)
        >>> csr = CSR(np.array([0, 1, 2]), np.array([1, 0], np.int32), np.empty(0, np.float32))
        >>> layerwise(gnn, np.ones((2, 3), np.float32), csr, entries=1).shape
        (2, 4)
    """
    nodes = len(csr.indptr) - 1
    if len(x) != nodes or entries < 1:
        raise ValueError(
            f"expected x of {nodes} rows, one per row of csr, and entries >= 1, got {len(x)} and entries={entries}"
        )
    if wrong := gnn.far(_fusible(gnn, csr)):
        raise ValueError(
            f"layer by layer in blocks is exact only where a node depends on its in-neighbours alone, and {wrong} look "
            "further: call the module on the whole graph, or use other convolutions and normalisations"
        )
    if not nodes:
        return np.empty((0, gnn.out_channels), np.float32)
    was_training = gnn.training
    gnn.eval()
    try:
        with torch.no_grad(), _tables(folder) as table:
            return _Work(gnn, csr, edge_attr, _blocks(csr.indptr, entries)).run(x, table)
    finally:
        gnn.train(was_training)


def wants_blocks(gnn: GNN, csr: CSR) -> bool:
    """Say whether a graph is so large that `layerwise` is better than the whole graph at once, and can be done.

    What counts is the largest table that would be written out, of more than `AT_ONCE` numbers: one row for each node,
    or for each edge where a convolution is not a product of rows, as wide as what the layers are joined to.
    """
    fast = _fusible(gnn, csr)
    rows = len(csr.indptr) - 1 if all(fast) else max(len(csr.indptr) - 1, csr.indices.size)
    return rows * max(gnn.joined, gnn.out_channels) > AT_ONCE and not gnn.far(fast)


def _fusible(gnn: GNN, csr: CSR) -> list[bool]:
    probe, one = torch.zeros(1, 1), torch.ones(1) if csr.weight.size else None
    return [can_fuse(conv, probe, one) for conv in gnn.convs]


def _blocks(indptr: NDArray[np.int64], entries: int) -> list[tuple[int, int]]:
    """Cut the nodes where so many nodes and edges to them are full."""
    before = indptr + np.arange(indptr.size)
    cuts = [0]
    while cuts[-1] < indptr.size - 1:
        full = int(np.searchsorted(before, before[cuts[-1]] + entries, "right")) - 1
        cuts.append(max(full, cuts[-1] + 1))
    return list(pairwise(cuts))


class _Work:
    """What is worked on: blocks of nodes, and degrees of the whole graph once somebody asks."""

    def __init__(self, gnn: GNN, csr: CSR, edge_attr: Any, blocks: list[tuple[int, int]]) -> None:
        self.gnn, self.csr, self.edge_attr, self.blocks = gnn, csr, edge_attr, blocks
        self.known: dict[tuple[bool, bool], Tensor] = {}

    def run(self, x: Any, table: "_NewTable") -> NDArray[np.float32]:
        """Compute layer after layer; let go of those that nobody asks for any more."""
        before = x  # without a projection, h_0 = x
        if self.gnn.project is not None:
            before = self.fill(table, 0, lambda begin, end: self.gnn.enter(_some(x, slice(begin, end))))
        first = before if self.gnn.residual == "initial" else None
        layers: list[Any] = []
        for layer in range(len(self.gnn.convs)):
            before = self.fill(table, layer + 1, partial(self.block, layer, before, first))
            layers = [before] if self.gnn.jump is None else [*layers, before]
        return self.fill(_in_memory, 0, lambda begin, end: self.gnn.join([_some(h, slice(begin, end)) for h in layers]))

    def fill(self, table: "_NewTable", number: int, rows: Callable[[int, int], Tensor]) -> NDArray[np.float32]:
        """Compute a table block by block."""
        made = None
        for begin, end in self.blocks:
            h = rows(begin, end).numpy()
            if made is None:
                made = table(number, len(self.csr.indptr) - 1, h.shape[1])
            made[begin:end] = h
        assert made is not None
        return made

    def block(self, layer: int, before: Any, first: Any, begin: int, end: int) -> Tensor:
        """Compute one layer for some nodes: they come first, then those with an edge to them."""
        targets, edges = end - begin, slice(self.csr.indptr[begin], self.csr.indptr[end])
        source = np.asarray(self.csr.indices[edges], np.int64)
        own = (source >= begin) & (source < end)
        others = np.unique(source[~own])
        ids = np.concatenate([np.arange(begin, end), others])
        local = np.where(own, source - begin, targets + np.searchsorted(others, source))
        target = np.repeat(np.arange(targets), np.diff(self.csr.indptr[begin : end + 1]))
        edge_index = torch.from_numpy(np.stack([local, target]))
        weight = _some(self.csr.weight, edges) if self.csr.weight.size else None
        h, conv = _some(before, ids), self.gnn.convs[layer]
        if can_fuse(conv, h, weight):
            near = Neighbours(edge_index, weight, len(ids), lambda *kind: self.degrees(*kind)[torch.from_numpy(ids)])
            message = fused(conv, near, h, targets)
        else:
            attr = None if self.edge_attr is None else _some(self.edge_attr, edges)
            message = convolve(conv, h, edge_index, weight, attr)[:targets]
        own_h = h[:targets]
        return self.gnn.update(layer, message, own_h, own_h if first is None else _some(first, slice(begin, end)))

    def degrees(self, improved: bool, loops: bool) -> Tensor:
        """Add up the weights of each row, with the self-loops that GCN adds: see `Neighbours.normalised`."""
        if (improved, loops) not in self.known:
            found = np.zeros(len(self.csr.indptr) - 1, np.float32)
            for begin, end in self.blocks:
                edges = slice(self.csr.indptr[begin], self.csr.indptr[end])
                row = np.repeat(np.arange(end - begin), np.diff(self.csr.indptr[begin : end + 1]))
                weight = self.csr.weight[edges] if self.csr.weight.size else None
                found[begin:end] = np.bincount(row, weight, end - begin)
                looped = np.bincount(row[self.csr.indices[edges] == row + begin], minlength=end - begin) > 0
                found[begin:end] += (1.0 + (improved and weight is not None)) * (loops & ~looped)
            self.known[improved, loops] = torch.from_numpy(found)
        return self.known[improved, loops]


_NewTable = Callable[[int, int, int], NDArray[np.float32]]


@contextmanager
def _tables(folder: str | Path | None) -> Iterator[_NewTable]:
    """Yield a function that makes empty tables (name, rows, columns), in memory or on disk until the block ends."""
    if folder is None:
        yield _in_memory
        return
    with tempfile.TemporaryDirectory(dir=folder) as place:
        yield lambda name, rows, columns: np.lib.format.open_memmap(
            Path(place) / f"{name}.npy", "w+", np.float32, (rows, columns)
        )


def _in_memory(_: int, rows: int, columns: int) -> NDArray[np.float32]:
    return np.empty((rows, columns), np.float32)


def _some(table: Any, rows: Any) -> Tensor:
    """Copy some rows of an array or tensor."""
    if isinstance(table, Tensor):
        return table[rows].float()
    return torch.from_numpy(np.array(table[rows], np.float32))
