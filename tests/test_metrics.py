"""Every metric equals its definition, ties included, and refuses what it cannot judge."""

import importlib.util
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, label_ranking_average_precision_score, ndcg_score
from torch_geometric.metrics import LinkPredHitRatio, LinkPredMRR

from graphembed.metrics import (
    auc,
    auc_of,
    average_precision,
    average_precision_of,
    brier,
    compare_runs,
    count,
    dirichlet_energy,
    effective_rank,
    expected_calibration_error,
    hits,
    interval,
    mean_average_distance,
    mean_interval,
    mean_reciprocal_rank,
    ndcg,
    precision_of,
    rank_scores,
    ranking,
    ranks_among,
    ranks_of,
    recall,
    reliability,
    resampled,
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
    spec = importlib.util.spec_from_file_location("metrics_as_users_have_them", ranking.__file__)
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


# ── counts: the same figures for rankings of any length ─────────────────────────────────────────────


def counted(label, score, cut=0):
    negative = score[~label]
    return count(score[label], [negative[:cut], negative[cut:]])


@settings(max_examples=20, deadline=None)
@given(rankings(), st.integers(0, 10), st.sampled_from([1.0, 2.0, 7.0]))
def test_counts_say_what_labels_and_scores_say(ranking, cut, weight):
    label, score = ranking
    counts = counted(label, score, cut)
    assert auc_of(counts) == pytest.approx(auc(label, score), abs=1e-12)
    assert average_precision_of(counts, weight) == pytest.approx(average_precision(label, score, weight), abs=1e-12)
    assert ranks_of(counts) == pytest.approx(sorted(slow_ranks(label, score)), abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(rankings(), st.integers(2, 5))
def test_a_weight_stands_for_so_many_negatives(ranking, weight):
    label, score = ranking
    several = np.where(label, 1, weight)
    expected = average_precision(np.repeat(label, several), np.repeat(score, several))
    assert average_precision(label, score, float(weight)) == pytest.approx(expected, abs=1e-12)


@few
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2)), min_size=2, max_size=6), st.integers(1, 7))
def test_precision_at_k_is_the_mean_over_all_orders_of_ties(items, k):
    label, score = np.array([yes for yes, _ in items]), np.array([value for _, value in items], float)
    if label.all() or not label.any():
        return
    found = []
    for order in itertools.permutations(range(len(items))):
        best = sorted(order, key=lambda place: -score[place])  # sorted keeps the order of ties
        found.append(sum(label[place] for place in best[:k]) / k)
    assert precision_of(counted(label, score), k) == pytest.approx(np.mean(found), abs=1e-12)


@pytest.mark.parametrize(("positive", "negative", "said"), [([], [[1.0]], "0 positives"), ([1.0], [], "0 negatives")])
def test_counting_needs_both_classes_and_finite_scores(positive, negative, said):
    with pytest.raises(ValueError, match=f"a ranking needs positives and negatives, got .*{said}"):
        count(np.array(positive), [np.array(block) for block in negative])
    for wrong in (np.nan, np.inf):
        with pytest.raises(ValueError, match="1 of 2 scores are not finite"):
            count(np.array([1.0]), [np.array([0.0]), np.array([wrong, 1.0])])
        with pytest.raises(ValueError, match="1 of 1 scores are not finite"):
            count(np.array([wrong]), [np.array([0.0])])


@pytest.mark.parametrize("k", [0, -1])
def test_precision_needs_a_place(k):
    with pytest.raises(ValueError, match=f"k must be at least 1, got {k}"):
        precision_of(count(np.array([1.0]), [np.array([0.0])]), k)


# ── places among own negatives, and lists ───────────────────────────────────────────────────────────


@few
@given(st.integers(0, 99))
def test_places_among_own_negatives_are_counted_one_by_one(seed):
    rng = np.random.default_rng(seed)
    positive, negative = rng.integers(0, 4, 6).astype(float), rng.integers(0, 4, (6, 9)).astype(float)
    negative[rng.random((6, 9)) < 0.3] = -np.inf
    expected = [
        1 + sum((n > p) + (n == p) / 2 for n in row.tolist())
        for p, row in zip(positive.tolist(), negative, strict=True)
    ]
    assert ranks_among(positive, negative).tolist() == expected
    found = rank_scores(ranks_among(positive, negative), [1, 4])
    assert found["MRR"] == pytest.approx(np.mean([1 / rank for rank in expected]))
    assert found["Hits@4"] == np.mean([rank <= 4 for rank in expected])


