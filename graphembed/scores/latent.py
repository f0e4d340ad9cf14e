"""Scores of pairs from the shape of the whole graph: what a few directions, or all other rows, say of a pair.

These see every edge, also one between the two nodes of a pair, and there is no cheap way to take it out: ask them only
of pairs that are not linked in the graph given. Weights and directions are not looked at.
"""

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import eigsh

from graphembed.graph import Graph
from graphembed.kernels.csr import ends_of

_Floats = NDArray[np.float64]
_SMALL = 2000  # nodes up to which matrices are dense
_RANKS = (2, 4, 8, 16, 32, 64)
_RIDGE = (10.0, 100.0)


class Latent:
    """Latent factors of a graph, for `scores` of any pairs.

    Args:
        graph: Any graph.

    Example:
        >>> graph = Graph.from_edges([0, 0, 1, 2], [1, 2, 3, 3])
        >>> Latent(graph).scores(np.array([[0, 3]])).shape
        (1, 20)

    References:
        Liben-Nowell and Kleinberg 2007, section 3.3, for low-rank approximation.
        Steck 2019, "Embarrassingly shallow autoencoders for sparse data", equation 8, for "row regression".
    """

    def __init__(self, graph: Graph) -> None:
        nodes = graph.num_nodes
        source, target = ends_of(graph.csr)
        apart = source != target
        ends = np.concatenate([source[apart], target[apart]]), np.concatenate([target[apart], source[apart]])
        A = sp.csr_array((np.ones(ends[0].size), ends), shape=(nodes, nodes))
        A.data[:] = 1.0
        self._degree = A.sum(axis=1)
        half = 1 / np.sqrt(np.maximum(self._degree, 1))
        S = sp.csr_array(sp.diags_array(half) @ A @ sp.diags_array(half))
        self._plain, self._even = _directions(A, "LM"), _directions(S, "LA")
        self._tables: dict[str, _Floats] = {}
        if nodes <= _SMALL:
            dense = A.toarray()
            for ridge in _RIDGE:
                self._tables[f"row regression {ridge:g}"] = _row_regression(dense, ridge)
            self._tables["even row regression"] = _row_regression(S.toarray(), 0.1)
            alike = dense @ dense * half[:, None] * half
            np.fill_diagonal(alike, 0)
            self._tables["neighbours alike"] = dense @ alike * half[:, None] ** 2

    def scores(self, pairs: NDArray[np.int64]) -> pd.DataFrame:
        """Score unlinked pairs; symmetric.

        Returns:
            One row a pair; columns: entries of the adjacency matrix cut to rank 2, 4, ... 64; inner products, times the
            roots of the degrees, and cosines in the 8, 16, 32 and 64 first directions of D^-1/2 A D^-1/2; and, up to
            2000 nodes, what a regression of every row on all others says, and how alike to v the neighbours of u are
            (mean cosine of rows), low and high.
        """
        u, v = np.sort(pairs, axis=1).T
        columns: dict[str, _Floats] = {}
        values, z = self._plain
        product = z[u] * z[v] * values
        for rank in _RANKS:
            columns[f"rank {rank}"] = product[:, :rank].sum(axis=1)
        values, z = self._even
        z = z * np.sqrt(np.abs(values))
        square, product = z * z, z[u] * z[v]
        root = np.sqrt(self._degree[u] * self._degree[v])
        for rank in _RANKS[2:]:
            inner, length = product[:, :rank].sum(axis=1), np.sqrt(square[:, :rank].sum(axis=1))
            columns[f"inner product {rank}"] = inner * root
            columns[f"cosine {rank}"] = inner / np.maximum(length[u] * length[v], 1e-9)
        for name, table in self._tables.items():
            one, other = table[u, v], table[v, u]
            if name == "neighbours alike":
                columns[f"{name} low"], columns[f"{name} high"] = np.minimum(one, other), np.maximum(one, other)
            else:
                columns[name] = one + other
                if name == "even row regression":
                    columns[f"{name} by degree"] = (one + other) * root
        return pd.DataFrame(columns)


def _directions(matrix: sp.csr_array, which: str) -> tuple[_Floats, _Floats]:
    """Return (64,) eigenvalues, (nodes, 64) eigenvectors: the largest, by size ("LM") or from above ("LA")."""
    nodes, rank = matrix.shape[0], _RANKS[-1]
    if nodes <= _SMALL:
        values, vectors = np.linalg.eigh(matrix.toarray())
    else:
        start = np.random.default_rng(0).normal(size=nodes)
        values, vectors = eigsh(matrix, k=rank, which=which, v0=start, tol=1e-4, ncv=2 * rank + 20)
    order = np.argsort(-np.abs(values) if which == "LM" else -values, kind="stable")[:rank]
    return values[order], vectors[:, order]


def _row_regression(A: _Floats, ridge: float) -> _Floats:
    """Predict every entry of A from the rest of its row, by ridge regression on all other columns."""
    P = np.linalg.inv(A @ A + ridge * np.eye(len(A)))
    B = -P / np.diag(P)
    np.fill_diagonal(B, 0)
    predicted: _Floats = A @ B
    return predicted
