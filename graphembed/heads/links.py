"""`LinkPredictor`: which pairs of nodes are linked, given their vectors and, if wanted, the graph around them.

Logistic regression over a function of the two vectors of a pair. What it learns is of the form
left_u . right_v + bias_u + bias_v for all functions but L1, so the best of all missing links are found by matrix
products in blocks, without ever holding a matrix of nodes by nodes.
"""

import dataclasses as dc
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from tqdm.auto import tqdm

from graphembed.embedding import Embedding
from graphembed.errors import DataError, UnknownNameError, first_few
from graphembed.graph import Graph, as_graph
from graphembed.heads.pairs import EPSILON, NEIGHBOURHOOD, neighbourhood_scores, pair_features, unit_rows
from graphembed.kernels.csr import CSR, transpose
from graphembed.metrics import auc, average_precision, hits, mean_reciprocal_rank
from graphembed.parallel import one_thread
from graphembed.sampling.pairs import count_missing_links, parts
from graphembed.splits import LabelledPairs, all_pairs, without

_BLOCK = 1 << 22  # scores held at a time when all pairs are ranked
_MOST_PAIRS = 200_000  # a regression over some hundred numbers learns nothing more from more pairs
_FOLDS = 5  # neighbourhood features of training edges are computed with a fifth of them removed at a time


