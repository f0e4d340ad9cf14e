"""Structural encoders say what their papers say, and alike places get alike vectors, whatever the names."""

import networkx as nx
import numpy as np
import pytest
from sklearn.base import clone

import graphembed as ge
from graphembed import testing
from graphembed.encoders.heat import HeatWavelets
from graphembed.encoders.landmarks import Landmarks, Rings
from graphembed.encoders.protocol import Encoder
from graphembed.encoders.recursive import Recursive
from graphembed.encoders.sides import Kind, Sides, strength
from graphembed.errors import DataError
from graphembed.graph import Graph, as_graph
from graphembed.kernels.csr import without_loops
from graphembed.kernels.egonets import rings, within_egonets
from tests.reference import structural as slow

ENCODERS = {
    "refex": lambda **more: Recursive(**more),
    "rolx": lambda **more: Recursive(roles=4, **more),
    "graphwave": lambda **more: HeatWavelets(**more),
    "xnetmf": lambda **more: Landmarks(Rings(hops=4), dim=16, **more),
}


def weighted(network, seed=0):
    rng = np.random.default_rng(seed)
    for _, _, data in network.edges(data=True):
        data["weight"] = float(rng.exponential() + 0.05)
    return as_graph(network)


def looped():
    """Parts of every kind: a ring with chords and self-loops, a pair, a loop alone, a node with nothing."""
    source = [*range(8), 0, 2, 1, 3, 8, 10]
    target = [*range(1, 8), 0, 4, 6, 1, 3, 9, 10]
    return Graph.from_edges(source, target, names=[f"n{k}" for k in range(12)])


GRAPHS = {
    "karate": lambda: ge.load("karate"),
    "weighted": lambda: weighted(nx.gnp_random_graph(25, 0.15, seed=2)),
    "directed": lambda: as_graph(nx.gnp_random_graph(25, 0.1, seed=1, directed=True)),
    "directed, weighted": lambda: weighted(nx.gnp_random_graph(25, 0.1, seed=3, directed=True)),
    "looped": looped,
    "hub": lambda: as_graph(nx.disjoint_union(nx.star_graph(40), nx.wheel_graph(7))),
}


@pytest.fixture(params=GRAPHS)
def graph(request):
    return GRAPHS[request.param]()


@pytest.fixture(params=ENCODERS)
def make(request):
    return ENCODERS[request.param]


# ── the papers, slowly ──────────────────────────────────────────────────────────────────────────────


def test_egonets_hold_the_edges_they_hold(graph):
    A, _ = slow.weights(graph)
    sides = Sides.of(graph, Kind.of(graph), "this")
    whole = next(iter(sides.edges.values()))
    assert within_egonets(whole, sides.around) == pytest.approx(slow.egonet_facts(A)[:, 0], rel=1e-5)


def test_columns_of_recursive_features_are_what_their_words_say(graph):
    encoder = Recursive(steps=2, alike=0.9999).fit(graph)
    z = encoder.transform(graph).values
    assert len(encoder.columns_) == z.shape[1] > 5
    for words, column in zip(encoder.columns_, z.T, strict=True):
        x = np.log1p(slow.recursive(graph, words))
        assert column == pytest.approx((x - x.mean()) / x.std(), abs=1e-3), words


def test_recursion_reaches_every_side_of_every_column(graph):
    """Without pruning there are as many columns as the paper counts."""
    encoder = Recursive(steps=1, alike=1.0).fit(graph)
    facts = slow.facts(graph)
    sides = 2 if graph.directed else 1
    assert set(encoder.columns_) <= {
        *facts,
        *(
            f"{how} over {side}neighbours: {word}"
            for how in ("mean", "sum")
            for side in (("out ", "in ") if graph.directed else ("",))
            for word in facts
        ),
    }
    assert len(encoder.columns_) > len(facts) * sides


