"""Scores of a pair are those of the graph without its edge, by plain formulas, and learning from them needs lots."""

import networkx as nx
import numba
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphembed import Graph, as_graph
from graphembed.heads.scored import Scorer, out_of_sight_scores, training_scores
from graphembed.metrics import auc
from graphembed.scores import EPSILON, FAR, Latent, facts, pair_scores
from graphembed.splits import all_pairs, split_edges, without
from tests.reference import pairs as reference

few = settings(max_examples=25, deadline=None)


@st.composite
def graphs(draw):
    """Matrices of up to 9 nodes, directed or not, weighted or not, with self-loops or not; and the graphs of them."""
    nodes = draw(st.integers(2, 9))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    edge = (rng.random((nodes, nodes)) < draw(st.sampled_from([0.1, 0.3, 0.6]))).astype(float)
    if draw(st.booleans()):
        edge *= rng.integers(1, 5, edge.shape)
    directed = draw(st.booleans())
    if not directed:
        edge = np.maximum(edge, edge.T)
    if draw(st.booleans()):
        np.fill_diagonal(edge, 0)
    directed = not np.array_equal(edge, edge.T)
    weight = edge[np.nonzero(edge)] if edge.max() > 1 else None
    features = torch.from_numpy(rng.integers(0, 3, (nodes, 6)).astype(np.float32))
    if not directed:
        source, target = np.nonzero(np.triu(edge))
        weight = None if weight is None else edge[source, target]
    else:
        source, target = np.nonzero(edge)
    return edge, Graph.from_edges(source, target, weight, nodes=nodes, directed=directed, x=features)


SINGLE = 1e-6  # likeness of pairs that are not linked is read off tables of single precision


def all_pairs_of(nodes):
    return np.array([(u, v) for u in range(nodes) for v in range(nodes) if u != v])


def assert_columns(found, expected, u, v, directed, tolerance):
    for name, value in expected.items():
        if isinstance(value, tuple):
            names = [f"{name} there", f"{name} back"] if directed else [f"{name} low", f"{name} high"]
            value = value if directed else sorted(value)
            assert found[names].tolist() == pytest.approx(value, rel=1e-6, abs=tolerance(name)), (name, u, v)
        else:
            assert found[name] == pytest.approx(value, rel=1e-6, abs=1e-12), (name, u, v)


@few
@given(graphs())
def test_scores_are_the_formulas_on_the_graph_without_the_edge(made):
    edge, graph = made
    pairs = all_pairs_of(len(edge))
    found = pair_scores(graph, pairs)
    for k, (u, v) in enumerate(pairs.tolist()):
        expected = reference.scores(edge, u, v, FAR)
        assert_columns(found.iloc[k], expected, u, v, graph.directed, lambda name: 3e-3 if name == "PageRank" else 1e-9)
        alike = reference.likeness(graph.data.x.numpy(), edge, u, v)
        assert found.iloc[k][["likeness of 0", "likeness of 1", "likeness of 2"]].tolist() == pytest.approx(
            alike, abs=SINGLE
        )


@few
@given(graphs())
def test_a_pair_is_scored_as_if_its_edge_had_been_deleted(made):
    _, graph = made
    pairs = graph.pairs[graph.pairs[:, 0] != graph.pairs[:, 1]]
    found = pair_scores(graph, pairs)
    for k in range(len(pairs)):
        expected = pair_scores(without(graph, pairs[[k]]), pairs[[k]]).iloc[0]
        alike = expected.index.str.startswith("likeness")
        assert found.iloc[k][~alike].tolist() == pytest.approx(expected[~alike].tolist(), rel=1e-7, abs=1e-12)
        assert found.iloc[k][alike].tolist() == pytest.approx(expected[alike].tolist(), abs=SINGLE)


def test_what_rounding_leaves_of_a_neighbourhood_is_not_compared():
    x = np.random.default_rng(0).integers(0, 3, (3, 40)).astype(np.float32)
    x[0] = 0  # all that the first node knows of features it has from the second
    graph = Graph.from_edges([0, 1], [1, 2], x=torch.from_numpy(x))
    alike = [f"likeness of {steps}" for steps in range(3)]
    assert pair_scores(graph, np.array([[0, 1]]))[alike].to_numpy().tolist() == [[0, 0, 0]]


def test_deletion_makes_no_difference_on_a_real_graph():
    graph = as_graph(nx.karate_club_graph())
    found = pair_scores(graph, graph.pairs)
    for k, pair in enumerate(graph.pairs):
        expected = pair_scores(without(graph, pair[None]), pair[None]).iloc[0]
        assert found.iloc[k].tolist() == pytest.approx(expected.tolist(), rel=1e-6, abs=1e-12)


