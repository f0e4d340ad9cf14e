"""Drawing pairs of nodes that are not linked.

A pair here is unordered, as everywhere in the evaluation: neither u -> v nor v -> u is an edge, and u differs from v.
Where the graph says which of two parts its nodes are on (``data.part``, bipartite graphs), pairs lie across the parts.
"""

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
    nodes, linked = graph.num_nodes, _linked(graph)
    possible = _possible(graph)
    available = possible - len(linked)
    if count > available:
        raise DataError(
            f"{count} pairs of unlinked nodes are needed but this graph has {available or 'none'} ({graph}): "
            "it is too dense or too small; use a larger graph or smaller test and valid shares"
        )
    if possible <= _FEW or count > available // 2:
        keys = np.setdiff1d(_all_keys(graph), linked, assume_unique=True)
        keys = rng.permutation(keys)[:count]
    else:
        keys = np.empty(0, np.int64)
        while len(keys) < count:
            fresh = _random_keys(graph, 2 * (count - len(keys)) + 16, rng)
            joined = np.concatenate([keys, fresh[~is_in(fresh, linked)]])
            _, first = np.unique(joined, return_index=True)
            keys = joined[np.sort(first)][:count]
    pairs = np.stack([keys // nodes, keys % nodes], axis=1)
    if graph.directed:
        turned = rng.random(count) < 0.5
        pairs[turned] = pairs[turned, ::-1]
    return pairs


def _sides(graph: Graph) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """Return the nodes of either part of a bipartite graph, or None."""
    part = parts(graph)
    return None if part is None else (np.flatnonzero(part == 0), np.flatnonzero(part == 1))


def _possible(graph: Graph) -> int:
    """Count the unordered pairs that could be linked."""
    sides = _sides(graph)
    return graph.num_nodes * (graph.num_nodes - 1) // 2 if sides is None else len(sides[0]) * len(sides[1])


def _linked(graph: Graph) -> NDArray[np.int64]:
    """Return the sorted keys of the pairs that are linked and could be: no self-loops, none within a part."""
    keys = np.unique(pair_keys(graph.pairs, graph.num_nodes))
    low, high = keys // max(graph.num_nodes, 1), keys % max(graph.num_nodes, 1)
    part = parts(graph)
    linkable = low != high if part is None else part[low] != part[high]
    linked: NDArray[np.int64] = keys[linkable]
    return linked


def _all_keys(graph: Graph) -> NDArray[np.int64]:
    """List the keys of all pairs that could be linked."""
    sides = _sides(graph)
    if sides is None:
        pairs = np.stack(np.triu_indices(graph.num_nodes, 1), axis=1)
    else:
        pairs = np.stack([np.repeat(sides[0], len(sides[1])), np.tile(sides[1], len(sides[0]))], axis=1)
    return np.sort(pair_keys(pairs, graph.num_nodes))


def _random_keys(graph: Graph, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw the keys of up to ``count`` random pairs that could be linked, with repetition."""
    sides = _sides(graph)
    if sides is None:
        pairs = rng.integers(0, graph.num_nodes, (count, 2))
        pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    else:
        pairs = np.stack([rng.choice(side, count) for side in sides], axis=1)
    return pair_keys(pairs, graph.num_nodes)


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
