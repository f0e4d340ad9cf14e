"""Compressed sparse rows: the form in which kernels see a graph."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphembed.kernels.compile import kernel


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


def ends_of(csr: CSR) -> NDArray[np.int64]:
    """List both ends of every edge, (2, edges): the reverse of `from_sorted_edges`.

    Example:
        >>> ends_of(CSR(np.array([0, 2, 2, 3]), np.array([1, 2, 0], np.int32), np.empty(0, np.float32)))
        array([[0, 0, 2],
               [1, 2, 0]])
    """
    both = np.empty((2, csr.indices.size), np.int64)
    both[0] = np.repeat(np.arange(csr.indptr.size - 1), np.diff(csr.indptr))
    both[1] = csr.indices
    return both


def without_loops(csr: CSR) -> CSR:
    """Leave out the edges from a node to itself.

    Example:
        >>> without_loops(CSR(np.array([0, 2, 2]), np.array([0, 1], np.int32), np.empty(0, np.float32))).indices
        array([1], dtype=int32)
    """
    source, target = ends_of(csr)
    kept = source != target
    if kept.all():
        return csr
    weight = csr.weight[kept] if csr.weight.size else None
    return from_sorted_edges(source[kept], target[kept], weight, csr.indptr.size - 1)


class Inspected(NamedTuple):
    """What there is to know about rows."""

    wrong: int  # the first entry that is no node or does not exceed the one before it in its row; -1 if none is wrong
    loops: int  # edges from a node to itself
    symmetric: bool  # every edge has its reverse, with the same weight


@kernel
def inspect_rows(csr: CSR, mirror: bool) -> Inspected:
    """Look at every entry once, in order; ``csr.indptr`` must be in order already.

    Why one sweep tells whether rows are symmetric: it comes to the edges that lead to ``v`` in the order of their
    sources, which is the order of the row of ``v`` if there is an edge back for each of them.

    Args:
        csr: Rows that may be unsorted or lead nowhere.
        mirror: Whether anybody wants to know if they are symmetric; it takes 8 bytes per node and random access.
    """
    nodes = csr.indptr.size - 1
    back = csr.indptr[:-1].copy() if mirror else csr.indptr[:0].copy()
    loops = 0
    for node in range(nodes):
        before = -1
        for edge in range(csr.indptr[node], csr.indptr[node + 1]):
            target = csr.indices[edge]
            if target <= before or target >= nodes:
                return Inspected(edge, 0, False)
            before = target
            loops += target == node
            if mirror:
                reverse = back[target]
                back[target] += 1
                mirror = reverse < csr.indptr[target + 1] and csr.indices[reverse] == node
                if mirror and csr.weight.size > 0:
                    mirror = csr.weight[reverse] == csr.weight[edge]
    return Inspected(-1, loops, mirror)
