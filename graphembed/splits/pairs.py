"""Pairs of nodes with labels, and graphs without some of their edges."""

import dataclasses as dc
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch_geometric.data import Data

from graphembed.graph import Graph, as_graph, of_edges
from graphembed.sampling.pairs import edges_and_others, is_in, pair_keys


@dc.dataclass(frozen=True, eq=False)
class LabelledPairs:
    """Pairs of nodes, and whether they are linked.

    Args:
        pairs: (pairs, 2) rows of nodes.
        label: (pairs,) True for an edge.
    """

    pairs: NDArray[np.int64]
    label: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.pairs)


_OWN = 0x616C6C  # `split_edges` draws, too: drawn alike, unlinked pairs to learn from would be those of its test


def all_pairs(graph: Any, seed: int = 0) -> LabelledPairs:
    """Label all edges of a graph and as many unlinked pairs (or all, if there are fewer): to train on everything."""
    edges, others = edges_and_others(as_graph(graph), np.random.default_rng([seed, _OWN]))
    return LabelledPairs(np.concatenate([edges, others]), np.repeat([True, False], [len(edges), len(others)]))


def without(graph: Graph, pairs: NDArray[np.int64]) -> Graph:
    """Return the graph less the edges between the (pairs, 2) nodes given, in both directions; all else stays.

    Example:
        >>> import networkx as nx
        >>> without(as_graph(nx.path_graph(3)), np.array([[1, 0]]))
        Graph(3 nodes, 1 edge, undirected)
    """
    hidden = np.sort(pair_keys(pairs, graph.num_nodes))
    kept = torch.from_numpy(~is_in(pair_keys(graph.data.edge_index.numpy().T, graph.num_nodes), hidden))
    data = Data(num_nodes=graph.num_nodes)
    for key, value in graph.data.to_dict().items():
        if key == "edge_index":
            data[key] = value[:, kept]
        elif key != "num_nodes":
            data[key] = value[kept] if of_edges(graph.data, key) else value
    return Graph(data, graph.names, graph.directed)


def linked_pairs(graph: Graph) -> NDArray[np.int64]:
    """List the unordered pairs of different nodes that are linked, (pairs, 2), the lower row first, in order."""
    pairs = np.unique(np.sort(graph.pairs, axis=1), axis=0)
    linked: NDArray[np.int64] = pairs[pairs[:, 0] != pairs[:, 1]]
    return linked
