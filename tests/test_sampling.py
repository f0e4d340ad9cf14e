"""Unlinked pairs are unlinked, all different, and every one of them is equally likely."""

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from graphembed import DataError, Graph, as_graph
from graphembed.sampling import pairs as module
from graphembed.sampling.pairs import count_non_edges, edges_and_others, is_in, pair_keys, sample_non_edges

few = settings(max_examples=60, deadline=None)

edges = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=40)
sides = st.none() | st.lists(st.integers(0, 1), min_size=9, max_size=9)


def graph_of(ends, directed=False, part=None):
    more = {} if part is None else {"part": torch.tensor(part)}
    return Graph.from_edges([u for u, _ in ends], [v for _, v in ends], nodes=9, directed=directed, **more)


def unlinked(graph):
    """Every unordered pair that is not linked in either direction, and lies across the parts if there are some."""
    linked = {frozenset(pair) for pair in graph.data.edge_index.T.tolist()}
    part = graph.data.get("part")
    return {
        (u, v)
        for u in range(graph.num_nodes)
        for v in range(u + 1, graph.num_nodes)
        if frozenset((u, v)) not in linked and (part is None or part[u] != part[v])
    }


@pytest.fixture(params=["listed", "drawn"])
def path_through_the_code(request, monkeypatch):
    """Small counts are listed up to ``_FEW`` pairs of nodes and drawn above."""
    if request.param == "drawn":
        monkeypatch.setattr(module, "_FEW", 0)
    return request.param


# ── what is drawn ───────────────────────────────────────────────────────────────────────────────────


@few
@given(edges, st.booleans(), sides, st.booleans(), st.integers(0, 9), st.floats(0, 1))
def test_pairs_are_unlinked_and_all_different(ends, directed, part, drawn, seed, share):
    graph = graph_of(ends, directed, part)
    open_pairs = unlinked(graph)
    count = int(share * len(open_pairs))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_FEW", 0 if drawn else 20_000)
        pairs = sample_non_edges(graph, count, np.random.default_rng(seed))
    found = [tuple(sorted(pair)) for pair in pairs.tolist()]
    assert pairs.shape == (count, 2)
    assert len(set(found)) == count
    assert set(found) <= open_pairs


@few
@given(edges, st.booleans(), sides)
def test_all_unlinked_pairs_can_be_had(ends, directed, part):
    graph = graph_of(ends, directed, part)
    open_pairs = unlinked(graph)
    pairs = sample_non_edges(graph, len(open_pairs), np.random.default_rng(0))
    assert {tuple(sorted(pair)) for pair in pairs.tolist()} == open_pairs


def test_a_large_sparse_graph_gives_what_a_small_one_gives():
    graph = as_graph(nx.gnp_random_graph(400, 0.05, seed=3))
    pairs = sample_non_edges(graph, 9_000, np.random.default_rng(0))
    found = {tuple(sorted(pair)) for pair in pairs.tolist()}
    assert len(found) == 9_000
    assert found <= unlinked(graph)


@pytest.mark.usefixtures("path_through_the_code")
@pytest.mark.parametrize("count", [1, 6])
@pytest.mark.parametrize("kind", ["undirected", "directed", "bipartite"])
def test_every_unlinked_pair_is_equally_likely_in_every_place(count, kind):
    ends = [(0, 1), (1, 0), (0, 2), (0, 3), (0, 4), (3, 4), (5, 8), (6, 6), (7, 2)]
    graph = graph_of(ends, kind == "directed", [0, 0, 0, 1, 1, 1, 1, 1, 0] if kind == "bipartite" else None)
    number = {pair: place for place, pair in enumerate(sorted(unlinked(graph)))}
    rng = np.random.default_rng(7)
    draws = [sample_non_edges(graph, count, rng).tolist() for _ in range(2_000)]
    for place in {0, count - 1}:
        times = np.bincount([number[tuple(sorted(draw[place]))] for draw in draws], minlength=len(number))
        assert stats.chisquare(times).pvalue > 1e-3
    # all places together: a pair is in a draw or not, never twice, so the statistic shrinks by (1 - share) N / (N - 1)
    times = np.bincount([number[tuple(sorted(pair))] for draw in draws for pair in draw], minlength=len(number))
    share, size = count / len(number), len(number)
    statistic = stats.chisquare(times).statistic * (size - 1) / (size * (1 - share))
    assert 1e-3 < stats.chi2.sf(statistic, size - 1) < 1 - 1e-3


@pytest.mark.usefixtures("path_through_the_code")
def test_directed_graphs_get_both_directions_of_every_pair():
    graph = graph_of([(0, 1), (2, 1), (4, 3)], directed=True)
    rng = np.random.default_rng(1)
    pairs = np.concatenate([sample_non_edges(graph, 5, rng) for _ in range(1_000)])
    upward = int((pairs[:, 0] < pairs[:, 1]).sum())
    assert stats.binomtest(upward, len(pairs)).pvalue > 1e-3
    low, high = unlinked(graph), {pair[::-1] for pair in unlinked(graph)}
    assert {tuple(pair) for pair in pairs.tolist()} == low | high


