"""Fitted on one graph, used on another: what nodes tell a module, new nodes, and graphs done in blocks."""

from functools import partial

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from torch_geometric.data import Data
from torch_geometric.nn import GATConv, GCNConv, SAGEConv, SGConv

import graphembed as ge
from graphembed.encoders import inductive
from graphembed.encoders.inductive import Inductive
from graphembed.errors import DataError
from graphembed.features import FeatureTable
from graphembed.graph import Graph, as_graph
from graphembed.nn import layerwise as blocks
from graphembed.nn.gnn import GNN
from graphembed.splits import without
from graphembed.training import Training, seeded


def featured(graph, x):
    graph = as_graph(graph)
    return Graph(Data(**(graph.data.to_dict() | {"x": torch.as_tensor(x).float()})), graph.names, graph.directed)


def drawn(graph, width=5, seed=0):
    return featured(graph, np.random.default_rng(seed).normal(size=(as_graph(graph).num_nodes, width)))


def encoder(conv=SAGEConv, **more):
    with seeded(0):
        module = GNN(conv, [8, 8], 4, **more)
    return Inductive(module, training=Training(epochs=2), progress=False)


# ── what the module reads ───────────────────────────────────────────────────────────────────────────


class Reads(torch.nn.Module):
    """Embeds a node by its first four inputs."""

    def __init__(self):
        super().__init__()
        self.factor = torch.nn.Parameter(torch.ones(()))

    def forward(self, x, edge_index, edge_weight=None):
        return self.factor * x[:, :4]


def test_counts_are_brought_to_a_mean_square_of_1_node_by_node():
    counts = np.random.default_rng(0).integers(0, 3, (34, 4)).astype(float)
    counts[5] = 0
    z = Inductive(Reads(), training=Training(epochs=0)).fit(featured(ge.load("karate"), counts))
    for table in (counts, 7 * counts, counts - 1):  # it was fitted on counts: so they are read whatever comes later
        length = np.sqrt((table**2).mean(axis=1, keepdims=True))
        expected = np.divide(table, length, out=np.zeros_like(table), where=length > 0)
        np.testing.assert_allclose(z.transform(featured(ge.load("karate"), table)).values, expected, atol=1e-6)


def test_other_numbers_are_brought_to_a_mean_square_of_1_by_one_factor_for_all():
    table = np.random.default_rng(0).normal(1, 3, (34, 4))
    z = Inductive(Reads(), training=Training(epochs=0)).fit(featured(ge.load("karate"), table))
    for other in (table, 7 * table, abs(table)):
        found = z.transform(featured(ge.load("karate"), other)).values
        np.testing.assert_allclose(found, other / np.sqrt((table**2).mean()), rtol=1e-5)


def test_how_large_a_number_is_can_be_told_from_its_vector():
    line = featured(nx.path_graph(20), np.linspace(-2, 2, 20)[:, None])
    z = encoder().fit(line).transform(featured(nx.empty_graph(2), [[0.5], [1.5]]))
    assert np.linalg.norm(z.values[0] - z.values[1]) > 1e-3


# ── tables with gaps and words, and another graph ───────────────────────────────────────────────────


@pytest.fixture
def table():
    """Facts about the members of the karate club; some are missing, and of three members nothing is known."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"age": rng.normal(30, 5, 34), "job": rng.choice(["cook", "smith"], 34)})
    table.loc[[1, 4], "age"] = np.nan
    table.loc[[2, 4], "job"] = None
    return table.set_axis(list(ge.load("karate").names), axis=0).iloc[:31]


def renamed(graph, more=()):
    """The same graph with other names, so that every node is new; ``more`` edges by rows."""
    ends = np.concatenate([graph.pairs, np.array(more, np.int64).reshape(-1, 2)])
    nodes = max(graph.num_nodes, int(ends.max()) + 1)
    return Graph.from_edges(ends[:, 0], ends[:, 1], names=[f"new {k}" for k in range(nodes)])


def test_new_nodes_of_another_graph_get_vectors_by_the_same_rule(table):
    karate = ge.load("karate")
    features = FeatureTable().fit(table)
    learnt = encoder().fit(features.attach(karate, table))
    known = learnt.transform(features.attach(karate, table)).values
    other = table.set_axis([f"new {k}" for k in range(31)], axis=0)
    np.testing.assert_allclose(learnt.transform(features.attach(renamed(karate), other)).values, known, atol=1e-6)

    unheard = other.astype({"job": object})
    unheard.loc[["new 2", "new 4"], "job"] = "astronaut"  # these jobs were missing: a new word is as good as none
    z = learnt.transform(features.attach(renamed(karate), unheard))
    np.testing.assert_allclose(z.values, known, atol=1e-6)
    unheard.loc["new 0", "job"] = "astronaut"
    assert not np.allclose(learnt.transform(features.attach(renamed(karate), unheard)).values[0], known[0], atol=1e-3)

    empty = pd.DataFrame({"age": [np.nan] * 3, "job": [None] * 3}, index=["new 31", "new 32", "new 33"])
    filled = pd.concat([other, empty.astype({"job": object})])  # a node without a row is one whose row is empty
    np.testing.assert_allclose(learnt.transform(features.attach(renamed(karate), filled)).values, known, atol=1e-6)

    grown = learnt.transform(features.attach(renamed(karate, [(0, 34), (34, 35)]), other))
    assert grown.shape == (36, 4)
    assert np.isfinite(grown.values).all()
    far = [row for row in range(34) if nx.shortest_path_length(nx.from_edgelist(karate.pairs), 0)[row] > 2]
    np.testing.assert_allclose(grown.values[far], known[far], atol=1e-6)  # two layers see no further


def test_words_where_numbers_were_are_refused(table):
    features = FeatureTable().fit(table)
    with pytest.raises(DataError, match=r"column 'age' held numbers in fit and now something else: .*'old'"):
        features.transform(table.assign(age="old"))


# ── links of new nodes ──────────────────────────────────────────────────────────────────────────────


def split_nodes(graph, share, seed):
    """The graph of the old nodes, the whole graph less half of the new nodes' links, and these with as many others."""
    rng = np.random.default_rng(seed)
    new = np.zeros(graph.num_nodes, bool)
    new[rng.choice(graph.num_nodes, int(share * graph.num_nodes), replace=False)] = True
    links = graph.pairs[new[graph.pairs].any(axis=1)]
    asked = links[rng.random(len(links)) < 0.5]
    others = np.stack([np.flatnonzero(new)[rng.integers(0, new.sum(), len(asked))],
                       rng.integers(0, graph.num_nodes, len(asked))], axis=1)  # fmt: skip
    linked = {frozenset(pair) for pair in graph.pairs.tolist()}
    others = others[[len({*pair}) == 2 and frozenset(pair) not in linked for pair in others.tolist()]]
    old = np.flatnonzero(~new)
    fitted = Graph(graph.data.subgraph(torch.from_numpy(old)), [graph.names[row] for row in old])
    return fitted, without(graph, asked), asked, others


