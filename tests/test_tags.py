"""Tags of real-looking people: what crowds taught holds at any size and place, is the same every time, and improves."""

import copy

import numpy as np
import pytest
import torch
from pooch import file_hash
from torch_geometric.data import Data

from graphembed.datasets.crowds import crowd
from graphembed.encoders import tags as module
from graphembed.encoders.mixed import Mixed
from graphembed.encoders.tags import CROWDS, CROWDS_SHA256, Tags, people_tags
from graphembed.errors import DataError
from graphembed.graph import Graph
from graphembed.heads.groups import DECODERS, Groups
from graphembed.nn.tagging import Tagger
from graphembed.objectives.people import SamePerson
from graphembed.parallel import threads
from graphembed.recast.keypoints import disturbed, keypoint_graph
from graphembed.training import Training, seeded


@pytest.fixture(scope="module")
def known():
    """What crowds taught."""
    sparse = keypoint_graph(crowd(10, (2, 5), 0.0, seed=7))
    return people_tags(0).fit(sparse)


@pytest.fixture(scope="module")
def graph():
    return keypoint_graph(crowd(20, (2, 4), 0.0, seed=8))


def changed(graph, **other):
    """The graph with some of its data replaced."""
    return Graph(Data(**(graph.data.to_dict() | other)), graph.names, graph.directed)


SHORT = (Training(2, 3e-3),)


def small(stages=SHORT, start=None, seed=0):
    with seeded(0):
        tagger = Tagger(17, dim=4, channels=16, pair_channels=8, heads=2, rounds=1)
    return Tags(tagger, start, SamePerson(3000, Mixed()), stages, seed, progress=False)


# ── what crowds taught ──────────────────────────────────────────────────────────────────────────────


def test_the_parameters_are_those_that_were_checked():
    assert file_hash(CROWDS) == CROWDS_SHA256
    assert CROWDS.stat().st_size < 1_000_000


def test_almost_everybody_in_a_sparse_crowd_is_grouped_exactly(known, graph):
    found = Groups().fit(known.transform(graph), graph, known.log_odds(graph)).score()
    assert found["F1"] > 0.99
    assert found["exact"] > 0.95
    assert found["violations"] == 0


@pytest.mark.parametrize("decoder", DECODERS)
def test_tags_alone_group_most_people(known, graph, decoder):
    assert Groups(decoder).fit(known.transform(graph), graph).score()["F1"] > 0.9


def test_noise_costs_a_little_only(known):
    noisy = keypoint_graph(disturbed(crowd(20, (2, 4), 0.0, seed=8), seed=1))
    found = Groups().fit(known.transform(noisy), noisy, known.log_odds(noisy)).score()
    assert found["F1"] > 0.9


def test_a_mirror_image_has_the_same_log_odds(known, graph):
    joint, pos = graph.data.joint, graph.data.pos
    image = changed(graph, joint=torch.from_numpy(module.mirrored(joint.numpy(), 17)), pos=pos * torch.tensor([-1, 1]))
    np.testing.assert_allclose(known.log_odds(image), known.log_odds(graph), atol=1e-3)


@pytest.mark.parametrize(("factor", "shift"), [(0.1, 0.0), (7.0, 30.0)])
def test_place_and_size_do_not_matter(known, graph, factor, shift):
    moved = changed(graph, pos=graph.data.pos * factor + shift)
    np.testing.assert_allclose(known.log_odds(moved), known.log_odds(graph), atol=0.02)
    np.testing.assert_allclose(known.transform(moved).values, known.transform(graph).values, atol=0.01)


def test_images_are_embedded_as_they_would_be_alone(known, graph):
    one = keypoint_graph(crowd(1, (4, 4), 0.0, seed=9))
    several = known.log_odds(graph)
    first = int((graph.data.batch == 0).sum())
    rows = torch.arange(first)
    alone = Graph.from_edges(
        [], [], nodes=first, joint=graph.data.joint[rows], pos=graph.data.pos[rows]
    )  # without data.batch it is one image
    np.testing.assert_allclose(known.log_odds(alone), several[: first**2], atol=1e-3)
    assert known.log_odds(one).shape == (one.num_nodes**2,)


