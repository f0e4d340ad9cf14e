"""What decoders and encoders of links compute, slow and plain: dense matrices, sets and loops.

``edge`` (nodes, nodes) is 1 where two nodes are linked, symmetric, without loops; ``pairs`` is a list of (u, v).
"""

import numpy as np


def hops(x, edge, weight, bias, beta):
    """Sum over k of beta_k S^k (X W + b), S = D^-1/2 (A + I) D^-1/2, by powers of a dense matrix."""
    linked = edge + np.eye(len(edge))
    root = 1 / np.sqrt(linked.sum(axis=1))
    step = root[:, None] * linked * root
    entered = x @ weight + bias
    return sum(b * np.linalg.matrix_power(step, k) @ entered for k, b in enumerate(beta))


def common_sum(z, edge, pairs):
    """For each pair the sum of z_k over nodes k linked to both."""
    return np.array([
        sum((z[k] for k in range(len(edge)) if edge[u, k] and edge[v, k]), np.zeros(z.shape[1])) for u, v in pairs
    ])  # fmt: skip


def completed_sum(z, edge, pairs, chance):
    """As `common_sum`; a neighbour of one only counts as much as ``chance(other, k)``; u and v themselves never do."""
    total = common_sum(z, edge, pairs)
    for row, (u, v) in enumerate(pairs):
        for one, other in ((u, v), (v, u)):
            for k in range(len(edge)):
                if edge[one, k] and not edge[other, k] and k != other:
                    total[row] += chance(other, k) * z[k]
    return total


def distances(edge):
    """Number of edges of the shortest paths, (nodes, nodes); inf where there is none."""
    found = np.where(np.eye(len(edge), dtype=bool), 0, np.inf)
    reached = np.eye(len(edge), dtype=bool)
    for length in range(1, len(edge)):
        fresh = (reached @ edge > 0) & ~reached
        found[fresh] = length
        reached |= fresh
    return found


def shell_sums(edge, pairs, weight):
    """Sums of weights over nodes at distances (1, 1), (1, 2) or (2, 1), and (2, 2) from both; (pairs, 3)."""
    away = distances(edge)

    def total(u, v, a, b):
        return weight[(away[u] == a) & (away[v] == b)].sum()

    return np.array([
        (total(u, v, 1, 1), total(u, v, 1, 2) + total(u, v, 2, 1), total(u, v, 2, 2)) for u, v in pairs
    ])  # fmt: skip


def walk_sums(edge, pairs, weight):
    """The same for walks of two steps that do not lead back, one for each node on the way; (pairs, 3)."""
    two = edge @ edge - np.diag(edge.sum(axis=1))

    def total(u, v, a, b):
        return (a[u] * b[v] * weight).sum()

    return np.array([
        (total(u, v, edge, edge), total(u, v, edge, two) + total(u, v, two, edge), total(u, v, two, two))
        for u, v in pairs
    ])  # fmt: skip
