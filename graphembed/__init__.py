"""graphembed: graph representation learning on PyTorch Geometric.

Everything that comes in becomes a `Graph`, everything that is learnt becomes an `Embedding`, and encoders and heads
never see each other. The names below are resolved when they are first used, so importing the package loads no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from graphembed.version import __version__ as __version__

if TYPE_CHECKING:
    from graphembed.datasets import load as load
    from graphembed.embedding import Embedding as Embedding
    from graphembed.encoders.bethe import BetheHessian as BetheHessian
    from graphembed.encoders.documents import Graph2Vec as Graph2Vec
    from graphembed.encoders.inductive import Inductive as Inductive
    from graphembed.encoders.pooled import Pooled as Pooled
    from graphembed.encoders.projection import Projection as Projection
    from graphembed.encoders.recipes import cleora as cleora
    from graphembed.encoders.recipes import deepwalk as deepwalk
    from graphembed.encoders.recipes import fastrp as fastrp
    from graphembed.encoders.recipes import gcn as gcn
    from graphembed.encoders.recipes import line as line
    from graphembed.encoders.recipes import netmf as netmf
    from graphembed.encoders.recipes import node2vec as node2vec
    from graphembed.encoders.recipes import prone as prone
    from graphembed.encoders.recipes import sage as sage
    from graphembed.encoders.recipes import spectral as spectral
    from graphembed.encoders.skipgram import Context as Context
    from graphembed.encoders.skipgram import SkipGram as SkipGram
    from graphembed.encoders.smoothed import Smoothed as Smoothed
    from graphembed.encoders.structural import graphwave as graphwave
    from graphembed.encoders.structural import refex as refex
    from graphembed.encoders.structural import riwalk as riwalk
    from graphembed.encoders.structural import rolx as rolx
    from graphembed.encoders.structural import segk as segk
    from graphembed.encoders.structural import struc2vec as struc2vec
    from graphembed.encoders.structural import structural as structural
    from graphembed.encoders.structural import xnetmf as xnetmf
    from graphembed.encoders.subtrees import WeisfeilerLehman as WeisfeilerLehman
    from graphembed.encoders.tags import people_tags as people_tags
    from graphembed.encoders.whole import gin as gin
    from graphembed.encoders.whole import graph2vec as graph2vec
    from graphembed.encoders.whole import graphcl as graphcl
    from graphembed.encoders.whole import infograph as infograph
    from graphembed.encoders.whole import weisfeiler_lehman as weisfeiler_lehman
    from graphembed.errors import DataError as DataError
    from graphembed.errors import UnknownNameError as UnknownNameError
    from graphembed.features import FeatureTable as FeatureTable
    from graphembed.files import read_edges as read_edges
    from graphembed.files import read_embedding as read_embedding
    from graphembed.files import read_graph as read_graph
    from graphembed.files import write_embedding as write_embedding
    from graphembed.graph import Graph as Graph
    from graphembed.graph import as_graph as as_graph
    from graphembed.graph import merge as merge
    from graphembed.heads.communities import Communities as Communities
    from graphembed.heads.ensemble import LinkEnsemble as LinkEnsemble
    from graphembed.heads.groups import Groups as Groups
    from graphembed.heads.joint import JointPredictor as JointPredictor
    from graphembed.heads.joint import hlgnn as hlgnn
    from graphembed.heads.joint import maskgae as maskgae
    from graphembed.heads.joint import mplp as mplp
    from graphembed.heads.joint import ncn as ncn
    from graphembed.heads.joint import ncnc as ncnc
    from graphembed.heads.joint import refined_gae as refined_gae
    from graphembed.heads.links import LinkPredictor as LinkPredictor
    from graphembed.heads.roles import Roles as Roles
    from graphembed.nearest import knn_graph as knn_graph
    from graphembed.nearest import radius_graph as radius_graph
    from graphembed.nn.deepsets import DeepSets as DeepSets
    from graphembed.nn.gnn import GNN as GNN
    from graphembed.nn.layerwise import layerwise as layerwise
    from graphembed.objectives import Bootstrap as Bootstrap
    from graphembed.objectives import Contrast as Contrast
    from graphembed.objectives import Decorrelation as Decorrelation
    from graphembed.objectives import GraphClassification as GraphClassification
    from graphembed.objectives import GraphContrast as GraphContrast
    from graphembed.objectives import GraphInfomax as GraphInfomax
    from graphembed.objectives import Infomax as Infomax
    from graphembed.objectives import LinkReconstruction as LinkReconstruction
    from graphembed.objectives import MaskedFeatures as MaskedFeatures
    from graphembed.objectives import MiniBatches as MiniBatches
    from graphembed.objectives import Modularity as Modularity
    from graphembed.objectives import NodeClassification as NodeClassification
    from graphembed.objectives import PushPull as PushPull
    from graphembed.objectives import Triplets as Triplets
    from graphembed.objectives import VariationalLinks as VariationalLinks
    from graphembed.objectives import Weighted as Weighted
    from graphembed.parallel import threads as threads
    from graphembed.pooling import pool as pool
    from graphembed.recast import keypoint_graph as keypoint_graph
    from graphembed.recast import read_coco as read_coco
    from graphembed.sampling.neighbors import NeighborSampler as NeighborSampler
    from graphembed.sampling.subgraphs import ClusterLoader as ClusterLoader
    from graphembed.sampling.subgraphs import ImportanceSampler as ImportanceSampler
    from graphembed.scores import pair_scores as pair_scores
    from graphembed.space import Space as Space
    from graphembed.splits import EdgeSplit as EdgeSplit
    from graphembed.splits import split_edges as split_edges
    from graphembed.training import Training as Training
    from graphembed.training import train as train
    from graphembed.walks import MetaPath as MetaPath
    from graphembed.walks import RandomWalk as RandomWalk
    from graphembed.walks import TemporalWalk as TemporalWalk
    from graphembed.walks import Walks as Walks

# Where each public name lives.
_HOME = {
    "keypoint_graph": "recast",
    "read_coco": "recast",
    "PushPull": "objectives",
    "Groups": "heads.groups",
    "people_tags": "encoders.tags",
    "load": "datasets",
    "Embedding": "embedding",
    "BetheHessian": "encoders.bethe",
    "Inductive": "encoders.inductive",
    "Smoothed": "encoders.smoothed",
    "Projection": "encoders.projection",
    "cleora": "encoders.recipes",
    "deepwalk": "encoders.recipes",
    "fastrp": "encoders.recipes",
    "gcn": "encoders.recipes",
    "line": "encoders.recipes",
    "netmf": "encoders.recipes",
    "node2vec": "encoders.recipes",
    "prone": "encoders.recipes",
    "sage": "encoders.recipes",
    "spectral": "encoders.recipes",
    "Context": "encoders.skipgram",
    "SkipGram": "encoders.skipgram",
    "DataError": "errors",
    "UnknownNameError": "errors",
    "FeatureTable": "features",
    "read_edges": "files",
    "read_embedding": "files",
    "read_graph": "files",
    "write_embedding": "files",
    "Graph": "graph",
    "as_graph": "graph",
    "merge": "graph",
    "LinkEnsemble": "heads.ensemble",
    "JointPredictor": "heads.joint",
    "hlgnn": "heads.joint",
    "maskgae": "heads.joint",
    "mplp": "heads.joint",
    "ncn": "heads.joint",
    "ncnc": "heads.joint",
    "refined_gae": "heads.joint",
    "LinkPredictor": "heads.links",
    "knn_graph": "nearest",
    "radius_graph": "nearest",
    "GNN": "nn.gnn",
    "layerwise": "nn.layerwise",
    "Bootstrap": "objectives",
    "Contrast": "objectives",
    "Decorrelation": "objectives",
    "Infomax": "objectives",
    "LinkReconstruction": "objectives",
    "MaskedFeatures": "objectives",
    "MiniBatches": "objectives",
    "Modularity": "objectives",
    "NodeClassification": "objectives",
    "Triplets": "objectives",
    "VariationalLinks": "objectives",
    "Weighted": "objectives",
    "threads": "parallel",
    "NeighborSampler": "sampling.neighbors",
    "pair_scores": "scores",
    "EdgeSplit": "splits",
    "split_edges": "splits",
    "ClusterLoader": "sampling.subgraphs",
    "ImportanceSampler": "sampling.subgraphs",
    "Training": "training",
    "train": "training",
    "MetaPath": "walks",
    "RandomWalk": "walks",
    "TemporalWalk": "walks",
    "Walks": "walks",
    "Space": "space",
    "Communities": "heads.communities",
    "Roles": "heads.roles",
    "refex": "encoders.structural",
    "rolx": "encoders.structural",
    "graphwave": "encoders.structural",
    "xnetmf": "encoders.structural",
    "segk": "encoders.structural",
    "struc2vec": "encoders.structural",
    "riwalk": "encoders.structural",
    "structural": "encoders.structural",
    "Graph2Vec": "encoders.documents",
    "Pooled": "encoders.pooled",
    "WeisfeilerLehman": "encoders.subtrees",
    "gin": "encoders.whole",
    "graph2vec": "encoders.whole",
    "graphcl": "encoders.whole",
    "infograph": "encoders.whole",
    "weisfeiler_lehman": "encoders.whole",
    "DeepSets": "nn.deepsets",
    "GraphClassification": "objectives",
    "GraphContrast": "objectives",
    "GraphInfomax": "objectives",
    "pool": "pooling",
}
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'graphembed' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"graphembed.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
