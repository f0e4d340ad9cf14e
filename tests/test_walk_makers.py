"""What a user holds: how many walks come, where they start, what they follow, and what is refused."""

import itertools

import networkx as nx
import numba
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch_geometric.data import Data

from graphembed.errors import DataError
from graphembed.graph import Graph, as_graph
from graphembed.walks import MetaPath, RandomWalk, TemporalWalk, Walks, anonymous, relabelled
from tests.reference.walks import first_order_law, restart_law, second_order_law, weight_aware_law


def _dense(graph):
    """The weights of a graph as a dense matrix."""
    weight = np.zeros((graph.num_nodes, graph.num_nodes))
    source, target = graph.data.edge_index.numpy()
    weight[source, target] = graph.data.edge_weight.numpy() if graph.weighted else 1.0
    return weight


def _random_graph(directed, weighted, seed=3, nodes=12):
    rng = np.random.default_rng(seed)
    source, target = np.nonzero(rng.random((nodes, nodes)) < 0.3)
    weight = rng.pareto(1.0, source.size) + 0.1 if weighted else None
    return Graph.from_edges(source, target, weight, nodes=nodes, directed=directed)


def _kinds(graph, kinds=2):
    graph.data.kind = torch.arange(graph.num_nodes) % kinds
    return graph


def _times(graph, seed=0):
    rng = np.random.default_rng(seed)
    graph.data.time = torch.from_numpy(rng.integers(0, 20, graph.data.edge_index.shape[1]))
    return graph


_GRAPH = _times(_kinds(_random_graph(directed=False, weighted=True)))
_MAKERS = [
    RandomWalk(9, 4),
    RandomWalk(9, 4, 0.25, 4.0),
    RandomWalk(9, 4, restart=0.2),
    RandomWalk(9, 4, 0.5, 2.0, weight_aware=True),
    MetaPath((0, 1, 0), 9, 4),
    MetaPath((1, 1), 9, 4),
    TemporalWalk(9, 4),
]


def _assert_follows(seen, law):
    """Chi-square in every context that was seen often, Bonferroni over the contexts."""
    seen, law = seen.reshape(-1, seen.shape[-1]), law.reshape(-1, law.shape[-1])
    assert (seen[law == 0] == 0).all()
    values = []
    for counts, chances in zip(seen, law, strict=True):
        often = counts.sum() * chances >= 5
        if often.sum() > 1:
            expected = chances[often] / chances[often].sum() * counts[often].sum()
            values.append(stats.chisquare(counts[often], expected).pvalue)
    assert len(values) >= 10
    assert min(values) * len(values) > 1e-4


def _triples(walks, nodes):
    triples = np.stack([walks[:, :-2].ravel(), walks[:, 1:-1].ravel(), walks[:, 2:].ravel()])
    triples = triples[:, (triples >= 0).all(axis=0)]
    seen = np.zeros((nodes, nodes, nodes), np.int64)
    np.add.at(seen, tuple(triples), 1)
    return seen


@pytest.mark.parametrize("walk", _MAKERS, ids=repr)
def test_blocks_of_any_size_hold_the_same_walks(walk):
    at_once = walk(_GRAPH, seed=5)
    assert at_once.shape == (walk.count(_GRAPH), walk.length)
    assert at_once.dtype == np.int32
    for size in (1, 7, 64, 10_000):
        blocks = list(walk.blocks(_GRAPH, 5, size))
        assert [len(block) for block in blocks[:-1]] == [size] * (len(blocks) - 1)
        np.testing.assert_array_equal(np.concatenate(blocks), at_once)
    assert (walk(_GRAPH, seed=6) != at_once).any()


@pytest.mark.parametrize("walk", _MAKERS, ids=repr)
def test_the_same_walks_on_any_number_of_threads(walk, thread_count):
    here = walk(_GRAPH, seed=1)
    numba.set_num_threads(1)
    np.testing.assert_array_equal(walk(_GRAPH, seed=1), here)


