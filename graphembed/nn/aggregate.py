"""Message passing as a product of sparse rows, for those of PyG's convolutions that are one.

PyG writes out the message of every edge and scatters them onto their targets. Where a message is the source's vector
times a number, the same sum is a row-compressed matrix times the table of vectors: nothing is written out, each row is
added up by one thread in the order of its edges (the same bits on any number of threads), and so is the gradient, by
the rows of the reversed edges. `fused` knows which convolutions these are; their parameters are used as they are.
"""

import dataclasses as dc
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils.weak import WeakTensorKeyDictionary
from torch_geometric.nn import APPNP, GCNConv, GINConv, GraphConv, SAGEConv
from torch_geometric.utils import add_remaining_self_loops

from graphembed.kernels.csr import CSR
from graphembed.kernels.messages import count_up, inspect_ends, order_by, row_of
from graphembed.kernels.propagate import propagate, propagate_little

_LITTLE = 2**18  # numbers added up; with fewer, one thread is quicker


@dc.dataclass(frozen=True, eq=False)
class Rows:
    """A sparse matrix by rows: row t lists the sources that target t listens to.

    Args:
        indptr: (targets + 1,) where rows begin.
        indices: (edges,) sources, row by row.
        weight: (edges,) their weights; None where all are 1.
        sources: Rows of the table that this is multiplied with.
        means: What `mean` made.

    Example:
        >>> rows = Rows.of(torch.tensor([[0, 1, 2], [1, 0, 0]]), None, targets=2, sources=3)
        >>> rows.sum(torch.tensor([[1.0], [10.0], [100.0]]))
        tensor([[110.],
                [  1.]])
    """

    indptr: Int[Tensor, " rows"]
    indices: Int[Tensor, " edges"]
    weight: Float[Tensor, " edges"] | None
    sources: int
    means: dict[torch.dtype, "Rows"] = dc.field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls,
        edge_index: Int[Tensor, "2 edges"],
        weight: Float[Tensor, " edges"] | None,
        *,
        targets: int,
        sources: int,
    ) -> "Rows":
        """Collect the edges of each target, in the order they come; nothing is sorted if targets never fall.

        Raises:
            IndexError: An edge has an end that does not exist.
        """
        source, target = edge_index.contiguous().numpy()
        wrong, ordered = inspect_ends(source, target, sources, targets)
        if wrong >= 0:
            raise IndexError(
                f"edge {wrong} goes from {source[wrong]} to {target[wrong]}, but there are {sources} rows of x "
                f"and {targets} nodes that can receive: check edge_index and x"
            )
        indptr = count_up(target, targets)
        if not ordered:
            order = order_by(target, indptr)
            source, weight = source[order], None if weight is None else weight[torch.from_numpy(order)]
        return cls(torch.from_numpy(indptr), torch.from_numpy(source), weight, sources)

    @property
    def targets(self) -> int:
        """How many rows."""
        return len(self.indptr) - 1

    def mean(self, dtype: torch.dtype) -> "Rows":
        """Return the rows, each divided by the number of its entries; made once."""
        if dtype not in self.means:
            count = self.indptr.diff()
            share = (1 / count.clamp(min=1).to(dtype)).repeat_interleave(count, output_size=len(self.indices))
            self.means[dtype] = Rows(
                self.indptr, self.indices, share if self.weight is None else share * self.weight, self.sources
            )
        return self.means[dtype]

    @cached_property
    def turned(self) -> "Rows":
        """The transpose."""
        indptr = count_up(self.indices.numpy(), self.sources)
        order = order_by(self.indices.numpy(), indptr)
        weight = None if self.weight is None else self.weight[torch.from_numpy(order)]
        target = torch.from_numpy(row_of(self.indptr.numpy())[order])
        return Rows(torch.from_numpy(indptr), target, weight, self.targets)

    def cut(self, targets: int, sources: int) -> "Rows":
        """Keep the first rows.

        Raises:
            IndexError: They have an entry that is not among the first ``sources``.
        """
        if (targets, sources) == (self.targets, self.sources):
            return self
        edges = int(self.indptr[targets])
        if edges and int(self.indices[:edges].max()) >= sources:
            raise IndexError(
                f"the first {targets} nodes have edges from beyond the first {sources}: num_sampled_nodes and "
                "num_sampled_edges are not those of a sampler that goes hop by hop; leave them out"
            )
        weight = None if self.weight is None else self.weight[:edges]
        return Rows(self.indptr[: targets + 1], self.indices[:edges], weight, sources)

    def sum(self, x: Float[Tensor, "sources dim"]) -> Float[Tensor, "targets dim"]:
        """Multiply with a table, y_t = sum over entries e of row t of weight_e x[indices_e]."""
        y: Tensor = _Product.apply(x, self)  # type: ignore[no-untyped-call]
        return y


