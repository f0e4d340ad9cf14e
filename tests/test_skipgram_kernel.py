"""The skip-gram kernels agree with a slow reference and with autograd, stay bounded, and do not depend on threads."""

import itertools

import networkx as nx
import numba
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit
from torch.nn.functional import softplus

from graphembed.kernels import rng as kernel_rng
from graphembed.kernels.csr import CSR, from_sorted_edges
from graphembed.kernels.skipgram import Plan, _sigmoid, sigmoid_table, train_walk, train_walk_cbow, train_walks
from graphembed.kernels.walks import alias_tables, draw_entry, first_order_walks
from tests.reference import skipgram as reference

_TABLE = sigmoid_table()
_PLAN = Plan(shortest=1, window=4, negatives=3, pool=16, cbow=False, damping=0.9, averaging=1.0, frozen=0)


@pytest.fixture(autouse=True)
def _one_thread():
    """Small trainings have many short flights: threads that wait for each other on a busy machine take all the time."""
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    yield
    numba.set_num_threads(before)


@pytest.fixture(params=[False, True], ids=["skip-gram", "cbow"])
def cbow(request):
    return request.param


@numba.njit
def _sigmoids(scores, table):
    values = np.empty_like(scores)
    for i in range(scores.size):
        values[i] = _sigmoid(scores[i], table)
    return values


@numba.njit
def _draws(noise, nodes, seed, count):
    drawn = np.zeros(nodes, np.int64)
    stream = kernel_rng.key(seed, 0)
    for i in range(count):
        drawn[draw_entry(noise, 0, nodes, kernel_rng.bits(stream, i))] += 1
    return drawn


def _random_tables(nodes, dim, seed, scale=0.5):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(2, nodes, dim)) * scale).astype(np.float32)


def _noise(mass):
    """The tables of one row that draws nodes in proportion to ``mass``."""
    nodes = len(mass)
    return alias_tables(CSR(np.array([0, nodes]), np.arange(nodes, dtype=np.int32), np.asarray(mass, np.float32)))


def _noise_of(walks, nodes, power=0.75):
    return _noise(np.bincount(list(itertools.chain(*walks)), minlength=nodes) ** power)


def _walks(graph, per_node, length, seed):
    weight = nx.to_numpy_array(graph)
    csr = from_sorted_edges(*np.nonzero(weight), None, len(weight))
    start = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(graph), dtype=np.int32), per_node))
    walks = first_order_walks(csr, alias_tables(csr), start, length, seed)
    return [walk[walk >= 0].tolist() for walk in walks]


def _ragged(walks):
    """Tokens one walk after the other, and where walks begin and end."""
    ends = np.cumsum([0, *map(len, walks)])
    return np.array(list(itertools.chain(*walks)), np.int32), ends[:-1], ends[1:]


def _train_one(walk, x, y, pool, plan, lr, stream):
    """Train one walk by the kernel; ``y`` gets the row of padding, which must stay as it is."""
    padded = np.concatenate([y, np.zeros((1, y.shape[1]), np.float32)])
    train = train_walk_cbow if plan.cbow else train_walk
    result = train(
        np.array(walk, np.int32), x, padded, np.array(pool, np.int32), plan, np.float32(lr), np.uint64(stream), _TABLE
    )
    assert (padded[-1] == 0).all()
    y[:] = padded[:-1]
    return result


def _train(walks, x, y, noise, plan, lrs=(0.05, 0.01), seed=0, in_flight=4, lanes=2):
    return train_walks(*_ragged(walks), x, y, noise, plan, *lrs, seed, in_flight, lanes, _TABLE)


def _assert_walks_agree(walks, nodes, plan, seed=0, in_flight=4, dim=8, power=0.75):
    """Train by kernel and by reference from the same tables."""
    x, y = _random_tables(nodes, dim, seed)
    slow_x, slow_y = x.astype(np.float64), y.astype(np.float64)
    before = x.copy(), y.copy()
    noise = _noise_of(walks, nodes, power)
    loss, pairs = _train(walks, x, y, noise, plan, (0.05, 0.01), seed, in_flight)
    slow_loss, slow_pairs = reference.train_walks(walks, slow_x, slow_y, noise.table, plan, 0.05, 0.01, seed, in_flight)
    assert pairs == slow_pairs
    assert loss == pytest.approx(slow_loss, rel=1e-5)
    for fast, slow, start in zip((x, y), (slow_x, slow_y), before, strict=True):
        np.testing.assert_allclose(fast, slow, atol=1e-5, rtol=0)
        np.testing.assert_array_equal(fast[: plan.frozen], start[: plan.frozen])


