"""The judge counts what it says it counts, cannot be fooled by scores that know nothing, and costs are measured."""

import networkx as nx
import numpy as np
import pytest
import torch
from scipy import stats
from torch_geometric.data import Data

from graphembed import DataError, Graph, as_graph, split_edges
from graphembed.bench import evaluation, lists
from graphembed.bench.baselines import DEGREE, baselines, cosine, smoothed
from graphembed.bench.cost import measured
from graphembed.bench.evaluation import canaries, evaluate, scorecard
from graphembed.bench.lists import filtered_ranks, recommend
from graphembed.metrics import auc, average_precision, hits, mean_reciprocal_rank
from graphembed.sampling.hard import heart, two_hop
from graphembed.sampling.matched import degree_matched
from graphembed.sampling.pairs import non_edges
from graphembed.splits import split_by_degree, split_by_group, split_by_node, split_by_time, split_folds
from tests.reference import evaluation as slow
from tests.reference.dense import matrix, pagerank


def made(kind, seed=0):
    """A graph of 30 nodes with features; a split of it; a score with ties, symmetric unless the graph is directed."""
    rng = np.random.default_rng(seed)
    if kind == "bipartite":
        network = nx.bipartite.random_graph(12, 18, 0.25, seed=seed)
    else:
        network = nx.gnp_random_graph(30, 0.15, seed=seed, directed=kind == "directed")
    graph = as_graph(network)
    data = Data(**(graph.data.to_dict() | {"x": torch.from_numpy(rng.random((30, 6), np.float32))}))
    graph = Graph(data, graph.names, graph.directed)
    table = rng.integers(0, 12, (30, 30)).astype(float)
    table = table if kind == "directed" else table + table.T
    return split_edges(graph, 0.25, 0.1, seed), table, lambda pairs: table[tuple(pairs.T)]


KINDS = ["undirected", "directed", "bipartite"]
kinds = pytest.mark.parametrize("kind", KINDS)


def positives(split):
    return split.test.pairs[split.test.label]


@pytest.fixture(params=[1 << 20, 50])
def block(request, monkeypatch):
    """Everything at once, and in small blocks."""
    for module in (evaluation, lists):
        monkeypatch.setattr(module, "BLOCK", request.param)
    return request.param


# ── who links are told from ─────────────────────────────────────────────────────────────────────────


@kinds
def test_with_the_negatives_of_the_split_figures_are_the_metrics(kind, block):
    split, _, score = made(kind)
    row = evaluate(score, split, times=50)
    label, found = split.test.label, score(split.test.pairs)
    assert row["AUC"] == pytest.approx(auc(label, found))
    assert row["AP"] == pytest.approx(average_precision(label, found))
    assert row["MRR"] == pytest.approx(mean_reciprocal_rank(label, found))
    assert row["Hits@10"] == hits(label, found, 10)
    assert row["low"] <= row["AUC"] <= row["high"]
    weight = sum(map(len, non_edges(split.graph))) / (~label).sum()
    assert row["AP true"] == pytest.approx(average_precision(label, found, float(weight)))
    degree = baselines(split.observed)[DEGREE](split.test.pairs)
    assert row["lift"] == pytest.approx(row["AUC"] - auc(label, degree))
    assert evaluate(score, split, part="valid", times=0)["AUC"] == pytest.approx(
        auc(split.valid.label, score(split.valid.pairs))
    )


@kinds
def test_unlinked_pairs_are_listed_each_once(kind):
    graph = made(kind)[0].graph
    truth, part = matrix(graph), graph.data.get("part")
    for block in (1 << 20, 40):
        listed = np.concatenate(list(non_edges(graph, block))).tolist()
        expected = [
            (u, v)
            for u in range(30)
            for v in range(30)
            if u != v
            and (graph.directed or u < v)
            and not truth[u, v]
            and not truth[v, u]
            and (part is None or part[u] != part[v])
        ]
        assert sorted(map(tuple, listed)) == sorted(expected)


@kinds
def test_all_pairs_are_asked_for_exactly(kind, block):
    split, _, score = made(kind)
    others = np.concatenate(list(non_edges(split.graph)))
    label = np.repeat([True, False], [len(positives(split)), len(others)])
    found = np.concatenate([score(positives(split)), score(others)])
    row = evaluate(score, split, "all", times=20)
    assert row["AUC"] == pytest.approx(auc(label, found))
    assert row["AP"] == pytest.approx(average_precision(label, found))
    assert row["MRR"] == pytest.approx(mean_reciprocal_rank(label, found))
    draws = [label[np.lexsort((np.random.default_rng(n).random(len(found)), -found))[:10]].mean() for n in range(300)]
    assert row["P@10"] == pytest.approx(np.mean(draws), abs=0.03)