class _Product(torch.autograd.Function):
    """Rows times a table; the gradient is the transpose times the gradient, hence a product again."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, rows: Rows) -> Tensor:
        ctx.rows = rows
        table = x.detach().contiguous().numpy()
        weight = np.empty(0, table.dtype) if rows.weight is None else rows.weight.to(x.dtype).numpy()
        step = propagate_little if rows.indices.numel() * table.shape[1] < _LITTLE else propagate
        return torch.from_numpy(step(CSR(rows.indptr.numpy(), rows.indices.numpy(), weight), table))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return ctx.rows.turned.sum(grad), None


class Neighbours:
    """The rows that convolutions ask for, made when first asked for: plain, weighted, or normalised as in GCN.

    Args:
        edge_index: (2, edges) source and target.
        weight: (edges,); None where all are 1.
        nodes: Rows of the table of vectors.
        degrees: For edges that are part of a larger graph: (improved, loops) to the nodes' in-degrees there.
    """

    def __init__(
        self,
        edge_index: Tensor,
        weight: Tensor | None,
        nodes: int,
        degrees: Callable[[bool, bool], Tensor] | None = None,
    ) -> None:
        self._of = (edge_index.detach(), weight, nodes)
        self._degrees = degrees
        self._made: dict[Any, Rows] = {}

    @classmethod
    def of(cls, edge_index: Tensor, weight: Tensor | None, nodes: int) -> "Neighbours":
        """Return those made before for the very same tensors, unchanged since; else make new ones."""
        if any(part is not None and part.is_inference() for part in (edge_index, weight)):
            return cls(edge_index, weight, nodes)  # these do not say whether they were changed
        state = (edge_index._version, nodes, None if weight is None else (id(weight), weight._version))
        known = _KNOWN.get(edge_index)
        if known is None or known[0] != state:
            # detached, or the entry would keep its key alive; the weight is kept so that its id stays its own
            _KNOWN[edge_index] = known = (state, cls(edge_index, weight, nodes))
        near: Neighbours = known[1]
        return near

    def rows(self, weighted: bool) -> Rows:
        """Return the edges of each node, with their weights or all alike."""
        edge_index, weight, nodes = self._of
        return self._make(
            weighted and weight is not None,
            lambda: Rows.of(edge_index, weight if weighted else None, targets=nodes, sources=nodes),
        )

    def normalised(self, improved: bool, loops: bool, dtype: torch.dtype) -> Rows:
        """Return D^-1/2 (A + I) D^-1/2, D in-degrees: weights over the roots of both ends' degrees."""
        edge_index, weight, nodes = self._of

        def make() -> Rows:
            ends, share = edge_index, weight
            if loops:  # PyG 2.8: without weights, "improved" loops weigh 1, too
                ends, share = add_remaining_self_loops(ends, share, 2.0 if improved else 1.0, nodes)
            share = torch.ones(ends.shape[1], dtype=dtype) if share is None else share
            rows = Rows.of(ends, share, targets=nodes, sources=nodes)
            assert rows.weight is not None
            degree = (
                rows.sum(share.new_ones(nodes, 1))[:, 0] if self._degrees is None else self._degrees(improved, loops)
            )
            root = degree.pow(-0.5)
            root.masked_fill_(root.isinf(), 0)
            target = torch.from_numpy(row_of(rows.indptr.numpy()))
            return Rows(rows.indptr, rows.indices, root[rows.indices] * rows.weight * root[target], nodes)

        return self._make((improved, loops, dtype), make)

    def _make(self, what: Any, make: Callable[[], Rows]) -> Rows:
        if what not in self._made:
            self._made[what] = make()
        return self._made[what]


_KNOWN: Any = WeakTensorKeyDictionary()  # edge_index -> its state and rows; goes when edge_index goes


