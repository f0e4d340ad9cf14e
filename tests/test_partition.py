"""Correlation clustering finds what all partitions and all small changes say it should, and never two of a kind."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphembed.kernels.partition import partition
from tests.reference import partition as slow


def drawn(n, kinds, seed):
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(size=(n, n))
    return rng.integers(0, kinds, n), (log_odds + log_odds.T).astype(np.float32)


def one(kind, log_odds):
    group, value = partition(np.array([0, len(kind)]), kind, log_odds.ravel())
    return group.tolist(), value[0]


def same(a, b):
    """Whether two lists of numbers of groups put the same points together."""
    return len(set(zip(a, b, strict=True))) == len(set(a)) == len(set(b))


@pytest.mark.parametrize("seed", range(12))
def test_the_sum_is_near_the_best_of_all_partitions(seed):
    kind, log_odds = drawn(7, 4, seed)
    group, value = one(kind, log_odds)
    best = slow.best(kind, log_odds)
    assert value == pytest.approx(slow.value(log_odds, group), abs=1e-5)
    assert best * 0.9 - 1e-6 <= value <= best + 1e-5


def test_most_of_the_time_it_is_the_best():
    found = [(one(*drawn(7, 4, seed))[1], slow.best(*drawn(7, 4, seed))) for seed in range(20)]
    assert sum(value > best - 1e-4 for value, best in found) >= 15


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 14), kinds=st.integers(1, 6), seed=st.integers(0, 10_000))
def test_never_two_of_a_kind_and_no_small_change_is_better(n, kinds, seed):
    kind, log_odds = drawn(n, kinds, seed)
    group, value = one(kind, log_odds)
    assert slow.allowed(kind, group)
    for other in slow.changes(kind, group):
        if slow.allowed(kind, other):
            assert slow.value(log_odds, other) <= value + 1e-4


def test_what_is_certain_is_found_in_any_order():
    rng = np.random.default_rng(0)
    person, kind = np.repeat(np.arange(6), 5), np.tile(np.arange(5), 6)
    noise = rng.normal(size=(30, 30))
    log_odds = np.where(person[:, None] == person, 4.0, -4.0) + noise + noise.T
    group, _ = one(kind, log_odds.astype(np.float32))
    assert same(group, person)
    order = rng.permutation(30)
    again, _ = one(kind[order], log_odds[np.ix_(order, order)].astype(np.float32))
    assert same(again, person[order])


def test_two_of_a_kind_are_kept_apart_however_likely():
    log_odds = np.full((3, 3), 50.0, np.float32)
    group, _ = one(np.array([0, 0, 1]), log_odds)
    assert group[0] != group[1]


def test_points_that_nobody_wants_stay_alone():
    assert len(set(one(np.arange(4), np.full((4, 4), -1.0, np.float32))[0])) == 4


def test_images_do_not_feel_each_other():
    parts = [drawn(n, 4, n) for n in (5, 0, 1, 9)]
    first = np.concatenate([[0], np.cumsum([len(kind) for kind, _ in parts])])
    together, value = partition(
        first, np.concatenate([kind for kind, _ in parts]), np.concatenate([w.ravel() for _, w in parts])
    )
    numbers = [set(together[a:b].tolist()) for a, b in zip(first[:-1], first[1:], strict=True)]
    assert not set.intersection(numbers[0], numbers[3])
    assert value[1] == value[2] == 0
    for at, (kind, log_odds) in enumerate(parts):
        if len(kind):
            group, alone = one(kind, log_odds)
            assert same(group, together[first[at] : first[at + 1]])
            assert value[at] == pytest.approx(alone)


def test_no_image_and_no_point():
    group, value = partition(np.array([0]), np.empty(0, np.int64), np.empty(0, np.float32))
    assert not group.size
    assert not value.size
