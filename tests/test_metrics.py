"""Every metric equals its definition, ties included, and refuses what it cannot judge."""

import importlib.util

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import label_ranking_average_precision_score
from torch_geometric.metrics import LinkPredHitRatio, LinkPredMRR

from graphembed import metrics
from graphembed.metrics import (
    auc,
    average_precision,
    dirichlet_energy,
    effective_rank,
    hits,
    mean_average_distance,
    mean_reciprocal_rank,
)

few = settings(max_examples=40, deadline=None)


@st.composite
def rankings(draw, tied=True):
    """Labels of both classes and scores; with ``tied`` there are few different scores."""
    size = draw(st.integers(2, 30))
    label = draw(st.lists(st.booleans(), min_size=size, max_size=size).filter(lambda some: 0 < sum(some) < len(some)))
    if tied:
        score = draw(st.lists(st.integers(-3, 3), min_size=size, max_size=size))
    else:
        score = draw(st.permutations(range(size)))
    return np.array(label), np.array(score, float)


METRICS = {
    "auc": auc,
    "average precision": average_precision,
    "mean reciprocal rank": mean_reciprocal_rank,
    "hits at 2": lambda label, score: hits(label, score, 2),
}
each = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)


# ── definitions ─────────────────────────────────────────────────────────────────────────────────────


def split_up(label, score):
    positive = [value for value, yes in zip(score.tolist(), label.tolist(), strict=True) if yes]
    negative = [value for value, yes in zip(score.tolist(), label.tolist(), strict=True) if not yes]
    return positive, negative


def slow_auc(label, score):
    positive, negative = split_up(label, score)
    wins = sum((p > n) + (p == n) / 2 for p in positive for n in negative)
    return wins / (len(positive) * len(negative))


def slow_average_precision(label, score):
    positive, negative = split_up(label, score)
    total, recall = 0.0, 0.0
    for threshold in sorted(set(score.tolist()), reverse=True):
        true, false = (sum(value >= threshold for value in some) for some in (positive, negative))
        total += (true / len(positive) - recall) * true / (true + false)
        recall = true / len(positive)
    return total


def slow_ranks(label, score):
    positive, negative = split_up(label, score)
    return [1 + sum((n > p) + (n == p) / 2 for n in negative) for p in positive]


@few
@given(rankings())
def test_auc_is_the_chance_that_a_positive_beats_a_negative(ranking):
    assert auc(*ranking) == pytest.approx(slow_auc(*ranking), abs=1e-12)


@few
@given(rankings())
def test_average_precision_takes_tied_scores_as_one_threshold(ranking):
    assert average_precision(*ranking) == pytest.approx(slow_average_precision(*ranking), abs=1e-12)


@few
@given(rankings())
def test_reciprocal_ranks_count_a_tie_as_half_a_place(ranking):
    expected = np.mean([1 / rank for rank in slow_ranks(*ranking)])
    assert mean_reciprocal_rank(*ranking) == pytest.approx(expected, abs=1e-12)


@few
@given(rankings(), st.integers(1, 12))
def test_hits_count_a_tie_as_half_a_place(ranking, k):
    assert hits(*ranking, k) == pytest.approx(np.mean([rank <= k for rank in slow_ranks(*ranking)]), abs=1e-12)


def test_ties_by_hand():
    label = np.array([True, True, False, False, False])
    score = np.array([2.0, 1.0, 2.0, 1.0, 0.0])
    assert auc(label, score) == pytest.approx((0.5 + 1 + 1 + 0 + 0.5 + 1) / 6)
    assert mean_reciprocal_rank(label, score) == pytest.approx((1 / 1.5 + 1 / 2.5) / 2)
    assert [hits(label, score, k) for k in (1, 2, 3)] == [0, 0.5, 1]


# ── other libraries ─────────────────────────────────────────────────────────────────────────────────


@few
@given(rankings(tied=False), st.integers(1, 8))
def test_without_ties_ranks_are_those_of_pyg_and_scikit_learn(ranking, k):
    positive, negative = split_up(*ranking)
    queries = np.array([[p, *negative] for p in positive])  # each positive, item 0, among all negatives
    order = torch.from_numpy(np.argsort(-queries, axis=1))
    wanted = torch.stack([torch.arange(len(positive)), torch.zeros(len(positive), dtype=torch.long)])
    reciprocal, hit = LinkPredMRR(k=len(negative) + 1), LinkPredHitRatio(k=min(k, len(negative) + 1))
    reciprocal.update(order, wanted)
    hit.update(order[:, : hit.k], wanted)
    assert mean_reciprocal_rank(*ranking) == pytest.approx(float(reciprocal.compute()), abs=1e-6)
    assert hits(*ranking, k) == pytest.approx(float(hit.compute()), abs=1e-6)
    relevant = np.eye(1, queries.shape[1]).repeat(len(positive), axis=0)
    expected = label_ranking_average_precision_score(relevant, queries)
    assert mean_reciprocal_rank(*ranking) == pytest.approx(expected, abs=1e-12)


