"""Roles: groups against scikit-learn's, distances against scipy's, facts against networkx's, truths as constructed."""

import ast
import inspect
import sys

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from scipy.stats import energy_distance
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score, silhouette_score

from graphembed.datasets import card, load
from graphembed.datasets.generated import perturbed
from graphembed.datasets.orbits import barbell, hierarchy, planted_roles
from graphembed.embedding import Embedding
from graphembed.encoders.landmarks import Landmarks, Rings
from graphembed.encoders.recipes import deepwalk
from graphembed.encoders.recursive import Recursive
from graphembed.errors import DataError, UnknownNameError
from graphembed.graph import Graph, as_graph
from graphembed.heads import grouping, portraits
from graphembed.heads.portraits import connections, facts
from graphembed.heads.roles import Roles
from graphembed.parallel import threads

DEPARTMENTS = ("Research", "Production", "Sales", "Finance", "Logistics")


def embedding(values, names=None):
    values = np.asarray(values, float)
    return Embedding(values, [f"n{row}" for row in range(len(values))] if names is None else names)


def blobs(sizes=(40, 25, 10), seed=0, spread=0.3):
    """Groups of these sizes, six apart."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(len(sizes)), sizes)
    middles = 6.0 * np.eye(len(sizes), 4)
    return embedding(middles[group] + spread * rng.normal(size=(len(group), 4))), group


@pytest.fixture(scope="module")
def company():
    """The organisation chart, its vectors by position, and its roles by those."""
    graph = load("company")
    z = Landmarks(Rings(hops=4, discount=0.8), dim=64).fit_transform(graph)
    return graph, z, Roles().fit(z, graph)


@pytest.mark.parametrize("k", [2, 3, 5, 9])
def test_the_tree_is_scikit_learns_also_with_repeated_vectors(k):
    rng = np.random.default_rng(k)
    z = rng.normal(size=(60, 3))[rng.integers(0, 60, 150)]
    points = grouping.points_of(z, 0)
    pairs, heights = grouping.joined(points.apart, points.weight)
    group = grouping.cut(pairs, k)
    _, place = np.unique(z, axis=0, return_inverse=True)
    wanted = AgglomerativeClustering(k, linkage="average").fit_predict(z)
    assert adjusted_rand_score(group[place], wanted) == 1
    assert (np.diff(heights) >= 0).all()
    assert points.weight.sum() == 150


def test_k_means_counts_repeated_vectors():
    points = grouping.points_of(np.repeat([[0.0], [1.0], [5.0], [6.2]], (100, 100, 1, 1), axis=0), 0)
    group = grouping.grouped(points, 3, 0)[1]  # counted once each, 0 and 1 would be put together
    assert group[2] == group[3]
    assert len(set(group.tolist())) == 3


def test_silhouette_is_scikit_learns_also_with_repeated_vectors():
    rng = np.random.default_rng(1)
    z = rng.normal(size=(50, 3))[rng.integers(0, 50, 120)]
    points = grouping.points_of(z, 0)
    _, place = np.unique(z, axis=0, return_inverse=True)
    for k in (2, 4, 30):
        group = grouping.cut(points.pairs, k)
        assert grouping.silhouette(points, group) == pytest.approx(silhouette_score(z, group[place]))


def test_nearness_is_the_energy_distance_to_a_point():
    rng = np.random.default_rng(2)
    z = rng.normal(size=(30, 1))[rng.integers(0, 30, 60)]
    points = grouping.points_of(z, 0)
    group = grouping.cut(points.pairs, 4)
    far = grouping.nearness(np.array([[0.3], [-2.0]]), points, group)
    for row, at in enumerate((0.3, -2.0)):
        for each in range(4):
            there = np.repeat(points.at[group == each, 0], points.weight[group == each].astype(int))
            assert far[row, each] == pytest.approx(energy_distance([at], there) ** 2 / 2)


@pytest.mark.parametrize("choose", ["silhouette", "description"])
def test_well_separated_groups_are_found_and_counted(choose):
    z, group = blobs()
    roles = Roles(choose=choose).fit(z)
    assert roles.k_ == 3
    assert roles.labels_.tolist() == group.tolist()  # the largest is role 0
    assert roles.score(group)["ARI"] == 1


def test_description_does_not_depend_on_scale_place_or_turning():
    z, _ = blobs()
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0]
    one, two = (grouping.points_of(each, 0) for each in (z.values.astype(float), 7 * z.values @ turn + 3))
    for k in (1, 3, 6):
        bits = [grouping.description(each, grouping.cut(each.pairs, k)) for each in (one, two)]
        assert bits[0] == pytest.approx(bits[1], rel=1e-4)


def test_description_of_two_points_is_what_the_formula_says():
    """Half of 64 vectors at 0 and half at 1: 64 bits for the groups, 3 for each middle, no residue but the floor."""
    points = grouping.points_of(np.repeat([[0.0], [1.0]], 32, axis=0), 0)
    assert grouping.description(points, np.array([0, 1])) == pytest.approx(64 + 2 / 2 * 6 + 32 * np.log2(1e-3))
    assert grouping.description(points, np.array([0, 0])) == pytest.approx(1 / 2 * 6)


def test_many_vectors_are_stood_for_by_means():
    z, group = blobs((2500, 900, 100))
    roles = Roles(k=3).fit(z)
    assert len(roles.points_.at) <= 500
    assert roles.labels_.tolist() == group.tolist()  # the largest is role 0
    assert roles.points_.weight.sum() == 3500
    again = Roles(k=3).fit(z)
    assert np.array_equal(roles.labels_, again.labels_)


def test_memberships_add_up_and_the_largest_is_the_role():
    z, _ = blobs(spread=1.5)
    roles = Roles(k=3).fit(z)
    shares = roles.memberships()
    assert list(shares.index) == list(z.names)
    assert np.allclose(shares.sum(axis=1), 1)
    assert (shares.to_numpy().argmax(axis=1) == roles.labels_).all()
    table = roles.predict()
    assert table["name"].tolist() == list(z.names)
    assert table["role"].tolist() == roles.labels_.tolist()
    assert np.allclose(table["membership"], shares.max(axis=1))
    assert 0.34 < table["membership"].min() < table["membership"].max() <= 1


def test_a_vector_halfway_between_two_roles_plays_both():
    roles = Roles(k=2).fit(embedding([[0.0], [0.0], [4.0], [4.0]]))
    shares = roles.memberships(embedding([[0.0], [2.0], [1.0]])).to_numpy()
    assert np.allclose(np.sort(shares[1]), [0.5, 0.5])
    assert np.allclose(np.sort(shares[2]), [0.25, 0.75])
    assert np.allclose(np.sort(shares[0]), [0, 1])


def test_nodes_of_an_orbit_share_a_role_whatever_k():
    for graph in (barbell(), hierarchy(), planted_roles()):
        z = Recursive().fit_transform(graph)
        rng = np.random.default_rng(0)
        z = Embedding(z.values + 1e-6 * rng.normal(size=z.shape), z.names)  # equal to 1e-5, as the law has it
        for k in (2, 3, 4):
            roles = Roles(k=k).fit(z).labels_
            assert all(len(set(roles[graph.data.y == orbit])) == 1 for orbit in range(int(graph.data.y.max()) + 1))


@pytest.mark.parametrize("choose", ["silhouette", "description"])
def test_the_orbits_of_a_barbell_and_a_hierarchy_are_its_roles(choose):
    for graph in (barbell(), hierarchy()):
        roles = Roles(choose=choose).fit(Recursive().fit_transform(graph), graph)
        assert roles.score(graph.data.y)["ARI"] > 0.99  # by silhouette the one chief is taken for a department head


def test_roles_of_the_company_are_those_people_hold(company):
    graph, _, roles = company
    scores = roles.score(graph.data.y)
    assert scores["ARI"] >= 0.95
    assert scores["purity"] >= 0.95
    assert roles.k_ == 5
    assert scores["roles"] == 5


def test_managers_of_other_departments_are_alike_by_role_and_not_by_proximity(company):
    graph, _, roles = company
    people = pd.read_csv("datasets/company/nodes.csv").set_index("name")
    near = deepwalk(dim=32, seed=0).fit_transform(graph)
    for title in ("senior manager", "middle manager"):
        managers = list(people.index[people["role"] == title])
        same_title, elsewhere, close_title = [], [], []
        for manager in managers:
            likely = [name for name, _ in roles.similar(manager, k=3)]
            same_title += [people.loc[name, "role"] == title for name in likely]
            elsewhere += [people.loc[name, "department"] != people.loc[manager, "department"] for name in likely]
            close = [name for name, _ in near.nearest(manager, k=3)]
            close_title += [
                people.loc[name, "role"] == title
                and people.loc[name, "department"] != people.loc[manager, "department"]
                for name in close
            ]
        assert np.mean(same_title) == 1
        assert np.mean(elsewhere) > 0.5
        assert title == "senior manager" or np.mean(close_title) < 0.1  # senior managers meet


def test_the_same_role_is_found_in_another_company(company):
    """Fit on one half of the roles' truth, a symmetric chart; find them in another of other numbers."""
    encoder = Landmarks(Rings(hops=3), dim=32)
    one, other = hierarchy(4, 3, 5), hierarchy(5, 4, 6)
    roles = Roles(k=4).fit(encoder.fit_transform(one), one)
    found = roles.predict(encoder.transform(other))
    assert found["name"].tolist() == list(other.names)
    meaning = {int(roles.labels_[one.data.y == level][0]): level for level in range(4)}
    assert [meaning[role] for role in found["role"]] == other.data.y.tolist()


