"""What the contract tests are held against: every convolution and every objective, and small graphs to try them on."""

import dataclasses as dc

import numpy as np
import torch
import torch_geometric.nn as pyg
from torch import nn
from torch_geometric.data import Data
from torch_geometric.nn import GCNConv

from graphembed.datasets import load
from graphembed.graph import Graph, as_graph
from graphembed.losses import push_pull
from graphembed.nn.gnn import smoothing
from graphembed.objectives import (
    Bootstrap,
    Contrast,
    Decorrelation,
    GraphClassification,
    GraphContrast,
    GraphInfomax,
    Infomax,
    LinkReconstruction,
    MaskedFeatures,
    Modularity,
    NodeClassification,
    PushPull,
    Triplets,
    VariationalLinks,
    Weighted,
)
from graphembed.sampling.negatives import Degree, InBatch, TwoHop

# Those of PyG's that read a table of features and edges and can do without more (points, relations, the first layer).
# PANConv could, but needs an add-on.
CONVS = {
    "AntiSymmetric": lambda inside, outside: pyg.AntiSymmetricConv(inside),
    "APPNP": smoothing,
    "ARMA": pyg.ARMAConv,
    "CG": lambda inside, outside: pyg.CGConv(inside),
    "Cheb": lambda inside, outside: pyg.ChebConv(inside, outside, 3),
    "ClusterGCN": pyg.ClusterGCNConv,
    "EG": lambda inside, outside: pyg.EGConv(inside, outside, num_heads=2, num_bases=2),
    "FeaSt": pyg.FeaStConv,
    "FiLM": pyg.FiLMConv,
    "GAT": pyg.GATConv,
    "GAT, heads": lambda inside, outside: pyg.GATConv(inside, outside, heads=2, concat=False),
    "GATv2": pyg.GATv2Conv,
    "GCN": GCNConv,
    "GCN, improved": lambda inside, outside: GCNConv(inside, outside, improved=True),
    "GEN": pyg.GENConv,
    "GIN": lambda inside, outside: pyg.GINConv(nn.Linear(inside, outside)),
    "GatedGraph": lambda inside, outside: pyg.GatedGraphConv(outside, 2),
    "General": pyg.GeneralConv,
    "Graph": pyg.GraphConv,
    "Hypergraph": pyg.HypergraphConv,
    "LE": pyg.LEConv,
    "LG": lambda inside, outside: pyg.LGConv(),
    "MF": pyg.MFConv,
    "MixHop": lambda inside, outside: pyg.MixHopConv(inside, outside // 3, [0, 1, 2]),
    "PNA": lambda inside, outside: pyg.PNAConv(
        inside, outside, ["mean", "max", "std"], ["identity", "amplification"], deg=torch.tensor([1, 3, 4, 2])
    ),
    "ResGated": pyg.ResGatedGraphConv,
    "SAGE": pyg.SAGEConv,
    "SAGE, max": lambda inside, outside: pyg.SAGEConv(inside, outside, aggr="max"),
    "SG": pyg.SGConv,
    "SSG": lambda inside, outside: pyg.SSGConv(inside, outside, alpha=0.1, K=2),
    "SuperGAT": pyg.SuperGATConv,
    "TAG": pyg.TAGConv,
    "Transformer": pyg.TransformerConv,
}

LABELLED = (0, 1, 2, 3, 30, 31, 32, 33)
OBJECTIVES = {
    "links": LinkReconstruction(),
    "links, margin": LinkReconstruction(margin=1.0),
    "links, degree": LinkReconstruction(negatives=Degree()),
    "variational": VariationalLinks(),
    "variational, margin": VariationalLinks(margin=1.0, weight=0.01),
    "triplets": Triplets(),
    "triplets, hard": Triplets(negatives=TwoHop()),
    "triplets, in batch": Triplets(negatives=InBatch()),
    "infomax": Infomax(),
    "contrast": Contrast(width=8),
    "contrast, few": Contrast(width=0, count=5),
    "contrast, corrected": Contrast(width=8, count=5, negatives=Degree(1.0), corrected=True),
    "bootstrap": Bootstrap(width=16),
    "decorrelation": Decorrelation(),
    "decorrelation, one shape": Decorrelation(shape=1.0),
    "masked": MaskedFeatures(),
    "classes": NodeClassification(nodes=LABELLED),
    "classes, smooth": NodeClassification(nodes=LABELLED, smoothing=0.1),
    "classes, arcface": NodeClassification("arcface", nodes=LABELLED),
    "classes, cosface": NodeClassification("cosface", nodes=LABELLED),
    "modularity, whole": Modularity(4),
    "push-pull, means": PushPull(),
    "push-pull, pairs": PushPull(push_pull),
    "weighted": Weighted([(1.0, LinkReconstruction()), (0.5, Decorrelation()), (2.0, MaskedFeatures())]),
    "graphs, classes": GraphClassification((0, 1)),
    "graphs, infomax": GraphInfomax(),
    "graphs, contrast": GraphContrast(),
}

# What `loss` draws, it draws for rows, in their order: laws of equality hold where it draws nothing. The noise of
# variational links is made small by `settle`.
NONE = (0.0, 0.0)
STILL = {
    "links": LinkReconstruction(),
    "links, margin": LinkReconstruction(margin=1.0),
    "variational": VariationalLinks(weight=0.1),
    "triplets": Triplets(negatives=TwoHop()),
    "infomax": Infomax(),
    "contrast": Contrast(edges=NONE, features=NONE, width=8),
    "contrast, few": Contrast(edges=NONE, features=NONE, count=4, negatives=Degree(), corrected=True),
    "bootstrap": Bootstrap(edges=NONE, features=NONE, width=8),
    "decorrelation": Decorrelation(edges=NONE, features=NONE),
    "masked": MaskedFeatures(),
    "classes": NodeClassification(nodes=LABELLED),
    "classes, arcface": NodeClassification("arcface", nodes=LABELLED, smoothing=0.2),
    "modularity": Modularity(4, dropout=0.0),
    "push-pull": PushPull(),
    "weighted": Weighted([(1.0, LinkReconstruction()), (0.5, Infomax())]),
    "graphs, classes": GraphClassification((0, 1), dropout=0.0),
    "graphs, infomax": GraphInfomax(),
    "graphs, contrast": GraphContrast(share=0.0),
}
OF_GRAPHS = (GraphClassification, GraphContrast, GraphInfomax)
WHOLE = (Modularity, PushPull, *OF_GRAPHS)  # these look at whole graphs


def settle(beside):
    """Take the noise out of `VariationalLinks`."""
    if isinstance(beside, nn.Linear) and beside.bias is not None and (beside.bias == -1).all():
        nn.init.constant_(beside.bias, -40.0)
    return beside


class Two(nn.Module):
    """Two convolutions."""

    def __init__(self, conv=GCNConv, features=12, dim=8):
        super().__init__()
        self.first, self.second = conv(features, 16), conv(16, dim)

    def forward(self, x, edge_index, edge_weight=None):
        return self.second(torch.relu(self.first(x, edge_index)), edge_index)


def featured(network=None, features=12):
    """Karate, or another network, with features and labels."""
    graph = load("karate") if network is None else as_graph(network)
    x = torch.tensor(np.random.default_rng(0).normal(size=(graph.num_nodes, features))).float()
    y = graph.data.y if graph.data.y is not None else torch.arange(graph.num_nodes) % 2
    return Graph(Data(edge_index=graph.data.edge_index, x=x, y=y), graph.names, graph.directed)


def clubs():
    """What became of the karate club: two graphs side by side."""
    club = featured()
    side = np.argsort(club.data.y.numpy(), kind="stable")
    own, row = club.data.y[torch.from_numpy(side)], torch.from_numpy(np.argsort(side))
    ends = row[club.data.edge_index]
    ends = ends[:, own[ends[0]] == own[ends[1]]]
    return Graph(Data(edge_index=ends, x=club.data.x[side], y=own, batch=own), [f"{own[k]}/{k}" for k in range(34)])


KARATE = featured()
CLUBS = clubs()


def home(objective):
    """The graph on which an objective is tried: those of whole graphs need two."""
    return CLUBS if isinstance(objective, OF_GRAPHS) else KARATE


def alone(objective):
    """The objective, for one graph alone."""
    return dc.replace(objective, labels=(1,)) if isinstance(objective, GraphClassification) else objective


NO_EDGES = torch.empty(2, 0, dtype=torch.long)
TINY = {
    "one node": Graph(Data(x=torch.ones(1, 12), edge_index=NO_EDGES, y=torch.zeros(1).long())),
    "no edges": Graph(Data(x=torch.ones(4, 12), edge_index=NO_EDGES, y=torch.tensor([0, 1, 0, 1]))),
    "features of zeros": Graph(
        Data(x=torch.zeros(3, 12), edge_index=torch.tensor([[0, 1], [1, 0]]), y=torch.tensor([0, 1, 0]))
    ),
    "an isolated node": Graph(
        Data(x=torch.eye(4, 12), edge_index=torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]]), y=torch.tensor([0, 1, 0, 1]))
    ),
}
