"""Walks stay on edges, follow their law to the letter, and depend neither on threads nor on blocks."""

import itertools

import networkx as nx
import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from graphembed.kernels.csr import CSR, from_sorted_edges
from graphembed.kernels.node2vec import row_totals, second_order_walks, weight_aware_walks, weight_limits
from graphembed.kernels.walks import (
    alias_tables,
    anonymous_walks,
    by_kind,
    by_time,
    first_order_walks,
    narrow,
    timed_walks,
    typed_walks,
)
from tests.reference.walks import (
    anonymous_walk,
    first_order_law,
    restart_law,
    second_order_law,
    timed_law,
    typed_law,
    weight_aware_law,
)

_KITE = np.array(  # a triangle 0 1 2 with a square 2 3 4 5 and a tail 5 6
    [
        [0, 1, 1, 0, 0, 0, 0],
        [1, 0, 1, 0, 0, 0, 0],
        [1, 1, 0, 1, 0, 1, 0],
        [0, 0, 1, 0, 1, 0, 0],
        [0, 0, 0, 1, 0, 1, 0],
        [0, 0, 1, 0, 1, 0, 1],
        [0, 0, 0, 0, 0, 1, 0],
    ]
)
_WEIGHTED = _KITE * np.add.outer(np.arange(1.0, 8.0), np.arange(1.0, 8.0)) ** 1.5
_DIRECTED = np.array(  # 0 -> 1 has no way back, 1 <-> 2 has one
    [
        [0, 2, 1, 0, 0],
        [0, 0, 3, 1, 0],
        [1, 4, 0, 1, 2],
        [5, 0, 0, 0, 1],
        [1, 0, 1, 2, 0],
    ],
    float,
)
_LOOP = _WEIGHTED.copy()
_LOOP[2, 2], _LOOP[6, 6] = 9.0, 2.0
_STAR = np.zeros((6, 6))
_STAR[0, 1:] = _STAR[1:, 0] = [1, 2, 4, 8, 16]
_PATH = np.diag([1.0, 3.0, 1.0, 2.0], 1) + np.diag([1.0, 3.0, 1.0, 2.0], -1)
_WHEEL = np.zeros((82, 82))  # two hubs that know each other and everyone, and a ring of 80: rows longer than a window
_WHEEL[:2, :] = _WHEEL[:, :2] = 1
_WHEEL[np.arange(2, 82), np.roll(np.arange(2, 82), 1)] = _WHEEL[np.roll(np.arange(2, 82), 1), np.arange(2, 82)] = 1
_WHEEL[0, 0] = _WHEEL[1, 1] = 0
_HEAVY_WHEEL = _WHEEL * np.add.outer(np.arange(82) % 5 + 1, np.arange(82) % 5 + 1)
_GRAPHS = {
    "unweighted": _KITE,
    "weighted": _WEIGHTED,
    "directed": _DIRECTED,
    "self-loop": _LOOP,
    "star": _STAR,
    "path": _PATH,
}
_LARGE = {"wheel": _WHEEL, "heavy wheel": _HEAVY_WHEEL}

_PQ = [(1, 1), (0.25, 4), (4, 0.25), (1, 4), (0.01, 1), (50, 100)]
_PATIENT = [(500, 1000), (1000, 500)]  # almost every proposal is refused: the exact law must step in


def _csr(weight):
    """Rows of a dense matrix; without weights if they are all one, as a graph without weights gives them."""
    source, target = np.nonzero(weight)
    values = weight[source, target].astype(np.float32)
    return from_sorted_edges(source, target, None if (values == 1).all() else values, len(weight))


def _first(weight, start, length, seed, first=0, restart=0.0):
    csr = _csr(weight)
    return first_order_walks(narrow(csr), alias_tables(csr), np.asarray(start, np.int32), length, seed, first, restart)


def _symmetric(weight):
    return (weight == weight.T).all()


def _second(weight, start, length, p, q, seed, first=0, mirrored=None):
    csr = _csr(weight)
    start = np.asarray(start, np.int32)
    total = row_totals(csr) if csr.weight.size else np.empty(0)
    mirrored = bool(_symmetric(weight)) if mirrored is None else mirrored
    rows, alias = narrow(csr), alias_tables(csr)
    return second_order_walks(rows, alias, total, start, length, float(p), float(q), seed, first, mirrored)


