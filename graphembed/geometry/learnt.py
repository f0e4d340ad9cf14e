"""Is it learnt? How vectors look that carry nothing is known exactly; these measures say how far a space is from it.

Directions drawn at random have cosines of mean 0 and variance 1/dim, fill the sphere evenly and use every dimension. A
collapsed space has one direction. A useful one lies between: linked nodes near each other, the rest spread out.
"""

import dataclasses as dc
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import hyp0f1
from scipy.stats import beta, kstest

from graphembed.errors import DataError
from graphembed.geometry.points import MOST, Metric, Vectors, cosines_of, look, occurrences, pairs_of
from graphembed.parallel import one_thread

_EPSILON = 1e-7  # RankMe, section 3.1


@dc.dataclass(frozen=True)
class Cosines:
    """The cosines of pairs of nodes beside those of random directions.

    Attributes:
        mean: Their mean; 0 of random directions.
        variance: Their variance.
        expected_variance: 1/dim, of random directions.
        distance: Largest difference between their distribution function and the one of random directions, 0 to 1.
        edges: (bins + 1,) borders of the histogram.
        share: (bins,) of pairs in each bin.
        expected_share: (bins,) of pairs of random directions.
    """

    mean: float
    variance: float
    expected_variance: float
    distance: float
    edges: NDArray[np.float64]
    share: NDArray[np.float64]
    expected_share: NDArray[np.float64]


@one_thread()
def cosine_null(z: Vectors, *, bins: int = 40, most: int = MOST, seed: int = 0) -> Cosines:
    """Compare the cosines of pairs of nodes with those of random directions.

    Of two directions drawn evenly from the sphere in d dimensions, (1 + cosine) / 2 has the distribution
    Beta((d - 1) / 2, (d - 1) / 2): mean of the cosine 0, variance 1/d.

    Args:
        z: (nodes, dim) vectors.
        bins: Of the histogram, from -1 to 1.
        most: More nodes than these are sampled.
        seed: Of the sample of nodes and of pairs (300 000 at most).

    Raises:
        DataError: Less than two vectors, or such as are not finite.

    Example:
        >>> of = cosine_null(np.random.default_rng(0).normal(size=(400, 50)))
        >>> abs(of.mean) < 0.01, abs(of.variance - 1 / 50) < 0.001, of.distance < 0.01
        (True, True, True)

    References:
        Cai, Fan and Jiang 2013, "Distributions of angles in random packing on spheres", lemma 12.
    """
    x = look(z, most, seed)
    if len(x) < 2:
        raise DataError("cosines are of pairs: at least two vectors are needed, got 1")
    cosine = cosines_of(x, pairs_of(len(x), seed))
    borders = np.linspace(-1, 1, bins + 1)
    below = _random_below(borders, x.shape[1])
    expected = np.diff(below)
    expected[0] += below[0]
    if x.shape[1] == 1:  # two directions only
        distance = max(abs(float((cosine < -0.5).mean()) - 0.5), abs(float((cosine < 0.5).mean()) - 0.5))
    else:
        distance = float(kstest(cosine, lambda t: _random_below(t, x.shape[1])).statistic)
    share = np.histogram(cosine, borders)[0] / cosine.size
    return Cosines(float(cosine.mean()), float(cosine.var()), 1 / x.shape[1], distance, borders, share, expected)


def _random_below(t: NDArray[np.float64], dim: int) -> NDArray[np.float64]:
    """The chance that two random directions have a cosine of at most t."""
    if dim == 1:
        return np.where(t >= 1, 1.0, np.where(t >= -1, 0.5, 0.0))
    half: NDArray[np.float64] = beta.cdf((1 + t) / 2, (dim - 1) / 2, (dim - 1) / 2)
    return half


def alignment(z: Vectors, pairs: NDArray[np.integer[Any]], power: float = 2.0) -> float:
    """How far apart are those that should be near? Mean over pairs of |u_i - u_j|^power, u the vectors at length 1.

    Args:
        z: (nodes, dim) vectors.
        pairs: (2, pairs) rows that belong together, such as the ends of edges.
        power: 2 in the paper.

    Returns:
        From 0 (all pairs coincide) to 4 (opposite); 2 of random directions. NaN without pairs.

    Example:
        >>> alignment(np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([[0], [1]]))
        2.0

    References:
        Wang and Isola 2020, "Understanding contrastive representation learning through alignment and uniformity on the
        hypersphere", section 4.
    """
    if not pairs.shape[1]:
        return float("nan")
    return float((np.maximum(2 - 2 * cosines_of(look(z), pairs), 0) ** (power / 2)).mean())


