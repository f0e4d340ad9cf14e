"""Training on sampled neighbourhoods: every seed comes once, and with all neighbours it is whole-graph training."""

import dataclasses as dc

import networkx as nx
import numpy as np
import pytest
import torch
from torch_geometric.data import Data
from torch_geometric.nn import GATConv, GCNConv, SAGEConv

import graphembed as ge
from graphembed.graph import Graph, as_graph
from graphembed.nn.gnn import GNN
from graphembed.objectives import (
    Contrast,
    LinkReconstruction,
    MaskedFeatures,
    MiniBatches,
    NodeClassification,
    Triplets,
    VariationalLinks,
    Weighted,
)
from graphembed.objectives.protocol import encode, whole
from graphembed.objectives.views import drop_edges, view
from graphembed.parallel import threads
from graphembed.sampling.negatives import Degree
from graphembed.training import Training, seeded, train
from tests.contracts import OBJECTIVES, STILL, WHOLE, settle

CUT = {name: one for name, one in STILL.items() if not isinstance(one, WHOLE)}

ALL = MiniBatches((-1, -1, -1), 10_000)  # two layers, and one for the decoder of masked features


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


class Plain(torch.nn.Module):
    """An encoder that cannot trim."""

    def __init__(self, gnn):
        super().__init__()
        self.gnn = gnn

    def forward(self, x, edge_index, edge_weight=None):
        return self.gnn(x, edge_index, edge_weight)


def cut(objective, sampled):
    """The objective, or each of its parts, on sampled neighbourhoods."""
    if isinstance(objective, Weighted):
        return Weighted([(weight, cut(part, sampled)) for weight, part in objective.parts])
    return dc.replace(objective, sampled=sampled)


def place(batch, shuffled):
    """Say of the nodes of the graph what ``shuffled`` says of rows of a batch that holds them all."""
    moved = torch.empty_like(shuffled)
    moved[batch.n_id] = batch.n_id[shuffled]
    return moved


@pytest.mark.parametrize("conv", [SAGEConv, GATConv])
@pytest.mark.parametrize("objective", CUT.values(), ids=CUT)
def test_with_all_neighbours_loss_and_gradient_are_those_of_the_whole_graph(graph, conv, objective):
    (everything,), (part,) = objective.batches(graph, 5), cut(objective, ALL).batches(graph, 5)
    for one, other in zip(everything.get("parts") or [everything], part.get("parts") or [part], strict=True):
        if "shuffled" in other:  # drawn for rows, which here are in another order
            one.shuffled = place(other, other.shuffled)
    found = []
    for batch in (everything, part):
        encoder = fresh(conv)
        with seeded(0):
            beside = settle(objective.prepare(encoder, graph))
            loss = objective.loss(encoder, beside, batch)
        loss.backward()
        trained = [p for p in (*encoder.parameters(), *beside.parameters()) if p.requires_grad]
        found.append((loss.item(), [p.grad for p in trained]))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    torch.testing.assert_close(found[0][1], found[1][1], rtol=1e-3, atol=1e-5)


def items(batch):
    """How many nodes, tuples or edges a batch is about."""
    if "edge_label" in batch:
        return int(batch.edge_label.sum())
    return next((batch[key].shape[1] for key in ("triplets", "candidates") if key in batch), batch.get("batch_size"))


ADDING_UP = [
    "links",
    "links, margin",
    "triplets",
    "contrast, few",
    "bootstrap",
    "masked",
    "classes",
    "classes, arcface",
]


