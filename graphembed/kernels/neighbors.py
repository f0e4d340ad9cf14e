"""Neighbour sampling, one hop of one relation at a time.

A batch starts from seeds (`numbered`). Each hop looks at the nodes that the hop before it found: the rows of their
in-neighbours (`rows_of`, `rows_until` for edges no later than a seed), some entries of each row (`latest`,
`uniform`, `uniform_again`, `weighted`, `weighted_again`), and the local numbers of what they lead to (`settle`), where
nodes not met before are appended. `within` lists all edges among nodes that were found.

A node is found once per tree: its key is ``tree << 32 | node``. Trees are the seeds' numbers where their neighbourhoods
are kept apart, else all 0. What is kept during a batch is bounded by the batch, and nothing is kept between batches.

Every draw is ``bits(key(stream, place), number)``, where ``stream`` belongs to the batch, the hop and the relation
(`batch_stream`, `hop_stream`), and ``place`` is the local number of the node that looks for neighbours: so nothing
depends on threads or on who makes which batch.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphembed.kernels.compile import inlined, kernel
from graphembed.kernels.rng import GOLDEN, below, bits, key, mix, unit

Int64s = NDArray[np.int64]
TREE = 32  # bits that a key shifts its tree by
NODE = (1 << TREE) - 1  # the part of a key that is a node

_ONE, _HALF = np.uint64(1), np.uint64(32)
_LEAST_TABLE = 64
_SHORT = 32  # up to so many picks Floyd's method looks for repeats faster than a sweep over the row draws
_TRIES = 4  # draws per pick before repeats are no longer drawn again but sorted out


class Rows(NamedTuple):
    """In-neighbours: edges into ``v`` are at ``indptr[v] .. indptr[v + 1]`` and come from ``indices`` there."""

    indptr: Int64s  # (nodes + 1,)
    indices: NDArray[np.int32]  # (edges,)


class Found(NamedTuple):
    """Nodes found so far, in the order of their local numbers, with a table to look them up."""

    keys: Int64s  # (room,), of which the first ``size`` are in use
    size: int
    table: NDArray[np.int32]  # (2 room,), a power of two: local numbers where their keys hash to, or behind; -1 is free


class Chosen(NamedTuple):
    """Entries chosen for each of some nodes: ``edge[starts[i] : starts[i + 1]]``."""

    starts: Int64s
    edge: Int64s


class Edges(NamedTuple):
    """Edges from local number ``row`` to local number ``col``, at place ``edge`` of the rows."""

    row: Int64s
    col: Int64s
    edge: Int64s


@kernel
def columns(source: Int64s, target: Int64s, nodes: int) -> tuple[Int64s, NDArray[np.int32], Int64s]:
    """Sort edges by target by counting, in one stable sweep.

    Returns:
        indptr (nodes + 1,), indices (edges,), and for each entry which edge it is.

    Example:
        >>> columns(np.array([2, 0, 1]), np.array([1, 1, 0]), 3)
        (array([0, 1, 3, 3]), array([1, 2, 0], dtype=int32), array([2, 0, 1]))
    """
    indptr = np.zeros(nodes + 1, np.int64)
    for edge in range(target.size):
        indptr[target[edge] + 1] += 1
    for node in range(nodes):
        indptr[node + 1] += indptr[node]
    free = indptr[:-1].copy()
    indices = np.empty(target.size, np.int32)
    order = np.empty(target.size, np.int64)
    for edge in range(target.size):
        place = free[target[edge]]
        free[target[edge]] += 1
        indices[place] = source[edge]
        order[place] = edge
    return indptr, indices, order


@kernel
def row_starts(col: Int64s, rows: int) -> Int64s:
    """Say where the entries of each row begin, (rows + 1,), given the row of each entry in order.

    Example:
        >>> row_starts(np.array([0, 0, 2]), 3)
        array([0, 2, 2, 3])
    """
    starts = np.zeros(rows + 1, np.int64)
    for target in col:
        starts[target + 1] += 1
    for row in range(rows):
        starts[row + 1] += starts[row]
    return starts


@kernel
def cumulated(indptr: Int64s, weight: NDArray[Any]) -> NDArray[np.float64]:
    """Add up the weights of each row, from its begin to each entry.

    Example:
        >>> cumulated(np.array([0, 2, 3]), np.array([1, 2, 5], np.float32))
        array([1., 3., 5.])
    """
    mass = np.empty(weight.size, np.float64)
    for node in range(indptr.size - 1):
        total = 0.0
        for edge in range(indptr[node], indptr[node + 1]):
            total += weight[edge]
            mass[edge] = total
    return mass


@kernel
def batch_stream(seed: int, epoch: int, nodes: Int64s, ids: Int64s) -> int:
    """Start the stream of a batch: it is told by the seed, the epoch and what is in it, not by who makes it."""
    stream = key(seed, epoch)
    for node in nodes:
        stream = mix((stream ^ np.uint64(node)) + GOLDEN)
    for number in ids:
        stream = mix((stream ^ np.uint64(number)) + GOLDEN)
    return np.int64(stream)  # type: ignore[return-value]


@kernel
def hop_stream(stream: int, number: int) -> int:
    """Start the stream of hop and relation ``number`` of a batch."""
    return np.int64(key(stream, number))  # type: ignore[return-value]


@inlined
def hashed(sought: Any) -> np.uint64:
    """Spread keys over tables: one product, whose upper half depends on every bit of the key."""
    product = np.uint64(sought) * GOLDEN
    return product ^ (product >> _HALF)


@inlined
def slot_of(keys: Int64s, table: NDArray[np.int32], sought: Any) -> Any:
    """Say where a key is in the table or, if it is not, where it belongs."""
    mask = np.uint64(table.size - 1)  # unsigned numbers cannot count from the end, which saves a look at the sign
    slot = hashed(sought) & mask
    while table[slot] >= 0 and keys[table[slot]] != sought:
        slot = (slot + _ONE) & mask
    return slot


@kernel
def with_room(keys: Int64s, table: NDArray[np.int32], count: int, more: int) -> tuple[Int64s, NDArray[np.int32]]:
    """Copy what was found into arrays with room for ``more``; tables are at most half full."""
    size = max(table.size, _LEAST_TABLE)
    while size < 2 * (count + more):
        size *= 2
    larger = np.empty(size // 2, np.int64)
    larger[:count] = keys[:count]
    table = np.full(size, np.int32(-1))
    for local in range(count):
        slot = slot_of(larger, table, larger[local])
        if table[slot] < 0:
            table[slot] = local
    return larger, table


@kernel
def numbered(keys: Int64s) -> Found:
    """Give the seeds their local numbers. Repeated seeds keep their places; edges lead from the first of them."""
    room, table = with_room(keys, np.empty(0, np.int32), keys.size, keys.size)
    return Found(room, keys.size, table)


@kernel
def rows_of(indptr: Int64s, keys: Int64s, first: int, last: int) -> tuple[Int64s, Int64s]:
    """Say where the rows of the nodes with local numbers ``first .. last`` begin and end."""
    begin, end = np.empty(last - first, np.int64), np.empty(last - first, np.int64)
    for i in range(last - first):
        node = keys[first + i] & NODE
        begin[i], end[i] = indptr[node], indptr[node + 1]
    return begin, end


@kernel
def rows_until(
    indptr: Int64s, time: NDArray[Any], limit: NDArray[Any], keys: Int64s, first: int, last: int
) -> tuple[Int64s, Int64s]:
    """As `rows_of`, up to the last entry no later than the limit of the node's tree; times ascend within a row."""
    begin, end = rows_of(indptr, keys, first, last)
    for i in range(last - first):
        latest = limit[keys[first + i] >> TREE]
        low, high = begin[i], end[i]
        while low < high:
            middle = (low + high) // 2
            if time[middle] <= latest:
                low = middle + 1
            else:
                high = middle
        end[i] = low
    return begin, end