def test_ndcg_of_one_right_answer_each_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    score = rng.permuted(np.tile(np.arange(20.0), (8, 1)), axis=1)
    right = np.zeros((8, 20))
    right[:, 0] = 1
    found = rank_scores(ranks_among(score[:, 0], score[:, 1:]))
    assert found["NDCG"] == pytest.approx(ndcg_score(right, score))


@pytest.mark.parametrize("ranks", [[], [0.5, 2]])
def test_ranks_below_one_are_refused(ranks):
    with pytest.raises(ValueError, match="ranks must be at least 1, and there must be some"):
        rank_scores(np.array(ranks))


@pytest.mark.parametrize("k", [1, 3, 10, 30])
def test_lists_are_judged_as_scikit_learn_and_a_count_by_hand_do(k):
    rng = np.random.default_rng(1)
    label = rng.random((12, 15)) < 0.2
    label[3] = False  # nobody to be found: does not count
    label[4, :3] = True
    score = rng.permuted(np.tile(np.arange(15.0), (12, 1)), axis=1)
    some = label.any(axis=1)
    expected = ndcg_score(label[some], score[some], k=k)
    assert ndcg(label, score, k) == pytest.approx(expected)
    best = np.argsort(-score, axis=1)[:, :k]
    shares = [label[row, best[row]].sum() / label[row].sum() for row in np.flatnonzero(some)]
    assert recall(label, score, k) == pytest.approx(np.mean(shares))


def test_what_is_no_candidate_might_as_well_not_be_there():
    rng = np.random.default_rng(2)
    label, score = rng.random((5, 12)) < 0.3, rng.random((5, 12))
    label[:, 0] = True
    wide = np.concatenate([np.zeros((5, 4), bool), label], axis=1), np.concatenate([np.full((5, 4), -np.inf), score], 1)
    for metric in (recall, ndcg):
        assert metric(*wide, 4) == metric(label, score, 4)


def test_ties_in_lists_count_half_a_place():
    label = np.array([[True, False, False, False]])
    assert recall(label, np.array([[1.0, 1, 1, 0]]), 2) == 1  # place 2 of 1 to 3
    assert recall(label, np.array([[1.0, 1, 1, 0]]), 1) == 0
    assert ndcg(label, np.array([[1.0, 1, 1, 0]]), 2) == pytest.approx(1 / np.log2(3))


@pytest.mark.parametrize("metric", [recall, ndcg])
def test_lists_need_right_answers_that_are_candidates(metric):
    with pytest.raises(ValueError, match="no query of 2 has a right answer"):
        metric(np.zeros((2, 3), bool), np.zeros((2, 3)), 1)
    with pytest.raises(ValueError, match="1 right answers are no candidates"):
        metric(np.array([[True, False]]), np.array([[-np.inf, 0]]), 1)


# ── chance ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_bootstrap_of_auc_spreads_as_delong_says():
    rng = np.random.default_rng(0)
    positive, negative = rng.normal(1, 1, 150), rng.normal(0, 1, 400)
    beats = (positive[:, None] > negative).mean(axis=1), (positive[:, None] > negative).mean(axis=0)
    delong = beats[0].var(ddof=1) / 150 + beats[1].var(ddof=1) / 400  # DeLong et al. 1988
    counts = count(positive, [negative])
    drawn = np.array([auc_of(one) for one in resampled(counts, 2000, seed=1)])
    assert drawn.std() == pytest.approx(delong**0.5, rel=0.06)
    assert drawn.mean() == pytest.approx(auc_of(counts), abs=0.003)
    fixed = np.array([auc_of(one) for one in resampled(counts, 2000, seed=1, negatives=False)])
    assert fixed.std() == pytest.approx((beats[0].var(ddof=1) / 150) ** 0.5, rel=0.06)
    low, high = interval(drawn)
    assert np.isclose([low, high], auc_of(counts) + np.array([-1.96, 1.96]) * delong**0.5, atol=0.01).all()


