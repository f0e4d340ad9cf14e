"""The link head learns what it says, finds exactly the best missing links, and is compared fairly."""

import itertools

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import torch

from graphembed import DataError, Embedding, Graph, LinkPredictor, UnknownNameError, as_graph, split_edges
from graphembed.bench.baselines import DEGREE
from graphembed.bench.links import PAIR_SCORES, compare
from graphembed.heads.candidates import two_hop
from graphembed.heads.head import link_scores
from graphembed.heads.pairs import PAIR_FUNCTIONS, pair_features
from graphembed.heads.scored import CLASSIFIERS, logged, training_scores
from graphembed.parallel import threads
from graphembed.sampling.pairs import sample_non_edges
from graphembed.scores import facts, pair_scores
from graphembed.splits import LabelledPairs, all_pairs

_RNG = np.random.default_rng(11)
_DIM = 5


def embedding_of(graph, seed=0, context=True):
    rng = np.random.default_rng(seed)
    values, contexts = rng.normal(size=(2, graph.num_nodes, _DIM))
    return Embedding(values, graph.names, context=contexts if context else None)


def _with_loops(network):
    network.add_edges_from([(2, 2), (7, 7)])
    return network


GRAPHS = {
    "undirected": as_graph(_with_loops(nx.gnp_random_graph(40, 0.12, seed=3))),
    "directed": as_graph(_with_loops(nx.gnp_random_graph(40, 0.08, seed=4, directed=True))),
    "bipartite": as_graph(nx.bipartite.gnmk_random_graph(15, 25, 60, seed=5)),
    "directed bipartite": as_graph(nx.bipartite.random_graph(15, 25, 0.15, seed=6, directed=True)),
}
graphs = pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
functions = pytest.mark.parametrize("function", PAIR_FUNCTIONS)


def candidates(graph):
    """Every pair that may be proposed, in the order of rows: plain Python."""
    edges = set(map(tuple, graph.data.edge_index.T.tolist()))
    part = graph.data.get("part")
    pairs = itertools.permutations(range(graph.num_nodes), 2)
    return [
        (u, v)
        for u, v in pairs
        if edges.isdisjoint([(u, v), (v, u)]) and (graph.directed or u < v) and (part is None or part[u] != part[v])
    ]


def features(embedding, u, v, function):
    """One pair at a time, by the formula."""
    z, c = embedding.values.astype(float), embedding.context
    lengths = np.linalg.norm(z[u]) * np.linalg.norm(z[v])
    return {
        "context": lambda: [z[u] @ c[v]],
        "dot": lambda: [z[u] @ z[v]],
        "cosine": lambda: [z[u] @ z[v] / lengths if lengths else 0.0],
        "hadamard": lambda: z[u] * z[v],
        "l1": lambda: abs(z[u] - z[v]),
        "l2": lambda: (z[u] - z[v]) ** 2,
        "mean": lambda: (z[u] + z[v]) / 2,
        "concatenation": lambda: [*z[u], *z[v]],
    }[function]()


# ── features of a pair ──────────────────────────────────────────────────────────────────────────────


@functions
def test_pair_features_are_their_formulas(function):
    embedding = embedding_of(GRAPHS["undirected"])
    pairs = _RNG.integers(0, 40, (30, 2))
    expected = [features(embedding, u, v, function) for u, v in pairs.tolist()]
    found = pair_features(embedding, pairs, function)
    assert found.dtype == np.float32
    assert found == pytest.approx(np.array(expected), rel=1e-5, abs=1e-6)


def test_the_zero_vector_has_cosine_zero():
    embedding = Embedding(np.array([[0.0, 0], [3, 4]]), ("nought", "one"))
    assert pair_features(embedding, np.array([[0, 1], [1, 1]]), "cosine").tolist() == [[0], [pytest.approx(1)]]


@functions
def test_no_pairs_have_no_features(function):
    width = {"context": 1, "dot": 1, "cosine": 1, "concatenation": 2 * _DIM}.get(function, _DIM)
    found = pair_features(embedding_of(GRAPHS["directed"]), np.empty((0, 2), np.int64), function)
    assert found.shape == (0, width)


def test_an_unknown_pair_function_is_refused_with_those_known():
    with pytest.raises(ValueError, match=r"there is no pair function 'l3'; known are context, dot, .* concatenation"):
        pair_features(embedding_of(GRAPHS["directed"]), np.array([[0, 1]]), "l3")