@kernel
def latest(begin: Int64s, end: Int64s, fanout: int) -> Chosen:
    """Choose the last ``fanout`` entries of each row, all if there are no more or if ``fanout`` is negative."""
    starts = _starts(begin, end, fanout)
    edge = np.empty(starts[-1], np.int64)
    for i in range(begin.size):
        count = starts[i + 1] - starts[i]
        for c in range(count):
            edge[starts[i] + c] = end[i] - count + c
    return Chosen(starts, edge)


@kernel
def uniform(begin: Int64s, end: Int64s, fanout: int, stream: int, first: int) -> Chosen:
    """Choose ``fanout`` different entries of each row, every such set equally likely; all if there are no more.

    References:
        Bentley and Floyd 1987, "Programming pearls: a sample of brilliance", algorithm F2. Where it would look through
        many picks, Knuth's selection sampling, "The art of computer programming" 2, algorithm 3.4.2 S.
    """
    starts = _starts(begin, end, fanout)
    edge = np.empty(starts[-1], np.int64)
    for i in range(begin.size):
        a, at, degree, count = begin[i], starts[i], end[i] - begin[i], starts[i + 1] - starts[i]
        if count == degree:
            for c in range(count):
                edge[at + c] = a + c
        elif count <= _SHORT or count * count < 4 * degree:
            draws = key(stream, first + i)
            for c in range(count):
                last = degree - count + c
                pick = a + below(bits(draws, c), last + 1)
                if _among(edge, at, at + c, pick):
                    pick = a + last
                edge[at + c] = pick
        else:
            draws = key(stream, first + i)
            taken = 0
            for entry in range(degree):
                if below(bits(draws, entry), degree - entry) < count - taken:
                    edge[at + taken] = a + entry
                    taken += 1
                    if taken == count:
                        break
    return Chosen(starts, edge)


