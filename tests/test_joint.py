"""Encoder and decoder that learn together do not see the links they are asked for, and find links that are hidden."""

import dataclasses as dc
from functools import partial

import numpy as np
import pytest
import torch

from graphembed import Graph, load, split_edges
from graphembed.errors import DataError
from graphembed.heads.joint import JointPredictor, hlgnn, maskgae, mplp, ncn, ncnc, refined_gae
from graphembed.nn.decoders import CommonNeighbours, Hadamard
from graphembed.nn.hops import Hops
from graphembed.objectives.joint import Asked, TargetLinks, asking, neighbours
from graphembed.objectives.protocol import Objective
from graphembed.sampling.pairs import sample_non_edges
from graphembed.splits import LabelledPairs, all_pairs, without
from graphembed.training import Training, seeded

RECIPES = {recipe.__name__: recipe for recipe in (hlgnn, refined_gae, maskgae, ncn, ncnc, mplp)}
FEATURES = 6


def graph_of(directed=False, weighted=False, nodes=40, seed=0):
    """A random graph with features and a self-loop."""
    rng = np.random.default_rng(seed)
    source, target = rng.integers(0, nodes, (2, 90))
    x = torch.from_numpy(rng.normal(size=(nodes, FEATURES))).float()
    weight = rng.random(91) + 0.5 if weighted else None
    return Graph.from_edges([*source, 3], [*target, 3], weight, nodes=nodes, directed=directed, x=x)


def pairs_of(graph, others=60, side=0):
    rng = np.random.default_rng(1)
    known = all_pairs(graph)
    fresh = sample_non_edges(graph, others, rng)
    links = known.pairs[known.label]
    pairs, label = np.concatenate([links, fresh]), np.arange(len(links) + others) < len(links)
    return Asked(pairs, label, rng.normal(size=(len(pairs), side)).astype(np.float32) if side else None)


def encoder_of(steps=3):
    with seeded(0):
        return Hops(FEATURES, 8, steps=steps, dropout=0.0)


def objective_of(asked, decoder=CommonNeighbours, **more):
    return TargetLinks(partial(decoder, side=0 if asked.side is None else asked.side.shape[1]), asked, **more)


def keys(pairs):
    return {frozenset(pair) for pair in np.asarray(pairs).tolist()}


def all_unlinked(graph):
    linked = keys(graph.pairs)
    nodes = range(graph.num_nodes)
    return [(u, v) for u in nodes for v in nodes if u < v and frozenset((u, v)) not in linked]


# ── batches ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("share", [0.05, 0.1, 0.3, 0.5])
def test_an_epoch_asks_for_every_link_once_and_for_as_many_others(directed, share):
    graph = graph_of(directed)
    asked = pairs_of(graph)
    batches = objective_of(asked, share=share).batches(graph, seed=0)
    assert len(batches) == pytest.approx(1 / share, abs=1)
    links = np.concatenate([batch.pairs[:, : batch.links].numpy().T for batch in batches])
    assert sorted(map(tuple, links)) == sorted(map(tuple, asked.pairs[asked.label]))
    for batch in batches:
        assert batch.pairs.shape[1] == 2 * batch.links
        assert keys(batch.pairs[:, batch.links :].T) <= keys(asked.pairs[~asked.label])


def test_a_share_above_one_half_is_one_batch_of_that_share():
    graph = graph_of()
    asked = pairs_of(graph)
    (batch,) = objective_of(asked, share=0.7).batches(graph, seed=0)
    assert batch.links == round(0.7 * asked.label.sum())


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_links_asked_for_are_taken_out_in_both_directions_and_nothing_else(directed, weighted):
    graph = graph_of(directed, weighted)
    asked = pairs_of(graph)
    for batch in objective_of(asked, share=0.3).batches(graph, seed=5):
        expected = without(graph, batch.pairs[:, : batch.links].numpy().T).data
        torch.testing.assert_close(batch.edge_index, expected.edge_index)
        if weighted:
            torch.testing.assert_close(batch.edge_weight, expected.edge_weight)


