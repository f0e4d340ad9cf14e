"""The GNN computes what slow plain NumPy computes; the laws of all convolutions are in test_contracts.py."""

import copy
import importlib.util
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch_geometric.data import Batch, Data
from torch_geometric.nn import (
    ChebConv,
    GATConv,
    GATv2Conv,
    GCN2Conv,
    GCNConv,
    GINConv,
    GINEConv,
    GraphConv,
    SAGEConv,
    SGConv,
    TransformerConv,
    to_hetero,
)

from graphembed.kernels.csr import CSR, from_sorted_edges
from graphembed.losses import link_loss
from graphembed.nn import gnn as gnn_module
from graphembed.nn.decoders import scaled_dot
from graphembed.nn.gnn import GNN, NodeTable, smoothing
from graphembed.nn.layerwise import layerwise
from graphembed.training import seeded

JUMPS = [None, "cat", "max", "lstm", "attention"]
CONVS = {
    "sage": SAGEConv,
    "gcn": GCNConv,
    "gat": GATConv,
    "lambda": lambda inside, outside: GATConv(inside, outside, heads=2, concat=False),
    "sage max": lambda inside, outside: SAGEConv(inside, outside, aggr="max"),
    "gin": lambda inside, outside: GINConv(torch.nn.Linear(inside, outside)),
    "graph": GraphConv,
    "gatv2": GATv2Conv,
    "transformer": TransformerConv,
    "sg": SGConv,
}
IMPROVED = lambda inside, outside: GCNConv(inside, outside, improved=True)  # noqa: E731
# These read features of the edges, of three numbers.
ATTRIBUTED = {
    "gat": lambda inside, outside: GATConv(inside, outside, edge_dim=3),
    "gatv2": lambda inside, outside: GATv2Conv(inside, outside, edge_dim=3),
    "transformer": lambda inside, outside: TransformerConv(inside, outside, edge_dim=3),
    "gine": lambda inside, outside: GINEConv(torch.nn.Linear(inside, outside), edge_dim=3),
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
    if jump in (
        "lstm",
        "attention",
    ):  # a share of each layer for each node, hence between the least and the largest layer
        joined = gnn.jump(layers)
        stacked = torch.stack(layers)
        assert ((joined >= stacked.amin(0) - 1e-6) & (joined <= stacked.amax(0) + 1e-6)).all()
    else:
        joined = {None: h, "cat": torch.cat(layers, 1), "max": torch.stack(layers).amax(0)}[jump]
    torch.testing.assert_close(gnn(x, edge_index), F.linear(joined, gnn.out.weight, gnn.out.bias))


@pytest.mark.parametrize(
    ("name", "used"), [("gcn", True), ("graph", True), ("sage", False), ("gat", False), ("lambda", False)]
)
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


# ── normalisation, residuals, attention over layers ─────────────────────────────────────────────────


def test_previous_residuals_add_what_was_there():
    x, edge_index, _ = inputs()
    gnn = make(residual="previous", jump=None)
    h = gnn.project(x)
    for conv in gnn.convs:
        h = torch.relu(conv(h, edge_index)) + h
    torch.testing.assert_close(gnn(x, edge_index), gnn.out(h))


def test_initial_residuals_with_smoothing_are_gcnii():
    x, edge_index, weight = inputs()
    gnn = make(smoothing, (6,) * 3, residual="initial", alpha=0.2, theta=0.7, jump=None)
    h = first = torch.relu(gnn.project(x))
    for layer in range(1, 4):
        with seeded(0):
            theirs = GCN2Conv(6, alpha=0.2, theta=0.7, layer=layer)
        theirs.weight1.data = gnn.maps[layer - 1].weight.data.T
        h = torch.relu(theirs(h, first, edge_index, weight))
    torch.testing.assert_close(gnn(x, edge_index, weight), gnn.out(h))


def test_without_theta_initial_residuals_only_mix():
    x, edge_index, _ = inputs()
    gnn = make(residual="initial", alpha=0.3, theta=None, jump=None)
    h = first = torch.relu(gnn.project(x))
    for conv in gnn.convs:
        h = torch.relu(0.7 * conv(h, edge_index) + 0.3 * first)
    torch.testing.assert_close(gnn(x, edge_index), gnn.out(h))


def test_norms_act_before_relu():
    x, edge_index, _ = inputs()
    batch, layer, pair = (make(norm=norm, jump=None, channels=(6,)) for norm in ("batch", "layer", "pair"))
    message = layer.convs[0](layer.project(x), edge_index)
    spread = (message - message.mean(1, keepdim=True)) / (message.var(1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(layer.layers(x, edge_index)[0], torch.relu(spread))
    message = pair.convs[0](pair.project(x), edge_index)
    centred = message - message.mean(0)
    torch.testing.assert_close(
        pair.layers(x, edge_index)[0], torch.relu(centred / (centred**2).sum(1).mean().sqrt()), atol=1e-4, rtol=0
    )
    batch.train()
    message = batch.convs[0](batch.project(x), edge_index)
    even = (message - message.mean(0)) / (message.var(0, unbiased=False) + 1e-5).sqrt()
    torch.testing.assert_close(batch.layers(x, edge_index)[0], torch.relu(even))


def test_pairs_are_normalised_graph_by_graph():
    x, edge_index, _ = inputs()
    gnn = make(norm="pair")
    both = Batch.from_data_list([Data(x=x, edge_index=edge_index), Data(x=2 * x[:4], edge_index=edge_index[:, :5])])
    together = gnn(both.x, both.edge_index, batch=both.batch)
    alone = torch.cat([gnn(x, edge_index), gnn(2 * x[:4], edge_index[:, :5])])
    torch.testing.assert_close(together, alone)
    assert not torch.allclose(gnn(both.x, both.edge_index), alone)


def test_attention_weighs_layers_for_each_node():
    gnn = make(jump="attention")
    layers = [torch.full((2, 6), -1.0), torch.tensor([[3.0] * 6, [-1.0] * 6])]
    gnn.jump.score.weight.data.fill_(10.0)
    torch.testing.assert_close(gnn.jump(layers), torch.tensor([[3.0] * 6, [-1.0] * 6]))


def test_layers_are_what_is_joined():
    x, edge_index, weight = inputs()
    for jump in JUMPS:
        gnn = make(GCNConv, jump=jump, residual="previous", norm="layer")
        layers = gnn.layers(x, edge_index, weight)
        assert [tuple(layer.shape) for layer in layers] == [(NODES, 6)] * 2
        torch.testing.assert_close(gnn.join(layers), gnn(x, edge_index, weight))


def test_without_projection_the_first_convolution_reads_the_features():
    x, edge_index, _ = inputs()
    gnn = make(SAGEConv, project=False, jump=None)
    h = torch.relu(gnn.convs[1](torch.relu(gnn.convs[0](x, edge_index)), edge_index))
    torch.testing.assert_close(gnn(x, edge_index), gnn.out(h))
    with seeded(0):
        lazy = GNN(SAGEConv, [4], 2, project=False)
        assert lazy(x, edge_index).shape == (NODES, 2)


@pytest.mark.parametrize("jump", JUMPS)
def test_without_a_last_map_the_joined_layers_come_out(jump):
    x, edge_index, _ = inputs()
    gnn = make(jump=jump, out_channels=None)
    joined = gnn.layers(x, edge_index)[-1] if jump is None else gnn.jump(gnn.layers(x, edge_index))
    torch.testing.assert_close(gnn(x, edge_index), joined, rtol=0, atol=0)
    assert joined.shape[1] == gnn.out_channels


# ── features of edges ───────────────────────────────────────────────────────────────────────────────

attributed = pytest.mark.parametrize("conv", ATTRIBUTED.values(), ids=ATTRIBUTED)


@attributed
def test_features_of_edges_are_read_where_a_convolution_takes_them(conv):
    x, edge_index, weight = inputs()
    gnn = make(conv)
    attr = torch.stack([weight, weight**2, 1 - weight], dim=1)
    found = gnn(x, edge_index, edge_attr=attr)
    assert not torch.allclose(found, gnn(x, edge_index, edge_attr=attr + 1), atol=1e-4)
    turned = torch.arange(len(weight) - 1, -1, -1)
    torch.testing.assert_close(gnn(x, edge_index[:, turned], edge_attr=attr[turned]), found, atol=1e-5, rtol=0)
    for unaware in (SAGEConv, GATv2Conv, GraphConv):
        gnn = make(unaware)
        assert torch.equal(gnn(x, edge_index, edge_attr=attr), gnn(x, edge_index))


# ── sampled neighbourhoods ──────────────────────────────────────────────────────────────────────────


def sampled(hops, *, features=FEATURES, seed=0):
    """What a sampler gives: seeds, then the nodes found hop by hop; edges hop by hop, into those of the hop before."""
    rng = np.random.default_rng(seed)
    nodes, edges, ends, begin = [4], [], [], 0
    for _ in range(hops):
        total = sum(nodes)
        fresh = int(rng.integers(2, 6))
        target = np.repeat(np.arange(begin, total), 3)
        source = rng.integers(0, total + fresh, len(target))
        ends.append(np.stack([source, target]))
        begin = total
        nodes.append(fresh)
        edges.append(len(target))
    edge_index = torch.tensor(np.concatenate(ends, axis=1))
    x, weight = rng.normal(size=(sum(nodes), features)), rng.uniform(0.5, 2, edge_index.shape[1])
    return torch.tensor(x).float(), edge_index, torch.tensor(weight).float(), nodes, edges


@pytest.mark.parametrize("conv", [*CONVS.values(), smoothing, lambda a, b: ChebConv(a, b, 2)])
@pytest.mark.parametrize(("depth", "hops"), [(2, 2), (3, 2), (1, 3)])
@pytest.mark.parametrize("jump", [None, "cat", "lstm"])
def test_seeds_get_the_same_vectors_from_trimmed_layers(conv, depth, hops, jump):
    x, edge_index, weight, nodes, edges = sampled(hops)
    gnn = make(conv, (6,) * depth, jump=jump, residual="previous" if jump else "initial", norm="batch")
    whole = gnn(x, edge_index, weight)
    trimmed = gnn(x, edge_index, weight, num_sampled_nodes=nodes, num_sampled_edges=edges)
    torch.testing.assert_close(trimmed, whole[:4], atol=1e-5, rtol=1e-5)


@attributed
def test_features_of_edges_are_trimmed_with_the_edges(conv):
    x, edge_index, weight, nodes, edges = sampled(2)
    attr = torch.stack([weight, weight**2, 1 - weight], dim=1)
    gnn = make(conv)
    trimmed = gnn(x, edge_index, edge_attr=attr, num_sampled_nodes=nodes, num_sampled_edges=edges)
    torch.testing.assert_close(trimmed, gnn(x, edge_index, edge_attr=attr)[:4], atol=1e-5, rtol=1e-5)


def test_pairs_of_the_whole_sample_are_normalised():
    x, edge_index, _, nodes, edges = sampled(2)
    gnn = make(norm="pair")
    trimmed = gnn(x, edge_index, num_sampled_nodes=nodes, num_sampled_edges=edges)
    torch.testing.assert_close(trimmed, gnn(x, edge_index)[:4])


@pytest.mark.parametrize("conv", [SAGEConv, GATConv], ids=["rows", "scattered"])
def test_gradients_of_trimmed_layers_are_those_of_whole_ones(conv):
    x, edge_index, _, nodes, edges = sampled(2)
    gnn = make(conv)

    def gradients(**lists):
        gnn.zero_grad()
        gnn(x, edge_index, **lists)[:4].square().sum().backward()
        return [p.grad.clone() for p in gnn.parameters()]

    trimmed = gradients(num_sampled_nodes=nodes, num_sampled_edges=edges)
    for ours, theirs in zip(trimmed, gradients(), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_trimmed_layers_compute_no_more_than_the_seeds_need():
    x, edge_index, _, nodes, edges = sampled(2)
    gnn, seen = make(GATConv), []
    for conv in gnn.convs:
        conv.register_forward_hook(lambda _, given, __: seen.append((len(given[0]), given[1].shape[1])))
    gnn(x, edge_index, num_sampled_nodes=nodes, num_sampled_edges=edges)
    assert seen == [(sum(nodes), sum(edges)), (nodes[0] + nodes[1], edges[0])]


@pytest.mark.parametrize(("nodes", "edges"), [([4, 3], [12, 9]), ([4, 3, 2], [12]), ([4, 5], [12, 15])])
def test_lists_that_do_not_fit_the_sample_are_refused(nodes, edges):
    x, edge_index, *_ = sampled(2)
    with pytest.raises(ValueError, match=rf"must add up to the {len(x)} nodes and {edge_index.shape[1]} edges"):
        make()(x, edge_index, num_sampled_nodes=nodes, num_sampled_edges=edges)


# ── layer by layer ──────────────────────────────────────────────────────────────────────────────────


def in_rows(x, edge_index, weight):
    """The same graph by rows of listeners, and the order of its edges there."""
    order = np.lexsort([edge_index[0].numpy(), edge_index[1].numpy()])
    source, target = edge_index.numpy()[:, order]
    return from_sorted_edges(target, source, None if weight is None else weight.numpy()[order], len(x)), order


@pytest.mark.parametrize("jump", JUMPS)
@pytest.mark.parametrize("conv", [*(conv for name, conv in CONVS.items() if name != "sg"), smoothing, IMPROVED])
@pytest.mark.parametrize("weighted", [False, True])
def test_layer_by_layer_is_exact(conv, jump, weighted):
    x, edge_index, weight = inputs()
    weight = weight if weighted else None
    gnn = make(conv, jump=jump, residual="initial", norm="batch", dropout=0.5)
    csr, _ = in_rows(x, edge_index, weight)
    found = layerwise(gnn, x, csr, entries=3)
    torch.testing.assert_close(torch.from_numpy(found), gnn(x, edge_index, weight), atol=1e-5, rtol=1e-5)


def test_layer_by_layer_on_disk_with_features_of_edges(tmp_path):
    x, edge_index, weight = inputs()
    attr = torch.stack([weight, weight**2, 1 - weight], dim=1)
    gnn = make(ATTRIBUTED["gatv2"], residual="previous")
    csr, order = in_rows(x, edge_index, None)
    for name, table in {"x": x.numpy(), "attr": attr.numpy()[order], "indices": csr.indices}.items():
        np.save(tmp_path / f"{name}.npy", table)
    x_, attr_, indices = (np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("x", "attr", "indices"))
    gnn.train()
    found = layerwise(gnn, x_, CSR(csr.indptr, indices, csr.weight), attr_, entries=4, folder=tmp_path)
    assert gnn.training
    torch.testing.assert_close(torch.from_numpy(found), gnn.eval()(x, edge_index, edge_attr=attr))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["attr.npy", "indices.npy", "x.npy"]


def test_layer_by_layer_nobody_is_a_graph_too():
    empty = CSR(np.zeros(1, np.int64), np.empty(0, np.int32), np.empty(0, np.float32))
    assert layerwise(make(), np.empty((0, FEATURES), np.float32), empty).shape == (0, 4)


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"norm": "pair"}, "PairNorm"),
        ({"conv": SGConv}, "SGConv"),
        ({"conv": lambda a, b: ChebConv(a, b, 2)}, "ChebConv"),
    ],
)
def test_what_looks_far_is_not_done_in_blocks(more, named):
    x, edge_index, _ = inputs()
    with pytest.raises(ValueError, match=rf"exact only where .* and \['{named}'\] look further"):
        layerwise(make(**more), x, in_rows(x, edge_index, None)[0])


