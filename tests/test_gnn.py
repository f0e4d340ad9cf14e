"""The GNN computes what slow plain NumPy computes, and reordering nodes reorders its rows."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch_geometric.nn import GATConv, GCNConv, SAGEConv

from graphembed.losses import link_loss
from graphembed.nn.decoders import scaled_dot
from graphembed.nn.gnn import GNN, NodeTable
from graphembed.training import seeded

JUMPS = [None, "cat", "max", "lstm"]
CONVS = {
    "sage": SAGEConv,
    "gcn": GCNConv,
    "gat": GATConv,
    "lambda": lambda inside, outside: GATConv(inside, outside, heads=2, concat=False),
}
NODES, FEATURES = 7, 3


def make(conv=SAGEConv, channels=(6, 6), out_channels=4, **more):
    with seeded(1):
        return GNN(conv, channels, out_channels, in_channels=FEATURES, **more).eval()


def inputs(*, undirected=False):
    """A directed graph of seven nodes with a self-loop (2), an isolated node (6), and weights."""
    rng = np.random.default_rng(2)
    edges = np.array([(0, 1), (0, 2), (1, 2), (2, 2), (2, 3), (3, 0), (4, 3), (5, 4), (5, 0)])
    weight = rng.uniform(0.5, 2.0, len(edges))
    if undirected:
        apart = edges[:, 0] != edges[:, 1]
        edges = np.concatenate([edges, edges[apart, ::-1]])
        weight = np.concatenate([weight, weight[apart]])
    x = rng.normal(size=(NODES, FEATURES))
    return torch.tensor(x).float(), torch.tensor(edges.T.copy()), torch.tensor(weight).float()


def doubles(module):
    return {name: value.detach().double().numpy() for name, value in module.state_dict().items()}


def dense(edge_index, weight=None):
    """adjacency[target, source] = weight: row = who listens."""
    adjacency = np.zeros((NODES, NODES))
    source, target = edge_index.numpy()
    adjacency[target, source] = 1 if weight is None else weight.double().numpy()
    return adjacency


def reference(gnn, x, mix):
    """h_0 = x W_0; h_k = relu(mix(k, h)); z = [h_1 ... h_K] W, in float64."""
    own = doubles(gnn)
    h, layers = x.double().numpy() @ own["project.weight"].T + own["project.bias"], []
    for layer in range(len(gnn.convs)):
        h = np.maximum(mix({key.split(f"convs.{layer}.")[-1]: value for key, value in own.items()}, h), 0)
        layers.append(h)
    return np.concatenate(layers, axis=1) @ own["out.weight"].T + own["out.bias"]


# ── what it computes ────────────────────────────────────────────────────────────────────────────────


def test_sage_takes_the_mean_over_the_nodes_that_point_here():
    x, edge_index, _ = inputs()
    gnn = make(SAGEConv)
    adjacency = dense(edge_index)
    mean = adjacency / np.maximum(adjacency.sum(axis=1, keepdims=True), 1)

    def mix(own, h):
        return mean @ h @ own["lin_l.weight"].T + own["lin_l.bias"] + h @ own["lin_r.weight"].T

    np.testing.assert_allclose(gnn(x, edge_index).detach().numpy(), reference(gnn, x, mix), atol=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("undirected", [False, True])
def test_gcn_normalises_by_the_roots_of_both_degrees(weighted, undirected):
    x, edge_index, weight = inputs(undirected=undirected)
    gnn = make(GCNConv)
    adjacency = dense(edge_index, weight if weighted else None)
    np.fill_diagonal(adjacency, np.where(np.diag(adjacency) > 0, np.diag(adjacency), 1))  # a self-loop for all
    root = 1 / np.sqrt(adjacency.sum(axis=1))
    normal = root[:, None] * adjacency * root

    def mix(own, h):
        return normal @ h @ own["lin.weight"].T + own["bias"]

    found = gnn(x, edge_index, weight) if weighted else gnn(x, edge_index)
    np.testing.assert_allclose(found.detach().numpy(), reference(gnn, x, mix), atol=1e-5)


@pytest.mark.parametrize("jump", JUMPS)
def test_jumps_join_the_layers_as_they_say(jump):
    x, edge_index, _ = inputs()
    gnn = make(jump=jump)
    h, layers = gnn.project(x), []
    for conv in gnn.convs:
        h = torch.relu(conv(h, edge_index))
        layers.append(h)
    if jump == "lstm":  # a share of each layer for each node, hence between the least and the largest layer
        joined = gnn.jump(layers)
        stacked = torch.stack(layers)
        assert ((joined >= stacked.amin(0) - 1e-6) & (joined <= stacked.amax(0) + 1e-6)).all()
    else:
        joined = {None: h, "cat": torch.cat(layers, 1), "max": torch.stack(layers).amax(0)}[jump]
    torch.testing.assert_close(gnn(x, edge_index), F.linear(joined, gnn.out.weight, gnn.out.bias))


@pytest.mark.parametrize("jump", JUMPS)
@pytest.mark.parametrize("conv", CONVS.values(), ids=CONVS)
def test_reordering_nodes_reorders_rows(conv, jump):
    x, edge_index, weight = inputs()
    gnn = make(conv, jump=jump)
    before = gnn(x, edge_index, weight)
    assert before.shape == (NODES, 4)
    assert before.std(dim=0).min() > 1e-4, "all nodes got the same vector: the test would hold for a constant"
    order = torch.tensor([3, 6, 0, 5, 1, 4, 2])
    after = gnn(x[order], torch.argsort(order)[edge_index], weight)
    torch.testing.assert_close(after, before[order], atol=1e-5, rtol=0)


@pytest.mark.parametrize("conv", CONVS.values(), ids=CONVS)
def test_reordering_edges_changes_nothing(conv):
    x, edge_index, weight = inputs()
    gnn, turned = make(conv), torch.arange(len(weight) - 1, -1, -1)
    after = gnn(x, edge_index[:, turned], weight[turned])
    torch.testing.assert_close(after, gnn(x, edge_index, weight), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("name", "used"), [("gcn", True), ("sage", False), ("gat", False), ("lambda", False)])
def test_weights_go_to_convolutions_that_take_them_and_to_no_others(name, used):
    x, edge_index, weight = inputs()
    gnn = make(CONVS[name])
    assert torch.equal(gnn(x, edge_index), gnn(x, edge_index, weight)) is not used
    torch.testing.assert_close(gnn(x, edge_index, torch.ones_like(weight)), gnn(x, edge_index))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_layer_sees_one_step_further(depth):
    path = torch.tensor([[0, 1, 2, 3, 4], [1, 2, 3, 4, 5]])  # 0 -> 1 -> ... -> 5
    gnn = make(SAGEConv, (8,) * depth)
    x = inputs()[0][:6]
    moved = x.clone()
    moved[0] += 1
    changed = (gnn(moved, path) - gnn(x, path)).abs().sum(dim=1) > 1e-7
    assert not changed[depth + 1 :].any()
    assert len(gnn.convs) == depth
    assert changed[0]


def test_widths_may_differ_from_layer_to_layer():
    x, edge_index, _ = inputs()
    for jump in (None, "cat"):
        gnn = make(channels=(5, 3, 2), jump=jump)
        assert [layer.in_channels for layer in gnn.convs] == [5, 5, 3]
        assert gnn(x, edge_index).shape == (NODES, 4)


@pytest.mark.parametrize("jump", JUMPS)
@pytest.mark.parametrize("conv", CONVS.values(), ids=CONVS)
@pytest.mark.parametrize("nodes", [1, 5])
def test_without_edges_a_node_is_what_it_would_be_alone(conv, jump, nodes):
    gnn, x = make(conv, jump=jump), inputs()[0][:nodes]
    no_edges = torch.empty(2, 0, dtype=torch.long)
    together = gnn(x, no_edges)
    assert together.shape == (nodes, 4)
    alone = torch.cat([gnn(row[None], no_edges) for row in x])
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=0)


def test_the_width_of_the_features_can_be_read_off_the_first_input():
    x, edge_index, _ = inputs()
    with seeded(0):
        gnn = GNN(SAGEConv, [4], 2)
        assert gnn(x, edge_index).shape == (NODES, 2)
    assert gnn.project.weight.shape == (4, FEATURES)


def test_dropout_acts_in_training_only():
    x, edge_index, _ = inputs()
    gnn = make(dropout=0.5)
    assert torch.equal(gnn(x, edge_index), gnn(x, edge_index))
    gnn.train()
    with seeded(0):
        assert not torch.equal(gnn(x, edge_index), gnn(x, edge_index))


@pytest.mark.parametrize("jump", JUMPS)
@pytest.mark.parametrize("conv", CONVS.values(), ids=CONVS)
def test_resetting_redraws_every_parameter(conv, jump):
    with seeded(0):
        gnn = make(conv, jump=jump)

    def redrawn(seed):
        with torch.no_grad(), seeded(seed):
            for value in gnn.parameters():
                value.fill_(torch.nan)
            gnn.reset_parameters()
        return copy.deepcopy(dict(gnn.named_parameters()))

    first, again, other = redrawn(1), redrawn(1), redrawn(2)
    for name, value in first.items():
        assert torch.isfinite(value).all(), f"{name} was not drawn"
        assert torch.equal(value, again[name])
        assert not value.any() or not torch.equal(value, other[name]), f"{name} does not depend on the seed"


# ── what is refused ─────────────────────────────────────────────────────────────────────────────────


def test_a_gnn_without_layers_is_refused():
    with pytest.raises(ValueError, match=r"a GNN needs at least one layer .* got channels=\[\]"):
        GNN(SAGEConv, [])


def test_an_unknown_jump_is_refused_with_those_known():
    with pytest.raises(ValueError, match="jump must be 'cat', 'max', 'lstm' or None, got 'sum'"):
        GNN(SAGEConv, [4], jump="sum")


@pytest.mark.parametrize("jump", ["max", "lstm"])
def test_layers_of_different_width_are_refused_where_they_meet_entry_by_entry(jump):
    with pytest.raises(ValueError, match=rf"jump='{jump}' needs layers of one width, got channels=\[4, 8\]"):
        GNN(SAGEConv, [4, 8], jump=jump)


# ── the table, the decoder and the loss ─────────────────────────────────────────────────────────────


def test_a_node_table_feeds_the_rows_asked_for():
    _, edge_index, weight = inputs()
    gnn = make(GCNConv)
    with seeded(0):
        table = NodeTable(gnn, 20, FEATURES)
    n_id = torch.tensor([4, 19, 0, 7, 7, 3, 11])
    torch.testing.assert_close(
        table(n_id.view(-1, 1), edge_index, weight), gnn(table.table.weight[n_id], edge_index, weight), atol=0, rtol=0
    )


@pytest.mark.parametrize("dim", [1, 3, 64])
def test_scaled_dot_is_the_inner_product_over_the_root_of_the_dimension(dim):
    rng = np.random.default_rng(3)
    z, pairs = rng.normal(size=(6, dim)), rng.integers(0, 6, (2, 11))
    expected = np.einsum("pd,pd->p", z[pairs[0]], z[pairs[1]]) / np.sqrt(dim)
    found = scaled_dot(torch.tensor(z).float(), torch.tensor(pairs))
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_the_link_loss_is_binary_cross_entropy_on_both_kinds_of_pairs(scale):
    rng = np.random.default_rng(4)
    positive, negative = (torch.tensor(rng.normal(size=size) * scale).float() for size in (5, 9))
    expected = F.binary_cross_entropy_with_logits(positive, torch.ones(5)) + F.binary_cross_entropy_with_logits(
        negative, torch.zeros(9)
    )
    torch.testing.assert_close(link_loss(positive, negative), expected)