@pytest.mark.parametrize("decoder", [Hadamard, CommonNeighbours])
def test_the_gradient_does_not_depend_on_whether_the_links_asked_for_were_there(decoder):
    graph = graph_of()
    asked = pairs_of(graph, side=2)
    objective = objective_of(asked, decoder, share=0.3, degree=0.1)

    def gradients(shown, objective):
        encoder = encoder_of()
        with seeded(1):
            beside = objective.prepare(encoder, graph)
            loss = objective.loss(encoder, beside.eval(), objective.batches(shown, seed=2)[0])
        loss.backward()
        return [value.grad for part in (encoder, beside) for value in part.parameters()]

    batch = objective.batches(graph, seed=2)[0]
    hidden = without(graph, batch.pairs[:, : batch.links].numpy().T)
    assert hidden.num_edges < graph.num_edges
    for seen, unseen in zip(gradients(graph, objective), gradients(hidden, objective), strict=True):
        torch.testing.assert_close(seen, unseen, atol=0, rtol=0)
    naive = dc.replace(objective, masked=False)
    assert not all(map(torch.equal, gradients(graph, naive), gradients(hidden, naive)))


def test_numbers_about_pairs_go_with_them():
    graph = graph_of()
    asked = pairs_of(graph, side=2)
    of_pair = {tuple(pair): row for pair, row in zip(asked.pairs.tolist(), asked.side, strict=True)}
    for batch in objective_of(asked, share=0.3).batches(graph, seed=0):
        np.testing.assert_array_equal(batch.side, [of_pair[tuple(pair)] for pair in batch.pairs.T.tolist()])


@pytest.mark.parametrize("directed", [False, True])
def test_neighbours_are_those_in_either_direction_but_oneself(directed):
    graph = graph_of(directed)
    rows = neighbours(asking(graph, pairs_of(graph)))
    source, target = graph.data.edge_index.numpy()
    edge = np.zeros((40, 40), int)
    edge[source, target] = 1
    expected = ((edge + edge.T) > 0) & ~np.eye(40, dtype=bool)
    np.testing.assert_array_equal(rows.sum(torch.eye(40)).numpy(), expected)
    for node in range(40):
        assert (rows.indices[rows.indptr[node] : rows.indptr[node + 1]].diff() > 0).all()


def test_the_loss_is_cross_entropy_and_the_error_of_the_degrees_that_went():
    graph = graph_of()
    objective = objective_of(pairs_of(graph), share=0.5, degree=0.7)
    encoder = encoder_of()
    assert isinstance(objective, Objective)
    with seeded(0):
        beside = objective.prepare(encoder, graph).eval()
    batch = objective.batches(graph, seed=0)[0]
    z = encoder(batch.x, batch.edge_index)
    score = beside["decoder"](z, batch.pairs, neighbours(batch)).detach().numpy().astype(float)
    gone = np.bincount(batch.pairs[:, : batch.links].flatten(), minlength=40)
    guess = beside["degree"](z)[:, 0].detach().numpy()
    sign = np.where(np.arange(len(score)) < batch.links, -1, 1)
    softplus = np.log1p(np.exp(sign * score))
    expected = softplus[: batch.links].mean() + softplus[batch.links :].mean() + 0.7 * ((guess - gone) ** 2).mean()
    assert objective.loss(encoder, beside, batch).item() == pytest.approx(expected, rel=1e-5)


# ── the head ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def split():
    return split_edges(load("lesmis"), test=0.15, valid=0.1, seed=0)


@pytest.mark.parametrize("name", RECIPES)
def test_hidden_links_are_found_without_features_and_alike_from_both_ends(split, name):
    head = dc.replace(RECIPES[name](side=True), training=Training(epochs=5, lr=0.01))
    head.fit(split.observed, split.train, split.valid)
    assert head.score(split.test)["AUC"] > 0.75
    there, back = head.predict_proba(split.test.pairs), head.predict_proba(split.test.pairs[:, ::-1])
    np.testing.assert_allclose(there, back, atol=1e-5)
    assert ((there > 0) & (there < 1)).all()


