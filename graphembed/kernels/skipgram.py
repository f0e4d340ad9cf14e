"""Skip-gram and CBOW with negative sampling, the same bits on any number of threads.

For a pair (u, v) of a node and a node of its window, and negatives n_1 ... n_K drawn in proportion to visits^power:

    loss = softplus(-x_u . y_v) + sum over k of softplus(x_u . y_nk)

where x is the node table and y the context table. The negatives of u's pairs have nothing to do with their v, so the c
pairs of one place in a walk share about c K / 4 of them, each of which counts about 4 times: the same loss on average,
at a third of the arithmetic. All gradients of a place are taken before its step.

Walks are the unit of work. Each walk trains, place after place, on private copies of the rows it touches (its nodes
and a pool of negatives), ``in_flight`` walks at a time; then every row becomes the mean of its copies, added up in the
order of the walks: a hub that is in all of them does not overshoot, and nothing depends on which thread did what. The
context table may also take the sum of their steps (``averaging`` 0), which teaches frequent words sooner, and goes
``damping`` of the way only. What it does not learn of a walk the node vectors do, so that they say
more by themselves: the Hadamard product of two of them predicts links better than without (README, "Speed").

References:
    Mikolov et al. 2013, "Distributed representations of words and phrases", equation 4; CBOW: Mikolov et al. 2013,
    "Efficient estimation of word representations in vector space", section 3.1.
Differs from the papers: shared negatives (after Ji et al. 2016, "pWord2Vec"), copies and damping. As in word2vec, a
node that comes again within a window is paired with itself: that ties the two tables together.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphembed.kernels.compile import inlined, kernel, parallel_kernel, prange
from graphembed.kernels.rng import below, bits, key
from graphembed.kernels.walks import Alias, draw_entry

_LIMIT = 16.0  # the table spans [-16, 16]; beyond it the exponential is computed
_STEPS = 4096
_SHARED = 4  # pairs of a place that share a negative
_FEWEST = 24  # negatives drawn for a walk however short; a longer one draws as many as it has places
_MEASURED = 256  # walks of a call whose loss is measured, at least
# Walks and training may be given one seed: without this the bits that chose a node would also choose its window.
_OWN = 0x5851F42D4C957F2D


class Plan(NamedTuple):
    """What to train, for the kernels; the settings are explained in `graphembed.encoders.skipgram.Context`."""

    shortest: int  # each place draws its reach between this and ``window``
    window: int
    negatives: int
    pool: int  # negatives drawn for a walk, at most, with repetition; its places share them
    cbow: bool
    damping: float
    averaging: float
    frozen: int  # rows below this are read but never changed


def sigmoid_table() -> NDArray[np.float32]:
    """Tabulate 1 / (1 + exp(-s)) on [-16, 16]; between entries it is interpolated, off by less than 1e-6."""
    grid = np.linspace(-_LIMIT, _LIMIT, _STEPS + 1)
    grid = np.append(grid, _LIMIT)  # a score just below 16 is rounded up to the last cell
    return (1.0 / (1.0 + np.exp(-grid))).astype(np.float32)


@inlined
def _sigmoid(score: np.float32, table: NDArray[np.float32]) -> np.float32:
    if score > -_LIMIT and score < _LIMIT:
        place = (score + np.float32(_LIMIT)) * np.float32(_STEPS / (2 * _LIMIT))
        cell = np.int32(place)
        low = table[cell]
        return np.float32(low + (place - np.float32(cell)) * (table[cell + 1] - low))
    return np.float32(1.0 / (1.0 + np.exp(-np.float64(score))))


@kernel
def _scores(
    u: NDArray[np.float32], y: NDArray[np.float32], rows: NDArray[np.int32], count: int, score: NDArray[np.float32]
) -> None:
    """Multiply ``u`` with four rows at a time: each element of it is read once for the four."""
    for t in range(0, count, 4):
        y0, y1, y2, y3 = y[rows[t]], y[rows[t + 1]], y[rows[t + 2]], y[rows[t + 3]]
        s0 = s1 = s2 = s3 = np.float32(0)
        for d in range(u.size):
            s0 += u[d] * y0[d]
            s1 += u[d] * y1[d]
            s2 += u[d] * y2[d]
            s3 += u[d] * y3[d]
        score[t], score[t + 1], score[t + 2], score[t + 3] = s0, s1, s2, s3


@kernel
def _slopes(
    score: NDArray[np.float32],
    positives: int,
    count: int,
    weight: float,
    lr: np.float32,
    table: NDArray[np.float32],
) -> float:
    """Turn the scores of positives, then negatives, into steps in place; return the loss. Padding gets no step."""
    loss = 0.0
    for negative in range(2):
        first, last = (positives, count) if negative else (0, positives)
        share = weight if negative else 1.0
        sign = np.float32(-1) if negative else np.float32(1)
        step = np.float32(share) * lr * sign
        likelihood, surely = 1.0, 0.0
        for t in range(first, last):
            s = sign * score[t]
            chance = _sigmoid(s, table)  # that the model is right
            score[t] = step * (np.float32(1) - chance)
            if s > -_LIMIT and s < _LIMIT:
                likelihood *= np.float64(chance)
                if likelihood < 1e-200:  # take the logarithm of many factors at once
                    surely -= np.log(likelihood)
                    likelihood = 1.0
            elif not s > 0:  # NaN too: a broken table must show
                surely -= np.float64(s)  # softplus beyond the table, exact to 1e-7
        loss += share * (surely - np.log(likelihood))
    for t in range(count, (count + 3) // 4 * 4):
        score[t] = np.float32(0)
    return loss


@kernel
def _pull(
    moved: NDArray[np.float32],
    y: NDArray[np.float32],
    rows: NDArray[np.int32],
    count: int,
    slope: NDArray[np.float32],
) -> None:
    """Add ``slope`` times four rows of ``y`` at a time."""
    for t in range(0, count, 4):
        y0, y1, y2, y3 = y[rows[t]], y[rows[t + 1]], y[rows[t + 2]], y[rows[t + 3]]
        g0, g1, g2, g3 = slope[t], slope[t + 1], slope[t + 2], slope[t + 3]
        for d in range(moved.size):
            moved[d] += g0 * y0[d] + g1 * y1[d] + g2 * y2[d] + g3 * y3[d]


@inlined
def _copy(row: NDArray[np.float32], other: NDArray[np.float32]) -> None:
    for d in range(row.size):  # a loop: slices are checked for overlap, which takes longer than copying
        row[d] = other[d]


@inlined
def _add(row: NDArray[np.float32], slope: np.float32, u: NDArray[np.float32]) -> None:
    for d in range(u.size):
        row[d] += slope * u[d]


@inlined
def _window(i: int, size: int, plan: Plan, draw: np.uint64) -> tuple[Any, Any]:
    """Draw a reach; return where the window around place ``i`` begins and ends."""
    reach = plan.shortest + below(draw, plan.window - plan.shortest + 1)
    first: int | np.int64 = 0
    last: int | np.int64 = size
    if i > reach:
        first = i - reach
    if i + reach + 1 < size:
        last = i + reach + 1
    return first, last


@inlined
def _fill(
    rows: NDArray[np.int32], count: int, pool: NDArray[np.int32], offset: np.int64, drawn: int, empty: int
) -> int:
    """Append a run of the pool, and the empty row until the number is a multiple of four."""
    place = offset
    for _ in range(drawn):
        rows[count] = pool[place]
        count += 1
        place += 1
        if place >= pool.size:
            place = np.int64(0)
    for t in range(count, (count + 3) // 4 * 4):
        rows[t] = empty
    return count


@kernel
def train_walk(
    walk: NDArray[np.int32],
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    pool: NDArray[np.int32],
    plan: Plan,
    lr: np.float32,
    stream: np.uint64,
    table: NDArray[np.float32],
) -> tuple[float, int]:
    """Train one walk in place on small tables: at each place one step down the gradient of the loss of its pairs.

    Args:
        walk: (length,) rows of its nodes in ``x`` and ``y``.
        x: (rows, dim) node vectors; changed.
        y: (rows, dim) context vectors; changed. The last row must be zero and in nobody's use: it pads.
        pool: (size,) rows of ``y`` to take negatives from.
        plan: Settings.
        lr: Step.
        stream: Where to draw from.
        table: From `sigmoid_table`.

    Returns:
        Sum of the losses before each step, and the number of pairs.
    """
    rows = np.empty(2 * plan.window + pool.size + 4, np.int32)
    slope = np.empty(rows.size, np.float32)
    moved = np.empty(x.shape[1], np.float32)
    loss, pairs = 0.0, 0
    for i in range(walk.size):
        first, last = _window(i, walk.size, plan, bits(stream, 2 * i))
        near = 0
        for j in range(first, last):
            if j != i:
                rows[near] = walk[j]
                near += 1
        if near == 0:
            continue
        full = (near + near * plan.negatives // _SHARED + 3) // 4 * 4  # rows are taken by fours
        drawn = min(full - near, pool.size)
        count = _fill(rows, near, pool, below(bits(stream, 2 * i + 1), pool.size), drawn, y.shape[0] - 1)
        u = x[walk[i]]
        _scores(u, y, rows, count, slope)
        loss += _slopes(slope, near, count, near * plan.negatives / drawn, lr, table)
        _copy(moved, u)
        _pull(moved, y, rows, count, slope)
        for t in range(count):
            _add(y[rows[t]], slope[t], u)
        _copy(u, moved)
        pairs += near
    return loss, pairs


@kernel
def train_walk_cbow(
    walk: NDArray[np.int32],
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    pool: NDArray[np.int32],
    plan: Plan,
    lr: np.float32,
    stream: np.uint64,
    table: NDArray[np.float32],
) -> tuple[float, int]:
    """Train one walk by CBOW: the mean vector h of a window predicts the node in its middle.

    loss = softplus(-h . y_v) + sum over k of softplus(h . y_nk), one for each place that has a neighbour in the walk.
    Arguments and results are those of `train_walk`; a pair is a place. Each node of the window takes its share of the
    step, the gradient, where word2vec gives each the whole: use larger steps or more epochs.
    """
    drawn = min(plan.negatives, pool.size)
    rows = np.empty(drawn + 5, np.int32)
    slope = np.empty(rows.size, np.float32)
    mean = np.empty(x.shape[1], np.float32)
    moved = np.empty(x.shape[1], np.float32)
    loss, pairs = 0.0, 0
    for i in range(walk.size):
        first, last = _window(i, walk.size, plan, bits(stream, 2 * i))
        share = np.float32(1) / np.float32(max(last - first - 1, 1))
        mean[:] = np.float32(0)
        for j in range(first, last):
            if j != i:
                _add(mean, share, x[walk[j]])
        if last - first < 2:
            continue
        rows[0] = walk[i]
        count = _fill(rows, 1, pool, below(bits(stream, 2 * i + 1), pool.size), drawn, y.shape[0] - 1)
        _scores(mean, y, rows, count, slope)
        loss += _slopes(slope, 1, count, plan.negatives / drawn, lr, table)
        moved[:] = np.float32(0)
        _pull(moved, y, rows, count, slope)
        for t in range(count):
            _add(y[rows[t]], slope[t], mean)
        for j in range(first, last):
            if j != i:
                _add(x[walk[j]], share, moved)
        pairs += 1
    return loss, pairs


@parallel_kernel
def train_walks(
    tokens: NDArray[np.int32],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    noise: Alias,
    plan: Plan,
    lr_first: float,
    lr_last: float,
    seed: int,
    in_flight: int,
    lanes: int,
    table: NDArray[np.float32],
) -> tuple[float, int]:
    """Train all walks, ``in_flight`` at a time; changes ``x`` and ``y``.

    Args:
        tokens: (tokens,) nodes of all walks.
        first: (walks,) where each walk begins in ``tokens``, in the order they are trained.
        last: (walks,) where it ends, exclusive.
        x: (nodes, dim) node table.
        y: (nodes, dim) context table.
        noise: Tables of one row that draw negatives.
        plan: Settings.
        lr_first: Step of the first walk; it falls linearly. With steps of zero this measures the loss.
        lr_last: Step after the last walk.
        seed: Walk ``i`` draws from the stream (seed, i).
        in_flight: Walks trained from the same tables; part of the method, the result depends on it.
        lanes: Threads to feed; the result does not depend on it.
        table: From `sigmoid_table`.

    Returns:
        Sum of the losses and number of pairs, both of the walks that were measured before they were trained: all of
        them up to 511, then some. (What a walk's copies say after a few of its places is too good to be true.)
    """
    count = first.size
    measured = max(1, count // _MEASURED)  # every so many
    nodes, dim = x.shape
    longest = 0
    for i in range(count):
        longest = max(longest, last[i] - first[i])
    # Private copies, and which row of the tables each of them is.
    own_x = np.empty((in_flight, longest, dim), np.float32)
    own_y = np.empty((in_flight, longest + plan.pool + 1, dim), np.float32)
    ids = np.empty((in_flight, longest + plan.pool), np.int32)
    sizes = np.zeros((in_flight, 2), np.int32)
    losses = np.zeros(in_flight, np.float64)
    pairs = np.zeros(in_flight, np.int64)
    # For each lane: where a node was put by the walk at hand (valid if the stamp is that walk's number).
    stamp = np.full((lanes, nodes), -1, np.int32)
    slot = np.empty((lanes, nodes), np.int32)
    movers = np.zeros((2, nodes), np.int32)
    carrier, load = np.empty(in_flight, np.int64), np.empty(lanes, np.int64)
    loss, trained = 0.0, 0
    for begin in range(0, count, in_flight):
        flying = min(in_flight, count - begin)
        lr = np.float32(lr_first + (lr_last - lr_first) * (begin / count))
        _share_out(first[begin : begin + flying], last[begin : begin + flying], carrier, load)
        for lane in prange(lanes):
            for b in range(flying):
                if carrier[b] != lane:
                    continue
                i = begin + b
                _one_flight(
                    tokens[first[i] : last[i]], i, x, y, noise, plan, lr, seed,
                    i % measured == 0, own_x[b], own_y[b], ids[b], sizes[b], losses[b : b + 1], pairs[b : b + 1],
                    stamp[lane], slot[lane], table,
                )  # fmt: skip
        for lane in prange(lanes):
            _land(x, own_x, ids, sizes[:flying, 0], movers[0], 1.0, 1.0, plan.frozen, lane, lanes)
            _land(y, own_y, ids, sizes[:flying, 1], movers[1], plan.damping, plan.averaging, plan.frozen, lane, lanes)
        for b in range(flying):
            loss += losses[b]
            trained += pairs[b]
    return loss, trained


@kernel
def _share_out(
    first: NDArray[np.int64], last: NDArray[np.int64], carrier: NDArray[np.int64], load: NDArray[np.int64]
) -> None:
    """Give each walk, the longest first, to the lane with the least to do: they wait for each other at the end."""
    load[:] = 0
    for b in np.argsort(first - last):
        lane = np.argmin(load)
        carrier[b] = lane
        load[lane] += last[b] - first[b]


@kernel
def _one_flight(
    walk: NDArray[np.int32],
    index: int,
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    noise: Alias,
    plan: Plan,
    lr: np.float32,
    seed: int,
    measured: bool,
    own_x: NDArray[np.float32],
    own_y: NDArray[np.float32],
    ids: NDArray[np.int32],
    sizes: NDArray[np.int32],
    loss: NDArray[np.float64],
    pairs: NDArray[np.int64],
    stamp: NDArray[np.int32],
    slot: NDArray[np.int32],
    table: NDArray[np.float32],
) -> None:
    """Copy the rows of one walk and train on them."""
    sizes[:] = 0
    loss[0] = 0.0
    pairs[0] = 0
    if walk.size < 2:  # nothing to pair
        return
    stream = key(np.uint64(seed) ^ np.uint64(_OWN), index)
    used = 0
    rows = np.empty(walk.size, np.int32)
    for i in range(walk.size):
        node = walk[i]
        if stamp[node] != index:
            stamp[node] = index
            slot[node] = used
            ids[used] = node
            _copy(own_x[used], x[node])
            _copy(own_y[used], y[node])
            used += 1
        rows[i] = slot[node]
    sizes[0] = used
    pool = np.empty(min(plan.pool, max(walk.size, _FEWEST)), np.int32)
    for k in range(pool.size):
        node = draw_entry(noise, 0, y.shape[0], bits(stream, 2 * walk.size + k))  # beyond the draws of train_walk
        if stamp[node] != index:
            stamp[node] = index
            slot[node] = used
            ids[used] = node
            _copy(own_y[used], y[node])
            used += 1
        pool[k] = slot[node]
    sizes[1] = used
    own_y[used] = np.float32(0)
    for training in range(0 if measured else 1, 2):
        step = lr if training else np.float32(0)
        if plan.cbow:
            found = train_walk_cbow(rows, own_x, own_y[: used + 1], pool, plan, step, stream, table)
        else:
            found = train_walk(rows, own_x, own_y[: used + 1], pool, plan, step, stream, table)
        if not training:
            loss[0], pairs[0] = found


@inlined
def _owner(node: np.int32, lanes: int) -> np.int64:
    """Share the rows out among the lanes, as a remainder would but without a division."""
    mixed = np.uint32(node) * np.uint32(2654435769)
    return np.int64((np.uint64(np.uint32(mixed)) * np.uint64(lanes)) >> np.uint64(32))


@kernel
def _land(
    rows: NDArray[np.float32],
    copies: NDArray[np.float32],
    ids: NDArray[np.int32],
    sizes: NDArray[np.int32],
    movers: NDArray[np.int32],
    damping: float,
    averaging: float,
    frozen: int,
    lane: int,
    lanes: int,
) -> None:
    """Move each row that this lane owns by the steps of its m copies over m^averaging, times ``damping``."""
    for b in range(sizes.size):
        for place in range(sizes[b]):
            if ids[b, place] >= frozen and _owner(ids[b, place], lanes) == lane:
                movers[ids[b, place]] += 1
    for b in range(sizes.size):
        for place in range(sizes[b]):
            node = ids[b, place]
            if node < frozen or _owner(node, lanes) != lane:
                continue
            row, copy = rows[node], copies[b, place]
            count = np.float64(abs(movers[node]))
            share = np.float32(damping / count**averaging)
            left = np.float32(1 - share * count)
            if movers[node] > 0:  # the first copy to come; the sign remembers it
                movers[node] = -movers[node]
                for d in range(row.size):
                    row[d] = left * row[d] + share * copy[d]
            else:
                _add(row, share, copy)
    for b in range(sizes.size):
        for place in range(sizes[b]):
            if _owner(ids[b, place], lanes) == lane:
                movers[ids[b, place]] = 0
