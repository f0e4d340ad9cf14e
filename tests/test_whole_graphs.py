"""Encoders of whole graphs: order does not matter, new graphs are welcome, names stay, and nothing is too small."""

import networkx as nx
import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch_geometric.data import Batch, Data

import graphembed as ge
from graphembed.bench import wholes
from graphembed.datasets.many import ManyGraphs
from graphembed.encoders.many import as_many
from graphembed.encoders.subtrees import subtree_words
from graphembed.errors import DataError
from graphembed.graph import as_graph, merge
from graphembed.losses import info_nce, unit
from graphembed.objectives import GraphClassification, GraphContrast, GraphInfomax
from graphembed.objectives.augment import WAYS, augmented
from graphembed.objectives.graph_classes import graph_scores
from graphembed.objectives.graphs import graph_batches, side_by_side
from graphembed.training import Training, seeded, train
from tests.contracts import CLUBS, Two, featured

SKIPGRAM = ge.SkipGram(ge.RandomWalk(20, 5), dim=8, context=ge.Context(window=1), progress=False)
LABELS = (0, 1, 0, 1, 0, 1, 0)


def quiet(encoder):
    encoder.encoder.set_params(progress=False)
    return encoder


ENCODERS = {
    "words": lambda: ge.weisfeiler_lehman(2),
    "words, hashed": lambda: ge.WeisfeilerLehman(2, "sqrt", unit=True, dim=16),
    "graph2vec": lambda: ge.Graph2Vec(ge.WeisfeilerLehman(1), SKIPGRAM),
    "infograph": lambda: quiet(ge.infograph(channels=(8, 8), epochs=2)),
    "graphcl": lambda: quiet(ge.graphcl(channels=(8, 8), epochs=2)),
    "gin": lambda: quiet(ge.gin(LABELS, channels=(8, 8), epochs=2)),
    "trained": lambda: quiet(ge.gin(LABELS, channels=(8, 8), epochs=2)).set_params(readout="trained"),
    "refex, moments": lambda: ge.Pooled(ge.refex(), "moments"),
}
encoders = pytest.mark.parametrize("make", ENCODERS.values(), ids=ENCODERS)
learns = pytest.mark.parametrize("objective", [GraphClassification((0, 1)), GraphInfomax(), GraphContrast()])


def two():
    with seeded(0):
        return Two()


def shapes():
    graphs = {"path": nx.path_graph(5), "ring": nx.cycle_graph(6), "star": nx.star_graph(5), "dot": nx.empty_graph(1)}
    return graphs | {"dots": nx.empty_graph(3), "house": nx.house_graph(), "clique": nx.complete_graph(4)}


def shuffled(graph, seed=3):
    """The same graph with its nodes, which keep their names, in another order."""
    other = nx.Graph()
    other.add_nodes_from(np.random.default_rng(seed).permutation(list(graph)).tolist())
    other.add_edges_from(graph.edges)
    return other


@encoders
def test_rows_are_graphs_and_names_stay(make):
    z = make().fit_transform(shapes())
    assert z.names == tuple(shapes())
    assert np.isfinite(z.values).all()
    assert len(np.unique(z.values.round(5), axis=0)) >= 5, "graphs are alike: the test would hold for a constant"
    assert z.source["encoder"] == type(make()).__name__
    listed = make().fit_transform(list(shapes().values()))
    merged = make().fit_transform(merge(shapes()))
    assert listed.names == tuple("0123456")
    assert merged.names == z.names
    assert np.array_equal(listed.values, z.values)
    assert np.array_equal(merged.values, z.values)


@encoders
def test_the_order_of_nodes_does_not_matter(make):
    encoder = make().fit(shapes())
    before, after = (
        encoder.transform(graphs).values for graphs in (shapes(), {k: shuffled(g) for k, g in shapes().items()})
    )
    np.testing.assert_allclose(after, before, atol=1e-4)


@encoders
def test_the_order_of_graphs_does_not_matter(make):
    encoder = make().fit(shapes())
    backwards = encoder.transform(dict(reversed(shapes().items())))
    np.testing.assert_allclose(backwards[list(shapes())].values, encoder.transform(shapes()).values, atol=1e-4)


@encoders
def test_new_graphs_are_welcome_and_do_not_feel_each_other(make):
    encoder = make().fit(shapes())
    new = {"long path": nx.path_graph(9), "wheel": nx.wheel_graph(6), "point": nx.empty_graph(1)}
    z = encoder.transform(new)
    assert z.names == tuple(new)
    if "Graph2Vec" not in type(encoder).__name__:  # it draws walks for all documents at once
        np.testing.assert_allclose(encoder.transform({"wheel": new["wheel"]})["wheel"], z["wheel"], atol=1e-4)
    np.testing.assert_allclose(z["point"], encoder.transform(shapes())["dot"], atol=1e-4)


