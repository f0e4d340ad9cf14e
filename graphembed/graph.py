"""`Graph`: one graph seen three ways, and `as_graph`, which reads one from anything graph-like.

``graph.data`` is a PyG ``Data`` with tensors only, for torch; ``graph.csr`` are arrays, for kernels; ``graph.names``
are strings, for people. Edge *k* of ``data`` is edge *k* of ``csr``.

The rules, applied once when a graph is made; the input is never changed:

- An undirected graph stores every edge in both directions (PyG's habit), a self-loop once.
- Edges are sorted by source, then target, and unique. Repeats are merged and counted in ``graph.duplicates``: without
  weights they collapse into one edge; with weights they are added up, except that a list which gives *every* edge in
  both directions with the same weight (as STRING does) is read as giving it once.
- Self-loops are kept and counted in ``graph.self_loops``. Isolated nodes stay.
- Weights are positive and finite; features are finite. Anything else is refused, naming the first offenders.

Large graphs are kept in folders (`Graph.save`, `Graph.open`) or come as sorted rows (`Graph.from_csr`): then ``csr`` is
there from the start, memory-mapped if it comes from a folder, and ``data`` is built when somebody asks for it.
"""

import copy
import dataclasses as dc
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, singledispatch
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Data

from graphembed.edges import both_ways, check_ends, checked_weights, merge_edges, stack_ends
from graphembed.errors import DataError, first_few
from graphembed.folders import read_folder, write_folder
from graphembed.kernels.csr import CSR, ends_of, from_sorted_edges, inspect_rows
from graphembed.names import RowNames

# What a column of edge weights may be called, in order of preference.
WEIGHTS = ("weight", "score", "combined_score", "confidence", "strength", "value", "count")

_ONE_WAY = (
    "the graph is said to be undirected but has edges in one direction only; "
    "use Graph.from_edges, which adds the other direction, or pass directed=True"
)


