"""Negatives are drawn with the chances that log_q says, from the right nodes, and only by the seed."""

import networkx as nx
import numpy as np
import pytest
from scipy.stats import chisquare

from graphembed.errors import DataError
from graphembed.graph import Graph, as_graph
from graphembed.sampling.negatives import Degree, Given, InBatch, NegativeSampler, TwoHop, Uniform

KARATE = as_graph(nx.karate_club_graph())
NETWORK = nx.convert_node_labels_to_integers(nx.karate_club_graph())
TABLE = np.random.default_rng(0).integers(0, 34, (34, 5))
SAMPLERS = {
    "uniform": Uniform(),
    "degree": Degree(),
    "degree, squared": Degree(2.0),
    "in batch": InBatch(),
    "two hops": TwoHop(),
    "two hops, hard": TwoHop(1.0),
    "given": Given(TABLE),
}
each = pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)


@each
def test_draws_have_the_chances_that_log_q_says(sampler):
    anchors = np.array([0, 0, 5, 16, 33, 5, 0])
    drawn = sampler.draw(KARATE, anchors, 20_000, seed=1)
    everything = np.broadcast_to(np.arange(34), (len(anchors), 34))
    q = np.exp(sampler.log_q(KARATE, anchors, everything).astype(float))
    assert drawn.shape == (7, 20_000)
    assert q.sum(axis=1) == pytest.approx(np.ones(7), abs=1e-5)
    for row in range(7):
        counts = np.bincount(drawn[row], minlength=34)
        possible = q[row] > 0
        assert counts[~possible].sum() == 0
        if possible.sum() > 1:
            expected = q[row][possible] / q[row][possible].sum() * 20_000
            assert chisquare(counts[possible], expected).pvalue > 1e-4


@each
def test_the_same_seed_gives_the_same_draws_and_another_does_not(sampler):
    anchors = np.arange(34)
    first = sampler.draw(KARATE, anchors, 8, seed=1)
    assert np.array_equal(first, sampler.draw(KARATE, anchors, 8, seed=1))
    assert not np.array_equal(first, sampler.draw(KARATE, anchors, 8, seed=2))


@each
def test_the_graph_and_the_anchors_stay_as_they_are(sampler):
    anchors = np.arange(34)
    before = KARATE.csr.indices.copy()
    sampler.draw(KARATE, anchors, 3, seed=0)[:] = -1
    assert np.array_equal(anchors, np.arange(34))
    assert np.array_equal(before, KARATE.csr.indices)
    assert TABLE.min() >= 0


@each
def test_no_anchors_and_no_negatives_are_fine(sampler):
    none = np.empty(0, np.int64)
    assert sampler.draw(KARATE, none, 3, seed=0).shape == (0, 3)
    assert sampler.draw(KARATE, np.arange(2), 0, seed=0).shape == (2, 0)
    assert sampler.log_q(KARATE, none, np.empty((0, 3), np.int64)).shape == (0, 3)


@pytest.mark.parametrize("sampler", [Uniform(), Degree(), InBatch(), TwoHop(), TwoHop(1.0), Given([[0]])])
def test_a_graph_of_one_node_has_one_negative(sampler):
    graph = Graph.from_edges([], [], nodes=1)
    assert sampler.draw(graph, np.array([0]), 2, seed=0).tolist() == [[0, 0]]
    assert sampler.log_q(graph, np.array([0]), np.array([[0]])) == pytest.approx(np.zeros((1, 1)))


def test_degree_counts_links():
    q = np.exp(Degree(1.0).log_q(KARATE, np.array([0]), np.arange(34)[None]))[0]
    weight = np.array([1 + NETWORK.degree[node] for node in range(34)])
    assert q == pytest.approx(weight / weight.sum(), rel=1e-5)


def test_a_power_of_zero_is_uniform():
    nodes = np.arange(34)[None]
    zero = np.array([0])
    assert Degree(0.0).log_q(KARATE, zero, nodes) == pytest.approx(Uniform().log_q(KARATE, zero, nodes))


def test_hard_negatives_are_two_steps_away():
    anchors = np.arange(34)
    drawn = TwoHop(1.0).draw(KARATE, anchors, 200, seed=0)
    for anchor in anchors:
        far = nx.single_source_shortest_path_length(NETWORK, anchor, cutoff=2)
        assert set(drawn[anchor]) == {node for node, steps in far.items() if steps == 2}


def test_an_anchor_with_nothing_two_steps_away_gets_any_node():
    graph = Graph.from_edges([0, 1, 0, 3], [1, 2, 2, 3], nodes=5)  # a triangle, a loop, an isolated node
    drawn = TwoHop(1.0).draw(graph, np.array([0, 3, 4]), 300, seed=0)
    assert all(set(row) == set(range(5)) for row in drawn.tolist())
    assert TwoHop(1.0).log_q(graph, np.array([4]), np.array([[2]])) == pytest.approx(np.log([[0.2]]))


def test_steps_follow_directed_edges():
    graph = Graph.from_edges([0, 1, 2], [1, 2, 3], directed=True)
    assert set(TwoHop(1.0).draw(graph, np.array([1]), 50, seed=0).ravel()) == {3}


def test_in_batch_negatives_are_anchors():
    assert set(InBatch().draw(KARATE, np.array([3, 3, 8]), 100, seed=0).ravel()) == {3, 8}


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ([[1]], r"a row of negatives for each of 34 nodes, got shape \(1, 1\)"),
        (np.empty((34, 0), int), r"a row of negatives for each of 34 nodes, got shape \(34, 0\)"),
        (np.full((34, 2), 34), r"whole numbers from 0 to 33, got int64 from 34 to 34"),
        (np.full((34, 2), -1), r"whole numbers from 0 to 33, got int64 from -1 to -1"),
        (np.zeros((34, 2)), r"whole numbers from 0 to 33, got float64"),
    ],
)
def test_negatives_that_do_not_fit_are_refused(table, text):
    with pytest.raises(DataError, match=text):
        Given(table).draw(KARATE, np.array([0]), 1, seed=0)


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match=f"share must be between 0 and 1, got {share}"):
        TwoHop(share)


@each
def test_they_are_samplers(sampler):
    assert isinstance(sampler, NegativeSampler)
