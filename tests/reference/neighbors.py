"""Neighbour sampling, slow and plain: Python lists and dictionaries, splitmix64 in Python integers.

It makes the same draws as the kernels, so that batches can be compared edge by edge, but shares no code with them: no
keys, no tables, no ranges of hops. And the laws, in closed form, that samples follow.
"""

import itertools
import math

import numpy as np

from tests.reference.skipgram import below, bits, key, mix, unit

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


def batch_stream(seed, epoch, nodes, ids):
    """Mix seeds and their numbers into the stream of a batch, one after the other."""
    stream = key(seed, epoch)
    for value in [*nodes, *ids]:
        stream = mix(((stream ^ value) + _GOLDEN) & _MASK)
    return stream


def choose(row, fanout, replace, draws):
    """Choose places of a row without weights."""
    degree = len(row)
    if fanout < 0 or (not replace and degree <= fanout):
        return list(range(degree))
    if replace:
        return [below(bits(draws, c), degree) for c in range(fanout)] if degree else []
    chosen = []
    if fanout <= 32 or fanout * fanout < 4 * degree:  # Floyd's method
        for c in range(fanout):
            pick = below(bits(draws, c), degree - fanout + c + 1)
            chosen.append(degree - fanout + c if pick in chosen else pick)
        return chosen
    for place in range(degree):  # Knuth's method
        if below(bits(draws, place), degree - place) < fanout - len(chosen):
            chosen.append(place)
    return chosen


def choose_weighted(weight, fanout, replace, draws):
    """Choose places of a row in proportion to their weights."""
    degree, sums = len(weight), list(itertools.accumulate(map(float, weight)))
    if fanout < 0 or (not replace and degree <= fanout):
        return [place for place in range(degree) if weight[place] > 0]
    if not degree or sums[-1] == 0:
        return []

    def draw(step):
        level = unit(bits(draws, step)) * sums[-1]
        return next(place for place in range(degree) if sums[place] > level)

    if replace:
        return [draw(c) for c in range(fanout)]
    chosen, tries = [], 0
    if degree > 4 * fanout:
        while len(chosen) < fanout and tries < 4 * fanout:
            pick = draw(tries)
            tries += 1
            if pick not in chosen:
                chosen.append(pick)
    left = [place for place in range(degree) if weight[place] > 0 and place not in chosen]
    left.sort(key=lambda place: -math.log1p(-unit(bits(draws, tries + place))) / float(weight[place]))
    return chosen + left[: fanout - len(chosen)]


def sample(relations, kinds, seeds, fanouts, stream, *, replace=False, limits=None, disjoint=False, last=False):
    """Sample neighbourhoods hop by hop.

    Args:
        relations: List of (source kind, target kind, edges), the edges in the order of the sampler's rows: a dictionary
            from target to a list of (source, edge, weight or None, time or None).
        kinds: Names of the kinds of nodes.
        seeds: Dictionary from kind to a list of nodes.
        fanouts: Per relation, a list with one number per hop.
        stream: Of the batch.
        replace: Whether neighbours may repeat.
        limits: Time of each seed, counted through all kinds of seeds.
        disjoint: Whether each seed has a tree of its own.
        last: Whether the last neighbours are wanted.

    Returns:
        For each kind the list of (tree, node); for each relation the list of (source number, target number, edge).
    """
    found = {kind: [] for kind in kinds}
    number = {kind: {} for kind in kinds}
    trees = 0
    for kind, nodes in seeds.items():
        for node in nodes:
            item = (trees if disjoint else 0, node)
            number[kind].setdefault(item, len(found[kind]))
            found[kind].append(item)
            trees += 1
    done = dict.fromkeys(kinds, 0)
    edges = [[] for _ in relations]
    for hop in range(len(fanouts[0])):
        until = {kind: len(found[kind]) for kind in kinds}
        for at, (source, target, rows) in enumerate(relations):
            draws = key(stream, hop * len(relations) + at)
            for place in range(done[target], until[target]):
                tree, node = found[target][place]
                row = rows.get(node, [])
                if limits is not None:
                    row = [entry for entry in row if entry[3] is None or entry[3] <= limits[tree]]
                for pick in _pick(row, fanouts[at][hop], replace, last, key(draws, place)):
                    item = (tree, row[pick][0])
                    if item not in number[source]:
                        number[source][item] = len(found[source])
                        found[source].append(item)
                    edges[at].append((number[source][item], place, row[pick][1]))
        done = until
    return found, edges


def _pick(row, fanout, replace, last, draws):
    if row and row[0][2] is not None:
        return choose_weighted([entry[2] for entry in row], fanout, replace, draws)
    if last:
        return list(range(len(row)))[max(len(row) - fanout, 0) if fanout >= 0 else 0 :]
    return choose(row, fanout, replace, draws)


def successive_law(weight, count):
    """Chance of each set of ``count`` places drawn one after the other in proportion to what is left."""
    law = {}
    for order in itertools.permutations(range(len(weight)), count):
        chance, left = 1.0, sum(weight)
        for place in order:
            chance *= weight[place] / left if left else 0.0
            left -= weight[place]
        chosen = tuple(sorted(order))
        law[chosen] = law.get(chosen, 0.0) + chance
    return law


def pagerank(weight, seed, restart):
    """Personalised PageRank by solving the linear system; ``weight[v, u]`` leads from v to u, dead ends lose."""
    total = weight.sum(axis=1, keepdims=True)
    step = np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)
    start = np.zeros(len(weight))
    start[seed] = restart
    return np.linalg.solve((np.eye(len(weight)) - (1 - restart) * step).T, start)


def trees_are_whole(found, edges):
    """Whether every edge stays within one tree."""
    return all(found[row][0] == found[col][0] for row, col, _ in edges)
