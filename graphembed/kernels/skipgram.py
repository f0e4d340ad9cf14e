"""Skip-gram with negative sampling, the same bits on any number of threads.

For a pair (u, v) of a node and a node of its window, and negatives n_1 ... n_K drawn in proportion to count^power:

    loss = softplus(-x_u . y_v) + sum over k of softplus(x_u . y_nk)

where x is the node table and y the context table. Walks are the unit of work. Each walk trains, pair after pair, on
private copies of the rows it touches (its nodes and a pool of negatives), ``in_flight`` walks at a time; then the
differences are added to the tables, row by row in the order of the walks. Where several walks in flight moved one
row, the mean of their moves is taken: a hub that is in all of them does not overshoot. Nothing depends on which thread
did what.

References:
    Mikolov et al. 2013, "Distributed representations of words and phrases", equation 4.
Differs from the paper: the K negatives of a window are drawn once and serve all its pairs (Ji et al. 2016,
"pWord2Vec"), out of a pool drawn for the walk. As in word2vec, a node that comes again within a window is paired with
itself: that ties the two tables together, without it nearest neighbours in the node table mean little.
"""

import numpy as np
from numpy.typing import NDArray

from graphembed.kernels.compile import inlined, kernel, parallel_kernel, prange
from graphembed.kernels.rng import below, bits, key
from graphembed.kernels.walks import Alias, draw_entry

_LIMIT = 16.0  # the table spans [-16, 16]; beyond it the exponential is computed
_STEPS = 4096


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
def train_walk(
    walk: NDArray[np.int32],
    node_rows: NDArray[np.int32],
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    pool: NDArray[np.int32],
    window: int,
    negatives: int,
    lr: np.float32,
    stream: np.uint64,
    table: NDArray[np.float32],
) -> tuple[float, int]:
    """Train one walk in place on small tables: for each pair, one step down the gradient of its loss.

    Args:
        walk: (length,) nodes, without padding.
        node_rows: (length,) row of each of them in ``x`` and ``y``.
        x: (rows, dim) node vectors; changed.
        y: (rows, dim) context vectors; changed.
        pool: (size,) rows of ``y`` to take negatives from.
        window: Largest distance in the walk; each centre draws its own between 1 and this (word2vec's habit).
        negatives: Negatives a window, fewer than ``pool`` holds; one that is the centre itself is left out.
        lr: Step.
        stream: Where to draw from.
        table: From `sigmoid_table`.

    Returns:
        Sum of the losses before each step, and the number of pairs.
    """
    dim = x.shape[1]
    length = walk.size
    step = np.empty(dim, np.float32)
    loss, likelihood, pairs = 0.0, 1.0, 0
    for i in range(length):
        reach = 1 + below(bits(stream, 2 * i), window)
        offset = below(bits(stream, 2 * i + 1), pool.size)
        begin: int = max(0, i - reach)  # type: ignore[assignment]  # numpy integers are not ints to mypy
        end: int = min(length, i + reach + 1)  # type: ignore[assignment]
        for j in range(begin, end):
            if j == i:
                continue
            pairs += 1
            u = x[node_rows[j]]
            for d in range(dim):
                step[d] = np.float32(0)
            for k in range(negatives + 1):
                row = node_rows[i]
                if k > 0:
                    place = offset + k
                    row = pool[place - pool.size if place >= pool.size else place]
                    if row == node_rows[i]:
                        continue
                v = y[row]
                score = np.float32(0)
                for d in range(dim):
                    score += u[d] * v[d]
                sign = np.float32(1) if k == 0 else np.float32(-1)
                chance = _sigmoid(sign * score, table)  # that the model is right
                slope = sign * (np.float32(1) - chance)
                if score > -_LIMIT and score < _LIMIT:
                    likelihood *= np.float64(chance)
                    if likelihood < 1e-200:  # take the logarithm of many factors at once
                        loss -= np.log(likelihood)
                        likelihood = 1.0
                elif (score > 0) == (k > 0):
                    loss += abs(np.float64(score))  # softplus beyond the table, exact to 1e-7
                slope *= lr
                for d in range(dim):
                    step[d] += slope * v[d]
                    v[d] += slope * u[d]
            for d in range(dim):
                u[d] += step[d]
    return loss - np.log(likelihood), pairs


