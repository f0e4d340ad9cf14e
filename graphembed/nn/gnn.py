"""`GNN`: any of PyG's convolutions, stacked, with jumping knowledge and what keeps deep stacks alive.

Message passing mixes a node with its neighbours once per layer; the last layer alone sees the widest neighbourhood but
has blurred the nearest. Jumping knowledge lets the output choose among all layers; residuals and normalisation keep the
layers apart.
"""

import math
from collections.abc import Callable, Sequence
from inspect import signature
from itertools import accumulate
from typing import Any

import torch
import torch_geometric.nn as pyg
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.fx import Proxy
from torch_geometric.nn import JumpingKnowledge
from torch_geometric.nn.dense import Linear

from graphembed.nn.aggregate import Neighbours, can_fuse, fused

_JUMPS = (None, "cat", "max", "lstm", "attention")
_NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batch": lambda channels: pyg.BatchNorm(channels, allow_single_element=True),  # a graph may have one node
    "layer": lambda channels: pyg.LayerNorm(channels, mode="node"),
    "pair": lambda channels: pyg.PairNorm(),  # noqa: ARG005
}
# Convolutions whose messages depend on the edges of the source, too: cutting off far edges would change the result.
_LOOK_FAR = (
    pyg.APPNP, pyg.ARMAConv, pyg.ChebConv, pyg.ClusterGCNConv, pyg.EGConv, pyg.FAConv, pyg.GCN2Conv, pyg.GCNConv,
    pyg.LGConv, pyg.MixHopConv, pyg.PANConv, pyg.PDNConv, pyg.SGConv, pyg.SSGConv, pyg.TAGConv,
)  # fmt: skip


