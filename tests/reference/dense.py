"""Graphs as dense matrices, and what is easily said with them."""

import numpy as np


def matrix(graph):
    """1 where u -> v is an edge, in both directions if the graph is undirected."""
    dense = np.zeros((graph.num_nodes, graph.num_nodes))
    dense[tuple(graph.data.edge_index.numpy())] = 1
    return dense


def pagerank(edge, restart):
    """Row u, for a walker that jumps back to u: restart (I - (1 - restart) P)^-1; walks stop at dead ends."""
    leaving = edge.sum(axis=1, keepdims=True)
    step = np.divide(edge, leaving, out=np.zeros(edge.shape), where=leaving > 0)
    return restart * np.linalg.inv(np.eye(len(edge)) - (1 - restart) * step)