def test_both_methods_are_tried_and_the_better_silhouette_wins():
    """Average linkage finds roles of uneven sizes, k-means those in noise: each is needed."""
    chart = load("company")
    noisy = perturbed(planted_roles(("house",), copies=20), removed=0.01, seed=1)
    for graph, k, better in ((chart, 5, 0), (noisy, 5, 1)):
        roles = Roles(k=k).fit(Landmarks(Rings(hops=4, discount=0.8), dim=64).fit_transform(graph))
        found = grouping.grouped(roles.points_, k, 0)
        ari = [
            adjusted_rand_score(graph.data.y, grouping.nearness(_of(roles), roles.points_, group).argmin(axis=1))
            for group in found
        ]
        assert ari[better] > ari[1 - better] + 0.1
        assert roles.score(graph.data.y)["ARI"] == pytest.approx(ari[better])


def _of(roles):
    return roles.embedding_.values.astype(np.float64)


def test_similar_lists_the_nearest_vectors_without_the_one_asked_for():
    roles = Roles(k=2).fit(embedding([[0.0, 0], [3, 4], [0, 1], [0, 1]], "abcd"))
    assert roles.similar("a", k=2) == [("c", 1.0), ("d", 1.0)]
    assert roles.similar("c", k=9) == [("d", 0.0), ("a", 1.0), ("b", pytest.approx(18**0.5))]
    with pytest.raises(UnknownNameError, match="there is no vector for 'x'"):
        roles.similar("x")
    with pytest.raises(DataError, match="k must be at least 1, got 0"):
        roles.similar("a", 0)


