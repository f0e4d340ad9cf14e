"""Hard negatives are what their names say, none of them is an edge, and a seed publishes them."""

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from graphembed import DataError, Graph, as_graph, split_edges
from graphembed.sampling.hard import Ranking, heart, two_hop
from graphembed.sampling.matched import degree_matched
from tests.reference.dense import matrix
from tests.reference.evaluation import heart_ranks

few = settings(max_examples=30, deadline=None)


def made(kind, seed=0, nodes=40):
    """A graph with features, of each kind there is."""
    rng = np.random.default_rng(seed)
    x = torch.from_numpy((rng.random((nodes, 12)) < 0.15).astype(np.float32))
    if kind == "bipartite":
        ends = np.array([(u, v) for u in range(15) for v in range(15, nodes) if rng.random() < 0.15]).T
        return Graph.from_edges(*ends, nodes=nodes, x=x, part=torch.tensor([0] * 15 + [1] * (nodes - 15)))
    ends = np.array(list(nx.gnp_random_graph(nodes, 0.12, seed=seed, directed=kind == "directed").edges)).T
    more = {} if kind == "plain" else {"x": x}
    return Graph.from_edges(*ends, nodes=nodes, directed=kind == "directed", **more)


KINDS = ["undirected", "plain", "directed", "bipartite"]
kinds = pytest.mark.parametrize("kind", KINDS)


def links_of(split):
    return split.test.pairs[split.test.label]


def assert_unlinked(graph, pairs):
    truth = matrix(graph)
    u, v = pairs.T
    assert not (truth[u, v] + truth[v, u]).any()
    assert (u != v).all()
    if graph.data.get("part") is not None:
        part = graph.data.part.numpy()
        assert (part[u] != part[v]).all()


# ── HeaRT ───────────────────────────────────────────────────────────────────────────────────────────


