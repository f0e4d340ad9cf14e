"""Numbers that describe a pair of nodes: from their vectors, or from the graph around them."""

import numpy as np
from numpy.typing import NDArray

from graphembed.embedding import Embedding
from graphembed.graph import Graph
from graphembed.kernels.csr import transpose
from graphembed.kernels.pairs import katz, pagerank, shared_neighbours

PAIR_FUNCTIONS = ("context", "dot", "cosine", "hadamard", "l1", "l2", "mean", "concatenation")
NEIGHBOURHOOD = (
    "common neighbours",
    "Adamic-Adar",
    "resource allocation",
    "preferential attachment",
    "Katz",
    "personalised PageRank",
)
_BETA = 0.05  # damping of Katz, Liben-Nowell and Kleinberg 2007, section 3
_RESTART, EPSILON = 0.15, 1e-5  # Brin and Page's restart; the error PageRank may have, for each edge of a node


def pair_features(embedding: Embedding, pairs: NDArray[np.int64], function: str) -> NDArray[np.float32]:
    """Turn the two vectors of each pair into one vector.

    Args:
        embedding: Vectors z and, for ``"context"``, context vectors c.
        pairs: (pairs, 2) rows u, v.
        function: ``"context"`` z_u . c_v; ``"dot"`` z_u . z_v; ``"cosine"``; ``"hadamard"`` z_u * z_v; ``"l1"``
            |z_u - z_v|; ``"l2"`` (z_u - z_v)^2; ``"mean"`` (z_u + z_v) / 2; ``"concatenation"`` [z_u, z_v].

    Returns:
        (pairs, 1), (pairs, dim) or (pairs, 2 dim).

    Raises:
        ValueError: The function is not known, or needs a context table that is not there.

    Example:
        >>> z = Embedding(np.array([[1, 2], [3, 5]]), ("a", "b"))
        >>> pair_features(z, np.array([[0, 1]]), "hadamard")
        array([[ 3., 10.]], dtype=float32)

    References:
        Grover and Leskovec 2016, "node2vec", table 1 (mean, Hadamard, L1, L2).
    """
    if function not in PAIR_FUNCTIONS:
        raise ValueError(f"there is no pair function {function!r}; known are {', '.join(PAIR_FUNCTIONS)}")
    z = embedding.values
    if function == "cosine":
        z = unit_rows(z)
    u, v = z[pairs[:, 0]], z[pairs[:, 1]]
    if function == "context":
        if embedding.context is None:
            raise ValueError(
                f"the pair function 'context' needs an embedding with a context table; {embedding} has none"
            )
        v = embedding.context[pairs[:, 1]]
    if function in ("context", "dot", "cosine"):
        inner: NDArray[np.float32] = np.einsum("pd,pd->p", u, v)[:, None]
        return inner
    if function == "hadamard":
        return np.asarray(u * v)
    if function == "l1":
        return np.asarray(np.abs(u - v))
    if function == "l2":
        return np.asarray((u - v) ** 2)
    if function == "mean":
        return np.asarray((u + v) / 2)
    return np.concatenate([u, v], axis=1)


def neighbourhood_scores(graph: Graph, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Score pairs by the graph around them; the columns are `NEIGHBOURHOOD`.

    For directed graphs paths lead from the first node of a pair to the second, and a node in between counts with all
    its edges. For undirected graphs the order of a pair does not matter: what its ends see of each other by PageRank is
    added up. Weights are not looked at.

    Args:
        graph: The observed graph.
        pairs: (pairs, 2) rows u, v.

    Returns:
        (pairs, 6).

    References:
        Liben-Nowell and Kleinberg 2007, "The link-prediction problem for social networks", section 3.
        Zhou, Lü and Zhang 2009, "Predicting missing links via local information", for resource allocation.
    """
    csr = graph.csr
    into = transpose(csr) if graph.directed else csr
    leaving, entering = np.diff(csr.indptr), np.diff(into.indptr)
    between = leaving + entering if graph.directed else leaving
    if not graph.directed:
        pairs = np.sort(pairs, axis=1)
    order = np.argsort(pairs[:, 0], kind="stable")
    source, target = np.ascontiguousarray(pairs[order].T)
    first = _runs(source)
    columns = [
        shared_neighbours(csr, into, between, source, target),
        (leaving[source] * entering[target]).astype(np.float64)[:, None],
        katz(csr, into, first, source, target, _BETA)[:, None],
        pagerank(csr, first, source, target, _RESTART, EPSILON)[:, None],
    ]
    scores = np.empty((len(pairs), len(NEIGHBOURHOOD)))
    scores[order] = np.concatenate(columns, axis=1)
    if not graph.directed:  # what v sees of u is what u sees of v, times degree(u) / degree(v)
        u, v = pairs.T
        scores[:, -1] *= 1 + leaving[u] / np.maximum(leaving[v], 1)
    return scores


def unit_rows(z: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divide every row by its length; the zero vector stays."""
    lengths = np.linalg.norm(z, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = z / np.maximum(lengths, 1e-30)
    return scaled


def _runs(sorted_values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each run of equal values begins, and the end."""
    starts = np.flatnonzero(np.diff(sorted_values, prepend=-1))
    return np.append(starts, len(sorted_values)).astype(np.int64)
