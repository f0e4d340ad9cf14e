"""Walks by roles meet whom they should, graph kernels count what they should, recipes are what they say."""

import networkx as nx
import numpy as np
import pytest

import graphembed as ge
from graphembed import testing
from graphembed.encoders import landmarks, rolewalks, structural
from graphembed.encoders.beside import Beside
from graphembed.encoders.heat import HeatWavelets
from graphembed.encoders.landmarks import Balls, Landmarks
from graphembed.encoders.patterns import Patterns
from graphembed.encoders.recursive import Recursive
from graphembed.encoders.rolewalks import AlikeLayers, RolesSeen, RoleWalks
from graphembed.encoders.sides import Kind, Sides, strength
from graphembed.errors import DataError, UnknownNameError
from graphembed.graph import Graph, as_graph
from graphembed.kernels.csr import CSR, without_loops
from graphembed.kernels.dtw import Layers, layered_walks, role_walks, sequences, unlikeness, warped
from tests.reference import structural as slow
from tests.test_structural import GRAPHS, SYMMETRIC

SETTINGS = {
    "structural": {},
    "refex": {},
    "rolx": {"roles": 4},
    "graphwave": {},
    "xnetmf": {"dim": 8},
    "segk": {"dim": 8},
    "struc2vec": {"dim": 8, "length": 10, "per_node": 2},
    "riwalk": {"dim": 8, "length": 5, "per_node": 4},
    "anonymous_walks": {"length": 4, "per_node": 20},
    "role_gnn": {"dim": 8, "channels": (8,), "epochs": 3},
}
DRAWN = ("struc2vec", "riwalk", "anonymous_walks")


def make(name, **more):
    return getattr(structural, name)(**(SETTINGS[name] | more))


@pytest.fixture(params=SETTINGS)
def recipe(request):
    return request.param


@pytest.fixture(params=GRAPHS)
def graph(request):
    return GRAPHS[request.param]()


# ── recipes ─────────────────────────────────────────────────────────────────────────────────────────


def test_every_structural_recipe_is_held_to_the_contract():
    assert set(SETTINGS) == set(structural.__all__)


def test_structural_recipes_keep_the_contract(recipe, graph):
    testing.assert_encoder_contract(make(recipe), graph)


def test_the_same_seed_gives_the_same_bits_on_any_number_of_threads(recipe, graph):
    testing.assert_deterministic(make(recipe), graph, (1, 2, 8))


def test_reordering_nodes_reorders_vectors(recipe, graph):
    if recipe != "anonymous_walks":  # its walks are drawn anew
        testing.assert_permutation_equivariant(make(recipe).fit(graph), graph)


@pytest.mark.parametrize("name", SYMMETRIC)
@pytest.mark.parametrize("recipe", ["structural", "segk", "role_gnn"])
def test_nodes_of_an_orbit_get_one_vector(recipe, name):
    network, orbit = SYMMETRIC[name]()
    z = make(recipe).fit_transform(testing.permuted(as_graph(network)))[[str(node) for node in network]].values
    assert max(np.ptp(z[orbit == one], axis=0).max() for one in np.unique(orbit)) < 1e-5


@pytest.mark.parametrize("recipe", [name for name in SETTINGS if name not in ("struc2vec", "riwalk")])
def test_another_graph_gets_vectors_too(recipe):
    encoder = make(recipe).fit(ge.load("karate"))
    assert encoder.transform(nx.wheel_graph(5)).names == ("0", "1", "2", "3", "4")


@pytest.mark.parametrize("recipe", ["struc2vec", "riwalk"])
def test_walks_by_roles_name_the_nodes_they_do_not_know(recipe):
    encoder = make(recipe).fit(nx.path_graph(["ann", "bob", "cy"]))
    with pytest.raises(UnknownNameError, match="walks by roles was fitted on, so it has no vector for them: 'dan'"):
        encoder.transform(nx.path_graph(["ann", "dan"]))


def test_edges_are_needed(recipe):
    with pytest.raises(DataError, match="needs edges between nodes to learn from"):
        make(recipe).fit(Graph.from_edges([0], [0], nodes=3))


# ── side by side ────────────────────────────────────────────────────────────────────────────────────


