"""Drawing pairs of nodes that are not linked.

A pair here is unordered, as everywhere in the evaluation: neither u -> v nor v -> u is an edge, and u differs from v.
Where the graph says which of two parts its nodes are on (``data.part``, bipartite graphs), pairs lie across the parts.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from graphembed.errors import DataError
from graphembed.graph import Graph

_FEW = 20_000  # up to this many pairs, or when many are wanted, all unlinked ones are listed; else drawn and checked


def pair_keys(pairs: NDArray[np.int64], nodes: int) -> NDArray[np.int64]:
    """Give every unordered pair one number: low end times nodes plus high end."""
    low, high = pairs.min(axis=1), pairs.max(axis=1)
    keys: NDArray[np.int64] = low * nodes + high
    return keys


def parts(graph: Graph) -> NDArray[np.int64] | None:
    """Return the part of each node of a bipartite graph, or None."""
    part = graph.data.get("part")
    return None if part is None else part.numpy().astype(np.int64)


def count_non_edges(graph: Graph) -> int:
    """Count the unordered pairs that could be linked and are not."""
    return _possible(graph) - len(_linked(graph))


def count_missing_links(graph: Graph) -> int:
    """Count the links that could be predicted: as `count_non_edges`, but both directions of a directed graph."""
    return count_non_edges(graph) * (2 if graph.directed else 1)


def sample_non_edges(graph: Graph, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw ``count`` different unordered pairs that are not linked, each such pair equally likely.

    Args:
        graph: Whose edges to avoid.
        count: How many.
        rng: Where chance comes from.

    Returns:
        (count, 2) nodes in random order; for directed graphs each pair in a random direction.

    Raises:
        DataError: There are fewer.

    Example:
        >>> import networkx as nx
        >>> from graphembed.graph import as_graph
        >>> sample_non_edges(as_graph(nx.path_graph(3)), 1, np.random.default_rng(0))
        array([[0, 2]])
    """
    linked = _linked(graph)
    if count > (available := _possible(graph) - len(linked)):
        raise DataError(
            f"{count} pairs of unlinked nodes are needed but this graph has {available or 'none'} ({graph}): "
            "it is too dense or too small; use a larger graph or smaller test and valid shares"
        )
    pairs = _pairs_of(_draw(_sides(graph), count, linked, graph.num_nodes, rng), graph.num_nodes)
    if graph.directed:
        turned = rng.random(count) < 0.5
        pairs[turned] = pairs[turned, ::-1]
    return pairs