@dc.dataclass(frozen=True, eq=False, repr=False)
class Graph:
    """A graph with named nodes.

    Args:
        data: PyG ``Data``: ``edge_index``, if wanted ``edge_weight`` (edges,), ``x`` (nodes, features), ``y`` (nodes,).
        names: One string per node, all different; by default "0", "1", ..., which take no memory.
        directed: Whether u -> v differs from v -> u; by default read off the edges (undirected if symmetric).
        duplicates: How many repeated edges the reader of this graph merged.

    Raises:
        DataError: Names that repeat or do not fit, edges to missing nodes, bad weights or features, one-way edges in a
            graph said to be undirected.

    Example:
        >>> graph = Graph.from_edges([0, 1, 1], [1, 2, 2], names=["ann", "bob", "cy"])
        >>> graph
        Graph(3 nodes, 2 edges, undirected, 1 duplicate merged)
        >>> graph.data
        Data(edge_index=[2, 4], num_nodes=3)
        >>> graph.csr.indices
        array([1, 0, 2, 1], dtype=int32)
    """

    data: Data
    names: Sequence[str] = ()
    directed: bool | None = None
    duplicates: int = 0

    def __post_init__(self) -> None:
        data = _on_cpu(self.data)
        nodes = int(data.num_nodes)
        names = _checked_names(self.names, nodes)
        check_ends(data.edge_index.numpy(), nodes)
        check_numbers(data, names)
        _check_parts(data)
        data, merged = _sorted_unique(data, nodes)
        symmetric = _symmetric(data, nodes)
        if self.directed is False and not symmetric:
            raise DataError(_ONE_WAY)
        object.__setattr__(self, "data", data)
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "directed", not symmetric if self.directed is None else self.directed)
        object.__setattr__(self, "duplicates", self.duplicates + merged)

    @classmethod
    def from_edges(
        cls,
        source: Sequence[int] | NDArray[Any],
        target: Sequence[int] | NDArray[Any],
        weight: Sequence[float] | NDArray[Any] | None = None,
        *,
        names: Iterable[str] = (),
        nodes: int | None = None,
        directed: bool = False,
        **node_data: Tensor,
    ) -> "Graph":
        """Build a graph from the two ends of every edge; see the rules at the head of this file.

        Args:
            source: (edges,) row of the first end of each edge in ``names``.
            target: (edges,) row of the second end.
            weight: (edges,) positive; None for an unweighted graph.
            names: Node names; nodes without an edge are isolated.
            nodes: How many nodes there are, if there are no names; by default the largest end plus one.
            directed: Whether ``source -> target`` differs from ``target -> source``.
            **node_data: Further tensors for ``data``, first dimension nodes: ``x``, ``y``, ``part`` ...
        """
        ends = stack_ends(source, target)
        names = names if isinstance(names, RowNames) else tuple(names)
        if nodes is None:
            nodes = len(names) or int(ends.max(initial=-1)) + 1
        for key, value in node_data.items():
            if len(value) != nodes:
                raise DataError(f"expected one row of {key} per node, got {len(value)} for {nodes} nodes")
        check_ends(ends, nodes)
        given = ends.shape[1]
        values = None
        if weight is not None:
            values = checked_weights(weight, ends, names or RowNames(nodes))
        ends, values = merge_edges(ends, values, nodes)
        if not directed:
            ends, values, given = both_ways(ends, values, given, nodes)
        data = Data(edge_index=torch.from_numpy(ends), num_nodes=nodes, **node_data)
        if values is not None:
            data.edge_weight = torch.from_numpy(values.astype(np.float32))
        loops = int((ends[0] == ends[1]).sum())
        distinct = ends.shape[1] if directed else (ends.shape[1] - loops) // 2 + loops
        return cls(data, names, directed, given - distinct)

    @classmethod
    def from_csr(
        cls,
        indptr: NDArray[np.integer[Any]],
        indices: NDArray[np.integer[Any]],
        weight: NDArray[np.floating[Any]] | None = None,
        *,
        names: Iterable[str] = (),
        directed: bool | None = None,
    ) -> "Graph":
        """Take sorted rows as they are, without a list of edges: one look at each entry, and no copy of right dtypes.

        Args:
            indptr: (nodes + 1,) int64; the neighbours of node ``u`` are ``indices[indptr[u] : indptr[u + 1]]``.
            indices: (edges,) int32, ascending within a row, none twice. An undirected edge is in both rows.
            weight: (edges,) float32, positive; None for an unweighted graph.
            names: Node names.
            directed: Whether u -> v differs from v -> u; by default read off the edges (undirected if symmetric).

        Raises:
            DataError: Rows that are not sorted, lead to missing nodes, or are one-way in a graph said to be undirected.

        Example:
            >>> Graph.from_csr(np.array([0, 1, 3, 4]), np.array([1, 0, 2, 1]))
            Graph(3 nodes, 2 edges, undirected)
        """
        csr = _as_rows(indptr, indices, weight)
        names = _checked_names(names, csr.indptr.size - 1)
        wrong, loops, symmetric = inspect_rows(csr, directed is not True)
        if wrong >= 0:
            node = int(np.searchsorted(csr.indptr, wrong, "right")) - 1
            raise DataError(
                f"the row of {names[node]!r} has neighbour {csr.indices[wrong]} at {wrong - csr.indptr[node]}: rows "
                f"must ascend, without repeats, and lead to nodes from 0 to {len(names) - 1}; scipy's "
                "sum_duplicates() sorts rows and merges repeats"
            )
        if weight is not None and (bad := np.flatnonzero(~((csr.weight > 0) & np.isfinite(csr.weight)))).size:
            source = np.searchsorted(csr.indptr, bad, "right") - 1
            checked_weights(csr.weight[bad], np.stack([source, csr.indices[bad]]), names)
        if directed is False and not symmetric:
            raise DataError(_ONE_WAY)
        waiting = {} if weight is None else {"edge_weight": csr.weight}
        return cls._of_rows(csr, names, not symmetric if directed is None else directed, 0, loops, waiting)

    @classmethod
    def _of_rows(
        cls, csr: CSR, names: Sequence[str], directed: bool, duplicates: int, loops: int, waiting: dict[str, Any]
    ) -> "Graph":
        """Make a graph that has been checked, and whose ``data`` is built from ``waiting`` when it is asked for."""
        graph = cls.__new__(cls)
        vars(graph).update(
            names=names, directed=directed, duplicates=duplicates, csr=csr, self_loops=loops, _waiting=waiting
        )
        return graph

    if not TYPE_CHECKING:  # a type checker would take any name for an attribute

        def __getattr__(self, name: str) -> Any:
            if name != "data" or "_waiting" not in vars(self):
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            data = Data(edge_index=torch.from_numpy(ends_of(self.csr)), num_nodes=self.num_nodes)
            for key, value in vars(self)["_waiting"].items():
                data[key] = _tensor(value) if isinstance(value, np.ndarray) else value
            vars(self)["data"] = data
            return data

    def save(self, folder: str | PathLike[str]) -> None:
        """Write the graph to a folder, for `Graph.open`: arrays of its rows, names unless they are just numbers.

        Tensors of ``data`` go along. Weights are kept as float32. A graph that was saved there before is replaced.

        Raises:
            DataError: ``data`` holds something that is neither a tensor nor plain.
        """
        arrays: dict[str, NDArray[Any]] = {"indptr": self.csr.indptr, "indices": self.csr.indices}
        if self.weighted:
            arrays["weight"] = self.csr.weight
        if self.names != RowNames(self.num_nodes):  # bytes, because numpy's strings lose trailing zeros
            arrays["names"] = np.frombuffer(json.dumps(list(self.names)).encode(), np.uint8)
        others: dict[str, Any] = {}
        for key, value in self._contents().items():
            if key in ("edge_index", "edge_weight", "num_nodes") or value is None:
                continue
            if isinstance(value, Tensor | np.ndarray):
                arrays[f"data.{key}"] = np.asarray(value.detach() if isinstance(value, Tensor) else value)
            else:
                others[key] = value
        facts = {"directed": self.directed, "duplicates": self.duplicates, "self_loops": self.self_loops}
        try:
            json.dumps(others)
        except TypeError as error:
            raise DataError(f"only tensors and plain values of data can be saved, got {first_few(others)}") from error
        write_folder(Path(folder), arrays, {**facts, "data": others})

    @classmethod
    def open(cls, folder: str | PathLike[str]) -> "Graph":
        """Open a folder that `save` wrote, memory-mapped: it takes no time, and memory only for what is looked at.

        Raises:
            FileNotFoundError: There is no such folder.
            DataError: The folder holds no graph, or a damaged one.

        Example:
            >>> import tempfile
            >>> folder = tempfile.mkdtemp()
            >>> Graph.from_edges([0, 1, 1], [1, 2, 2], names=["ann", "bob", "cy"]).save(folder)
            >>> Graph.open(folder)
            Graph(3 nodes, 2 edges, undirected, 1 duplicate merged)
        """
        arrays, facts = read_folder(Path(folder))
        try:
            waiting = {key.removeprefix("data."): value for key, value in arrays.items() if key.startswith("data.")}
            if "weight" in arrays:
                waiting["edge_weight"] = arrays["weight"]
            csr = CSR(arrays["indptr"], arrays["indices"], arrays.get("weight", np.empty(0, np.float32)))
            nodes = csr.indptr.size - 1
            names = tuple(json.loads(arrays["names"].tobytes())) if "names" in arrays else RowNames(nodes)
            known = facts["directed"], facts["duplicates"], facts["self_loops"]
            waiting |= facts["data"]
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{folder} is damaged: save the graph again with Graph.save") from error
        if len(names) != nodes or (csr.indptr[0], csr.indptr[-1]) != (0, csr.indices.size):
            raise DataError(f"{folder} is damaged, its arrays do not fit: save the graph again with Graph.save")
        return cls._of_rows(csr, names, *known, waiting)

    @cached_property
    def csr(self) -> CSR:
        """The edges as sorted rows, for kernels."""
        source, target = self.data.edge_index.numpy()
        weight = self.data.edge_weight.numpy() if self.weighted else None
        return from_sorted_edges(source, target, weight, self.num_nodes)

    @cached_property
    def row(self) -> Mapping[str, int]:
        """The row of each name."""
        if isinstance(self.names, RowNames):
            return self.names.row
        return {name: row for row, name in enumerate(self.names)}

    @property
    def num_nodes(self) -> int:
        """How many nodes there are."""
        return len(self.names)

    @cached_property
    def pairs(self) -> NDArray[np.int64]:
        """(edges, 2) ends of every edge once: with source <= target if the graph is undirected."""
        ends: NDArray[np.int64] = self.data.edge_index.numpy().T if "data" in vars(self) else ends_of(self.csr).T
        return ends if self.directed else ends[ends[:, 0] <= ends[:, 1]]

    @property
    def num_edges(self) -> int:
        """How many edges there are; one between two nodes counts once if the graph is undirected."""
        stored = self.csr.indices.size
        return stored if self.directed else (stored + self.self_loops) // 2

    @property
    def weighted(self) -> bool:
        """Whether edges carry weights."""
        return self._contents().get("edge_weight") is not None

    @cached_property
    def self_loops(self) -> int:
        """How many edges lead from a node to itself."""
        source, target = self.data.edge_index
        return int((source == target).sum())

    def _contents(self) -> Mapping[str, Any]:
        """Return what ``data`` holds or, where it is not built, will hold besides its edges."""
        return vars(self)["_waiting"] if "data" not in vars(self) else self.data.to_dict()  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"Graph({self})"

    def __str__(self) -> str:
        facts = [_count(self.num_nodes, "node"), _count(self.num_edges, "edge")]
        facts.append("directed" if self.directed else "undirected")
        if self.weighted:
            facts.append("weighted")
        if (x := self._contents().get("x")) is not None:
            facts.append(_count(x.shape[1], "feature"))
        if self.self_loops:
            facts.append(_count(self.self_loops, "self-loop"))
        if self.duplicates:
            facts.append(_count(self.duplicates, "duplicate") + " merged")
        return ", ".join(facts)


