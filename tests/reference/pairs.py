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


def without(weight, u, v):
    """The same matrix without u -> v and v -> u, and without self-loops."""
    rest = np.array(weight, float)
    rest[u, v] = rest[v, u] = 0
    np.fill_diagonal(rest, 0)
    return rest


def scores(weight, u, v, far=8):
    """What `graphembed.scores` says of one pair, from the matrix without its edges; tuples are there, back."""
    W = without(weight, u, v)
    directed = not np.array_equal(np.asarray(weight), np.asarray(weight).T)
    A = (W > 0).astype(float)
    both = np.maximum(A, A.T)
    many, strong = A.sum(1) + directed * A.sum(0), W.sum(1) + directed * W.sum(0)
    nodes = range(len(A))
    shared = [x for x in nodes if A[u, x] and A[x, v]]
    paths = [(x, y) for x in nodes for y in nodes if A[u, x] and A[x, y] and A[y, v] and len({u, v, x, y}) == 4]
    leaves, enters = set(np.flatnonzero(A[u])), set(np.flatnonzero(A[:, v]))
    found = {
        "common neighbours": len(shared),
        "Adamic-Adar": sum(1 / np.log(many[x]) for x in shared),
        "resource allocation": sum(1 / many[x] for x in shared),
        "Jaccard": len(shared) / max(len(leaves | enters), 1),
        "Salton": len(shared) / max(np.sqrt(len(leaves) * len(enters)), 1),
        "preferential attachment": len(leaves) * len(enters),
        "L3": sum(W[u, x] * W[x, y] * W[y, v] / np.sqrt(strong[x] * strong[y]) for x, y in paths),
        "Katz": 0.05**2 * len(shared) + 0.05**3 * len(paths),
        "degree": (len(leaves), len(enters)),
        "PageRank": tuple(pagerank(W, 0.15)[pair] for pair in ((u, v), (v, u))),
    }
    if W.max() > 1:  # edges of other weights than 1
        found["weighted common neighbours"] = sum(W[u, x] + W[x, v] for x in shared)
        found["weighted Adamic-Adar"] = sum((W[u, x] + W[x, v]) / np.log(1 + strong[x]) for x in shared)
        found["weighted resource allocation"] = sum((W[u, x] + W[x, v]) / strong[x] for x in shared)
    out = W.sum(1, keepdims=True)
    step = np.divide(W, out, out=np.zeros_like(W), where=out > 0)
    for steps in (2, 3, 4, 5):
        power = np.linalg.matrix_power(step, steps)
        found[f"walk of {steps}"] = power[u, v], power[v, u]
    degree = both.sum(1)
    found["neighbour degree"] = tuple(both[a] @ degree / max(degree[a], 1) for a in (u, v))
    triangles = np.diag(both @ both @ both) / 2
    found["clustering"] = tuple(triangles[a] / max(degree[a] * (degree[a] - 1) / 2, 1) for a in (u, v))
    found["distance"] = far + 1
    for steps in range(far, 0, -1):
        if np.linalg.matrix_power(np.eye(len(A)) + A, steps)[u, v] > 0:
            found["distance"] = steps
    return found


def likeness(x, weight, u, v):
    """Cosines of rows u and v of X, S X and S^2 X, from the matrix without the edge; counts by TF-IDF."""
    A = without((np.asarray(weight) > 0) | (np.asarray(weight).T > 0), u, v)
    x = np.asarray(x, float)
    X = x * np.log((1 + len(x)) / (1 + (x > 0).sum(0)))
    X /= np.where(np.linalg.norm(X, axis=1) > 0, np.linalg.norm(X, axis=1), 1)[:, None]
    closed = A + np.eye(len(A))
    half = np.diag(closed.sum(1) ** -0.5)
    found = []
    for _ in range(3):
        lengths = np.linalg.norm(X[u]) * np.linalg.norm(X[v])
        found.append(X[u] @ X[v] / lengths if lengths else 0.0)
        X = half @ closed @ half @ X
    return found