def _aware(weight, start, length, p, q, seed, first=0, gamma=0.0):
    csr = _csr(weight)
    start, limit = np.asarray(start, np.int32), weight_limits(csr, gamma)
    return weight_aware_walks(narrow(csr), alias_tables(csr), limit, start, length, float(p), float(q), seed, first)


def _typed(weight, start, length, kind, path, seed, first=0):
    kinds = int(max(*kind, *path)) + 1
    rows = by_kind(_csr(weight), np.asarray(kind), kinds)
    path, start = np.asarray(path, np.int64), np.asarray(start, np.int32)
    return typed_walks(narrow(rows), alias_tables(rows), kinds, path, start, length, seed, first)


def _timed(weight, start, length, time, seed, first=0):
    timed = by_time(_csr(weight), time[np.nonzero(weight)])
    return timed_walks(timed, np.asarray(start, np.int32), length, seed, first)


_DENSE = np.triu(np.random.default_rng(4).random((15, 15)) < 0.7, 1) * np.add.outer(np.arange(15.0), np.arange(15.0))
_DENSE += _DENSE.T
_KIND = np.arange(15) % 3
_TIME = np.random.default_rng(5).integers(
    0, 4, (7, 7)
)  # with ties; the two directions of an edge have times of their own
_WALKS = {  # every kind of walk, as a function of weights, starts, length, seed and the number of the first walk
    "first order": _first,
    "restart": lambda *args: _first(*args, restart=0.3),
    "node2vec": lambda weight, start, length, *rest: _second(weight, start, length, 0.3, 3, *rest),
    "node2vec, unmirrored": lambda weight, start, length, *rest: _second(
        weight, start, length, 3, 0.3, *rest, mirrored=False
    ),
    "node2vec+": lambda weight, start, length, *rest: _aware(weight, start, length, 0.3, 3, *rest),
    "typed": lambda weight, start, length, *rest: _typed(
        weight, start, length, np.arange(len(weight)) % 3, [0, 1, 2, 1], *rest
    ),
    "timed": lambda weight, start, length, *rest: _timed(
        weight, start, length, np.random.default_rng(0).integers(0, 9, weight.shape), *rest
    ),
}


def _starts(nodes, per_node):
    return np.tile(np.arange(nodes), per_node)


def _seen(*columns, nodes):
    """Count how often each tuple of nodes comes up; columns hold nodes, -1 where a walk is over."""
    columns = np.stack([column.ravel() for column in columns])
    places = np.ravel_multi_index(tuple(columns[:, (columns >= 0).all(axis=0)]), (nodes,) * len(columns))
    return np.bincount(places, minlength=nodes ** len(columns)).reshape((nodes,) * len(columns))


def _pairs_seen(walks, nodes):
    """Count (v, x): steps from v to x."""
    return _seen(walks[:, :-1], walks[:, 1:], nodes=nodes)


def _triples_seen(walks, nodes):
    """Count (t, v, x): steps from v to x, having come from t."""
    return _seen(walks[:, :-2], walks[:, 1:-1], walks[:, 2:], nodes=nodes)


def _assert_follows(seen, law):
    """Chi-square in every context (row), Bonferroni over the contexts; what has no chance must not happen."""
    seen, law = seen.reshape(-1, seen.shape[-1]), law.reshape(-1, law.shape[-1])
    assert (seen[law == 0] == 0).all()
    values, contexts = [], 0
    for counts, chances in zip(seen, law, strict=True):
        if not counts.any() or (chances > 0).sum() < 2:
            continue
        contexts += 1
        expected = counts.sum() * chances
        often = expected >= 5  # the rest makes one cell, if it is enough for one
        cells = [*zip(counts[often], expected[often], strict=True), (counts[~often].sum(), expected[~often].sum())]
        observed, predicted = np.array([cell for cell in cells if cell[1] >= 1]).T
        if len(observed) > 1:
            values.append(stats.chisquare(observed, predicted * (observed.sum() / predicted.sum())).pvalue)
    assert len(values) >= 0.8 * contexts > 0  # enough was seen to judge
    assert min(values) * len(values) > 1e-4


