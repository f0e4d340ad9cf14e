"""How different are a table's rows? Deep layers make them alike: all three numbers fall (oversmoothing)."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from graphembed.errors import first_few

_ALIKE = 1e-6  # cosine distance below which rounding decides


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


def _check_finite(x: NDArray[Any]) -> None:
    wrong = np.flatnonzero(~np.isfinite(x).all(axis=1))
    if wrong.size:
        raise ValueError(f"{wrong.size} of {len(x)} rows are not finite: {first_few(wrong.tolist())}")
