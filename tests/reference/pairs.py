"""Neighbourhood scores of all pairs at once, slow and plain: dense matrices, one formula each.

``edge`` (nodes, nodes) is 1 where u -> v is an edge, else 0; it is symmetric for undirected graphs. A self-loop is one
edge of its node, and one step of a walk, but a node is never its own neighbour in between: nodes x that are u or v do
not count as shared.
"""

import numpy as np


def degrees(edge):
    """Edges of each node: for directed graphs those that leave and those that enter, for undirected ones each once."""
    directed = not np.array_equal(edge, edge.T)
    return edge.sum(axis=1) + (edge.sum(axis=0) if directed else 0)


def shared_neighbours(edge, degree, weigh):
    """Sum of weigh(degree(x)) over x with u -> x -> v, x neither u nor v; (nodes, nodes), diagonal 0."""
    nodes = len(edge)
    total = np.zeros((nodes, nodes))
    for u in range(nodes):
        for v in set(range(nodes)) - {u}:
            between = [x for x in range(nodes) if edge[u, x] and edge[x, v] and x not in (u, v)]
            total[u, v] = sum(weigh(degree[x]) for x in between)
    return total


def katz(edge, beta):
    """Beta A + beta^2 A^2 + beta^3 A^3."""
    damped = beta * np.asarray(edge, float)
    return damped + damped @ damped + damped @ damped @ damped


def pagerank(edge, restart):
    """Row u, for a walker that jumps back to u: restart (I - (1 - restart) P)^-1; walks stop at dead ends."""
    leaving = edge.sum(axis=1, keepdims=True)
    step = np.divide(edge, leaving, out=np.zeros(edge.shape), where=leaving > 0)
    return restart * np.linalg.inv(np.eye(len(edge)) - (1 - restart) * step)


def structure(edge):
    """log(1 + degree), log(1 + mean degree of the neighbours), clustering; without self-loops; (nodes, 3)."""
    edge = np.asarray(edge, bool) & ~np.eye(len(edge), dtype=bool)
    degree = edge.sum(axis=1)
    described = np.zeros((len(edge), 3))
    for node, neighbours in enumerate(map(np.flatnonzero, edge)):
        if len(neighbours):
            described[node, :2] = np.log1p(degree[node]), np.log1p(degree[neighbours].mean())
        if len(neighbours) > 1:
            linked = edge[np.ix_(neighbours, neighbours)].sum()
            described[node, 2] = linked / (len(neighbours) * (len(neighbours) - 1))
    return described