# ── PyG's own tools ─────────────────────────────────────────────────────────────────────────────────


JUMPED = [(None, None), ("cat", "previous"), ("max", "initial"), ("lstm", None), ("attention", "initial")]


@pytest.fixture(scope="module")
def unchecked():
    """The module as users have it: without the shape checks of tests, which know nothing of symbolic tensors."""
    spec = importlib.util.spec_from_file_location("gnn_as_users_have_it", gnn_module.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("jump", "residual"), JUMPED)
@pytest.mark.parametrize("conv", [SAGEConv, GraphConv, GATv2Conv, TransformerConv])
def test_to_hetero_takes_it(unchecked, conv, jump, residual):
    types = ["a", "b"], [("a", "to", "b"), ("b", "to", "a"), ("a", "next", "a")]
    with seeded(0), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gnn = unchecked.GNN(
            lambda a, b: conv((a, a), b, **({"add_self_loops": False} if conv is GATv2Conv else {})),
            [6, 6], 4, jump=jump, residual=residual, norm="layer", in_channels=FEATURES,
        )  # fmt: skip
        many = to_hetero(gnn, types)
    x, edge_index, _ = inputs()
    x_dict, edges = {"a": x, "b": x[:5] + 1}, edge_index[:, edge_index.max(dim=0).values < 5]
    found = many.eval()(x_dict, dict.fromkeys(types[1], edges))
    assert {name: z.shape for name, z in found.items()} == {"a": (NODES, 4), "b": (5, 4)}
    moved = many({"a": x, "b": x[:5] + 2}, dict.fromkeys(types[1], edges))
    assert not torch.allclose(moved["a"], found["a"])