def test_encoders_side_by_side_say_as_much_each():
    graph = ge.load("karate")
    parts = (Recursive(), HeatWavelets())
    z = Beside(parts).fit_transform(graph).values
    first = Recursive().fit_transform(graph).shape[1]
    for block, part in ((z[:, :first], parts[0]), (z[:, first:], parts[1])):
        alone = part.fit_transform(graph).values
        assert block.var(axis=0).sum() == pytest.approx(1, rel=1e-4)
        wanted = (alone - alone.mean(axis=0)) / np.sqrt(alone.var(axis=0).sum())
        assert np.abs(block - wanted).max() < 1e-4


def test_nothing_beside_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one encoder"):
        Beside(()).fit(nx.path_graph(3))


# ── graph kernels ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["karate", "directed", "weighted"])
def test_subtrees_are_those_of_weisfeiler_and_lehman(name, monkeypatch):
    monkeypatch.setattr(landmarks, "_BUCKETS", 1 << 16)  # so that no two patterns share one
    graph = GRAPHS[name]()
    A, _ = slow.weights(graph)
    nodes = range(0, graph.num_nodes, 3)
    encoder = Landmarks(Balls(radius=2, rounds=2), dim=graph.num_nodes).fit(graph)
    z = encoder.transform(graph).values[nodes].astype(float)
    sides = [A, A.T] if graph.directed else [A]
    counts = {n: [{} for _ in range(2)] for n in nodes}
    for n in nodes:
        for s, side in enumerate(sides):
            for r, counter in enumerate(slow.subtree_patterns(side, 2, 2, n)):
                counts[n][r] |= {(s, key): value for key, value in counter.items()}
    wanted = np.zeros((len(nodes),) * 2)
    for i, a in enumerate(nodes):
        for j, b in enumerate(nodes):
            near, far = (slow.cosine(slow.Counter(counts[a][r]), slow.Counter(counts[b][r])) for r in range(2))
            wanted[i, j] = (near + near * far) / 2
    assert np.abs(z @ z.T - wanted).max() < 5e-3  # two of the patterns still do


@pytest.mark.parametrize("radius", [1, 2])
def test_shortest_paths_within_balls_are_counted(graph, radius):
    A, _ = slow.weights(graph)
    counted = Balls(radius, "paths").table(Sides.of(graph, Kind.of(graph), "this"))
    for node in range(0, graph.num_nodes, 4):
        parts = [slow.path_patterns(side, radius, node) for side in (A, A.T)[: 1 + graph.directed]]
        wanted = np.concatenate([part.reshape(radius, -1) for part in parts], axis=1).astype(float)
        length = np.linalg.norm(wanted, axis=1, keepdims=True)
        wanted = np.where(length > 0, wanted / np.where(length > 0, length, 1), wanted.shape[1] ** -0.5)
        assert counted[node] == pytest.approx(wanted.ravel(), abs=1e-5)


def test_balls_that_are_too_large_are_refused():
    with pytest.raises(DataError, match=r"radius 2 about 50000 nodes takes up to .* take a smaller radius, or rings"):
        Landmarks(Balls()).fit(nx.star_graph(49_999))
    with pytest.raises(DataError, match=r"balls about 100001 nodes make a table of 3e[+]08 numbers"):
        Landmarks(Balls(3)).fit(Graph.from_edges([0], [1], nodes=100_001))


@pytest.mark.parametrize("settings", [{"radius": 0}, {"rounds": -1}, {"patterns": "cycles"}])
def test_balls_out_of_range_are_refused(settings):
    with pytest.raises(ValueError, match="radius must be at least 1, rounds not negative and patterns 'subtrees'"):
        Balls(**settings)


# ── struc2vec ───────────────────────────────────────────────────────────────────────────────────────


def test_warping_runs_of_equal_degrees_costs_what_warping_their_elements_costs():
    rng = np.random.default_rng(0)
    for _ in range(50):
        ones, others = (np.sort(rng.integers(1, 6, rng.integers(1, 5))) for _ in range(2))
        (a, b), (c, d) = (np.unique(rings, return_counts=True) for rings in (ones, others))
        compressed = warped(a * 1.0, b * 1.0, c * 1.0, d * 1.0)
        exact = slow.warped(ones, others)
        assert compressed >= exact - 1e-9  # the first optimisation: runs are aligned whole
        if len(a) == len(ones) and len(c) == len(others):
            assert compressed == pytest.approx(exact)


