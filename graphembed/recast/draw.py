"""Pictures of people as skeletons, and of the tags of their points; colours tell who is whose. Needs matplotlib."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from graphembed.errors import DataError
from graphembed.recast.people import Keypoints

_NOBODY = "0.6"  # grey


def draw_people(keypoints: Keypoints, image: int, groups: ArrayLike | None = None, *, ax: Any = None) -> Any:
    """Draw the skeletons of one image, a colour for each person; points of nobody are grey crosses.

    Args:
        keypoints: What was seen.
        image: Which image.
        groups: (points,) person of each of all points, negative for none; by default ``keypoints``' own.
        ax: Matplotlib's axes to draw on; new ones by default.

    Returns:
        The axes.

    Raises:
        DataError: There is no such image, or not one group for each point.
        ImportError: matplotlib is not installed.

    Example:
        >>> from graphembed.recast.coco import read_coco
        >>> one = read_coco([{"image_id": 7, "category_id": 1, "keypoints": [5, 6, 1] * 17}])
        >>> draw_people(one, 7).get_title()
        '1 person'
    """
    points, labels = _of_image(keypoints, image, groups)
    ax = _axes(ax)
    width, height = keypoints.images.set_index("image").loc[image, ["width", "height"]]
    place = points[["x", "y"]].to_numpy()
    size = float(np.clip(600 / max(len(points), 1), 4, 24))
    people = np.unique(labels[labels >= 0])
    for colour, person in zip(_colours(len(people)), people, strict=True):
        mine = np.flatnonzero(labels == person)
        at = dict(zip(points["joint"].to_numpy()[mine].tolist(), mine.tolist(), strict=True))
        ends = [place[[at[one], at[other]]] for one, other in keypoints.skeleton.limbs if one in at and other in at]
        for end in ends:
            ax.plot(*end.T, color=colour, linewidth=1.6, solid_capstyle="round")
        ax.scatter(*place[mine].T, s=size, color=[colour], zorder=3)
    ax.scatter(*place[labels < 0].T, s=size, marker="x", color=_NOBODY, zorder=3)
    ax.set_xlim(0, width)
    ax.set_ylim(height, 0)  # y leads down
    ax.set_aspect("equal")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_title(f"{len(people)} " + ("person" if len(people) == 1 else "people"), fontsize=9)
    return ax


def draw_tags(tags: ArrayLike, groups: ArrayLike, *, ax: Any = None) -> Any:
    """Draw vectors of points in two dimensions, those of one person in one colour; principal axes if they have more.

    Args:
        tags: (points, dim) of one image.
        groups: (points,) person of each, negative for none.
        ax: Matplotlib's axes to draw on; new ones by default.

    Returns:
        The axes.

    Raises:
        DataError: There is not one group for each tag, or tags are not finite.
        ImportError: matplotlib is not installed.

    Example:
        >>> draw_tags([[0.0], [0.1], [1.0]], [0, 0, 1]).get_title()
        'tags'
    """
    flat, labels = np.asarray(tags, np.float64), np.asarray(groups)
    if flat.ndim != 2 or labels.shape != flat.shape[:1] or not np.isfinite(flat).all():
        raise DataError(
            f"expected finite tags (points, dim) and a group for each, got shapes {flat.shape} and {labels.shape}"
        )
    ax = _axes(ax)
    flat = _flat(flat)
    people = np.unique(labels[labels >= 0])
    for colour, person in zip(_colours(len(people)), people, strict=True):
        ax.scatter(*flat[labels == person].T, s=20, color=[colour], alpha=0.8)
    ax.scatter(*flat[labels < 0].T, s=20, marker="x", color=_NOBODY)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_title("tags", fontsize=9)
    return ax


def draw_groups(keypoints: Keypoints, groups: ArrayLike, images: Sequence[int], tags: ArrayLike | None = None) -> Any:
    """Draw a row for each image: people as found, as they are, and the tags of their points, coloured as found.

    A person that was found has the colour of the true one that most of its points belong to.

    Args:
        keypoints: With the true people, or with -1 where nobody knows: then there is no second picture.
        groups: (points,) groups found, as for `draw_people`.
        images: Which images.
        tags: (points, dim) of all points, if they are to be drawn.

    Returns:
        Matplotlib's figure.

    Raises:
        DataError: As for `draw_people` and `draw_tags`.
        ImportError: matplotlib is not installed.

    Example:
        >>> from graphembed.recast.coco import read_coco
        >>> one = read_coco([{"image_id": 7, "category_id": 1, "keypoints": [5, 6, 1] * 17}])
        >>> len(draw_groups(one, np.zeros(17, int), [7], np.zeros((17, 4))).axes)
        3
    """
    known = bool((keypoints.points["person"] >= 0).any())
    columns = 1 + known + (tags is not None)
    figure, rows = _figure(len(images), columns)
    for panels, image in zip(rows, images, strict=True):
        mine = (keypoints.points["image"] == image).to_numpy()
        draw_people(keypoints, image, groups, ax=panels[0])
        panels[0].set_title(f"image {image}: found " + panels[0].get_title(), fontsize=9)
        if known:
            draw_people(keypoints, image, ax=panels[1])
            panels[1].set_title("true: " + panels[1].get_title(), fontsize=9)
        if tags is not None:
            draw_tags(np.asarray(tags)[mine], np.asarray(groups)[mine], ax=panels[-1])
    return figure


def draw_gallery(keypoints: Keypoints, images: Sequence[int], columns: int = 4) -> Any:
    """Draw many images beside each other; returns matplotlib's figure.

    Raises:
        DataError: As for `draw_people`.
        ImportError: matplotlib is not installed.

    Example:
        >>> from graphembed.recast.coco import read_coco
        >>> one = read_coco([{"image_id": 7, "category_id": 1, "keypoints": [5, 6, 1] * 17}])
        >>> len(draw_gallery(one, [7, 7, 7], columns=2).axes)
        4
    """
    rows = -(-len(images) // columns)
    figure, panels = _figure(max(rows, 1), columns)
    for panel in panels.ravel()[len(images) :]:
        panel.axis("off")
    for panel, image in zip(panels.ravel(), images, strict=False):
        draw_people(keypoints, image, ax=panel)
    return figure


def _of_image(keypoints: Keypoints, image: int, groups: ArrayLike | None) -> tuple[pd.DataFrame, NDArray[Any]]:
    if image not in set(keypoints.images["image"]):
        raise DataError(f"there is no image {image!r} among the {len(keypoints.images)} images")
    labels = keypoints.points["person"].to_numpy() if groups is None else np.asarray(groups)
    if labels.shape != (len(keypoints.points),):
        raise DataError(f"expected a group for each of {len(keypoints.points)} points, got shape {labels.shape}")
    mine = (keypoints.points["image"] == image).to_numpy()
    return keypoints.points[mine], labels[mine]


def _flat(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn (points, dim) into (points, 2): the two principal axes, a zero where there is only one."""
    z = z - z.mean(axis=0) if len(z) else z
    if z.shape[1] > 2:
        z = z @ np.linalg.svd(z, full_matrices=False)[2][:2].T
    return np.pad(z, ((0, 0), (0, 2 - z.shape[1])))


def _colours(count: int) -> list[Any]:
    """Return colours that differ, neighbours the most."""
    from matplotlib import colormaps

    if count <= 10:
        return list(colormaps["tab10"](np.arange(count)))
    golden = (0.381966 * np.arange(count)) % 1.0
    return list(colormaps["hsv"](golden) * np.array([0.85, 0.85, 0.85, 1]))


def _axes(ax: Any) -> Any:
    return ax if ax is not None else _figure(1, 1)[1][0, 0]


def _figure(rows: int, columns: int) -> tuple[Any, Any]:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('drawing needs matplotlib: pip install "graphembed[plot]"') from error
    figure = Figure(figsize=(4 * columns, 3.4 * rows), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)
