"""How alike the features of two nodes and of their neighbourhoods are, as if the two were not linked."""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

_Floats = NDArray[np.float64]
_BLOCK = 1 << 22  # numbers looked at together
_ROUNDING = 1e-12  # of a row, what may be left of it where nothing should be


def smoothed(x: NDArray[np.float32], adjacency: sp.csr_array) -> NDArray[np.float32]:
    """Return X, S X and S^2 X as `likeness` has them, (3, nodes, features), rows of length 1 (or 0).

    The inner product of two rows is the likeness of two nodes that are not linked.
    """
    steps, _ = _smoothed(x, adjacency)
    tables = np.empty((3, *steps[0].shape), np.float32)
    for table, rows in zip(tables, steps, strict=True):
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        table[:] = rows / np.where(length > 0, length, 1)
    return tables


def likeness(
    x: NDArray[np.float32],
    adjacency: sp.csr_array,
    source: NDArray[np.int64],
    target: NDArray[np.int64],
    joined: _Floats,
    shared: _Floats,
) -> _Floats:
    """Return the cosine of the smoothed features of u and v: row u against row v of S^k X.

    S = D^-1/2 (A + I) D^-1/2, D the degree and one, of the graph without the edge between u and v. Its rows u and v
    follow from those with the edge: with d the degree and one, g = X / sqrt(d), M = (A + I) g, K = (A + I) (M / d),

        M'_u = M_u + e_u - g_v                                    e_u = X_u / sqrt(d_u - 1) - g_u
        K'_u = M'_u / (d_u - 1) + K_u - M_u / d_u - M_v / d_v + e_u (r_u - 1 / d_v) + e_v shared

    where r_u is the sum of 1 / d over the neighbours of u, and shared the same over those that u and v have in common.

    Args:
        x: (nodes, features). Where none is negative they are read as counts of words and weighed by TF-IDF, else
            brought to mean 0 and variance 1; then rows are brought to length 1.
        adjacency: (nodes, nodes) zeros and ones, symmetric, no self-loops.
        source: (pairs,) u.
        target: (pairs,) v.
        joined: (pairs,) 1 where they are linked, else 0.
        shared: (pairs,) as above.

    Returns:
        (pairs, 3) for k = 0, 1, 2; 0 where a node has no features.

    References:
        Wu et al. 2019, "Simplifying graph convolutional networks", equation 8, for S^k X.
    """
    (X, M, K), d = _smoothed(x, adjacency)
    r = adjacency @ (1 / d)
    found = np.empty((source.size, 3))
    rows = max(1, _BLOCK // max(x.shape[1], 1))
    for first in range(0, source.size, rows):
        some = slice(first, first + rows)
        u, v, one, both = source[some], target[some], joined[some], shared[some]
        less = {}  # 1 / sqrt(degree) without the edge, less the same with it
        for node in (u, v):
            less[id(node)] = 1 / np.sqrt(d[node] - one) - 1 / np.sqrt(d[node])
        ends = []
        for a, b in ((u, v), (v, u)):
            e_a, e_b = less[id(a)], less[id(b)]
            m = _or_zero(M[a] + X[a] * e_a[:, None] - X[b] * (one / np.sqrt(d[b]))[:, None], M[a])
            k = m / (d[a] - one)[:, None] + K[a] - M[a] / d[a][:, None] - M[b] * (one / d[b])[:, None]
            k += X[a] * (e_a * (r[a] - one / d[b]))[:, None] + X[b] * (e_b * both)[:, None]
            ends.append((X[a], m, _or_zero(k, K[a])))
        for steps, (left, right) in enumerate(zip(*ends, strict=True)):
            found[some, steps] = _cosine(left, right)
    return found


def _smoothed(x: NDArray[np.float32], adjacency: sp.csr_array) -> tuple[tuple[_Floats, _Floats, _Floats], _Floats]:
    """Return X, M and K of `likeness`, and d. S^k X has the directions of their rows."""
    X = _weighed(x)
    d: _Floats = adjacency.sum(axis=1) + 1.0
    closed = adjacency + sp.eye_array(d.size, format="csr")
    M: _Floats = closed @ (X / np.sqrt(d)[:, None])
    K: _Floats = closed @ (M / d[:, None])
    return (X, M, K), d


def _weighed(x: NDArray[np.float32]) -> _Floats:
    """Bring features to a scale on which their cosine says something; rows of length 1, or 0."""
    X: _Floats = x.reshape(len(x), -1).astype(np.float64)
    if (X >= 0).all():
        X = X * np.log((1 + len(X)) / (1 + (X > 0).sum(axis=0)))
    else:
        spread = X.std(axis=0)
        X = (X - X.mean(axis=0)) / np.where(spread > 0, spread, 1)
    length = np.linalg.norm(X, axis=1, keepdims=True)
    return X / np.where(length > 0, length, 1)


def _or_zero(less: _Floats, whole: _Floats) -> _Floats:
    """Make rows zero of which subtraction has left nothing but rounding: its direction would tell that it was done."""
    size = np.einsum("pd,pd->p", whole, whole)
    kept = np.einsum("pd,pd->p", less, less) > _ROUNDING**2 * size
    return np.where(kept[:, None], less, 0.0)


def _cosine(left: _Floats, right: _Floats) -> _Floats:
    lengths = np.einsum("pd,pd->p", left, left) * np.einsum("pd,pd->p", right, right)
    inner: _Floats = np.einsum("pd,pd->p", left, right) / np.sqrt(np.where(lengths > 0, lengths, 1))
    return inner
