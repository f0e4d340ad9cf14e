"""Every recipe keeps the laws on every kind of graph, and learns what it says it learns."""

import pickle
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch_geometric.data import Data
from torch_geometric.nn import GATConv

import graphembed as ge
from graphembed import cli, testing
from graphembed.encoders import recipes
from graphembed.encoders.inductive import Inductive
from graphembed.encoders.protocol import Encoder
from graphembed.errors import DataError, UnknownNameError
from graphembed.graph import Graph, as_graph
from graphembed.nn.gnn import GNN
from graphembed.training import Training, seeded
from graphembed.walks import RandomWalk

WALKS = {"dim": 8, "length": 10, "per_node": 2, "window": 3}
LAYERS = {"dim": 8, "channels": (8, 8), "epochs": 3}
ALGEBRA = {name: {"dim": 8} for name in ("spectral", "netmf", "prone", "fastrp", "cleora")}
SETTINGS = {
    "deepwalk": WALKS,
    "node2vec": WALKS,
    "line": {"dim": 8, "length": 10, "per_node": 2},
    "sage": LAYERS,
    "gcn": LAYERS,
    **ALGEBRA,
}
GNNS = ("sage", "gcn")


def make(name, **more):
    return getattr(recipes, name)(**(SETTINGS[name] | more))


def structural(name, **more):
    return make(name, **more).set_params(features="structural")


def with_features(graph, x):
    graph = as_graph(graph)
    data = Data(**(graph.data.to_dict() | {"x": torch.as_tensor(x).float()}))
    return Graph(data, graph.names, graph.directed)


def random_features(graph, width=5, seed=0):
    return with_features(graph, np.random.default_rng(seed).normal(size=(as_graph(graph).num_nodes, width)))


def lonely():
    """A ring of eight, two self-loops in it, a node with nothing but a self-loop, and two with nothing at all."""
    return Graph.from_edges([*range(8), 1, 3, 8], [*range(1, 8), 0, 1, 3, 8], names=[*"abcdefgh", "loop", "i", "j"])


GRAPHS = {
    "karate": lambda: ge.load("karate"),
    "lesmis": lambda: ge.load("lesmis"),
    "directed": lambda: as_graph(nx.gnp_random_graph(30, 0.1, seed=1, directed=True)),
    "lonely": lonely,
    "featured": lambda: random_features(ge.load("karate")),
}


@pytest.fixture(params=GRAPHS)
def graph(request):
    return GRAPHS[request.param]()


@pytest.fixture(params=SETTINGS)
def recipe(request):
    return request.param


def cosine(z, a, b):
    return float(z[a] @ z[b] / (np.linalg.norm(z[a]) * np.linalg.norm(z[b])))


# ── the contract ────────────────────────────────────────────────────────────────────────────────────


def test_every_recipe_is_held_to_the_contract():
    assert set(SETTINGS) == set(recipes.__all__) == set(cli.ENCODERS)
    assert set(recipes.__all__) <= set(ge.__all__)
    public = {name for name, value in vars(recipes).items() if getattr(value, "__module__", "") == recipes.__name__}
    assert {name for name in public if not name.startswith("_")} == set(recipes.__all__)


def test_recipes_keep_the_contract(recipe, graph):
    testing.assert_encoder_contract(make(recipe), graph)


def test_reordering_nodes_reorders_vectors(recipe, graph):
    testing.assert_permutation_equivariant(make(recipe).fit(graph), graph)


def test_the_same_seed_gives_the_same_bits_on_one_two_and_eight_threads(recipe, graph):
    testing.assert_deterministic(make(recipe), graph, (1, 2, 8))


@pytest.mark.parametrize("name", GNNS)
def test_structural_inputs_keep_the_laws(name, graph):
    testing.assert_encoder_contract(structural(name), graph)
    testing.assert_permutation_equivariant(structural(name).fit(graph), graph)
    testing.assert_deterministic(structural(name), graph, (1, 2, 8))


def test_recipes_are_encoders_that_start_unfitted(recipe):
    encoder = make(recipe)
    assert isinstance(encoder, Encoder)
    assert not [name for name in vars(encoder) if name.endswith("_")]


def test_vectors_have_the_length_asked_for(recipe, graph):
    assert make(recipe, dim=5).fit_transform(graph).shape == (graph.num_nodes, 5)


def test_fitting_and_transforming_are_the_two_halves_of_doing_both(recipe, graph):
    both = make(recipe).fit_transform(graph)
    halves = make(recipe).fit(graph).transform(graph)
    assert np.array_equal(both.values, halves.values)


