"""Objectives of whole graphs see some graphs at a time; here is how many graphs side by side are cut into batches.

The graph they are given holds many graphs, as `graphembed.merge` puts them: ``data.batch`` says which one a node is of.
Without it, it is one graph. Nodes of a graph stand together, and so do its edges, so a batch is cut by ranges of rows.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch_geometric.data import Data

from graphembed.errors import DataError
from graphembed.graph import Graph
from graphembed.nn.deepsets import DeepSets
from graphembed.objectives.protocol import encode, output_width
from graphembed.objectives.sampled import Made


def count_graphs(graph: Graph) -> int:
    """Say how many graphs there are side by side.

    Raises:
        DataError: ``data.batch`` is not one number per node, ascending.
    """
    return len(_nodes(graph)) - 1


def graph_batches(graph: Graph, graphs: NDArray[np.int64], size: int, seed: int) -> Sequence[Data]:
    """Cut some graphs, in random order, into batches of ``size``; see `side_by_side` for what is in one.

    Example:
        >>> import networkx as nx
        >>> from graphembed.graph import merge
        >>> several = merge({name: nx.path_graph(3) for name in "abc"})
        >>> [batch.graphs.tolist() for batch in graph_batches(several, np.arange(3), 2, seed=0)]
        [[2, 0], [1]]
    """
    order = np.random.default_rng(seed).permutation(graphs)
    parts = [order[first : first + size] for first in range(0, len(order), size)]
    return Made(len(parts), lambda i: side_by_side(graph, parts[i]))


def side_by_side(graph: Graph, graphs: NDArray[np.int64]) -> Data:
    """Take some graphs out of many.

    Returns:
        ``x``, ``edge_index`` and ``edge_weight`` of these graphs; ``batch`` (nodes,), which of them a node is of,
        counted from 0; ``graphs``, which ones these are.
    """
    ptr = _nodes(graph)
    nodes, first = _ranges(ptr[graphs], ptr[graphs + 1])
    starts = graph.csr.indptr[ptr]
    edges, first_edge = _ranges(starts[graphs], starts[graphs + 1])
    moved = np.repeat(first[:-1] - ptr[graphs], np.diff(first_edge))
    rows, places = torch.from_numpy(nodes), torch.from_numpy(edges)
    data = graph.data
    return Data(
        x=None if data.x is None else data.x.index_select(0, rows),
        edge_index=data.edge_index.index_select(1, places) + torch.from_numpy(moved),
        edge_weight=None if data.edge_weight is None else data.edge_weight.index_select(0, places),
        batch=torch.from_numpy(np.repeat(np.arange(len(graphs)), np.diff(first))),
        graphs=torch.from_numpy(graphs),
        num_nodes=len(nodes),
    )


def read_out(encoder: nn.Module, readout: nn.Module, batch: Data) -> tuple[Tensor, Tensor]:
    """Embed the nodes of a batch, and read a vector of each of its graphs off them."""
    z = encode(encoder, batch)
    return z, readout(z, batch.batch, dim_size=len(batch.graphs))


def make_readout(encoder: nn.Module, graph: Graph, pool: str, hidden: int) -> DeepSets:
    """Make the readout that is trained beside the encoder: with a width, phi and rho are perceptrons."""
    count_graphs(graph)
    return DeepSets(output_width(encoder, graph), hidden or None, hidden=hidden, pool=pool)


def _nodes(graph: Graph) -> NDArray[np.int64]:
    """Return the first node of each graph and, last, the number of nodes."""
    batch = graph.data.get("batch")
    if batch is None:
        return np.array([0, graph.num_nodes])
    fits = isinstance(batch, Tensor) and batch.shape == (graph.num_nodes,) and not batch.is_floating_point()
    if not fits or (batch.diff() < 0).any() or (batch[:1] < 0).any():
        raise DataError(
            "data.batch must say for each node which graph it is of, ascending from 0: put graphs side by side with "
            f"graphembed.merge; got {batch!r:.80}"
        )
    count = int(batch[-1]) + 1 if len(batch) else 0
    return np.searchsorted(batch.numpy(), np.arange(count + 1))


def _ranges(first: NDArray[np.int64], last: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return first[0], ..., last[0] - 1, first[1], ... and where in this each range begins, with the end."""
    ends = np.concatenate([[0], np.cumsum(last - first)])
    return np.arange(ends[-1]) + np.repeat(first - ends[:-1], last - first), ends
