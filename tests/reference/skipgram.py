"""Skip-gram and CBOW with negative sampling, slow and plain: NumPy in float64, splitmix64 in Python integers.

It makes the same draws as the kernels, in the same order, so its tables can be compared with theirs entry by entry.
There are no private copies of rows, no padding and no tables of the sigmoid here: a walk has a copy of everything.
"""

import numpy as np

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_OWN = 0x5851F42D4C957F2D  # what tells training from walks of the same seed


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


def draw_entry(table, count, draw):
    """Draw one of ``count`` entries from an alias table, or evenly where the table is empty.

    The upper 32 bits of the draw choose an entry, the lower 32 bits keep it or take its alias.
    """
    entry = below(draw, count)
    if len(table) and draw % 2**32 >= int(table[entry, 0]):
        return int(table[entry, 1])
    return entry


def stream_of(seed, index):
    """Where walk ``index`` draws from."""
    return key((seed ^ _OWN) & _MASK, index)


def pool_of(table, nodes, plan, size, stream):
    """The negatives of a walk of ``size`` nodes: as many, but 24 at least; drawn after all that its places draw."""
    count = min(plan.pool, max(size, 24))
    return [draw_entry(table, nodes, bits(stream, 2 * size + k)) for k in range(count)]


def places(walk, pool, plan, stream):
    """Yield (node, its window, its negatives, the weight of each) for each place, with what it draws."""
    for i in range(len(walk)):
        reach = plan.shortest + below(bits(stream, 2 * i), plan.window - plan.shortest + 1)
        offset = below(bits(stream, 2 * i + 1), len(pool))
        window = [walk[j] for j in range(len(walk)) if j != i and abs(i - j) <= reach]
        together = len(window) + len(window) * plan.negatives // 4  # of the window and negatives, up to a multiple of 4
        drawn = min(plan.negatives if plan.cbow else together + -together % 4 - len(window), len(pool))
        negatives = [pool[(offset + k) % len(pool)] for k in range(drawn)]
        share = plan.negatives / max(drawn, 1) * (1 if plan.cbow else len(window))
        yield walk[i], window, negatives, share


def softplus(score):
    """log(1 + exp(score)), whatever its size."""
    return np.logaddexp(0.0, score)


def sigmoid(score):
    """1 / (1 + exp(-score)), whatever its size."""
    return np.exp(-np.logaddexp(0.0, -score))


def train_walk(walk, x, y, pool, plan, lr, stream):
    """Train one walk in place: at each place a step down the gradient of the loss of its pairs.

    Returns the sum of the losses before each step and the number of pairs (of CBOW: of places with a window).
    """
    loss, pairs = 0.0, 0
    for node, window, negatives, share in places(walk, pool, plan, stream):
        if not window:
            continue
        u = x[window].mean(axis=0) if plan.cbow else x[node].copy()
        targets = [(node, 1.0, 1.0)] if plan.cbow else [(v, 1.0, 1.0) for v in window]
        targets += [(n, -1.0, share) for n in negatives]
        back, steps = np.zeros_like(u), []
        for row, sign, weight in targets:
            score = u @ y[row]
            loss += weight * softplus(-sign * score)
            slope = lr * weight * sign * sigmoid(-sign * score)
            back += slope * y[row]
            steps.append((row, slope * u))
        for row, step in steps:  # none of them is made before all are known
            y[row] += step
        if plan.cbow:
            for v in window:  # a node that is in the window twice moves twice
                x[v] += back / len(window)
        else:
            x[node] += back
        pairs += 1 if plan.cbow else len(window)
    return loss, pairs


def train_walks(walks, x, y, table, plan, lr_first, lr_last, seed, in_flight):
    """Train all walks (a list of lists of nodes) in place, ``in_flight`` at a time from the same tables.

    A walk has copies of the rows of its nodes and, in the context table, of all negatives in its pool. A row becomes
    the mean of its copies; one of the context table moves by the sum of the steps of its m copies over m^averaging,
    times ``damping``; frozen rows stay.
    """
    loss, pairs = 0.0, 0
    for begin in range(0, len(walks), in_flight):
        lr = lr_first + (lr_last - lr_first) * begin / len(walks)
        copies_x, copies_y = {}, {}
        for index in range(begin, min(begin + in_flight, len(walks))):
            walk = walks[index]
            if len(walk) < 2:
                continue
            stream = stream_of(seed, index)
            pool = pool_of(table, len(y), plan, len(walk), stream)
            own_x, own_y = x.copy(), y.copy()
            if index % max(1, len(walks) // 256) == 0:  # the loss is measured on some, before they are trained
                some_loss, some_pairs = train_walk(walk, own_x, own_y, pool, plan, 0.0, stream)
                loss, pairs = loss + some_loss, pairs + some_pairs
            train_walk(walk, own_x, own_y, pool, plan, lr, stream)
            for node in set(walk):
                copies_x.setdefault(node, []).append(own_x[node])
            for node in {*walk, *pool}:
                copies_y.setdefault(node, []).append(own_y[node])
        for node, copies in copies_x.items():
            if node >= plan.frozen:
                x[node] = np.mean(copies, axis=0)
        for node, copies in copies_y.items():
            if node >= plan.frozen:
                y[node] += plan.damping * sum(copy - y[node] for copy in copies) / len(copies) ** plan.averaging
    return loss, pairs


def mean_loss(walks, x, y, chances, shortest, window, negatives, cbow=False):
    """The exact mean loss of a pair (CBOW: of a place) of some walks: the mean over reaches and over negatives.

    ``chances`` (nodes,) is the chance of each node to be drawn as a negative.
    """
    x, y = x.astype(np.float64), y.astype(np.float64)
    reaches = range(shortest, window + 1)
    total, pairs = 0.0, 0.0
    noise = softplus(x @ y.T) @ chances  # of each node as the centre
    link = softplus(-(x @ y.T))
    for walk in walks:
        for i, node in enumerate(walk):
            for reach in reaches:
                near = [walk[j] for j in range(max(0, i - reach), min(len(walk), i + reach + 1)) if j != i]
                if not near:
                    continue
                if cbow:
                    scores = y @ x[near].mean(axis=0)
                    total += (softplus(-scores[node]) + negatives * chances @ softplus(scores)) / len(reaches)
                    pairs += 1 / len(reaches)
                else:
                    total += (link[node, near].sum() + len(near) * negatives * noise[node]) / len(reaches)
                    pairs += len(near) / len(reaches)
    return total / pairs
