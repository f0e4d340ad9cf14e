"""ConvStack is PyG's GCN, whether features are mostly zero or not, in value and in slope."""

import numpy as np
import pytest
import torch
from torch_geometric.nn import GCN

from graphembed.nn import stack as module
from graphembed.nn.stack import ConvStack, product
from graphembed.parallel import threads
from graphembed.training import seeded

NODES, FEATURES = 12, 30


def inputs(share, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(NODES, FEATURES)) * (rng.random((NODES, FEATURES)) < share)
    edges = np.unique(rng.integers(0, NODES - 1, (2, 30)), axis=1)  # the last node is isolated
    return torch.tensor(x).float(), torch.tensor(edges), torch.tensor(rng.uniform(0.5, 2, edges.shape[1])).float()


def both(layers, features=FEATURES):
    with seeded(1):
        ours = ConvStack(features, 7, 5, layers)
        theirs = GCN(FEATURES, 7, layers, 5) if layers > 1 else GCN(FEATURES, 5, 1)
        if features == -1:
            ours(torch.ones(1, FEATURES), torch.empty(2, 0, dtype=torch.long))
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


@pytest.mark.parametrize("share", [0.0, 0.05, 1.0])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("features", [FEATURES, -1])
def test_it_is_pygs_gcn(share, layers, weighted, features):
    x, edge_index, weight = inputs(share)
    ours, theirs = both(layers, features)
    given = (x, edge_index, weight) if weighted else (x, edge_index)
    one, two = ours(*given), theirs(*given)
    assert torch.allclose(one, two, atol=1e-5)
    for z in (one, two):
        (z * torch.arange(z.numel()).view_as(z)).sum().backward()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(a.grad, b.grad, rtol=1e-4, atol=1e-3)


def test_relu_may_end_it():
    x, edge_index, _ = inputs(1.0)
    with seeded(0):
        plain, ended = ConvStack(FEATURES, 7, 5), ConvStack(FEATURES, 7, 5, end=True)
    ended.load_state_dict(plain.state_dict())
    assert torch.equal(ended(x, edge_index), torch.relu(plain(x, edge_index)))
    assert (plain(x, edge_index) < 0).any()


def test_features_may_need_a_slope():
    x, edge_index, _ = inputs(0.05)
    ours, theirs = both(2)
    slopes = []
    for net in (ours, theirs):
        own = x.clone().requires_grad_()
        net(own, edge_index).sum().backward()
        slopes.append(own.grad)
    assert torch.allclose(*slopes, atol=1e-5)


def test_mostly_zero_features_are_multiplied_by_rows(monkeypatch):
    monkeypatch.setattr(module.F, "linear", None)
    product(inputs(0.05)[0], torch.ones(4, FEATURES))
    with pytest.raises(TypeError):
        product(inputs(1.0)[0], torch.ones(4, FEATURES))


@pytest.mark.parametrize("shape", [(0, 5), (3, 1), (1, 4)])
def test_few_nodes_and_features_are_fine(shape):
    assert product(torch.zeros(shape), torch.ones(2, shape[1])).tolist() == [[0.0, 0.0]] * shape[0]


def test_the_same_bits_on_any_number_of_threads():
    x, edge_index, _ = inputs(0.05)
    ours, _ = both(2)
    found = []
    for count in (1, 2, 8):
        with threads(count):
            found.append(ours(x, edge_index))
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


@pytest.mark.parametrize("widths", [(0, 4, 4, 2), (4, 0, 4, 2), (4, 4, 0, 2), (4, 4, 4, 0), (-2, 4, 4, 2)])
def test_widths_that_cannot_be_are_refused(widths):
    with pytest.raises(ValueError, match="widths and the number of layers must be at least 1"):
        ConvStack(*widths)
