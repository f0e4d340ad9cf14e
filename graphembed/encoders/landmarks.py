"""`Landmarks`: a node is what its likeness to some chosen nodes is.

A likeness says how much two nodes' surroundings are alike. It is a kernel, the inner product of vectors nobody has
written down; some nodes, the landmarks, span a space that holds nearly all of it (Nystroem). What is a likeness here:
`Rings` (how many nodes of which degree there are at each distance: xNetMF) and `Balls` (which subtrees or shortest
paths there are within each distance: SEGK).
"""

import dataclasses as dc
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from graphembed.embedding import Embedding
from graphembed.encoders.protocol import describe, needs_edges
from graphembed.encoders.sides import Kind, Sides, strength
from graphembed.errors import DataError
from graphembed.graph import Graph, as_graph
from graphembed.kernels.balls import paths, subtrees
from graphembed.kernels.csr import CSR
from graphembed.kernels.egonets import rings
from graphembed.kernels.propagate import propagate
from graphembed.parallel import one_thread

_BINS = 32  # of degrees, by powers of two: enough for any graph
_BLOCK = 4096  # rows compared at a time
_BUCKETS = 1024  # of subtrees
_MOST = 1 << 33  # edges walked along to see all balls: minutes
_LARGEST = 1 << 28  # numbers in a table of patterns, one gigabyte
_NOTHING = 1e-7  # axes of the landmarks this much shorter than the longest are rounding errors


