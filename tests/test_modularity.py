"""Soft modularity is that of its formula, that of networkx where nobody is in two communities, and DMoN raises it."""

import networkx as nx
import numpy as np
import pytest
import torch
from torch_geometric.nn import GCNConv

from graphembed.encoders.inductive import Inductive
from graphembed.graph import Graph, as_graph
from graphembed.heads.communities import Communities
from graphembed.losses import collapse, soft_modularity
from graphembed.nn.gnn import GNN
from graphembed.objectives.modularity import Modularity
from graphembed.training import Training, seeded
from tests.contracts import KARATE
from tests.reference import losses as slow


def drawn(seed=0, directed=False):
    rng = np.random.default_rng(seed)
    network = nx.gnp_random_graph(20, 0.3, seed=seed, directed=directed)
    graph = as_graph(network)
    weight = rng.random(graph.data.edge_index.shape[1]) + 0.1
    share = rng.random((20, 3))
    return graph.data.edge_index, torch.tensor(weight), torch.tensor(share / share.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("directed", [False, True])
def test_soft_modularity_is_that_of_the_formula(directed):
    edges, weight, share = drawn(directed=directed)
    expected = slow.soft_modularity(share.numpy(), edges.numpy(), weight.numpy())
    assert soft_modularity(share, edges, weight).item() == pytest.approx(expected)
    expected = slow.soft_modularity(share.numpy(), edges.numpy(), np.ones(len(weight)))
    assert soft_modularity(share, edges).item() == pytest.approx(expected)


def test_hard_communities_have_the_modularity_of_networkx():
    network, group = nx.karate_club_graph(), np.arange(34) % 3
    share = torch.eye(3, dtype=torch.float64)[group]
    expected = nx.community.modularity(network, [set(np.flatnonzero(group == k)) for k in range(3)], weight=None)
    assert soft_modularity(share, as_graph(network).data.edge_index).item() == pytest.approx(expected)


def test_collapse_is_that_of_the_formula():
    _, _, share = drawn()
    assert collapse(share).item() == pytest.approx(slow.collapse(share.numpy()))


def test_the_slope_is_that_of_differences():
    edges, weight, share = drawn()
    assert torch.autograd.gradcheck(lambda c: soft_modularity(c, edges, weight) + collapse(c), share.requires_grad_())


def test_without_edges_there_is_no_modularity():
    assert soft_modularity(torch.ones(3, 1), torch.empty(2, 0, dtype=torch.long)).item() == 0


def test_dmon_finds_planted_communities():
    truth = np.repeat(np.arange(4), 20)
    graph = as_graph(nx.planted_partition_graph(4, 20, 0.4, 0.02, seed=0))
    featured = Graph.from_edges(*graph.pairs.T, x=torch.eye(80))
    with seeded(0):
        module = GNN(GCNConv, [32], 16)
    encoder = Inductive(module, Modularity(4), training=Training(epochs=150, lr=0.01), progress=False).fit(featured)
    z = encoder.transform(featured)
    shares = Modularity.shares(encoder.beside_, torch.from_numpy(z.values.copy()))
    assert torch.allclose(shares.sum(dim=1), torch.ones(80))
    hard = torch.eye(4)[shares.argmax(dim=1)]
    known = soft_modularity(torch.eye(4)[truth], featured.data.edge_index)
    assert soft_modularity(hard, featured.data.edge_index) > 0.95 * known
    assert Communities(k=4).fit(z, featured).score(truth)["ARI"] > 0.9


def test_one_community_that_takes_all_is_costly():
    graph, batch = KARATE, Modularity(4).batches(KARATE, 0)[0]
    assert batch.num_nodes == graph.num_nodes
    one, even = torch.eye(4)[[0] * 34], torch.eye(4)[torch.arange(34) % 4]
    assert collapse(one).item() == pytest.approx(1.0)
    assert collapse(even).item() == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("settings", [{"communities": 1}, {"even": -1.0}, {"dropout": 1.0}])
def test_wrong_settings_are_refused(settings):
    with pytest.raises(ValueError, match="communities must be at least 2, even not negative and dropout"):
        Modularity(**settings)
