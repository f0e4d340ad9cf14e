"""`BetheHessian`: vectors that see communities in sparse graphs down to where nobody can."""

import dataclasses as dc
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from graphembed.bethe import regularised, spectrum
from graphembed.embedding import Embedding
from graphembed.encoders.protocol import describe, needs_edges, rings
from graphembed.encoders.proximity import Known
from graphembed.graph import as_graph

_NOTHING = 1e-6  # eigenvalues, and rows relative to the usual length, that rounding may have made


@dc.dataclass(eq=False)
class BetheHessian(BaseEstimator):
    """The directions of the Bethe Hessian that are beyond chance; vectors have length one.

    Z = unit(V diag(mu)) = unit(L V), where |mu| > 1 / r, see `graphembed.bethe`; the first direction, which only says
    who is busy, is left out. Where there are fewer than ``dim``, zeros follow; one is always given, so that there is
    something to look at, but where it is not beyond chance it says nothing. Edges count in both directions, self-loops
    do not; nodes that no direction reaches, such as those without an edge, get the zero vector.

    A node that joins later gets what its edges say, the row that it has in L V, ring by ring.

    Args:
        dim: Length of a vector, and how many directions are looked for.
        seed: Where the search begins.

    Attributes:
        communities_: How many communities can be seen; ``dim`` or more if there may be more.
        values_: (dim + 1,) or fewer, leading eigenvalues mu of L, the first of which is left out.
        edge_: 1 / r.

    Raises:
        DataError: The graph has no edges.

    Example:
        >>> from graphembed.datasets import load
        >>> encoder = BetheHessian(dim=8)
        >>> encoder.fit_transform(load("karate"))
        Embedding(34 items, dim 8, BetheHessian)
        >>> encoder.communities_
        2

    References:
        Saade, Krzakala and Zdeborova 2014, "Spectral clustering of graphs with the Bethe Hessian".
        Dall'Amico, Couillet and Tremblay 2021, "A unified framework for spectral clustering in sparse graphs".
    Differs from the papers: one r for all directions; weights relative to their mean.
    """

    dim: int = 16
    seed: int = 0

    def fit(self, graph: Any, /) -> Self:
        """Compute the vectors."""
        graph = as_graph(graph)
        needs_edges(graph, "the Bethe Hessian")
        if self.dim < 1:
            raise ValueError(f"dim must be at least 1, got {self.dim}")
        self.known_ = Known.of(graph)
        self.mean_ = float(self.known_.adjacency.data.mean())
        found = spectrum(self.known_.adjacency, self.dim + 1, self.seed)
        self.communities_, self.values_, self.edge_ = found.communities, found.values, found.edge
        self.more_ = found.more
        seen = found.seen[1:]
        seen[:1] = True
        missing = ((0, 0), (0, self.dim - len(seen)))
        self.table_ = np.pad(found.vectors[:, 1:] * seen, missing)
        self.mu_ = np.pad(np.where(seen, found.values[1:], 0.0), missing[1])
        self.embedding_ = Embedding(_unit(self.table_ * self.mu_), graph.names, describe(self))
        return self

    def transform(self, graph: Any, /) -> Embedding:
        """Return the vectors of known nodes as they are, and embed new ones by their edges to known ones.

        Raises:
            UnknownNameError: There is no path from a new node to any known one.
        """
        graph = as_graph(graph)
        fitted = self.embedding_
        new = rings(fitted.row, graph, "this Bethe Hessian", "fit it on a graph that holds them")
        if not new:
            embedding: Embedding = fitted[graph.names]
            return embedding
        place = np.array([fitted.row.get(name, -1) for name in graph.names])
        table = np.where(place[:, None] >= 0, self.table_[place], 0.0)
        there = place >= 0
        known = Known.of(graph)
        degree = np.where(there, self.known_.degree[place], known.degree) / self.mean_
        scale = regularised(degree, self.more_)
        again = np.divide(1.0, self.mu_, out=np.zeros(self.dim), where=np.abs(self.mu_) > _NOTHING)
        values = np.where(there[:, None], fitted.values[place], 0)
        for ring in new:
            near = known.adjacency[ring][:, there] / self.mean_
            found = scale[ring, None] * (near @ (scale[there, None] * table[there]))
            values[ring], table[ring] = _unit(found), found * again
            there[ring] = True
        return Embedding(values, graph.names, fitted.source)

    def fit_transform(self, graph: Any, /) -> Embedding:
        """Do both on one graph."""
        graph = as_graph(graph)
        return self.fit(graph).transform(graph)


def _unit(z: NDArray[np.float64]) -> NDArray[np.float32]:
    """Bring rows to length one; those that rounding has left are zero."""
    length = np.linalg.norm(z, axis=1, keepdims=True)
    least = _NOTHING / np.sqrt(max(len(z), 1))
    unit: NDArray[np.float32] = np.where(length > least, z / np.where(length > least, length, 1), 0).astype(np.float32)
    return unit
