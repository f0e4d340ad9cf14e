"""Keypoints become a graph: points are nodes, and those that could be of one person are linked.

`disturbed` makes of true points what a detector might have given: a little off, some missing, some that are nobody's.
"""

import dataclasses as dc
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from graphembed.errors import DataError
from graphembed.graph import Graph, as_graph
from graphembed.recast.coco import read_coco as read_coco
from graphembed.recast.people import COCO as COCO
from graphembed.recast.people import Keypoints, Skeleton
from graphembed.recast.people import chosen as chosen

_NEAR, _ALONG = 8, 3  # nearest of any kind, and of each kind a limb leads to


def keypoint_graph(
    keypoints: Keypoints, near: int = _NEAR, along: int = _ALONG, features: NDArray[np.floating] | None = None
) -> Graph:
    """Link points that could be of one person; one graph of all images side by side.

    Within an image, a point is linked to its ``near`` nearest, and along each limb of the skeleton that starts at its
    joint to the ``along`` nearest points of the other end: a wrist to the nearest elbows.

    Positions are (p - c) / s: c is the median of the image's points, s the height its people would have by their limbs:
    the median of |p - q| / length, over all points p and limbs that start there, with q the nearest point of the
    limb's other end and length the share of a body's height that such a limb has. Where no limb has both ends, s is
    the larger side of the box around the points. So the graph does not change, but for rounding, when the image is
    moved or resized.

    Args:
        keypoints: Node k is row k of its points.
        near: Nearest points of any joint.
        along: Nearest points of each joint that a limb leads to.
        features: (points, columns) what else is known of each point, such as what an image network sees there, for
            encoders that read ``data.x`` (`graphembed.Inductive` with `graphembed.PushPull`); `graphembed.people_tags`
            looks at joints and places alone.

    Returns:
        Nodes are named ``image/number:joint``. ``data`` has for each node ``batch``, which of ``keypoints.images``
        it is in; ``pos`` (nodes, 2) as above; ``scale``, the s of its image in pixels; ``joint``, ``score``,
        ``visible``; ``y``, its person, numbered from 0 over all images, -1 for nobody's; and ``x``, the features.

    Raises:
        DataError: ``near`` or ``along`` is negative, or there is not one row of features per point.

    Example:
        >>> from graphembed.recast.people import PEOPLE, POINTS
        >>> rows = [(1, 4, 5, 10.0, 10.0, 1.0, 2), (1, 4, 7, 10.0, 40.0, 1.0, 2), (2, -1, 0, 5.0, 5.0, 1.0, 2)]
        >>> images = pd.DataFrame({"image": [1, 2], "width": 50, "height": 50, "file": ""})
        >>> found = Keypoints(pd.DataFrame(rows, columns=list(POINTS)), images, pd.DataFrame(columns=list(PEOPLE)))
        >>> graph = keypoint_graph(found)
        >>> graph.names
        ('1/0:left_shoulder', '1/1:left_elbow', '2/0:nose')
        >>> graph.data.y.tolist(), graph.pairs.tolist()
        ([0, 0, -1], [[0, 1]])
    """
    if near < 0 or along < 0:
        raise DataError(f"near and along must not be negative, got {near} and {along}")
    points, skeleton = keypoints.points, keypoints.skeleton
    if features is not None and (np.ndim(features) != 2 or len(features) != len(points)):
        raise DataError(f"expected a row of features for each of {len(points)} points, got shape {np.shape(features)}")
    more: dict[str, Any] = {} if features is None else {"x": torch.from_numpy(np.array(features, np.float32))}
    batch = pd.Index(keypoints.images["image"]).get_indexer(points["image"]).astype(np.int64)
    joint = points["joint"].to_numpy()
    place = points[["x", "y"]].to_numpy()
    pos, scale = _normalised(place, joint, batch, len(keypoints.images), skeleton)
    parts = [_nearest(pos, batch, np.arange(len(pos)), np.arange(len(pos)), near)]
    for one, other in _both_ways(skeleton):
        parts.append(_nearest(pos, batch, np.flatnonzero(joint == one), np.flatnonzero(joint == other), along))
    low, high = np.sort(np.concatenate(parts, axis=1), axis=0)
    source, target = np.divmod(np.unique(low * len(pos) + high), max(len(pos), 1))  # a pair found twice is one edge
    number = points.groupby("image").cumcount()
    names = [
        f"{image}/{at}:{skeleton.joints[kind]}" for image, at, kind in zip(points["image"], number, joint, strict=True)
    ]
    person = points["person"].to_numpy()
    y = np.where(person < 0, -1, np.unique(np.append(-1, np.maximum(person, -1)), return_inverse=True)[1][1:] - 1)
    return Graph.from_edges(
        source,
        target,
        names=names,
        nodes=len(names),
        batch=torch.from_numpy(batch),
        pos=torch.from_numpy(pos.astype(np.float32)),
        scale=torch.from_numpy(scale[batch].astype(np.float32)),
        joint=torch.from_numpy(joint.copy()),
        score=torch.from_numpy(points["score"].to_numpy(np.float32, copy=True)),
        visible=torch.from_numpy(points["visible"].to_numpy(copy=True)),
        y=torch.from_numpy(y),
        **more,
    )


@as_graph.register
def _(source: Keypoints, /) -> Graph:
    return keypoint_graph(source)


