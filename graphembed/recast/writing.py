"""Keypoints into COCO's files: ground truth, and the results of who was found."""

import gzip
import json
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphembed.atomic import whole_file
from graphembed.errors import DataError
from graphembed.recast.people import Keypoints

_CATEGORY = 1  # COCO's number of persons


def coco_dict(keypoints: Keypoints) -> dict[str, Any]:
    """Lay out keypoints as COCO's ground truth: an object of ``images``, ``annotations`` and ``categories``.

    Points of nobody (person -1) have no place there and are left out, as are scores.

    Example:
        >>> from graphembed.recast.coco import read_coco
        >>> one = read_coco([{"image_id": 7, "category_id": 1, "keypoints": [5, 6, 1] * 17}])
        >>> coco_dict(one)["annotations"][0]["keypoints"][:6]
        [5.0, 6.0, 1, 5.0, 6.0, 1]
    """
    people, skeleton = keypoints.people, keypoints.skeleton
    triples = _triples(keypoints, keypoints.points["person"].to_numpy(), people["person"].to_numpy())
    annotations = [
        {
            "id": int(row.person), "image_id": int(row.image), "category_id": _CATEGORY, "iscrowd": 0,
            "num_keypoints": int((triple[:, 2] > 0).sum()), "keypoints": _flat(triple), "area": float(row.area),
            "bbox": [float(row.left), float(row.top), float(row.width), float(row.height)],
        }
        for row, triple in zip(people.itertuples(), triples, strict=True)
    ]  # fmt: skip
    images = [
        {"id": int(row.image), "width": int(row.width), "height": int(row.height), "file_name": row.file}
        for row in keypoints.images.itertuples()
    ]
    category = {
        "id": _CATEGORY, "name": "person", "supercategory": "person", "keypoints": list(skeleton.joints),
        "skeleton": [[one + 1, other + 1] for one, other in skeleton.limbs],
    }  # fmt: skip
    return {"images": images, "annotations": annotations, "categories": [category]}


def write_coco(keypoints: Keypoints, path: str | PathLike[str]) -> None:
    """Write keypoints as COCO's ground truth, JSON or, under a name that ends in ``.gz``, gzipped JSON.

    Example:
        >>> import tempfile
        >>> from graphembed.recast.coco import read_coco
        >>> one = read_coco([{"image_id": 7, "category_id": 1, "keypoints": [5, 6, 1] * 17}])
        >>> path = Path(tempfile.mkdtemp()) / "one.json.gz"
        >>> write_coco(one, path)
        >>> read_coco(path)
        Keypoints(17 points, 1 people, 1 images)
    """
    _write(coco_dict(keypoints), path)


def write_results(
    keypoints: Keypoints,
    path: str | PathLike[str],
    groups: ArrayLike | None = None,
    scores: ArrayLike | None = None,
) -> int:
    """Write who was found as COCO's results: an array with an entry for each person.

    Of two points of one joint in a group, the one of the better score is written.

    Args:
        keypoints: What was seen.
        path: Where to; under a name that ends in ``.gz``, gzipped.
        groups: (points,) group of each point within its image, negative for none, which is not written; by default the
            persons of ``keypoints``.
        scores: (points,) how sure the person each point is in is; by default the sum of the points' scores over the
            number of joints there are.

    Returns:
        How many people were written.

    Raises:
        DataError: There is not one group, or score, for each point, or a score is not finite.

    Example:
        >>> import tempfile
        >>> from graphembed.recast.coco import read_coco
        >>> one = read_coco([{"image_id": 7, "category_id": 1, "keypoints": [5, 6, 1] * 17}])
        >>> path = Path(tempfile.mkdtemp()) / "found.json"
        >>> write_results(one, path, [0] * 10 + [1] * 6 + [-1])
        2
        >>> [round(found["score"], 2) for found in json.loads(path.read_text())]
        [0.59, 0.35]
    """
    points, joints = keypoints.points, len(keypoints.skeleton.joints)
    labels = points["person"].to_numpy() if groups is None else np.asarray(groups)
    sure = points["score"].to_numpy() / joints if scores is None else np.asarray(scores, np.float64)
    for name, values in (("group", labels), ("score", sure)):
        if values.shape != (len(points),):
            raise DataError(f"expected a {name} for each of {len(points)} points, got shape {values.shape}")
    if not np.isfinite(sure).all():
        raise DataError(f"scores must be finite, that of point {int(np.flatnonzero(~np.isfinite(sure))[0])} is not")
    put = labels >= 0
    keys, place = np.unique(np.stack([points["image"], labels])[:, put], axis=1, return_inverse=True)
    row = np.full(len(points), -1)
    row[put] = place.ravel()
    total = np.bincount(row[put], sure[put], keys.shape[1]).astype(np.float64)
    total /= 1 if scores is None else np.bincount(row[put], minlength=keys.shape[1])
    triples = _triples(keypoints, row, np.arange(keys.shape[1]))
    _write([
        {"image_id": int(image), "category_id": _CATEGORY, "keypoints": _flat(triple), "score": float(score)}
        for image, triple, score in zip(keys[0], triples, total, strict=True)
    ], path)  # fmt: skip
    return len(triples)


def _triples(keypoints: Keypoints, label: NDArray[np.int64], people: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (people, joints, 3) x, y, v of the points that have the label of each person."""
    points = keypoints.points
    order = np.argsort(points["score"].to_numpy(), kind="stable")  # the best is written last
    place = {int(person): row for row, person in enumerate(people)}
    order = order[[int(one) in place for one in label[order]]]
    rows = [place[int(one)] for one in label[order]]
    triples = np.zeros((len(people), len(keypoints.skeleton.joints), 3))
    some = points.iloc[order]
    triples[rows, some["joint"]] = np.column_stack([some["x"], some["y"], np.maximum(some["visible"], 1)])
    return triples


def _flat(triple: NDArray[np.float64]) -> list[float | int]:
    """Return x, y, v, x, y, v, ... as JSON has them."""
    return [value for x, y, v in triple.round(3).tolist() for value in (x, y, int(v))]


def _write(content: Any, path: str | PathLike[str]) -> None:
    raw = json.dumps(content, allow_nan=False).encode()
    with whole_file(Path(path)) as temporary:
        temporary.write_bytes(gzip.compress(raw, mtime=0) if Path(path).suffix.lower() == ".gz" else raw)
