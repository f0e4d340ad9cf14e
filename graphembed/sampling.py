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
    linked = np.unique(pair_keys(graph.pairs, graph.num_nodes))
    apart = linked // graph.num_nodes != linked % graph.num_nodes
    part = parts(graph)
    if part is None:
        possible = graph.num_nodes * (graph.num_nodes - 1) // 2
    else:
        possible = int((part == 0).sum() * (part == 1).sum())
        apart &= part[linked // graph.num_nodes] != part[linked % graph.num_nodes]
    return possible - int(apart.sum())


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
    nodes = graph.num_nodes
    available = count_non_edges(graph)
    if count > available:
        raise DataError(
            f"{count} pairs of unlinked nodes are needed but {graph} has only {available}: "
            "it is too dense or too small; ask for a smaller share of edges or fewer negatives"
        )
    linked = np.unique(pair_keys(graph.pairs, nodes))
    part = parts(graph)
    if nodes * (nodes - 1) // 2 <= _FEW or count > available // 2:
        low, high = np.triu_indices(nodes, 1)
        keys = low * nodes + high
        if part is not None:
            keys = keys[part[low] != part[high]]
        keys = rng.permutation(np.setdiff1d(keys, linked, assume_unique=True))[:count]
    else:
        keys = np.empty(0, np.int64)
        while len(keys) < count:
            drawn = rng.integers(0, nodes, (2 * (count - len(keys)) + 16, 2))
            drawn = drawn[drawn[:, 0] != drawn[:, 1]]
            if part is not None:
                drawn = drawn[part[drawn[:, 0]] != part[drawn[:, 1]]]
            fresh = pair_keys(drawn, nodes)
            fresh = fresh[~is_in(fresh, linked)]
            joined = np.concatenate([keys, fresh])
            _, first = np.unique(joined, return_index=True)
            keys = joined[np.sort(first)][:count]
    pairs = np.stack([keys // nodes, keys % nodes], axis=1)
    if graph.directed:
        turned = rng.random(count) < 0.5
        pairs[turned] = pairs[turned, ::-1]
    return pairs


def edges_and_others(graph: Graph, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all edges but self-loops, and as many unlinked pairs, or all if there are fewer.

    Raises:
        DataError: Every pair is linked, so there is nothing to tell edges from.
    """
    edges = graph.pairs[graph.pairs[:, 0] != graph.pairs[:, 1]]
    count = min(len(edges), count_non_edges(graph))
    if count == 0:
        raise DataError(f"every pair of nodes is linked in {graph}: there is nothing to tell edges from")
    return edges, sample_non_edges(graph, count, rng)


def is_in(keys: NDArray[np.int64], known: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say which keys are among the sorted ``known``."""
    if not len(known):
        return np.zeros(len(keys), bool)
    place = np.searchsorted(known, keys).clip(max=len(known) - 1)
    found: NDArray[np.bool_] = known[place] == keys
    return found
