"""The label benchmark is the protocol of the literature, found again with scikit-learn and plain Python."""

from collections import Counter

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

import graphembed as ge
from graphembed.bench.labels import DEGREE, FREQUENCY, classify, compare, fit_classes, label_matrix, top_labels
from graphembed.errors import DataError
from graphembed.parallel import threads


def problem(nodes=400, dim=6, classes=7, seed=0):
    """Vectors, and several labels per node that depend on them."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(nodes, dim)) * np.geomspace(3, 0.1, dim)
    score = z @ rng.normal(size=(dim, classes)) + rng.normal(size=(nodes, classes)) - np.linspace(1, 4, classes)
    truth = score > 0
    truth[np.arange(nodes), score.argmax(1)] = True
    return z, truth


def one_by_one(z, truth, strength=1.0):
    """Scikit-learn's liblinear, class by class: (dim + 1, classes), the intercept last."""
    liblinear = {"solver": "liblinear", "tol": 1e-6, "max_iter": 10_000, "random_state": 0}
    fitted = [LogisticRegression(C=strength, **liblinear).fit(z, column) for column in truth.T]
    return np.array([np.append(model.coef_[0], model.intercept_[0]) for model in fitted]).T


def with_ones(z):
    return np.column_stack([z, np.ones(len(z))])


def test_all_classes_at_once_are_scikit_learns_liblinear_one_by_one():
    z, truth = problem()
    np.testing.assert_allclose(fit_classes(with_ones(z), truth), one_by_one(z, truth), atol=2e-3)


def test_strength_is_scikit_learns_c():
    z, truth = problem()
    found = 5 * fit_classes(5 * with_ones(z), truth)
    np.testing.assert_allclose(found, one_by_one(z, truth, 25.0), atol=1e-2)
    shares = {"shares": [0.5], "shuffles": 2}
    assert classify(5 * z, truth, **shares, strength=0.04)["micro-F1"].item() == pytest.approx(
        classify(z, truth, **shares)["micro-F1"].item(), abs=0.02  # all but the intercept, which is not rescaled
    )  # fmt: skip


@pytest.mark.parametrize("strength", [1.0, 9.0])
def test_scores_are_those_of_the_protocol_written_out(strength):
    z, truth = problem()
    found = classify(z, truth, shares=[0.2, 0.7], shuffles=3, seed=5, strength=strength)
    for share, row in zip([0.2, 0.7], found.to_dict("records"), strict=True):
        micro, macro = [], []
        for shuffle in range(3):
            order = np.random.default_rng([5, shuffle]).permutation(400)
            learn, test = order[: round(share * 400)], order[round(share * 400) :]
            score = with_ones(z[test]) @ one_by_one(z[learn], truth[learn], strength)
            guess = np.zeros_like(truth[test])
            for node, k in enumerate(truth[test].sum(1)):
                guess[node, sorted(range(7), key=lambda c: -score[node, c])[:k]] = True
            micro.append(f1_score(truth[test], guess, average="micro"))
            macro.append(f1_score(truth[test], guess, average="macro", zero_division=0))
        assert row["share"] == share
        assert row["micro-F1"] == pytest.approx(np.mean(micro), abs=1e-3)
        assert row["macro-F1"] == pytest.approx(np.mean(macro), abs=1e-3)
        assert row["micro-F1 sd"] == pytest.approx(np.std(micro, ddof=1), abs=1e-3)
        assert row["macro-F1 sd"] == pytest.approx(np.std(macro, ddof=1), abs=1e-3)


def test_knowing_nothing_means_guessing_the_commonest_classes():
    _, truth = problem(seed=1)
    found = classify(np.zeros((400, 1)), truth, shares=[0.5], shuffles=2)["micro-F1"].item()
    hits = []
    for shuffle in range(2):
        order = np.random.default_rng([0, shuffle]).permutation(400)
        count = Counter(np.nonzero(truth[order[:200]])[1].tolist())
        assert len(set(count.values())) == 7, "a tie: the oracle does not know which is the commonest"
        common = [c for c, _ in count.most_common()]
        test = truth[order[200:]]
        right = sum(row[common[: row.sum()]].sum() for row in test)
        hits.append(right / test.sum())
    assert found == pytest.approx(np.mean(hits), abs=1e-9)


def test_vectors_that_are_the_labels_are_perfect_and_noise_is_not_above_the_baseline():
    _, truth = problem(nodes=600)
    rng = np.random.default_rng(1)
    baseline = classify(np.zeros((600, 1)), truth, [0.5], 3)["micro-F1"].item()
    assert classify(truth * 20.0, truth, [0.5], 3)["micro-F1"].item() > 0.999
    assert classify(rng.normal(size=(600, 20)), truth, [0.5], 3)["micro-F1"].item() < baseline + 0.02


