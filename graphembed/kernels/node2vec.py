"""Random walks with a memory of one step: node2vec, and node2vec+, which takes weak edges for absent ones.

Shapes, seeds, dead ends and lockstep are as in `graphembed.kernels.walks`. `second_order_walks` (node2vec) look at
where they came from: small ``p`` returns, small ``q`` moves outward, ``p = q = 1`` is first order; `weight_aware_walks`
(node2vec+) take weak edges for almost absent.

Half of all proposals are refused, and no processor foresees which: both values are fetched, and one is selected.
"""

import numpy as np
from numpy.typing import NDArray

from graphembed.kernels.compile import inlined, kernel, parallel_kernel, prange
from graphembed.kernels.csr import CSR
from graphembed.kernels.rng import bits, key, unit
from graphembed.kernels.walks import FULL, LANES, NEXT, Alias, Index, draw_entry, find

_WINDOW = 64  # entries of a row that are compared all at once
# After this many refusals in a row the exact law is computed once: a walk cannot hang whatever p and q are.
_PATIENCE = 64
_NOBODY = np.uint32(0xFFFFFFFF)  # where a walk came from before its first step


@inlined
def _holds(indices: NDArray[np.int32], low: np.int64, count: np.int64, target: np.int32) -> bool:
    """Say whether ``target`` is among the ``count`` ascending entries from ``low``; count > 0.

    The row is halved until it fits into a window, which is compared as a whole, with entries of other rows masked out:
    its loop has a fixed length, so the processor compares many entries at once and foresees every branch.
    """
    leaf = _WINDOW if indices.size >= _WINDOW else 1
    while count > leaf:
        half = count >> 1
        if indices[low + half] <= target:
            low += half
        count -= half
    if leaf == 1:
        return indices[low] == target  # type: ignore[no-any-return]
    window = np.uint64(min(low, np.int64(indices.size - _WINDOW)))
    skipped = np.int32(low - np.int64(window))
    hit = False
    for i in range(_WINDOW):
        inside = np.uint32(np.int32(i) - skipped) < np.uint32(count)
        hit |= (indices[window + np.uint64(i)] == target) & inside
    return hit


@kernel
def row_totals(csr: CSR) -> NDArray[np.float64]:
    """Sum the weights that leave each node; their number where every edge weighs the same and none is stored."""
    total = np.zeros(csr.indptr.size - 1, np.float64)
    for node in range(total.size):
        if csr.weight.size == 0:
            total[node] = csr.indptr[node + 1] - csr.indptr[node]
        else:
            for edge in range(csr.indptr[node], csr.indptr[node + 1]):
                total[node] += csr.weight[edge]
    return total


