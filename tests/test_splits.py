"""Nothing of the test can be seen in training; the audit finds every planted leak; nothing is learnt from nothing."""

import dataclasses as dc
import random
from collections import Counter
from contextlib import contextmanager

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import Data
from torch_geometric.transforms import RandomLinkSplit

from graphembed import DataError, Graph, as_graph, split_edges
from graphembed.splits import (
    LabelledPairs,
    all_pairs,
    audit,
    cold_start,
    easy,
    from_pyg,
    split_by_degree,
    split_by_group,
    split_by_node,
    split_by_time,
    split_folds,
    split_pairs,
    without,
)

few = settings(max_examples=60, deadline=None)

_KARATE = as_graph(nx.karate_club_graph())


@st.composite
def graphs(draw):
    """Graphs of 12 nodes: directed (reciprocal arcs included) or not, weighted or not, bipartite or not, with loops."""
    directed, weighted, bipartite = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    node = st.integers(0, 11)
    if bipartite:
        pair = st.tuples(st.integers(0, 4), st.integers(5, 11)).flatmap(
            lambda ends: st.sampled_from([ends, ends[::-1]])
        )
    else:
        pair = st.tuples(node, node)
    ends = draw(st.lists(pair, min_size=8, max_size=35, unique_by=None if directed else frozenset))
    if directed and draw(st.booleans()):
        ends += [(v, u) for u, v in ends[::2]]
    ends = list(dict.fromkeys(ends))
    weight = [1 + k / 4 for k in range(len(ends))] if weighted else None
    more = {"part": torch.tensor([0] * 5 + [1] * 7)} if bipartite else {}
    x = torch.arange(24.0).reshape(12, 2)
    source, target = zip(*ends, strict=True)
    return Graph.from_edges(source, target, weight, nodes=12, directed=directed, x=x, y=torch.arange(12), **more)


def arcs(graph):
    """Every stored edge as {(source, target): weight}."""
    weight = graph.data.edge_weight.tolist() if graph.weighted else [1.0] * graph.data.edge_index.shape[1]
    return dict(zip(map(tuple, graph.data.edge_index.T.tolist()), weight, strict=True))


def linked_pairs(graph):
    """Every linked pair of two nodes, whatever the direction."""
    return {frozenset(arc) for arc in arcs(graph) if arc[0] != arc[1]}


def rows(pairs, label):
    """The pairs with this label, as sets of two nodes; one row each."""
    return [
        frozenset(pair) for pair, yes in zip(pairs.pairs.tolist(), pairs.label.tolist(), strict=True) if yes == label
    ]


def assert_clean(split):
    """Recount everything in plain Python; shares no code with the audit."""
    truth, seen = linked_pairs(split.graph), linked_pairs(split.observed)
    sets = {"train": split.train, "valid": split.valid, "test": split.test}
    positives = {name: set(rows(pairs, True)) for name, pairs in sets.items()}
    negatives = {name: rows(pairs, False) for name, pairs in sets.items()}
    everything = [pair for name in sets for pair in [*positives[name], *negatives[name]]]
    assert len(everything) == len(set(everything)), "a pair is in two parts, or twice in one"
    assert set.union(*positives.values()) == truth, "an edge is in no part"
    assert not any(pair in truth or len(pair) != 2 for name in sets for pair in negatives[name])
    assert seen == positives["train"], "training sees more or less than the training edges"
    assert not seen & (positives["valid"] | positives["test"])
    part = split.graph.data.get("part")
    if part is not None:
        assert all(len({int(part[node]) for node in pair}) == 2 for pair in everything)
    listed = Counter(tuple(p) for s in sets.values() for p in s.pairs[s.label].tolist())
    expected = {arc for arc in arcs(split.graph) if arc[0] != arc[1] and (split.graph.directed or arc[0] < arc[1])}
    assert listed == Counter(expected), "positives are the edges, each once, in their own direction"
    for pairs in sets.values():
        assert int(pairs.label.sum()) * 2 == len(pairs) == len(pairs.pairs) == len(pairs.label)


def labelled(pairs, label):
    return LabelledPairs(np.array(pairs, np.int64).reshape(-1, 2), np.array(label, bool))


@contextmanager
def global_state_restored():
    """PyG draws from the global generators; put them back."""
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    torch.manual_seed(0)
    yield
    random.setstate(before[0])
    np.random.set_state(before[1])  # noqa: NPY002
    torch.set_rng_state(before[2])


# ── a split is clean ────────────────────────────────────────────────────────────────────────────────


