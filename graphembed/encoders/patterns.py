"""`Patterns`: which patterns walks from a node make, whoever they meet (anonymous walks)."""

import dataclasses as dc
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator

from graphembed.embedding import Embedding
from graphembed.encoders.protocol import describe, needs_edges
from graphembed.graph import Graph, as_graph
from graphembed.walks import RandomWalk, anonymous

_LONGEST = 10  # of walks: the number of patterns grows faster than 2^length


@dc.dataclass(eq=False)
class Patterns(BaseEstimator):
    """How often the walks from a node make each pattern, such as a - b - a - c: the roots of the shares.

    Works on any graph; patterns that were not seen in ``fit`` share the last column. Walks are drawn: nodes of one
    orbit get vectors that differ by about 1 / sqrt(``per_node``). They follow directions and weights; where one ends
    for want of an edge, that is a pattern, too.

    Args:
        length: Nodes in a walk.
        per_node: Walks from each node.
        seed: Everything random comes from it.

    Attributes:
        patterns_: (patterns, length) those seen in ``fit``; -1 after the end of a walk.

    Raises:
        DataError: The graph has no edges.

    Example:
        >>> import networkx as nx
        >>> encoder = Patterns(length=3, per_node=100).fit(nx.path_graph(4))
        >>> encoder.patterns_
        array([[0, 1, 0],
               [0, 1, 2]], dtype=int32)
        >>> encoder.transform(nx.path_graph(["end", "middle", "other end"]))["middle"]
        array([1., 0., 0.], dtype=float32)

    References:
        Ivanov and Burnaev 2018, "Anonymous walk embeddings", definitions 2 and 3 and section 3.2 (by sampling).
    Differs from the paper: a vector for each node, not for the graph; roots, by which distances are Hellinger's.
    """

    length: int = 6
    per_node: int = 1000
    seed: int = 0

    def fit(self, graph: Any, /) -> Self:
        """List the patterns that are seen."""
        graph = as_graph(graph)
        needs_edges(graph, "a structural encoder")
        if not 2 <= self.length <= _LONGEST or self.per_node < 1:
            raise ValueError(
                f"length must be between 2 and {_LONGEST} and per_node at least 1, got length={self.length}, "
                f"per_node={self.per_node}"
            )
        seen = np.empty(0, np.int64)
        for codes, _ in self._walked(graph):
            seen = np.union1d(seen, codes)
        self.codes_ = seen
        self.patterns_ = (seen[:, None] // (self.length + 1) ** np.arange(self.length) % (self.length + 1) - 1).astype(
            np.int32
        )
        return self

    def transform(self, graph: Any, /) -> Embedding:
        """Walk from every node of any graph."""
        graph = as_graph(graph)
        columns = len(self.codes_) + 1
        counts = np.zeros(graph.num_nodes * columns)
        for codes, start in self._walked(graph):
            column = np.searchsorted(self.codes_, codes)
            known = self.codes_[np.minimum(column, columns - 2)] == codes
            counts += np.bincount(start * columns + np.where(known, column, columns - 1), minlength=counts.size)
        values = np.sqrt(counts.reshape(-1, columns) / self.per_node).astype(np.float32)
        return Embedding(values, graph.names, describe(self))

    def fit_transform(self, graph: Any, /) -> Embedding:
        """Do both on one graph."""
        graph = as_graph(graph)
        return self.fit(graph).transform(graph)

    def _walked(self, graph: Graph) -> Any:
        """Yield the number of the pattern and the start of some walks at a time."""
        size = max(8192, graph.num_nodes)  # a round at a time on large graphs
        digits = (self.length + 1) ** np.arange(self.length)
        for walks in RandomWalk(self.length, self.per_node).blocks(graph, self.seed, size):
            yield (anonymous(walks) + 1) @ digits, walks[:, 0].astype(np.int64)
