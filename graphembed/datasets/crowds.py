"""Crowds that never were: people in all poses before a camera, in COCO's joints, with what pictures hide of them.

Bodies (see `graphembed.datasets.bodies`) turn to the camera and stand in rows that overlap as asked, near ones larger
and lower than far ones; the camera looks a little down. Then joints go that a picture does not show (see
`graphembed.datasets.sight`), and those left are marked as annotators do, a little off. Sizes, where people look and
what is hidden were set by eye and by the 217 people of COCO val2017's subset who are alone in their picture.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphembed.datasets.bodies import Places, bodies, drawn_poses, turned
from graphembed.datasets.sight import seen
from graphembed.errors import DataError
from graphembed.recast.people import COCO, Keypoints

_Numbers = NDArray[np.int64]
_SIZES = np.array([[640, 480], [640, 427], [480, 640], [427, 640], [500, 375]], np.float64)  # pixels
_SIZE_CHANCE = (0.36, 0.3, 0.13, 0.11, 0.1)
_ANNOTATED = 0.35  # of COCO's sigmas: how far off marks are
_MARGIN = 0.03  # of a body's height, between its joints and its outline


def crowd(
    images: int, people: tuple[int, int] = (1, 10), overlap: float | tuple[float, float] = (0.0, 0.7), seed: int = 0
) -> Keypoints:
    """Draw pictures of people.

    Args:
        images: How many pictures.
        people: Least and largest number of people in a picture; all numbers between are equally frequent.
        overlap: From 0, where nobody's box touches another's, to 1, where all are piled up; of two numbers, one between
            is drawn for each picture.
        seed: Where chance comes from. Pictures are drawn together: other arguments give other people.

    Returns:
        Points of people row by row, from the left to the right. Who shows no joint is in ``people`` but has no points.

    Raises:
        DataError: Numbers out of range.

    Example:
        >>> found = crowd(100, people=(2, 2))
        >>> len(found.images), len(found.people)
        (100, 200)
    """
    low, high = (overlap, overlap) if isinstance(overlap, int | float) else overlap
    if images < 0 or not 1 <= people[0] <= people[1] or not 0 <= low <= high <= 1:
        raise DataError(
            f"expected at least 0 images, 1 <= least <= most people and overlap between 0 and 1, got {images}, "
            f"{people} and {overlap}"
        )
    rng = np.random.default_rng(seed)
    size = _SIZES[rng.choice(len(_SIZES), images, p=_SIZE_CHANCE)]
    image = np.repeat(np.arange(images), rng.integers(people[0], people[1] + 1, images))
    body = _turned_to_us(image, images, rng)
    place, tall = _before_the_camera(body, image, size, rng)
    number = np.bincount(image, minlength=images)
    rows = np.where(rng.random(images) < 0.35, -(-number // rng.integers(3, 7, images)), 1)
    place = _in_rows(place, tall, image, rows, rng.uniform(low, high, images), rng)
    place, tall = _framed(place, tall, image, size, rng)
    visible = seen(place, tall, image, size, rng)
    return _tables(place, tall, image, size, visible, rng)


def _turned_to_us(image: _Numbers, images: int, rng: np.random.Generator) -> Places:
    """Draw bodies as the camera sees them; in many pictures most do the same and look the same way."""
    count = len(image)
    alike = (rng.random(images) < 0.4)[image] & (rng.random(count) < 0.85)
    pose = np.where(alike, drawn_poses(images, rng)[image], drawn_poses(count, rng))
    facing = np.where(alike, _facings(images, rng)[image] + np.radians(rng.normal(0, 20, count)), _facings(count, rng))
    body = turned(bodies(count, rng, pose), 1, facing)
    body = turned(body, 0, np.radians(rng.normal(7, 8, images).clip(-10, 40))[image])  # looked down at
    return turned(body, 2, np.radians(rng.normal(0, 2.5, images))[image])


def _facings(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw where people look, in radians from the camera: to it, away from it, or to a side."""
    middle = rng.choice([0, 180, 75, -75], count, p=[0.56, 0.24, 0.1, 0.1])
    return np.radians(middle + rng.normal(0, 23, count))


def _before_the_camera(
    body: Places, image: _Numbers, size: NDArray[np.float64], rng: np.random.Generator
) -> tuple[Places, NDArray[np.float64]]:
    """Return joints in pixels, y down and z to the camera, and how many pixels a body is high if it stands."""
    images, count = len(size), len(image)
    number = np.bincount(image, minlength=images)
    middle = size[:, 1] * np.exp(rng.normal(-0.2, 0.7, images)) / np.maximum(number, 1) ** 0.3
    near = np.exp(rng.normal(0, 1, count) * np.abs(rng.normal(0, 0.3, images))[image])
    tall = middle[image] * near * np.where(rng.random(count) < 0.12, 0.7, 1.0)  # some are children
    distance = 1.1 + 0.9 * size[image, 1] / tall  # in bodies
    flat = body[:, :, :2] * [1, -1] / (1 - body[:, :, 2:] / distance[:, None, None])
    return np.concatenate([flat, body[:, :, 2:]], axis=2) * tall[:, None, None], tall


