"""Keypoints: what COCO's files say comes in and goes out; the graph does not depend on the place and size of images."""

import dataclasses as dc
import gzip
import json

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from torch_geometric.nn import SAGEConv

from graphembed.datasets.crowds import crowd
from graphembed.embedding import Embedding
from graphembed.encoders.inductive import Inductive
from graphembed.errors import DataError
from graphembed.graph import as_graph
from graphembed.heads.groups import Groups
from graphembed.nn.gnn import GNN
from graphembed.objectives import PushPull
from graphembed.recast import (
    COCO,
    Keypoints,
    Skeleton,
    chosen,
    coco_dict,
    disturbed,
    keypoint_graph,
    read_coco,
    write_coco,
    write_results,
)
from graphembed.recast.people import IMAGES, PEOPLE, POINTS
from graphembed.training import Training, seeded

REAL = "keypoints/coco_val2017_subset/person_keypoints_val2017.json.gz"


def annotation(number=1, image=7, keypoints=None, **others):
    given = [3, 4, 2, 5, 6, 1] + [0] * 45 if keypoints is None else keypoints
    return {"id": number, "image_id": image, "category_id": 1, "keypoints": given, "area": 9.0, "iscrowd": 0,
            "bbox": [1, 2, 3, 4]} | others  # fmt: skip


def file(*annotations, **others):
    images = [{"id": 7, "width": 64, "height": 48, "file_name": "7.jpg"}, {"id": 8, "width": 10, "height": 10}]
    return {"images": images, "annotations": list(annotations)} | others


def table(rows):
    """Keypoints of rows (image, person, joint, x, y) in images of 100 pixels."""
    points = pd.DataFrame([(*row, 1.0, 2) for row in rows], columns=list(POINTS))
    numbers = sorted(set(points["image"]))
    images = pd.DataFrame({"image": numbers, "width": 100, "height": 100, "file": ""}, columns=list(IMAGES))
    return Keypoints(points, images, pd.DataFrame(columns=list(PEOPLE)))


def test_ground_truth_is_read_as_it_stands():
    found = read_coco(file(annotation(), annotation(2, 8, [9, 9, 2] * 17)))
    assert found.points.iloc[:2].to_numpy().tolist() == [[7, 1, 0, 3, 4, 1, 2], [7, 1, 1, 5, 6, 1, 1]]
    assert len(found.points) == 2 + 17
    assert found.images.to_numpy().tolist() == [[7, 64, 48, "7.jpg"], [8, 10, 10, ""]]
    assert found.people.to_numpy().tolist() == [[1, 7, 9, 1, 2, 3, 4], [2, 8, 9, 1, 2, 3, 4]]
    assert found.skeleton is COCO
    assert found.crowds == 0


def test_crowds_are_left_out_and_counted():
    found = read_coco(file(annotation(), annotation(2, iscrowd=1), annotation(3, iscrowd=1, keypoints=[])))
    assert (found.crowds, len(found.people)) == (2, 1)


def test_images_without_points_and_people_without_visible_joints_stay():
    found = read_coco(file(annotation(keypoints=[0] * 51)))
    assert (len(found.points), len(found.images), len(found.people)) == (0, 2, 1)
    graph = keypoint_graph(found)
    assert (graph.num_nodes, graph.num_edges) == (0, 0)
    assert len(disturbed(found).points) == 0


def test_an_image_listed_twice_alike_is_one_and_otherwise_refused():
    twice = file(annotation())
    twice["images"].append(dict(twice["images"][0]))
    assert len(read_coco(twice).images) == 2
    twice["images"][-1]["width"] = 65
    with pytest.raises(DataError, match=r"image 7 is listed twice, as \(64\.0, 48\.0, '7\.jpg'\) and as \(65"):
        read_coco(twice)


def test_points_stand_in_the_order_of_their_images():
    found = read_coco(file(annotation(1, 8), annotation(2, 7), annotation(3, 8)))
    assert found.points["person"].tolist() == [2, 2, 1, 1, 3, 3]
    assert keypoint_graph(found).data.batch.tolist() == [0, 0, 1, 1, 1, 1]