def test_the_interval_of_a_mean_is_that_of_the_normal_law():
    values = np.random.default_rng(3).exponential(2, 900)
    low, high = mean_interval(values, 0.9, times=3000)
    expected = values.mean() + np.array([-1.645, 1.645]) * values.std() / 30
    assert np.allclose([low, high], expected, atol=0.02)
    assert mean_interval(values, seed=1) == mean_interval(values, seed=1) != mean_interval(values, seed=2)


def test_without_overlap_runs_are_compared_by_the_paired_t_test():
    rng = np.random.default_rng(4)
    one, other = rng.normal(0.01, 0.01, 10), rng.normal(0, 0.01, 10)
    expected = stats.ttest_rel(one, other)
    found = compare_runs(one, other, 0.0)
    assert (found.t, found.p) == pytest.approx((expected.statistic, expected.pvalue))
    wider = compare_runs(one, other, 0.1 / 0.85)
    assert wider.t == pytest.approx(found.t / (1 + 10 * 0.1 / 0.85) ** 0.5)  # 1 / J + share instead of 1 / J
    assert wider.p > found.p
    assert compare_runs(other, one, 0.1).p == compare_runs(one, other, 0.1).p


def test_runs_that_never_differ_are_the_same_and_those_that_always_do_are_not():
    same = np.array([0.5, 0.6])
    assert tuple(compare_runs(same, same, 0.1)) == (0, 0, 1)
    assert compare_runs(same + 0.25, same, 0.1)[1:] == (np.inf, 0)


@pytest.mark.parametrize("runs", [1, 3])
def test_runs_come_in_pairs(runs):
    with pytest.raises(ValueError, match=f"expected at least two runs, .*got {runs} and 1"):
        getattr(compare_runs, "__wrapped__", compare_runs)(np.zeros(runs), np.zeros(1), 0.1)


# ── calibration ─────────────────────────────────────────────────────────────────────────────────────


def judged(size=4000):
    rng = np.random.default_rng(5)
    probability = rng.random(size)
    return rng.random(size) < probability, probability


def test_reliability_and_brier_are_those_of_scikit_learn():
    label, probability = judged()
    observed, predicted = calibration_curve(label, probability, n_bins=10)
    found = reliability(label, probability)
    assert np.allclose(found.observed, observed)
    assert np.allclose(found.predicted, predicted)
    assert found.weight.sum() == pytest.approx(1)
    assert brier(label, probability) == pytest.approx(brier_score_loss(label, probability))
    weight = np.where(label, 1, 3.5)
    expected = brier_score_loss(label, probability, sample_weight=weight)
    assert brier(label, probability, 3.5) == pytest.approx(expected)


def test_probabilities_that_come_true_have_no_error_and_those_that_do_not_have_theirs():
    label, probability = judged(100_000)
    assert expected_calibration_error(label, probability) < 0.01
    assert expected_calibration_error(label, probability**2) == pytest.approx(1 / 2 - 1 / 3, abs=0.01)
    sure = np.array([True, False] * 10)
    assert expected_calibration_error(sure, sure.astype(float)) == brier(sure, sure.astype(float)) == 0
    assert expected_calibration_error(~sure, sure.astype(float)) == brier(~sure, sure.astype(float)) == 1


def test_at_another_sparsity_negatives_weigh_more():
    label, probability = judged(400)
    several = np.where(label, 1, 4)
    more = np.repeat(label, several), np.repeat(probability, several)
    assert expected_calibration_error(label, probability, negative_weight=4.0) == pytest.approx(
        expected_calibration_error(*more)
    )
    assert brier(label, probability, 4.0) == pytest.approx(brier(*more))


@pytest.mark.parametrize("wrong", [-0.1, 1.1, np.nan])
def test_what_is_no_probability_is_refused(wrong):
    with pytest.raises(ValueError, match="probabilities must lie between 0 and 1"):
        brier(np.array([True, False]), np.array([0.5, wrong]))


@pytest.mark.parametrize("metric", [brier, expected_calibration_error])
def test_probabilities_need_labels(metric):
    with pytest.raises(ValueError, match="expected one probability per label, got"):
        metric(np.zeros(0, bool), np.zeros(0))
