"""Products of rows give what PyG's convolutions give by scattering, gradients too, on any number of threads."""

import copy
import gc
from functools import partial

import numba
import numpy as np
import pytest
import torch
from torch import nn
from torch_geometric.nn import APPNP, GATConv, GCNConv, GINConv, GraphConv, SAGEConv

from graphembed.nn.aggregate import _KNOWN, Neighbours, Rows, can_fuse, fused
from graphembed.training import seeded

NODES, FEATURES = 40, 6


def gin(inside, outside, **more):
    return GINConv(nn.Sequential(nn.Linear(inside, 8), nn.ReLU(), nn.Linear(8, outside)), **more)


FUSED = {
    "sage": SAGEConv,
    "sage sum": lambda a, b: SAGEConv(a, b, aggr="sum"),
    "sage normalised": lambda a, b: SAGEConv(a, b, normalize=True, bias=False),
    "sage without root": lambda a, b: SAGEConv(a, b, root_weight=False),
    "gcn": GCNConv,
    "gcn improved": lambda a, b: GCNConv(a, b, improved=True, bias=False),
    "gcn without loops": lambda a, b: GCNConv(a, b, add_self_loops=False),
    "gcn as it is": lambda a, b: GCNConv(a, b, normalize=False),
    "gin": gin,
    "gin with eps": lambda a, b: gin(a, b, eps=0.3, train_eps=True),
    "graph": GraphConv,
    "graph mean": lambda a, b: GraphConv(a, b, aggr="mean"),
    "appnp": lambda *_: APPNP(K=1, alpha=0.0),
    "appnp, some kept": lambda *_: APPNP(K=1, alpha=0.3),
}
each = pytest.mark.parametrize("make", FUSED.values(), ids=FUSED)


def graph(edges=200, *, ordered=False):
    """A random directed graph with loops and repeats; the last five nodes have no edges."""
    rng = np.random.default_rng(5)
    ends = rng.integers(0, NODES - 5, (2, edges))
    if ordered:
        ends = ends[:, np.argsort(ends[1], kind="stable")]
    x, weight = rng.normal(size=(NODES, FEATURES)), rng.uniform(0.2, 2.0, edges)
    return torch.tensor(x).float(), torch.tensor(ends), torch.tensor(weight).float()


def made(make):
    with seeded(3):
        return make(FEATURES, 5)


def takes_weights(conv):
    return isinstance(conv, (GCNConv, GraphConv, APPNP))


def outcome(run, conv, x):
    """Output, and gradients of an uneven sum of it in inputs and parameters."""
    x = x.clone().requires_grad_()
    conv.zero_grad()
    y = run(conv, x)
    (y * torch.linspace(-1, 2, y.numel()).view_as(y)).sum().backward()
    return [y.detach(), x.grad, *(p.grad.clone() for p in conv.parameters() if p.grad is not None)]


# ── the same as PyG ─────────────────────────────────────────────────────────────────────────────────


