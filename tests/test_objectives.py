"""Every objective lowers its loss, draws by its seeds alone, and is what its paper says: see also test_contracts.py."""

import dataclasses as dc
from collections.abc import Sequence

import networkx as nx
import numpy as np
import pytest
import torch
from torch import nn
from torch_geometric.data import Data
from torch_geometric.nn import SAGEConv

from graphembed.errors import DataError
from graphembed.graph import Graph
from graphembed.losses import decorrelation, info_nce, triplet
from graphembed.objectives import (
    Bootstrap,
    Contrast,
    Decorrelation,
    Infomax,
    LinkReconstruction,
    MaskedFeatures,
    MiniBatches,
    NodeClassification,
    Objective,
    Triplets,
    VariationalLinks,
    Weighted,
)
from graphembed.objectives.agreement import follow
from graphembed.objectives.protocol import output_width, whole
from graphembed.objectives.views import drop_edges, mask_features
from graphembed.parallel import one_thread
from graphembed.sampling.negatives import Degree, Given, TwoHop, Uniform
from graphembed.training import seeded
from tests.contracts import KARATE, LABELLED, OBJECTIVES, Two, alone, featured, home
from tests.reference import losses as slow

each = pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)


def run(objective, graph=None, epochs=30, seed=0, make=Two, lr=0.02):
    """A short loop, not `train`: losses of the epochs and what was learnt."""
    graph = graph or home(objective)
    with seeded(seed), one_thread():
        encoder = make()
        beside = objective.prepare(encoder, graph)
        parameters = [value for value in (*encoder.parameters(), *beside.parameters()) if value.requires_grad]
        optimizer = torch.optim.Adam(parameters, lr)
        losses = []
        for epoch in range(epochs):
            for batch in objective.batches(graph, seed=1000 * seed + epoch):
                optimizer.zero_grad()
                loss = objective.loss(encoder, beside, batch)
                loss.backward()
                optimizer.step()
                if hasattr(objective, "stepped"):
                    objective.stepped(encoder, beside)
                losses.append(loss.item())
    return losses, encoder, beside


def bits(*modules):
    return torch.cat([value.flatten().float() for module in modules for value in module.state_dict().values()])


# ── all of them ─────────────────────────────────────────────────────────────────────────────────────


@each
def test_the_loss_falls(objective):
    losses, _, _ = run(objective)
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.01


@each
def test_the_encoder_learns(objective):
    _, encoder, _ = run(objective, epochs=1)
    with seeded(0):
        before = Two()
    for name, value in before.state_dict().items():
        if "weight" in name:
            assert not torch.equal(value, encoder.state_dict()[name]), name


@each
def test_the_same_seed_gives_the_same_bits_and_another_does_not(objective):
    one, two, other = (run(objective, epochs=3, seed=seed) for seed in (0, 0, 1))
    assert one[0] == two[0]
    assert torch.equal(bits(*one[1:]), bits(*two[1:]))
    assert one[0] != other[0]


@each
def test_batches_draw_by_their_seed_and_leave_torch_alone(objective):
    before = torch.get_rng_state()
    with seeded(5):
        first = list(objective.batches(home(objective), seed=3))
    second = list(objective.batches(home(objective), seed=3))
    assert torch.equal(before, torch.get_rng_state())
    assert isinstance(objective.batches(home(objective), seed=3), Sequence)
    for a, b in zip(first, second, strict=True):
        for key, value in a.to_dict().items():
            assert not isinstance(value, torch.Tensor) or torch.equal(value, b[key])


@each
def test_the_graph_is_not_changed(objective):
    data = home(objective).data
    before = {key: value.clone() for key, value in data.to_dict().items() if isinstance(value, torch.Tensor)}
    run(objective, epochs=2)
    assert {key for key, value in data.to_dict().items() if isinstance(value, torch.Tensor)} == before.keys()
    assert all(torch.equal(data[key], value) for key, value in before.items())


@each
def test_labels_and_masks_are_not_in_the_batches(objective):
    graph = featured()
    graph.data.train_mask = torch.ones(34, dtype=torch.bool)
    for batch in alone(objective).batches(graph, seed=0):
        for part in batch.get("parts") or [batch]:
            assert not {"y", "train_mask"} & set(part.keys())


@each
def test_they_are_objectives_that_hold_still(objective):
    assert isinstance(objective, Objective)
    assert type(objective).__dataclass_params__.frozen
    assert objective == dc.replace(objective) or isinstance(objective, Weighted)


