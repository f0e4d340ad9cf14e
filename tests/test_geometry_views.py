"""Two views of one graph, and other codes for one space."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist
from scipy.stats import ortho_group, wasserstein_distance
from sklearn.linear_model import Lasso

from graphembed.embedding import Embedding
from graphembed.errors import DataError
from graphembed.geometry import population_code, recodings, sparse_code, view_distance, view_loss
from graphembed.geometry.recode import nonnegative_lasso
from graphembed.graph import Graph


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def named(values):
    return Embedding(values, tuple(f"n{row}" for row in range(len(values))))


def test_views_of_one_shape_are_at_distance_0():
    z = normal(60, 5)
    other = 3 * np.random.default_rng(1).permutation(z) @ ortho_group.rvs(5, random_state=0)
    assert view_distance(z, other) == pytest.approx(0, abs=1e-9)
    assert view_distance(z, np.pad(z, ((0, 0), (0, 2)))) == pytest.approx(0, abs=1e-12)


def test_the_distance_is_wassersteins_between_cosines():
    a, b = normal(40, 3), normal(25, 6, seed=1) + 1
    assert view_distance(a, b) == pytest.approx(wasserstein_distance(1 - pdist(a, "cosine"), 1 - pdist(b, "cosine")))
    opposite = np.array([[1.0], [-1.0]])
    assert view_distance(opposite, np.ones((2, 1))) == 2


def test_the_loss_is_the_distance():
    a, b = normal(30, 4), normal(30, 7, seed=1) + 0.5
    assert float(view_loss(torch.from_numpy(a), torch.from_numpy(b))) == pytest.approx(view_distance(a, b))
    pairs = torch.tensor([[0, 1, 2], [3, 4, 5]])
    some = float(view_loss(torch.from_numpy(a), torch.from_numpy(b), pairs))
    cosines = [np.einsum("pd,pd->p", u[:3], u[3:6]) for u in (x / np.linalg.norm(x, axis=1)[:, None] for x in (a, b))]
    assert some == pytest.approx(wasserstein_distance(*cosines))


def test_the_slope_of_the_loss_is_that_of_differences():
    a, b = (torch.from_numpy(normal(6, 3, seed=seed)).requires_grad_() for seed in (0, 1))
    assert torch.autograd.gradcheck(view_loss, (a, b))


def test_descending_the_loss_brings_the_shapes_together():
    a = torch.from_numpy(normal(30, 5) + 1).requires_grad_()
    b = torch.from_numpy(normal(30, 5, seed=1))
    before = float(view_loss(a, b).detach())
    optimizer = torch.optim.Adam([a], 0.05)
    for _ in range(100):
        optimizer.zero_grad()
        view_loss(a, b).backward()
        optimizer.step()
    assert before > 0.3
    assert view_distance(a.detach().numpy(), b.numpy()) < 0.05 * before


def test_degenerate_views_have_finite_losses_and_slopes():
    for z in (torch.zeros(3, 2), torch.ones(3, 2), torch.ones(1, 2)):
        z.requires_grad_()
        loss = view_loss(z, torch.eye(len(z)))
        loss.backward()
        assert torch.isfinite(loss)
        assert torch.isfinite(z.grad).all()
    with pytest.raises(ValueError, match="the same number of nodes, got 2 and 3"):
        view_loss(torch.ones(2, 2), torch.ones(3, 2))


# Other codes


def test_a_sparse_code_is_sparser_the_larger_the_penalty_and_rebuilds_what_it_codes():
    mix = np.abs(normal(10, 12)) * (np.random.default_rng(0).random((10, 12)) < 0.3)
    z = named(np.random.default_rng(1).random((120, 10)) @ mix + 1e-3)
    codes = [sparse_code(z, penalty, seed=0) for penalty in (0.01, 0.1, 0.4)]
    zeros = [(code.values == 0).mean() for code in codes]
    assert zeros == sorted(zeros)
    assert zeros[0] < 0.9 < zeros[-1]
    assert all((code.values >= 0).all() for code in codes)
    assert codes[0].shape == (120, 24)
    unit = z.values / np.linalg.norm(z.values, axis=1, keepdims=True)
    atoms = np.linalg.lstsq(codes[0].values, unit, rcond=None)[0]
    assert np.linalg.norm(codes[0].values @ atoms - unit) < 0.1 * np.linalg.norm(unit)


def test_codes_are_those_of_another_librarys_lasso():
    x, atoms = normal(20, 8), normal(15, 8, seed=1)
    other = Lasso(0.3 / 8, fit_intercept=False, positive=True, random_state=0, tol=1e-10, max_iter=100_000)
    theirs = other.fit(atoms.T, x.T).coef_
    ours = nonnegative_lasso(x, atoms, 0.3)
    np.testing.assert_allclose(ours, theirs, atol=1e-2)
    cost = [0.5 * np.sum((x - c @ atoms) ** 2) + 0.3 * c.sum() for c in (ours, theirs)]
    assert cost[0] == pytest.approx(cost[1], rel=1e-6)


def test_codes_follow_their_seed_and_keep_names():
    z = named(normal(40, 4))
    one = sparse_code(z, seed=1)
    assert (one.values == sparse_code(z, seed=1).values).all()
    assert (one.values != sparse_code(z, seed=2).values).any()
    assert one.names == population_code(z).names == z.names
    assert one.source["penalty"] == 0.1


def test_cells_answer_most_to_the_value_they_are_tuned_to():
    angle = np.linspace(0, np.pi / 2, 101)
    z = named(np.stack([np.cos(angle), np.sin(angle)], axis=1))
    active = population_code(z, 5).values[:, :5]
    cosine = z.values[:, 0]
    tuned = np.quantile(cosine, [0.1, 0.3, 0.5, 0.7, 0.9])
    width = np.diff(tuned).mean()
    np.testing.assert_allclose(active, np.exp(-((cosine[:, None] - tuned) ** 2) / (2 * width**2)), atol=1e-4)
    assert [cosine[row] for row in active.argmax(axis=0)] == pytest.approx(tuned, abs=0.01)


def test_constant_and_tiny_spaces_are_coded():
    for z in (named(np.ones((3, 2))), named(np.zeros((1, 2))), named(normal(2, 3))):
        assert np.isfinite(population_code(z).values).all()
        assert np.isfinite(sparse_code(z).values).all()


def test_what_codes_cost_is_shown():
    rng = np.random.default_rng(0)
    group = np.arange(120) % 4
    linked = np.triu((group[:, None] == group) & (rng.random((120, 120)) < 0.5), 1)
    graph = Graph.from_edges(*np.nonzero(linked), names=[f"n{row}" for row in range(120)])
    z = named(3 * np.eye(8)[group] + normal(120, 8))
    table = recodings(z, graph)
    assert list(table.index) == ["vectors", "sparse, penalty 0.05", "sparse, penalty 0.2", "population, 8 cells"]
    assert table.loc["vectors", "kept"] == 1
    assert table.loc["population, 8 cells", "kept"] > 0.5
    assert table.loc["sparse, penalty 0.2", "zeros"] > table.loc["sparse, penalty 0.05", "zeros"] > 0.5
    unit = z.values / np.linalg.norm(z.values, axis=1, keepdims=True)
    near = np.argsort(-(unit @ unit.T - 3 * np.eye(120)), axis=1)[:, :10]
    assert table.loc["vectors", "linked"] == pytest.approx(
        np.mean([(linked | linked.T)[row, near[row]].mean() for row in range(120)])
    )
    noise = recodings(z, graph, {"noise": named(normal(120, 8, seed=5))}).loc["noise"]
    assert noise["kept"] == pytest.approx(10 / 119, abs=0.03)
    assert noise["linked"] == pytest.approx(linked.mean() * 2, abs=0.03)


def test_bad_settings_of_codes_are_refused():
    z = named(normal(5, 2))
    with pytest.raises(DataError, match=r"the penalty must be positive, got 0"):
        sparse_code(z, 0)
    with pytest.raises(DataError, match=r"two cells or more and a positive width, got 1 and 1.0"):
        population_code(z, 1)
    with pytest.raises(DataError, match="two nodes of the graph that have a vector, got 1"):
        recodings(z, Graph.from_edges([0], [1], names=["n1", "stranger"]))