@each
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ordered", [False, True])
def test_products_and_their_gradients_are_those_of_pyg(make, weighted, ordered):
    conv = made(make)
    x, edge_index, weight = graph(ordered=ordered)
    weight = weight if weighted and takes_weights(conv) else None
    extra = () if weight is None else (weight,)
    near = Neighbours(edge_index, weight, NODES)
    assert can_fuse(conv, x, weight)
    fast = outcome(lambda conv, x: fused(conv, near, x, NODES), conv, x)
    slow = outcome(lambda conv, x: conv(x, edge_index, *extra), conv, x)
    assert len(fast) == len(slow) == 2 + len(list(conv.parameters()))
    for ours, theirs in zip(fast, slow, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


@each
def test_double_precision_stays_double(make):
    conv = made(make).double()
    x, edge_index, weight = graph()
    weight = weight.double() if takes_weights(conv) else None
    extra = () if weight is None else (weight,)
    found = fused(conv, Neighbours(edge_index, weight, NODES), x.double(), NODES)
    torch.testing.assert_close(found, conv(x.double(), edge_index, *extra), atol=1e-12, rtol=1e-10)


@each
def test_a_graph_without_edges_is_fine(make):
    conv, (x, _, _) = made(make), graph()
    none = torch.empty(2, 0, dtype=torch.long)
    for nodes in (0, 1, 7):
        found = fused(conv, Neighbours(none, None, nodes), x[:nodes], nodes)
        torch.testing.assert_close(found, conv(x[:nodes], none))


@each
def test_the_first_targets_can_be_had_alone(make):
    conv, (x, edge_index, _) = made(make), graph()
    inner = edge_index[:, (edge_index < 20).all(dim=0)]  # the first twenty nodes hear from each other only
    near = Neighbours(inner, None, NODES)
    whole = fused(conv, near, x, NODES)
    torch.testing.assert_close(fused(conv, near, x[:20], 9), whole[:9])


def test_the_gradient_of_the_gradient_is_right():
    x, edge_index, weight = graph(30)
    rows = Rows.of(edge_index, weight.double(), targets=NODES, sources=NODES)
    start = x[:, :2].double().requires_grad_()
    with seeded(0):
        assert torch.autograd.gradcheck(rows.sum, (start,))
        assert torch.autograd.gradgradcheck(lambda x: rows.sum(x) ** 2, (start,))
        for conv in (SAGEConv(2, 2), GraphConv(2, 2)):
            near = Neighbours(edge_index, None, NODES)
            whole = partial(fused, conv.double(), near, targets=NODES)
            assert torch.autograd.gradcheck(lambda x, whole=whole: whole(x=x), (start,))
            assert torch.autograd.gradgradcheck(lambda x, whole=whole: whole(x=x) ** 2, (start,))


def test_inputs_that_need_no_gradient_cost_none():
    x, edge_index, _ = graph()
    near = Neighbours(edge_index, None, NODES)
    rows = near.rows(weighted=False)
    fused(made(SAGEConv), near, x, NODES).sum().backward()
    assert "turned" not in vars(rows.mean(x.dtype)), "the transpose was made although nobody asked for the gradient"


# ── rows ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("ordered", [False, True])
def test_rows_are_the_matrix_that_the_edges_are(ordered):
    x, edge_index, weight = graph(ordered=ordered)
    dense = np.zeros((NODES, NODES))
    np.add.at(dense, (edge_index[1].numpy(), edge_index[0].numpy()), weight.numpy())
    rows = Rows.of(edge_index, weight, targets=NODES, sources=NODES)
    np.testing.assert_allclose(rows.sum(x).numpy(), dense @ x.numpy(), atol=1e-4)
    np.testing.assert_allclose(rows.turned.sum(x).numpy(), dense.T @ x.numpy(), atol=1e-4)
    count = np.bincount(edge_index[1].numpy(), minlength=NODES).clip(min=1)[:, None]
    np.testing.assert_allclose(rows.mean(x.dtype).sum(x).numpy(), dense @ x.numpy() / count, atol=1e-4)
    square = (edge_index < 25).all(dim=0)
    inner = Rows.of(edge_index[:, square], weight[square], targets=NODES, sources=NODES)
    np.testing.assert_allclose(inner.cut(10, 25).sum(x[:25]).numpy(), dense[:10, :25] @ x[:25].numpy(), atol=1e-4)


@pytest.mark.parametrize(("source", "target"), [(9, 0), (0, 4), (-1, 0), (0, -1)])
def test_edges_to_nodes_that_do_not_exist_are_refused(source, target):
    edge_index = torch.tensor([[0, source], [1, target]])
    with pytest.raises(IndexError, match=rf"edge 1 goes from {source} to {target}, but there are 9 rows of x and 4"):
        Rows.of(edge_index, None, targets=4, sources=9)


def test_bits_do_not_depend_on_threads(thread_count):
    rng = np.random.default_rng(0)
    edge_index = torch.tensor(rng.integers(0, 500, (2, 20_000)))
    x = torch.tensor(rng.normal(size=(500, 33))).float()
    rows = Rows.of(edge_index, torch.tensor(rng.random(20_000)).float(), targets=500, sources=500)
    here = rows.sum(x)
    numba.set_num_threads(1)
    assert torch.equal(here, rows.sum(x))
    numba.set_num_threads(thread_count)


# ── rows are made once, and again where edges changed ───────────────────────────────────────────────


def test_the_same_tensors_share_their_rows_until_they_change():
    _, edge_index, weight = graph()
    near = Neighbours.of(edge_index, weight, NODES)
    assert Neighbours.of(edge_index, weight, NODES) is near
    assert Neighbours.of(edge_index, weight, NODES + 1) is not near
    near = Neighbours.of(edge_index, weight, NODES)
    assert Neighbours.of(edge_index, weight.clone(), NODES) is not near
    near = Neighbours.of(edge_index, weight, NODES)
    weight += 1
    assert Neighbours.of(edge_index, weight, NODES) is not near
    near = Neighbours.of(edge_index, weight, NODES)
    edge_index[0, 0] = 1
    assert Neighbours.of(edge_index, weight, NODES) is not near
    assert Neighbours.of(edge_index.clone(), weight, NODES) is not near


def test_rows_go_when_the_edges_go():
    _, edge_index, weight = graph()
    before = len(_KNOWN)
    Neighbours.of(edge_index, weight, NODES).rows(weighted=True)
    assert len(_KNOWN) == before + 1
    del edge_index
    gc.collect()
    assert len(_KNOWN) == before


def test_tensors_of_inference_mode_are_taken():
    with torch.inference_mode():
        x, edge_index, _ = graph()
        conv = made(SAGEConv)
        torch.testing.assert_close(fused(conv, Neighbours.of(edge_index, None, NODES), x, NODES), conv(x, edge_index))


# ── what is left to PyG ─────────────────────────────────────────────────────────────────────────────


class Louder(SAGEConv):
    def message(self, x_j):
        return 2 * x_j


OTHERS = {
    "attention": lambda: GATConv(FEATURES, 5),
    "largest": lambda: SAGEConv(FEATURES, 5, aggr="max"),
    "several sums": lambda: SAGEConv(FEATURES, 5, aggr=["mean", "max"]),
    "projecting": lambda: SAGEConv(FEATURES, 5, project=True),
    "reversed": lambda: GCNConv(FEATURES, 5, flow="target_to_source"),
    "several steps": lambda: APPNP(K=2, alpha=0.1),
    "a message of its own": lambda: Louder(FEATURES, 5),
    "caching": lambda: GCNConv(FEATURES, 5, cached=True),
}


@pytest.mark.parametrize("make", OTHERS.values(), ids=OTHERS)
def test_other_convolutions_are_left_to_pyg(make):
    with seeded(0):
        assert not can_fuse(make(), torch.ones(2, FEATURES))


def test_what_is_cut_must_be_complete():
    rows = Rows.of(torch.tensor([[1, 5, 2], [0, 1, 2]]), None, targets=6, sources=6)
    assert rows.cut(1, 3).sources == 3
    with pytest.raises(IndexError, match="the first 2 nodes have edges from beyond the first 5: num_sampled_nodes"):
        rows.cut(2, 5)


def test_hooks_half_precision_and_learnt_weights_are_left_to_pyg():
    conv, x = made(GraphConv), torch.ones(2, FEATURES)
    assert can_fuse(conv, x)
    assert not can_fuse(conv, x.bfloat16())
    with torch.autocast("cpu", torch.bfloat16):
        assert not can_fuse(conv, x)
    assert not can_fuse(conv, x, torch.ones(3, requires_grad=True))
    for register in ("register_forward_hook", "register_message_forward_hook", "register_propagate_forward_hook"):
        hooked = copy.deepcopy(conv)
        getattr(hooked, register)(lambda *_: None)
        assert not can_fuse(hooked, x)