@few
@given(
    graphs(),
    st.sampled_from([(0.1, 0.05), (0.2, 0.1), (0.3, 0.0), (0.4, 0.4)]),
    st.integers(0, 99),
    st.booleans(),
)
def test_no_held_out_edge_is_visible_in_training(graph, shares, seed, keep_forest):
    test, valid = shares
    linked = len(linked_pairs(graph))
    tested, validated = max(1, round(test * linked)), max(1, round(valid * linked)) if valid else 0
    shadow = nx.Graph(map(tuple, linked_pairs(graph)))
    spare = linked - (nx.number_of_nodes(shadow) - nx.number_connected_components(shadow) if keep_forest else 0)
    possible = 5 * 7 if graph.data.get("part") is not None else 12 * 11 // 2
    enough = graph.num_edges - graph.self_loops <= possible - linked
    if linked <= tested + validated or spare < tested + validated or not enough:
        with pytest.raises(DataError):
            split_edges(graph, test, valid, seed, keep_forest=keep_forest)
        return
    split = split_edges(graph, test, valid, seed, keep_forest=keep_forest)
    assert split.audit() == []
    assert_clean(split)
    assert len(set(rows(split.test, True))) == tested
    assert len(set(rows(split.valid, True))) == validated
    # nodes, features, labels and parts stay, and every edge that stays keeps its weight
    assert split.observed.names == graph.names
    assert split.observed.directed == graph.directed
    assert torch.equal(split.observed.data.x, graph.data.x)
    assert torch.equal(split.observed.data.y, graph.data.y)
    assert arcs(split.observed).items() <= arcs(graph).items()
    loops = {arc for arc in arcs(graph) if arc[0] == arc[1]}
    assert loops <= set(arcs(split.observed))


@pytest.mark.parametrize("seed", range(3))
def test_real_graphs_split_cleanly(seed):
    for network in (nx.les_miserables_graph(), nx.davis_southern_women_graph(), nx.gn_graph(60, seed=1)):
        split = split_edges(network, 0.2, 0.1, seed)
        assert split.audit() == []
        assert_clean(split)


def test_bipartite_negatives_lie_across():
    split = split_edges(nx.davis_southern_women_graph())
    part = split.graph.data.part.numpy()
    for pairs in (split.train, split.valid, split.test):
        assert (part[pairs.pairs[:, 0]] != part[pairs.pairs[:, 1]]).all()


def test_both_arcs_of_a_pair_go_to_the_same_part():
    network = nx.gnp_random_graph(20, 0.2, seed=0).to_directed()
    split = split_edges(network, 0.3, 0.2)
    for pairs in (split.train, split.valid, split.test):
        ends = {tuple(pair) for pair in pairs.pairs[pairs.label].tolist()}
        assert ends == {pair[::-1] for pair in ends}


def test_the_same_seed_splits_the_same_and_another_otherwise():
    first, again, other = (split_edges(_KARATE, 0.2, 0.1, seed) for seed in (3, 3, 4))
    for name in ("train", "valid", "test"):
        one, two, three = (getattr(split, name).pairs for split in (first, again, other))
        assert np.array_equal(one, two)
        assert not np.array_equal(one, three)
    assert arcs(first.observed) == arcs(again.observed) != arcs(other.observed)


def test_a_split_without_validation_has_none():
    split = split_edges(_KARATE, valid=0)
    assert len(split.valid) == 0
    assert split.valid.pairs.shape == (0, 2)
    assert split.audit() == []


def test_the_graph_given_stays_as_it_was():
    before = _KARATE.data.edge_index.clone()
    split = split_edges(_KARATE)
    assert split.graph is _KARATE
    assert torch.equal(_KARATE.data.edge_index, before)


# ── keep_forest ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("directed", [False, True])
def test_with_the_forest_kept_nothing_falls_apart(seed, directed):
    network = nx.gnp_random_graph(60, 0.06, seed=seed, directed=directed)
    graph = as_graph(network)
    split = split_edges(graph, 0.2, 0.1, seed, keep_forest=True)
    assert_clean(split)
    whole, seen = (nx.Graph(list(arcs(g))) for g in (graph, split.observed))
    whole.add_nodes_from(range(60))
    seen.add_nodes_from(range(60))
    assert nx.number_connected_components(seen) == nx.number_connected_components(whole)
    assert {node for node in whole if not whole.degree(node)} == {node for node in seen if not seen.degree(node)}
    assert not any(tuple(pair) in nx.bridges(whole) for pair in rows(split.test, True))


def test_without_the_forest_things_may_fall_apart():
    split = split_edges(nx.path_graph(40), 0.2)
    assert nx.number_connected_components(nx.Graph(list(arcs(split.observed)))) > 1