@each
@pytest.mark.parametrize("weighted", [False, True])
def test_edge_weights_go_to_the_encoder(objective, weighted):
    graph = featured(nx.path_graph(6))
    objective = dc.replace(objective, nodes=(0, 1)) if isinstance(objective, NodeClassification) else alone(objective)
    if weighted:
        graph.data.edge_weight = torch.ones(graph.data.edge_index.shape[1])
    seen = []

    class Spy(Two):
        def forward(self, x, edge_index, edge_weight=None):
            seen.append((edge_weight is not None, edge_weight is None or len(edge_weight) == edge_index.shape[1]))
            return super().forward(x, edge_index)

    run(objective, graph, epochs=1, make=Spy)
    assert set(seen) == {(weighted, True)}


@pytest.mark.parametrize("objective", [LinkReconstruction(), Triplets(), Infomax(), Contrast(), Decorrelation()])
def test_rows_of_a_learned_table_do_for_features(objective):
    graph = featured()
    graph.data.x = torch.arange(34)[:, None]

    class Table(Two):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(34, 12)

        def forward(self, x, edge_index, edge_weight=None):
            return super().forward(self.table(x[:, 0]), edge_index)

    losses, _, _ = run(objective, graph, make=Table)
    assert losses[-1] < losses[0]


# ── edges held out ──────────────────────────────────────────────────────────────────────────────────

HOLDING = [LinkReconstruction, VariationalLinks, Triplets]
holding = pytest.mark.parametrize("kind", HOLDING)
GRAPHS = {
    "undirected": KARATE,
    "directed": featured(nx.gnp_random_graph(30, 0.15, seed=1, directed=True)),  # some edges go both ways
}


def arcs(edge_index):
    return set(zip(*edge_index.tolist(), strict=True))


def positives(batch):
    """The (u, v) that a batch calls edges."""
    return arcs(batch.triplets[:2] if "triplets" in batch else batch.edge_label_index[:, batch.edge_label])


@holding
@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
@pytest.mark.parametrize("sampled", [None, MiniBatches((-1, -1), 16)])
def test_held_out_edges_are_in_no_batch_in_neither_direction_and_always_the_same(kind, graph, sampled):
    every, pairs = arcs(graph.data.edge_index), {frozenset(arc) for arc in arcs(graph.data.edge_index)}
    objective, found = kind(held_out=0.2, sampled=sampled), []
    for epoch in range(3):
        seen, asked = set(), set()
        for batch in objective.batches(graph, seed=epoch):
            node = batch.n_id if sampled else torch.arange(graph.num_nodes)
            seen |= arcs(node[batch.edge_index])
            asked |= {(int(node[u]), int(node[v])) for u, v in positives(batch)}
        hidden = {frozenset(arc) for arc in every - seen}
        assert len(hidden) == round(0.2 * len(pairs))
        assert not hidden & {frozenset(arc) for arc in seen | asked}
        assert {frozenset(arc) for arc in asked} == pairs - hidden
        found.append(hidden)
    assert found[0] == found[1] == found[2]
    (other,) = kind(held_out=0.2, seed=1).batches(graph, seed=0)
    assert {frozenset(arc) for arc in every - arcs(other.edge_index)} != hidden


@holding
def test_validation_does_not_see_held_out_edges_either(kind):
    seen = []

    class Spy(Two):
        def forward(self, x, edge_index, edge_weight=None):
            seen.append(edge_index)
            return super().forward(x, edge_index)

    objective = kind(held_out=0.2)
    (batch,) = objective.batches(KARATE, seed=3)
    with seeded(0), torch.no_grad():
        encoder = Spy()
        beside = objective.prepare(encoder, KARATE)
        seen.clear()
        one, two = (objective.valid(encoder.eval(), beside, KARATE) for _ in range(2))
    assert one == two
    assert all(torch.equal(edge_index, batch.edge_index) for edge_index in seen)


class Known(nn.Module):
    """Gives nodes vectors that are known."""

    def __init__(self, z):
        super().__init__()
        self.z = nn.Parameter(z)

    def forward(self, x, edge_index, edge_weight=None):
        return self.z