# The sigmoid


def test_tabulated_sigmoid_is_off_by_less_than_a_millionth():
    scores = np.concatenate([np.linspace(-20, 20, 1_000_001), [-1e30, -1000, -16, -0.0, 0, 16, 1000, 1e30]])
    scores = scores.astype(np.float32)
    assert np.abs(_sigmoids(scores, _TABLE) - expit(scores.astype(np.float64))).max() < 1e-6


def test_nothing_beyond_the_table_is_read():
    beyond = np.concatenate([_TABLE, np.full(8, np.nan, np.float32)])
    steps = np.arange(-20, 21)
    near = (np.array([16.0, -16.0], np.float32).view(np.int32)[:, None] + steps).astype(np.int32).view(np.float32)
    values = _sigmoids(near.ravel(), beyond[: _TABLE.size])
    np.testing.assert_allclose(values, expit(near.ravel().astype(np.float64)), atol=1e-6)


def test_sigmoid_keeps_nan():
    assert np.isnan(_sigmoids(np.array([np.nan], np.float32), _TABLE)[0])


# One walk


def _exact_loss(x, y, node, window, negatives, share, cbow):
    """The loss of a place as the module's docstring writes it, for autograd."""
    if cbow:
        h = x[window].mean(0)
        return softplus(-h @ y[node]) + share * softplus(y[negatives] @ h).sum()
    return softplus(-(y[window] @ x[node])).sum() + share * softplus(y[negatives] @ x[node]).sum()


@pytest.mark.parametrize("lr", [0.01, 0.3])
@pytest.mark.parametrize("seed", range(4))
def test_each_place_makes_one_step_down_the_gradient_of_its_loss_by_autograd(cbow, lr, seed):
    rng = np.random.default_rng(seed)
    plan = _PLAN._replace(cbow=cbow, shortest=4 if seed % 2 else 1)
    walk, pool = rng.integers(0, 6, 12).tolist(), rng.integers(0, 9, 16).tolist()  # nodes come twice within a window
    x, y = _random_tables(9, 8, seed)
    exact_x, exact_y = (torch.tensor(table, dtype=torch.float64, requires_grad=True) for table in (x, y))
    total = 0.0
    for node, window, negatives, share in reference.places(walk, pool, plan, stream=seed):
        loss = _exact_loss(exact_x, exact_y, node, window, negatives, share, cbow)
        step_x, step_y = torch.autograd.grad(loss, (exact_x, exact_y))
        with torch.no_grad():
            exact_x -= lr * step_x
            exact_y -= lr * step_y
        total += loss.item()
    loss, _ = _train_one(walk, x, y, pool, plan, lr, seed)
    assert loss == pytest.approx(total, rel=1e-5)
    np.testing.assert_allclose(x, exact_x.detach().numpy(), atol=2e-5, rtol=0)
    np.testing.assert_allclose(y, exact_y.detach().numpy(), atol=2e-5, rtol=0)


@pytest.mark.parametrize("seed", range(3))
def test_a_tiny_step_is_minus_the_gradient_of_the_loss_of_the_walk(cbow, seed):
    lr, rng = 1e-3, np.random.default_rng(seed)
    plan = _PLAN._replace(cbow=cbow)
    walk, pool = rng.integers(0, 6, 12).tolist(), rng.integers(0, 9, 16).tolist()
    x, y = _random_tables(9, 8, seed, scale=0.2)
    exact_x, exact_y = (torch.tensor(table, dtype=torch.float64, requires_grad=True) for table in (x, y))
    total = torch.zeros((), dtype=torch.float64)
    for place in reference.places(walk, pool, plan, stream=seed):
        total = total + _exact_loss(exact_x, exact_y, *place, cbow)
    total.backward()
    before = x.astype(np.float64), y.astype(np.float64)
    loss, _ = _train_one(walk, x, y, pool, plan, lr, seed)
    assert loss == pytest.approx(total.item(), rel=1e-2)
    for table, start, exact in zip((x, y), before, (exact_x, exact_y), strict=True):
        gradient = exact.grad.numpy()
        assert np.abs((table - start) / lr + gradient).max() < 0.03 * np.abs(gradient).max()