@pytest.mark.parametrize("name", ADDING_UP)
def test_with_all_neighbours_the_losses_of_batches_add_up_to_that_of_the_graph(graph, name):
    objective, encoder = STILL[name], fresh()
    with seeded(0), torch.no_grad():
        beside = objective.prepare(encoder, graph)
        (everything,), parts = (one.batches(graph, 5) for one in (objective, cut(objective, MiniBatches((-1,) * 3, 7))))
        losses = [objective.loss(encoder, beside, batch).item() for batch in parts]
        expected = objective.loss(encoder, beside, everything).item()
    assert len(losses) > 1
    assert np.average(losses, weights=[items(batch) for batch in parts]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", [name for name, objective in OBJECTIVES.items() if "," not in name])
def test_every_objective_learns_from_samples(graph, name):
    objective = cut(OBJECTIVES[name], MiniBatches((4, 4, 4), 40))
    assert len(objective.batches(graph, 0)) > 1 or name == "classes"
    history, _ = train(fresh(), graph, objective, Training(epochs=12, lr=0.01), progress=False)
    assert np.mean(history.losses[-3:]) < np.mean(history.losses[:2]) - 0.02


def test_the_divergence_weighs_one_over_the_nodes_of_the_graph_in_each_batch(graph):
    cuts = MiniBatches((3, 3), 8)
    batch, encoder, losses = VariationalLinks(sampled=cuts).batches(graph, 0)[0], fresh(), []
    for weight in (None, 1 / 120, 1 / batch.batch_size):
        objective = VariationalLinks(weight=weight, sampled=cuts)
        with seeded(0), torch.no_grad():
            losses.append(objective.loss(encoder, objective.prepare(encoder, graph), batch).item())
    assert losses[0] == losses[1] != losses[2]


def columns(batch, key):
    """The tuples of a batch, as nodes of the graph, and what is known of each."""
    node = batch.n_id if "n_id" in batch else torch.arange(120)
    more = batch.log_q.tolist() if "log_q" in batch else [()] * batch[key].shape[1]
    return [(*nodes, *known) for nodes, known in zip(node[batch[key]].T.tolist(), more, strict=True)]


@pytest.mark.parametrize(
    ("key", "objective"),
    [("triplets", Triplets()), ("candidates", Contrast(count=3, negatives=Degree(), corrected=True))],
)
def test_every_tuple_comes_once_with_what_is_known_of_it(graph, key, objective):
    (whole_graph,), parts = objective.batches(graph, 2), cut(objective, MiniBatches((2,), 50)).batches(graph, 2)
    assert all(batch[key].shape[1] == 50 for batch in parts[: len(parts) - 1])
    found = [column for batch in parts for column in columns(batch, key)]
    assert sorted(found) == sorted(columns(whole_graph, key))
    assert found != columns(whole_graph, key), "in random order"


def test_hidden_nodes_are_asked_for_once_and_hidden_around_others_too(graph):
    (whole_graph,) = MaskedFeatures().batches(graph, 1)
    seeds = []
    for batch in MaskedFeatures(sampled=MiniBatches((3, 3), 16)).batches(graph, 1):
        assert torch.equal(batch.hidden, whole_graph.hidden[batch.n_id])
        seeds += batch.n_id[: batch.batch_size].tolist()
    assert sorted(seeds) == whole_graph.hidden.nonzero()[:, 0].tolist()


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_where_others_are_few_each_batch_has_as_many_as_edges_and_each_edge_once(size):
    """A clique of nine less two edges."""
    network = nx.complete_graph(9)
    network.remove_edges_from([(2, 5), (0, 7)])
    graph = Graph(Data(edge_index=as_graph(network).data.edge_index, x=torch.ones(9, 8)))
    edges, others = [], []
    for batch in LinkReconstruction(sampled=MiniBatches((2,), size)).batches(graph, 0):
        ends = batch.n_id[batch.edge_label_index]
        others += [tuple(sorted(pair)) for pair in ends[:, ~batch.edge_label].T.tolist()]
        assert 2 * int(batch.edge_label.sum()) == len(batch.edge_label) <= max(size, 2)
        edges += ends[:, batch.edge_label].T.tolist()
    assert sorted(edges) == sorted(map(list, network.edges))
    assert sorted(others) == [(0, 7)] * 17 + [(2, 5)] * 17


def test_views_of_a_sample_are_trimmed_to_what_is_left_of_it(graph):
    batch = MiniBatches((3, 2), 16).of_nodes(graph, np.arange(120), 0)[0]
    gnn = fresh().eval()
    with seeded(0):
        fewer = drop_edges(batch, 0.4)
    assert sum(fewer.num_sampled_edges) == fewer.edge_index.shape[1] < batch.edge_index.shape[1]
    torch.testing.assert_close(encode(gnn, fewer), encode(Plain(gnn), fewer), rtol=1e-5, atol=1e-6)
    assert not torch.allclose(encode(gnn, fewer), encode(gnn, batch), atol=0.01)
    with seeded(1):
        assert len(view(gnn, batch, 0.3, 0.2)) == 16


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
    edge_index = graph.data.edge_index[:, ::3]  # directed: the order by targets is not the order by sources
    weight = 1 + 120 * edge_index[0].float() + edge_index[1]
    weighted = Graph(Data(edge_index=edge_index, edge_weight=weight, x=torch.arange(120.0).view(-1, 1)))
    (batch,) = MiniBatches((4,), 200).of_nodes(weighted, np.arange(120), 0)
    source, target = batch.x[batch.edge_index][..., 0]
    assert torch.equal(batch.edge_weight, 1 + 120 * source + target)
    assert torch.equal(batch.x[:, 0].long(), batch.n_id)


def test_seeds_are_embedded_alike_whether_an_encoder_trims_or_not(graph):
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