def test_context_needs_a_context_table():
    with pytest.raises(ValueError, match=r"'context' needs an embedding with a context table; Embedding\(40 items"):
        pair_features(embedding_of(GRAPHS["directed"], context=False), np.array([[0, 1]]), "context")


# ── the head ────────────────────────────────────────────────────────────────────────────────────────


@graphs
@functions
def test_every_pair_function_fits_and_scores(graph, function):
    split = split_edges(graph, 0.2, 0)
    head = LinkPredictor(pair=function).fit(embedding_of(graph), split.observed, split.train)
    assert head.pair_ == function
    assert list(head.score(split.test)) == ["AUC", "AP", "MRR", "Hits@10"]
    probability = head.predict_proba(split.test.pairs)
    assert probability.shape == (len(split.test),)
    assert ((probability > 0) & (probability < 1)).all()


@functions
def test_a_probability_is_the_logistic_function_of_a_weighted_sum_of_features(function):
    graph = GRAPHS["directed"]
    embedding = embedding_of(graph)
    head = LinkPredictor(pair=function).fit(embedding, graph)
    pairs = all_pairs(graph, 1).pairs
    odds = [head.intercept_ + np.dot(features(embedding, u, v, function), head.coef_) for u, v in pairs.tolist()]
    assert head.predict_proba(pairs, share=0.5) == pytest.approx(1 / (1 + np.exp(-np.array(odds))), abs=1e-5)


@functions
def test_probabilities_of_undirected_graphs_are_symmetric(function):
    graph = GRAPHS["undirected"]
    head = LinkPredictor(pair=function).fit(embedding_of(graph), graph)
    pairs = np.array(list(itertools.combinations(range(40), 2)))
    assert head.predict_proba(pairs) == pytest.approx(head.predict_proba(pairs[:, ::-1]), abs=1e-4)


