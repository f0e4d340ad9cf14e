"""What lies within some steps of a node, as the counts of its subtrees or of its shortest paths.

The ball of radius r about a node is the graph of all nodes at most r steps away. Patterns are hashed by sums of mixed
bits, which do not depend on the order of anything, and counted in `width` buckets: two patterns that meet in one are
taken for one, which can make balls more alike than they are but never equal ones unequal.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphembed.kernels.compile import inlined, kernel, parallel_kernel, prange
from graphembed.kernels.csr import CSR
from graphembed.kernels.egonets import LOTS
from graphembed.kernels.rng import mix


@inlined
def _hashed(one: Any, other: Any) -> np.uint64:
    """Hash an ordered pair."""
    return mix(mix(np.uint64(one) + np.uint64(0x9E3779B97F4A7C15)) ^ np.uint64(other))


@kernel
def _gather(
    csr: CSR, node: int, radius: int, place: NDArray[np.int32], ball: NDArray[np.int32], far: NDArray[np.int32]
) -> int:
    """Write the nodes of a ball, nearest first, how far they are, and where each stands; return how many there are."""
    ball[0], far[0], place[node] = node, 0, 0
    first, last = 0, 1
    for hop in range(1, radius + 1):
        end = last
        for at in range(first, end):
            for edge in range(csr.indptr[ball[at]], csr.indptr[ball[at] + 1]):
                other = csr.indices[edge]
                if place[other] < 0:
                    place[other] = last
                    ball[last], far[last] = other, hop
                    last += 1
        first = end
    return last


@parallel_kernel
def subtrees(csr: CSR, label: NDArray[np.uint64], radius: int, rounds: int, width: int) -> NDArray[np.float32]:
    """Count the Weisfeiler-Lehman labels in the balls of radius 1, 2, ... about each node.

    A node's first label is its distance from the centre; in each round it becomes the hash of its label and the sum of
    the hashes of its neighbours' labels with those of the edges between.

    Args:
        csr: Edges to follow.
        label: (edges,) labels of edges.
        radius: Largest ball.
        rounds: Rounds of relabelling; labels of all of them are counted.
        width: Buckets of a ball.

    Returns:
        (nodes, radius * width): counts.

    Example:
        >>> path = CSR(np.array([0, 1, 3, 4]), np.array([1, 0, 2, 1], np.int32), np.empty(0, np.float32))
        >>> counts = subtrees(path, np.zeros(4, np.uint64), 1, 2, 8)
        >>> counts.sum(axis=1), bool((counts[0] == counts[2]).all())
        (array([6., 9., 6.], dtype=float32), True)
    """
    nodes = csr.indptr.size - 1
    counts = np.zeros((nodes, radius * width), np.float32)
    for lot in prange(LOTS):
        place = np.full(nodes, -1, np.int32)
        ball, far = np.empty(nodes, np.int32), np.empty(nodes, np.int32)
        now, after = np.empty(nodes, np.uint64), np.empty(nodes, np.uint64)
        for node in range(lot, nodes, LOTS):
            size = _gather(csr, node, radius, place, ball, far)
            for r in range(1, radius + 1):
                for at in range(size):
                    now[at] = mix(np.uint64(far[at]))
                for turn in range(rounds + 1):
                    for at in range(size):
                        if far[at] > r:
                            break
                        bucket = _hashed(now[at], turn) % np.uint64(width)
                        counts[node, (r - 1) * width + np.int64(bucket)] += 1
                        if turn < rounds:
                            near = np.uint64(0)
                            for edge in range(csr.indptr[ball[at]], csr.indptr[ball[at] + 1]):
                                other = place[csr.indices[edge]]
                                if other >= 0 and far[other] <= r:
                                    near += _hashed(now[other], label[edge])
                            after[at] = _hashed(now[at], near)
                    now, after = after, now
            for at in range(size):
                place[ball[at]] = -1
    return counts


@parallel_kernel
def paths(csr: CSR, radius: int) -> NDArray[np.float32]:
    """Count the ordered pairs of nodes at each distance within the balls of radius 1, 2, ... about each node.

    In a ball of radius r no two nodes are more than 2 r steps apart, if edges lead both ways; what is further counts
    as that far.

    Returns:
        (nodes, radius * 2 * radius): for each ball the pairs that are 1, 2, ... steps apart within it.

    Example:
        >>> path = CSR(np.array([0, 1, 3, 4]), np.array([1, 0, 2, 1], np.int32), np.empty(0, np.float32))
        >>> paths(path, 1)
        array([[2., 0.],
               [4., 2.],
               [2., 0.]], dtype=float32)
    """
    nodes = csr.indptr.size - 1
    most = 2 * radius
    counts = np.zeros((nodes, radius * most), np.float32)
    for lot in prange(LOTS):
        place = np.full(nodes, -1, np.int32)
        ball, far = np.empty(nodes, np.int32), np.empty(nodes, np.int32)
        away, queue = np.empty(nodes, np.int32), np.empty(nodes, np.int32)
        for node in range(lot, nodes, LOTS):
            size = _gather(csr, node, radius, place, ball, far)
            for r in range(1, radius + 1):
                for start in range(size):
                    if far[start] > r:
                        break
                    away[:size] = -1
                    away[start] = 0
                    queue[0] = start
                    begin, end = 0, 1
                    while begin < end:
                        here = queue[begin]
                        begin += 1
                        if here != start:
                            counts[node, (r - 1) * most + min(away[here], most) - 1] += 1
                        for edge in range(csr.indptr[ball[here]], csr.indptr[ball[here] + 1]):
                            other = place[csr.indices[edge]]
                            if other >= 0 and far[other] <= r and away[other] < 0:
                                away[other] = away[here] + 1
                                queue[end] = other
                                end += 1
            for at in range(size):
                place[ball[at]] = -1
    return counts