@singledispatch
def as_graph(source: Any, /) -> Graph:
    """Read a graph from a Graph, PyG ``Data``, networkx graph, square scipy sparse matrix, frame, list or path.

    A list has pairs (source, target), or triples with a weight. A frame has one row per edge: columns ``source`` and
    ``target`` (or the first two) and, optionally, one named as in `WEIGHTS`. A matrix is undirected if it is symmetric.
    Of networkx graphs, ``weight`` becomes the weight, names that are not strings become what ``str`` makes of them, and
    ``bipartite`` becomes ``data.part``. Paths are read by `graphembed.files.read_graph`. Other types can register
    themselves with ``as_graph.register``.

    Raises:
        TypeError: Nothing is known about this type.
        DataError: The type is known but the content is not a usable graph.

    Example:
        >>> as_graph(nx.path_graph(3))
        Graph(3 nodes, 2 edges, undirected)
    """
    kind = f"{type(source).__module__}.{type(source).__qualname__}"
    raise TypeError(
        f"cannot read a graph from {kind}; pass a Graph, a PyG Data, a networkx graph, a scipy sparse matrix, "
        "a pandas frame of edges, a list of pairs or the path of a file"
    )


@as_graph.register
def _(source: Graph, /) -> Graph:
    return source


@as_graph.register
def _(source: Data, /) -> Graph:
    return Graph(source)


