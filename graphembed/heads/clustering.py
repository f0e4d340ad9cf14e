"""Vectors in, a number for each row out: k-means, spherical k-means, a Gaussian mixture, HDBSCAN; and how many groups.

Everything runs on one thread, so that the same seed gives the same groups on any machine load.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import HDBSCAN, KMeans, kmeans_plusplus
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import silhouette_score
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from graphembed.embedding import unit
from graphembed.errors import DataError

Labels = NDArray[np.int64]
_STARTS = 10  # the best of so many beginnings
_ROUNDS = 300
_SAMPLE = 2000  # rows a silhouette is measured on
_RIDGE = 1e-4  # share of the mean variance added to those of a mixture, against groups that collapse onto a point


def kmeans(z: NDArray[np.float64], k: int, seed: int) -> Labels:
    """Least sum of squared distances to the means of k groups, the best of ten starts.

    References:
        Lloyd 1982, "Least squares quantization in PCM". Arthur and Vassilvitskii 2007, "k-means++".
    """
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different rows than groups
        return KMeans(k, n_init=_STARTS, random_state=seed).fit(z).labels_.astype(np.int64)  # type: ignore[no-any-return]


def spherical(z: NDArray[np.float64], k: int, seed: int) -> Labels:
    """Largest sum of cosines to the mean directions of k groups, the best of ten starts.

    Zero rows have no direction, which is taken for one of its own.

    References:
        Dhillon and Modha 2001, "Concept decompositions for large sparse text data using clustering", section 3.
    """
    rows = unit(z)
    rows = np.column_stack([rows, ~rows.any(axis=1)])
    rng = np.random.default_rng(seed)
    best, labels = -np.inf, np.zeros(len(rows), np.int64)
    with threadpool_limits(1):
        for _ in range(_STARTS):
            centres, _ = kmeans_plusplus(rows, k, random_state=int(rng.integers(2**31)))
            found, fit = _turned(rows, centres)
            if fit > best:
                best, labels = fit, found
    return labels


def _turned(rows: NDArray[np.float64], centres: NDArray[np.float64]) -> tuple[Labels, float]:
    """Move centres to the mean direction of their rows until none changes; a centre without rows takes the worst."""
    before = np.full(len(rows), -1)
    for _ in range(_ROUNDS):
        cosine = rows @ centres.T
        found = cosine.argmax(axis=1)
        fit = cosine[np.arange(len(rows)), found]
        if (found == before).all():
            break
        before = found
        sums = np.zeros_like(centres)
        np.add.at(sums, found, rows)
        empty = np.flatnonzero(np.bincount(found, minlength=len(centres)) == 0)
        sums[empty] = rows[np.argsort(fit, kind="stable")[: len(empty)]]
        centres = unit(sums)
    return found.astype(np.int64), float(fit.sum())


def mixture(z: NDArray[np.float64], k: int, seed: int) -> Labels:
    """Fit k Gaussians with a variance for each axis, and return the likeliest of each row.

    References:
        Dempster, Laird and Rubin 1977, "Maximum likelihood from incomplete data via the EM algorithm".
    """
    ridge = _RIDGE * max(float(z.var(axis=0).mean()), np.finfo(float).tiny)
    model = GaussianMixture(k, covariance_type="diag", n_init=3, reg_covar=ridge, random_state=seed)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(z).predict(z).astype(np.int64)  # type: ignore[no-any-return]


def hdbscan(z: NDArray[np.float64], least: int) -> Labels:
    """Groups of at least ``least`` rows that stay together as the density asked for rises; -1 for rows in none.

    References:
        Campello, Moulavi and Sander 2013, "Density-based clustering based on hierarchical density estimates".
    """
    with threadpool_limits(1):
        found = HDBSCAN(min_cluster_size=min(least, len(z)), copy=True).fit(z)
    return found.labels_.astype(np.int64)  # type: ignore[no-any-return]


def silhouette(z: NDArray[np.float64], labels: Labels, seed: int) -> float:
    """Mean of (b - a) / max(a, b): distance to the own group, and to the nearest other; of 2000 rows at most.

    Rows in no group are left out; NaN where there is one group only, or only groups of one.

    References:
        Rousseeuw 1987, "Silhouettes: a graphical aid to the interpretation and validation of cluster analysis".
    """
    kept = np.flatnonzero(labels >= 0)
    if len(kept) > _SAMPLE:
        kept = np.random.default_rng(seed).choice(kept, _SAMPLE, replace=False)
    groups = len(np.unique(labels[kept]))
    if not 1 < groups < len(kept):
        return float("nan")
    with threadpool_limits(1):
        return float(silhouette_score(z[kept], labels[kept]))


def best_number(candidates: range, find: Callable[[int], Labels], worth: Callable[[Labels], float]) -> int:
    """Return the number of groups whose partition is worth most; the least of several."""
    values = np.array([worth(find(k)) for k in candidates])
    return candidates[int(np.nanargmax(values))] if np.isfinite(values).any() else 1


def memberships(z: NDArray[np.float64], labels: Labels) -> NDArray[np.float64]:
    """How likely each row comes from each group, were groups round clouds of one width: (rows, groups).

    p_g ~ n_g exp(-|z - m_g|^2 / (2 s^2)), with s^2 the variance within groups along an axis.
    """
    known = labels >= 0
    size = np.bincount(labels[known])
    centres = np.zeros((len(size), z.shape[1]))
    np.add.at(centres, labels[known], z[known])
    centres /= size[:, None]
    square = np.stack([((z - centre) ** 2).sum(axis=1) for centre in centres], axis=1)
    own = square[known, labels[known]].mean() / z.shape[1]
    if own <= 1e-12 * max(float(z.var()), np.finfo(float).tiny):  # all at their centres: no doubt
        return np.asarray(np.arange(len(size)) == square.argmin(axis=1)[:, None], float)
    logs = np.log(size) - square / (2 * own)
    share = np.exp(logs - logs.max(axis=1, keepdims=True))
    likely: NDArray[np.float64] = share / share.sum(axis=1, keepdims=True)
    return likely


def check_vectors(z: NDArray[np.float64], k: int | None) -> None:
    """Refuse vectors that cannot be told apart, and more groups than there are different vectors.

    Raises:
        DataError: As said.
    """
    wanted = 2 if k is None else k
    if k is not None and not 1 <= k <= len(z):
        raise DataError(f"k must be between 1 and the number of nodes, {len(z)}, got {k}")
    different = len(np.unique(z, axis=0))
    if different == 1 and wanted > 1:
        raise DataError(
            f"all {len(z)} vectors are the same, so there is nothing to tell communities by: encode the graph with "
            "another encoder, or find communities of the graph itself, by method='leiden'"
        )
    if different < wanted:
        raise DataError(f"k is {k}, but only {different} of {len(z)} vectors are different: ask for fewer communities")


def ordered(labels: NDArray[np.integer[Any]]) -> Labels:
    """Number groups by their size, largest first, of equal ones the one that comes first; -1 stays.

    Example:
        >>> ordered(np.array([3, 7, 7, -1])).tolist()
        [1, 0, 0, -1]
    """
    groups, first, size = np.unique(labels[labels >= 0], return_index=True, return_counts=True)
    numbers = np.full(len(labels), -1, np.int64)
    for number, place in enumerate(np.lexsort((first, -size))):
        numbers[labels == groups[place]] = number
    return numbers
