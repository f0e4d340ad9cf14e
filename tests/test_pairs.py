"""Numbers about pairs and nodes of a graph are those of networkx and of dense matrices, on any number of threads."""

import networkx as nx
import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphembed import Graph, as_graph
from graphembed.heads.pairs import NEIGHBOURHOOD, neighbourhood_scores
from graphembed.kernels.csr import transpose
from graphembed.kernels.pairs import katz, pagerank, shared_neighbours
from graphembed.kernels.roles import structure
from tests.reference import pairs as reference

few = settings(max_examples=40, deadline=None)

_BETA, _RESTART, _EPSILON = 0.05, 0.15, 1e-5  # as the docstrings and their papers have them

COLUMN = {name: place for place, name in enumerate(NEIGHBOURHOOD)}
WEIGH = {
    "common neighbours": lambda d: 1.0,
    "Adamic-Adar": lambda d: 1 / np.log(d),
    "resource allocation": lambda d: 1 / d,
}


@st.composite
def matrices(draw, loops=True):
    """Dense 0/1 matrices of up to 12 nodes, directed or not."""
    nodes = draw(st.integers(2, 12))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    edge = (rng.random((nodes, nodes)) < draw(st.sampled_from([0.05, 0.2, 0.5, 0.9]))).astype(float)
    if draw(st.booleans()):
        edge = np.maximum(edge, edge.T)
    if not loops or draw(st.booleans()):
        np.fill_diagonal(edge, 0)
    return edge


def graph_of(edge):
    directed = not np.array_equal(edge, edge.T)
    return Graph.from_edges(*np.nonzero(edge), nodes=len(edge), directed=directed)


def all_pairs_of(nodes):
    return np.array([(u, v) for u in range(nodes) for v in range(nodes) if u != v])


def scores_of(graph, pairs, name):
    return neighbourhood_scores(graph, pairs)[:, COLUMN[name]]


_NETWORKX = {
    "common neighbours": lambda network, pairs: [
        (u, v, len(list(nx.common_neighbors(network, u, v)))) for u, v in pairs
    ],
    "Adamic-Adar": nx.adamic_adar_index,
    "resource allocation": nx.resource_allocation_index,
    "preferential attachment": nx.preferential_attachment,
}


# ── shared neighbours and degrees ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", _NETWORKX)
@pytest.mark.parametrize("density", [0.05, 0.2, 0.6])
def test_scores_are_those_of_networkx(name, density):
    network = nx.gnp_random_graph(40, density, seed=5)
    pairs = all_pairs_of(40)
    expected = [score for _, _, score in _NETWORKX[name](network, pairs.tolist())]
    assert scores_of(as_graph(network), pairs, name) == pytest.approx(expected, rel=1e-12)


@few
@given(matrices())
def test_shared_neighbours_of_any_graph_are_those_of_the_definition(edge):
    graph, pairs = graph_of(edge), all_pairs_of(len(edge))
    for name, weigh in WEIGH.items():
        expected = reference.shared_neighbours(edge, reference.degrees(edge), weigh)
        assert scores_of(graph, pairs, name) == pytest.approx(expected[tuple(pairs.T)], rel=1e-12)


@few
@given(matrices())
def test_preferential_attachment_is_what_leaves_u_times_what_enters_v(edge):
    pairs = all_pairs_of(len(edge))
    expected = np.outer(edge.sum(axis=1), edge.sum(axis=0))[tuple(pairs.T)]
    assert np.array_equal(scores_of(graph_of(edge), pairs, "preferential attachment"), expected)


@pytest.mark.parametrize("directed", [False, True])
def test_a_neighbour_that_is_an_end_of_the_pair_is_not_shared(directed):
    graph = Graph.from_edges([0, 0, 1], [0, 1, 1], nodes=2, directed=directed)  # 0 -> 0 -> 1 and 0 -> 1 -> 1
    assert neighbourhood_scores(graph, np.array([[0, 1], [1, 0]]))[:, :3].tolist() == [[0, 0, 0], [0, 0, 0]]


def test_a_path_that_runs_the_wrong_way_does_not_count():
    graph = Graph.from_edges([0, 1], [1, 2], directed=True)
    scores = neighbourhood_scores(graph, np.array([[0, 2], [2, 0]]))
    assert scores[0] == pytest.approx([1, 1 / np.log(2), 1 / 2, 1, _BETA**2, _RESTART * (1 - _RESTART) ** 2])
    assert scores[1].tolist() == [0] * 6


