"""`Keypoints`: tables of the joints that were seen in pictures, of the pictures, and of the people in them.

Nothing here is a graph yet. `graphembed.recast.coco` reads and writes such tables, `graphembed.recast.keypoints` makes
a graph of them, `graphembed.datasets.crowds` draws people who never lived.
"""

import dataclasses as dc
from collections.abc import Mapping

import numpy as np
import pandas as pd

from graphembed.errors import DataError, first_few

POINTS: Mapping[str, str] = {
    "image": "int64", "person": "int64", "joint": "int64", "x": "float64", "y": "float64", "score": "float64",
    "visible": "int64",
}  # fmt: skip
IMAGES: Mapping[str, str] = {"image": "int64", "width": "float64", "height": "float64", "file": "object"}
PEOPLE: Mapping[str, str] = {
    "person": "int64", "image": "int64", "area": "float64", "left": "float64", "top": "float64", "width": "float64",
    "height": "float64",
}  # fmt: skip


@dc.dataclass(frozen=True)
class Skeleton:
    """Which joints there are, and which of them a limb holds together.

    Args:
        joints: Their names.
        limbs: Pairs of joints, numbered from 0.
        sigmas: Of each joint, how far apart two people set its mark, as a share of the person's size (OKS).
        lengths: Of each limb of somebody who stands upright, as a share of the body's height.
    """

    joints: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...]
    sigmas: tuple[float, ...]
    lengths: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.sigmas) != len(self.joints) or len(self.lengths) != len(self.limbs):
            raise DataError(
                f"a skeleton needs a sigma for each joint and a length for each limb, got {len(self.sigmas)} for "
                f"{len(self.joints)} joints and {len(self.lengths)} for {len(self.limbs)} limbs"
            )
        if wrong := [pair for pair in self.limbs if not all(0 <= end < len(self.joints) for end in pair)]:
            raise DataError(f"limbs join two of {len(self.joints)} joints, numbered from 0, got {first_few(wrong)}")


COCO = Skeleton(
    joints=(
        "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
        "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
        "right_ankle",
    ),
    limbs=(
        (15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8), (7, 9), (8, 10),
        (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6),
    ),
    sigmas=(.026, .025, .025, .035, .035, .079, .079, .072, .072, .062, .062, .107, .107, .087, .087, .089, .089),
    # shank, thigh, trunk, upper and lower arm after Drillis and Contini 1966; widths and the head measured on models
    lengths=(.246, .245, .246, .245, .11, .29, .29, .2, .186, .186, .146, .146, .036, .03, .03, .06, .06, .13, .13),
)  # fmt: skip


@dc.dataclass(frozen=True, eq=False)
class Keypoints:
    """Joints seen in pictures.

    Args:
        points: A row for each point: ``image`` and ``person`` (their numbers; -1 for nobody or nobody knows), ``joint``
            (from 0), ``x`` and ``y`` (pixels from the top left), ``score`` (0 to 1), ``visible`` (0 not labelled, 1
            hidden, 2 visible). They are put in the order of their images.
        images: A row for each picture, also those without points: ``image``, ``width``, ``height``, ``file``.
        people: A row for each person, for OKS; may be empty: ``person``, ``image``, ``area`` (square pixels) and a box:
            ``left``, ``top``, ``width``, ``height``.
        skeleton: Which joints there are.
        crowds: How many groups of people, marked as one in the file, were left out.

    Raises:
        DataError: A column is missing, a coordinate is not finite, or points lie in pictures that are not there.
    """

    points: pd.DataFrame
    images: pd.DataFrame
    people: pd.DataFrame
    skeleton: Skeleton = COCO
    crowds: int = 0

    def __post_init__(self) -> None:
        for name, kinds in (("points", POINTS), ("images", IMAGES), ("people", PEOPLE)):
            object.__setattr__(self, name, _table(getattr(self, name), name, kinds))
        points, images = self.points, self.images
        if images["image"].duplicated().any():
            repeats = images["image"][images["image"].duplicated()].unique().tolist()
            raise DataError(f"images must have different numbers, these repeat: {first_few(repeats)}")
        for name, table in (("points", points), ("people", self.people)):
            if lost := sorted(set(table["image"]) - set(images["image"])):
                raise DataError(f"{name} are in images that are not listed: {first_few(lost)}")
        place = points[["x", "y", "score"]].to_numpy()
        if (wrong := np.flatnonzero(~np.isfinite(place).all(axis=1))).size:
            raise DataError(f"coordinates and scores must be finite; they are not in rows {first_few(wrong.tolist())}")
        joint = points["joint"]
        if (wrong := np.flatnonzero((joint < 0) | (joint >= len(self.skeleton.joints)))).size:
            raise DataError(
                f"joints are numbered from 0 to {len(self.skeleton.joints) - 1}, got {joint.iloc[wrong[0]]} in row "
                f"{wrong[0]}"
            )
        order = pd.Index(images["image"]).get_indexer(points["image"])
        if (np.diff(order) < 0).any():
            sorted_rows = points.iloc[np.argsort(order, kind="stable")].reset_index(drop=True)
            object.__setattr__(self, "points", sorted_rows)

    def __repr__(self) -> str:
        known = self.points["person"].loc[self.points["person"] >= 0].nunique()
        return f"Keypoints({len(self.points)} points, {known} people, {len(self.images)} images)"


def chosen(keypoints: Keypoints, images: "np.ndarray[tuple[int], np.dtype[np.int64]] | list[int]") -> Keypoints:
    """Keep some images, in the order they have, with their points and people.

    Example:
        >>> frame = pd.DataFrame({"image": [3, 4], "width": 9, "height": 9, "file": ""})
        >>> empty = Keypoints(pd.DataFrame(columns=list(POINTS)), frame, pd.DataFrame(columns=list(PEOPLE)))
        >>> chosen(empty, [4])
        Keypoints(0 points, 0 people, 1 images)
    """
    parts = [
        table.loc[table["image"].isin(images)].reset_index(drop=True)
        for table in (keypoints.points, keypoints.images, keypoints.people)
    ]
    return dc.replace(keypoints, points=parts[0], images=parts[1], people=parts[2])


def _table(frame: pd.DataFrame, name: str, kinds: Mapping[str, str]) -> pd.DataFrame:
    """Return the columns that are wanted, in their types, numbered from 0."""
    if missing := [column for column in kinds if column not in frame.columns]:
        raise DataError(f"{name} lack the columns {first_few(missing)}; they need {', '.join(kinds)}")
    try:
        return frame.loc[:, list(kinds)].astype(dict(kinds)).reset_index(drop=True)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} cannot be read as numbers: {error}") from error
