"""Walks as a user holds them: how to walk, and walks made elsewhere.

`RandomWalk`, `MetaPath` and `TemporalWalk` say how to walk; nothing happens until they meet a graph. They share one
face: ``count(graph)`` walks of ``length`` nodes come from ``blocks(graph, seed)`` a few thousand at a time, so that
memory does not grow with their number, or all at once from ``walk(graph, seed)``. Each of ``per_node`` rounds starts
once from every node, in a fresh random order. The same seed gives the same walks, whatever the size of the blocks and
the number of threads.

A walk is a row of nodes. Where it can go no further it stops, and the rest of the row is -1; an isolated node gives a
walk of itself alone.

`Walks` holds sequences made elsewhere (sentences, visits, baskets); `anonymous` and `relabelled` turn walks over nodes
into walks over roles.
"""

import dataclasses as dc
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from itertools import chain
from typing import Any, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray

from graphembed.errors import DataError, first_few
from graphembed.graph import Graph
from graphembed.kernels.node2vec import row_totals, second_order_walks, weight_aware_walks, weight_limits
from graphembed.kernels.walks import (
    alias_tables,
    anonymous_walks,
    by_kind,
    by_time,
    first_order_walks,
    narrow,
    timed_walks,
    typed_walks,
)

Nodes = NDArray[np.integer[Any]]

_SIZE = 8192  # walks in a block
_LEAST = np.finfo(np.float64).tiny  # p and q below this have no reciprocal


class Walk(Protocol):
    """How to walk."""

    @property
    def length(self) -> int:
        """Nodes in a walk."""
        ...

    def count(self, graph: Graph) -> int:
        """How many walks there will be."""
        ...

    def blocks(
        self, graph: Graph, seed: int, size: int = ..., nodes: Nodes | None = ...
    ) -> Iterator[NDArray[np.int32]]:
        """Walk, some walks at a time: (rows, length) nodes, -1 after a dead end; from some ``nodes`` only, if given."""
        ...

    def __call__(self, graph: Graph, seed: int) -> NDArray[np.int32]:
        """Walk, all at once: (walks, length) nodes, -1 after a dead end."""
        ...


@dc.dataclass(frozen=True)
class RandomWalk:
    """Walks along edges in proportion to their weights, if wanted with a memory of one step or with restarts.

    P(x | t, v) is proportional to a(t, x) w(v, x), where a is 1/p if x = t (return), 1 if t -> x is an edge (stay
    near), and 1/q otherwise (move outward).

    Args:
        length: Nodes in a walk.
        per_node: Walks from each node.
        p: Return parameter of node2vec; small values go back.
        q: In-out parameter of node2vec; small values move outward. ``p = q = 1`` is DeepWalk.
        restart: Chance to jump back to the start of the walk instead of taking a step: what a walk visits then follows
            personalised PageRank. Only with ``p = q = 1``. A dead end stops the walk all the same.
        weight_aware: Let weak edges count as almost absent (node2vec+): an edge is weak if it weighs less than the
            mean edge of the node it leads to. Without weights it makes no difference.

    Raises:
        ValueError: A parameter is out of range.

    Example:
        >>> import networkx as nx
        >>> from graphembed.graph import as_graph
        >>> RandomWalk(length=5, per_node=2)(as_graph(nx.path_graph(2)), seed=0).shape
        (4, 5)

    References:
        Perozzi et al. 2014, "DeepWalk", algorithm 1. Grover and Leskovec 2016, "node2vec", section 3.2.2. Liu, Hirn and
        Krishnan 2023, "Accurately modeling biased random walks on weighted networks using node2vec+", equation 4.
        Tong, Faloutsos and Pan 2006, "Fast random walk with restart and its applications", equation 1.
    """

    length: int = 80
    per_node: int = 10
    p: float = 1.0
    q: float = 1.0
    restart: float = 0.0
    weight_aware: bool = False

    def __post_init__(self) -> None:
        _check_size(self.length, self.per_node)
        if not (np.isfinite([self.p, self.q]).all() and min(self.p, self.q) >= _LEAST):
            raise ValueError(f"p and q must be positive, got p={self.p}, q={self.q}")
        if not 0 <= self.restart < 1:
            raise ValueError(f"restart must be at least 0 and below 1, got {self.restart}")
        if self.restart > 0 and not self.p == self.q == 1:
            raise ValueError(f"walks that restart have no memory: leave p and q at 1, got p={self.p}, q={self.q}")

    def count(self, graph: Graph) -> int:
        """How many walks there will be."""
        return graph.num_nodes * self.per_node

    def blocks(
        self, graph: Graph, seed: int, size: int = _SIZE, nodes: Nodes | None = None
    ) -> Iterator[NDArray[np.int32]]:
        """Walk from every node ``per_node`` times, in random order: (rows, length) nodes, -1 after a dead end."""
        alias, csr = alias_tables(graph.csr), narrow(graph.csr)
        weighted = alias.table.size > 0
        p, q, mirrored = float(self.p), float(self.q), not graph.directed
        limit = weight_limits(graph.csr) if weighted and self.weight_aware else np.empty(0)
        total = row_totals(graph.csr) if weighted else np.empty(0)
        for first, start in _starts(_chosen(graph, nodes), self.per_node, seed, size):
            if p == q == 1:
                yield first_order_walks(csr, alias, start, self.length, seed, first, float(self.restart))
            elif limit.size:
                yield weight_aware_walks(csr, alias, limit, start, self.length, p, q, seed, first)
            else:
                yield second_order_walks(csr, alias, total, start, self.length, p, q, seed, first, mirrored)

    def __call__(self, graph: Graph, seed: int) -> NDArray[np.int32]:
        """Walk, all at once: (walks, length) nodes, -1 after a dead end."""
        return _stacked(self, graph, seed)


