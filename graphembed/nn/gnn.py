"""`GNN`: any of PyG's convolutions, stacked, with jumping knowledge.

Message passing mixes a node with its neighbours once per layer; the last layer alone sees the widest neighbourhood but
has blurred the nearest. Jumping knowledge lets the output choose among all layers.
"""

from collections.abc import Callable, Sequence
from inspect import signature

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch_geometric.nn import JumpingKnowledge
from torch_geometric.nn.dense import Linear


class GNN(nn.Module):
    """Project the features, convolve once per entry of ``channels``, join the layers and project to ``out_channels``.

    h_0 = x W_0;  h_k = relu(conv_k(h_{k-1}));  z = jump(h_1, ..., h_K) W

    The first projection is linear and shared by all nodes, so it changes nothing that a convolution could not do, but
    messages are as narrow as ``channels[0]`` instead of as wide as the features.

    Args:
        conv: Called as ``conv(in_channels, out_channels)``: ``SAGEConv``, ``GCNConv``, or a lambda around another.
        channels: Width of each layer; its length is the depth. All the same for ``max`` and ``lstm``.
        out_channels: Length of a vector.
        jump: How the layers are joined: ``"cat"``, ``"max"``, ``"lstm"``, or None for the last one alone.
        in_channels: Features of a node; -1 reads it off the first input.
        dropout: Share of each layer's output that is dropped in training.

    Example:
        >>> from torch_geometric.nn import SAGEConv
        >>> with torch.random.fork_rng():
        ...     gnn = GNN(SAGEConv, channels=[8, 8], out_channels=4, jump="cat", in_channels=3)
        >>> gnn(torch.ones(2, 3), torch.tensor([[0, 1], [1, 0]])).shape
        torch.Size([2, 4])

    References:
        Xu et al. 2018, "Representation learning on graphs with jumping knowledge networks", section 4.
    Differs from the paper: with ``jump=None`` too, the last layer is followed by a projection.
    """

    def __init__(
        self,
        conv: Callable[[int, int], nn.Module],
        channels: Sequence[int] = (128, 128),
        out_channels: int = 64,
        *,
        jump: str | None = "cat",
        in_channels: int = -1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if not channels or min(*channels, out_channels) < 1:
            raise ValueError(
                f"a GNN needs at least one layer and widths of at least 1, got channels={list(channels)} "
                f"and out_channels={out_channels}"
            )
        if jump not in (None, "cat", "max", "lstm"):
            raise ValueError(f"jump must be 'cat', 'max', 'lstm' or None, got {jump!r}")
        if jump in ("max", "lstm") and len(set(channels)) > 1:
            raise ValueError(f"jump={jump!r} needs layers of one width, got channels={list(channels)}")
        widths = [channels[0], *channels]
        self.project = Linear(in_channels, channels[0])
        self.convs = nn.ModuleList(conv(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True))
        self.jump = None if jump is None else JumpingKnowledge(jump, channels[-1], len(channels))
        self.dropout = nn.Dropout(dropout)
        self.out = Linear(sum(channels) if jump == "cat" else channels[-1], out_channels)

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for module in (self.project, *self.convs, *filter(None, [self.jump]), self.out):
            module.reset_parameters()

    def forward(
        self,
        x: Float[Tensor, "nodes in_channels"],
        edge_index: Int[Tensor, "2 edges"],
        edge_weight: Float[Tensor, " edges"] | None = None,
    ) -> Float[Tensor, "nodes out_channels"]:
        """Embed the nodes; ``edge_weight`` is passed to convolutions that take it."""
        extra = () if edge_weight is None else (edge_weight,)
        h, layers = self.project(x), []
        for conv in self.convs:
            h = self.dropout(torch.relu(conv(h, edge_index, *(extra if _weighs(conv) else ()))))
            layers.append(h)
        z: Tensor = self.out(h if self.jump is None else self.jump(layers))
        return z


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
    ) -> Float[Tensor, "nodes out_channels"]:
        """Look up the row of the table that ``x`` names for each node, and pass it on."""
        z: Tensor = self.module(self.table(x[:, 0]), edge_index, edge_weight)
        return z


def _weighs(conv: nn.Module) -> bool:
    """Say whether a convolution takes edge weights, by its forward's parameters."""
    return "edge_weight" in signature(conv.forward).parameters