@dc.dataclass(eq=False)
class LinkPredictor(BaseEstimator):
    """Logistic regression over pairs of vectors.

    On directed graphs it learns which nodes are linked, hardly which way: unlinked pairs to learn from are linked in
    neither direction, and all pair functions but "context" and "concatenation" score both directions alike.

    Args:
        pair: One of `graphembed.heads.pairs.PAIR_FUNCTIONS`; by default "context" where the embedding has a context
            table, else "hadamard", unless "hadamard" or "dot", respectively, is better on the validation
            pairs. "context" tends to win on sparse graphs, "hadamard" on dense ones.
        neighbourhood: Also look at the scores of `graphembed.heads.pairs.neighbourhood_scores`. Those of a training
            edge are computed with that edge (and a fifth of the others) removed, as edges to be predicted are, too.
        strength: Inverse of the regularisation, scikit-learn's C.
        seed: For the unlinked pairs drawn when none are given.

    Attributes:
        pair_: The pair function used.

    Example:
        >>> from graphembed import deepwalk, load, split_edges
        >>> split = split_edges(load("lesmis"))
        >>> z = deepwalk(dim=32).fit_transform(split.observed)
        >>> head = LinkPredictor().fit(z, split.observed, split.train)
        >>> head.score(split.test)["AUC"] > 0.7
        True
        >>> head.predict_links(k=2)[["source", "target"]].shape
        (2, 2)

    References:
        Grover and Leskovec 2016, "node2vec", section 4.4.
    """

    pair: str | None = None
    neighbourhood: bool = False
    strength: float = 1.0
    seed: int = 0

    def fit(
        self, embedding: Embedding, graph: Any, train: LabelledPairs | None = None, valid: LabelledPairs | None = None
    ) -> Self:
        """Learn from labelled pairs.

        Args:
            embedding: One vector per node of the graph.
            graph: The observed graph: its links are not predicted again, and neighbourhood scores are read off it.
            train: Pairs to learn from; by default all edges of the graph and as many unlinked pairs.
            valid: Pairs to choose the pair function on, if it is not given.

        Raises:
            UnknownNameError: Some nodes have no vector.
        """
        graph = as_graph(graph)
        if missing := [name for name in graph.names if name not in embedding.row]:
            raise UnknownNameError(f"{len(missing)} nodes of the graph have no vector: {first_few(missing)}")
        self.graph_ = graph
        self.embedding_ = embedding[graph.names]
        if train is None:
            train = all_pairs(graph, self.seed)
        if len(train) > _MOST_PAIRS:
            some = np.random.default_rng(self.seed).choice(len(train), _MOST_PAIRS, replace=False)
            train = LabelledPairs(train.pairs[some], train.label[some])
        around = self._with_edges_removed(train) if self.neighbourhood else np.empty((len(train), 0))
        candidates = ["hadamard", "dot"] if embedding.context is None else ["context", "hadamard"]
        if self.pair or valid is None or not len(valid):
            return self._learn(self.pair or candidates[0], train, around)
        scores = {pair: round(self._learn(pair, train, around).score(valid)["AUC"], 9) for pair in candidates}
        best = max(scores, key=scores.__getitem__)
        return self if best == self.pair_ else self._learn(best, train, around)  # the last one tried is still fitted

    def _learn(self, pair: str, train: LabelledPairs, around: NDArray[np.float64]) -> Self:
        """Fit the regression for one pair function; ``around`` (pairs, any) are further features."""
        self.pair_ = pair
        features = np.concatenate([pair_features(self.embedding_, train.pairs, pair), around], axis=1)
        with one_thread():
            scaler = StandardScaler().fit(features)
            model = LogisticRegression(C=self.strength, max_iter=1000).fit(scaler.transform(features), train.label)
        self.coef_ = (model.coef_[0] / scaler.scale_).astype(np.float64)
        self.intercept_ = float(model.intercept_[0] - self.coef_ @ scaler.mean_)
        return self

    def predict_proba(self, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the probability, (pairs,), that the (pairs, 2) rows u, v are linked; symmetric if the graph is.

        Among pairs of which half are edges, and as sure as of edges the vectors were trained on: for new links it is
        far too sure. Use it to rank.
        """
        probability: NDArray[np.float64] = expit(self._log_odds(pairs))
        return probability

    def score(self, test: LabelledPairs) -> dict[str, float]:
        """Return AUC, AP (area under precision-recall), MRR and Hits@10 of labelled pairs."""
        with one_thread():
            score = self._log_odds(test.pairs)
        return link_scores(test.label, score)

    def predict_links(self, k: int = 10) -> pd.DataFrame:
        """Return the ``k`` most plausible links between nodes that are not linked in any direction, best first.

        Pairs are ranked in blocks of rows: exact, and memory does not grow with the square of the nodes. For graphs in
        two parts (``data.part``) only links across are considered. Ties go to the earlier pair. With "l1" or
        neighbourhood scores every pair is computed on its own: minutes beyond some thousand nodes.

        Returns:
            Columns ``source``, ``target`` (names) and ``score`` (log-odds, good for ranking, not calibrated).

        Raises:
            DataError: There are fewer than ``k`` pairs left, or ``k`` is below 1.
        """
        check_number(k, self.graph_)
        nodes = self.graph_.num_nodes
        part = parts(self.graph_)
        linked = [self.graph_.csr, *([transpose(self.graph_.csr)] if self.graph_.directed else [])]
        best = _Best.empty()
        with one_thread():
            factors = None if self.neighbourhood or self.pair_ == "l1" else self._factors()
            rows = max(1, (_BLOCK if factors else _BLOCK // 16) // max(nodes, 1))
            for first in tqdm(range(0, nodes, rows), "ranking pairs", disable=None, delay=1, leave=False):
                block = np.arange(first, min(first + rows, nodes))
                start = 0 if self.graph_.directed else first
                allowed = self._unlinked(block, start, linked, part)
                if factors:
                    scores = factors.block(block, start)
                else:
                    scores = np.full(allowed.shape, -np.inf)
                    u, v = np.nonzero(allowed)
                    scores[u, v] = self._log_odds(np.stack([block[u], v + start], axis=1)) if len(u) else 0
                scores[~allowed] = -np.inf
                best = best.or_better(scores, block, start, k)
        names = np.array(self.graph_.names, object)
        found = {"source": names[best.source], "target": names[best.target], "score": best.score}
        return pd.DataFrame(found)

    def _log_odds(self, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        odds = self._one_way(pairs)
        if not self.graph_.directed and self.pair_ in ("context", "concatenation"):
            odds = (odds + self._one_way(pairs[:, ::-1])) / 2
        return odds

    def _one_way(self, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        odds = np.empty(len(pairs))
        for first in range(0, len(pairs), 1 << 16):
            some = pairs[first : first + (1 << 16)]
            features = pair_features(self.embedding_, some, self.pair_)
            odds[first : first + len(some)] = features @ self.coef_[: features.shape[1]] + self.intercept_
        if self.neighbourhood:
            odds += neighbourhood_features(self.graph_, pairs) @ self.coef_[-len(NEIGHBOURHOOD) :]
        return odds

    def _factors(self) -> "_Factors":
        """Write the log-odds as left_u . right_v + bias_u + bias_v."""
        z, w = self.embedding_.values, self.coef_.astype(np.float32)
        nodes, dim = z.shape
        flat = np.full(nodes, self.intercept_ / 2)
        if self.pair_ in ("dot", "cosine", "hadamard"):
            z = unit_rows(z) if self.pair_ == "cosine" else z
            return _Factors(z * w, z, flat, flat)
        if self.pair_ == "context":
            c = self.embedding_.context
            assert c is not None
            if self.graph_.directed:
                return _Factors(z * w, c, flat, flat)
            return _Factors(np.concatenate([z, c], 1) * (w / 2), np.concatenate([c, z], 1), flat, flat)
        if self.pair_ == "l2":
            bias = flat + z**2 @ w
            return _Factors(-2 * z * w, z, bias, bias)
        nothing = np.zeros((nodes, 1), np.float32)
        first, second = (w / 2, w / 2) if self.pair_ == "mean" else (w[:dim], w[dim:])
        if not self.graph_.directed:
            first = second = (first + second) / 2
        return _Factors(nothing, nothing, flat + z @ first, flat + z @ second)

    def _unlinked(
        self, block: NDArray[np.int64], start: int, linked: list[CSR], part: NDArray[np.int64] | None
    ) -> NDArray[np.bool_]:
        """Say which pairs of the block's rows and the nodes from ``start`` on may be proposed."""
        columns = np.arange(start, self.graph_.num_nodes)
        allowed = block[:, None] != columns if self.graph_.directed else block[:, None] < columns
        for rows in linked:
            first, last = rows.indptr[block[0]], rows.indptr[block[-1] + 1]
            row = np.repeat(block - block[0], np.diff(rows.indptr[block[0] : block[-1] + 2]))
            column = rows.indices[first:last] - start
            allowed[row[column >= 0], column[column >= 0]] = False
        if part is not None:
            allowed &= part[block][:, None] != part[columns]
        return allowed

    def _with_edges_removed(self, train: LabelledPairs) -> NDArray[np.float64]:
        """Neighbourhood features of training pairs, each fold with its own edges taken out of the graph."""
        fold = np.random.default_rng(self.seed).integers(_FOLDS, size=len(train))
        features = np.empty((len(train), len(NEIGHBOURHOOD)))
        for k in range(_FOLDS):
            inside = fold == k
            rest = without(self.graph_, train.pairs[inside & train.label])
            features[inside] = neighbourhood_features(rest, train.pairs[inside])
        return features


def neighbourhood_features(graph: Graph, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Logarithms of `neighbourhood_scores`, (pairs, 6): counts that span decades become fit for a linear model."""
    logged: NDArray[np.float64] = np.log(neighbourhood_scores(graph, pairs) + EPSILON)
    return logged


def check_number(k: int, graph: Graph) -> None:
    """Refuse to predict more links than are missing."""
    missing = count_missing_links(graph)
    if not 1 <= k <= missing:
        raise DataError(f"k must be between 1 and {missing}, the number of missing links; got {k}")


def link_scores(label: NDArray[np.bool_], score: NDArray[np.float64]) -> dict[str, float]:
    """Score a ranking of pairs in the four ways every table shows."""
    return {
        "AUC": auc(label, score),
        "AP": average_precision(label, score),
        "MRR": mean_reciprocal_rank(label, score),
        "Hits@10": hits(label, score, 10),
    }


class _Factors(NamedTuple):
    """Log-odds of all pairs: left_u . right_v + left_bias_u + right_bias_v."""

    left: NDArray[np.float32]
    right: NDArray[np.float32]
    left_bias: NDArray[np.float64]
    right_bias: NDArray[np.float64]

    def block(self, rows: NDArray[np.int64], start: int) -> NDArray[np.float64]:
        """Log-odds of rows by all nodes from ``start`` on."""
        return self.left[rows] @ self.right[start:].T + self.left_bias[rows, None] + self.right_bias[start:]


class _Best(NamedTuple):
    """The best pairs seen so far, best first."""

    score: NDArray[np.float64]
    source: NDArray[np.int64]
    target: NDArray[np.int64]

    @classmethod
    def empty(cls) -> "_Best":
        return cls(np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64))

    def or_better(self, scores: NDArray[np.float64], block: NDArray[np.int64], start: int, k: int) -> "_Best":
        """Take in a block of scores; -inf is never taken."""
        flat = scores.ravel()
        floor = self.score[-1] if len(self.score) == k else -np.inf
        found = np.flatnonzero(flat > floor)
        if len(found) > k:
            kth = np.partition(flat[found], len(found) - k)[len(found) - k]
            found = found[flat[found] >= kth]
        row, column = np.divmod(found, scores.shape[1])
        score = np.concatenate([self.score, flat[found]])
        source = np.concatenate([self.source, block[row]])
        target = np.concatenate([self.target, column + start])
        order = np.argsort(-score, kind="stable")[:k]
        return _Best(score[order], source[order], target[order])
