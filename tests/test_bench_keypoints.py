"""The bench of keypoints asks everybody the same, and its curves are of everybody."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from graphembed.bench import keypoints as benchmark
from graphembed.bench.limbs import limbs
from graphembed.bench.people import halves
from graphembed.cli import main
from graphembed.datasets.crowds import crowd
from graphembed.encoders.tags import people_tags
from graphembed.heads.groups import DECODERS
from graphembed.recast.keypoints import keypoint_graph
from graphembed.recast.writing import write_coco


def rows_of_two_levels():
    return pd.DataFrame({"method": ["a", "a"], "overlap": [0.0, 0.9], "F1": [1.0, 0.5], "exact": [0.9, 0.1]})


OURS = {f"tags, {decoder}" for decoder in DECODERS}


@pytest.fixture(scope="module")
def people():
    return crowd(8, (2, 6), 0.0, seed=4)


def untuned(seed):
    return people_tags(0, seed=seed)


def test_everybody_is_asked_the_same_and_tags_learn_from_the_half_to_learn_from_only(people, monkeypatch):
    monkeypatch.setattr(benchmark, "BASELINES", {"limbs": limbs})
    seen = []

    class Watched:
        def fit(self, graph):
            seen.extend(name.split("/")[0] for name in graph.names)
            return untuned(0).fit(graph)

    rows = benchmark.real(people, seeds=1, tags=lambda _: Watched())
    assert set(rows["method"]) == OURS | {"limbs"}
    for _, kind in rows.groupby(["noise", "images of"]):
        assert kind["images"].nunique() == 1
        assert kind["people"].nunique() == 1
    ours = rows[rows["method"].isin(OURS)]
    assert (ours["violations"] == 0).all()
    clean = ours[(ours["noise"] == "clean") & (ours["images of"] == "2-4 people")]
    assert (clean["F1"] > 0.9).all()
    learn, asked = halves(people, 0)
    assert set(seen) == {str(image) for image in learn.images["image"]}
    assert not set(seen) & {str(image) for image in asked.images["image"]}


def test_the_curve_falls_with_overlap_and_can_be_drawn(people):
    tags = untuned(0).fit(keypoint_graph(people))
    rows = benchmark.overlap((0.0, 0.9), images=6, tags=tags, baselines={"limbs": limbs})
    assert set(rows["method"]) == OURS | {"limbs"}
    sparse, piled = (rows[rows["overlap"] == level].set_index("method")["exact"] for level in (0.0, 0.9))
    assert (sparse >= piled).all()
    axes = benchmark.draw(rows)
    assert {line.get_label() for line in axes.get_lines()} == OURS | {"limbs"}
    assert np.allclose(axes.get_lines()[0].get_xdata(), [0.0, 0.9])


def test_real_people_are_read_from_a_file_or_from_the_data_folder(people, tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, "BASELINES", {"limbs": limbs})
    monkeypatch.setattr(benchmark, "people_tags", lambda seed=0: people_tags(0, seed=seed))
    write_coco(people, tmp_path / "people.json")
    done = CliRunner().invoke(
        main, ["bench", "keypoints", "real", "--file", str(tmp_path / "people.json"), "--seeds", "1"]
    )
    assert done.exit_code == 0, done.output
    assert "real, F1, 1 split" in done.output
    assert "tags, partition" in done.output
    monkeypatch.setattr(benchmark, "overlap", lambda people, seed: rows_of_two_levels())
    done = CliRunner().invoke(main, ["bench", "keypoints", "crowds", "--out", str(tmp_path / "curve.png")])
    assert done.exit_code == 0, done.output
    assert "crowds, exact by overlap" in done.output
    assert (tmp_path / "curve.png").stat().st_size > 1000
    monkeypatch.setenv("GRAPHEMBED_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"real images need keypoints/coco_val2017_subset/.* or give a file"):
        benchmark.subset()
