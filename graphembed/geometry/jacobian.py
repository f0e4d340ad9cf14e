"""Where is the map lying? The local Jacobian: the matrix that turns small steps in the space into steps on the map.

It is found by least squares from a node's nearest neighbours. Its two singular values say how much the map stretches
there and how unevenly; its row space is the plane the map looks at, and what stands upright on it leaves no trace.
"""

import dataclasses as dc
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from graphembed.embedding import Embedding
from graphembed.errors import DataError
from graphembed.geometry.maps import seen
from graphembed.geometry.points import Vectors, look
from graphembed.parallel import one_thread

_SMALL = 1e-9


@dc.dataclass(frozen=True)
class Jacobians:
    """What a map does around some nodes; NaN where a node's neighbours are all in its own place.

    Attributes:
        rows: (nodes,) the nodes looked at.
        matrix: (nodes, 2, dim) J: a small step d in the space is the step J d on the map.
        stretch: (nodes, 2) its singular values, the larger first, in units of map per unit of space. Only their ratios,
            within and between nodes, mean something: the scale of most maps is arbitrary.
        shear: (nodes,) degrees by which a right angle in the plane that is seen may be off: 90 - 2 atan(s2/s1).
        hidden: (nodes,) share of the squared distance to the neighbours that is at right angles to that plane.
        unexplained: (nodes,) share of the squared steps on the map that no linear map explains: the map bends or tears.
    """

    rows: NDArray[np.int64]
    matrix: NDArray[np.float64]
    stretch: NDArray[np.float64]
    shear: NDArray[np.float64]
    hidden: NDArray[np.float64]
    unexplained: NDArray[np.float64]


@dc.dataclass(frozen=True)
class Shadow:
    """An arrow in the space and its shadow on the map.

    Attributes:
        shadow: (2,) J times the arrow: where it would point if the map were everywhere as it is at its foot.
        drawn: (2,) from foot to tip on the map.
        tilt: Degrees between the arrow and the plane the map looks at: 0 it lies in it, 90 it has no shadow.
        turned: Degrees between shadow and drawn; NaN without one of them.
    """

    shadow: NDArray[np.float64]
    drawn: NDArray[np.float64]
    tilt: float
    turned: float


@one_thread()
def jacobians(
    z: Vectors,
    flat: Vectors,
    nodes: Sequence[str] | NDArray[np.integer] | None = None,
    k: int = 20,
    *,
    metric: Literal["cosine", "euclidean"] = "cosine",
) -> Jacobians:
    """Fit J = argmin sum_j |J (x_j - x_i) - (y_j - y_i)|^2 over the ``k`` nearest j of each node i.

    Steps in the space are read along the k/2 main directions of the neighbours at most: with more unknowns than
    neighbours any map would be explained.

    Args:
        z: (nodes, dim) vectors.
        flat: (nodes, 2) the map, rows as in ``z``.
        nodes: Names or rows; by default all.
        k: Neighbours of each, two at least.
        metric: As the map was made with.

    Raises:
        DataError: The map has another number of rows, or there are less than three nodes.
        UnknownNameError: There is no such node.

    Example:
        >>> plane = np.random.default_rng(0).normal(size=(50, 2))
        >>> of = jacobians(plane, plane * np.array([3.0, 1.0]), np.array([0]), metric="euclidean")
        >>> of.stretch.round(6), of.shear.round(1), of.hidden.round(6)
        (array([[3., 1.]]), array([53.1]), array([0.]))

    References:
        Tissot 1881, "Mémoire sur la représentation des surfaces": the indicatrix, the image of a small circle.
    """
    x, y = seen(z, metric), look(flat)
    if len(x) != len(y) or y.shape[1] != 2:
        raise DataError(f"the map must have shape ({len(x)}, 2), a row per vector, it has {y.shape}")
    if len(x) < 3 or k < 2:
        raise DataError(f"a plane needs two neighbours: got {len(x)} nodes and k={k}")
    rows = rows_of(z, nodes)
    fits = [_fit(x, y, row, min(k, len(x) - 1)) for row in rows.tolist()]
    matrix = np.stack([fit[0] for fit in fits])
    known = ~np.isnan(matrix).any(axis=(1, 2))
    stretch = np.full((len(rows), 2), np.nan)
    values = np.linalg.svd(matrix[known], compute_uv=False)
    stretch[known] = np.pad(values, ((0, 0), (0, 2 - values.shape[1])))
    shear = 90 - 2 * np.degrees(np.arctan2(stretch[:, 1], stretch[:, 0]))
    shear[(stretch == 0).all(axis=1)] = np.nan
    return Jacobians(rows, matrix, stretch, shear, np.array([f[1] for f in fits]), np.array([f[2] for f in fits]))


