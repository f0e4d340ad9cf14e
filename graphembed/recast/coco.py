"""Keypoints from files and into files, in the two formats of COCO.

Ground truth is an object of ``images``, ``annotations`` and ``categories``; what a detector found is an array, one
entry a person. Each person has three numbers a joint: x, y and v. v is 0 (not there), 1 (hidden) or 2 (visible); tools
also write confidences there: where an entry has a v above 2 or a fraction, its v are scores.
"""

import gzip
import json
import zlib
from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphembed.errors import DataError, first_few
from graphembed.recast.people import COCO, IMAGES, PEOPLE, POINTS, Keypoints, Skeleton

_GZIP = b"\x1f\x8b"


def read_coco(source: str | PathLike[str] | Mapping[str, Any] | Sequence[Any]) -> Keypoints:
    """Read keypoints from a COCO file: ground truth or results, as JSON or gzipped JSON, or what JSON gave.

    Groups of people (``iscrowd``) are left out and counted in ``crowds``. Points with v = 0 are not there. Pictures
    that are listed twice alike are one. People and pictures without points stay.

    Args:
        source: A path, the object of a ground truth file, or the array of a results file. There, the persons are
            numbered from 0, pictures are as large as their points need, and a point has the score of its person unless
            it brings its own; scores above 1 are divided by the largest of the file.

    Returns:
        Points image by image, within an image in the order of the file: person by person, joint by joint.

    Raises:
        FileNotFoundError: There is no such file.
        DataError: It is no JSON, or not COCO's; the message names the annotation.

    Example:
        >>> found = read_coco([{"image_id": 7, "category_id": 1, "keypoints": [5, 6, 1] * 17, "score": 0.5}])
        >>> found
        Keypoints(17 points, 1 people, 1 images)
        >>> found.points.iloc[0].to_dict()
        {'image': 7.0, 'person': 1.0, 'joint': 0.0, 'x': 5.0, 'y': 6.0, 'score': 0.5, 'visible': 1.0}
    """
    content = _parsed(source) if isinstance(source, str | PathLike) else source
    if isinstance(content, Mapping):
        return _read_truth(content)
    if isinstance(content, Sequence) and not isinstance(content, str):
        return _read_results(content)
    raise DataError(
        f"expected COCO's ground truth (an object) or results (an array), got {type(content).__name__} {content!r:.40}"
    )


def _parsed(path: str | PathLike[str]) -> Any:
    raw = Path(path).read_bytes()
    try:
        return json.loads(gzip.decompress(raw) if raw[:2] == _GZIP else raw)
    except (ValueError, EOFError, OSError, zlib.error) as error:
        raise DataError(f"{fspath(path)} is not JSON: {error}") from error


def _read_truth(content: Mapping[str, Any]) -> Keypoints:
    """Read an object with images, annotations and categories."""
    if missing := [key for key in ("images", "annotations") if not isinstance(content.get(key), Sequence)]:
        raise DataError(f"a COCO file has the lists images and annotations; missing: {first_few(missing)}")
    category, skeleton = _category(content.get("categories", ()))
    everyone = [_entry(entry, place, "id") for place, entry in enumerate(content["annotations"])]
    mine = [entry for entry in everyone if category is None or entry.get("category_id", category) == category]
    single = [entry for entry in mine if not entry.get("iscrowd")]
    numbers = [_whole(entry["id"], f"annotation {entry['id']!r}", "id") for entry in single]
    if len(set(numbers)) < len(numbers):
        repeats = pd.Series(numbers)
        raise DataError(f"annotations must differ in id, these repeat: {first_few(repeats[repeats.duplicated()])}")
    triples = _triples(single, [f"annotation {number}" for number in numbers], len(skeleton.joints))
    where = [_whole(e["image_id"], f"annotation {n}", "image_id") for e, n in zip(single, numbers, strict=True)]
    images = _images(content["images"])
    known = set(images["image"])
    if lost := [(n, image) for n, image in zip(numbers, where, strict=True) if image not in known]:
        raise DataError(
            f"annotation {lost[0][0]} is in image {lost[0][1]}, which is not among the {len(known)} images of the file "
            f"({len(lost)} annotations are like that)"
        )
    points = _points(triples, numbers, where, np.ones(len(numbers)))
    people = _people(single, numbers, where, triples)
    return Keypoints(points, _sized(images, points), people, skeleton, len(mine) - len(single))


