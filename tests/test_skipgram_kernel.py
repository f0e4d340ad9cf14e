"""The skip-gram kernels agree with a slow reference and with autograd, stay bounded, and do not depend on threads."""

import itertools

import networkx as nx
import numba
import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import expit
from torch.nn.functional import softplus

from graphembed.kernels import rng as kernel_rng
from graphembed.kernels.csr import CSR, from_sorted_edges
from graphembed.kernels.skipgram import _sigmoid, sigmoid_table, train_walk, train_walks
from graphembed.kernels.walks import alias_tables, draw_entry, first_order_walks
from tests.reference import skipgram as reference

_TABLE = sigmoid_table()


@pytest.fixture(autouse=True)
def _one_thread():
    """Small trainings have many short flights: threads that wait for each other on a busy machine take all the time."""
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    yield
    numba.set_num_threads(before)


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
        drawn[draw_entry(noise, 0, nodes, kernel_rng.bits(stream, 2 * i), kernel_rng.bits(stream, 2 * i + 1))] += 1
    return drawn


def _random_tables(nodes, dim, seed, scale=0.5):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(2, nodes, dim)) * scale).astype(np.float32)


def _noise(walks, nodes):
    """The tables of one row in which every node has its number of visits to the power 3/4."""
    visits = np.bincount(walks[walks >= 0], minlength=nodes)
    return alias_tables(CSR(np.array([0, nodes]), np.arange(nodes, dtype=np.int32), (visits**0.75).astype(np.float32)))


def _csr(graph):
    weight = nx.to_numpy_array(graph)
    source, target = np.nonzero(weight)
    return from_sorted_edges(source, target, None, len(weight))


def _walks(graph, per_node, length, seed):
    csr = _csr(graph)
    start = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(graph), dtype=np.int32), per_node))
    return first_order_walks(csr, alias_tables(csr), start, length, seed)


def _train_walk(walk, x, y, pool, window, negatives, lr, stream, node_rows=None):
    walk, pool = np.array(walk, np.int32), np.array(pool, np.int32)
    rows = walk if node_rows is None else np.array(node_rows, np.int32)
    return train_walk(walk, rows, x, y, pool, window, negatives, np.float32(lr), np.uint64(stream), _TABLE)


def _train_walks(walks, x, y, pool, window, negatives, lrs, seed, in_flight, lanes=2):
    noise = _noise(walks, len(x))
    return train_walks(walks, x, y, noise, pool, window, negatives, *lrs, seed, in_flight, lanes, _TABLE)


def _assert_walks_agree(walks, nodes, pool, window, negatives, seed, in_flight, dim=8):
    """Train by kernel and by reference from the same tables."""
    x, y = _random_tables(nodes, dim, seed)
    slow_x, slow_y = x.astype(np.float64), y.astype(np.float64)
    loss, pairs = _train_walks(walks, x, y, pool, window, negatives, (0.05, 0.01), seed, in_flight)
    noise = _noise(walks, nodes)
    slow_loss, slow_pairs = reference.train_walks(
        walks, slow_x, slow_y, noise.accept, noise.other, pool, window, negatives, 0.05, 0.01, seed, in_flight
    )
    assert pairs == slow_pairs
    assert loss == pytest.approx(slow_loss, rel=1e-5)
    np.testing.assert_allclose(x, slow_x, atol=1e-5, rtol=0)
    np.testing.assert_allclose(y, slow_y, atol=1e-5, rtol=0)


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


# One pair, one walk