def disturbed(
    keypoints: Keypoints, *, jitter: float = 0.05, dropped: float = 0.1, spurious: float = 0.05, seed: int = 0
) -> Keypoints:
    """Make of true points what a detector might have found. Scores tell nothing of it.

    Args:
        keypoints: Which are not changed.
        jitter: Standard deviation of what is added to each coordinate, as a share of the person's size: of the larger
            side of the box around its points. 0.05 is 5 pixels for a person of 100.
        dropped: Share of the points that go.
        spurious: How many points are added, as a share of those left: of a random joint, in the image of a random
            point, anywhere in it, of nobody (person -1).
        seed: Where chance comes from.

    Returns:
        The points of an image are in random order.

    Raises:
        DataError: A share is out of range.

    Example:
        >>> from graphembed.recast.coco import read_coco
        >>> one = read_coco([{"image_id": 7, "category_id": 1, "keypoints": [5, 6, 1] * 17}])
        >>> disturbed(disturbed(one), dropped=0.5, seed=1)
        Keypoints(8 points, 1 people, 1 images)
    """
    if not (jitter >= 0 and 0 <= dropped <= 1 and spurious >= 0):
        raise DataError(
            f"jitter and spurious must not be negative and dropped be from 0 to 1, got {jitter}, {spurious}, {dropped}"
        )
    rng = np.random.default_rng(seed)
    points = keypoints.points
    place = points[["x", "y"]].to_numpy()
    person = np.where(points["person"] < 0, -1, points.groupby(["image", "person"]).ngroup())
    place = place + rng.normal(size=place.shape) * (jitter * sizes(place, person))[:, None]
    moved = points.assign(x=place[:, 0], y=place[:, 1])
    left = moved.iloc[np.sort(rng.permutation(len(moved))[round(dropped * len(moved)) :])]
    like = left.iloc[rng.integers(0, max(len(left), 1), round(spurious * len(left)))]
    frames = keypoints.images.set_index("image").loc[like["image"], ["width", "height"]].to_numpy()
    inside = rng.random((len(like), 2)) * frames
    joint = rng.integers(0, len(keypoints.skeleton.joints), len(like))
    added = like.assign(person=-1, joint=joint, x=inside[:, 0], y=inside[:, 1])
    together = pd.concat([left, added]) if len(added) else left
    return dc.replace(keypoints, points=together.iloc[rng.permutation(len(together))])


def sizes(place: NDArray[np.float64], person: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return for each point the larger side of the box around its person; 0 for nobody's."""
    names, code = np.unique(person, return_inverse=True)
    box = np.zeros(len(names))
    for axis in place.T:
        low, high = np.full(len(names), np.inf), np.full(len(names), -np.inf)
        np.minimum.at(low, code, axis)
        np.maximum.at(high, code, axis)
        box = np.maximum(box, high - low)
    found: NDArray[np.float64] = np.where(person >= 0, box[code], 0.0)
    return found


def _both_ways(skeleton: Skeleton) -> list[tuple[int, int]]:
    return [*skeleton.limbs, *((b, a) for a, b in skeleton.limbs)]


def _normalised(
    place: NDArray[np.float64], joint: NDArray[np.int64], batch: NDArray[np.int64], images: int, skeleton: Skeleton
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return positions without place and size of the image, and the size of each image's unit in pixels."""
    middle = pd.DataFrame(place).groupby(batch).median().reindex(range(images)).to_numpy()
    place = place - middle[batch]
    who, heights = [np.empty(0, np.int64)], [np.empty(0)]
    for (one, other), length in zip(_both_ways(skeleton), 2 * skeleton.lengths, strict=True):
        looks, finds = _nearest(place, batch, np.flatnonzero(joint == one), np.flatnonzero(joint == other), 1)
        who.append(batch[looks])
        heights.append(np.linalg.norm(place[looks] - place[finds], axis=1) / length)
    by_limbs = pd.Series(np.concatenate(heights)).groupby(np.concatenate(who)).median().reindex(range(images))
    box = pd.DataFrame(place).groupby(batch)
    around = (box.max() - box.min()).max(axis=1).reindex(range(images)).fillna(0)
    scale = np.where(by_limbs > 0, by_limbs, around)
    scale = np.where(scale > 0, scale, 1.0)
    return place / scale[batch][:, None], scale


def _nearest(
    place: NDArray[np.float64],
    batch: NDArray[np.int64],
    looks: NDArray[np.int64],
    among: NDArray[np.int64],
    count: int,
) -> NDArray[np.int64]:
    """Return (2, pairs): who looks, and the ``count`` nearest of its image that it finds among others."""
    if not (len(looks) and len(among) and count):
        return np.empty((2, 0), np.int64)
    far = 4 * (1 + float(np.abs(place).max()))  # images lie on floors so far apart that none sees another first
    where = np.column_stack([place, far * batch])
    asked = min(count + 1, len(among))  # one more, because a point may find itself
    _, found = cKDTree(where[among]).query(where[looks], asked)
    who = np.repeat(looks, asked)
    whom = among[found.ravel()]
    good = ((batch[who] == batch[whom]) & (who != whom)).reshape(-1, asked)
    good &= np.cumsum(good, axis=1) <= count
    return np.stack([who[good.ravel()], whom[good.ravel()]])
