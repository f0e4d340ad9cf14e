"""A set's vector does not depend on order; sums count where means and maxima cannot; nothing is a set, too."""

import numpy as np
import pytest
import torch
from torch_geometric.nn import global_add_pool, global_max_pool, global_mean_pool
from torch_geometric.nn.aggr import Aggregation, SetTransformerAggregation, VarAggregation

from graphembed.embedding import Embedding
from graphembed.errors import DataError
from graphembed.nn.deepsets import POOLS, DeepSets
from graphembed.pooling import HOWS, pool
from graphembed.training import seeded

INDEX = torch.tensor([2, 0, 2, 0, 4, 4, 2, 4, 4])  # sets 1, 3 and 5 are empty
pools = pytest.mark.parametrize("how", POOLS)


def readout(how, **more):
    with seeded(0):
        return DeepSets(8, pool=how, **more)


def elements(count=9, seed=0):
    return torch.tensor(np.random.default_rng(seed).normal(size=(count, 8))).float()


@pools
def test_the_order_of_elements_does_not_matter_and_elements_do(how):
    sets, x = readout(how, out_channels=3, hidden=8), elements()
    order = torch.tensor([4, 8, 0, 3, 7, 1, 6, 2, 5])
    before, after = sets(x, INDEX, dim_size=6), sets(x[order], INDEX[order], dim_size=6)
    torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(sets(x + 1, INDEX, dim_size=6)[0], before[0], atol=1e-3)


@pools
def test_a_set_does_not_feel_the_others(how):
    sets, x = readout(how, out_channels=3, hidden=8), elements()
    alone = sets(x[INDEX == 4])
    torch.testing.assert_close(sets(x, INDEX, dim_size=6)[4:5], alone, atol=1e-5, rtol=1e-5)


@pools
def test_index_and_ptr_say_the_same(how):
    sets, x = readout(how, hidden=8), elements()
    order = INDEX.argsort(stable=True)
    by_ptr = sets(x[order], ptr=torch.tensor([0, 2, 2, 5, 5, 9, 9]))
    torch.testing.assert_close(by_ptr, sets(x, INDEX, dim_size=6))


@pools
def test_empty_sets_are_zeros_before_rho_and_spoil_no_gradient(how):
    sets, x = readout(how), elements().requires_grad_()
    z = sets(x, INDEX, dim_size=6)
    assert z.shape == (6, sets.out_channels)
    assert (z[[1, 3, 5]] == 0).all()
    assert (z[[0, 2, 4]] != 0).any(dim=1).all()
    z.square().sum().backward()
    assert x.grad.isfinite().all()
    assert all(value.grad is None or value.grad.isfinite().all() for value in sets.parameters())
    assert sets(x[:0], INDEX[:0], dim_size=2).tolist() == [[0.0] * sets.out_channels] * 2


@pytest.mark.parametrize(
    ("how", "theirs"), [("sum", global_add_pool), ("mean", global_mean_pool), ("max", global_max_pool)]
)
def test_plain_pools_are_those_of_pyg(how, theirs):
    index = INDEX.sort().values
    torch.testing.assert_close(readout(how)(elements(), index, dim_size=6), theirs(elements(), index, 6))


def test_moments_are_those_of_statistics():
    x = elements(40)
    z = readout("moments")(x).view(4, 8).double()
    scipy_stats = pytest.importorskip("scipy.stats")
    values = x.double().numpy()
    assert z[0].numpy() == pytest.approx(values.mean(axis=0), abs=1e-5)
    assert z[1].square().numpy() == pytest.approx(VarAggregation()(x.double(), torch.zeros(40).long())[0], rel=1e-4)
    assert z[2].numpy() == pytest.approx(scipy_stats.skew(values), abs=1e-3)
    assert z[3].numpy() == pytest.approx(scipy_stats.kurtosis(values, fisher=False), abs=1e-3)


def test_attention_is_that_of_the_set_transformer():
    ours, blocks = readout("attention", heads=2), {"num_encoder_blocks": 0, "num_decoder_blocks": 0}
    with seeded(1):
        theirs = SetTransformerAggregation(8, heads=2, layer_norm=True, **blocks)
    theirs.pma.load_state_dict(ours.attention.state_dict())
    index = INDEX.sort().values
    full = torch.unique(index)
    found = ours(elements(), index, dim_size=6)[full]
    torch.testing.assert_close(found, theirs(elements(), index, dim_size=6)[full], atol=1e-6, rtol=1e-5)


