"""Recipes for who plays the same part: vectors that are alike for nodes in alike places, however far apart.

    structural               `Beside`: refex and graphwave, what we would take first
    refex, rolx              `Recursive`: facts of a node and its neighbours, in words; split into roles
    graphwave                `HeatWavelets`: how heat spreads from a node
    xnetmf, segk             `Landmarks`: likeness of the rings or the balls about nodes
    struc2vec, riwalk        `RoleWalks`: skip-gram on walks by roles
    anonymous_walks          `Patterns` of walks
    role_gnn                 `Inductive`: a GNN whose inputs are read off the structure

All but struc2vec and riwalk embed nodes and graphs they have not seen. Nodes of one automorphism orbit get equal
vectors from all but those that draw walks (struc2vec, riwalk, anonymous_walks). Directions and weights are looked at
where it is not said otherwise. Each returns an unfitted encoder: ``refex().fit_transform(graph)``.
"""

from collections.abc import Sequence

from torch import nn
from torch_geometric.nn import GINConv

from graphembed.encoders.beside import Beside
from graphembed.encoders.heat import HeatWavelets
from graphembed.encoders.inductive import Inductive
from graphembed.encoders.landmarks import Balls, Landmarks, Rings
from graphembed.encoders.patterns import Patterns
from graphembed.encoders.recursive import Recursive
from graphembed.encoders.rolewalks import AlikeLayers, RolesSeen, RoleWalks
from graphembed.encoders.skipgram import Context
from graphembed.nn.gnn import GNN
from graphembed.objectives import Decorrelation
from graphembed.training import Training, seeded

__all__ = [
    "anonymous_walks", "graphwave", "refex", "riwalk", "role_gnn", "rolx", "segk", "struc2vec", "structural", "xnetmf",
]  # fmt: skip


def structural() -> Beside:
    """Recursive features beside heat wavelets, chosen on splits of the air traffic graphs that are not reported.

    Example:
        >>> [type(encoder).__name__ for encoder in structural().encoders]
        ['Recursive', 'HeatWavelets']
    """
    return Beside((refex(steps=2, alike=0.999), graphwave()))


def refex(*, steps: int = 3, alike: float = 0.99) -> Recursive:
    """Recursive structural features; ``columns_`` says what each means.

    Example:
        >>> refex().fit([("ann", "bob"), ("bob", "cy")]).columns_[0]
        'degree'

    References:
        Henderson et al. 2011, "It's who you know: graph mining using recursive structural features".
    Differs from the paper: see `Recursive`.
    """
    return Recursive(steps, alike)


def rolx(roles: int = 8, *, steps: int = 3, alike: float = 0.99) -> Recursive:
    """How much of each of some roles a node plays: recursive features, factorised without negative numbers.

    Example:
        >>> rolx(4).fit_transform([("ann", "bob"), ("bob", "cy")]).shape
        (3, 4)

    References:
        Henderson et al. 2012, "RolX: structural role extraction and mining in large graphs", section 2.3.
    Differs from the paper: the number of roles is given.
    """
    return Recursive(steps, alike, roles)


def graphwave(scales: Sequence[float] = (0.5, 2.0), *, points: int = 25, reach: float = 100.0) -> HeatWavelets:
    """Characteristic functions of the heat that spreads from a node.

    Example:
        >>> graphwave([1.0]).scales
        (1.0,)

    References:
        Donnat et al. 2018, "Learning structural node embeddings via diffusion wavelets".
    Differs from the paper: see `HeatWavelets`.
    """
    return HeatWavelets(tuple(map(float, scales)), points, reach)


def xnetmf(dim: int = 64, *, hops: int = 2, discount: float = 0.5, seed: int = 0) -> Landmarks:
    """Likeness of the degrees at each distance from a node to those about some landmarks.

    Example:
        >>> xnetmf(hops=3).likeness
        Rings(hops=3, discount=0.5, width=64.0)

    References:
        Heimann et al. 2018, "REGAL: representation learning-based graph alignment", section 3.
    Differs from the paper: see `Rings`.
    """
    return Landmarks(Rings(hops, discount), dim, seed)


def segk(dim: int = 64, *, radius: int = 2, patterns: str = "subtrees", seed: int = 0) -> Landmarks:
    """Likeness of the graphs about nodes by a graph kernel: Weisfeiler-Lehman subtrees or shortest paths.

    Example:
        >>> segk(patterns="paths").likeness.patterns
        'paths'

    References:
        Nikolentzos and Vazirgiannis 2019, "Learning structural node representations using graph kernels".
    Differs from the paper: see `Balls`.
    """
    return Landmarks(Balls(radius, patterns), dim, seed)


def struc2vec(
    dim: int = 128, *, hops: int = 4, length: int = 80, per_node: int = 10, window: int = 10, seed: int = 0
) -> RoleWalks:
    """Skip-gram on walks among nodes whose surroundings have the same degrees; up to 20 000 nodes.

    Example:
        >>> struc2vec(hops=2).walk.hops
        2

    References:
        Ribeiro, Saverese and Figueiredo 2017, "struc2vec: learning node representations from structural identity".
    Differs from the paper: see `AlikeLayers`.
    """
    return RoleWalks(AlikeLayers(hops, length, per_node), dim, Context(window), seed=seed)


def riwalk(dim: int = 128, *, length: int = 10, per_node: int = 80, window: int = 10, seed: int = 0) -> RoleWalks:
    """Skip-gram on walks that tell what kind of node they met, not which.

    Example:
        >>> riwalk(length=5).walk.length
        5

    References:
        Ma et al. 2019, "RiWalk: fast structural node embedding via role identification".
    Differs from the paper: see `RolesSeen`.
    """
    return RoleWalks(RolesSeen(length, per_node), dim, Context(window), seed=seed)


def anonymous_walks(*, length: int = 6, per_node: int = 1000, seed: int = 0) -> Patterns:
    """Shares of the patterns that walks from a node make.

    Example:
        >>> anonymous_walks(length=4).length
        4

    References:
        Ivanov and Burnaev 2018, "Anonymous walk embeddings".
    Differs from the paper: see `Patterns`.
    """
    return Patterns(length, per_node, seed)


def role_gnn(dim: int = 32, *, channels: Sequence[int] = (64,), epochs: int = 100, seed: int = 0) -> Inductive:
    """Graph isomorphism network on log degree, mean degree of the neighbours and clustering, by decorrelation.

    It is trained so that two looks at a graph with some edges and inputs missing give a node one vector and different
    axes say different things: links would teach it who is near, not who is alike. Weights are not looked at, nor the
    edges against their direction.

    Example:
        >>> role_gnn(epochs=2).features
        'structural'

    References:
        Xu et al. 2019, "How powerful are graph neural networks?", equation 4.1. Zhang et al. 2021, "From canonical
        correlation analysis to self-supervised graph neural networks", equation 4.
    Differs from the papers: inputs read off the graph.
    """

    def conv(inside: int, outside: int) -> GINConv:
        return GINConv(nn.Sequential(nn.Linear(inside, outside), nn.ReLU(), nn.Linear(outside, outside)))

    with seeded(seed):
        module = GNN(conv, list(channels), dim)
    return Inductive(module, Decorrelation(), "structural", Training(epochs=epochs), seed)