@st.composite
def _weights(draw, smallest=0.01, largest=100.0):
    """Random graphs: directed or not, weighted or not, with self-loops, dead ends and isolated nodes."""
    nodes = draw(st.integers(1, 8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    weight = (rng.random((nodes, nodes)) < draw(st.sampled_from([0.0, 0.15, 0.4, 0.9]))).astype(np.float64)
    if draw(st.booleans()):
        weight *= np.exp(rng.uniform(np.log(smallest), np.log(largest), weight.shape))
    return weight if draw(st.booleans()) else np.maximum(weight, weight.T)


def _assert_on_edges(walks, weight, start):
    assert walks.dtype == np.int32
    assert (walks[:, 0] == start).all()
    dead_end = weight.sum(axis=1) == 0
    for walk in walks.tolist():
        for here, then in itertools.pairwise(walk):
            if then == -1:
                assert here == -1 or dead_end[here]
            else:
                assert here != -1
                assert weight[here, then] > 0


@settings(deadline=None, max_examples=60)
@given(_weights(), st.integers(1, 12), st.integers(-(2**63), 2**63 - 1))
def test_first_order_walks_stay_on_edges_and_stop_at_dead_ends_only(weight, length, seed):
    start = _starts(len(weight), 3)
    _assert_on_edges(_first(weight, start, length, seed), weight, start)


@settings(deadline=None, max_examples=60)
@given(_weights(), st.integers(1, 12), st.sampled_from(_PQ + _PATIENT), st.integers(-(2**63), 2**63 - 1))
def test_second_order_walks_stay_on_edges_and_stop_at_dead_ends_only(weight, length, pq, seed):
    start = _starts(len(weight), 3)
    _assert_on_edges(_second(weight, start, length, *pq, seed), weight, start)
    _assert_on_edges(_second(weight, start, length, *pq, seed, mirrored=False), weight, start)


@settings(deadline=None, max_examples=40)
@given(_weights(), st.integers(1, 12), st.sampled_from(_PQ + _PATIENT), st.integers(-(2**63), 2**63 - 1))
def test_weight_aware_walks_stay_on_edges_and_stop_at_dead_ends_only(weight, length, pq, seed):
    start = _starts(len(weight), 3)
    _assert_on_edges(_aware(weight, start, length, *pq, seed), weight, start)


@settings(deadline=None, max_examples=40)
@given(_weights(), st.integers(1, 12), st.sampled_from([0.01, 0.3, 0.99]), st.integers(-(2**63), 2**63 - 1))
def test_restarting_walks_take_edges_or_jump_to_their_start(weight, length, restart, seed):
    start = _starts(len(weight), 3)
    walks = _first(weight, start, length, seed, 0, restart)
    assert (walks[:, 0] == start).all()
    for walk in walks.tolist():
        for here, then in itertools.pairwise(walk):
            if then == -1:
                assert here == -1 or not weight[here].any()
            else:
                assert weight[here].any()  # dead ends stop a walk: nobody jumps out of them
                assert then == walk[0] or weight[here, then] > 0


@settings(deadline=None, max_examples=40)
@given(_weights(), st.integers(1, 12), st.data(), st.integers(-(2**63), 2**63 - 1))
def test_typed_walks_visit_the_kinds_of_their_path_and_stop_only_without_one(weight, length, data, seed):
    kind = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(weight), max_size=len(weight))))
    path = data.draw(st.lists(st.integers(0, 2), min_size=1, max_size=4))
    start = _starts(len(weight), 3)
    walks = _typed(weight, start, length, kind, path, seed)
    assert (walks[:, 0] == start).all()
    for walk in walks.tolist():
        for step, (here, then) in enumerate(itertools.pairwise(walk), 1):
            wanted = path[step % len(path)]
            if then == -1:
                assert here == -1 or not (weight[here] * (kind == wanted)).any()
            else:
                assert weight[here, then] > 0
                assert kind[then] == wanted


@settings(deadline=None, max_examples=40)
@given(_weights(), st.integers(1, 12), st.data(), st.integers(-(2**63), 2**63 - 1))
def test_timed_walks_never_go_back_in_time_and_stop_only_when_they_must(weight, length, data, seed):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    time = rng.integers(-2, 3, weight.shape) if data.draw(st.booleans()) else rng.normal(size=weight.shape)
    start = _starts(len(weight), 3)
    walks = _timed(weight, start, length, time, seed)
    assert (walks[:, 0] == start).all()
    for walk in walks.tolist():
        now = -np.inf
        for here, then in itertools.pairwise(walk):
            if then == -1:
                assert here == -1 or not (weight[here] * (time[here] >= now)).any()
            else:
                assert weight[here, then] > 0
                assert time[here, then] >= now
                now = time[here, then]


