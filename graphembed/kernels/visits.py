"""Where random walks go: between two nodes in a few steps, and from one node in all steps (personalised PageRank).

A walker at x goes along edge x -> y with the probability ``step`` gives for it, and stops at a node without edges.
"""

import numpy as np
from numpy.typing import NDArray

from graphembed.kernels.compile import inlined, parallel_kernel, prange
from graphembed.kernels.csr import CSR

_LANES = 64  # parts of the work, each with a scratch of its own


@parallel_kernel
def walks_between(
    csr: CSR,
    into: CSR,
    step: NDArray[np.float64],
    into_step: NDArray[np.float64],
    scale: NDArray[np.float64],
    first: NDArray[np.int64],
    joined: NDArray[np.bool_],
    source: NDArray[np.int64],
    target: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return (pairs, 4) probabilities that a walker from u is at v after 2, 3, 4 and 5 steps, were they not linked.

    Up to three steps forward from u, once for each group, and two backward to v meet in the middle.

    Args:
        csr: Edges that leave a node, without self-loops.
        into: Edges that enter a node.
        step: (edges,) probability of each, given that the walker is at its source.
        into_step: The same in the order of ``into``.
        scale: (pairs, 2) by what the probabilities of u's, and of v's, other edges grow without one between them.
        first: (groups + 1,) where each group begins: pairs with the same u that are not linked, or one that is.
        joined: (pairs,) whether they are linked, in any direction.
        source: (pairs,) u, in groups.
        target: (pairs,) v, different from u.
    """
    nodes = csr.indptr.size - 1
    chance = np.zeros((source.size, 4), np.float64)
    one, two, three, last, before = 0, 1, 2, 3, 4  # steps gone; one and two steps before the end
    for lane in prange(_LANES):
        table, lists, count = np.zeros((5, nodes), np.float64), np.empty((5, nodes), np.int64), np.zeros(5, np.int64)
        listed = np.zeros((5, nodes), np.bool_)
        for group in range(lane, first.size - 1, _LANES):
            k = first[group]
            u, v = source[k], target[k] if joined[k] else np.int64(-1)
            to_u, to_v = scale[k, 0], scale[k, 1]
            for edge in range(csr.indptr[u], csr.indptr[u + 1]):
                if csr.indices[edge] != v:
                    _add(table, lists, listed, count, one, csr.indices[edge], step[edge] * to_u)
            for place in range(count[one]):
                x = lists[one, place]
                for edge in range(csr.indptr[x], csr.indptr[x + 1]):
                    _add(table, lists, listed, count, two, csr.indices[edge], table[one, x] * step[edge])
            for place in range(count[two]):
                x = lists[two, place]
                mass = table[two, x] * (to_u if x == u else (to_v if x == v else 1.0))
                for edge in range(csr.indptr[x], csr.indptr[x + 1]):
                    y = csr.indices[edge]
                    if not ((x == u and y == v) or (x == v and y == u)):
                        _add(table, lists, listed, count, three, y, mass * step[edge])
            for pair in range(k, first[group + 1]):
                w = target[pair]
                for edge in range(into.indptr[w], into.indptr[w + 1]):
                    if into.indices[edge] != u:
                        _add(table, lists, listed, count, last, into.indices[edge], into_step[edge])
                for place in range(count[last]):
                    x = lists[last, place]
                    chance[pair, 0] += table[one, x] * table[last, x]
                    chance[pair, 1] += table[two, x] * table[last, x]
                    for edge in range(into.indptr[x], into.indptr[x + 1]):
                        y = into.indices[edge]
                        more = to_u if y == u else (to_v if y == w else 1.0)
                        _add(table, lists, listed, count, before, y, table[last, x] * into_step[edge] * more)
                for place in range(count[before]):
                    y = lists[before, place]
                    chance[pair, 2] += table[two, y] * table[before, y]
                    chance[pair, 3] += table[three, y] * table[before, y]
                _clear(table, lists, listed, count, last)
                _clear(table, lists, listed, count, before)
            for which in (one, two, three):
                _clear(table, lists, listed, count, which)
    return chance


@inlined
def _add(
    table: NDArray[np.float64],
    lists: NDArray[np.int64],
    listed: NDArray[np.bool_],
    count: NDArray[np.int64],
    which: int,
    node: int,
    amount: float,
) -> None:
    """Add to a node's entry and remember the node."""
    if not listed[which, node]:
        listed[which, node] = True
        lists[which, count[which]] = node
        count[which] += 1
    table[which, node] += amount


@inlined
def _clear(
    table: NDArray[np.float64],
    lists: NDArray[np.int64],
    listed: NDArray[np.bool_],
    count: NDArray[np.int64],
    which: int,
) -> None:
    """Forget what was added."""
    for place in range(count[which]):
        table[which, lists[which, place]] = 0.0
        listed[which, lists[which, place]] = False
    count[which] = 0


@parallel_kernel
def pagerank(
    csr: CSR,
    step: NDArray[np.float64],
    scale: NDArray[np.float64],
    first: NDArray[np.int64],
    joined: NDArray[np.bool_],
    source: NDArray[np.int64],
    target: NDArray[np.int64],
    restart: float,
    epsilon: float,
) -> NDArray[np.float64]:
    """Return (pairs,) personalised PageRank of v seen from u, were they not linked, by pushing.

    Undirected: too small by less than epsilon times the degree of v.

    Args:
        csr: Edges that leave a node.
        step: (edges,) probability of each, given that the walker is at its source.
        scale: (pairs, 2) as for `walks_between`.
        first: (groups + 1,) as for `walks_between`; so are the next two.
        joined: (pairs,) whether they are linked.
        source: (pairs,) u.
        target: (pairs,) v.
        restart: Chance to jump back to u.
        epsilon: What a node may keep unpushed, for each of its edges.

    References:
        Andersen, Chung and Lang 2006, "Local graph partitioning using PageRank vectors", section 3.
    """
    nodes = csr.indptr.size - 1
    scores = np.zeros(source.size, np.float64)
    for lane in prange(_LANES):
        mass, waiting = np.zeros(nodes, np.float64), np.zeros(nodes, np.float64)
        queued, known = np.zeros(nodes, np.bool_), np.zeros(nodes, np.bool_)
        queue = np.empty(nodes + 1, np.int64)  # a ring: a node is in it at most once
        touched = np.empty(nodes, np.int64)
        for group in range(lane, first.size - 1, _LANES):
            k = first[group]
            u, v = source[k], target[k] if joined[k] else np.int64(-1)
            waiting[u] = 1.0
            queue[0] = touched[0] = u
            queued[u] = known[u] = True
            head, tail, count = 0, 1, 1
            while head != tail:
                node = queue[head]
                head = (head + 1) % queue.size
                queued[node] = False
                amount = waiting[node]
                waiting[node] = 0.0
                mass[node] += restart * amount
                amount *= 1.0 - restart
                if v >= 0:
                    amount *= scale[k, 0] if node == u else (scale[k, 1] if node == v else 1.0)
                for edge in range(csr.indptr[node], csr.indptr[node + 1]):
                    x = csr.indices[edge]
                    if v >= 0 and ((node == u and x == v) or (node == v and x == u)):
                        continue
                    if not known[x]:
                        known[x] = True
                        touched[count] = x
                        count += 1
                    waiting[x] += amount * step[edge]
                    if not queued[x]:
                        degree = csr.indptr[x + 1] - csr.indptr[x]
                        if v >= 0 and ((x == u and scale[k, 0] != 1.0) or (x == v and scale[k, 1] != 1.0)):
                            degree -= 1
                        if waiting[x] > epsilon * max(degree, 1):
                            queued[x] = True
                            queue[tail] = x
                            tail = (tail + 1) % queue.size
            for pair in range(k, first[group + 1]):
                scores[pair] = mass[target[pair]]
            for place in range(count):
                mass[touched[place]] = waiting[touched[place]] = 0.0
                known[touched[place]] = False
    return scores