def _read_results(content: Sequence[Any]) -> Keypoints:
    """Read an array with an entry for each person that was found."""
    found = [_entry(entry, place, None) for place, entry in enumerate(content)]
    said = [f"entry {place}" for place in range(len(found))]
    triples = _triples(found, said, len(COCO.joints))
    silent = (triples[:, :, 2] == 0).all(axis=1)  # tools that leave v at 0, for nobody reads it in results
    triples[silent, :, 2] = (triples[silent, :, :2] != 0).any(axis=2)
    numbers = list(range(1, len(found) + 1))  # COCO's own judge takes 0 for nobody
    files = [entry["image_id"] for entry in found]
    where = _numbered(files)
    score = np.array([_number(entry.get("score", 1.0), name, "score") for entry, name in zip(found, said, strict=True)])
    score = score / max(1.0, float(score.max(initial=0)))
    points = _points(triples, numbers, where, score)
    names = {number: file if isinstance(file, str) else "" for number, file in zip(where, files, strict=True)}
    images = pd.DataFrame({"image": list(names), "width": np.nan, "height": np.nan, "file": list(names.values())})
    people = _people(found, numbers, where, triples)
    return Keypoints(points, _sized(images, points), people)


def _category(categories: Any) -> tuple[int | None, Skeleton]:
    """Return the number and the skeleton of the first category that has joints; COCO's by default."""
    for category in categories:
        if isinstance(category, Mapping) and category.get("keypoints"):
            joints = tuple(map(str, category["keypoints"]))
            if joints == COCO.joints:
                return category.get("id"), COCO
            known = dict(zip(COCO.joints, COCO.sigmas, strict=True))
            middle = float(np.mean(COCO.sigmas))
            try:
                limbs = tuple((int(a) - 1, int(b) - 1) for a, b in category.get("skeleton", ()))
            except (TypeError, ValueError) as error:
                raise DataError(f"category {category.get('id')!r}: the skeleton must be pairs of numbers") from error
            sigmas = tuple(known.get(joint, middle) for joint in joints)
            return category.get("id"), Skeleton(joints, limbs, sigmas, (0.2,) * len(limbs))
    return None, COCO


def _entry(entry: Any, place: int, number: str | None) -> Mapping[str, Any]:
    """Return an annotation that has all it needs."""
    needed = ["image_id", "keypoints"] + ([number] if number else [])
    if isinstance(entry, Mapping) and entry.get("iscrowd"):
        return entry
    missing = [key for key in needed if key not in entry] if isinstance(entry, Mapping) else needed
    if missing:
        said = f"annotation {entry['id']!r}" if isinstance(entry, Mapping) and "id" in entry else f"entry {place}"
        raise DataError(f"{said} lacks {first_few(missing)}: is this a file of keypoints?")
    return entry  # type: ignore[no-any-return]  # it is a mapping


def _triples(entries: Sequence[Mapping[str, Any]], said: Sequence[str], joints: int) -> NDArray[np.float64]:
    """Return (people, joints, 3) x, y and v."""
    rows = np.zeros((len(entries), joints, 3))
    for row, (entry, name) in enumerate(zip(entries, said, strict=True)):
        given = entry["keypoints"]
        if not isinstance(given, Sequence) or isinstance(given, str) or len(given) != 3 * joints:
            size = len(given) if isinstance(given, Sequence) else given
            raise DataError(f"{name} has {size!r} numbers in keypoints, expected {3 * joints}: x, y, v of {joints}")
        try:
            rows[row] = np.array(given, np.float64).reshape(joints, 3)
        except (TypeError, ValueError) as error:
            raise DataError(f"{name} has keypoints that are no numbers: {error}") from error
        finite = np.asarray(np.isfinite(rows[row]))
        if not finite.all():
            joint = int(np.nonzero(~finite)[0][0])
            raise DataError(f"{name} has coordinates that are not finite: joint {joint} is {given[3 * joint :][:3]}")
        if (rows[row, :, 2] < 0).any():
            raise DataError(f"{name} has a negative v, expected 0 (not there), 1 (hidden), 2 (visible) or a confidence")
    return rows