def test_the_forest_differs_from_seed_to_seed():
    tests = [
        frozenset(rows(split_edges(nx.cycle_graph(30), 0.01, 0, seed, keep_forest=True).test, True))
        for seed in range(8)
    ]
    assert len(set(tests)) > 4


def test_a_tree_cannot_be_tested_with_its_forest_kept():
    message = "a spanning forest needs 9 of the 9 linked pairs, which leaves too few for 1 test and 1 validation pairs"
    with pytest.raises(DataError, match=message):
        split_edges(nx.path_graph(10), keep_forest=True)


# ── what is refused ─────────────────────────────────────────────────────────────────────────────────


def test_a_dense_graph_has_too_few_negatives():
    with pytest.raises(DataError, match=r"45 pairs of unlinked nodes are needed but .* has none .*: it is too dense"):
        split_edges(nx.complete_graph(10))


@pytest.mark.parametrize("network", [nx.empty_graph(0), nx.empty_graph(1), nx.empty_graph(5), nx.Graph([(0, 0)])])
def test_a_graph_without_edges_cannot_be_split(network):
    with pytest.raises(DataError, match=r"not enough edges to split: .* has 0 linked pairs; use a larger graph"):
        split_edges(network)


@pytest.mark.parametrize("edges", [1, 2])
def test_one_edge_must_be_left_for_training(edges):
    with pytest.raises(DataError, match=f"has {edges} linked pairs; use a larger graph or smaller shares"):
        split_edges(nx.path_graph(edges + 1))


@pytest.mark.parametrize(("test", "valid"), [(0, 0.1), (-0.1, 0), (1, 0), (0.5, 0.5), (0.1, -0.1), (float("nan"), 0)])
def test_bad_shares_are_refused(test, valid):
    with pytest.raises(ValueError, match=f"shares must satisfy .* got test={test}, valid={valid}"):
        split_edges(_KARATE, test, valid)


# ── the audit finds what is planted ─────────────────────────────────────────────────────────────────


def parts_of(split):
    return {"train": split.train, "valid": split.valid, "test": split.test}


def joined(pairs, ends, label):
    return LabelledPairs(np.concatenate([pairs.pairs, np.array(ends).reshape(-1, 2)]), np.append(pairs.label, label))


def with_edge(graph, u, v):
    source, target = np.append(graph.pairs, [[u, v]], axis=0).T
    return Graph.from_edges(source, target, names=graph.names, directed=graph.directed)


_DIGRAPH = as_graph(nx.gnp_random_graph(30, 0.1, seed=2, directed=True))
_SPLITS = {
    "undirected": split_edges(nx.les_miserables_graph(), 0.2, 0.1),
    "directed": split_edges(_DIGRAPH, 0.2, 0.1),
}
both = pytest.mark.parametrize("split", _SPLITS.values(), ids=_SPLITS)


@both
@pytest.mark.parametrize("part", ["valid", "test"])
def test_a_held_out_edge_left_in_training_is_found(split, part):
    u, v = parts_of(split)[part].pairs[0].tolist()
    assert audit(split.graph, with_edge(split.observed, u, v), parts_of(split)) == [
        f"1 {part} edges are visible in training"
    ]


@both
def test_a_reversed_test_edge_left_in_training_is_found(split):
    undirected = not split.graph.directed
    arc = next(tuple(p) for p in split.test.pairs.tolist() if undirected or tuple(p[::-1]) not in arcs(split.graph))
    leaks = audit(split.graph, with_edge(split.observed, *arc[::-1]), parts_of(split))
    assert "1 test edges are visible in training" in leaks


@both
@pytest.mark.parametrize("turn", [1, -1], ids=["as it is", "reversed"])
def test_a_test_edge_among_the_training_pairs_is_found(split, turn):
    sets = {**parts_of(split), "train": joined(split.train, split.test.pairs[0, ::turn], True)}
    assert "1 pairs are both in train and in test" in audit(split.graph, split.observed, sets)


@both
@pytest.mark.parametrize("turn", [1, -1], ids=["as it is", "reversed"])
def test_a_negative_shared_by_two_parts_is_found(split, turn):
    shared = split.test.pairs[~split.test.label][0, ::turn]
    sets = {**parts_of(split), "valid": joined(split.valid, shared, False)}
    assert audit(split.graph, split.observed, sets) == ["1 pairs are both in valid and in test"]


@both
@pytest.mark.parametrize("turn", [1, -1], ids=["as it is", "reversed"])
def test_a_negative_that_is_an_edge_is_found(split, turn):
    edge = split.valid.pairs[0, ::turn]
    sets = {"train": split.train, "test": joined(split.test, edge, False)}
    assert audit(split.graph, split.observed, sets) == ["1 test negatives are edges"]


