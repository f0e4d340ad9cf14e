"""`Projection`: vectors by linear algebra, in seconds and without training.

Every such encoder ends in one product,

    Z = M C        M (nodes, columns): one row per node, read off its edges;  C (columns, dim): a table

so a node that joins later is embedded by its own row times the table, and nobody else moves. Two kinds of M:

- *factorisation* (spectral embedding, NetMF): M is a proximity, C = V / sqrt(size) its right factors, and M C the left;
- *propagation* (FastRP, Cleora, ProNE): M = S takes one step along the edges, and the table has taken all but the last:
  from vectors Y, w_1 S Y + w_2 S^2 Y + ... = S (w_1 Y + S (w_2 Y + ...)). Y is random, or itself a factorisation.
"""

import dataclasses as dc
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from graphembed.embedding import Embedding
from graphembed.encoders.protocol import describe, needs_edges, rings
from graphembed.encoders.proximity import (
    Adjacency,
    Known,
    LogProximity,
    Matrix,
    Random,
    factors,
    scaled,
    times,
)
from graphembed.graph import as_graph
from graphembed.parallel import one_thread

_AVERAGE, _, _STEPS = _LENGTHS = ("one on average", "one", "one in each step")
_TINY = 1e-10  # squared sizes this much below the largest are rounding errors
_NOTHING = 1e-5  # and so are lengths this much below the usual one


@dc.dataclass(eq=False)
class Projection(BaseEstimator):
    """Start somewhere, take weighted steps along the edges, and, if wanted, even out what comes out.

    Z = (w_1 S + w_2 S^2 + ...) Y T, with S = D^-degree A D^-(1 - degree), start Y, and T to even out (``balance``).
    Without steps, Y is the result: the left factors U sqrt(size) of a proximity.

    Edges count in both directions, self-loops do not count, and nodes without an edge get the zero vector. New nodes
    are embedded by their edges to known ones; those that have none, by the mean of their neighbours' vectors.

    Args:
        start: `Random` vectors, or the proximity to factorise: `Adjacency` or `LogProximity`.
        dim: Length of a vector; graphs too small for it get zeros behind.
        steps: Weights w_1, w_2, ... of one step, two steps, ...
        degree: 1/2 for the symmetric S; 1 for averages over the neighbours.
        balance: Turn the axes so that they are uncorrelated, and take the root of their lengths.
        length: Of a vector: "one on average" (root mean square over nodes with an edge), which keeps that some are
            longer, often those of busy nodes; "one"; or "one in each step".
        seed: Everything random comes from it.

    Attributes:
        table_: (columns, dim) C.
        least_: Vectors shorter than this, before they are given length one, are rounding errors.
        embedding_: The vectors.

    Raises:
        DataError: The graph has no edges.

    Example:
        >>> import networkx as nx
        >>> z = Projection(Random(), dim=16, steps=(0, 0, 1)).fit_transform(nx.karate_club_graph())
        >>> z
        Embedding(34 items, dim 16, Projection)

    References:
        See the recipes: `graphembed.encoders.recipes`.
    """

    start: Random | Adjacency | LogProximity
    dim: int = 128
    steps: tuple[float, ...] = ()
    degree: float = 0.5
    balance: bool = False
    length: str = "one on average"
    seed: int = 0

    def fit(self, graph: Any, /) -> Self:
        """Compute the table and the vectors."""
        graph = as_graph(graph)
        needs_edges(graph, "a projection")
        self._check()
        self.known_ = Known.of(graph)
        with one_thread():
            if self.steps:
                matrix = self._rows(self.known_.adjacency)
                table = self._walked(matrix)
            else:
                matrix = self._proximity.matrix(self.known_, self.seed)
                table = _right(matrix, self.dim, self.seed)
            values = times(matrix, table)
        scale = _scale(values[self.known_.degree > 0])
        # A part of the graph that no factor reaches has vectors of rounding errors, which must not be made long.
        self.least_ = 0.0 if isinstance(self.start, Random) else _NOTHING / scale
        self.table_ = table * np.float32(scale) if self.length == _AVERAGE else table
        values = values * np.float32(scale) if self.length == _AVERAGE else _unit(values, self.least_)
        self.embedding_ = Embedding(values, graph.names, describe(self))
        return self

    def transform(self, graph: Any, /) -> Embedding:
        """Return the vectors of known nodes as they are, and embed new ones by their edges to known ones.

        Raises:
            UnknownNameError: There is no path from a new node to any known one.
        """
        graph = as_graph(graph)
        fitted = self.embedding_
        new = rings(fitted.row, graph, "this projection", "fit it on a graph that holds them")
        if not new:
            embedding: Embedding = fitted[graph.names]
            return embedding
        place = np.array([fitted.row.get(name, -1) for name in graph.names])
        values = np.where(place[:, None] >= 0, fitted.values[place], 0)
        edges = Known.of(graph).adjacency
        with one_thread():
            there = np.flatnonzero(place >= 0)
            moved = sp.csr_array((np.ones(len(there)), (there, place[there])), shape=(len(place), len(fitted)))
            found = times(self._rows(edges[new[0]] @ moved), self.table_)
        one = self.length != _AVERAGE
        values[new[0]] = _unit(found, self.least_) if one else found
        done = np.concatenate([there, new[0]])
        for ring in new[1:]:
            near = edges[ring][:, done]
            mean = near @ values[done] / near.sum(axis=1)[:, None]
            values[ring] = _unit(mean) if one else mean
            done = np.concatenate([done, ring])
        return Embedding(values, graph.names, fitted.source)

    def fit_transform(self, graph: Any, /) -> Embedding:
        """Do both on one graph."""
        graph = as_graph(graph)
        return self.fit(graph).transform(graph)

    def _rows(self, edges: Matrix) -> Matrix:
        """Return the rows of M of nodes with these (nodes, known nodes) edges."""
        if self.steps:
            return scaled(edges, edges.sum(axis=1), self.known_.degree, self.degree)
        return self._proximity.rows(self.known_, edges, self.seed)

    def _walked(self, step: Matrix) -> NDArray[np.float32]:
        """Return the table of a propagation: what all steps but the last make of the start."""
        if isinstance(self.start, Random):
            start = self.start(self.known_, self.dim, self.seed)
        else:
            matrix = self.start.matrix(self.known_, self.seed)
            start = times(matrix, _right(matrix, self.dim, self.seed))
        table: NDArray[np.float32] = np.float32(self.steps[-1]) * start
        for weight in self.steps[-2::-1]:
            if self.length == _STEPS:
                table = _unit(table)
            table = times(step, table) + np.float32(weight) * start
        if self.length == _STEPS:
            table = _unit(table)
        if self.balance:
            table = table @ _evening(times(step, table))
        return table

    @property
    def _proximity(self) -> Adjacency | LogProximity:
        if isinstance(self.start, Random):
            raise ValueError("random vectors know nothing of the graph: give steps, for example steps=(0, 0, 1)")
        return self.start

    def _check(self) -> None:
        if self.dim < 1 or not 0 <= self.degree <= 1 or not np.isfinite(self.steps).all():
            raise ValueError(
                "dim must be at least 1, degree between 0 and 1 and steps finite, "
                f"got dim={self.dim}, degree={self.degree}, steps={self.steps}"
            )
        if self.length not in _LENGTHS:
            raise ValueError(f"length must be one of {', '.join(map(repr, _LENGTHS))}, got {self.length!r}")


