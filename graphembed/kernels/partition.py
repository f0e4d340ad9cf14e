"""Correlation clustering of points that have a kind: no two of one kind are ever in one group.

Of all ways to put the points of an image into groups, look for the one with the largest sum of log-odds over the pairs
within groups. Groups are contracted greedily, the pair with the largest sum first (Keuper et al. 2015, greedy additive
edge contraction); then single points move or change places, and groups join, as long as the sum rises.
"""

import numpy as np
from numpy.typing import NDArray

from graphembed.kernels.compile import inlined, kernel

_LEAST = 1e-9  # a sum that rises by less has not risen
_SWEEPS = 100  # over the points of an image, at most; each must raise the sum


@kernel
def partition(
    first: NDArray[np.int64], kind: NDArray[np.int64], log_odds: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Put the points of images into groups.

    Args:
        first: (images + 1,) where the points of each image begin.
        kind: (points,) below 63.
        log_odds: One image's matrix behind the other, row by row: of n points, n^2 numbers, symmetric; what stands on
            the diagonal does not matter.

    Returns:
        (points,) numbers of groups, which do not go on over images, and (images,) sums over pairs within groups.
    """
    images = first.size - 1
    group = np.empty(kind.size, np.int64)
    value = np.zeros(images)
    begin, found = 0, 0
    for image in range(images):
        low, high = first[image], first[image + 1]
        n = high - low
        weight = log_odds[begin : begin + n * n].reshape(n, n).astype(np.float64)
        begin += n * n
        own = _contract(weight, kind[low:high])
        value[image] = _improve(weight, kind[low:high], own)
        name = np.full(n, -1, np.int64)
        for point in range(n):
            if name[own[point]] < 0:
                name[own[point]] = found
                found += 1
            group[low + point] = name[own[point]]
    return group, value


@kernel
def _contract(weight: NDArray[np.float64], kind: NDArray[np.int64]) -> NDArray[np.int64]:
    """Join the two groups with the largest sum, as long as it is above zero."""
    n = kind.size
    total = weight.copy()
    holds = np.empty(n, np.int64)
    group = np.arange(n)
    alive = np.ones(n, np.bool_)
    partner = np.empty(n, np.int64)  # of each group the best other, and how good it is
    best = np.empty(n)
    for a in range(n):
        holds[a] = np.int64(1) << kind[a]
    for a in range(n):
        partner[a], best[a] = _best(a, total, holds, alive)
    for _ in range(n):
        a = -1
        for c in range(n):
            if alive[c] and partner[c] >= 0 and (a < 0 or best[c] > best[a]):
                a = c
        if a < 0:
            break
        b = partner[a]
        if b < a:
            a, b = b, a
        alive[b] = False
        holds[a] |= holds[b]
        for c in range(n):
            total[a, c] += total[b, c]
            total[c, a] = total[a, c]
            if group[c] == b:
                group[c] = a
        partner[a], best[a] = _best(a, total, holds, alive)
        for c in range(n):
            if alive[c] and c != a:
                if partner[c] == a or partner[c] == b:
                    partner[c], best[c] = _best(c, total, holds, alive)
                elif total[c, a] > best[c] and total[c, a] > _LEAST and not holds[c] & holds[a]:
                    partner[c], best[c] = a, total[c, a]
    return group


@inlined
def _best(a: int, total: NDArray[np.float64], holds: NDArray[np.int64], alive: NDArray[np.bool_]) -> tuple[int, float]:
    """Return the group that may join ``a`` with the largest sum above zero, and the sum; -1 if there is none."""
    partner, best = -1, _LEAST
    for c in range(alive.size):
        if alive[c] and c != a and total[a, c] > best and not holds[a] & holds[c]:
            partner, best = c, total[a, c]
    return partner, best


@kernel
def _improve(weight: NDArray[np.float64], kind: NDArray[np.int64], group: NDArray[np.int64]) -> float:
    """Move points, let two change places and join groups while the sum rises; returns the sum."""
    n = kind.size
    at = np.full((n, 63), -1, np.int64)  # the point of each kind in a group
    pull = np.zeros((n, n))  # sum of a point's log-odds with the points of a group
    size = np.zeros(n, np.int64)
    for i in range(n):
        at[group[i], kind[i]] = i
        size[group[i]] += 1
        for j in range(n):
            if i != j:
                pull[i, group[j]] += weight[i, j]
    for _ in range(_SWEEPS):
        risen = False
        for i in range(n):
            risen |= _move(i, weight, kind, group, at, pull, size)
        risen |= _join(kind, group, at, pull, size)
        if not risen:
            break
    value = 0.0
    for i in range(n):
        value += pull[i, group[i]] / 2
    return value


@inlined
def _move(
    i: int,
    weight: NDArray[np.float64],
    kind: NDArray[np.int64],
    group: NDArray[np.int64],
    at: NDArray[np.int64],
    pull: NDArray[np.float64],
    size: NDArray[np.int64],
) -> bool:
    """Put a point where it fits best; who holds that place goes where it fits best in turn, alone or to ours."""
    n, here, own = kind.size, group[i], kind[i]
    gain, where, out = _LEAST, -1, -1
    alone = -1
    for c in range(n):
        if size[c] == 0:
            alone = c
            break
    if size[here] > 1 and -pull[i, here] > gain:
        gain, where = -pull[i, here], alone
    for c in range(n):
        if c == here or size[c] == 0:
            continue
        j = at[c, own]
        if j < 0:
            if pull[i, c] - pull[i, here] > gain:
                gain, where, out = pull[i, c] - pull[i, here], c, -1
        else:  # j leaves first: to our place, or to be alone
            rest = pull[i, c] - weight[i, j] - pull[i, here]
            change = rest + pull[j, here] - weight[i, j] - pull[j, c]
            if change > gain:
                gain, where, out = change, c, here
            if alone >= 0 and rest - pull[j, c] > gain:
                gain, where, out = rest - pull[j, c], c, alone
    if where < 0:
        return False
    j = at[where, own]
    at[here, own] = -1
    if j >= 0:
        _put(j, out, weight, kind, group, at, pull, size)
    _put(i, where, weight, kind, group, at, pull, size)
    return True


@inlined
def _put(
    i: int,
    where: int,
    weight: NDArray[np.float64],
    kind: NDArray[np.int64],
    group: NDArray[np.int64],
    at: NDArray[np.int64],
    pull: NDArray[np.float64],
    size: NDArray[np.int64],
) -> None:
    """Move a point to another group, and keep the books."""
    here = group[i]
    if at[here, kind[i]] == i:
        at[here, kind[i]] = -1
    at[where, kind[i]] = i
    size[here] -= 1
    size[where] += 1
    group[i] = where
    for j in range(kind.size):
        if j != i:
            pull[j, here] -= weight[j, i]
            pull[j, where] += weight[j, i]


@inlined
def _join(
    kind: NDArray[np.int64],
    group: NDArray[np.int64],
    at: NDArray[np.int64],
    pull: NDArray[np.float64],
    size: NDArray[np.int64],
) -> bool:
    """Join any two groups whose points are for it on the whole and of different kinds."""
    n = kind.size
    risen = False
    for a in range(n):
        for b in range(n):
            if a == b or size[a] == 0 or size[b] == 0 or size[b] > size[a]:
                continue
            total, fits = 0.0, True
            for k in range(63):
                if at[b, k] >= 0:
                    if at[a, k] >= 0:
                        fits = False
                        break
                    total += pull[at[b, k], a]
            if not fits or total <= _LEAST:
                continue
            risen = True
            for k in range(63):
                if at[b, k] >= 0:
                    at[a, k] = at[b, k]
                    group[at[b, k]] = a
                    at[b, k] = -1
            size[a] += size[b]
            size[b] = 0
            for j in range(n):
                pull[j, a] += pull[j, b]
                pull[j, b] = 0.0
    return risen