# ── what is known beforehand ────────────────────────────────────────────────────────────────────────


@each
def test_a_perfect_ranking_scores_one(metric):
    assert metric(np.array([True, False, True, False, False]), np.array([5.0, 1, 4, 0, 3])) == 1


def test_the_worst_ranking_scores_as_low_as_can_be():
    label, score = np.array([True, False, False, False]), np.array([0.0, 1, 2, 3])
    assert (auc(label, score), average_precision(label, score)) == (0, 0.25)
    assert (mean_reciprocal_rank(label, score), hits(label, score, 3)) == (0.25, 0)


def test_constant_scores_are_worth_a_guess():
    label, score = np.arange(30) < 10, np.zeros(30)
    assert auc(label, score) == 0.5
    assert average_precision(label, score) == pytest.approx(1 / 3)
    assert mean_reciprocal_rank(label, score) == pytest.approx(1 / 11)
    assert (hits(label, score, 10), hits(label, score, 11)) == (0, 1)


@each
@few
@given(ranking=rankings())
def test_a_monotone_transformation_changes_nothing(metric, ranking):
    label, score = ranking
    for bent in (2 * score - 7, np.exp(score), score**3, score.astype(np.float32), score.astype(int)):
        assert metric(label, bent) == pytest.approx(metric(label, score), abs=1e-12)


@each
@few
@given(ranking=rankings(), order=st.randoms(use_true_random=False))
def test_the_order_of_the_pairs_does_not_matter(metric, ranking, order):
    label, score = ranking
    shuffled = list(range(len(label)))
    order.shuffle(shuffled)
    assert metric(label[shuffled], score[shuffled]) == pytest.approx(metric(label, score), abs=1e-12)


@few
@given(rankings())
def test_auc_of_the_opposite_is_the_opposite(ranking):
    label, score = ranking
    assert auc(label, -score) == pytest.approx(1 - auc(label, score), abs=1e-12)
    assert auc(~label, -score) == pytest.approx(auc(label, score), abs=1e-12)


@few
@given(rankings())
def test_all_metrics_lie_between_zero_and_one_and_hits_grow_with_k(ranking):
    assert all(0 <= metric(*ranking) <= 1 for metric in METRICS.values())
    grown = [hits(*ranking, k) for k in range(1, 32)]
    assert grown == sorted(grown)
    assert grown[-1] == 1


# ── what is refused ─────────────────────────────────────────────────────────────────────────────────


@each
@pytest.mark.parametrize(("label", "shown"), [([True] * 3, "3 positives of 3"), ([False] * 2, "0 positives of 2")])
def test_one_class_alone_is_refused(metric, label, shown):
    with pytest.raises(ValueError, match=f"a ranking needs positives and negatives, got {shown}"):
        metric(np.array(label), np.arange(len(label), dtype=float))


@each
def test_no_pairs_are_refused(metric):
    with pytest.raises(ValueError, match="a ranking needs positives and negatives, got 0 positives of 0"):
        metric(np.empty(0, bool), np.empty(0))


@each
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_are_refused(metric, value):
    with pytest.raises(ValueError, match="2 of 4 scores are not finite"):
        metric(np.array([True, False, True, False]), np.array([value, 0, 1, value]))


@pytest.mark.parametrize("k", [0, -1])
def test_hits_need_a_place(k):
    with pytest.raises(ValueError, match=f"k must be at least 1, got {k}"):
        hits(np.array([True, False]), np.array([1.0, 0.0]), k)