def sample_alike(
    graph: Graph,
    pairs: NDArray[np.int64],
    rng: np.random.Generator,
    group: NDArray[np.int64] | None = None,
    taken: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Draw an unlinked pair for each pair given, between nodes of the same two groups; all are different.

    Args:
        graph: Whose edges to avoid; its parts, if it has them, are groups, too.
        pairs: (pairs, 2) what to imitate.
        rng: Where chance comes from.
        group: (nodes,) whole numbers from 0; by default all nodes are one group.
        taken: (any, 2) unlinked pairs that were drawn before and are not to be drawn again.

    Returns:
        (pairs, 2), the lower row first; in directed graphs row k leads from the group where row k of ``pairs`` starts
        to that where it ends (within a group either way).

    Raises:
        DataError: Between some groups there are fewer.

    Example:
        >>> import networkx as nx
        >>> from graphembed.graph import as_graph
        >>> graph, group = as_graph(nx.path_graph(4)), np.array([0, 0, 1, 1])
        >>> sample_alike(graph, np.array([[1, 2], [1, 2], [2, 1]]), np.random.default_rng(0), group)
        array([[1, 3],
               [0, 2],
               [0, 3]])
    """
    part = parts(graph)
    if group is None and part is None and taken is None:
        return sample_non_edges(graph, len(pairs), rng)
    group = np.zeros(graph.num_nodes, np.int64) if group is None else np.asarray(group, np.int64)
    if part is not None:
        group = 2 * group + part
    drawn = np.empty((len(pairs), 2), np.int64)
    linked = _linked(graph)
    if taken is not None:
        linked = np.union1d(linked, pair_keys(taken, graph.num_nodes))
    linked_groups, wanted = (np.sort(group[ends], axis=1) for ends in (_pairs_of(linked, graph.num_nodes), pairs))
    for first, second in np.unique(wanted, axis=0).tolist():
        rows = np.flatnonzero((wanted == (first, second)).all(axis=1))
        closed = linked[(linked_groups == (first, second)).all(axis=1)]
        sides = [np.flatnonzero(group == side) for side in dict.fromkeys((first, second))]
        if len(rows) > (available := _pairs_between(sides) - len(closed)):
            where = " and ".join(f"a group of {len(side)} nodes" for side in sides)
            raise DataError(
                f"{len(rows)} unlinked pairs are needed {'within' if len(sides) == 1 else 'between'} {where}, as many "
                f"as there are links, but there are {available or 'none'} ({graph}): use larger groups or smaller "
                "test and valid shares"
            )
        found = _pairs_of(_draw(sides, len(rows), closed, graph.num_nodes, rng), graph.num_nodes)
        if graph.directed:
            turned = rng.random(len(rows)) < 0.5 if first == second else group[found[:, 0]] != group[pairs[rows, 0]]
            found[turned] = found[turned, ::-1]
        drawn[rows] = found
    return drawn


def non_edges(graph: Graph, block: int = 1 << 20) -> Iterator[NDArray[np.int64]]:
    """List all pairs that could be linked and are not, in blocks of about ``block`` pairs, each pair once.

    In directed graphs both directions of a pair are listed, if neither is an edge.

    Example:
        >>> import networkx as nx
        >>> from graphembed.graph import as_graph
        >>> [pairs.tolist() for pairs in non_edges(as_graph(nx.path_graph(4)))]
        [[[0, 2], [0, 3], [1, 3]]]
    """
    nodes, linked, part = graph.num_nodes, _linked(graph), parts(graph)
    step = max(1, block // max(nodes, 1))
    for first in range(0, nodes, step):
        rows = np.arange(first, min(first + step, nodes))
        open_pairs = rows[:, None] < np.arange(nodes)
        if part is not None:
            open_pairs &= part[rows][:, None] != part
        begin, end = np.searchsorted(linked, (first * nodes, (rows[-1] + 1) * nodes))
        open_pairs[linked[begin:end] // nodes - first, linked[begin:end] % nodes] = False
        low, high = np.nonzero(open_pairs)
        pairs = np.stack([low + first, high], axis=1)
        if len(pairs):
            yield np.concatenate([pairs, pairs[:, ::-1]]) if graph.directed else pairs


def _sides(graph: Graph) -> list[NDArray[np.int64]]:
    """Return the nodes of either part of a bipartite graph, or all nodes."""
    part = parts(graph)
    return [np.arange(graph.num_nodes)] if part is None else [np.flatnonzero(part == side) for side in (0, 1)]


def _pairs_between(sides: list[NDArray[np.int64]]) -> int:
    """Count the unordered pairs within a set of nodes, or between two sets that share none."""
    return len(sides[0]) * (len(sides[0]) - 1) // 2 if len(sides) == 1 else len(sides[0]) * len(sides[1])


def _possible(graph: Graph) -> int:
    """Count the unordered pairs that could be linked."""
    return _pairs_between(_sides(graph))


def _linked(graph: Graph) -> NDArray[np.int64]:
    """Return the sorted keys of the pairs that are linked and could be: no self-loops, none within a part."""
    keys = np.unique(pair_keys(graph.pairs, graph.num_nodes))
    low, high = keys // max(graph.num_nodes, 1), keys % max(graph.num_nodes, 1)
    part = parts(graph)
    linkable = low != high if part is None else part[low] != part[high]
    linked: NDArray[np.int64] = keys[linkable]
    return linked


def _draw(
    sides: list[NDArray[np.int64]], count: int, taken: NDArray[np.int64], nodes: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw ``count`` different keys of pairs within or between the sides; none of the sorted ``taken``."""
    possible = _pairs_between(sides)
    if possible <= _FEW or count > (possible - len(taken)) // 2:
        keys = np.setdiff1d(_all_keys(sides, nodes), taken, assume_unique=True)
        return rng.permutation(keys)[:count]
    keys = np.empty(0, np.int64)
    while len(keys) < count:
        fresh = _random_keys(sides, 2 * (count - len(keys)) + 16, nodes, rng)
        joined = np.concatenate([keys, fresh[~is_in(fresh, taken)]])
        _, first = np.unique(joined, return_index=True)
        keys = joined[np.sort(first)][:count]
    return keys


def _all_keys(sides: list[NDArray[np.int64]], nodes: int) -> NDArray[np.int64]:
    """List the keys of all pairs within or between the sides, in order."""
    if len(sides) == 1:
        pairs = sides[0][np.stack(np.triu_indices(len(sides[0]), 1), axis=1)]
    else:
        pairs = np.stack([np.repeat(sides[0], len(sides[1])), np.tile(sides[1], len(sides[0]))], axis=1)
    return np.sort(pair_keys(pairs, nodes))


def _random_keys(sides: list[NDArray[np.int64]], count: int, nodes: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw the keys of up to ``count`` random pairs within or between the sides, with repetition."""
    if len(sides) == 1:
        pairs = sides[0][rng.integers(0, len(sides[0]), (count, 2))]
        pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    else:
        pairs = np.stack([rng.choice(side, count) for side in sides], axis=1)
    return pair_keys(pairs, nodes)


def _pairs_of(keys: NDArray[np.int64], nodes: int) -> NDArray[np.int64]:
    """Undo `pair_keys`: (pairs, 2), the lower row first."""
    return np.stack([keys // max(nodes, 1), keys % max(nodes, 1)], axis=1)


def edges_and_others(graph: Graph, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all edges but self-loops, and as many unlinked pairs, or all if there are fewer.

    Raises:
        DataError: There are no edges, or every pair is linked, so there is nothing to tell apart.
    """
    edges = graph.pairs[graph.pairs[:, 0] != graph.pairs[:, 1]]
    if not len(edges):
        raise DataError(f"there are no edges between different nodes to learn from: {graph}")
    count = min(len(edges), count_non_edges(graph))
    if count == 0:
        raise DataError(f"every pair of the {graph.num_nodes} nodes is linked: there is nothing to tell edges from")
    return edges, sample_non_edges(graph, count, rng)


def is_in(keys: NDArray[np.int64], known: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say which keys are among the sorted ``known``."""
    if not len(known):
        return np.zeros(len(keys), bool)
    place = np.searchsorted(known, keys).clip(max=len(known) - 1)
    found: NDArray[np.bool_] = known[place] == keys
    return found
