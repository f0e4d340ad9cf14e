"""Pictures of people as skeletons, and of the tags of their points; colours tell who is whose. Needs matplotlib."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

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
    return _skeletons(_axes(ax), keypoints, image, points, _ranked(labels))


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
    return _dots(_axes(ax), _flat(flat), _ranked(labels))


def draw_groups(keypoints: Keypoints, groups: ArrayLike, images: Sequence[int], tags: ArrayLike | None = None) -> Any:
    """Draw a row for each image: people as found, as they are, and the tags of their points, coloured as found.

    People found have the colours of the true ones they are matched with, for the most points in common.

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
        points, found = _of_image(keypoints, image, groups)
        true = _ranked(points["person"].to_numpy())
        found = _alike(_ranked(found), true)
        colours = max(found.max(initial=-1), true.max(initial=-1)) + 1
        _skeletons(panels[0], keypoints, image, points, found, colours)
        panels[0].set_title(f"image {image}, found: " + panels[0].get_title(), fontsize=9)
        if known:
            _skeletons(panels[1], keypoints, image, points, true, colours)
            panels[1].set_title("true: " + panels[1].get_title(), fontsize=9)
        if tags is not None:
            mine = (keypoints.points["image"] == image).to_numpy()
            _dots(panels[-1], _flat(np.asarray(tags, np.float64)[mine]), found, colours)
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


def _skeletons(
    ax: Any, keypoints: Keypoints, image: int, points: pd.DataFrame, label: NDArray[np.int64], colours: int = 0
) -> Any:
    """Draw one image; label k has the k-th colour, negative ones are crosses."""
    width, height = keypoints.images.set_index("image").loc[image, ["width", "height"]]
    place, joint = points[["x", "y"]].to_numpy(), points["joint"].to_numpy()
    size = float(np.clip(600 / max(len(points), 1), 4, 24))
    colour = _colours(max(colours, label.max(initial=-1) + 1))
    for person in np.unique(label[label >= 0]).tolist():
        mine = np.flatnonzero(label == person)
        at = dict(zip(joint[mine].tolist(), mine.tolist(), strict=True))
        for one, other in keypoints.skeleton.limbs:
            if one in at and other in at:
                ax.plot(*place[[at[one], at[other]]].T, color=colour[person], linewidth=1.6, solid_capstyle="round")
        ax.scatter(*place[mine].T, s=size, color=[colour[person]], zorder=3)
    ax.scatter(*place[label < 0].T, s=size, marker="x", color=_NOBODY, zorder=3)
    ax.set(xlim=(0, width), ylim=(height, 0), aspect="equal", xticks=[], yticks=[])  # y leads down
    people = len(np.unique(label[label >= 0]))
    ax.set_title(f"{people} " + ("person" if people == 1 else "people"), fontsize=9)
    return ax


def _dots(ax: Any, flat: NDArray[np.float64], label: NDArray[np.int64], colours: int = 0) -> Any:
    """Draw tags; label k has the k-th colour, negative ones are crosses."""
    colour = _colours(max(colours, label.max(initial=-1) + 1))
    for person in np.unique(label[label >= 0]).tolist():
        ax.scatter(*flat[label == person].T, s=20, color=[colour[person]], alpha=0.8)
    ax.scatter(*flat[label < 0].T, s=20, marker="x", color=_NOBODY)
    ax.set(xticks=[], yticks=[])
    ax.set_title("tags", fontsize=9)
    return ax


def _ranked(labels: NDArray[Any]) -> NDArray[np.int64]:
    """Number labels 0, 1, ..., all negative ones -1."""
    ranks = np.unique(np.append(-1, np.maximum(labels, -1)), return_inverse=True)[1][1:] - 1
    return ranks.astype(np.int64)


def _alike(found: NDArray[np.int64], true: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give each group the number of the true person it is matched with, and the others those after them."""
    groups, people = found.max(initial=-1) + 1, true.max(initial=-1) + 1
    common = np.zeros((groups, people))
    both = (found >= 0) & (true >= 0)
    np.add.at(common, (found[both], true[both]), 1)
    row, column = linear_sum_assignment(common, maximize=True)
    number = np.full(groups + 1, -1)  # the last is that of no group
    good = common[row, column] > 0
    number[row[good]] = column[good]
    rest = np.flatnonzero(number[:groups] < 0)
    number[rest] = people + np.arange(len(rest))
    return number[found]


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
