"""What of a figure is chance? Bootstrap intervals, and whether one method is better than another over several runs."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Real
from scipy import stats


class Interval(NamedTuple):
    """From where to where a figure lies."""

    low: float
    high: float


def interval(draws: Iterable[float], level: float = 0.95) -> Interval:
    """Return the percentile interval of what the bootstrap drew.

    Example:
        >>> interval([float(n) for n in range(101)], level=0.5)
        Interval(low=25.0, high=75.0)
    """
    low, high = np.quantile(np.fromiter(draws, float), [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def mean_interval(
    values: Real[np.ndarray, " items"], level: float = 0.95, times: int = 1000, seed: int = 0
) -> Interval:
    """Bootstrap interval of a mean: of reciprocal ranks, of hits, of anything there is one of for each link.

    Args:
        values: One for each item that is drawn anew.
        level: Share of the draws inside.
        times: How many draws.
        seed: Everything random comes from it.

    Example:
        >>> mean_interval(np.array([0.0, 1.0] * 50))
        Interval(low=0.4, high=0.6)

    References:
        Efron 1979, "Bootstrap methods: another look at the jackknife".
    """
    rng = np.random.default_rng(seed)
    return interval((values[rng.integers(0, len(values), len(values))].mean() for _ in range(times)), level)


class Comparison(NamedTuple):
    """How much better one method is, and how often chance alone does as much, either way."""

    difference: float
    t: float
    p: float


def compare_runs(one: Real[np.ndarray, " runs"], other: Real[np.ndarray, " runs"], test_share: float) -> Comparison:
    """Compare two methods over the same splits by the corrected resampled t-test.

    t = mean d / sqrt((1 / J + n_test / n_train) var d), d the difference in each of J runs, J - 1 degrees of freedom.
    Training sets of different splits overlap, so runs are not independent: a plain paired t-test finds differences far
    too often.

    Args:
        one: A figure for each split.
        other: That of the other method, for the same splits in the same order.
        test_share: Test over training size: 0.1 / 0.85 where a tenth is tested and 85 % train.

    Raises:
        ValueError: Fewer than two runs, or not as many of one as of the other.

    Example:
        >>> round(compare_runs(np.array([0.92, 0.93, 0.91]), np.array([0.90, 0.92, 0.90]), 0.1 / 0.85).p, 3)
        0.075

    References:
        Nadeau and Bengio 2003, "Inference for the generalization error", section 4.
    """
    if one.shape != other.shape or len(one) < 2:
        raise ValueError(f"expected at least two runs, as many of one as of the other; got {len(one)} and {len(other)}")
    d = one - other
    difference, spread = float(d.mean()), float(np.sqrt((1 / len(d) + test_share) * d.var(ddof=1)))
    if spread == 0:
        return Comparison(
            difference, float(np.sign(difference)) * np.inf if difference else 0.0, float(difference == 0)
        )
    t = difference / spread
    return Comparison(difference, t, float(2 * stats.t.sf(abs(t), len(d) - 1)))