# ── Katz ────────────────────────────────────────────────────────────────────────────────────────────


@few
@given(matrices())
def test_katz_is_the_sum_of_three_matrix_powers(edge):
    pairs = all_pairs_of(len(edge))
    expected = reference.katz(edge, _BETA)[tuple(pairs.T)]
    assert scores_of(graph_of(edge), pairs, "Katz") == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("beta", [0.001, 0.5, 2.0])
def test_katz_is_damped_by_beta(beta):
    edge = nx.to_numpy_array(nx.gnp_random_graph(20, 0.2, seed=1, directed=True))
    csr = graph_of(edge).csr
    source, target = np.repeat(np.arange(20), 20), np.tile(np.arange(20), 20)
    found = katz(csr, transpose(csr), np.arange(0, 401, 20), source, target, beta)
    assert found == pytest.approx(reference.katz(edge, beta).ravel(), rel=1e-12)


# ── PageRank ────────────────────────────────────────────────────────────────────────────────────────


def pagerank_of(edge, restart, epsilon):
    """The kernel, for all pairs; (nodes, nodes)."""
    nodes = len(edge)
    source, target = np.repeat(np.arange(nodes), nodes), np.tile(np.arange(nodes), nodes)
    first = np.arange(0, nodes * nodes + 1, nodes)
    return pagerank(graph_of(edge).csr, first, source, target, restart, epsilon).reshape(nodes, nodes)


@few
@given(matrices(), st.sampled_from([0.1, 0.15, 0.5]), st.sampled_from([1e-1, 1e-2, 1e-4]))
def test_pagerank_is_off_by_no_more_than_epsilon_times_the_degree(edge, restart, epsilon):
    edge = np.maximum(edge, edge.T)
    short = reference.pagerank(edge, restart) - pagerank_of(edge, restart, epsilon)
    assert short.min() > -1e-12
    assert (short <= epsilon * np.maximum(edge.sum(axis=0), 1) + 1e-12).all()


@few
@given(matrices(), st.sampled_from([1e-1, 1e-2, 1e-4]))
def test_directed_pagerank_loses_no_more_than_what_stays_unpushed(edge, epsilon):
    exact = reference.pagerank(edge, _RESTART)
    short = exact - pagerank_of(edge, _RESTART, epsilon)
    unpushed = epsilon * np.maximum(edge.sum(axis=1), 1)  # at most, at each node, whence it would walk on
    assert short.min() > -1e-12
    assert (short <= unpushed @ exact + 1e-12).all()


@few
@given(matrices())
def test_pagerank_without_an_error_allowed_is_the_linear_solve(edge):
    assert pagerank_of(edge, _RESTART, 1e-14) == pytest.approx(reference.pagerank(edge, _RESTART), abs=1e-10)


def test_pagerank_is_that_of_networkx():
    network = nx.karate_club_graph()
    edge = nx.to_numpy_array(network, weight=None)
    for u in (0, 11, 33):
        expected = nx.pagerank(network, 0.85, {u: 1}, weight=None, tol=1e-12, max_iter=500)
        assert pagerank_of(edge, 0.15, 1e-13)[u] == pytest.approx([expected[v] for v in range(34)], abs=1e-9)


@few
@given(matrices())
def test_the_pagerank_of_a_pair_is_looked_at_from_both_ends_of_an_undirected_one(edge):
    graph, pairs = graph_of(edge), all_pairs_of(len(edge))
    exact = reference.pagerank(edge, _RESTART)
    u, v = pairs.T
    if graph.directed:
        expected, bound = exact[u, v], _EPSILON * (np.maximum(edge.sum(axis=1), 1) @ exact)[v]
    else:
        degree = edge.sum(axis=1)
        expected, bound = exact[u, v] + exact[v, u], _EPSILON * (degree[u] + degree[v])
    assert (np.abs(scores_of(graph, pairs, "personalised PageRank") - expected) <= bound + 1e-12).all()


# ── what holds for all of them ──────────────────────────────────────────────────────────────────────


@few
@given(matrices(), st.integers(0, 99))
def test_the_order_of_pairs_and_repeats_do_not_matter(edge, seed):
    graph, pairs = graph_of(edge), all_pairs_of(len(edge))
    scores = neighbourhood_scores(graph, pairs)
    mixed = np.random.default_rng(seed).integers(0, len(pairs), 2 * len(pairs))
    assert np.array_equal(neighbourhood_scores(graph, pairs[mixed]), scores[mixed])
    assert np.array_equal(neighbourhood_scores(graph, pairs[:1]), scores[:1])


