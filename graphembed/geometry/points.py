"""Points: what all measures of a space begin with. Vectors are checked, sampled if there are many, and compared.

Nearness is decided to twelve digits, and what is equally near comes in the order of the rows: rounding decides nothing,
so that a rotation of the space changes no decision.
"""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from graphembed.embedding import Embedding
from graphembed.errors import DataError, first_few

Vectors = Embedding | NDArray[Any]
Metric = Literal["cosine", "dot", "euclidean"]

MOST = 4000  # more nodes than this are sampled: pairs of nodes are compared, and memory and time grow as their number
_PAIRS = 300_000
_DIGITS = 1e12
_BLOCK = 512


def look(z: Vectors, most: int | None = None, seed: int = 0) -> NDArray[np.float64]:
    """Return (nodes, dim) vectors as float64; ``most`` of them, drawn by ``seed``, if there are more.

    Raises:
        DataError: There is no vector, the array is no table, or vectors are not finite.
    """
    x = np.asarray(z.values if isinstance(z, Embedding) else z, np.float64)
    if x.ndim != 2 or 0 in x.shape:
        raise DataError(f"expected vectors of the shape (nodes, dim), at least one of each, got {x.shape}")
    if (wrong := np.flatnonzero(~np.isfinite(x).all(axis=1))).size:
        raise DataError(
            f"vectors must be finite, {wrong.size} of {len(x)} are not: rows {first_few(wrong.tolist())}; "
            "leave these out or embed again"
        )
    return x if most is None or len(x) <= most else x[sampled(len(x), most, seed)]


def sampled(count: int, most: int, seed: int) -> NDArray[np.int64]:
    """Return the rows looked at, ascending: all, or ``most`` of them drawn by ``seed``."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))


def directions(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bring rows to length 1; the zero vector stays."""
    largest = np.abs(x).max(axis=1, keepdims=True)
    x = np.divide(x, largest, out=np.zeros_like(x), where=largest > 0)  # squares of tiny numbers would vanish
    length = np.linalg.norm(x, axis=1, keepdims=True)
    unit: NDArray[np.float64] = np.divide(x, length, out=np.zeros_like(x), where=length > 0)
    return unit


def pairs_of(count: int, seed: int, most: int = _PAIRS) -> NDArray[np.int64]:
    """Return (2, pairs) of different rows: every pair once, or ``most`` drawn by ``seed`` if there are more."""
    if count * (count - 1) // 2 <= most:
        return np.stack(np.triu_indices(count, 1)).astype(np.int64)
    rng = np.random.default_rng(seed)
    one, step = rng.integers(count, size=most), rng.integers(1, count, size=most)
    return np.stack([one, (one + step) % count])


def cosines_of(x: NDArray[np.float64], pairs: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    """Cosine of each of (2, pairs) rows; the zero vector has cosine 1 with another such, 0 with all others."""
    zero: NDArray[np.bool_] = np.abs(x).max(axis=1) == 0
    cosine = np.empty(pairs.shape[1])
    for at in range(0, cosine.size, 1 << 16):
        i, j = pairs[:, at : at + (1 << 16)]
        cosine[at : at + i.size] = np.einsum("pd,pd->p", directions(x[i]), directions(x[j])) + (zero[i] & zero[j])
    limited: NDArray[np.float64] = np.clip(cosine, -1, 1)
    return limited


def nearest_rows(x: NDArray[np.float64], k: int, metric: Metric = "cosine") -> NDArray[np.int64]:
    """Return (nodes, k) the nearest other rows of each, nearest first; fewer where there are no more."""
    if k < 1:
        raise DataError(f"k must be at least 1, got {k}")
    k = min(k, len(x) - 1)
    found = np.empty((len(x), k), np.int64)
    for at, near in _nearness(x, metric):
        key = near * len(x) - np.arange(len(x))  # no two are alike: of equally near ones, the earlier row is nearer
        best = np.argpartition(-key, k - 1, axis=1)[:, :k] if 0 < k < len(x) - 1 else np.argsort(-key)[:, :k]
        order = np.argsort(-np.take_along_axis(key, best, axis=1), axis=1)
        found[at : at + len(near)] = np.take_along_axis(best, order, axis=1)
    return found


def occurrences(x: NDArray[np.float64], k: int, metric: Metric = "cosine") -> NDArray[np.float64]:
    """Count for each row among the k nearest of how many others it is; those equally near share the last places."""
    if k < 1:
        raise DataError(f"k must be at least 1, got {k}")
    k = min(k, len(x) - 1)
    times = np.zeros(len(x))
    for _, near in _nearness(x, metric) if k else ():
        last = -np.partition(-near, k - 1, axis=1)[:, k - 1 : k]
        nearer, tied = near > last, near == last
        left = k - nearer.sum(axis=1, keepdims=True)
        times += (nearer + tied * (left / tied.sum(axis=1, keepdims=True))).sum(axis=0)
    return times


def kept(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of the neighbours in each row of ``a`` that are in the same row of ``b``, too."""
    if not a.shape[1]:
        return np.ones(len(a))
    both = np.sort(np.concatenate([a, b], axis=1), axis=1)
    share: NDArray[np.float64] = (both[:, 1:] == both[:, :-1]).sum(axis=1) / a.shape[1]
    return share


def _nearness(x: NDArray[np.float64], metric: Metric) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield blocks of rows: where one begins, how near every row is to its rows, as integers; none is near itself."""
    if metric not in ("cosine", "dot", "euclidean"):
        raise DataError(f"metric must be 'cosine', 'dot' or 'euclidean', got {metric!r}")
    x = directions(x) if metric == "cosine" else x - x.mean(axis=0) if metric == "euclidean" else x
    x = x / (np.abs(x).max() or 1.0)
    square = np.einsum("nd,nd->n", x, x)
    scale = _DIGITS / (square.max() or 1.0)
    for at in range(0, len(x), _BLOCK):
        near = x[at : at + _BLOCK] @ x.T
        if metric == "euclidean":
            near -= (square[at : at + _BLOCK, None] + square) / 2
        own = np.arange(len(near))
        level = np.rint(near * scale).astype(np.int64)
        level[own, at + own] = -4 * int(_DIGITS)
        yield at, level