@kernel
def uniform_again(begin: Int64s, end: Int64s, fanout: int, stream: int, first: int) -> Chosen:
    """Draw ``fanout`` entries of each row that has any, with replacement."""
    starts = _repeats(begin, end, fanout)
    edge = np.empty(starts[-1], np.int64)
    for i in range(begin.size):
        draws = key(stream, first + i)
        for c in range(starts[i + 1] - starts[i]):
            edge[starts[i] + c] = begin[i] + below(bits(draws, c), end[i] - begin[i])
    return Chosen(starts, edge)


@kernel
def weighted(
    begin: Int64s,
    end: Int64s,
    weight: NDArray[Any],
    mass: NDArray[np.float64],
    fanout: int,
    stream: int,
    first: int,
) -> Chosen:
    """Choose ``fanout`` different entries of each row, one after the other in proportion to their weights.

    P(next is j) = w_j / (sum of the weights not chosen yet). Entries without weight are never chosen. Long rows: draw
    from the sums of weights and draw again what was chosen before, which is that law exactly; what is still missing
    after ``_TRIES`` draws per pick, and short rows: each entry gets a time of exponential law with rate w_j, and the
    first ones win, which is the same law.

    References:
        Efraimidis and Spirakis 2006, "Weighted random sampling with a reservoir", algorithm A (log u / w).
    """
    starts = _starts(begin, end, fanout)
    edge = np.empty(starts[-1], np.int64)
    arrival = np.empty(max(fanout, 0), np.float64)
    at = 0
    for i in range(begin.size):
        a, b, count = begin[i], end[i], starts[i + 1] - starts[i]
        starts[i] = at
        if count == b - a:
            for entry in range(a, b):
                if weight[entry] > 0:
                    edge[at] = entry
                    at += 1
            continue
        draws = key(stream, first + i)
        taken = tries = 0
        if b - a > _TRIES * count and mass[b - 1] > 0:
            while taken < count and tries < _TRIES * count:
                pick = at_mass(mass, a, b, unit(bits(draws, tries)))
                tries += 1
                if not _among(edge, at, at + taken, pick):
                    edge[at + taken] = pick
                    taken += 1
        begun = taken
        for entry in range(a, b if begun < count else a):
            if weight[entry] > 0:
                time = -np.log(1.0 - unit(bits(draws, tries + entry - a))) / weight[entry]
                if (taken < count or time < arrival[count - 1]) and not _among(edge, at, at + begun, entry):
                    place = min(taken, count - 1)
                    while place > begun and arrival[place - 1] > time:
                        arrival[place], edge[at + place] = arrival[place - 1], edge[at + place - 1]
                        place -= 1
                    arrival[place], edge[at + place] = time, entry
                    taken = min(taken + 1, count)
        at += taken
    starts[-1] = at
    return Chosen(starts, edge[:at])


@kernel
def weighted_again(
    begin: Int64s, end: Int64s, mass: NDArray[np.float64], fanout: int, stream: int, first: int
) -> Chosen:
    """Draw ``fanout`` entries of each row in proportion to their weights, with replacement.

    Rows without weight give nothing. With a negative ``fanout``, use `weighted`.
    """
    starts = np.zeros(begin.size + 1, np.int64)
    for i in range(begin.size):
        starts[i + 1] = starts[i] + (fanout if end[i] > begin[i] and mass[end[i] - 1] > 0 else 0)
    edge = np.empty(starts[-1], np.int64)
    for i in range(begin.size):
        draws = key(stream, first + i)
        for c in range(starts[i + 1] - starts[i]):
            edge[starts[i] + c] = at_mass(mass, begin[i], end[i], unit(bits(draws, c)))
    return Chosen(starts, edge)


@kernel
def no_edges() -> Edges:
    """Begin a list of edges."""
    return Edges(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64))


