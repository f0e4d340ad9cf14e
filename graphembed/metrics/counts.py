"""Exact figures for rankings of any length: what matters of a ranking is how many stand between the positives.

`count` keeps, best first, the numbers of positives and of negatives at each step of a ranking; negatives between two
positives are one step. All pairs of a graph can be streamed through it: memory grows with the positives only. AUC,
average precision (at any sparsity), the places of the positives and precision at k follow from the numbers alone, and
so do bootstrap intervals.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


class Counts(NamedTuple):
    """How many stand at each step of a ranking, best first; those of one step are tied."""

    positives: Numbers  # (steps,)
    negatives: Numbers  # (steps,)


def count(positive: NDArray[Any], negative: Iterable[NDArray[Any]]) -> Counts:
    """Count a ranking.

    Args:
        positive: (positives,) scores.
        negative: Blocks of scores.

    Raises:
        ValueError: No positives, no negatives, or scores that are not finite.

    Example:
        >>> count(np.array([3.0, 1.0]), [np.array([2.0, 1.0]), np.array([5.0])])
        Counts(positives=array([0, 1, 0, 1, 0]), negatives=array([1, 0, 1, 1, 0]))
    """
    _check_finite(positive)
    values, times = np.unique(positive, return_counts=True)
    negatives = np.zeros(2 * len(values) + 1, np.int64)  # upwards: below the first value, at it, above it, ...
    for block in negative:
        _check_finite(block)
        place = np.searchsorted(values, block)
        tied = values[np.minimum(place, len(values) - 1)] == block if len(values) else np.zeros(len(block), bool)
        negatives += np.bincount(2 * place + tied, minlength=len(negatives))
    if not len(values) or not negatives.any():
        raise ValueError(
            f"a ranking needs positives and negatives, got {len(positive)} positives and {negatives.sum()} negatives"
        )
    positives = np.zeros_like(negatives)
    positives[1::2] = times
    return Counts(positives[::-1].copy(), negatives[::-1].copy())


def auc_of(counts: Counts) -> float:
    """Chance that a random positive stands above a random negative, a tie counting one half.

    Example:
        >>> auc_of(count(np.array([3, 1]), [np.array([2, 1])]))
        0.625
    """
    p, n = counts
    below = n.sum() - np.cumsum(n) + n / 2
    return float((p * below).sum() / (p.sum() * n.sum()))


def average_precision_of(counts: Counts, negative_weight: float = 1.0) -> float:
    """Mean precision over the steps at which recall rises, each negative standing for ``negative_weight``.

    Example:
        >>> average_precision_of(count(np.array([3, 1]), [np.array([2])]))
        0.83...
    """
    p, n = counts
    found = np.cumsum(p)
    return float((p * found / np.maximum(found + negative_weight * np.cumsum(n), 1e-300)).sum() / p.sum())


def precision_of(counts: Counts, k: int) -> float:
    """Share of positives among the first ``k``; of those tied at the end, as many as are expected.

    Example:
        >>> precision_of(count(np.array([3, 1]), [np.array([2, 1])]), k=3)
        0.5
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    p, n = counts
    before = np.cumsum(p + n) - p - n
    taken = np.clip(k - before, 0, p + n) / np.maximum(p + n, 1)
    return float((p * taken).sum() / k)


def ranks_of(counts: Counts) -> NDArray[np.float64]:
    """Place of each positive among the negatives, best first; a tie counts half a place.

    Example:
        >>> ranks_of(count(np.array([3, 1]), [np.array([2, 1])]))
        array([1. , 2.5])
    """
    p, n = counts
    return np.repeat(1.0 + np.cumsum(n) - n / 2, p)


def resampled(counts: Counts, times: int, seed: int, *, negatives: bool = True) -> Iterator[Counts]:
    """Draw rankings anew from the positives and, apart, from the negatives of one, as the bootstrap does.

    Args:
        counts: The ranking.
        times: How many to draw.
        seed: Everything random comes from it.
        negatives: False leaves the negatives as they are: where they are all there are, chance has no part in them.

    Example:
        >>> [round(auc_of(drawn), 3) for drawn in resampled(count(np.array([3, 1]), [np.array([2, 1])]), 3, seed=0)]
        [0.75, 1.0, 0.625]

    References:
        Efron 1979, "Bootstrap methods: another look at the jackknife".
    """
    rng = np.random.default_rng(seed)
    p, n = counts
    for _ in range(times):
        drawn = rng.multinomial(p.sum(), p / p.sum())
        yield Counts(drawn, rng.multinomial(n.sum(), n / n.sum()) if negatives else n)


def _check_finite(score: NDArray[Any]) -> None:
    if not np.isfinite(score).all():
        raise ValueError(f"{int((~np.isfinite(score)).sum())} of {score.size} scores are not finite")