def test_walks_start_where_they_are_told():
    start = [3, 3, 0, 6, 2, 5, 5, 5]
    for walk in _WALKS.values():
        assert walk(_KITE, start, 4, 0)[:, 0].tolist() == start
        assert walk(_KITE, [], 4, 0).shape == (0, 4)
        assert walk(_KITE, start, 1, 0).tolist() == [[node] for node in start]


def test_walks_on_a_chain_and_an_isolated_node_are_known_by_hand():
    weight = np.zeros((4, 4))
    weight[0, 1] = weight[1, 2] = 1  # 0 -> 1 -> 2, and 3 alone
    expected = [[0, 1, 2, -1], [1, 2, -1, -1], [2, -1, -1, -1], [3, -1, -1, -1]]
    assert _first(weight, range(4), 4, 5).tolist() == expected
    assert _first(weight, range(4), 4, 5, 0, 1e-9).tolist() == expected
    assert _second(weight, range(4), 4, 0.5, 2, 5).tolist() == expected
    assert _aware(weight, range(4), 4, 0.5, 2, 5).tolist() == expected
    assert _typed(weight, range(4), 4, [0, 1, 0, 1], [0, 1], 5)[0].tolist() == expected[0]
    assert _timed(weight, range(4), 4, np.ones((4, 4)), 5).tolist() == expected
    back_in_time = np.array([[0, 9, 0, 0], [0, 0, 8, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    assert _timed(weight, range(4), 4, back_in_time, 5).tolist() == [[0, 1, -1, -1], *expected[1:]]


def test_walks_on_a_named_star_come_home_every_other_step():
    star = nx.Graph([("hub", "a"), ("hub", "b"), ("hub", "c")])
    walks = np.array(star.nodes)[_first(nx.to_numpy_array(star), [0, 1], 9, 0)]
    assert (walks[0, ::2] == "hub").all()
    assert (walks[1, 1::2] == "hub").all()
    assert walks[1, 0] == "a"
    assert set(walks[0, 1::2]) <= {"a", "b", "c"}


def test_node2vec_from_ann_to_bob_is_as_worked_out_by_hand():
    # From ann to bob with p = 1/4, q = 4: back to ann 1/p = 4, on to cy, whom ann knows, 1, on to dan 1/q = 1/4;
    # together 21/4.
    friends = nx.Graph([("ann", "bob"), ("ann", "cy"), ("bob", "cy"), ("bob", "dan")])
    weight = nx.to_numpy_array(friends, ["ann", "bob", "cy", "dan"])
    ann, bob = 0, 1
    by_hand = np.array([16, 0, 4, 1]) / 21
    np.testing.assert_allclose(second_order_law(weight, 0.25, 4)[ann, bob], by_hand)
    walks = _second(weight, np.full(120_000, ann), 3, 0.25, 4, 1)
    after_bob = walks[walks[:, 1] == bob, 2]
    _assert_follows(np.bincount(after_bob, minlength=4), by_hand)


@pytest.mark.parametrize("name", _GRAPHS)
def test_first_order_steps_are_in_proportion_to_weights(name):
    weight = _GRAPHS[name]
    walks = _first(weight, _starts(len(weight), 1500), 20, 11)
    _assert_follows(_pairs_seen(walks, len(weight)), first_order_law(weight))


@pytest.mark.parametrize(("p", "q"), _PQ + _PATIENT)
@pytest.mark.parametrize("name", _GRAPHS)
def test_second_order_steps_follow_the_law_of_node2vec(name, p, q):
    weight = _GRAPHS[name]
    for mirrored in {bool(_symmetric(weight)), False}:
        walks = _second(weight, _starts(len(weight), 4000), 30, p, q, 17, mirrored=mirrored)
        _assert_follows(_triples_seen(walks, len(weight)), second_order_law(weight, p, q))


@pytest.mark.parametrize("mirrored", [True, False])
@pytest.mark.parametrize(("p", "q"), [(0.25, 4), (4, 0.25), (50, 100)])
@pytest.mark.parametrize("name", _LARGE)
def test_second_order_steps_follow_the_law_where_rows_are_long(name, p, q, mirrored):
    weight = _LARGE[name]
    walks = _second(weight, _starts(len(weight), 1500), 30, p, q, 18, mirrored=mirrored)
    _assert_follows(_triples_seen(walks, len(weight)), second_order_law(weight, p, q))


@pytest.mark.parametrize("restart", [0.15, 0.8])
@pytest.mark.parametrize("name", _GRAPHS)
def test_restarting_walks_jump_home_with_the_chance_they_are_told(name, restart):
    weight = _GRAPHS[name]
    walks = _first(weight, _starts(len(weight), 2500), 20, 12, 0, restart)
    home = np.broadcast_to(walks[:, :1], walks[:, 1:].shape)
    seen = _seen(home, walks[:, :-1], walks[:, 1:], nodes=len(weight))
    _assert_follows(seen, restart_law(weight, restart))


@pytest.mark.parametrize(("p", "q", "gamma"), [(0.25, 4, 0), (4, 0.25, 0), (1, 4, 0.5), (500, 1000, -0.3)])
@pytest.mark.parametrize("name", _GRAPHS)
def test_weight_aware_steps_follow_the_law_of_node2vec_plus(name, p, q, gamma):
    weight = _GRAPHS[name]
    walks = _aware(weight, _starts(len(weight), 1500), 30, p, q, 19, gamma=gamma)
    _assert_follows(_triples_seen(walks, len(weight)), weight_aware_law(weight, p, q, gamma))


def test_without_weights_the_law_of_node2vec_plus_is_that_of_node2vec():
    np.testing.assert_allclose(weight_aware_law(_KITE, 0.25, 4), second_order_law(_KITE, 0.25, 4))


@pytest.mark.parametrize("weight", [_DENSE, _DENSE > 0], ids=["weighted", "unweighted"])
def test_typed_steps_are_in_proportion_to_weights_among_the_kind_that_is_next(weight):
    weight, path = weight.astype(float), [0, 1, 2, 1]
    walks = _typed(weight, np.tile(np.flatnonzero(_KIND == 0), 5000), 10, _KIND, path, 7)
    for step in range(1, 10):
        seen = _seen(walks[:, step - 1], walks[:, step], nodes=15)
        _assert_follows(seen, typed_law(weight, _KIND, path[step % 4]))


@pytest.mark.parametrize("name", ["unweighted", "weighted", "self-loop"])
def test_timed_steps_are_in_proportion_to_weights_among_the_edges_to_come(name):
    weight = _GRAPHS[name]
    walks = _timed(weight, _starts(7, 20_000), 12, _TIME, 8)
    _assert_follows(_pairs_seen(walks[:, :2], 7), first_order_law(weight))
    _assert_follows(_triples_seen(walks, 7), timed_law(weight, _TIME))


def test_weights_that_are_left_out_stand_for_ones():
    start = np.tile(np.arange(7, dtype=np.int32), 3000)
    ones = _csr(_KITE)._replace(weight=np.ones(int(_KITE.sum()), np.float32))
    none = _csr(_KITE)
    assert none.weight.size == 0
    np.testing.assert_array_equal(row_totals(none), row_totals(ones))
    np.testing.assert_array_equal(weight_limits(none, 2.0), np.ones(7))
    for csr in (none, ones):
        alias = alias_tables(csr)
        args = narrow(csr), alias, start, 20, 3
        _assert_follows(_pairs_seen(first_order_walks(*args), 7), first_order_law(_KITE))
        law = second_order_law(_KITE, 0.25, 4)
        args = start, 20, 0.25, 4.0, 3
        second = second_order_walks(narrow(csr), alias, row_totals(csr), *args)
        _assert_follows(_triples_seen(second, 7), law)
        aware = weight_aware_walks(narrow(csr), alias, weight_limits(csr), *args)
        _assert_follows(_triples_seen(aware, 7), law)
        timed = timed_walks(by_time(csr, _TIME[np.nonzero(_KITE)]), start, 20, 3)
        _assert_follows(_triples_seen(timed, 7), timed_law(_KITE, _TIME))


@pytest.mark.parametrize("name", _GRAPHS)
def test_extreme_parameters_go_where_they_must(name):
    weight = _GRAPHS[name]
    for p, q in itertools.product([1e-300, 1e300, 1.0], repeat=2):
        walks = _second(weight, _starts(len(weight), 20), 12, p, q, 2)
        _assert_on_edges(walks, weight, walks[:, 0])
        if p < 1 <= q:  # back wherever there is a way back
            back = weight[walks[:, 1:-1], walks[:, :-2]] > 0
            assert (walks[:, 2:] == walks[:, :-2])[back].all()


@pytest.mark.parametrize("name", _GRAPHS)
def test_first_step_of_node2vec_is_first_order(name):
    weight = _GRAPHS[name]
    walks = _second(weight, _starts(len(weight), 4000), 2, 0.25, 4, 3)
    _assert_follows(_pairs_seen(walks, len(weight)), first_order_law(weight))


@pytest.mark.parametrize("name", _GRAPHS)
def test_node2vec_with_p_and_q_one_is_first_order(name):
    weight = _GRAPHS[name]
    nodes = len(weight)
    start = _starts(nodes, 1500)
    first = _triples_seen(_first(weight, start, 20, 1), nodes).reshape(-1, nodes)
    second = _triples_seen(_second(weight, start, 20, 1, 1, 2), nodes).reshape(-1, nodes)
    values = []
    for one, two in zip(first, second, strict=True):
        table = np.stack([one, two])[:, one + two > 0]
        if table.shape[1] > 1:
            values.append(stats.chi2_contingency(table).pvalue)
    assert min(values) * len(values) > 1e-4


def _chances(alias, indptr):
    """The probabilities that alias tables stand for: an entry's own part and what others hand over."""
    chances = np.zeros(indptr[-1])
    for first, last in itertools.pairwise(indptr):
        accept, other = alias.table[first:last, 0] / 2**32, alias.table[first:last, 1]
        assert (other < last - first).all()
        if last > first:
            chances[first:last] = (accept + np.bincount(other, 1 - accept, last - first)) / (last - first)
    return chances


def _assert_tables_reproduce(rows):
    indptr = np.cumsum([0] + [len(row) for row in rows])
    weight = np.concatenate([np.asarray(row, np.float32) for row in rows])
    indices = np.concatenate([np.arange(len(row), dtype=np.int32) for row in rows])
    alias = alias_tables(CSR(indptr, indices, weight))
    if (weight == weight[0]).all():
        assert alias.table.shape == (0, 2)
        return
    chances = _chances(alias, indptr)
    for first, last in itertools.pairwise(indptr):
        exact = weight[first:last].astype(np.float64)
        exact /= exact.sum()
        np.testing.assert_allclose(chances[first:last], exact, rtol=1e-6, atol=1e-9)  # chances are multiples of 2^-32
        assert (chances[first:last][exact == 0] == 0).all()
        assert (chances[first:last][exact > 0] > 0).all()


_rows = st.lists(st.floats(2**-20, 2**20, width=32), min_size=1, max_size=30)
_uneven = st.lists(st.integers(-60, 60).map(lambda power: 2.0**power), min_size=1, max_size=30)
_with_zeros = st.lists(st.sampled_from([0.0, 0.0, 1.0, 3.0, 1e4]), min_size=1, max_size=30).filter(any)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.one_of(_rows, _uneven, _with_zeros), min_size=1, max_size=6))
def test_alias_tables_reproduce_the_weights(rows):
    _assert_tables_reproduce(rows)


def test_alias_tables_reproduce_long_and_very_uneven_rows():
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 3, 50_000) * rng.integers(0, 10_000, 50_000)  # visits, most of them zero
    _assert_tables_reproduce([rng.pareto(0.5, 50_000) + 1e-3, [1e20, 1, 1e-10], [1.0], counts**0.75])