@both
@pytest.mark.parametrize("part", ["train", "valid", "test"])
def test_positives_that_are_no_edges_are_found(split, part):
    pairs = parts_of(split)[part]
    sets = {**parts_of(split), part: LabelledPairs(pairs.pairs, np.ones(len(pairs), bool))}
    assert audit(split.graph, split.observed, sets) == [f"{len(pairs) // 2} {part} positives are not edges"]


def test_a_positive_that_runs_against_its_arc_is_found():
    split = _SPLITS["directed"]
    one_way = [
        tuple(p) for p in split.train.pairs[split.train.label].tolist() if tuple(p[::-1]) not in arcs(split.graph)
    ]
    sets = {"train": labelled([one_way[0][::-1]], [True])}
    assert audit(split.graph, split.observed, sets) == ["1 train positives are not edges"]


@both
@pytest.mark.parametrize("place", [0, -1], ids=["an edge", "a negative"])
def test_a_repeated_pair_is_found(split, place):
    repeated = joined(split.test, split.test.pairs[place], split.test.label[place])
    assert audit(split.graph, split.observed, {**parts_of(split), "test": repeated}) == ["1 test pairs are repeated"]


def test_a_reversed_repeat_in_an_undirected_graph_is_found():
    split = _SPLITS["undirected"]
    repeated = joined(split.test, split.test.pairs[0, ::-1], True)
    assert audit(split.graph, split.observed, {**parts_of(split), "test": repeated}) == ["1 test pairs are repeated"]


@both
def test_a_pair_of_a_node_with_itself_is_found(split):
    sets = {**parts_of(split), "test": joined(split.test, [3, 3], False)}
    assert audit(split.graph, split.observed, sets) == ["1 test pairs link a node to itself"]


@both
def test_renamed_or_reordered_nodes_are_found(split):
    for names in (split.graph.names[::-1], tuple(name + "'" for name in split.graph.names)):
        renamed = Graph(split.observed.data, names, split.observed.directed)
        leaks = audit(split.graph, renamed, parts_of(split))
        assert leaks == ["the observed graph does not have the nodes of the whole graph in the same order"]


def test_an_observed_edge_that_was_never_there_is_found():
    split = _SPLITS["undirected"]
    u, v = split.test.pairs[~split.test.label][0].tolist()
    leaks = audit(split.graph, with_edge(split.observed, u, v), parts_of(split))
    assert leaks == ["1 observed edges are not edges of the graph"]


def test_an_observed_arc_that_was_never_there_is_found():
    split = _SPLITS["directed"]
    u, v = next(arc for arc in arcs(split.observed) if arc[::-1] not in arcs(split.graph))
    leaks = audit(split.graph, with_edge(split.observed, v, u), parts_of(split))
    assert leaks == ["1 observed edges are not edges of the graph"]


def test_pairs_within_a_part_of_a_bipartite_graph_are_found():
    split = split_edges(nx.davis_southern_women_graph())
    within = np.flatnonzero(split.graph.data.part.numpy() == 1)[:2]
    sets = {**parts_of(split), "test": joined(split.test, within, False)}
    leaks = audit(split.graph, split.observed, sets)
    assert leaks == ["1 test pairs lie within one part of a bipartite graph"]


def test_several_leaks_are_all_listed():
    split = _SPLITS["undirected"]
    leaks = audit(split.graph, split.graph, {**parts_of(split), "test": split.valid})
    assert len(leaks) == 3  # valid visible, test visible, one in the other


# ── splits of others ────────────────────────────────────────────────────────────────────────────────


def split_of_pyg(directed=False, **settings):
    """What RandomLinkSplit makes of a graph, and how many links it tests."""
    graph = as_graph(nx.gnp_random_graph(200, 0.05, seed=1, directed=directed))
    with global_state_restored():
        parts = RandomLinkSplit(**settings)(Data(edge_index=graph.data.edge_index, num_nodes=200))
    return graph, from_pyg(*parts)


def test_the_split_of_pyg_with_its_defaults_leaks_on_an_undirected_graph():
    graph, split = split_of_pyg()
    assert arcs(split.graph) == arcs(graph)
    assert not split.graph.directed
    visible = [int(leak.split()[0]) for leak in split.audit() if "test edges are visible" in leak]
    assert len(visible) == 1
    assert 0.6 < visible[0] / split.test.label.sum() < 0.8
    assert not any("not edges of the graph" in leak for leak in split.audit())
    with pytest.raises(DataError, match=r"the split leaks: .*test edges are visible in training.*means nothing"):
        split.check()


def test_the_split_of_pyg_told_that_the_graph_is_undirected_does_not_leak():
    _, split = split_of_pyg(is_undirected=True, add_negative_train_samples=False)
    assert split.check() is split
    assert split.test.label.sum() == (~split.test.label).sum()


