"""Crowds that never were: bodies keep their limbs, people stand as asked, and pictures hide what they hide."""

import numpy as np
import pandas as pd
import pytest

from graphembed.datasets.bodies import POSES, bodies, turned
from graphembed.datasets.crowds import crowd
from graphembed.datasets.sight import seen
from graphembed.errors import DataError
from graphembed.metrics.groups import crowding
from graphembed.recast.people import COCO

# How often each joint is marked in people alone in their picture, in COCO val2017 (217 people of the subset).
MARKED = [.72, .64, .66, .49, .52, .83, .82, .68, .69, .69, .71, .69, .69, .52, .53, .46, .45]  # fmt: skip
# Median length of some limbs there, against the longest diagonal of the trunk.
LENGTHS = {(15, 13): .67, (13, 11): .63, (11, 12): .35, (5, 11): .85, (5, 6): .53, (5, 7): .47, (7, 9): .35,
           (1, 2): .12, (0, 1): .09, (1, 3): .14, (3, 5): .35}  # fmt: skip


def poses(people):
    """(people, 17, 2) places, NaN for joints that are not marked."""
    found = np.full((len(people.people), 17, 2), np.nan)
    points = people.points
    found[points["person"] - 1, points["joint"]] = points[["x", "y"]]
    return found


def boxes(people):
    """Left, top, right and bottom of each person's points, by image."""
    sides = people.points.groupby(["image", "person"])[["x", "y"]]
    return pd.concat([sides.min(), sides.max()], axis=1).to_numpy(), sides.ngroup().to_numpy()


def test_limbs_keep_their_lengths_in_every_pose():
    kinds = np.repeat(np.arange(len(POSES)), 50)
    body = bodies(len(kinds), np.random.default_rng(0), kinds)
    for (one, other), length, spread in (((11, 13), 0.235, 0.2), ((14, 16), 0.246, 0.2), ((6, 8), 0.172, 0.2)):
        far = np.linalg.norm(body[:, one] - body[:, other], axis=1)
        assert np.abs(far / length - 1).max() <= spread + 1e-9
        assert 0.04 < np.std(far / length) < 0.1
    assert np.linalg.norm(body[:, 11] - body[:, 13], axis=1) == pytest.approx(
        np.linalg.norm(body[:, 12] - body[:, 14], axis=1)
    )


def test_bodies_stand_on_the_ground_and_look_along_z():
    body = bodies(400, np.random.default_rng(1), np.zeros(400, np.int64))
    assert body[:, :, 1].min(axis=1) == pytest.approx(0)
    assert (body[:, 5, 0] > body[:, 6, 0]).all()  # the left shoulder is to the left
    assert (body[:, 0, 2] > body[:, 3:5, 2].mean(axis=1)).mean() > 0.95  # the nose before the ears
    assert (body[:, :5, 1].min(axis=1) > body[:, 5:, 1].max(axis=1)).mean() > 0.9  # the head is up
    assert body[:, :, 1].max(axis=1).mean() == pytest.approx(0.9, abs=0.04)  # eyes, of a height of 1


def test_knees_bend_back_and_elbows_forward():
    body = bodies(2000, np.random.default_rng(2), np.zeros(2000, np.int64))
    for hip, knee, ankle in ((11, 13, 15), (12, 14, 16)):
        thigh, shank = body[:, knee] - body[:, hip], body[:, ankle] - body[:, knee]
        assert (np.cross(thigh, shank)[:, 0] > -1e-3).mean() > 0.99  # about x, from forward to back


def test_turning_keeps_distances_and_full_turns_change_nothing():
    body = bodies(5, np.random.default_rng(3))
    once = turned(body, 1, np.full(5, 0.7))
    assert np.linalg.norm(once, axis=2) == pytest.approx(np.linalg.norm(body, axis=2))
    assert turned(body, 1, np.full(5, 2 * np.pi)) == pytest.approx(body)
    assert turned(body, 1, np.full(5, np.pi))[:, :, 0] == pytest.approx(-body[:, :, 0])


def test_limbs_are_as_long_as_those_of_real_people():
    place = poses(crowd(1500, people=(1, 1), seed=1))
    trunk = [np.linalg.norm(place[:, a] - place[:, b], axis=1) for a in (5, 6) for b in (11, 12)]
    with np.errstate(all="ignore"):
        unit = np.max(np.where(np.isnan(trunk), 0, trunk), axis=0)
    for (one, other), length in LENGTHS.items():
        far = np.linalg.norm(place[:, one] - place[:, other], axis=1)[unit > 0] / unit[unit > 0]
        assert np.nanmedian(far) == pytest.approx(length, rel=0.12), COCO.joints[one]