@pytest.mark.parametrize("lr", [0.01, 0.5])
@pytest.mark.parametrize("seed", range(4))
def test_update_of_a_pair_is_minus_its_gradient_by_autograd(lr, seed):
    negatives, pool = 5, np.arange(2, 12)
    # In a walk of two nodes the pair (1, 0) comes first, then (0, 1). They share no row if their negatives do not
    # overlap: take a stream where these come from opposite halves of the pool.
    streams = (reference.key(seed, item) for item in itertools.count())
    stream, plan = next(
        (stream, plan)
        for stream in streams
        for plan in [list(reference.windows([0, 1], 10, 1, stream))]
        if (plan[0][2] - plan[1][2]) % 10 == 5
    )
    x, y = _random_tables(12, 8, seed)
    exact_x = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    exact_y = torch.tensor(y, dtype=torch.float64, requires_grad=True)
    total = torch.zeros((), dtype=torch.float64)
    for i, j, offset in plan:
        rows = [int(pool[(offset + k) % 10]) for k in range(1, negatives + 1)]
        total = total + softplus(-exact_x[j] @ exact_y[i]) + softplus(exact_y[rows] @ exact_x[j]).sum()
    total.backward()
    before_x, before_y = x.astype(np.float64), y.astype(np.float64)
    loss, pairs = _train_walk([0, 1], x, y, pool, 1, negatives, lr, stream)
    assert pairs == 2
    assert loss == pytest.approx(total.item(), rel=1e-5)
    np.testing.assert_allclose((x - before_x) / lr, -exact_x.grad.numpy(), atol=1e-5, rtol=0)
    np.testing.assert_allclose((y - before_y) / lr, -exact_y.grad.numpy(), atol=1e-5, rtol=0)
    assert (exact_y.grad != 0).any(dim=1).all()  # every row took part


@pytest.mark.parametrize("negatives", [0, 1, 5])
@pytest.mark.parametrize("window", [1, 3, 10])
@pytest.mark.parametrize("seed", range(3))
def test_train_walk_agrees_with_the_reference(seed, window, negatives):
    rng = np.random.default_rng(seed)
    walk, pool = rng.integers(0, 9, 30), rng.integers(0, 12, 16)  # nodes and negatives come again and again
    x, y = _random_tables(12, 8, seed)
    slow_x, slow_y = x.astype(np.float64), y.astype(np.float64)
    stream = reference.key(seed, 0)
    loss, pairs = _train_walk(walk, x, y, pool, window, negatives, 0.05, stream)
    slow_loss, slow_pairs, _, _ = reference.train_walk(
        walk.tolist(), slow_x, slow_y, pool.tolist(), window, negatives, 0.05, stream
    )
    assert pairs == slow_pairs > 0
    assert loss == pytest.approx(slow_loss, rel=1e-5)
    np.testing.assert_allclose(x, slow_x, atol=1e-5, rtol=0)
    np.testing.assert_allclose(y, slow_y, atol=1e-5, rtol=0)


def test_train_walk_does_not_care_which_row_a_node_has():
    walk, place = np.array([4, 7, 4, 9, 8, 7]), np.array([0, 0, 0, 0, 2, 0, 0, 3, 0, 1])
    x, y = _random_tables(8, 8, 0)
    slow_x, slow_y = x.astype(np.float64), y.astype(np.float64)
    _train_walk(walk, x, y, [4, 5, 6, 7], 3, 2, 0.05, 5, node_rows=place[walk])
    reference.train_walk(place[walk].tolist(), slow_x, slow_y, [4, 5, 6, 7], 3, 2, 0.05, 5)
    np.testing.assert_allclose(x, slow_x, atol=1e-5, rtol=0)
    np.testing.assert_allclose(y, slow_y, atol=1e-5, rtol=0)


@pytest.mark.parametrize("walk", [[], [3]], ids=["empty", "one node"])
def test_a_walk_without_pairs_trains_nothing(walk):
    x, y = _random_tables(5, 4, 0)
    before_x, before_y = x.copy(), y.copy()
    assert _train_walk(walk, x, y, [0, 1, 2, 4], 5, 2, 0.1, 1) == (0.0, 0)
    np.testing.assert_array_equal(x, before_x)
    np.testing.assert_array_equal(y, before_y)


@pytest.mark.parametrize("score", [0, 1, 4, 8, 12, 14, 15.5, 15.99, 16, 40, 500])
@pytest.mark.parametrize("sign", [-1, 1])
def test_loss_is_exact_at_any_score(score, sign):
    x, y = np.zeros((2, 4, 2), np.float32)
    x[:, 0] = 1.0
    y[:, 0] = sign * score
    loss, pairs = _train_walk([0, 1], x, y, [2, 3], 1, 2, 0.0, 0)
    exact = 2 * reference.sgns_loss(x[0].astype(float), y[0].astype(float), y[2:].astype(float))
    assert pairs == 2
    assert loss == pytest.approx(exact, rel=1e-5)


