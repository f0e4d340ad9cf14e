"""Graphs on which speed is compared, made to a stated law, so that every figure speaks of the same work.

    S  preferential attachment, 10 000 nodes, about 100 000 edges (largest degree about 600)
    T  planted partition with heavy tails, 200 000 nodes, 2 000 000 edges, 400 communities (largest degree about 9000)
    C  the same kind, 10 000 nodes, 100 000 edges, 50 communities

Heavy tails are what second-order walks stumble over.
"""

from collections.abc import Callable

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from graphembed.graph import Graph, as_graph


def planted_partition(
    nodes: int, edges: int, exponent: float, communities: int, mixing: float = 0.3, seed: int = 0
) -> Graph:
    """Draw a degree-corrected planted partition with Pareto propensities; isolated nodes are given one neighbour.

    Both ends of an edge are drawn in proportion to their propensity, the second from the community of the first with a
    chance of 1 - ``mixing``, else from all nodes.

    Args:
        nodes: How many.
        edges: How many; those of isolated nodes come on top.
        exponent: Of the density of propensities, above 1; 2 to 3 in real networks.
        communities: How many, of about one size; ``graph.data.y`` holds them.
        mixing: Share of second ends drawn from all nodes.
        seed: Everything random comes from it.

    Example:
        >>> planted_partition(100, 300, 2.5, 4).data.y.shape
        torch.Size([100])

    References:
        Karrer and Newman 2011, "Stochastic blockmodels and community structure in networks", section II.
    """
    import torch

    rng = np.random.default_rng(seed)
    propensity = np.minimum(rng.pareto(exponent - 1, nodes) + 1, nodes**0.75)
    community = np.sort(rng.integers(0, communities, nodes))  # contiguous: a community is a range of nodes
    bounds = np.searchsorted(community, np.arange(communities + 1))
    mass = np.append(0, np.cumsum(propensity))
    keys = np.empty(0, np.int64)
    while len(keys) < edges:
        count = int(1.3 * (edges - len(keys))) + 100
        first = _draw(mass, np.zeros(count), np.full(count, mass[-1]), rng)
        own = rng.random(count) >= mixing
        low = np.where(own, mass[bounds[community[first]]], 0)
        high = np.where(own, mass[bounds[community[first] + 1]], mass[-1])
        ends = np.sort(np.stack([first, _draw(mass, low, high, rng)]), axis=0)
        ends = ends[:, ends[0] < ends[1]]
        keys = np.unique(np.append(keys, ends[0] * nodes + ends[1]))
    keys = rng.permutation(keys)[:edges]
    ends = np.stack([keys // nodes, keys % nodes])
    alone = np.setdiff1d(np.arange(nodes), ends)
    ends = np.concatenate([ends, [alone, (alone + rng.integers(1, nodes, len(alone))) % nodes]], axis=1)
    return Graph.from_edges(ends[0], ends[1], nodes=nodes, y=torch.from_numpy(community))


def weighted(graph: Graph, seed: int = 0) -> Graph:
    """Give each edge an exponential weight plus a twentieth.

    Example:
        >>> weighted(as_graph(nx.path_graph(3)))
        Graph(3 nodes, 2 edges, undirected, weighted)
    """
    source, target = graph.pairs.T
    weight = np.random.default_rng(seed).exponential(1.0, len(source)) + 0.05
    return Graph.from_edges(source, target, weight, names=graph.names, nodes=graph.num_nodes)


def _draw(
    mass: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw a node in proportion to its share of the cumulated ``mass`` between ``low`` and ``high``."""
    level = low + rng.random(len(low)) * (high - low)
    drawn: NDArray[np.int64] = np.minimum(np.searchsorted(mass, level, side="right") - 1, len(mass) - 2)
    return drawn


GRAPHS: dict[str, Callable[[], Graph]] = {
    "S": lambda: as_graph(nx.barabasi_albert_graph(10_000, 10, seed=1)),
    "C": lambda: planted_partition(10_000, 100_000, 2.3, 50, seed=7),
    "T": lambda: planted_partition(200_000, 2_000_000, 2.1, 400, seed=2),
}