@kernel
def settle(
    indices: NDArray[np.int32], chosen: Chosen, first: int, targets: Int64s, sources: Found, before: Edges
) -> tuple[Edges, Found]:
    """Number what the chosen entries lead to, and add these edges to the ones of the hops before.

    Args:
        indices: Of the rows.
        chosen: Entries for the nodes with local numbers ``first``, ``first + 1`` ...
        first: Local number of the first of them.
        targets: (any,) keys of the nodes that chose, by local number.
        sources: What was found before, of the kind of node that the entries lead to.
        before: Edges so far; later hops are longer, so copying them costs little.
    """
    keys, size, table = sources
    starts, known = chosen.starts, before.row.size
    count = known + starts[-1]
    row, col, edge = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, np.int64)
    row[:known], col[:known], edge[:known] = before.row, before.col, before.edge
    edge[known:] = chosen.edge
    at = np.uint64(known)
    for i in range(starts.size - 1):
        tree = targets[first + i] & ~NODE
        for e in range(starts[i], starts[i + 1]):
            row[at] = tree | indices[np.uint64(chosen.edge[e])]
            col[at] = first + i
            at += _ONE
    if size + starts[-1] > keys.size:
        keys, table = with_room(keys, table, size, starts[-1])
    return Edges(row, col, edge), Found(keys, _to_local(keys, table, size, row[known:]), table)


@kernel
def _to_local(keys: Int64s, table: NDArray[np.int32], size: int, row: Int64s) -> int:
    """Turn keys into local numbers, in place, and say how many there are now; there is room for all to be new.

    Apart from `settle` so that the arrays stay where they are while it runs: that makes it twice as fast.
    """
    mask = np.uint64(table.size - 1)
    for e in range(row.size):
        sought = row[e]
        keys[size] = sought  # where it goes if it is new; free places of the table then stand for it, so that the
        slot = hashed(sought) & mask  # processor need not guess who is new, which would take twice the time
        while True:
            local: Any = table[slot]
            local = size if local < 0 else local
            if keys[np.uint64(local)] == sought:
                break
            slot = (slot + _ONE) & mask
        table[slot] = local
        size += local == size
        row[e] = local
    return size


@kernel
def within(indices: NDArray[np.int32], begin: Int64s, end: Int64s, targets: Int64s, sources: Found) -> Edges:
    """List the edges of the rows ``begin .. end`` of all targets that come from a node that was found, in their tree.

    Of repeated nodes, edges come from the first and lead to all.
    """
    row, col, edge = np.empty(64, np.int64), np.empty(64, np.int64), np.empty(64, np.int64)
    count = 0
    for target in range(begin.size):
        if count + end[target] - begin[target] > row.size:
            room = 2 * row.size + end[target] - begin[target]
            row, col, edge = _longer(row, room), _longer(col, room), _longer(edge, room)
        for entry in range(begin[target], end[target]):
            slot = slot_of(sources.keys, sources.table, (targets[target] & ~NODE) | indices[entry])
            if sources.table[slot] >= 0:
                row[count], col[count], edge[count] = sources.table[slot], target, entry
                count += 1
    return Edges(row[:count], col[:count], edge[:count])


@kernel
def _longer(array: Int64s, size: int) -> Int64s:
    longer = np.empty(size, np.int64)
    longer[: array.size] = array
    return longer


@inlined
def _starts(begin: Int64s, end: Int64s, fanout: Any) -> Int64s:
    """Count min(fanout, length) entries per row."""
    starts = np.zeros(begin.size + 1, np.int64)
    for i in range(begin.size):
        length = end[i] - begin[i]
        starts[i + 1] = starts[i] + (length if fanout < 0 else min(fanout, length))
    return starts


@inlined
def _repeats(begin: Int64s, end: Int64s, fanout: Any) -> Int64s:
    """Count ``fanout`` entries per row that is not empty."""
    starts = np.zeros(begin.size + 1, np.int64)
    for i in range(begin.size):
        starts[i + 1] = starts[i] + (fanout if end[i] > begin[i] else 0)
    return starts


@inlined
def at_mass(mass: NDArray[np.float64], begin: Any, end: Any, level: Any) -> Any:
    """Say whose weight covers a share of the row's total: the first entry whose sum exceeds it; never one of weight 0.

    A level just below 1 times the total may round up to the total; then it is the first entry that reaches it.
    """
    total = mass[end - 1]
    x = level * total
    if x >= total:
        x = total * (1.0 - 2.0**-52)
    low, high = begin, end - 1
    while low < high:
        middle = (low + high) // 2
        if mass[middle] > x:
            high = middle
        else:
            low = middle + 1
    return low


@inlined
def _among(edge: Int64s, begin: Any, end: Any, entry: Any) -> Any:
    """Say whether an entry was chosen before."""
    there = False
    for place in range(begin, end):
        there |= edge[place] == entry
    return there