def test_facts_are_those_of_networkx():
    graph = load("lesmis")
    plain = nx.Graph(graph.pairs.tolist())
    table = facts(graph, 0)
    rows = range(graph.num_nodes)
    for fact, values in {
        "degree": dict(plain.degree),
        "neighbours' degree": nx.average_neighbor_degree(plain),
        "clustering": nx.clustering(plain),
        "distance": {node: 1 / close for node, close in nx.closeness_centrality(plain).items()},
    }.items():
        assert np.allclose(table[fact], [values[row] for row in rows], rtol=1e-5)


def test_facts_of_directed_graphs_count_both_ways_and_leave_loops_out():
    graph = Graph.from_edges([0, 0, 1, 2, 3], [1, 2, 2, 2, 0], names="abcde", directed=True)
    table = facts(graph, 0)
    assert table["in-degree"].tolist() == [1, 1, 2, 0, 0]
    assert table["out-degree"].tolist() == [2, 1, 0, 1, 0]
    assert np.allclose(table["degree"], [3, 2, 2, 1, 0])
    assert table["distance"].isna().tolist() == [False] * 4 + [True]


def test_distances_in_large_graphs_are_means_over_some():
    graph = as_graph(nx.random_regular_graph(4, 600, seed=1))
    exact = [1 / nx.closeness_centrality(nx.Graph(graph.pairs.tolist()), node) for node in (0, 100, 599)]
    table = facts(graph, 3)
    assert np.allclose(table["distance"].to_numpy()[[0, 100, 599]], exact, rtol=0.05)


