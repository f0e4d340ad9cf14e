"""Walks stay on edges, follow their law to the letter, and do not depend on threads."""

import itertools

import networkx as nx
import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from graphembed.kernels.csr import CSR, from_sorted_edges
from graphembed.kernels.walks import alias_tables, first_order_walks, row_totals, second_order_walks
from tests.reference.walks import first_order_law, second_order_law

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
_GRAPHS = {
    "unweighted": _KITE,
    "weighted": _WEIGHTED,
    "directed": _DIRECTED,
    "self-loop": _LOOP,
    "star": _STAR,
    "path": _PATH,
}

_PQ = [(1, 1), (0.25, 4), (4, 0.25), (1, 4), (0.01, 1), (50, 100)]
_PATIENT = [(500, 1000), (1000, 500)]  # almost every proposal is refused: the exact law must step in


def _csr(weight):
    source, target = np.nonzero(weight)
    return from_sorted_edges(source, target, weight[source, target].astype(np.float32), len(weight))


def _first(weight, start, length, seed):
    csr = _csr(weight)
    return first_order_walks(csr, alias_tables(csr), np.asarray(start, np.int32), length, seed)


def _second(weight, start, length, p, q, seed):
    csr = _csr(weight)
    start = np.asarray(start, np.int32)
    return second_order_walks(csr, alias_tables(csr), row_totals(csr), start, length, float(p), float(q), seed)


def _starts(nodes, per_node):
    return np.tile(np.arange(nodes), per_node)


def _pairs_seen(walks, nodes):
    """Count (v, x): steps from v to x."""
    seen = np.zeros((nodes, nodes), np.int64)
    np.add.at(seen, (walks[:, :-1].ravel(), walks[:, 1:].ravel()), 1)
    return seen


def _triples_seen(walks, nodes):
    """Count (t, v, x): steps from v to x, having come from t."""
    seen = np.zeros((nodes, nodes, nodes), np.int64)
    np.add.at(seen, (walks[:, :-2].ravel(), walks[:, 1:-1].ravel(), walks[:, 2:].ravel()), 1)
    return seen


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


def test_walks_start_where_they_are_told():
    start = [3, 3, 0, 6, 2, 5, 5, 5]
    assert _first(_KITE, start, 4, 0)[:, 0].tolist() == start
    assert _second(_KITE, start, 4, 0.5, 2, 0)[:, 0].tolist() == start
    assert _first(_KITE, [], 4, 0).shape == (0, 4)


def test_walks_on_a_chain_and_an_isolated_node_are_known_by_hand():
    weight = np.zeros((4, 4))
    weight[0, 1] = weight[1, 2] = 1  # 0 -> 1 -> 2, and 3 alone
    expected = [[0, 1, 2, -1], [1, 2, -1, -1], [2, -1, -1, -1], [3, -1, -1, -1]]
    assert _first(weight, range(4), 4, 5).tolist() == expected
    assert _second(weight, range(4), 4, 0.5, 2, 5).tolist() == expected


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
    walks = _second(weight, _starts(len(weight), 4000), 30, p, q, 17)
    _assert_follows(_triples_seen(walks, len(weight)), second_order_law(weight, p, q))


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
        accept, other = alias.accept[first:last].astype(np.float64), alias.other[first:last]
        assert ((accept >= 0) & (accept <= 1)).all()
        assert ((other >= 0) & (other < last - first)).all()
        if last > first:
            chances[first:last] = (accept + np.bincount(other, 1 - accept, last - first)) / (last - first)
    return chances


def _assert_tables_reproduce(rows):
    indptr = np.cumsum([0] + [len(row) for row in rows])
    weight = np.concatenate([np.asarray(row, np.float32) for row in rows])
    indices = np.concatenate([np.arange(len(row), dtype=np.int32) for row in rows])
    alias = alias_tables(CSR(indptr, indices, weight))
    if (weight == weight[0]).all():
        assert alias.accept.size == alias.other.size == 0
        return
    chances = _chances(alias, indptr)
    for first, last in itertools.pairwise(indptr):
        exact = weight[first:last].astype(np.float64)
        exact /= exact.sum()
        np.testing.assert_allclose(chances[first:last], exact, rtol=1e-6, atol=1e-7)
        rare = exact * (last - first) < 1  # such an entry is drawn by its own part alone: right in relative terms
        np.testing.assert_allclose(chances[first:last][rare], exact[rare], rtol=1e-6)
        assert (chances[first:last][exact == 0] == 0).all()


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
        alias = alias_tables(csr)
        assert alias.accept.size == alias.other.size == 0


def test_row_totals_are_sums_of_weights():
    np.testing.assert_allclose(row_totals(_csr(_DIRECTED)), _DIRECTED.sum(axis=1))
    np.testing.assert_allclose(row_totals(_csr(np.diag([0.0, 2.0]))), [0, 2])


def test_walks_and_tables_are_the_same_on_any_number_of_threads(thread_count):
    rng = np.random.default_rng(0)
    weight = (rng.random((120, 120)) < 0.05) * rng.uniform(0.1, 9, (120, 120))
    start = _starts(120, 20)

    def made():
        return *alias_tables(_csr(weight)), _first(weight, start, 20, 4), _second(weight, start, 20, 0.3, 3, 4)

    here = made()
    numba.set_num_threads(1)
    for one, two in zip(here, made(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_walk_depends_on_seed_and_its_number_alone():
    start = _starts(7, 10)
    np.testing.assert_array_equal(_first(_WEIGHTED, start, 12, 3)[:20], _first(_WEIGHTED, start[:20], 12, 3))
    longer = _second(_WEIGHTED, start, 30, 2, 0.5, 3)[:20, :12]
    np.testing.assert_array_equal(longer, _second(_WEIGHTED, start[:20], 12, 2, 0.5, 3))


def test_different_seeds_and_different_walks_differ():
    start = np.full(50, 2)
    for walk in (lambda seed: _first(_KITE, start, 40, seed), lambda seed: _second(_KITE, start, 40, 2, 0.5, seed)):
        walks = np.concatenate([walk(seed) for seed in (0, 1, 2, -1)])
        assert len(np.unique(walks, axis=0)) == len(walks)


def test_walking_leaves_the_graph_as_it_was():
    csr = _csr(_WEIGHTED)
    before = [part.copy() for part in csr]
    second_order_walks(csr, alias_tables(csr), row_totals(csr), np.arange(7, dtype=np.int32), 20, 0.3, 3.0, 0)
    for one, two in zip(csr, before, strict=True):
        np.testing.assert_array_equal(one, two)