def test_the_split_of_pyg_of_a_directed_graph_is_read_as_one():
    graph, split = split_of_pyg(directed=True)
    assert split.graph.directed
    assert split.observed.directed
    assert arcs(split.graph) == arcs(graph)


def test_negatives_shared_by_two_parts_raise():
    split = _SPLITS["undirected"]
    shared = dc.replace(split, valid=joined(split.valid, split.test.pairs[~split.test.label][0], False))
    with pytest.raises(DataError, match="the split leaks: 1 pairs are both in valid and in test"):
        shared.check()
    assert split.check() is split


# ── what the user says ──────────────────────────────────────────────────────────────────────────────


@few
@given(graphs(), st.integers(0, 99), st.booleans())
def test_pairs_that_are_named_are_tested_and_nothing_else(graph, seed, grouped):
    linked = sorted(map(sorted, linked_pairs(graph)))
    if len(linked) < 4:
        return
    mixed = np.random.default_rng(seed).permutation(linked)
    group = np.arange(12) % 2 if grouped else None
    try:
        split = split_pairs(graph, mixed[:2, ::-1], mixed[2:3], seed, group=group)
    except DataError:
        return  # too dense for as many negatives
    assert_clean(split)
    assert split.audit() == []
    assert set(rows(split.test, True)) == {frozenset(pair) for pair in mixed[:2].tolist()}
    assert set(rows(split.valid, True)) == {frozenset(mixed[2].tolist())}
    if grouped:
        for pairs in (split.test, split.valid, split.train):
            kinds = [Counter(map(tuple, np.sort(group[pairs.pairs[pairs.label == yes]]))) for yes in (True, False)]
            if not graph.directed:
                assert kinds[0] == kinds[1]


def test_negatives_of_arcs_between_groups_lead_the_way_links_do():
    rng = np.random.default_rng(0)
    ends = np.array([(u, v) for u in range(10) for v in range(10, 30) if rng.random() < 0.3]).T
    graph = Graph.from_edges(*ends, nodes=30, directed=True, part=torch.tensor([0] * 10 + [1] * 20))
    for split in (split_edges(graph, 0.3, 0.1), split_by_node(graph, 0.2, 0.0), *split_folds(graph, 3)):
        assert all((pairs.pairs[:, 0] < 10).all() for pairs in (split.train, split.valid, split.test))
        assert split.audit() == []


@pytest.mark.parametrize(
    ("test", "valid", "said"),
    [
        ([[0, 9]], [], "1 pairs are not linked"),
        ([[0, 0]], [], "1 pairs are not linked"),
        ([[0, 1]], [[1, 0]], "some pairs are in two parts"),
    ],
)
def test_only_linked_pairs_are_shared_out_and_each_once(test, valid, said):
    with pytest.raises(DataError, match=f"{said}: a split shares out the linked pairs"):
        split_pairs(_KARATE, np.array(test), np.array(valid))


def test_something_must_be_tested_and_something_stay():
    with pytest.raises(DataError, match="of which 0 would be tested and 78 stay in training"):
        split_pairs(_KARATE, np.empty((0, 2), np.int64))
    with pytest.raises(DataError, match="of which 78 would be tested and 0 stay in training"):
        split_pairs(_KARATE, _KARATE.pairs)


# ── folds ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("network", [nx.les_miserables_graph(), nx.gn_graph(60, seed=1)])
def test_in_each_round_of_folds_every_link_is_tested_once(network):
    splits = list(split_folds(network, folds=4, times=2, valid=0.1, seed=3))
    assert len(splits) == 8
    for split in splits:
        assert_clean(split)
        assert split.audit() == []
    truth = linked_pairs(splits[0].graph)
    for part in (splits[:4], splits[4:]):
        tested = [pair for split in part for pair in set(rows(split.test, True))]
        assert len(tested) == len(truth)
        assert set(tested) == truth
    assert rows(splits[0].test, True) != rows(splits[4].test, True)
    again = next(split_folds(network, folds=4, valid=0.1, seed=3))
    assert np.array_equal(again.test.pairs, splits[0].test.pairs)


def test_folds_without_validation_have_none():
    assert [len(split.valid) for split in split_folds(_KARATE, 2, valid=0)] == [0, 0]


@pytest.mark.parametrize("wrong", [{"folds": 1}, {"times": 0}, {"valid": 0.8}, {"valid": -0.1}])
def test_folds_must_make_sense(wrong):
    with pytest.raises(ValueError, match="expected folds >= 2, times >= 1 and 0 <= valid < 1 - 1 / folds; got"):
        next(split_folds(_KARATE, **wrong))
    with pytest.raises(DataError, match="9 folds need as many linked pairs"):
        next(split_folds(nx.path_graph(5), 9))


