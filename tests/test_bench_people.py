"""Baselines that group people: never two joints of one type, and on real images the figures that are to be beaten."""

import numpy as np
import pytest

from graphembed.bench.limbs import BASELINES, limbs, mean_pose, nearest_root, true_people
from graphembed.bench.people import halves, judged, summary, table
from graphembed.datasets.crowds import crowd
from graphembed.errors import DataError
from graphembed.metrics.groups import pairwise, violations
from graphembed.recast import chosen, disturbed, read_coco

REAL = "keypoints/coco_val2017_subset/person_keypoints_val2017.json.gz"
FAST = {"nearest root": nearest_root, "mean pose": mean_pose, "true people": true_people}


def columns(keypoints):
    return [keypoints.points[name].to_numpy() for name in ("image", "person", "joint")]


def test_halves_are_of_images_with_several_people_and_have_none_in_common():
    people = crowd(40, people=(1, 4), seed=1)
    learn, asked = halves(people, seed=3)
    one, other = set(learn.images["image"]), set(asked.images["image"])
    number = people.points.groupby("image")["person"].nunique()
    assert one | other == set(number.index[number >= 2])
    assert not one & other
    assert abs(len(one) - len(other)) <= 1
    assert halves(people, seed=3)[0].points.equals(learn.points)
    assert set(halves(people, seed=4)[0].images["image"]) != one


def test_single_people_cannot_be_split():
    with pytest.raises(DataError, match="expected two or more images with two or more people, got 0 in Keypoints"):
        halves(crowd(5, people=(1, 1)), seed=0)


def test_the_truth_is_judged_perfect_in_every_kind_of_image():
    people = crowd(40, people=(2, 7), overlap=(0.0, 1.0), seed=2)
    rows = judged(people.points["person"].to_numpy(), people, people)
    assert list(rows.index) == ["2-4 people", "5+ people", "easy", "medium", "hard"]
    assert (rows["people"] > 0).all()
    assert rows["people"].iloc[:2].sum() == rows["people"].iloc[2:].sum() == people.points["person"].nunique()
    assert (rows[["F1", "exact", "AP", "ARI"]].round(9) == 1).all(axis=None)
    assert (rows[["count error", "violations"]] == 0).all(axis=None)


def test_jitter_and_dropped_points_cost_the_truth_its_oks_only():
    people = crowd(40, people=(2, 7), seed=2)
    seen = disturbed(people, seed=1)
    rows = judged(seen.points["person"].to_numpy(), seen, people)
    assert (rows["F1"] == 1).all()
    assert rows.loc["5+ people", "AP"] < 0.9


@pytest.mark.parametrize("name", ["limbs", "nearest root", "mean pose"])
def test_no_person_has_two_joints_of_one_type(name):
    learn, asked = (disturbed(crowd(20, people=(2, 6), overlap=0.8, seed=seed)) for seed in (1, 2))
    found = BASELINES[name](learn)(asked)
    image, _, joint = columns(asked)
    assert violations(image, found, joint) == 0


@pytest.mark.parametrize("name", list(BASELINES))
def test_people_who_stand_apart_are_found(name):
    learn, asked = (crowd(12, people=(2, 4), overlap=0.0, seed=seed) for seed in (3, 4))
    image, person, _ = columns(asked)
    found = BASELINES[name](learn)(asked)
    assert found.shape == person.shape
    least = {"one person": 0.3, "average linkage": 0.5, "nearest root": 0.7, "true people": 1.0}.get(name, 0.75)
    assert pairwise(image, person, found)["F1"] >= least


def test_baselines_know_no_person_of_those_they_are_asked_for():
    learn, asked = (crowd(8, people=(2, 4), seed=seed) for seed in (5, 6))
    blind = chosen(asked, asked.images["image"].tolist())
    blind.points["person"] = 0
    for make in (limbs, nearest_root, mean_pose):
        group = make(learn)
        assert (group(asked) == group(blind)).all()


def test_a_table_has_a_row_for_each_method_split_noise_and_kind_of_image():
    rows = table(crowd(24, people=(2, 6), seed=7), FAST, seeds=2)
    assert len(rows) == 3 * 2 * 2 * 5
    assert set(rows["noise"]) == {"clean", "noisy"}
    text = summary(rows)
    assert list(text.index) == list(FAST)
    assert text.loc["true people", ("clean", "2-4 people")] == "1.000 ± 0.000"


def test_limbs_have_the_figures_that_are_to_be_beaten(public_data):
    learn, asked = halves(read_coco(public_data / REAL), seed=0)
    rows = judged(limbs(learn)(asked), asked, asked)
    assert rows["F1"].iloc[:2].to_numpy() == pytest.approx([0.85, 0.68], abs=0.03)
    assert rows["exact"].iloc[:2].to_numpy() == pytest.approx([0.52, 0.25], abs=0.04)
    better = judged(mean_pose(learn)(asked), asked, asked)
    assert (better["F1"].iloc[:2] > rows["F1"].iloc[:2] + np.array([0.05, 0.15])).all()