@few
@given(matrices())
def test_scores_of_undirected_graphs_are_symmetric(edge):
    edge = np.maximum(edge, edge.T)
    graph, pairs = graph_of(edge), all_pairs_of(len(edge))
    there, back = neighbourhood_scores(graph, pairs), neighbourhood_scores(graph, pairs[:, ::-1])
    assert there[:, :-1] == pytest.approx(back[:, :-1], rel=1e-12)
    bound = _EPSILON * edge.sum(axis=1)[pairs].sum(axis=1)
    assert (np.abs(there[:, -1] - back[:, -1]) <= bound + 1e-12).all()


def test_weights_are_not_looked_at():
    network = nx.karate_club_graph()
    plain = nx.empty_graph(34)
    plain.add_edges_from(network.edges)
    assert as_graph(network).weighted > as_graph(plain).weighted
    heavy, light = (neighbourhood_scores(as_graph(each), all_pairs_of(34)) for each in (network, plain))
    assert np.array_equal(heavy, light)


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("what", ["pairs", "nodes"])
def test_the_answer_has_the_same_bits_on_any_number_of_threads(what, directed, thread_count):
    graph = as_graph(nx.gnp_random_graph(60, 0.08, seed=2, directed=directed))

    def answer():
        return (neighbourhood_scores(graph, all_pairs_of(60)) if what == "pairs" else structure(graph.csr)).tobytes()

    several = answer()
    numba.set_num_threads(1)
    assert several == answer()


def test_isolated_nodes_score_zero():
    graph = Graph.from_edges([0, 1], [1, 2], nodes=5)
    scores = neighbourhood_scores(graph, np.array([[3, 4], [0, 3], [3, 0]]))
    assert scores.tolist() == [[0] * 6] * 3


@few
@given(matrices())
def test_scores_are_finite_and_not_negative(edge):
    scores = neighbourhood_scores(graph_of(edge), all_pairs_of(len(edge)))
    assert np.isfinite(scores).all()
    assert (scores >= 0).all()


@pytest.mark.parametrize("directed", [False, True])
def test_no_pairs_have_no_scores(directed):
    graph = as_graph(nx.gnp_random_graph(9, 0.3, seed=1, directed=directed))
    assert neighbourhood_scores(graph, np.empty((0, 2), np.int64)).shape == (0, 6)


def test_shared_neighbours_weigh_by_the_degree_they_are_given():
    csr = as_graph(nx.star_graph(3)).csr
    found = shared_neighbours(csr, csr, np.array([50, 1, 1, 1]), np.array([1]), np.array([2]))
    assert found.tolist() == [[1, pytest.approx(1 / np.log(50)), pytest.approx(1 / 50)]]


# ── the place of a node ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("density", [0.02, 0.1, 0.5])
def test_the_place_of_a_node_is_described_as_networkx_does(density):
    network = nx.gnp_random_graph(50, density, seed=4)
    described = structure(as_graph(network).csr)
    columns = [
        np.log1p([degree for _, degree in network.degree()]),
        np.log1p(list(nx.average_neighbor_degree(network).values())),
        list(nx.clustering(network).values()),
    ]
    assert described.dtype == np.float32
    assert described == pytest.approx(np.stack(columns, axis=1), rel=1e-6)


@few
@given(matrices(loops=False))
def test_the_place_of_a_node_is_that_of_the_definition(edge):
    assert structure(graph_of(edge).csr) == pytest.approx(reference.structure(edge), rel=1e-6)


@few
@given(matrices())
def test_self_loops_do_not_change_the_place_of_a_node(edge):
    edge = np.maximum(edge, edge.T)
    bare = edge * (1 - np.eye(len(edge)))
    assert np.array_equal(structure(graph_of(edge).csr), structure(graph_of(bare).csr))


def test_nodes_in_alike_places_are_described_alike():
    described = structure(as_graph(nx.cycle_graph(7)).csr)
    assert len(np.unique(described, axis=0)) == 1
    assert len(np.unique(structure(as_graph(nx.star_graph(6)).csr), axis=0)) == 2


def test_isolated_nodes_are_described_by_zeros():
    assert structure(as_graph(nx.empty_graph(3)).csr).tolist() == [[0, 0, 0]] * 3
