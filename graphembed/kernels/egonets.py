"""What there is within one step of a node, and round about it at each distance: egonets and rings of degrees.

Both look at a node's neighbourhood through an array with a mark for every node of the graph. Nodes are shared out in
`LOTS` lots, each with its own array, so that memory does not grow with the graph times the number of nodes, and every
node is described by one thread in the order of its edges: the result does not depend on the number of threads.
"""

import numpy as np
from numpy.typing import NDArray

from graphembed.kernels.compile import parallel_kernel, prange
from graphembed.kernels.csr import CSR
from graphembed.kernels.walks import find

LOTS = 64
_SEARCH = 8  # steps of a search in a row cost as much as so many entries read in order


@parallel_kernel
def within_egonets(out: CSR, around: CSR) -> NDArray[np.float64]:
    """Return (nodes,) total weights of the edges among a node and its neighbours.

    Every stored edge counts, so that of an undirected graph each counts twice. No self-loops, please.

    Args:
        out: The edges.
        around: The neighbours of a node in any direction; weights are not looked at.

    Example:
        >>> from graphembed.kernels.csr import from_sorted_edges
        >>> source, target = np.array([0, 0, 1, 1, 2, 2, 2, 3]), np.array([1, 2, 0, 2, 0, 1, 3, 2])
        >>> triangle_with_tail = from_sorted_edges(source, target, None, 4)
        >>> within_egonets(triangle_with_tail, triangle_with_tail)
        array([6., 6., 8., 2.])
    """
    nodes = out.indptr.size - 1
    weighted = out.weight.size > 0
    total = np.zeros(nodes)
    for lot in prange(LOTS):
        mark = np.full(nodes, -1, np.int32)
        for node in range(lot, nodes, LOTS):
            first, last = around.indptr[node], around.indptr[node + 1]
            mark[node] = node
            for at in range(first, last):
                mark[around.indices[at]] = node
            found = 0.0
            for at in range(first - 1, last):
                member = node if at < first else int(around.indices[at])
                begin, end = out.indptr[member], out.indptr[member + 1]
                if end - begin > _SEARCH * (last - first + 1):  # a hub: look for the few others in its long row
                    for other in range(first - 1, last):
                        place = find(out, member, node if other < first else int(around.indices[other]))
                        if place >= 0:
                            found += out.weight[place] if weighted else 1.0
                else:
                    for edge in range(begin, end):
                        if mark[out.indices[edge]] == node:
                            found += out.weight[edge] if weighted else 1.0
            total[node] = found
    return total


@parallel_kernel
def rings(csr: CSR, bins: NDArray[np.float64], count: int, hops: int) -> NDArray[np.float32]:
    """Count the nodes at each distance from a node by the bin of what they are.

    Args:
        csr: Edges to follow.
        bins: (nodes,) places on a scale of bins, between 0 and ``count - 1``; a node between two bins is shared out.
        count: How many bins.
        hops: Largest distance.

    Returns:
        (nodes, (hops + 1) * count): bins at distance 0, 1, ...

    Example:
        >>> path = CSR(np.array([0, 1, 3, 4]), np.array([1, 0, 2, 1], np.int32), np.empty(0, np.float32))
        >>> rings(path, np.array([0.0, 1.0, 0.0]), 2, 2)
        array([[1., 0., 0., 1., 1., 0.],
               [0., 1., 2., 0., 0., 0.],
               [1., 0., 0., 1., 1., 0.]], dtype=float32)
    """
    nodes = csr.indptr.size - 1
    found = np.zeros((nodes, (hops + 1) * count), np.float32)
    for lot in prange(LOTS):
        mark = np.full(nodes, -1, np.int32)
        queue = np.empty(nodes, np.int32)
        sums = np.empty(count)
        for node in range(lot, nodes, LOTS):
            mark[node] = node
            queue[0] = node
            begin, end = 0, 1
            for hop in range(hops + 1):
                sums[:] = 0
                for at in range(begin, end):
                    place = bins[queue[at]]
                    low = int(place)
                    sums[low] += 1 - (place - low)
                    if place > low:
                        sums[low + 1] += place - low
                for b in range(count):
                    found[node, hop * count + b] = sums[b]
                if hop == hops or begin == end:
                    break
                last = end
                for at in range(begin, end):
                    for edge in range(csr.indptr[queue[at]], csr.indptr[queue[at] + 1]):
                        other = csr.indices[edge]
                        if mark[other] != node:
                            mark[other] = node
                            queue[last] = other
                            last += 1
                begin, end = end, last
    return found
