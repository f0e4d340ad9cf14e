"""What a sparse graph can tell of communities: directions along which links say more than chance, and how many.

The Bethe Hessian H(r) = (r^2 - 1) I - r A + D, with r^2 the largest eigenvalue of the non-backtracking matrix, has one
negative eigenvalue for each community that can be seen at all, and H(-r) one for each way in which nodes avoid their
own kind. By Sylvester's law of inertia these are the eigenvalues beyond 1 / r and -1 / r of one matrix, whose spectrum
is easier to compute,

    L = T^-1/2 A T^-1/2,    T = D + (r^2 - 1) I

(the adjacency matrix between regularised degrees). Unlike those of A or D^-1/2 A D^-1/2, its leading vectors do not get
caught by busy nodes or dangling trees, so they find communities down to where nobody can.
"""

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackNoConvergence, eigs, eigsh

from graphembed.parallel import one_thread

_SMALL = 256  # graphs of no more nodes are decomposed exactly
_SPARE = 64  # directions followed at the same time
_TOLERANCE = 1e-4  # of eigenvalues, whose bulk begins at 1 / r
_BEYOND = 1e-3  # how far beyond it, relatively, is not rounding


class Spectrum(NamedTuple):
    """Leading directions of L."""

    values: NDArray[np.float64]  # (most,) by size, largest positive one first
    vectors: NDArray[np.float64]  # (nodes, most)
    edge: float  # 1 / r: eigenvalues up to it are those of chance
    more: float  # r^2 - 1, what is added to degrees

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(most,) which directions are beyond chance."""
        return np.asarray(np.abs(self.values) > self.edge * (1 + _BEYOND))

    @property
    def communities(self) -> int:
        """How many communities can be seen: negative eigenvalues of H(r), or one more than those of H(-r)."""
        seen = self.values[self.seen]
        return max(int((seen > 0).sum()), int((seen < 0).sum()) + 1)


def spectrum(adjacency: Any, most: int, seed: int) -> Spectrum:
    """Find the leading directions.

    Args:
        adjacency: (nodes, nodes) symmetric scipy csr_array without a diagonal; weights count relative to their mean.
        most: How many; fewer in smaller graphs.
        seed: Where the search begins.

    Example:
        >>> cliques = sp.csr_array(np.kron(np.eye(3), np.ones((5, 5)) - np.eye(5)))
        >>> spectrum(cliques, 6, seed=0).communities
        3

    References:
        Saade, Krzakala and Zdeborova 2014, "Spectral clustering of graphs with the Bethe Hessian", section 2.
        Dall'Amico, Couillet and Tremblay 2021, "A unified framework for spectral clustering in sparse graphs",
        section 3.2 (L, and its relation to H).
    """
    nodes = adjacency.shape[0]
    mean = float(adjacency.data.mean()) if adjacency.nnz else 1.0
    links = sp.csr_array((adjacency.data / mean, adjacency.indices, adjacency.indptr), shape=adjacency.shape)
    degree = links.sum(axis=1)
    with one_thread():
        squared = radius(links) if links.nnz else 1.0
        scale = regularised(degree, squared - 1)
        turned = sp.csr_array(sp.diags_array(scale) @ links @ sp.diags_array(scale))
        if nodes <= _SMALL:
            values, vectors = np.linalg.eigh(turned.toarray())
        else:
            values, vectors = _leading(turned, min(most, nodes - 2), seed)
    first = int(values.argmax())
    order = [first, *(each for each in np.argsort(-np.abs(values), kind="stable").tolist() if each != first)][:most]
    return Spectrum(values[order], _signed(vectors[:, order]), squared**-0.5, squared - 1)


def radius(links: Any) -> float:
    """Return the largest eigenvalue of the non-backtracking matrix, at least 1: how many ways lead on, not back.

    It is that of a matrix of twice as many rows as there are nodes, [[0, D - I], [-I, A]].

    Example:
        >>> round(radius(sp.csr_array(np.ones((4, 4)) - np.eye(4))), 6)
        2.0

    References:
        Krzakala et al. 2013, "Spectral redemption in clustering sparse networks", supporting information.
    """
    nodes = links.shape[0]
    one = sp.eye_array(nodes)
    matrix = sp.csr_array(sp.block_array([[None, sp.diags_array(links.sum(axis=1)) - one], [-one, links]]))
    if nodes <= _SMALL:
        return max(float(np.abs(np.linalg.eigvals(matrix.toarray())).max()), 1.0)
    values = eigs(matrix, 2, which="LM", v0=np.ones(2 * nodes), tol=_TOLERANCE, return_eigenvectors=False)
    return max(float(np.abs(values).max()), 1.0)


def regularised(degree: NDArray[np.float64], more: float) -> NDArray[np.float64]:
    """Return (degree + more)^-1/2; 0 for nodes without an edge."""
    scale: NDArray[np.float64] = np.where(degree > 0, np.where(degree > 0, degree + more, 1.0) ** -0.5, 0.0)
    return scale


def _leading(matrix: Any, most: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    start = np.random.default_rng(seed).normal(size=matrix.shape[0])
    room = min(matrix.shape[0] - 1, 2 * most + _SPARE)
    try:
        values, vectors = eigsh(matrix, most, which="LM", v0=start, ncv=room, tol=_TOLERANCE)
    except ArpackNoConvergence as error:  # what has converged is what stands out
        values, vectors = error.eigenvalues, error.eigenvectors
    return np.asarray(values), np.asarray(vectors)


def _signed(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Make the largest entry of each column positive; the first of several: rounding shall not decide."""
    if not vectors.size:
        return vectors
    size = np.abs(vectors)
    largest = (size >= 0.999 * size.max(axis=0)).argmax(axis=0)
    signed: NDArray[np.float64] = vectors * np.where(vectors[largest, np.arange(vectors.shape[1])] < 0, -1, 1)
    return signed
