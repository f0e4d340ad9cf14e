"""Is it curved? Cosine compares directions, and directions lie on a sphere: triangles there have more than 180 degrees.

A flat picture of them must be wrong by what is too much. Dot products and distances live in flat space instead, and
there lengths have a say: how many decisions are theirs alone?
"""

import dataclasses as dc
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphembed.errors import DataError
from graphembed.geometry.points import MOST, Metric, Vectors, directions, kept, look, nearest_rows
from graphembed.parallel import one_thread

_POINT = 1e-9  # nearer than this is one point
_FLAT = 1e-9  # area of a triangle, in squares of its size, below which its angles say nothing


@dc.dataclass(frozen=True)
class Triangles:
    """Triangles between nodes.

    Attributes:
        excess: (triangles,) sum of the angles less 180, in degrees; NaN where corners coincide, are opposite or zero.
        sides: (triangles, 3) lengths, in radians on the sphere.
        curvature: (triangles,) the constant curvature a space must have for triangles of these sides to have these
            angles: 1 on the unit sphere, 1/r^2 on one of radius r, 0 in the plane. NaN where corners lie on a line.
    """

    excess: NDArray[np.float64]
    sides: NDArray[np.float64]
    curvature: NDArray[np.float64]


@one_thread()
def triangles(
    z: Vectors,
    corners: NDArray[np.integer[Any]] | None = None,
    *,
    on: Literal["sphere", "plane"] = "sphere",
    count: int = 1000,
    seed: int = 0,
) -> Triangles:
    """Measure triangles: excess = A + B + C - 180 degrees, angles between the sides where they leave a corner.

    Args:
        z: (nodes, dim) vectors, three at least.
        corners: (triangles, 3) rows; by default ``count`` triples drawn by ``seed``. See `near_triples`.
        on: ``"sphere"``: vectors at length 1, sides along great circles, as cosine sees them; ``"plane"``: vectors as
            they are, straight sides, as distances see them.
        count: How many.
        seed: Of the draw.

    Raises:
        DataError: Less than three vectors.

    Example:
        >>> octant = triangles(np.eye(3), np.array([[0, 1, 2]]))
        >>> octant.excess.round(6), octant.curvature.round(6)
        (array([90.]), array([1.]))
        >>> triangles(np.eye(3), np.array([[0, 1, 2]]), on="plane").curvature.round(6)
        array([0.])

    References:
        Girard's theorem: excess = curvature x area; area from sides by l'Huilier's formula. Todhunter 1886, "Spherical
        trigonometry", articles 99 and 102.
    """
    x = look(z)
    if len(x) < 3:
        raise DataError(f"triangles need three vectors, got {len(x)}")
    if corners is None:
        rng = np.random.default_rng(seed)
        corners = np.stack([rng.choice(len(x), 3, replace=False) for _ in range(count)])
    points = directions(x)[corners] if on == "sphere" else x[corners] / (np.abs(x).max() or 1.0)
    angles, sides = np.empty(corners.shape), np.empty(corners.shape)
    for corner in range(3):
        here, left, right = (points[:, (corner + turn) % 3] for turn in range(3))
        if on == "sphere":
            sides[:, corner] = _between(left, right)
            left, right = (to - (here * to).sum(axis=1, keepdims=True) * here for to in (left, right))
        else:
            sides[:, corner] = np.linalg.norm(left - right, axis=1)
            left, right = left - here, right - here
        angles[:, corner] = _between(directions(left), directions(right))
    excess = angles.sum(axis=1) - np.pi
    open_sides = (sides > _POINT) & ((sides < np.pi - _POINT) | (on == "plane"))
    excess[~open_sides.all(axis=1) | ~points.any(axis=2).all(axis=1) & (on == "sphere")] = np.nan
    return Triangles(np.degrees(excess), sides, implied_curvature(sides, excess))


@one_thread()
def near_triples(z: Vectors, k: int = 10, *, count: int = 1000, seed: int = 0) -> NDArray[np.int64]:
    """Return (triangles, 3) rows: a node drawn by ``seed`` and two of its ``k`` nearest by cosine.

    Example:
        >>> near_triples(np.eye(3), count=1)
        array([[2, 0, 1]])
    """
    x = look(z)
    if len(x) < 3:
        raise DataError(f"triangles need three vectors, got {len(x)}")
    rng = np.random.default_rng(seed)
    near = nearest_rows(x, k)
    node = rng.integers(len(x), size=count)
    one = rng.integers(near.shape[1], size=count)
    other = (one + rng.integers(1, near.shape[1], size=count)) % near.shape[1]
    return np.stack([node, near[node, np.minimum(one, other)], near[node, np.maximum(one, other)]], axis=1)


