"""From a list of edges, as PyG has it, to rows: checked, counted and sorted in linear time.

Unlike the rows of `graphembed.kernels.csr.from_sorted_edges`, these need not be square, sorted within or free of
repeats, and entries stay int64, so that the edges of a PyG batch are taken as they are.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphembed.kernels.compile import kernel


class Ends(NamedTuple):
    """What there is to know about a list of edges."""

    wrong: int  # the first edge with an end that does not exist, -1 if there is none
    ordered: bool  # targets never fall


@kernel
def inspect_ends(source: NDArray[np.int64], target: NDArray[np.int64], sources: int, targets: int) -> Ends:
    """Look at every edge once."""
    ordered, before = True, np.int64(0)
    for edge in range(source.size):
        if not (0 <= source[edge] < sources and 0 <= target[edge] < targets):
            return Ends(edge, False)
        ordered &= target[edge] >= before
        before = target[edge]
    return Ends(-1, ordered)


@kernel
def count_up(key: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    """Return (rows + 1,) where each row begins once entries are sorted by ``key``, which must lie in [0, rows)."""
    indptr = np.zeros(rows + 1, np.int64)
    for entry in range(key.size):
        indptr[key[entry] + 1] += 1
    for row in range(rows):
        indptr[row + 1] += indptr[row]
    return indptr


@kernel
def order_by(key: NDArray[np.int64], indptr: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the entries sorted by ``key``, equal ones in the order they came; ``indptr`` is that of `count_up`."""
    free = indptr[:-1].copy()
    order = np.empty(key.size, np.int64)
    for entry in range(key.size):
        order[free[key[entry]]] = entry
        free[key[entry]] += 1
    return order


@kernel
def row_of(indptr: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (entries,) the row of each entry."""
    rows = np.empty(indptr[-1], np.int64)
    for row in range(indptr.size - 1):
        rows[indptr[row] : indptr[row + 1]] = row
    return rows
