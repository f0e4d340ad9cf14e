"""Graphs of points: edges to the nearest, or to all within a distance, without add-ons to PyG.

As PyG's ``knn_graph`` and ``radius_graph``: the same arguments in the same order and the same convention, exact, by
scikit-learn. Both give ``edge_index`` (2, edges) sorted by the point that looks for neighbours, nearest first.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from graphembed.errors import DataError, first_few

_Found = tuple[NDArray[np.int64], NDArray[np.int64]]  # who looks, and whom it finds


def knn_graph(
    x: Tensor,
    k: int,
    batch: Tensor | None = None,
    loop: bool = False,
    flow: str = "source_to_target",
    cosine: bool = False,
) -> Tensor:
    """Link every point to its ``k`` nearest.

    Args:
        x: (points, dim) finite coordinates.
        k: How many; fewer where there are no more points.
        batch: (points,) group of each point; neighbours are of the same group.
        loop: Whether a point is among its own nearest.
        flow: ``"source_to_target"``: edges lead from the neighbours to the point; ``"target_to_source"``: the reverse.
        cosine: Near by angle instead of by distance.

    Returns:
        (2, edges) on the device of ``x``.

    Raises:
        DataError: Coordinates that are not finite, or groups that do not fit.
        ValueError: ``k`` below 1, or an unknown flow.

    Example:
        >>> knn_graph(torch.tensor([[0.0], [1.0], [3.0]]), k=1)
        tensor([[1, 0, 1],
                [0, 1, 2]])
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")

    def find(points: NDArray[Any]) -> _Found:
        count = min(k, len(points) - (not loop))
        if count == 0:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        index = NearestNeighbors(metric="cosine" if cosine else "euclidean").fit(points)
        found = index.kneighbors(points if loop else None, count, return_distance=False)
        return np.repeat(np.arange(len(points)), count), found.ravel()

    return _graph(x, batch, flow, find)


def radius_graph(
    x: Tensor,
    r: float,
    batch: Tensor | None = None,
    loop: bool = False,
    max_num_neighbors: int = 32,
    flow: str = "source_to_target",
) -> Tensor:
    """Link every point to those at a distance of at most ``r``; if there are too many, to the nearest of them.

    Args:
        x: (points, dim) finite coordinates.
        r: Distance.
        batch: (points,) group of each point; neighbours are of the same group.
        loop: Whether a point is its own neighbour.
        max_num_neighbors: How many a point has at most.
        flow: As for `knn_graph`.

    Returns:
        (2, edges) on the device of ``x``.

    Raises:
        DataError: Coordinates that are not finite, or groups that do not fit.
        ValueError: A negative distance, less than one neighbour, or an unknown flow.

    Example:
        >>> radius_graph(torch.tensor([[0.0], [1.0], [3.0]]), r=1.5)
        tensor([[1, 0],
                [0, 1]])

    Differs from torch-cluster: of too many neighbours the nearest are kept, not some.
    """
    if not r >= 0 or max_num_neighbors < 1:
        raise ValueError(
            f"r must not be negative and max_num_neighbors be at least 1, got r={r}, "
            f"max_num_neighbors={max_num_neighbors}"
        )

    def find(points: NDArray[Any]) -> _Found:
        points = points.astype(np.float64)
        slack = 1e-6 * (r + float(np.abs(points).max(initial=0)))  # distances by matrix products are rounded
        index = NearestNeighbors(radius=r + slack).fit(points)
        found = [
            _nearest_of(points, point, near, r)[:max_num_neighbors]
            for point, near in enumerate(index.radius_neighbors(points if loop else None, return_distance=False))
        ]
        return np.repeat(np.arange(len(points)), [len(near) for near in found]), np.concatenate(found)

    return _graph(x, batch, flow, find)


def _nearest_of(points: NDArray[Any], point: int, near: NDArray[np.int64], r: float) -> NDArray[np.int64]:
    """Return those at a distance of at most ``r``, nearest first; of equally near ones, in their order."""
    near = np.sort(near)
    distance = np.linalg.norm(points[near] - points[point], axis=1)
    order = np.argsort(distance, kind="stable")
    nearest: NDArray[np.int64] = near[order[: np.searchsorted(distance[order], r, side="right")]]
    return nearest


def _graph(x: Tensor, batch: Tensor | None, flow: str, find: Callable[[NDArray[Any]], _Found]) -> Tensor:
    """Find neighbours in each group."""
    if flow not in ("source_to_target", "target_to_source"):
        raise ValueError(f"flow must be 'source_to_target' or 'target_to_source', got {flow!r}")
    points = x.detach().cpu().numpy()
    points = points[:, None] if points.ndim == 1 else points
    if points.ndim != 2:
        raise DataError(f"points must have the shape (points, dim), got {points.shape}")
    if (wrong := np.flatnonzero(~np.isfinite(points).all(axis=1))).size:
        raise DataError(f"coordinates must be finite; they are not for points {first_few(wrong.tolist())}")
    looks, finds = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for members in _groups(batch, len(points)):
        who, whom = find(points[members])
        looks.append(members[who])
        finds.append(members[whom])
    who, whom = np.concatenate(looks), np.concatenate(finds)
    order = np.argsort(who, kind="stable")
    ends = (whom[order], who[order]) if flow == "source_to_target" else (who[order], whom[order])
    return torch.from_numpy(np.stack(ends)).to(x.device)


def _groups(batch: Tensor | None, points: int) -> Iterator[NDArray[np.int64]]:
    """List the points of each group."""
    group = np.zeros(points, np.int64) if batch is None else batch.cpu().numpy()
    if group.shape != (points,):
        raise DataError(f"expected the group of each point, one for each of {points}, got shape {group.shape}")
    order = np.argsort(group, kind="stable")
    yield from (part for part in np.split(order, np.flatnonzero(np.diff(group[order])) + 1) if part.size)
