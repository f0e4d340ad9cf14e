"""Personalised PageRank of all nodes from a few: the rows that negatives and baselines are made of."""

import numpy as np
from numpy.typing import NDArray

from graphembed.kernels.compile import parallel_kernel, prange
from graphembed.kernels.csr import CSR


@parallel_kernel
def pagerank_rows(csr: CSR, sources: NDArray[np.int64], restart: float, epsilon: float) -> NDArray[np.float64]:
    """Return (sources, nodes) personalised PageRank by pushing; too small by less than epsilon per edge of a node.

    Args:
        csr: Edges that leave a node; weights are not looked at.
        sources: (sources,) nodes the walker starts from and jumps back to.
        restart: Chance to jump back.
        epsilon: What a node may keep unpushed, for each of its edges.

    References:
        Andersen, Chung and Lang 2006, "Local graph partitioning using PageRank vectors", section 3.
    """
    nodes = csr.indptr.size - 1
    mass = np.zeros((sources.size, nodes), np.float64)
    for k in prange(sources.size):
        waiting = np.zeros(nodes, np.float64)
        queued = np.zeros(nodes, np.bool_)
        queue = np.empty(nodes + 1, np.int64)  # a ring: a node is in it at most once
        waiting[sources[k]] = 1.0
        queue[0] = sources[k]
        queued[sources[k]] = True
        head, tail = 0, 1
        while head != tail:
            node = queue[head]
            head = (head + 1) % queue.size
            queued[node] = False
            amount = waiting[node]
            waiting[node] = 0.0
            mass[k, node] += restart * amount
            begin, end = csr.indptr[node], csr.indptr[node + 1]
            share = (1.0 - restart) * amount / max(end - begin, 1)
            for edge in range(begin, end):
                x = csr.indices[edge]
                waiting[x] += share
                if not queued[x] and waiting[x] > epsilon * max(csr.indptr[x + 1] - csr.indptr[x], 1):
                    queued[x] = True
                    queue[tail] = x
                    tail = (tail + 1) % queue.size
    return mass
