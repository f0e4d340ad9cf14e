"""`graphembed keypoints`: people are counted, drawn, and written as results."""

import json
from functools import partial

import pytest
from click.testing import CliRunner

from graphembed.cli import main
from graphembed.datasets.crowds import crowd
from graphembed.encoders import tags
from graphembed.recast import read_coco, write_coco


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A file of people; tags start from nothing, so that no parameters are needed."""
    monkeypatch.setattr(tags, "people_tags", partial(tags.people_tags, start=None))
    write_coco(crowd(5, people=(1, 3), overlap=0.0, seed=1), tmp_path / "people.json")
    return tmp_path / "people.json"


def run(*arguments):
    return CliRunner().invoke(main, ["keypoints", *map(str, arguments)])


def test_people_are_counted_drawn_and_written(file):
    out, plot = file.parent / "found.json.gz", file.parent / "people.png"
    done = run(file, "--out", out, "--plot", plot, "--image", 2)
    assert done.exit_code == 0, done.output
    found = read_coco(out)
    assert f"{len(found.people)} people in 5 images" in done.output
    assert "against the people in the file: precision" in done.output
    assert plot.read_bytes()[:4] == b"\x89PNG"


def test_json_lists_the_images(file):
    done = CliRunner().invoke(main, ["keypoints", str(file), "--json", "--decoder", "greedy"])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["images"] == 5
    assert answer["people"] == sum(row["people"] for row in answer["by image"])
    assert 0 <= answer["score"]["F1"] <= 1


def test_a_file_without_visible_joints_has_nobody(file):
    empty = json.loads(file.read_text())
    for annotation in empty["annotations"]:
        annotation["keypoints"] = [0] * 51
    file.write_text(json.dumps(empty))
    done = run(file)
    assert done.exit_code == 0, done.output
    assert "0 people in 5 images, of 0 points" in done.output


def test_bad_files_end_with_one_sentence_and_exit_code_three(file):
    broken = json.loads(file.read_text())
    broken["annotations"][1]["keypoints"].pop()
    file.write_text(json.dumps(broken))
    done = run(file)
    assert done.exit_code == 3
    assert f"annotation {broken['annotations'][1]['id']} has 50 numbers in keypoints" in done.output
    assert run(file.parent / "none.json").exit_code == 3


def test_other_skeletons_are_refused(file):
    cats = {
        "images": [{"id": 1, "width": 9, "height": 9}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 2, "keypoints": [1, 2, 2, 3, 4, 2]}],
        "categories": [{"id": 2, "keypoints": ["nose", "tail"], "skeleton": [[1, 2]]}],
    }
    file.write_text(json.dumps(cats))
    done = run(file)
    assert done.exit_code == 3
    assert "people are known by COCO's 17 joints, the file has 2 others: nose, tail" in done.output


def test_outputs_are_not_overwritten_and_must_be_of_a_known_kind(file):
    assert "exists; choose another name or overwrite it with --force" in run(file, "--out", file).output
    assert run(file, "--plot", file.parent / "people.txt").exit_code == 2
