"""Communities that are there are found, by vectors and by edges, and what cannot be found is refused in words."""

from itertools import product

import networkx as nx
import numpy as np
import pytest
import scipy.cluster.hierarchy as sch
import scipy.sparse as sp
from sklearn.metrics import adjusted_rand_score

from graphembed.datasets import load
from graphembed.embedding import Embedding
from graphembed.errors import DataError, UnknownNameError
from graphembed.graph import Graph, as_graph
from graphembed.heads.communities import METHODS, Communities
from graphembed.heads.consensus import agreement, consensus, merge_by_edges, merge_by_vectors
from graphembed.heads.leiden import leiden, near, undirected
from graphembed.parallel import threads

BY_VECTORS = ("kmeans", "spherical", "mixture", "hdbscan")


def clouds(groups=3, of=40, spread=0.1, seed=0):
    """Round clouds around orthogonal directions, and which each point is of."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(groups), of)
    points = np.eye(groups + 1)[truth] + spread * rng.normal(size=(len(truth), groups + 1))
    return Embedding(points, [f"p{i}" for i in range(len(truth))]), truth


def cliques(count=4, of=6, extra=()):
    """A ring of cliques."""
    return as_graph(nx.ring_of_cliques(count, of)), np.repeat(np.arange(count), of)


# ── found ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("method", METHODS)
def test_clouds_are_found(method):
    z, truth = clouds()
    k = None if method == "hdbscan" else 3
    found = Communities(method, k=k).fit(z)
    assert found.score(truth)["ARI"] > 0.95
    assert found.k_ == 3


@pytest.mark.parametrize("method", ["kmeans", "spherical", "mixture"])
@pytest.mark.parametrize("groups", [2, 3, 5])
def test_the_number_of_clouds_is_found(method, groups):
    z, truth = clouds(groups)
    found = Communities(method, most=8).fit(z)
    assert (found.k_, found.score(truth)["ARI"]) == (groups, 1.0)


def test_the_number_can_be_chosen_by_the_edges():
    graph, truth = cliques(5)
    z = Embedding(np.eye(5)[truth] + 0.3 * np.random.default_rng(0).normal(size=(30, 5)), graph.names)
    found = Communities(choose="modularity", most=8).fit(z, graph)
    assert found.score(truth)["ARI"] > 0.9
    pairs = [nx.community.modularity(graph_of(graph), parts_of(found))]
    assert found.score()["modularity"] == pytest.approx(pairs[0])
    assert Communities(choose="bethe").fit(z, graph).labels_.tolist() == Communities(k=5).fit(z).labels_.tolist()
    assert Communities(choose="bethe", most=3).fit(z, graph).k_ == 3
    for choice in ("modularity", "bethe"):
        with pytest.raises(DataError, match=f"choose='{choice}' needs edges: give the graph beside the vectors"):
            Communities(choose=choice).fit(z)


@pytest.mark.parametrize("method", ["leiden", "louvain"])
def test_cliques_are_found(method):
    graph, truth = cliques()
    found = Communities(method).fit(graph)
    assert found.score(truth)["ARI"] == 1.0
    assert found.labels_.tolist() == truth.tolist()  # of equal size: in the order of their first nodes


@pytest.mark.parametrize("k", [1, 2, 3, 7, 20])
def test_leiden_finds_as_many_as_are_asked_for(k):
    graph = load("karate")
    found = Communities("leiden", k=k).fit(graph)
    assert found.k_ == k == len(set(found.predict()))


def test_leiden_is_as_good_as_networkx():
    for seed in range(3):
        graph = nx.powerlaw_cluster_graph(200, 3, 0.3, seed=seed)
        ours = Communities("leiden", seed=seed).fit(as_graph(graph)).score()["modularity"]
        theirs = nx.community.modularity(graph, nx.community.louvain_communities(graph, seed=seed))
        assert ours >= theirs - 0.005


def test_weights_decide():
    ring = Graph.from_edges([0, 1, 2, 3], [1, 2, 3, 0], [9.0, 1.0, 9.0, 1.0])
    other = Graph.from_edges([0, 1, 2, 3], [1, 2, 3, 0], [1.0, 9.0, 1.0, 9.0])
    assert Communities("leiden").fit(ring).labels_.tolist() == [0, 0, 1, 1]
    assert Communities("leiden").fit(other).labels_.tolist() == [0, 1, 1, 0]


def test_directions_are_added_up_and_self_loops_left_out():
    arcs = Graph.from_edges([0, 1, 1, 2, 2], [1, 0, 2, 2, 3], [1.0, 2.0, 4.0, 9.0, 1.0], directed=True)
    expected = [[0, 3, 0, 0], [3, 0, 4, 0], [0, 4, 0, 1], [0, 0, 1, 0]]
    assert undirected(arcs).toarray().tolist() == expected
    both = Graph.from_edges([0, 1, 2], [1, 2, 3], [3.0, 4.0, 1.0])
    one, two = (Communities("leiden").fit(graph) for graph in (arcs, both))
    assert one.labels_.tolist() == two.labels_.tolist()
    assert one.score() == two.score()


def test_what_is_not_connected_is_not_together():
    graph = as_graph(nx.disjoint_union_all([nx.complete_graph(4)] * 3 + [nx.empty_graph(2)]))
    found = Communities("leiden").fit(graph)
    assert found.labels_.tolist() == [0] * 4 + [1] * 4 + [2] * 4 + [3, 4]
    assert found.score()["coverage"] == 1.0


def test_without_edges_all_are_alone():
    for method in ("leiden", "louvain"):
        found = Communities(method).fit(Graph.from_edges([], [], nodes=3))
        assert found.labels_.tolist() == [0, 1, 2]
        assert found.score()["modularity"] == 0.0
        loops = Communities(method).fit(Graph.from_edges([0, 1], [0, 1], nodes=2))
        assert loops.labels_.tolist() == [0, 1]


# ── said ────────────────────────────────────────────────────────────────────────────────────────────


def graph_of(graph):
    return nx.Graph([(graph.names[u], graph.names[v]) for u, v in graph.pairs.tolist()])


def parts_of(found):
    return [set(group) for group in found.groups()]


def test_answers_are_in_names():
    graph = load("karate")
    found = Communities("leiden").fit(graph)
    assert sorted(name for group in found.groups() for name in group) == sorted(graph.names)
    sizes = [len(group) for group in found.groups()]
    assert sizes == sorted(sizes, reverse=True)
    table = found.table()
    assert list(table.columns) == ["name", "community", "size", "membership"]
    assert table.community.tolist() == found.predict(table.name) == found.labels_.tolist()
    assert (table["size"] == [sizes[group] for group in table.community]).all()
    with pytest.raises(UnknownNameError, match="there is no community of '99'; known are '1', '2'"):
        found.predict(["1", "99"])


def test_scores_of_a_graph_are_those_of_networkx():
    graph = load("karate")
    found = Communities("leiden").fit(graph)
    network, parts = graph_of(graph), parts_of(found)
    scores = found.score(graph.data.y)
    assert scores["modularity"] == pytest.approx(nx.community.modularity(network, parts))
    assert scores["coverage"] == pytest.approx(nx.community.partition_quality(network, parts)[0])
    assert scores["conductance"] == pytest.approx(np.mean([nx.conductance(network, part) for part in parts]))
    assert scores["NMI"] > 0.5


def test_truth_may_be_given_by_name():
    z, truth = clouds()
    found = Communities(k=3).fit(z)
    by_name = {name: "abc"[group] for name, group in zip(z.names, truth.tolist(), strict=True)}
    assert found.score(by_name) == found.score(truth) == found.score(np.array(list("abc"))[truth])
    some = dict(list(by_name.items())[:50])
    assert found.score(some)["ARI"] == 1.0
    with pytest.raises(DataError, match=r"expected the true group of each of 120 nodes, got shape \(3,\)"):
        found.score([0, 1, 2])


def test_memberships_by_edges_are_shares_of_weight():
    graph = Graph.from_edges([0, 1, 0, 3, 4, 3, 2], [1, 2, 2, 4, 5, 5, 3], [1.0, 1, 1, 1, 1, 1, 0.5], nodes=7)
    found = Communities("leiden").fit(graph)
    shares = found.memberships()
    assert found.groups() == [["0", "1", "2"], ["3", "4", "5"], ["6"]]
    assert shares.loc["2"].tolist() == pytest.approx([0.8, 0.2, 0.0])
    assert shares.loc["6"].tolist() == [0, 0, 1]
    assert found.overlapping(0.2) == [["0", "1", "2", "3"], ["2", "3", "4", "5"], ["6"]]
    assert found.overlapping(0.5) == found.groups()


def test_memberships_by_vectors_are_likely_and_doubt_is_in_the_middle():
    z, _ = clouds(2, spread=0.3)
    middle = np.array([[0.5, 0.5, 0.0]])
    z = Embedding(np.concatenate([z.values, middle]), (*z.names, "middle"))
    found = Communities(k=2).fit(z)
    shares = found.memberships()
    assert np.allclose(shares.sum(axis=1), 1)
    assert (shares.to_numpy().argmax(axis=1) == found.labels_).mean() > 0.97
    assert 0.2 < shares.loc["middle", 0] < 0.8
    assert sum("middle" in group for group in found.overlapping(0.2)) == 2


def test_memberships_follow_the_formula():
    values = np.array([[0.0], [1.0], [5.0], [6.0], [7.0]])
    found = Communities(k=2).fit(Embedding(values, list("abcde")))
    assert found.labels_.tolist() == [1, 1, 0, 0, 0]
    width = (0.25 + 0.25 + 1 + 0 + 1) / 5
    density = [size * np.exp(-((5.0 - mean) ** 2) / (2 * width)) for size, mean in ((3, 6.0), (2, 0.5))]
    assert found.memberships().loc["c"].tolist() == pytest.approx(np.array(density) / sum(density))


def test_noise_is_in_no_community():
    z, _ = clouds(2, of=30, spread=0.02)
    z = Embedding(np.concatenate([z.values, [[9.0, 9.0, 9.0]]]), (*z.names, "far"))
    found = Communities("hdbscan", near=10).fit(z)
    assert found.predict(["far"]) == [-1]
    assert found.k_ == 2
    assert found.table().set_index("name").loc["far", ["size", "membership"]].tolist() == [0, 0]
    assert "far" not in {name for group in found.overlapping(0.9) for name in group}


def test_cdlib_can_read_it():
    found = Communities("leiden").fit(load("karate"))
    clear, mixed = found.clustering(), found.clustering(least=0.3)
    assert set(clear) == {"communities", "method_name", "method_parameters", "overlap"}
    assert clear["communities"] == found.groups()
    assert (clear["overlap"], mixed["overlap"]) == (False, True)
    assert sum(map(len, mixed["communities"])) > 34
    assert all(isinstance(name, str) for group in mixed["communities"] for name in group)


# ── stable ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_finds_the_same_on_any_number_of_threads(method):
    z, _ = clouds(spread=0.5)
    found = []
    for count in (1, 2):
        with threads(count):
            found.append(Communities(method, k=None if method == "hdbscan" else 3, runs=2, seed=3).fit(z))
    assert found[0].labels_.tolist() == found[1].labels_.tolist()
    assert np.array_equal(found[0].memberships(), found[1].memberships())


def test_stability_is_one_where_all_agree_and_low_where_there_is_nothing():
    sure, _ = clouds()
    noise = Embedding(np.random.default_rng(0).normal(size=(300, 20)), [str(i) for i in range(300)])
    assert Communities(k=3, runs=4).fit(sure).stability_ == 1.0
    found = Communities(k=6, runs=4).fit(noise)
    assert found.stability_ < 0.6
    assert found.k_ == 6


def test_agreement_is_the_mean_of_pairs():
    rng = np.random.default_rng(0)
    a, b, c = rng.integers(0, 3, (3, 50))
    expected = np.mean([adjusted_rand_score(*pair) for pair in ((a, b), (a, c), (b, c))])
    assert agreement([a, b, c]) == pytest.approx(expected)


def test_the_consensus_of_noisy_copies_is_the_original():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, 400)
    copies = []
    for _ in range(9):
        wrong = rng.random(400) < 0.25
        copies.append(rng.permutation(4)[np.where(wrong, rng.integers(0, 4, 400), truth)])
    found = consensus(copies, 4, seed=0)
    alone = [adjusted_rand_score(truth, copy) for copy in copies]
    assert adjusted_rand_score(truth, found) > max(alone) + 0.2


@pytest.mark.parametrize("seed", range(5))
def test_the_consensus_is_the_best_of_all_counting_every_node(seed):
    """Against all ways to put five kinds of nodes, some rare and some common, into two groups."""
    rng = np.random.default_rng(seed)
    kinds = np.array([[0, 0, 0], [0, 1, 1], [1, 1, 2], [1, 0, 2], [2, 2, 0]])
    copies = kinds[np.repeat(np.arange(5), rng.choice([1, 2, 3, 60, 70], 5, replace=False))]
    member = np.concatenate([np.eye(3)[column] for column in copies.T], axis=1)

    def cost(groups):
        parts = [member[groups == group] for group in np.unique(groups)]
        return sum(((part - part.mean(axis=0)) ** 2).sum() for part in parts)

    kind = np.array([kinds.tolist().index(row) for row in copies.tolist()])
    best = min(cost(np.array(two)[kind]) for two in product([0, 1], repeat=5))
    assert cost(consensus(list(copies.T), 2, seed=0)) == pytest.approx(best)


def test_the_consensus_of_one_partition_is_itself():
    one = np.array([0, 1, 1, 2, 0])
    assert adjusted_rand_score(one, consensus([one, one], 3, 0)) == 1.0


# ── nested ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("method", ["leiden", "kmeans"])
def test_each_level_lies_within_the_next(method):
    graph = as_graph(nx.powerlaw_cluster_graph(150, 2, 0.5, seed=1))
    source = graph if method == "leiden" else clouds(6, spread=0.4)[0]
    found = Communities(method, k=9).fit(source)
    levels = {k: found.level(k) for k in range(1, 10)}
    assert levels[9].tolist() == found.labels_.tolist()
    for k in range(2, 10):
        assert len(set(levels[k].tolist())) == k
        assert len(set(zip(levels[k].tolist(), levels[k - 1].tolist(), strict=True))) == k
    assert sch.is_valid_linkage(found.tree())
    with pytest.raises(DataError, match="the tree has levels of 1 to 9 communities, not 10"):
        found.level(10)


def test_joining_loses_as_much_modularity_as_networkx_says():
    graph = nx.connected_caveman_graph(6, 5)
    rows, labels = sp.csr_array(nx.to_scipy_sparse_array(graph, dtype=float)), np.repeat(np.arange(6), 5)
    merges = merge_by_edges(rows, labels)
    parts = {group: set(np.flatnonzero(labels == group).tolist()) for group in range(6)}
    whole = nx.community.modularity(graph, parts.values())
    for step, (one, other, lost, size) in enumerate(merges.tolist()):
        tried = min(
            whole_of(graph, parts) - whole_of(graph, joined(parts, a, b)) for a in parts for b in parts if a < b
        )
        before = whole_of(graph, parts)
        parts = joined(parts, int(one), int(other), 6 + step)
        assert before - whole_of(graph, parts) == pytest.approx(tried)  # none was cheaper
        assert lost == pytest.approx(whole - whole_of(graph, parts))
        assert size == len(parts[6 + step]) / 5


def whole_of(graph, parts):
    return nx.community.modularity(graph, parts.values())


def joined(parts, one, other, name="new"):
    rest = {key: part for key, part in parts.items() if key not in (one, other)}
    return rest | {name: parts[one] | parts[other]}


def test_joining_vectors_is_ward_of_the_means():
    z, labels = clouds(5, of=8, spread=0.3)
    singles = merge_by_vectors(z.values[:12].astype(float), np.arange(12))
    ward = sch.linkage(z.values[:12].astype(float), "ward")
    assert singles[:, :2].tolist() == ward[:, :2].tolist()
    assert np.allclose(singles[:, 2], np.cumsum(ward[:, 2] ** 2 / 2))
    merges = merge_by_vectors(z.values.astype(float), labels)
    means = np.array([z.values[labels == group].mean(axis=0) for group in range(5)], float)
    whole = 40 * np.asarray(means).var(axis=0).sum()  # of equal sizes
    assert merges[-1, 2] == pytest.approx(whole, rel=1e-5)


# ── refused ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("method", ["kmeans", "spherical", "mixture", "leiden"])
def test_more_communities_than_nodes_are_refused(method):
    z, _ = clouds(2, of=3)
    for k in (7, 0, -1):
        with pytest.raises(DataError, match=f"k must be between 1 and the number of nodes, 6, got {k}"):
            Communities(method, k=k).fit(z)


@pytest.mark.parametrize("method", BY_VECTORS)
def test_constant_vectors_are_refused(method):
    z = Embedding(np.ones((10, 3)), [str(i) for i in range(10)])
    with pytest.raises(DataError, match=r"all 10 vectors are the same, so there is nothing to tell communities by"):
        Communities(method, k=None if method == "hdbscan" else 2).fit(z)


def test_more_communities_than_different_vectors_are_refused():
    z = Embedding(np.repeat(np.eye(2), 5, axis=0), [str(i) for i in range(10)])
    with pytest.raises(DataError, match="k is 3, but only 2 of 10 vectors are different: ask for fewer"):
        Communities(k=3).fit(z)
    assert Communities(k=2).fit(z).labels_.tolist() == [0] * 5 + [1] * 5


def test_spherical_sees_directions_only():
    z, truth = clouds(3)
    lengths = np.random.default_rng(0).uniform(0.1, 10, size=(len(z), 1))
    longer = Embedding(z.values * lengths, z.names)
    assert Communities("spherical", k=3).fit(longer).labels_.tolist() == truth.tolist()
    lines = Embedding(np.array([[1.0, 0], [2.0, 0], [0, 1.0], [0, 3.0]]), list("abcd"))
    assert Communities("spherical", k=2).fit(lines).labels_.tolist() == [0, 0, 1, 1]
    with pytest.raises(DataError, match="k is 3, but only 2 of 4 vectors are different"):
        Communities("spherical", k=3).fit(lines)


def test_spherical_takes_vectors_of_zero_together():
    z = Embedding(np.array([[1.0, 0], [2.0, 0.1], [0, 0], [0, 0], [0, 3.0], [0, 2.0]]), list("abcdef"))
    assert Communities("spherical", k=3).fit(z).groups() == [["a", "b"], ["c", "d"], ["e", "f"]]
    close = Embedding(np.array([[1.0, 0], [1.0, 0.3], [0, 0], [0, 0]]), list("abcd"))
    assert Communities("spherical", k=2).fit(close).groups() == [["a", "b"], ["c", "d"]]


def test_nan_is_refused_by_name():
    values = np.ones((3, 2))
    values[1, 0] = np.nan
    with pytest.raises(DataError, match="vectors must be finite; they are not for 'bob'"):
        Communities(k=2).fit(Embedding(values, ("ann", "bob", "cy")))


def test_one_community_has_scores():
    graph = load("karate")
    z = Embedding(np.random.default_rng(0).normal(size=(34, 4)), graph.names)
    for source, method in ((z, "kmeans"), (graph, "leiden")):
        found = Communities(method, k=1).fit(source, *([graph] if method == "kmeans" else []))
        scores = found.score(graph.data.y)
        assert (found.k_, scores["modularity"], scores["coverage"], scores["ARI"]) == (1, 0.0, 1.0, 0.0)
        assert len(found.tree()) == 0
        assert (found.memberships().to_numpy() == 1).all()
    assert np.isnan(Communities(k=1).fit(z).score()["silhouette"])


def test_wrong_settings_are_refused_in_words():
    z, _ = clouds()
    for settings, message in [
        ({"method": "magic"}, "method must be one of 'kmeans', 'spherical', .* got 'magic'"),
        ({"choose": "taste"}, "choose must be one of 'silhouette', 'modularity', 'bethe', got 'taste'"),
        ({"method": "hdbscan", "k": 3}, "hdbscan finds its own number of communities, got k=3"),
        ({"runs": 0}, "runs at least 1 and resolution positive, got most=20, near=15, runs=0"),
        ({"resolution": 0.0}, "resolution=0.0"),
    ]:
        with pytest.raises(ValueError, match=message):
            Communities(**settings).fit(z)
    with pytest.raises(ValueError, match="least must be above 0 and at most 1, got 0"):
        Communities(k=3).fit(z).overlapping(0)


def test_what_cannot_be_clustered_is_refused_in_words():
    z, _ = clouds()
    graph = load("karate")
    with pytest.raises(DataError, match=r"kmeans clusters vectors, got Graph: encode the graph first, or take method="):
        Communities(k=2).fit(graph)
    with pytest.raises(DataError, match="a graph is clustered by its own edges: a second one has no use"):
        Communities("leiden").fit(graph, graph)
    with pytest.raises(UnknownNameError, match="120 of 120 nodes are not in the graph: 'p0', 'p1'"):
        Communities(k=2).fit(z, graph)
    with pytest.raises(DataError, match="there are no vectors to find communities in"):
        Communities(k=2).fit(Embedding(np.empty((0, 2)), ()))
    with pytest.raises(DataError, match="there are no nodes to find communities of"):
        Communities("leiden").fit(Graph.from_edges([], [], nodes=0))


def test_the_graph_beside_vectors_may_be_larger_and_in_another_order():
    graph, truth = cliques()
    names = list(graph.names)[::-1]
    z = Embedding(np.eye(4)[truth[::-1]] + np.arange(24)[:, None] / 1e4, names)
    larger = Graph.from_edges([*graph.pairs[:, 0], 24], [*graph.pairs[:, 1], 0], names=[*graph.names, "more"], nodes=25)
    found = Communities(k=4).fit(z, larger)
    expected = nx.community.modularity(graph_of(graph), parts_of(found))
    assert found.score()["modularity"] == pytest.approx(expected)


def test_near_vectors_are_linked_both_ways_and_zero_ones_not_at_all():
    z = np.array([[1.0, 0], [1.0, 0.1], [0, 1.0], [0.2, 1.0], [0, 0]])
    links = near(z, 1).toarray()
    assert links.tolist() == [[0, 2, 0, 0, 0], [2, 0, 0, 0, 0], [0, 0, 0, 2, 0], [0, 0, 2, 0, 0], [0, 0, 0, 0, 0]]


def test_leiden_of_a_matrix_does_not_change_it():
    rows = undirected(load("karate"))
    before = rows.copy()
    leiden(rows, 1.0, 0)
    assert (before != rows).nnz == 0
