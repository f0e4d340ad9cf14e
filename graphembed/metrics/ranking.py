"""How good is a ranking of links? Labels and scores in, a float out.

Ties are counted as what they are worth on average: a tie is half a place.

`auc` and `average_precision` are scikit-learn's, which treat ties rightly, behind a check: a degenerate input (one
class only, scores that are not finite) raises instead of returning a number that means nothing.
`mean_reciprocal_rank` and `hits` rank each positive against the negatives given. `rank_scores` sums up places that were
found otherwise: each positive among negatives of its own. `recall` and `ndcg` judge lists: one row per query, with
several right answers, as recommendation has them.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Num, Real
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


def average_precision(
    label: Bool[np.ndarray, " pairs"], score: Num[np.ndarray, " pairs"], negative_weight: float = 1.0
) -> float:
    """Mean precision over the thresholds at which recall rises, weighted by the rise; tied scores are one threshold.

    With a weight it is the AP at another sparsity: each negative stands for that many.

    Example:
        >>> average_precision(np.array([True, False, True]), np.array([3, 2, 1]))
        0.83...
    """
    _check(label, score)
    return float(average_precision_score(label, score, sample_weight=np.where(label, 1.0, negative_weight)))


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


def rank_scores(ranks: Real[np.ndarray, " positives"], ks: Iterable[int] = (1, 3, 10, 50, 100)) -> dict[str, float]:
    """Sum up the places of positives, each among its negatives: MRR, NDCG and Hits@k.

    MRR = mean 1 / rank, Hits@k = share of ranks <= k, NDCG = mean 1 / log2(1 + rank) (one right answer for each).

    Args:
        ranks: From 1; halves are ties.
        ks: Of Hits@k.

    Example:
        >>> rank_scores(np.array([1, 3]), ks=[1])
        {'MRR': 0.66..., 'NDCG': 0.75, 'Hits@1': 0.5}
    """
    if not len(ranks) or not (ranks >= 1).all():
        raise ValueError(f"ranks must be at least 1, and there must be some; got {ranks[:5]}")
    found = {"MRR": float((1 / ranks).mean()), "NDCG": float((1 / np.log2(1 + ranks)).mean())}
    return found | {f"Hits@{k}": float((ranks <= k).mean()) for k in ks}


def ranks_among(
    positive: Num[np.ndarray, " positives"], negative: Num[np.ndarray, "positives negatives"]
) -> Float[np.ndarray, " positives"]:
    """Place of each positive among its own negatives, those of -inf left out; a tie counts half a place.

    Example:
        >>> ranks_among(np.array([2.0, 1.0]), np.array([[1.0, 3.0], [1.0, -np.inf]]))
        array([2. , 1.5])
    """
    above, ties = (negative > positive[:, None]).sum(axis=1), (negative == positive[:, None]).sum(axis=1)
    ranks: NDArray[Any] = 1.0 + above + ties / 2
    return ranks


def recall(label: Bool[np.ndarray, "queries items"], score: Num[np.ndarray, "queries items"], k: int) -> float:
    """Mean over queries of the share of right answers among the first ``k``; queries without one do not count.

    Args:
        label: True for a right answer.
        score: -inf for what is no candidate.
        k: Length of the list.

    Example:
        >>> recall(np.array([[True, False, True]]), np.array([[3, 2, 1]]), k=2)
        0.5
    """
    query, place = _places(label, score)
    some = label.any(axis=1)
    return float((np.bincount(query[place <= k], minlength=len(label))[some] / label[some].sum(axis=1)).mean())


def ndcg(label: Bool[np.ndarray, "queries items"], score: Num[np.ndarray, "queries items"], k: int) -> float:
    """Mean over queries of sum over right answers among the first k of 1 / log2(1 + place), over the best there can be.

    Args:
        label: True for a right answer; queries without one do not count.
        score: -inf for what is no candidate.
        k: Length of the list.

    Example:
        >>> ndcg(np.array([[True, False, True]]), np.array([[3, 2, 1]]), k=3)
        0.91...

    References:
        Järvelin and Kekäläinen 2002, "Cumulated gain-based evaluation of IR techniques", section 2.
    """
    query, place = _places(label, score)
    gain = np.where(place <= k, 1 / np.log2(1 + place), 0.0)
    best = np.concatenate([[0], np.cumsum(1 / np.log2(2 + np.arange(k)))])
    some = label.any(axis=1)
    ideal = best[np.minimum(label[some].sum(axis=1), k)]
    return float((np.bincount(query, gain, minlength=len(label))[some] / ideal).mean())


def _places(label: NDArray[np.bool_], score: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the query of each right answer and its place among all candidates of the query; a tie is half a place."""
    if not label.any():
        raise ValueError(f"no query of {len(label)} has a right answer: there is nothing to find")
    query, item = np.nonzero(label)
    ordered = np.sort(score, axis=1)
    found = score[query, item]
    if not np.isfinite(found).all():
        raise ValueError(
            f"{int((~np.isfinite(found)).sum())} right answers are no candidates: their score is not finite"
        )
    place = np.empty(len(query))
    for row in np.unique(query):
        mine = query == row
        place[mine] = score.shape[1] + 1 - np.searchsorted(ordered[row], found[mine], "right")
        place[mine] += (
            np.searchsorted(ordered[row], found[mine], "right") - np.searchsorted(ordered[row], found[mine]) - 1
        ) / 2
    return query, place


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
