"""`Groups`: never two joints of one type in a person, whatever tags and log-odds say; and what is plain is found."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphembed.embedding import Embedding
from graphembed.errors import DataError
from graphembed.graph import Graph
from graphembed.heads.groups import DECODERS, Groups
from graphembed.metrics.groups import violations
from tests.reference import partition as slow

decoders = pytest.mark.parametrize("decoder", DECODERS)


def points(joint, image=None, **more):
    """A graph of points without edges."""
    data = {"joint": torch.tensor(joint, dtype=torch.long), **{key: torch.tensor(value) for key, value in more.items()}}
    if image is not None:
        data["batch"] = torch.tensor(image, dtype=torch.long)
    names = [f"{0 if image is None else image[k]}/{k}:{kind}" for k, kind in enumerate(joint)]
    return Graph.from_edges([], [], names=names, nodes=len(joint), **data)


def crowd(images=4, people=5, joints=6, spread=0.05, seed=0):
    """Points with tags around those of their person, and their graph."""
    rng = np.random.default_rng(seed)
    image = np.repeat(np.arange(images), people * joints)
    joint = np.tile(np.arange(joints), images * people)
    y = np.repeat(np.arange(images * people), joints)
    order = np.lexsort([rng.random(len(y)), image])
    tags = 4.0 * rng.permutation(images * people)[y][:, None] + rng.normal(size=(len(y), 3)) * spread
    graph = points(joint[order], image[order], y=y[order])
    return Embedding(tags[order], graph.names), graph


@decoders
def test_people_whose_tags_are_apart_are_found(decoder):
    tags, graph = crowd()
    found = Groups(decoder).fit(tags, graph)
    assert found.score() == pytest.approx(
        {"precision": 1, "recall": 1, "F1": 1, "ARI": 1, "V-measure": 1, "exact": 1, "count error": 0, "violations": 0}
    )
    assert len(found.people()) == 20


@decoders
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_never_two_joints_of_one_type_in_a_person(decoder, data):
    count = data.draw(st.integers(0, 20))
    whole = st.lists(st.integers(0, 3), min_size=count, max_size=count)
    graph = points(data.draw(whole), sorted(data.draw(whole)))
    tags = np.array(data.draw(whole), float)[:, None] / 4
    found = Groups(decoder, least=1).fit(Embedding(tags, graph.names), graph)
    image, joint = graph.data.batch.numpy(), graph.data.joint.numpy()
    assert violations(image, found.groups_, joint) == 0
    for person in range(found.groups_.max(initial=-1) + 1):
        assert len(set(image[found.groups_ == person])) == 1, "a person is in one image"
    assert (found.groups_ >= 0).all()


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 14), kinds=st.integers(1, 4), seed=st.integers(0, 10_000), reach=st.sampled_from([0.5, 2.0])
)
def test_greedy_is_what_slow_python_says(count, kinds, seed, reach):
    rng = np.random.default_rng(seed)
    joint, score = rng.integers(0, kinds, count), rng.random(count).astype(np.float32)
    tags = rng.normal(size=(count, 2)).astype(np.float32)
    graph = points(joint, score=score)
    found = Groups("greedy", reach=reach, least=1).fit(Embedding(tags, graph.names), graph).groups_
    times = np.bincount(joint)
    rank = np.argsort(np.argsort(-times, kind="stable"))[joint]
    expected = slow.greedy(rank.tolist(), tags.astype(np.float64), score.astype(np.float64), reach)
    assert len(set(zip(found, expected, strict=True))) == len(set(found)) == len(set(expected))


def test_of_equally_near_points_the_surest_is_greedily_taken():
    graph = points([0, 1, 1], score=np.array([1.0, 0.2, 0.9], np.float32))
    found = Groups("greedy", least=1).fit(Embedding(np.array([[0.1], [0.0], [0.0]]), graph.names), graph)
    # joint 1 comes first, being more frequent; joint 0 then joins the nearer person, of equal ones the first
    assert found.groups_[1] != found.groups_[2]
    graph = points([0, 0, 1, 1, 1], score=np.array([1.0, 1.0, 0.2, 0.9, 0.5], np.float32))
    tags = Embedding(np.array([[0.0], [9.0], [0.0], [0.0], [9.0]]), graph.names)
    assert Groups("greedy").fit(tags, graph).predict()[:2] in ([0, 1], [-1, 1], [0, -1])


def test_assignment_finds_the_least_sum_where_greed_does_not():
    graph = points([0, 0, 1, 1, 0])
    tags = Embedding(np.array([[0.0], [1.0], [0.9], [1.9], [50.0]]), graph.names)
    best = Groups("assignment", reach=3.0).fit(tags, graph).predict()
    assert best[:4] == [0, 1, 0, 1]
    greedy = Groups("greedy", reach=3.0).fit(tags, graph).predict()
    assert greedy[:4] == [0, 1, 1, 0]


def test_the_partition_believes_log_odds_and_not_tags():
    _, graph = crowd(images=2, people=2, joints=3)
    y = graph.data.y.numpy()
    parts = [np.where(y[a:b, None] == y[a:b], 3.0, -3.0).ravel() for a, b in ((0, 6), (6, 12))]
    nothing = Embedding(np.zeros((12, 1)), graph.names)
    found = Groups().fit(nothing, graph, np.concatenate(parts))
    assert found.score()["exact"] == 1
    assert found.people()["score"].to_numpy() == pytest.approx(1 / (1 + np.exp(-3)))


def test_scores_say_how_sure_and_how_complete_a_person_is():
    graph = points([0, 1, 2, 0, 1], score=np.array([1.0, 1.0, 1.0, 0.5, 0.5], np.float32))
    tags = Embedding(np.array([[0.0]] * 3 + [[9.0]] * 2), graph.names)
    assert Groups("greedy").fit(tags, graph).people()["score"].tolist() == pytest.approx([1.0, 0.5 * 2 / 3])


@pytest.mark.parametrize(("readout", "expected"), [("sum", [3.0, 16.0]), ("mean", [1.5, 8.0])])
def test_a_person_is_the_sum_or_mean_of_its_points(readout, expected):
    graph = points([0, 1, 0, 1, 2])
    tags = Embedding(np.array([[1.0], [2.0], [8.0], [8.0], [99.0]]), graph.names)
    found = Groups("greedy", reach=2.0, readout=readout).fit(tags, graph)
    assert found.groups_.tolist() == [0, 0, 1, 1, -1]
    assert found.embedding_.values[:, 0].tolist() == pytest.approx(expected)
    assert tuple(found.embedding_.names) == ("0/0", "0/1")
    assert found.people()["points"].tolist() == [["0/0:0", "0/1:1"], ["0/2:0", "0/3:1"]]


@decoders
def test_points_alone_are_nobody_unless_asked(decoder):
    graph = points([0, 1, 0])
    tags = Embedding(np.array([[0.0], [0.0], [9.0]]), graph.names)
    assert Groups(decoder).fit(tags, graph).predict() == [0, 0, -1]
    assert Groups(decoder, least=1).fit(tags, graph).predict() == [0, 0, 1]
    assert Groups(decoder, least=3).fit(tags, graph).predict() == [-1, -1, -1]


@decoders
def test_no_points_no_people(decoder):
    graph = points([])
    found = Groups(decoder).fit(Embedding(np.empty((0, 4)), ()), graph)
    assert found.predict() == []
    assert list(found.people().columns) == ["name", "image", "score", "points"]
    assert len(found.people()) == 0
    assert found.embedding_.shape == (0, 4)


@decoders
def test_images_without_points_are_passed_over(decoder):
    graph = points([0, 1, 0, 1], [1, 1, 4, 4])
    found = Groups(decoder).fit(Embedding(np.zeros((4, 1)), graph.names), graph)
    assert found.people()["image"].tolist() == ["1", "4"]


@decoders
def test_two_hundred_people_in_an_image(decoder):
    tags, graph = crowd(images=1, people=200, joints=17)
    assert Groups(decoder).fit(tags, graph).score()["exact"] == 1


@decoders
def test_the_graph_stays_as_it_was_and_settings_too(decoder):
    tags, graph = crowd()
    before = graph.data.joint.clone()
    head = Groups(decoder, reach=2.0)
    head.fit(tags, graph)
    assert torch.equal(graph.data.joint, before)
    assert head.get_params() == {"decoder": decoder, "reach": 2.0, "least": 2, "readout": "mean"}


def test_wrong_input_is_refused():
    tags, graph = crowd(images=1, people=1, joints=2)
    with pytest.raises(DataError, match="the embedding must hold a vector for each node of the graph, in their order"):
        Groups().fit(Embedding(np.zeros((1, 2)), ("x",)), graph)
    with pytest.raises(DataError, match=r"nodes need the number of their joint, data.joint"):
        Groups().fit(tags, Graph.from_edges([], [], names=graph.names))
    with pytest.raises(DataError, match="joints must be numbers from 0 to 62, got 0 to 63"):
        Groups().fit(tags, Graph.from_edges([], [], names=graph.names, joint=torch.tensor([0, 63])))
    other = points([0, 1], [1, 0])
    with pytest.raises(DataError, match="the points of an image must stand together"):
        Groups().fit(Embedding(np.zeros((2, 1)), other.names), other)
    for wrong in (np.zeros(3), np.full(4, np.nan)):
        with pytest.raises(
            DataError, match=r"log-odds must be finite, n\^2 of them for each image of n points, 4 in all"
        ):
            Groups().fit(tags, graph, wrong)
    with pytest.raises(DataError, match=r"the graph does not know its people \(data.y\)"):
        Groups().fit(Embedding(np.zeros((1, 1)), ("0/0:0",)), points([0])).score()


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"decoder": "magic"}, "decoder must be one of partition, greedy, assignment, got 'magic'"),
        ({"readout": "median"}, "readout must be one of sum, mean, max, moments, got 'median'"),
        ({"reach": 0.0}, "reach must be positive and least at least 1, got 0.0 and 2"),
        ({"least": 0}, "reach must be positive and least at least 1, got 1.0 and 0"),
    ],
)
def test_wrong_settings_are_refused(settings, text):
    tags, graph = crowd(images=1, people=1, joints=2)
    with pytest.raises(ValueError, match=text):
        Groups(**settings).fit(tags, graph)
