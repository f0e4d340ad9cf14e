"""Scores of groups of points are those of counting one by one, and poses are judged as pycocotools judges them."""

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from graphembed.metrics.groups import (
    alone,
    count_error,
    crowding,
    exact,
    oks,
    oks_ap,
    pairwise,
    poses_of,
    scores,
    violations,
)
from graphembed.recast.people import COCO
from tests.reference import groups as slow

SIGMAS = np.array(COCO.sigmas)
points = st.lists(
    st.tuples(st.integers(0, 2), st.integers(-1, 2), st.integers(-1, 2), st.integers(0, 3)), min_size=0, max_size=14
).map(lambda rows: np.array(rows, np.int64).reshape(-1, 4).T)


@settings(deadline=None, max_examples=60)
@given(points)
def test_pairs_are_those_of_counting_one_by_one(drawn):
    image, truth, found, _ = drawn
    true, put, both = slow.pairs(image, truth, found)
    got = pairwise(image, truth, found)
    assert got["precision"] == (both / put if put else 1.0)
    assert got["recall"] == (both / true if true else 1.0)
    assert got["F1"] == (2 * both / (true + put) if true + put else 1.0)


@settings(deadline=None, max_examples=60)
@given(points)
def test_exact_people_are_those_of_comparing_sets(drawn):
    image, truth, found, _ = drawn
    assert exact(image, truth, found) == pytest.approx(slow.exact(image, truth, found))


@settings(deadline=None, max_examples=60)
@given(points)
def test_counts_are_those_of_sets(drawn):
    image, truth, found, joint = drawn
    wrong = [
        abs(len(set(truth[(image == i) & (truth >= 0)])) - len(set(found[(image == i) & (found >= 0)])))
        for i in set(image)
    ]
    assert count_error(image, truth, found) == pytest.approx(np.mean(wrong) if wrong else 0.0)
    put = [(i, f, j) for i, f, j in zip(image, found, joint, strict=True) if f >= 0]
    assert violations(image, found, joint) == len(put) - len(set(put))


@settings(deadline=None, max_examples=60)
@given(points, st.randoms(use_true_random=False))
def test_order_of_points_and_numbers_of_groups_do_not_matter(drawn, random):
    order = list(range(drawn.shape[1]))
    random.shuffle(order)
    before = scores(*drawn)
    mixed = drawn[:, order].copy()
    mixed[2, mixed[2] >= 0] = 7 - 2 * mixed[2, mixed[2] >= 0]
    assert scores(*mixed) == pytest.approx(before)


@settings(deadline=None, max_examples=60)
@given(points)
def test_the_truth_is_perfect(drawn):
    image, truth, _, joint = drawn
    got = scores(image, truth, truth, joint)
    assert [got[name] for name in ("precision", "recall", "F1", "exact")] == [1, 1, 1, 1]
    assert got["ARI"] == pytest.approx(1)
    assert got["count error"] == 0


def test_a_nobodys_point_is_never_right_together():
    image, truth = np.zeros(3, np.int64), np.array([-1, -1, -1])
    assert pairwise(image, truth, np.zeros(3, np.int64))["precision"] == 0
    assert pairwise(image, truth, np.arange(3))["precision"] == 1


def test_ari_is_the_mean_over_images():
    image = np.array([0, 0, 0, 1, 1, 1, 2])
    truth, found = np.array([0, 0, 1, 0, 1, 1, 5]), np.array([0, 0, 0, 0, 1, 1, 2])
    each = [adjusted_rand_score(truth[image == i], found[image == i]) for i in (0, 1)]
    assert scores(image, truth, found, np.zeros(7, np.int64))["ARI"] == pytest.approx(np.mean(each))


def test_no_points_are_perfect():
    nothing = np.zeros(0, np.int64)
    got = scores(nothing, nothing, nothing, nothing)
    assert got["F1"] == got["exact"] == got["ARI"] == 1
    assert got["count error"] == got["violations"] == 0


def test_points_without_a_group_are_alone():
    assert alone(np.array([-1, 4, -1, 4])).tolist() == [5, 4, 6, 4]


def test_crowding_is_that_of_two_boxes_counted_by_hand():
    # the first has three points and one of the other in its box, the second two and none
    place = np.array([[0.0, 0], [4, 4], [1, 3], [2, 2], [9, 9], [3, 3]])
    truth = np.array([0, 0, 0, 1, 1, -1])
    images, index = crowding(np.full(6, 8), truth, place)
    assert images.tolist() == [8]
    assert index == pytest.approx([(1 / 3 + 1 / 2) / 2])  # (4, 4) lies in the box of the second


def test_poses_take_the_first_of_two_points_of_a_joint():
    image, group, joint = np.array([1, 1, 1]), np.array([3, 3, -1]), np.array([2, 2, 0])
    _, _, poses = poses_of(image, group, joint, np.array([[1.0, 1], [5, 5], [7, 7]]), 3)
    assert poses.shape == (1, 3, 2)
    assert poses[0, 2].tolist() == [1, 1]
    assert np.isnan(poses[0, :2]).all()