def test_columns_kept_are_unlike_each_other(graph):
    z = Recursive(alike=0.9).fit_transform(graph).values
    alike = np.abs(np.corrcoef(z.T)) - np.eye(z.shape[1])
    assert alike.max() <= 0.9 + 1e-4


def test_characteristic_functions_of_heat_are_those_of_the_matrix_exponential(graph):
    scales = (0.5, 3.0)
    z = HeatWavelets(scales, points=4, reach=20.0, least=0.0).fit_transform(graph).values
    A, _ = slow.weights(graph)
    expected = []
    for side in (A, A.T)[: 1 + graph.directed]:
        for scale in scales:
            for t in (5.0, 10.0, 15.0, 20.0):
                chi = slow.characteristic(slow.heat(side, scale), t)
                expected += [chi.real, chi.imag]
    assert np.abs(z - np.array(expected).T).max() < 2e-5


def test_heat_too_thin_to_follow_changes_little():
    graph = as_graph(nx.barabasi_albert_graph(300, 4, seed=0))
    whole, thin = (HeatWavelets(least=least).fit_transform(graph).values for least in (0.0, 1e-4))
    assert 0 < np.abs(whole - thin).max() < 0.004 * np.abs(whole).max()


@pytest.mark.parametrize("hops", [0, 1, 3])
def test_rings_hold_the_nodes_at_each_distance(graph, hops):
    csr = without_loops(graph.csr)
    places = np.log2(1 + strength(csr))
    A, _ = slow.weights(graph)
    assert rings(csr, places, 8, hops) == pytest.approx(slow.rings(A, places, 8, hops), abs=1e-4)


def test_products_of_vectors_are_the_likeness_of_nodes_where_every_node_is_a_landmark(graph):
    encoder = Landmarks(Rings(hops=2), dim=graph.num_nodes).fit(graph)
    z = encoder.transform(graph).values.astype(float)
    A, _ = slow.weights(graph)
    rows = []
    for side in (A, A.T)[: 1 + graph.directed]:
        counts = np.log1p(slow.rings((side > 0) * 1.0, np.log2(1 + side.sum(1)), 32, 2))
        rows.append(counts * np.repeat([1, 0.5, 0.25], 32))
    rows = np.concatenate(rows, axis=1)
    square = ((rows[:, None] - rows[None]) ** 2).sum(2)
    assert z @ z.T == pytest.approx(np.exp(-square / encoder.likeness.width), abs=1e-3)


# ── laws ────────────────────────────────────────────────────────────────────────────────────────────


def test_structural_encoders_keep_the_contract(make, graph):
    testing.assert_encoder_contract(make(), graph)
    assert isinstance(make(), Encoder)


def test_reordering_nodes_before_fitting_reorders_vectors(make, graph):
    one, other = (make().fit_transform(g) for g in (graph, testing.permuted(graph, seed=3)))
    assert np.abs(one.values - other[graph.names].values).max() < 1e-5
    testing.assert_permutation_equivariant(make().fit(graph), graph)


def test_the_same_bits_on_one_two_and_eight_threads(make, graph):
    testing.assert_deterministic(make(), graph, (1, 2, 8))


def test_graphs_side_by_side_get_the_vectors_they_get_alone(make):
    encoder = make().fit(ge.load("karate"))
    testing.assert_batch_consistent(encoder, {"a": nx.wheel_graph(6), "b": ge.load("karate"), "c": nx.path_graph(5)})


def test_the_unit_of_weights_does_not_matter(make):
    network = nx.gnp_random_graph(25, 0.15, seed=2)
    graph = weighted(network)
    for _, _, data in network.edges(data=True):
        data["weight"] *= 1000
    assert np.abs(make().fit_transform(graph).values - make().fit_transform(network).values).max() < 1e-3


def test_weights_and_directions_are_looked_at(make):
    network = nx.cycle_graph(6)
    nx.set_edge_attributes(network, 1.0, "weight")
    network[0][1]["weight"] = 5.0
    z = make().fit_transform(network).values
    assert np.abs(z[0] - z[3]).max() > 1e-2
    assert np.abs(z[0] - z[1]).max() < 1e-5
    line = make().fit_transform(nx.DiGraph([("first", "second"), ("second", "last")]))
    assert np.abs(line["first"] - line["last"]).max() > 1e-2