@encoders
def test_the_same_seed_gives_the_same_bits_on_any_number_of_threads(make):
    found = []
    for count in (1, 2, 8):
        with ge.threads(count):
            found.append(make().fit_transform(shapes()).values)
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


@encoders
def test_fit_leaves_the_settings_and_clone_copies_them(make):
    encoder = make()
    before = repr(encoder.get_params())
    encoder.fit(shapes())
    assert repr(encoder.get_params()) == before
    assert not [name for name in vars(clone(encoder)) if name.endswith("_")]


@encoders
@pytest.mark.parametrize("nothing", [{}, []])
def test_no_graph_at_all_is_refused(make, nothing):
    with pytest.raises(DataError, match="there is no graph: give a mapping or a list with at least one"):
        make().fit(nothing)


# ── what many graphs are ────────────────────────────────────────────────────────────────────────────


def test_names_are_read_off_merged_nodes_or_are_numbers():
    assert as_many(merge({"a": nx.path_graph(2), "b c": nx.path_graph(1)})).names == ("a", "b c")
    parts = [Data(edge_index=torch.tensor([[0, 1], [1, 0]]), num_nodes=2)] * 2
    batch = Batch.from_data_list(parts)
    assert as_many(Data(edge_index=batch.edge_index, batch=batch.batch, num_nodes=4)).names == ("0", "1")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (as_graph(nx.path_graph(3)), "this is one graph without data.batch"),
        ({1: nx.path_graph(3)}, "names of graphs must be strings, got 1"),
        (merge({"a/b": nx.path_graph(2), "a/c": nx.path_graph(2)}), "nodes must be named 'graph/node'"),
    ],
)
def test_what_is_not_many_graphs_is_refused(source, text):
    with pytest.raises(DataError, match=text):
        ge.weisfeiler_lehman().fit(source)


def test_merging_a_thousand_graphs_takes_well_under_a_second():
    import time

    graph = as_graph(nx.gnp_random_graph(30, 0.15, seed=0))
    begin = time.process_time()
    assert merge({str(number): graph for number in range(1000)}).num_nodes == 30_000
    assert time.process_time() - begin < 1


# ── pooled ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("readout", ["sum", "mean", "max"])
def test_pooled_is_the_pool_of_each_graph_alone(readout):
    encoder = ge.Pooled(ge.refex(), readout).fit(shapes())
    z = encoder.transform(shapes())
    for name, graph in shapes().items():
        nodes = encoder.encoder_.transform(merge({name: graph})).values.astype(float)
        np.testing.assert_allclose(z[name], getattr(nodes, readout)(axis=0), atol=1e-4)


def test_a_trained_readout_is_the_one_that_was_trained():
    objective = GraphClassification(LABELS, readout="attention", hidden=8, batch_size=4)
    encoder = quiet(ge.gin(LABELS, channels=(8,), epochs=3)).set_params(readout="trained")
    encoder.encoder.set_params(objective=objective)
    z = encoder.fit_transform(shapes())
    assert z.shape == (7, 8)
    nodes = torch.tensor(encoder.encoder_.transform(merge({"house": nx.house_graph()})).values)
    with torch.no_grad():
        expected = encoder.encoder_.beside_["readout"](nodes)[0].numpy()
    np.testing.assert_allclose(z["house"], expected, atol=1e-5)


def test_a_readout_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="readout must be one of sum, mean, max, moments, trained, got 'median'"):
        ge.Pooled(ge.refex(), "median").fit(shapes())
    with pytest.raises(ValueError, match="readout='trained' needs an encoder that trained one"):
        ge.Pooled(ge.refex(), "trained").fit(shapes())


# ── Weisfeiler-Lehman ───────────────────────────────────────────────────────────────────────────────


def refined(graph, depth, labels):
    """Colours as nested tuples: what a node is, and the sorted colours around it."""
    colour = dict(labels)
    rounds = [colour]
    for _ in range(depth):
        colour = {v: (colour[v], tuple(sorted((colour[u] for u in graph[v]), key=repr))) for v in graph}
        rounds.append(colour)
    return rounds