def implied_curvature(sides: NDArray[np.float64], excess: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve for the curvature K at which triangles with these sides have this excess.

    tan(E/4)^2 = tan(s/2) tan((s-a)/2) tan((s-b)/2) tan((s-c)/2), lengths times sqrt K, s half their sum; tanh if K < 0.

    Args:
        sides: (triangles, 3) lengths.
        excess: (triangles,) in radians.

    Returns:
        (triangles,); NaN where the corners lie on one line.

    Example:
        >>> quarter = np.full((1, 3), np.pi / 2)
        >>> implied_curvature(np.vstack([quarter, 2 * quarter]), np.full(2, np.pi / 2)).round(6)
        array([1.  , 0.25])
    """
    half = sides.sum(axis=1) / 2
    size = np.where(half > 0, half, 1.0)
    a = sides / size[:, None]  # now half the sum is 1, and the curvature can be at most pi squared
    area = np.sqrt(np.clip(np.prod(1 - a, axis=1), 0, None))
    low, high = np.full(len(a), -1e4), np.full(len(a), np.pi**2)
    for _ in range(80):
        middle = (low + high) / 2
        small = _excess(a, middle) < excess
        low, high = np.where(small, middle, low), np.where(small, high, middle)
    return np.where(np.isfinite(excess) & (half > 0) & (area > _FLAT), (low + high) / 2 / size**2, np.nan)


def _excess(a: NDArray[np.float64], curvature: NDArray[np.float64]) -> NDArray[np.float64]:
    """Excess of triangles whose half sum of sides is 1 in spaces of constant curvature."""
    root = np.sqrt(np.abs(curvature))[:, None]
    parts = root / 2 * np.column_stack([np.ones(len(a)), 1 - a])
    with np.errstate(over="ignore", invalid="ignore"):
        product = np.where(curvature > 0, np.tan(parts).prod(axis=1), np.tanh(parts).prod(axis=1))
    product = np.sqrt(np.clip(product, 0, None))
    excess: NDArray[np.float64] = 4 * np.where(curvature > 0, np.arctan(product), -np.arctan(product))
    return excess


def _between(u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
    """Angle between rows of length 1; exact to rounding near 0 and pi, where arccos is not."""
    angle: NDArray[np.float64] = 2 * np.arctan2(np.linalg.norm(u - v, axis=1), np.linalg.norm(u + v, axis=1))
    return angle


@one_thread()
def cosine_or_dot(z: Vectors, k: int = 10, *, most: int = MOST, seed: int = 0) -> dict[str, float]:
    """How many decisions are the lengths' alone? Compare the k nearest by cosine with those by dot product.

    Returns:
        ``first``: share of nodes whose nearest is another one; ``members``: share of the k nearest that are others.

    Example:
        >>> cosine_or_dot(np.array([[1.0, 0.0], [1.0, 0.1], [5.0, 5.0]]), k=1)
        {'first': 0.666..., 'members': 0.666...}
    """
    x = look(z, most, seed)
    return _changed(nearest_rows(x, k, "cosine"), nearest_rows(x, k, "dot"))


@one_thread()
def rescaling(
    z: Vectors, spreads: tuple[float, ...] = (0.0, 0.1, 0.3, 1.0), k: int = 10, *, most: int = MOST, seed: int = 0
) -> pd.DataFrame:
    """Count decisions that flip when vectors are made longer or shorter by chance: x_i exp(spread n_i), n_i normal.

    Returns:
        A row per spread and a column per metric: share of the k nearest that are others than before. Under cosine none.

    Example:
        >>> z = np.random.default_rng(0).normal(size=(50, 4))
        >>> table = rescaling(z, (0.0, 1.0))
        >>> table["cosine"].tolist(), table["dot"].tolist()[0], table["dot"].tolist()[1] > 0.2
        ([0.0, 0.0], 0.0, True)
    """
    x = look(z, most, seed)
    chance = np.random.default_rng(seed).normal(size=(len(x), 1))
    metrics: tuple[Metric, ...] = ("cosine", "dot", "euclidean")
    before = {metric: nearest_rows(x, k, metric) for metric in metrics}
    rows = {
        spread: {
            metric: _changed(before[metric], nearest_rows(x * np.exp(spread * chance), k, metric))["members"]
            for metric in metrics
        }
        for spread in spreads
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("spread")


def _changed(a: NDArray[np.int64], b: NDArray[np.int64]) -> dict[str, float]:
    if not a.size:
        return {"first": 0.0, "members": 0.0}
    return {"first": float((a[:, 0] != b[:, 0]).mean()), "members": 1 - kept(a, b).mean().item()}