# ── orbits ──────────────────────────────────────────────────────────────────────────────────────────


def orbits(network):
    """Which orbit of its automorphisms each node is in."""
    nodes = list(network)
    orbit = {node: node for node in nodes}
    for mapping in nx.algorithms.isomorphism.GraphMatcher(network, network).isomorphisms_iter():
        for node, image in mapping.items():
            low, high = sorted((orbit[node], orbit[image]))
            orbit = {n: low if o == high else o for n, o in orbit.items()}
    return np.array([orbit[node] for node in nodes])


def barbell():
    """Two cliques of ten and a path of ten between them: seven orbits, told by hand."""
    by_hand = [0] * 9 + [1] + [2, 3, 4, 5, 6, 6, 5, 4, 3, 2] + [1] + [0] * 9
    return nx.barbell_graph(10, 10), np.array(by_hand)


def regular():
    """Four connected graphs whose nodes all have three neighbours, side by side: no two of them look alike."""
    parts = [nx.complete_graph(4), nx.petersen_graph(), nx.cubical_graph(), nx.circular_ladder_graph(5)]
    kinds = np.repeat(range(4), [len(part) for part in parts])
    return nx.disjoint_union_all(parts), kinds


SYMMETRIC = {
    "barbell": barbell,
    "cycle": lambda: (nx.cycle_graph(9), np.zeros(9)),
    "tree": lambda: (nx.balanced_tree(2, 3), np.repeat([0, 1, 2, 3], [1, 2, 4, 8])),
    "path": lambda: (nx.path_graph(7), np.array([0, 1, 2, 3, 2, 1, 0])),
    "bipartite": lambda: (nx.complete_bipartite_graph(3, 5), np.repeat([0, 1], [3, 5])),
}


@pytest.mark.parametrize("name", SYMMETRIC)
def test_nodes_of_an_orbit_get_one_vector_and_other_nodes_another(make, name):
    network, orbit = SYMMETRIC[name]()
    z = make().fit_transform(testing.permuted(as_graph(network), seed=5))[[str(node) for node in network]].values
    for one in np.unique(orbit):
        assert np.ptp(z[orbit == one], axis=0).max() < 1e-5
    firsts = z[[np.flatnonzero(orbit == one)[0] for one in np.unique(orbit)]]
    apart = np.abs(firsts[:, None] - firsts[None]).max(axis=2) + np.eye(len(firsts))
    assert apart.min() > 1e-3


def test_orbits_told_by_hand_are_those_networkx_finds():
    for name in ("tree", "path", "cycle"):
        network, by_hand = SYMMETRIC[name]()
        found = orbits(network)
        assert len({*zip(found, by_hand, strict=True)}) == len({*found}) == len({*by_hand})


@pytest.mark.parametrize("name", ["refex", "graphwave"])
def test_regular_graphs_are_told_apart_where_degree_says_nothing(name):
    network, kind = regular()
    z = ENCODERS[name]().fit_transform(network).values
    within = max(np.ptp(z[kind == k], axis=0).max() for k in range(4))
    firsts = z[[np.flatnonzero(kind == k)[0] for k in range(4)]]
    apart = np.abs(firsts[:, None] - firsts[None]).max(axis=2) + np.eye(4)
    assert within < 1e-5
    if name == "graphwave":
        assert apart.min() > 1e-2
    else:  # triangles are all that egonets of a regular graph show
        assert apart[0, 1:].min() > 1e-2