# ── by time ─────────────────────────────────────────────────────────────────────────────────────────


def timed(moments=40, directed=False, seed=0):
    rng = np.random.default_rng(seed)
    ends = np.array(list(nx.gnp_random_graph(40, 0.15, seed=seed, directed=directed).edges)).T
    time = rng.integers(0, moments, ends.shape[1])
    if not directed:
        ends, time = np.concatenate([ends, ends[::-1]], axis=1), np.concatenate([time, time])
    return Graph(Data(edge_index=torch.from_numpy(ends), time=torch.from_numpy(time), num_nodes=40), directed=directed)


@few
@given(st.sampled_from([3, 8, 40, 1000]), st.booleans(), st.integers(0, 9), st.sampled_from([0.0, 0.1, 0.3]))
def test_what_is_tested_came_after_all_that_chooses_and_that_after_all_that_trains(moments, directed, seed, valid):
    graph = timed(moments, directed, seed)
    split = split_by_time(graph, 0.2, valid, seed)
    assert_clean(split)
    assert split.audit() == []
    began = {}
    for arc, time in zip(graph.data.edge_index.T.tolist(), graph.data.time.tolist(), strict=True):
        began[frozenset(arc)] = min(time, began.get(frozenset(arc), 1_000))
    times = [
        [began[pair] for pair in rows(pairs, True)] for pairs in (split.train, split.valid, split.test) if len(pairs)
    ]
    assert len(times) == 2 + (valid > 0)
    for earlier, later in zip(times, times[1:], strict=False):
        assert max(earlier) < min(later)
    if moments >= 40:  # fine enough to keep the shares
        assert len(set(rows(split.test, True))) / len(began) == pytest.approx(0.2, abs=0.05)
    assert torch.equal(split.observed.data.time, graph.data.time[np.isin(graph.data.time, times[0])]) or directed


def test_times_must_be_there_and_differ():
    with pytest.raises(DataError, match=r"data.time must hold one time per edge, to split by"):
        split_by_time(_KARATE)
    with pytest.raises(DataError, match=r"3 different times are needed, one for each part, got 2"):
        split_by_time(timed(2))
    assert split_by_time(timed(2), valid=0).audit() == []
    with pytest.raises(ValueError, match="shares must satisfy"):
        split_by_time(timed(), 1.0)


# ── by node ─────────────────────────────────────────────────────────────────────────────────────────


@few
@given(st.integers(0, 30), st.booleans(), st.sampled_from([0.0, 0.15]))
def test_new_nodes_are_new_and_negatives_are_as_new_as_links(seed, directed, valid):
    graph = as_graph(nx.gnp_random_graph(60, 0.12 if directed else 0.25, seed=seed, directed=directed))
    split = split_by_node(graph, 0.2, valid, seed)
    assert_clean(split)
    assert split.audit() == []
    seen = {node for pair in linked_pairs(split.observed) for node in pair}
    for pairs in (split.valid, split.test):
        expected = [1 + sum(node not in seen for node in pair) for pair in pairs.pairs.tolist()]
        assert cold_start(split.observed, pairs.pairs).tolist() == expected
    kinds = [
        np.bincount(cold_start(split.observed, split.test.pairs[split.test.label == yes]), minlength=4)
        for yes in (1, 0)
    ]
    assert (kinds[0][1:] > 0).all(), "links of all three kinds are tested"
    if len(seen) < 60 - 12 - 9 * (valid > 0):
        return  # a node that was to stay lost its last edge by chance
    assert np.array_equal(*kinds)
    if valid:
        assert set(cold_start(split.observed, split.valid.pairs).tolist()) >= {1, 2}, (
            "choices are made on new nodes, too"
        )
    new = {node for pair in rows(split.test, True) for node in pair} - seen
    assert not new & {node for pair in rows(split.train, False) for node in pair}, "training knows of new nodes"


# ── by group ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("across", [True, False])
@pytest.mark.parametrize("directed", [True, False])
def test_what_is_tested_lies_across_groups_or_within_and_negatives_as_well(across, directed):
    graph = as_graph(nx.gnp_random_graph(60, 0.1, seed=1, directed=directed))
    group = np.array(["a", "b", "c"])[np.arange(60) % 3]
    split = split_by_group(graph, group, seed=2, across=across)
    assert_clean(split)
    assert split.audit() == []
    for pairs in (split.valid, split.test):
        assert ((group[pairs.pairs[:, 0]] != group[pairs.pairs[:, 1]]) == across).all()
        kinds = [Counter(map(tuple, np.sort(group[pairs.pairs[pairs.label == yes]]).tolist())) for yes in (True, False)]
        assert kinds[0] == kinds[1]
    u, v = split.observed.pairs.T
    assert ((group[u] != group[v]) != across).all(), "all of that kind is hidden by default"
    some = split_by_group(graph, group, 0.3, 0.1, across=across)
    assert len(set(rows(some.test, True))) < len(set(rows(split.test, True)))


