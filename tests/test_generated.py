"""Generated graphs are what they say: groups, orbits and changes are checked by counting and by networkx."""

import time
from itertools import combinations

import networkx as nx
import numpy as np
import pytest
import torch

from graphembed.datasets import load
from graphembed.datasets.generated import perturbed, planted_partition
from graphembed.datasets.orbits import barbell, cubic, hierarchy, mirrored, planted_roles
from graphembed.errors import DataError
from graphembed.graph import Graph, as_graph


def as_networkx(graph):
    plain = nx.Graph()
    plain.add_nodes_from(range(graph.num_nodes))
    plain.add_edges_from(graph.pairs.tolist())
    return plain


def refined(plain, mark):
    """Colour refinement, the slow way: nodes of different colours are certainly in different orbits."""
    colour = dict(mark)
    while True:
        seen = {node: (colour[node], tuple(sorted(colour[other] for other in plain[node]))) for node in plain}
        code = {each: number for number, each in enumerate(sorted(set(seen.values())))}
        if len(code) == len(set(colour.values())):
            return colour
        colour = {node: code[seen[node]] for node in plain}


def alike(plain, u, v):
    """Whether an automorphism takes u to v: mark each in its component, refine, and compare the two exhaustively."""
    pieces = [plain.subgraph(nx.node_connected_component(plain, node)).copy() for node in (u, v)]
    both = nx.union(*pieces, rename=("u", "v"))
    colour = refined(both, {node: int(node in (f"u{u}", f"v{v}")) for node in both})
    nx.set_node_attributes(both, colour, "colour")
    one, two = (both.subgraph(node for node in both if node[0] == side) for side in "uv")
    return nx.is_isomorphic(one, two, node_match=lambda a, b: a["colour"] == b["colour"])


SMALL = {
    "barbell": barbell(4, 3),
    "barbell of struc2vec": barbell(),
    "barbell, even": barbell(3, 4),
    "barbell without a path": barbell(3, 0),
    "barbell, one between": barbell(5, 1),
    "hierarchy": hierarchy(2, 2, 2),
    "hierarchy, equal degrees": hierarchy(3, 2, 3),
    "houses": planted_roles(("house",), copies=3),
    "two shapes": planted_roles(("star", "fan"), copies=2, gap=1),
    "no gaps": planted_roles(("house", "clique"), copies=4, gap=0),
    "three shapes": planted_roles(("house", "star", "fan"), copies=2, gap=1),
    "shapes, one twice": planted_roles(("clique", "fan", "fan"), copies=2, gap=1),
    "cubic": cubic((3, 4)),
}


@pytest.mark.parametrize("name", SMALL)
def test_nodes_of_one_class_are_in_one_orbit_and_others_are_not(name):
    graph = SMALL[name]
    plain, y = as_networkx(graph), graph.data.y.numpy()
    assert set(y) == set(range(y.max() + 1))
    first = {orbit: int(np.flatnonzero(y == orbit)[0]) for orbit in set(y.tolist())}
    assert all(alike(plain, first[orbit], node) for node, orbit in enumerate(y.tolist()) if node != first[orbit])
    colour = refined(plain, dict.fromkeys(plain, 0))
    for u, v in combinations(first.values(), 2):
        assert colour[u] != colour[v] or not alike(plain, u, v)


def test_the_barbell_of_struc2vec_has_seven_orbits():
    assert barbell().data.y.bincount().tolist() == [18, 2, 2, 2, 2, 2, 2]
    assert nx.is_isomorphic(as_networkx(barbell(5, 4)), nx.barbell_graph(5, 4))


def test_a_barbell_of_nothing_is_refused():
    with pytest.raises(DataError, match=r"cliques of at least 3 nodes and a path of at least 0, got 2 and 4"):
        barbell(2, 4)


def test_turning_a_mirrored_graph_over_changes_nothing():
    karate = load("karate")
    both = mirrored(karate, joined=["3", "7"])
    assert both.num_edges == 2 * karate.num_edges + 2
    assert both.data.y.tolist() == [*range(34), *range(34)]
    assert both.names[:34] == karate.names
    assert both.names[34] == f"{karate.names[0]}'"
    turned = (both.pairs + 34) % 68
    assert {frozenset(pair) for pair in turned.tolist()} == {frozenset(pair) for pair in both.pairs.tolist()}
    across = [pair for pair in both.pairs.tolist() if pair[0] < 34 <= pair[1]]
    assert across == [[row, row + 34] for row in (karate.row["3"], karate.row["7"])]