def typed(gnn, types, shares=()):
    """The hetero version of a GNN in which every type has the parameters of the GNN, some of them times a number."""
    with seeded(5), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        many = to_hetero(gnn, types).eval()
    for name, value in many.state_dict().items():  # convs.0.a__to__b.lin_l.weight comes from convs.0.lin_l.weight
        parts = name.split(".")
        del parts[2 if parts[0] in ("convs", "norms", "maps") else 1]
        share = next((share for end, share in shares if parts[0] == "convs" and name.endswith(end)), 1)
        value.copy_(share * gnn.state_dict()[".".join(parts)])
    return many


@pytest.mark.parametrize(("jump", "residual"), JUMPED)
@pytest.mark.parametrize("conv", [SAGEConv, GraphConv, GATv2Conv, TransformerConv])
def test_with_one_type_to_hetero_gives_what_the_gnn_gives(unchecked, conv, jump, residual):
    with seeded(0):
        gnn = unchecked.GNN(conv, [6, 6], 4, jump=jump, residual=residual, norm="layer", in_channels=FEATURES).eval()
    x, edge_index, _ = inputs()
    found = typed(gnn, (["a"], [("a", "to", "a")]))({"a": x}, {("a", "to", "a"): edge_index})["a"]
    torch.testing.assert_close(found, gnn(x, edge_index))