@pytest.mark.parametrize("walk", _MAKERS, ids=repr)
def test_every_round_starts_once_from_every_node_in_an_order_of_its_own(walk):
    kind = _GRAPH.data.kind.numpy()
    nodes = np.flatnonzero(kind == walk.path[0]) if isinstance(walk, MetaPath) else np.arange(_GRAPH.num_nodes)
    rounds = walk(_GRAPH, seed=2)[:, 0].reshape(4, -1)
    for starts in rounds:
        assert sorted(starts) == nodes.tolist()
    assert len(np.unique(rounds, axis=0)) == 4
    assert (rounds[0] != nodes).any()


def test_a_graph_without_nodes_gives_no_walks():
    nothing = Graph.from_edges([], [], nodes=0)
    assert RandomWalk(5, 3)(nothing, 0).shape == (0, 5)
    alone = Graph.from_edges([], [], nodes=2)
    assert sorted(RandomWalk(3, 1, 0.5, 2)(alone, 0).tolist()) == [[0, -1, -1], [1, -1, -1]]
    assert sorted(RandomWalk(3, 1, restart=0.9)(alone, 0).tolist()) == [[0, -1, -1], [1, -1, -1]]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize(("p", "q"), [(1, 1), (0.25, 4), (2, 0.5)])
def test_random_walks_follow_the_law_of_node2vec_on_graphs_of_all_sorts(p, q, directed, weighted):
    graph = _random_graph(directed, weighted)
    walks = RandomWalk(20, 2500, p, q)(graph, seed=4)
    law = second_order_law(_dense(graph), p, q)
    _assert_follows(_triples(walks, graph.num_nodes), law)


def test_equal_weights_are_no_weights():
    graph = _random_graph(directed=False, weighted=False)
    heavy = Graph.from_edges(*graph.pairs.T, np.full(graph.num_edges, 0.1), nodes=graph.num_nodes)
    assert heavy.weighted
    for aware in (False, True):
        walk = RandomWalk(12, 5, 0.25, 4, weight_aware=aware)
        np.testing.assert_array_equal(walk(heavy, 3), walk(graph, 3))


def test_weight_aware_walks_follow_the_law_of_node2vec_plus():
    graph = _random_graph(directed=False, weighted=True)
    walks = RandomWalk(20, 2500, 0.5, 4, weight_aware=True)(graph, seed=4)
    seen = _triples(walks, graph.num_nodes)
    _assert_follows(seen, weight_aware_law(_dense(graph), 0.5, 4))
    with pytest.raises(AssertionError):
        _assert_follows(seen, second_order_law(_dense(graph), 0.5, 4))


def test_restarting_walks_visit_what_personalised_pagerank_says():
    graph = as_graph(nx.karate_club_graph())
    weight, restart = _dense(graph), 0.3
    walks = RandomWalk(60, 3000, restart=restart)(graph, seed=0)
    home = walks[walks[:, 0] == 0]
    seen = np.bincount(home[:, 20:].ravel(), minlength=34) / home[:, 20:].size  # late enough to have forgotten step 0
    chances = restart * np.linalg.inv(np.eye(34) - (1 - restart) * first_order_law(weight).T)[:, 0]
    np.testing.assert_allclose(seen, chances, atol=0.004)
    step = restart_law(weight, restart)[0, 0]  # and step by step: from home back home, or to a friend
    first = np.bincount(home[:, 1], minlength=34)
    assert stats.chisquare(first[step > 0], first.sum() * step[step > 0]).pvalue > 1e-4


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32), st.booleans(), st.booleans(), st.sampled_from(range(len(_MAKERS))))
def test_walks_of_random_graphs_keep_their_promises(seed, directed, weighted, maker):
    graph, walk = _times(_kinds(_random_graph(directed, weighted, seed))), _MAKERS[maker]
    weight, kind = _dense(graph), graph.data.kind.numpy()
    time = np.full_like(weight, -1)
    time[tuple(graph.data.edge_index.numpy())] = graph.data.time.numpy()
    for row in walk(graph, seed).tolist():
        now = -1.0
        for step, (here, then) in enumerate(itertools.pairwise(row), 1):
            allowed = weight[here] > 0
            if isinstance(walk, MetaPath):
                allowed &= kind == walk.path[step % (len(walk.path) - 1)]
            elif isinstance(walk, TemporalWalk):
                allowed &= time[here] >= now
            elif walk.restart > 0 and allowed.any():
                allowed[row[0]] = True
            if here < 0 or then < 0:
                assert then < 0
                assert here < 0 or not allowed.any()
            else:
                assert allowed[then]
                now = time[here, then]


