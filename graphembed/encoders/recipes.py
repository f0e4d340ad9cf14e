"""Recipes: short functions that return a configured encoder, which can be looked at and changed.

    deepwalk, node2vec   `SkipGram` on random walks: no features needed, strong for who-is-near-whom
    sage, gcn            `Inductive` with a `GNN` trained on links: uses features, embeds new nodes

Each returns an unfitted encoder: ``node2vec(q=0.5).fit_transform(graph)``.
"""

from collections.abc import Callable, Sequence

from torch import nn
from torch_geometric.nn import GCNConv, SAGEConv

from graphembed.encoders.inductive import Inductive
from graphembed.encoders.skipgram import RandomWalk, SkipGram
from graphembed.nn.gnn import GNN
from graphembed.training import seeded

_DROPOUT = 0.3  # chosen on validation pairs of Cora and C. elegans, with 100 epochs at a step of 0.003

__all__ = ["deepwalk", "gcn", "node2vec", "sage"]


def deepwalk(dim: int = 128, *, length: int = 80, per_node: int = 10, window: int = 10, seed: int = 0) -> SkipGram:
    """Skip-gram on walks that follow edges in proportion to their weights.

    Example:
        >>> deepwalk(dim=64).walk
        RandomWalk(length=80, per_node=10, p=1.0, q=1.0)

    References:
        Perozzi et al. 2014, "DeepWalk: online learning of social representations".
    Differs from the paper: negative sampling instead of hierarchical softmax, 10 walks of 80 instead of 80 of 40.
    """
    return SkipGram(RandomWalk(length, per_node), dim, window, seed=seed)


def node2vec(
    dim: int = 128,
    *,
    p: float = 1.0,
    q: float = 0.5,
    length: int = 80,
    per_node: int = 10,
    window: int = 10,
    seed: int = 0,
) -> SkipGram:
    """Skip-gram on walks with a memory of one step: ``p`` keeps from returning, ``q`` from moving outward.

    Example:
        >>> node2vec(q=2.0).walk.q
        2.0

    References:
        Grover and Leskovec 2016, "node2vec: scalable feature learning for networks", section 3.2.
    """
    return SkipGram(RandomWalk(length, per_node, p, q), dim, window, seed=seed)


def sage(
    dim: int = 64, *, channels: Sequence[int] = (128, 128), jump: str | None = "cat", epochs: int = 100, seed: int = 0
) -> Inductive:
    """GraphSAGE with mean aggregation and jumping knowledge, trained to reconstruct links; weights are not looked at.

    Example:
        >>> sage(channels=[32, 32, 32]).module.convs
        ModuleList(
          (0-2): 3 x SAGEConv(32, 32, aggr=mean)
        )

    References:
        Hamilton et al. 2017, "Inductive representation learning on large graphs", algorithm 1.
        Xu et al. 2018, "Representation learning on graphs with jumping knowledge networks".
    Differs from the paper: whole-graph training against uniform unlinked pairs instead of co-occurrence on walks.
    """
    return _links(SAGEConv, dim, channels, jump, epochs, seed)


def gcn(
    dim: int = 64, *, channels: Sequence[int] = (128, 128), jump: str | None = "cat", epochs: int = 100, seed: int = 0
) -> Inductive:
    """Graph convolutional network with jumping knowledge, trained to reconstruct links; uses edge weights.

    Example:
        >>> gcn(jump=None).module.jump is None
        True

    References:
        Kipf and Welling 2016, "Variational graph auto-encoders" (GAE).
    Differs from the paper: jumping knowledge, and a linear projection before and after the convolutions.
    """
    return _links(GCNConv, dim, channels, jump, epochs, seed)


def _links(
    conv: Callable[[int, int], nn.Module], dim: int, channels: Sequence[int], jump: str | None, epochs: int, seed: int
) -> Inductive:
    with seeded(seed):  # parameters are drawn anew in fit; this only keeps the global generator as it was
        module = GNN(conv, channels, dim, jump=jump, dropout=_DROPOUT)
    return Inductive(module, epochs=epochs, seed=seed)