class GNN(nn.Module):
    """Project the features, convolve once per entry of ``channels``, join the layers and project to ``out_channels``.

    h_0 = x W_0;  h_k = relu(norm(conv_k(h_{k-1})));  z = jump(h_1, ..., h_K) W

    With ``residual="previous"`` h_{k-1} is added to h_k. With ``residual="initial"`` h_0 = relu(x W_0) keeps a share in
    every layer, h_k = relu(norm((1 - b_k) s + b_k s W_k)), s = (1 - alpha) conv_k(h_{k-1}) + alpha h_0, with
    b_k = log(theta / k + 1), or 0 if theta is None. With a convolution without parameters (`smoothing`) this is GCNII.

    Without it, the first projection is linear and shared by all nodes, so it changes nothing that a convolution could
    not do, but messages are as narrow as ``channels[0]`` instead of as wide as the features. Where they are narrow
    anyway, ``project=False`` saves its time.

    Aggregation is a product of sparse rows where `graphembed.nn.aggregate` knows how, else PyG's own.

    Args:
        conv: Called as ``conv(in_channels, out_channels)``: ``SAGEConv``, ``GCNConv``, or a lambda around another.
        channels: Width of each layer; its length is the depth. All the same for residuals and all jumps but ``cat``.
        out_channels: Length of a vector; None leaves the joined layers as they are (W = I): ``"cat"`` then gives
            vectors as long as all layers are wide.
        jump: How the layers are joined: ``"cat"``, ``"max"``, ``"lstm"``, ``"attention"`` (a sum weighted by a softmax
            over layers), or None for the last one alone.
        norm: ``"batch"``, ``"layer"`` (each node for itself), ``"pair"`` (all nodes of a graph together) or None.
        residual: ``"previous"``, ``"initial"`` or None.
        alpha: Share of h_0 in each layer; for ``residual="initial"``.
        theta: Strength of the maps W_k, less in deeper layers, or None for none; for ``residual="initial"``.
        in_channels: Features of a node; -1 reads it off the first input.
        dropout: Share of each layer's output that is dropped in training, and of h_0 with an initial residual.
        project: Whether there is a first projection.

    Example:
        >>> from torch_geometric.nn import SAGEConv
        >>> with torch.random.fork_rng():
        ...     gnn = GNN(SAGEConv, channels=[8, 8], out_channels=4, jump="cat", in_channels=3)
        >>> gnn(torch.ones(2, 3), torch.tensor([[0, 1], [1, 0]])).shape
        torch.Size([2, 4])

    References:
        Xu et al. 2018, "Representation learning on graphs with jumping knowledge networks", section 4.
        Chen et al. 2020, "Simple and deep graph convolutional networks", equation 5, for ``residual="initial"``.
        Zhao and Akoglu 2020, "PairNorm: tackling oversmoothing in GNNs", equations 10 and 11.
    Differs from the papers: with ``jump=None`` too, the last layer is followed by a projection, if wanted.
    """

    def __init__(
        self,
        conv: Callable[[int, int], nn.Module],
        channels: Sequence[int] = (128, 128),
        out_channels: int | None = 64,
        *,
        jump: str | None = "cat",
        norm: str | None = None,
        residual: str | None = None,
        alpha: float = 0.1,
        theta: float | None = 0.5,
        in_channels: int = -1,
        dropout: float = 0.0,
        project: bool = True,
    ) -> None:
        super().__init__()
        _check(channels, out_channels, jump, norm, residual, alpha, theta, project)
        width, depth = channels[-1], len(channels)
        widths = [channels[0] if project else in_channels, *channels]
        self.project = Linear(in_channels, channels[0]) if project else None
        self.convs = nn.ModuleList(conv(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True))
        self.norms = nn.ModuleList(nn.Identity() if norm is None else _NORMS[norm](width) for width in channels)
        self.residual, self.alpha, self.beta = residual, alpha, [0.0] * depth
        if residual == "initial" and theta is not None:
            self.beta = [math.log(theta / layer + 1) for layer in range(1, depth + 1)]
        self.maps = nn.ModuleList(Linear(width, width, bias=False) if beta else nn.Identity() for beta in self.beta)
        self.jump: nn.Module | None = None
        if jump is not None:
            self.jump = LayerAttention(width) if jump == "attention" else JumpingKnowledge(jump, width, depth)
        self.dropout = nn.Dropout(dropout)
        self.joined = sum(channels) if jump == "cat" else width
        self.out_channels = self.joined if out_channels is None else out_channels
        self.out = nn.Identity() if out_channels is None else Linear(self.joined, out_channels)

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for module in (self.project, *self.convs, *self.norms, *self.maps, self.jump, self.out):
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()

    def forward(
        self,
        x: Float[Tensor, "nodes in_channels"],
        edge_index: Int[Tensor, "2 edges"],
        edge_weight: Float[Tensor, " edges"] | None = None,
        edge_attr: Float[Tensor, "edges edge_channels"] | None = None,
        *,
        batch: Int[Tensor, " nodes"] | None = None,
        num_sampled_nodes: Sequence[int] | None = None,
        num_sampled_edges: Sequence[int] | None = None,
    ) -> Float[Tensor, "some out_channels"]:
        """Embed the nodes, or, of a sampled neighbourhood, the seeds.

        Args:
            x: Features.
            edge_index: Source and target.
            edge_weight: Passed to convolutions that take it.
            edge_attr: Passed to convolutions that take it.
            batch: The graph of each node, where several are in one; for ``norm="pair"``.
            num_sampled_nodes: How many nodes a sampler added in each hop, seeds first. With it, each layer computes
                only what the seeds depend on, and only the seeds are returned.
            num_sampled_edges: How many edges it added in each hop.
        """
        reach = None
        if _symbolic(x):  # PyG's to_hetero traces with symbols, which are never None
            batch = None
        elif num_sampled_nodes is not None and num_sampled_edges is not None:
            reach = _Reach(num_sampled_nodes, num_sampled_edges, len(x), edge_index.shape[1])
        layers = self._run(x, edge_index, edge_weight, edge_attr, batch, reach)
        if reach is not None:
            layers = [_first_rows(layer, reach.nodes[0]) for layer in layers]
        return self.join(layers)

    def layers(
        self,
        x: Float[Tensor, "nodes in_channels"],
        edge_index: Int[Tensor, "2 edges"],
        edge_weight: Float[Tensor, " edges"] | None = None,
        edge_attr: Float[Tensor, "edges edge_channels"] | None = None,
        *,
        batch: Int[Tensor, " nodes"] | None = None,
    ) -> list[Tensor]:
        """Return h_1, ..., h_K, what each layer makes of the nodes: (nodes, channels[k])."""
        return self._run(x, edge_index, edge_weight, edge_attr, batch, None)

    def enter(self, x: Tensor) -> Tensor:
        """Return h_0."""
        h: Tensor = x if self.project is None else self.project(x)
        return self.dropout(torch.relu(h)) if self.residual == "initial" else h

    def update(self, layer: int, message: Tensor, before: Tensor, first: Tensor, batch: Tensor | None = None) -> Tensor:
        """Make h_k of what the convolution gave for some nodes, their h_{k-1} and their h_0."""
        h, beta = message, self.beta[layer]
        if self.residual == "initial":
            h = (1 - self.alpha) * h + self.alpha * first
        if beta:
            h = (1 - beta) * h + beta * self.maps[layer](h)
        norm = self.norms[layer]
        h = torch.relu(norm(h) if batch is None or not isinstance(norm, pyg.PairNorm) else norm(h, batch))
        if self.residual == "previous":
            h = h + before
        kept: Tensor = self.dropout(h)
        return kept

    def join(self, layers: Sequence[Tensor]) -> Tensor:
        """Make the output of h_1, ..., h_K."""
        z: Tensor = self.out(layers[-1] if self.jump is None else self.jump(list(layers)))
        return z

    def _run(
        self,
        x: Tensor,
        edge_index: Tensor,
        edge_weight: Tensor | None,
        edge_attr: Tensor | None,
        batch: Tensor | None,
        reach: "_Reach | None",
    ) -> list[Tensor]:
        plain = not _symbolic(x) and type(edge_index) is Tensor  # no sparse tensors, nothing symbolic
        fast = [plain and can_fuse(conv, x, edge_weight) for conv in self.convs]
        near = Neighbours.of(edge_index, edge_weight, len(x)) if any(fast) else None
        if reach is not None and self.far(fast):
            reach = None
        depth = len(self.convs)
        h = first = self.enter(x if reach is None else x[: reach.up_to(depth)])
        layers: list[Tensor] = []
        for layer, conv in enumerate(self.convs):
            if reach is not None:
                h = _first_rows(h, reach.up_to(depth - layer))
            targets = None if reach is None else reach.up_to(depth - layer - 1)
            if near is not None and fast[layer]:
                message = fused(conv, near, h, len(h) if targets is None else targets)
            else:
                edges = None if reach is None else reach.edges[min(depth - layer, reach.hops)]
                message = convolve(conv, h, edge_index, edge_weight, edge_attr, edges)
            if targets is not None:
                message, h, first = (_first_rows(x, targets) for x in (message, h, first))
            h = self.update(layer, message, h, first, batch)
            layers.append(h)
        return layers

    def far(self, fast: Sequence[bool]) -> list[str]:
        """Name the parts that look further than at the nodes with an edge to the one they compute.

        Args:
            fast: Whether each convolution is done as a product of rows, which may hold degrees of the whole graph.
        """
        convs = [conv for conv, rows in zip(self.convs, fast, strict=True) if isinstance(conv, _LOOK_FAR) and not rows]
        norms = [norm for norm in self.norms if isinstance(norm, pyg.PairNorm)]
        return sorted({type(part).__name__ for part in (*convs, *norms)})


