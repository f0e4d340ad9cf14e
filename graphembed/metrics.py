"""How good is a ranking? Arrays in, a float out; ties are counted as what they are worth on average.

`auc` and `average_precision` are scikit-learn's, which treat ties rightly, behind a check: a degenerate input (one
class only, scores that are not finite) raises instead of returning a number that means nothing.
`mean_reciprocal_rank` and `hits` rank each positive against the negatives given.
"""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Num
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score


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