def _right(matrix: Matrix, dim: int, seed: int) -> NDArray[np.float32]:
    """Return V / sqrt(size), which M = U size V^T turns into U sqrt(size): (columns, dim)."""
    found = factors(matrix, dim, seed)
    table: NDArray[np.float32] = (found.right / np.sqrt(np.where(found.size > 0, found.size, 1))).astype(np.float32)
    return table


def _evening(z: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the (dim, dim) T for which Z T = U sqrt(size), where Z = U size V^T."""
    squares, axes = np.linalg.eigh(z.T.astype(np.float64) @ z)
    squares, axes = squares[::-1], axes[:, ::-1]
    kept = squares > _TINY * squares[0]
    turn: NDArray[np.float32] = (axes * np.where(kept, np.where(kept, squares, 1) ** -0.25, 0)).astype(np.float32)
    return turn


def _scale(z: NDArray[np.float32]) -> float:
    """Return what to multiply vectors with for a mean square length of one."""
    mean = float((z.astype(np.float64) ** 2).sum(axis=1).mean())
    return mean**-0.5 if mean > 0 else 1.0


def _unit(z: NDArray[Any], least: float = 0.0) -> NDArray[np.float32]:
    """Divide each row by its length; rows no longer than ``least`` become zero."""
    lengths = np.linalg.norm(z.astype(np.float64), axis=1, keepdims=True)
    unit: NDArray[np.float32] = np.where(lengths > least, z / np.where(lengths > 0, lengths, 1), 0).astype(np.float32)
    return unit
