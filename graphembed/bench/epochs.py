"""Speed of training on sampled neighbourhoods: an epoch of GraphSAGE on graph T, next to PyG's layers and DGL.

Two mean convolutions from 128 random features to 128 to 128, and a linear classifier; 15 and 10 neighbours, 1024 seeds
a batch, Adam; sampling and gathering of features included. All see the same number of seeds, half of the nodes, and
figures are scaled to all of them. PyG's layers run with our sampler in PyG's loader (its own needs add-ons), untrimmed
and scattering, as its users write them. Ours runs as in the package: torch on one thread, batches made on another; the
others get as many torch threads as there are.
"""

import dataclasses as dc
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.loader import NeighborLoader
from torch_geometric.nn import SAGEConv

from graphembed.bench.graphs import GRAPHS
from graphembed.bench.speed import Row, installed, paired
from graphembed.graph import Graph
from graphembed.nn.gnn import GNN
from graphembed.objectives import MiniBatches, NodeClassification
from graphembed.sampling.neighbors import NeighborSampler
from graphembed.training import Training, seeded, train

_FANOUT, _SEEDS, _WIDTH, _CLASSES = (15, 10), 1024, 128, 16
_PART = 2  # one node in so many is a seed


def epochs(rounds: int = 5, graphs: dict[str, Callable[[], Graph]] = GRAPHS) -> Iterator[Row]:
    """Compare seconds of an epoch.

    Args:
        rounds: Epochs of each, in turn.
        graphs: By name, as in `graphembed.bench.graphs`.
    """
    graph = _with_features(graphs["T"]())
    peers = {"PyG's layers with our sampler": _pyg(graph)}
    if installed("dgl"):
        peers["DGL"] = _dgl(graph)
    for peer, theirs in peers.items():
        row = paired(_ours(graph), theirs, rounds)
        row |= {key: row[key] * _PART for key in ("seconds", "peer seconds")}
        yield {"what": "T epoch of GraphSAGE", "peer": peer, **row}


def _with_features(graph: Graph) -> Graph:
    draw = torch.Generator().manual_seed(0)
    seeds = torch.randperm(graph.num_nodes, generator=draw) < graph.num_nodes // _PART
    x = torch.randn(graph.num_nodes, _WIDTH, generator=draw)
    y = torch.randint(_CLASSES, (graph.num_nodes,), generator=draw)
    return Graph(Data(edge_index=graph.data.edge_index, x=x, y=y, train_mask=seeds), directed=False)


def _ours(graph: Graph) -> Callable[[], Any]:
    with seeded(0):
        gnn = GNN(SAGEConv, [_WIDTH, _WIDTH], _WIDTH, jump=None, in_channels=_WIDTH, project=False)
    task = NodeClassification(sampled=MiniBatches(_FANOUT, _SEEDS))
    settings = Training(epochs=1)
    return lambda: train(gnn, graph, dc.replace(task), settings, progress=False)


class _Stack(nn.Module):
    """Two layers of PyG's, and a classifier, as its examples write them."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(SAGEConv(_WIDTH, _WIDTH) for _ in _FANOUT)
        self.out = nn.Linear(_WIDTH, _CLASSES)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        for conv in self.convs:
            x = torch.relu(conv(x, edge_index))
        z: Tensor = self.out(x)
        return z


def _pyg(graph: Graph) -> Callable[[], None]:
    with seeded(0):
        module = _Stack()
    data = graph.data
    loader = NeighborLoader(
        data, list(_FANOUT), input_nodes=data.train_mask, batch_size=_SEEDS,
        neighbor_sampler=NeighborSampler(data, _FANOUT),
    )  # fmt: skip
    optimizer = torch.optim.Adam(module.parameters(), 0.01)

    def epoch() -> None:
        for batch in loader:
            optimizer.zero_grad()
            score = module(batch.x, batch.edge_index)[: batch.batch_size]
            F.cross_entropy(score, batch.y[: batch.batch_size]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    return epoch


def _dgl(graph: Graph) -> Callable[[], None]:
    os.environ.setdefault("DGLBACKEND", "pytorch")
    import dgl

    rows = [torch.from_numpy(array.astype(np.int64)) for array in graph.csr[:2]]
    peer = dgl.graph(("csc", (*rows, torch.empty(0, dtype=torch.long))))
    x, y = graph.data.x, graph.data.y
    with seeded(0):
        convs = nn.ModuleList(dgl.nn.SAGEConv(_WIDTH, _WIDTH, "mean") for _ in _FANOUT)
        out = nn.Linear(_WIDTH, _CLASSES)
    optimizer = torch.optim.Adam([*convs.parameters(), *out.parameters()], 0.01)
    sampler = dgl.dataloading.NeighborSampler(list(reversed(_FANOUT)))
    seeds = graph.data.train_mask.nonzero()[:, 0].split(_SEEDS)

    def epoch() -> None:
        for part in seeds:
            nodes, _, blocks = sampler.sample_blocks(peer, part)
            h = x[nodes]
            for conv, block in zip(convs, blocks, strict=True):
                h = torch.relu(conv(block, h))
            optimizer.zero_grad()
            F.cross_entropy(out(h), y[part]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    return epoch