def test_a_skeleton_of_the_file_is_read_with_joints_from_zero():
    category = {"id": 3, "name": "cat", "keypoints": ["nose", "tail"], "skeleton": [[1, 2]]}
    found = read_coco(
        file(annotation(keypoints=[1, 2, 2, 3, 4, 2], category_id=3), annotation(2), categories=[category])
    )
    assert found.skeleton.joints == ("nose", "tail")
    assert found.skeleton.limbs == ((0, 1),)
    assert found.skeleton.sigmas[0] == 0.026
    assert len(found.points) == 2  # the other annotation is of another category


def test_results_bring_scores():
    entry = {"image_id": 7, "category_id": 1, "keypoints": [3, 4, 1] * 17, "score": 2.0}
    confident = entry | {"keypoints": [3, 4, 0.25] * 17, "score": 4.0, "image_id": 9}
    silent = entry | {"keypoints": [3, 4, 0] + [0] * 48}
    found = read_coco([entry, confident, silent])
    assert found.points.groupby("person")["score"].first().tolist() == [0.5, 0.25, 0.5]
    assert found.points.groupby("person").size().tolist() == [17, 17, 1]
    assert found.images[["image", "width", "height"]].to_numpy().tolist() == [[7, 4, 5], [9, 4, 5]]
    assert found.people["person"].tolist() == [1, 2, 3]


def test_confidences_above_one_are_shares_of_the_largest():
    entry = {"image_id": 7, "category_id": 1, "keypoints": [3, 4, 10.0, 5, 6, 5.0] + [0] * 45}
    assert read_coco([entry]).points["score"].tolist() == [1.0, 0.5]


@pytest.mark.parametrize(
    ("names", "numbers"), [(["000012.jpg", "3.jpg"], [12, 3]), (["a.jpg", "b.jpg"], [0, 1]), ([4, 2], [4, 2])]
)
def test_results_may_name_images_by_their_files(names, numbers):
    entries = [{"image_id": name, "category_id": 1, "keypoints": [3, 4, 1] * 17} for name in names]
    assert read_coco(entries).images["image"].tolist() == numbers


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (file(annotation(12, keypoints=[1, 2, 2] * 16)), "annotation 12 has 48 numbers in keypoints, expected 51"),
        (file(annotation(12, keypoints=None, image=99)), "annotation 12 is in image 99, which is not among the 2"),
        (
            file(annotation(12, keypoints=[float("nan"), 2, 2] * 17)),
            "annotation 12 has coordinates that are not finite",
        ),
        (file(annotation(12, keypoints=[float("inf"), 2, 2] * 17)), "joint 0 is \\[inf, 2, 2\\]"),
        (file(annotation(12, keypoints=[1, 2, -1] * 17)), "annotation 12 has a negative v"),
        (file(annotation(12, keypoints=["a"] * 51)), "annotation 12 has keypoints that are no numbers"),
        (file(annotation(12, keypoints=5)), "annotation 12 has 5 numbers in keypoints"),
        (file(annotation(12), annotation(12)), "annotations must differ in id, these repeat: 12"),
        (file(annotation("x")), "annotation 'x': id must be a whole number"),
        (file(annotation(12, bbox=[1, 2])), r"annotation 12 has the bbox \[1, 2\]"),
        (file(annotation(12, area="big")), "annotation 12: area must be a finite number, got 'big'"),
        (file({"id": 12, "image_id": 7}), "annotation 12 lacks 'keypoints': is this a file of keypoints"),
        (file({"keypoints": []}), "entry 0 lacks 'image_id', 'id'"),
        (file(5), "entry 0 lacks"),
        ({"images": []}, "missing: 'annotations'"),
        ({"images": [{}], "annotations": []}, "image 0 of the list has no id"),
        (file(categories=[{"id": 1, "keypoints": ["a"], "skeleton": [1]}]), "category 1: the skeleton must be pairs"),
        ([{"image_id": 7, "keypoints": [1] * 50}], "entry 0 has 50 numbers"),
        ([{"image_id": 7, "keypoints": [1] * 51, "score": None}], "entry 0: score must be a finite number, got None"),
        ([{"image_id": 7.5, "keypoints": [1] * 51}], "entry 0: image_id must be a whole number, got 7.5"),
        (5, "expected COCO's ground truth .* or results .*, got int 5"),
    ],
)
def test_bad_content_is_refused_by_name(content, said):
    with pytest.raises(DataError, match=said):
        read_coco(content)