@holding
def test_validation_is_the_chance_to_tell_a_held_out_edge_from_a_pair_without_one(kind):
    """Two cliques: all edges are within, all other pairs between."""
    graph, side = featured(nx.disjoint_union(nx.complete_graph(6), nx.complete_graph(6))), np.arange(12) // 6
    apart = torch.tensor(np.eye(2)[side]).float()
    objective, beside = kind(held_out=0.3), nn.Module()
    assert objective.valid(Known(apart), beside, graph) == 1.0
    assert objective.valid(Known(torch.ones(12, 2)), beside, graph) == 0.5
    mixed = torch.tensor(np.eye(6)[np.arange(12) % 6]).float()  # alike are only nodes of different cliques
    assert objective.valid(Known(mixed), beside, graph) < 0.5


@holding
@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_to_hold_out_that_is_none_is_refused(kind, share):
    with pytest.raises(ValueError, match=f"held_out must be a share of at least 0 and below 1, got {share}"):
        kind(held_out=share)


# ── what each one is ────────────────────────────────────────────────────────────────────────────────


def prepared(objective, graph=KARATE, seed=0):
    with seeded(seed):
        encoder = Two()
        return encoder, objective.prepare(encoder, graph)


def test_margin_ranking_and_cross_entropy_are_of_the_scores():
    encoder, beside = prepared(LinkReconstruction())
    (batch,) = LinkReconstruction().batches(KARATE, seed=0)
    z = encoder(batch.x, batch.edge_index).detach().double().numpy()
    u, v = batch.edge_label_index.numpy()
    score, label = (z[u] * z[v]).sum(axis=1) / 8**0.5, batch.edge_label.numpy()
    found = LinkReconstruction().loss(encoder, beside, batch).item()
    assert found == pytest.approx(slow.link(score[label], score[~label]), rel=1e-5)
    found = LinkReconstruction(margin=0.5).loss(encoder, beside, batch).item()
    assert found == pytest.approx(slow.ranking(score[label], score[~label], 0.5), rel=1e-5)


def test_the_other_end_of_an_edge_is_replaced_by_a_draw():
    (batch,) = LinkReconstruction(negatives=Given(np.full((34, 1), 7))).batches(KARATE, seed=0)
    edges, others = batch.edge_label_index[:, batch.edge_label], batch.edge_label_index[:, ~batch.edge_label]
    assert torch.equal(edges[0], others[0])
    assert (others[1] == 7).all()
    assert edges.shape[1] == 2 * 78


def test_variational_links_add_the_divergence_by_its_weight():
    encoder, beside = prepared(VariationalLinks())
    (batch,) = VariationalLinks().batches(KARATE, seed=0)
    losses = []
    for weight in (0.0, 1.0, None):
        with seeded(3), torch.no_grad():
            losses.append(VariationalLinks(weight=weight).loss(encoder, beside, batch).item())
    mean = encoder(batch.x, batch.edge_index).detach()
    kl = slow.kl(mean.double().numpy(), beside(mean).detach().double().numpy())
    assert losses[1] - losses[0] == pytest.approx(kl, rel=1e-4)
    assert losses[2] - losses[0] == pytest.approx(kl / 34, rel=1e-3)


def test_without_spread_variational_links_are_links():
    encoder, beside = prepared(VariationalLinks())
    nn.init.constant_(beside.bias, -40.0)
    (batch,) = VariationalLinks().batches(KARATE, seed=0)
    with seeded(0):
        found = VariationalLinks(weight=0.0).loss(encoder, beside, batch).item()
    assert found == pytest.approx(LinkReconstruction().loss(encoder, nn.Module(), batch).item(), rel=1e-6)


def test_triplets_are_edges_and_draws():
    encoder, beside = prepared(Triplets())
    (batch,) = Triplets(margin=0.3).batches(KARATE, seed=0)
    linked = set(zip(*KARATE.data.edge_index.tolist(), strict=True))
    assert set(zip(*batch.triplets[:2].tolist(), strict=True)) == linked
    z = encoder(batch.x, batch.edge_index)
    expected = triplet(*(z[rows] for rows in batch.triplets), 0.3)
    assert Triplets(margin=0.3).loss(encoder, beside, batch).item() == pytest.approx(expected.item())


def test_infomax_compares_with_shuffled_features():
    encoder, beside = prepared(Infomax())
    (batch,) = Infomax().batches(KARATE, seed=0)
    assert sorted(batch.shuffled.tolist()) == list(range(34))
    assert batch.shuffled.tolist() != list(range(34))
    z, other = (encoder(x, batch.edge_index).detach().double().numpy() for x in (batch.x, batch.x[batch.shuffled]))
    weight = beside.weight.detach().double().numpy()
    assert Infomax().loss(encoder, beside, batch).item() == pytest.approx(slow.infomax(z, other, weight), rel=1e-5)


