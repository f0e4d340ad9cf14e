"""One step along the edges: a sparse matrix, given as rows, times a table of vectors."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphembed.kernels.compile import kernel, parallel_kernel, prange
from graphembed.kernels.csr import CSR


@parallel_kernel
def propagate(csr: CSR, x: NDArray[Any]) -> NDArray[Any]:
    """Return (nodes, dim) sums y_u = sum over v of weight_uv x_v, with weights of 1 if there are none.

    Each row is added up by one thread in the order of its edges, so the result does not depend on how many there are.

    Args:
        csr: Rows u; indices are rows of ``x``.
        x: (any, dim), float32 or float64; so is the result.

    Example:
        >>> csr = CSR(np.array([0, 2, 2]), np.array([0, 1], np.int32), np.array([1, 2], np.float32))
        >>> propagate(csr, np.array([[1.0], [10.0]]))
        array([[21.],
               [ 0.]])
    """
    nodes, dim = len(csr.indptr) - 1, x.shape[1]
    y = np.zeros((nodes, dim), x.dtype)
    weighted = csr.weight.size > 0
    for u in prange(nodes):
        row = y[u]
        for edge in range(csr.indptr[u], csr.indptr[u + 1]):
            other = x[csr.indices[edge]]
            if weighted:
                weight = csr.weight[edge]
                for k in range(dim):
                    row[k] += weight * other[k]
            else:
                for k in range(dim):
                    row[k] += other[k]
    return y


# The same on one thread: where there is little to add up, waking the others takes longer.
propagate_little = kernel(propagate.__wrapped__)  # type: ignore[attr-defined]
