"""`Projection`: vectors by linear algebra, in seconds and without training.

Every such encoder ends in one product,

    Z = M C        M (nodes, columns): one row per node, read off its edges;  C (columns, dim): a table

so a node that joins later is embedded by its own row times the table, and nobody else moves. Two kinds of M:

- *factorisation* (spectral embedding, NetMF): M is a proximity, M C = U size^power its left factors, and C their
  counterpart V size^(power - 1);
- *propagation* (FastRP, Cleora, ProNE): M = S takes one step along the edges, and the table has taken all but the last:
  from vectors Y, w_1 S Y + w_2 S^2 Y + ... = S (w_1 Y + S (w_2 Y + ...)). Y is random, or itself a factorisation.
"""

import dataclasses as dc
from typing import Any, Self

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from graphembed.embedding import Embedding
from graphembed.encoders.protocol import describe, movement, needs_edges, rings
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
from graphembed.graph import as_graph, union
from graphembed.parallel import one_thread

_AVERAGE, _, _STEPS = _LENGTHS = ("one on average", "one", "one in each step")
_TINY = 1e-10  # squared sizes this much below the largest are rounding errors
_NOTHING = 1e-5  # and so are lengths this much below the usual one


@dc.dataclass(eq=False)
class Projection(BaseEstimator):
    """Start somewhere, take weighted steps along the edges, and, if wanted, even out what comes out.

    Z = (w_1 S + w_2 S^2 + ...) Y T, with S = D^-degree A D^-(1 - degree), start Y, and T to even out (``balance``).
    Without steps, Y is the result: the left factors U size^power of a proximity.

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
        scale: What vectors are multiplied with in the end. Whatever learns from them with a fixed regularisation is
            regularised less by longer ones.
        seed: Everything random comes from it.

    Attributes:
        table_: (columns, dim) C.
        least_: Vectors shorter than this, before they are given length one, are rounding errors.
        embedding_: The vectors.
        graph_: What it was fitted on; `update` adds to it.

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
    scale: float = 1.0
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
                table = self._right(matrix)
            values = times(matrix, table)
        usual = _scale(values[self.known_.degree > 0])
        # A part of the graph that no factor reaches has vectors of rounding errors, which must not be made long.
        self.least_ = 0.0 if isinstance(self.start, Random) else _NOTHING / usual
        self.table_ = table * np.float32(usual * self.scale) if self.length == _AVERAGE else table
        values = values * np.float32(usual * self.scale) if self.length == _AVERAGE else self._even(values, self.least_)
        self.embedding_ = Embedding(values, graph.names, describe(self))
        self.graph_ = graph
        return self

    def transform(self, graph: Any, /) -> Embedding:
        """Return the vectors of known nodes as they are, and embed new ones by their edges to known ones.

        A new node gets the vector that it would have with these edges among the factors of ``fit``; where all vectors
        have one length, it is then moved halfway to the mean of its neighbours, because few edges say little: held-out
        links of new nodes on Cora are found as well as by a new fit (AUC -.01 instead of -.035, mean of five splits).

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
        values[new[0]] = self._even(found, self.least_) if one else found
        if one:  # halfway to the mean of the neighbours: what few edges say is shaky
            near = edges[new[0]][:, there]
            values[new[0]] = self._even(values[new[0]] + near @ values[there] / near.sum(axis=1)[:, None])
        done = np.concatenate([there, new[0]])
        for ring in new[1:]:
            near = edges[ring][:, done]
            mean = near @ values[done] / near.sum(axis=1)[:, None]
            values[ring] = self._even(mean) if one else mean
            done = np.concatenate([done, ring])
        return Embedding(values, graph.names, fitted.source)

    def fit_transform(self, graph: Any, /) -> Embedding:
        """Do both on one graph."""
        graph = as_graph(graph)
        return self.fit(graph).transform(graph)

    def update(self, edges: Any, /) -> pd.DataFrame:
        """Fit again with new edges, between nodes old and new, and turn the axes back to where they were.

        Which way axes point is chance. All vectors are turned together, so that those of known nodes come as near to
        what they were as they can: who is near whom does not change, and what was learnt from the old vectors still
        reads the new ones.

        Args:
            edges: The new edges: anything `graphembed.as_graph` reads.

        Returns:
            Columns ``name``, ``moved`` (length of the move over length of the old vector) and ``cosine`` (of the new
            and the old vector) for every node that was known, furthest first.

        Raises:
            ValueError: ``dim`` has been changed since it was fitted.

        References:
            Schoenemann 1966, "A generalized solution of the orthogonal Procrustes problem".
        """
        old = self.embedding_
        if old.shape[1] != self.dim:
            raise ValueError(f"vectors of length {old.shape[1]} cannot be updated when dim is {self.dim}: fit anew")
        new = self.fit(union(self.graph_, as_graph(edges))).embedding_
        with one_thread():
            turn = _turn(new[old.names].values, old.values)
            self.table_ = self.table_ @ turn
            self.embedding_ = dc.replace(new, values=new.values @ turn)
        return movement(old, self.embedding_)

    def _rows(self, edges: Matrix) -> Matrix:
        """Return the rows of M of nodes with these (nodes, known nodes) edges."""
        if self.steps:
            return scaled(edges, edges.sum(axis=1), self.known_.degree, self.degree)
        return self._proximity.rows(self.known_, edges, self.seed)

    def _even(self, z: NDArray[Any], least: float = 0.0) -> NDArray[np.float32]:
        """Give all vectors the same length."""
        return _unit(z, least) * np.float32(self.scale)

    def _walked(self, step: Matrix) -> NDArray[np.float32]:
        """Return the table of a propagation: what all steps but the last make of the start."""
        if isinstance(self.start, Random):
            start = self.start(self.known_, self.dim, self.seed)
        else:
            matrix = self.start.matrix(self.known_, self.seed)
            start = times(matrix, self._right(matrix))
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

    def _right(self, matrix: Matrix) -> NDArray[np.float32]:
        """Return V / size^(1 - power), which M = U size V^T turns into U size^power: (columns, dim)."""
        found = factors(matrix, self.dim, self.seed)
        size = np.where(found.size > 0, found.size, 1)
        table: NDArray[np.float32] = (found.right * size ** (self._proximity.power - 1)).astype(np.float32)
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
        if not 0 < self.scale < np.inf:
            raise ValueError(f"scale must be positive, got {self.scale}")
        if self.length not in _LENGTHS:
            raise ValueError(f"length must be one of {', '.join(map(repr, _LENGTHS))}, got {self.length!r}")


def _evening(z: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the (dim, dim) T for which Z T = U sqrt(size), where Z = U size V^T."""
    squares, axes = np.linalg.eigh(z.T.astype(np.float64) @ z)
    squares, axes = squares[::-1], axes[:, ::-1]
    kept = squares > _TINY * squares[0]
    turn: NDArray[np.float32] = (axes * np.where(kept, np.where(kept, squares, 1) ** -0.25, 0)).astype(np.float32)
    return turn


def _turn(z: NDArray[np.float32], goal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the orthogonal (dim, dim) T for which Z T is nearest to the goal."""
    left, _, right = np.linalg.svd(z.T.astype(np.float64) @ goal)
    turn: NDArray[np.float32] = (left @ right).astype(np.float32)
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