def test_pagerank_is_off_by_no_more_than_epsilon_times_the_degree():
    graph = as_graph(nx.gnp_random_graph(40, 0.15, seed=3))
    edge = nx.to_numpy_array(nx.gnp_random_graph(40, 0.15, seed=3))
    pairs = np.array([(u, v) for u in range(40) for v in range(u + 1, 40)])
    found = pair_scores(graph, pairs)
    for k, (u, v) in enumerate(pairs.tolist()):
        exact = reference.pagerank(reference.without(edge, u, v), 0.15)
        low, high = sorted((exact[u, v], exact[v, u]))
        short = low - found["PageRank low"][k], high - found["PageRank high"][k]
        assert min(short) > -1e-12
        assert max(short) <= EPSILON * edge.sum(axis=0).max()


def test_distance_and_clustering_are_those_of_networkx():
    network = nx.gnp_random_graph(60, 0.06, seed=5)
    graph, pairs = as_graph(network), np.array([(u, v) for u in range(60) for v in range(u)])
    found = pair_scores(graph, pairs)
    for k, (u, v) in enumerate(pairs.tolist()):
        rest = network.copy()
        rest.remove_edges_from([(u, v)])
        far = nx.shortest_path_length(rest, u, v) if nx.has_path(rest, u, v) else FAR + 1
        assert found.distance[k] == min(far, FAR + 1)
        around = sorted(nx.clustering(rest, [u, v]).values())
        assert [found["clustering low"][k], found["clustering high"][k]] == pytest.approx(around)


@few
@given(graphs(), st.integers(0, 99))
def test_the_order_of_pairs_and_repeats_do_not_matter(made, seed):
    _, graph = made
    pairs = all_pairs_of(graph.num_nodes)
    found = pair_scores(graph, pairs)
    mixed = np.random.default_rng(seed).integers(0, len(pairs), 2 * len(pairs))
    assert np.array_equal(pair_scores(graph, pairs[mixed], facts(graph)).to_numpy(), found.to_numpy()[mixed])
    if not graph.directed:
        assert np.array_equal(pair_scores(graph, pairs[:, ::-1]).to_numpy(), found.to_numpy())


@pytest.mark.parametrize("directed", [False, True])
def test_the_answer_has_the_same_bits_on_any_number_of_threads(directed, thread_count):
    graph = as_graph(nx.gnp_random_graph(60, 0.08, seed=2, directed=directed))
    several = pair_scores(graph, all_pairs_of(60)).to_numpy().tobytes()
    numba.set_num_threads(1)
    assert pair_scores(graph, all_pairs_of(60)).to_numpy().tobytes() == several


@pytest.mark.parametrize("directed", [False, True])
def test_no_pairs_and_no_edges_are_no_trouble(directed):
    graph = Graph.from_edges([], [], nodes=4, directed=directed)
    assert len(pair_scores(graph, np.empty((0, 2), np.int64))) == 0
    found = pair_scores(graph, np.array([[0, 3]]))
    assert found.drop(columns="distance").to_numpy().sum() == 0
    assert found.distance[0] == FAR + 1


def test_features_with_negative_values_are_brought_to_one_scale():
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32) * [1, 10, 100]
    graph = Graph.from_edges([0], [1], nodes=4, x=torch.from_numpy(x.astype(np.float32)))
    z = (x - x.mean(0)) / x.std(0)
    expected = z[2] @ z[3] / np.linalg.norm(z[2]) / np.linalg.norm(z[3])
    assert pair_scores(graph, np.array([[2, 3]]))["likeness of 0"][0] == pytest.approx(expected, abs=1e-5)


# ── the whole graph ─────────────────────────────────────────────────────────────────────────────────


def test_a_row_regression_is_that_of_least_squares():
    network = nx.gnp_random_graph(30, 0.2, seed=1)
    A, pairs = nx.to_numpy_array(network), np.array([(2, 9), (20, 4)])
    found = Latent(as_graph(network)).scores(pairs)["row regression 10"]

    def predicted(u, v):  # the entry of row u at v, by ridge regression of column v on all others
        others = np.delete(A, v, axis=1)
        return (others @ np.linalg.solve(others.T @ others + 10 * np.eye(29), others.T @ A[:, v]))[u]

    assert found.tolist() == pytest.approx([predicted(u, v) + predicted(v, u) for u, v in pairs.tolist()])


