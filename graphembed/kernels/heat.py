"""Heat that spreads from each node, and the characteristic function of where it lies after some time.

Heat at node v moves on along the edges in proportion to their weights. After the time s, counted in expected steps,
what began at u is spread as

    psi = exp(-s) (e_u + s P e_u + s^2 / 2 P^2 e_u + ...)        P (from, to): one step of a walker

The terms are positive and there are never more of them than needed: heat that is less than ``least`` per edge out of
a node does not move on. So a node costs 1 / least at most, not the whole graph, and nothing dense is ever held.
"""

import numpy as np
from numpy.typing import NDArray

from graphembed.kernels.compile import parallel_kernel, prange
from graphembed.kernels.csr import CSR
from graphembed.kernels.egonets import LOTS

_SMALL = 0.1  # angles below this are left to four terms of the series of exp: exact to 1e-7


@parallel_kernel
def heat_signatures(
    csr: CSR, strength: NDArray[np.float64], terms: NDArray[np.float64], reach: float, points: int, least: float
) -> NDArray[np.float32]:
    """Return the sums over all nodes m of exp(i t psi_m) - 1, for heat that starts at each node.

    Heat too thin to follow still counts: t times its amount in the imaginary part, which is its limit for thin heat.

    Args:
        csr: Edges; heat in a node without one stays there.
        strength: (nodes,) sums of the weights.
        terms: (scales, steps) the factors exp(-s) s^k / k!.
        reach: The largest t.
        points: How many values of t there are, evenly spaced: the first is ``reach / points``.
        least: Heat per edge, in proportion to weights, that does not move on; 0 follows all.

    Returns:
        (nodes, scales * points * 2): for each scale and point the real and the imaginary part.
    """
    nodes = csr.indptr.size - 1
    scales, steps = terms.shape
    weighted = csr.weight.size > 0
    signature = np.zeros((nodes, scales * points * 2), np.float32)
    for lot in prange(LOTS):
        now, after = np.zeros(nodes), np.zeros(nodes)
        real, imaginary = np.zeros(points), np.zeros(points)
        total = np.zeros((nodes, scales))
        reached = np.zeros(nodes, np.bool_)
        seen, front, back = np.empty(nodes, np.int32), np.empty(nodes, np.int32), np.empty(nodes, np.int32)
        for node in range(lot, nodes, LOTS):
            now[node] = 1.0
            front[0] = node
            seen[0] = node
            reached[node] = True
            in_front, in_seen = 1, 1
            for step in range(steps):
                in_back = 0
                for f in range(in_front):
                    u = front[f]
                    heat = now[u]
                    now[u] = 0.0
                    if heat == 0.0:
                        continue
                    for scale in range(scales):
                        total[u, scale] += terms[scale, step] * heat
                    if step == steps - 1:
                        continue
                    begin, end = csr.indptr[u], csr.indptr[u + 1]
                    if begin == end:  # it stays
                        if after[u] == 0.0:
                            back[in_back] = u
                            in_back += 1
                        after[u] += heat
                        continue
                    if heat < least * (end - begin):
                        continue
                    share = heat / strength[u]
                    for edge in range(begin, end):
                        v = csr.indices[edge]
                        if after[v] == 0.0:
                            back[in_back] = v
                            in_back += 1
                            if not reached[v]:
                                reached[v] = True
                                seen[in_seen] = v
                                in_seen += 1
                        after[v] += share * csr.weight[edge] if weighted else share
                now, after = after, now
                front, back = back, front
                in_front = in_back
            for f in range(in_front):
                now[front[f]] = 0.0
            for scale in range(scales):
                one, two, three, four = 0.0, 0.0, 0.0, 0.0
                real[:], imaginary[:] = 0.0, 0.0
                mass = 0.0
                for m in range(in_seen):
                    heat = total[seen[m], scale]
                    mass += heat
                    if heat * reach < _SMALL:
                        square = heat * heat
                        one += heat
                        two += square
                        three += square * heat
                        four += square * square
                        continue
                    c, s = np.cos(heat * reach / points), np.sin(heat * reach / points)
                    x, y = 1.0, 0.0
                    for p in range(points):  # turns by one angle after the other: t is evenly spaced
                        x, y = x * c - y * s, x * s + y * c
                        real[p] += x - 1.0
                        imaginary[p] += y
                one += 1.0 - mass
                for p in range(points):
                    t = reach * (p + 1) / points
                    place = (scale * points + p) * 2
                    signature[node, place] = real[p] - t**2 * two / 2 + t**4 * four / 24
                    signature[node, place + 1] = imaginary[p] + t * one - t**3 * three / 6
            for m in range(in_seen):
                reached[seen[m]] = False
                for scale in range(scales):
                    total[seen[m], scale] = 0.0
    return signature
