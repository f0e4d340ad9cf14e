"""Neighbourhood scores of pairs of nodes, exact and sparse; weights are not looked at.

For a directed graph a path leads from u to v: its first edge leaves u, its last enters v. ``csr`` holds the edges
that leave a node, ``into`` (its transpose) those that enter; for undirected graphs they are the same.
"""

import numpy as np
from numpy.typing import NDArray

from graphembed.kernels.compile import kernel, parallel_kernel, prange
from graphembed.kernels.csr import CSR
from graphembed.kernels.walks import find


@parallel_kernel
def shared_neighbours(
    csr: CSR, into: CSR, degree: NDArray[np.int64], source: NDArray[np.int64], target: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Count the nodes between two different nodes u and v, and weigh them by how common they are.

    Args:
        csr: Edges that leave a node.
        into: Edges that enter a node.
        degree: (nodes,) of the nodes in between.
        source: (pairs,) u.
        target: (pairs,) v.

    Returns:
        (pairs, 3): common neighbours sum 1, Adamic-Adar sum 1 / log degree(x), resource allocation sum 1 / degree(x),
        over x with u -> x -> v that are neither u nor v.
    """
    scores = np.zeros((source.size, 3), np.float64)
    for k in prange(source.size):
        u, v = source[k], target[k]
        i, last_i = csr.indptr[u], csr.indptr[u + 1]
        j, last_j = into.indptr[v], into.indptr[v + 1]
        while i < last_i and j < last_j:
            x, y = csr.indices[i], into.indices[j]
            if x == y and x != u and x != v:
                scores[k, 0] += 1.0
                scores[k, 1] += 1.0 / np.log(np.float64(degree[x]))
                scores[k, 2] += 1.0 / np.float64(degree[x])
            if x <= y:
                i += 1
            if y <= x:
                j += 1
    return scores


@parallel_kernel
def katz(
    csr: CSR,
    into: CSR,
    first: NDArray[np.int64],
    source: NDArray[np.int64],
    target: NDArray[np.int64],
    beta: float,
) -> NDArray[np.float64]:
    """Count walks of one, two and three steps from u to v, damped: beta A + beta^2 A^2 + beta^3 A^3 at (u, v).

    Args:
        csr: Edges that leave a node.
        into: Edges that enter a node.
        first: (groups + 1,) where each run of pairs with the same u begins.
        source: (pairs,) u, in runs.
        target: (pairs,) v.
        beta: Damping.

    References:
        Katz 1953, "A new status index derived from sociometric analysis"; Liben-Nowell and Kleinberg 2007, section 3.
    """
    nodes = csr.indptr.size - 1
    scores = np.zeros(source.size, np.float64)
    for group in prange(first.size - 1):
        u = source[first[group]]
        two = np.zeros(nodes, np.float64)  # walks of two steps from u
        for a in range(csr.indptr[u], csr.indptr[u + 1]):
            x = csr.indices[a]
            for b in range(csr.indptr[x], csr.indptr[x + 1]):
                two[csr.indices[b]] += 1.0
        for k in range(first[group], first[group + 1]):
            v = target[k]
            three = 0.0
            for a in range(into.indptr[v], into.indptr[v + 1]):
                three += two[into.indices[a]]
            one = 1.0 if find(csr, u, v) >= 0 else 0.0
            scores[k] = beta * (one + beta * (two[v] + beta * three))
    return scores


@parallel_kernel
def pagerank(
    csr: CSR,
    first: NDArray[np.int64],
    source: NDArray[np.int64],
    target: NDArray[np.int64],
    restart: float,
    epsilon: float,
) -> NDArray[np.float64]:
    """Personalised PageRank of v seen from u, by pushing; undirected: off by less than epsilon times the degree of v.

    Args:
        csr: Edges that leave a node.
        first: (groups + 1,) where each run of pairs with the same u begins.
        source: (pairs,) u, in runs.
        target: (pairs,) v.
        restart: Chance to jump back to u.
        epsilon: What a node may keep unpushed, for each of its edges.

    References:
        Andersen, Chung and Lang 2006, "Local graph partitioning using PageRank vectors", section 3.
    """
    scores = np.zeros(source.size, np.float64)
    for group in prange(first.size - 1):
        mass = _push(csr, source[first[group]], restart, epsilon)
        for k in range(first[group], first[group + 1]):
            scores[k] = mass[target[k]]
    return scores


@kernel
def _push(csr: CSR, start: int, restart: float, epsilon: float) -> NDArray[np.float64]:
    nodes = csr.indptr.size - 1
    mass = np.zeros(nodes, np.float64)
    waiting = np.zeros(nodes, np.float64)
    queued = np.zeros(nodes, np.bool_)
    queue = np.empty(nodes + 1, np.int64)  # a ring: a node is in it at most once
    waiting[start] = 1.0
    queue[0] = start
    queued[start] = True
    head, tail = 0, 1
    while head != tail:
        node = queue[head]
        head = (head + 1) % queue.size
        queued[node] = False
        amount = waiting[node]
        waiting[node] = 0.0
        mass[node] += restart * amount
        begin, end = csr.indptr[node], csr.indptr[node + 1]
        share = (1.0 - restart) * amount / max(end - begin, 1)
        for edge in range(begin, end):
            neighbour = csr.indices[edge]
            waiting[neighbour] += share
            limit = epsilon * max(csr.indptr[neighbour + 1] - csr.indptr[neighbour], 1)
            if waiting[neighbour] > limit and not queued[neighbour]:
                queued[neighbour] = True
                queue[tail] = neighbour
                tail = (tail + 1) % queue.size
    return mass