def test_bad_files_are_refused(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"images": [')
    with pytest.raises(DataError, match=r"a\.json is not JSON: Expecting value"):
        read_coco(path)
    path.write_bytes(gzip.compress(b"{}" * 100)[:-9])
    with pytest.raises(DataError, match=r"a\.json is not JSON"):
        read_coco(path)
    path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(DataError, match=r"a\.json is not JSON"):
        read_coco(path)
    with pytest.raises(FileNotFoundError):
        read_coco(tmp_path / "b.json")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"points": pd.DataFrame({"image": [1]})}, "points lack the columns 'person', 'joint'"),
        ({"images": pd.DataFrame({"image": [1, 1], "width": 9, "height": 9, "file": ""})}, "these repeat: 1"),
        ({"images": pd.DataFrame({"image": [5], "width": 9, "height": 9, "file": ""})}, "points are in images .*: 1"),
        ({"skeleton": dc.replace(COCO, joints=("a",), sigmas=(0.1,), limbs=(), lengths=())}, "numbered from 0 to 0"),
    ],
)
def test_tables_that_do_not_fit_are_refused(change, said):
    with pytest.raises(DataError, match=said):
        dc.replace(table([(1, 0, 3, 5.0, 5.0)]), **change)


def test_coordinates_that_are_not_finite_are_refused():
    with pytest.raises(DataError, match="coordinates and scores must be finite; they are not in rows 1"):
        table([(1, 0, 3, 5.0, 5.0), (1, 0, 4, float("nan"), 5.0)])
    with pytest.raises(DataError, match="points cannot be read as numbers"):
        table([(1, 0, 3, "here", 5.0)])


def test_a_skeleton_must_fit():
    with pytest.raises(DataError, match="a sigma for each joint and a length for each limb, got 1 for 2 joints"):
        Skeleton(("a", "b"), ((0, 1),), (0.1,), (0.2,))
    with pytest.raises(DataError, match=r"limbs join two of 1 joints, numbered from 0, got \(0, 1\)"):
        Skeleton(("a",), ((0, 1),), (0.1,), (0.2,))


def test_what_is_written_is_read_again(tmp_path):
    before = crowd(6, people=(1, 4), seed=2)
    for name in ("a.json", "a.json.gz"):
        write_coco(before, tmp_path / name)
        after = read_coco(tmp_path / name)
        for key in ("points", "images", "people"):
            pd.testing.assert_frame_equal(getattr(after, key), getattr(before, key), check_exact=False, atol=1e-3)
    assert coco_dict(before)["categories"][0]["skeleton"][0] == [16, 14]  # from 1, as COCO has it


def test_results_are_what_was_found(tmp_path):
    before = crowd(6, people=(2, 4), seed=2)
    image = before.points["image"].to_numpy()
    within = before.points.groupby("image")["person"].rank("dense").to_numpy(np.int64) - 1
    count = write_results(before, tmp_path / "a.json", within, 0.25 + 0.5 * image / image.max())
    after = read_coco(tmp_path / "a.json")
    assert count == len(after.people) == before.points["person"].nunique()
    assert after.points[["joint", "x", "y", "visible"]].equals(before.points[["joint", "x", "y", "visible"]])
    assert np.allclose(after.points["score"], 0.25 + 0.5 * image / image.max())


def test_results_are_read_by_pycocotools(tmp_path, capsys):
    coco = pytest.importorskip("pycocotools.coco")
    judging = pytest.importorskip("pycocotools.cocoeval")
    people = crowd(10, people=(1, 5), seed=3)
    write_coco(people, tmp_path / "true.json")
    write_results(people, tmp_path / "found.json")
    truth = coco.COCO(str(tmp_path / "true.json"))
    judge = judging.COCOeval(truth, truth.loadRes(str(tmp_path / "found.json")), "keypoints")
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    capsys.readouterr()
    assert judge.stats[0] == pytest.approx(1.0)


def test_of_two_points_of_a_joint_the_surer_is_written(tmp_path):
    two = table([(1, 0, 3, 5.0, 5.0), (1, 0, 3, 8.0, 8.0)])
    two.points["score"] = [0.9, 0.4]
    write_results(two, tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text())[0]["keypoints"][9:12] == [5.0, 5.0, 2]


