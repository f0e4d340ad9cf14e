"""Recipes: short functions that return a configured encoder, which can be looked at and changed.

    deepwalk, node2vec       `SkipGram` on random walks: no features needed, strong for who-is-near-whom
    line                     `SkipGram` on edges alone
    spectral, netmf          `Projection` by factorising a proximity: no training, in seconds
    fastrp, cleora, prone    `Projection` by steps along the edges: faster still, and on large graphs
    sage, gcn                `Inductive` with a `GNN` trained on links: uses features, embeds new nodes

Each returns an unfitted encoder: ``node2vec(q=0.5).fit_transform(graph)``.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray
from torch import nn
from torch_geometric.nn import GCNConv, SAGEConv

from graphembed.encoders.inductive import Inductive
from graphembed.encoders.projection import Projection
from graphembed.encoders.proximity import Adjacency, LogProximity, Random
from graphembed.encoders.skipgram import Context, SkipGram
from graphembed.nn.gnn import GNN
from graphembed.objectives import LinkReconstruction, MiniBatches
from graphembed.training import Training, seeded
from graphembed.walks import RandomWalk

_DROPOUT = 0.3  # chosen on validation pairs of Cora and C. elegans, with 100 epochs at a step of 0.003

__all__ = ["cleora", "deepwalk", "fastrp", "gcn", "line", "netmf", "node2vec", "prone", "sage", "spectral"]


def deepwalk(dim: int = 128, *, length: int = 80, per_node: int = 10, window: int = 10, seed: int = 0) -> SkipGram:
    """Skip-gram on walks that follow edges in proportion to their weights.

    Example:
        >>> deepwalk(length=40).walk.length
        40

    References:
        Perozzi et al. 2014, "DeepWalk: online learning of social representations".
    Differs from the paper: negative sampling instead of hierarchical softmax, 10 walks of 80 instead of 80 of 40.
    """
    return SkipGram(RandomWalk(length, per_node), dim, Context(window), seed=seed)


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
    return SkipGram(RandomWalk(length, per_node, p, q), dim, Context(window), seed=seed)


def line(dim: int = 128, *, length: int = 80, per_node: int = 10, seed: int = 0) -> SkipGram:
    """Skip-gram on the edges alone: a window of one, so that nodes are alike if they have neighbours in common.

    Example:
        >>> line().context.window
        1

    References:
        Tang et al. 2015, "LINE: large-scale information network embedding", section 4.1.2 (second-order proximity).
    Differs from the paper: edges are those that walks pass, which on an undirected graph come in proportion to their
    weights, too; the vectors of first-order proximity are left out.
    """
    return SkipGram(RandomWalk(length, per_node), dim, Context(window=1), seed=seed)


def spectral(dim: int = 128, *, normalised: bool = True, seed: int = 0) -> Projection:
    """Eigenvectors U of S = D^-1/2 A D^-1/2, or of A, with the values of largest size: U sqrt(|value|).

    Those of S are those of the normalised Laplacian I - S with the values furthest from 1: smooth ones near 0 and, if
    the graph is almost in two parts, some near 2. Vectors of S get length one.

    Example:
        >>> spectral(normalised=False).start
        Adjacency(normalised=False, power=0.5)

    References:
        Ng, Jordan and Weiss 2001, "On spectral clustering: analysis and an algorithm", section 2.
        Sussman et al. 2012, "A consistent adjacency spectral embedding for stochastic blockmodel graphs", section 2.
    Differs from the papers: Ng et al. do not multiply by the root of the values.
    """
    return Projection(Adjacency(normalised), dim, length="one" if normalised else "one on average", seed=seed)


def netmf(
    dim: int = 128, *, window: int = 10, negatives: float = 1.0, noise: float = 0.75, seed: int = 0
) -> Projection:
    """What skip-gram on endless random walks would learn, by factorising its matrix.

    ``window=10`` is right for groups and functions (BlogCatalog, PPI), ``window=1`` for the part a node plays among its
    neighbours (parts of speech in Wikipedia).

    Example:
        >>> netmf(window=5).start.window
        5

    References:
        Qiu et al. 2018, "Network embedding as matrix factorization: unifying DeepWalk, LINE, PTE, and node2vec",
        algorithm 3.
        Levy et al. 2015, "Improving distributional similarity with lessons learned from word embeddings", section 3,
        for the noise and for U size.
    Differs from the paper: above 4096 nodes, some columns of the matrix instead of its values from some eigenvectors
    (algorithm 4); noise in proportion to d^(3/4) (the paper: d); U size instead of U sqrt(size), and all vectors get
    length two, both chosen on validation nodes of Wikipedia.
    """
    return Projection(LogProximity(window, negatives, noise, power=1.0), dim, length="one", scale=2.0, seed=seed)


def fastrp(dim: int = 128, *, steps: Sequence[float] = (0, 0, 1, 8), degree: float = 0.75, seed: int = 0) -> Projection:
    """Sparse random vectors, summed up over a few steps along the edges: tens of milliseconds for 100 000 edges.

    Args:
        dim: Length of a vector.
        steps: Weights of one step, two steps, ...
        degree: One plus the paper's beta: below 1, busy nodes weigh less. Also the longer are their vectors.
        seed: Everything random comes from it.

    Example:
        >>> fastrp(steps=[1, 2]).steps
        (1.0, 2.0)

    References:
        Chen et al. 2019, "Fast and accurate network embeddings via very sparse random projection", algorithm 1.
    Differs from the paper: one fixed set of weights; a row keeps the factor d^(1 - degree), which helps to find links;
    axes are evened out at the end (as ProNE does), which helps to find labels.
    """
    return Projection(Random(), dim, tuple(map(float, steps)), degree, balance=True, seed=seed)


def cleora(dim: int = 128, *, iterations: int = 4, seed: int = 0) -> Projection:
    """Random vectors, replaced again and again by the mean of the neighbours' vectors, brought to length one.

    Example:
        >>> cleora(iterations=2).steps
        (0.0, 1.0)

    References:
        Rychalska et al. 2021, "Cleora: a simple, strong and scalable graph embedding scheme", algorithm 1.
    Differs from the paper: graphs, not hypergraphs; the start is drawn, not hashed from names.
    """
    if iterations < 1:
        raise ValueError(f"iterations must be at least 1, got {iterations}")
    steps = (0.0,) * (iterations - 1) + (1.0,)
    return Projection(Random(), dim, steps, degree=1.0, length="one in each step", seed=seed)


def prone(dim: int = 128, *, order: int = 10, mu: float = 0.0, theta: float = 2.0, seed: int = 0) -> Projection:
    """Factors of the log proximity along edges, smoothed by a filter of the graph's frequencies.

    Z = S (I - g(I - S)) Y, where S = D^-1 A averages over the neighbours, g(x) = exp(-((x - mu)^2 - 1) theta / 2), and
    Y are the factors.

    Args:
        dim: Length of a vector.
        order: Steps taken: the filter is a polynomial in S of this degree.
        mu: The frequency that is kept most, between 0 (smooth) and 2.
        theta: How much more than others.
        seed: Everything random comes from it.

    Example:
        >>> len(prone(order=4).steps)
        4

    References:
        Zhang et al. 2019, "ProNE: fast and scalable network representation learning", equations 5, 9 and 10.
    Differs from the paper: mu = 0 and theta = 2 instead of 0.2 and 0.5, which serves Wikipedia much better and PPI and
    BlogCatalog as well; noise in proportion to d^(3/4); no self-loops; g is interpolated, not expanded.
    """
    if order < 1:
        raise ValueError(f"order must be at least 1, got {order}")

    def kept(s: NDArray[np.float64]) -> NDArray[np.float64]:
        """The share 1 - g that the filter keeps of the frequency 1 - s, which S multiplies by s."""
        return 1 - np.exp(-theta / 2 * ((1 - s - mu) ** 2 - 1))

    # Interpolated where it is stable, then written in powers of S: those are the steps.
    nodes = chebyshev.chebpts1(order)
    steps = chebyshev.cheb2poly(chebyshev.chebfit(nodes, kept(nodes), order - 1))
    return Projection(
        LogProximity(noise=0.75), dim, tuple(steps.tolist()), degree=1.0, balance=True, length="one", seed=seed
    )


def sage(
    dim: int = 64,
    *,
    channels: Sequence[int] = (128, 128),
    jump: str | None = "cat",
    epochs: int = 100,
    sampled: MiniBatches | None = None,
    seed: int = 0,
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
    Differs from the paper: uniform unlinked pairs instead of co-occurrence on walks; the whole graph is one batch, or,
    above some 100 000 edges, give ``sampled=MiniBatches()``.
    """
    return _links(SAGEConv, dim, channels, jump, epochs, sampled, seed)


def gcn(
    dim: int = 64,
    *,
    channels: Sequence[int] = (128, 128),
    jump: str | None = "cat",
    epochs: int = 100,
    sampled: MiniBatches | None = None,
    seed: int = 0,
) -> Inductive:
    """Graph convolutional network with jumping knowledge, trained to reconstruct links; uses edge weights.

    Example:
        >>> gcn(jump=None).module.jump is None
        True

    References:
        Kipf and Welling 2016, "Variational graph auto-encoders" (GAE).
    Differs from the paper: jumping knowledge, and a linear projection before and after the convolutions.
    """
    return _links(GCNConv, dim, channels, jump, epochs, sampled, seed)


def _links(
    conv: Callable[[int, int], nn.Module],
    dim: int,
    channels: Sequence[int],
    jump: str | None,
    epochs: int,
    sampled: MiniBatches | None,
    seed: int,
) -> Inductive:
    with seeded(seed):  # parameters are drawn anew in fit; this only keeps the global generator as it was
        module = GNN(conv, channels, dim, jump=jump, dropout=_DROPOUT)
    return Inductive(module, LinkReconstruction(sampled=sampled), training=Training(epochs=epochs, lr=0.003), seed=seed)