class _NearAndOwn(torch.autograd.Function):
    """Rows times a table times a matrix, and the table's first rows times another: rows x W' + x[:targets] V' + bias.

    In one piece because autograd would copy the table's gradient to cut the first rows out of it, and add it up again.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, rows: Rows, near: Tensor, own: Tensor, bias: Tensor | None) -> Tensor:
        message = rows.sum(x)
        ctx.rows = rows
        ctx.save_for_backward(x, message, near, own)
        out = message @ near.T if bias is None else torch.addmm(bias, message, near.T)
        return out.addmm_(x[: rows.targets], own.T)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, message, near, own = ctx.saved_tensors
        asked, targets, slope = ctx.needs_input_grad, ctx.rows.targets, None
        if asked[0]:
            slope = ctx.rows.turned.sum(grad @ near)
            slope[:targets].addmm_(grad, own)
        return (
            slope,
            None,
            grad.T @ message if asked[2] else None,
            grad.T @ x[:targets] if asked[3] else None,
            grad.sum(dim=0) if asked[4] else None,
        )


def _sage(conv: Any, near: Neighbours, x: Tensor, targets: int) -> Tensor:
    rows = _reduced(near.rows(weighted=False), conv.aggr, x, targets)
    if conv.root_weight:
        out: Tensor = _NearAndOwn.apply(x, rows, conv.lin_l.weight, conv.lin_r.weight, conv.lin_l.bias)  # type: ignore[no-untyped-call]
    else:
        out = conv.lin_l(rows.sum(x))
    return F.normalize(out, p=2.0, dim=-1) if conv.normalize else out


def _graph(conv: Any, near: Neighbours, x: Tensor, targets: int) -> Tensor:
    rows = _reduced(near.rows(weighted=True), conv.aggr, x, targets)
    out: Tensor = _NearAndOwn.apply(x, rows, conv.lin_rel.weight, conv.lin_root.weight, conv.lin_rel.bias)  # type: ignore[no-untyped-call]
    return out


def _gin(conv: Any, near: Neighbours, x: Tensor, targets: int) -> Tensor:
    message = _reduced(near.rows(weighted=False), conv.aggr, x, targets).sum(x)
    out: Tensor = conv.nn(message + (1 + conv.eps) * x[:targets])
    return out


def _gcn(conv: Any, near: Neighbours, x: Tensor, targets: int) -> Tensor:
    rows = near.normalised(conv.improved, conv.add_self_loops, x.dtype) if conv.normalize else near.rows(weighted=True)
    out: Tensor = rows.cut(targets, len(x)).sum(conv.lin(x))
    return out if conv.bias is None else out + conv.bias


def _appnp(conv: Any, near: Neighbours, x: Tensor, targets: int) -> Tensor:
    rows = near.normalised(False, conv.add_self_loops, x.dtype) if conv.normalize else near.rows(weighted=True)
    out: Tensor = (1 - conv.alpha) * rows.cut(targets, len(x)).sum(x)
    return out + conv.alpha * x[:targets] if conv.alpha else out


def _reduced(rows: Rows, aggr: str, x: Tensor, targets: int) -> Rows:
    rows = rows.cut(targets, len(x))
    return rows.mean(x.dtype) if aggr == "mean" else rows


_FUSED: dict[type[nn.Module], Callable[[Any, Neighbours, Tensor, int], Tensor]] = {
    SAGEConv: _sage,
    GraphConv: _graph,
    GINConv: _gin,
    GCNConv: _gcn,
    APPNP: _appnp,
}


def can_fuse(conv: nn.Module, x: Tensor, edge_weight: Tensor | None = None) -> bool:
    """Say whether `fused` gives what the convolution gives: on the CPU, for those it knows, set up as it knows them.

    Example:
        >>> from torch_geometric.nn import GATConv
        >>> with torch.random.fork_rng():
        ...     convs = SAGEConv(3, 4), SAGEConv(3, 4, aggr="max"), GATConv(3, 4)
        >>> [can_fuse(conv, torch.ones(2, 3)) for conv in convs]
        [True, False, False]
    """
    if type(conv) not in _FUSED or x.device.type != "cpu" or x.dtype not in (torch.float32, torch.float64):
        return False
    if (edge_weight is not None and edge_weight.requires_grad) or torch.is_autocast_enabled("cpu"):
        return False
    if any(map(is_lazy, conv.parameters())):
        return False
    known: Any = conv
    hooked = any(value for name, value in vars(conv).items() if name.endswith("_hooks"))
    plain = known.flow == "source_to_target" and known.node_dim == -2 and known.decomposed_layers == 1
    sums = known.aggr in ("add", "sum", "mean") and not hooked and not known.explain and plain
    if type(conv) is SAGEConv:
        return sums and not known.project
    if type(conv) is APPNP:
        return sums and known.aggr != "mean" and known.K == 1 and known.dropout == 0
    return sums and not (type(conv) is GCNConv and (known.aggr == "mean" or known.cached))


def fused(
    conv: nn.Module, near: Neighbours, x: Float[Tensor, "sources dim"], targets: int
) -> Float[Tensor, "targets out"]:
    """Convolve by a product of rows: what ``conv(x, edge_index, edge_weight)[:targets]`` gives, where `can_fuse`.

    Args:
        conv: Whose parameters to use.
        near: Edges among all nodes.
        x: Vectors of the first nodes: at least those with an edge to a target.
        targets: How many nodes are asked for; they come first.
    """
    return _FUSED[type(conv)](conv, near, x, targets)