@dc.dataclass(frozen=True)
class MetaPath:
    """Walks that visit kinds of nodes in a fixed order, such as author, paper, author.

    ``graph.data.kind`` (nodes,) holds the kind of each node as an integer; if kinds are to be called by name,
    ``graph.data.kind_names`` lists the names. Walks start from the nodes of the first kind and repeat the path; among
    the neighbours of the kind that is next they choose in proportion to weights, and without one they stop.

    Args:
        path: Kinds, by number or by name; the last is the first again.
        length: Nodes in a walk.
        per_node: Walks from each node of the first kind.

    Raises:
        ValueError: The path does not come back to its first kind, or a parameter is out of range.

    Example:
        >>> graph = Graph.from_edges([0, 1], [2, 2], kind=torch.tensor([0, 0, 1]))
        >>> MetaPath((0, 1, 0), length=3, per_node=1)(graph, seed=0)[:, 1]
        array([2, 2], dtype=int32)

    References:
        Dong, Chawla and Swami 2017, "metapath2vec", section 3.2, equation 3.
    """

    path: tuple[int | str, ...]
    length: int = 80
    per_node: int = 10

    def __post_init__(self) -> None:
        _check_size(self.length, self.per_node)
        if len(self.path) < 2 or self.path[0] != self.path[-1]:
            raise ValueError(f"a path needs two kinds or more and ends with its first, got {self.path}")

    def count(self, graph: Graph) -> int:
        """How many walks there will be."""
        kind, path = self._kinds(graph)
        return int((kind == path[0]).sum()) * self.per_node

    def blocks(
        self, graph: Graph, seed: int, size: int = _SIZE, nodes: Nodes | None = None
    ) -> Iterator[NDArray[np.int32]]:
        """Walk from every node of the first kind ``per_node`` times: (rows, length) nodes, -1 after a dead end.

        Raises:
            DataError: The graph does not tell the kinds of its nodes, or has no kind of that name.
        """
        kind, path = self._kinds(graph)
        kinds = int(max(kind.max(initial=0), path.max())) + 1
        rows = by_kind(graph.csr, kind, kinds)
        alias, rows = alias_tables(rows), narrow(rows)
        starts = _chosen(graph, nodes)
        starts = starts[kind[starts] == path[0]]
        for first, start in _starts(starts, self.per_node, seed, size):
            yield typed_walks(rows, alias, kinds, path[:-1], start, self.length, seed, first)

    def __call__(self, graph: Graph, seed: int) -> NDArray[np.int32]:
        """Walk, all at once: (walks, length) nodes, -1 after a dead end."""
        return _stacked(self, graph, seed)

    def _kinds(self, graph: Graph) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The kind of each node, and the path in the same numbers."""
        kind = _tensor(graph, "kind", graph.num_nodes, "one integer per node")
        if kind.dtype.kind not in "iu" or kind.min(initial=0) < 0:
            raise DataError("data.kind must hold an integer for each node, 0 or above")
        names = list(graph.data.get("kind_names") or ())
        if missing := [step for step in self.path if isinstance(step, str) and step not in names]:
            raise DataError(f"data.kind_names lacks {first_few(missing)}; it has {first_few(names) or 'none'}")
        path = [names.index(step) if isinstance(step, str) else step for step in self.path]
        if min(path) < 0:
            raise DataError(f"kinds are numbered from 0, got {first_few(step for step in path if step < 0)}")
        return kind.astype(np.int64), np.array(path, np.int64)


@dc.dataclass(frozen=True)
class TemporalWalk:
    """Walks that respect time: no edge is older than the one before it.

    ``graph.data.time`` (edges,) holds the time of each edge of ``graph.data.edge_index``, in any unit; of an undirected
    graph both directions have one. The first edge may have any time; among the edges that are young enough a walk
    chooses in proportion to weights, and without one it stops.

    Args:
        length: Nodes in a walk.
        per_node: Walks from each node.

    Raises:
        ValueError: A parameter is out of range.

    Example:
        >>> from torch_geometric.data import Data
        >>> edges = torch.tensor([[0, 1, 1], [1, 0, 2]])  # from 0 to 1 at noon; then 2 is too late, 0 is not
        >>> graph = Graph(Data(edge_index=edges, time=torch.tensor([12, 13, 11]), num_nodes=4))
        >>> walks = TemporalWalk(length=3, per_node=1)(graph, seed=0)
        >>> walks[walks[:, 0] == 0]
        array([[0, 1, 0]], dtype=int32)

    References:
        Nguyen et al. 2018, "Continuous-time dynamic network embeddings", definition 2 and section 3.2.
    """

    length: int = 80
    per_node: int = 10

    def __post_init__(self) -> None:
        _check_size(self.length, self.per_node)

    def count(self, graph: Graph) -> int:
        """How many walks there will be."""
        return graph.num_nodes * self.per_node

    def blocks(
        self, graph: Graph, seed: int, size: int = _SIZE, nodes: Nodes | None = None
    ) -> Iterator[NDArray[np.int32]]:
        """Walk from every node ``per_node`` times, in random order: (rows, length) nodes, -1 after a dead end.

        Raises:
            DataError: The graph does not tell the times of its edges.
        """
        time = _tensor(graph, "time", graph.csr.indices.size, "one number per edge of data.edge_index")
        if wrong := np.flatnonzero(~np.isfinite(time)).tolist():
            raise DataError(f"data.time must be finite; it is not for edges {first_few(wrong)}")
        timed = by_time(graph.csr, time)
        for first, start in _starts(_chosen(graph, nodes), self.per_node, seed, size):
            yield timed_walks(timed, start, self.length, seed, first)

    def __call__(self, graph: Graph, seed: int) -> NDArray[np.int32]:
        """Walk, all at once: (walks, length) nodes, -1 after a dead end."""
        return _stacked(self, graph, seed)


@dc.dataclass(frozen=True, eq=False)
class Walks:
    """Walks made elsewhere: sentences, visits, any sequences of things that have names.

    Args:
        tokens: (total,) rows of ``names``, one walk after the other.
        offsets: (walks + 1,) where each walk begins in ``tokens``, and where the last ends.
        names: What the tokens are called.

    Raises:
        DataError: A token has no name, or the offsets do not cut the tokens into walks.

    Example:
        >>> walks = Walks.from_lists([["to", "be", "or", "not", "to", "be"], ["be", "so"]], min_count=2)
        >>> walks.names, walks.tokens, walks.offsets
        (('be', 'to'), array([1, 0, 1, 0, 0], dtype=int32), array([0, 4, 5]))
    """

    tokens: NDArray[np.int32]
    offsets: NDArray[np.int64]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        tokens, offsets, names = np.asarray(self.tokens), np.asarray(self.offsets), tuple(self.names)
        if tokens.ndim != 1 or offsets.ndim != 1 or not _integers(tokens) or not _integers(offsets):
            raise DataError("tokens (total,) and offsets (walks + 1,) must be rows of integers")
        if wrong := np.flatnonzero((tokens < 0) | (tokens >= len(names))).tolist():
            raise DataError(f"tokens must be between 0 and {len(names) - 1}, got {tokens[wrong[0]]} at {wrong[0]}")
        if offsets.size == 0 or offsets[0] != 0 or offsets[-1] != tokens.size:
            ends = offsets[[0, -1]].tolist() if offsets.size else "none"
            raise DataError(f"offsets must begin with 0 and end with {tokens.size}, the number of tokens, got {ends}")
        if wrong := np.flatnonzero(offsets[1:] < offsets[:-1]).tolist():
            at = wrong[0]
            raise DataError(
                f"offsets must not decrease, but {offsets[at]} is followed by {offsets[at + 1]} at {at + 1}"
            )
        if repeats := [name for name, times in Counter(names).items() if times > 1]:
            raise DataError(f"names must differ, these repeat: {first_few(repeats)}")
        object.__setattr__(self, "tokens", tokens.astype(np.int32))
        object.__setattr__(self, "offsets", offsets.astype(np.int64))
        object.__setattr__(self, "names", names)

    @classmethod
    def from_lists(cls, walks: Iterable[Iterable[Hashable]], min_count: int = 1) -> Self:
        """Number the tokens of some lists: the most frequent first, ties by first appearance.

        Args:
            walks: Lists of tokens; tokens are called what ``str`` makes of them.
            min_count: Rarer tokens are dropped, and their neighbours move together.

        Raises:
            DataError: A walk is a string, not a list of tokens.
        """
        lists: list[list[str]] = []
        for walk in walks:
            if isinstance(walk, str):
                raise DataError(f"walk {len(lists)} is a string; split it into a list of tokens: {first_few([walk])}")
            lists.append([str(token) for token in walk])
        counts = Counter(chain.from_iterable(lists))  # keeps the order of first appearance, as does sorting
        names = [name for name in sorted(counts, key=lambda name: -counts[name]) if counts[name] >= min_count]
        row = {name: token for token, name in enumerate(names)}
        rows = [[row[token] for token in walk if token in row] for walk in lists]
        tokens = np.fromiter(chain.from_iterable(rows), np.int32)
        offsets = np.cumsum([0, *map(len, rows)])
        return cls(tokens, offsets, tuple(names))

    def __len__(self) -> int:
        return len(self.offsets) - 1


def anonymous(walks: NDArray[np.int32]) -> NDArray[np.int32]:
    """Replace each node by the number of its first occurrence in the walk; walks through alike places become alike.

    Args:
        walks: (walks, length) nodes, -1 after the end.

    Returns:
        (walks, length) numbers from 0; -1 stays.

    Example:
        >>> anonymous(np.array([[7, 2, 7, 5], [4, 4, 3, -1]], np.int32))
        array([[ 0,  1,  0,  2],
               [ 0,  0,  1, -1]], dtype=int32)

    References:
        Ivanov and Burnaev 2018, "Anonymous walk embeddings", definition 2 (which counts from 1).
    """
    return anonymous_walks(np.ascontiguousarray(walks, np.int32))


def relabelled(walks: NDArray[np.int32], labels: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
    """Replace each node by its label, for instance its role.

    Args:
        walks: (walks, length) nodes, -1 after the end.
        labels: (nodes,) integers, 0 or above.

    Returns:
        (walks, length) labels; -1 stays.

    Raises:
        DataError: A node has no label, or a label is negative.

    Example:
        >>> relabelled(np.array([[0, 2, -1]], np.int32), np.array([5, 6, 7]))
        array([[ 5,  7, -1]], dtype=int32)

    References:
        Ahmed et al. 2018, "Learning role-based graph embeddings", section 3.
    """
    labels = np.asarray(labels)
    if walks.max(initial=-1) >= len(labels):
        raise DataError(f"node {walks.max()} has no label, there are {len(labels)}")
    if wrong := np.flatnonzero(labels < 0).tolist():
        raise DataError(f"labels must be 0 or above, got {labels[wrong[0]]} for node {wrong[0]}")
    return np.append(labels, -1)[walks].astype(np.int32)  # -1 is the last


def _check_size(length: int, per_node: int) -> None:
    if length < 2 or per_node < 1:
        raise ValueError(f"walks need length >= 2 and per_node >= 1, got {length} and {per_node}")


def _chosen(graph: Graph, nodes: Nodes | None) -> NDArray[np.int64]:
    return np.arange(graph.num_nodes) if nodes is None else np.asarray(nodes, np.int64)


def _starts(nodes: NDArray[np.int64], rounds: int, seed: int, size: int) -> Iterator[tuple[int, NDArray[np.int32]]]:
    """Yield the number of the first walk and the starts of ``size`` walks at a time; each round is shuffled anew."""
    if size < 1:
        raise ValueError(f"a block needs at least one walk, got size={size}")
    rng = np.random.default_rng(seed)
    first, waiting = 0, np.empty(0, np.int32)
    for _ in range(rounds):
        waiting = np.concatenate([waiting, rng.permutation(nodes).astype(np.int32)])
        while len(waiting) >= size:
            yield first, waiting[:size]
            first, waiting = first + size, waiting[size:]
    if len(waiting):
        yield first, waiting


def _stacked(walk: Walk, graph: Graph, seed: int) -> NDArray[np.int32]:
    return np.concatenate([np.empty((0, walk.length), np.int32), *walk.blocks(graph, seed)])


def _tensor(graph: Graph, name: str, size: int, meaning: str) -> NDArray[Any]:
    """Read a tensor of the graph's data that these walks need."""
    tensor = graph.data.get(name)
    if not isinstance(tensor, torch.Tensor) or tensor.shape != (size,):
        given = tuple(tensor.shape) if isinstance(tensor, torch.Tensor) else "none"
        raise DataError(f"these walks need data.{name} of shape ({size},), {meaning}; got {given}")
    values: NDArray[Any] = tensor.numpy()
    return values


def _integers(values: NDArray[Any]) -> bool:
    return values.dtype.kind in "iu" or values.size == 0
