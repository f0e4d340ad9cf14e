"""Maps that show where not to believe them: colours, indicatrices, and arrows with their shadows. Needs matplotlib."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from graphembed.geometry.jacobian import Jacobians, Shadow, jacobians, rows_of, shadow
from graphembed.geometry.maps import map_quality, seen
from graphembed.geometry.points import MOST, Vectors, kept, look, nearest_rows, sampled

_ELLIPSE, _LARGEST = 0.03, 0.1  # median and largest radius of an indicatrix, of the width of the map


def draw_map(
    z: Vectors,
    flat: Vectors,
    *,
    at: Sequence[str] | NDArray[np.integer] | int = 24,
    arrows: Sequence[tuple[str | int, str | int]] = (),
    k: int = 10,
    metric: Literal["cosine", "euclidean"] = "cosine",
    ax: Any = None,
) -> Any:
    """Draw a map and what is wrong with it.

    The colour of a node says how many of its nearest in the space are its nearest on the map, too. An ellipse is what
    became of a small circle around a node: all would be circles of one size if the map were true. It is the paler the
    more is hidden, at right angles to the map. An arrow has three parts: its shadow by the local Jacobian (solid), what
    the map shows (dotted), and degrees by which it sticks out of the map. More than 4000 nodes are thinned out.

    Args:
        z: (nodes, dim) vectors.
        flat: (nodes, 2) the map, rows as in ``z``.
        at: Nodes that get an ellipse: names, rows, or how many, spread over the map.
        arrows: From node to node.
        k: Neighbours compared; the Jacobian is read from twice as many.
        metric: As the map was made with.
        ax: Matplotlib's axes to draw on; new ones by default.

    Returns:
        The axes.

    Raises:
        ImportError: matplotlib is not installed.

    Example:
        >>> from graphembed.geometry import flat_map
        >>> space = np.random.default_rng(0).normal(size=(60, 3))
        >>> ax = draw_map(space, flat_map(space), at=5, arrows=[(0, 1)])
        >>> len(ax.patches)
        6
    """
    ax = _axes(ax)
    x, y = seen(z, metric), look(flat)
    shown = sampled(len(x), MOST, 0)
    near = max(1, min(k, len(shown) - 1))
    share = kept(nearest_rows(x[shown], near, "euclidean"), nearest_rows(y[shown], near, "euclidean"))
    dots = ax.scatter(*y[shown].T, c=share, s=12, cmap="RdYlBu", vmin=0, vmax=1, zorder=1)
    ax.figure.colorbar(dots, ax=ax, label=f"share of the {near} nearest that are near on the map")
    if len(x) >= 3:
        rows = _spread(y, at) if isinstance(at, int) else rows_of(z, at)
        _draw_indicatrices(ax, y, jacobians(z, flat, rows, 2 * k, metric=metric))
        for foot, tip in arrows:
            start = y[rows_of(z, np.array([foot]) if isinstance(foot, int) else [foot])[0]]
            _draw_arrow(ax, start, shadow(z, flat, foot, tip, 2 * k, metric=metric))
    quality = map_quality(z, flat, k, metric=metric)
    ax.set_title(
        f"trustworthiness {quality['trustworthiness']:.2f}, continuity {quality['continuity']:.2f}; red: do not believe"
    )
    ax.set_aspect("equal", adjustable="datalim")
    ax.set_xticks([])
    ax.set_yticks([])
    return ax


def _draw_indicatrices(ax: Any, y: NDArray[np.float64], of: Jacobians) -> None:
    """Draw what became of small circles; none where there is no Jacobian."""
    from matplotlib.patches import Ellipse

    there = np.isfinite(of.stretch).all(axis=1)
    width = float(np.ptp(y, axis=0).max()) or 1.0
    scale = _ELLIPSE * width / ((float(np.median(of.stretch[there])) if there.any() else 0.0) or 1.0)
    for row, matrix, hidden in zip(of.rows[there], of.matrix[there], of.hidden[there], strict=True):
        axes, size, _ = np.linalg.svd(matrix)
        long, short = 2 * np.minimum(scale * np.pad(size, (0, 2 - size.size)), _LARGEST * width)
        turn = np.degrees(np.arctan2(axes[1, 0], axes[0, 0]))
        alpha = float(np.clip(1 - hidden, 0.15, 1))
        ax.add_patch(Ellipse(tuple(y[row]), long, short, angle=turn, fill=False, alpha=alpha, zorder=2))


def _draw_arrow(ax: Any, start: NDArray[np.float64], cast: Shadow) -> None:
    """Draw what the map shows (dotted), the shadow (solid) and how far the arrow sticks out."""
    from matplotlib.patches import FancyArrowPatch

    look_of = {"color": "crimson", "zorder": 3}
    ax.plot(*np.stack([start, start + cast.drawn]).T, ":", **look_of)
    if np.isfinite(cast.shadow).all():
        end = tuple(start + cast.shadow)
        ax.add_patch(FancyArrowPatch(tuple(start), end, arrowstyle="-|>", mutation_scale=10, color="crimson", zorder=3))
        ax.annotate(f"{cast.tilt:.0f}°", end, **look_of)


def draw_cosines(of: Any, ax: Any = None) -> Any:
    """Draw the histogram of `Cosines` beside that of random directions; returns matplotlib's axes.

    Example:
        >>> from graphembed.geometry import cosine_null
        >>> draw_cosines(cosine_null(np.eye(5))).get_xlabel()
        'cosine of two nodes'
    """
    ax = _axes(ax)
    ax.stairs(of.share, of.edges, fill=True, alpha=0.6, label="these vectors")
    ax.stairs(of.expected_share, of.edges, color="black", label="random directions")
    ax.set_xlabel("cosine of two nodes")
    ax.set_ylabel("share of pairs")
    ax.set_title(f"largest difference of the distributions: {of.distance:.2f}")
    ax.legend()
    return ax


def _axes(ax: Any) -> Any:
    if ax is not None:
        return ax
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('drawing needs matplotlib: pip install "graphembed[plot]"') from error
    return Figure(figsize=(8, 7), layout="constrained").subplots()


def _spread(y: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Rows far from each other on the map: the one in the middle, then always the one farthest from those chosen."""
    chosen = [int(np.linalg.norm(y - y.mean(axis=0), axis=1).argmin())]
    away = np.linalg.norm(y - y[chosen[0]], axis=1)
    while len(chosen) < min(count, len(y)) and away.max() > 0:
        chosen.append(int(away.argmax()))
        away = np.minimum(away, np.linalg.norm(y - y[chosen[-1]], axis=1))
    return np.array(chosen)