@one_thread()
def uniformity(z: Vectors, *, t: float = 2.0, most: int = MOST, seed: int = 0) -> float:
    """How evenly is the sphere filled? log of the mean over pairs of exp(-t |u_i - u_j|^2), u the vectors at length 1.

    Args:
        z: (nodes, dim) vectors, two at least.
        t: 2 in the paper.
        most: More nodes than these are sampled.
        seed: Of the samples.

    Returns:
        From 0 (collapsed) down to about `uniformity_of_sphere`, which tends to -2 t as the dimension grows.

    Example:
        >>> uniformity(np.ones((5, 3)))
        0.0

    References:
        Wang and Isola 2020, section 4. Vectors that are zero count as alike, and as at right angles to all others.
    """
    x = look(z, most, seed)
    if len(x) < 2:
        raise DataError("uniformity is of pairs: at least two vectors are needed, got 1")
    cosine = cosines_of(x, pairs_of(len(x), seed))
    value = float(np.log(np.exp(-2 * t * (1 - cosine)).mean()))
    return 0.0 if abs(value) < 1e-12 else value


def uniformity_of_sphere(dim: int, t: float = 2.0) -> float:
    """What `uniformity` tends to if directions are drawn evenly: -2t + log 0F1(; dim/2; t^2).

    Example:
        >>> [round(uniformity_of_sphere(dim), 2) for dim in (2, 128, 100_000)]
        [-1.58, -3.94, -4.0]

    References:
        The moment generating function of a von Mises-Fisher direction; Mardia and Jupp 2000, "Directional statistics",
        equation 9.3.6.
    """
    return float(-2 * t + np.log(hyp0f1(dim / 2, t * t)))


@one_thread()
def rank_me(z: Vectors) -> float:
    """How many directions do the vectors use? exp(entropy of p), p_k = s_k / sum(s) + 1e-7, s the singular values.

    Returns:
        From 1 (all on one line) to dim; 0 if all vectors are zero.

    Example:
        >>> round(rank_me(np.eye(4)), 4)
        4.0

    References:
        Garrido et al. 2023, "RankMe: assessing the downstream performance of pretrained self-supervised representations
        by their rank", equation 1.
    """
    s = np.linalg.svd(look(z), compute_uv=False)
    if not s.sum() > 0:
        return 0.0
    p = s / s.sum() + _EPSILON
    return float(np.exp(-(p * np.log(p)).sum()))


@one_thread()
def iso_score(z: Vectors) -> float:
    """How evenly does the cloud spread over its dimensions? 1: in all alike, 0: in one only.

    With v the variances along the principal axes, brought to length sqrt(d), and the defect
    D = |v - 1| / sqrt(2 (d - sqrt d)): IsoScore = (d f - 1) / (d - 1), f = (d - D^2 (d - sqrt d))^2 / d^2.

    Returns:
        0 to 1; 0 if all vectors are equal.

    Example:
        >>> iso_score(np.vstack([np.eye(3), -np.eye(3)])), iso_score(np.outer([1.0, 2.0, 3.0], [1.0, 1.0]))
        (1.0, 0.0)

    References:
        Rudman et al. 2022, "IsoScore: measuring the uniformity of embedding space utilization", algorithm 1.
    """
    x = look(z)
    d = x.shape[1]
    x = x - x.mean(axis=0)
    if d == 1 or not np.abs(x).max() > 0:
        return float(np.abs(x).max() > 0)
    variance = np.linalg.svd(x / np.abs(x).max(), compute_uv=False) ** 2
    v = np.zeros(d)
    v[: variance.size] = np.sqrt(d) * variance / np.linalg.norm(variance)
    defect = ((v - 1) ** 2).sum() / (2 * (d - np.sqrt(d)))
    spread = (d - defect * (d - np.sqrt(d))) ** 2 / d**2
    return min(1.0, max(0.0, round(float((d * spread - 1) / (d - 1)), 12)))


@dc.dataclass(frozen=True)
class Hubness:
    """Whether some nodes are near to everybody.

    Attributes:
        skewness: Of the number of times a node is among the k nearest of others; about 0 without hubs.
        largest: The largest such number, as a share of the nodes.
        never: Share of nodes that are among nobody's nearest.
    """

    skewness: float
    largest: float
    never: float


@one_thread()
def hubness(z: Vectors, k: int = 10, *, metric: Metric = "cosine", most: int = MOST, seed: int = 0) -> Hubness:
    """Look for hubs: N_k(i) = in how many lists of k nearest node i is; its skewness is E (N - mean)^3 / std^3.

    Those equally near share the last places of a list, so that a collapsed space has no hubs.

    Args:
        z: (nodes, dim) vectors.
        k: Length of the lists.
        metric: ``"cosine"``, ``"dot"`` or ``"euclidean"``.
        most: More nodes than these are sampled.
        seed: Of the sample.

    Example:
        >>> star = np.array([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.1], [0.0, 1.2], [0.1, -1.1]])
        >>> hubness(star, k=1, metric="euclidean")
        Hubness(skewness=1.29..., largest=0.8, never=0.6)

    References:
        Radovanovic et al. 2010, "Hubs in space: popular nearest neighbors in high-dimensional data", section 2.
    """
    x = look(z, most, seed)
    times = occurrences(x, k, metric)
    away = times - times.mean()
    spread = float(np.sqrt((away**2).mean()))
    skewness = float((away**3).mean() / spread**3) if spread > 1e-6 else 0.0
    return Hubness(skewness, float(times.max() / len(x)), float((times < 1e-9).mean()) if len(x) > 1 else 0.0)
