"""`EdgeSplit`, and the one function that makes it: these pairs are tested, those choose, all else is observed.

The unit of a split is the unordered pair of nodes: all edges between two nodes (both directions of a directed graph,
too) go to one part. Negatives are unlinked pairs of the *whole* graph, different in every part, as many as positives.
Self-loops stay in training and are never asked for.
"""

import dataclasses as dc
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from graphembed.errors import DataError
from graphembed.graph import Graph, as_graph
from graphembed.sampling.pairs import is_in, pair_keys, parts, sample_alike
from graphembed.splits.audit import audit, easy
from graphembed.splits.pairs import LabelledPairs, linked_pairs, without


@dc.dataclass(frozen=True, eq=False)
class EdgeSplit:
    """A graph whose edges are shared out among training, validation and test.

    Args:
        graph: The whole graph.
        observed: The same nodes with the training edges (and self-loops) only.
        train: Training edges and as many unlinked pairs.
        valid: Validation edges and as many unlinked pairs.
        test: Test edges and as many unlinked pairs.
        group: (nodes,) where the split is not the same for all nodes: negatives must lie within and between these
            groups as often as links, or the rule of the split gives links away.
    """

    graph: Graph
    observed: Graph
    train: LabelledPairs
    valid: LabelledPairs
    test: LabelledPairs
    group: NDArray[np.int64] | None = None

    def audit(self) -> list[str]:
        """Recompute from scratch whether the split leaks: a sentence for each leak, an empty list if there is none."""
        return audit(self.graph, self.observed, {"train": self.train, "valid": self.valid, "test": self.test})

    def warnings(self) -> list[str]:
        """Say what makes the test easier, or other, than it looks, without being a leak: see `easy`."""
        return easy(self.graph, self.observed, self.test)

    def check(self) -> Self:
        """Return the split if it does not leak.

        Raises:
            DataError: It leaks, in the words of `audit`.
        """
        if leaks := self.audit():
            raise DataError(
                f"the split leaks: {'; '.join(leaks)}. What is scored on it means nothing; split_edges and its like "
                "make splits that do not leak"
            )
        return self


def split_pairs(
    graph: Any,
    test: NDArray[np.int64],
    valid: NDArray[np.int64] | None = None,
    seed: int = 0,
    *,
    group: NDArray[np.int64] | None = None,
    train: NDArray[np.int64] | None = None,
) -> EdgeSplit:
    """Test these linked pairs, choose on those, train on the rest; draw negatives for each.

    Args:
        graph: Anything `graphembed.as_graph` reads.
        test: (any, 2) linked pairs, in whichever direction.
        valid: (any, 2) linked pairs.
        seed: Negatives come from it.
        group: (nodes,) groups of nodes, whole numbers from 0: then negatives of each part lie within and between the
            groups as often as its links, so that the groups alone tell nothing.
        train: (any, 2) the pairs that stay; by default all others. What is in no part is hidden and not asked for.

    Raises:
        DataError: Pairs that are not linked or in two parts; too few edges or too few unlinked pairs.

    Example:
        >>> import networkx as nx
        >>> split = split_pairs(nx.cycle_graph(5), np.array([[1, 0]]))
        >>> split.observed.num_edges, split.test.pairs[0].tolist(), split.audit()
        (4, [0, 1], [])
    """
    return share_out(as_graph(graph), test, valid, np.random.default_rng(seed), group, group, train)


def share_out(
    graph: Graph,
    test: NDArray[np.int64],
    valid: NDArray[np.int64] | None,
    rng: np.random.Generator,
    group: NDArray[np.int64] | None = None,
    train_group: NDArray[np.int64] | None = None,
    train: NDArray[np.int64] | None = None,
) -> EdgeSplit:
    """Do what `split_pairs` says, with chance from ``rng``; negatives for training may keep to other groups."""
    check_sides(graph)
    nodes, linked = graph.num_nodes, pair_keys(linked_pairs(graph), graph.num_nodes)
    held = [_keys(test, nodes), _keys([] if valid is None else valid, nodes)]
    rest = np.setdiff1d(linked, np.concatenate(held), assume_unique=True)
    chosen = [*held, rest if train is None else _keys(train, nodes)]
    together = np.concatenate(chosen)
    if (wrong := int((~is_in(together, linked)).sum())) or len(np.unique(together)) < len(together):
        what = f"{wrong} pairs are not linked" if wrong else "some pairs are in two parts"
        raise DataError(f"{what}: a split shares out the linked pairs of the graph ({graph})")
    if not len(chosen[0]) or not len(chosen[2]):
        raise DataError(
            f"not enough edges to split: {graph} has {len(linked)} linked pairs, of which {len(chosen[0])} would be "
            f"tested and {len(chosen[2])} stay in training; use a larger graph or other shares"
        )
    keys = pair_keys(graph.pairs, nodes)
    positives = [graph.pairs[is_in(keys, some)] for some in chosen]
    if group is None:
        drawn = sample_alike(graph, np.concatenate(positives), rng)
    else:
        drawn = sample_alike(graph, np.concatenate(positives[:2]), rng, group)
        drawn = np.concatenate([drawn, sample_alike(graph, positives[2], rng, train_group, drawn)])
    sets = [
        LabelledPairs(np.concatenate([yes, no]), np.repeat([True, False], [len(yes), len(no)]))
        for yes, no in zip(positives, np.split(drawn, np.cumsum([len(yes) for yes in positives])[:-1]), strict=True)
    ]
    hidden = np.setdiff1d(linked, chosen[2], assume_unique=True)
    observed = without(graph, np.stack([hidden // nodes, hidden % nodes], axis=1))
    return EdgeSplit(graph, observed, train=sets[2], valid=sets[1], test=sets[0], group=group)


def _keys(pairs: Any, nodes: int) -> NDArray[np.int64]:
    return np.unique(pair_keys(np.asarray(pairs, np.int64).reshape(-1, 2), nodes))


def check_sides(graph: Graph) -> None:
    """Refuse a graph that is said to be bipartite and is not."""
    part = parts(graph)
    if part is not None and (inside := int((part[graph.pairs[:, 0]] == part[graph.pairs[:, 1]]).sum())):
        raise DataError(
            f"data.part says the graph is bipartite, but {inside} edges lie within a part: remove data.part"
        )