@as_graph.register(nx.Graph)
def _(source: Any, /) -> Graph:
    names = tuple(map(str, source.nodes))
    row = {node: row for row, node in enumerate(source.nodes)}
    ends = np.array([(row[u], row[v]) for u, v in source.edges()], np.int64).reshape(-1, 2)
    weights = [weight for _, _, weight in source.edges(data="weight")]
    weight = None
    if any(value is not None for value in weights):
        weight = [1.0 if value is None else value for value in weights]
    sides = [side for _, side in source.nodes(data="bipartite")]
    node_data = {"part": torch.tensor(sides)} if sides and set(sides) == {0, 1} else {}
    return Graph.from_edges(
        ends[:, 0], ends[:, 1], weight, names=names, nodes=len(names), directed=source.is_directed(), **node_data
    )


@as_graph.register(sp.sparray)
@as_graph.register(sp.spmatrix)
def _(source: Any, /) -> Graph:
    if source.shape[0] != source.shape[1]:
        raise DataError(f"an adjacency matrix must be square, got shape {source.shape}")
    matrix = sp.csr_array(source, copy=True)
    matrix.sum_duplicates()  # repeated entries are added up, as scipy means them; this sorts rows, too
    matrix.eliminate_zeros()
    return Graph.from_csr(matrix.indptr, matrix.indices, None if (matrix.data == 1).all() else matrix.data)


@as_graph.register
def _(source: pd.DataFrame, /) -> Graph:
    return frame_graph(source)