def test_joints_are_marked_about_as_often_as_those_of_real_people():
    people = crowd(1500, people=(1, 1), seed=1)
    there = ~np.isnan(poses(people)[:, :, 0])
    there = there[there.any(axis=1)]
    assert there.mean(axis=0) == pytest.approx(MARKED, abs=0.16)
    assert there.sum(axis=1).mean() == pytest.approx(10.8, abs=0.6)
    assert (people.points["visible"] == 1).mean() == pytest.approx(0.09, abs=0.03)  # 0.07 there, 0.12 in company


def test_most_people_face_the_camera_with_their_left_on_the_right():
    place = poses(crowd(1500, people=(1, 1), seed=1))
    across = place[:, 5, 0] - place[:, 6, 0]
    assert (across[~np.isnan(across)] > 0).mean() == pytest.approx(0.65, abs=0.08)


def test_without_overlap_no_boxes_touch():
    people = crowd(60, people=(2, 10), overlap=0.0, seed=5)
    sides, _ = boxes(people)
    image = people.points.groupby(["image", "person"]).ngroups
    assert image == len(sides)
    owner = people.points.groupby(["image", "person"]).size().index.get_level_values("image").to_numpy()
    for picture in range(60):
        mine = sides[owner == picture]
        for one in range(len(mine)):
            for other in range(one):
                apart = (mine[one, :2] > mine[other, 2:]).any() or (mine[other, :2] > mine[one, 2:]).any()
                assert apart, (picture, one, other)


def test_crowding_grows_with_the_overlap():
    means = []
    for overlap in (0.0, 0.3, 0.6, 0.9, 1.0):
        points = crowd(60, people=(4, 6), overlap=overlap, seed=2).points
        _, index = crowding(*(points[name].to_numpy() for name in ("image", "person")), points[["x", "y"]].to_numpy())
        means.append(index.mean())
    assert means == sorted(means)
    assert means[0] == pytest.approx(0, abs=0.01)
    assert means[-1] > 1


def test_pictures_depend_on_the_seed_alone():
    first, again, other = crowd(5, seed=1), crowd(5, seed=1), crowd(5, seed=2)
    pd.testing.assert_frame_equal(first.points, again.points)
    pd.testing.assert_frame_equal(first.people, again.people)
    assert not first.points.equals(other.points)


def test_points_lie_in_their_pictures_and_nobody_has_a_joint_twice():
    people = crowd(100, seed=6)
    points = people.points.merge(people.images, on="image")
    assert (points["x"].between(0, points["width"] - 1) & points["y"].between(0, points["height"] - 1)).all()
    assert not points.duplicated(["person", "joint"]).any()
    assert set(points["visible"]) == {1, 2}


def test_there_are_as_many_people_as_asked_for():
    people = crowd(300, people=(2, 5), seed=7)
    number = people.people.groupby("image").size()
    assert sorted(number.unique()) == [2, 3, 4, 5]
    assert number.value_counts().min() > 40
    assert len(crowd(1, people=(200, 200)).people) == 200
    assert len(crowd(0).images) == len(crowd(0).points) == 0


def test_who_stands_lower_hides_who_is_behind():
    front = bodies(1, np.random.default_rng(0), np.zeros(1, np.int64)) * 200 * [1, -1, 1]
    front[:, :, :2] += [100, 250]
    both = np.repeat(front, 2, axis=0) + np.array([[[2, -5, 0]], [[0, 0, 0]]])
    tall, image, size = np.full(2, 200.0), np.zeros(2, np.int64), np.array([[640.0, 480.0]])
    marked = np.mean([seen(both, tall, image, size, np.random.default_rng(s)) == 2 for s in range(60)], axis=0)
    trunk = [5, 6, 11, 12]
    assert marked[0, trunk].max() < 0.4
    assert marked[1, trunk].min() > 0.6


def test_joints_outside_the_picture_are_not_marked():
    body = bodies(1, np.random.default_rng(0), np.zeros(1, np.int64)) * 200 * [1, -1, 1]
    body[:, :, :2] += [100, 300]
    for seed in range(20):
        visible = seen(
            body, np.full(1, 200.0), np.zeros(1, np.int64), np.array([[640.0, 200.0]]), np.random.default_rng(seed)
        )
        assert (visible[0, body[0, :, 1] >= 200] == 0).all()


@pytest.mark.parametrize(
    "wrong", [{"images": -1}, {"people": (0, 3)}, {"people": (4, 3)}, {"overlap": 1.2}, {"overlap": (0.5, 0.1)}]
)
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(DataError, match="expected at least 0 images, 1 <= least <= most people and overlap between"):
        crowd(**{"images": 3} | wrong)