def test_rings_of_degrees_are_those_at_each_distance(graph):
    csr = without_loops(graph.csr)
    A, _ = slow.weights(graph)
    side = (A > 0) * 1.0
    found = sequences(csr, strength(csr), 3)
    for node in range(graph.num_nodes):
        far = slow.distances(side)[node]
        for hop in range(4):
            part = slice(found.offset[node, hop], found.offset[node, hop + 1])
            ring = np.repeat(found.degree[part], found.often[part].astype(int))
            assert ring == pytest.approx(np.sort(strength(csr)[far == hop]))


def test_layers_hold_the_added_costs_of_the_rings():
    graph = ge.load("karate")
    A = (slow.weights(graph)[0] > 0) * 1.0
    layers = AlikeLayers(hops=2).layers(Graph.from_edges(*graph.pairs.T, names=graph.names))
    csr = without_loops(graph.csr)._replace(weight=np.empty(0, np.float32))
    rows = sequences(csr, A.sum(1), 2)
    for node, layer in ((0, 0), (5, 1), (33, 2)):
        row = layer * 34 + node
        others = layers.indices[layers.indptr[row] : layers.indptr[row + 1]]
        one = np.full(len(others), node, np.int32)
        cost = sum(unlikeness(rows, one, others, hop) for hop in range(layer + 1))
        sums = layers.sums[layers.indptr[row] : layers.indptr[row + 1]]
        assert np.diff(sums, prepend=0) / sums[-1] == pytest.approx(np.exp(-cost) / np.exp(-cost).sum(), abs=1e-6)


def test_walks_among_layers_follow_their_chances():
    """Two layers of three nodes: from 0 in layer 0 to 1 (1/4) or 2 (3/4), and up always."""
    indptr = np.array([0, 2, 4, 6, 7, 8, 8])
    indices = np.array([1, 2, 0, 2, 0, 1, 1, 0], np.int32)
    sums = np.array([1.0, 4.0, 1, 2, 1, 2, 1, 1])
    start = np.zeros(40_000, np.int32)
    below = Layers(indptr, indices, sums, np.array([0.0, 0, 0, 0, 0, 0]))
    walks = layered_walks(below, 3, start, 2, 0.3, 1)
    assert (walks[:, 1] == 2).mean() == pytest.approx(0.75, abs=0.01)
    both = layered_walks(below._replace(up=np.array([1.0, 1, 0, 0, 0, 0])), 3, start, 2, 0.3, 1)
    # in layer 1 only node 1 is alike; layers are 0, 1, 0, 1, ... until the walk stays: layer 0 has 1 / (1 + .7) of them
    assert (both[:, 1] == 2).mean() == pytest.approx(0.75 / 1.7, abs=0.01)


def test_struc2vec_refuses_graphs_above_its_limit(monkeypatch):
    monkeypatch.setattr(rolewalks, "_MOST_NODES", 30)
    with pytest.raises(DataError, match="takes 30 nodes at most, got 34; refex, graphwave and xnetmf take graphs of"):
        structural.struc2vec().fit(ge.load("karate"))


def test_pairs_of_large_graphs_are_near_in_degree(monkeypatch):
    monkeypatch.setattr(rolewalks, "_ALL_PAIRS", 10)
    degree = np.random.default_rng(0).integers(1, 50, 200) * 1.0
    first, second = rolewalks._pairs(degree)
    assert len(first) < 200 * 16
    assert len({*zip(first.tolist(), second.tolist(), strict=True)}) == len(first)
    assert np.abs(degree[first] - degree[second]).max() < 10
    assert np.isin(np.arange(200), np.append(first, second)).all()


@pytest.mark.parametrize("recipe", ["struc2vec", "riwalk"])
def test_nodes_in_alike_places_get_near_vectors(recipe):
    """Two copies of a graph, not joined: a node is nearest to nodes of its own orbit, in either copy."""
    network, orbit = SYMMETRIC["barbell"]()
    settings = {"dim": 16, "per_node": 20} if recipe == "struc2vec" else {"dim": 16, "per_node": 200, "length": 8}
    z = make(recipe, **settings).set_params(epochs=5, progress=False).fit_transform(network).values
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    cosine = unit @ unit.T
    own = orbit[:, None] == orbit
    np.fill_diagonal(cosine, np.nan)
    assert np.nanmean(cosine[own]) > np.nanmean(cosine[~own]) + 0.2