@pytest.mark.parametrize("recipe", [name for name in SETTINGS if name not in ("spectral", "netmf", "prone")])
def test_another_seed_gives_another_embedding(recipe):
    one, other = (make(recipe, seed=seed).fit_transform(ge.load("karate")).values for seed in (0, 1))
    assert not np.allclose(one, other, atol=1e-3)


@pytest.mark.parametrize("name", GNNS)
def test_the_seed_alone_decides_not_the_parameters_of_the_module_given(name):
    karate = ge.load("karate")
    one, other = make(name, seed=0), make(name, seed=1).set_params(seed=0)
    assert np.array_equal(one.fit_transform(karate).values, other.fit_transform(karate).values)


def test_fitting_twice_is_fitting_once(recipe):
    karate = ge.load("karate")
    encoder = make(recipe).fit(ge.load("lesmis"))
    assert np.array_equal(encoder.fit(karate).transform(karate).values, make(recipe).fit_transform(karate).values)


def test_an_embedding_says_what_made_it(recipe):
    source = make(recipe, seed=11).fit_transform(ge.load("karate")).source
    assert source["seed"] == 11
    assert source["version"] == ge.__version__
    assert source["encoder"] in ("SkipGram", "Inductive", "Projection")
    if recipe == "node2vec":
        walk = {"length": 10, "per_node": 2, "p": 1.0, "q": 0.5, "restart": 0.0, "weight_aware": False}
        assert source["walk"] == walk
        assert source["context"]["window"] == 3
        assert source["epochs_done"] == 1


# ── scikit-learn and pickle ─────────────────────────────────────────────────────────────────────────


def test_settings_can_be_read_changed_and_copied(recipe):
    encoder = make(recipe, seed=4)
    assert encoder.get_params(deep=False)["seed"] == 4
    assert encoder.set_params(seed=5) is encoder
    copied = clone(encoder)
    assert copied is not encoder
    assert copied.seed == 5


def test_a_clone_has_learnt_nothing(recipe):
    copied = clone(make(recipe).fit(ge.load("karate")))
    assert not [name for name in vars(copied) if name.endswith("_")]


def test_settings_that_do_not_exist_are_refused(recipe):
    with pytest.raises(ValueError, match="Invalid parameter 'depth'"):
        make(recipe).set_params(depth=3)


def test_a_pickled_encoder_embeds_as_before(recipe, graph):
    encoder = make(recipe).fit(graph)
    again = pickle.loads(pickle.dumps(encoder))
    assert np.array_equal(again.transform(graph).values, encoder.transform(graph).values)


# ── other graphs ────────────────────────────────────────────────────────────────────────────────────


def grown():
    """The karate club with two newcomers."""
    network = nx.relabel_nodes(nx.karate_club_graph(), lambda node: str(node + 1))
    network.add_edges_from([("ann", "1"), ("bob", "2"), ("ann", "bob")], weight=1)
    return as_graph(network)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("sage", 'fit with features="structural", or on a graph that holds them'),
        ("gcn", 'fit with features="structural", or on a graph that holds them'),
    ],
)
def test_nodes_without_a_vector_are_named_with_a_remedy(name, remedy):
    encoder = make(name).fit(ge.load("karate"))
    with pytest.raises(UnknownNameError, match=f"2 nodes were not in the graph .*'ann', 'bob'; {remedy}"):
        encoder.transform(grown())


@pytest.mark.parametrize("name", ["deepwalk", "node2vec", "line"])
def test_skip_gram_places_new_nodes_among_the_known_and_names_those_it_cannot_reach(name):
    encoder = make(name).fit(ge.load("karate"))
    z = encoder.transform(grown())
    assert z.names == grown().names
    assert np.array_equal(z[ge.load("karate").names].values, encoder.embedding_.values)
    assert np.linalg.norm(z[["ann", "bob"]].values, axis=1).min() > 0
    with pytest.raises(UnknownNameError, match=r"2 nodes were not in the graph .*'x', 'y'; fit it on a graph that"):
        encoder.transform(nx.Graph([("1", "2"), ("x", "y")]))


@pytest.mark.parametrize("name", ["deepwalk", "node2vec"])
def test_skip_gram_looks_known_nodes_up_whatever_the_graph(name):
    encoder = make(name).fit(ge.load("karate"))
    z = encoder.transform(ge.load("karate"))
    some = as_graph(nx.relabel_nodes(nx.path_graph(3), {0: "9", 1: "2", 2: "33"}))
    assert np.array_equal(encoder.transform(some).values, z[["9", "2", "33"]].values)
    assert np.array_equal(encoder.transform(some).context, z[["9", "2", "33"]].context)