@pytest.mark.parametrize("tagged", [False, True])
def test_words_are_the_colours_of_refinement_across_graphs(tagged):
    rng = np.random.default_rng(0)
    networks = {str(k): nx.gnp_random_graph(12, 0.2, seed=k) for k in range(6)}
    tags = {name: {v: int(rng.integers(2)) for v in graph} for name, graph in networks.items()}
    graph = merge(networks)
    if tagged:
        graph.data.x = torch.eye(2)[
            torch.tensor([tags[name][v] for name, network in networks.items() for v in network])
        ]
    words = subtree_words(graph, 3)
    slow = [refined(network, 3, tags[name] if tagged else dict(network.degree)) for name, network in networks.items()]
    for depth in range(4):
        colours = [colour[depth][v] for colour, network in zip(slow, networks.values(), strict=True) for v in network]
        same = np.array([[one == other for other in colours] for one in colours])
        assert np.array_equal(words[depth][:, None] == words[depth], same)


def test_words_do_not_tell_a_six_ring_from_two_triangles():
    graphs = {"six": nx.cycle_graph(6), "two": nx.disjoint_union(nx.cycle_graph(3), nx.cycle_graph(3))}
    z = ge.weisfeiler_lehman(3).fit_transform(graphs)
    assert np.array_equal(z["six"], z["two"])


def test_counts_roots_logs_and_lengths():
    star = {"star": nx.star_graph(4)}
    plain = ge.WeisfeilerLehman(0, "count").fit(star)
    assert sorted(plain.transform(star)["star"]) == [1, 4]
    assert sorted(ge.WeisfeilerLehman(0, "sqrt").fit(star).transform(star)["star"]) == [1, 2]
    assert sorted(ge.WeisfeilerLehman(0, "log").fit(star).transform(star)["star"]) == pytest.approx(np.log([2, 5]))
    encoder = ge.WeisfeilerLehman(2, "count", unit=True).fit(shapes())
    z = encoder.transform(shapes())
    for depth in range(3):
        assert np.square(z.values[:, encoder.depths_ == depth]).sum(axis=1) == pytest.approx(1 / 3)
    assert np.allclose(encoder.sparse(shapes()).toarray(), z.values)


def test_subtrees_not_seen_or_seen_too_rarely_do_not_count():
    encoder = ge.WeisfeilerLehman(1, "count").fit({"path": nx.path_graph(4)})
    assert encoder.transform({"clique": nx.complete_graph(5)})["clique"].tolist() == [0] * len(encoder.words_)
    both = ge.WeisfeilerLehman(1, "count", min_graphs=2).fit({"path": nx.path_graph(4), "longer": nx.path_graph(5)})
    assert 0 < len(both.words_) < len(ge.WeisfeilerLehman(1).fit([nx.path_graph(4), nx.path_graph(5)]).words_)


def test_hashing_keeps_similarities_about():
    graphs = {str(k): nx.gnp_random_graph(15, 0.2, seed=k) for k in range(12)}
    whole, hashed = (ge.WeisfeilerLehman(2, "count", dim=dim).fit_transform(graphs).values for dim in (None, 4096))
    np.testing.assert_allclose(hashed @ hashed.T, whole @ whole.T, atol=0.1 * (whole @ whole.T).max())


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"depth": -1}, "depth must be at least 0, min_graphs and dim at least 1, got depth=-1"),
        ({"min_graphs": 0}, "depth must be at least 0, min_graphs and dim at least 1"),
        ({"counts": "rank"}, "counts must be one of count, sqrt, log, got 'rank'"),
    ],
)
def test_settings_of_words_that_do_not_fit_are_refused(wrong, text):
    with pytest.raises(ValueError, match=text):
        ge.WeisfeilerLehman(**wrong).fit(shapes())


def test_a_table_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr("graphembed.encoders.subtrees._MOST", 10)
    with pytest.raises(DataError, match=r"a table of 7 graphs and [0-9]+ subtrees is too large to write out"):
        ge.weisfeiler_lehman().fit_transform(shapes())


# ── graph2vec ───────────────────────────────────────────────────────────────────────────────────────


def test_graph2vec_puts_graphs_with_the_same_words_side_by_side():
    rings, stars = (
        {f"{name} {k}": make(k) for k in range(8, 20)}
        for name, make in (("ring", nx.cycle_graph), ("star", nx.star_graph))
    )
    encoder = ge.graph2vec(dim=16, depth=1, epochs=10)
    encoder.skipgram.set_params(progress=False)
    z = encoder.fit_transform(rings | stars)
    assert {name.split()[0] for name, _ in z.nearest("ring 8", k=11)} == {"ring"}
    assert {name.split()[0] for name, _ in z.nearest("star 8", k=11)} == {"star"}
    new = encoder.transform({"ring 30": nx.cycle_graph(30), "other": nx.complete_graph(7)})
    cosine = unit(torch.tensor(new.values[:1])) @ unit(torch.tensor(z.values)).T
    assert cosine[0, : len(rings)].min() > cosine[0, len(rings) :].max()
    assert not new["other"].any(), "it has no known word"


