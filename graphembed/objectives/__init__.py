"""What an encoder is trained for; `graphembed.training.train` is the loop.

    LinkReconstruction, VariationalLinks   who is linked (GAE, VGAE)
    Triplets                               who is nearer
    Infomax, Contrast                      which node belongs to which graph, or view (DGI, GRACE)
    Bootstrap, Decorrelation               two views agree, without negatives (BGRL, CCA-SSG)
    MaskedFeatures                         what the hidden features were (GraphMAE)
    NodeClassification                     labels
    GraphClassification                    labels of whole graphs, among many
    GraphInfomax, GraphContrast            which graph a node, or a view, is of (InfoGraph, GraphCL)
    Modularity                             soft communities (DMoN)
    PushPull                               groups of an image by their tags (associative embedding)
    Weighted                               several at once

`MiniBatches` cuts any of them into sampled neighbourhoods, for large graphs. Those of links hold edges out on request,
for early stopping.

An objective is a frozen dataclass with three methods: ``prepare(encoder, graph)`` makes what is trained beside the
encoder, ``batches(graph, seed)`` returns what one epoch sees, ``loss(encoder, beside, batch)`` says how wrong it is.
"""

from graphembed.objectives.agreement import Bootstrap, Decorrelation
from graphembed.objectives.classes import NodeClassification
from graphembed.objectives.contrast import Contrast, Infomax
from graphembed.objectives.graph_classes import GraphClassification
from graphembed.objectives.graph_contrast import GraphContrast, GraphInfomax
from graphembed.objectives.links import LinkReconstruction, VariationalLinks
from graphembed.objectives.masked import MaskedFeatures
from graphembed.objectives.modularity import Modularity
from graphembed.objectives.protocol import Objective
from graphembed.objectives.push_pull import PushPull
from graphembed.objectives.sampled import MiniBatches
from graphembed.objectives.triplets import Triplets
from graphembed.objectives.weighted import Weighted

__all__ = [
    "Bootstrap",
    "Contrast",
    "Decorrelation",
    "GraphClassification",
    "GraphContrast",
    "GraphInfomax",
    "Infomax",
    "LinkReconstruction",
    "MaskedFeatures",
    "MiniBatches",
    "Modularity",
    "NodeClassification",
    "Objective",
    "PushPull",
    "Triplets",
    "VariationalLinks",
    "Weighted",
]