def test_meta_paths_may_call_kinds_by_name():
    names = ["ann", "bob", "graphs", "walks", "icdm"]
    kind = torch.tensor([0, 0, 1, 1, 2])
    graph = Graph.from_edges([0, 0, 1, 2, 3], [2, 3, 3, 4, 4], names=names, kind=kind)
    graph.data.kind_names = ["author", "paper", "venue"]
    by_name = MetaPath(("author", "paper", "venue", "paper", "author"), 9, 50)
    walks = by_name(graph, 0)
    assert by_name.count(graph) == len(walks) == 100
    np.testing.assert_array_equal(walks, MetaPath((0, 1, 2, 1, 0), 9, 50)(graph, 0))
    assert (kind.numpy()[walks] == [0, 1, 2, 1, 0, 1, 2, 1, 0]).all()
    assert {graph.names[node] for node in walks[:, 4]} == {"ann", "bob"}
    assert MetaPath((3, 3), 5)(graph, 0).shape == (0, 5)  # nobody is of that kind


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandomWalk(length=1), "walks need length >= 2 and per_node >= 1, got 1 and 10"),
        (lambda: RandomWalk(per_node=0), "walks need length >= 2 and per_node >= 1, got 80 and 0"),
        (lambda: RandomWalk(p=0.0), "p and q must be positive, got p=0.0, q=1.0"),
        (lambda: RandomWalk(q=float("nan")), "p and q must be positive, got p=1.0, q=nan"),
        (lambda: RandomWalk(p=5e-324), "p and q must be positive, got p=5e-324, q=1.0"),
        (lambda: RandomWalk(restart=1.0), "restart must be at least 0 and below 1, got 1.0"),
        (lambda: RandomWalk(restart=-0.1), "restart must be at least 0 and below 1, got -0.1"),
        (lambda: RandomWalk(restart=0.5, q=2.0), "no memory: leave p and q at 1, got p=1.0, q=2.0"),
        (lambda: MetaPath((0, 1)), r"two kinds or more and ends with its first, got \(0, 1\)"),
        (lambda: MetaPath((0,)), r"two kinds or more and ends with its first, got \(0,\)"),
        (lambda: MetaPath((0, 0), 1), "walks need length >= 2 and per_node >= 1, got 1 and 10"),
        (lambda: TemporalWalk(80, 0), "walks need length >= 2 and per_node >= 1, got 80 and 0"),
        (lambda: next(RandomWalk().blocks(_GRAPH, 0, 0)), "a block needs at least one walk, got size=0"),
    ],
)
def test_walks_that_cannot_be_walked_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def _with(**tensors):
    return Graph(Data(edge_index=torch.tensor([[0, 1, 1], [1, 0, 2]]), num_nodes=4, **tensors))


@pytest.mark.parametrize(
    ("walk", "graph", "message"),
    [
        (MetaPath((0, 0)), _with(), r"need data.kind of shape \(4,\), one integer per node; got none"),
        (MetaPath((0, 0)), _with(kind=torch.zeros(3)), r"need data.kind of shape \(4,\).*got \(3,\)"),
        (MetaPath((0, 0)), _with(kind=torch.zeros(4)), "data.kind must hold an integer for each node, 0 or above"),
        (MetaPath((0, 0)), _with(kind=torch.arange(-1, 3)), "data.kind must hold an integer for each node"),
        (MetaPath((-1, 0, -1)), _with(kind=torch.arange(4)), "kinds are numbered from 0, got -1"),
        (MetaPath(("a", "b", "a")), _with(kind=torch.arange(4)), "data.kind_names lacks 'a', 'b', 'a'; it has none"),
        (TemporalWalk(), _with(), r"need data.time of shape \(3,\), one number per edge of data.edge_index; got none"),
        (TemporalWalk(), _with(time=torch.zeros(4)), r"need data.time of shape \(3,\).*got \(4,\)"),
        (TemporalWalk(), _with(time=torch.tensor([0, np.nan, 1])), "data.time must be finite; it is not for edges 1"),
    ],
)
def test_graphs_that_do_not_say_what_a_walk_needs_are_refused(walk, graph, message):
    with pytest.raises(DataError, match=message):
        walk(graph, 0)