def test_one_class_per_node_may_be_given_as_whole_numbers():
    karate = ge.load("karate")
    z = ge.spectral(4).fit_transform(karate)
    y = karate.data.y.numpy()
    one, other = classify(z, y, [0.5], 5), classify(z, y[:, None] == [0, 1], [0.5], 5)
    assert one.equals(other)
    assert one["micro-F1"].item() > 0.85


def test_nodes_without_a_label_are_left_out():
    z, truth = problem()
    more = np.concatenate([z, np.full((50, 6), 9.0)]), np.concatenate([truth, np.zeros((50, 7), bool)])
    assert classify(*more, [0.5], 2).equals(classify(z, truth, [0.5], 2))


def test_a_class_nobody_has_or_everybody_has_does_no_harm():
    z, truth = problem()
    never = classify(z, np.column_stack([truth, np.zeros(400, bool)]), [0.5], 2)
    assert never["micro-F1"].item() == pytest.approx(classify(z, truth, [0.5], 2)["micro-F1"].item(), abs=1e-9)
    always = classify(z, np.column_stack([truth, np.ones(400, bool)]), [0.5], 2)
    assert always["micro-F1"].item() > never["micro-F1"].item()


def test_ties_go_to_the_earlier_class():
    assert top_labels(np.zeros((2, 4)), np.array([2, 0])).tolist() == [[True, True, False, False], [False] * 4]


def test_results_do_not_depend_on_the_number_of_threads():
    z, truth = problem(nodes=1500, dim=64, classes=20)  # large enough for BLAS to share the work
    found = []
    for count in (1, 2, 8):
        with threads(count):
            found.append(classify(z, truth, [0.5], 2))
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])


@pytest.mark.parametrize(
    ("labels", "shares", "message"),
    [
        (np.ones((9, 2), bool), [0.5], r"a vector for each of 9 rows of labels, got an array of shape \(8, 3\)"),
        (np.full((8, 2), 2), [0.5], "True and False"),
        (np.full(8, 0.5), [0.5], "True and False"),
        (np.ones((8, 2), bool), [0.0], "a share of 0 of 8 labelled nodes leaves nothing"),
        (np.ones((8, 2), bool), [0.5, 0.99], "a share of 0.99 of 8"),
        (np.zeros((8, 2), bool), [0.5], "a share of 0.5 of 0 labelled nodes"),
    ],
)
def test_what_cannot_be_classified_is_refused(labels, shares, message):
    with pytest.raises(DataError, match=message):
        classify(np.zeros((8, 3)), labels, shares, 2)


def test_whole_numbers_become_columns():
    assert label_matrix(np.array([2, -1, 0])).tolist() == [[False, False, True], [False] * 3, [True, False, False]]


# ── tables ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_table_has_both_baselines_and_every_encoder():
    karate = ge.load("karate")
    encoders = {"spectral": lambda seed: ge.spectral(4, seed=seed), "cleora": lambda seed: ge.cleora(8, seed=seed)}
    table = compare(karate, encoders, shares=[0.3, 0.6], shuffles=4, seed=2)
    assert table.method.tolist() == [name for name in (FREQUENCY, DEGREE, *encoders) for _ in range(2)]
    assert table.share.tolist() == [0.3, 0.6] * 4
    alone = classify(ge.cleora(8, seed=2).fit_transform(karate), karate.data.y.numpy(), [0.3, 0.6], 4, 2)
    assert table[table.method == "cleora"]["micro-F1"].tolist() == alone["micro-F1"].tolist()
    assert (table.seconds >= 0).all()
    # Half of the club is in each faction, and the busy are in both.
    assert table[table.method == "spectral"]["micro-F1"].mean() > table[table.method == DEGREE]["micro-F1"].mean() + 0.2


def test_labels_may_be_given_and_must_be_somewhere():
    lesmis = ge.load("lesmis")
    busy = np.array(lesmis.csr.indptr[1:] - lesmis.csr.indptr[:-1] > 5)
    table = compare(lesmis, {}, busy.astype(int), shares=[0.5])
    assert table["micro-F1"][1] > 0.9 > table["micro-F1"][0]
    with pytest.raises(DataError, match="there are no labels: pass some"):
        compare(lesmis, {})


# Measured with ten shuffles: 26.1 ± 1.2 and 25.8 ± 1.9 for PPI, 55.6 ± 2.3 for Wikipedia, 10.0 and 41.1 by degree.
@pytest.mark.parametrize(
    ("name", "recipe", "least"), [("ppi", ge.netmf, 0.24), ("ppi", ge.prone, 0.24), ("wikipedia", ge.prone, 0.54)]
)
def test_labels_are_found_as_well_as_in_the_literature(public_data, name, recipe, least):
    table = compare(ge.load(name), {"it": lambda seed: recipe(seed=seed)}, shares=[0.9], shuffles=5)
    score = table.set_index("method")["micro-F1"]
    assert score["it"] > least
    assert score["it"] > score[DEGREE] + 0.1