def test_contrast_is_grace():
    """Equation 1: the positive is in the denominator once, all other nodes of both views once, the node itself not."""
    objective = Contrast(temperature=0.4, edges=(0.0, 0.0), features=(0.0, 0.0), width=0)
    encoder, beside = prepared(objective)
    (batch,) = objective.batches(KARATE, seed=0)
    z = encoder(batch.x, batch.edge_index).detach().double().numpy()
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    alike = np.exp(z @ z.T / 0.4)
    expected = [-np.log(alike[v, v] / (alike[v].sum() + alike[v].sum() - alike[v, v])) for v in range(34)]
    assert objective.loss(encoder, beside, batch).item() == pytest.approx(np.mean(expected), rel=1e-5)


def test_contrast_with_few_negatives_is_corrected_by_their_chances():
    objective = Contrast(0.4, (0.0, 0.0), (0.0, 0.0), width=0, count=6, negatives=Degree(1.0), corrected=True)
    encoder, beside = prepared(objective)
    (batch,) = objective.batches(KARATE, seed=0)
    assert batch.candidates.shape == (7, 34)
    assert torch.equal(batch.candidates[0], torch.arange(34))
    z = encoder(batch.x, batch.edge_index).detach().double().numpy()
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    degree = np.bincount(KARATE.data.edge_index[0].numpy(), minlength=34) + 1
    candidates = batch.candidates.T.numpy()
    log_q = np.log(degree / degree.sum())[candidates]
    expected = slow.nce(z, z[candidates], np.zeros(34, int), 0.4, log_q)
    assert objective.loss(encoder, beside, batch).item() == pytest.approx(expected, rel=1e-5)
    plain = dc.replace(objective, corrected=False)
    expected = slow.nce(z, z[candidates], np.zeros(34, int), 0.4)
    assert plain.loss(encoder, beside, batch).item() == pytest.approx(expected, rel=1e-5)


def test_all_nodes_as_negatives_and_uniform_draws_agree_on_average():
    every = Contrast(1.0, (0.0, 0.0), (0.0, 0.0), width=0)
    encoder, beside = prepared(every)
    z = encoder(KARATE.data.x, KARATE.data.edge_index)
    z = nn.functional.normalize(z, dim=1)
    many = dc.replace(every, count=4000, negatives=Uniform())
    (batch,) = many.batches(KARATE, seed=0)
    expected = info_nce(z, z, temperature=1.0).item() + np.log(4000 / 34)  # as many copies of each node
    assert many.loss(encoder, beside, batch).item() == pytest.approx(expected, abs=0.02)


def test_a_correction_that_cannot_be_is_refused():
    objective = Contrast(count=3, negatives=TwoHop(1.0), corrected=True)
    with pytest.raises(ValueError, match="never draws some of the nodes that are to be recognised"):
        list(objective.batches(KARATE, seed=0))


def test_decorrelation_compares_two_views():
    objective = Decorrelation(edges=(0.0, 0.5), features=(0.0, 0.0))
    encoder, beside = prepared(objective)
    (batch,) = objective.batches(KARATE, seed=0)
    with seeded(4):
        found = objective.loss(encoder, beside, batch).item()
    with seeded(4):
        kept = drop_edges(batch, 0.5)
    views = encoder(batch.x, batch.edge_index), encoder(batch.x, kept.edge_index)
    assert found == pytest.approx(decorrelation(*views, 1e-3).item(), rel=1e-6)


def test_the_target_follows_and_the_optimizer_does_not_move_it():
    objective = Bootstrap(decay=0.9, width=8)
    encoder, beside = prepared(objective)
    target, predictor = beside["target"], beside["predictor"]
    assert not any(value.requires_grad for value in target.parameters())
    assert all(value.requires_grad for value in (*encoder.parameters(), *predictor.parameters()))
    before = bits(target).clone()
    assert torch.equal(before, bits(encoder))
    with torch.no_grad():
        for value in encoder.parameters():
            value.add_(1.0)
    (batch,) = objective.batches(KARATE, seed=0)
    with seeded(0):
        objective.loss(encoder, beside, batch).backward()
    assert torch.equal(before, bits(target)), "it does not follow batch by batch"
    objective.stepped(encoder, beside)
    assert bits(target) == pytest.approx((before + 0.1).numpy(), abs=1e-5)
    assert all(value.grad is None for value in target.parameters())