def test_graph2vec_without_words_is_refused():
    with pytest.raises(DataError, match="no subtree is in enough of the graphs to be a word: lower min_graphs"):
        ge.Graph2Vec(ge.WeisfeilerLehman(0, min_graphs=9)).fit(shapes())


# ── objectives ──────────────────────────────────────────────────────────────────────────────────────


def several(count=7):
    """Graphs with features, side by side, one of them without edges."""
    graph = merge(
        {str(k): nx.gnp_random_graph(4 + k, 0.4, seed=k) if k != 3 else nx.empty_graph(2) for k in range(count)}
    )
    graph.data.x = torch.tensor(np.random.default_rng(0).normal(size=(graph.num_nodes, 12))).float()
    return graph


def test_batches_hold_whole_graphs_each_once():
    graph = several()
    seen = []
    for batch in graph_batches(graph, np.arange(7), 3, seed=1):
        for place, number in enumerate(batch.graphs.tolist()):
            here, there = batch.batch == place, graph.data.batch == number
            assert torch.equal(batch.x[here], graph.data.x[there])
            rows, own = here.nonzero()[:, 0], there.nonzero()[:, 0]
            edges = batch.edge_index[:, here[batch.edge_index[0]]] - rows[0]
            expected = graph.data.edge_index[:, there[graph.data.edge_index[0]]] - own[0]
            assert torch.equal(edges, expected)
            seen.append(number)
    assert sorted(seen) == list(range(7))


def test_weights_go_along_and_graphs_may_be_taken_in_any_order():
    network = nx.Graph([(0, 1, {"weight": 2.0})])
    graph = merge({"a": network, "b": nx.path_graph(3)})
    graph.data.x = torch.arange(5.0)[:, None]
    batch = side_by_side(graph, np.array([1, 0, 1]))
    assert batch.x[:, 0].tolist() == [2, 3, 4, 0, 1, 2, 3, 4]
    assert batch.edge_weight.tolist() == [1] * 4 + [2] * 2 + [1] * 4


@learns
def test_graphs_that_do_not_stand_together_are_refused(objective):
    graph = featured()
    graph.data.batch = torch.arange(34) % 2
    with pytest.raises(DataError, match=r"data.batch must say for each node which graph it is of, ascending from 0"):
        train(two(), graph, objective, Training(epochs=1), progress=False)


def test_classes_are_learnt_and_those_held_out_are_not_seen():
    graph = merge({str(k): nx.cycle_graph(5) if k % 2 else nx.star_graph(4) for k in range(20)})
    graph.data.x = torch.tensor(np.diff(graph.csr.indptr))[:, None].float() @ torch.ones(1, 12)
    labels = [k % 2 for k in range(16)] + [-1] * 4
    task = GraphClassification(labels, held_out=range(12, 16), batch_size=4, readout="max", dropout=0.0)
    targets = torch.cat([batch.graphs for batch in task.batches(graph, seed=0)])
    assert sorted(targets.tolist()) == list(range(12))
    module = two()
    history, beside = train(module, graph, task, Training(epochs=40, lr=0.03, patience=40), progress=False)
    assert history.valid[-1] > 0.9
    assert graph_scores(module, beside, graph, range(16, 20)).argmax(dim=1).tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"labels": (0, 1, 1)}, "expected one label per graph, got 3 for 2 graphs"),
        ({"labels": (-1, -1)}, "there is no graph to learn from"),
        ({"labels": (0, 1), "graphs": (2,)}, r"graphs must be numbers from 0 to 1, got \[2\]"),
        ({"labels": (0, -1), "graphs": (0, 1)}, r"1 graphs to look at have no class: \[1\]"),
    ],
)
def test_labels_that_do_not_fit_are_refused(wrong, text):
    with pytest.raises(DataError, match=text):
        GraphClassification(**wrong).prepare(two(), CLUBS)


@pytest.mark.parametrize(
    ("kind", "wrong", "text"),
    [
        (GraphClassification, {"labels": (0,), "dropout": 1.0}, "dropout must be at least 0 and below 1"),
        (GraphInfomax, {"width": 0}, "width and batch_size must be at least 1"),
        (GraphContrast, {"ways": ("rotate",)}, "ways must be some of nodes, edges, features, subgraph"),
        (GraphContrast, {"share": 1.0}, "share must be at least 0 and below 1 and temperature positive"),
        (GraphContrast, {"batch_size": 0}, "width and batch_size must be at least 1"),
    ],
)
def test_settings_of_objectives_that_do_not_fit_are_refused(kind, wrong, text):
    with pytest.raises(ValueError, match=text):
        kind(**wrong)