# ── RiWalk ──────────────────────────────────────────────────────────────────────────────────────────


def test_roles_say_degrees_and_steps():
    square = CSR(np.array([0, 2, 4, 6, 8]), np.array([1, 3, 0, 2, 1, 3, 0, 2], np.int32), np.empty(0, np.float32))
    bins = np.array([0, 1, 2, 3], np.int32)
    walks = np.array([[0, 1, 2, 3, 0, -1], [1, 2, 3, 2, 1, 0]], np.int32)
    found = role_walks(walks, square, bins, 4, 100, 3)

    def role(first, node, steps):
        return 100 + (first * 4 + node) * 4 + steps

    assert found[0].tolist() == [0, role(0, 1, 1), role(0, 2, 2), role(0, 3, 1), 0, -1]
    path = CSR(np.array([0, 1, 3, 5, 6]), np.array([1, 0, 2, 1, 3, 2], np.int32), np.empty(0, np.float32))
    back = role_walks(np.array([[0, 1, 2, 3, 2]], np.int32), path, bins, 4, 100, 3)
    assert back[0].tolist() == [0, role(0, 1, 1), role(0, 2, 2), role(0, 3, 3), role(0, 2, 2)]
    assert found[1].tolist() == [1, role(1, 2, 1), role(1, 3, 2), role(1, 2, 1), 1, role(1, 0, 1)]


def test_sentences_of_roles_hold_every_node_and_no_neighbour_by_name():
    graph = ge.load("karate")
    walks = RolesSeen(length=6, per_node=3)(graph, 0)
    assert walks.names[:34] == tuple(f"node {name}" for name in graph.names)
    for k in range(len(walks)):
        tokens = walks.tokens[walks.offsets[k] : walks.offsets[k + 1]]
        assert {int(t) for t in tokens if t < 34} == {int(tokens[0])}


@pytest.mark.parametrize("wrong", [{"length": 1}, {"per_node": 0}, {"hops": -1}])
@pytest.mark.parametrize("walk", [AlikeLayers, RolesSeen])
def test_walks_out_of_range_are_refused(walk, wrong):
    with pytest.raises(ValueError, match="walks need"):
        walk(**wrong)


# ── anonymous walks ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["karate", "directed", "weighted"])
def test_shares_of_patterns_are_their_chances(name):
    graph = GRAPHS[name]()
    A, _ = slow.weights(graph)
    encoder = Patterns(length=4, per_node=4000).fit(graph)
    z = encoder.transform(graph).values
    for node in range(0, graph.num_nodes, 5):
        chances = slow.pattern_chances(A, node, 4)
        assert set(chances) <= {tuple(p) for p in encoder.patterns_.tolist()}
        wanted = [chances[tuple(p)] for p in encoder.patterns_.tolist()]
        assert z[node, :-1] ** 2 == pytest.approx(wanted, abs=0.04)
        assert z[node, -1] == 0


def test_patterns_not_seen_in_fit_share_a_column():
    encoder = Patterns(length=4, per_node=50).fit(nx.path_graph(2))
    assert encoder.patterns_.tolist() == [[0, 1, 0, 1]]
    z = encoder.transform(nx.complete_graph(5)).values
    assert (z[:, 1] > 0.7).all()
    assert (z**2).sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_patterns_follow_weights():
    heavy = nx.path_graph(4)
    nx.set_edge_attributes(heavy, 1.0, "weight")
    heavy[1][2]["weight"] = 100.0
    z = Patterns(length=3, per_node=2000).fit(heavy)
    there = [tuple(p) for p in z.patterns_.tolist()].index((0, 1, 0))
    assert z.transform(heavy).values[1, there] > 0.97


@pytest.mark.parametrize("wrong", [{"length": 1}, {"length": 11}, {"per_node": 0}])
def test_patterns_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="length must be between 2 and 10"):
        Patterns(**wrong).fit(nx.path_graph(3))


def test_what_learns_from_walks_by_roles_is_the_one_engine():
    z = RoleWalks(RolesSeen(), dim=4, progress=False).fit(nx.path_graph(4))
    assert z.embedding_.source["walk"] == {"length": 10, "per_node": 80, "hops": 4}
