"""Splits at random: every linked pair is as likely to be tested, once or in turn."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from graphembed.errors import DataError
from graphembed.graph import as_graph
from graphembed.splits.edges import EdgeSplit, check_sides, share_out
from graphembed.splits.pairs import linked_pairs


def split_edges(
    graph: Any, test: float = 0.1, valid: float = 0.05, seed: int = 0, *, keep_forest: bool = False
) -> EdgeSplit:
    """Share the edges of a graph out among training, validation and test, with negatives for each.

    Args:
        graph: Anything `graphembed.as_graph` reads.
        test: Share of the linked pairs that is tested on.
        valid: Share of the linked pairs that choices are made on; 0 for none.
        seed: Everything random comes from it.
        keep_forest: Keep a random spanning forest in training, so that no node loses its last edge and no component
            falls apart. The test then holds no bridge: say so when you report it.

    Raises:
        DataError: Too few edges or too few unlinked pairs for this split.
        ValueError: Shares that are negative or leave no training edge.

    Example:
        >>> import networkx as nx
        >>> split = split_edges(nx.karate_club_graph(), test=0.1, valid=0.1)
        >>> split.observed.num_edges, len(split.test), split.audit()
        (62, 16, [])
    """
    graph = as_graph(graph)
    if not (0 < test < 1 and 0 <= valid < 1 and test + valid < 1):
        raise ValueError(f"shares must satisfy 0 < test, 0 <= valid, test + valid < 1; got test={test}, valid={valid}")
    check_sides(graph)
    rng = np.random.default_rng(seed)
    linked = rng.permutation(linked_pairs(graph))
    tested, validated = at_least_one(test, len(linked)), at_least_one(valid, len(linked))
    if len(linked) <= tested + validated:
        raise DataError(
            f"not enough edges to split: {graph} has {len(linked)} linked pairs; use a larger graph or smaller shares"
        )
    if keep_forest:
        kept = _spanning_forest(linked, graph.num_nodes)
        if tested + validated > len(linked) - kept.sum():
            raise DataError(
                f"a spanning forest needs {int(kept.sum())} of the {len(linked)} linked pairs, which leaves too few "
                f"for {tested} test and {validated} validation pairs; use keep_forest=False or smaller shares"
            )
        linked = np.concatenate([linked[~kept], linked[kept]])
    return share_out(graph, linked[:tested], linked[tested : tested + validated], rng)


def split_folds(graph: Any, folds: int = 5, times: int = 1, valid: float = 0.05, seed: int = 0) -> Iterator[EdgeSplit]:
    """Cross-validate: share the linked pairs out among folds and test each in turn, so that each pair is tested once.

    Args:
        graph: Anything `graphembed.as_graph` reads.
        folds: How many.
        times: How often, each time shared out anew.
        valid: Share of the linked pairs that choices are made on, taken from the other folds.
        seed: Everything random comes from it.

    Returns:
        ``folds * times`` splits, made one by one.

    Raises:
        DataError: Fewer linked pairs than folds, or too few unlinked ones.
        ValueError: Fewer than two folds, or a share that leaves no training edge.

    Example:
        >>> import networkx as nx
        >>> [int(split.test.label.sum()) for split in split_folds(nx.karate_club_graph(), folds=4)]
        [20, 20, 19, 19]
    """
    graph = as_graph(graph)
    if folds < 2 or times < 1 or not 0 <= valid < 1 - 1 / folds:
        raise ValueError(
            "expected folds >= 2, times >= 1 and 0 <= valid < 1 - 1 / folds; "
            f"got folds={folds}, times={times}, valid={valid}"
        )
    linked = linked_pairs(graph)
    if len(linked) < folds:
        raise DataError(f"{folds} folds need as many linked pairs; {graph} has {len(linked)}")
    for time in range(times):
        mixed = np.random.default_rng((seed, time)).permutation(linked)
        for fold, some in enumerate(np.array_split(np.arange(len(mixed)), folds)):
            rng = np.random.default_rng((seed, time, fold))
            others = rng.permutation(np.delete(mixed, some, axis=0))
            yield share_out(graph, mixed[some], others[: at_least_one(valid, len(linked))], rng)


def _spanning_forest(linked: NDArray[np.int64], nodes: int) -> NDArray[np.bool_]:
    """Say which pairs form a spanning forest; ``linked`` is in random order, and so is the forest."""
    weight = np.arange(1, len(linked) + 1)  # all different, so the lightest forest is the first in random order
    matrix = sp.csr_array((weight, tuple(linked.T)), shape=(nodes, nodes))
    forest = sp.csgraph.minimum_spanning_tree(matrix)
    kept = np.zeros(len(linked), bool)
    kept[forest.data.astype(np.int64) - 1] = True
    return kept


def at_least_one(share: float, count: int) -> int:
    """Count a share, at least one unless it is none."""
    return max(1, round(share * count)) if share > 0 else 0