@pytest.mark.parametrize(("jump", "residual"), JUMPED)
@pytest.mark.parametrize(
    ("conv", "once"),
    [
        (lambda a, b: SAGEConv(a, b, aggr="sum"), ("lin_l.bias", "lin_r.weight")),
        (GraphConv, ("lin_rel.bias", "lin_root.weight")),
    ],
    ids=["sage sum", "graph"],
)
def test_with_two_types_that_are_alike_to_hetero_gives_what_the_gnn_gives(unchecked, conv, once, jump, residual):
    """Sums over the neighbours of each type add up to sums over all; what a node says to itself must count once."""
    with seeded(0):
        gnn = unchecked.GNN(conv, [6, 6], 4, jump=jump, residual=residual, in_channels=FEATURES).eval()
    x, edge_index, _ = inputs()
    rows = {"a": torch.arange(4), "b": torch.arange(4, NODES)}
    kinds = [(one, "to", other) for one in rows for other in rows]
    edges = {}
    for one, to, other in kinds:
        inside = torch.isin(edge_index[0], rows[one]) & torch.isin(edge_index[1], rows[other])
        edges[one, to, other] = edge_index[:, inside] - torch.stack([rows[one][:1], rows[other][:1]])
    many = typed(gnn, (list(rows), kinds), [(end, 1 / 2) for end in once])  # two types of edges lead to either type
    found = many({kind: x[which] for kind, which in rows.items()}, edges)
    torch.testing.assert_close(torch.cat([found["a"], found["b"]]), gnn(x, edge_index))


# ── what is refused ─────────────────────────────────────────────────────────────────────────────────


def test_a_gnn_without_layers_is_refused():
    with pytest.raises(ValueError, match=r"a GNN needs at least one layer .* got channels=\[\]"):
        GNN(SAGEConv, [])


def test_an_unknown_jump_is_refused_with_those_known():
    with pytest.raises(ValueError, match="jump must be 'cat', 'max', 'lstm', 'attention' or None, got 'sum'"):
        GNN(SAGEConv, [4], jump="sum")


@pytest.mark.parametrize("jump", ["max", "lstm", "attention"])
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
