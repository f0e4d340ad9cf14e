"""Random walks of first order: uniform, weighted, with restarts, typed, in the order of time; and tables to draw from.

A walk is a row of an int32 array ``(walks, length)``; where it can go no further (a dead end of a directed graph, an
isolated node) the rest of the row is -1. Every kernel takes ``first``, the number of its first walk, and walk ``i`` of
all draws from the stream ``(seed, i)`` alone: walks made in blocks of any size, on any number of threads, are the same.

Which one: `first_order_walks` follows edges in proportion to their weights (DeepWalk) and may jump back to its start
(personalised PageRank). `typed_walks` visit kinds of nodes in a fixed order, `timed_walks` never go back in time. Walks
with a memory are in `graphembed.kernels.node2vec`.

Why lockstep: the neighbours of a node lie somewhere in memory, and fetching them takes far longer than choosing one. So
`LANES` walks advance together, and each thing to be done is done for all of them before the next: while the processor
waits for the data of one walk it has already asked for those of others. Where it could not foresee a branch, both
values are fetched and one is selected.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphembed.kernels.compile import inlined, kernel, parallel_kernel, prange
from graphembed.kernels.csr import CSR
from graphembed.kernels.rng import below, bits, key, unit

Index = int | np.integer[Any]  # a node, an edge or a count, in Python or inside a kernel

LANES = 64  # walks in lockstep
NEXT = np.uint32(1)
_LOW = np.uint64(0xFFFFFFFF)
FULL = 4294967296.0  # 2^32


class Alias(NamedTuple):
    """A table that draws an entry of a row in proportion to its weight with one comparison (Vose 1991).

    An empty table stands for equal weights and costs nothing.
    """

    table: NDArray[np.uint32]  # (edges, 2): keep the entry with this chance, in units of 2^-32; else take this one


def narrow(csr: CSR) -> CSR:
    """Store where rows begin in 32 bits, if they fit: half the memory that steps have to be fetched from.

    Example:
        >>> narrow(CSR(np.array([0, 1]), np.zeros(1, np.int32), np.empty(0, np.float32))).indptr
        array([0, 1], dtype=uint32)
    """
    indptr: NDArray[Any] = csr.indptr if csr.indices.size > 0xFFFFFFFF else csr.indptr.astype(np.uint32)
    return CSR(indptr, csr.indices, csr.weight)


def alias_tables(csr: CSR) -> Alias:
    """Build the tables of every row; an empty one where all weights are equal.

    Example:
        >>> from graphembed.kernels.csr import from_sorted_edges
        >>> csr = from_sorted_edges(np.array([0, 0]), np.array([1, 2]), np.array([3, 1], np.float32), 3)
        >>> alias_tables(csr).table / 2**32
        array([[1. , 0. ],
               [0.5, 0. ]])
    """
    if csr.weight.size == 0 or (csr.weight == csr.weight[0]).all():
        return Alias(np.empty((0, 2), np.uint32))
    return Alias(_build_alias(csr.indptr, csr.weight))


@parallel_kernel
def _build_alias(indptr: NDArray[np.int64], weight: NDArray[np.float32]) -> NDArray[np.uint32]:
    table = np.empty((weight.size, 2), np.uint32)
    for node in prange(indptr.size - 1):
        first = indptr[node]
        count = indptr[node + 1] - first
        if count == 0:
            continue
        total = 0.0
        for i in range(count):
            total += weight[first + i]
        share = np.empty(count, np.float64)
        stack = np.empty(count, np.int32)  # small entries grow from the left, large ones from the right
        small, large = 0, count
        for i in range(count):
            share[i] = weight[first + i] * (count / total)
            table[first + i, 1] = i
            if share[i] < 1.0:
                stack[small] = i
                small += 1
            else:
                large -= 1
                stack[large] = i
        while small > 0 and large < count:
            small -= 1
            low, high = stack[small], stack[large]
            table[first + low, 1] = high
            share[high] -= 1.0 - share[low]
            if share[high] < 1.0:
                large += 1
                stack[small] = high
                small += 1
        for i in range(count):  # what is left over is full up to rounding, and is its own other entry
            # Rounded up: what has a chance keeps one.
            table[first + i, 0] = min(np.ceil(share[i] * FULL), FULL - 1.0)
    return table


@inlined
def draw_entry(alias: Alias, first: Index, count: Index, draw: np.uint64) -> np.int64:
    """Draw the position of an entry of the row that starts at ``first``, in proportion to its weight.

    The upper 32 bits of ``draw`` choose an entry, the lower ones keep it or take the other.
    """
    entry = np.int64(first) + below(draw, count)
    if alias.table.size > 0 and (draw & _LOW) >= alias.table[entry, 0]:
        entry = np.int64(first) + np.int64(alias.table[entry, 1])
    return entry


@inlined
def find(csr: CSR, source: Index, target: Index) -> np.int64:
    """Return the position of the edge ``source -> target``, or -1 where there is none."""
    low, high = np.int64(csr.indptr[source]), np.int64(csr.indptr[source + 1])
    end = high
    while low < high:
        middle = (low + high) >> 1
        if csr.indices[middle] < target:
            low = middle + 1
        else:
            high = middle
    found = np.int64(-1)
    if low < end and csr.indices[low] == target:
        found = low
    return found


@parallel_kernel
def first_order_walks(
    csr: CSR,
    alias: Alias,
    start: NDArray[np.int32],
    length: int,
    seed: int,
    first: int = 0,
    restart: float = 0.0,
) -> NDArray[np.int32]:
    """Walk along edges in proportion to their weights: P(x | v) = w(v, x) / sum over y of w(v, y).

    Args:
        csr: Edges, rows sorted.
        alias: Tables of the weights, or an empty one for equal weights.
        start: (walks,) first node of each walk.
        length: Nodes in a walk, the first included.
        seed: Any integer; walk ``i`` depends on (seed, first + i) alone.
        first: Number of the first walk.
        restart: Chance to jump to the start of the walk instead of taking a step; dead ends stop all the same.

    Returns:
        (walks, length) nodes; -1 after a dead end.

    References:
        Perozzi et al. 2014, "DeepWalk", algorithm 1 line 6. Restarts: Tong, Faloutsos and Pan 2006, "Fast random walk
        with restart and its applications", equation 1.
    """
    walks = np.empty((start.size, length), np.int32)
    for group in prange((start.size + LANES - 1) // LANES):
        begin, end = group * LANES, min((group + 1) * LANES, start.size)
        _first_order_group(csr, alias.table, start[begin:end], restart, seed, first + begin, walks[begin:end])
    return walks


@kernel
def _first_order_group(
    csr: CSR,
    alias: NDArray[np.uint32],
    start: NDArray[np.int32],
    restart: float,
    seed: int,
    first: int,
    walks: NDArray[np.int32],
) -> None:
    """Fill the rows of ``walks``, all at the same pace."""
    lanes, length = start.size, walks.shape[1]
    walk = np.arange(lanes)  # which row a lane fills
    stream = np.empty(lanes, np.uint64)
    node = np.empty(lanes, np.uint32)
    draw = np.empty(lanes, np.uint64)
    edge = np.empty(lanes, np.uint64)
    for k in range(lanes):
        stream[k] = key(seed, first + k)
        node[k] = start[k]
        walks[k, 0] = start[k]
    for step in range(1, length):
        k = 0
        while k < lanes:
            if csr.indptr[node[k] + NEXT] > csr.indptr[node[k]]:
                k += 1
            else:  # a dead end: the last lane takes this one's place
                walks[walk[k], step:] = -1
                lanes -= 1
                walk[k], stream[k], node[k] = walk[lanes], stream[lanes], node[lanes]
        for k in range(lanes):
            draw[k] = bits(stream[k], step)
        for k in range(lanes):
            row = np.uint64(csr.indptr[node[k]])
            edge[k] = row + np.uint64(below(draw[k], np.uint64(csr.indptr[node[k] + NEXT]) - row))
        if alias.size > 0:
            for k in range(lanes):
                other = np.uint64(csr.indptr[node[k]]) + np.uint64(alias[edge[k], 1])
                edge[k] = other if (draw[k] & _LOW) >= alias[edge[k], 0] else edge[k]
        for k in range(lanes):
            node[k] = csr.indices[edge[k]]
        if restart > 0.0:
            for k in range(lanes):
                if unit(bits(stream[k], length + step)) < restart:
                    node[k] = start[walk[k]]
        for k in range(lanes):
            walks[walk[k], step] = node[k]


def by_kind(csr: CSR, kind: NDArray[np.integer[Any]], kinds: int) -> CSR:
    """Split every row by the kind of the neighbour: row ``u * kinds + k`` lists the neighbours of ``u`` of kind ``k``.

    Example:
        >>> star = CSR(np.array([0, 3, 3, 3, 3]), np.array([1, 2, 3], np.int32), np.empty(0, np.float32))
        >>> rows = by_kind(star, np.array([0, 1, 0, 1]), 2)
        >>> rows.indptr[:3], rows.indices
        (array([0, 1, 3]), array([2, 1, 3], dtype=int32))
    """
    nodes = csr.indptr.size - 1
    row = np.repeat(np.arange(nodes), np.diff(csr.indptr)) * kinds + kind[csr.indices]
    order = np.argsort(row, kind="stable")
    indptr = np.zeros(nodes * kinds + 1, np.int64)
    np.cumsum(np.bincount(row, minlength=nodes * kinds), out=indptr[1:])
    return CSR(indptr, csr.indices[order], csr.weight[order] if csr.weight.size else csr.weight)


@parallel_kernel
def typed_walks(
    rows: CSR,
    alias: Alias,
    kinds: int,
    path: NDArray[np.int64],
    start: NDArray[np.int32],
    length: int,
    seed: int,
    first: int = 0,
) -> NDArray[np.int32]:
    """Walk along edges in proportion to their weights, but to the kind of node that is next on a path.

    Args:
        rows: Edges by the kind they lead to, from `by_kind`.
        alias: Tables of the weights of ``rows``, or an empty one for equal weights.
        kinds: How many kinds there are.
        path: (period,) kinds to visit, over and over; the start of a walk stands for the first.
        start: (walks,) first node of each walk.
        length: Nodes in a walk, the first included.
        seed: Any integer; walk ``i`` depends on (seed, first + i) alone.
        first: Number of the first walk.

    Returns:
        (walks, length) nodes; -1 after a node without a neighbour of the kind that is next.

    References:
        Dong, Chawla and Swami 2017, "metapath2vec", section 3.2, equation 3.
    """
    walks = np.full((start.size, length), -1, np.int32)
    for i in prange(start.size):
        stream = key(seed, first + i)
        node = np.int64(start[i])
        walks[i, 0] = node
        for step in range(1, length):
            row = node * kinds + path[step % path.size]
            begin = np.int64(rows.indptr[row])
            count = np.int64(rows.indptr[row + 1]) - begin
            if count == 0:
                break
            node = np.int64(rows.indices[draw_entry(alias, begin, count, bits(stream, step))])
            walks[i, step] = node
    return walks


class Timed(NamedTuple):
    """Edges with times: each row is sorted by time."""

    indptr: NDArray[np.int64]  # (nodes + 1,)
    indices: NDArray[np.int32]  # (edges,)
    time: NDArray[np.float64]  # (edges,) ascending within a row
    mass: NDArray[np.float64]  # (edges,) sum of the weights of the row up to and with this edge; empty if all are equal


def by_time(csr: CSR, time: NDArray[Any]) -> Timed:
    """Sort every row by the time of its edges.

    Example:
        >>> csr = CSR(np.array([0, 3]), np.array([0, 1, 2], np.int32), np.array([1, 2, 4], np.float32))
        >>> timed = by_time(csr, np.array([30, 10, 20]))
        >>> timed.indices, timed.mass
        (array([1, 2, 0], dtype=int32), array([2., 6., 7.]))
    """
    degree = np.diff(csr.indptr)
    order = np.lexsort((time, np.repeat(np.arange(degree.size), degree)))
    mass = np.empty(0, np.float64)
    if csr.weight.size:
        mass = np.cumsum(csr.weight[order], dtype=np.float64)
        mass -= np.repeat(np.concatenate([[0.0], mass])[csr.indptr[:-1]], degree)
    return Timed(csr.indptr, csr.indices[order], time[order].astype(np.float64), mass)


@parallel_kernel
def timed_walks(timed: Timed, start: NDArray[np.int32], length: int, seed: int, first: int = 0) -> NDArray[np.int32]:
    """Walk along edges in proportion to their weights, but never along one that is older than the one before.

    Args:
        timed: Edges, rows sorted by time, from `by_time`.
        start: (walks,) first node of each walk; the first edge may have any time.
        length: Nodes in a walk, the first included.
        seed: Any integer; walk ``i`` depends on (seed, first + i) alone.
        first: Number of the first walk.

    Returns:
        (walks, length) nodes; -1 after a node from which no edge is as young as the one that led there.

    References:
        Nguyen et al. 2018, "Continuous-time dynamic network embeddings", definition 2 and section 3.2.
    """
    walks = np.full((start.size, length), -1, np.int32)
    for i in prange(start.size):
        stream = key(seed, first + i)
        node, now = np.int64(start[i]), -np.inf
        walks[i, 0] = node
        for step in range(1, length):
            row, end = np.int64(timed.indptr[node]), np.int64(timed.indptr[node + 1])
            begin = _first_at_least(timed.time, row, end, now)
            if begin == end:
                break
            draw = bits(stream, step)
            if timed.mass.size > 0:
                passed = timed.mass[begin - 1] if begin > row else 0.0
                level = passed + unit(draw) * (timed.mass[end - 1] - passed)
                edge = min(_first_above(timed.mass, begin, end, level), end - 1)
            else:
                edge = begin + below(draw, end - begin)
            node, now = np.int64(timed.indices[edge]), timed.time[edge]
            walks[i, step] = node
    return walks


@inlined
def _first_at_least(values: NDArray[np.float64], low: np.int64, high: np.int64, bound: float) -> np.int64:
    """Return the position of the first of the ascending ``values[low:high]`` that is not below ``bound``, or high."""
    while low < high:
        middle = (low + high) >> 1
        if values[middle] < bound:
            low = middle + 1
        else:
            high = middle
    return low


@inlined
def _first_above(values: NDArray[np.float64], low: np.int64, high: np.int64, bound: float) -> np.int64:
    """Return the position of the first of the ascending ``values[low:high]`` that is above ``bound``, or high."""
    while low < high:
        middle = (low + high) >> 1
        if values[middle] <= bound:
            low = middle + 1
        else:
            high = middle
    return low


@parallel_kernel
def anonymous_walks(walks: NDArray[np.int32]) -> NDArray[np.int32]:
    """Replace each node by the number of its first occurrence in the walk: a b a c becomes 0 1 0 2; -1 stays.

    References:
        Ivanov and Burnaev 2018, "Anonymous walk embeddings", definition 2 (which counts from 1).
    """
    anonymous = np.full(walks.shape, -1, np.int32)
    for i in prange(len(walks)):
        seen = np.empty(walks.shape[1], np.int32)
        count = 0
        for step in range(walks.shape[1]):
            if walks[i, step] < 0:
                break
            number = 0
            while number < count and seen[number] != walks[i, step]:
                number += 1
            if number == count:
                seen[count] = walks[i, step]
                count += 1
            anonymous[i, step] = number
    return anonymous
