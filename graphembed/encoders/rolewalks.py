"""`RoleWalks`: skip-gram on walks whose words are roles, or whose neighbours are nodes in alike places.

Walks along edges make neighbours alike. Here walks are made so that nodes in alike places are, wherever they are:

- `AlikeLayers` (struc2vec) walks from a node to one whose surroundings have the same degrees, not to a neighbour;
- `RolesSeen` (RiWalk) walks along edges, but writes down what kind of node it met and how far away, not which.

What learns from them is `SkipGram`, the one engine. A random start and random walks: nodes of one orbit get vectors
that are near each other, not equal ones.
"""

import dataclasses as dc
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from graphembed.embedding import Embedding
from graphembed.encoders.protocol import describe, known_rows, needs_edges
from graphembed.encoders.sides import Kind, Sides, strength
from graphembed.encoders.skipgram import Context, SkipGram
from graphembed.errors import DataError
from graphembed.graph import Graph, as_graph
from graphembed.kernels.dtw import Layers, layered_walks, role_walks, sequences, unlikeness
from graphembed.walks import RandomWalk, Walks

_MOST_NODES = 20_000  # of struc2vec: rings about all nodes are held, and a few dozen pairs a node in each layer
_ALL_PAIRS = 1000  # up to so many nodes every pair is compared


class Sentences(Protocol):
    """Walks by roles."""

    def __call__(self, graph: Graph, seed: int) -> Walks:
        """Walk: tokens below the number of nodes are nodes."""
        ...


@dc.dataclass(frozen=True)
class AlikeLayers:
    """Walks among nodes that are alike, in layers: in layer k up to the distance k.

    f_k(u, v) = f_{k-1}(u, v) + DTW(degrees at distance k from u, the same from v); weights exp(-f_k). A step leads to a
    node in proportion to weight, with the chance ``stay``; else the walk changes the layer, up in proportion to
    log(e + number of edges heavier than the layer's mean) against 1 for down.

    Directed graphs have rings along and against the edges, whose costs are added; of weighted ones the sums of weights
    are compared instead of degrees.

    Args:
        hops: Largest distance (the paper's third optimisation).
        length: Nodes in a walk.
        per_node: Walks from each node.
        stay: Chance to stay in a layer.

    References:
        Ribeiro, Saverese and Figueiredo 2017, "struc2vec: learning node representations from structural identity",
        sections 3 and 4.3.
    Differs from the paper: above 1000 nodes a node is compared with the 2 log2(nodes) next to it in the order of
    degrees on each side; degrees count half more in DTW, so that they may be 0.
    """

    hops: int = 4
    length: int = 80
    per_node: int = 10
    stay: float = 0.3

    def __post_init__(self) -> None:
        if self.hops < 0 or self.length < 2 or self.per_node < 1 or not 0 < self.stay <= 1:
            raise ValueError(
                "walks need hops >= 0, length >= 2, per_node >= 1 and stay above 0 and at most 1, got "
                f"hops={self.hops}, length={self.length}, per_node={self.per_node}, stay={self.stay}"
            )

    def __call__(self, graph: Graph, seed: int) -> Walks:
        """Compare nodes and walk.

        Raises:
            DataError: There are more than 20 000 nodes.
        """
        nodes = graph.num_nodes
        if nodes > _MOST_NODES:
            raise DataError(
                f"struc2vec compares the surroundings of nodes pair by pair and takes {_MOST_NODES} nodes at most, got "
                f"{nodes}; refex, graphwave and xnetmf take graphs of any size"
            )
        layers = self.layers(graph)
        rounds = [np.random.default_rng([seed, r]).permutation(nodes) for r in range(self.per_node)]
        start = np.concatenate(rounds).astype(np.int32)
        walks = layered_walks(layers, nodes, start, self.length, self.stay, seed)
        return Walks(walks.ravel(), np.arange(len(walks) + 1) * self.length, tuple(graph.names))

    def layers(self, graph: Graph) -> Layers:
        """Compare nodes, layer by layer, as far as both have rings."""
        nodes = graph.num_nodes
        sides = Sides.of(graph, Kind.of(graph), "struc2vec")
        degrees = [strength(csr) for csr in sides.edges.values()]
        rows = [sequences(csr, degree, self.hops) for csr, degree in zip(sides.edges.values(), degrees, strict=True)]
        first, second = _pairs(np.sum(degrees, axis=0))
        total = np.zeros(len(first))
        made: list[tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]] = []
        there = np.ones(nodes, bool)
        for hop in range(self.hops + 1):
            if hop:  # both must have somebody so far away on some side
                there = np.any([row.offset[:, hop + 1] > row.offset[:, hop] for row in rows], axis=0)
                kept = there[first] & there[second]
                first, second, total = first[kept], second[kept], total[kept]
            total = total + np.sum([unlikeness(row, first, second, hop) for row in rows], axis=0)
            kept = np.isfinite(total)
            first, second, total = first[kept], second[kept], total[kept]
            if not len(first):
                break
            made.append(_layer(nodes, first, second, total))
        return _stacked(made)


