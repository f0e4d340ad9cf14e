"""Numbers about pairs and nodes of a graph are those of networkx and of dense matrices, on any number of threads."""

import networkx as nx
import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphembed import Graph, as_graph
from graphembed.kernels.pairs import shared_neighbours
from graphembed.kernels.roles import structure
from graphembed.scores import pair_scores
from tests.reference import pairs as reference

few = settings(max_examples=40, deadline=None)

SHARED = ["common neighbours", "Adamic-Adar", "resource allocation"]


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
    pairs = pairs[[not network.has_edge(u, v) for u, v in pairs.tolist()]]
    expected = [score for _, _, score in _NETWORKX[name](network, pairs.tolist())]
    assert pair_scores(as_graph(network), pairs)[name].tolist() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("directed", [False, True])
def test_a_neighbour_that_is_an_end_of_the_pair_is_not_shared(directed):
    graph = Graph.from_edges([0, 0, 1], [0, 1, 1], nodes=2, directed=directed)  # 0 -> 0 -> 1 and 0 -> 1 -> 1
    assert not pair_scores(graph, np.array([[0, 1], [1, 0]]))[SHARED].to_numpy().any()


def test_a_path_that_runs_the_wrong_way_does_not_count():
    graph = Graph.from_edges([0, 1], [1, 2], directed=True)
    scores = pair_scores(graph, np.array([[0, 2], [2, 0]]))
    assert scores[SHARED].to_numpy().tolist() == [[1, pytest.approx(1 / np.log(2)), 1 / 2], [0, 0, 0]]
    assert scores["PageRank there"].tolist() == pytest.approx([0.15 * 0.85**2, 0])
    assert scores["PageRank back"].tolist() == pytest.approx([0, 0.15 * 0.85**2])


# ── what holds for all of them ──────────────────────────────────────────────────────────────────────


def test_only_walks_pagerank_paths_of_three_and_weighted_scores_look_at_weights():
    network = nx.karate_club_graph()
    plain = nx.empty_graph(34)
    plain.add_edges_from(network.edges)
    assert as_graph(network).weighted > as_graph(plain).weighted
    heavy, light = (pair_scores(as_graph(each), all_pairs_of(34)) for each in (network, plain))
    differ = {name for name in light if not np.allclose(heavy[name], light[name])}
    ends = [
        f"{name} {end}" for name in ("PageRank", *(f"walk of {k}" for k in (2, 3, 4, 5))) for end in ("low", "high")
    ]
    assert differ == {"L3", *ends}
    weighted = {f"weighted {name}" for name in ("common neighbours", "Adamic-Adar", "resource allocation")}
    assert set(heavy) - set(light) == weighted


@pytest.mark.parametrize("directed", [False, True])
def test_the_place_of_nodes_has_the_same_bits_on_any_number_of_threads(directed, thread_count):
    graph = as_graph(nx.gnp_random_graph(60, 0.08, seed=2, directed=directed))
    several = structure(graph.csr).tobytes()
    numba.set_num_threads(1)
    assert several == structure(graph.csr).tobytes()


@few
@given(matrices())
def test_scores_are_finite_and_not_negative(edge):
    scores = pair_scores(graph_of(edge), all_pairs_of(len(edge))).to_numpy()
    assert np.isfinite(scores).all()
    assert (scores >= 0).all()


def test_shared_neighbours_weigh_by_the_degree_they_are_given():
    csr = as_graph(nx.star_graph(3)).csr
    found = shared_neighbours(csr, csr, np.array([50.0, 1, 1, 1]), np.array([1]), np.array([2]))
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
