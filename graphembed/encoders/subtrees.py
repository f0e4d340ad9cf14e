"""`WeisfeilerLehman`: graphs by the words they are written in, the trees that unfold around their nodes.

A colour stands for what a node is; one step further, for what it is and which colours its neighbours have; and so on.
Graphs are alike if they hold the same colours equally often. It is a deep-sets readout without training: the sum over
the nodes of a graph of a column per colour.
"""

import dataclasses as dc
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from graphembed.embedding import Embedding
from graphembed.encoders.many import Many, as_many
from graphembed.encoders.protocol import describe
from graphembed.errors import DataError
from graphembed.graph import Graph

_SCALES = {"count": np.positive, "sqrt": np.sqrt, "log": np.log1p}
_MOST = 2**28  # numbers in a table that is written out
_SHIFT, _FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def subtree_words(graph: Graph, depth: int) -> NDArray[np.uint64]:
    """Name the tree that unfolds from each node, for each depth from 0: c_k(v) = hash(k, c_{k-1}(v), {c_{k-1}(u)}).

    Names are 64-bit hashes of the trees themselves, so they are the same in all graphs and runs. At depth 0 a node is
    its row of ``data.x``, or its degree where the graph has none. Weights are not looked at; of directed edges, only
    where they lead.

    Returns:
        (depth + 1, nodes)

    Example:
        >>> graph = Graph.from_edges([0, 1, 2], [1, 2, 3])  # a path: its two ends are alike, and so are its inner nodes
        >>> first, second = subtree_words(graph, 1)
        >>> [len(set(word.tolist())) for word in (first, second)], second[0] == second[3]
        ([2, 2], True)

    References:
        Shervashidze et al. 2011, "Weisfeiler-Lehman graph kernels", algorithm 1.
    Differs from the paper: neighbours' colours are hashed and added up instead of sorted and looked up.
    """
    indptr, indices = graph.csr.indptr, graph.csr.indices
    colour = _first_colours(graph)
    words = [colour]
    for step in range(1, depth + 1):
        ends = np.concatenate([[np.uint64(0)], np.cumsum(_mixed(colour + _SHIFT)[indices], dtype=np.uint64)])
        around = ends[indptr[1:]] - ends[indptr[:-1]]  # modulo 2^64, so in any order the same
        colour = _mixed(_mixed(colour) * _FIRST + _mixed(around) + _mixed(np.full(1, step, np.uint64)))
        words.append(colour)
    return np.stack(words)


