"""The Bethe Hessian sees communities down to where nobody can, and counts them; L has the inertia of H."""

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp

from graphembed.bethe import radius, regularised, spectrum
from graphembed.datasets import load
from graphembed.datasets.generated import planted_partition
from graphembed.encoders.bethe import BetheHessian
from graphembed.encoders.proximity import Known
from graphembed.errors import DataError, UnknownNameError
from graphembed.graph import Graph, as_graph
from graphembed.heads.communities import Communities
from graphembed.metrics.partitions import overlap
from graphembed.testing import assert_deterministic, assert_encoder_contract, assert_permutation_equivariant

NETWORKS = {
    "karate": nx.karate_club_graph(),
    "lesmis": nx.les_miserables_graph(),
    "sparse": nx.gnp_random_graph(300, 0.01, seed=1),
    "cliques": nx.connected_caveman_graph(5, 6),
    "bipartite": nx.davis_southern_women_graph(),
}


def rows(network):
    return sp.csr_array(nx.to_scipy_sparse_array(network, weight=None, dtype=float))


def non_backtracking(network):
    """One row for each direction of each edge: 1 where the way goes on and not back."""
    arcs = [*network.edges, *((v, u) for u, v in network.edges)]
    return np.array([[float(u == y and v != x) for u, v in arcs] for x, y in arcs])


@pytest.mark.parametrize("name", ["karate", "cliques", "bipartite"])
def test_the_radius_is_that_of_the_non_backtracking_matrix(name):
    expected = np.abs(np.linalg.eigvals(non_backtracking(NETWORKS[name]))).max()
    assert radius(rows(NETWORKS[name])) == pytest.approx(expected, rel=1e-4)


def test_the_radius_of_larger_graphs_is_that_of_a_regular_one():
    assert radius(rows(nx.random_regular_graph(4, 600, seed=0))) == pytest.approx(3.0, rel=1e-3)
    assert radius(rows(nx.path_graph(5))) == pytest.approx(1.0, rel=1e-12)  # a tree leads nowhere


@pytest.mark.parametrize("name", NETWORKS)
def test_directions_beyond_chance_are_negative_eigenvalues_of_the_bethe_hessian(name):
    links = rows(NETWORKS[name])
    found = spectrum(links, 60, seed=0)
    r, degree = 1 / found.edge, links.sum(axis=1)
    for sign in (1, -1):
        hessian = (r * r - 1) * np.eye(len(degree)) - sign * r * links.toarray() + np.diag(degree)
        negative = (np.linalg.eigvalsh(hessian) < -1e-6).sum()
        assert (found.seen & (sign * found.values > 0)).sum() == negative


def test_leading_directions_of_larger_graphs_are_exact():
    links = rows(nx.connected_caveman_graph(10, 30))
    found = spectrum(links, 12, seed=0)
    scale = regularised(links.sum(axis=1), found.more)
    exact = np.linalg.eigvalsh(scale[:, None] * links.toarray() * scale)
    exact = exact[np.argsort(-np.abs(exact))][:12]
    assert np.allclose(found.values, exact, atol=1e-4)
    assert np.allclose(
        (scale[:, None] * links.toarray() * scale) @ found.vectors, found.vectors * found.values, atol=1e-2
    )


@pytest.mark.parametrize("count", [2, 5, 9])
def test_cliques_are_counted(count):
    assert BetheHessian().fit(nx.ring_of_cliques(count, 8)).communities_ == count
    assert BetheHessian().fit(nx.disjoint_union_all([nx.complete_graph(8)] * count)).communities_ == count


def test_karate_has_two_communities_and_a_random_graph_one():
    assert BetheHessian().fit(load("karate")).communities_ == 2
    assert BetheHessian().fit(nx.gnp_random_graph(2000, 0.005, seed=3)).communities_ == 1


@pytest.mark.parametrize("contrast", [1.3, -1.3])
@pytest.mark.parametrize("groups", [2, 3])
def test_communities_are_found_beyond_the_threshold(groups, contrast):
    degree = 3 if groups == 2 else 8
    graph = planted_partition(3000, groups, degree, contrast * groups * degree**0.5, seed=5)
    encoder = BetheHessian().fit(graph)
    found = Communities(k=groups).fit(encoder.transform(graph))
    assert encoder.communities_ == groups
    assert overlap(graph.data.y.numpy(), found.labels_) > (0.4 if groups == 2 or contrast > 0 else 0.3)


def test_nothing_is_found_below_the_threshold():
    graph = planted_partition(3000, 2, 3, 0.7 * 2 * 3**0.5, seed=5)
    found = Communities(k=2).fit(BetheHessian().fit_transform(graph))
    assert overlap(graph.data.y.numpy(), found.labels_) < 0.1


def test_few_communities_leave_zeros_but_never_nothing():
    encoder = BetheHessian(dim=6).fit(nx.complete_graph(10))
    z = encoder.transform(nx.complete_graph(10)).values
    assert encoder.communities_ == 1
    assert (z[:, 1:] == 0).all()
    assert np.allclose(np.abs(z[:, 0])[np.abs(z[:, 0]) > 0], 1)


