"""What lies between two nodes: shared neighbours, paths of three edges, distance; exact, one pair at a time.

For a directed graph a path leads from u to v: its first edge leaves u, its last enters v. ``csr`` holds the edges
that leave a node, ``into`` (its transpose) those that enter; for undirected graphs they are the same. Rows have no
self-loops. An edge between u and v itself is never used, in either direction: a pair that is linked is seen as it
would be if it were not, so that what is learnt from linked pairs holds for those that are to be found.
"""

import numpy as np
from numpy.typing import NDArray

from graphembed.kernels.compile import kernel, parallel_kernel, prange
from graphembed.kernels.csr import CSR
from graphembed.kernels.walks import find

_LANES = 64  # parts of the work, each with a scratch of its own


@parallel_kernel
def places(csr: CSR, source: NDArray[np.int64], target: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the position of each edge u -> v, (pairs,), or -1 where there is none."""
    found = np.empty(source.size, np.int64)
    for k in prange(source.size):
        found[k] = find(csr, source[k], target[k])
    return found


@parallel_kernel
def inner_products(
    table: NDArray[np.float32], source: NDArray[np.int64], target: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the inner product, (pairs,), of row u and row v of a table (nodes, dim)."""
    found = np.empty(source.size, np.float64)
    for k in prange(source.size):
        left, right = table[source[k]], table[target[k]]
        total = np.float32(0.0)
        for i in range(table.shape[1]):
            total += left[i] * right[i]
        found[k] = total
    return found


@parallel_kernel
def shared_neighbours(
    csr: CSR, into: CSR, degree: NDArray[np.float64], source: NDArray[np.int64], target: NDArray[np.int64]
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
    by_log, by_degree = 1.0 / np.log(degree), 1.0 / degree
    for k in prange(source.size):
        u, v = source[k], target[k]
        i, last_i = csr.indptr[u], csr.indptr[u + 1]
        j, last_j = into.indptr[v], into.indptr[v + 1]
        while i < last_i and j < last_j:
            x, y = csr.indices[i], into.indices[j]
            if x == y and x != u and x != v:
                scores[k, 0] += 1.0
                scores[k, 1] += by_log[x]
                scores[k, 2] += by_degree[x]
            if x <= y:
                i += 1
            if y <= x:
                j += 1
    return scores


@parallel_kernel
def shared_strength(
    csr: CSR, into: CSR, strength: NDArray[np.float64], source: NDArray[np.int64], target: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Add up the weights of the edges that join two different nodes u and v to those between them.

    Args:
        csr: Edges that leave a node, with weights.
        into: Edges that enter a node, with weights.
        strength: (nodes,) sum of the weights of the edges of a node.
        source: (pairs,) u.
        target: (pairs,) v.

    Returns:
        (pairs, 3): sum a_ux + a_xv, the same / log(1 + strength(x)), the same / strength(x), over x with u -> x -> v
        that are neither u nor v; weights of 0 or less add nothing.
    """
    scores = np.zeros((source.size, 3), np.float64)
    for k in prange(source.size):
        u, v = source[k], target[k]
        i, last_i = csr.indptr[u], csr.indptr[u + 1]
        j, last_j = into.indptr[v], into.indptr[v + 1]
        while i < last_i and j < last_j:
            x, y = csr.indices[i], into.indices[j]
            if x == y and x != u and x != v and strength[x] > 0:
                both = np.float64(csr.weight[i]) + into.weight[j]
                scores[k, 0] += both
                scores[k, 1] += both / np.log1p(strength[x])
                scores[k, 2] += both / strength[x]
            if x <= y:
                i += 1
            if y <= x:
                j += 1
    return scores


@parallel_kernel
def paths_of_three(
    csr: CSR, into: CSR, degree: NDArray[np.float64], source: NDArray[np.int64], target: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Count the paths u -> x -> y -> v through two different nodes that are neither u nor v.

    Args:
        csr: Edges that leave a node.
        into: Edges that enter a node.
        degree: (nodes,) of the nodes in between; with weights, their sum.
        source: (pairs,) u.
        target: (pairs,) v.

    Returns:
        (pairs, 2): the number of paths; L3, the sum of a_ux a_xy a_yv / sqrt(degree(x) degree(y)) over them.

    References:
        Kovács et al. 2019, "Network-based prediction of protein interactions", equation 1.
    """
    nodes = csr.indptr.size - 1
    weighted = csr.weight.size > 0
    scores = np.zeros((source.size, 2), np.float64)
    for lane in prange(_LANES):
        place = np.full(nodes, -1, np.int64)  # of a node among those that lead to v, in ``into``
        for k in range(lane, source.size, _LANES):
            u, v = source[k], target[k]
            for edge in range(into.indptr[v], into.indptr[v + 1]):
                place[into.indices[edge]] = edge
            place[u] = -1
            paths, total = 0.0, 0.0
            for a in range(csr.indptr[u], csr.indptr[u + 1]):
                x = csr.indices[a]
                if x == v:
                    continue
                through = 0.0
                for b in range(csr.indptr[x], csr.indptr[x + 1]):
                    y = csr.indices[b]
                    c = place[y]
                    if c >= 0:
                        paths += 1.0
                        strength = csr.weight[b] * into.weight[c] if weighted else 1.0
                        through += strength / np.sqrt(degree[y])
                strength = csr.weight[a] if weighted else 1.0
                total += through * strength / np.sqrt(degree[x])
            scores[k, 0], scores[k, 1] = paths, total
            for edge in range(into.indptr[v], into.indptr[v + 1]):
                place[into.indices[edge]] = -1
    return scores


@parallel_kernel
def distances(
    csr: CSR, into: CSR, source: NDArray[np.int64], target: NDArray[np.int64], most: int
) -> NDArray[np.int64]:
    """Return how many edges the shortest path from u to v has, at most ``most``; ``most`` + 1 where it has more.

    Searched from both ends, from the side that has the fewer nodes to go on from.
    """
    nodes = csr.indptr.size - 1
    found = np.empty(source.size, np.int64)
    for lane in prange(_LANES):
        seen = np.zeros((2, nodes), np.bool_)
        queue = np.empty((2, nodes), np.int64)
        for k in range(lane, source.size, _LANES):
            found[k] = _distance(csr, into, source[k], target[k], most, seen, queue)
    return found


@kernel
def _distance(
    csr: CSR, into: CSR, u: int, v: int, most: int, seen: NDArray[np.bool_], queue: NDArray[np.int64]
) -> np.int64:
    ends = np.array([u, v])
    begin, end = np.zeros(2, np.int64), np.ones(2, np.int64)
    for side in range(2):
        seen[side, ends[side]] = True
        queue[side, 0] = ends[side]
    length, met = 0, u == v
    while not met and length < most and begin[0] < end[0] and begin[1] < end[1]:
        side = 0 if end[0] - begin[0] <= end[1] - begin[1] else 1
        rows = csr if side == 0 else into
        length += 1
        last = end[side]
        for place in range(begin[side], last):
            node = queue[side, place]
            for edge in range(rows.indptr[node], rows.indptr[node + 1]):
                x = rows.indices[edge]
                if seen[side, x] or (node == u and x == v) or (node == v and x == u):
                    continue
                seen[side, x] = True
                queue[side, end[side]] = x
                end[side] += 1
                met = met or seen[1 - side, x]
        begin[side] = last
    for side in range(2):
        for place in range(end[side]):
            seen[side, queue[side, place]] = False
    return np.int64(length if met else most + 1)


@parallel_kernel
def two_steps_away(
    csr: CSR, share: NDArray[np.float64], first: int, last: int, directed: bool, linked: bool, most: int, floor: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return of each node u from ``first`` to ``last`` the nodes y with the largest sum of share(x) over u -> x -> y.

    Args:
        csr: Edges that leave a node, ascending.
        share: (nodes,) above 0.
        first: Node to begin with.
        last: Node to end before.
        directed: Whether y may be below u.
        linked: Whether y may be linked to u, in any direction.
        most: How many of each node.
        floor: Sums have to be above it.

    Returns:
        (last - first, most) y, -1 where there are fewer; the same of sums.
    """
    nodes = csr.indptr.size - 1
    found = np.full((last - first, most), -1, np.int64)
    sums = np.zeros((last - first, most), np.float64)
    for lane in prange(_LANES):
        total, listed = np.zeros(nodes, np.float64), np.empty(nodes, np.int64)
        values = np.empty(nodes, np.float64)
        for u in range(first + lane, last, _LANES):
            count = 0
            for a in range(csr.indptr[u], csr.indptr[u + 1]):
                x = csr.indices[a]
                for b in range(csr.indptr[x + 1] - 1, csr.indptr[x] - 1, -1):
                    y = csr.indices[b]
                    if y <= u and not directed:
                        break
                    if total[y] == 0.0:
                        listed[count] = y
                        count += 1
                    total[y] += share[x]
            good = 0
            for place in range(count):
                y = listed[place]
                value = total[y]
                total[y] = 0.0
                if value > floor and y != u and (linked or (find(csr, u, y) < 0 and find(csr, y, u) < 0)):
                    listed[good], values[good] = y, value
                    good += 1
            least = floor
            if good > most:
                least = np.partition(values[:good], good - most - 1)[good - most - 1]
            taken = 0
            for place in range(good):
                if values[place] > least:
                    found[u - first, taken], sums[u - first, taken] = listed[place], values[place]
                    taken += 1
            for place in range(good):  # of equals, those that came first
                if taken < most and values[place] == least and good > most:
                    found[u - first, taken], sums[u - first, taken] = listed[place], values[place]
                    taken += 1
    return found, sums
