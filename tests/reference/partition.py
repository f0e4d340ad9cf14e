"""Correlation clustering in slow plain Python: all ways to group a few points, and all small changes of one."""

import numpy as np


def value(log_odds, group):
    n = len(group)
    return sum(log_odds[i, j] for i in range(n) for j in range(i) if group[i] == group[j])


def allowed(kind, group):
    pairs = list(zip(group, kind, strict=True))
    return len(set(pairs)) == len(pairs)


def partitions(n):
    """Every way to put n points into groups, as numbers of groups."""
    if n == 0:
        yield []
        return
    for rest in partitions(n - 1):
        for group in range(max(rest, default=-1) + 2):
            yield [*rest, group]


def best(kind, log_odds):
    return max(value(log_odds, group) for group in partitions(len(kind)) if allowed(kind, group))


def changes(kind, group):
    """Groups after one point has moved, two points of one kind have changed places, or two groups have joined."""
    n, names = len(group), sorted(set(group))
    for i in range(n):
        for name in [*names, max(names) + 1]:
            other = list(group)
            other[i] = name
            yield other
    for i in range(n):
        for j in range(i):
            if kind[i] == kind[j]:
                other = list(group)
                other[i], other[j] = group[j], group[i]
                yield other
    for a in names:
        for b in names:
            yield [a if name == b else name for name in group]


def greedy(rank, tag, score, reach):
    """People of one image, joint by joint, the nearest pair (rounded to a tenth of the reach) first."""
    person, people = [-1] * len(rank), 0
    for joint in sorted(set(rank)):
        asked = [i for i in range(len(rank)) if rank[i] == joint]
        middles = {p: np.mean([tag[i] for i in range(len(rank)) if person[i] == p], axis=0) for p in range(people)}
        pairs = []
        for i in asked:
            for p, middle in middles.items():
                far = np.sqrt(sum((tag[i] - middle) ** 2))
                if far <= reach:
                    pairs.append((np.round(10 * far / reach), -score[i], far, i, p))
        for *_, i, p in sorted(pairs):
            if person[i] < 0 and all(person[other] != p for other in asked):
                person[i] = p
        for i in asked:
            if person[i] < 0:
                person[i] = people
                people += 1
    return person