@pytest.mark.parametrize("name", GNNS)
def test_new_nodes_with_features_are_embedded_like_known_ones(name):
    encoder = make(name).fit(random_features(ge.load("karate")))
    z = encoder.transform(random_features(grown(), seed=7))
    assert z.names == grown().names
    assert np.isfinite(z.values).all()
    assert np.linalg.norm(z["ann"]) > 0


@pytest.mark.parametrize("name", GNNS)
def test_graphs_side_by_side_get_the_vectors_they_get_alone(name):
    graphs = {"karate": ge.load("karate"), "florentine": ge.load("florentine"), "grown": grown()}
    testing.assert_batch_consistent(structural(name).fit(ge.load("karate")), graphs)
    featured = {key: random_features(graph, seed=seed) for seed, (key, graph) in enumerate(graphs.items())}
    testing.assert_batch_consistent(make(name).fit(featured["karate"]), featured)


@pytest.mark.parametrize("name", GNNS)
def test_features_must_be_there_where_they_were_and_only_there(name):
    plain, featured = ge.load("karate"), random_features(ge.load("karate"))
    with pytest.raises(DataError, match=r"fitted on a graph with 5 features.* cannot embed one with none: 34"):
        make(name).fit(featured).transform(plain)
    for encoder in (make(name), structural(name)):
        with pytest.raises(DataError, match=r"fitted on a graph with(out| no) .* cannot embed one with .*5 features"):
            encoder.fit(plain).transform(featured)


@pytest.mark.parametrize("name", GNNS)
def test_features_of_another_width_are_refused(name):
    encoder = make(name).fit(random_features(ge.load("karate"), 5))
    with pytest.raises(DataError, match=r"5 features.*3|3 features.*5"):
        encoder.transform(random_features(ge.load("karate"), 3))


@pytest.mark.parametrize("name", GNNS)
def test_one_whole_number_per_node_is_no_table_of_features(name):
    data = Data(edge_index=ge.load("karate").data.edge_index, x=torch.arange(34))
    with pytest.raises(DataError, match="features"):
        make(name).fit(data)


# ── what is refused ─────────────────────────────────────────────────────────────────────────────────


EMPTY = {
    "no edges": nx.empty_graph(4),
    "only self-loops": nx.Graph([(0, 0), (1, 1)]),
    "one node": nx.empty_graph(1),
    "one node with a self-loop": nx.Graph([(0, 0)]),
    "no nodes": nx.empty_graph(0),
}


@pytest.mark.parametrize("network", EMPTY.values(), ids=EMPTY)
def test_a_graph_without_edges_between_nodes_teaches_nothing(recipe, network):
    with pytest.raises(DataError, match=rf"needs edges between nodes to learn from; got {len(network)} node"):
        make(recipe).fit(network)


@pytest.mark.parametrize("name", GNNS)
def test_a_graph_with_all_edges_teaches_a_gnn_nothing(name):
    with pytest.raises(DataError, match=r"every pair of the 5 nodes is linked"):
        make(name).fit(nx.complete_graph(5))


def test_features_that_are_not_finite_name_the_nodes(recipe):
    x = np.ones((34, 2))
    x[[2, 4]] = np.nan
    with pytest.raises(DataError, match="node features must be finite; they are not for '3', '5'"):
        make(recipe).fit(with_features(ge.load("karate"), x))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"dim": 0}, "dim=0"),
        ({"epochs": 0}, "epochs=0"),
        ({"lr": -1.0}, "lr"),
        ({"lr": float("nan")}, "lr"),
    ],
)
def test_settings_skip_gram_cannot_use_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        make("deepwalk").set_params(**wrong).fit(ge.load("karate"))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"length": 1}, "length >= 2 and per_node >= 1, got 1 and 10"),
        ({"per_node": 0}, "length >= 2 and per_node >= 1, got 80 and 0"),
        ({"p": 0.0}, "p and q must be positive, got p=0.0, q=1.0"),
        ({"q": -1.0}, "p and q must be positive, got p=1.0, q=-1.0"),
        ({"p": float("nan")}, "p and q must be positive, got p=nan, q=1.0"),
        ({"q": float("inf")}, "p and q must be positive, got p=1.0, q=inf"),
    ],
)
def test_walks_that_cannot_be_walked_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        RandomWalk(**wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"features": "random"}, "features must be 'learned' or 'structural', got 'random'"),
    ],
)
@pytest.mark.parametrize("name", GNNS)
def test_settings_a_gnn_cannot_use_are_refused(name, wrong, message):
    with pytest.raises(ValueError, match=message):
        make(name).set_params(**wrong).fit(ge.load("karate"))


