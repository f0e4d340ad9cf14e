"""Losses are what slow NumPy says, their slopes what the formulas say, and degenerate inputs give finite numbers."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from graphembed.losses import (
    arcface,
    bootstrap,
    cosface,
    cosine,
    decorrelation,
    gaussian_kl,
    graph_infomax,
    info_nce,
    infomax,
    link_loss,
    margin_ranking,
    scaled_cosine_error,
    triplet,
    unit,
)
from tests.reference import losses as slow

N, D = 7, 4


def draw(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def tensors(*arrays):
    return [torch.tensor(array) for array in arrays]


# ── values ──────────────────────────────────────────────────────────────────────────────────────────


def test_link_loss():
    a, b = draw(5), draw(8)
    assert link_loss(*tensors(a, b)).item() == pytest.approx(slow.link(a, b))


@pytest.mark.parametrize("sizes", [(5, 5), (5, 2), (3, 8)])
@pytest.mark.parametrize("margin", [0.3, 1.0])
def test_margin_ranking_begins_again_where_one_side_runs_out(sizes, margin):
    a, b = draw(sizes[0]), draw(sizes[1], seed=1)
    assert margin_ranking(*tensors(a, b), margin).item() == pytest.approx(slow.ranking(a, b, margin))


def test_gaussian_kl():
    mean, log = draw(N, D), 0.5 * draw(N, D, seed=1)
    assert gaussian_kl(*tensors(mean, log)).item() == pytest.approx(slow.kl(mean, log))
    normal = torch.distributions.Normal(*tensors(mean, np.exp(log)))
    expected = torch.distributions.kl_divergence(normal, torch.distributions.Normal(0.0, 1.0)).sum(dim=1).mean()
    assert gaussian_kl(*tensors(mean, log)).item() == pytest.approx(expected.item())


@pytest.mark.parametrize("graphs", [1, 3])
def test_graph_infomax(graphs):
    z, summary, graph = draw(N, D), draw(graphs, D, seed=1), np.arange(N) % graphs
    found = graph_infomax(*tensors(z, summary, graph))
    assert found.item() == pytest.approx(slow.graph_infomax(z, summary, graph))
    assert graph_infomax(*tensors(z[:0], summary, graph[:0])).item() == 0


@pytest.mark.parametrize("temperature", [0.2, 1.0, 3.0])
@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("corrected", [False, True])
def test_info_nce(temperature, several, corrected):
    z, candidates = draw(N, D), draw(N, 9, D) if several else draw(9, D)
    positive = np.arange(N)[::-1].copy()
    log_q = -np.abs(draw(N, 9) if several else draw(9)) if corrected else None
    excluded = np.random.default_rng(1).random((N, 9)) < 0.3
    excluded[np.arange(N), positive] = False
    found = info_nce(
        *tensors(z, candidates, positive),
        temperature=temperature,
        log_q=None if log_q is None else torch.tensor(log_q),
        excluded=torch.tensor(excluded),
    )
    assert found.item() == pytest.approx(slow.nce(z, candidates, positive, temperature, log_q, excluded))


def test_info_nce_takes_the_candidate_of_the_same_row_for_the_positive():
    a, b = draw(N, D), draw(N, D, seed=1)
    assert info_nce(*tensors(a, b)).item() == pytest.approx(slow.nce(a, b, np.arange(N), 1.0))


def test_triplet():
    a, p, n = (draw(N, D, seed=seed) for seed in range(3))
    assert triplet(*tensors(a, p, n), 0.7).item() == pytest.approx(slow.triplet(a, p, n, 0.7))


def test_infomax():
    z, other, weight = draw(N, D), draw(5, D, seed=1), draw(D, D, seed=2)
    assert infomax(*tensors(z, other, weight)).item() == pytest.approx(slow.infomax(z, other, weight))


@pytest.mark.parametrize("balance", [0.0, 1e-3, 1.0])
def test_decorrelation(balance):
    a, b = draw(20, D), draw(20, D, seed=1)
    assert decorrelation(*tensors(a, b), balance).item() == pytest.approx(slow.decorrelation(a, b, balance))


def test_decorrelation_does_not_look_at_scale_and_place():
    a, b = draw(20, D), draw(20, D, seed=1)
    moved = a * np.array([0.5, 3.0, 10.0, 100.0]) + np.array([1.0, -2.0, 0.0, 5.0])
    assert decorrelation(*tensors(moved, b)).item() == pytest.approx(decorrelation(*tensors(a, b)).item(), rel=1e-6)


def test_bootstrap_and_cosine():
    a, b = draw(N, D), draw(N, D, seed=1)
    assert cosine(*tensors(a, b)).numpy() == pytest.approx(slow.cosine(a, b))
    assert bootstrap(*tensors(a, b)).item() == pytest.approx(slow.bootstrap(a, b))


@pytest.mark.parametrize("power", [1.0, 2.0, 3.5])
def test_scaled_cosine_error(power):
    a, b = draw(N, D), draw(N, D, seed=1)
    expected = np.mean((1 - slow.cosine(a, b)) ** power)
    assert scaled_cosine_error(*tensors(a, b), power).item() == pytest.approx(expected)
    assert scaled_cosine_error(*tensors(a, 3 * a), power).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("kind", ["arcface", "cosface"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_margins_in_a_cross_entropy(kind, smoothing):
    angles = np.random.default_rng(0).uniform(0.1, np.pi - 0.6, (N, 3))
    label = np.arange(N) % 3
    moved = {"arcface": arcface, "cosface": cosface}[kind](*tensors(np.cos(angles), label), 0.5)
    found = F.cross_entropy(8.0 * moved, torch.tensor(label), label_smoothing=smoothing)
    assert found.item() == pytest.approx(slow.margin_softmax(np.cos(angles), label, kind, 0.5, 8.0, smoothing))


def test_arcface_falls_with_the_angle_all_the_way():
    angle = torch.linspace(0.01, torch.pi - 0.01, 500, dtype=torch.double)
    cosines = torch.stack([angle.cos(), torch.zeros_like(angle)], dim=1)
    moved = arcface(cosines, torch.zeros(500, dtype=torch.long), 0.5)
    assert (moved[1:, 0] < moved[:-1, 0]).all()
    assert (moved[:, 1] == 0).all()
    beyond = angle + 0.5 > torch.pi
    expected = torch.where(beyond, angle.cos() - 0.5 * np.sin(0.5), (angle + 0.5).cos())
    assert torch.allclose(moved[:, 0], expected, atol=1e-6)
    assert beyond.any()


@pytest.mark.parametrize("margin", [arcface, cosface])
def test_without_a_margin_nothing_moves(margin):
    cosines = torch.tensor(np.random.default_rng(0).uniform(-0.99, 0.99, (N, 3)))
    assert torch.allclose(margin(cosines, torch.arange(N) % 3, 0.0), cosines)


# ── slopes ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_slope_of_an_active_triplet_is_twice_negative_minus_positive():
    a, p, n = (torch.tensor(draw(1, D, seed=seed)) for seed in range(3))
    a.requires_grad_()
    loss = triplet(a, p, n, margin=100.0)
    loss.backward()
    assert loss.item() > 0
    assert torch.allclose(a.grad, 2 * (n - p))


def test_a_triplet_that_holds_has_no_slope():
    a = torch.zeros(1, 2, requires_grad=True)
    triplet(a, torch.zeros(1, 2), torch.full((1, 2), 5.0)).backward()
    assert (a.grad == 0).all()


def test_among_several_triplets_only_active_ones_pull():
    a = torch.zeros(2, 2, requires_grad=True)
    p, n = torch.tensor([[1.0, 0.0], [0.0, 0.0]]), torch.tensor([[0.0, 1.0], [9.0, 9.0]])
    triplet(a, p, n).backward()
    assert torch.equal(a.grad, torch.stack([2 * (n - p)[0] / 2, torch.zeros(2)]))


@pytest.mark.parametrize("temperature", [0.2, 1.0, 3.0])
@pytest.mark.parametrize("corrected", [False, True])
def test_the_slope_of_info_nce_is_expectation_minus_positive_over_temperature(temperature, corrected):
    z, candidates, log_q = draw(N, D), draw(9, D), -np.abs(draw(9))
    anchor = torch.tensor(z, requires_grad=True)
    given = torch.tensor(log_q) if corrected else None
    (N * info_nce(anchor, torch.tensor(candidates), temperature=temperature, log_q=given)).backward()
    weight = np.exp(z @ candidates.T / temperature - (log_q if corrected else 0))
    expectation = weight / weight.sum(axis=1, keepdims=True) @ candidates
    assert anchor.grad.numpy() == pytest.approx((expectation - candidates[:N]) / temperature)


# ── the correction for how negatives are drawn ──────────────────────────────────────────────────────

TRUTH = np.array([0.4, 0.3, 0.2, 0.1])
DRAWN = np.array([0.05, 0.15, 0.2, 0.6])


def learnt(corrected, negatives=1):
    """Train one score per item, over all ways to draw a positive and its negatives, until nothing moves."""
    score = torch.zeros(4, 1, dtype=torch.double, requires_grad=True)
    draws = np.stack(np.meshgrid(*[np.arange(4)] * (negatives + 1), indexing="ij"), axis=-1).reshape(-1, negatives + 1)
    chance = torch.tensor(TRUTH[draws[:, 0]] * DRAWN[draws[:, 1:]].prod(axis=1))
    log_q = torch.tensor(np.log(DRAWN))
    optimizer = torch.optim.LBFGS([score], lr=1, max_iter=300, tolerance_grad=1e-12, tolerance_change=1e-16)

    def loss():
        optimizer.zero_grad()
        total = torch.zeros((), dtype=torch.double)
        for weight, items in zip(chance, torch.tensor(draws), strict=True):
            one, first = torch.ones(1, 1, dtype=torch.double), torch.zeros(1, dtype=torch.long)
            given = log_q[items][None] if corrected else None
            total = total + weight * info_nce(one, score[items][None], first, log_q=given)
        total.backward()
        return total

    optimizer.step(loss)
    return torch.softmax(score[:, 0], dim=0).detach().numpy()


@pytest.mark.parametrize("negatives", [1, 2])
def test_with_log_q_the_truth_is_learnt(negatives):
    assert learnt(corrected=True, negatives=negatives) == pytest.approx(TRUTH, abs=1e-4)


def test_without_log_q_what_is_often_drawn_is_pushed_down():
    found = learnt(corrected=False)
    assert found == pytest.approx(TRUTH / DRAWN / (TRUTH / DRAWN).sum(), abs=1e-4)
    assert np.abs(found - TRUTH).max() > 0.3


def test_without_log_q_the_expectation_leans_towards_what_is_often_drawn():
    """The slope of the right scores pushes item j down by the chance with which it stands among the negatives."""

    def push(corrected):
        score = torch.tensor(np.log(TRUTH))[:, None].requires_grad_()
        log_q = torch.tensor(np.log(DRAWN))
        total = 0.0
        for first in range(4):
            for other in range(4):
                items = torch.tensor([first, other])
                given = log_q[items][None] if corrected else None
                one = torch.ones(1, 1, dtype=torch.double)
                loss = info_nce(one, score[items][None], torch.zeros(1, dtype=torch.long), log_q=given)
                total = total + TRUTH[first] * DRAWN[other] * loss
        total.backward()
        return score.grad[:, 0].numpy()

    assert push(corrected=True) == pytest.approx(np.zeros(4), abs=1e-12)
    assert np.argmax(push(corrected=False)) == np.argmax(DRAWN)


# ── laws ────────────────────────────────────────────────────────────────────────────────────────────

PAIRED = {
    "info_nce": lambda a, b: info_nce(a, b, temperature=0.5),
    "triplet": lambda a, b: triplet(a, b, a + b),
    "kl": gaussian_kl,
    "infomax": lambda a, b: infomax(a, b, torch.eye(a.shape[1], dtype=a.dtype)),
    "decorrelation": decorrelation,
    "bootstrap": bootstrap,
    "sce": scaled_cosine_error,
    "links": lambda a, b: link_loss(a.sum(dim=1), b.sum(dim=1)),
    "ranking": lambda a, b: margin_ranking(a.sum(dim=1), b.sum(dim=1)),
    "arcface": lambda a, b: F.cross_entropy(arcface(unit(a) * 1.0, unit_label(b)), unit_label(b)),
    "cosface": lambda a, b: F.cross_entropy(cosface(unit(a) * 1.0, unit_label(b)), unit_label(b)),
}


def unit_label(b):
    return b.argmax(dim=1)


@pytest.mark.parametrize("loss", PAIRED.values(), ids=PAIRED)
def test_the_order_of_the_rows_does_not_matter(loss):
    a, b = torch.tensor(draw(N, D)), torch.tensor(draw(N, D, seed=1))
    order = torch.tensor(np.random.default_rng(3).permutation(N))
    assert loss(a[order], b[order]).item() == pytest.approx(loss(a, b).item(), rel=1e-12)


DEGENERATE = {
    "one row": (draw(1, D), draw(1, D, seed=1)),
    "coinciding": (np.ones((N, D)), np.ones((N, D))),
    "zeros": (np.zeros((N, D)), np.zeros((N, D))),
    "opposite": (np.ones((N, D)), -np.ones((N, D))),
    "long": (100 * draw(N, D), 100 * draw(N, D, seed=1)),
}


@pytest.mark.parametrize("case", DEGENERATE.values(), ids=DEGENERATE)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize(("name", "loss"), PAIRED.items(), ids=PAIRED)
def test_losses_and_slopes_are_finite(case, dtype, name, loss):
    if name == "kl" and np.abs(case[1]).max() > 20:
        pytest.skip("sigma = e^100 is not a number of any precision")
    a, b = (torch.tensor(side).to(dtype).requires_grad_() for side in case)
    value = loss(a, b)
    value.backward()
    assert value.isfinite()
    for side in (a, b):
        assert side.grad is None or side.grad.isfinite().all()


def test_half_precision_is_added_up_in_float32():
    a = torch.full((1, 2000), 10.0, dtype=torch.float16)
    assert info_nce(a, torch.cat([a, -a])).dtype == torch.float32
    assert triplet(a, -a, a).item() == pytest.approx(2000 * 400 + 1)


def test_rows_of_zeros_stay_and_do_not_explode():
    z = torch.zeros(2, 3, requires_grad=True)
    (unit(z) * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert (unit(z) == 0).all()
    assert z.grad.abs().max() <= 3
