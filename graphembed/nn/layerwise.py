"""A GNN on a graph that does not fit into memory at once: all nodes of one layer, block by block, then the next layer.

Sampling would need the neighbours of neighbours of each block, soon the whole graph; layer by layer, every node is
computed once. Only a block and its neighbours are ever in memory; tables of features and layers may be memory-mapped.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graphembed.kernels.csr import CSR
from graphembed.nn.aggregate import Neighbours, can_fuse, fused
from graphembed.nn.gnn import GNN, convolve


def layerwise(
    gnn: GNN,
    x: Any,
    csr: CSR,
    edge_attr: Any = None,
    *,
    rows: int = 65_536,
    folder: str | Path | None = None,
) -> NDArray[np.float32]:
    """Embed all nodes of a graph exactly, as ``gnn.eval()(x, edge_index, ...)`` does, ``rows`` nodes at a time.

    Args:
        gnn: On the CPU; whatever its mode, dropout is off.
        x: (nodes, features) array or tensor; may be memory-mapped.
        csr: Row ``v`` lists the nodes with an edge to ``v``: ``graph.csr`` if the graph is undirected, else
            ``graphembed.kernels.csr.transpose(graph.csr)``. May be memory-mapped.
        edge_attr: (edges, channels) in the order of ``csr``; may be memory-mapped.
        rows: Nodes in a block.
        folder: Where to keep the layers on disk while at work; by default they are kept in memory.

    Returns:
        (nodes, out_channels).

    Raises:
        ValueError: A convolution or normalisation looks further than one edge, so blocks would be wrong.

    Example:
        >>> from torch_geometric.nn import SAGEConv
        >>> with torch.random.fork_rng():
        ...     gnn = GNN(SAGEConv, [8], 4, in_channels=3)
        >>> csr = CSR(np.array([0, 1, 2]), np.array([1, 0], np.int32), np.empty(0, np.float32))
        >>> layerwise(gnn, np.ones((2, 3), np.float32), csr, rows=1).shape
        (2, 4)
    """
    nodes = len(csr.indptr) - 1
    if len(x) != nodes or rows < 1:
        raise ValueError(f"expected x of {nodes} rows, one per row of csr, and rows >= 1, got {len(x)} and rows={rows}")
    weighted = csr.weight.size > 0
    probe, one = torch.zeros(1, 1), torch.ones(1) if weighted else None
    if wrong := gnn.far([can_fuse(conv, probe, one) for conv in gnn.convs]):
        raise ValueError(
            f"layer by layer in blocks is exact only where a node depends on its in-neighbours alone, and {wrong} look "
            "further: call the module on the whole graph, or use other convolutions and normalisations"
        )
    work = _Work(gnn, csr, edge_attr, [(begin, min(begin + rows, nodes)) for begin in range(0, nodes, rows)])
    was_training = gnn.training
    gnn.eval()
    try:
        with torch.no_grad(), _tables(folder) as table:
            z = np.concatenate([np.empty((0, gnn.out.out_channels), np.float32), *work.run(x, table)])
    finally:
        gnn.train(was_training)
    return z


class _Work:
    """What is worked on: blocks of nodes, and degrees of the whole graph once somebody asks."""

    def __init__(self, gnn: GNN, csr: CSR, edge_attr: Any, blocks: list[tuple[int, int]]) -> None:
        self.gnn, self.csr, self.edge_attr, self.blocks = gnn, csr, edge_attr, blocks
        self.known: dict[tuple[bool, bool], Tensor] = {}

    def run(self, x: Any, table: "_NewTable") -> Iterator[NDArray[np.float32]]:
        """Fill the tables of all layers and yield the blocks of the output."""
        nodes = len(self.csr.indptr) - 1
        layers: list[NDArray[np.float32]] = []
        for layer in range(-1, len(self.gnn.convs)):
            made = None
            for begin, end in self.blocks:
                if layer < 0:
                    h = self.gnn.enter(_some(x, slice(begin, end)))
                else:
                    h = self.block(layer, layers[layer], layers[0], begin, end)
                if made is None:
                    made = table(layer + 1, nodes, h.shape[1])
                made[begin:end] = h.numpy()
            if made is not None:
                layers.append(made)
        for begin, end in self.blocks:
            yield self.gnn.join([_some(h, slice(begin, end)) for h in layers[1:]]).numpy()

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
        return self.gnn.update(layer, message, h[:targets], _some(first, slice(begin, end)))

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
        yield lambda _, rows, columns: np.empty((rows, columns), np.float32)
        return
    with tempfile.TemporaryDirectory(dir=folder) as place:
        yield lambda name, rows, columns: np.lib.format.open_memmap(
            Path(place) / f"{name}.npy", "w+", np.float32, (rows, columns)
        )


def _some(table: Any, rows: Any) -> Tensor:
    """Copy some rows of an array or tensor."""
    if isinstance(table, Tensor):
        return table[rows].float()
    return torch.from_numpy(np.array(table[rows], np.float32))