def test_in_a_large_image_points_see_what_is_around(known, monkeypatch):
    large = keypoint_graph(crowd(1, (20, 20), 0.0, seed=3))
    monkeypatch.setattr(module, "_MOST", 150)
    monkeypatch.setattr(module, "_LEAF", 60)
    matrix = known.log_odds(large).reshape(large.num_nodes, -1)
    assert large.num_nodes > 150
    assert np.isfinite(matrix).all()
    np.testing.assert_array_equal(matrix, matrix.T)
    assert (matrix == module._APART).any()
    pieces = Groups().fit(known.transform(large), large, matrix.ravel()).score()["F1"]
    monkeypatch.setattr(module, "_MOST", 1000)
    whole = Groups().fit(known.transform(large), large, known.log_odds(large)).score()["F1"]
    assert pieces > whole - 0.1


def test_one_point_and_none(known):
    one = Graph.from_edges([], [], nodes=1, joint=torch.tensor([3]), pos=torch.zeros(1, 2))
    assert known.transform(one).shape == (1, 16)
    assert known.log_odds(one).shape == (1,)
    none = Graph.from_edges([], [], nodes=0, joint=torch.empty(0, dtype=torch.long), pos=torch.empty(0, 2))
    assert known.transform(none).shape == (0, 16)
    assert known.log_odds(none).shape == (0,)
    assert Groups().fit(known.transform(none), none, known.log_odds(none)).predict() == []


# ── learning ────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_seed_gives_the_same_bits_on_any_number_of_threads():
    seen = keypoint_graph(crowd(12, (1, 3), seed=1))
    found = []
    for count in (1, 2, 8):
        with threads(count):
            tags = small().fit(seen)
            found.append((tags.transform(seen).values.tobytes(), tags.log_odds(seen).tobytes()))
    assert len(set(found)) == 1
    assert small(seed=1).fit(seen).transform(seen).values.tobytes() != found[0][0]


def test_fitting_leaves_settings_and_graph_as_they_were():
    seen = keypoint_graph(crowd(6, (1, 3), seed=1))
    before = copy.deepcopy(seen.data)
    tags = small()
    state = copy.deepcopy(tags.module.state_dict())
    settings = tags.get_params(deep=False)
    tags.fit(seen)
    assert tags.get_params(deep=False) == settings
    assert all(torch.equal(state[name], value) for name, value in tags.module.state_dict().items())
    for key, value in before.to_dict().items():
        assert torch.equal(value, seen.data[key]) if isinstance(value, torch.Tensor) else value == seen.data[key]


def test_learning_goes_on_from_a_file(tmp_path):
    from graphembed.bench.crowds import learn_from_crowds

    path = tmp_path / "little.safetensors"
    learn_from_crowds(path, images=4, steps=(1e-3, 1e-4))
    seen = keypoint_graph(crowd(3, (1, 3), seed=1))
    one, other = (people_tags(0, start=start).fit(seen) for start in (path, None))
    assert not np.allclose(one.transform(seen).values, other.transform(seen).values, atol=1e-3)
    with pytest.raises(DataError, match="holds parameters of another module than a Tagger like this"):
        small(start=path).fit(seen)


def test_wrong_graphs_are_refused(known):
    bare = Graph.from_edges([0], [1], joint=torch.tensor([0, 1]))
    with pytest.raises(DataError, match=r"tags need a graph of keypoints, with data.joint and data.pos .* pos missing"):
        known.transform(bare)
    other = Graph.from_edges([0], [1], joint=torch.tensor([0, 17]), pos=torch.zeros(2, 2))
    with pytest.raises(DataError, match="joints must be numbers from 0 to 16, got 0 to 17"):
        known.log_odds(other)
    nobody = Graph.from_edges([0], [1], joint=torch.tensor([0, 1]), pos=torch.zeros(2, 2))
    with pytest.raises(DataError, match=r"learning to group needs the group of each node"):
        small().fit(nobody)
