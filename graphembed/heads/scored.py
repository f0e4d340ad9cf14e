"""Classifiers over `graphembed.scores.pair_scores`: regression and boosting, learnt from edges that are out of sight.

Edges to learn from are taken out of the graph a tenth at a time, and *all* pairs of a lot, linked or not, are scored on
what remains. Taking out only the edge of the pair in question is not enough: it blinds one pair to its own edge, but u
without that edge then appears in positives only and u with it in negatives, and boosting tells them by heart (measured:
NS, AUC among training pairs .997 and on the test .988; with lots .985 and .989).

Of the classifiers one half learns to tell links from the unlinked pairs given, the other from hard ones, mined in the
observed graph (`graphembed.sampling.hard.heart`): their mean is as good at random pairs and better at near misses. In
large graphs the latter are rarer, and their half counts less.
What several classifiers say is added up with the weights that pairs they have not learnt from give them.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from graphembed.graph import Graph
from graphembed.kernels.pairs import places
from graphembed.metrics import auc
from graphembed.sampling.hard import heart
from graphembed.scores import FAR, Latent, facts, pair_scores
from graphembed.splits import LabelledPairs, without

CLASSIFIERS = {  # and whose log-odds they add up
    "regression": ("regression",),
    "boosting": ("boosting",),
    "vote": ("regression", "boosting", "forest"),
}
_SHARE = 0.1  # of all edges, at most, that are out of sight at a time
NEGATIVES = ("both", "given", "hard")
_HARD_LINKS, _HARD_EACH, _HARD_AMONG = 500, 8, 500  # links that have hard negatives, how many each, drawn from the best
_OWN = 0x68617264  # who asks `heart` with the same seed gets other draws
_EACH_TREE = 8000  # pairs that each tree of the forest learns from
_AT_A_TIME = 1 << 15  # pairs
_ROUNDS = 5  # of cross-validation, each over some of the lots
_LINKS, _UNLINKED = 5_000, 25_000  # pairs to learn from, at most: the best of the unlinked ones are few
_EVEN = 5_000  # nodes up to which hard negatives count as much as those given; then the less the more nodes
_LATENT = 30_000  # nodes up to which directions of the whole graph are looked for
_FEWEST = 200  # and from which on: of fewer nodes there are too few directions
_DEEP = 1_000_000  # edges, either way, up to which walks and paths are looked at
_OUTLIER = 4.0  # in standard deviations: further out is no further
_AS_THEY_ARE = (
    "likeness",
    "clustering",
    "Jaccard",
    "Salton",
    "rank",
    "inner",
    "cosine",
    "row",
    "even",
    "neighbours alike",
)
_Floats = NDArray[np.float64]


class Scored(NamedTuple):
    """A classifier over pair scores.

    Log-odds are calibrated for lots of which half are linked: Platt's straight line through what the classifier says of
    pairs it has not learnt from.
    """

    kind: str
    columns: list[str]
    mean: _Floats
    spread: _Floats
    parts: list[Any]  # fitted models
    weights: _Floats  # of their log-odds in the sum
    slope: float
    shift: float
    auc: float  # of pairs it had not learnt from

    def standard(self, scores: pd.DataFrame) -> _Floats:
        """(pairs, columns): logarithms, mean 0, variance 1, no outliers."""
        return _standard(logged(scores), self.mean, self.spread)

    def log_odds(self, features: _Floats) -> _Floats:
        """(pairs,) from what `standard` returns."""
        said = np.stack([_odds(part, features) for part in self.parts], axis=1)
        odds: _Floats = self.slope * (said @ self.weights) + self.shift
        return odds


def learn(
    graph: Graph, train: LabelledPairs, kind: str | None, seed: int, strength: float = 1.0, negatives: str = "both"
) -> Scored:
    """Learn which pairs are linked.

    Args:
        graph: The observed graph.
        train: Labelled pairs; the linked ones are edges of the graph.
        kind: One of `CLASSIFIERS`, or None: the one with the highest AUC in cross-validation.
        seed: For the lots, the hard negatives and the trees.
        strength: Inverse of the regression's regularisation, scikit-learn's C.
        negatives: What to tell links from, one of `NEGATIVES`.
    """
    scores, lot, label, hard = training_scores(graph, train, seed, negatives != "given")
    wide, given = logged(scores), ~hard
    middle, spread = wide[given].to_numpy().mean(axis=0), wide[given].to_numpy().std(axis=0)
    spread = np.where(spread > 1e-9, spread, 1.0)
    features = _standard(wide, middle, spread)
    lessons = [given] * (negatives != "hard" or not hard.any()) + [label | hard] * bool(hard.any())
    rare = min(1, _EVEN / graph.num_nodes) / 2
    shares = [1.0] if len(lessons) == 1 else [1 - rare, rare]
    makers = _makers(seed, strength)
    kinds = list(CLASSIFIERS) if kind is None else [kind]
    with threadpool_limits(1):  # sums in the same order on any machine; and idle threads that spin take hours
        unseen = [
            {part: _out_of_sight(makers[part], features, label, lot, lesson) for part in _parts(kinds)}
            for lesson in lessons
        ]
        found = {}
        for each in kinds:
            odds = [np.stack([said[part] for part in CLASSIFIERS[each]], axis=1) for said in unseen]
            weights = [
                share * stacked(said[lesson], label[lesson])
                for said, lesson, share in zip(odds, lessons, shares, strict=True)
            ]
            mean = np.sum([said @ weight for said, weight in zip(odds, weights, strict=True)], axis=0)[given]
            found[each] = auc(label[given], mean), mean, np.concatenate(weights)
        best = max(found, key=lambda each: found[each][0])
        worth, mean_odds, weight = found[best]
        line = LogisticRegression(C=1e6).fit(mean_odds[:, None], label[given])
        fitted = [
            makers[part](int(lesson.sum())).fit(features[lesson], label[lesson])
            for lesson in lessons
            for part in CLASSIFIERS[best]
        ]
    even = np.log(label[given].sum() / (~label[given]).sum())
    slope, shift = float(line.coef_[0, 0]), float(line.intercept_[0] - even)
    return Scored(best, list(wide.columns), middle, spread, fitted, weight, slope, shift, worth)


class Scorer:
    """All scores of pairs of one graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.known = graph, facts(graph)
        with threadpool_limits(1):
            self.latent = Latent(graph) if _FEWEST <= graph.num_nodes <= _LATENT else None

    def scores(self, pairs: NDArray[np.int64]) -> pd.DataFrame:
        """One row a pair that is not linked; scores that look at the whole graph would see the link of one that is."""
        local = pair_scores(self.graph, pairs, self.known, deep=self.known.step.size <= _DEEP)
        if self.latent is None:
            return local
        return pd.concat([local, self.latent.scores(pairs)], axis=1)

    def in_lots(self, pairs: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], pd.DataFrame]]:
        """Score a few thousand pairs at a time, the same in any company: which rows, and their scores.

        Those that are linked are scored on the graph without a tenth of its edges; which tenth an edge belongs to
        follows from its ends.
        """
        lot = np.where(self.linked(pairs), _tenth(pairs), -1)
        for number in np.unique(lot).tolist():
            scorer, inside = self, np.flatnonzero(lot == number)
            if number >= 0:
                edges = self.graph.pairs
                scorer = Scorer(without(self.graph, edges[_tenth(edges) == number]))
            for first in range(0, inside.size, _AT_A_TIME):
                some = inside[first : first + _AT_A_TIME]
                yield some, scorer.scores(pairs[some])

    def linked(self, pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say which pairs are, in any direction."""
        u, v = np.ascontiguousarray(pairs.T)
        there: NDArray[np.bool_] = places(self.known.out, u, v) >= 0
        return there | (places(self.known.out, v, u) >= 0)


def _tenth(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a number below ten for each pair of nodes, in any order, that spreads the edges of a node over all."""
    number: NDArray[np.int64] = pairs.sum(axis=1) % round(1 / _SHARE)
    return number


def training_scores(
    graph: Graph, train: LabelledPairs, seed: int, with_hard: bool = False
) -> tuple[pd.DataFrame, NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Score some pairs to learn from with their edges out of sight: scores, lot, label, and whether it was added."""
    order = np.random.default_rng(seed).permutation(len(train))
    linked = train.label[order]
    some = order[np.where(linked, np.cumsum(linked) <= _LINKS, np.cumsum(~linked) <= _UNLINKED)]
    pairs, label = train.pairs[some], train.label[some]
    added = _hard_negatives(graph, pairs[label], seed) if with_hard else np.empty((0, 2), np.int64)
    hard = np.arange(len(pairs) + len(added)) >= len(pairs)
    pairs, label = np.concatenate([pairs, added]), np.concatenate([label, np.zeros(len(added), bool)])
    scores, lot = out_of_sight_scores(graph, pairs, label)
    return scores, lot if lot.max() >= _ROUNDS - 1 else np.arange(len(pairs)) % _ROUNDS, label, hard


def _hard_negatives(graph: Graph, links: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Draw unlinked pairs that heuristics like best, for some of the links; none in large graphs: it takes long."""
    if graph.num_nodes > _LATENT:
        return np.empty((0, 2), np.int64)
    rng = np.random.default_rng([seed, _OWN])
    some = rng.permutation(len(links))[:_HARD_LINKS]
    best = heart(graph, graph, links[some], _HARD_AMONG, seed ^ _OWN).negatives
    order = np.argsort(rng.random(best.shape[:2]), axis=1)[:, :_HARD_EACH]
    drawn = np.take_along_axis(best, order[:, :, None], axis=1).reshape(-1, 2)
    found = np.unique(drawn[drawn[:, 0] >= 0], axis=0)
    return found if len(found) >= 2 * _ROUNDS else found[:0]  # some in every round


def out_of_sight_scores(
    graph: Graph, pairs: NDArray[np.int64], linked: NDArray[np.bool_]
) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Score pairs in lots, the linked ones of a lot taken out of the graph together: scores, and the lot of each."""
    lots = max(1, round(int(linked.sum()) / (_SHARE * max(graph.num_edges, 1))))
    lot = np.empty(len(pairs), np.int64)
    for kind in (linked, ~linked):  # as many of either kind in each
        lot[kind] = np.arange(int(kind.sum())) % lots
    found = []
    for number in range(lots):
        inside = lot == number
        rest = without(graph, pairs[inside & linked])
        found.append(Scorer(rest).scores(pairs[inside]).set_index(np.flatnonzero(inside)))
    return pd.concat(found).sort_index(), lot


def logged(scores: pd.DataFrame) -> pd.DataFrame:
    """Bring scores that span decades to a scale fit for a sum: logarithms, but for shares and cosines."""
    columns = {}
    for name in scores.columns:
        values = scores[name].to_numpy()
        if name.startswith(_AS_THEY_ARE):
            columns[name] = values
        elif name == "distance":
            columns["1 / distance"] = np.where(values > FAR, 0, 1 / values)
            columns["no path"] = (values > FAR).astype(np.float64)
        elif name.startswith(("PageRank", "walk")):
            columns[f"log {name}"] = np.log(values + 1e-6)
        elif name.startswith(("degree", "neighbour degree", "common", "preferential")):
            columns[f"log {name}"] = np.log1p(values)
        else:
            columns[f"log {name}"] = np.log(values + 1e-4)
    return pd.DataFrame(columns, index=scores.index)


def _makers(seed: int, strength: float) -> dict[str, Callable[[int], Any]]:
    """Functions that make a classifier to learn from so many pairs."""
    return {
        "regression": lambda _: LogisticRegression(C=strength, max_iter=3000),
        "boosting": lambda _: HistGradientBoostingClassifier(
            learning_rate=0.03,
            max_iter=300,
            max_leaf_nodes=16,
            l2_regularization=1.0,
            min_samples_leaf=20,
            max_features=0.3,
            early_stopping=False,
            random_state=seed,
        ),
        "forest": lambda pairs: ExtraTreesClassifier(
            100,
            min_samples_leaf=3,
            max_features=0.4,
            bootstrap=True,
            max_samples=min(_EACH_TREE, pairs),
            random_state=seed,
        ),
    }


def _parts(kinds: list[str]) -> list[str]:
    return list(dict.fromkeys(part for kind in kinds for part in CLASSIFIERS[kind]))


def stacked(odds: _Floats, label: NDArray[np.bool_], strength: float = 1e3) -> _Floats:
    """Weigh classifiers, (pairs, parts) log-odds, by a regression without weights below zero (van der Laan 2007)."""
    weight, taken = np.zeros(odds.shape[1]), np.ones(odds.shape[1], bool)
    while taken.any():
        found = LogisticRegression(C=strength).fit(odds[:, taken], label).coef_[0]
        if (found >= 0).all():
            weight[taken] = found
            break
        taken[taken] = found >= 0
    return weight


def _odds(model: Any, features: _Floats) -> _Floats:
    if not len(features):
        return np.empty(0)
    if isinstance(model, ExtraTreesClassifier):  # its shares may be 0 or 1
        return np.asarray(logit(0.001 + 0.998 * model.predict_proba(features)[:, 1]))
    odds: _Floats = model.decision_function(features)
    return odds


def _standard(wide: pd.DataFrame, mean: _Floats, spread: _Floats) -> _Floats:
    clipped: _Floats = np.clip((wide.to_numpy() - mean) / spread, -_OUTLIER, _OUTLIER)
    return clipped


def _out_of_sight(
    make: Callable[[int], Any],
    features: _Floats,
    label: NDArray[np.bool_],
    lot: NDArray[np.int64],
    lesson: NDArray[np.bool_],
) -> _Floats:
    """Log-odds of every pair by a model that has not learnt from its lot, only from pairs of the lesson."""
    odds = np.empty(len(label))
    for number in range(_ROUNDS):
        inside = lot % _ROUNDS == number
        if inside.any():
            seen = lesson & ~inside
            odds[inside] = _odds(make(int(seen.sum())).fit(features[seen], label[seen]), features[inside])
    return odds