@pytest.mark.parametrize("negatives", [1, 3, 16])
@pytest.mark.parametrize(("shortest", "window"), [(1, 1), (1, 3), (3, 3), (2, 10)])
@pytest.mark.parametrize("seed", range(2))
def test_training_a_walk_agrees_with_the_reference(cbow, seed, shortest, window, negatives):
    rng = np.random.default_rng(seed)
    plan = _PLAN._replace(cbow=cbow, shortest=shortest, window=window, negatives=negatives)
    walk, pool = rng.integers(0, 9, 30).tolist(), rng.integers(0, 12, 16).tolist()
    x, y = _random_tables(12, 8, seed)
    slow_x, slow_y = x.astype(np.float64), y.astype(np.float64)
    loss, pairs = _train_one(walk, x, y, pool, plan, 0.01, 7)
    slow_loss, slow_pairs = reference.train_walk(walk, slow_x, slow_y, pool, plan, 0.01, 7)
    assert pairs == slow_pairs > 0
    assert loss == pytest.approx(slow_loss, rel=1e-5)
    np.testing.assert_allclose(x, slow_x, atol=1e-5, rtol=0)
    np.testing.assert_allclose(y, slow_y, atol=1e-5, rtol=0)


@pytest.mark.parametrize("dim", [1, 3, 17])
def test_any_length_of_vectors_will_do(cbow, dim):
    plan = _PLAN._replace(cbow=cbow)
    x, y = _random_tables(9, dim, 0)
    slow_x, slow_y = x.astype(np.float64), y.astype(np.float64)
    _train_one([0, 1, 2, 3, 0], x, y, range(9), plan, 0.05, 7)
    reference.train_walk([0, 1, 2, 3, 0], slow_x, slow_y, range(9), plan, 0.05, 7)
    np.testing.assert_allclose(x, slow_x, atol=1e-5, rtol=0)
    np.testing.assert_allclose(y, slow_y, atol=1e-5, rtol=0)


@pytest.mark.parametrize("walk", [[], [3]], ids=["empty", "one node"])
def test_a_walk_without_pairs_trains_nothing(cbow, walk):
    x, y = _random_tables(5, 4, 0)
    before_x, before_y = x.copy(), y.copy()
    assert _train_one(walk, x, y, [0, 1, 2, 4], _PLAN._replace(cbow=cbow), 0.1, 1) == (0.0, 0)
    np.testing.assert_array_equal(x, before_x)
    np.testing.assert_array_equal(y, before_y)


