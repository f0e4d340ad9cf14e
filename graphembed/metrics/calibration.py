"""Do probabilities mean what they say? Of pairs with probability .8, four in five should be linked.

With few negatives drawn of many, probabilities are judged at the true sparsity by letting each negative stand for
``negative_weight``: the number of unlinked pairs over the number of those drawn.
"""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Real
from numpy.typing import NDArray


class Reliability(NamedTuple):
    """Points of a reliability curve, one for each bin that is not empty."""

    predicted: NDArray[np.float64]  # (bins,) mean probability
    observed: NDArray[np.float64]  # (bins,) share of links
    weight: NDArray[np.float64]  # (bins,) share of all pairs; they add up to 1


def reliability(
    label: Bool[np.ndarray, " pairs"],
    probability: Real[np.ndarray, " pairs"],
    bins: int = 10,
    negative_weight: float = 1.0,
) -> Reliability:
    """Compare probabilities with what came true, in bins of equal width.

    Args:
        label: True for a link.
        probability: From 0 to 1.
        bins: How many.
        negative_weight: How many negatives each stands for.

    Raises:
        ValueError: Numbers that are no probabilities, or not one for each label.

    Example:
        >>> reliability(np.array([True, False, True]), np.array([0.1, 0.3, 0.9]), bins=2).observed
        array([0.5, 1. ])

    References:
        Niculescu-Mizil and Caruana 2005, "Predicting good probabilities with supervised learning", section 4.
    """
    weight = _weights(label, probability, negative_weight)
    place = np.minimum((probability * bins).astype(np.int64), bins - 1)
    total: NDArray[Any] = np.bincount(place, weight, bins)
    some = total > 0
    return Reliability(
        np.bincount(place, weight * probability, bins)[some] / total[some],
        np.bincount(place, weight * label, bins)[some] / total[some],
        total[some] / total.sum(),
    )


def expected_calibration_error(
    label: Bool[np.ndarray, " pairs"],
    probability: Real[np.ndarray, " pairs"],
    bins: int = 10,
    negative_weight: float = 1.0,
) -> float:
    """Mean distance between probability and share of links over the bins of `reliability`, by their weight.

    Example:
        >>> expected_calibration_error(np.array([True, False, True]), np.array([0.1, 0.3, 0.9]), bins=2)
        0.23...

    References:
        Naeini, Cooper and Hauskrecht 2015, "Obtaining well calibrated probabilities using Bayesian binning", section 3.
    """
    predicted, observed, weight = reliability(label, probability, bins, negative_weight)
    return float((weight * np.abs(predicted - observed)).sum())


def brier(
    label: Bool[np.ndarray, " pairs"], probability: Real[np.ndarray, " pairs"], negative_weight: float = 1.0
) -> float:
    """Mean squared distance between probability and truth (1 for a link, else 0).

    Example:
        >>> brier(np.array([True, False]), np.array([1.0, 0.5]))
        0.125

    References:
        Brier 1950, "Verification of forecasts expressed in terms of probability".
    """
    weight = _weights(label, probability, negative_weight)
    return float((weight * (probability - label) ** 2).sum() / weight.sum())


def _weights(label: NDArray[np.bool_], probability: NDArray[Any], negative_weight: float) -> NDArray[np.float64]:
    if label.dtype != bool or label.shape != probability.shape or not len(label):
        raise ValueError(
            f"expected one probability per label, got {probability.shape} for {label.shape} of {label.dtype}"
        )
    if not ((probability >= 0) & (probability <= 1)).all():
        raise ValueError(f"probabilities must lie between 0 and 1, got {probability.min()} to {probability.max()}")
    return np.where(label, 1.0, negative_weight)