def test_the_target_follows_within_a_weighted_sum_too():
    objective = Weighted([(1.0, Infomax()), (1.0, Bootstrap(decay=0.9, width=8))])
    encoder, beside = prepared(objective)
    with torch.no_grad():
        for value in encoder.parameters():
            value.add_(1.0)
    before = bits(beside[1]["target"]).clone()
    objective.stepped(encoder, beside)
    assert bits(beside[1]["target"]) == pytest.approx((before + 0.1).numpy(), abs=1e-5)


def test_following_takes_running_means_and_counters_along():
    one, two = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    with seeded(0):
        two(torch.randn(10, 2) + 5)
    follow(one, two, 0.75)
    assert one.running_mean.numpy() == pytest.approx(two.running_mean.numpy() / 4)
    assert one.num_batches_tracked == 1


def test_masked_features_see_nothing_of_hidden_nodes():
    objective = MaskedFeatures(share=0.25)
    encoder, beside = prepared(objective)
    (batch,) = objective.batches(KARATE, seed=0)
    assert int(batch.hidden.sum()) == round(0.25 * 34)
    seen = []

    class Spy(nn.Module):
        def forward(self, x, edge_index, edge_weight=None):
            seen.append(x)
            return encoder(x, edge_index)

    objective.loss(Spy(), beside, batch)
    assert (seen[0][batch.hidden] == beside["token"][0]).all()
    assert torch.equal(seen[0][~batch.hidden], batch.x[~batch.hidden])


def test_masked_features_are_found_from_the_neighbours_alone():
    """With a decoder that passes vectors on, a hidden node whose neighbours carry its features has no error."""
    x = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    batch = whole(
        Graph(Data(x=x, edge_index=torch.tensor([[0, 1, 2, 3], [1, 0, 3, 2]]))),
        hidden=torch.tensor([True, False, True, False]),
    )

    class Same(nn.Module):
        def forward(self, x, edge_index, edge_weight=None):
            return x

    objective = MaskedFeatures(power=1.0)
    with seeded(0):
        beside = objective.prepare(Same(), Graph(batch))
    with torch.no_grad():
        for part in (beside["bridge"], beside["decoder"].lin):
            part.weight.copy_(torch.eye(2))
        beside["decoder"].lin.bias.zero_()
        beside["token"][0].copy_(torch.tensor([3.0, -3.0]))  # what the encoder makes of it is hidden from the decoder
        assert objective.loss(Same(), beside, batch).item() == pytest.approx(0, abs=1e-6)
        batch.x = x.flip(1) * torch.tensor([[0.0], [1.0], [0.0], [1.0]]) + x * torch.tensor([[1.0], [0], [1], [0]])
        assert objective.loss(Same(), beside, batch).item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("head", ["softmax", "arcface", "cosface"])
def test_classification_learns_to_tell_labelled_nodes_apart(head):
    objective = NodeClassification(head, nodes=LABELLED)
    _, encoder, beside = run(objective, epochs=60)
    with torch.no_grad():
        z = encoder(KARATE.data.x, KARATE.data.edge_index)
        z, weight = (z, beside.weight) if head == "softmax" else (z, nn.functional.normalize(beside.weight, dim=1))
        found = (z @ weight.T + (beside.bias if head == "softmax" else 0)).argmax(dim=1)
    assert torch.equal(found[list(LABELLED)], KARATE.data.y[list(LABELLED)])


@pytest.mark.parametrize("head", ["arcface", "cosface"])
def test_margins_are_those_of_the_papers(head):
    objective = NodeClassification(head, nodes=LABELLED, smoothing=0.1, margin=0.3, scale=9.0)
    encoder, beside = prepared(objective)
    (batch,) = objective.batches(KARATE, seed=0)
    rows = list(LABELLED)
    z = encoder(batch.x, batch.edge_index).detach().double().numpy()[rows]
    weight = beside.weight.detach().double().numpy()
    cosines = z @ weight.T / np.linalg.norm(z, axis=1)[:, None] / np.linalg.norm(weight, axis=1)
    expected = slow.margin_softmax(cosines, KARATE.data.y[rows].numpy(), head, 0.3, 9.0, 0.1)
    assert objective.loss(encoder, beside, batch).item() == pytest.approx(expected, rel=1e-4)


def test_classification_learns_from_the_train_mask_by_default():
    graph = featured()
    graph.data.train_mask = torch.arange(34) < 5
    (batch,) = NodeClassification().batches(graph, seed=0)
    assert batch.target.tolist() == graph.data.y[:5].tolist() + [-1] * 29