def test_validation_needs_graphs_that_are_held_out():
    with pytest.raises(ValueError, match="validation needs graphs that are held out: give held_out="):
        train(two(), CLUBS, GraphClassification((0, 1)), Training(epochs=1, patience=1), progress=False)


@pytest.mark.parametrize("way", WAYS)
def test_augmentations_take_away_about_their_share(way):
    graph = merge({str(k): nx.connected_watts_strogatz_graph(40, 6, 0.2, seed=k) for k in range(9)})
    graph.data.x = torch.ones(360, 3)
    batch = side_by_side(graph, np.arange(9))
    with seeded(0):
        less = augmented(batch, way, 0.25)
    found = {
        "nodes": less.num_nodes / 360,
        "subgraph": less.num_nodes / 360,
        "edges": less.edge_index.shape[1] / batch.edge_index.shape[1],
        "features": float(less.x.mean()),
    }
    assert found[way] == pytest.approx(0.75, abs=0.08)
    assert less.edge_index.numel() == 0 or less.edge_index.max() < len(less.x) == len(less.batch)
    assert set(less.batch.tolist()) == set(range(9))
    assert batch.num_nodes == 360
    if way == "subgraph":
        for k in range(9):
            rows = (less.batch == k).nonzero()[:, 0].tolist()
            left = nx.Graph(less.edge_index.T.tolist())
            assert nx.is_connected(left.subgraph(rows))
            assert len(rows) == 30


def test_edges_of_what_is_left_are_edges():
    graph = several()
    batch = side_by_side(graph, np.arange(7))
    batch.x = torch.arange(batch.num_nodes).float()[:, None]  # nodes say who they are
    with seeded(1):
        less = augmented(batch, "nodes", 0.3)
    names = less.x[:, 0].long()
    every = set(zip(*batch.edge_index.tolist(), strict=True))
    left = set(zip(*names[less.edge_index].tolist(), strict=True))
    kept = set(names.tolist())
    assert left == {(u, v) for u, v in every if u in kept and v in kept}
    assert torch.equal(batch.batch[names], less.batch)


def test_contrast_is_info_nce_of_views():
    objective, graph = GraphContrast(share=0.0, temperature=0.5), several()
    with seeded(0):
        encoder = Two().eval()
        beside = objective.prepare(encoder, graph).eval()
        (batch,) = objective.batches(graph, seed=0)
        found = objective.loss(encoder, beside, batch)
    z = encoder(batch.x, batch.edge_index)
    sums = torch.stack([z[batch.batch == k].sum(dim=0) for k in range(7)])
    p = unit(beside["head"](sums))
    torch.testing.assert_close(found, info_nce(p, p, temperature=0.5))


# ── the bench ───────────────────────────────────────────────────────────────────────────────────────


def toy():
    """Rings and stars of many sizes, whose classes a linear machine finds, in five folds."""
    graphs = {str(k): nx.cycle_graph(4 + k // 2) if k % 2 else nx.star_graph(3 + k // 2) for k in range(40)}
    tests = tuple(np.arange(40)[fold::5] for fold in range(5))
    return ManyGraphs(merge(graphs), tuple(graphs), np.arange(40) % 2, tests)


def test_the_bench_judges_vectors_inside_the_folds():
    data = toy()
    assert wholes.nested(wholes._subtrees(data), data).mean() == 1
    noise = np.random.default_rng(0).normal(size=(40, 3))
    assert wholes.nested(noise, data).mean() < 0.8
    assert wholes.nested(data.y[:, None] + noise / 100, data).mean() == 1


def test_the_bench_trains_a_network_and_does_not_show_it_the_test(monkeypatch):
    data, shown = toy(), []
    kept = GraphClassification.batches
    monkeypatch.setattr(
        GraphClassification, "batches", lambda self, graph, seed: shown.append(self) or kept(self, graph, seed)
    )
    best, chosen = wholes.supervised(data, epochs=6)
    assert best["accuracy"] >= chosen["accuracy"] > 60
    for task in shown:
        hidden = {k for k, label in enumerate(task.labels) if label < 0}
        assert any(hidden == set(test.tolist()) for test in data.tests)
    assert len(shown) == 2 * 5 * 6