@dc.dataclass(eq=False)
class WeisfeilerLehman(BaseEstimator):
    """Count the subtrees of each graph: z_G[w] = f(number of nodes of G around which the tree w unfolds).

    Columns are the trees of all depths that were seen in ``fit``; others are not counted later. With ``unit`` the part
    of each depth is brought to length 1 / sqrt(depth + 1): sizes of graphs do not count, and all depths count alike.
    A linear classifier on these vectors is one with the Weisfeiler-Lehman kernel.

    Args:
        depth: Steps from a node.
        counts: f: ``"count"``, ``"sqrt"`` or ``"log"`` (of 1 + count).
        unit: Whether depths are brought to one length.
        min_graphs: Trees in fewer graphs are left out.
        dim: Hash the trees into so many columns, half of them with a minus sign, instead of a column each.

    Attributes:
        words_: (words,) hashes of the trees, ascending, depth by depth; ``depths_`` the depth of each.

    Raises:
        ValueError: A setting is out of range.
        DataError: The table is too large to be written out; `sparse` gives it as a sparse one.

    Example:
        >>> import networkx as nx
        >>> shapes = {"path": nx.path_graph(4), "ring": nx.cycle_graph(5)}
        >>> encoder = WeisfeilerLehman(depth=1, counts="count").fit(shapes)
        >>> encoder.transform({"longer": nx.path_graph(5), "triangle": nx.cycle_graph(3)}).values.sum(axis=1)
        array([10.,  6.], dtype=float32)

    References:
        Shervashidze et al. 2011, "Weisfeiler-Lehman graph kernels", definition 4.
        Weinberger et al. 2009, "Feature hashing for large scale multitask learning", definition 1, for ``dim``.
    Differs from the papers: one length for each depth; roots or logs of counts, if wanted.
    """

    depth: int = 2
    counts: str = "log"
    unit: bool = False
    min_graphs: int = 1
    dim: int | None = None

    def fit(self, graphs: Any, /) -> Self:
        """Learn which trees there are.

        Args:
            graphs: A mapping from names to graphs, a list of them, or what `graphembed.merge` makes.
        """
        return self._fit(as_many(graphs))

    def transform(self, graphs: Any, /) -> Embedding:
        """Count the trees of graphs, also of new ones; rows are named after them."""
        return self._transform(as_many(graphs))

    def fit_transform(self, graphs: Any, /) -> Embedding:
        """Do both on the same graphs."""
        many = as_many(graphs)
        return self._fit(many)._transform(many)

    def sparse(self, graphs: Any, /) -> sp.csr_array:
        """Return what `transform` does as a sparse (graphs, columns) table, which scikit-learn reads, too."""
        return self._sparse(as_many(graphs))

    def _fit(self, many: Many) -> Self:
        if self.counts not in _SCALES:
            raise ValueError(f"counts must be one of {', '.join(_SCALES)}, got {self.counts!r}")
        if self.depth < 0 or self.min_graphs < 1 or (self.dim is not None and self.dim < 1):
            raise ValueError(
                "depth must be at least 0, min_graphs and dim at least 1, got "
                f"depth={self.depth}, min_graphs={self.min_graphs}, dim={self.dim}"
            )
        found, depths = [], []
        for depth, words in enumerate(subtree_words(many.graph, self.depth)):
            table = np.unique(np.stack([words, many.batch.astype(np.uint64)], axis=1), axis=0)  # a word once a graph
            known, times = np.unique(table[:, 0], return_counts=True)
            found.append(known[times >= self.min_graphs])
            depths.append(np.full(len(found[-1]), depth))
        self.words_: NDArray[np.uint64] = np.concatenate(found)
        self.depths_: NDArray[np.int64] = np.concatenate(depths)
        return self

    def _counted(self, many: Many) -> sp.csr_array:
        rows, columns = [], []
        for depth, words in enumerate(subtree_words(many.graph, self.depth)):
            first, last = np.searchsorted(self.depths_, [depth, depth + 1])
            known = self.words_[first:last]
            place = np.searchsorted(known, words)
            there = np.flatnonzero(place < len(known))
            there = there[known[place[there]] == words[there]]
            rows.append(many.batch[there])
            columns.append(first + place[there])
        ends = np.concatenate(rows), np.concatenate(columns)
        table = sp.csr_array((np.ones(len(ends[0])), ends), shape=(len(many.names), len(self.words_)))
        table.sum_duplicates()
        return table

    def _sparse(self, many: Many) -> sp.csr_array:
        table = self._counted(many)
        table.data = _SCALES[self.counts](table.data)
        if self.unit:
            table = self._unit(table)
        if self.dim is not None:
            sign = np.where(self.words_ >> np.uint64(63), -1.0, 1.0)
            column = (self.words_ % np.uint64(self.dim)).astype(np.int64)
            ends = np.arange(len(self.words_)), column
            table = sp.csr_array(table @ sp.csr_array((sign, ends), shape=(len(self.words_), self.dim)))
        return table

    def _transform(self, many: Many) -> Embedding:
        table = self._sparse(many)
        if table.shape[0] * table.shape[1] > _MOST:
            raise DataError(
                f"a table of {table.shape[0]} graphs and {table.shape[1]} subtrees is too large to write out: take the "
                "sparse one (sparse), or set dim or min_graphs, or lower depth"
            )
        return Embedding(table.toarray().astype(np.float32), many.names, describe(self))

    def _unit(self, table: sp.csr_array) -> sp.csr_array:
        """Bring the part of each depth to one length."""
        steps = self.depth + 1
        which = sp.csr_array((np.ones(len(self.depths_)), (np.arange(len(self.depths_)), self.depths_)))
        which.resize(len(self.depths_), steps)
        length = np.sqrt((table.power(2) @ which).toarray() * steps)
        row = np.repeat(np.arange(table.shape[0]), np.diff(table.indptr))
        table.data = table.data / length[row, self.depths_[table.indices]]
        return table


def _first_colours(graph: Graph) -> NDArray[np.uint64]:
    """Hash each node's features or, where there are none, its degree."""
    x = graph.data.x
    if x is None:
        return _mixed(np.diff(graph.csr.indptr).astype(np.uint64) + _SHIFT)  # + : zero would be zero at any depth
    bits = np.ascontiguousarray(x.double().numpy() + 0.0).view(np.uint64)  # + 0.0: minus zero is zero
    columns = np.arange(1, bits.shape[1] + 1).astype(np.uint64) * _SHIFT
    hashed: NDArray[np.uint64] = _mixed(_mixed(bits + columns).sum(axis=1, dtype=np.uint64))
    return hashed


def _mixed(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scatter 64-bit numbers; one to one (the finalizer of splitmix64)."""
    value = (value ^ (value >> np.uint64(30))) * _FIRST
    value = (value ^ (value >> np.uint64(27))) * _SECOND
    mixed: NDArray[np.uint64] = value ^ (value >> np.uint64(31))
    return mixed