@kinds
@pytest.mark.parametrize("count", [4, 20])
def test_each_link_gets_the_partners_that_rank_first(kind, count):
    graph = made(kind)
    split = split_edges(graph, 0.2, 0.1, seed=1)
    links = links_of(split)
    found = heart(graph, split.observed, links, count=count, seed=3)
    assert found.negatives.shape == (len(links), count, 2)
    for side in (0, 1):
        ranks, nothing = heart_ranks(graph, split.observed, side)
        rows = slice(0, count // 2) if side == 0 else slice(count // 2, count)
        for link, negatives in zip(links.tolist(), found.negatives[:, rows], strict=True):
            kept, partners = negatives[:, side], negatives[:, 1 - side]
            assert (kept == link[side]).all()
            assert len(set(partners.tolist())) == len(partners)
            rank = ranks[link[side]] + 0.5 * nothing[link[side]]  # of those that rank alike, the known come first
            assert not np.isnan(rank[partners]).any(), "linked, itself, or of the same part"
            left = np.setdiff1d(np.flatnonzero(~np.isnan(rank)), partners)
            assert not len(left) or rank[partners].max() <= rank[left].min()


def test_all_edges_are_filtered_those_of_the_test_too():
    graph = made("undirected")
    split = split_edges(graph, 0.3, 0.1)
    assert_unlinked(graph, heart(graph, split.observed, links_of(split), count=30).negatives.reshape(-1, 2))


def test_a_hub_with_few_partners_left_gets_those_and_no_more():
    graph = as_graph(nx.star_graph(8))  # node 0 is linked to all others, those only to it
    found = heart(graph, graph, np.array([[0, 1], [2, 0]]), count=20)
    assert (found.negatives[0, :10] == -1).all()  # nobody is left for the hub
    assert sorted(found.negatives[0, 10:17, 0].tolist()) == [2, 3, 4, 5, 6, 7, 8]
    assert (found.negatives[0, 17:] == -1).all()


def test_partners_that_rank_alike_are_as_likely_as_one_another():
    graph = Graph.from_edges([0], [1], nodes=12)  # nothing tells nodes 2 to 11 apart
    drawn = [heart(graph, graph, np.array([[0, 1]]), count=4, seed=seed).negatives[0, :2, 1] for seed in range(600)]
    assert stats.chisquare(np.bincount(np.concatenate(drawn), minlength=12)[2:]).pvalue > 1e-3


def test_the_seed_publishes_the_negatives_and_links_do_not_depend_on_others():
    graph = made("undirected")
    split = split_edges(graph, 0.3, 0.1)
    links = links_of(split)
    first, again, other = (heart(graph, split.observed, links, 20, seed).negatives for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.array_equal(heart(graph, split.observed, links[3:5], 20, 1).negatives, first[3:5])


@pytest.mark.parametrize("count", [0, 3, -2])
def test_half_of_the_negatives_go_to_each_end(count):
    with pytest.raises(ValueError, match=f"count must be even and at least 2, half for each end, got {count}"):
        heart(made("plain"), made("plain"), np.array([[0, 1]]), count)


def test_rankings_are_saved_and_loaded_whole(tmp_path):
    ranking = Ranking(np.array([[0, 1]]), np.array([[[0, 2], [-1, -1]]]))
    ranking.save(tmp_path / "hard.npz")
    back = Ranking.load(tmp_path / "hard.npz")
    assert np.array_equal(back.positives, ranking.positives)
    assert np.array_equal(back.negatives, ranking.negatives)
    assert len(back) == 1


@pytest.mark.parametrize("shape", [(2, 3, 2), (1, 2), (1, 3, 3)])
def test_rankings_that_do_not_fit_are_refused(shape):
    with pytest.raises(DataError, match=r"expected positives \(links, 2\) and negatives \(links, several, 2\), got"):
        Ranking(np.zeros((1, 2), np.int64), np.zeros(shape, np.int64))


def test_on_cora_heuristics_are_worth_what_is_published(public_data):
    from graphembed import load
    from graphembed.bench.baselines import baselines
    from graphembed.bench.evaluation import evaluate

    graph = load("cora")
    split = split_edges(graph, 0.1, 0.05, seed=0)
    ranking = heart(graph, split.observed, links_of(split)[:250])
    free = baselines(split.observed)
    mrr = {name: evaluate(free[name], split, ranking, times=0)["MRR"] for name in ("common neighbours", "cos(S X)")}
    assert 0.07 <= mrr["common neighbours"] <= 0.13  # Li et al. 2023: .098
    assert mrr["cos(S X)"] >= 0.15


# ── of the same degrees ─────────────────────────────────────────────────────────────────────────────


@few
@given(st.sampled_from(KINDS), st.integers(0, 30), st.integers(1, 2))
def test_each_node_is_the_end_of_as_many_negatives_as_links(kind, seed, times):
    graph = made(kind, seed)
    links = links_of(split_edges(graph, 0.3, 0.1, seed))
    pairs = degree_matched(graph, links, seed, times=times)
    assert pairs.shape == (times * len(links), 2)
    assert_unlinked(graph, pairs)
    assert len({frozenset(pair) for pair in pairs.tolist()}) == len(pairs)
    sides = range(2) if graph.directed else [slice(None)]
    for side in sides if times == 1 else []:  # twice as many need not exist in graphs as small as these
        wanted, got = (np.bincount(some[:, side].ravel(), minlength=40) for some in (links, pairs))
        assert np.array_equal(got, times * wanted)
    assert np.array_equal(pairs, degree_matched(graph, links, seed, times=times))


@pytest.mark.parametrize("directed", [True, False])
def test_within_and_between_groups_there_are_as_many_negatives_as_links(directed):
    graph, group = made("directed" if directed else "undirected"), np.arange(40) % 3
    links = links_of(split_edges(graph, 0.4, 0.1))
    pairs = degree_matched(graph, links, group=group)
    assert_unlinked(graph, pairs)
    kinds = [
        np.unique(group[some] if directed else np.sort(group[some]), axis=0, return_counts=True)
        for some in (links, pairs)
    ]
    assert all(np.array_equal(*both) for both in zip(*kinds, strict=True))


def test_a_hub_that_fits_nowhere_else_goes_with_those_like_its_partners():
    network = nx.star_graph(30)  # each link has the hub as an end, and the hub has no unlinked partner but those below
    network.add_nodes_from([40, 41, 42])
    graph = as_graph(network)
    pairs = degree_matched(graph, np.array([[0, 1], [0, 2], [0, 3]]))
    assert_unlinked(graph, pairs)
    assert len({frozenset(pair) for pair in pairs.tolist()}) == 3
    assert {node for pair in pairs.tolist() for node in pair if 0 in pair} <= {0, 31, 32, 33}


def test_a_hub_that_is_linked_to_all_is_named():
    graph = Graph.from_edges([0, 0, 0], [1, 2, 3], names=["hub", "a", "b", "c"])
    with pytest.raises(DataError, match=r"node 'hub' is linked to so many that it has too few unlinked partners"):
        degree_matched(graph, np.array([[0, 1], [0, 2]]))


# ── near by ─────────────────────────────────────────────────────────────────────────────────────────


def near_pairs(graph, observed):
    dense = matrix(observed)
    dense = np.minimum(dense + dense.T, 1)
    truth = matrix(graph)
    part = graph.data.get("part")
    walks = dense @ dense if part is None else dense @ dense @ dense
    return {
        (u, v)
        for u in range(len(dense))
        for v in range(u + 1, len(dense))
        if walks[u, v] and not truth[u, v] and not truth[v, u]
    }


@kinds
def test_near_pairs_are_all_there_are_and_no_others(kind):
    graph = made(kind)
    observed = split_edges(graph, 0.2, 0.1).observed
    expected = near_pairs(graph, observed)
    pairs = two_hop(graph, observed, len(expected))
    assert {tuple(sorted(pair)) for pair in pairs.tolist()} == expected
    assert len(pairs) == len(expected)
    with pytest.raises(DataError, match=f"{len(expected) + 1} unlinked pairs .* steps apart are needed but there are"):
        two_hop(graph, observed, len(expected) + 1)


def test_near_pairs_are_as_likely_as_one_another_however_the_rows_are_cut(monkeypatch):
    graph = as_graph(nx.path_graph(9))
    whole = two_hop(graph, graph, 3, seed=5)
    number = {pair: place for place, pair in enumerate(sorted(near_pairs(graph, graph)))}
    for block in (1 << 22, 20):
        monkeypatch.setattr("graphembed.sampling.hard._BLOCK", block)
        drawn = [number[tuple(pair)] for seed in range(400) for pair in two_hop(graph, graph, 1, seed).tolist()]
        assert stats.chisquare(np.bincount(drawn, minlength=len(number))).pvalue > 1e-3
        assert np.array_equal(two_hop(graph, graph, 3, seed=5), whole)
