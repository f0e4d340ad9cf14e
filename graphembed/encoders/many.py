"""What encoders of whole graphs are given: many graphs, as a mapping, a list, or side by side in one."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from graphembed.errors import DataError, first_few
from graphembed.graph import Graph, as_graph, merge
from graphembed.names import RowNames


class Many(NamedTuple):
    """Many graphs side by side.

    Args:
        graph: All nodes and edges.
        batch: (nodes,) which graph each node is of.
        names: Of the graphs.
    """

    graph: Graph
    batch: NDArray[np.int64]
    names: tuple[str, ...]


def as_many(source: Any, /) -> Many:
    """Read many graphs.

    Args:
        source: A mapping from names to graphs, or a list of graphs, which are called "0", "1", ...; each is anything
            `graphembed.as_graph` reads. Or one graph with ``data.batch``, as `graphembed.merge` makes it; there the
            name of a graph is what stands before the first "/" in its nodes' names.

    Raises:
        DataError: There are no graphs, they cannot be merged, or names do not say which graph a node is of.

    Example:
        >>> import networkx as nx
        >>> as_many([nx.path_graph(2), nx.path_graph(3)]).batch
        array([0, 0, 1, 1, 1])
    """
    if isinstance(source, Mapping | list | tuple):
        graphs = dict(source) if isinstance(source, Mapping) else {str(row): one for row, one in enumerate(source)}
        if not graphs:
            raise DataError("there is no graph: give a mapping or a list with at least one")
        if wrong := [name for name in graphs if not isinstance(name, str)]:
            raise DataError(f"names of graphs must be strings, got {first_few(wrong)}")
        graph = merge(graphs)
        return Many(graph, graph.data.batch.numpy(), tuple(graphs))
    graph = as_graph(source)
    batch = graph.data.get("batch")
    if not isinstance(batch, Tensor):
        raise DataError(
            f"this is one graph without data.batch: {graph}; give a mapping or list of graphs, or put them side by "
            "side with graphembed.merge"
        )
    found = batch.long().numpy()
    if not found.size:
        raise DataError(f"there is no graph in {graph}")
    return Many(graph, found, _names(graph, found))


def _names(graph: Graph, batch: NDArray[np.int64]) -> tuple[str, ...]:
    """Read the graphs' names off those of their nodes; graphs without nodes, and nodes without names, are numbers."""
    count = int(batch.max()) + 1
    if isinstance(graph.names, RowNames):
        return tuple(map(str, range(count)))
    names = list(map(str, range(count)))
    first = [name.partition("/") for name in graph.names]
    for graph_number, (name, slash, _) in zip(batch.tolist(), first, strict=True):
        names[graph_number] = name if slash else names[graph_number]
    wrong = [
        node
        for node, number, (name, slash, _) in zip(graph.names, batch.tolist(), first, strict=True)
        if not slash or names[number] != name
    ]
    if wrong or len(set(names)) < count:
        raise DataError(
            "nodes must be named 'graph/node', with another name for each graph and no '/' in it, as "
            f"graphembed.merge names them, got {first_few(wrong or graph.names)}; or give a mapping of graphs"
        )
    return tuple(names)