def test_the_same_seed_gives_the_same_bits_on_any_number_of_threads(split, thread_count):
    def odds(seed):
        head = dc.replace(ncnc(side=True, seed=seed), training=Training(epochs=2))
        return head.fit(split.observed, split.train).log_odds(split.test.pairs)

    bits = odds(0)
    assert _SEEN.setdefault("bits", bits.tobytes()) == bits.tobytes()
    assert odds(1).tobytes() != bits.tobytes()


_SEEN: dict[str, bytes] = {}


def test_scores_do_not_depend_on_where_the_test_pairs_stand(split):
    head = ncn(epochs=2).fit(split.observed, split.train)
    order = np.random.default_rng(0).permutation(len(split.test))
    np.testing.assert_allclose(
        head.log_odds(split.test.pairs[order]), head.log_odds(split.test.pairs)[order], atol=1e-6
    )


def test_training_stops_when_validation_stops_rising_and_the_best_is_kept(split):
    head = dc.replace(hlgnn(side=False), training=Training(epochs=60, lr=0.05, patience=2))
    head.fit(split.observed, split.train, split.valid)
    assert len(head.history_.losses) == head.history_.best + 3
    assert head.score(split.valid)["AUC"] == pytest.approx(max(head.history_.valid), abs=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_unlinked_pairs_to_learn_from_are_not_those_of_the_test_though_the_seed_is_the_same(seed):
    rng = np.random.default_rng(7)
    graph = Graph.from_edges(*rng.integers(0, 1000, (2, 1500)), nodes=1000)
    split = split_edges(graph, test=0.1, valid=0.1, seed=seed)
    head = refined_gae(side=False, seed=seed)
    head.graph_ = split.observed
    pool = head._with_pool(split.train)
    held_out = np.concatenate([part.pairs[~part.label] for part in (split.test, split.valid)])
    shared = keys(pool.pairs[~pool.label]) & keys(held_out)
    assert len(shared) < 0.1 * len(held_out)  # .024 by chance: 12 000 of 500 000 pairs


def test_without_training_pairs_all_edges_are_learned_from():
    graph = load("karate")
    links = LabelledPairs(graph.pairs, np.ones(len(graph.pairs), bool))
    given, default = (ncn(epochs=1, side=False).fit(graph, pairs) for pairs in (links, None))
    np.testing.assert_array_equal(given.log_odds(graph.pairs), default.log_odds(graph.pairs))


def test_training_that_was_stopped_goes_on_in_another_process(split, tmp_path):
    def odds(epochs, checkpoint):
        head = dc.replace(maskgae(side=True), training=Training(epochs=epochs, checkpoint=checkpoint))
        return head.fit(split.observed, split.train).log_odds(split.test.pairs)

    odds(2, tmp_path / "half")
    np.testing.assert_array_equal(odds(4, tmp_path / "half"), odds(4, None))
    assert " at 0x" not in repr(objective_of(pairs_of(graph_of())))  # what a run is known by


def test_the_vectors_are_an_embedding_of_the_observed_graph(split):
    head = hlgnn(epochs=1).fit(split.observed, split.train)
    assert head.embedding_.names == split.observed.names
    data = split.observed.data
    with torch.no_grad():
        z = head.encoder_(torch.arange(data.num_nodes)[:, None], data.edge_index, data.edge_weight)
    np.testing.assert_allclose(head.embedding_.values, z.numpy(), atol=1e-6)


def test_the_links_predicted_are_the_best_of_those_missing_and_more_often_right_than_by_chance(split):
    head = refined_gae(epochs=3).fit(split.observed, split.train)
    graph = split.observed
    found = head.predict_links(k=60)
    pairs = np.array([[graph.row[a], graph.row[b]] for a, b in zip(found.source, found.target, strict=True)])
    np.testing.assert_allclose(head.log_odds(pairs), found.score, atol=1e-6)
    missing = np.array(all_unlinked(graph))
    assert sorted(found.score)[::-1] == found.score.tolist()
    assert found.score.tolist() == pytest.approx(np.sort(head.log_odds(missing))[::-1][:60].tolist(), abs=1e-5)
    right = len(keys(pairs) & keys(split.graph.pairs)) / 60
    hidden = split.graph.num_edges - graph.num_edges
    assert len(keys(pairs)) == 60
    assert right > 4 * hidden / len(missing)
    with pytest.raises(DataError, match=r"k must be between 1 and \d+, .* got 0"):
        head.predict_links(k=0)


def test_directed_and_weighted_graphs_are_read():
    for directed, weighted in ((True, False), (False, True)):
        head = refined_gae(epochs=1, side=True).fit(graph_of(directed, weighted))
        assert np.isfinite(head.log_odds(np.array([[0, 1], [5, 2]]))).all()


@pytest.mark.parametrize("features", [False, True])
def test_a_graph_without_structure_gives_nothing_to_find(features):
    rng = np.random.default_rng(0)
    x = {"x": torch.from_numpy(rng.random((300, 50)) < 0.1).float()} if features else {}
    graph = Graph.from_edges(*rng.integers(0, 300, (2, 1200)), nodes=300, **x)
    split = split_edges(graph, test=0.3, valid=0.05, seed=0)
    head = refined_gae(epochs=3, side=True).fit(split.observed, split.train, split.valid)
    assert abs(head.score(split.test)["AUC"] - 0.5) < 0.08  # 360 pairs of each kind: three standard errors are .065


@pytest.mark.usefixtures("public_data")
def test_four_epochs_on_cora_are_above_a_plain_graph_autoencoder():
    split = split_edges(load("cora"), test=0.1, valid=0.05, seed=0)
    scores = refined_gae(epochs=4, side=False).fit(split.observed, split.train, split.valid).score(split.test)
    assert scores["AUC"] > 0.94  # Kipf and Welling 2016, table 1: .910, and .920 for AP
    assert scores["AP"] > 0.94


# ── what is refused ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("more", [{"share": 0.0}, {"share": 1.1}, {"degree": -1.0}])
def test_shares_and_weights_out_of_range_are_refused(more):
    with pytest.raises(ValueError, match="share must be above 0 and at most 1 and degree at least 0, got"):
        objective_of(pairs_of(graph_of()), **more)


def test_links_alone_teach_nothing():
    graph = graph_of()
    asked = pairs_of(graph)
    links = Asked(asked.pairs[asked.label], asked.label[asked.label])
    with pytest.raises(DataError, match=r"there must be links and other pairs to learn from, got \d+ and 0"):
        objective_of(links).batches(graph, seed=0)


def test_validation_needs_pairs():
    graph, encoder = graph_of(), encoder_of()
    objective = objective_of(pairs_of(graph))
    with seeded(0), pytest.raises(ValueError, match="validation needs pairs to validate on"):
        objective.valid(encoder, objective.prepare(encoder, graph), graph)


def test_other_devices_are_refused():
    head = dc.replace(ncn(), training=Training(device="cuda"))
    with pytest.raises(ValueError, match="joint training runs on the CPU, got device='cuda'"):
        head.fit(load("karate"))


def test_pairs_of_nodes_that_are_not_there_are_refused(split):
    head = ncn(epochs=1, side=False).fit(split.observed, LabelledPairs(split.train.pairs, split.train.label))
    with pytest.raises(DataError, match="pairs must be rows of the 77 nodes, got 77 in pair 0"):
        head.predict_proba(np.array([[77, 0]]))


def test_recipes_are_settings_of_one_head():
    assert all(isinstance(recipe(), JointPredictor) for recipe in RECIPES.values())
