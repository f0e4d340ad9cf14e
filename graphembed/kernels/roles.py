"""Numbers that describe a node's place in the graph, not its name: alike for nodes in alike places."""

import numpy as np
from numpy.typing import NDArray

from graphembed.kernels.compile import kernel, parallel_kernel, prange
from graphembed.kernels.csr import CSR
from graphembed.kernels.walks import find


@parallel_kernel
def structure(csr: CSR) -> NDArray[np.float32]:
    """Describe every node by its degree, its neighbours' degrees and how many of them know each other.

    Args:
        csr: Edges that leave a node; self-loops are not looked at.

    Returns:
        (nodes, 3): log(1 + degree); log(1 + mean degree of the neighbours); share of the ordered pairs of neighbours
        that are linked (clustering coefficient, 0 below two neighbours).
    """
    nodes = csr.indptr.size - 1
    described = np.zeros((nodes, 3), np.float32)
    for node in prange(nodes):
        first, last = csr.indptr[node], csr.indptr[node + 1]
        degree, theirs, linked = 0, 0, 0
        for a in range(first, last):
            x = csr.indices[a]
            if x == node:
                continue
            degree += 1
            theirs += csr.indptr[x + 1] - csr.indptr[x]
            if find(csr, x, x) >= 0:
                theirs -= 1
            for b in range(first, last):
                y = csr.indices[b]
                if y != node and y != x and find(csr, x, y) >= 0:
                    linked += 1
        if degree > 0:
            described[node, 0] = np.log1p(degree)
            described[node, 1] = np.log1p(theirs / degree)
        if degree > 1:
            described[node, 2] = linked / (degree * (degree - 1))
    return described


@kernel
def linked(csr: CSR) -> NDArray[np.bool_]:
    """Say of each node, (nodes,), whether an edge joins it to another, in any direction."""
    joined = np.zeros(csr.indptr.size - 1, np.bool_)
    for node in range(joined.size):
        for edge in range(csr.indptr[node], csr.indptr[node + 1]):
            if csr.indices[edge] != node:
                joined[node] = joined[csr.indices[edge]] = True
    return joined