@as_graph.register(list)
def _(source: list[Any], /) -> Graph:
    found = {len(edge) if isinstance(edge, tuple | list) else 0 for edge in source}
    if not source or len(found) > 1 or not found <= {2, 3}:
        other = next((edge for edge in source if not isinstance(edge, tuple | list) or len(edge) not in (2, 3)), source)
        raise DataError(
            f"a list of edges has pairs (source, target), or triples with a weight, all alike, got {other!r:.60}"
        )
    return frame_graph(pd.DataFrame(source, columns=["source", "target", "weight"][: found.pop()]))


@as_graph.register(str)
@as_graph.register(PathLike)
def _(source: Any, /) -> Graph:
    # The one call upward in the package: readers are loaded when the first path arrives, as optional packages are.
    graph: Graph = import_module("graphembed.files").read_graph(source)
    return graph


def frame_graph(edges: pd.DataFrame, *, directed: bool = False, nodes: Iterable[str] = ()) -> Graph:
    """Read a graph from a frame with one row per edge.

    Where no name is in both columns and there are at least as many edges as names, the graph is in two parts: those
    of the first column are ``data.part`` 0, those of the second 1, and links are only looked for between them.

    Args:
        edges: Columns ``source`` and ``target`` (or the first two) and, optionally, one of the names in `WEIGHTS`.
        directed: Whether ``source -> target`` differs from ``target -> source``.
        nodes: Names that come first, in this order; lets isolated nodes in.

    Example:
        >>> frame_graph(pd.DataFrame({"a": ["TP53", "TP53"], "b": ["MDM2", "EP300"], "score": [0.9, 0.4]}))
        Graph(3 nodes, 2 edges, undirected, weighted)
    """
    if edges.shape[1] < 2:
        raise DataError(f"a frame of edges needs two columns, source and target; got {list(edges.columns)}")
    known = {"source", "target"} <= set(edges.columns)
    ends = edges[["source", "target"]] if known else edges.iloc[:, :2]
    if missing := np.flatnonzero(ends.isna().any(axis=1)).tolist():
        raise DataError(
            f"{len(missing)} edges lack an end, first in row {missing[0]}: remove these rows or name the node"
        )
    others = {str(name).lower(): name for name in edges.columns.drop(ends.columns)}
    weight = next((edges[others[name]] for name in WEIGHTS if name in others), None)
    first = list(map(str, nodes))
    codes, names = pd.factorize(np.concatenate([np.array(first, object), *ends.astype(str).to_numpy(object).T]))
    source, target = codes[len(first) :].reshape(2, -1)
    return Graph.from_edges(
        source,
        target,
        None if weight is None else weight.to_numpy(),
        names=names.tolist(),
        nodes=len(names),
        directed=directed,
        **_sides(source, target, len(names)),
    )


def _sides(source: NDArray[np.int64], target: NDArray[np.int64], nodes: int) -> dict[str, Tensor]:
    """Return the part of each node if every edge leads from one set of nodes to another, and it is no forest."""
    side = np.full(nodes, -1)
    side[source] = 0
    mixed = (side[target] == 0).any()
    side[target] = 1
    if mixed or (side < 0).any() or len(np.unique(source * nodes + target)) < nodes:
        return {}
    return {"part": torch.from_numpy(side)}


def merge(graphs: Mapping[str, Any]) -> Graph:
    """Put graphs side by side, without edges between them; node ``n`` of graph ``k`` is named ``k/n``.

    ``data.batch`` (nodes,) tells which graph a node came from. Tensors of nodes are kept if all graphs have them.

    Example:
        >>> merge({"a": nx.path_graph(2), "b": nx.path_graph(3)})
        Graph(5 nodes, 3 edges, undirected)
    """
    parts = {key: as_graph(source) for key, source in graphs.items()}
    if not parts:
        raise DataError("there is no graph to merge")
    kinds = {part.directed for part in parts.values()}
    if len(kinds) > 1:
        raise DataError("directed and undirected graphs cannot be merged: make them all of one kind first")
    first = np.concatenate([[0], np.cumsum([part.num_nodes for part in parts.values()])])
    data = Data(
        edge_index=torch.cat(
            [part.data.edge_index + int(at) for part, at in zip(parts.values(), first, strict=False)], 1
        ),
        num_nodes=int(first[-1]),
        batch=torch.repeat_interleave(torch.tensor([part.num_nodes for part in parts.values()])),
    )
    if any(part.weighted for part in parts.values()):
        data.edge_weight = torch.cat(
            [part.data.edge_weight if part.weighted else torch.ones(part.csr.indices.size) for part in parts.values()]
        )
    for key in ("x", "y", "part"):
        tensors = [part.data.get(key) for part in parts.values()]
        if len({tensor.shape[1:] for tensor in tensors if tensor is not None}) > 1:
            raise DataError(f"graphs with {key} of different widths cannot be merged: {[t.shape[1] for t in tensors]}")
        if all(tensor is not None for tensor in tensors):
            data[key] = torch.cat(tensors)
    names = tuple(f"{key}/{name}" for key, part in parts.items() for name in part.names)
    return Graph(data, names, kinds.pop(), sum(part.duplicates for part in parts.values()))


