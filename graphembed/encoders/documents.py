"""`Graph2Vec`: graphs as documents, whose words are the subtrees around their nodes, embedded by skip-gram.

A collection of documents is a weighted graph between documents and words, and an edge stands for an occurrence. Walks
along it pass edges in proportion to their weights, so skip-gram with a window of one sees pairs (document, word) as
often as they occur: the distributed bag of words, on the engine of all other walks.
"""

import dataclasses as dc
import hashlib
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone

from graphembed.embedding import Embedding
from graphembed.encoders.many import Many, as_many
from graphembed.encoders.protocol import describe
from graphembed.encoders.skipgram import Context, SkipGram
from graphembed.encoders.subtrees import WeisfeilerLehman
from graphembed.errors import DataError
from graphembed.graph import Graph
from graphembed.walks import RandomWalk


@dc.dataclass(eq=False)
class Graph2Vec(BaseEstimator):
    """Embed graphs so that their vectors tell which subtrees are in them.

    For an occurrence of word w in graph G and negatives n_k: softplus(-x_G . y_w) + sum over k of softplus(x_G . y_nk).

    Graphs with the same words are one document and get the same vector. New graphs are placed among the words that are
    known, which stay where they are; a graph without any known word gets the zero vector.

    Args:
        words: Which subtrees are words: its ``depth`` and ``min_graphs``.
        skipgram: How to walk from graphs to words and back, and to learn; its window is one.

    Attributes:
        words_: The words that were fitted.
        skipgram_: The fitted one, whose embedding has a row for each document and for each word.

    Raises:
        DataError: There are no words.

    Example:
        >>> import networkx as nx
        >>> rings = {f"ring of {size}": nx.cycle_graph(size) for size in range(3, 9)}
        >>> skipgram = SkipGram(RandomWalk(20), dim=8, context=Context(window=1), progress=False)
        >>> Graph2Vec(WeisfeilerLehman(1), skipgram).fit_transform(rings)
        Embedding(6 items, dim 8, Graph2Vec)

    References:
        Narayanan et al. 2017, "graph2vec: learning distributed representations of graphs", algorithm 1.
        Tang, Qu and Mei 2015, "PTE: predictive text embedding", section 4.1, for text as a graph.
    Differs from the paper: words predict graphs, too, as a window looks both ways, and negatives may be either.
    """

    words: WeisfeilerLehman = dc.field(default_factory=WeisfeilerLehman)
    skipgram: SkipGram = dc.field(default_factory=lambda: SkipGram(RandomWalk(), context=Context(window=1)))

    def fit(self, graphs: Any, /) -> Self:
        """Learn from graphs.

        Args:
            graphs: A mapping from names to graphs, a list of them, or what `graphembed.merge` makes.
        """
        return self._fit(as_many(graphs))

    def transform(self, graphs: Any, /) -> Embedding:
        """Embed graphs, also new ones; rows are named after them."""
        return self._transform(as_many(graphs))

    def fit_transform(self, graphs: Any, /) -> Embedding:
        """Do both on the same graphs."""
        many = as_many(graphs)
        return self._fit(many)._transform(many)

    def _fit(self, many: Many) -> Self:
        self.words_: WeisfeilerLehman = clone(self.words)._fit(many)
        collection, _ = _collection(self.words_, many)
        if collection is None:
            raise DataError("no subtree is in enough of the graphs to be a word: lower min_graphs")
        self.skipgram_: SkipGram = clone(self.skipgram).fit(collection)
        return self

    def _transform(self, many: Many) -> Embedding:
        collection, documents = _collection(self.words_, many)
        values = np.zeros((len(many.names), self.skipgram_.dim), np.float32)
        there = [row for row, document in enumerate(documents) if document]
        if collection is not None:
            found = self.skipgram_.transform(collection)
            values[there] = found.values[[found.row[documents[row]] for row in there]]
        return Embedding(values, many.names, describe(self))


def _collection(encoder: WeisfeilerLehman, many: Many) -> tuple[Graph | None, list[str]]:
    """Link documents to their words, in an order of their own; say which document each graph is, "" if it is empty."""
    table = encoder._counted(many)
    documents = [_digest(table, encoder.words_, row) for row in range(table.shape[0])]
    row_of = {document: row for row, document in enumerate(documents) if document}
    if not row_of:
        return None, documents
    known = sorted(row_of)
    some = sp.csr_array(table[[row_of[document] for document in known]])
    used = np.unique(some.indices)
    names = [*known, *(f"word {word:016x}" for word in encoder.words_[used].tolist())]
    source = np.repeat(np.arange(len(known)), np.diff(some.indptr))
    target = len(known) + np.searchsorted(used, some.indices)
    return Graph.from_edges(source, target, some.data, names=names), documents


def _digest(table: sp.csr_array, words: NDArray[np.uint64], row: int) -> str:
    """Name a document after its words."""
    first, last = table.indptr[row : row + 2]
    if first == last:
        return ""
    order = first + np.argsort(table.indices[first:last])
    content = words[table.indices[order]].tobytes() + table.data[order].astype(np.int64).tobytes()
    return f"graph {hashlib.sha256(content).hexdigest()[:32]}"
