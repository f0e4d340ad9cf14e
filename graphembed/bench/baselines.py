"""What every table of links shows beside its methods: scores that need no training. A score takes pairs, gives numbers.

degree               product of the degrees: what a score is worth that knows nothing but how busy a node is
common neighbours    how many there are
resource allocation  each worth one over its degree
PageRank             personalised, what each end sees of the other
L3                   paths of three steps, worth less through hubs
cos(S X)             cosine of features (by TF-IDF, if none is negative) averaged once over neighbours
random               a number drawn for each pair
"""

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from graphembed.graph import Graph
from graphembed.kernels.csr import CSR, transpose, without_loops
from graphembed.kernels.pairs import paths_of_three, shared_neighbours
from graphembed.kernels.seen import pagerank_rows

Score = Callable[[NDArray[np.int64]], NDArray[np.float64]]
DEGREE = "degree"
_RESTART, _EPSILON = 0.15, 1e-7
_BLOCK = 1 << 22  # numbers held at a time


def baselines(observed: Graph, seed: int = 0) -> dict[str, Score]:
    """Return the scores that a table always shows, made from the observed graph; weights are not looked at.

    Args:
        observed: The graph without what is to be found.
        seed: Of the random score.

    Returns:
        Name to a function of (pairs, 2) rows that gives (pairs,) scores; ``cos(S X)`` only where there are features.

    Example:
        >>> import networkx as nx
        >>> from graphembed.graph import as_graph
        >>> scores = baselines(as_graph(nx.path_graph(4)))
        >>> {name: score(np.array([[0, 2]])).round(3).tolist() for name, score in scores.items() if name != "random"}
        {'degree': [2.0], 'common neighbours': [1.0], 'resource allocation': [0.5], 'PageRank': [0.357], 'L3': [0.0]}

    References:
        Zhou, Lü and Zhang 2009, "Predicting missing links via local information" (resource allocation).
        Kovács et al. 2019, "Network-based prediction of protein interactions", equation 1 (L3).
    """
    out = _plain(observed)
    into = transpose(out) if observed.directed else out
    leaving, entering = np.diff(out.indptr).astype(np.float64), np.diff(into.indptr).astype(np.float64)
    between = leaving + entering if observed.directed else leaving
    several = np.maximum(between, 2)  # those between have two edges at least

    def shared(column: int) -> Score:
        return lambda pairs: shared_neighbours(out, into, several, *_ends(pairs))[:, column].copy()

    scores: dict[str, Score] = {
        DEGREE: lambda pairs: leaving[pairs[:, 0]] * entering[pairs[:, 1]],
        "common neighbours": shared(0),
        "resource allocation": shared(2),
        "PageRank": lambda pairs: _pagerank(out, into, pairs, observed.directed is True),
        "L3": lambda pairs: paths_of_three(out, into, several, *_ends(pairs))[:, 1].copy(),
    }
    if observed.data.get("x") is not None:
        scores["cos(S X)"] = cosine(smoothed(observed))
    scores["random"] = _random(observed, seed)
    return scores


def cosine(z: NDArray[np.float32]) -> Score:
    """Return the score that is the cosine of two rows of a table.

    Example:
        >>> cosine(np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]]))(np.array([[0, 1], [0, 2]]))
        array([1., 0.])
    """
    unit = z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-30)
    rows = max(1, _BLOCK // max(z.shape[1], 1))

    def score(pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        found = np.empty(len(pairs))
        for first in range(0, len(pairs), rows):
            u, v = pairs[first : first + rows].T
            found[first : first + rows] = np.einsum("pd,pd->p", unit[u], unit[v])
        return found

    return score


def smoothed(graph: Graph) -> NDArray[np.float32]:
    """Average features once: S X, S = D^-1/2 (A + I) D^-1/2, X with rows of length 1, by TF-IDF if none is negative.

    Example:
        >>> import torch
        >>> from graphembed.graph import Graph
        >>> smoothed(Graph.from_edges([0], [1], nodes=3, x=torch.tensor([[-1.0], [1.0], [3.0]])))[:, 0]
        array([0., 0., 1.], dtype=float32)
    """
    x = sp.csr_array(graph.data.x.numpy().astype(np.float32))
    if x.nnz and x.data.min() >= 0:
        appears = np.bincount(x.indices, minlength=x.shape[1])
        x = x @ sp.diags_array(np.log((1 + x.shape[0]) / (1 + appears)).astype(np.float32))
    length = np.sqrt(np.asarray((x * x).sum(axis=1)).ravel())
    x = sp.diags_array(1 / np.maximum(length, 1e-30)) @ x
    out = _plain(graph)
    ones = sp.csr_array((np.ones(out.indices.size, np.float32), out.indices, out.indptr), (graph.num_nodes,) * 2)
    steps = ones + ones.T if graph.directed else ones
    steps = (steps != 0).astype(np.float32) + sp.eye_array(graph.num_nodes, dtype=np.float32)
    root = sp.diags_array(1 / np.sqrt(np.asarray(steps.sum(axis=1)).ravel()))
    mean: NDArray[np.float32] = (root @ steps @ root @ x).toarray().astype(np.float32)
    return mean


def _plain(graph: Graph) -> CSR:
    """Return the rows of the graph without self-loops and weights."""
    return without_loops(graph.csr)._replace(weight=np.empty(0, np.float32))


def _ends(pairs: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])


def _pagerank(out: CSR, into: CSR, pairs: NDArray[np.int64], directed: bool) -> NDArray[np.float64]:
    """Personalised PageRank of v seen from u, plus that of u seen from v (directed: against the arrows).

    Undirected, one follows from the other: what v sees of u is what u sees of v, times degree(u) / degree(v).
    """
    if directed:
        return _seen(out, pairs) + _seen(into, pairs[:, ::-1])
    times = np.bincount(pairs.ravel(), minlength=out.indptr.size - 1)
    turned = times[pairs[:, 0]] < times[pairs[:, 1]]  # few starts, each seeing many
    pairs = np.where(turned[:, None], pairs[:, ::-1], pairs)
    degree = np.maximum(np.diff(out.indptr), 1)
    return _seen(out, pairs) * (1 + degree[pairs[:, 0]] / degree[pairs[:, 1]])


def _seen(csr: CSR, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Personalised PageRank of the second of each pair, seen from the first."""
    order = np.argsort(pairs[:, 0], kind="stable")
    starts, first = np.unique(pairs[order, 0], return_index=True)
    found = np.empty(len(pairs))
    step = max(1, _BLOCK // (csr.indptr.size - 1))
    for begin in range(0, len(starts), step):
        rows = pagerank_rows(csr, starts[begin : begin + step], _RESTART, _EPSILON)
        last = first[begin + step] if begin + step < len(starts) else len(pairs)
        some = order[first[begin] : last]
        found[some] = rows[np.searchsorted(starts[begin : begin + step], pairs[some, 0]), pairs[some, 1]]
    return found


def _random(graph: Graph, seed: int) -> Score:
    """Draw a number for each pair, the same whenever and in whichever company it is asked for."""

    def score(pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        ends = (pairs if graph.directed else np.sort(pairs, axis=1)).astype(np.uint64)
        with np.errstate(over="ignore"):
            z = (
                ends[:, 0] * np.uint64(graph.num_nodes)
                + ends[:, 1]
                + np.uint64(seed + 1) * np.uint64(0x9E3779B97F4A7C15)
            )
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)  # splitmix64
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return (z ^ (z >> np.uint64(31))) / np.float64(2**64)

    return score