# What a second-order walk in lockstep remembers: one record, so that all of it lies together.
_LANE = np.dtype(
    [
        ("walk", np.int64),  # the row of walks it fills
        ("step", np.int64),  # nodes written
        ("stream", np.uint64),
        ("drawn", np.uint64),
        ("row", np.uint64),  # where the entries of the node it is at begin
        ("size", np.int64),  # and how many there are
        ("taken", np.uint64),  # the edge that led there, or the same edge seen from the other end
        ("pool", np.uint64),  # the row that the third part draws from
        ("pool_size", np.int64),
        ("end_return", np.float64),  # the parts of the law side by side on a line: where the first ends,
        ("end_any", np.float64),  # where the second ends
        ("end", np.float64),  # and where all end
        ("per_mass", np.float64),  # entries for a unit of weight
        ("point", np.float64),  # the proposal at hand: the uniform number, on the line
        ("coin", np.int64),  # what is left of it, in units of 2^-32
        ("edge", np.uint64),  # the edge it leads to
        ("node", np.uint32),  # and the node
        ("here", np.uint32),
        ("before", np.uint32),
        ("other", np.uint32),  # the node whose row is searched for what the third part draws
        ("refused", np.int32),  # proposals since the last step
        ("third", np.bool_),  # the number lies in the third part
        ("accepted", np.bool_),
    ],
    align=True,
)


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
    first: int = 0,
    mirrored: bool = False,
) -> NDArray[np.int32]:
    """Walk with a memory of one step: P(x | t, v) is proportional to a(t, x) w(v, x).

    a(t, x) is 1/p if x = t (return), 1 if t -> x is an edge (stay near), and 1/q otherwise (move outward).

    No table per pair of edges. The law is covered by three parts, and a uniform number chooses part and entry at once:

    1. return: go back to t; mass max(0, 1/p - b) w(v, t), where b = min(1, 1/q);
    2. any: an entry of v, taken as it is (but for t, if 1/p < b: by a coin); mass b w(v, .);
    3. near, if q > 1: an entry of v, taken if it is an entry of t; mass (1 - 1/q) w(v, .). With equal weights it may
       as well be an entry of t, taken if it is one of v: the smaller of the two.
       Far, if q < 1: an entry of v, taken if it is not one of t; mass (1/q - 1) w(v, .). Neither takes t.

    A refused number is drawn anew; after 64 of them the law is added up exactly, once.

    Args:
        csr: Edges, rows sorted.
        alias: Tables of the weights, or an empty one for equal weights.
        total: (nodes,) sum of the weights that leave each node, from `row_totals`; not looked at if weights are equal.
        start: (walks,) first node of each walk.
        length: Nodes in a walk, the first included.
        p: Return parameter, positive.
        q: In-out parameter, positive.
        seed: Any integer; walk ``i`` depends on (seed, first + i) alone.
        first: Number of the first walk.
        mirrored: Every edge has its reverse with the same weight: the edge back needs no search, others a shorter one.

    Returns:
        (walks, length) nodes; -1 after a dead end.

    References:
        Grover and Leskovec 2016, "node2vec", section 3.2.2. Rejection: Yang et al. 2019, "KnightKing", section 4.
    """
    walks = np.empty((start.size, length), np.int32)
    for group in prange((start.size + LANES - 1) // LANES):
        begin, end = group * LANES, min((group + 1) * LANES, start.size)
        _second_order_group(
            csr, alias.table, total, start[begin:end], 1.0 / p, 1.0 / q, seed, first + begin, mirrored, walks[begin:end]
        )
    return walks


@kernel
def _second_order_group(
    csr: CSR,
    alias: NDArray[np.uint32],
    total: NDArray[np.float64],
    start: NDArray[np.int32],
    back: float,
    out: float,
    seed: int,
    first: int,
    mirrored: bool,
    walks: NDArray[np.int32],
) -> None:
    """Fill the rows of ``walks``: in each sweep every walk that is not over makes one proposal."""
    lanes = movers = start.size
    at = np.zeros(lanes, _LANE)
    moved = np.arange(lanes).astype(np.uint64)  # lanes whose proposal was accepted
    sought = np.empty((lanes, 3), np.int64)  # a row's first entry, its size and what is sought in it
    for k in range(lanes):
        at[k].walk = k
        at[k].stream = key(seed, first + k)
        at[k].node = start[k]
        at[k].here = at[k].before = _NOBODY
        at[k].per_mass = 1.0
    while lanes > 0:
        over = _arrive(csr, alias, total, back, out, mirrored, at, moved[:movers], walks)
        for i in range(over - 1, -1, -1):  # the last lane takes the place of one whose walk is over
            lanes -= 1
            at[moved[i]] = at[lanes]
        movers = _propose(csr, alias, back, out, mirrored, at[:lanes], moved, sought)


@kernel
def _arrive(
    csr: CSR,
    alias: NDArray[np.uint32],
    total: NDArray[np.float64],
    back: float,
    out: float,
    mirrored: bool,
    at: NDArray[np.void],
    moved: NDArray[np.uint64],
    walks: NDArray[np.int32],
) -> int:
    """Let the lanes in ``moved`` step where they proposed, and lay out the law of their next step.

    Return how many walks are over; their lanes are put into ``moved``, in ascending order.
    """
    weighted = alias.size > 0
    base = min(1.0, out)
    surplus, spread = max(0.0, back - base), abs(1.0 - out)
    length = walks.shape[1]
    over = 0
    for i in range(moved.size):
        lane = at[moved[i]]
        here, before = lane.node, lane.here
        came_row, came_size = lane.row, lane.size
        row = np.uint64(csr.indptr[here])
        size = np.int64(csr.indptr[here + NEXT]) - np.int64(row)
        walks[lane.walk, lane.step] = here
        lane.step += 1
        lane.refused = 0
        lane.here, lane.before = here, before
        lane.row, lane.size = row, size
        lane.taken = lane.edge
        moved[over] = moved[i]
        over += int((size == 0) | (lane.step == length))
        mass = np.float64(size)
        if weighted:
            mass = total[here]
            lane.per_mass = size / mass
        second = before != _NOBODY
        returning = 0.0
        if surplus > 0.0 and second:
            if mirrored:
                returning = surplus * csr.weight[lane.edge] if weighted else surplus
            else:
                reverse = find(csr, here, np.int32(before))
                if reverse >= 0:
                    returning = surplus * csr.weight[reverse] if weighted else surplus
        swapped = (out < 1.0) & (not weighted) & second & (came_size < size)
        lane.pool = came_row if swapped else row
        lane.pool_size = came_size if swapped else size
        lane.other = here if swapped else before
        third = spread * (np.float64(came_size) if swapped else mass)
        lane.end_return = returning
        lane.end_any = returning + base * mass
        lane.end = lane.end_any + (third if second else 0.0)
    for i in range(over):
        lane = at[moved[i]]
        walks[lane.walk, lane.step :] = -1
    return over


@kernel
def _propose(
    csr: CSR,
    alias: NDArray[np.uint32],
    back: float,
    out: float,
    mirrored: bool,
    at: NDArray[np.void],
    moved: NDArray[np.uint64],
    sought: NDArray[np.int64],
) -> int:
    """Propose a node for every lane; return how many are accepted, and put their lanes into ``moved``."""
    weighted = alias.size > 0
    base = min(1.0, out)
    per_any, per_third = 1.0 / base, 1.0 / max(abs(1.0 - out), 1e-300)  # out = 1 leaves no third part to draw from
    for k in range(at.size):
        lane = at[k]
        lane.point = unit(bits(lane.stream, lane.drawn)) * lane.end
        lane.drawn += np.uint64(2)
        end_return, end_any = lane.end_return, lane.end_any
        row, size, pool, pool_size = lane.row, lane.size, lane.pool, lane.pool_size
        third = lane.point >= end_any
        begin = end_any if third else end_return
        per_mass = per_third if third else per_any
        row = pool if third else row
        size = pool_size if third else size
        place = (lane.point - begin) * per_mass * lane.per_mass
        entry = max(
            min(np.int64(place), size - 1), 0
        )  # whatever rounding does, and in the first part, which needs none
        lane.edge = row + np.uint64(entry)
        lane.coin = np.int64((place - entry) * FULL)  # what is left of the number is uniform too
        lane.third = third
    if weighted:
        for k in range(at.size):
            lane = at[k]
            own = lane.edge
            other = lane.row + np.uint64(alias[own, 1])
            lane.edge = other if lane.coin >= np.int64(alias[own, 0]) else own
    asked = 0
    for k in range(at.size):
        lane = at[k]
        returns = lane.point < lane.end_return
        there, taken, before = lane.edge, lane.taken, lane.before
        proposed = np.uint32(csr.indices[there])
        lane.node = before if returns else proposed
        lane.edge = taken if returns else there
        lane.accepted = not lane.third
        moved[asked] = k
        asked += int(lane.third & (proposed != before))
    if back < base:
        for k in range(at.size):
            lane = at[k]
            if lane.node == lane.before and lane.accepted:
                lane.accepted = unit(bits(lane.stream, lane.drawn - np.uint64(1))) * base < back
    _search(csr, mirrored, out < 1.0, at, moved[:asked], sought)
    movers = 0
    for k in range(at.size):
        lane = at[k]
        lane.refused += 1
        if lane.refused == _PATIENCE and not lane.accepted:
            level = unit(bits(lane.stream, lane.drawn))
            lane.drawn += np.uint64(2)
            lane.edge = _exact_step(csr, np.empty(0), lane.before, lane.here, back, out, level)
            lane.node = csr.indices[lane.edge]
            lane.accepted = True
        moved[movers] = k
        movers += int(lane.accepted)
    return movers


@kernel
def _search(
    csr: CSR,
    mirrored: bool,
    wanted: bool,
    at: NDArray[np.void],
    asked: NDArray[np.uint64],
    sought: NDArray[np.int64],
) -> None:
    """Accept what lanes propose if their other node has, or has not, an edge to it, as is wanted."""
    for i in range(asked.size):
        here, there = at[asked[i]].other, at[asked[i]].node
        first = np.int64(csr.indptr[here])
        size = np.int64(csr.indptr[here + NEXT]) - first
        target = there
        if mirrored:
            reverse = np.int64(csr.indptr[there])
            reverse_size = np.int64(csr.indptr[there + NEXT]) - reverse
            shorter = reverse_size < size
            first = reverse if shorter else first
            size = reverse_size if shorter else size
            target = here if shorter else there
        sought[i, 0], sought[i, 1], sought[i, 2] = first, size, target
    for i in range(asked.size):
        at[asked[i]].accepted = _holds(csr.indices, sought[i, 0], sought[i, 1], np.int32(sought[i, 2])) == wanted


@inlined
def _weight(csr: CSR, edge: Index) -> float:
    return csr.weight[edge] if csr.weight.size > 0 else 1.0


@kernel
def _bias(
    csr: CSR, limit: NDArray[np.float64], previous: Index, node: Index, edge: Index, back: float, out: float
) -> float:
    """The factor of an edge ``node -> x``: that of node2vec+ if there are limits, else that of node2vec."""
    target = csr.indices[edge]
    if target == previous:
        return back
    near = find(csr, previous, target)
    if limit.size == 0:
        return 1.0 if near >= 0 else out
    tight = _weight(csr, near) / limit[target] if near >= 0 else 0.0
    if tight >= 1.0:
        return 1.0
    if _weight(csr, edge) < limit[node]:
        return min(1.0, out)
    return out + (1.0 - out) * tight


@kernel
def _exact_step(
    csr: CSR, limit: NDArray[np.float64], previous: Index, node: Index, back: float, out: float, level: float
) -> np.int64:
    """Draw an edge from the second-order law by adding up the whole row."""
    first, last = np.int64(csr.indptr[node]), np.int64(csr.indptr[node + 1])
    mass = 0.0
    for edge in range(first, last):
        mass += _weight(csr, edge) * _bias(csr, limit, previous, node, edge, back, out)
    level *= mass
    for edge in range(first, last):
        level -= _weight(csr, edge) * _bias(csr, limit, previous, node, edge, back, out)
        if level < 0.0:
            return np.int64(edge)
    return last - 1


def weight_limits(csr: CSR, gamma: float = 0.0) -> NDArray[np.float64]:
    """Below which weight an edge of each node counts as weak: their mean plus ``gamma`` standard deviations.

    Args:
        csr: Edges.
        gamma: How far above the mean.

    Returns:
        (nodes,), never negative; 1 where all weights are equal and none is stored, 0 for nodes without edges.

    References:
        Liu, Hirn and Krishnan 2023, "Accurately modeling biased random walks on weighted networks using node2vec+",
        section 2.2.

    Example:
        >>> weight_limits(CSR(np.array([0, 2]), np.zeros(2, np.int32), np.array([1, 3], np.float32)), gamma=0.5)
        array([2.5])
    """
    degree = np.diff(csr.indptr)
    mean = row_totals(csr) / np.maximum(degree, 1)
    if gamma == 0.0 or csr.weight.size == 0:
        return mean
    squares = row_totals(csr._replace(weight=(csr.weight - np.repeat(mean, degree).astype(np.float32)) ** 2))
    return np.maximum(mean + gamma * np.sqrt(squares / np.maximum(degree, 1)), 0.0)


@parallel_kernel
def weight_aware_walks(
    csr: CSR,
    alias: Alias,
    limit: NDArray[np.float64],
    start: NDArray[np.int32],
    length: int,
    p: float,
    q: float,
    seed: int,
    first: int = 0,
) -> NDArray[np.int32]:
    """Walk as node2vec does, but take weak edges for almost absent: P(x | t, v) is proportional to a(t, v, x) w(v, x).

    With r = w(t, x) / limit(x), 0 where there is no such edge, a(t, v, x) is 1/p if x = t; else 1 if r >= 1; else
    min(1, 1/q) if w(v, x) < limit(v), too; else 1/q + (1 - 1/q) r. Without weights this is node2vec.

    Args:
        csr: Edges, rows sorted.
        alias: Tables of the weights, or an empty one for equal weights.
        limit: (nodes,) weights below which edges are weak, from `weight_limits`.
        start: (walks,) first node of each walk.
        length: Nodes in a walk, the first included.
        p: Return parameter, positive.
        q: In-out parameter, positive.
        seed: Any integer; walk ``i`` depends on (seed, first + i) alone.
        first: Number of the first walk.

    Returns:
        (walks, length) nodes; -1 after a dead end.

    References:
        Liu, Hirn and Krishnan 2023, "Accurately modeling biased random walks on weighted networks using node2vec+",
        equation 4.
    """
    walks = np.full((start.size, length), -1, np.int32)
    for i in prange(start.size):
        stream = key(seed, first + i)
        drawn = 0
        node, previous = np.int64(start[i]), np.int64(-1)
        walks[i, 0] = node
        for step in range(1, length):
            if csr.indptr[node + 1] == csr.indptr[node]:
                break
            edge = np.int64(-1)
            for _ in range(_PATIENCE):
                edge = _weight_aware_proposal(csr, alias, limit, previous, node, 1.0 / p, 1.0 / q, stream, drawn)
                drawn += 2
                if edge >= 0:
                    break
            if edge < 0:
                edge = _exact_step(csr, limit, previous, node, 1.0 / p, 1.0 / q, unit(bits(stream, drawn)))
                drawn += 1
            previous, node = node, np.int64(csr.indices[edge])
            walks[i, step] = node
    return walks


@kernel
def _weight_aware_proposal(
    csr: CSR,
    alias: Alias,
    limit: NDArray[np.float64],
    previous: np.int64,
    node: np.int64,
    back: float,
    out: float,
    stream: np.uint64,
    drawn: int,
) -> np.int64:
    """Draw an edge in proportion to its weight and keep it with the chance a / max a, or return -1."""
    row = np.int64(csr.indptr[node])
    edge = draw_entry(alias, row, np.int64(csr.indptr[node + 1]) - row, bits(stream, drawn))
    if previous < 0:
        return edge
    level = unit(bits(stream, drawn + 1)) * max(back, max(1.0, out))
    return edge if level < _bias(csr, limit, previous, node, edge, back, out) else np.int64(-1)
