"""What matters to a seed follows PageRank and visits; clusters cover every node once and keep the edges within."""

import builtins
import importlib.util

import networkx as nx
import numpy as np
import pytest
import torch
from scipy import stats
from torch_geometric.data import Data
from torch_geometric.loader import LinkLoader, NodeLoader
from torch_geometric.sampler import NodeSamplerInput

from graphembed.errors import DataError
from graphembed.graph import Graph, as_graph
from graphembed.kernels.importance import nearest_by_pagerank, nearest_by_visits
from graphembed.kernels.neighbors import Rows, cumulated
from graphembed.sampling.subgraphs import ClusterLoader, ImportanceSampler
from tests.reference.neighbors import pagerank


def random_data(nodes=40, edges=160, seed=0):
    """A directed graph with dead ends; a fifth of the edges weighs nothing."""
    rng = np.random.default_rng(seed)
    ends = np.unique(rng.integers(0, [[nodes], [nodes - 5]], (2, edges)), axis=1)
    weight = rng.integers(0, 5, ends.shape[1])
    return Data(edge_index=torch.from_numpy(ends), weight=torch.from_numpy(weight).float(), num_nodes=nodes)


def dense(data, weighted):
    """weight[v, u] of the edge u -> v: messages come to v from u."""
    matrix = np.zeros((data.num_nodes, data.num_nodes))
    source, target = data.edge_index.numpy()
    matrix[target, source] = data.weight.numpy() if weighted else 1
    return matrix


def rows(data, weighted):
    order = np.lexsort(data.edge_index.numpy())
    source, target = data.edge_index.numpy()[:, order]
    indptr = np.append(0, np.cumsum(np.bincount(target, minlength=data.num_nodes)))
    mass = cumulated(indptr, data.weight.numpy()[order]) if weighted else np.empty(0)
    return Rows(indptr, source.astype(np.int32)), mass


@pytest.mark.parametrize("weighted", [False, True])
def test_pushing_finds_personalised_pagerank(weighted):
    data = random_data()
    starts, nodes, scores = nearest_by_pagerank(*rows(data, weighted), np.arange(40), 40, 0.2, 1e-9)
    for seed in range(40):
        exact = pagerank(dense(data, weighted), seed, 0.2)
        some = slice(starts[seed], starts[seed + 1])
        assert nodes[some.start] == seed
        np.testing.assert_allclose(scores[some], exact[nodes[some]], atol=1e-6)
        assert set(np.flatnonzero(exact)) == set(nodes[some]) | {seed}
        assert (np.diff(scores[some][1:]) <= 0).all()


def test_pushing_little_is_off_by_little():
    graph = as_graph(nx.barabasi_albert_graph(200, 3, seed=1))
    tolerance = 1e-3
    starts, nodes, scores = nearest_by_pagerank(Rows(*graph.csr[:2]), np.empty(0), np.array([5]), 200, 0.15, tolerance)
    exact = pagerank(nx.to_numpy_array(nx.barabasi_albert_graph(200, 3, seed=1)), 5, 0.15)
    low = np.zeros(200)
    low[nodes] = scores
    degree = np.diff(graph.csr.indptr)
    assert (low <= exact + 1e-12).all()
    assert (exact - low <= tolerance * degree).all()
    assert starts[-1] < 200


def test_what_was_not_pushed_on_counts_for_the_order():
    rows, mass = Rows(np.array([0, 3, 3, 3, 3]), np.array([1, 2, 3], np.int32)), np.array([1.0, 4.0, 6.0])
    _, nodes, scores = nearest_by_pagerank(rows, mass, np.array([0]), 3, 0.5, 10.0)
    assert nodes.tolist() == [0, 2, 3]
    np.testing.assert_allclose(scores, [1 / 2, 3 / 24, 2 / 24])


@pytest.mark.parametrize("weighted", [False, True])
def test_visits_follow_walks_with_restart(weighted):
    data = random_data(6, 20, 3)
    weight = dense(data, weighted)
    seed, walks, length, restart = 0, 40_000, 3, 0.3
    _, nodes, counts = nearest_by_visits(*rows(data, weighted), np.array([seed]), 6, walks, length, restart, 11)
    total = weight.sum(axis=1, keepdims=True)
    step = np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)
    here, visits = np.eye(6)[seed], np.zeros(6)
    for _ in range(length):
        here = restart * np.eye(6)[seed] + (1 - restart) * here
        stuck = here[total[:, 0] == 0].sum()
        here = here @ step
        visits += here
        here[seed] += stuck  # jumps back, which is no visit
    expected = visits[nodes] * walks
    z = (counts - expected) / np.sqrt(np.maximum(expected, 1))
    assert np.abs(z).max() < 5
    assert set(nodes) == set(np.flatnonzero(visits)) | {seed}


@pytest.mark.parametrize("by", ["ppr", "walks"])
def test_a_batch_has_a_tree_per_seed_with_all_edges_within(by):
    data = random_data()
    sampler = ImportanceSampler(data, 6, by)
    seeds = torch.tensor([3, 9, 3])
    out = sampler.sample_from_nodes(NodeSamplerInput(None, seeds))
    assert torch.equal(out.node[:3], seeds)
    assert out.batch[:3].tolist() == [0, 1, 2]
    items = list(zip(out.batch.tolist(), out.node.tolist(), strict=True))
    assert len(set(items)) == len(items)
    assert torch.bincount(out.batch).max() <= 6
    expected = {
        (items.index((tree, u)), items.index((tree, v)), edge)
        for edge, (u, v) in enumerate(data.edge_index.T.tolist())
        for tree in range(3)
        if (tree, u) in items and (tree, v) in items
    }
    edges = sampler.edge_permutation[out.edge].tolist()
    assert set(zip(out.row.tolist(), out.col.tolist(), edges, strict=True)) == expected
    assert len(out.row) == len(expected)


