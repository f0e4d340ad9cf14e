"""Random graphs whose answer is known: groups that were planted, edges that were changed."""

import numpy as np
import torch
from numpy.typing import NDArray

from graphembed.errors import DataError
from graphembed.graph import Graph, as_graph
from graphembed.sampling.pairs import sample_non_edges

_OF_EDGES = ("edge_index", "edge_weight", "num_nodes")


def planted_partition(nodes: int, groups: int, degree: float, contrast: float, seed: int = 0) -> Graph:
    """Draw a sparse graph whose nodes know their own group more often than the others.

    Two nodes are linked, independently of all others, with probability c_in / nodes within a group and c_out / nodes
    between groups, where c_in - c_out = contrast and (c_in + (groups - 1) c_out) / groups = degree. In the limit of
    many nodes no method finds two groups if abs(contrast) < groups * sqrt(degree), and some find groups above it.

    Args:
        nodes: How many nodes there are; node k is in group k modulo ``groups``, so the groups are of one size.
        groups: How many groups.
        degree: Mean number of neighbours, c.
        contrast: c_in - c_out; 0 is a random graph, below 0 nodes avoid their own group.
        seed: Where chance comes from.

    Returns:
        The graph; ``data.y`` (nodes,) is the group of each node. Time and memory grow with the edges.

    Raises:
        DataError: There is no such graph: a probability is outside 0 to 1, or groups would be empty.

    Example:
        >>> graph = planted_partition(1000, groups=2, degree=5, contrast=9)  # c_in = 9.5, c_out = 0.5
        >>> graph
        Graph(1000 nodes, 2548 edges, undirected)
        >>> bool((graph.data.y[graph.pairs[:, 0]] == graph.data.y[graph.pairs[:, 1]]).float().mean() > 0.9)
        True

    References:
        Decelle, Krzakala, Moore and Zdeborova 2011, "Asymptotic analysis of the stochastic block model for modular
        networks", Physical Review E 84, equations 1 and 40 (the threshold).
    """
    if not 1 <= groups <= nodes:
        raise DataError(f"groups must be between 1 and the number of nodes, {nodes}, got {groups}")
    between = degree - contrast / groups
    within = between + contrast
    if not (0 <= within <= nodes and (0 <= between <= nodes or groups == 1)):
        raise DataError(
            f"degree {degree} and contrast {contrast} with {groups} groups need c_in = {within:g} and c_out = "
            f"{between:g}, both must be between 0 and the number of nodes, {nodes}: take a smaller contrast"
        )
    rng = np.random.default_rng(seed)
    size = -(-nodes // groups)  # the last groups may have one node fewer
    place = np.arange(nodes) % groups
    inside = _linked_pairs(groups * (size * (size - 1) // 2), within / nodes, rng)
    group, inside = inside % groups, _as_pairs(inside // groups)
    ends = inside * groups + group[:, None]
    pairs = [ends[(ends < nodes).all(axis=1)]]
    if groups > 1:
        ends = _as_pairs(_linked_pairs(nodes * (nodes - 1) // 2, between / nodes, rng))
        pairs.append(ends[place[ends[:, 0]] != place[ends[:, 1]]])
    source, target = np.concatenate(pairs).T
    return Graph.from_edges(source, target, nodes=nodes, y=torch.from_numpy(place))


def perturbed(graph: Graph, removed: float = 0.01, added: float = 0.0, seed: int = 0) -> Graph:
    """Remove some edges, chosen at random, and add others between nodes that were not linked.

    Args:
        graph: Which is not changed.
        removed: Share of the edges that go, from 0 to 1.
        added: How many new ones there are, as a share of the edges there were.
        seed: Where chance comes from.

    Returns:
        A graph with the same nodes, names and node data. Where edges have weights, a new one has that of an edge
        drawn at random.

    Raises:
        DataError: A share is out of range, or fewer pairs are unlinked than are to be added.

    Example:
        >>> from graphembed.datasets import load
        >>> perturbed(load("karate"), removed=0.1, added=0.05)
        Graph(34 nodes, 74 edges, undirected)
    """
    graph = as_graph(graph)
    if not (0 <= removed <= 1 and added >= 0):
        raise DataError(f"removed must be between 0 and 1 and added at least 0, got {removed} and {added}")
    rng = np.random.default_rng(seed)
    pairs = graph.pairs
    stay = np.sort(rng.permutation(len(pairs))[round(removed * len(pairs)) :])
    new = sample_non_edges(graph, round(added * len(pairs)), rng)
    weight = None
    if graph.weighted:
        ends, values = graph.data.edge_index.numpy(), graph.data.edge_weight.numpy()
        values = values if graph.directed else values[ends[0] <= ends[1]]
        weight = np.concatenate([values[stay], rng.choice(values, len(new))])
    source, target = np.concatenate([pairs[stay], new]).T
    others = {key: value for key, value in graph.data.to_dict().items() if key not in _OF_EDGES}
    return Graph.from_edges(source, target, weight, names=graph.names, directed=bool(graph.directed), **others)


def _linked_pairs(pairs: int, probability: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Take each of the numbers below ``pairs`` with the same probability; time grows with what is taken."""
    return rng.choice(pairs, rng.binomial(pairs, probability), replace=False, shuffle=False)


def _as_pairs(number: NDArray[np.int64]) -> NDArray[np.int64]:
    """Turn 0, 1, 2, 3 ... into the pairs (1, 0), (2, 0), (2, 1), (3, 0) ..."""
    high = ((1 + np.sqrt(8.0 * number + 1)) / 2).astype(np.int64)
    high -= high * (high - 1) // 2 > number  # the root is rounded
    high += (high + 1) * high // 2 <= number
    return np.stack([high, number - high * (high - 1) // 2], axis=1)
