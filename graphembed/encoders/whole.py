"""Recipes for whole graphs: short functions that return a configured encoder, which can be looked at and changed.

    weisfeiler_lehman   counts of subtrees; nothing is trained, the bar for everything else
    graph2vec           skip-gram on the same subtrees
    infograph, graphcl  a GIN trained without labels: nodes know their graph; views of a graph know each other
    gin                 a GIN trained on classes of graphs

Each returns an unfitted encoder of many graphs: ``graph2vec().fit_transform({"a": graph, "b": other})``.
"""

from collections.abc import Sequence

from torch import nn
from torch_geometric.nn import MLP, GINConv

from graphembed.encoders.documents import Graph2Vec
from graphembed.encoders.inductive import Inductive
from graphembed.encoders.pooled import Pooled
from graphembed.encoders.skipgram import Context, SkipGram
from graphembed.encoders.subtrees import WeisfeilerLehman
from graphembed.nn.gnn import GNN
from graphembed.objectives import GraphClassification, GraphContrast, GraphInfomax, Objective
from graphembed.training import Training, seeded
from graphembed.walks import RandomWalk

_CHANNELS = (32, 32, 32)

__all__ = ["gin", "gin_layers", "graph2vec", "graphcl", "infograph", "weisfeiler_lehman"]


def weisfeiler_lehman(depth: int = 2, *, counts: str = "log", dim: int | None = None) -> WeisfeilerLehman:
    """Counts of the subtrees around the nodes, up to some depth.

    Example:
        >>> weisfeiler_lehman(3).depth
        3

    References:
        Shervashidze et al. 2011, "Weisfeiler-Lehman graph kernels".
    """
    return WeisfeilerLehman(depth, counts, dim=dim)


def graph2vec(dim: int = 128, *, depth: int = 2, epochs: int = 5, seed: int = 0) -> Graph2Vec:
    """Skip-gram on documents whose words are subtrees.

    Example:
        >>> graph2vec(dim=16).skipgram.dim
        16

    References:
        Narayanan et al. 2017, "graph2vec: learning distributed representations of graphs".
    """
    context = Context(window=1, power=0.75)
    return Graph2Vec(WeisfeilerLehman(depth), SkipGram(RandomWalk(), dim, context, epochs, seed=seed))


def gin_layers(channels: Sequence[int] = _CHANNELS) -> GNN:
    """GIN with all layers behind each other: h_k = relu(norm(MLP_k((1 + eps) h_{k-1}(v) + sum of h_{k-1}(u)))).

    A sum over the nodes of a graph then holds the sum of each layer (jumping knowledge).

    Example:
        >>> gin_layers([16, 16]).out_channels
        32

    References:
        Xu et al. 2019, "How powerful are graph neural networks?", equations 4.1 and 4.2.
    Differs from the paper: the readout leaves out layer 0, the features themselves.
    """
    with seeded(0):  # parameters are drawn anew in fit; this only keeps the global generator as it was
        return GNN(_convolution, channels, None, jump="cat", norm="batch", project=False)


def infograph(*, channels: Sequence[int] = _CHANNELS, epochs: int = 20, seed: int = 0) -> Pooled:
    """GIN whose nodes know which graph they are of, read out by a sum.

    Example:
        >>> infograph().readout
        'sum'

    References:
        Sun et al. 2020, "InfoGraph".
    Differs from the paper: see `GraphInfomax`.
    """
    return _pooled(GraphInfomax(), channels, epochs, seed)


def graphcl(*, channels: Sequence[int] = _CHANNELS, epochs: int = 20, seed: int = 0) -> Pooled:
    """GIN that recognises a graph from which nodes, edges or features were taken away, read out by a sum.

    Example:
        >>> graphcl(epochs=5).encoder.training.epochs
        5

    References:
        You et al. 2020, "Graph contrastive learning with augmentations".
    Differs from the paper: see `GraphContrast`.
    """
    return _pooled(GraphContrast(), channels, epochs, seed)


def gin(labels: Sequence[int], *, channels: Sequence[int] = _CHANNELS, epochs: int = 100, seed: int = 0) -> Pooled:
    """GIN trained on the classes of graphs, read out by a sum.

    Args:
        labels: Class of each graph, from 0; -1 where nobody is to look.
        channels: Width of each layer.
        epochs: Rounds over the graphs.
        seed: Everything random comes from it.

    Example:
        >>> gin([0, 1, -1]).encoder.objective.labels
        [0, 1, -1]

    References:
        Xu et al. 2019, "How powerful are graph neural networks?".
    """
    return _pooled(GraphClassification(list(labels)), channels, epochs, seed)


def _pooled(objective: Objective, channels: Sequence[int], epochs: int, seed: int) -> Pooled:
    encoder = Inductive(gin_layers(channels), objective, "structural", Training(epochs=epochs, lr=0.003), seed=seed)
    return Pooled(encoder, "sum")


def _convolution(in_channels: int, out_channels: int) -> nn.Module:
    norm = {"allow_single_element": True}  # a graph may have one node
    return GINConv(MLP([in_channels, out_channels, out_channels], norm="batch_norm", norm_kwargs=norm))  # type: ignore[no-any-return]