@kinds
def test_ap_at_the_true_sparsity_is_that_among_all_pairs(kind):
    split, _, score = made(kind, seed=2)
    rng = np.random.default_rng(0)
    others = np.concatenate(list(non_edges(split.graph)))
    exact = evaluate(score, split, "all", times=0)["AP"]
    drawn = [evaluate(score, split, rng.permutation(others)[: len(others) // 2], times=0)["AP true"] for _ in range(40)]
    assert np.mean(drawn) == pytest.approx(exact, rel=0.15)
    assert evaluate(score, split, others, times=0)["AP true"] == pytest.approx(exact)


@kinds
def test_filtered_places_are_counted_one_by_one(kind, block):
    split, table, score = made(kind)
    part = None if split.graph.data.get("part") is None else split.graph.data.part.tolist()
    expected = slow.filtered_ranks(table, matrix(split.graph), positives(split).tolist(), part)
    assert np.array_equal(filtered_ranks(score, split.graph, positives(split)), expected)
    row = evaluate(score, split, "filtered", times=50)
    assert row["MRR"] == pytest.approx((1 / expected).mean())
    assert row["low"] <= row["MRR"] <= row["high"]
    degree = filtered_ranks(baselines(split.observed)[DEGREE], split.graph, positives(split))
    assert row["lift"] == pytest.approx((1 / expected).mean() - (1 / degree).mean())


@kinds
def test_links_with_negatives_of_their_own_are_ranked_among_those(kind, block):
    split, table, score = made(kind)
    ranking = heart(split.graph, split.observed, positives(split), count=26)
    places = []
    for link, others in zip(ranking.positives.tolist(), ranking.negatives.tolist(), strict=True):
        scores = [table[u, v] for u, v in others if u >= 0]
        known = table[tuple(link)]
        places.append(1 + sum((s > known) + (s == known) / 2 for s in scores))
    row = evaluate(score, split, ranking, times=0)
    assert row["MRR"] == pytest.approx(np.mean([1 / place for place in places]))
    assert row["Hits@3"] == np.mean([place <= 3 for place in places])


@kinds
def test_lists_hold_what_is_not_known_and_are_judged_node_by_node(kind, block):
    split, table, score = made(kind, seed=1)
    part = split.graph.data.get("part")
    known = matrix(split.observed)
    for u, v in split.valid.pairs[split.valid.label].tolist():
        known[u, v] = 1
    known = known + known.T
    wanted = np.zeros((30, 30), bool)
    wanted[tuple(positives(split).T)] = True
    if not split.graph.directed:
        wanted |= wanted.T
    recalls, gains = [], []
    for user in range(30):
        if not wanted[user].any() or (part is not None and part[user] == 1):
            continue
        items = [i for i in range(30) if i != user and not known[user, i] and (part is None or part[i] != part[user])]
        places = {}
        for item in np.flatnonzero(wanted[user]).tolist():
            mine = table[user, item]
            rest = [table[user, other] for other in items if other != item]
            places[item] = 1 + sum((s > mine) + (s == mine) / 2 for s in rest)
        recalls.append(np.mean([place <= 5 for place in places.values()]))
        best = sum(1 / np.log2(2 + k) for k in range(min(5, len(places))))
        gains.append(sum(1 / np.log2(1 + place) for place in places.values() if place <= 5) / best)
    found = recommend(score, split, 5)
    assert found["lists"] == len(recalls)
    assert found["Recall@5"] == pytest.approx(np.mean(recalls))
    assert found["NDCG@5"] == pytest.approx(np.mean(gains))


# ── what is free ────────────────────────────────────────────────────────────────────────────────────


@kinds
def test_baselines_are_their_formulas(kind):
    observed = made(kind)[0].observed
    edge = matrix(observed)
    pairs = np.array([(u, v) for u in range(30) for v in range(30) if u != v and not edge[u, v] and not edge[v, u]])
    u, v = pairs.T
    directed = kind == "directed"
    degree = edge.sum(axis=1) + (edge.sum(axis=0) if directed else 0)
    over = np.diag(np.divide(1, degree, where=degree > 0, out=np.zeros(30)))
    seen = pagerank(edge, 0.15)[u, v] + pagerank(edge.T if directed else edge, 0.15)[v, u]
    hat = np.minimum(edge + edge.T, 1) + np.eye(30)
    root = np.diag(hat.sum(axis=1) ** -0.5)
    x = observed.data.x.numpy().astype(float)
    appears = (x > 0).sum(axis=0)
    x = x * np.log(31 / (1 + appears))
    x = root @ hat @ root @ (x / np.linalg.norm(x, axis=1, keepdims=True).clip(1e-30))
    length = np.linalg.norm(x, axis=1)
    expected = {
        "degree": edge.sum(axis=1)[u] * edge.sum(axis=0)[v],
        "common neighbours": (edge @ edge)[u, v],
        "resource allocation": (edge @ over @ edge)[u, v],
        "PageRank": seen,
        "L3": (edge @ over**0.5 @ edge @ over**0.5 @ edge)[u, v],
        "cos(S X)": ((x @ x.T) / np.outer(length, length).clip(1e-30))[u, v],
    }
    scores = baselines(observed)
    assert list(scores) == [*expected, "random"]
    for name, values in expected.items():
        assert np.allclose(scores[name](pairs), values, atol=2e-5), name
    some = np.random.default_rng(0).permutation(len(pairs))[:7]
    for name, score in scores.items():  # the same in whichever company
        assert np.allclose(score(pairs)[some], score(pairs[some]), atol=2e-5), name
        assert directed or np.allclose(score(pairs[:, ::-1]), score(pairs), atol=2e-5), name


def test_the_random_score_is_uniform_and_another_for_another_seed():
    graph = as_graph(nx.empty_graph(200))
    pairs = np.concatenate(list(non_edges(graph)))
    one, other = (baselines(graph, seed)["random"](pairs) for seed in (0, 1))
    assert stats.kstest(one, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.03


def test_the_card_has_all_rows_and_says_what_they_gain_and_cost():
    split, _, score = made("undirected")
    table = scorecard({"mine": score}, split, times=10)
    assert table.index.tolist() == ["mine", *baselines(split.observed)]
    assert table.lift["mine"] == pytest.approx(evaluate(score, split, times=0)["lift"])
    assert table.lift[DEGREE] == 0
    assert (table[["seconds", "peak MiB"]] > 0).all(axis=None)
    hard = scorecard({}, split, heart(split.graph, split.observed, positives(split), count=10), times=0)
    assert np.allclose(hard.lift, hard.MRR - hard.MRR[DEGREE])


def test_a_call_costs_seconds_and_memory():
    def work():
        return float(np.ones(30_000_000).sum())

    small = measured(lambda: None)[1]
    found, cost = measured(work)
    assert found == 30_000_000
    assert cost.seconds > small.seconds
    assert cost.peak - small.peak > 150  # 229 MiB were held
    assert measured(lambda: None)[1].peak < cost.peak - 150, "the peak is that of the call"


# ── what is refused ─────────────────────────────────────────────────────────────────────────────────


def test_scores_must_be_numbers_one_for_each_pair():
    split, _, _ = made("undirected")
    with pytest.raises(ValueError, match=r"a score must give one number for each pair, got shape \(3,\) for"):
        evaluate(lambda pairs: np.zeros(3), split)
    with pytest.raises(ValueError, match=r"of .* scores are not finite"):
        evaluate(lambda pairs: np.full(len(pairs), np.nan), split)


def test_what_cannot_be_asked_is_said(monkeypatch):
    split, _, score = made("undirected")
    with pytest.raises(ValueError, match="negatives must be pairs, a Ranking, 'all' or 'filtered', got 'hard'"):
        evaluate(score, split, "hard")
    with pytest.raises(DataError, match="there are no links to find in the valid part"):
        evaluate(score, split_edges(split.graph, valid=0), part="valid")
    monkeypatch.setattr(evaluation, "MOST_NODES", 29)
    with pytest.raises(DataError, match="all pairs are asked for in graphs of up to 29 nodes, this has 30: draw"):
        evaluate(score, split, "all")


# ── canaries ────────────────────────────────────────────────────────────────────────────────────────


@kinds
def test_the_identity_knows_nothing_whoever_it_is_asked_about(kind):
    split, _, _ = made(kind)
    identity = cosine(np.eye(30, dtype=np.float32))
    links = positives(split)
    for negatives in (None, "all", degree_matched(split.graph, links)):
        assert evaluate(identity, split, negatives, times=0)["AUC"] == 0.5
    ranking = heart(split.graph, split.observed, links, count=4)
    assert evaluate(identity, split, ranking, times=0)["MRR"] == pytest.approx(1 / 3)  # place 1 to 5
    assert canaries(split) == canaries(split, degree_matched(split.graph, links)) == []


def test_degree_alone_gains_nothing_on_itself_and_nothing_where_degrees_are_matched():
    graph = as_graph(nx.barabasi_albert_graph(400, 3, seed=1))
    split = split_edges(graph, 0.2, 0.0)
    degree = baselines(split.observed)[DEGREE]
    assert evaluate(degree, split)["lift"] == 0
    assert evaluate(degree, split)["low"] > 0.55
    matched = evaluate(degree, split, degree_matched(graph, positives(split)))
    assert matched["low"] <= 0.5 <= matched["high"] or abs(matched["AUC"] - 0.5) < 0.05


def test_negatives_in_the_order_of_links_do_not_fool_the_judge_but_negatives_that_are_marked_do():
    split, _, _ = made("undirected")
    alone = np.array([(u, v) for u, v in np.concatenate(list(non_edges(split.graph))).tolist()])
    z = np.random.default_rng(0).normal(size=(30, 32)).astype(np.float32)
    marked = alone[np.argsort(cosine(z)(alone))[:20]]  # the least alike by the very embedding
    assert canaries(split, marked)[0].startswith("a random embedding has AUC")


def scores_of(split, seed):
    """What is tried on graphs without structure: the free scores, spectra, a regression over the free scores."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scores = baselines(split.observed, seed)
    values, vectors = np.linalg.eigh(matrix(split.observed))
    z = vectors[:, -16:] * values[-16:]
    scores["spectral"] = lambda pairs: np.einsum("pd,pd->p", z[pairs[:, 0]], vectors[pairs[:, 1], -16:])
    scores["random embedding"] = cosine(np.random.default_rng(seed).normal(size=z.shape))
    degree = np.diff(split.observed.csr.indptr)

    def features(pairs, linked):
        """Degrees without the edge itself, and shared neighbours."""
        low, high = np.sort(degree[pairs] - linked[:, None], axis=1).T
        return np.stack([low, high, scores["common neighbours"](pairs), scores["resource allocation"](pairs)], axis=1)

    train = split.train
    scale = StandardScaler().fit(features(train.pairs, train.label))
    model = LogisticRegression().fit(scale.transform(features(train.pairs, train.label)), train.label)
    nothing = np.zeros(1, bool)
    scores["regression"] = lambda pairs: model.decision_function(
        scale.transform(features(pairs, nothing.repeat(len(pairs))))
    )
    return scores


def splits_of_nothing(seed):
    """Every way to split, of graphs in which nothing can be predicted."""
    graph = as_graph(nx.gnp_random_graph(180, 0.07, seed=seed))
    ends = graph.data.edge_index
    time = np.random.default_rng(seed).permutation(graph.num_edges)
    time = torch.from_numpy(time[np.unique(np.sort(ends.numpy(), axis=0), axis=1, return_inverse=True)[1].ravel()])
    timed = Graph(Data(edge_index=ends, time=time, num_nodes=180))
    return {
        "random": split_edges(graph, 0.2, 0.05, seed),
        "half": split_edges(graph, 0.5, 0.0, seed),
        "fold": next(split_folds(graph, 5, seed=seed)),
        "time": split_by_time(timed, 0.2, 0.05, seed),
        "node": split_by_node(graph, 0.2, 0.05, seed),
        "across": split_by_group(graph, np.arange(180) % 3, seed=seed),
        "within": split_by_group(graph, np.arange(180) % 3, seed=seed, across=False),
        "low degree": split_by_degree(graph, 0, 8, 0.3, 0.05, seed),
        "high degree": split_by_degree(graph, 11, 99, 0.3, 0.05, seed),
    }


def test_where_there_is_no_structure_nothing_is_predicted_however_it_is_split():
    found = {}
    for seed in range(2):
        for way, split in splits_of_nothing(seed).items():
            links = positives(split)
            ratios = {"one": None, "matched": degree_matched(split.graph, links, seed, group=split.group)}
            if way == "random":
                ratios |= {"all": "all"}
            for ratio, negatives in ratios.items():
                for name, score in scores_of(split, seed).items():
                    row = evaluate(score, split, negatives, times=60)
                    spread = (row["high"] - row["low"]) / 3.92 or 1  # all alike: exactly .5
                    found.setdefault((way, ratio, name), []).append((row["AUC"] - 0.5) / spread)
    excess = {key: np.sum(values) / len(values) ** 0.5 for key, values in found.items()}  # standard normal, each
    too_good = {key: value for key, value in excess.items() if value > 3.7}  # chance of one among 150: 1.6 %
    assert not too_good, too_good
    assert np.mean(list(excess.values())) < 0.5


def test_an_edge_left_in_training_is_seen_by_the_canary():
    graph = as_graph(nx.gnp_random_graph(250, 0.05, seed=0))
    split = split_edges(graph, 0.2, 0.05)
    seen = matrix(graph)
    row = evaluate(lambda pairs: seen[tuple(pairs.T)] + 0.0, split, times=100)
    assert row["low"] > 0.9, "the test can fail"


def test_smoothing_needs_no_words():
    graph = Graph.from_edges([0, 1], [1, 2], x=torch.tensor([[-1.0, 2], [0, 0], [1, 1]]))
    assert np.isfinite(smoothed(graph)).all()


def test_near_negatives_are_harder_than_others_where_neighbours_count():
    graph = as_graph(nx.les_miserables_graph())
    split = split_edges(graph, 0.2, 0.0)
    shared = baselines(split.observed)["common neighbours"]
    near = two_hop(graph, split.observed, len(positives(split)))
    assert evaluate(shared, split, near)["AUC"] < evaluate(shared, split)["AUC"] - 0.05
