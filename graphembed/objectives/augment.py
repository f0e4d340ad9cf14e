"""Augmentations of graphs: what is still the same graph when something is missing from it.

All chance comes from torch's generator, which the caller seeds. Each takes a batch with ``x``, ``edge_index``,
``edge_weight`` and ``batch`` and returns another with the same graphs, some of which may have lost all nodes.
"""

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Bool
from scipy.sparse.csgraph import dijkstra
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import subgraph

from graphembed.objectives.protocol import changed
from graphembed.objectives.views import drop_edges

WAYS = ("nodes", "edges", "features", "subgraph")


def augmented(batch: Data, way: str, share: float) -> Data:
    """Take something away from each graph.

    Args:
        batch: Graphs side by side.
        way: ``"nodes"`` are dropped with their edges, each with chance ``share``; or ``"edges"`` alone, either
            direction by itself; ``"features"``: all those of a node are set to zero; ``"subgraph"``: all nodes but
            ``share`` of them stay, those first reached from a random node when each edge takes a random time.
        share: How much is missing, from 0 to below 1.

    References:
        You et al. 2020, "Graph contrastive learning with augmentations", table 1.
    Differs from the paper: a subgraph grows along all edges (exponential times) instead of by one walk.
    """
    if way == "edges":
        return drop_edges(batch, share)
    if way == "subgraph":
        return keep_nodes(batch, _grown(batch, share))
    stays = torch.rand(batch.num_nodes, device=batch.edge_index.device) >= share
    if way == "nodes":
        return keep_nodes(batch, stays)
    return changed(batch, x=batch.x * stays[:, None].to(batch.x.dtype)) if batch.x.is_floating_point() else batch


def keep_nodes(batch: Data, stays: Bool[Tensor, " nodes"]) -> Data:
    """Return what is left of the graphs when only some nodes stay."""
    edges, weight = subgraph(stays, batch.edge_index, batch.edge_weight, relabel_nodes=True, num_nodes=batch.num_nodes)
    x, own = batch.x[stays], batch.batch[stays]
    return changed(batch, x=x, edge_index=edges, edge_weight=weight, batch=own, num_nodes=len(own))


def _grown(batch: Data, share: float) -> Bool[Tensor, " nodes"]:
    """Return which nodes of each graph are reached first; at least one stays."""
    own, nodes, count = batch.batch, batch.num_nodes, len(batch.graphs)
    order = torch.rand(nodes, device=own.device).argsort()
    start = torch.full((count,), -1, device=own.device).scatter_(0, own[order], order)
    times = -torch.log1p(-torch.rand(batch.edge_index.shape[1], device=own.device)) + 1e-9
    ends = batch.edge_index.cpu().numpy()
    links = sp.coo_array((times.cpu().double().numpy(), (ends[0], ends[1])), shape=(nodes, nodes)).tocsr()
    begins = start[start >= 0].cpu().numpy()
    reached = dijkstra(links, indices=begins, min_only=True) if begins.size else np.empty(0)
    graph = own.cpu().numpy()
    rank = np.empty(nodes, np.int64)
    by_time = np.lexsort((reached, graph))
    sizes = np.bincount(graph, minlength=count)
    rank[by_time] = np.arange(nodes) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    kept = np.maximum(np.ceil((1 - share) * sizes), 1)[graph]
    return torch.from_numpy((rank < kept) & np.isfinite(reached)).to(own.device)
