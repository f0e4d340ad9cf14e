"""How far nodes are from others: breadth-first search from several starts."""

import numpy as np
from numpy.typing import NDArray

from graphembed.kernels.compile import kernel
from graphembed.kernels.csr import CSR


@kernel
def distance_sums(csr: CSR, starts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Add up the steps from each start to every node.

    Args:
        csr: Edges to follow.
        starts: (starts,) nodes.

    Returns:
        (nodes,) sum of steps from the starts that reach the node, and (nodes,) how many do, itself not counted.
    """
    nodes = csr.indptr.size - 1
    total, reached = np.zeros(nodes, np.int64), np.zeros(nodes, np.int64)
    steps, queue = np.empty(nodes, np.int64), np.empty(nodes, np.int64)
    for start in starts:
        steps[:] = -1
        steps[start] = 0
        queue[0] = start
        begin, end = 0, 1
        while begin < end:
            here = queue[begin]
            begin += 1
            for edge in range(csr.indptr[here], csr.indptr[here + 1]):
                other = csr.indices[edge]
                if steps[other] < 0:
                    steps[other] = steps[here] + 1
                    total[other] += steps[other]
                    reached[other] += 1
                    queue[end] = other
                    end += 1
    return total, reached