def union(graph: Graph, other: Graph) -> Graph:
    """Put the edges of two graphs together; nodes of the same name are one. The nodes of the first keep their rows.

    Weights of an edge that both have are added up; an edge without one counts as 1. Of the data, only edges and their
    weights stay.

    Raises:
        DataError: One is directed and the other is not.

    Example:
        >>> one = Graph.from_edges([0], [1], names=["ann", "bob"])
        >>> union(one, Graph.from_edges([0], [1], names=["bob", "cy"])).names
        ('ann', 'bob', 'cy')
    """
    if graph.directed != other.directed:
        raise DataError("a directed and an undirected graph have no union: read both in the same way")
    names = (*graph.names, *(name for name in other.names if name not in graph.row))
    row = {name: place for place, name in enumerate(names)}
    places = np.array([row[name] for name in other.names], np.int64)
    ends = np.concatenate([graph.pairs, places[other.pairs].reshape(-1, 2)])
    weight = None
    if graph.weighted or other.weighted:
        weight = np.concatenate([_pair_weights(graph), _pair_weights(other)])
    return Graph.from_edges(ends[:, 0], ends[:, 1], weight, names=names, directed=bool(graph.directed))


def _pair_weights(graph: Graph) -> NDArray[np.float32]:
    """Return the weight of each of ``graph.pairs``."""
    if not graph.weighted:
        return np.ones(graph.num_edges, np.float32)
    source, target = graph.data.edge_index.numpy()
    weight: NDArray[np.float32] = graph.data.edge_weight.numpy()
    return weight if graph.directed else weight[source <= target]


def _sorted_unique(data: Data, nodes: int) -> tuple[Data, int]:
    """Copy ``data`` with its edges sorted and repeats merged: weights added up, other edge tensors from the first."""
    ends = data.edge_index.numpy()
    keys = ends[0] * nodes + ends[1]
    clean = copy.copy(data)
    if (np.diff(keys) > 0).all():
        return clean, 0
    _, first, place = np.unique(keys, return_index=True, return_inverse=True)
    for key, value in data.to_dict().items():
        if key == "edge_index":
            clean[key] = value[:, first]
        elif key == "edge_weight" and value is not None:
            clean[key] = torch.zeros(len(first), dtype=value.dtype).index_add_(0, torch.from_numpy(place), value)
        elif of_edges(data, key):
            clean[key] = value[first]
    return clean, len(keys) - len(first)


def _on_cpu(data: Data) -> Data:
    """Copy ``data`` to the CPU, with edges as int64 and the number of nodes settled."""
    if data.edge_index is None:
        raise DataError("the PyG Data has no edge_index; a graph without edges has one of shape [2, 0]")
    clean = copy.copy(data).cpu()
    clean.edge_index = clean.edge_index.long().clone()  # what the caller does to its tensors later does not matter
    if clean.edge_weight is not None:
        clean.edge_weight = clean.edge_weight.detach().clone()
    told_by = ("num_nodes", "x", "y", "pos", "batch")
    if not any(key in data for key in told_by):  # PyG would guess the same, with a warning
        clean.num_nodes = int(clean.edge_index.max()) + 1 if clean.edge_index.numel() else 0
    clean.num_nodes = int(clean.num_nodes)
    return clean


def _symmetric(data: Data, nodes: int) -> bool:
    source, target = data.edge_index.numpy()
    reverse = target * nodes + source
    order = np.argsort(reverse)
    if not np.array_equal(source * nodes + target, reverse[order]):
        return False
    weight = data.edge_weight
    return weight is None or bool(torch.equal(weight, weight[torch.from_numpy(order)]))


