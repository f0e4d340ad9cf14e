"""Skip-gram with negative sampling, slow and plain: NumPy in float64, splitmix64 in Python integers.

It makes the same draws as the kernels, in the same order, so its tables can be compared with theirs entry by entry.
"""

import numpy as np

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


def mix(z):
    """The finaliser of splitmix64 (Steele, Lea and Flood 2014, section 4; Stafford's variant 13)."""
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & _MASK
    return z ^ (z >> 31)


def key(seed, item):
    """The stream of ``item`` under ``seed``: one splitmix64 output of the seed, moved on by the item, mixed again."""
    return mix((mix((seed + _GOLDEN) & _MASK) + item * _GOLDEN) & _MASK)


def bits(stream, step):
    """Output number ``step`` of splitmix64 started at ``stream``."""
    return mix((stream + (step + 1) * _GOLDEN) & _MASK)


def unit(draw):
    """The upper 53 bits as a float in [0, 1)."""
    return (draw >> 11) / 2**53


def below(draw, count):
    """The upper 32 bits, scaled to [0, count)."""
    return ((draw >> 32) * count) >> 32


def draw_entry(accept, other, count, draw, again):
    """Draw one of ``count`` entries from alias tables, or evenly where the tables are empty."""
    entry = below(draw, count)
    if len(accept) and unit(again) >= accept[entry]:
        return int(other[entry])
    return entry


def sgns_loss(u, v, negatives):
    """softplus(-u . v) + sum over k of softplus(u . n_k), for one node vector, one context vector and its negatives."""
    loss = np.logaddexp(0.0, -np.dot(u, v))
    return loss + sum(np.logaddexp(0.0, np.dot(u, n)) for n in negatives)


def windows(walk, pool_size, window, stream):
    """Yield (i, j, offset): each centre i with each position j of its window, and where its negatives start."""
    for i in range(len(walk)):
        reach = 1 + below(bits(stream, 2 * i), window)
        offset = below(bits(stream, 2 * i + 1), pool_size)
        for j in range(max(0, i - reach), min(len(walk), i + reach + 1)):
            if j != i:
                yield i, j, offset


def negatives_of(pool, offset, negatives, centre):
    """The rows that follow ``offset`` in the pool, which is a ring; the centre is left out."""
    rows = [pool[(offset + k) % len(pool)] for k in range(1, negatives + 1)]
    return [row for row in rows if row != centre]


def train_walk(walk, x, y, pool, window, negatives, lr, stream):
    """Train one walk in place; nodes are rows of ``x`` and ``y``.

    Returns the sum of the losses before each step, the number of pairs, and the sets of rows of x and y that were
    stepped on.
    """
    loss, pairs, stepped_x, stepped_y = 0.0, 0, set(), set()
    for i, j, offset in windows(walk, len(pool), window, stream):
        u = x[walk[j]].copy()
        step = np.zeros_like(u)
        pairs += 1
        targets = [(walk[i], 1.0)] + [(row, 0.0) for row in negatives_of(pool, offset, negatives, walk[i])]
        for row, label in targets:  # one after the other: a row that comes twice has moved by then
            score = u @ y[row]
            loss += np.logaddexp(0.0, -score if label else score)
            slope = label - np.exp(-np.logaddexp(0.0, -score))
            step += lr * slope * y[row]
            y[row] += lr * slope * u
            stepped_y.add(int(row))
        x[walk[j]] += step
        stepped_x.add(int(walk[j]))
    return loss, pairs, stepped_x, stepped_y


def train_walks(
    walks, x, y, accept, other, pool_size, window, negatives, lr_first, lr_last, seed, in_flight
):  # fmt: skip
    """Train all walks in place, ``in_flight`` at a time from the same tables.

    Each walk trains on copies; a row then moves by the mean of the moves of the walks that stepped on it.
    Returns the sum of the losses and the number of pairs.
    """
    count, length = walks.shape
    loss, pairs = 0.0, 0
    for begin in range(0, count, in_flight):
        lr = lr_first + (lr_last - lr_first) * begin / count
        moves = {}
        for index in range(begin, min(begin + in_flight, count)):
            stream = key(seed, index)
            walk = [int(node) for node in walks[index] if node >= 0]
            pool = [
                draw_entry(accept, other, len(y), bits(stream, 2 * (length + k)), bits(stream, 2 * (length + k) + 1))
                for k in range(pool_size)
            ]
            own_x, own_y = x.copy(), y.copy()
            walk_loss, walk_pairs, stepped_x, stepped_y = train_walk(
                walk, own_x, own_y, pool, window, negatives, lr, stream
            )
            loss, pairs = loss + walk_loss, pairs + walk_pairs
            for row in stepped_x:
                moves.setdefault(("x", row), []).append(own_x[row] - x[row])
            for row in stepped_y:
                moves.setdefault(("y", row), []).append(own_y[row] - y[row])
        for (table, row), differences in moves.items():
            (x if table == "x" else y)[row] += np.mean(differences, axis=0)
    return loss, pairs
