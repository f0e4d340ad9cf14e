"""Random walks: uniform, weighted and second order (node2vec), the one food of the skip-gram engine.

A walk is a row of an int32 array ``(walks, length)``; where it can go no further (a dead end of a directed graph, an
isolated node) the rest of the row is -1. Walk ``i`` draws from the stream ``(seed, i)`` alone, so the same seed gives
the same walks on any number of threads.

Which one: `first_order_walks` follows edges in proportion to their weights (DeepWalk); `second_order_walks` also
looks at where it came from (node2vec): small ``p`` returns, small ``q`` moves outward, ``p = q = 1`` is first order.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphembed.kernels.compile import inlined, kernel, parallel_kernel, prange
from graphembed.kernels.csr import CSR
from graphembed.kernels.rng import below, bits, key, unit

Index = int | np.integer[Any]  # a node, an edge or a count, in Python or inside a kernel

# After this many refusals in a row the exact law is computed once: a walk cannot hang whatever p and q are.
_PATIENCE = 64


class Alias(NamedTuple):
    """Tables that draw an entry of a row in proportion to its weight with one comparison (Vose 1991).

    Empty tables stand for equal weights and cost nothing.
    """

    accept: NDArray[np.float32]  # (edges,) keep the entry drawn with this probability
    other: NDArray[np.int32]  # (edges,) else take this entry of the same row


def alias_tables(csr: CSR) -> Alias:
    """Build the tables of every row; empty ones where all weights are equal.

    Example:
        >>> from graphembed.kernels.csr import from_sorted_edges
        >>> csr = from_sorted_edges(np.array([0, 0]), np.array([1, 2]), np.array([3, 1], np.float32), 3)
        >>> alias_tables(csr).accept
        array([1. , 0.5], dtype=float32)
    """
    if csr.weight.size == 0 or (csr.weight == csr.weight[0]).all():
        return Alias(np.empty(0, np.float32), np.empty(0, np.int32))
    return Alias(*_build_alias(csr.indptr, csr.weight))


@parallel_kernel
def _build_alias(
    indptr: NDArray[np.int64], weight: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    accept = np.ones(weight.size, np.float32)
    other = np.zeros(weight.size, np.int32)
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
            other[first + i] = i
            if share[i] < 1.0:
                stack[small] = i
                small += 1
            else:
                large -= 1
                stack[large] = i
        while small > 0 and large < count:
            small -= 1
            low, high = stack[small], stack[large]
            accept[first + low] = share[low]
            other[first + low] = high
            share[high] -= 1.0 - share[low]
            if share[high] < 1.0:
                large += 1
                stack[small] = high
                small += 1
    return accept, other


@inlined
def draw_entry(alias: Alias, first: Index, count: Index, draw: np.uint64, again: np.uint64) -> Index:
    """Draw the position of an entry of the row that starts at ``first``, in proportion to its weight."""
    entry = first + below(draw, count)
    if alias.accept.size > 0 and unit(again) >= alias.accept[entry]:
        entry = first + alias.other[entry]
    return entry


@inlined
def find(csr: CSR, source: Index, target: Index) -> Index:
    """Return the position of the edge ``source -> target``, or -1 where there is none."""
    low, high = csr.indptr[source], csr.indptr[source + 1]
    end = high
    while low < high:
        middle = (low + high) >> 1
        if csr.indices[middle] < target:
            low = middle + 1
        else:
            high = middle
    found: Index = -1
    if low < end and csr.indices[low] == target:
        found = low
    return found


@parallel_kernel
def first_order_walks(csr: CSR, alias: Alias, start: NDArray[np.int32], length: int, seed: int) -> NDArray[np.int32]:
    """Walk along edges in proportion to their weights: P(x | v) = w(v, x) / sum over y of w(v, y).

    Args:
        csr: Edges, rows sorted.
        alias: Tables of the weights, or empty ones for equal weights.
        start: (walks,) first node of each walk.
        length: Nodes in a walk, the first included.
        seed: Any integer; walk ``i`` depends on (seed, i) alone.

    Returns:
        (walks, length) nodes; -1 after a dead end.

    References:
        Perozzi et al. 2014, "DeepWalk", algorithm 1 line 6.
    """
    walks = np.full((start.size, length), -1, np.int32)
    for i in prange(start.size):
        stream = key(seed, i)
        node = np.int64(start[i])
        walks[i, 0] = node
        for step in range(1, length):
            first = csr.indptr[node]
            count = csr.indptr[node + 1] - first
            if count == 0:
                break
            node = np.int64(
                csr.indices[draw_entry(alias, first, count, bits(stream, 2 * step), bits(stream, 2 * step + 1))]
            )
            walks[i, step] = node
    return walks


@kernel
def row_totals(csr: CSR) -> NDArray[np.float64]:
    """Sum the weights that leave each node."""
    total = np.zeros(csr.indptr.size - 1, np.float64)
    for node in range(total.size):
        for edge in range(csr.indptr[node], csr.indptr[node + 1]):
            total[node] += csr.weight[edge]
    return total


@parallel_kernel
def second_order_walks(
    csr: CSR,
    alias: Alias,
    total: NDArray[np.float64],
    start: NDArray[np.int32],
    length: int,
    p: float,
    q: float,
    seed: int,
) -> NDArray[np.int32]:
    """Walk with a memory of one step: P(x | t, v) is proportional to a(t, x) w(v, x).

    a(t, x) is 1/p if x = t (return), 1 if t -> x is an edge (stay near), and 1/q otherwise (move outward).
    No table per pair of edges: a first-order proposal is accepted with probability a / max(1, 1/q); the part of the
    return that sticks out above that (small p) is drawn on its own; and after 64 refusals the law is computed exactly.

    Args:
        csr: Edges, rows sorted.
        alias: Tables of the weights, or empty ones for equal weights.
        total: (nodes,) sum of the weights that leave each node, from `row_totals`.
        start: (walks,) first node of each walk.
        length: Nodes in a walk, the first included.
        p: Return parameter, positive.
        q: In-out parameter, positive.
        seed: Any integer; walk ``i`` depends on (seed, i) alone.

    Returns:
        (walks, length) nodes; -1 after a dead end.

    References:
        Grover and Leskovec 2016, "node2vec", section 3.2.2. Rejection: Yang et al. 2019, "KnightKing", section 4.
    """
    walks = np.full((start.size, length), -1, np.int32)
    back, out = 1.0 / p, 1.0 / q
    ceiling = max(1.0, out)
    surplus = max(0.0, back - ceiling)
    for i in prange(start.size):
        stream = key(seed, i)
        drawn = 0
        node, previous = np.int64(start[i]), np.int64(-1)
        walks[i, 0] = node
        for step in range(1, length):
            first = csr.indptr[node]
            count = csr.indptr[node + 1] - first
            if count == 0:
                break
            return_share = 0.0
            if surplus > 0.0 and previous >= 0:
                edge = find(csr, node, previous)
                if edge >= 0:
                    extra = surplus * csr.weight[edge]
                    return_share = extra / (ceiling * total[node] + extra)
            chosen = np.int64(-1)
            for _ in range(_PATIENCE):
                level = unit(bits(stream, drawn))
                if level < return_share:
                    chosen = previous
                    drawn += 1
                    break
                level = (level - return_share) / (1.0 - return_share) * ceiling
                entry = draw_entry(alias, first, count, bits(stream, drawn + 1), bits(stream, drawn + 2))
                drawn += 3
                candidate = np.int64(csr.indices[entry])
                if previous < 0:
                    chosen = candidate
                    break
                if candidate == previous:
                    bias = min(back, ceiling)
                elif level < min(1.0, out):  # accepted whichever side it is on: spares the search
                    bias = ceiling
                elif find(csr, previous, candidate) >= 0:
                    bias = 1.0
                else:
                    bias = out
                if level < bias:
                    chosen = candidate
                    break
            if chosen < 0:
                chosen = _exact_step(csr, previous, node, back, out, unit(bits(stream, drawn)))
                drawn += 1
            previous, node = node, chosen
            walks[i, step] = node
    return walks


@kernel
def _bias(csr: CSR, previous: Index, target: Index, back: float, out: float) -> float:
    if target == previous:
        return back
    return 1.0 if find(csr, previous, target) >= 0 else out


@kernel
def _exact_step(csr: CSR, previous: Index, node: Index, back: float, out: float, level: float) -> np.int64:
    """Draw from the second-order law by adding up the whole row."""
    first, last = csr.indptr[node], csr.indptr[node + 1]
    mass = 0.0
    for edge in range(first, last):
        mass += csr.weight[edge] * _bias(csr, previous, csr.indices[edge], back, out)
    level *= mass
    for edge in range(first, last):
        level -= csr.weight[edge] * _bias(csr, previous, csr.indices[edge], back, out)
        if level < 0.0:
            return np.int64(csr.indices[edge])
    return np.int64(csr.indices[last - 1])
