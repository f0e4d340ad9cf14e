"""Which pairs of nodes are worth a look, without ever holding a matrix of nodes by nodes."""

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from graphembed.embedding import Embedding
from graphembed.graph import Graph
from graphembed.kernels.pairs import places, two_steps_away
from graphembed.nearest import knn_graph
from graphembed.sampling.pairs import pair_keys, parts
from graphembed.scores import Facts, matrix

_WORK = 1 << 24  # paths looked at together
_ROWS = 1 << 13  # nodes looked at together
_EACH = 200  # pairs of one node


def two_hop(graph: Graph, known: Facts, most: int, exclude_known: bool) -> NDArray[np.int64]:
    """Return (at most ``most``, 2) pairs two steps apart: those with the highest resource allocation.

    Of each node, at most 200 are looked at. Where the graph has two parts (``data.part``), pairs three steps apart,
    since two steps lead back to the same part.
    """
    if (part := parts(graph)) is not None:
        return _three_hop(graph, known, part, most, exclude_known)
    best = _Shortlist(most)
    share = 1 / np.maximum(known.between, 1)
    for first in range(0, graph.num_nodes, _ROWS):
        last, each = min(first + _ROWS, graph.num_nodes), min(_EACH, most, graph.num_nodes)
        found, value = two_steps_away(
            known.out, share, first, last, bool(graph.directed), not exclude_known, each, best.floor
        )
        there = found >= 0
        best.add(np.nonzero(there)[0] + first, found[there], value[there])
    return best.pairs


def _three_hop(
    graph: Graph, known: Facts, part: NDArray[np.int64], most: int, exclude_known: bool
) -> NDArray[np.int64]:
    A = matrix(known.out)
    spread = sp.csr_array(sp.diags_array(1 / np.maximum(known.between, 1)) @ A)
    work = np.cumsum(A @ (A @ np.diff(A.indptr)))
    bounds = np.searchsorted(work, np.arange(_WORK, work[-1] + _WORK, _WORK)).tolist()
    best = _Shortlist(most)
    for first, last in zip([0, *bounds], [*bounds, graph.num_nodes], strict=True):
        if first == last:
            continue
        ways = (A[first:last] @ spread @ spread).tocoo()
        row, column = ways.row.astype(np.int64) + first, ways.col.astype(np.int64)
        good = (ways.data > best.floor) & (part[row] != part[column]) & (bool(graph.directed) | (row < column))
        row, column, value = row[good], column[good], ways.data[good]
        if exclude_known:
            good = (places(known.out, row, column) < 0) & (places(known.out, column, row) < 0)
            row, column, value = row[good], column[good], value[good]
        best.add(row, column, value)
    return best.pairs


class _Shortlist:
    """The pairs with the highest values so far."""

    def __init__(self, most: int) -> None:
        self.most, self.floor = most, 0.0
        self.pairs, self.value = np.empty((0, 2), np.int64), np.empty(0)

    def add(self, row: NDArray[np.int64], column: NDArray[np.int64], value: NDArray[np.float64]) -> None:
        self.pairs = np.concatenate([self.pairs, np.stack([row, column], axis=1)])
        self.value = np.concatenate([self.value, value])
        if len(self.value) > self.most:
            order = np.argsort(-self.value, kind="stable")[: self.most]
            self.pairs, self.value = self.pairs[order], self.value[order]
            self.floor = float(self.value[-1])


def near(graph: Graph, embedding: Embedding, most: int) -> NDArray[np.int64]:
    """Return about ``most`` pairs of nodes whose vectors are among each other's nearest by angle (exact search)."""
    count = max(1, min(graph.num_nodes - 1, -(-most // max(graph.num_nodes, 1))))
    found = knn_graph(torch.from_numpy(np.array(embedding.values)), count, cosine=True).numpy().T.astype(np.int64)
    part = parts(graph)
    if part is not None:
        found = found[part[found[:, 0]] != part[found[:, 1]]]
    if graph.directed:
        return np.unique(np.concatenate([found, found[:, ::-1]]), axis=0)
    _, first = np.unique(pair_keys(found, graph.num_nodes), return_index=True)
    return np.sort(found[np.sort(first)], axis=1)