@one_thread()
def shadow(
    z: Vectors,
    flat: Vectors,
    foot: str | int,
    tip: str | int,
    k: int = 20,
    *,
    metric: Literal["cosine", "euclidean"] = "cosine",
) -> Shadow:
    """Point an arrow from one node to another and look at its shadow on the map.

    Example:
        >>> solid = np.random.default_rng(0).normal(size=(100, 3))
        >>> solid[0], solid[1], solid[2] = (0, 0, 0), (0.1, 0, 0), (0.1, 0, 0.1)
        >>> [round(shadow(solid, solid[:, :2], 0, tip, metric="euclidean").tilt) for tip in (1, 2)]
        [0, 45]
    """
    ends = [np.array([end]) if isinstance(end, int) else [end] for end in (foot, tip)]
    at, to = (int(rows_of(z, end)[0]) for end in ends)
    x, y = seen(z, metric), look(flat)
    matrix = jacobians(z, flat, np.array([at]), k, metric=metric).matrix[0]
    arrow, drawn = x[to] - x[at], y[to] - y[at]
    if np.isnan(matrix).any() or not np.linalg.norm(arrow) > 0:
        return Shadow(np.full(2, np.nan), drawn, float("nan"), float("nan"))
    cast = matrix @ arrow
    plane = _plane(matrix)
    inside = plane @ arrow
    tilt = np.degrees(np.arctan2(np.linalg.norm(arrow - inside @ plane), np.linalg.norm(inside)))
    turned = np.degrees(abs(np.arctan2(cast[0] * drawn[1] - cast[1] * drawn[0], cast @ drawn)))
    return Shadow(cast, drawn, float(tilt), float(turned) if cast.any() and drawn.any() else float("nan"))


def rows_of(z: Vectors, nodes: Sequence[str] | NDArray[np.integer] | None) -> NDArray[np.int64]:
    """Return the rows of names, or rows as they are, or all."""
    if nodes is None:
        return np.arange(len(z))
    if isinstance(nodes, np.ndarray):
        return nodes.astype(np.int64)
    if not isinstance(z, Embedding):
        raise DataError("nodes can be named in an Embedding only: give rows, as an array, with an array of vectors")
    known = z[list(nodes)]  # says which are unknown, and what they are like
    return np.array([z.row[name] for name in known.names], np.int64)


def _fit(x: NDArray[np.float64], y: NDArray[np.float64], row: int, k: int) -> tuple[NDArray[np.float64], float, float]:
    """Return J, the hidden and the unexplained share of one node."""
    square = np.einsum("nd,nd->n", x, x) - 2 * x @ x[row]
    square[row] = np.inf
    near = np.argsort(square, kind="stable")[:k]
    steps, moves = x[near] - x[row], y[near] - y[row]
    _, size, axes = np.linalg.svd(steps, full_matrices=False)
    used = axes[: max(2, k // 2)][size[: max(2, k // 2)] > _SMALL * (size[0] or 1.0)]
    if not size[0] > 0:
        return np.full((2, x.shape[1]), np.nan), float("nan"), float("nan")
    along = np.linalg.lstsq(steps @ used.T, moves, rcond=None)[0]
    matrix = along.T @ used
    inside = steps @ _plane(matrix).T
    left = moves - steps @ matrix.T
    total = float((moves**2).sum())
    hidden = max(0.0, 1 - float((inside**2).sum() / (steps**2).sum()))
    return matrix, hidden, float((left**2).sum()) / total if total > 0 else 0.0


def _plane(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Orthonormal rows that span the row space of a matrix."""
    _, size, axes = np.linalg.svd(matrix, full_matrices=False)
    spanned: NDArray[np.float64] = axes[size > _SMALL * (size[0] or 1.0)]
    return spanned
