"""`LinkEnsemble`: members are weighed on pairs they have not seen, and one that knows nothing counts nothing."""

import networkx as nx
import numpy as np
import pytest

from graphembed import LinkEnsemble, LinkPredictor, fastrp, load, refined_gae, split_edges
from graphembed.errors import DataError
from graphembed.graph import as_graph
from graphembed.heads.joint import JointPredictor
from graphembed.metrics import auc
from graphembed.sampling.pairs import sample_non_edges
from graphembed.splits import LabelledPairs


@pytest.fixture(scope="module")
def split():
    return split_edges(load("lesmis"), test=0.15, valid=0.15, seed=1)


class Fixed(LinkPredictor):
    """Says of a pair what a table says, whatever it has learnt."""

    table: np.ndarray

    def fit(self, embedding, graph, train=None, valid=None):
        self.graph_, self.embedding_, self.scored_, self.scorer_ = as_graph(graph), None, None, None
        return self

    def look_at(self, graph):
        return self.fit(None, graph)

    def log_odds(self, pairs):
        return self.table[pairs[:, 0], pairs[:, 1]]


def fixed(table):
    kind = type("Fixed", (Fixed,), {"table": table})
    return kind(classifier="regression")


def knowing(graph, noise, seed):
    """Log-odds that know the links, up to noise."""
    edge = nx.to_numpy_array(graph_of(graph))
    rng = np.random.default_rng(seed)
    drawn = rng.normal(size=edge.shape)
    return 2 * edge - 1 + noise * (drawn + drawn.T)


def graph_of(graph):
    made = nx.Graph()
    made.add_nodes_from(range(graph.num_nodes))
    made.add_edges_from(graph.pairs.tolist())
    return made


def test_two_who_know_different_things_are_better_together(split):
    graph = split.graph
    one, other = (fixed(knowing(graph, 1.0, seed)) for seed in (0, 1))
    head = LinkEnsemble([one, other]).fit(split.observed, split.train, split.valid)
    alone = [auc(split.test.label, member.log_odds(split.test.pairs)) for member in (one, other)]
    assert head.score(split.test)["AUC"] > max(alone)
    assert head.weights_.min() > 0


def test_a_member_that_knows_nothing_or_the_opposite_counts_little_or_nothing(split):
    good = knowing(split.graph, 0.5, 0)
    noise = np.random.default_rng(3).normal(size=good.shape)
    head = LinkEnsemble([fixed(good), fixed(noise + noise.T)]).fit(split.observed, split.train, split.valid)
    assert head.weights_[1] < 0.2 * head.weights_[0]
    head = LinkEnsemble([fixed(-good), fixed(good)]).fit(split.observed, split.train, split.valid)
    assert head.weights_[0] == 0
    assert head.weights_[1] > 0
    head = LinkEnsemble([fixed(-good), fixed(-good)]).fit(split.observed, split.train, split.valid)
    assert head.weights_.tolist() == [0.5, 0.5]  # nobody knows anything


def test_probabilities_are_in_line_with_what_happens():
    """Log-odds that are right but for a factor of five: half a graph of 400 nodes says by how much."""
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=(400, 400))
    odds = np.triu(2 * drawn - 3, 1)
    edge = np.triu(rng.random(odds.shape) < 1 / (1 + np.exp(-odds)), 1)
    graph = as_graph(nx.from_numpy_array((edge | edge.T).astype(int)))
    split = split_edges(graph, test=0.3, valid=0.3, seed=0)
    head = LinkEnsemble([fixed(5 * (odds + odds.T))]).fit(split.observed, split.train, split.valid)
    said = head.predict_proba(split.test.pairs, share=0.5)
    bins = np.digitize(said, [0.2, 0.4, 0.6, 0.8])
    for number in range(5):
        inside = bins == number
        error = 3 * np.sqrt(0.25 / inside.sum())
        assert abs(said[inside].mean() - split.test.label[inside].mean()) < error + 0.03


def test_without_validation_pairs_some_are_set_aside_and_the_whole_graph_is_looked_at_in_the_end():
    graph = load("karate")
    head = LinkEnsemble([LinkPredictor(classifier="regression"), refined_gae(epochs=2)], seed=3).fit(graph)
    assert head.graph_.num_edges == graph.num_edges
    for member in head.members_:
        assert member.graph_.num_edges == graph.num_edges
    joint = head.members_[1]
    assert isinstance(joint, JointPredictor)
    assert joint.history_  # it has been told when to stop
    assert head.embedding_ is joint.embedding_


def test_the_same_seed_gives_the_same_odds_and_members_given_are_left_alone(split):
    given = [LinkPredictor(classifier="regression"), refined_gae(epochs=1)]

    def odds():
        return LinkEnsemble(given).fit(split.observed, split.train, split.valid).log_odds(split.test.pairs)

    np.testing.assert_array_equal(odds(), odds())
    assert not hasattr(given[0], "graph_")


def test_links_are_predicted_and_explained(split):
    head = LinkEnsemble([LinkPredictor(classifier="regression"), refined_gae(epochs=1)])
    head.fit(split.observed, split.train, split.valid)
    links = head.predict_links(k=5)
    assert links.attrs["among"] == "exhaustive"  # a small graph
    few = head.predict_links(k=5, among="two-hop+nearest")
    assert few.score.max() == pytest.approx(links.score.max())
    assert "shared neighbours" in str(head.explain(*links[["source", "target"]].iloc[0]))
    with pytest.raises(ValueError, match="no member explains links"):
        LinkEnsemble([refined_gae(epochs=1)]).fit(split.observed, split.train, split.valid).explain("Valjean", "Javert")


def test_a_graph_without_structure_gives_nothing_to_find():
    split = split_edges(nx.gnp_random_graph(300, 0.03, seed=5), test=0.3, valid=0.1, seed=0)
    head = LinkEnsemble([LinkPredictor(classifier="vote"), refined_gae(epochs=2, side=True)])
    head.fit(split.observed, split.train, split.valid)
    assert abs(head.score(split.test)["AUC"] - 0.5) < 0.08  # some 400 pairs of each kind: four standard errors


def test_any_share_of_negatives_can_be_learnt_from():
    graph = load("lesmis")
    many = sample_non_edges(graph, 800, np.random.default_rng(0))
    linked = graph.pairs[:200]
    train = LabelledPairs(np.concatenate([linked, many]), np.arange(1000) < 200)
    head = LinkEnsemble([LinkPredictor(classifier="regression")]).fit(graph, train)
    assert np.isfinite(head.log_odds(graph.pairs)).all()


@pytest.mark.parametrize("make", [lambda: LinkPredictor(classifier="regression"), lambda: refined_gae(epochs=2)])
def test_what_was_learnt_can_be_applied_to_more_links(split, make):
    head = make()
    head = head.fit(None, split.observed) if isinstance(head, LinkPredictor) else head.fit(split.observed)
    before, links = head.log_odds(split.test.pairs), split.graph
    after = head.look_at(links).log_odds(split.test.pairs)
    assert head.graph_.num_edges == links.num_edges
    assert not np.array_equal(before, after)
    np.testing.assert_array_equal(head.look_at(split.observed).log_odds(split.test.pairs), before)
    with pytest.raises(DataError, match=r"expected the nodes of 77 nodes, .* got 34 nodes"):
        head.look_at(load("karate"))


def test_vectors_cannot_look_at_another_graph(split):
    head = LinkPredictor().fit(fastrp(dim=8).fit_transform(split.observed), split.observed)
    with pytest.raises(ValueError, match="vectors would stay"):
        head.look_at(split.graph)