@pytest.mark.parametrize("directed", [False, True])
def test_connections_are_observed_over_expected(directed):
    rng = np.random.default_rng(0)
    plain = nx.gnp_random_graph(40, 0.2, seed=3, directed=directed)
    roles = rng.integers(0, 3, 40)
    nx.set_node_attributes(plain, dict(enumerate(roles.tolist())), "role")
    share = nx.attribute_mixing_matrix(plain, "role", mapping={0: 0, 1: 1, 2: 2})
    wanted = share / np.outer(share.sum(axis=1), share.sum(axis=0))
    assert np.allclose(connections(as_graph(plain), roles, 3), wanted)
    assert np.isnan(connections(as_graph(plain), roles, 4)[3]).all()


def test_connections_go_by_weight():
    graph = Graph.from_edges([0, 1], [1, 2], [3.0, 1.0])
    found = connections(graph, np.array([0, 1, 1]), 2)
    assert np.allclose(found, [[0, 3 / (3 * 5 / 8)], [3 / (3 * 5 / 8), 2 / (5 * 5 / 8)]])


def test_roles_are_described_in_words(company):
    graph, _, roles = company
    title = card("company")["classes"]
    held = {title[int(graph.data.y[roles.labels_ == role].mode().values)]: role for role in range(roles.k_)}
    table = roles.describe()
    assert table["nodes"].tolist() == sorted(table["nodes"], reverse=True)
    degree = np.diff(graph.csr.indptr)
    assert np.allclose(table["degree"], [degree[roles.labels_ == role].mean() for role in range(roles.k_)])
    assert "many neighbours (8.2)" in table.loc[held["senior manager"], "words"]
    assert table.loc[held["chief"], "words"].startswith("neighbours who know each other (1)")
    assert "in the middle of the graph" in table.loc[held["chief"], "words"]
    assert "at the edge of the graph" in table.loc[held["intern"], "words"]
    deals = roles.connections()
    assert deals.loc[held["intern"], held["employee"]] > 1
    assert deals.loc[held["intern"], held["senior manager"]] == 0


def test_nodes_like_all_others_are_said_to_be_so():
    ring = as_graph(nx.cycle_graph(12))
    table = Roles().fit(embedding(np.ones((12, 2)), ring.names), ring).describe()
    assert table["words"].tolist() == ["like most nodes"]


def test_the_figure_shows_every_role_and_fact(company):
    _, _, roles = company
    ax = roles.plot()
    assert ax.get_yticklabels()[0].get_text() == f"role 0 ({(roles.labels_ == 0).sum()})"
    assert ax.images[0].get_array().shape == (5, 4)
    assert roles.plot(ax) is ax


def test_matplotlib_is_loaded_for_a_figure_only():
    for module in (sys.modules[Roles.__module__], portraits):
        top = [ast.unparse(line) for line in ast.parse(inspect.getsource(module)).body]
        assert not any("matplotlib" in line for line in top if line.startswith(("import", "from")))


def test_equal_vectors_are_one_role_and_no_more():
    z = embedding(np.ones((7, 3)))
    roles = Roles().fit(z)
    assert (roles.k_, set(roles.labels_), roles.predict()["membership"].tolist()) == (1, {0}, [1.0] * 7)
    assert np.isnan(roles.score()["silhouette"])
    assert Roles(k=1).fit(z).k_ == 1
    with pytest.raises(DataError, match="2 roles cannot be told apart: all vectors are the same of 7; ask for fewer"):
        Roles(k=2).fit(z)