@pytest.mark.usefixtures("path_through_the_code")
def test_undirected_pairs_name_the_lower_row_first():
    pairs = sample_non_edges(as_graph(nx.path_graph(9)), 10, np.random.default_rng(0))
    assert (pairs[:, 0] < pairs[:, 1]).all()


@pytest.mark.usefixtures("path_through_the_code")
def test_a_reverse_edge_is_no_unlinked_pair():
    graph = Graph.from_edges([0, 2], [1, 1], nodes=3, directed=True)
    for seed in range(10):
        assert sorted(sample_non_edges(graph, 1, np.random.default_rng(seed))[0].tolist()) == [0, 2]


@pytest.mark.usefixtures("path_through_the_code")
def test_the_same_generator_draws_the_same_pairs():
    graph = as_graph(nx.karate_club_graph())
    first, again, other = (sample_non_edges(graph, 40, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


# ── how many there are ──────────────────────────────────────────────────────────────────────────────


@few
@given(edges)
def test_unlinked_pairs_are_the_edges_of_the_complement(ends):
    network = nx.Graph(ends)
    network.add_nodes_from(range(9))
    assert count_non_edges(graph_of(ends)) == nx.complement(network).number_of_edges()


@few
@given(edges, sides)
def test_unlinked_pairs_of_a_directed_graph_are_those_of_its_shadow(ends, part):
    assert count_non_edges(graph_of(ends, True, part)) == count_non_edges(graph_of(ends, False, part))


@few
@given(edges, sides)
def test_unlinked_pairs_of_a_bipartite_graph_lie_across(ends, part):
    graph = graph_of(ends, part=part)
    assert count_non_edges(graph) == len(unlinked(graph))


@pytest.mark.parametrize(("network", "count"), [(nx.empty_graph(0), 0), (nx.empty_graph(1), 0), (nx.empty_graph(2), 1)])
def test_tiny_graphs_are_counted(network, count):
    assert count_non_edges(as_graph(network)) == count


@pytest.mark.parametrize("part", [None, [0, 0, 0, 1, 1, 1, 1, 1, 1]])
def test_too_many_asked_for_says_how_many_there_are(part):
    graph = graph_of([(0, 3), (0, 4)], part=part)
    available = 34 if part is None else 16
    message = rf"{available + 1} pairs .* needed but this graph has {available} \(9 nodes, 2 edges, undirected\)"
    with pytest.raises(DataError, match=message):
        sample_non_edges(graph, available + 1, np.random.default_rng(0))


# ── edges and others ────────────────────────────────────────────────────────────────────────────────


def test_edges_come_with_as_many_unlinked_pairs_and_without_self_loops():
    graph = graph_of([(0, 1), (1, 2), (3, 3), (4, 5)])
    linked, others = edges_and_others(graph, np.random.default_rng(0))
    assert linked.tolist() == [[0, 1], [1, 2], [4, 5]]
    assert len(others) == 3
    assert {tuple(pair) for pair in others.tolist()} <= unlinked(graph)


def test_a_dense_graph_gives_all_the_unlinked_pairs_it_has():
    network = nx.complete_graph(5)
    network.remove_edge(1, 3)
    linked, others = edges_and_others(as_graph(network), np.random.default_rng(0))
    assert (len(linked), others.tolist()) == (9, [[1, 3]])


@pytest.mark.parametrize("kind", [nx.Graph, nx.DiGraph])
def test_a_complete_graph_has_nothing_to_tell_edges_from(kind):
    with pytest.raises(DataError, match=r"every pair of the 4 nodes is linked"):
        edges_and_others(as_graph(nx.complete_graph(4, kind)), np.random.default_rng(0))


@pytest.mark.parametrize("ends", [[], [(2, 2)]], ids=["no edge", "a self-loop"])
def test_a_graph_without_edges_is_not_said_to_be_complete(ends):
    with pytest.raises(DataError) as refusal:
        edges_and_others(graph_of(ends), np.random.default_rng(0))
    assert "every pair" not in str(refusal.value)


# ── the small tools ─────────────────────────────────────────────────────────────────────────────────


def test_both_directions_of_a_pair_have_one_key_and_different_pairs_have_two():
    pairs = np.array([(u, v) for u in range(6) for v in range(6)])
    keys = pair_keys(pairs, 6)
    assert np.array_equal(keys, pair_keys(pairs[:, ::-1], 6))
    assert len(set(keys.tolist())) == 21


@few
@given(st.lists(st.integers(-5, 5)), st.sets(st.integers(-5, 5)))
def test_keys_are_found_among_the_known(keys, known):
    found = is_in(np.array(keys, np.int64), np.array(sorted(known), np.int64))
    assert found.tolist() == [key in known for key in keys]