class LayerAttention(nn.Module):
    """A sum of layers, weighted for each node by a softmax over its layers: sum over k of softmax_k(h_k . a) h_k.

    Args:
        channels: Width of all layers.

    References:
        Liu, Gao and Ji 2020, "Towards deeper graph neural networks", equation 8.
    Differs from the paper: a softmax instead of a sigmoid for each layer.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.score = Linear(channels, 1, bias=False)

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        self.score.reset_parameters()

    def forward(self, layers: list[Tensor]) -> Tensor:
        """Join layers of (nodes, channels) to (nodes, channels)."""
        stacked = torch.stack(layers, dim=1)
        joined: Tensor = (torch.softmax(self.score(stacked), dim=1) * stacked).sum(dim=1)
        return joined


def smoothing(in_channels: int, out_channels: int) -> nn.Module:
    """Return a convolution without parameters, D^-1/2 (A + I) D^-1/2 x: for ``GNN(smoothing, residual="initial")``.

    Example:
        >>> smoothing(8, 8)
        APPNP(K=1, alpha=0.0)
    """
    if in_channels != out_channels:
        raise ValueError(f"smoothing keeps the width, got {in_channels} and {out_channels}: use layers of one width")
    conv: nn.Module = pyg.APPNP(K=1, alpha=0.0)
    return conv


class NodeTable(nn.Module):
    """One learned input vector per node, for graphs without features: ``module(table[x], edge_index)``.

    Args:
        module: What is fed.
        nodes: Rows of the table.
        channels: Width of the table.
    """

    def __init__(self, module: nn.Module, nodes: int, channels: int) -> None:
        super().__init__()
        self.module = module
        self.table = nn.Embedding(nodes, channels)

    def forward(
        self,
        x: Int[Tensor, "nodes 1"],
        edge_index: Int[Tensor, "2 edges"],
        edge_weight: Float[Tensor, " edges"] | None = None,
        edge_attr: Float[Tensor, "edges edge_channels"] | None = None,
        **more: Any,
    ) -> Float[Tensor, "some out_channels"]:
        """Look up the row of the table that ``x`` names for each node, and pass it on."""
        extra = (edge_weight,) if edge_attr is None else (edge_weight, edge_attr)
        z: Tensor = self.module(self.table(x[:, 0]), edge_index, *extra, **more)
        return z


class _Reach:
    """How many nodes and edges a sampler reached within so many hops of its seeds."""

    def __init__(self, nodes: Sequence[int], edges: Sequence[int], all_nodes: int, all_edges: int) -> None:
        self.nodes, self.edges = list(accumulate(map(int, nodes))), [0, *accumulate(map(int, edges))]
        self.hops = len(self.edges) - 1
        if len(self.nodes) != len(self.edges) or (self.nodes[-1], self.edges[-1]) != (all_nodes, all_edges):
            raise ValueError(
                f"num_sampled_nodes={list(nodes)} and num_sampled_edges={list(edges)} must add up to the {all_nodes} "
                f"nodes and {all_edges} edges of the batch, with one entry more for nodes (the seeds) than for edges"
            )

    def up_to(self, hop: int) -> int:
        """Nodes within so many hops, or all."""
        return self.nodes[min(hop, self.hops)]


def _first_rows(x: Tensor, count: int) -> Tensor:
    """Return x[:count]; x itself where that is all of it, for autograd would copy the gradient of the slice."""
    return x if len(x) == count else x[:count]


def _symbolic(x: object) -> bool:
    return isinstance(x, Proxy)


def convolve(
    conv: nn.Module,
    x: Tensor,
    edge_index: Tensor,
    weight: Tensor | None,
    attr: Tensor | None,
    edges: int | None = None,
) -> Tensor:
    """Call a convolution with what it takes, on the first ``edges`` or all."""
    if edges is not None:
        edge_index = edge_index[:, :edges]
    takes, more = signature(conv.forward).parameters, {}
    if weight is not None and "edge_weight" in takes:
        more["edge_weight"] = weight if edges is None else weight[:edges]
    # PyG's attention says edge_dim=None where it has no parameters for edge_attr, and some then fail on it
    if attr is not None and "edge_attr" in takes and getattr(conv, "edge_dim", 0) is not None:
        more["edge_attr"] = attr if edges is None else attr[:edges]
    message: Tensor = conv(x, edge_index, **more)
    return message


def _check(
    channels: Sequence[int],
    out_channels: int | None,
    jump: str | None,
    norm: str | None,
    residual: str | None,
    alpha: float,
    theta: float | None,
    project: bool,
) -> None:
    if not channels or min(channels) < 1 or (out_channels is not None and out_channels < 1):
        raise ValueError(
            f"a GNN needs at least one layer and widths of at least 1, got channels={list(channels)} "
            f"and out_channels={out_channels}"
        )
    if jump not in _JUMPS:
        raise ValueError(f"jump must be 'cat', 'max', 'lstm', 'attention' or None, got {jump!r}")
    if norm is not None and norm not in _NORMS:
        raise ValueError(f"norm must be {', '.join(map(repr, _NORMS))} or None, got {norm!r}")
    if residual not in (None, "previous", "initial"):
        raise ValueError(f"residual must be 'previous', 'initial' or None, got {residual!r}")
    for name, value, free in (("jump", jump, (None, "cat")), ("residual", residual, (None,))):
        if value not in free and len(set(channels)) > 1:
            raise ValueError(f"{name}={value!r} needs layers of one width, got channels={list(channels)}")
    if residual is not None and not project:
        raise ValueError(f"residual={residual!r} adds h_0 to the layers, which must be as wide: use project=True")
    if not 0 <= alpha <= 1 or (theta is not None and theta <= 0):
        raise ValueError(f"alpha must be between 0 and 1 and theta positive or None, got {alpha} and {theta}")