@pytest.mark.parametrize("directed", [False, True])
def test_a_mirrored_graph_keeps_weights_and_directions(directed):
    graph = Graph.from_edges([0, 1, 2], [1, 2, 2], [2.0, 5.0, 7.0], names="abc", directed=directed)
    both = mirrored(graph, joined=["b"])
    assert both.directed == directed
    ends = zip(*both.data.edge_index.tolist(), strict=True)
    weight = dict(zip(ends, both.data.edge_weight.tolist(), strict=True))
    assert {pair: weight[pair] for pair in [(0, 1), (1, 2), (2, 2), (3, 4), (4, 5), (5, 5), (1, 4), (4, 1)]} == {
        (0, 1): 2,
        (3, 4): 2,
        (1, 2): 5,
        (4, 5): 5,
        (2, 2): 7,
        (5, 5): 7,
        (1, 4): 1,
        (4, 1): 1,
    }
    assert len(weight) == (8 if directed else 12)


def test_names_unknown_to_a_mirror_are_refused():
    with pytest.raises(DataError, match=r"not in the graph \(3 nodes, 2 edges, undirected\): 'x'"):
        mirrored(as_graph(nx.path_graph(3)), joined=["0", "x"])


def test_a_hierarchy_is_named_after_its_levels():
    chart = hierarchy(3, 2, 4)
    title = {"chief": 0, "head": 1, "manager": 2, "employee": 3}
    assert [title[name.split()[0]] for name in chart.names] == chart.data.y.tolist()
    assert chart.data.y.bincount().tolist() == [1, 3, 6, 24]
    degree = torch.from_numpy(np.diff(chart.csr.indptr))
    assert [set(degree[chart.data.y == level].tolist()) for level in range(4)] == [{3}, {5}, {6}, {1}]
    with pytest.raises(DataError, match=r"at least 2 of each are needed, got \(4, 1, 5\)"):
        hierarchy(managers=1)


def test_shapes_hang_from_one_ring():
    graph = planted_roles(("house", "star", "fan", "clique"), copies=3, gap=1)
    plain = as_networkx(graph)
    ring = range(24)
    assert nx.is_isomorphic(plain.subgraph(ring), nx.cycle_graph(24))
    plain.remove_nodes_from(ring)
    shapes = [plain.subgraph(nodes) for nodes in nx.connected_components(plain)]
    wanted = [nx.house_graph(), nx.star_graph(5), nx.wheel_graph(5), nx.complete_graph(5)]
    wanted[2].remove_edge(1, 4)
    assert [sum(nx.is_isomorphic(shape, each) for shape in shapes) for each in wanted] == [3, 3, 3, 3]
    assert graph.data.y[:24].max() < graph.data.y[24:].min()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((("house", "moon"),), "unknown shapes 'moon'; known are house, star, fan, clique"),
        ((("house",), 1), "at least 2 copies and 7 nodes, got 1 copies of 1 shapes, gaps of 2"),
        ((("house",), 2, 2), "got 2 copies of 1 shapes"),
    ],
)
def test_rings_that_cannot_be_are_refused(given, message):
    with pytest.raises(DataError, match=message):
        planted_roles(*given)


def test_in_a_cubic_graph_degree_and_colour_refinement_say_nothing():
    graph = cubic()
    assert set(np.diff(graph.csr.indptr).tolist()) == {3}
    plain = as_networkx(graph)
    assert set(refined(plain, dict.fromkeys(plain, 0)).values()) == {0}
    pieces = [plain.subgraph(nodes) for nodes in nx.connected_components(plain)]
    assert not any(nx.is_isomorphic(one, two) for one, two in combinations(pieces, 2))
    assert len(pieces) == 10
    with pytest.raises(DataError, match=r"rungs must be different numbers from 3 on, got \[2, 4\]"):
        cubic((2, 4))


@pytest.mark.parametrize(
    ("nodes", "groups", "degree", "contrast"), [(60_000, 4, 6, 8), (60_001, 3, 5, -6), (50_000, 1000, 4, 1500)]
)
def test_groups_are_linked_as_often_as_asked_for(nodes, groups, degree, contrast):
    graph = planted_partition(nodes, groups, degree, contrast, seed=100)
    size = graph.data.y.bincount()
    assert len(size) == groups
    assert size.max() - size.min() <= 1
    same = (graph.data.y[graph.pairs[:, 0]] == graph.data.y[graph.pairs[:, 1]]).numpy()
    between = degree - contrast / groups
    for count, pairs, rate in [
        (same.sum(), (size * (size - 1) / 2).sum().item(), between + contrast),
        ((~same).sum(), (nodes**2 - (size**2).sum().item()) / 2, between),
    ]:
        expected = pairs * rate / nodes
        assert abs(count - expected) < 4 * np.sqrt(expected)
    assert graph.duplicates == graph.self_loops == 0


