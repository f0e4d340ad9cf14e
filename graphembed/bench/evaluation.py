"""One judge for every score of links: the same links, the same negatives, the same figures, and what is known for free.

A score is any function that takes (pairs, 2) rows of nodes and gives (pairs,) numbers; of undirected graphs it must not
depend on the order of a pair. Who the links are told from decides what figures mean:

the split's own negatives, or any (negatives, 2)   AUC, AP as drawn and at the true sparsity, places among all of them
a `graphembed.sampling.hard.Ranking`               places of each link among negatives of its own (HeaRT)
"all"                                              every unlinked pair, exactly, in blocks: AP, precision at k
"filtered"                                         each end asks for the other among all nodes it is not linked to

Figures of the first and third are headed by AUC, of the others by MRR; ``lift`` is what a score gains on degree alone.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphembed.bench.baselines import DEGREE, Score, baselines, cosine
from graphembed.bench.cost import measured
from graphembed.bench.lists import BLOCK, filtered_ranks, links_of, scored
from graphembed.errors import DataError
from graphembed.metrics import (
    Counts,
    auc_of,
    average_precision_of,
    count,
    interval,
    mean_interval,
    precision_of,
    rank_scores,
    ranks_among,
    ranks_of,
    resampled,
)
from graphembed.sampling.hard import Ranking
from graphembed.sampling.pairs import count_missing_links, non_edges
from graphembed.splits import EdgeSplit, LabelledPairs

Negatives = NDArray[np.int64] | Ranking | str | None
Row = dict[str, float]
MOST_NODES = 20_000  # up to here all pairs are asked for


def evaluate(
    score: Score, split: EdgeSplit, negatives: Negatives = None, *, part: str = "test", times: int = 1000, seed: int = 0
) -> Row:
    """Judge a score.

    Args:
        score: (pairs, 2) rows to (pairs,) numbers, higher for what is more likely linked.
        split: Its test links are to be found.
        negatives: What they are told from, see the head of this file; by default what the split brings.
        part: ``"test"`` or ``"valid"``.
        times: Draws of the bootstrap, behind ``low`` and ``high``: between them lie 95 %. With "all", only links are
            drawn: chance has no part in the negatives.
        seed: Of the bootstrap.

    Returns:
        AUC or MRR with ``low`` and ``high``, AP, NDCG, Hits@k, ..., ``lift``, ``seconds`` and ``peak MiB``. ``AP true``
        lets each negative stand for as many as there are unlinked pairs for each; where that is thousands it is far
        too high (Cora, 528 negatives, resource allocation: .24), and only "all" tells it (.02).

    Raises:
        DataError: No links to find, or all pairs of a graph of more than 20 000 nodes are asked for.
        ValueError: Scores that are not finite, or not one for each pair.

    Example:
        >>> import networkx as nx
        >>> from graphembed.splits import split_edges
        >>> split = split_edges(nx.karate_club_graph(), test=0.2, seed=1)
        >>> row = evaluate(lambda pairs: pairs.sum(axis=1), split, times=100)
        >>> row["low"] < row["AUC"] < row["high"]
        True
    """
    row = _judge(score, split, negatives, part, times, seed)
    alone = _judge(baselines(split.observed)[DEGREE], split, negatives, part, 0, seed)
    return row | {"lift": row[headline(negatives)] - alone[headline(negatives)]}


def scorecard(
    scores: Mapping[str, Score],
    split: EdgeSplit,
    negatives: Negatives = None,
    *,
    part: str = "test",
    times: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Judge several scores, and those of `baselines`, which are always there: one row each.

    Args:
        scores: Name of the row to score.
        split: Its test links are to be found.
        negatives: As in `evaluate`.
        part: ``"test"`` or ``"valid"``.
        times: Draws of the bootstrap.
        seed: Of the bootstrap and of the random row.

    Example:
        >>> import networkx as nx
        >>> from graphembed.splits import split_edges
        >>> table = scorecard({}, split_edges(nx.karate_club_graph(), test=0.2), times=10)
        >>> table.index.tolist(), float(table.lift["degree"])
        (['degree', 'common neighbours', 'resource allocation', 'PageRank', 'L3', 'random'], 0.0)
    """
    free = baselines(split.observed, seed)
    rows = {name: _judge(score, split, negatives, part, times, seed) for name, score in {**scores, **free}.items()}
    table = pd.DataFrame(rows).T
    table.insert(1, "lift", table[headline(negatives)] - table.loc[DEGREE, headline(negatives)])
    return table


def headline(negatives: Negatives) -> str:
    """Name the figure that heads the row."""
    return (
        "MRR" if isinstance(negatives, Ranking) or (isinstance(negatives, str) and negatives == "filtered") else "AUC"
    )


