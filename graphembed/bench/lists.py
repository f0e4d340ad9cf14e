"""Lists of nodes for a node: where a score of links puts the right one among all that are not linked to it.

`filtered_ranks` asks each end of a link for the other; `recommend` asks some nodes for lists and judges those.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from graphembed.bench.baselines import Score
from graphembed.errors import DataError
from graphembed.graph import Graph
from graphembed.metrics import ndcg, ranks_among, recall
from graphembed.sampling.pairs import is_in, pair_keys, parts
from graphembed.splits import EdgeSplit, LabelledPairs

BLOCK = 1 << 20  # pairs scored at a time


def filtered_ranks(score: Score, graph: Graph, links: NDArray[np.int64]) -> NDArray[np.float64]:
    """Place of each link's second end among all nodes its first is not linked to, and of the first likewise.

    Args:
        score: (pairs, 2) rows to (pairs,) numbers.
        graph: The whole graph: none of its edges stands in the way of another. In bipartite graphs only nodes of the
            other part do.
        links: (links, 2).

    Returns:
        (2 links,): all second ends, then all first ends. A tie counts half a place.

    References:
        Bordes et al. 2013, "Translating embeddings for modeling multi-relational data", section 4.1 ("filtered").
    """
    known = scored(score, links)
    if not graph.directed:  # a pair has no order: both ends ask in the same way
        ends = np.concatenate([links[:, 0], links[:, 1]])
        return _places(score, graph, ends, np.concatenate([known, known]), 0)
    return np.concatenate([_places(score, graph, links[:, side], known, side) for side in (0, 1)])


def recommend(score: Score, split: EdgeSplit, k: int = 20, *, part: str = "test") -> dict[str, float]:
    """Judge lists of ``k`` nodes for each node: Recall@k and NDCG@k over those with a link to find.

    Lists hold nodes that are not known to be linked: links of training (and validation, if the test is asked for) are
    left out. In a bipartite graph nodes of part 0 get lists of part 1; in a directed one sources get lists of targets.

    Args:
        score: (pairs, 2) rows to (pairs,) numbers.
        split: Its test links are to be found.
        k: Length of the lists.
        part: ``"test"`` or ``"valid"``.

    Example:
        >>> import networkx as nx
        >>> from graphembed.splits import split_edges
        >>> split = split_edges(nx.davis_southern_women_graph(), test=0.2)
        >>> sorted(recommend(lambda pairs: pairs[:, 1], split, k=5))
        ['NDCG@5', 'Recall@5', 'lists']
    """
    graph, links, side = split.graph, links_of(split, part), parts(split.graph)
    if side is not None:
        links = np.where((side[links[:, 0]] == 0)[:, None], links, links[:, ::-1])
    elif not graph.directed:
        links = np.concatenate([links, links[:, ::-1]])
    users = np.unique(links[:, 0])
    total = np.zeros(2)
    for some, rows in _rows(score, split.observed if part == "valid" else _with_validation(split), users, 0):
        mine = np.isin(links[:, 0], some)
        label = np.zeros(rows.shape, bool)
        label[np.searchsorted(some, links[mine, 0]), links[mine, 1]] = True
        total += len(some) * np.array([recall(label, rows, k), ndcg(label, rows, k)])
    return {f"Recall@{k}": total[0] / len(users), f"NDCG@{k}": total[1] / len(users), "lists": float(len(users))}


def links_of(split: EdgeSplit, part: str) -> NDArray[np.int64]:
    """Return the links to find in the ``"test"`` or ``"valid"`` part."""
    pairs: LabelledPairs = getattr(split, part)
    if not pairs.label.any():
        raise DataError(f"there are no links to find in the {part} part of the split of {split.graph}")
    return pairs.pairs[pairs.label]


def scored(score: Score, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Call a score and refuse what it must not return."""
    found = np.asarray(score(pairs))
    if found.shape != (len(pairs),):
        raise ValueError(f"a score must give one number for each pair, got shape {found.shape} for {len(pairs)} pairs")
    if not np.isfinite(found).all():
        raise ValueError(f"{int((~np.isfinite(found)).sum())} of {len(pairs)} scores are not finite")
    return found.astype(np.float64)


def _places(
    score: Score, graph: Graph, ends: NDArray[np.int64], known: NDArray[np.float64], side: int
) -> NDArray[np.float64]:
    """Place of each score among those of its end with all nodes the end is not linked to."""
    ranks = np.empty(len(ends))
    order = np.argsort(ends, kind="stable")
    for some, rows in _rows(score, graph, np.unique(ends), side):
        begin, stop = np.searchsorted(ends[order], (some[0], some[-1] + 1))
        for first in range(begin, stop, len(some)):
            mine = order[first : min(first + len(some), stop)]
            ranks[mine] = ranks_among(known[mine], rows[np.searchsorted(some, ends[mine])])
    return ranks


def _rows(
    score: Score, graph: Graph, ends: NDArray[np.int64], side: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Score ascending ends with all nodes, some at a time; -inf for themselves, those linked, those of their part."""
    nodes, part = graph.num_nodes, parts(graph)
    linked = np.unique(pair_keys(graph.pairs, nodes))
    everyone = np.arange(nodes)
    step = max(1, BLOCK // nodes)
    for first in range(0, len(ends), step):
        some = ends[first : first + step]
        pairs = np.stack([np.repeat(some, nodes), np.tile(everyone, len(some))], axis=1)
        allowed = (pairs[:, 0] != pairs[:, 1]) & ~is_in(pair_keys(pairs, nodes), linked)
        if part is not None:
            allowed &= part[pairs[:, 0]] != part[pairs[:, 1]]
        rows = np.full(len(pairs), -np.inf)
        asked = pairs[allowed]
        rows[allowed] = scored(score, asked if side == 0 else asked[:, ::-1])
        yield some, rows.reshape(len(some), nodes)


def _with_validation(split: EdgeSplit) -> Graph:
    """Return the observed graph with the validation links: what is known when the test is asked for."""
    source, target = np.concatenate([split.observed.pairs, split.valid.pairs[split.valid.label]]).T
    more = {} if split.graph.data.get("part") is None else {"part": split.graph.data.part}
    nodes = split.graph.num_nodes
    return Graph.from_edges(source, target, nodes=nodes, directed=bool(split.graph.directed), **more)