def test_each_pair_of_a_planted_partition_is_as_likely_as_it_should_be():
    """Five nodes in two groups, over and over: ten independent pairs, each with its probability (four sigma)."""
    drawn, counts, times = np.zeros((5, 5)), [], 1500
    for seed in range(times):
        source, target = planted_partition(5, 2, 2.0, 2.0, seed).pairs.T
        drawn[source, target] += 1
        counts.append(len(source))
    for u, v in combinations(range(5), 2):
        share = (3.0 if u % 2 == v % 2 else 1.0) / 5
        assert abs(drawn[u, v] / times - share) < 4 * np.sqrt(share * (1 - share) / times)
    spread = 4 * 3 / 5 * 2 / 5 + 6 * 1 / 5 * 4 / 5
    assert abs(np.var(counts) - spread) < 4 * spread * np.sqrt(2 / times)


def test_degrees_in_a_sparse_partition_are_poisson():
    degree = np.diff(planted_partition(100_000, 2, 3, 3, seed=101).csr.indptr)
    assert abs(degree.mean() - 3) < 0.05
    assert abs(degree.var() - 3) < 0.08


def test_a_planted_partition_takes_time_by_edges_not_by_pairs():
    began = time.perf_counter()
    planted_partition(200_000, 2, 3, 3)
    assert time.perf_counter() - began < 10


def test_the_same_seed_plants_the_same_graph():
    one, two, other = (planted_partition(500, 3, 6, 9, seed) for seed in (7, 7, 8))
    assert np.array_equal(one.pairs, two.pairs)
    assert not np.array_equal(one.pairs, other.pairs)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((10, 11, 3, 1), "groups must be between 1 and the number of nodes, 10, got 11"),
        ((10, 0, 3, 1), "groups must be between 1"),
        ((100, 2, 3, 7), r"c_in = 6.5 and c_out = -0.5, both must be between 0 and the number of nodes, 100"),
        ((100, 2, 3, -7), r"c_in = -0.5 and c_out = 6.5"),
        ((4, 2, 3, 4), r"c_in = 5 and c_out = 1"),
    ],
)
def test_partitions_that_cannot_be_are_refused(given, message):
    with pytest.raises(DataError, match=message):
        planted_partition(*given)


def test_noise_takes_and_adds_the_share_asked_for():
    karate = load("karate")
    before = {tuple(pair) for pair in karate.pairs.tolist()}
    noisy = perturbed(karate, removed=0.25, added=0.1, seed=3)
    after = {tuple(pair) for pair in noisy.pairs.tolist()}
    assert (len(before - after), len(after - before)) == (20, 8)  # of 78
    assert noisy.names == karate.names
    assert torch.equal(noisy.data.y, karate.data.y)
    assert np.array_equal(perturbed(karate, 0.25, 0.1, 3).pairs, noisy.pairs)
    assert not np.array_equal(perturbed(karate, 0.25, 0.1, 4).pairs, noisy.pairs)
    assert np.array_equal(perturbed(karate, 0).pairs, karate.pairs)
    assert perturbed(karate, 1).num_edges == 0


@pytest.mark.parametrize("directed", [False, True])
def test_noise_leaves_the_weights_and_directions_of_what_stays(directed):
    rng = np.random.default_rng(0)
    ends = np.array([pair for pair in combinations(range(12), 2) if rng.random() < 0.4])
    ends[::2] = ends[::2, ::-1]
    graph = Graph.from_edges(*ends.T, rng.permutation(len(ends)) + 1.0, directed=directed)
    noisy = perturbed(graph, removed=0.3, added=0.2)
    assert noisy.directed == directed
    before, after = (
        dict(zip(zip(*each.data.edge_index.tolist(), strict=True), each.data.edge_weight.tolist(), strict=True))
        for each in (graph, noisy)
    )
    kept = before.keys() & after.keys()
    assert len(kept) > 10
    assert all(before[pair] == after[pair] for pair in kept)
    assert set(after.values()) <= set(before.values())


def test_shares_out_of_range_are_refused():
    with pytest.raises(DataError, match=r"removed must be between 0 and 1 and added at least 0, got 1\.5 and 0"):
        perturbed(load("karate"), removed=1.5)