@dc.dataclass(frozen=True)
class RolesSeen:
    """Walks along edges that tell what kind of node they met and how far from the start, not which.

    A step at v of a walk from u is written down as (bin of u's degree, bin of v's degree, steps from u to v), u itself
    as u; bins are powers of two.

    Args:
        length: Nodes in a walk.
        per_node: Walks from each node.
        hops: More steps than this count as one more than this.

    References:
        Ma et al. 2019, "RiWalk: fast structural node embedding via role identification", section 4 (RiWalk-SP).
    Differs from the paper: steps are those the walk needed, or one where there is an edge, and degrees are those in
    the whole graph: so nothing need be cut out around each node.
    """

    length: int = 10
    per_node: int = 80
    hops: int = 4

    def __post_init__(self) -> None:
        if self.length < 2 or self.per_node < 1 or self.hops < 1:
            raise ValueError(
                f"walks need length >= 2, per_node >= 1 and hops >= 1, got length={self.length}, "
                f"per_node={self.per_node}, hops={self.hops}"
            )

    def __call__(self, graph: Graph, seed: int) -> Walks:
        """Walk and write down roles."""
        nodes = graph.num_nodes
        sides = Sides.of(graph, Kind.of(graph), "RiWalk")
        code = np.zeros(nodes, np.int64)
        for side in sides.edges.values():  # of a directed graph, a bin for each side
            code = code * 128 + np.floor(2 * np.log2(1 + strength(side))).astype(np.int64)
        different, bin_of = np.unique(code, return_inverse=True)
        bins, csr = len(different), graph.csr
        found = [
            role_walks(block, csr, bin_of.astype(np.int32), bins, nodes, self.hops + 1)
            for block in RandomWalk(self.length, self.per_node).blocks(graph, seed)
        ]
        walks = np.concatenate(found)
        there = walks >= 0
        offsets = np.append(0, np.cumsum(there.sum(axis=1)))
        roles, tokens = np.unique(np.append(np.arange(nodes), walks[there]), return_inverse=True)
        names = (f"role {role - nodes}" for role in roles[nodes:].tolist())
        return Walks(tokens[nodes:].astype(np.int32), offsets, (*(f"node {name}" for name in graph.names), *names))


@dc.dataclass(eq=False)
class RoleWalks(BaseEstimator):
    """Skip-gram on walks by roles.

    Args:
        walk: `AlikeLayers` or `RolesSeen`.
        dim: Length of a vector.
        context: What a token is paired with.
        epochs: Rounds over the walks.
        seed: Everything random comes from it.
        progress: Show a bar on a terminal.

    Raises:
        DataError: The graph has no edges.

    Example:
        >>> import networkx as nx
        >>> RoleWalks(RolesSeen(), dim=8).fit_transform(nx.path_graph(5))
        Embedding(5 items, dim 8, RoleWalks)
    """

    walk: Sentences = dc.field(default_factory=RolesSeen)
    dim: int = 128
    context: Context = dc.field(default_factory=Context)
    epochs: int = 1
    seed: int = 0
    progress: bool = True

    def fit(self, graph: Any, /) -> Self:
        """Walk and learn."""
        graph = as_graph(graph)
        needs_edges(graph, "skip-gram")
        walks = self.walk(graph, self.seed)
        engine = SkipGram(
            dim=self.dim, context=self.context, epochs=self.epochs, seed=self.seed, progress=self.progress
        )
        vectors = engine.fit(walks).embedding_
        self.embedding_ = Embedding(vectors.values[: graph.num_nodes], graph.names, describe(self))
        return self

    def transform(self, graph: Any, /) -> Embedding:
        """Return the vectors of nodes it was fitted on.

        Raises:
            UnknownNameError: A node was not there.
        """
        graph = as_graph(graph)
        remedy = "fit it on a graph that holds them, or use refex, graphwave or xnetmf, which describe any graph"
        rows = known_rows(self.embedding_.row, graph, "walks by roles", remedy)
        return Embedding(self.embedding_.values[rows], graph.names, self.embedding_.source)

    def fit_transform(self, graph: Any, /) -> Embedding:
        """Do both on one graph."""
        graph = as_graph(graph)
        return self.fit(graph).transform(graph)


def _pairs(degree: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the pairs to compare, each once: all, or those near each other in the order of degrees."""
    nodes = len(degree)
    order = np.argsort(degree, kind="stable")
    reach = nodes - 1 if nodes <= _ALL_PAIRS else int(2 * np.log2(nodes))
    first = np.concatenate([order[:-shift] for shift in range(1, reach + 1)] or [order[:0]])
    second = np.concatenate([order[shift:] for shift in range(1, reach + 1)] or [order[:0]])
    return first.astype(np.int32), second.astype(np.int32)


def _layer(
    nodes: int, first: NDArray[np.int32], second: NDArray[np.int32], total: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
    """Return the rows of a layer: lengths, who is alike, sums of weights, and what pulls a walk up."""
    source, target = np.append(first, second), np.append(second, first)
    order = np.lexsort((target, source))
    source, target, total = source[order], target[order], np.append(total, total)[order]
    lengths = np.bincount(source, minlength=nodes).astype(np.int64)
    starts = np.cumsum(lengths) - lengths
    weight = np.exp(-total)
    above = np.bincount(source, weight > weight.mean(), minlength=nodes)
    least = np.zeros(nodes)
    some = lengths > 0
    least[some] = np.minimum.reduceat(total, starts[some])
    sums = np.cumsum(np.exp(least[source] - total))  # rows are divided by their sums anyway
    return lengths, target, sums - np.append(0, sums)[starts][source], np.log(np.e + above)


def _stacked(
    made: list[tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]],
) -> Layers:
    lengths = np.stack([layer[0] for layer in made])
    up = np.stack([layer[3] for layer in made])
    up = up / (up + 1)
    up[:-1][lengths[1:] == 0] = 0  # nobody is alike up there
    up[-1] = 0
    up[0, up[0] > 0] = 1  # there is nothing below
    parts = [np.concatenate([layer[k] for layer in made]) for k in (1, 2)]
    return Layers(np.append(0, np.cumsum(lengths)), parts[0].astype(np.int32), parts[1], up.ravel())
