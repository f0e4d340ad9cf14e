"""Keypoints grouped into people, judged on real images: half of those with several people to learn from, half asked.

clean     points as they are marked
noisy     5 pixels of jitter for a person of 100, a tenth dropped, then a twentieth of spurious points

Rows are by how many people an image has, and by how crowded it is (see `graphembed.metrics.groups.crowding`).
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphembed.bench.cost import measured
from graphembed.errors import DataError
from graphembed.metrics.groups import crowding, oks_ap, poses_of, scores
from graphembed.recast.keypoints import disturbed
from graphembed.recast.people import Keypoints, chosen

Grouper = Callable[[Keypoints], NDArray[np.int64]]
NOISE: Mapping[str, Mapping[str, float]] = {
    "clean": {"jitter": 0.0, "dropped": 0.0, "spurious": 0.0},
    "noisy": {"jitter": 0.05, "dropped": 0.1, "spurious": 0.05},
}
_PEOPLE = {"2-4 people": (2, 4), "5+ people": (5, np.inf)}
_CROWDING = {"easy": (0.0, 0.1), "medium": (0.1, 0.8), "hard": (0.8, np.inf)}  # from, below; as CrowdPose has it


def halves(keypoints: Keypoints, seed: int) -> tuple[Keypoints, Keypoints]:
    """Split the images that show two or more people at random: half to learn from, the other half to be asked.

    Raises:
        DataError: There are fewer than two such images.

    Example:
        >>> from graphembed.datasets.crowds import crowd
        >>> learn, asked = halves(crowd(30, people=(3, 4)), seed=0)
        >>> len(learn.images), len(asked.images)
        (15, 15)
    """
    real = keypoints.points[keypoints.points["person"] >= 0]
    number = real.groupby("image")["person"].nunique()
    several = number.index[number >= 2].to_numpy()
    if len(several) < 2:
        raise DataError(f"expected two or more images with two or more people, got {len(several)} in {keypoints}")
    mixed = np.random.default_rng(seed).permutation(np.sort(several))
    half = len(several) // 2
    return chosen(keypoints, mixed[:half]), chosen(keypoints, mixed[half:])


def judged(found: NDArray[np.int64], seen: Keypoints, true: Keypoints) -> pd.DataFrame:
    """Score groups, by how many people images have and by how crowded they are.

    Args:
        found: (points,) group within its image of each point of ``seen``, -1 for none.
        seen: What was grouped, with the true persons.
        true: The undisturbed keypoints of the same images: who is there, and where, for the OKS.

    Returns:
        A row for each kind of image: ``images``, ``people``, the scores of `graphembed.metrics.groups.scores`, and
        those of `graphembed.metrics.groups.oks_ap`. A pose is as sure as its points' scores add up to.
    """
    points = true.points[true.points["person"] >= 0]
    image, person = points["image"].to_numpy(), points["person"].to_numpy()
    number = points.groupby("image")["person"].nunique()
    crowded = pd.Series(*crowding(image, person, points[["x", "y"]].to_numpy())[::-1])
    rows = {}
    for kinds, of in ((_PEOPLE, number), (_CROWDING, crowded)):
        for name, (low, high) in kinds.items():
            within = (of >= low) & ((of <= high) if kinds is _PEOPLE else (of < high))
            rows[name] = _scored(found, seen, true, of.index[within].to_numpy())
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("images of")


def table(
    keypoints: Keypoints, methods: Mapping[str, Callable[[Keypoints], Grouper]], seeds: int = 5, first: int = 0
) -> pd.DataFrame:
    """Compare methods on splits, clean and noisy.

    Args:
        keypoints: Of real images.
        methods: Learn from keypoints, return what groups others (see `graphembed.bench.limbs`). What they learn from is
            as clean or noisy as what they are asked.
        seeds: How many splits.
        first: Seed of the first.

    Returns:
        A row for each method, split, noise and kind of image: ``method``, ``seed``, ``noise``, ``images of``, the
        columns of `judged`, and ``seconds`` to learn and to answer all images.
    """
    frames = []
    for seed in range(first, first + seeds):
        halved = halves(keypoints, seed)
        for noise, rates in NOISE.items():
            learn, asked = (disturbed(half, **rates, seed=2 * seed + at) for at, half in enumerate(halved))
            for name, make in methods.items():
                found, cost = measured(lambda: make(learn)(asked))  # noqa: B023  # called at once
                about = {"method": name, "seed": seed, "noise": noise, "seconds": cost.seconds}
                frames.append(judged(found, asked, halved[1]).reset_index().assign(**about))
    return pd.concat(frames, ignore_index=True)


def summary(rows: pd.DataFrame, column: str = "F1") -> pd.DataFrame:
    """Write mean and standard deviation over splits: a row a method, a column for each noise and kind of image."""
    groups = rows.groupby(["method", "noise", "images of"], sort=False)[column]
    text = groups.mean().map("{:.3f}".format) + " ± " + groups.std(ddof=1).fillna(0).map("{:.3f}".format)
    return text.unstack(["noise", "images of"])


def _scored(found: NDArray[np.int64], seen: Keypoints, true: Keypoints, images: NDArray[np.int64]) -> dict[str, float]:
    """Score the groups of some images."""
    mine = seen.points["image"].isin(images).to_numpy()
    points, groups = seen.points[mine], found[mine]
    image, person, joint = (points[name].to_numpy() for name in ("image", "person", "joint"))
    joints, sigmas = len(true.skeleton.joints), np.array(true.skeleton.sigmas)
    real = true.points[true.points["image"].isin(images) & (true.points["person"] >= 0)]
    there, who, poses = _posed(real, real["person"].to_numpy(), joints)
    area = true.people.set_index("person")["area"].reindex(who).to_numpy(np.float64)
    where, which, guessed = _posed(points, groups, joints)
    sure = points.assign(group=groups).groupby(["image", "group"])["score"].sum()
    score = sure.reindex(pd.MultiIndex.from_arrays([where, which])).to_numpy(np.float64)
    counts = {"images": float(len(images)), "people": float(len(who))}
    return counts | scores(image, person, groups, joint) | oks_ap(poses, there, area, guessed, where, score, sigmas)


def _posed(
    points: pd.DataFrame, groups: NDArray[np.int64], joints: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Lay out groups as poses; of two points of one joint, that of the better score is taken."""
    order = np.argsort(-points["score"].to_numpy(), kind="stable")
    image, joint, place = points["image"].to_numpy(), points["joint"].to_numpy(), points[["x", "y"]].to_numpy()
    return poses_of(image[order], groups[order], joint[order], place[order], joints)