@pytest.mark.parametrize("negatives", [5, 15, 30, 63])
def test_loss_is_exact_with_many_bad_negatives(negatives):
    x, y = np.zeros((2, 66, 2), np.float32)
    x[:, 0], y[:, 0] = 1.0, 12.0
    loss, _ = _train_walk([0, 1], x, y, range(2, 66), 1, negatives, 0.0, 0)
    exact = 2 * reference.sgns_loss(x[0].astype(float), y[0].astype(float), y[2 : 2 + negatives].astype(float))
    assert loss == pytest.approx(exact, rel=1e-4)


# Many walks


@pytest.mark.parametrize("in_flight", [1, 3, 16])
@pytest.mark.parametrize("window", [1, 4])
@pytest.mark.parametrize("seed", range(2))
def test_train_walks_agrees_with_the_reference(seed, window, in_flight):
    walks = _walks(nx.karate_club_graph(), 1, 20, seed)
    _assert_walks_agree(walks, 34, 8, window, 5, seed, in_flight)


def test_train_walks_agrees_with_the_reference_where_one_hub_is_in_every_walk():
    _assert_walks_agree(_walks(nx.star_graph(20), 1, 12, 0), 21, 8, 3, 4, 0, in_flight=8)


@pytest.mark.parametrize("in_flight", [1, 4, 100])
def test_train_walks_agrees_with_the_reference_on_padded_walks(in_flight):
    rng = np.random.default_rng(0)
    walks = rng.integers(0, 15, (20, 8)).astype(np.int32)  # nodes 15 to 19 are in no walk
    for walk, length in zip(walks, itertools.cycle([8, 1, 2, 5, 3]), strict=False):
        walk[length:] = -1
    _assert_walks_agree(walks, 20, 5, 3, 5, 1, in_flight)  # as many negatives as the pool holds: all are used


def test_train_walks_agrees_with_the_reference_on_walks_of_one_column():
    walks = np.arange(6, dtype=np.int32)[:, None]
    _assert_walks_agree(walks, 6, 8, 3, 5, 0, in_flight=2)
    x, y = _random_tables(6, 4, 0)
    assert _train_walks(walks, x, y, 8, 3, 5, (0.1, 0.1), 0, 2) == (0.0, 0)


def test_a_row_moves_by_the_mean_over_the_walks_that_stepped_on_it():
    """Negatives that a short walk drew but did not use are not moves."""
    walks = np.random.default_rng(0).integers(0, 30, (60, 3)).astype(np.int32)
    walks[walks[:, 0] == walks[:, 1], 1] += 1
    walks[::2, 2] = -1
    _assert_walks_agree(walks, 31, 64, 2, 5, 0, in_flight=16)


def test_moves_of_walks_in_flight_are_averaged_not_added():
    # The same walk four times: each pair of rows moves the mean of four moves, the size of one. Without negatives the
    # walks make the same moves.
    walks = np.tile(np.array([0, 1], np.int32), (4, 1))
    x, y = _random_tables(2, 4, 0)
    one_x, one_y = x.copy(), y.copy()
    _train_walks(walks, x, y, 1, 1, 0, (0.1, 0.1), 0, in_flight=4)
    _train_walks(walks[:1], one_x, one_y, 1, 1, 0, (0.1, 0.1), 0, in_flight=1)
    np.testing.assert_allclose(x, one_x, atol=1e-6)
    np.testing.assert_allclose(y, one_y, atol=1e-6)


def test_nodes_that_are_never_visited_keep_their_vectors():
    graph = nx.karate_club_graph()
    walks = _walks(graph, 2, 10, 0)
    walks = walks[~np.isin(walks, [5, 33]).any(axis=1)]
    x, y = _random_tables(36, 8, 0)  # 34 and 35 are not in the graph at all
    before_x, before_y = x.copy(), y.copy()
    _train_walks(walks, x, y, 16, 5, 5, (0.05, 0.01), 0, 4)
    missed = np.setdiff1d(np.arange(36), walks)
    assert {5, 33, 34, 35} <= set(missed.tolist())
    np.testing.assert_array_equal(x[missed], before_x[missed])
    np.testing.assert_array_equal(y[missed], before_y[missed])  # never a negative either: their count is zero
    visited = np.unique(walks)
    assert (x[visited] != before_x[visited]).any(axis=1).all()