def test_times_stay_with_their_edges_when_a_graph_sorts_them():
    edges = torch.tensor([[2, 1, 0], [3, 2, 1]])
    late, early = torch.tensor([1, 2, 3]), torch.tensor([3, 2, 1])
    back = TemporalWalk(4, 1)(Graph(Data(edge_index=edges, time=late, num_nodes=4)), 0)
    forth = TemporalWalk(4, 1)(Graph(Data(edge_index=edges, time=early, num_nodes=4)), 0)
    assert back[back[:, 0] == 0].tolist() == [[0, 1, -1, -1]]
    assert forth[forth[:, 0] == 0].tolist() == [[0, 1, 2, 3]]


def test_lists_become_walks_with_frequent_names_first():
    lists = [["c", "a", "b", "a"], [], ["b", "d", "c", "a"]]
    walks = Walks.from_lists(lists)
    assert walks.names == ("a", "c", "b", "d")  # b and c come twice: c appeared first
    assert walks.tokens.dtype == np.int32
    assert walks.offsets.dtype == np.int64
    assert len(walks) == 3
    again = [[walks.names[token] for token in walks.tokens[a:b]] for a, b in itertools.pairwise(walks.offsets)]
    assert again == lists
    assert Walks.from_lists(lists, min_count=2).names == ("a", "c", "b")
    assert Walks.from_lists(lists, min_count=2).offsets.tolist() == [0, 4, 4, 7]
    assert Walks.from_lists([[1, 2], [2]]).names == ("2", "1")
    assert len(Walks.from_lists([])) == 0


@pytest.mark.parametrize(
    ("tokens", "offsets", "names", "message"),
    [
        ([0, 3, 5], [0, 3], "abc", "tokens must be between 0 and 2, got 3 at 1"),
        ([0, -1], [0, 2], "abc", "tokens must be between 0 and 2, got -1 at 1"),
        ([0, 1, 2], [0, 2, 1, 3], "abc", "offsets must not decrease, but 2 is followed by 1 at 2"),
        ([0, 1], [0, 1], "abc", r"begin with 0 and end with 2, the number of tokens, got \[0, 1\]"),
        ([0, 1], [1, 2], "abc", r"begin with 0 and end with 2, the number of tokens, got \[1, 2\]"),
        ([0, 1], [], "abc", "got none"),
        ([0.5, 1], [0, 2], "abc", "rows of integers"),
        ([[0, 1]], [0, 2], "abc", "rows of integers"),
        ([0, 1], [0, 2], "aba", "names must differ, these repeat: 'a'"),
    ],
)
def test_walks_that_do_not_fit_together_are_refused(tokens, offsets, names, message):
    with pytest.raises(DataError, match=message):
        Walks(np.array(tokens), np.array(offsets), tuple(names))


def test_a_text_is_not_a_list_of_tokens():
    with pytest.raises(DataError, match="walk 1 is a string; split it into a list of tokens: 'to be'"):
        Walks.from_lists([["so"], "to be"])


def test_anonymous_walks_of_alike_places_are_alike():
    path = RandomWalk(3, 1)(as_graph(nx.path_graph(2)), 0)
    assert anonymous(path).tolist() == [[0, 1, 0], [0, 1, 0]]
    backwards = np.array([[3, 1, 3], [2, 2, -1]], np.int32)[:, ::-1]
    assert anonymous(np.asfortranarray(backwards)[:1]).tolist() == [[0, 1, 0]]


def test_relabelled_walks_keep_their_ends():
    walks = np.array([[0, 1, 2, 1], [2, -1, -1, -1]], np.int32)
    assert relabelled(walks, np.array([4, 0, 9])).tolist() == [[4, 0, 9, 0], [9, -1, -1, -1]]
    assert relabelled(walks, np.array([4, 0, 9])).dtype == np.int32
    assert walks[1, 1] == -1
    with pytest.raises(DataError, match="node 2 has no label, there are 2"):
        relabelled(walks, np.array([4, 0]))
    with pytest.raises(DataError, match="labels must be 0 or above, got -5 for node 1"):
        relabelled(walks, np.array([4, -5, 0]))