class Likeness(Protocol):
    """How much nodes are alike."""

    def table(self, sides: Sides) -> NDArray[np.float32]:
        """Describe every node: (nodes, numbers)."""
        ...

    def compare(self, some: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
        """Say how much each of some nodes is like each of others, by their rows: 1 if they are equal."""
        ...


@dc.dataclass(frozen=True)
class Rings:
    """Likeness exp(-|a - b|^2 / width) of counts a of the nodes of each degree at each distance.

    a = discount^distance log(1 + number of nodes there), in bins by powers of two of 1 + degree, where a node between
    two bins is shared out between them. By direction, and with sums of weights for degrees.

    Args:
        hops: Largest distance.
        discount: How much less each further distance counts.
        width: Squared distances from which on nodes are no more alike.

    References:
        Heimann et al. 2018, "REGAL: representation learning-based graph alignment", section 3.1 and equation 1.
    Differs from the paper: distances are kept apart, where the paper adds their counts up; logarithms of counts, so
    that a busy node is like another busy node; nodes are shared out between bins.
    """

    hops: int = 2
    discount: float = 0.5
    width: float = 64.0

    def __post_init__(self) -> None:
        if self.hops < 0 or not 0 < self.discount <= 1 or not 0 < self.width < np.inf:
            raise ValueError(
                "hops must not be negative, discount above 0 and at most 1 and width positive, got "
                f"hops={self.hops}, discount={self.discount}, width={self.width}"
            )

    def table(self, sides: Sides) -> NDArray[np.float32]:
        """Count: (nodes, sides * (hops + 1) * bins)."""
        parts = []
        for csr in sides.edges.values():
            counts = rings(csr, np.log2(1 + strength(csr)), _BINS, self.hops)
            parts.append(np.log1p(counts) * np.repeat(self.discount ** np.arange(self.hops + 1), _BINS))
        return np.concatenate(parts, axis=1, dtype=np.float32)

    def compare(self, some: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compare rows: (some, others)."""
        square = (some**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * some @ others.T
        likeness: NDArray[np.float64] = np.exp(-np.maximum(square, 0) / self.width)
        return likeness


@dc.dataclass(frozen=True)
class Balls:
    """Likeness of the balls about two nodes: k_1 + k_1 k_2 + ... + k_1 ... k_R, over R.

    k_r is the cosine of the counts of patterns in the balls of radius r, so that what is further away counts only as
    far as what is nearer is alike. Balls are those along the edges and, in directed graphs, those against them.

    Args:
        radius: Of the largest ball, R.
        patterns: "subtrees" (Weisfeiler-Lehman, which tells nodes by their distance from the centre and edges by the
            power of two of their weight) or "paths" (lengths of shortest paths between all pairs).
        rounds: Of Weisfeiler-Lehman relabelling.

    Raises:
        DataError: To look at all balls takes too long (2^33 steps), or the table of patterns would be too large
            (2^28 numbers: about 130 000 nodes with a radius of 2).

    References:
        Nikolentzos and Vazirgiannis 2019, "Learning structural node representations using graph kernels", section 3.1.
        Shervashidze et al. 2011, "Weisfeiler-Lehman graph kernels", section 3.2.
    """

    radius: int = 2
    patterns: str = "subtrees"
    rounds: int = 3

    def __post_init__(self) -> None:
        if self.radius < 1 or self.rounds < 0 or self.patterns not in ("subtrees", "paths"):
            raise ValueError(
                "radius must be at least 1, rounds not negative and patterns 'subtrees' or 'paths', got "
                f"radius={self.radius}, rounds={self.rounds}, patterns={self.patterns!r}"
            )

    def table(self, sides: Sides) -> NDArray[np.float32]:
        """Count: (nodes, radius * numbers), each ball's numbers of length one."""
        parts = []
        for csr in sides.edges.values():
            _check_size(csr, self)
            if self.patterns == "paths":
                counts = paths(csr, self.radius)
            else:
                label = np.zeros(csr.indices.size) if not csr.weight.size else np.round(np.log2(csr.weight))
                counts = subtrees(csr, label.astype(np.int64).view(np.uint64), self.radius, self.rounds, _BUCKETS)
            parts.append(counts.reshape(len(counts), self.radius, -1))
        table = np.concatenate(parts, axis=2)
        length = np.sqrt(np.einsum("nrw,nrw->nr", table, table, dtype=np.float64))[:, :, None]
        table /= np.where(length > 0, length, 1).astype(np.float32)
        table += np.where(length > 0, 0, table.shape[2] ** -0.5).astype(np.float32)  # balls without patterns are alike
        return table.reshape(len(table), -1)

    def compare(self, some: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compare rows: (some, others)."""
        likeness, product = np.zeros((len(some), len(others))), np.ones((len(some), len(others)))
        width = some.shape[1] // self.radius
        for first in range(0, some.shape[1], width):
            product = product * (some[:, first : first + width] @ others[:, first : first + width].T)
            likeness += product
        return likeness / self.radius


@dc.dataclass(eq=False)
class Landmarks(BaseEstimator):
    """Likeness to some landmarks: inner products of vectors are about the likeness of nodes.

    Z = K(nodes, landmarks) K(landmarks, landmarks)^(-1/2), in the directions of its axes, longest first.

    Works on any graph of the same kind (directed or not, weighted or not); nodes of one automorphism orbit get equal
    vectors.

    Args:
        likeness: `Rings` or `Balls`.
        dim: Length of a vector, and how many landmarks there are at most; where nodes differ less, zeros follow.
        seed: Landmarks are drawn among the surroundings that differ.

    Attributes:
        landmarks_: (landmarks, numbers) what they are like.

    Raises:
        DataError: The graph has no edges, or (in ``transform``) is of another kind than the one fitted on.

    Example:
        >>> import networkx as nx
        >>> z = Landmarks(dim=4).fit_transform(nx.path_graph(["end", "middle", "other end"]))
        >>> z.values.round(2)
        array([[ 1.  ,  0.07,  0.  ,  0.  ],
               [ 1.  , -0.07,  0.  ,  0.  ],
               [ 1.  ,  0.07,  0.  ,  0.  ]], dtype=float32)

    References:
        Heimann et al. 2018, "REGAL: representation learning-based graph alignment", section 3.2 (xNetMF).
        Nikolentzos and Vazirgiannis 2019, "Learning structural node representations using graph kernels", section 3.
    Differs from the papers: landmarks are drawn among different surroundings, not among nodes; vectors are not scaled
    to length one, which they nearly have.
    """

    likeness: Likeness = dc.field(default_factory=Rings)
    dim: int = 64
    seed: int = 0

    def fit(self, graph: Any, /) -> Self:
        """Choose the landmarks."""
        graph = as_graph(graph)
        self._check(graph)
        self._choose(self._table(graph))
        return self

    def transform(self, graph: Any, /) -> Embedding:
        """Compare the nodes of any graph of the kind it was fitted on with the landmarks."""
        graph = as_graph(graph)
        return Embedding(self._compared(self._table(graph)), graph.names, describe(self))

    def fit_transform(self, graph: Any, /) -> Embedding:
        """Do both on one graph."""
        graph = as_graph(graph)
        self._check(graph)
        table = self._table(graph)  # the costly part: once
        self._choose(table)
        return Embedding(self._compared(table), graph.names, describe(self))

    def _check(self, graph: Graph) -> None:
        needs_edges(graph, "a structural encoder")
        if self.dim < 1:
            raise ValueError(f"dim must be at least 1, got {self.dim}")
        self.kind_ = Kind.of(graph)

    def _table(self, graph: Graph) -> NDArray[np.float32]:
        return self.likeness.table(Sides.of(graph, self.kind_, "a structural encoder"))

    def _choose(self, table: NDArray[np.float32]) -> None:
        different = np.unique(table, axis=0)  # in an order that has nothing to do with that of the nodes
        count = min(self.dim, len(different))
        chosen = np.sort(np.random.default_rng(self.seed).choice(len(different), count, replace=False))
        self.landmarks_ = different[chosen]
        with one_thread():
            rows = self.landmarks_.astype(np.float64)
            sizes, axes = np.linalg.eigh(self.likeness.compare(rows, rows))
        sizes, axes = sizes[::-1], axes[:, ::-1]
        axes = axes * np.where(axes.sum(axis=0) < 0, -1, 1)
        kept = sizes > _NOTHING * sizes[0]
        self.axes_ = np.where(kept, axes / np.sqrt(np.where(kept, sizes, 1)), 0)

    def _compared(self, table: NDArray[np.float32]) -> NDArray[np.float32]:
        rows = self.landmarks_.astype(np.float64)
        values = np.zeros((len(table), self.dim), np.float32)
        with one_thread():
            for first in range(0, len(table), _BLOCK):
                block = table[first : first + _BLOCK].astype(np.float64)
                values[first : first + _BLOCK, : len(rows)] = self.likeness.compare(block, rows) @ self.axes_
        return values


def _check_size(csr: CSR, balls: Balls) -> None:
    """Refuse graphs whose balls would take hours; their size is bounded by the number of walks."""
    nodes = csr.indptr.size - 1
    numbers = nodes * balls.radius * (2 * balls.radius if balls.patterns == "paths" else _BUCKETS)
    if numbers > _LARGEST:
        raise DataError(
            f"the patterns of the balls about {nodes} nodes make a table of {numbers:.0e} numbers, more than "
            f"{_LARGEST:.0e}: take a smaller radius, or rings of degrees (xnetmf)"
        )
    reach = np.ones((nodes, 1))
    for _ in range(balls.radius):  # how many nodes there are in the ball about each, at most
        reach = np.minimum(1 + propagate(csr._replace(weight=csr.weight[:0]), reach), nodes)
    inside = np.minimum(propagate(csr._replace(weight=csr.weight[:0]), reach), csr.indices.size).sum()
    work = float(inside * (balls.rounds + 1) if balls.patterns == "subtrees" else (reach * inside / nodes).sum())
    if work > _MOST:
        raise DataError(
            f"to look at the balls of radius {balls.radius} about {nodes} nodes takes up to {work:.0e} steps, more "
            f"than {_MOST:.0e}: take a smaller radius, or rings of degrees (xnetmf)"
        )
