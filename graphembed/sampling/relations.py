"""Rows of in-neighbours, read from PyG data of one or more types: what the samplers work on."""

import dataclasses as dc
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Data, HeteroData

from graphembed.errors import DataError, first_few
from graphembed.graph import Graph
from graphembed.kernels.csr import CSR, ends_of
from graphembed.kernels.neighbors import columns, cumulated

EdgeType = tuple[str, str, str]
ONE: EdgeType = ("", "", "")  # the relation of a graph that has only one


@dc.dataclass(frozen=True, eq=False)
class Relation:
    """In-neighbours along one kind of edge.

    Args:
        kind: (source type, name, target type).
        indptr: (targets + 1,) where the rows of targets begin.
        indices: (edges,) sources; ordered by time within a row, if there is one, else as the edges were given.
        edges: (edges,) which edge of the data each entry is; None where it is the reverse of the edge of this number,
            because these are the rows of an undirected `Graph`.
        weight: (edges,) or None.
        mass: (edges,) sums of weights within rows, or None.
        time: (edges,) when each entry is there, or None.
    """

    kind: EdgeType
    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    edges: Tensor | None
    weight: NDArray[Any] | None = None
    mass: NDArray[np.float64] | None = None
    time: NDArray[Any] | None = None

    @cached_property
    def order(self) -> Tensor:
        """(edges,) which edge of the data each entry is."""
        if self.edges is not None:
            return self.edges
        ends = ends_of(CSR(self.indptr, self.indices, np.empty(0, np.float32)))
        return torch.from_numpy(columns(ends[0], ends[1], self.indptr.size - 1)[2])


def read_relations(
    data: Data | HeteroData | Graph, weight_attr: str | None = None, time_attr: str | None = None
) -> tuple[int | dict[str, int], Any, list[Relation]]:
    """Turn data into rows of in-neighbours; those of an undirected graph are there already.

    Returns:
        The number of nodes (per type), their times (per type) if ``time_attr`` is one of nodes, and the relations.
    """
    if isinstance(data, Graph):
        weighted = data.weighted and weight_attr == "edge_weight"
        if not data.directed and time_attr is None and (weighted or weight_attr is None):
            return data.num_nodes, None, [_own_rows(data.csr, weighted)]
        data = data.data
    if isinstance(data, HeteroData):
        nodes = {kind: int(data[kind].num_nodes) for kind in data.node_types}
        stores = {kind: data[kind] for kind in data.edge_types}
        timed = [kind for kind in nodes if time_attr is not None and time_attr in data[kind]]
        node_time = {kind: data[kind][time_attr].cpu() for kind in timed}
    else:
        nodes, stores = {"": int(data.num_nodes)}, {ONE: data}
        of_nodes = time_attr is not None and time_attr in data and data.is_node_attr(time_attr)
        node_time = {"": data[time_attr].cpu()} if of_nodes else {}
    relations = []
    for kind, store in stores.items():
        edges = _edge_index(store, kind)
        time = None
        if kind[0] in node_time:
            time = node_time[kind[0]].ravel()[edges[0]]
        elif not node_time and time_attr is not None and time_attr in store:
            time = store[time_attr]
        weight = store[weight_attr] if weight_attr is not None and weight_attr in store else None
        relations.append(_relation(kind, edges, nodes[kind[2]], weight, time))
    for name, given in (
        (weight_attr, any(relation.weight is not None for relation in relations)),
        (time_attr, bool(node_time) or any(relation.time is not None for relation in relations)),
    ):
        if name is not None and not given:
            raise DataError(f"the data has no attribute {name!r}; it has {first_few(data.keys(), 20)}")
    if isinstance(data, HeteroData):
        return nodes, node_time or None, relations
    return nodes[""], node_time.get(""), relations


def _own_rows(csr: CSR, weighted: bool) -> Relation:
    if not weighted:
        return Relation(ONE, csr.indptr, csr.indices, None)
    return Relation(ONE, csr.indptr, csr.indices, None, csr.weight, cumulated(csr.indptr, csr.weight))


def _relation(
    kind: EdgeType, edges: NDArray[np.int64], targets: int, weight: Tensor | None, time: Tensor | None
) -> Relation:
    """Sort the edges of one kind by target, then time."""
    values = None if weight is None else _per_edge("weights", weight, edges.shape[1])
    times = None if time is None else _per_edge("times", time, edges.shape[1])
    if values is not None and (wrong := np.flatnonzero(values < 0)).size:
        raise DataError(f"weights must not be negative; these edges' are: {first_few(wrong.tolist())}")
    if times is None:
        indptr, indices, order = columns(edges[0], edges[1], targets)
    else:
        by_time = np.argsort(times, kind="stable")
        indptr, indices, order = columns(edges[0][by_time], edges[1][by_time], targets)
        order = by_time[order]
        times = times[order]
    mass = None
    if values is not None:
        values = values[order]
        mass = cumulated(indptr, values)
    return Relation(kind, indptr, indices, torch.from_numpy(order), values, mass, times)


def _edge_index(store: Any, kind: EdgeType) -> NDArray[np.int64]:
    if "edge_index" not in store or store.edge_index is None:
        where = "" if kind == ONE else f" for {kind}"
        raise DataError(f"the data has no edge_index{where}; torch_geometric.utils.to_edge_index makes one of an adj_t")
    edges: NDArray[np.int64] = np.ascontiguousarray(store.edge_index.cpu().long().numpy())
    for end, (name, count) in enumerate(zip(("source", "target"), store.size() or (0, 0), strict=True)):
        if edges.size and not 0 <= edges[end].min() <= edges[end].max() < count:
            raise DataError(
                f"edges have a {name} from {edges[end].min()} to {edges[end].max()}; there are {count} nodes"
            )
    return edges


def _per_edge(name: str, values: Tensor, edges: int) -> NDArray[Any]:
    """Return one finite number per edge."""
    if values.numel() != edges:
        raise DataError(f"expected one number per edge for {name}, got {list(values.shape)} for {edges} edges")
    if values.dtype in (torch.half, torch.bfloat16):  # kernels know neither
        values = values.float()
    array: NDArray[Any] = values.detach().cpu().numpy().reshape(-1)
    if (wrong := np.flatnonzero(~np.isfinite(array))).size:
        raise DataError(f"{name} must be finite; they are not for edges {first_few(wrong.tolist())}")
    return array


def check_seeds(nodes: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return the seeds; refuse what is no node."""
    wrong = nodes[(nodes < 0) | (nodes >= count)]
    if wrong.size:
        raise DataError(f"seeds must be nodes from 0 to {count - 1}, got {first_few(wrong.tolist())}")
    return nodes


def as_array(nodes: Tensor) -> NDArray[np.int64]:
    """Return nodes as kernels take them."""
    array: NDArray[np.int64] = np.ascontiguousarray(nodes.cpu().long().numpy())
    return array


def shared_number() -> Tensor:
    """Make a number that loader workers see change, (), 0 to begin with."""
    number = torch.zeros((), dtype=torch.long)
    number.share_memory_()  # type: ignore[no-untyped-call]
    return number
