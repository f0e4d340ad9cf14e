"""`LinkEnsemble`: several heads on one graph, and the mean of what they say."""

import dataclasses as dc
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from graphembed.graph import as_graph
from graphembed.heads.explain import Explanation
from graphembed.heads.head import LinkHead
from graphembed.heads.joint import JointPredictor, maskgae
from graphembed.heads.links import LinkPredictor
from graphembed.heads.scored import stacked
from graphembed.parallel import one_thread
from graphembed.scores import Facts
from graphembed.splits import LabelledPairs, all_pairs, without

_ASIDE = 0.1  # of the pairs to learn from, where no others say how to weigh
_OWN = 0x61736964  # who draws with the same seed gets other numbers


@dc.dataclass(eq=False)
class LinkEnsemble(LinkHead):
    """Learns which pairs of nodes are linked by several heads: the one to begin with.

    Its members err in different places: classifiers over pair scores, and a masked auto-encoder that sees the same
    scores beside features (or learned inputs). Validation pairs say how much each counts; one that makes the ranking
    worse counts nothing.

    Args:
        members: Heads that learn from the graph; by default ``LinkPredictor(classifier="vote")`` and
            ``maskgae(side=True)``, with the seed.
        seed: Of the default members, and of the unlinked pairs drawn when none are given.

    Attributes:
        members_: The fitted heads.
        embedding_: Vectors of the first member that has some.

    Example:
        >>> from graphembed import load, split_edges
        >>> split = split_edges(load("lesmis"), test=0.1, valid=0.1)
        >>> head = LinkEnsemble().fit(split.observed, split.train, split.valid)
        >>> head.score(split.test)["AUC"] > 0.85
        True
        >>> head.predict_links(k=2)[["source", "target"]].shape
        (2, 2)
    """

    members: Sequence[LinkPredictor | JointPredictor] | None = None
    seed: int = 0

    def fit(self, graph: Any, train: LabelledPairs | None = None, valid: LabelledPairs | None = None) -> Self:
        """Learn from labelled pairs.

        Args:
            graph: The observed graph.
            train: Pairs to learn from; by default all edges of the graph and as many unlinked pairs.
            valid: Pairs whose links are not in the graph: they say when to stop, weigh the members and bring
                probabilities in line with what happens. By default a tenth of the pairs to learn from is set aside
                for that; in the end pair scores are learnt from all, and the other members see the whole graph.
        """
        self.graph_ = graph = as_graph(graph)
        everything = all_pairs(graph, self.seed) if train is None else train
        train, rest = everything, graph
        if valid is None or valid.label.all() or not valid.label.any():
            train, valid = _set_aside(train, self.seed)
            rest = without(graph, valid.pairs[valid.label])
        members = self.members
        if members is None:
            members = (LinkPredictor(classifier="vote", seed=self.seed), maskgae(side=True, seed=self.seed))
        fitted: list[LinkHead] = []
        for member in map(clone, members):
            if isinstance(member, LinkPredictor):
                fitted.append(member.fit(None, rest, train, valid))
            else:
                fitted.append(member.fit(rest, train, valid))
        self.members_ = fitted
        self._weigh(valid)
        if rest is not graph:
            for member in fitted:
                if isinstance(member, LinkPredictor):  # quick enough to learn from all
                    member.fit(None, graph, everything)
                else:
                    member.look_at(graph)
        self.embedding_ = next((member.embedding_ for member in fitted if member.embedding_ is not None), None)
        return self

    def _weigh(self, valid: LabelledPairs) -> None:
        """Weigh the members by a regression on the validation pairs; if nobody knows anything, all alike."""
        odds = self._said(valid.pairs)
        spread = np.maximum(odds.std(axis=0), 1e-9)
        self.weights_, self.shift_ = np.full(len(spread), 1 / len(spread)), 0.0
        with one_thread():
            weight = stacked(odds / spread, valid.label, strength=1.0)
            if weight.any():
                line = LogisticRegression(C=1e6).fit((odds @ (weight / spread))[:, None], valid.label)
                even = np.log(valid.label.sum() / (~valid.label).sum())
                self.weights_ = weight / spread * float(line.coef_[0, 0])
                self.shift_ = float(line.intercept_[0] - even)

    def log_odds(self, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the log-odds, (pairs,), that the (pairs, 2) rows u, v are linked, among pairs of which half are."""
        odds: NDArray[np.float64] = self._said(pairs) @ self.weights_ + self.shift_
        return odds

    def explain(self, u: str, v: str) -> Explanation:
        """Say why two nodes are thought to be linked, in the words of the first member that can.

        Raises:
            UnknownNameError: A name is not in the graph.
            ValueError: No member can.
        """
        for member in self.members_:
            if isinstance(member, LinkPredictor):
                return member.explain(u, v)
        raise ValueError("no member explains links; have a LinkPredictor among them")

    def look_at(self, graph: Any) -> Self:
        """Go on with another graph of the same nodes, such as one with more links: see `LinkHead.look_at`."""
        super().look_at(graph)
        for member in self.members_:
            member.look_at(self.graph_)
        return self

    def _known(self) -> Facts:
        return self.members_[0]._known()

    def _said(self, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        """Log-odds by each member: (pairs, members)."""
        return np.stack([member.log_odds(pairs) for member in self.members_], axis=1)


def _set_aside(train: LabelledPairs, seed: int) -> tuple[LabelledPairs, LabelledPairs]:
    """Share pairs out: those to learn from, and a tenth of the linked and of the unlinked ones, at least one each."""
    aside = np.zeros(len(train), bool)
    rng = np.random.default_rng([seed, _OWN])
    for kind in (np.flatnonzero(train.label), np.flatnonzero(~train.label)):
        aside[rng.permutation(kind)[: max(1, round(_ASIDE * len(kind)))]] = True
    return LabelledPairs(train.pairs[~aside], train.label[~aside]), LabelledPairs(
        train.pairs[aside], train.label[aside]
    )
