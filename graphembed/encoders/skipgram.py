"""Random-walk skip-gram: walk the graph, then treat walks as sentences.

Nodes that meet in a window get similar vectors. `RandomWalk` says how to walk, `SkipGram` how to learn; DeepWalk and
node2vec are recipes over the two (`graphembed.encoders.recipes`).
"""

import dataclasses as dc
from typing import Any, Self

import numba
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from tqdm.auto import tqdm

from graphembed.embedding import Embedding
from graphembed.encoders.protocol import describe, known_rows, needs_edges
from graphembed.graph import Graph, as_graph
from graphembed.kernels.csr import CSR
from graphembed.kernels.skipgram import sigmoid_table, train_walks
from graphembed.kernels.walks import alias_tables, first_order_walks, row_totals, second_order_walks
from graphembed.parallel import start_threads, threads

_POOL = 64  # negatives a walk shares among its windows
_MOST_IN_FLIGHT = 16  # walks trained from the same tables; more is faster and learns less from each
_LAST = 1 / 250  # the last step as a share of the first: word2vec's 0.025 and 0.0001
_CHUNK = 4096  # walks between two moves of the progress bar


@dc.dataclass(frozen=True)
class RandomWalk:
    """How to walk: ``per_node`` walks of ``length`` nodes from each node, along edges in proportion to their weights.

    Args:
        length: Nodes in a walk.
        per_node: Walks from each node in an epoch.
        p: Return parameter of node2vec; small values go back.
        q: In-out parameter of node2vec; small values move outward. ``p = q = 1`` is DeepWalk.

    Example:
        >>> import networkx as nx
        >>> RandomWalk(length=5, per_node=2)(as_graph(nx.path_graph(2)), seed=0).shape
        (4, 5)
    """

    length: int = 80
    per_node: int = 10
    p: float = 1.0
    q: float = 1.0

    def __post_init__(self) -> None:
        if self.length < 2 or self.per_node < 1:
            raise ValueError(f"walks need length >= 2 and per_node >= 1, got {self.length} and {self.per_node}")
        if not (np.isfinite([self.p, self.q]).all() and min(self.p, self.q) > 0):
            raise ValueError(f"p and q must be positive, got p={self.p}, q={self.q}")

    def __call__(self, graph: Graph, seed: int) -> NDArray[np.int32]:
        """Walk from every node ``per_node`` times, in random order: (walks, length) nodes, -1 after a dead end."""
        rng = np.random.default_rng(seed)
        start = np.concatenate([rng.permutation(graph.num_nodes) for _ in range(self.per_node)]).astype(np.int32)
        csr, alias = graph.csr, alias_tables(graph.csr)
        if self.p == self.q == 1:
            return first_order_walks(csr, alias, start, self.length, seed)
        return second_order_walks(csr, alias, row_totals(csr), start, self.length, self.p, self.q, seed)


