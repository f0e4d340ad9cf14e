"""The page of numbers: each verdict right on spaces whose answer is known."""

import warnings

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from graphembed.embedding import Embedding
from graphembed.encoders.recipes import deepwalk
from graphembed.errors import DataError
from graphembed.geometry import report
from graphembed.graph import Graph
from tests.reference import geometry as slow

LINKED, COSINES = "linked are nearer (AUC)", "cosines from chance"


def planted(nodes=300, groups=6, seed=0, **options):
    """A graph with planted groups, and the group of each node."""
    rng = np.random.default_rng(seed)
    group = np.arange(nodes) % groups
    chance = np.where(group[:, None] == group, 0.2, 0.005)
    source, target = np.nonzero(np.triu(rng.random((nodes, nodes)) < chance, 1))
    return Graph.from_edges(source, target, names=[f"v{row}" for row in range(nodes)], **options), group


def spaces(group, dim=32, seed=0):
    """A random, a collapsed, a good and a distorted space."""
    rng = np.random.default_rng(seed)
    good = np.linalg.qr(rng.normal(size=(dim, dim)))[0][group] * 4 + 0.5 * rng.normal(size=(len(group), dim))
    distorted = good.copy()
    distorted[:, 0] *= 100
    distorted *= np.exp(rng.normal(size=(len(group), 1)))
    return {
        "random": rng.normal(size=good.shape),
        "collapsed": 1 + 1e-3 * rng.normal(size=good.shape),
        "good": good,
        "distorted": distorted,
    }


@pytest.fixture(scope="module", params=[0, 1])
def pages(request):
    graph, group = planted(seed=request.param)
    return {name: report(Embedding(z, graph.names), graph) for name, z in spaces(group, seed=request.param).items()}


@pytest.mark.parametrize("name", ["random", "collapsed", "good", "distorted"])
def test_the_verdict_is_right(pages, name):
    assert pages[name].verdict.split(":")[0] == name, str(pages[name])


EXPECTED = {  # mark of each measure on a random, a collapsed, a good and a distorted space
    COSINES: ("bad", "bad", "good", "good"),
    LINKED: ("bad", "bad", "good", "good fair"),
    "alignment": ("bad", "bad", "good", "good fair"),
    "uniformity": ("good", "bad", "good", "fair"),
    "effective rank": ("good", "bad", "good", "fair bad"),
    "isotropy (IsoScore)": ("good", "good", "fair", "bad"),
    "mean cosine distance": ("good", "bad", "good", "good"),
    "Dirichlet energy": ("bad", "bad", "good", "good"),
    "excess, any three nodes": ("fair", "good", "fair", "fair"),
    "cosine or dot product": ("fair", "fair", "fair", "bad"),
    "pca: trustworthiness": ("bad", "bad", "fair bad", "fair good"),
}


@pytest.mark.parametrize("measure", EXPECTED)
def test_each_mark_is_right(pages, measure):
    for name, expected in zip(("random", "collapsed", "good", "distorted"), EXPECTED[measure], strict=True):
        assert pages[name].table.loc[measure, "mark"] in expected.split(), f"{name}\n{pages[name]}"


WORDS = {
    ("random", COSINES): "like random directions",
    ("collapsed", COSINES): "all vectors point one way",
    ("good", COSINES): "not random directions",
    ("random", LINKED): "linked nodes are no nearer",
    ("good", LINKED): "linked nodes are nearer than others",
    ("collapsed", "alignment"): "small only because all vectors are alike",
    ("good", "alignment"): "linked nodes lie together",
    ("collapsed", "uniformity"): "all vectors in one place",
    ("random", "uniformity"): "the sphere is used",
    ("collapsed", "effective rank"): "collapsed to a few directions",
    ("distorted", "isotropy (IsoScore)"): "one axis carries almost all variance",
    ("random", "hubness (skewness)"): "no hubs",
    ("collapsed", "mean cosine distance"): "oversmoothed",
    ("random", "Dirichlet energy"): "no more alike than chance",
    ("good", "Dirichlet energy"): "changes little along edges",
    ("random", "excess, any three nodes"): "no flat picture can keep these angles",
    ("collapsed", "excess, any three nodes"): "nearly flat",
    ("distorted", "cosine or dot product"): "lengths decide under the dot product",
    ("random", "pca: trustworthiness"): "do not believe neighbours on the map",
}


@pytest.mark.parametrize(("name", "measure"), WORDS)
def test_the_words_are_right(pages, name, measure):
    assert WORDS[name, measure] in pages[name].table.loc[measure, "verdict"]
    assert WORDS[name, measure] in str(pages[name])


def test_hubs_are_seen():
    rng = np.random.default_rng(0)
    graph, _ = planted()
    z = 1 + rng.normal(size=(300, 100))
    z[:3] = 1 + 0.1 * rng.normal(size=(3, 100))  # where all others deviate from: near to everybody
    line = report(Embedding(z, graph.names), graph).table.loc["hubness (skewness)"]
    assert line["mark"] == "bad"
    assert "hubs crowd out other neighbours" in line["verdict"]


def test_constant_vectors_are_collapsed_and_have_nothing_to_show():
    graph, _ = planted()
    for fill in (0.0, 2.5):
        page = report(Embedding(np.full((300, 8), fill), graph.names), graph)
        assert page.verdict.startswith("collapsed")
        assert page.numbers[LINKED] == 0.5
        assert "there is nothing to show" in page.table.loc["pca: trustworthiness", "verdict"]
        assert "there are no triangles" in page.table.loc["excess, near nodes", "verdict"]