def of_edges(data: Data, key: str) -> bool:
    """Whether ``data[key]`` is a tensor with one entry per edge of ``edge_index``.

    PyG tells by the sizes. Where a graph has as many nodes as edges they do not, and the name decides: ``time`` and
    what is called ``edge...`` belong to edges, all else to nodes. Labels of other pairs (``edge_label``) never do.
    """
    value = data[key]
    if not isinstance(value, Tensor) or value.dim() == 0 or "index" in key or "edge_label" in key:
        return False
    nodes, edges = int(data.num_nodes), data.edge_index.shape[1]
    return len(value) == edges and (nodes != edges or key == "time" or "edge" in key)


def _as_rows(indptr: Any, indices: Any, weight: Any) -> CSR:
    """Check the shapes and types of rows; arrays of the right type are not copied."""
    indptr, indices = np.asarray(indptr), np.asarray(indices)
    for name, array in (("indptr", indptr), ("indices", indices)):
        if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
            raise DataError(f"{name} must be a row of integers, got {array.dtype} {list(array.shape)}")
    if indptr.size == 0 or indptr[0] != 0 or indptr[-1] != indices.size or (indptr[1:] < indptr[:-1]).any():
        raise DataError(
            f"indptr must ascend from 0 to {indices.size}, the number of edges, got {first_few(indptr.tolist())}"
        )
    if indices.dtype != np.int32 and indices.size and not 0 <= indices.min() <= indices.max() < indptr.size - 1:
        raise DataError(
            f"edges lead to nodes that do not exist, from {indices.min()} to {indices.max()}; "
            f"there are {indptr.size - 1} nodes"
        )
    values = np.empty(0, np.float32)
    if weight is not None:
        weight = np.asarray(weight)
        if weight.shape != indices.shape:
            raise DataError(f"expected one weight per edge, got {weight.shape} for {indices.size} edges")
        with np.errstate(over="ignore"):  # what becomes infinite is refused by name
            values = np.ascontiguousarray(weight, np.float32)
    return CSR(np.ascontiguousarray(indptr, np.int64), np.ascontiguousarray(indices, np.int32), values)


def _tensor(array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def _checked_names(names: Iterable[str], nodes: int) -> Sequence[str]:
    """Return the names, or numbers where there are none; refuse what is no string, repeats or does not fit."""
    names = (names if isinstance(names, RowNames) else tuple(names)) or RowNames(nodes)
    _check_names(names, nodes)
    return names


def _check_names(names: Sequence[str], nodes: int) -> None:
    if len(names) != nodes:
        raise DataError(f"expected one name per node, got {len(names)} names for {nodes} nodes")
    if isinstance(names, RowNames):
        return
    if wrong := [name for name in names if not isinstance(name, str)]:
        raise DataError(f"node names must be strings, got {first_few(wrong)}")
    if len(set(names)) < nodes:
        repeats = [name for name, times in Counter(names).items() if times > 1]
        raise DataError(f"node names must differ, these repeat: {first_few(repeats)}")


def check_numbers(data: Data, names: Sequence[str]) -> None:
    """Refuse weights and features that are not finite, naming the first, and features of the wrong shape."""
    if data.edge_weight is not None:
        checked_weights(data.edge_weight.numpy(), data.edge_index.numpy(), names)
    if data.x is not None and (data.x.dim() != 2 or len(data.x) != len(names)):
        shape = tuple(data.x.shape)
        raise DataError(f"features x must have the shape (nodes, features), got {shape} for {len(names)} nodes")
    # a sum is finite only if all its terms are, and ten times as quick to look at
    if data.x is not None and data.x.is_floating_point() and not data.x.sum().isfinite():
        wrong = (~torch.isfinite(data.x)).any(dim=1).nonzero().flatten().tolist()
        if wrong:
            raise DataError(f"node features must be finite; they are not for {first_few(names[row] for row in wrong)}")


def _check_parts(data: Data) -> None:
    part = data.get("part")
    if part is not None and (part.shape != (data.num_nodes,) or not set(part.unique().tolist()) <= {0, 1}):
        raise DataError(
            "data.part must say 0 or 1 for each node, its side of a bipartite graph; rename other partitions"
        )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