def test_equal_weights_need_no_tables():
    for csr in (_csr(_KITE), _csr(_KITE * 7.5), _csr(np.zeros((3, 3)))):
        assert alias_tables(csr).table.shape == (0, 2)


def test_row_totals_are_sums_of_weights():
    np.testing.assert_allclose(row_totals(_csr(_DIRECTED)), _DIRECTED.sum(axis=1))
    np.testing.assert_allclose(row_totals(_csr(np.diag([0.0, 2.0]))), [0, 2])
    np.testing.assert_array_equal(row_totals(_csr(_KITE)), _KITE.sum(axis=1))  # without weights: degrees


def test_weight_limits_are_means_and_spreads():
    mean = np.array([row[row > 0].mean() for row in _DIRECTED])
    spread = np.array([row[row > 0].std() for row in _DIRECTED])
    np.testing.assert_allclose(weight_limits(_csr(_DIRECTED)), mean)
    np.testing.assert_allclose(weight_limits(_csr(_DIRECTED), 0.7), mean + 0.7 * spread)
    assert (weight_limits(_csr(_DIRECTED), -100) >= 0).all()
    assert weight_limits(_csr(np.diag([0.0, 2.0]))).tolist() == [0, 2]


@pytest.mark.parametrize("name", _WALKS)
def test_walks_and_tables_are_the_same_on_any_number_of_threads(name, thread_count):
    rng = np.random.default_rng(0)
    weight = (rng.random((120, 120)) < 0.05) * rng.uniform(0.1, 9, (120, 120))
    start = _starts(120, 20)

    def made():
        return alias_tables(_csr(weight)).table, _WALKS[name](weight, start, 20, 4)

    here = made()
    numba.set_num_threads(1)
    for one, two in zip(here, made(), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("size", [1, 64, 77, 1000])
@pytest.mark.parametrize("name", _WALKS)
def test_walks_made_in_blocks_of_any_size_are_the_same(name, size):
    rng = np.random.default_rng(1)
    weight = np.triu(rng.random((12, 12)) < 0.4, 1) * rng.uniform(1, 9, (12, 12))
    weight[8, :8] = 1.0  # somewhere between a chain and a cycle: many walks end early, at different steps
    start, walk = np.tile(np.arange(12), 30), _WALKS[name]
    at_once = walk(weight, start, 9, 6)
    assert len(np.unique((at_once >= 0).sum(axis=1))) > 1
    blocks = [walk(weight, start[at : at + size], 9, 6, at) for at in range(0, len(start), size)]
    np.testing.assert_array_equal(np.concatenate(blocks), at_once)


def test_rows_that_begin_beyond_32_bits_are_walked_alike():
    for weight in (_KITE, _WEIGHTED):
        csr = _csr(weight)
        assert narrow(csr).indptr.dtype == np.uint32
        start, alias = np.tile(np.arange(7, dtype=np.int32), 5), alias_tables(csr)
        wide = second_order_walks(csr, alias, row_totals(csr), start, 12, 0.3, 3.0, 4, 0, True)
        np.testing.assert_array_equal(wide, _second(weight, start, 12, 0.3, 3, 4))
        np.testing.assert_array_equal(first_order_walks(csr, alias, start, 12, 4), _first(weight, start, 12, 4))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.integers(0, 5), min_size=6, max_size=6), max_size=8), st.integers(0, 6))