def test_results_need_a_group_and_a_finite_score_for_each_point(tmp_path):
    one = table([(1, 0, 3, 5.0, 5.0)])
    with pytest.raises(DataError, match=r"expected a group for each of 1 points, got shape \(2,\)"):
        write_results(one, tmp_path / "a.json", [0, 1])
    with pytest.raises(DataError, match="scores must be finite, that of point 0 is not"):
        write_results(one, tmp_path / "a.json", [0], [np.nan])


def test_nodes_are_the_points():
    people = disturbed(crowd(5, people=(1, 4), seed=1), seed=3)
    graph, points = keypoint_graph(people), people.points
    assert graph.data.batch.tolist() == points["image"].tolist()
    assert graph.data.joint.tolist() == points["joint"].tolist()
    assert graph.names[0] == f"{points['image'][0]}/0:{COCO.joints[points['joint'][0]]}"
    y, person = graph.data.y.numpy(), points["person"].to_numpy()
    assert ((y < 0) == (person < 0)).all()
    assert set(y[y >= 0]) == set(range(len(set(person[person >= 0]))))
    assert ((y[:, None] == y) == (person[:, None] == person)).all()
    undone = graph.data.pos * graph.data.scale[:, None]
    for image in range(5):
        rows = np.flatnonzero(points["image"] == image)
        apart = undone[rows].numpy() - points[["x", "y"]].to_numpy()[rows]
        assert np.ptp(apart, axis=0) == pytest.approx([0, 0], abs=1e-3)
    assert as_graph(people).names == graph.names
    torch.testing.assert_close(as_graph(people).data.pos, graph.data.pos)


def test_edges_are_the_nearest_and_along_limbs_the_nearest_of_the_other_end():
    people = crowd(4, people=(3, 6), seed=5)
    graph = keypoint_graph(people, near=4, along=2)
    pos, joint, batch = graph.data.pos.numpy(), graph.data.joint.numpy(), graph.data.batch.numpy()
    far = cdist(pos, pos) + 1e9 * (batch[:, None] != batch) + 1e9 * np.eye(len(pos))
    expected = set()
    for node in range(len(pos)):
        order = np.argsort(far[node])
        for near in order[:4]:
            expected.add((min(node, near), max(node, near)))
        for one, other in [*COCO.limbs, *((b, a) for a, b in COCO.limbs)]:
            if joint[node] == one:
                ends = [near for near in order if joint[near] == other and far[node, near] < 1e8][:2]
                expected |= {(min(node, near), max(node, near)) for near in ends}
    assert set(map(tuple, graph.pairs.tolist())) == expected


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.floats(0.05, 30), st.floats(-2000, 2000))
def test_the_graph_does_not_change_when_the_image_is_moved_and_resized(seed, size, shift):
    people = crowd(2, people=(1, 5), seed=seed)
    before = keypoint_graph(people)
    place = people.points[["x", "y"]] * size + [shift, -shift]
    after = keypoint_graph(dc.replace(people, points=people.points.assign(x=place["x"], y=place["y"])))
    torch.testing.assert_close(after.data.pos, before.data.pos, rtol=1e-3, atol=1e-3)
    differing = set(map(tuple, before.pairs.tolist())) ^ set(map(tuple, after.pairs.tolist()))
    assert len(differing) <= 0.02 * before.num_edges  # of points equally far either may be the nearest


def test_people_are_about_one_unit_high():
    people = crowd(200, people=(1, 1), overlap=0.0, seed=0)
    graph = keypoint_graph(people)
    whole = people.points.groupby("person").filter(lambda mine: {0, 15} <= set(mine["joint"])).groupby("person")
    heights = whole["y"].max() - whole["y"].min()
    scale = pd.Series(graph.data.scale.numpy()).groupby(people.points["person"]).first()
    assert 0.7 < (heights / scale[heights.index]).median() < 1.2


def test_points_that_coincide_and_single_points_make_a_graph():
    same = keypoint_graph(table([(1, 0, joint, 5.0, 5.0) for joint in range(17)] + [(2, 1, 0, 3.0, 4.0)]))
    assert torch.isfinite(same.data.pos).all()
    assert same.data.scale.tolist() == [1.0] * 18
    assert (same.pairs < 17).all()


def test_two_hundred_people_make_a_graph():
    graph = keypoint_graph(disturbed(crowd(1, people=(200, 200), seed=1)))
    assert graph.num_nodes > 1000
    assert graph.self_loops == 0


