"""Edges in, a community for each node out: Leiden and Louvain, both of which look for the largest modularity."""

import graspologic_native
import networkx as nx
import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from graphembed.graph import Graph
from graphembed.nearest import knn_graph

_ITERATIONS = 10  # of Leiden; from one to ten modularity rises by .001 to .01, more adds nothing


def undirected(graph: Graph) -> sp.csr_array:
    """Return the (nodes, nodes) weights, those of u -> v and v -> u added up if it is directed, without self-loops.

    Example:
        >>> undirected(Graph.from_edges([0, 1], [1, 0], directed=True)).toarray()
        array([[0., 2.],
               [2., 0.]])
    """
    csr = graph.csr
    weight = csr.weight.astype(np.float64) if graph.weighted else np.ones(csr.indices.size)
    matrix = sp.csr_array((weight, csr.indices, csr.indptr), shape=(graph.num_nodes,) * 2)
    return without_loops(matrix + matrix.T if graph.directed else matrix)


def near(z: NDArray[np.float64], neighbours: int) -> sp.csr_array:
    """Link rows to their nearest by angle: 1 where one is among the nearest of the other, 2 where each is.

    Zero rows have no direction and are not linked.
    """
    some = np.flatnonzero(np.linalg.norm(z, axis=1) > 0)
    source, target = knn_graph(torch.from_numpy(z[some]), neighbours, cosine=True).numpy()
    links = sp.csr_array((np.ones(len(source)), (some[source], some[target])), shape=(len(z),) * 2)
    return without_loops(links + links.T)


def without_loops(matrix: sp.csr_array) -> sp.csr_array:
    """Return a copy with nothing on the diagonal and sorted rows."""
    entries = sp.coo_array(matrix)
    apart = entries.row != entries.col
    kept = sp.csr_array(
        (entries.data[apart], (entries.row[apart], entries.col[apart])), shape=matrix.shape, dtype=np.float64
    )
    kept.sort_indices()
    return kept


def edges_of(matrix: sp.csr_array) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the ends of every edge once, (edges, 2), and their weights (edges,)."""
    upper = sp.coo_array(sp.triu(matrix, 1))
    return np.stack([upper.row, upper.col], axis=1).astype(np.int64), upper.data.astype(np.float64)


def leiden(matrix: sp.csr_array, resolution: float, seed: int) -> NDArray[np.int64]:
    """Find communities by Leiden; nodes without an edge are alone.

    References:
        Traag, Waltman and van Eck 2019, "From Louvain to Leiden: guaranteeing well-connected communities".
    """
    nodes = matrix.shape[0]
    if not matrix.nnz:  # the library panics
        return np.arange(nodes)
    _, found = graspologic_native.leiden_csr(
        matrix.indptr.astype(np.int64),
        matrix.indices.astype(np.int32),
        matrix.data.astype(np.float64),
        nodes,
        resolution=resolution,
        iterations=_ITERATIONS,
        seed=seed,
    )
    return np.array([found[node] for node in range(nodes)], np.int64)


def louvain(matrix: sp.csr_array, resolution: float, seed: int) -> NDArray[np.int64]:
    """Find communities by Louvain (networkx's: a second for some 10 000 edges).

    References:
        Blondel et al. 2008, "Fast unfolding of communities in large networks".
    """
    network = nx.from_scipy_sparse_array(matrix)
    labels = np.empty(matrix.shape[0], np.int64)
    for number, members in enumerate(nx.community.louvain_communities(network, resolution=resolution, seed=seed)):
        labels[list(members)] = number
    return labels
