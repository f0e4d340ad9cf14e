"""What structural encoders look at: the edges of a graph on each side of a node, in one unit of weight.

A role is a matter of pattern, so the unit in which weights are given must not matter: they are divided by the mean
weight of the graph that was fitted on. Self-loops are set apart, for they lead nowhere. A directed graph has two sides,
the edges that leave a node and those that reach it; an undirected one has one.
"""

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from graphembed.errors import DataError
from graphembed.graph import Graph
from graphembed.kernels.csr import CSR, ends_of, from_sorted_edges, transpose, without_loops


class Kind(NamedTuple):
    """The kind of graph an encoder was fitted on."""

    directed: bool
    unit: float | None  # mean weight of an edge between two nodes; None where edges have no weights

    @classmethod
    def of(cls, graph: Graph) -> "Kind":
        """Read the kind of a graph."""
        weight = without_loops(graph.csr).weight
        return cls(bool(graph.directed), float(weight.astype(np.float64).mean()) if weight.size else None)


class Sides(NamedTuple):
    """The edges of a graph without self-loops."""

    edges: dict[str, CSR]  # by "" if undirected, else by "out" and "in"; the first has the edges as they are
    around: CSR  # neighbours in any direction, without weights
    loops: NDArray[np.float64]  # (nodes,) weights of self-loops

    @classmethod
    def of(cls, graph: Graph, kind: Kind, encoder: str) -> "Sides":
        """Look at a graph, which must be of the kind that was fitted on.

        Raises:
            DataError: One is directed or weighted and the other is not.

        Example:
            >>> graph = Graph.from_edges([0, 1, 1], [1, 2, 1], directed=True)
            >>> sides = Sides.of(graph, Kind.of(graph), "an encoder")
            >>> list(sides.edges), sides.edges["in"].indices, sides.loops
            (['out', 'in'], array([0, 1], dtype=int32), array([0., 1., 0.]))
        """
        if graph.directed != kind.directed or graph.weighted != (kind.unit is not None):
            fitted = f"{'directed' if kind.directed else 'undirected'} {'weighted' if kind.unit else 'unweighted'}"
            raise DataError(f"{encoder} was fitted on a graph that is {fitted} and cannot describe this one: {graph}")
        csr = graph.csr
        if kind.unit is not None:
            csr = csr._replace(weight=(csr.weight / kind.unit).astype(np.float32))
        source, target = ends_of(csr)
        loop = source == target
        loops = np.zeros(graph.num_nodes)
        loops[source[loop]] = csr.weight[loop] if csr.weight.size else 1.0
        csr = without_loops(csr)
        if not graph.directed:
            return cls({"": csr}, csr._replace(weight=csr.weight[:0]), loops)
        back = transpose(csr)
        return cls({"out": csr, "in": back}, _joined(csr, back), loops)


def strength(csr: CSR) -> NDArray[np.float64]:
    """Add up the weights of each node's edges: (nodes,).

    Example:
        >>> strength(CSR(np.array([0, 2, 2]), np.array([0, 1], np.int32), np.array([1, 2], np.float32)))
        array([3., 0.])
    """
    nodes = csr.indptr.size - 1
    if not csr.weight.size:
        return np.diff(csr.indptr).astype(np.float64)
    source = np.repeat(np.arange(nodes), np.diff(csr.indptr))
    return np.bincount(source, csr.weight, minlength=nodes).astype(np.float64)


def _joined(one: CSR, other: CSR) -> CSR:
    """Return the neighbours in either."""
    shape = (one.indptr.size - 1,) * 2
    first, second = (
        sp.csr_array((np.ones(e.indices.size, np.int8), e.indices, e.indptr), shape=shape) for e in (one, other)
    )
    both = sp.csr_array(first + second)
    both.sort_indices()
    source = np.repeat(np.arange(shape[0]), np.diff(both.indptr))
    return from_sorted_edges(source, both.indices, None, shape[0])