@pytest.mark.parametrize(
    ("change", "nodes", "text"),
    [
        ({"y": None}, (0,), r"one class per node in data.y, whole numbers \(nodes,\); got none"),
        ({"y": torch.ones(34)}, (0,), r"got torch.float32 \[34\]"),
        ({"y": torch.ones(34, 2).long()}, (0,), r"got torch.int64 \[34, 2\]"),
        ({}, None, "nothing to learn from: give nodes=..., or a graph with data.train_mask"),
        ({}, (34,), r"rows of the graph, from 0 to 33, got 1 int64 \[34\]"),
        ({}, (), "got 0 float64"),
        ({"y": torch.full((34,), -1)}, (0, 1), r"2 nodes to learn from have no class"),
    ],
)
def test_labels_that_do_not_do_are_refused(change, nodes, text):
    graph = featured()
    for key, value in change.items():
        graph.data[key] = value
    with pytest.raises(DataError, match=text):
        prepared(NodeClassification(nodes=nodes), graph)


def test_a_weighted_sum_adds_up_what_its_parts_say():
    parts = [(2.0, LinkReconstruction()), (0.5, Infomax())]
    objective = Weighted(parts)
    encoder, beside = prepared(objective)
    (batch,) = objective.batches(KARATE, seed=0)
    batch = batch.to("cpu")
    each_loss = [part.loss(encoder, beside[k], batch.parts[k]).item() for k, (_, part) in enumerate(parts)]
    assert objective.loss(encoder, beside, batch).item() == pytest.approx(2 * each_loss[0] + 0.5 * each_loss[1])


def test_parts_of_a_sum_draw_for_themselves():
    objective = Weighted([(1.0, LinkReconstruction()), (1.0, LinkReconstruction())])
    (batch,) = objective.batches(KARATE, seed=0)
    assert not torch.equal(batch.parts[0].edge_label_index, batch.parts[1].edge_label_index)


# ── views, widths and refusals ──────────────────────────────────────────────────────────────────────


def test_views_drop_a_share_and_nothing_else():
    edge_index = torch.stack([torch.arange(20_000), torch.arange(20_000)])
    weight = torch.arange(20_000).float()
    with seeded(0):
        dropped = drop_edges(Data(edge_index=edge_index, edge_weight=weight), 0.3)
        masked = mask_features(torch.ones(3, 20_000), 0.3)
    kept, kept_weight = dropped.edge_index, dropped.edge_weight
    assert kept.shape[1] == pytest.approx(14_000, abs=300)
    assert torch.equal(kept[0].float(), kept_weight)
    assert (kept[0].diff() > 0).all()
    assert masked.mean().item() == pytest.approx(0.7, abs=0.02)
    assert (masked == masked[0]).all(), "a feature is missing everywhere or nowhere"


def test_the_width_of_an_encoder_is_found_without_changing_it():
    encoder = nn.ModuleDict()
    with seeded(0):
        encoder = Two(SAGEConv, dim=5).train()
    assert output_width(encoder, KARATE) == 5
    assert encoder.training


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Contrast(edges=(0.2, 1.0)), r"edges must be two shares .* got \(0.2, 1.0\)"),
        (lambda: Bootstrap(features=(-0.1, 0.5)), r"features must be two shares .* got \(-0.1, 0.5\)"),
        (lambda: Decorrelation(edges=(0.2, 1.0)), r"edges must be two shares"),
        (lambda: Contrast(temperature=0.0), "temperature must be positive"),
        (lambda: Contrast(count=0), "count at least 1"),
        (lambda: Bootstrap(decay=1.1), "decay must be between 0 and 1"),
        (lambda: MaskedFeatures(share=0.0), "share must be between 0 and 1"),
        (lambda: MaskedFeatures(power=0.5), "power at least 1"),
        (lambda: NodeClassification("sphereface"), "head must be one of softmax, arcface, cosface, got 'sphereface'"),
        (lambda: NodeClassification(smoothing=2.0), "smoothing must be between 0 and 1"),
        (lambda: Weighted([]), "parts must be pairs of a finite weight and an objective"),
        (lambda: Weighted([(np.inf, Infomax())]), "parts must be pairs of a finite weight and an objective"),
    ],
)
def test_settings_out_of_range_are_refused(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_masked_features_need_features():
    graph = featured()
    graph.data.x = torch.arange(34)[:, None]
    with pytest.raises(DataError, match="hides features and needs nodes that have some"), seeded(0):
        MaskedFeatures().prepare(Two(), graph)