@pytest.mark.parametrize("name", GNNS)
@pytest.mark.parametrize(("wrong", "message"), [({"channels": ()}, "got channels="), ({"jump": "sum"}, "'sum'")])
def test_layers_that_cannot_be_built_are_refused(name, wrong, message):
    with pytest.raises(ValueError, match=message):
        make(name, **wrong)


# ── what is learnt ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["deepwalk", "node2vec"])
def test_isolated_nodes_get_the_zero_vector_from_skip_gram(name):
    z = make(name).fit_transform(lonely())
    assert not z[["i", "j"]].values.any()
    assert np.linalg.norm(z[list("abcdefgh")].values, axis=1).min() > 0


@pytest.mark.parametrize("name", ["deepwalk", "node2vec"])
def test_a_node_linked_to_nobody_but_itself_gets_the_zero_vector_from_skip_gram(name):
    assert not make(name).fit_transform(lonely())["loop"].any()


@pytest.mark.parametrize("name", ["deepwalk", "node2vec"])
def test_skip_gram_does_better_than_guessing_and_better_in_the_second_epoch(name):
    losses = make(name).set_params(epochs=3, lr=0.1).fit(nx.circulant_graph(100, [1, 2])).losses_
    assert len(losses) == 3
    assert losses[0] < 6 * np.log(2)
    assert losses[1] < losses[0]


@pytest.mark.parametrize("name", GNNS)
@pytest.mark.parametrize("which", ["karate", "featured"])
def test_the_loss_of_a_gnn_falls(name, which):
    encoder = make(name).set_params(training=Training(epochs=60, lr=0.01))
    losses = encoder.fit(GRAPHS[which]()).history_.losses
    assert len(losses) == 60
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5])


@pytest.mark.parametrize("name", ["deepwalk", "node2vec"])
@pytest.mark.parametrize("seed", range(3))
def test_skip_gram_tells_two_cliques_apart(name, seed):
    cliques = nx.barbell_graph(8, 0)
    z = make(name, dim=16, length=40, per_node=10, window=5, seed=seed).fit_transform(cliques)
    for node in cliques:
        near = {int(other) for other, _ in z.nearest(str(node), 7)}
        assert near == set(range(8) if node < 8 else range(8, 16)) - {node}


@pytest.mark.parametrize("name", ["deepwalk", "node2vec"])
def test_weights_change_where_walks_go(name):
    lesmis = ge.load("lesmis")
    plain = Graph(Data(edge_index=lesmis.data.edge_index, num_nodes=77), lesmis.names)
    assert not np.allclose(make(name).fit_transform(lesmis).values, make(name).fit_transform(plain).values, atol=1e-3)


@pytest.mark.parametrize("name", ["deepwalk", "node2vec"])
def test_weights_that_are_all_the_same_change_nothing(name):
    edges = ge.load("karate").pairs.T
    plain, twos = Graph.from_edges(*edges), Graph.from_edges(*edges, np.full(78, 2.0))
    assert np.array_equal(make(name).fit_transform(plain).values, make(name).fit_transform(twos).values)


@pytest.mark.parametrize("seed", range(3))
def test_a_heavy_edge_brings_its_ends_together(seed):
    wheel = nx.wheel_graph(9)
    wheel[1][2]["weight"] = 20.0
    z = make("deepwalk", dim=16, length=20, per_node=20, window=2, seed=seed).fit_transform(wheel)
    link = dict(zip(z.names, z.context @ z["1"], strict=True))
    assert link["2"] > 1 + link["8"]  # without the weight the two are alike
    assert cosine(z, "1", "2") > cosine(z, "1", "8")


def test_node2vec_without_memory_is_deepwalk_bit_for_bit(graph):
    one, other = make("deepwalk").fit_transform(graph), make("node2vec", p=1.0, q=1.0).fit_transform(graph)
    assert np.array_equal(one.values, other.values)
    assert np.array_equal(one.context, other.context)


def test_p_and_q_change_what_node2vec_learns():
    found = [make("node2vec", p=p, q=q).fit_transform(ge.load("lesmis")).values for p, q in [(1, 1), (4, 1), (1, 4)]]
    assert not np.allclose(found[0], found[1], atol=1e-3)
    assert not np.allclose(found[0], found[2], atol=1e-3)