def test_a_sum_tells_multisets_apart_that_means_and_maxima_confuse():
    """Pairs of sets: {a, b} and {a, a, b, b} have one mean; {a, a, b} and {a, b, b} have one maximum."""
    a, b = torch.eye(8)[0], torch.eye(8)[1]
    even, double = torch.stack([a, b]), torch.stack([a, a, b, b])
    left, right = torch.stack([a, a, b]), torch.stack([a, b, b])
    for how, same in (
        ("mean", (even, double)),
        ("max", (even, double)),
        ("max", (left, right)),
        ("attention", (even, double)),
    ):
        sets = readout(how, out_channels=4, hidden=8)
        torch.testing.assert_close(sets(same[0]), sets(same[1]), atol=1e-6, rtol=1e-5)
    sets = readout("sum", out_channels=4, hidden=8)
    for one, other in ((even, double), (left, right)):
        assert (sets(one) - sets(other)).abs().max() > 1e-3


def test_it_is_an_aggregation_of_pyg_and_draws_its_parameters_anew():
    sets = readout("sum", out_channels=4, hidden=8)
    assert isinstance(sets, Aggregation)
    before = sets.phi.lins[0].weight.clone()
    with seeded(1):
        sets.reset_parameters()
    assert not torch.equal(before, sets.phi.lins[0].weight)
    torch.testing.assert_close(readout("sum")(elements(), dim=0), readout("sum")(elements()))


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"pool": "median"}, "pool must be one of sum, mean, max, moments, attention, got 'median'"),
        ({"hidden": -1}, "channels and out_channels must be at least 1 and hidden at least 0"),
        ({"out_channels": 0}, "channels and out_channels must be at least 1 and hidden at least 0"),
        ({"pool": "attention", "heads": 3}, "heads must divide the width of what is pooled, got heads=3 for 8"),
    ],
)
def test_settings_that_do_not_fit_are_refused(wrong, text):
    with pytest.raises(ValueError, match=text):
        DeepSets(8, **wrong)


# ── without parameters ──────────────────────────────────────────────────────────────────────────────

Z = Embedding(elements().numpy(), [f"n{row}" for row in range(9)], {"encoder": "Test"})


@pytest.mark.parametrize("how", HOWS)
def test_pooled_vectors_are_those_of_deep_sets(how):
    found = pool(Z, INDEX.numpy(), how, "abcdef")
    np.testing.assert_allclose(found.values, readout(how)(elements(), INDEX, dim_size=6).numpy(), atol=1e-4)
    assert found.names == tuple("abcdef")
    assert dict(found.source) == {"encoder": "Test", "pooled": how}


def test_items_of_no_group_do_not_count_and_groups_are_numbered_without_names():
    groups = np.array([0, 0, 1, 1, -1, -1, -1, -1, -1])
    found = pool(Z, groups, "sum")
    assert tuple(found.names) == ("0", "1")
    np.testing.assert_allclose(found.values[0], Z.values[:2].sum(axis=0), rtol=1e-6)
    assert pool(Z, np.full(9, -1), names=["nobody"]).values.tolist() == [[0.0] * 8]


@pytest.mark.parametrize(
    ("groups", "text"),
    [
        ([0, 1], r"groups must give a whole number for each of 9 items, got int64 \[2\]"),
        (np.zeros(9), "groups must give a whole number for each of 9 items, got float64"),
        ([0, 5, 0, 0, 0, 0, 0, 0, -2], "groups go from 0 to 1, or -1 for none; 'n1', 'n8' got '?5'?, '?-2"),
    ],
)
def test_groups_that_do_not_fit_are_refused(groups, text):
    with pytest.raises(DataError, match=text):
        pool(Z, groups, names=["a", "b"])


def test_an_unknown_way_to_pool_is_refused():
    with pytest.raises(ValueError, match="how must be one of sum, mean, max, moments, got 'median'"):
        pool(Z, INDEX.numpy(), "median")
