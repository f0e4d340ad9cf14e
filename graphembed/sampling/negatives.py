"""Samplers of negatives: which nodes a node is told apart from, and how likely each was to be drawn.

A sampler has two methods. ``draw`` gives some nodes for each anchor; ``log_q`` says with what chance one draw gives a
node, which is what `graphembed.losses.info_nce` needs to undo the preference for nodes that are drawn often. Draws are
independent and with repetition, and do not look at the positives: only then is that correction exact.
"""

import dataclasses as dc
from typing import Protocol, runtime_checkable

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from graphembed.errors import DataError
from graphembed.graph import Graph
from graphembed.sampling.pairs import is_in


@runtime_checkable
class NegativeSampler(Protocol):
    """Where negatives come from."""

    def draw(self, graph: Graph, anchors: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
        """Draw (anchors, count) nodes, ``count`` for each of the nodes ``anchors``."""
        ...

    def log_q(self, graph: Graph, anchors: NDArray[np.int64], nodes: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return (anchors, count) log chance that one draw for an anchor gives each of its (anchors, count) nodes."""
        ...


@dc.dataclass(frozen=True)
class Uniform:
    """Every node of the graph is as likely.

    Example:
        >>> graph = Graph.from_edges([0, 1], [1, 2])
        >>> Uniform().draw(graph, np.array([0, 1]), 3, seed=0)
        array([[2, 1, 1],
               [0, 0, 0]])
    """

    def draw(self, graph: Graph, anchors: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
        """Draw nodes for each anchor."""
        return np.random.default_rng(seed).integers(0, graph.num_nodes, (len(anchors), count))

    def log_q(self, graph: Graph, anchors: NDArray[np.int64], nodes: NDArray[np.int64]) -> NDArray[np.float32]:  # noqa: ARG002
        """Return -log(nodes of the graph)."""
        return np.full(nodes.shape, -np.log(graph.num_nodes), np.float32)


@dc.dataclass(frozen=True)
class Degree:
    """A node is drawn in proportion to (1 + degree)^power; the 1 lets isolated nodes in.

    Example:
        >>> graph = Graph.from_edges([0, 0, 0], [1, 2, 3])
        >>> q = Degree(power=1.0).log_q(graph, np.array([0]), np.array([[0, 1]]))
        >>> np.exp(q).round(2)
        array([[0.4, 0.2]], dtype=float32)

    References:
        Mikolov et al. 2013, "Distributed representations of words and phrases and their compositionality", section
        2.2, for the power of 3/4.
    """

    power: float = 0.75

    def draw(self, graph: Graph, anchors: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
        """Draw nodes for each anchor."""
        up_to = np.cumsum(self._chances(graph))
        drawn = np.random.default_rng(seed).random((len(anchors), count)) * up_to[-1]
        found: NDArray[np.int64] = np.searchsorted(up_to, drawn, side="right").clip(max=graph.num_nodes - 1)
        return found

    def log_q(self, graph: Graph, anchors: NDArray[np.int64], nodes: NDArray[np.int64]) -> NDArray[np.float32]:  # noqa: ARG002
        """Return the log of each node's share."""
        found: NDArray[np.float32] = np.log(self._chances(graph))[nodes].astype(np.float32)
        return found

    def _chances(self, graph: Graph) -> NDArray[np.float64]:
        heavy = (1.0 + np.diff(graph.csr.indptr)) ** self.power
        chances: NDArray[np.float64] = heavy / heavy.sum()
        return chances


@dc.dataclass(frozen=True)
class InBatch:
    """One of the batch's anchors is drawn, so that a node is as likely as it is frequent among them.

    Example:
        >>> graph = Graph.from_edges([0, 1], [1, 2])
        >>> np.exp(InBatch().log_q(graph, np.array([1, 1, 2, 0]), np.array([[1]] * 4)))[:, 0]
        array([0.5, 0.5, 0.5, 0.5], dtype=float32)
    """

    def draw(self, graph: Graph, anchors: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:  # noqa: ARG002
        """Draw nodes for each anchor."""
        return anchors[np.random.default_rng(seed).integers(0, max(len(anchors), 1), (len(anchors), count))]

    def log_q(self, graph: Graph, anchors: NDArray[np.int64], nodes: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the log of each node's share of the anchors, -inf for those that are not among them."""
        return _log(np.bincount(anchors, minlength=graph.num_nodes)[nodes] / max(len(anchors), 1))


@dc.dataclass(frozen=True)
class TwoHop:
    """With chance ``share`` a node two steps away that is not linked to the anchor (hard), else any node.

    Steps follow edges forward. The nodes two steps away are as likely as one another. An anchor without any gets only
    uniform draws. The rows of the squared adjacency matrix of the anchors are built for it, which is quick unless
    paths lead through nodes of very high degree.

    Example:
        >>> graph = Graph.from_edges([0, 1, 2], [1, 2, 3])
        >>> TwoHop(share=1.0).draw(graph, np.array([0, 3]), 2, seed=0)
        array([[2, 2],
               [1, 1]])

    References:
        Ying et al. 2018, "Graph convolutional neural networks for web-scale recommender systems", section 3.3, for hard
        negatives near the anchor.
    Differs from the paper: two steps away instead of a range of ranks by personalised PageRank.
    """

    share: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"share must be between 0 and 1, got {self.share}")

    def draw(self, graph: Graph, anchors: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
        """Draw nodes for each anchor."""
        rng = np.random.default_rng(seed)
        near = _two_hops(graph, anchors)
        several = np.diff(near.indptr)[:, None]
        place = near.indptr[:-1, None] + (rng.random((len(anchors), count)) * several).astype(np.int64)
        anywhere = rng.integers(0, graph.num_nodes, (len(anchors), count))
        hard = (rng.random((len(anchors), count)) < self.share) & (several > 0)
        drawn: NDArray[np.int64] = anywhere
        drawn[hard] = near.indices[place[hard]]
        return drawn

    def log_q(self, graph: Graph, anchors: NDArray[np.int64], nodes: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the log of the two chances together, -inf for what is never drawn."""
        near = _two_hops(graph, anchors)
        several = np.diff(near.indptr)[:, None]
        rows = np.arange(len(anchors))
        known = np.repeat(rows, np.diff(near.indptr)) * graph.num_nodes + near.indices
        is_near = is_in((rows[:, None] * graph.num_nodes + nodes).ravel(), known).reshape(nodes.shape)
        share = np.where(several > 0, self.share, 0.0)
        return _log(share * is_near / several.clip(min=1) + (1 - share) / graph.num_nodes)


@dc.dataclass(frozen=True, eq=False)
class Given:
    """Negatives that the user supplies: a row of nodes for each node of the graph, drawn from with equal chances.

    Args:
        nodes: (nodes, several) negatives of each node; one that stands there twice is drawn twice as often.

    Raises:
        DataError: There is no row for each node, or it names nodes that do not exist.

    Example:
        >>> graph = Graph.from_edges([0, 1], [1, 2])
        >>> Given([[2, 2], [1, 1], [0, 0]]).draw(graph, np.array([2, 0]), 1, seed=0)
        array([[0],
               [2]])
    """

    nodes: ArrayLike

    def draw(self, graph: Graph, anchors: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
        """Draw nodes for each anchor."""
        table = self._table(graph)
        column = np.random.default_rng(seed).integers(0, table.shape[1], (len(anchors), count))
        return table[anchors[:, None], column]

    def log_q(self, graph: Graph, anchors: NDArray[np.int64], nodes: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the log of each node's share of its anchor's row, -inf for those that are not in it."""
        return _log((self._table(graph)[anchors][:, None] == nodes[:, :, None]).mean(axis=2))

    def _table(self, graph: Graph) -> NDArray[np.int64]:
        table = np.asarray(self.nodes)
        if table.ndim != 2 or len(table) != graph.num_nodes or not table.shape[1]:
            raise DataError(f"expected a row of negatives for each of {graph.num_nodes} nodes, got shape {table.shape}")
        if table.dtype.kind not in "iu" or table.min() < 0 or table.max() >= graph.num_nodes:
            raise DataError(
                f"negatives must be rows of the graph, whole numbers from 0 to {graph.num_nodes - 1}, got "
                f"{table.dtype} from {table.min()} to {table.max()}"
            )
        return table.astype(np.int64)


def _two_hops(graph: Graph, anchors: NDArray[np.int64]) -> sp.csr_array:
    """Mark in the row of each anchor the nodes two steps away that are neither linked to it nor itself."""
    nodes = graph.num_nodes
    links = sp.csr_array((np.ones(graph.csr.indices.size, np.int32), graph.csr.indices, graph.csr.indptr), (nodes,) * 2)
    rows = links[anchors]
    own = sp.csr_array((np.ones(len(anchors), np.int32), (np.arange(len(anchors)), anchors)), (len(anchors), nodes))
    two = rows @ links
    two.data[:] = 1
    taken = rows + own
    taken.data[:] = 1
    near = sp.csr_array(two - two.multiply(taken))
    near.eliminate_zeros()
    near.sort_indices()
    return near


def _log(chances: NDArray[np.float64]) -> NDArray[np.float32]:
    with np.errstate(divide="ignore"):
        return np.log(chances).astype(np.float32)