@parallel_kernel
def train_walks(
    walks: NDArray[np.int32],
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    noise: Alias,
    pool_size: int,
    window: int,
    negatives: int,
    lr_first: float,
    lr_last: float,
    seed: int,
    in_flight: int,
    lanes: int,
    table: NDArray[np.float32],
) -> tuple[float, int]:
    """Train all walks, ``in_flight`` at a time; changes ``x`` and ``y``.

    Args:
        walks: (walks, length) nodes, -1 padded, in the order they are trained.
        x: (nodes, dim) node table.
        y: (nodes, dim) context table.
        noise: Tables of one row that draw negatives.
        pool_size: Negatives drawn for a walk, with repetition; its windows share them.
        window: Largest distance in a walk.
        negatives: Negatives a window, fewer than ``pool_size``.
        lr_first: Step of the first walk; it falls linearly.
        lr_last: Step after the last walk.
        seed: Walk ``i`` draws from the stream (seed, i).
        in_flight: Walks trained from the same tables; part of the method, the result depends on it.
        lanes: Threads to feed; the result does not depend on it.
        table: From `sigmoid_table`.

    Returns:
        Sum of the losses and number of pairs.
    """
    count, length = walks.shape
    nodes, dim = x.shape
    rows = length + pool_size
    # Private copies, and which row of the tables each of them is.
    own_x = np.empty((in_flight, length, dim), np.float32)
    own_y = np.empty((in_flight, rows, dim), np.float32)
    ids = np.empty((in_flight, rows), np.int32)
    sizes = np.zeros((in_flight, 2), np.int32)
    losses = np.zeros(in_flight, np.float64)
    pairs = np.zeros(in_flight, np.int64)
    # For each lane: where a node was put by the walk at hand (valid if the stamp is that walk's number).
    stamp = np.full((lanes, nodes), -1, np.int64)
    slot = np.empty((lanes, nodes), np.int32)
    movers = np.zeros((2, nodes), np.int32)
    loss, trained = 0.0, 0
    for begin in range(0, count, in_flight):
        flying = min(in_flight, count - begin)
        lr = np.float32(lr_first + (lr_last - lr_first) * (begin / count))
        for lane in prange(lanes):
            for b in range(lane, flying, lanes):
                index = begin + b
                _one_flight(
                    walks[index], index, x, y, noise, pool_size, window, negatives, lr, seed,
                    own_x[b], own_y[b], ids[b], sizes[b], losses[b : b + 1], pairs[b : b + 1],
                    stamp[lane], slot[lane], table,
                )  # fmt: skip
        for lane in prange(lanes):
            _land(x, own_x, ids, sizes[:flying, 0], movers[0], lane, lanes)
            _land(y, own_y, ids, sizes[:flying, 1], movers[1], lane, lanes)
        for b in range(flying):
            loss += losses[b]
            trained += pairs[b]
    return loss, trained


@kernel
def _one_flight(
    walk: NDArray[np.int32],
    index: int,
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    noise: Alias,
    pool_size: int,
    window: int,
    negatives: int,
    lr: np.float32,
    seed: int,
    own_x: NDArray[np.float32],
    own_y: NDArray[np.float32],
    ids: NDArray[np.int32],
    sizes: NDArray[np.int32],
    loss: NDArray[np.float64],
    pairs: NDArray[np.int64],
    stamp: NDArray[np.int64],
    slot: NDArray[np.int32],
    table: NDArray[np.float32],
) -> None:
    """Copy the rows of one walk, train on them and leave the differences behind."""
    dim = x.shape[1]
    stream = key(seed, index)
    used = 0
    length = walk.size
    node_rows = np.empty(walk.size, np.int32)
    for i in range(walk.size):
        node = walk[i]
        if node < 0:
            length = i
            break
        if stamp[node] != index:
            stamp[node] = index
            slot[node] = used
            ids[used] = node
            for d in range(dim):
                own_x[used, d] = x[node, d]
                own_y[used, d] = y[node, d]
            used += 1
        node_rows[i] = slot[node]
    sizes[:] = 0
    loss[0] = 0.0
    pairs[0] = 0
    if length < 2:  # nothing to pair
        return
    sizes[0] = used
    pool = np.empty(pool_size, np.int32)
    for k in range(pool_size):
        step = 2 * (walk.size + k)  # beyond the draws of train_walk
        node = draw_entry(noise, 0, y.shape[0], bits(stream, step), bits(stream, step + 1))
        if stamp[node] != index:
            stamp[node] = index
            slot[node] = used
            ids[used] = node
            for d in range(dim):
                own_y[used, d] = y[node, d]
            used += 1
        pool[k] = slot[node]
    sizes[1] = used
    loss[0], pairs[0] = train_walk(
        walk[:length], node_rows[:length], own_x, own_y, pool, window, negatives, lr, stream, table
    )
    for row in range(sizes[0]):
        for d in range(dim):
            own_x[row, d] -= x[ids[row], d]
    for row in range(used):
        moved = row < sizes[0]
        for d in range(dim):
            own_y[row, d] -= y[ids[row], d]
            moved |= own_y[row, d] != 0
        if not moved:  # a negative that was drawn but not used has no say in the mean
            ids[row] = -1


@kernel
def _land(
    rows: NDArray[np.float32],
    moves: NDArray[np.float32],
    ids: NDArray[np.int32],
    sizes: NDArray[np.int32],
    movers: NDArray[np.int32],
    lane: int,
    lanes: int,
) -> None:
    """Add the mean of the moves of each row that this lane owns, walk after walk."""
    dim = rows.shape[1]
    for b in range(sizes.size):
        for row in range(sizes[b]):
            if ids[b, row] >= 0 and ids[b, row] % lanes == lane:
                movers[ids[b, row]] += 1
    for b in range(sizes.size):
        for row in range(sizes[b]):
            node = ids[b, row]
            if node >= 0 and node % lanes == lane:
                share = np.float32(1) / movers[node]
                for d in range(dim):
                    rows[node, d] += share * moves[b, row, d]
    for b in range(sizes.size):
        for row in range(sizes[b]):
            if ids[b, row] >= 0 and ids[b, row] % lanes == lane:
                movers[ids[b, row]] = 0