def test_anonymous_walks_number_nodes_by_first_occurrence(walks, kept):
    walks = np.array(walks, np.int32).reshape(-1, 6)
    walks[:, kept:] = -1
    expected = [anonymous_walk(walk[:kept]) + [-1] * (6 - kept) for walk in walks.tolist()]
    assert anonymous_walks(walks).tolist() == expected


def test_a_walk_depends_on_seed_and_its_number_alone():
    start = _starts(7, 10)
    np.testing.assert_array_equal(_first(_WEIGHTED, start, 12, 3)[:20], _first(_WEIGHTED, start[:20], 12, 3))
    longer = _second(_WEIGHTED, start, 30, 2, 0.5, 3)[:20, :12]
    np.testing.assert_array_equal(longer, _second(_WEIGHTED, start[:20], 12, 2, 0.5, 3))


@pytest.mark.parametrize("name", ["first order", "restart", "node2vec", "node2vec, unmirrored", "node2vec+"])
def test_different_seeds_and_different_walks_differ(name):
    start = np.full(50, 2)
    walks = np.concatenate([_WALKS[name](_KITE, start, 40, seed) for seed in (0, 1, 2, -1)])
    assert len(np.unique(walks, axis=0)) == len(walks)


def test_walking_leaves_the_graph_as_it_was():
    csr = _csr(_WEIGHTED)
    before = [part.copy() for part in csr]
    second_order_walks(csr, alias_tables(csr), row_totals(csr), np.arange(7, dtype=np.int32), 20, 0.3, 3.0, 0)
    for one, two in zip(csr, before, strict=True):
        np.testing.assert_array_equal(one, two)