def drawn_poses(seed):
    """True people and what might have been found of them, in five images."""
    rng = np.random.default_rng(seed)
    truth = rng.uniform(300, 600, (12, 1, 2)) + rng.uniform(0, 80, (12, 17, 2))
    truth_image = np.sort(rng.integers(0, 5, 12))
    area = rng.uniform(500, 6000, 12)
    source = rng.integers(0, 12, 20)
    found = truth[source] + rng.normal(size=(20, 17, 2)) * rng.uniform(0, 6, (20, 1, 1))
    found[rng.random((20, 17)) < 0.15] = np.nan
    truth[rng.random((12, 17)) < 0.3] = np.nan
    found_image = truth_image[source]
    return truth, truth_image, area, found, found_image, rng.permutation(20) / 20.0


@pytest.mark.parametrize("seed", range(6))
def test_poses_are_judged_as_by_hand(seed):
    truth, truth_image, area, found, found_image, score = drawn_poses(seed)
    likeness = oks(truth, found, area, SIGMAS)
    assert likeness[3, 7] == pytest.approx(slow.oks(truth[3], found[7], area[3], SIGMAS))
    each = [
        slow.average_precision(truth, truth_image, area, found, found_image, score, SIGMAS, threshold)
        for threshold in np.linspace(0.5, 0.95, 10)
    ]
    got = oks_ap(truth, truth_image, area, found, found_image, score, SIGMAS)
    assert got == pytest.approx({"AP": np.mean(each), "AP50": each[0], "AP75": each[5]})
    assert 0.05 < got["AP"] < 0.95


@pytest.mark.parametrize("seed", range(3))
def test_poses_are_judged_as_by_pycocotools(seed):
    coco = pytest.importorskip("pycocotools.coco")
    judging = pytest.importorskip("pycocotools.cocoeval")
    truth, truth_image, area, found, found_image, score = drawn_poses(seed)

    def written(pose):
        there = ~np.isnan(pose[:, 0])
        return np.column_stack([np.nan_to_num(pose), 2 * there]).ravel().tolist()

    people = [
        {"id": k + 1, "image_id": int(i), "category_id": 1, "iscrowd": 0, "area": a, "bbox": [0, 0, 1, 1],
         "keypoints": written(p), "num_keypoints": int((~np.isnan(p[:, 0])).sum())}
        for k, (p, i, a) in enumerate(zip(truth, truth_image, area, strict=True))
    ]  # fmt: skip
    results = [
        {"image_id": int(i), "category_id": 1, "keypoints": written(p), "score": s}
        for p, i, s in zip(found, found_image, score, strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        files = coco.COCO()
        files.dataset = {
            "info": {}, "images": [{"id": i, "width": 640, "height": 480} for i in range(5)], "annotations": people,
            "categories": [{"id": 1, "name": "person"}],
        }  # fmt: skip
        files.createIndex()
        judge = judging.COCOeval(files, files.loadRes(results), "keypoints")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    got = oks_ap(truth, truth_image, area, found, found_image, score, SIGMAS)
    assert list(got.values()) == pytest.approx(judge.stats[:3])


def test_only_twenty_poses_of_an_image_count():
    truth = np.zeros((1, 17, 2))
    found = np.full((21, 17, 2), 500.0)
    found[20] = 0
    image, score = np.zeros(21, np.int64), np.linspace(1, 0.1, 21)
    judged = oks_ap(truth, np.array([0]), np.ones(1), found, image, score, SIGMAS)
    assert judged["AP"] == 0
    judged = oks_ap(truth, np.array([0]), np.ones(1), found[1:], image[1:], score[1:], SIGMAS)
    assert judged["AP"] == pytest.approx(1 / 20)


def test_nobody_found_is_zero_and_nobody_there_is_unknown():
    nobody, none, nothing = np.zeros((0, 17, 2)), np.zeros(0, np.int64), np.zeros(0)
    somebody = np.zeros((1, 17, 2))
    assert oks_ap(somebody, np.zeros(1, np.int64), np.ones(1), nobody, none, nothing, SIGMAS)["AP"] == 0
    assert np.isnan(oks_ap(nobody, none, nothing, somebody, np.zeros(1, np.int64), np.ones(1), SIGMAS)["AP"])


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 1000))
def test_oks_lies_between_no_and_full_likeness(seed):
    truth, _, area, found, *_ = drawn_poses(seed)
    assert oks(truth, truth, area, SIGMAS).diagonal() == pytest.approx(1.0)
    assert ((oks(truth, found, area, SIGMAS) >= 0) & (oks(truth, found, area, SIGMAS) <= 1 + 1e-12)).all()
