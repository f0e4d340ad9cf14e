"""Groups of alike vectors for `Roles`: found by two methods, judged by silhouette, and known again by energy distance.

Roles are of very different sizes: one chief, a hundred employees. k-means would rather halve a large group than leave a
small one alone; average linkage joins what is near, whatever its size, but where edges are noisy it sets strange nodes
apart, one by one, and puts the rest together. The silhouette tells which of the two fits, without knowing the roles.

Vectors that are equal are one point, with a weight; for many thousands stand 500 means of 20 000 that are drawn. Sums
are in the order of one thread if the caller sees to it, as `Roles` does.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans

_POINTS = 1000  # more different vectors than this are stood for by means
_MEANS = 500
_SAMPLE = 20_000  # of more rows, so many are drawn
_BLOCK = 4096  # rows compared at a time
_EQUAL = 1e-4  # distances below this share of the widest are rounding errors


class Points(NamedTuple):
    """What stands for the vectors.

    Args:
        at: (points, dim) where they are.
        weight: (points,) how many of the vectors looked at each stands for.
        apart: (points, points) distances.
        pairs: (points - 1, 2) two points whose groups average linkage joins, the nearest first.
    """

    at: NDArray[np.float64]
    weight: NDArray[np.float64]
    apart: NDArray[np.float64]
    pairs: NDArray[np.int64]


def points_of(z: NDArray[np.float64], seed: int) -> Points:
    """Return the different rows of (items, dim) vectors, or means of them where they are many.

    Rows that differ by rounding errors only, as those of the nodes of an orbit may, are one.
    """
    if len(z) > _SAMPLE:
        z = z[np.sort(np.random.default_rng(seed).choice(len(z), _SAMPLE, replace=False))]
    at, weight = np.unique(z, axis=0, return_counts=True)
    if len(at) > _POINTS:
        means = KMeans(_MEANS, n_init=1, random_state=seed).fit(at, sample_weight=weight)
        at, weight = means.cluster_centers_, np.bincount(means.labels_, weight, _MEANS)
    apart = cdist(at, at)
    pairs, heights = joined(apart, weight)
    different = 1 + int((heights > _EQUAL * apart.max()).sum())
    if different < len(at):
        share = _members(cut(pairs, different)) * weight[:, None]
        weight = share.sum(axis=0)
        at = (share / weight).T @ at
        apart = cdist(at, at)
        pairs, _ = joined(apart, weight)
    return Points(at, weight.astype(np.float64), apart, pairs)


def grouped(points: Points, k: int, seed: int) -> list[NDArray[np.int64]]:
    """Return the group of each point, (points,), by average linkage and by k-means."""
    means = KMeans(k, n_init=10, random_state=seed).fit(points.at, sample_weight=points.weight)
    return [cut(points.pairs, k), means.labels_.astype(np.int64)]


def joined(
    apart: NDArray[np.float64], weight: NDArray[np.integer[Any] | np.floating[Any]]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Join the two groups with the smallest mean distance between their members, until one is left.

    Returns:
        (points - 1, 2), two points: the groups they are in are joined; and (points - 1,) distances, ascending.

    References:
        Sokal and Michener 1958, "A statistical method for evaluating systematic relationships" (UPGMA).
    """
    apart, weight = apart.copy(), weight.astype(np.float64)
    np.fill_diagonal(apart, np.inf)
    pairs = np.empty((len(weight) - 1, 2), np.int64)
    heights = np.empty(len(weight) - 1)
    for step in range(len(pairs)):
        a, b = divmod(int(apart.argmin()), len(weight))
        pairs[step], heights[step] = (a, b), apart[a, b]
        mean = (weight[a] * apart[a] + weight[b] * apart[b]) / (weight[a] + weight[b])
        mean[a] = np.inf
        apart[a], apart[:, a] = mean, mean
        apart[b], apart[:, b] = np.inf, np.inf
        weight[a] += weight[b]
    return pairs, np.maximum.accumulate(heights)  # rounding may turn two around


def cut(pairs: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """Return the group of each point, (points,), where the tree has ``k`` groups."""
    group = np.arange(len(pairs) + 1)
    for a, b in pairs[: len(pairs) + 1 - k].tolist():
        group[group == group[b]] = group[a]
    return np.unique(group, return_inverse=True)[1].astype(np.int64)


def nearness(z: NDArray[np.float64], points: Points, group: NDArray[np.int64]) -> NDArray[np.float64]:
    """Say how far each row of z is from each group: (rows, groups), at least 0.

    E_g(z) = mean over m in g of |z - m|  -  1/2 mean over m, m' in g of |m - m'|

    It is 0 for a group of points all equal to z, and how wide a group is does not count against it.

    References:
        Szekely and Rizzo 2013, "Energy statistics: a class of statistics based on distances", section 2.
    """
    share = _members(group) * points.weight[:, None]
    share = share / share.sum(axis=0)
    within = ((points.apart @ share) * share).sum(axis=0) / 2
    blocks = [cdist(z[k : k + _BLOCK], points.at) @ share for k in range(0, len(z), _BLOCK)]
    far: NDArray[np.float64] = np.maximum(np.concatenate(blocks) - within, 0)
    return far


def silhouette(points: Points, group: NDArray[np.int64]) -> float:
    """Mean over vectors of (b - a) / max(a, b): mean distance to the own group, and to the nearest other.

    0 for a vector alone in its group; NaN for one group.

    References:
        Rousseeuw 1987, "Silhouettes: a graphical aid to the interpretation and validation of cluster analysis".
    """
    if not group.any():
        return float("nan")
    member = _members(group) * points.weight[:, None]
    size = member.sum(axis=0)
    total = points.apart @ member
    rows = np.arange(len(group))
    own = np.divide(total[rows, group], size[group] - 1, out=np.zeros(len(group)), where=size[group] > 1)
    other = total / size
    other[rows, group] = np.inf
    nearest = other.min(axis=1)
    width = np.divide(nearest - own, np.maximum(nearest, own), out=np.zeros(len(group)), where=nearest + own > 0)
    return float(np.average(np.where(size[group] > 1, width, 0), weights=points.weight))


def description(points: Points, group: NDArray[np.int64]) -> float:
    """Bits to write the vectors down: the group of each, the middle of each group, how far each is from its middle.

    n H(group) + k d / 2 log2 n + n d / 2 log2 (s_k^2 / s_1^2), with s_k^2 the mean squared distance to the middles and
    d the effective dimension, (sum of variances)^2 / sum of squared variances along the principal axes. Distances
    below three per cent of the whole spread are not worth a bit.

    References:
        Rissanen 1978, "Modeling by shortest data description", Automatica 14.
    """
    share = points.weight / points.weight.sum()
    centred = points.at - share @ points.at
    spread = np.maximum(np.linalg.eigvalsh((centred * share[:, None]).T @ centred), 0)
    member = _members(group) * share[:, None]
    chance = member.sum(axis=0)
    middle = (member.T @ points.at) / chance[:, None]
    left = share @ ((points.at - middle[group]) ** 2).sum(axis=1)
    if spread.sum() <= 0:
        return 0.0
    dim = spread.sum() ** 2 / (spread**2).sum()
    nodes = points.weight.sum()
    residual = max(left / spread.sum(), 1e-3)
    return float(
        nodes * -(chance * np.log2(chance)).sum()
        + len(chance) * dim / 2 * np.log2(nodes)
        + nodes * dim / 2 * np.log2(residual)
    )


def _members(group: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say which group each point is in: (points, groups)."""
    members: NDArray[np.bool_] = np.arange(group.max() + 1) == group[:, None]
    return members