def mirrored(public_data):
    """The published graph of two karate clubs joined by an edge, and everybody's mirror image."""
    network = nx.read_edgelist(public_data / "airports" / "karate-mirrored.edgelist")
    halves = network.copy()
    halves.remove_edge("1", "37")
    nx.set_node_attributes(halves, {node: node in ("1", "37") for node in halves}, "joined")
    one, other = (halves.subgraph(part) for part in nx.connected_components(halves))
    same = nx.algorithms.isomorphism.categorical_node_match("joined", None)
    there = next(nx.algorithms.isomorphism.GraphMatcher(one, other, node_match=same).isomorphisms_iter())
    return network, there | {image: node for node, image in there.items()}


def squared_distances(z):
    return ((z[:, None] - z[None]) ** 2).sum(axis=2) + np.diag(np.full(len(z), np.inf))


def test_everybody_is_nearest_to_their_mirror_image(make, public_data):
    network, image = mirrored(public_data)
    z = make().fit_transform(network)
    away = squared_distances(z.values.astype(float))
    for row, name in enumerate(z.names):
        assert away[row, z.row[image[name]]] <= away[row].min() + 1e-8


@pytest.mark.parametrize("name", ["graphwave", "xnetmf"])
@pytest.mark.parametrize("seed", range(3))
def test_mirror_images_are_found_after_edges_were_removed(name, seed, public_data):
    """Nodes of the image's own orbit in the intact graph are not held against it: nothing tells them from it."""
    network, image = mirrored(public_data)
    seen = {node: str(network.degree(node)) for node in network}
    for _ in range(8):
        seen = {node: str(hash((seen[node], *sorted(seen[other] for other in network[node])))) for node in network}
    edges = list(network.edges)
    network.remove_edges_from([edges[k] for k in np.random.default_rng(seed).choice(len(edges), 2, replace=False)])
    z = ENCODERS[name]().fit_transform(network)
    away = squared_distances(z.values.astype(float))
    ranks = []
    for row, node in enumerate(z.names):
        wrong = [z.row[other] for other in z.names if seen[other] != seen[node]]
        ranks.append(1 + (away[row, wrong] < away[row, z.row[image[node]]]).sum())
    assert np.mean(1 / np.array(ranks)) >= 0.9


# ── bad input ───────────────────────────────────────────────────────────────────────────────────────


def test_a_graph_without_edges_is_refused(make):
    for edges in ([], [0, 1]):
        with pytest.raises(
            DataError, match="a structural encoder needs edges between nodes to learn from; got 3 nodes"
        ):
            make().fit(Graph.from_edges(edges, edges, nodes=3))


def test_a_graph_of_another_kind_is_refused(make):
    encoder = make().fit(nx.cycle_graph(5))
    with pytest.raises(DataError, match="fitted on a graph that is undirected unweighted and cannot describe this one"):
        encoder.transform(nx.DiGraph([(0, 1)]))
    with pytest.raises(DataError, match="cannot describe this one: 2 nodes, 1 edge, undirected, weighted"):
        encoder.transform(Graph.from_edges([0], [1], [2.0]))


def test_isolated_nodes_are_alike_and_unlike_others(make):
    graph = as_graph(nx.disjoint_union(nx.path_graph(4), nx.empty_graph(2)))
    z = make().fit_transform(graph).values
    assert np.abs(z[4] - z[5]).max() < 1e-6
    assert np.abs(z[:4] - z[4]).max(axis=1).min() > 1e-2


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (Recursive(steps=-1), "steps must not be negative"),
        (Recursive(alike=0), "alike above 0"),
        (Recursive(roles=0), "roles at least 1"),
        (HeatWavelets(scales=()), "scales must be positive"),
        (HeatWavelets(points=0), "points at least 1"),
        (HeatWavelets(least=1), "least in"),
        (HeatWavelets(reach=0), "reach must be positive"),
        (Landmarks(dim=0), "dim must be at least 1"),
    ],
)
def test_settings_out_of_range_are_refused(encoder, message):
    with pytest.raises(ValueError, match=message):
        clone(encoder).fit(nx.path_graph(3))


def test_rings_out_of_range_are_refused():
    with pytest.raises(ValueError, match="hops must not be negative"):
        Rings(hops=-1)
