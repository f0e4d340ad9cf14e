"""How good is a ranking, and how different are a table's rows? Arrays in, a float out.

Ties in a ranking are counted as what they are worth on average.

`auc` and `average_precision` are scikit-learn's, which treat ties rightly, behind a check: a degenerate input (one
class only, scores that are not finite) raises instead of returning a number that means nothing.
`mean_reciprocal_rank` and `hits` rank each positive against the negatives given.

`mean_average_distance`, `dirichlet_energy` and `effective_rank` say whether deep layers still tell nodes apart: all
fall as rows become alike (oversmoothing).
"""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Num
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from graphembed.errors import first_few

_ALIKE = 1e-6  # cosine distance below which rounding decides


def auc(label: Bool[np.ndarray, " pairs"], score: Num[np.ndarray, " pairs"]) -> float:
    """Chance that a random positive scores above a random negative, a tie counting one half.

    Example:
        >>> auc(np.array([True, True, False, False]), np.array([3, 1, 2, 1]))
        0.625
    """
    _check(label, score)
    return float(roc_auc_score(label, score))


def average_precision(label: Bool[np.ndarray, " pairs"], score: Num[np.ndarray, " pairs"]) -> float:
    """Mean precision over the thresholds at which recall rises, weighted by the rise; tied scores are one threshold.

    Example:
        >>> average_precision(np.array([True, False, True]), np.array([3, 2, 1]))
        0.83...
    """
    _check(label, score)
    return float(average_precision_score(label, score))


def mean_reciprocal_rank(label: Bool[np.ndarray, " pairs"], score: Num[np.ndarray, " pairs"]) -> float:
    """Mean of 1 / rank, each positive ranked among all negatives; a tie counts half a place.

    Example:
        >>> mean_reciprocal_rank(np.array([True, True, False, False]), np.array([3, 1, 2, 0]))
        0.75
    """
    return float((1.0 / _ranks(label, score)).mean())


def hits(label: Bool[np.ndarray, " pairs"], score: Num[np.ndarray, " pairs"], k: int) -> float:
    """Share of positives whose rank among all negatives is at most ``k``; a tie counts half a place.

    Example:
        >>> hits(np.array([True, True, False, False]), np.array([3, 1, 2, 0]), k=1)
        0.5
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    return float((_ranks(label, score) <= k).mean())


def mean_average_distance(x: Float[np.ndarray, "nodes dim"], pairs: Int[np.ndarray, "2 pairs"] | None = None) -> float:
    """Mean over nodes of their mean cosine distance to the nodes they are not alike to; 0 where all are alike.

    MAD = mean over i with D_i > 0 of D_i, D_i = mean over j with D_ij > 0 of D_ij, D_ij = 1 - cos(x_i, x_j).

    Args:
        x: Rows.
        pairs: Which i and j to compare, such as edges; by default all.

    Example:
        >>> mean_average_distance(np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]]))
        1.0

    References:
        Chen et al. 2020, "Measuring and relieving the over-smoothing problem for graph neural networks", section 3.
    Differs from the paper: two zero rows are alike (distance 0); distances up to 1e-6 count as 0.
    """
    _check_finite(x)
    wide = x.astype(np.float64)
    length = np.linalg.norm(wide, axis=1, keepdims=True)
    unit = np.divide(wide, length, out=np.zeros_like(wide), where=length > 0)
    zero = length[:, 0] == 0
    total: NDArray[Any]
    count: NDArray[Any]
    if pairs is None:
        total, count = np.zeros(len(x)), np.zeros(len(x))
        for begin in range(0, len(x), 1024):
            rows = slice(begin, begin + 1024)
            distance = 1 - unit[rows] @ unit.T - np.outer(zero[rows], zero)
            distance[distance <= _ALIKE] = 0
            total[rows], count[rows] = distance.sum(axis=1), (distance > 0).sum(axis=1)
    else:
        i, j = pairs
        distance = 1 - np.einsum("pd,pd->p", unit[i], unit[j]) - (zero[i] & zero[j])
        distance[distance <= _ALIKE] = 0
        total = np.bincount(i, distance, len(x))
        count = np.bincount(i, (distance > 0).astype(float), len(x))
    some = count > 0
    return float((total[some] / count[some]).mean()) if some.any() else 0.0


def dirichlet_energy(x: Float[np.ndarray, "nodes dim"], edges: Int[np.ndarray, "2 edges"]) -> float:
    """Mean over edges of |x_i / sqrt(1 + d_i) - x_j / sqrt(1 + d_j)|^2; 0 where GCN has smoothed all away.

    Args:
        x: Rows.
        edges: Both directions of each edge, as in ``edge_index`` of an undirected graph; self-loops do not count.

    Example:
        >>> round(dirichlet_energy(np.array([[3.0], [0.0]]), np.array([[0, 1], [1, 0]])), 6)
        4.5

    References:
        Cai and Wang 2020, "A note on over-smoothing for graph neural networks", definition 3.1.
    Differs from the paper: the mean over edges instead of half the sum over pairs.
    """
    _check_finite(x)
    i, j = edges[:, edges[0] != edges[1]]
    if not i.size:
        return 0.0
    scaled = x.astype(np.float64) / np.sqrt(1 + np.bincount(i, minlength=len(x)))[:, None]
    return float(((scaled[i] - scaled[j]) ** 2).sum(axis=1).mean())


def effective_rank(x: Float[np.ndarray, "nodes dim"]) -> float:
    """How many directions rows use: exp(entropy of p), p = singular values over their sum; 0 where all are zero.

    Example:
        >>> effective_rank(np.eye(4))
        4.0

    References:
        Roy and Vetterli 2007, "The effective rank: a measure of effective dimensionality", definition 1.
    """
    _check_finite(x)
    share = np.linalg.svd(x.astype(np.float64), compute_uv=False)
    share = share[share > 0] / max(share.sum(), np.finfo(float).tiny)
    return float(np.exp(-(share * np.log(share)).sum())) if share.size else 0.0


def _ranks(label: NDArray[np.bool_], score: NDArray[Any]) -> Float[np.ndarray, " positives"]:
    """Rank of each positive: one plus the negatives above it plus half of those that tie with it."""
    _check(label, score)
    positive, negative = score[label], np.sort(score[~label])
    above = len(negative) - np.searchsorted(negative, positive, side="right")
    ties = np.searchsorted(negative, positive, side="right") - np.searchsorted(negative, positive, side="left")
    ranks: NDArray[Any] = 1.0 + above + ties / 2
    return ranks


def _check(label: NDArray[np.bool_], score: NDArray[Any]) -> None:
    if label.dtype != bool:
        raise ValueError(f"labels must be True or False, got an array of {label.dtype}")
    if label.shape != score.shape:
        raise ValueError(f"expected one score per label, got {score.shape} scores for {label.shape} labels")
    if not np.isfinite(score).all():
        raise ValueError(f"{int((~np.isfinite(score)).sum())} of {score.size} scores are not finite")
    if label.all() or not label.any():
        raise ValueError(f"a ranking needs positives and negatives, got {int(label.sum())} positives of {label.size}")


def _check_finite(x: NDArray[Any]) -> None:
    wrong = np.flatnonzero(~np.isfinite(x).all(axis=1))
    if wrong.size:
        raise ValueError(f"{wrong.size} of {len(x)} rows are not finite: {first_few(wrong.tolist())}")