def test_a_matrix_cut_to_a_rank_is_the_nearest_of_that_rank(monkeypatch):
    network = nx.gnp_random_graph(150, 0.2, seed=1)
    A, pairs = nx.to_numpy_array(network), np.array([(2, 9), (20, 4)])
    U, s, Vt = np.linalg.svd(A)
    dense = Latent(as_graph(network)).scores(pairs)
    monkeypatch.setattr("graphembed.scores.latent._SMALL", 10)
    sparse = Latent(as_graph(network)).scores(pairs)
    for rank in (2, 8, 64):
        expected = ((U[:, :rank] * s[:rank]) @ Vt[:rank])[tuple(pairs.T)]
        assert dense[f"rank {rank}"].tolist() == pytest.approx(expected, abs=1e-9)
        assert sparse[f"rank {rank}"].tolist() == pytest.approx(expected, abs=1e-2)


# ── learning from them ──────────────────────────────────────────────────────────────────────────────


def test_a_lot_is_scored_on_the_graph_without_its_edges():
    graph = as_graph(nx.karate_club_graph())
    train = all_pairs(graph)
    scores, lot, label, _ = training_scores(graph, train, seed=1)
    order = np.random.default_rng(1).permutation(len(train))
    pairs = train.pairs[order]
    assert np.array_equal(label, train.label[order])
    assert 8 <= lot.max() + 1 <= 12
    for number in range(lot.max() + 1):
        inside = lot == number
        rest = without(graph, pairs[inside & label])
        assert graph.num_edges - rest.num_edges == (inside & label).sum()
        assert np.array_equal(scores.to_numpy()[inside], pair_scores(rest, pairs[inside]).to_numpy())


def test_with_the_edge_in_sight_a_score_gives_the_label_away():
    """On a graph without structure: PageRank of the graph as it is knows every edge, without the edge nothing."""
    split = split_edges(nx.gnp_random_graph(300, 0.03, seed=0), seed=0)
    train, scores = split.train, pair_scores(split.observed, split.train.pairs)
    edge = np.zeros((300, 300))
    edge[tuple(split.observed.data.edge_index.numpy())] = 1
    seen = reference.pagerank(edge, 0.15)[tuple(train.pairs.T)]  # as it is, with the edge
    assert auc(train.label, seen) > 0.99
    assert abs(auc(train.label, scores["PageRank high"].to_numpy()) - 0.5) < 0.06


def test_scores_of_linked_pairs_are_out_of_sight_wherever_they_are_asked_for():
    graph = as_graph(nx.karate_club_graph())
    pair = graph.pairs[:1]
    found, _ = out_of_sight_scores(graph, pair, np.array([True]))
    assert np.array_equal(found.to_numpy(), pair_scores(without(graph, pair), pair).to_numpy())


def by_lots(scorer, pairs):
    """(pairs, scores), each row where its pair is."""
    rows, scores = zip(*scorer.in_lots(pairs), strict=True)
    assert np.array_equal(np.sort(np.concatenate(rows)), np.arange(len(pairs)))
    return np.concatenate(scores)[np.argsort(np.concatenate(rows))]


@pytest.mark.parametrize("directed", [False, True])
def test_a_score_is_the_same_in_any_company(directed, monkeypatch):
    graph = as_graph(nx.gnp_random_graph(60, 0.1, seed=1, directed=directed))
    scorer = Scorer(graph)
    pairs = np.array([(0, v) for v in range(1, 60)])
    assert scorer.linked(pairs).any()
    together = by_lots(scorer, pairs)
    for k in (0, 1, 2, *np.flatnonzero(scorer.linked(pairs))[:3]):
        np.testing.assert_array_equal(by_lots(scorer, pairs[[k]])[0], together[k])
    apart = pairs[~scorer.linked(pairs)]
    np.testing.assert_array_equal(by_lots(scorer, apart), pair_scores(graph, apart))
    monkeypatch.setattr("graphembed.heads.scored._AT_A_TIME", 7)
    np.testing.assert_array_equal(by_lots(scorer, pairs), together)


def test_what_is_linked_is_scored_without_its_edge_and_with_most_others():
    graph = as_graph(nx.gnp_random_graph(60, 0.1, seed=1))
    pair = graph.pairs[[3]]
    ((_, found),) = Scorer(graph).in_lots(pair)
    found, bare = found.iloc[0], pair_scores(without(graph, pair), pair).iloc[0]
    assert found["distance"] >= bare["distance"] > 1
    degrees = [f"degree {side}" for side in ("low", "high")]
    assert (found[degrees] <= bare[degrees]).all()
    assert (found[degrees] >= bare[degrees] - 3).all()
