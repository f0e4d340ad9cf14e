"""`LinkPredictor`: which pairs of nodes are linked, from their vectors, from the graph around them, or from both.

From vectors: logistic regression over a function of the two vectors of a pair. What it learns is of the form
left_u . right_v + bias_u + bias_v for all functions but L1, so the best of all missing links are found by matrix
products in blocks, without ever holding a matrix of nodes by nodes. From the graph: `graphembed.heads.scored`.
"""

import dataclasses as dc
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from graphembed.embedding import Embedding
from graphembed.errors import UnknownNameError, first_few
from graphembed.graph import as_graph
from graphembed.heads.exhaustive import Factors
from graphembed.heads.explain import Explanation, between
from graphembed.heads.head import LinkHead
from graphembed.heads.pairs import pair_features, unit_rows
from graphembed.heads.scored import CLASSIFIERS, NEGATIVES, Scorer, learn, logged
from graphembed.metrics import auc
from graphembed.parallel import one_thread
from graphembed.scores import Facts
from graphembed.splits import LabelledPairs, all_pairs

_MOST_PAIRS = 200_000  # a regression over some hundred numbers learns nothing more from more pairs


@dc.dataclass(eq=False)
class LinkPredictor(LinkHead):
    """Learns which pairs of nodes are linked.

    On directed graphs it learns which nodes are linked, hardly which way: unlinked pairs to learn from are linked in
    neither direction, and all pair functions but "context" and "concatenation" score both directions alike.

    Args:
        pair: One of `graphembed.heads.pairs.PAIR_FUNCTIONS`; by default "context" where the embedding has a context
            table, else "hadamard", unless "hadamard" or "dot", respectively, is better on the validation
            pairs. "context" tends to win on sparse graphs, "hadamard" on dense ones.
        classifier: "vectors": logistic regression over the pair function alone. "regression", "boosting" or "vote"
            (both and a forest of random trees, weighed by cross-validation): over some fifty
            `graphembed.scores.pair_scores`; None: the one of these with the best AUC in cross-validation. Where vectors
            are given as well, what they say is added with the weight the validation pairs give it.
        strength: Inverse of the regression's regularisation, scikit-learn's C.
        seed: For the unlinked pairs drawn when none are given, for the lots of edges out of sight, for trees.
        negatives: What pair scores are to tell links from: the pairs "given", "hard" ones, which common heuristics like
            best (better at near misses, worse at random pairs), or "both", the mean of two classifiers. Beyond 5 000
            nodes hard ones count the less the more nodes there are, and beyond 30 000 none are looked for.

    Attributes:
        pair_: The pair function used, "" without vectors.
        classifier_: The classifier used.

    Example:
        >>> from graphembed import deepwalk, load, split_edges
        >>> split = split_edges(load("lesmis"))
        >>> z = deepwalk(dim=32).fit_transform(split.observed)
        >>> head = LinkPredictor().fit(z, split.observed, split.train)
        >>> head.score(split.test)["AUC"] > 0.7
        True
        >>> head.predict_links(k=2)[["source", "target"]].shape
        (2, 2)
        >>> head = LinkPredictor(classifier="regression").fit(None, split.observed, split.train)
        >>> head.score(split.test)["AUC"] > 0.8
        True

    References:
        Grover and Leskovec 2016, "node2vec", section 4.4.
        Platt 1999, "Probabilistic outputs for support vector machines", section 2, for the calibration.
    """

    pair: str | None = None
    classifier: str | None = "vectors"
    strength: float = 1.0
    seed: int = 0
    negatives: str = "both"

    def fit(
        self,
        embedding: Embedding | None,
        graph: Any,
        train: LabelledPairs | None = None,
        valid: LabelledPairs | None = None,
    ) -> Self:
        """Learn from labelled pairs.

        Args:
            embedding: One vector per node of the graph; None to learn from the graph alone.
            graph: The observed graph: its links are not predicted again, and pair scores are read off it.
            train: Pairs to learn from; by default all edges of the graph and as many unlinked pairs.
            valid: Pairs, unknown to the encoder, to choose the pair function on, weigh vectors against pair scores, and
                bring probabilities in line with.

        Raises:
            UnknownNameError: Some nodes have no vector.
            ValueError: An unknown classifier, vectors without validation pairs to weigh them on, or nothing to learn
                from.
        """
        if self.classifier not in (None, "vectors", *CLASSIFIERS):
            known = ", ".join(["vectors", *CLASSIFIERS])
            raise ValueError(f"there is no classifier {self.classifier!r}; known are {known}, and None")
        if self.negatives not in NEGATIVES:
            raise ValueError(f"negatives must be one of {', '.join(map(repr, NEGATIVES))}, got {self.negatives!r}")
        if embedding is None and self.classifier == "vectors":
            raise ValueError("the classifier 'vectors' needs an embedding; without one choose another, or None")
        graph = as_graph(graph)
        if embedding is not None and (missing := [name for name in graph.names if name not in embedding.row]):
            raise UnknownNameError(f"{len(missing)} nodes of the graph have no vector: {first_few(missing)}")
        checked = valid is not None and len(valid) > 0
        if embedding is not None and self.classifier != "vectors" and not checked:
            raise ValueError(
                "vectors beside pair scores need validation pairs: the encoder has seen the training edges, so only "
                "others show how far to trust it; pass valid=..., or classifier='vectors', or no embedding"
            )
        self.graph_, self.pair_, self.classifier_ = graph, "", self.classifier or ""
        self.embedding_ = None if embedding is None else embedding[graph.names]
        train = all_pairs(graph, self.seed) if train is None else train
        if embedding is not None:
            self._fit_vectors(train, valid)
        self.scored_, self.scorer_ = None, None
        if self.classifier != "vectors":
            self.scored_ = learn(graph, train, self.classifier, self.seed, self.strength, self.negatives)
            self.scorer_, self.classifier_ = Scorer(graph), self.scored_.kind
        self._weigh(valid if checked else None)
        return self

    def _fit_vectors(self, train: LabelledPairs, valid: LabelledPairs | None) -> None:
        if len(train) > _MOST_PAIRS:
            some = np.random.default_rng(self.seed).choice(len(train), _MOST_PAIRS, replace=False)
            train = LabelledPairs(train.pairs[some], train.label[some])
        assert self.embedding_ is not None
        candidates = ["hadamard", "dot"] if self.embedding_.context is None else ["context", "hadamard"]
        if self.pair or valid is None or not len(valid):
            self._learn(self.pair or candidates[0], train)
            return
        found = {}
        for pair in candidates:
            self._learn(pair, train)
            found[pair] = round(auc(valid.label, self._vector_odds(valid.pairs)), 9)
        best = max(found, key=found.__getitem__)
        if best != self.pair_:  # the last one tried is still fitted
            self._learn(best, train)

    def _learn(self, pair: str, train: LabelledPairs) -> None:
        """Fit the regression for one pair function."""
        assert self.embedding_ is not None
        self.pair_ = pair
        features = pair_features(self.embedding_, train.pairs, pair)
        with one_thread():
            scaler = StandardScaler().fit(features)
            model = LogisticRegression(C=self.strength, max_iter=1000).fit(scaler.transform(features), train.label)
        self.coef_ = (model.coef_[0] / scaler.scale_).astype(np.float64)
        self.intercept_ = float(model.intercept_[0] - self.coef_ @ scaler.mean_)

    def _weigh(self, valid: LabelledPairs | None) -> None:
        """Weigh the two sources of log-odds, and bring them in line with what happens, on pairs neither has seen."""
        parts = (self.embedding_ is not None) + (self.scored_ is not None)
        self.weights_, self.shift_ = np.ones(parts), 0.0
        if valid is None or (valid.label.all() or not valid.label.any()) or (parts == 1 and self.scored_ is not None):
            return
        odds = self._sources(valid.pairs)
        scale = np.maximum(odds.std(axis=0), 1e-9)
        with one_thread():
            model = LogisticRegression(max_iter=1000).fit(odds / scale, valid.label)
        weights = model.coef_[0] / scale
        if (weights >= 0).all() and weights.any():  # a ranking is not turned round by a few pairs
            even = np.log(valid.label.sum() / (~valid.label).sum())
            self.weights_, self.shift_ = weights, float(model.intercept_[0] - even)

    def log_odds(self, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the log-odds, (pairs,), that the (pairs, 2) rows u, v are linked, among pairs of which half are.

        Pair scores are calibrated by cross-validation, vectors by the validation pairs if there were any; if not, they
        are as sure as of edges they were trained on: far too sure, use them to rank.
        """
        odds: NDArray[np.float64] = (self._sources(pairs) * self.weights_).sum(axis=1) + self.shift_
        return odds

    def look_at(self, graph: Any) -> Self:
        """Go on with another graph of the same nodes, such as one with more links: see `LinkHead.look_at`."""
        if self.embedding_ is not None:
            raise ValueError("vectors would stay those of the graph they were made from: fit again")
        super().look_at(graph)
        self.scorer_ = Scorer(self.graph_)
        return self

    def explain(self, u: str, v: str) -> Explanation:
        """Say why two nodes are thought to be linked: what they share, paths between them, what each score adds.

        Vectors are one score, "vectors".

        Raises:
            UnknownNameError: A name is not in the graph.
            ValueError: The head knows nothing of the graph (classifier "vectors").
        """
        if self.scored_ is None or self.scorer_ is None:
            raise ValueError("vectors say nothing that words could; use classifier='regression', 'boosting' or None")
        if missing := [name for name in (u, v) if name not in self.graph_.row]:
            raise UnknownNameError(f"not in the graph: {first_few(missing)}")
        pair = np.array([[self.graph_.row[u], self.graph_.row[v]]])
        (_, scores), *_ = self.scorer_.in_lots(pair)
        features = self.scored_.standard(scores)
        many = np.repeat(features, features.shape[1] + 1, axis=0)
        many[np.arange(features.shape[1]), np.arange(features.shape[1])] = 0
        usual, (*changed, whole) = self.scored_.log_odds(0 * features)[0], self.scored_.log_odds(many)
        weight = self.weights_[-1]
        values = logged(scores).iloc[0]
        rows = pd.DataFrame({"score": values.index, "value": values.to_numpy(), "adds": weight * (whole - changed)})
        shift = self.shift_
        if self.embedding_ is not None:
            said = float(self._vector_odds(pair)[0])
            rows.loc[len(rows)] = ["vectors", said, self.weights_[0] * said]
            whole += self.weights_[0] * said / weight if weight else 0.0
        rows = rows.sort_values("adds", key=lambda adds: -adds.abs(), kind="stable", ignore_index=True)
        shared, paths = between(self.scorer_.known, *pair[0].tolist())
        names = self.graph_.names
        return Explanation(
            u,
            v,
            float(weight * whole + shift),
            float(weight * usual + shift),
            [names[x] for x in shared],
            [(u, names[x], names[y], v) for x, y in paths],
            rows,
        )

    def _sources(self, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        """Log-odds by vectors, if there are any, and by pair scores, if wanted: (pairs, 1 or 2)."""
        columns = [] if self.embedding_ is None else [self._vector_odds(pairs)]
        if self.scored_ is not None:
            odds, scorer = np.empty(len(pairs)), self.scorer_
            assert scorer is not None
            with threadpool_limits(1):
                for rows, scores in scorer.in_lots(pairs):
                    odds[rows] = self.scored_.log_odds(self.scored_.standard(scores))
            columns.append(odds)
        return np.stack(columns, axis=1)

    def _vector_odds(self, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        odds = self._one_way(pairs)
        if not self.graph_.directed and self.pair_ in ("context", "concatenation"):
            odds = (odds + self._one_way(pairs[:, ::-1])) / 2
        return odds

    def _one_way(self, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        assert self.embedding_ is not None
        odds = np.empty(len(pairs))
        for first in range(0, len(pairs), 1 << 16):
            some = pairs[first : first + (1 << 16)]
            features = pair_features(self.embedding_, some, self.pair_)
            odds[first : first + len(some)] = features @ self.coef_ + self.intercept_
        return odds

    def _factors(self) -> Factors | None:
        """Write the log-odds by vectors as left_u . right_v + bias_u + bias_v."""
        if self.scored_ is not None or self.embedding_ is None or self.pair_ == "l1":
            return None
        z, w = self.embedding_.values, (self.weights_[0] * self.coef_).astype(np.float32)
        nodes, dim = z.shape
        flat = np.full(nodes, (self.weights_[0] * self.intercept_ + self.shift_) / 2)
        if self.pair_ in ("dot", "cosine", "hadamard"):
            z = unit_rows(z) if self.pair_ == "cosine" else z
            return Factors(z * w, z, flat, flat)
        if self.pair_ == "context":
            c = self.embedding_.context
            assert c is not None
            if self.graph_.directed:
                return Factors(z * w, c, flat, flat)
            return Factors(np.concatenate([z, c], 1) * (w / 2), np.concatenate([c, z], 1), flat, flat)
        if self.pair_ == "l2":
            bias = flat + z**2 @ w
            return Factors(-2 * z * w, z, bias, bias)
        nothing = np.zeros((nodes, 1), np.float32)
        first, second = (w / 2, w / 2) if self.pair_ == "mean" else (w[:dim], w[dim:])
        if not self.graph_.directed:
            first = second = (first + second) / 2
        return Factors(nothing, nothing, flat + z @ first, flat + z @ second)

    def _known(self) -> Facts:
        return super()._known() if self.scorer_ is None else self.scorer_.known