@pytest.fixture(scope="module")
def unchecked():
    """The module as users have it: without the shape checks that tests put around every function."""
    spec = importlib.util.spec_from_file_location("metrics_as_users_have_them", metrics.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FOR_USERS = ["auc", "average_precision", "mean_reciprocal_rank"]


@pytest.mark.parametrize("name", FOR_USERS)
@pytest.mark.parametrize("shape", [(3,), (2, 1)])
def test_scores_that_do_not_fit_the_labels_are_refused(unchecked, name, shape):
    with pytest.raises(ValueError, match=r"expected one score per label, got \(.*\) scores for \(2,\) labels"):
        getattr(unchecked, name)(np.array([True, False]), np.zeros(shape))


@pytest.mark.parametrize("name", FOR_USERS)
def test_labels_of_zeros_and_ones_are_read_as_truth_or_refused_but_never_as_positions(unchecked, name):
    label, score = np.array([1, 1, 0, 0]), np.array([3.0, 1.0, 2.0, 0.0])
    metric = getattr(unchecked, name)
    try:
        found = metric(label, score)
    except (TypeError, ValueError):
        return
    assert found == metric(label.astype(bool), score)


# ── how different rows are ──────────────────────────────────────────────────────────────────────────


def table(nodes=9, dim=4):
    """Random rows, two of which are zero and two alike but for their length, and some pairs, one with itself."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(nodes, dim))
    x[3:5], x[6] = 0, 2 * x[7]
    return x, np.concatenate([rng.integers(0, nodes, (2, 25)), [[3, 6, 3, 5], [4, 7, 0, 5]]], axis=1)


def slow_distance(a, b):
    if not a.any() or not b.any():
        return float(a.any() != b.any())
    return 1 - sum(p * q for p, q in zip(a, b, strict=True)) / (sum(a * a) * sum(b * b)) ** 0.5


@pytest.mark.parametrize("given", [False, True])
def test_mean_average_distance_is_its_definition(given):
    x, pairs = table()
    pairs = pairs if given else np.array([(i, j) for i in range(len(x)) for j in range(len(x))]).T
    means = []
    for node in range(len(x)):
        apart = [slow_distance(x[i], x[j]) for i, j in pairs.T if i == node]
        if apart := [distance for distance in apart if distance > 1e-9]:
            means.append(sum(apart) / len(apart))
    assert mean_average_distance(x, pairs if given else None) == pytest.approx(np.mean(means), abs=1e-12)


def test_mean_average_distance_of_many_rows_is_that_of_all_pairs():
    x = np.random.default_rng(2).normal(size=(1500, 3))
    pairs = np.stack([part.ravel() for part in np.meshgrid(np.arange(1500), np.arange(1500), indexing="ij")])
    assert mean_average_distance(x) == pytest.approx(mean_average_distance(x, pairs), abs=1e-9)


def test_rows_along_one_line_are_at_no_distance_and_opposite_ones_at_two():
    line = np.outer(np.arange(1, 5), [1.0, 2, 3]).astype(np.float32)
    assert mean_average_distance(line) == mean_average_distance(np.zeros((4, 3))) == 0
    assert mean_average_distance(np.array([[1.0, 1], [-2.0, -2]])) == pytest.approx(2)


def test_dirichlet_energy_is_a_quadratic_form_of_the_normalised_laplacian():
    rng = np.random.default_rng(3)
    adjacency = np.triu(rng.random((12, 12)) < 0.3, 1).astype(float)
    adjacency += adjacency.T
    x = rng.normal(size=(12, 5))
    root = 1 / np.sqrt(1 + adjacency.sum(axis=1))
    laplacian = np.eye(12) - root[:, None] * (adjacency + np.eye(12)) * root  # of the graph with self-loops
    expected = 2 * np.trace(x.T @ laplacian @ x) / adjacency.sum()
    edges = np.stack(np.nonzero(adjacency))
    assert dirichlet_energy(x, edges) == pytest.approx(expected)
    loops = np.concatenate([edges, [[3, 5], [3, 5]]], axis=1)
    assert dirichlet_energy(x, loops) == pytest.approx(expected)
    smooth = np.sqrt(1 + adjacency.sum(axis=1, keepdims=True)) * np.ones((1, 5))
    assert dirichlet_energy(smooth, edges) == pytest.approx(0, abs=1e-12)
    assert dirichlet_energy(x, edges[:, :0]) == 0


def test_effective_rank_counts_directions():
    rng = np.random.default_rng(4)
    turned = np.linalg.qr(rng.normal(size=(30, 8)))[0]
    assert effective_rank(turned * 3) == pytest.approx(8)
    assert effective_rank(np.outer(rng.normal(size=30), rng.normal(size=8))) == pytest.approx(1, abs=1e-6)
    two = turned[:, :2] @ np.diag([3.0, 1.0])
    assert effective_rank(two) == pytest.approx(np.exp(-0.75 * np.log(0.75) - 0.25 * np.log(0.25)))
    assert effective_rank(np.zeros((5, 2))) == 0
    assert 9.5 < effective_rank(rng.normal(size=(20_000, 10))) <= 10


@pytest.mark.parametrize(
    "measure", [mean_average_distance, effective_rank, lambda x: dirichlet_energy(x, np.array([[0, 1], [1, 0]]))]
)
def test_measures_do_not_depend_on_the_order_of_nodes_and_refuse_what_is_not_finite(measure):
    x, _ = table()
    both = np.concatenate([x[:2], x[5:]])
    assert measure(np.ascontiguousarray(both[:, ::-1])) == pytest.approx(measure(both))
    both[4, 1] = np.nan
    with pytest.raises(ValueError, match="1 of 6 rows are not finite: 4"):
        measure(both)
