"""Scores of partitions are those of networkx and of counting by hand."""

from itertools import combinations, permutations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphembed.metrics.partitions import (
    accuracy,
    against,
    conductance,
    coverage,
    modularity,
    overlap,
    singled,
)

labels = st.lists(st.integers(0, 3), min_size=8, max_size=8).map(np.array)


def drawn(seed, weighted=False):
    """A graph, a partition, and both as arrays."""
    rng = np.random.default_rng(seed)
    graph = nx.gnp_random_graph(30, 0.2, seed=seed)
    for u, v in graph.edges:
        graph[u][v]["weight"] = rng.random() + 0.1 if weighted else 1.0
    groups = rng.integers(0, 4, 30)
    pairs = np.array(graph.edges)
    return graph, groups, pairs, np.array([graph[u][v]["weight"] for u, v in graph.edges])


def sets(groups):
    return [set(np.flatnonzero(groups == group)) for group in np.unique(groups)]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("resolution", [1.0, 2.5])
def test_modularity_is_that_of_networkx(weighted, resolution):
    graph, groups, pairs, weight = drawn(1, weighted)
    expected = nx.community.modularity(graph, sets(groups), resolution=resolution)
    assert modularity(pairs, groups, weight if weighted else None, resolution) == pytest.approx(expected)


def test_self_loops_count_as_in_networkx():
    graph, groups, pairs, _ = drawn(2)
    graph.add_edge(3, 3, weight=1.0)
    expected = nx.community.modularity(graph, sets(groups))
    assert modularity(np.append(pairs, [[3, 3]], axis=0), groups) == pytest.approx(expected)


def test_coverage_and_conductance_are_those_of_networkx():
    graph, groups, pairs, weight = drawn(3, weighted=True)
    assert coverage(pairs, groups) == pytest.approx(nx.community.partition_quality(graph, sets(groups))[0])
    each = [nx.conductance(graph, part, weight="weight") for part in sets(groups)]
    assert conductance(pairs, groups, weight) == pytest.approx(np.mean(each))


def test_one_group_and_no_edges_have_scores():
    pairs, none = np.array([[0, 1], [1, 2]]), np.empty((0, 2), np.int64)
    one = np.zeros(3, np.int64)
    assert (modularity(pairs, one), coverage(pairs, one), conductance(pairs, one)) == (0.0, 1.0, 0.0)
    assert (modularity(none, one), coverage(none, one), conductance(none, one)) == (0.0, 1.0, 0.0)


@given(labels, labels)
def test_accuracy_is_the_best_of_all_matchings(truth, found):
    best = max(np.mean(np.array(names)[found] == truth) for names in permutations(range(4)))
    assert accuracy(truth, found) == pytest.approx(best)


@given(labels, labels)
def test_pairwise_f1_counts_pairs(truth, found):
    pairs = list(combinations(range(8), 2))
    same = [(truth[u] == truth[v], found[u] == found[v]) for u, v in pairs]
    both = sum(a and b for a, b in same)
    either = sum(a for a, _ in same) + sum(b for _, b in same)
    assert against(truth, found)["pairwise F1"] == pytest.approx(2 * both / either if either else 1.0)


@given(labels, st.permutations(range(4)))
def test_names_of_groups_do_not_matter(truth, names):
    renamed = np.array(names)[truth]
    assert all(value == pytest.approx(1.0) for value in against(truth, renamed).values())


def test_mutual_information_is_that_of_the_formula():
    truth, found = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 1])

    def entropy(*groups):
        share = np.unique(np.stack(groups), axis=1, return_counts=True)[1] / 6
        return -(share * np.log(share)).sum()

    shared = entropy(truth) + entropy(found) - entropy(truth, found)
    scores = against(truth, found)
    assert scores["NMI"] == pytest.approx(2 * shared / (entropy(truth) + entropy(found)))
    assert scores["homogeneity"] == pytest.approx(shared / entropy(truth))
    assert scores["V-measure"] == pytest.approx(scores["NMI"])


def test_chance_has_no_ari_and_no_overlap():
    rng = np.random.default_rng(0)
    truth, found = rng.integers(0, 3, 20_000), rng.integers(0, 3, 20_000)
    assert abs(against(truth, found)["ARI"]) < 0.01
    assert abs(overlap(truth, found)) < 0.03
    assert overlap(truth, (truth + 1) % 3) == 1.0
    assert overlap(truth, np.zeros(20_000, np.int64)) == pytest.approx(0.0, abs=0.02)


def test_nodes_of_unknown_group_do_not_count_and_noise_is_alone():
    truth = np.array([0, 0, 1, 1, -1, -1])
    assert against(truth, np.array([0, 0, 1, 1, 0, 1]))["ARI"] == 1.0
    assert against(truth, np.array([0, 0, -1, -1, 0, 0])) == against(truth, np.array([0, 0, 1, 2, 0, 0]))
    assert singled(np.array([4, -1, 4, -1])).tolist() == [0, 1, 0, 2]
    with pytest.raises(ValueError, match="none of the 2 nodes has a known group"):
        against(np.array([-1, -1]), np.array([0, 1]))