def canaries(split: EdgeSplit, negatives: Negatives = None, *, dim: int = 32, seed: int = 0) -> list[str]:
    """Send scores that know nothing through the evaluator; a sentence for each that seems to know something.

    The identity as an embedding gives every pair the same score: AUC must be .5. A random embedding must be there
    within its 99.9 % interval. (Whoever fails has a broken evaluator, or negatives that are told by their order.)

    Example:
        >>> import networkx as nx
        >>> from graphembed.splits import split_edges
        >>> canaries(split_edges(nx.les_miserables_graph(), test=0.2))
        []
    """
    asked, others = links_of(split, "test"), _drawn(split, negatives, "test")
    z = np.random.default_rng(seed).normal(size=(split.graph.num_nodes, dim)).astype(np.float32)
    said = []
    if (worth := auc_of(_counts(lambda pairs: (pairs[:, 0] == pairs[:, 1]).astype(float), asked, [others]))) != 0.5:
        said.append(
            f"the identity as an embedding has AUC {worth:.3f}; it says the same of all pairs, so it must be .5"
        )
    counts = _counts(cosine(z), asked, [others])
    low, high = interval((auc_of(drawn) for drawn in resampled(counts, 1000, seed)), 0.999)
    if not low <= 0.5 <= high:
        said.append(f"a random embedding has AUC {auc_of(counts):.3f} ({low:.3f} to {high:.3f}), not .5")
    return said


def _judge(score: Score, split: EdgeSplit, negatives: Negatives, part: str, times: int, seed: int) -> Row:
    row, cost = measured(lambda: _figures(score, split, negatives, part, times, seed))
    return row | {"seconds": cost.seconds, "peak MiB": cost.peak}


def _figures(score: Score, split: EdgeSplit, negatives: Negatives, part: str, times: int, seed: int) -> Row:
    if isinstance(negatives, Ranking):
        return _by_rank(_own_ranks(score, negatives), times, seed)
    links = links_of(split, part)
    if isinstance(negatives, str):
        if negatives not in ("all", "filtered"):
            raise ValueError(f"negatives must be pairs, a Ranking, 'all' or 'filtered', got {negatives!r}")
        if negatives == "filtered":
            return _by_rank(filtered_ranks(score, split.graph, links), times, seed)
        if split.graph.num_nodes > MOST_NODES:
            raise DataError(
                f"all pairs are asked for in graphs of up to {MOST_NODES} nodes, this has {split.graph.num_nodes}: "
                "draw negatives, or ask for 'filtered'"
            )
        counts = _counts(score, links, non_edges(split.graph, BLOCK))
        found = {"AP true": average_precision_of(counts)}
        found |= {f"P@{k}": precision_of(counts, k) for k in (10, 100, len(links))}
        exact = True
    else:
        others = _drawn(split, negatives, part)
        counts = _counts(score, links, [others])
        weight = count_missing_links(split.graph) / len(others)
        found = {"AP true": average_precision_of(counts, weight)}
        exact = False
    row = {"AUC": auc_of(counts)}
    if times:
        row |= interval(auc_of(drawn) for drawn in resampled(counts, times, seed, negatives=not exact))._asdict()
    return row | {"AP": average_precision_of(counts)} | found | rank_scores(ranks_of(counts))


def _by_rank(ranks: NDArray[np.float64], times: int, seed: int) -> Row:
    row = rank_scores(ranks)
    if times:
        row |= mean_interval(1 / ranks, times=times, seed=seed)._asdict()
    return row


def _drawn(split: EdgeSplit, negatives: Negatives, part: str) -> NDArray[np.int64]:
    if isinstance(negatives, np.ndarray):
        return negatives
    pairs: LabelledPairs = getattr(split, part)
    return pairs.pairs[~pairs.label]


def _counts(score: Score, links: NDArray[np.int64], others: Iterable[NDArray[np.int64]]) -> Counts:
    blocks = (some[first : first + BLOCK] for some in others for first in range(0, len(some), BLOCK))
    return count(scored(score, links), (scored(score, some) for some in blocks))


def _own_ranks(score: Score, ranking: Ranking) -> NDArray[np.float64]:
    """Place of each link among negatives of its own."""
    several = max(ranking.negatives.shape[1], 1)
    ranks = np.empty(len(ranking))
    for first in range(0, len(ranking), max(1, BLOCK // several)):
        rows = slice(first, first + max(1, BLOCK // several))
        others = ranking.negatives[rows]
        there = others[:, :, 0] >= 0
        scores = np.full(there.shape, -np.inf)
        scores[there] = scored(score, others[there])
        ranks[rows] = ranks_among(scored(score, ranking.positives[rows]), scores)
    return ranks