@dc.dataclass(eq=False)
class SkipGram(BaseEstimator):
    """Skip-gram with negative sampling on random walks; the same bits on any number of threads.

    A pair (u, v) of a window and negatives n_k, drawn in proportion to how often walks visit them to the power 3/4:
    loss = softplus(-x_u . y_v) + sum over k of softplus(x_u . y_nk). The step falls linearly to ``lr / 250``.

    Nodes without a neighbour get the zero vector.

    Args:
        walk: How to walk; fresh walks in each epoch.
        dim: Length of a vector.
        window: Largest distance in a walk; each centre draws its own between 1 and this.
        negatives: Negatives of a window.
        epochs: Rounds of walks.
        lr: First step.
        seed: Everything random comes from it.
        progress: Show a bar on a terminal.

    Attributes:
        losses_: Mean loss of a pair in each epoch, before the step it led to.

    Raises:
        DataError: The graph has no edges.

    Example:
        >>> import networkx as nx
        >>> z = SkipGram(RandomWalk(length=20), dim=16).fit_transform(nx.karate_club_graph())
        >>> z
        Embedding(34 items, dim 16, SkipGram)

    References:
        Mikolov et al. 2013, "Distributed representations of words and phrases", equation 4.
        Perozzi et al. 2014, "DeepWalk". Grover and Leskovec 2016, "node2vec".
    """

    walk: RandomWalk = dc.field(default_factory=RandomWalk)
    dim: int = 128
    window: int = 10
    negatives: int = 5
    epochs: int = 1
    lr: float = 0.025
    seed: int = 0
    progress: bool = True

    def fit(self, graph: Any, /) -> Self:
        """Walk and learn."""
        graph = as_graph(graph)
        needs_edges(graph, "skip-gram")
        if min(self.dim, self.window, self.epochs) < 1 or not 0 < self.negatives < _POOL or not 0 < self.lr < np.inf:
            raise ValueError(
                f"dim, window and epochs must be at least 1, negatives between 1 and {_POOL - 1} and lr positive, got "
                f"dim={self.dim}, window={self.window}, epochs={self.epochs}, negatives={self.negatives}, lr={self.lr}"
            )
        nodes = graph.num_nodes
        rng = np.random.default_rng(self.seed)
        x = ((rng.random((nodes, self.dim), dtype=np.float32) - 0.5) / self.dim).astype(np.float32)
        y = np.zeros((nodes, self.dim), np.float32)
        start_threads()
        self.losses_ = [self._epoch(epoch, graph, x, y, rng) for epoch in range(self.epochs)]
        alone = np.setdiff1d(np.arange(nodes), graph.pairs[graph.pairs[:, 0] != graph.pairs[:, 1]])
        x[alone] = y[alone] = 0
        self.embedding_ = Embedding(x, graph.names, describe(self), y)
        return self

    def _epoch(
        self, epoch: int, graph: Graph, x: NDArray[np.float32], y: NDArray[np.float32], rng: np.random.Generator
    ) -> float:
        """Walk anew and train the two tables in place; return the mean loss of a pair."""
        walks = self.walk(graph, seed=int(rng.integers(2**62)))
        noise = alias_tables(_noise(walks, graph.num_nodes))
        seed, table = int(rng.integers(2**62)), sigmoid_table()
        in_flight = int(np.clip(graph.num_nodes // self.walk.length, 1, _MOST_IN_FLIGHT))
        lanes = min(in_flight, numba.get_num_threads())
        loss, pairs = 0.0, 0
        starts = range(0, len(walks), _CHUNK)
        name = f"skip-gram {epoch + 1}/{self.epochs}"
        for first in tqdm(starts, name, disable=None if self.progress else True, delay=1, leave=False):
            some = walks[first : first + _CHUNK]
            done = (epoch + np.array([first, first + len(some)]) / len(walks)) / self.epochs
            lr_first, lr_last = self.lr * (1 - done * (1 - _LAST))
            with threads(lanes):
                chunk_loss, chunk_pairs = train_walks(
                    some, x, y, noise, _POOL, self.window, self.negatives,
                    lr_first, lr_last, seed + first, in_flight, lanes, table,
                )  # fmt: skip
            loss, pairs = loss + chunk_loss, pairs + chunk_pairs
        mean = loss / max(pairs, 1)
        if not np.isfinite(mean):
            raise FloatingPointError(f"the loss is {mean} after epoch {epoch + 1}: lower lr, now {self.lr}")
        return mean

    def transform(self, graph: Any, /) -> Embedding:
        """Return the vectors of the graph's nodes, which must have been there when it was fitted."""
        graph = as_graph(graph)
        known_rows(self.embedding_.row, graph, "SkipGram", "fit it on a graph that holds them")
        embedding: Embedding = self.embedding_[graph.names]
        return embedding

    def fit_transform(self, graph: Any, /) -> Embedding:
        """Do both on one graph."""
        graph = as_graph(graph)
        return self.fit(graph).transform(graph)


def _noise(walks: NDArray[np.int32], nodes: int) -> CSR:
    """One row in which every node has its number of visits to the power 3/4 (Mikolov et al. 2013, section 2.2)."""
    visits = np.bincount(walks[walks >= 0], minlength=nodes)
    return CSR(np.array([0, nodes]), np.arange(nodes, dtype=np.int32), (visits**0.75).astype(np.float32))