def test_probabilities_are_symmetric_where_pagerank_is_cut_short():
    graph = as_graph(nx.barabasi_albert_graph(190, 3, seed=1))
    head = LinkPredictor(classifier="regression").fit(None, graph)
    pairs = np.random.default_rng(0).integers(0, 190, (1000, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    assert head.predict_proba(pairs) == pytest.approx(head.predict_proba(pairs[:, ::-1]), abs=1e-4)


@pytest.mark.parametrize("function", ["context", "concatenation"])
def test_probabilities_of_directed_graphs_have_a_direction(function):
    graph = GRAPHS["directed"]
    head = LinkPredictor(pair=function).fit(embedding_of(graph), graph)
    pairs = graph.pairs[graph.pairs[:, 0] != graph.pairs[:, 1]]
    assert np.abs(head.predict_proba(pairs) - head.predict_proba(pairs[:, ::-1])).max() > 0.01


def test_vectors_are_found_by_name():
    graph = GRAPHS["undirected"]
    embedding = embedding_of(graph)
    shuffled = embedding[[*np.random.default_rng(0).permutation(graph.names)]]
    extra = Embedding(
        np.vstack([shuffled.values, np.ones(_DIM)]),
        (*shuffled.names, "guest"),
        {},
        np.vstack([shuffled.context, np.ones(_DIM)]),
    )
    one, other = (LinkPredictor().fit(each, graph) for each in (embedding, extra))
    pd.testing.assert_frame_equal(one.predict_links(20), other.predict_links(20))


def test_nodes_without_a_vector_are_named():
    graph = Graph.from_edges([0, 1, 2], [1, 2, 3], names=["ann", "bob", "cy", "dee"])
    embedding = Embedding(np.eye(2), ("bob", "ann"))
    with pytest.raises(UnknownNameError, match="2 nodes of the graph have no vector: 'cy', 'dee'"):
        LinkPredictor().fit(embedding, graph)


def test_what_the_embedding_knows_is_learnt():
    graph = as_graph(nx.planted_partition_graph(2, 30, 0.4, 0.02, seed=1))
    embedding = Embedding(np.repeat(np.eye(2), 30, axis=0), graph.names)
    split = split_edges(graph, 0.2, 0)
    assert LinkPredictor().fit(embedding, split.observed, split.train).score(split.test)["AUC"] > 0.75


def test_without_pairs_the_head_learns_from_all_edges():
    graph = GRAPHS["undirected"]
    embedding = embedding_of(graph)
    one, other = (
        LinkPredictor(seed=3).fit(embedding, graph),
        LinkPredictor(seed=3).fit(embedding, graph, all_pairs(graph, 3)),
    )
    assert np.array_equal(one.coef_, other.coef_)


def test_validation_pairs_choose_the_pair_function():
    graph = as_graph(nx.gnp_random_graph(60, 0.1, seed=2))
    split = split_edges(graph, 0.2, 0.2)
    known = np.zeros((60, 60))
    known[tuple(graph.data.edge_index.numpy())] = 1
    noise = np.random.default_rng(0).normal(size=(60, 60))
    values, vectors = np.linalg.eigh(known + 8 * np.eye(60))
    halves = vectors * np.sqrt(values)  # z_u . z_v is the edge
    blurred = halves @ np.linalg.qr(noise)[0] + 0.3 * noise  # many coordinates that tell little: better not weighed
    cases = {
        "context": Embedding(np.eye(60), graph.names, context=known),
        "hadamard": Embedding(halves, graph.names, context=noise),
        "dot": Embedding(blurred, graph.names),
    }
    for function, embedding in cases.items():
        head = LinkPredictor().fit(embedding, split.observed, split.train, split.valid)
        offered = ("hadamard", "dot") if embedding.context is None else ("context", "hadamard")
        auc = {
            each: LinkPredictor(each).fit(embedding, split.observed, split.train).score(split.valid)["AUC"]
            for each in offered
        }
        assert head.pair_ == function == max(auc, key=auc.get)
    assert LinkPredictor().fit(cases["hadamard"], split.observed, split.train).pair_ == "context"
    assert LinkPredictor().fit(cases["dot"], split.observed, split.train).pair_ == "hadamard"
    assert LinkPredictor("l1").fit(cases["dot"], split.observed, split.train, split.valid).pair_ == "l1"


def test_the_number_of_threads_changes_no_bit():
    graph = GRAPHS["undirected"]
    found = []
    for count in (1, 2):
        with threads(count):
            head = LinkPredictor().fit(embedding_of(graph), graph)
            scored = LinkPredictor(classifier="vote").fit(None, graph)
            found.append((head.coef_.tobytes(), head.predict_links(30), scored.predict_links(30)))
    assert found[0][0] == found[1][0]
    for one, other in zip(found[0][1:], found[1][1:], strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)


# ── classifiers over pair scores ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("classifier", ["regression", "boosting", "vote", None])
def test_a_planted_rule_is_learnt_without_vectors(classifier):
    split = split_edges(nx.powerlaw_cluster_graph(150, 4, 0.9, seed=1), 0.2, 0)
    head = LinkPredictor(classifier=classifier).fit(None, split.observed, split.train)
    assert head.classifier_ == classifier or (classifier is None and head.classifier_ in CLASSIFIERS)
    assert head.score(split.test)["AUC"] > 0.75
    assert head.scored_.auc == pytest.approx(head.score(split.test)["AUC"], abs=0.12)


def test_where_there_is_no_structure_the_head_predicts_nothing():
    found = []
    for seed in range(4):
        split = split_edges(nx.gnp_random_graph(150, 0.06, seed=seed), seed=seed)
        head = LinkPredictor(classifier="boosting").fit(None, split.observed, split.train)
        found.append((head.score(split.test)["AUC"], head.scored_.auc))
    assert np.abs(np.mean(found, axis=0) - 0.5).max() < 0.06


def test_a_regression_is_the_weighted_sum_of_its_scores():
    graph = GRAPHS["undirected"]
    head = LinkPredictor(classifier="regression").fit(None, graph)
    pairs = np.array(candidates(graph))
    wide = logged(pair_scores(graph, pairs)).to_numpy()
    scored = head.scored_
    z = np.clip((wide - scored.mean) / scored.spread, -4, 4)
    said = [w * (z @ part.coef_[0] + part.intercept_[0]) for w, part in zip(scored.weights, scored.parts, strict=True)]
    odds = scored.slope * np.sum(said, axis=0) + scored.shift
    assert head.predict_proba(pairs, share=0.5) == pytest.approx(1 / (1 + np.exp(-odds)), abs=1e-9)


def test_a_share_of_links_moves_the_probability_by_bayes_rule():
    graph = GRAPHS["undirected"]
    head = LinkPredictor(classifier="regression").fit(None, graph)
    pairs = np.array(candidates(graph))[:50]
    even, rare = head.predict_proba(pairs, 0.5), head.predict_proba(pairs, 0.01)
    assert rare == pytest.approx(0.01 * even / (0.01 * even + 0.99 * (1 - even)))
    density = 2 * (graph.num_edges - graph.self_loops) / (40 * 39)
    assert np.array_equal(head.predict_proba(pairs), head.predict_proba(pairs, density))


def test_vectors_count_as_much_as_validation_pairs_say():
    graph = as_graph(nx.gnp_random_graph(80, 0.1, seed=2))
    split = split_edges(graph, 0.2, 0.2)
    known = np.zeros((80, 80))
    known[tuple(graph.data.edge_index.numpy())] = 1
    wise = Embedding(np.eye(80), graph.names, context=known)
    noise = embedding_of(graph)
    head = LinkPredictor(classifier="regression")
    assert head.fit(wise, split.observed, split.train, split.valid).score(split.test)["AUC"] > 0.99
    assert abs(head.fit(noise, split.observed, split.train, split.valid).score(split.test)["AUC"] - 0.5) < 0.2
    with pytest.raises(ValueError, match="vectors beside pair scores need validation pairs"):
        head.fit(wise, split.observed, split.train)


def test_classifiers_that_make_no_sense_are_refused():
    graph = GRAPHS["undirected"]
    with pytest.raises(ValueError, match="no classifier 'forest'; known are vectors, regression, boosting, vote"):
        LinkPredictor(classifier="forest").fit(None, graph)
    with pytest.raises(ValueError, match="'vectors' needs an embedding"):
        LinkPredictor().fit(None, graph)


def test_an_explanation_says_what_speaks_for_a_link():
    graph = as_graph(nx.karate_club_graph())
    head = LinkPredictor(classifier="regression").fit(None, graph)
    u, v = graph.names[2], graph.names[33]
    found = head.explain(u, v)
    network = nx.karate_club_graph()
    assert set(found.shared) == {graph.names[x] for x in nx.common_neighbors(network, 2, 33)}
    row = graph.row
    for path in found.paths:
        assert all(network.has_edge(row[a], row[b]) for a, b in itertools.pairwise(path))
        assert len(set(path)) == 4
    assert found.log_odds - found.usual == pytest.approx(found.contributions.adds.sum())
    assert f"shared neighbours: {len(found.shared)} (" in str(found)
    assert len(found.plot(5).patches) == 5
    with pytest.raises(UnknownNameError, match="not in the graph: 'nobody'"):
        head.explain("nobody", v)
    with pytest.raises(ValueError, match="vectors say nothing"):
        LinkPredictor().fit(embedding_of(graph), graph).explain(u, v)


# ── the best of all missing links ───────────────────────────────────────────────────────────────────


def assert_best(head, graph, found, k):
    """What was found is what a look at every pair finds; values that agree to five digits may change places."""
    row = {name: place for place, name in enumerate(graph.names)}
    pairs = [(row[u], row[v]) for u, v in zip(found.source, found.target, strict=True)]
    open_pairs = candidates(graph)
    probability = dict(zip(open_pairs, head.predict_proba(np.array(open_pairs)).tolist(), strict=True))
    assert list(found.columns) == ["source", "target", "score", "probability"]
    assert len(pairs) == len(set(pairs)) == k
    assert set(pairs) <= set(open_pairs), "a link that exists, a self-pair, a pair within a part or one told backwards"
    assert found.score.is_monotonic_decreasing
    assert found.probability.to_numpy() == pytest.approx([probability[pair] for pair in pairs], abs=1e-5)
    assert found.probability.to_numpy() == pytest.approx(sorted(probability.values(), reverse=True)[:k], abs=1e-5)


@graphs
@pytest.mark.parametrize("function", [*PAIR_FUNCTIONS, None])
def test_the_best_links_are_those_of_a_look_at_every_pair(graph, function, monkeypatch):
    if function:
        head = LinkPredictor(pair=function).fit(embedding_of(graph), graph)
    else:
        head = LinkPredictor(classifier="regression").fit(None, graph)
    assert_best(head, graph, head.predict_links(25), 25)
    whole = head.predict_links(len(candidates(graph)))
    assert_best(head, graph, whole, len(candidates(graph)))
    for block in (1, 150, 3000):  # one row, three rows, and a last block that is not full
        monkeypatch.setattr("graphembed.heads.exhaustive._BLOCK", block)
        assert_best(head, graph, head.predict_links(25), 25)


@pytest.mark.parametrize("block", [1, 30, 1 << 22])
@pytest.mark.parametrize("function", ["hadamard", "l1"])
def test_ties_go_to_the_earlier_pair(function, block, monkeypatch):
    graph = as_graph(nx.path_graph(8))
    flat = Embedding(np.ones((8, 2)), graph.names)
    head = LinkPredictor(pair=function).fit(flat, graph)
    monkeypatch.setattr("graphembed.heads.exhaustive._BLOCK", block)
    found = head.predict_links(9)
    expected = [(str(u), str(v)) for u, v in candidates(graph)[:9]]
    assert list(zip(found.source, found.target, strict=True)) == expected


@pytest.mark.parametrize("classifier", ["vectors", "regression"])
def test_a_directed_graph_is_not_offered_the_way_back(classifier):
    graph = Graph.from_edges([0, 1, 2], [1, 2, 3], names=list("abcd"), directed=True)
    vectors = embedding_of(graph) if classifier == "vectors" else None
    head = LinkPredictor(classifier=classifier).fit(vectors, graph)
    found = head.predict_links(6)
    pairs = map("".join, zip(found.source, found.target, strict=True))
    assert set(pairs) == {"ac", "ca", "ad", "da", "bd", "db"}


@graphs
def test_pairs_two_or_three_steps_apart_are_the_candidates_of_two_hop(graph):
    found = two_hop(graph, facts(graph), 10**6, True)
    A = np.zeros((40, 40))
    A[tuple(graph.data.edge_index.numpy())] = 1
    np.fill_diagonal(A, 0)
    ways = A @ A if graph.data.get("part") is None else A @ A @ A
    expected = {(u, v) for u, v in candidates(graph) if ways[u, v]}
    assert len(found) == len(set(map(tuple, found.tolist()))) == len(expected)
    assert set(map(tuple, found.tolist())) == expected
    few = two_hop(graph, facts(graph), 5, True)
    if graph.data.get("part") is None:
        score = pair_scores(graph, found)["resource allocation"].to_numpy()
        best = pair_scores(graph, few)["resource allocation"].to_numpy()
        assert sorted(best, reverse=True) == pytest.approx(sorted(score, reverse=True)[:5])


@pytest.mark.parametrize("among", ["two-hop", "nearest"])
def test_few_candidates_are_ranked_as_all_would_be(among):
    graph = GRAPHS["undirected"]
    split = split_edges(graph, 0.1, 0.2)
    head = LinkPredictor(classifier="regression").fit(embedding_of(graph), split.observed, split.train, split.valid)
    found = head.predict_links(10, among)
    assert found.attrs["among"] == among
    probability = head.predict_proba(
        np.array([(int(u), int(v)) for u, v in zip(found.source, found.target, strict=True)])
    )
    assert found.probability.to_numpy() == pytest.approx(probability)
    assert found.score.is_monotonic_decreasing
    known = set(map(tuple, split.observed.data.edge_index.T.tolist()))
    rows = [(int(u), int(v)) for u, v in zip(found.source, found.target, strict=True)]
    assert known.isdisjoint(rows)


def test_known_links_are_ranked_as_if_they_were_not_there():
    graph = as_graph(nx.karate_club_graph())
    head = LinkPredictor(classifier="regression").fit(None, graph)
    found = head.predict_links(5, exclude_known=False)
    assert any(
        graph.row[v] in nx.karate_club_graph()[graph.row[u]] for u, v in zip(found.source, found.target, strict=True)
    )


def test_unknown_candidates_are_refused():
    graph = GRAPHS["undirected"]
    head = LinkPredictor(classifier="regression").fit(None, graph)
    with pytest.raises(ValueError, match="among must be one of 'exhaustive', 'two-hop', 'nearest'"):
        head.predict_links(5, "all")
    with pytest.raises(ValueError, match="'nearest' needs vectors"):
        head.predict_links(5, "nearest")


def test_links_come_back_with_names():
    graph = Graph.from_edges([0, 1, 2, 3], [1, 2, 3, 0], names=["TP53", "MDM2", "EP300", "ÅΩ 1"])
    found = LinkPredictor().fit(embedding_of(graph), graph).predict_links(2)
    assert {frozenset(pair) for pair in zip(found.source, found.target, strict=True)} == {
        frozenset(("TP53", "EP300")),
        frozenset(("MDM2", "ÅΩ 1")),
    }


@graphs
@pytest.mark.parametrize("k", [-3, 0, "one too many"])
def test_a_wrong_k_is_told_how_many_links_are_missing(graph, k):
    head = LinkPredictor().fit(embedding_of(graph), graph)
    missing = len(candidates(graph))
    k = missing + 1 if k == "one too many" else k
    with pytest.raises(DataError, match=rf"k must be between 1 and {missing}, the number of missing links; got {k}"):
        head.predict_links(k)


def test_vectors_far_out_give_probabilities_of_nought_and_one():
    graph = GRAPHS["undirected"]
    values = np.random.default_rng(0).normal(size=(40, 2))
    train = LabelledPairs(np.array([[0, 1], [1, 2], [2, 3], [3, 4]]), np.array([True, False, True, False]))
    values[30:] *= 1e4  # not among the pairs learnt from
    head = LinkPredictor(pair="hadamard").fit(Embedding(values, graph.names), graph, train)
    pairs = np.array(list(itertools.combinations(range(30, 40), 2)))
    assert set(head.predict_proba(pairs).round(4).tolist()) == {0, 1}
    assert np.isfinite(head.predict_links(5).score).all()


# ── scores and the comparison ───────────────────────────────────────────────────────────────────────


def test_random_scores_are_worth_a_guess():
    scores = link_scores(np.arange(4000) % 2 == 0, np.random.default_rng(0).random(4000))
    assert scores["AUC"] == pytest.approx(0.5, abs=0.03)
    assert scores["AP"] == pytest.approx(0.5, abs=0.03)


class Noise:
    """Random vectors."""

    def __init__(self, seed):
        self.seed = seed

    def fit(self, graph):
        return self

    def transform(self, graph):
        values = np.random.default_rng(self.seed).normal(size=(graph.num_nodes, 3))
        return Embedding(values, graph.names)

    def fit_transform(self, graph):
        return self.fit(graph).transform(graph)


class Oracle(Noise):
    """Knows the whole graph: z_u . c_v is 1 where u and v are linked."""

    def transform(self, graph):
        known = np.zeros((34, 34))
        known[tuple(as_graph(nx.karate_club_graph()).data.edge_index.numpy())] = 1
        return Embedding(np.eye(34), graph.names, context=known)


FREE = (DEGREE, "common neighbours", "resource allocation", "PageRank", "L3", "random")


@pytest.fixture(scope="module")
def table():
    before = torch.get_rng_state()
    found = compare(nx.karate_club_graph(), {"noise": Noise, "oracle": Oracle}, seeds=2, seed=5, test=0.2, valid=0.1)
    assert torch.equal(torch.get_rng_state(), before)
    return found


def test_a_comparison_has_a_row_for_every_method_seed_and_part(table):
    methods = {"noise", "oracle", PAIR_SCORES, *FREE}
    expected = set(itertools.product(methods, [5, 6], ["valid", "test"]))
    rows = list(table.rows[["method", "seed", "part"]].itertuples(index=False, name=None))
    assert len(rows) == len(expected)
    assert set(rows) == expected
    assert DEGREE == "degree"
    assert (table.rows.seconds >= 0).all()
    assert table.rows[["AUC", "AP", "MRR", "Hits@10"]].map(lambda score: 0 <= score <= 1).all(axis=None)


def test_a_comparison_leaks_nothing(table):
    assert table.leaks == []


def test_the_oracle_is_best(table):
    assert table.best(["noise", "oracle", PAIR_SCORES]) == "oracle"
    assert table.best(["noise"]) == "noise"
    assert table.pair("oracle") == "context"
    assert table.summary().index[0] == "oracle"
    assert table.summary().AUC.iloc[0] == pytest.approx(1)


def test_the_summary_is_sorted_and_is_the_mean_over_the_test_parts(table):
    summary = table.summary()
    assert summary.AUC.is_monotonic_decreasing
    assert len(summary) == 3 + len(FREE)
    for method in summary.index:
        scores = [row.AUC for row in table.rows.itertuples() if (row.method, row.part) == (method, "test")]
        assert summary.AUC[method] == pytest.approx(sum(scores) / 2)
        assert summary["AUC sd"][method] == pytest.approx(abs(scores[0] - scores[1]) / np.sqrt(2))


def test_baselines_are_scored_on_the_very_splits(table):
    split = split_edges(nx.karate_club_graph(), 0.2, 0.1, 6)
    degree = np.bincount(split.observed.data.edge_index[0], minlength=34)
    expected = link_scores(split.test.label, degree[split.test.pairs].prod(axis=1))
    row = table.rows.query("method == @DEGREE and seed == 6 and part == 'test'").iloc[0]
    assert {name: row[name] for name in expected} == pytest.approx(expected)


def test_of_equals_the_first_is_best():
    table = compare(nx.karate_club_graph(), {"one": Oracle, "two": Oracle}, seeds=1, progress=False)
    assert table.best(["one", "two"]) == "one"


def test_a_comparison_repeats(table):
    again = compare(nx.karate_club_graph(), {"noise": Noise, "oracle": Oracle}, seeds=2, seed=5, test=0.2, valid=0.1)
    columns = ["method", "seed", "part", "AUC", "AP", "MRR", "Hits@10", "pair"]
    pd.testing.assert_frame_equal(again.rows[columns], table.rows[columns], check_exact=True)


@pytest.mark.parametrize("missing", [6, 8, 11])
def test_graphs_that_lack_few_links_have_too_few_hard_negatives_and_can_be_learnt_from(missing):
    graph = nx.complete_graph(9)
    lacking = [(0, 1), (2, 3), (4, 5), (6, 7), (0, 8), (1, 5), (3, 4), (2, 7), (5, 6), (0, 3), (1, 8)][:missing]
    graph.remove_edges_from(lacking)
    train = LabelledPairs(
        np.concatenate([np.array(graph.edges), np.array(list(nx.non_edges(graph)))]),
        np.arange(36) < graph.number_of_edges(),
    )
    head = LinkPredictor(classifier="regression").fit(None, graph, train)
    assert np.isfinite(head.log_odds(train.pairs)).all()


def test_learning_from_both_kinds_of_negatives_is_the_mean_of_learning_from_each():
    graph = as_graph(nx.watts_strogatz_graph(100, 6, 0.2, seed=0))
    pairs = np.array(candidates(graph))
    raw = {}
    for negatives in ("given", "hard", "both"):
        head = LinkPredictor(classifier="vote", negatives=negatives).fit(None, graph)
        raw[negatives] = (head.log_odds(pairs) - head.scored_.shift) / head.scored_.slope
    np.testing.assert_allclose(raw["both"], (raw["given"] + raw["hard"]) / 2, atol=1e-9)
    assert np.corrcoef(raw["given"], raw["hard"])[0, 1] < 0.999


def test_hard_negatives_are_near_misses_and_no_links(monkeypatch):
    monkeypatch.setattr("graphembed.heads.scored._HARD_AMONG", 20)
    graph = as_graph(nx.watts_strogatz_graph(150, 6, 0.1, seed=0))
    train = all_pairs(graph, 1)
    scores, _, label, hard = training_scores(graph, train, 0, with_hard=True)
    far = scores["distance"].to_numpy()
    assert np.median(far[hard]) < np.median(far[~hard & ~label])
    assert not label[hard].any()
    assert hard.sum() > 500


def test_unknown_negatives_are_refused():
    with pytest.raises(ValueError, match="negatives must be one of 'both', 'given', 'hard', got 'easy'"):
        LinkPredictor(classifier="vote", negatives="easy").fit(None, nx.karate_club_graph())


@pytest.mark.parametrize("negatives", ["both", "given"])
def test_log_odds_are_those_of_pairs_of_which_half_are_linked_however_many_unlinked_ones_are_learnt_from(negatives):
    split = split_edges(nx.powerlaw_cluster_graph(300, 4, 0.5, seed=2), 0.2, 0, seed=0)
    more = sample_non_edges(split.observed, 9 * int(split.train.label.sum()), np.random.default_rng(5))
    unlinked = np.concatenate([split.train.pairs[~split.train.label], more])
    links = split.train.pairs[split.train.label]
    train = LabelledPairs(np.concatenate([links, unlinked]), np.arange(len(links) + len(unlinked)) < len(links))
    heads = [
        LinkPredictor(classifier="regression", negatives=negatives).fit(None, split.observed, some)
        for some in (split.train, train)
    ]
    even, many = (head.predict_proba(split.test.pairs, share=0.5).mean() for head in heads)
    assert even == pytest.approx(0.5, abs=0.05)
    assert many == pytest.approx(even, abs=0.05)