def _in_rows(
    place: Places,
    tall: NDArray[np.float64],
    image: _Numbers,
    rows: _Numbers,
    overlap: NDArray[np.float64],
    rng: np.random.Generator,
) -> Places:
    """Put people beside each other, and rows of them, the farthest first, below each other."""
    count = len(image)
    low, high = place[:, :, :2].min(axis=1), place[:, :, :2].max(axis=1)
    number = np.bincount(image, minlength=len(rows))[image]
    row = (np.arange(count) - np.searchsorted(image, image)) * rows[image] // number
    key = image * (int(rows.max(initial=0)) + 1) + row
    starts = np.diff(key, prepend=-1) != 0
    loose = 1 + rng.exponential(1.0, count) * rng.exponential(0.5, len(rows))[image]
    wide = ((high - low)[:, 0] + 2 * _MARGIN * tall) * loose
    step = np.where(starts, 0, (wide + np.append(0, wide[:-1])) / 2) * (1 - overlap[image])
    high_row = pd.Series((high - low)[:, 1] + 2 * _MARGIN * tall).groupby(key).transform("max").to_numpy()
    drop = np.where(starts & (row > 0), high_row, 0) * (1 - 0.9 * overlap[image])
    ground = tall * rng.uniform(0.3, 1.0, len(rows))[image]  # of one row, near feet are lower
    x, y = _running(step, key), _running(drop, image) + np.where(rows[image] == 1, ground, 0)
    feet = np.stack([(low + high)[:, 0] / 2, high[:, 1]], axis=1)
    moved = place.copy()
    moved[:, :, :2] += (np.stack([x, y], axis=1) - feet)[:, None]
    return moved


def _running(step: NDArray[np.float64], key: _Numbers) -> NDArray[np.float64]:
    """Add up within each key; equal keys are neighbours."""
    total: NDArray[np.float64] = pd.Series(step).groupby(key).cumsum().to_numpy()
    return total


def _framed(
    place: Places, tall: NDArray[np.float64], image: _Numbers, size: NDArray[np.float64], rng: np.random.Generator
) -> tuple[Places, NDArray[np.float64]]:
    """Put the picture around people: of those who do not fit, mostly the head is in; many shrink until most are in."""
    images = len(size)
    box = pd.DataFrame(np.concatenate([place[:, :, :2].min(axis=1), -place[:, :, :2].max(axis=1)], axis=1))
    box = box.groupby(image).min().reindex(range(images)).to_numpy()
    low, span = box[:, :2], np.maximum(-box[:, 2:] - box[:, :2], 1e-9)
    single = np.bincount(image, minlength=images) == 1
    shrink = np.minimum(1, (np.where(single[:, None], 3.0, [1.05, 1.3]) * size / span).min(axis=1))
    low, span = low * shrink[:, None], span * shrink[:, None]
    free = size - span
    corner = np.where(free > 0, rng.uniform([0.05, 0.1], [0.95, 0.95], (images, 2)) * free, 0.5 * free)
    head = rng.uniform(0.02, 0.22, images) * size[:, 1]
    corner[:, 1] = np.where(free[:, 1] > 0, corner[:, 1], head)
    cut = rng.random((images, 2)) < [0.12, 0.12]  # somebody walks in, or the head is cut off
    corner -= cut * rng.uniform(-0.5, 0.5, (images, 2)) * np.minimum(span, size)
    moved = place * shrink[image][:, None, None]
    moved[:, :, :2] += (corner - low)[image][:, None]
    return moved, tall * shrink[image]


def _tables(
    place: Places,
    tall: NDArray[np.float64],
    image: _Numbers,
    size: NDArray[np.float64],
    visible: _Numbers,
    rng: np.random.Generator,
) -> Keypoints:
    """Mark what is seen, and draw boxes around people."""
    flat, edge = place[:, :, :2], size[image]
    low = np.clip(flat.min(axis=1) - _MARGIN * tall[:, None], 0, edge)
    span = np.clip(flat.max(axis=1) + _MARGIN * tall[:, None], 0, edge) - low
    area = np.maximum(0.5 * span.prod(axis=1), 1.0)
    off = _ANNOTATED * np.array(COCO.sigmas)[None, :, None] * np.sqrt(area)[:, None, None]
    marks = np.clip(flat + off * rng.normal(size=flat.shape), 0, edge[:, None] - 1).round(1)
    person, joint = np.nonzero(visible)
    numbers = 1 + np.arange(len(image))  # COCO's own judge takes 0 for nobody
    points = pd.DataFrame({
        "image": image[person], "person": numbers[person], "joint": joint, "x": marks[person, joint, 0],
        "y": marks[person, joint, 1], "score": 1.0, "visible": visible[person, joint],
    })  # fmt: skip
    images = pd.DataFrame({
        "image": np.arange(len(size)), "width": size[:, 0], "height": size[:, 1],
        "file": [f"{number:06d}.png" for number in range(len(size))],
    })  # fmt: skip
    people = pd.DataFrame({
        "person": numbers, "image": image, "area": area, "left": low[:, 0], "top": low[:, 1],
        "width": span[:, 0], "height": span[:, 1],
    })  # fmt: skip
    return Keypoints(points, images, people)