def test_what_an_image_shows_of_the_points_can_be_learnt_from():
    seen = crowd(12, people=(3, 4), overlap=0.9, seed=4)
    person = seen.points["person"].to_numpy()
    coat = np.random.default_rng(0).normal(size=(person.max() + 1, 6))[person]  # everybody wears another one
    graph = keypoint_graph(seen, near=1, along=0, features=coat)
    assert np.allclose(graph.data.x.numpy(), coat)
    with seeded(0):
        module = GNN(SAGEConv, [16], 8)
    tags = Inductive(module, PushPull(), training=Training(epochs=30), progress=False)
    found = Groups("greedy").fit(tags.fit_transform(graph), graph)
    assert found.score()["F1"] > Groups("greedy").fit(places(graph), graph).score()["F1"] + 0.2
    assert "x" not in keypoint_graph(seen).data


@pytest.mark.parametrize("shape", [(3,), (2, 4)])
def test_features_that_do_not_fit_are_refused(shape):
    with pytest.raises(DataError, match=r"expected a row of features for each of \d+ points, got shape \("):
        keypoint_graph(crowd(1, seed=0), features=np.zeros(shape))


def places(graph):
    """Where points are, as if it were a tag."""
    return Embedding(graph.data.pos.numpy(), graph.names)


def test_negative_numbers_of_neighbours_are_refused():
    with pytest.raises(DataError, match="near and along must not be negative, got -1 and 3"):
        keypoint_graph(table([(1, 0, 0, 1.0, 1.0)]), near=-1)


def test_disturbances_have_the_rates_that_were_asked_for():
    people = crowd(400, people=(3, 6), seed=4)
    found = disturbed(people, jitter=0.0, dropped=0.1, spurious=0.05, seed=1).points
    real = found[found["person"] >= 0]
    assert len(real) == round(0.9 * len(people.points))
    assert len(found) - len(real) == round(0.05 * len(real))
    spurious = found[found["person"] < 0].merge(people.images, on="image")
    assert (spurious["x"].between(0, spurious["width"]) & spurious["y"].between(0, spurious["height"])).all()
    assert np.bincount(spurious["joint"], minlength=17).min() > 0
    assert (spurious["x"] / spurious["width"]).mean() == pytest.approx(0.5, abs=0.05)
    moved = disturbed(people, jitter=0.05, dropped=0, spurious=0, seed=1).points
    both = moved.merge(people.points, on=["image", "person", "joint"])
    box = people.points.groupby("person")[["x", "y"]]
    size = (box.max() - box.min()).max(axis=1)[both["person"]].to_numpy()
    off = (both["x_x"] - both["x_y"]).to_numpy()[size > 0] / size[size > 0]
    assert off.std() == pytest.approx(0.05, rel=0.02)
    assert off.mean() == pytest.approx(0, abs=0.001)


def test_disturbances_depend_on_the_seed_alone_and_hide_the_order():
    people = crowd(20, people=(3, 6), seed=4)
    first, again, other = (disturbed(people, seed=seed).points for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)
    assert first["image"].is_monotonic_increasing
    neighbours = first["person"].to_numpy()[1:] == first["person"].to_numpy()[:-1]
    assert neighbours.mean() < 0.4


@pytest.mark.parametrize("wrong", [{"jitter": -1}, {"dropped": 1.5}, {"spurious": -0.1}, {"jitter": float("nan")}])
def test_rates_out_of_range_are_refused(wrong):
    with pytest.raises(DataError, match="jitter and spurious must not be negative and dropped be from 0 to 1"):
        disturbed(table([(1, 0, 0, 1.0, 1.0)]), **wrong)


def test_all_points_may_be_dropped():
    assert len(disturbed(crowd(3), dropped=1.0).points) == 0


def test_some_images_are_chosen_with_all_they_have():
    people = crowd(6, people=(2, 3))
    some = chosen(people, [4, 1])
    assert some.images["image"].tolist() == [1, 4]
    assert set(some.points["image"]) == set(some.people["image"]) == {1, 4}


def test_the_real_subset_has_the_people_it_is_said_to_have(public_data):
    found = read_coco(public_data / REAL)
    number = found.points.groupby("image")["person"].nunique()
    assert (number.sum(), len(number), (number > 1).sum(), found.crowds) == (1354, 481, 264, 49)