def test_one_direction_of_many_lengths_is_a_tie():
    graph, _ = planted()
    z = np.outer(np.exp(np.random.default_rng(0).normal(size=300)), np.arange(1, 9) / 7)
    page = report(Embedding(z, graph.names), graph)
    assert page.numbers[LINKED] == 0.5
    assert page.verdict.startswith("collapsed")


def test_the_groups_of_another_graph_are_unrelated_to_this_one():
    graph, group = planted()
    z = spaces(np.random.default_rng(5).permutation(group))["good"]
    assert report(Embedding(z, graph.names), graph).verdict.startswith("unrelated")


def test_linked_and_unlinked_pairs_are_told_apart_as_counted_by_hand():
    graph, group = planted(60, 3)
    z = spaces(group, 8)["good"]
    numbers = report(Embedding(z, graph.names), graph).numbers
    z = z.astype(np.float32)
    edges = {tuple(pair) for pair in graph.pairs.tolist()}
    cosine = {(i, j): slow.cosine(z[i], z[j]) for i in range(60) for j in range(i + 1, 60)}
    near = np.array([value for pair, value in cosine.items() if pair in edges])
    far = np.array([value for pair, value in cosine.items() if pair not in edges])
    assert numbers[LINKED] == pytest.approx((near[:, None] > far).mean(), abs=1e-6)
    assert numbers["alignment"] == pytest.approx((2 - 2 * near).mean(), abs=1e-5)


def test_another_run_is_compared():
    graph, group = planted()
    made = spaces(group)
    good, other = (Embedding(made[name], graph.names) for name in ("good", "random"))
    assert report(good, graph, other=good).numbers["neighbours in common"] == 1
    table = report(good, graph, other=other).table
    assert table.loc["neighbours in common", "mark"] == "bad"
    assert table.loc["left after rotation", "mark"] == "bad"
    assert set(table["question"]) == {"Is it learnt?", "Is it curved?", "Is the map lying?", "Is it stable?"}


@pytest.mark.parametrize("nodes", [1, 2, 3, 4, 5, 9])
@pytest.mark.parametrize("fill", ["constant", "normal"])
def test_tiny_graphs_are_too_small_to_tell(nodes, fill):
    z = np.ones((nodes, 4)) if fill == "constant" else np.random.default_rng(0).normal(size=(nodes, 4))
    for edges in ([], list(range(nodes - 1))):
        graph = Graph.from_edges(edges, [end + 1 for end in edges], nodes=nodes)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            page = report(Embedding(z, graph.names), graph)
        assert page.verdict == "too few nodes to tell"
        assert all(line.verdict == "too few nodes to tell" for line in page.lines)


def test_names_decide_which_vector_is_whose():
    graph, group = planted()
    embedding = Embedding(spaces(group)["good"], graph.names)
    backward = embedding[tuple(reversed(embedding.names))]
    one, other = report(embedding, graph).numbers, report(backward, graph).numbers
    assert one == other
    fewer = report(embedding[embedding.names[:200]], graph)
    assert fewer.looked_at.startswith("200 nodes")
    assert "100 nodes have no vector" in fewer.looked_at
    assert fewer.verdict.startswith("good")
    with pytest.raises(DataError, match="no node of the graph has a vector: nodes are 'v0'"):
        report(Embedding(np.eye(2), ("x", "y")), graph)


def test_directed_and_disconnected_graphs_and_loops_are_fine():
    graph, group = planted()
    source, target = graph.pairs.T
    loops = np.arange(50)
    directed = Graph.from_edges(
        np.concatenate([target, loops]), np.concatenate([source, loops]), names=graph.names, directed=True
    )
    embedding = Embedding(spaces(group)["good"], graph.names)
    one = report(embedding, graph).numbers
    assert report(embedding, directed).numbers == one
    both = np.concatenate([source, target]), np.concatenate([target, source])
    assert report(embedding, Graph.from_edges(*both, names=graph.names, directed=True)).numbers == one
    lonely = Graph.from_edges([0], [1], names=graph.names)
    page = report(embedding, lonely)
    assert "1 edges" in page.looked_at
    assert LINKED not in report(embedding, Graph.from_edges([], [], names=graph.names)).numbers


def test_large_embeddings_are_sampled_by_the_seed():
    graph, group = planted(700)
    embedding = Embedding(spaces(group)["good"], graph.names)
    few, same = (report(embedding, graph, most=300, seed=1) for _ in range(2))
    assert few == same
    assert "pairs of nodes among 300 drawn by seed 1" in few.looked_at
    whole = report(embedding, graph)
    assert few.verdict == whole.verdict
    assert abs(few.numbers["uniformity"] - whole.numbers["uniformity"]) < 0.2


def test_deepwalk_of_a_planted_graph_is_good():
    graph, _ = planted()
    assert report(deepwalk(32, seed=0).fit_transform(graph), graph).verdict.startswith("good")


def test_the_page_does_not_depend_on_threads():
    graph, group = planted()
    embedding = Embedding(spaces(group)["good"], graph.names)
    pages = []
    for count in (1, 2):
        with threadpool_limits(count):
            pages.append(report(embedding, graph))
    assert pages[0] == pages[1]