def _points(
    triples: NDArray[np.float64], numbers: Sequence[int], where: Sequence[int], score: NDArray[np.float64]
) -> pd.DataFrame:
    """Make a row of each point that is there."""
    v: NDArray[np.float64] = triples[:, :, 2]
    confident = (v.max(axis=1) > 2) | ((v % 1).max(axis=1) > 0)
    own = v * confident[:, None]
    own = own / max(1.0, float(own.max(initial=0)))
    row, joint = np.nonzero(v > 0)
    points = {
        "image": np.asarray(where, np.int64)[row], "person": np.asarray(numbers, np.int64)[row], "joint": joint,
        "x": triples[row, joint, 0], "y": triples[row, joint, 1],
        "score": np.where(confident[row], own[row, joint], score[row]),
        "visible": np.where(confident[row], 2, v[row, joint]),
    }  # fmt: skip
    return pd.DataFrame(points, columns=list(POINTS))


def _people(
    entries: Sequence[Mapping[str, Any]], numbers: Sequence[int], where: Sequence[int], triples: NDArray[np.float64]
) -> pd.DataFrame:
    """Make a row of each person; a box that is not given is that of the points, an area that of the box."""
    boxes, areas = [], []
    for entry, number, triple in zip(entries, numbers, triples, strict=True):
        box = entry.get("bbox")
        if box is None:
            box = box_of(triple[triple[:, 2] > 0, :2])
        if not isinstance(box, Sequence | np.ndarray) or len(box) != 4:
            raise DataError(f"annotation {number} has the bbox {box!r:.40}, expected [left, top, width, height]")
        boxes.append([_number(side, f"annotation {number}", "bbox") for side in box])
        area = entry.get("area")
        areas.append(boxes[-1][2] * boxes[-1][3] if area is None else _number(area, f"annotation {number}", "area"))
    columns = np.array(boxes, np.float64).reshape(-1, 4).T
    return pd.DataFrame(
        dict(zip(PEOPLE, [numbers, where, areas, *columns], strict=True)),
        columns=list(PEOPLE),
    )


def box_of(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Left, top, width and height of the box around (points, 2); zeros without points.

    Example:
        >>> box_of(np.array([[1.0, 5.0], [4.0, 3.0]])).tolist()
        [1.0, 3.0, 3.0, 2.0]
    """
    if not len(places):
        return np.zeros(4)
    low = places.min(axis=0)
    return np.concatenate([low, places.max(axis=0) - low])


def _images(listed: Sequence[Any]) -> pd.DataFrame:
    """Make a row of each picture; refuse two that differ and have one id."""
    rows: dict[int, tuple[float, float, str]] = {}
    for place, image in enumerate(listed):
        if not isinstance(image, Mapping) or "id" not in image:
            raise DataError(f"image {place} of the list has no id")
        number = _whole(image["id"], f"image {image['id']!r}", "id")
        size = [float("nan") if (side := image.get(key)) is None else _number(side, f"image {number}", key)
                for key in ("width", "height")]  # fmt: skip
        row = (size[0], size[1], str(image.get("file_name", "")))
        if repr(rows.setdefault(number, row)) != repr(row):
            raise DataError(f"image {number} is listed twice, as {rows[number]} and as {row}")
    table = pd.DataFrame([(number, *row) for number, row in rows.items()], columns=list(IMAGES))
    return table.astype({"image": "int64"})


def _sized(images: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    """Give a picture of unknown size one that holds its points."""
    need = points.groupby("image")[["x", "y"]].max().reindex(images["image"]).fillna(0).to_numpy()
    size = images[["width", "height"]].to_numpy(np.float64)
    size = np.where(np.isnan(size), np.floor(np.maximum(need, 0)) + 1, size)
    return images.assign(width=size[:, 0], height=size[:, 1])


def _numbered(files: Sequence[Any]) -> list[int]:
    """Return the numbers of pictures; names of files get the number they are, or that of their first appearance."""
    if not any(isinstance(file, str) for file in files):
        return [_whole(file, f"entry {place}", "image_id") for place, file in enumerate(files)]
    stems = [Path(str(file)).stem for file in files]
    if all(stem.isascii() and stem.isdigit() for stem in stems):
        return list(map(int, stems))
    codes: list[int] = pd.factorize(np.array(list(map(str, files)), object))[0].tolist()
    return codes


def _whole(value: Any, said: str, key: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or int(value) != value:
        raise DataError(f"{said}: {key} must be a whole number, got {value!r:.40}")
    return int(value)


def _number(value: Any, said: str, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.floating) or not np.isfinite(value):
        raise DataError(f"{said}: {key} must be a finite number, got {value!r:.40}")
    return float(value)
