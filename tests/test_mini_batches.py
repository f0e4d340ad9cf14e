"""Training on sampled neighbourhoods: every seed comes once, and with all neighbours it is whole-graph training."""

import networkx as nx
import numpy as np
import pytest
import torch
from torch_geometric.data import Data
from torch_geometric.nn import GATConv, GCNConv, SAGEConv

import graphembed as ge
from graphembed.graph import Graph, as_graph
from graphembed.nn.gnn import GNN
from graphembed.objectives import LinkReconstruction, MiniBatches, NodeClassification
from graphembed.objectives.protocol import encode, whole
from graphembed.parallel import threads
from graphembed.training import Training, seeded, train

ALL = MiniBatches((-1, -1), 10_000)


@pytest.fixture(scope="module")
def graph():
    """Three groups that features hint at; every other node is labelled."""
    network = nx.planted_partition_graph(3, 40, 0.2, 0.02, seed=1)
    y = torch.arange(120) // 40
    x = torch.tensor(np.random.default_rng(0).normal(size=(120, 8)) + np.eye(8)[y.numpy()]).float()
    edge_index = as_graph(network).data.edge_index
    return Graph(Data(edge_index=edge_index, x=x, y=y, train_mask=torch.arange(120) % 2 == 0))


def fresh(conv=SAGEConv, **more):
    with seeded(3):
        return GNN(conv, [16, 16], 8, in_channels=8, **more)


@pytest.mark.parametrize("conv", [SAGEConv, GATConv])
@pytest.mark.parametrize("objective", [NodeClassification, LinkReconstruction])
def test_with_all_neighbours_loss_and_gradient_are_those_of_the_whole_graph(graph, conv, objective):
    found = []
    for sampled in (None, ALL):
        encoder, task = fresh(conv), objective(sampled=sampled)
        with seeded(0):
            beside = task.prepare(encoder, graph)
            (batch,) = task.batches(graph, 5)
            loss = task.loss(encoder, beside, batch)
        loss.backward()
        found.append((loss.item(), [p.grad for p in encoder.parameters()]))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    torch.testing.assert_close(found[0][1], found[1][1], rtol=1e-4, atol=1e-6)


def test_every_labelled_node_is_a_seed_once_with_its_label(graph):
    batches = MiniBatches((3, 2), 16).of_nodes(
        graph, np.arange(0, 120, 2), 7, target=graph.data.y, name=torch.arange(120)
    )
    assert [batch.batch_size for batch in batches] == [16, 16, 16, 12]
    names = torch.cat([batch.name for batch in batches])
    assert sorted(names.tolist()) == list(range(0, 120, 2))
    assert names.tolist() != sorted(names.tolist()), "in random order"
    for batch in batches:
        assert torch.equal(batch.target, graph.data.y[batch.name])
        assert torch.equal(batch.x[: batch.batch_size], graph.data.x[batch.name])


def test_every_pair_comes_once_as_what_it_is(graph):
    task = LinkReconstruction(sampled=MiniBatches((2,), 50))
    (reference,) = LinkReconstruction().batches(graph, 4)
    rows = {tuple(row): node for node, row in enumerate(graph.data.x.tolist())}
    seen = []
    for batch in task.batches(graph, 4):
        ends = [rows[tuple(row)] for row in batch.x.tolist()]
        for (u, v), label in zip(batch.edge_label_index.T.tolist(), batch.edge_label.tolist(), strict=True):
            seen.append((ends[u], ends[v], label))
    expected = zip(*reference.edge_label_index.tolist(), reference.edge_label.tolist(), strict=True)
    assert sorted(seen) == sorted(expected)


def test_a_batch_is_the_same_whenever_it_is_made(graph):
    task = NodeClassification(sampled=MiniBatches((2, 2), 16))
    first, second = task.batches(graph, 1), task.batches(graph, 1)
    late = second[3]
    for i in range(len(first)):
        assert all(torch.equal(first[i][key], second[i][key]) for key in ("x", "edge_index", "target"))
    assert torch.equal(late.x, first[3].x)
    assert not torch.equal(task.batches(graph, 2)[3].x, late.x)


def test_edge_weights_stay_with_their_edges(graph):
    data = graph.data
    weight = 1 + data.edge_index.sum(dim=0).float()  # the sum of the ends: symmetric
    weighted = Graph(Data(edge_index=data.edge_index, edge_weight=weight, x=torch.arange(120.0).view(-1, 1)))
    (batch,) = MiniBatches((4,), 200).of_nodes(weighted, np.arange(120), 0)
    ends = batch.x[batch.edge_index][..., 0]
    assert torch.equal(batch.edge_weight, 1 + ends.sum(dim=0))


def test_seeds_are_embedded_alike_whether_an_encoder_trims_or_not(graph):
    class Plain(torch.nn.Module):
        def __init__(self, gnn):
            super().__init__()
            self.gnn = gnn

        def forward(self, x, edge_index, edge_weight=None):
            return self.gnn(x, edge_index, edge_weight)

    batch = MiniBatches((3, 2), 16).of_nodes(graph, np.arange(120), 0)[0]
    gnn = fresh().eval()
    torch.testing.assert_close(encode(Plain(gnn), batch), encode(gnn, batch), rtol=1e-5, atol=1e-6)
    assert len(encode(gnn, batch)) == 16
    assert len(encode(gnn, whole(graph))) == 120


@pytest.mark.parametrize("conv", [SAGEConv, GCNConv])
def test_learning_from_samples_finds_the_groups(graph, conv):
    task = NodeClassification(sampled=MiniBatches((5, 5), 16))
    encoder = fresh(conv)
    history, beside = train(encoder, graph, task, Training(epochs=30, lr=0.01), progress=False)
    with torch.no_grad():
        found = beside(encode(encoder, whole(graph))).argmax(dim=1)
    rest = ~graph.data.train_mask
    assert (found == graph.data.y)[rest].float().mean() > 0.9
    assert history.losses[-1] < 0.3 * history.losses[0]


def test_the_same_seed_gives_the_same_bits_on_any_number_of_threads(graph):
    found = []
    for count in (1, 2, 2, 8):
        encoder = fresh(dropout=0.2)
        task = LinkReconstruction(sampled=MiniBatches((5, 5), 64))
        with threads(count):
            train(encoder, graph, task, Training(epochs=2), seed=4, progress=False)
        found.append(torch.cat([p.detach().flatten() for p in encoder.parameters()]))
    assert all(torch.equal(found[0], other) for other in found[1:])


def test_a_recipe_takes_it_and_a_graph_without_features_too():
    encoder = ge.sage(dim=8, epochs=2, sampled=MiniBatches((5, 5), 64)).set_params(progress=False)
    assert np.isfinite(encoder.fit_transform(ge.load("karate")).values).all()
    assert encoder.objective.sampled.batch_size == 64


@pytest.mark.parametrize("wrong", [{"num_neighbors": ()}, {"batch_size": 0}])
def test_settings_out_of_range_are_refused(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"{name}={value}".replace("(", r"\(").replace(")", r"\)")):
        MiniBatches(**wrong)