@pytest.mark.parametrize("by", ["ppr", "walks"])
def test_loaders_take_it_and_workers_make_no_difference(by):
    data = random_data()
    data.x = torch.arange(40.0)[:, None]
    found = []
    for workers in (0, 2):
        sampler = ImportanceSampler(data, 5, by, seed=2)
        options = {"batch_size": 8, "num_workers": workers, "generator": torch.Generator().manual_seed(0)}
        batches = list(NodeLoader(data, sampler, **options))
        links = list(LinkLoader(data, sampler, data.edge_index, neg_sampling="binary", **options))
        assert all(torch.equal(batch.x[:, 0], batch.n_id.float()) for batch in batches + links)
        for batch in links:
            assert torch.equal(batch.batch[batch.edge_label_index[0]], batch.batch[batch.edge_label_index[1]])
        found.append(
            [(batch.n_id.tolist(), batch.edge_index.tolist(), batch.e_id.tolist()) for batch in batches + links]
        )
    assert found[0] == found[1]


def test_walks_are_drawn_anew_by_seed_and_epoch():
    data = random_data()

    def nodes(seed, epoch):
        sampler = ImportanceSampler(data, 8, "walks", walks=3, seed=seed)
        sampler.set_epoch(epoch)
        return tuple(sampler.sample_from_nodes(NodeSamplerInput(None, torch.arange(20))).node.tolist())

    assert len({nodes(seed, epoch) for seed in range(3) for epoch in range(3)}) == 9


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"by": "degree"}, "by must be 'ppr' or 'walks', got 'degree'"),
        ({"restart": 0}, "restart must be above 0"),
        ({"size": 0}, "at least 1, got tolerance=0.0001, size=0"),
        ({"tolerance": 0}, "tolerance must be positive"),
    ],
)
def test_settings_out_of_range_are_refused(options, text):
    with pytest.raises(ValueError, match=text):
        ImportanceSampler(random_data(), **{"size": 3, **options})


# --- clusters --------------------------------------------------------------------------------------------------------


def test_an_epoch_of_clusters_covers_every_node_once_with_the_edges_within():
    data = random_data()
    data.x = torch.arange(40.0)[:, None]
    label = np.random.default_rng(0).integers(0, 7, 40) * 10
    loader = ClusterLoader(data, label, batch_size=2, seed=1)
    batches = list(loader)
    assert len(batches) == len(loader) == 4
    assert sorted(torch.cat([batch.n_id for batch in batches]).tolist()) == list(range(40))
    for batch in batches:
        nodes = batch.n_id.tolist()
        assert torch.equal(batch.x[:, 0], batch.n_id.float())
        assert torch.equal(batch.weight, data.weight[batch.e_id])
        assert torch.equal(batch.n_id[batch.edge_index], data.edge_index[:, batch.e_id])
        within = [edge for edge, (u, v) in enumerate(data.edge_index.T.tolist()) if u in nodes and v in nodes]
        assert sorted(batch.e_id.tolist()) == within
        assert all(set(np.flatnonzero(label == label[node])) <= set(nodes) for node in nodes)
    again = [sorted(batch.n_id.tolist()) for batch in loader]
    assert again != [sorted(batch.n_id.tolist()) for batch in batches]
    repeated = ClusterLoader(data, label, batch_size=2, seed=1)
    assert [batch.n_id.tolist() for batch in repeated] == [batch.n_id.tolist() for batch in batches]


@pytest.mark.skipif(importlib.util.find_spec("pymetis") is None, reason="pymetis is not installed")
def test_a_graph_of_cliques_is_cut_between_them():
    graph = as_graph(nx.relabel_nodes(nx.connected_caveman_graph(6, 8), {i: (i * 5) % 48 for i in range(48)}))
    loader = ClusterLoader(graph, 6, shuffle=False)
    kept = sum(batch.edge_index.shape[1] for batch in loader) / graph.data.edge_index.shape[1]
    assert kept > 0.9
    assert [batch.num_nodes for batch in loader] == [8] * 6


def test_without_pymetis_the_error_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def fake(name, *rest):
        if name == "pymetis":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", fake)
    with pytest.raises(ImportError, match=r"graphembed\[partition\]"):
        ClusterLoader(random_data(), 3)
    assert len(list(ClusterLoader(random_data(), 1))) == 1


def test_clusters_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match=r"one for each of 40, got shape \(3,\)"):
        ClusterLoader(random_data(), np.zeros(3, int))
    with pytest.raises(ValueError, match="at least 1, got batch_size=0"):
        ClusterLoader(random_data(), 2, 0)


def test_an_empty_graph_has_no_batches():
    graph = Graph.from_edges([], [], nodes=0)
    assert list(ClusterLoader(graph, 3)) == []


def test_visits_are_even_where_the_graph_is():
    data = Data(edge_index=torch.tensor([[1, 2, 3, 4], [0, 0, 0, 0]]), num_nodes=5)
    _, _, counts = nearest_by_visits(*rows_even(data), np.array([0]), 5, 20_000, 1, 0.0, 1)
    assert stats.chisquare(counts[1:]).pvalue > 1e-3


def rows_even(data):
    indptr = np.append(0, np.cumsum(np.bincount(data.edge_index[1], minlength=5)))
    return Rows(indptr, data.edge_index[0].numpy().astype(np.int32)), np.empty(0)