def test_groups_may_be_labels_of_the_graph():
    graph = Graph.from_edges(*_KARATE.pairs.T, nodes=34, y=torch.arange(34) % 2)
    named, given_ = split_by_group(graph), split_by_group(graph, np.arange(34) % 2)
    assert np.array_equal(named.test.pairs, given_.test.pairs)


def test_groups_must_be_there_one_per_node():
    with pytest.raises(DataError, match=r"there is no data.y to split by; the graph has '"):
        split_by_group(_KARATE)
    with pytest.raises(DataError, match=r"expected one group for each of 34 nodes, got shape \(3,\)"):
        split_by_group(_KARATE, [1, 2, 3])
    with pytest.raises(ValueError, match=r"shares must satisfy .* <= 1; got test=0.8, valid=0.4"):
        split_by_group(_KARATE, np.arange(34) % 2, valid=0.4)
    with pytest.raises(DataError, match="of which 0 would be tested"):
        split_by_group(_KARATE, np.zeros(34))


# ── by degree ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("low", "high"), [(0, 3), (6, 100), (2, 2)])
@pytest.mark.parametrize("directed", [True, False])
def test_ends_have_the_observed_degree_that_was_asked_for(low, high, directed):
    graph = as_graph(nx.gnp_random_graph(80, 0.05, seed=3, directed=directed))
    split = split_by_degree(graph, low, high, 0.2, 0.1, seed=1)
    assert split.audit() == []
    neighbours = Counter(node for pair in linked_pairs(split.observed) for node in pair)
    for pairs in filter(len, (split.valid, split.test)):
        inside = np.array([[low <= neighbours[node] <= high for node in pair] for pair in pairs.pairs.tolist()])
        assert inside.any(axis=1).all()
        both = [int(inside[pairs.label == yes].all(axis=1).sum()) for yes in (True, False)]
        assert both[0] == both[1] or directed
    asked = len(set(rows(split.test, True)) | set(rows(split.valid, True)))
    hidden = len(linked_pairs(graph)) - len(linked_pairs(split.observed))
    assert hidden == round(0.2 * len(linked_pairs(graph))) + round(0.1 * len(linked_pairs(graph))) >= asked > 0


def test_no_link_of_that_degree_is_said():
    with pytest.raises(DataError, match="of which 0 would be tested"):
        split_by_degree(_KARATE, 500, 600)


# ── what makes a test easier than it looks ──────────────────────────────────────────────────────────


def with_features(split, x):
    graph, observed = (
        Graph(Data(edge_index=g.data.edge_index, x=x, num_nodes=len(x)), g.names) for g in (split.graph, split.observed)
    )
    return easy(graph, observed, split.test)


_RING = split_edges(nx.circulant_graph(200, [1, 2]), 0.1, 0.0)


def test_a_fair_split_needs_no_warning():
    graph = as_graph(nx.gnp_random_graph(200, 0.06, seed=1))
    assert split_edges(graph, 0.2, 0.0).warnings() == []


def test_links_of_unseen_nodes_are_counted():
    split = split_edges(nx.path_graph(60), 0.5, 0.0)
    seen = {node for pair in linked_pairs(split.observed) for node in pair}
    unseen = sum(not pair <= seen for pair in rows(split.test, True))
    assert f"{unseen} of 30 links have an end without a training edge: only features tell" in split.warnings()


def test_negatives_that_distance_tells_are_named():
    assert [said[:46] for said in _RING.warnings()] == ["distance alone tells links from negatives (AUC"]


def test_negatives_that_degree_tells_are_named():
    network = nx.complete_bipartite_graph(12, 12)  # links among busy nodes, negatives among those that are not
    network.add_edges_from((n, n + 1) for n in range(24, 500, 2))
    graph = as_graph(nx.Graph(network.edges))
    rng = np.random.default_rng(0)
    busy = [pair for pair in graph.pairs.tolist() if max(pair) < 24]
    split = split_pairs(graph, np.array(busy)[rng.permutation(len(busy))[:30]])
    assert any(said.startswith("degree alone tells links from negatives (AUC") for said in split.warnings())


