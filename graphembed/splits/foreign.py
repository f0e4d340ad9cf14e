"""Splits that others made, brought into the form that can be audited."""

import numpy as np
import torch
from torch_geometric.data import Data

from graphembed.graph import Graph
from graphembed.splits.edges import EdgeSplit
from graphembed.splits.pairs import LabelledPairs


def from_pyg(train: Data, valid: Data, test: Data) -> EdgeSplit:
    """Read the three parts that PyG's ``RandomLinkSplit`` returns; what is in them is not changed, only put together.

    The whole graph is everything that is an edge anywhere: undirected if each of its edges is there in both directions.
    Observed is what messages pass over in training. With its default settings ``RandomLinkSplit`` takes an undirected
    graph for a directed one, and the reverse of a test edge stays among the training edges: `EdgeSplit.check` raises.

    Args:
        train: ``edge_index``, ``edge_label_index``, ``edge_label``; features, if there are any.
        valid: The same.
        test: The same.

    Example:
        >>> ends = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
        >>> part = Data(edge_index=ends, edge_label_index=ends[:, :1], edge_label=torch.ones(1), num_nodes=3)
        >>> from_pyg(part, part, part).audit()[0]
        '1 valid edges are visible in training'
    """
    asked = [
        LabelledPairs(part.edge_label_index.numpy().T, part.edge_label.numpy() > 0) for part in (train, valid, test)
    ]
    links = [torch.from_numpy(np.ascontiguousarray(pairs.pairs[pairs.label].T)) for pairs in asked]
    nodes = int(train.num_nodes)
    more = {key: train[key] for key in ("x", "y", "part") if train.get(key) is not None}
    whole = torch.cat([*(part.edge_index for part in (train, valid, test)), *links], dim=1)
    graph = Graph(Data(edge_index=whole, num_nodes=nodes, **more))
    source, target = train.edge_index.numpy()
    observed = Graph.from_edges(source, target, nodes=nodes, directed=bool(graph.directed), **more)
    return EdgeSplit(graph, observed, train=asked[0], valid=asked[1], test=asked[2])