@pytest.mark.parametrize("score", [0, 1, 4, 8, 12, 14, 15.5, 15.99, 16, 40, 500])
@pytest.mark.parametrize("sign", [-1, 1])
def test_loss_is_exact_at_any_score(cbow, score, sign):
    x, y = np.zeros((2, 4, 2), np.float32)
    x[:, 0] = 1.0
    y[:, 0] = sign * score
    y[2:] *= -0.5
    plan = _PLAN._replace(window=1, negatives=2, cbow=cbow)
    loss, pairs = _train_one([0, 1], x, y, [2, 3], plan, 0.0, 0)
    exact = 2 * (np.logaddexp(0, -sign * score) + 2 * np.logaddexp(0, -0.5 * sign * score))
    assert pairs == 2
    assert loss == pytest.approx(exact, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("negatives", [5, 15, 30, 63])
def test_loss_is_exact_with_many_bad_negatives(cbow, negatives):
    x, y = np.zeros((2, 66, 2), np.float32)
    x[:, 0], y[:, 0] = 1.0, 12.0
    plan = _PLAN._replace(window=1, negatives=negatives, cbow=cbow)
    loss, _ = _train_one([0, 1], x, y, range(2, 66), plan, 0.0, 0)
    exact = 2 * (np.logaddexp(0, -12.0) + negatives * np.logaddexp(0, 12.0))
    assert loss == pytest.approx(exact, rel=1e-4)


def test_a_broken_table_shows_in_the_loss(cbow):
    x, y = _random_tables(4, 4, 0)
    x[1, 2] = np.nan
    assert np.isnan(_train_one([0, 1, 2], x, y, [2, 3], _PLAN._replace(cbow=cbow), 0.1, 0)[0])


def test_a_node_that_comes_again_in_a_window_is_paired_with_itself():
    x, y = _random_tables(5, 4, 0)
    plan = _PLAN._replace(shortest=1, window=1)
    assert _train_one([3, 3, 3], x, y, [0, 1, 2, 4], plan, 0.1, 1)[1] == 4


def test_a_fixed_window_pairs_all_within_it_and_a_dynamic_one_near_ones_more_often():
    x, y = np.zeros((2, 30, 2), np.float32)
    fixed = _PLAN._replace(shortest=5, window=5)
    exact = sum(min(abs(i - j), 6) < 6 for i, j in itertools.permutations(range(30), 2))
    assert _train_one(range(30), x, y, [0], fixed, 0.0, 0)[1] == exact
    # With a reach even among 1 to 5, a pair at distance d is there with the chance (6 - d) / 5.
    dynamic = sum((6 - abs(i - j)) / 5 for i, j in itertools.permutations(range(30), 2) if abs(i - j) < 6)
    seen = [_train_one(range(30), x, y, [0], fixed._replace(shortest=1), 0.0, seed)[1] for seed in range(2000)]
    assert abs(np.mean(seen) - dynamic) < 5 * np.std(seen) / np.sqrt(len(seen))
    halfway = [_train_one(range(30), x, y, [0], fixed._replace(shortest=4), 0.0, seed)[1] for seed in range(500)]
    assert np.mean(seen) < np.mean(halfway) < exact


# Negatives


@pytest.mark.parametrize("negatives", [1, 5])
def test_the_step_expected_is_that_of_fresh_negatives_for_each_pair(cbow, negatives):
    """Word2vec draws ``negatives`` anew for each pair; sharing them changes the noise of a step but not its mean."""
    nodes, dim, lr, runs = 9, 4, 1e-3, 4000
    walk, mass = [0, 1, 2, 1, 5], np.array([5, 0, 1, 1, 2, 8, 3, 0, 4], np.float64)
    plan = _PLAN._replace(shortest=2, window=2, negatives=negatives, pool=64, cbow=cbow, damping=1.0)
    x, y = _random_tables(nodes, dim, 0)
    exact_x, exact_y = (torch.tensor(table, dtype=torch.float64, requires_grad=True) for table in (x, y))
    chances = torch.tensor(mass / mass.sum())
    total = torch.zeros((), dtype=torch.float64)
    for i, node in enumerate(walk):
        window = [walk[j] for j in range(len(walk)) if j != i and abs(i - j) <= 2]
        for pair in [window] if cbow else [[v] for v in window]:
            u, v = (exact_x[pair].mean(0), node) if cbow else (exact_x[node], pair[0])
            total = total + softplus(-u @ exact_y[v]) + negatives * (chances * softplus(exact_y @ u)).sum()
    total.backward()
    moves, losses = [], []
    for seed in range(runs):
        own_x, own_y = x.copy(), y.copy()
        loss, _ = _train([walk], own_x, own_y, _noise(mass), plan, (lr, lr), seed, 1, 1)
        moves.append(np.stack([own_x - x, own_y - y]).astype(np.float64) / lr)
        losses.append(loss)
    mean, error = np.mean(moves, axis=0), np.std(moves, axis=0) / np.sqrt(runs)
    exact = -np.stack([exact_x.grad.numpy(), exact_y.grad.numpy()])
    assert np.abs(exact).max() > 0.3
    # Bonferroni over the entries; later places of a walk start a step of lr further on.
    assert (np.abs(mean - exact) < 5 * error + 20 * lr * np.abs(exact).max()).all()
    assert abs(np.mean(losses) - total.item()) < 5 * np.std(losses) / np.sqrt(runs) + 20 * lr


@pytest.mark.parametrize("seed", range(3))
def test_negatives_come_in_proportion_to_what_they_are_said_to_weigh(seed):
    mass = np.array([1, 0, 10, 100, 0, 1000, 7, 7, 3, 10_000, 0]) ** 0.75
    drawn = _draws(_noise(mass), 11, seed, 1_000_000)
    expected = mass / mass.sum() * drawn.sum()
    assert (drawn[mass == 0] == 0).all()
    assert stats.chisquare(drawn[mass > 0], expected[mass > 0]).pvalue > 1e-4


def test_negatives_come_evenly_where_all_weigh_the_same():
    drawn = _draws(_noise(np.ones(10)), 10, 0, 100_000)
    assert stats.chisquare(drawn).pvalue > 1e-4


def test_nodes_that_are_never_visited_keep_their_vectors(cbow):
    walks = [walk for walk in _walks(nx.karate_club_graph(), 2, 10, 0) if 5 not in walk and 33 not in walk]
    x, y = _random_tables(36, 8, 0)  # 34 and 35 are not in the graph at all
    before_x, before_y = x.copy(), y.copy()
    _train(walks, x, y, _noise_of(walks, 36), _PLAN._replace(cbow=cbow))
    visited = np.unique(list(itertools.chain(*walks)))
    missed = np.setdiff1d(np.arange(36), visited)
    assert {5, 33, 34, 35} <= set(missed.tolist())
    np.testing.assert_array_equal(x[missed], before_x[missed])
    np.testing.assert_array_equal(y[missed], before_y[missed])  # never a negative either: their count is zero
    assert (x[visited] != before_x[visited]).any(axis=1).all()


# Many walks


@pytest.mark.parametrize("in_flight", [1, 3, 16])
@pytest.mark.parametrize(("damping", "averaging"), [(1.0, 1.0), (0.7, 1.0), (1.0, 0.0), (0.9, 0.5)])
@pytest.mark.parametrize("frozen", [0, 13])
def test_training_walks_agrees_with_the_reference(cbow, frozen, damping, averaging, in_flight):
    plan = _PLAN._replace(cbow=cbow, damping=damping, averaging=averaging, frozen=frozen)
    _assert_walks_agree(_walks(nx.karate_club_graph(), 1, 12, 0), 34, plan, seed=in_flight, in_flight=in_flight)


def test_training_walks_agrees_with_the_reference_where_one_hub_is_in_every_walk(cbow):
    _assert_walks_agree(_walks(nx.star_graph(20), 1, 12, 0), 21, _PLAN._replace(cbow=cbow), in_flight=8)


def test_training_walks_agrees_with_the_reference_where_negatives_are_drawn_evenly(cbow):
    _assert_walks_agree(_walks(nx.star_graph(8), 2, 9, 0), 9, _PLAN._replace(cbow=cbow), power=0.0)


@pytest.mark.parametrize("in_flight", [1, 4, 100])
def test_training_walks_agrees_with_the_reference_on_walks_of_any_length(cbow, in_flight):
    rng = np.random.default_rng(0)
    lengths = [0, 1, 8, 2, 0, 5, 1, 30, 3, 1, 0, 4]
    walks = [rng.integers(0, 15, length).tolist() for length in lengths]  # nodes 15 to 19 are in no walk
    _assert_walks_agree(walks, 20, _PLAN._replace(cbow=cbow, frozen=3), 1, in_flight)


@pytest.mark.parametrize("length", [10, 24, 40, 90])
def test_a_walk_draws_as_many_negatives_as_it_has_places_within_bounds(cbow, length):
    rng = np.random.default_rng(1)
    walks = [rng.integers(0, 15, length).tolist() for _ in range(4)]
    _assert_walks_agree(walks, 20, _PLAN._replace(cbow=cbow, pool=64), 1, 2)


_LISTS = st.lists(st.lists(st.integers(0, 6), max_size=9), max_size=9).filter(any)


@settings(deadline=None, max_examples=60)
@given(
    _LISTS, st.integers(-(2**63), 2**63 - 1), st.integers(1, 9), st.booleans(), st.integers(0, 8),
    st.integers(1, 4), st.integers(0, 4), st.integers(1, 9), st.integers(1, 20), st.floats(0.05, 1.0),
)  # fmt: skip
def test_training_agrees_with_the_reference_whatever_the_walks_and_the_plan(
    walks, seed, in_flight, cbow, frozen, shortest, more, negatives, pool, damping
):
    plan = Plan(shortest, shortest + more, negatives, pool, cbow, damping, 1.0, frozen)
    x, y = _random_tables(8, 3, 0)
    slow_x, slow_y = x.astype(np.float64), y.astype(np.float64)
    noise = _noise_of(walks, 8)
    loss, pairs = _train(walks, x, y, noise, plan, (0.05, 0.01), seed, in_flight, 3)
    slow_loss, slow_pairs = reference.train_walks(walks, slow_x, slow_y, noise.table, plan, 0.05, 0.01, seed, in_flight)
    assert pairs == slow_pairs
    assert loss == pytest.approx(slow_loss, rel=1e-5)
    np.testing.assert_allclose(x, slow_x, atol=1e-5, rtol=0)
    np.testing.assert_allclose(y, slow_y, atol=1e-5, rtol=0)


def test_walks_too_short_for_a_pair_train_nothing_but_have_a_number():
    x, y = _random_tables(6, 4, 0)
    before_x, before_y = x.copy(), y.copy()
    assert _train([[0], [], [3], [5]], x, y, _noise(np.ones(6)), _PLAN) == (0.0, 0)
    np.testing.assert_array_equal(x, before_x)
    np.testing.assert_array_equal(y, before_y)
    assert _train([], x, y, _noise(np.ones(6)), _PLAN) == (0.0, 0)
    tables = []
    for first in ([], [[4]], [[], [4]]):  # the walk 0-1-2 is walk number 0, 1, 2: it draws from other streams
        own_x, own_y = x.copy(), y.copy()
        _train([*first, [0, 1, 2]], own_x, own_y, _noise(np.ones(6)), _PLAN, (0.05, 0.05))
        tables.append(own_x.tobytes())
    assert len(set(tables)) == 3


def test_one_in_flight_without_damping_is_training_on_the_tables_themselves(cbow):
    plan = _PLAN._replace(cbow=cbow, damping=1.0)
    walks = _walks(nx.karate_club_graph(), 1, 12, 0)
    x, y = _random_tables(34, 8, 0)
    own_x, own_y = x.copy(), y.copy()
    noise = _noise_of(walks, 34)
    total, pairs = _train(walks, x, y, noise, plan, (0.05, 0.05), 5, 1)
    results = []
    for index, walk in enumerate(walks):
        stream = reference.stream_of(5, index)
        pool = reference.pool_of(noise.table, 34, plan, len(walk), stream)
        results.append(_train_one(walk, own_x.copy(), own_y.copy(), pool, plan, 0.0, stream))
        _train_one(walk, own_x, own_y, pool, plan, 0.05, stream)
    np.testing.assert_array_equal(x, own_x)
    np.testing.assert_array_equal(y, own_y)
    assert (total, pairs) == (pytest.approx(sum(loss for loss, _ in results)), sum(some for _, some in results))


def test_what_walks_in_flight_made_of_a_row_is_averaged_not_added():
    # The same walk four times, with draws of no consequence: a fixed window, and a pool of one negative.
    plan = _PLAN._replace(shortest=1, window=1, negatives=1, pool=1, damping=1.0)
    x, y = _random_tables(3, 4, 0)
    one_x, one_y = x.copy(), y.copy()
    noise = _noise([0, 0, 1])
    _train([[0, 1]] * 4, x, y, noise, plan, (0.1, 0.1), 0, in_flight=4)
    _train([[0, 1]], one_x, one_y, noise, plan, (0.1, 0.1), 0, in_flight=1)
    np.testing.assert_allclose(x, one_x, atol=1e-6)
    np.testing.assert_allclose(y, one_y, atol=1e-6)


@pytest.mark.parametrize("damping", [0.25, 0.9])
def test_the_context_table_goes_a_share_of_the_way_and_the_node_table_all_of_it(cbow, damping):
    walks = [[0, 1, 2, 3], [3, 2, 1, 5]]
    start = _random_tables(6, 4, 0)
    whole, part = start.copy(), start.copy()
    plan = _PLAN._replace(cbow=cbow)
    for (x, y), share in ((whole, 1.0), (part, damping)):
        _train(walks, x, y, _noise(np.ones(6)), plan._replace(damping=share), in_flight=2)
    np.testing.assert_array_equal(part[0], whole[0])
    np.testing.assert_allclose(part[1] - start[1], damping * (whole[1] - start[1]), atol=1e-6)
    assert np.abs(whole[1] - start[1]).max() > 1e-3


def test_frozen_rows_are_read_but_never_changed(cbow):
    walks = [[0, 1, 2, 3], [3, 2, 1, 5], [4, 4, 0, 2]]
    x, y = _random_tables(6, 4, 0)
    before_x, before_y = x.copy(), y.copy()
    plan = _PLAN._replace(cbow=cbow, frozen=3)
    _train(walks, x, y, _noise(np.ones(6)), plan)
    np.testing.assert_array_equal(x[:3], before_x[:3])
    np.testing.assert_array_equal(y[:3], before_y[:3])
    assert (x[3:] != before_x[3:]).any(axis=1).all()
    other_x, other_y = before_x.copy(), before_y.copy()
    other_y[0] += 1
    other_x[0] += 1
    _train(walks, other_x, other_y, _noise(np.ones(6)), plan)
    assert not np.allclose(other_x[3:], x[3:])


def test_the_step_falls_linearly_from_flight_to_flight():
    # Walks of different components know nothing of each other: each is trained with its own step.
    pairs = [[2 * i, 2 * i + 1] for i in range(4)]
    plan = _PLAN._replace(window=1, negatives=1, pool=1, damping=1.0)
    x, y = np.zeros((2, 9, 2), np.float32)
    x[:, 0], y[:8, 1] = 1.0, 1.0
    start = x.copy()
    _train(pairs, x, y, _noise(np.eye(9)[8]), plan, (0.08, 0.0), 0, in_flight=1)
    moved = (x - start)[:8:2, 1]
    np.testing.assert_allclose(moved / moved[0], [1, 0.75, 0.5, 0.25], rtol=1e-5)


def test_steps_of_zero_measure_the_loss_and_change_nothing(cbow):
    walks = _walks(nx.karate_club_graph(), 1, 12, 0)
    x, y = _random_tables(34, 8, 0)
    before_x, before_y = x.copy(), y.copy()
    plan = _PLAN._replace(cbow=cbow, frozen=34)
    noise = _noise_of(walks, 34)
    measured = [_train(walks, x, y, noise, plan, (0.0, 0.0), seed) for seed in range(200)]
    np.testing.assert_array_equal(x, before_x)
    np.testing.assert_array_equal(y, before_y)
    chances = np.bincount(list(itertools.chain(*walks)), minlength=34) ** 0.75
    exact = reference.mean_loss(walks, x, y, chances / chances.sum(), 1, 4, 3, cbow)
    total, pairs = np.sum(measured, axis=0)
    assert total / pairs == pytest.approx(exact, rel=5e-3)


def test_training_gives_the_same_bits_on_any_number_of_threads_and_lanes(thread_count, cbow):
    walks = _walks(nx.karate_club_graph(), 3, 12, 0)
    noise = _noise_of(walks, 34)
    plan = _PLAN._replace(cbow=cbow, frozen=2)

    def trained(lanes):
        x, y = _random_tables(34, 16, 0)
        loss = _train(walks, x, y, noise, plan, (0.05, 0.001), 7, 16, lanes)
        return loss, x.tobytes(), y.tobytes()

    here = [trained(lanes) for lanes in (1, 2, 3, 8, 16, 40)]
    numba.set_num_threads(1)
    alone = trained(1)
    assert all(result == alone for result in here)


def test_training_depends_on_the_seed():
    walks = _walks(nx.karate_club_graph(), 1, 12, 0)
    tables = []
    for seed in (0, 1, -1):
        x, y = _random_tables(34, 8, 0)
        _train(walks, x, y, _noise_of(walks, 34), _PLAN, seed=seed)
        tables.append(x.tobytes())
    assert len(set(tables)) == 3


def test_training_leaves_walks_and_sigmoid_table_as_they_were():
    tokens, first, last = _ragged(_walks(nx.karate_club_graph(), 1, 12, 0))
    before = tokens.copy(), first.copy(), last.copy()
    noise = _noise(np.ones(34))
    train_walks(tokens, first, last, *_random_tables(34, 8, 0), noise, _PLAN, 0.05, 0.01, 0, 4, 2, _TABLE)
    for array, kept in zip((tokens, first, last), before, strict=True):
        np.testing.assert_array_equal(array, kept)
    np.testing.assert_array_equal(_TABLE, sigmoid_table())


def test_walks_may_lie_anywhere_in_the_tokens():
    tokens = np.array([9, 0, 1, 2, 9, 3, 4, 9], np.int32)
    first, last = np.array([5, 1]), np.array([7, 4])
    noise = _noise(np.ones(5))
    x, y = _random_tables(5, 4, 0)
    own_x, own_y = x.copy(), y.copy()
    train_walks(tokens, first, last, x, y, noise, _PLAN, 0.05, 0.01, 0, 4, 2, _TABLE)
    _train([[3, 4], [0, 1, 2]], own_x, own_y, noise, _PLAN)
    np.testing.assert_array_equal(x, own_x)
    np.testing.assert_array_equal(y, own_y)