def test_features_that_hold_the_answer_are_named():
    rng = np.random.default_rng(1)
    split = split_edges(nx.gnp_random_graph(200, 0.06, seed=1), 0.1, 0.0)
    x = torch.from_numpy(rng.normal(size=(200, 5)).astype(np.float32))
    assert with_features(split, x) == []
    table = torch.zeros(200, 200)
    table[tuple(split.graph.data.edge_index)] = 1
    assert with_features(split, table)[0].startswith("the features hold the links: entry (u, v) tells")
    ring = x[torch.arange(200)].clone()
    ring[:, 3] = torch.arange(200) // 4
    blocks = as_graph(
        nx.Graph([(u, v) for u in range(200) for v in range(u) if u // 4 == v // 4 and rng.random() < 0.8])
    )
    order = [int(name) for name in blocks.names]
    assert "feature 3 alone tells links from negatives (AUC 1.00)" in with_features(
        split_edges(blocks, 0.1, 0.0), ring[order]
    )


def test_relations_that_are_one_another_backwards_are_named():
    ends = np.array(list(nx.gnp_random_graph(30, 0.2, seed=1).edges)).T
    data = Data(edge_index=torch.from_numpy(np.concatenate([ends, ends[::-1]], axis=1)), num_nodes=30)
    data.edge_type = torch.tensor([0, 1]).repeat_interleave(ends.shape[1])
    said = easy(Graph(data, directed=True), Graph(data, directed=True), labelled([], []))
    assert [sentence.split(":")[0] for sentence in said] == [
        "relation 0 is the inverse of relation 1 for 100% of its edges",
        "relation 1 is the inverse of relation 0 for 100% of its edges",
    ]
    data.edge_type = torch.zeros(2 * ends.shape[1], dtype=torch.long)
    said = easy(Graph(data, directed=True), Graph(data, directed=True), labelled([], []))
    assert [sentence.split(":")[0] for sentence in said] == ["relation 0 is symmetric for 100% of its edges"]


# ── without and all_pairs ───────────────────────────────────────────────────────────────────────────


@few
@given(graphs(), st.integers(0, 99))
def test_without_takes_out_both_directions_and_nothing_else(graph, seed):
    rng = np.random.default_rng(seed)
    hidden = rng.integers(0, 12, (6, 2))
    before = arcs(graph)
    rest = without(graph, hidden)
    gone = {frozenset(pair) for pair in hidden.tolist()}
    assert arcs(rest) == {arc: weight for arc, weight in before.items() if frozenset(arc) not in gone}
    assert arcs(graph) == before
    assert rest.names == graph.names
    assert rest.directed == graph.directed
    assert torch.equal(rest.data.x, graph.data.x)
    assert (rest.data.get("part") is None) == (graph.data.get("part") is None)


def test_without_no_pairs_everything_stays():
    assert arcs(without(_KARATE, np.empty((0, 2), np.int64))) == arcs(_KARATE)


def test_without_all_edges_the_nodes_stay():
    rest = without(_KARATE, _KARATE.pairs)
    assert (rest.num_edges, rest.names) == (0, _KARATE.names)


@pytest.mark.parametrize("nodes", [4, 5])
def test_other_tensors_of_edges_go_with_their_edges_and_those_of_nodes_stay(nodes):
    ring = torch.stack([torch.arange(nodes), (torch.arange(nodes) + 1) % nodes])
    data = Data(
        edge_index=ring, x=torch.arange(2.0 * nodes).reshape(nodes, 2), y=torch.arange(nodes), edge_attr=10 * ring.T
    )
    rest = without(Graph(data), np.array([[2, 1]]))  # as many nodes as edges: shapes do not tell them apart
    assert torch.equal(rest.data.x, data.x)
    assert torch.equal(rest.data.y, data.y)
    assert torch.equal(rest.data.edge_attr, 10 * rest.data.edge_index.T)
    assert len(rest.data.edge_attr) == nodes - 1


@few
@given(graphs(), st.integers(0, 9))
def test_all_pairs_are_all_edges_and_as_many_others(graph, seed):
    linked = linked_pairs(graph)
    possible = 5 * 7 if graph.data.get("part") is not None else 12 * 11 // 2
    if not linked or len(linked) == possible:
        with pytest.raises(DataError):
            all_pairs(graph, seed)
        return
    pairs = all_pairs(graph, seed)
    edges = [arc for arc in arcs(graph) if arc[0] != arc[1] and (graph.directed or arc[0] < arc[1])]
    assert sorted(map(tuple, pairs.pairs[pairs.label].tolist())) == sorted(edges)
    others = rows(pairs, False)
    assert len(others) == len(set(others)) == min(len(edges), possible - len(linked))
    assert not set(others) & linked
    assert np.array_equal(pairs.pairs, all_pairs(graph, seed).pairs)
