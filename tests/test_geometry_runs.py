"""Is it stable? Facts about rotations, drift and batch normalisation."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group
from torch import nn

from graphembed.embedding import Embedding
from graphembed.errors import DataError
from graphembed.geometry import batch_norm_drift, drift, neighbor_overlap, procrustes, stability
from tests.reference import geometry as slow


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def named(values, prefix="n"):
    return Embedding(values, tuple(f"{prefix}{row}" for row in range(len(values))))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 10))
def test_a_rotated_space_is_the_same_space(seed, dim):
    z = normal(30, dim, seed=seed)
    turn = ortho_group.rvs(dim, random_state=seed)
    q, left = procrustes(z, z @ turn)
    np.testing.assert_allclose(q, turn, atol=1e-9)
    assert left < 1e-9
    assert neighbor_overlap(z, z @ turn) == 1
    table = drift(z, z @ turn)
    assert table["distance"].max() < 1e-9
    assert table["turned"].max() < 1e-4
    assert table["kept"].min() == 1


def test_no_rotation_found_by_search_leaves_less():
    a, b = normal(20, 2), normal(20, 2, seed=1)
    _, left = procrustes(a, b)
    angles = np.linspace(0, 2 * np.pi, 2000)
    best = min(
        np.linalg.norm(a @ np.array([[np.cos(t), -s * np.sin(t)], [np.sin(t), s * np.cos(t)]]) - b)
        for t in angles
        for s in (1, -1)
    )
    assert left == pytest.approx(best / np.linalg.norm(b), rel=1e-4)
    assert left <= best / np.linalg.norm(b)


def test_identity_has_overlap_1_and_drift_0_and_strangers_only_chance():
    z = normal(200, 8)
    assert neighbor_overlap(z, z) == 1
    assert procrustes(z, z)[1] < 1e-12
    assert neighbor_overlap(z, normal(200, 8, seed=1)) == pytest.approx(10 / 199, abs=0.02)
    noisy = z + 0.5 * normal(200, 8, seed=2)
    assert neighbor_overlap(z[:40], noisy[:40], k=4) == pytest.approx(slow.overlap(z[:40], noisy[:40], 4))


def test_the_node_that_moved_comes_first_by_name():
    z = normal(50, 6)
    moved = z.copy()
    moved[17] *= -1
    moved = moved @ ortho_group.rvs(6, random_state=0)
    table = drift(named(z), named(moved))
    assert table.index[0] == "n17"
    assert table.loc["n17", "turned"] > 150
    assert table["turned"].iloc[1:].max() < 20
    assert table["distance"].is_monotonic_decreasing


def test_snapshots_are_matched_by_name_and_dimensions_filled_up():
    z = normal(30, 4)
    before, after = named(z), named(np.pad(z, ((0, 0), (0, 3))))
    backward = after[tuple(reversed(after.names))]
    fewer = backward[[name for name in backward.names if name != "n3"]]
    assert procrustes(before, fewer)[1] < 1e-6
    assert procrustes(fewer, before)[1] < 1e-6
    table = drift(before, fewer)
    assert set(table.index) == set(fewer.names)
    assert table["kept"].min() == 1
    assert table["distance"].max() < 1e-6


def test_every_two_runs_are_compared():
    z = normal(40, 5)
    table = stability([z, -z, normal(40, 5, seed=3)])
    assert list(table.index) == [("0", "1"), ("0", "2"), ("1", "2")]
    assert table.loc[("0", "1")].tolist() == pytest.approx([0, 1], abs=1e-9)
    assert table["left"].iloc[1] == pytest.approx(table["left"].iloc[2])


def test_what_cannot_be_matched_is_refused():
    with pytest.raises(DataError, match="no name in common: 'a0', 'a1' against 'b0', 'b1'"):
        procrustes(named(normal(2, 2), "a"), named(normal(2, 2), "b"))
    with pytest.raises(DataError, match="matched by row, got 3 and 4 rows"):
        drift(normal(3, 2), normal(4, 2))
    wrong = normal(3, 2)
    wrong[1] = np.inf
    with pytest.raises(DataError, match="1 of 3 are not: rows 1"):
        procrustes(wrong, wrong)


@pytest.mark.parametrize("nodes", [1, 2, 3])
def test_tiny_and_constant_spaces_do_not_drift(nodes):
    for z in (np.ones((nodes, 2)), np.zeros((nodes, 2))):
        assert procrustes(z, z)[1] == pytest.approx(0, abs=1e-12)
        assert neighbor_overlap(z, z) == 1
        assert drift(z, z)["kept"].tolist() == [1.0] * nodes


@pytest.mark.parametrize("momentum", [0.05, 0.1, 0.3, 1.0])
def test_running_means_stay_behind_a_moving_input_by_the_closed_formula(momentum):
    rows = torch.from_numpy(normal(4000, 3)).double()
    rows = (rows - rows.mean(0)) / rows.std(0)
    speed = 0.2
    found = batch_norm_drift(nn.BatchNorm1d(3, eps=1e-12).double(), [rows + speed * t for t in range(400)], [momentum])
    assert found[momentum].iloc[-1] == pytest.approx(speed * (1 - momentum) / momentum, rel=0.01, abs=1e-3)


def test_a_resting_input_drifts_less_and_less_and_faster_so_at_a_larger_momentum():
    rows = torch.from_numpy(normal(500, 4)).float() + 3
    with torch.random.fork_rng():
        module = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5))
    table = batch_norm_drift(module, [rows] * 60, (0.1, 0.5))
    assert table.iloc[-1].max() < 0.01
    assert (table[0.5].iloc[:20] < table[0.1].iloc[:20]).all()
    assert (table.diff().dropna() <= 1e-6).all().all()


def test_the_module_is_not_changed_and_dropout_is_off():
    module = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(2)).train()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    rows = torch.from_numpy(normal(100, 2)).float()
    assert batch_norm_drift(module, [rows] * 80, [0.5])[0.5].iloc[-1] < 0.01
    assert module.training
    assert all(torch.equal(before[key], value) for key, value in module.state_dict().items())
    assert module[1].momentum == 0.1


def test_modules_without_running_statistics_are_refused():
    with pytest.raises(DataError, match="got 0 such layers and 1 batches"):
        batch_norm_drift(nn.Identity(), [torch.zeros(3, 2)])
    with pytest.raises(DataError, match="got 1 such layers and 0 batches"):
        batch_norm_drift(nn.BatchNorm1d(2), [])