def test_training_gives_the_same_bits_on_any_number_of_threads_and_lanes(thread_count):
    walks = _walks(nx.karate_club_graph(), 3, 15, 0)

    def trained(lanes):
        x, y = _random_tables(34, 16, 0)
        loss = _train_walks(walks, x, y, 32, 5, 5, (0.05, 0.001), 7, 16, lanes)
        return loss, x.tobytes(), y.tobytes()

    here = [trained(lanes) for lanes in (1, 2, 3, 8, 16, 40)]
    numba.set_num_threads(1)
    alone = trained(1)
    assert all(result == alone for result in here)


def test_training_depends_on_the_seed():
    walks = _walks(nx.karate_club_graph(), 1, 15, 0)
    tables = []
    for seed in (0, 1, -1):
        x, y = _random_tables(34, 8, 0)
        _train_walks(walks, x, y, 16, 5, 5, (0.05, 0.001), seed, 4)
        tables.append(x.tobytes())
    assert len(set(tables)) == 3


def test_training_leaves_walks_and_sigmoid_table_as_they_were():
    walks = _walks(nx.karate_club_graph(), 1, 15, 0)
    before = walks.copy()
    _train_walks(walks, *_random_tables(34, 8, 0), 16, 5, 5, (0.05, 0.001), 0, 4)
    np.testing.assert_array_equal(walks, before)
    np.testing.assert_array_equal(_TABLE, sigmoid_table())


@pytest.mark.parametrize("seed", range(3))
def test_negatives_come_in_proportion_to_visits_to_the_power_three_quarters(seed):
    visits = np.array([1, 0, 10, 100, 0, 1000, 7, 7, 3, 10_000, 0])
    walks = np.repeat(np.arange(11, dtype=np.int32), visits)[None]
    drawn = _draws(_noise(walks, 11), 11, seed, 1_000_000)
    expected = visits**0.75 / (visits**0.75).sum() * drawn.sum()
    assert (drawn[visits == 0] == 0).all()
    assert stats.chisquare(drawn[visits > 0], expected[visits > 0]).pvalue > 1e-4


def test_negatives_come_evenly_where_all_are_visited_alike():
    drawn = _draws(_noise(np.arange(10, dtype=np.int32)[None], 10), 10, 0, 100_000)
    assert stats.chisquare(drawn).pvalue > 1e-4


# Whole trainings

_GRAPHS = {
    "pairs": nx.disjoint_union_all([nx.path_graph(2)] * 100),
    "star": nx.star_graph(200),
    "cliques": nx.disjoint_union_all([nx.complete_graph(10)] * 6),
    "path": nx.path_graph(100),
    "edge": nx.path_graph(2),
}


@pytest.mark.parametrize("lr", [0.025, 0.05])
@pytest.mark.parametrize("name", _GRAPHS)
def test_training_stays_bounded_and_the_loss_falls(name, lr):
    graph = _GRAPHS[name]
    nodes, dim = len(graph), 16
    x = ((np.random.default_rng(0).random((nodes, dim)) - 0.5) / dim).astype(np.float32)
    y = np.zeros((nodes, dim), np.float32)
    in_flight = int(np.clip(nodes // 80, 1, 16))
    losses = []
    for epoch in range(2):
        walks = _walks(graph, 10, 80, epoch)
        loss, pairs = _train_walks(walks, x, y, 64, 10, 5, (lr, 1e-4), epoch, in_flight)
        losses.append(loss / pairs)
    for table in (x, y):
        norms = np.linalg.norm(table, axis=1)
        assert np.isfinite(norms).all()
        assert norms.max() < 10 * np.median(norms)
    # One edge is learnt within the first epoch (2.054 at a floor of about 2.05); everything else goes on falling.
    assert losses[1] < losses[0] < 6 * np.log(2) or (name == "edge" and losses[1] < 1.01 * losses[0] < 6 * np.log(2))


def test_a_node_that_comes_again_in_a_window_is_paired_with_itself():
    x, y = _random_tables(5, 4, 0)
    assert _train_walk([3, 3, 3], x, y, [0, 1, 2, 4], 1, 2, 0.1, 1)[1] == 4