def test_direction_decides_where_walks_go():
    arrows = nx.gnp_random_graph(30, 0.1, seed=1, directed=True)
    one, other = make("deepwalk").fit_transform(arrows), make("deepwalk").fit_transform(arrows.to_undirected())
    assert not np.allclose(one.values, other.values, atol=1e-3)


# ── twins: not linked, the same partners ────────────────────────────────────────────────────────────


def twins(seed=0):
    """Les Misérables with P1 and P2, who are not linked to each other and have the same four partners."""
    network = nx.les_miserables_graph()
    busy = [node for node in network if network.degree(node) > 3]
    for partner in np.random.default_rng(seed).choice(busy, 4, replace=False).tolist():
        network.add_edge("P1", partner, weight=1)
        network.add_edge("P2", partner, weight=1)
    return network


@pytest.mark.parametrize("name", GNNS)
@pytest.mark.parametrize("seed", range(3))
def test_twins_get_one_vector_if_the_inputs_do_not_tell_them_apart(name, seed):
    graph = as_graph(twins(seed))
    z = structural(name, seed=seed).fit_transform(graph)
    np.testing.assert_allclose(z["P1"], z["P2"], atol=1e-5)
    x = np.random.default_rng(seed).normal(size=(graph.num_nodes, 5))
    x[graph.row["P1"]] = x[graph.row["P2"]]
    z = make(name, seed=seed).fit_transform(with_features(graph, x))
    np.testing.assert_allclose(z["P1"], z["P2"], atol=1e-5)
    assert np.linalg.norm(z["P1"] - z["Valjean"]) > 1e-3


@pytest.mark.parametrize("seed", range(5))
def test_twins_with_inputs_of_their_own_get_almost_the_same_vector(seed):
    # Measured on eight seeds: .79 to .94 for the twins; nine of ten random pairs are below .48 to .77.
    z = recipes.sage(seed=seed).fit_transform(twins(seed))
    others = np.random.default_rng(seed).choice([name for name in z.names if name not in ("P1", "P2")], (200, 2))
    random_pairs = [cosine(z, a, b) for a, b in others if a != b]
    assert cosine(z, "P1", "P2") > 0.75
    assert cosine(z, "P1", "P2") > np.quantile(random_pairs, 0.9)


# ── modules of one's own ────────────────────────────────────────────────────────────────────────────


class Plain(torch.nn.Module):
    """A module by somebody else: a PyG forward, and no reset_parameters."""

    def __init__(self, inside):
        super().__init__()
        self.linear = torch.nn.Linear(inside, 4)

    def forward(self, x, edge_index, edge_weight=None):
        return self.linear(x)


def test_any_module_with_a_pyg_forward_can_be_trained():
    with seeded(0):
        attention = GNN(lambda a, b: GATConv(a, b, heads=2, concat=False), [8], 4, jump=None)
    encoder = Inductive(attention, training=Training(epochs=2), progress=False)
    testing.assert_encoder_contract(encoder, ge.load("karate"))
    testing.assert_permutation_equivariant(encoder, ge.load("karate"))


def test_a_module_without_reset_parameters_can_be_trained_on_features():
    with seeded(0):
        encoder = Inductive(Plain(5), training=Training(epochs=2))
    assert encoder.fit_transform(random_features(ge.load("karate"))).shape == (34, 4)


def test_a_module_without_reset_parameters_can_be_trained_on_learned_inputs():
    with seeded(0):
        encoder = Inductive(Plain(64), training=Training(epochs=2))
    assert encoder.fit_transform(ge.load("karate")).shape == (34, 4)


def test_the_module_given_is_not_trained():
    with seeded(0):
        module = Plain(5)
    before = module.linear.weight.detach().clone()
    Inductive(module, training=Training(epochs=2)).fit(random_features(ge.load("karate")))
    assert torch.equal(before, module.linear.weight)


def test_recipes_are_what_their_parts_say():
    assert recipes.node2vec(p=2.0, q=3.0, length=9, per_node=4).walk == RandomWalk(9, 4, 2.0, 3.0)
    assert recipes.deepwalk().walk == replace(recipes.node2vec(q=1.0).walk)
    assert [type(layer).__name__ for layer in recipes.gcn(channels=(4, 4, 4)).module.convs] == ["GCNConv"] * 3
    assert [type(layer).__name__ for layer in recipes.sage(channels=(4,)).module.convs] == ["SAGEConv"]
