"""What every encoder promises, and the little that all of them share.

An encoder is a dataclass whose fields are its configuration. ``fit`` learns from a graph and leaves the fields as they
were; what is learnt ends in an underscore. scikit-learn's ``get_params``, ``set_params`` and ``clone`` work, because
`sklearn.base.BaseEstimator` reads the fields off the constructor. ``transform`` gives one vector per node of the graph
it is given, with the node's name, or raises an error that names the nodes it cannot embed and says why.
"""

import dataclasses as dc
from collections.abc import Mapping
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import dijkstra

from graphembed.embedding import Embedding
from graphembed.errors import DataError, UnknownNameError, first_few
from graphembed.graph import Graph
from graphembed.kernels.roles import linked
from graphembed.version import __version__


@runtime_checkable
class Encoder(Protocol):
    """A graph in, an embedding out."""

    def fit(self, graph: Any, /) -> Self:
        """Learn from a graph; anything `graphembed.as_graph` reads."""
        ...

    def transform(self, graph: Any, /) -> Embedding:
        """Embed the nodes of a graph."""
        ...

    def fit_transform(self, graph: Any, /) -> Embedding:
        """Do both on one graph."""
        ...


def needs_edges(graph: Graph, encoder: str) -> None:
    """Refuse a graph from which nothing can be learnt."""
    if not linked(graph.csr).any():
        raise DataError(f"{encoder} needs edges between nodes to learn from; got {graph}")


def known_rows(fitted: Mapping[str, int], graph: Graph, encoder: str, remedy: str) -> list[int]:
    """Return the fitted row of every node of ``graph``, or name those that were not there."""
    if unseen := [name for name in graph.names if name not in fitted]:
        raise UnknownNameError(
            f"{len(unseen)} nodes were not in the graph {encoder} was fitted on, so it has no vector for them: "
            f"{first_few(unseen)}; {remedy}"
        )
    return [fitted[name] for name in graph.names]


def rings(fitted: Mapping[str, int], graph: Graph, encoder: str, remedy: str) -> list[NDArray[np.int64]]:
    """Return the rows of new nodes ring by ring: those linked to a fitted node, then those linked to these, and so on.

    Links count in both directions.

    Raises:
        UnknownNameError: There is no path from a new node to a fitted one.

    Example:
        >>> graph = Graph.from_edges([0, 1, 2], [1, 2, 3], names=["known", "near", "far", "farther"])
        >>> rings({"known": 0}, graph, "an encoder", "link them")
        [array([1]), array([2]), array([3])]
    """
    new = np.array([name not in fitted for name in graph.names], bool)
    if not new.any():
        return []
    source, target = graph.data.edge_index.numpy()
    links = sp.csr_array((np.ones(len(source), np.int8), (source, target)), shape=(graph.num_nodes,) * 2)
    known = np.flatnonzero(~new)
    far = np.full(graph.num_nodes, np.inf)
    if known.size:
        far = dijkstra(links, directed=False, indices=known, unweighted=True, min_only=True)
    if lost := [graph.names[row] for row in np.flatnonzero(np.isinf(far)).tolist()]:
        raise UnknownNameError(
            f"{len(lost)} nodes were not in the graph {encoder} was fitted on and no path leads from them to one that "
            f"was, so it has no vector for them: {first_few(lost)}; {remedy}"
        )
    order = np.argsort(far, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(far[order])) + 1)[1:]


def movement(old: Embedding, new: Embedding) -> pd.DataFrame:
    """Say how far each vector went from one embedding to another that holds the same names, and perhaps more.

    Returns:
        Columns ``name``, ``moved`` (length of the move over length of the old vector) and ``cosine`` (of the new and
        the old vector), furthest first. A vector that stays zero has not moved; one that was zero and is not any more
        has moved infinitely far; the cosine with a zero vector is zero.

    Example:
        >>> old = Embedding(np.array([[1.0, 0.0], [0.0, 2.0]]), ("ann", "bob"))
        >>> new = Embedding(np.array([[0.0, 3.0], [0.0, 2.0], [1.0, 1.0]]), ("bob", "ann", "cy"))
        >>> movement(old, new).round(2)
          name  moved  cosine
        0  ann   2.24     0.0
        1  bob   0.50     1.0
    """
    before, after = old.values.astype(np.float64), new[old.names].values.astype(np.float64)
    length, step = np.linalg.norm(before, axis=1), np.linalg.norm(after - before, axis=1)
    moved = np.divide(step, length, out=np.where(step > 0, np.inf, 0.0), where=length > 0)
    lengths = length * np.linalg.norm(after, axis=1)
    inner = np.einsum("nd,nd->n", before, after)
    cosine = np.divide(inner, lengths, out=np.zeros_like(inner), where=lengths > 0)
    report = pd.DataFrame({"name": old.names, "moved": moved, "cosine": cosine})
    return report.sort_values("moved", ascending=False, kind="stable", ignore_index=True)


def describe(encoder: Any) -> dict[str, Any]:
    """Say what made an embedding, in words and numbers that JSON can hold."""
    return {"encoder": type(encoder).__name__, "version": __version__, **_plain(encoder)}


def _plain(value: Any) -> Any:
    if dc.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dc.fields(value)}
    if isinstance(value, str | int | float | bool | None):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return repr(value)
