"""What every encoder promises, and the little that all of them share.

An encoder is a dataclass whose fields are its configuration. ``fit`` learns from a graph and leaves the fields as they
were; what is learnt ends in an underscore. scikit-learn's ``get_params``, ``set_params`` and ``clone`` work, because
`sklearn.base.BaseEstimator` reads the fields off the constructor. ``transform`` gives one vector per node of the graph
it is given, with the node's name, or raises an error that names the nodes it cannot embed and says why.
"""

import dataclasses as dc
from collections.abc import Mapping
from typing import Any, Protocol, Self, runtime_checkable

from graphembed.embedding import Embedding
from graphembed.errors import DataError, UnknownNameError, first_few
from graphembed.graph import Graph
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
    if graph.num_edges - graph.self_loops == 0:
        raise DataError(f"{encoder} needs edges between nodes to learn from; got {graph}")


def known_rows(fitted: Mapping[str, int], graph: Graph, encoder: str, remedy: str) -> list[int]:
    """Return the fitted row of every node of ``graph``, or name those that were not there."""
    if unseen := [name for name in graph.names if name not in fitted]:
        raise UnknownNameError(
            f"{len(unseen)} nodes were not in the graph {encoder} was fitted on, so it has no vector for them: "
            f"{first_few(unseen)}; {remedy}"
        )
    return [fitted[name] for name in graph.names]


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