def test_links_of_new_nodes_are_told_better_than_by_degree(public_data):
    cora = ge.load("cora")
    fitted, shown, asked, others = split_nodes(cora, 0.2, 0)
    assert set(fitted.names) < set(cora.names)
    learnt = ge.sage(dim=32, epochs=30).set_params(progress=False).fit(fitted)
    bare = featured(Graph.from_edges([], [], names=cora.names), cora.data.x)
    degree = np.diff(shown.csr.indptr)

    def auc(score):
        return roc_auc_score(np.repeat([1, 0], [len(asked), len(others)]), [*score(asked), *score(others)])

    def dot(z):
        return lambda pairs: (z.values[pairs[:, 0]] * z.values[pairs[:, 1]]).sum(axis=1)

    baseline = auc(lambda pairs: degree[pairs[:, 0]] * degree[pairs[:, 1]])
    with_links, features_only = auc(dot(learnt.transform(shown))), auc(dot(learnt.transform(bare)))
    assert with_links > baseline + 0.1
    assert features_only > baseline + 0.02


# ── in blocks ───────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def small_blocks(monkeypatch):
    """Everything is too large to be done at once; returns the list of graphs that were done in blocks."""
    done = []

    def recorded(gnn, x, csr):
        done.append(csr)
        return blocks.layerwise(gnn, x, csr, entries=9)

    monkeypatch.setattr(blocks, "AT_ONCE", 0)
    monkeypatch.setattr(inductive, "layerwise", recorded)
    return done


GRAPHS = {
    "undirected": lambda: ge.load("lesmis"),
    "directed": lambda: as_graph(nx.gnp_random_graph(30, 0.1, seed=1, directed=True)),
}


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("inputs", ["x", "learned", "structural"])
@pytest.mark.parametrize("conv", [SAGEConv, GCNConv, GATConv])
def test_blocks_give_what_the_whole_graph_gives(graph, inputs, conv, small_blocks, monkeypatch):
    graph = drawn(GRAPHS[graph]()) if inputs == "x" else GRAPHS[graph]()
    learnt = encoder(conv, residual="previous", norm="batch")
    learnt.set_params(features="learned" if inputs == "x" else inputs).fit(graph)
    in_blocks = learnt.transform(graph)
    assert len(small_blocks) == 1
    monkeypatch.setattr(blocks, "AT_ONCE", 10**9)
    at_once = learnt.transform(graph)
    assert len(small_blocks) == 1
    np.testing.assert_allclose(in_blocks.values, at_once.values, rtol=1e-4, atol=1e-5)
    assert in_blocks.names == at_once.names


@pytest.mark.parametrize(
    "module", [partial(GNN, SGConv, [8], 4), partial(GNN, SAGEConv, [8], 4, norm="pair"), Reads], ids=["sg", "pair", ""]
)
def test_what_cannot_be_done_in_blocks_is_done_at_once(module, small_blocks):
    with seeded(0):
        learnt = Inductive(module(), training=Training(epochs=1), progress=False)
    assert learnt.fit_transform(drawn(ge.load("karate"))).shape == (34, 4)
    assert not small_blocks


def test_large_is_what_writes_out_a_large_table(monkeypatch):
    csr = ge.load("karate").csr  # 34 nodes, 156 entries; two layers of 8 are joined to 16
    for conv, numbers in ((SAGEConv, 34 * 16), (GATConv, 156 * 16)):
        with seeded(0):
            gnn = GNN(conv, [8, 8], 4, in_channels=3)
        monkeypatch.setattr(blocks, "AT_ONCE", numbers)
        assert not blocks.wants_blocks(gnn, csr)
        monkeypatch.setattr(blocks, "AT_ONCE", numbers - 1)
        assert blocks.wants_blocks(gnn, csr)


@given(st.lists(st.integers(0, 9), max_size=30), st.integers(1, 25))
@settings(max_examples=100, deadline=None)
def test_blocks_are_full_and_no_fuller(degrees, entries):
    found = blocks._blocks(np.concatenate([[0], np.cumsum(degrees, dtype=np.int64)]), entries)
    assert [row for begin, end in found for row in range(begin, end)] == list(range(len(degrees)))
    size = [sum(degrees[begin:end]) + end - begin for begin, end in found]
    for number, (begin, end) in enumerate(found):
        assert end == begin + 1 or size[number] <= entries
        if number + 1 < len(found):
            assert size[number] + degrees[end] + 1 > entries
