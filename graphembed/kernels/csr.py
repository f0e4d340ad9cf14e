"""Compressed sparse rows: the form in which kernels see a graph."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class CSR(NamedTuple):
    """Out-neighbours of node ``u`` are ``indices[indptr[u] : indptr[u + 1]]``, in ascending order.

    Worked by hand: the directed edges 0 -> 2, 0 -> 1 and 2 -> 0 on three nodes are
    ``indptr = [0, 2, 2, 3]``, ``indices = [1, 2, 0]``.
    """

    indptr: NDArray[np.int64]  # (nodes + 1,)
    indices: NDArray[np.int32]  # (edges,)
    weight: NDArray[np.float32]  # (edges,); empty where every edge weighs the same


def from_sorted_edges(
    source: NDArray[np.int64], target: NDArray[np.int64], weight: NDArray[np.float32] | None, nodes: int
) -> CSR:
    """Build the rows of edges that are sorted by source, then target.

    Example:
        >>> from_sorted_edges(np.array([0, 0, 2]), np.array([1, 2, 0]), None, 3).indptr
        array([0, 2, 2, 3])
    """
    indptr = np.zeros(nodes + 1, np.int64)
    np.cumsum(np.bincount(source, minlength=nodes), out=indptr[1:])
    if weight is None:
        weight = np.empty(0, np.float32)
    return CSR(indptr, target.astype(np.int32), weight.astype(np.float32))


def transpose(csr: CSR) -> CSR:
    """Reverse every edge: row ``v`` of the result lists the nodes that point at ``v``."""
    nodes = len(csr.indptr) - 1
    source = np.repeat(np.arange(nodes), np.diff(csr.indptr))
    order = np.argsort(csr.indices, kind="stable")
    weight = csr.weight[order] if csr.weight.size else None
    return from_sorted_edges(csr.indices[order].astype(np.int64), source[order], weight, nodes)