@pytest.mark.parametrize(
    ("k", "message"),
    [
        (9, "k must be between 1 and the number of nodes, 5, got 9"),
        (0, "k must be between 1 and the number of nodes, 5, got 0"),
        (4, "4 roles cannot be told apart: only 3 vectors differ of 5"),
    ],
)
def test_more_roles_than_there_can_be_are_refused(k, message):
    with pytest.raises(DataError, match=message):
        Roles(k=k).fit(embedding([[0], [0], [1], [1 + 1e-7], [5]]))


def test_one_node_and_two_nodes_have_roles():
    assert Roles().fit(embedding([[1.0, 2.0]])).labels_.tolist() == [0]
    assert sorted(Roles().fit(embedding([[1.0], [2.0]])).labels_.tolist()) == [0, 1]


def test_vectors_that_are_not_finite_are_refused_by_name():
    with pytest.raises(DataError, match="vectors must be finite; they are not for 'n1'"):
        Roles().fit(embedding([[0.0], [np.nan]]))


def test_what_is_not_an_embedding_is_refused():
    with pytest.raises(DataError, match="roles are read from an Embedding, got Graph: encode the graph first"):
        Roles().fit(load("karate"))
    with pytest.raises(DataError, match="got an empty one"):
        Roles().fit(Embedding(np.empty((0, 3)), ()))


def test_a_graph_of_other_nodes_is_refused():
    with pytest.raises(DataError, match="expected the nodes of the embedding, in the same order, got 3 nodes"):
        Roles().fit(embedding([[0.0], [1], [2]]), nx.path_graph(3))


def test_without_a_graph_nothing_can_be_described():
    roles = Roles().fit(embedding([[0.0], [1], [2]]))
    for ask in (roles.describe, roles.connections, roles.plot):
        with pytest.raises(DataError, match=r"give it to fit\(embedding, graph\)"):
            ask()


def test_vectors_of_another_encoder_are_refused():
    roles = Roles().fit(embedding([[0.0], [1], [2]]))
    with pytest.raises(DataError, match="learnt from vectors of dimension 1, got 2: use the same fitted encoder"):
        roles.predict(embedding([[0.0, 1]]))


@pytest.mark.parametrize("setting", [{"choose": "modularity"}, {"most": 0}])
def test_unknown_settings_are_refused(setting):
    with pytest.raises(ValueError, match="choose must be 'silhouette' or 'description' and most at least 1"):
        Roles(**setting).fit(embedding([[0.0], [1]]))


def test_truth_is_given_by_row_or_by_name():
    z, group = blobs((6, 4))
    roles = Roles(k=2).fit(z)
    words = np.array(["boss", "clerk"])[group]
    assert roles.score(words)["ARI"] == 1
    some = dict(zip(z.names[:8], words, strict=False))
    assert roles.score(some)["purity"] == 1
    assert roles.score(np.where(group == 0, 5, -1))["purity"] == 1
    with pytest.raises(UnknownNameError, match="1 nodes with a true role have no vector: 'x'"):
        roles.score({"x": 1})
    with pytest.raises(DataError, match=r"expected the true role of each of 10 nodes, got shape \(3,\)"):
        roles.score([1, 2, 3])
    with pytest.raises(DataError, match="none of the 10 nodes has a known role"):
        roles.score(np.full(10, -1))


def test_purity_is_the_share_of_the_most_frequent_truth():
    roles = Roles(k=2).fit(embedding([[0.0], [0], [0], [9], [9]]))
    assert roles.score([0, 0, 1, 2, 2])["purity"] == pytest.approx(4 / 5)


def test_roles_are_the_same_on_any_number_of_threads():
    z, _ = blobs((700, 500, 200), spread=3.0)
    found = []
    for count in (1, 2, 8):
        with threads(count):
            roles = Roles().fit(z)
            found.append((roles.labels_.tobytes(), roles.memberships().to_numpy().tobytes(), roles.score()))
    assert found[0] == found[1] == found[2]