def test_isolated_nodes_and_self_loops_say_nothing():
    plain = nx.connected_caveman_graph(3, 6)
    more = plain.copy()
    more.add_edge(2, 2)
    more.add_nodes_from([50, 51])
    one, two = (BetheHessian(dim=4).fit_transform(graph) for graph in (plain, more))
    # The ring of cliques can be turned, so two axes share a value and LAPACK may turn them: angles are what is certain.
    assert np.allclose(two.values[:18] @ two.values[:18].T, one.values @ one.values.T, atol=1e-4)
    assert (two.values[18:] == 0).all()


def test_the_scale_of_weights_does_not_matter():
    graph = load("lesmis")
    source, target = graph.pairs.T
    csr = Known.of(graph).adjacency
    weight = np.array([csr[u, v] for u, v in graph.pairs.tolist()])
    twice = Graph.from_edges(source, target, 2 * weight, names=graph.names)
    assert np.allclose(
        BetheHessian().fit_transform(graph).values, BetheHessian().fit_transform(twice).values, atol=1e-4
    )


def test_a_new_node_gets_what_its_edges_say():
    whole = as_graph(nx.connected_caveman_graph(4, 8))
    old = [name for name in whole.names if name != "5"]
    kept = [(u, v) for u, v in whole.pairs.tolist() if 5 not in (u, v)]
    names = [(whole.names[u], whole.names[v]) for u, v in kept]
    row = {name: k for k, name in enumerate(old)}
    part = Graph.from_edges(*np.array([(row[u], row[v]) for u, v in names]).T, names=old)
    encoder = BetheHessian(dim=4).fit(part)
    z = encoder.transform(whole)
    assert np.array_equal(z[old].values, encoder.embedding_.values)
    mates = [name for name in whole.names[:8] if name != "5"]
    assert (
        (z[mates].values @ z["5"]).min() > 0.9 > (z[[name for name in old if name not in mates]].values @ z["5"]).max()
    )
    alone = Graph.from_edges([0], [1], names=["x", "y"])
    with pytest.raises(UnknownNameError, match="2 nodes were not in the graph this Bethe Hessian was fitted on"):
        encoder.transform(alone)


def test_a_known_node_would_get_the_vector_it_has():
    """The eigenvalue equation, row by row."""
    graph = load("karate")
    encoder = BetheHessian(dim=3).fit(graph)
    known = Known.of(graph)
    scale = regularised(known.degree, encoder.more_)
    again = scale[:, None] * ((known.adjacency / encoder.mean_) @ (scale[:, None] * encoder.table_))
    assert np.allclose(again / np.linalg.norm(again, axis=1, keepdims=True), encoder.embedding_.values, atol=1e-4)


def test_permuting_nodes_permutes_rows():
    assert_permutation_equivariant(BetheHessian(dim=4).fit(load("karate")), load("karate"))
    graph, order = load("lesmis"), np.random.default_rng(0).permutation(77)
    place = np.argsort(order)
    other = Graph.from_edges(*place[graph.pairs.T], names=[graph.names[k] for k in order])
    plain = Graph.from_edges(*graph.pairs.T, names=graph.names)
    one, two = (BetheHessian(dim=3).fit_transform(each) for each in (plain, other))
    assert np.allclose(one.values, two[one.names].values, atol=1e-4)


@pytest.mark.parametrize("size", [30, 400])
def test_it_keeps_the_promises_of_encoders(size):
    graph = nx.powerlaw_cluster_graph(size, 3, 0.5, seed=0)
    assert_encoder_contract(BetheHessian(dim=5), graph)
    assert_deterministic(BetheHessian(dim=5), graph)


def test_what_it_cannot_embed_is_refused():
    with pytest.raises(DataError, match="the Bethe Hessian needs edges between nodes to learn from"):
        BetheHessian().fit(Graph.from_edges([0], [0], nodes=3))
    with pytest.raises(ValueError, match="dim must be at least 1, got 0"):
        BetheHessian(dim=0).fit(load("karate"))


def test_nodes_further_away_follow_ring_by_ring():
    base = load("lesmis")
    old = Graph.from_edges(*base.pairs.T, np.full(base.num_edges, 3.0), names=base.names)
    ends = [*base.pairs.tolist(), [0, 77], [30, 77], [77, 78]]  # x knows two, y knows x
    whole = Graph.from_edges(*np.array(ends).T, np.full(len(ends), 3.0), names=[*base.names, "x", "y"])
    encoder = BetheHessian(dim=3).fit(old)
    degree = np.bincount(base.pairs.ravel())  # all weights are as the mean
    scale, v = regularised(degree, encoder.more_), encoder.table_
    x = scale[0] * v[0] + scale[30] * v[30]
    y = x / encoder.mu_
    z = encoder.transform(whole)
    assert np.allclose(z["x"], x / np.linalg.norm(x), atol=1e-4)
    assert np.allclose(z["y"], y / np.linalg.norm(y), atol=1e-4)
