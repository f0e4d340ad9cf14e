"""`LinkHead`: what every head can say of links once it is fitted, from its log-odds alone."""

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.base import BaseEstimator

from graphembed.embedding import Embedding
from graphembed.errors import DataError
from graphembed.graph import Graph, as_graph
from graphembed.heads.candidates import near, two_hop
from graphembed.heads.exhaustive import Best, Factors, best_of_all
from graphembed.metrics import auc, average_precision, hits, mean_reciprocal_rank
from graphembed.parallel import one_thread
from graphembed.sampling.pairs import count_missing_links, is_in, pair_keys
from graphembed.scores import Facts, facts
from graphembed.splits import LabelledPairs

_SHORTLIST = 20_000  # pairs two steps apart, or near each other, that are looked at closely
_EVERY = 50_000  # up to so many missing links all are
AMONG = ("exhaustive", "two-hop", "nearest", "two-hop+nearest")


class LinkHead(BaseEstimator, ABC):
    """Answers of a fitted head; it brings `log_odds`, ``graph_`` and, where it has some, vectors.

    Attributes:
        graph_: The observed graph: its links are not predicted again.
        embedding_: One vector per node, or None.
    """

    graph_: Graph
    embedding_: Embedding | None

    @abstractmethod
    def log_odds(self, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the log-odds, (pairs,), that the (pairs, 2) rows u, v are linked, among pairs of which half are."""

    def look_at(self, graph: Any) -> Self:
        """Go on with another graph of the same nodes, such as one with more links: what has been learnt stays.

        Raises:
            DataError: The graph has other nodes.
            ValueError: The head goes by vectors, which another graph would not change.
        """
        graph = as_graph(graph)
        if graph.names != self.graph_.names:
            raise DataError(f"expected the nodes of {self.graph_}, in the same order, got {graph}: fit again")
        self.graph_ = graph
        return self

    def predict_proba(self, pairs: NDArray[np.int64], share: float | None = None) -> NDArray[np.float64]:
        """Return the probability, (pairs,), that the (pairs, 2) rows u, v are linked; symmetric if the graph is.

        How far to trust it says the head. The prior is moved by Bayes' rule.

        Args:
            pairs: Those asked for. What is known of links between them is not used.
            share: Of all pairs like these, how many are linked; by default what it is in the graph (its density).
        """
        share = self._density() if share is None else share
        probability: NDArray[np.float64] = expit(self.log_odds(pairs) + shift_to(share))
        return probability

    def score(self, test: LabelledPairs) -> dict[str, float]:
        """Return AUC, AP (area under precision-recall), MRR and Hits@10 of labelled pairs."""
        with one_thread():
            score = self.log_odds(test.pairs)
        return link_scores(test.label, score)

    def predict_links(self, k: int = 10, among: str | None = None, exclude_known: bool = True) -> pd.DataFrame:
        """Return the ``k`` most plausible links, best first; memory does not grow with the square of the nodes.

        For graphs in two parts (``data.part``) only links across are considered. Ties go to the earlier pair.

        Args:
            k: How many.
            among: "exhaustive": every pair, in blocks of rows; exact, and quick for vectors (but "l1"), while with pair
                scores it takes seconds for a hundred thousand pairs. "two-hop": the 20 000 pairs (or 20 k) with the
                highest resource allocation, three steps apart if there are two parts. "nearest": about as many pairs
                whose vectors point the same way. "two-hop+nearest": both. By default "exhaustive" for vectors alone or
                up to 50 000 missing links, else the last one where there are vectors, and "two-hop" where not.
            exclude_known: Leave out pairs that are linked in any direction.

        Returns:
            Columns ``source``, ``target`` (names), ``score`` (see `log_odds`) and ``probability`` (see
            `predict_proba`); ``attrs["among"]`` says what was looked at.

        Raises:
            DataError: There are fewer than ``k`` pairs left, or ``k`` is below 1.
            ValueError: An unknown ``among``, or "nearest" without vectors.
        """
        if exclude_known:
            check_number(k, self.graph_)
        factors = self._factors()
        if among is None:
            quick = factors is not None or count_missing_links(self.graph_) <= _EVERY
            among = "exhaustive" if quick else ("two-hop" if self.embedding_ is None else "two-hop+nearest")
        if among == "exhaustive":
            best = best_of_all(self.graph_, k, exclude_known, self.log_odds if factors is None else factors)
        else:
            best = self._best_of_few(k, among, exclude_known)
        names = np.array(self.graph_.names, object)
        found = pd.DataFrame(
            {
                "source": names[best.source],
                "target": names[best.target],
                "score": best.score,
                "probability": expit(best.score + shift_to(self._density())),
            }
        )
        found.attrs["among"] = among
        return found

    def _factors(self) -> Factors | None:
        """Write the log-odds of all pairs as products of vectors, if that is what they are."""
        return None

    def _known(self) -> Facts:
        """Look at the graph as pair scores do."""
        return facts(self.graph_)

    def _density(self) -> float:
        """Of all pairs that could be linked, the share that is."""
        linked = self.graph_.num_edges - self.graph_.self_loops
        share: float = linked / max(linked + count_missing_links(self.graph_), 1)
        return share

    def _best_of_few(self, k: int, among: str, exclude_known: bool) -> Best:
        if among not in AMONG:
            raise ValueError(f"among must be one of {', '.join(map(repr, AMONG))}, got {among!r}")
        graph, most = self.graph_, max(_SHORTLIST, 20 * k)
        found = []
        if "two-hop" in among:
            found.append(two_hop(graph, self._known(), most, exclude_known))
        if "nearest" in among:
            if self.embedding_ is None:
                raise ValueError(f"among={among!r} needs vectors; use 'two-hop' or 'exhaustive'")
            pairs = near(graph, self.embedding_, most)
            if exclude_known:  # as `two_hop` does
                known = np.unique(pair_keys(graph.pairs, graph.num_nodes))
                pairs = pairs[~is_in(pair_keys(pairs, graph.num_nodes), known)]
            found.append(pairs)
        pairs = np.concatenate(found)
        if not graph.directed:
            pairs = np.sort(pairs, axis=1)
        pairs = np.unique(pairs, axis=0)
        if len(pairs) < k:
            raise DataError(
                f"among the {len(pairs)} pairs found by {among!r} there are fewer than {k}; use among='exhaustive'"
            )
        odds = self.log_odds(pairs)
        order = np.argsort(-odds, kind="stable")[:k]
        return Best(odds[order], *pairs[order].T)


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


def shift_to(share: float) -> float:
    """Log-odds to add when not half of the pairs are linked but this share: Bayes' rule for another prior."""
    return float(logit(np.clip(share, 1e-300, 1 - 1e-16)))
