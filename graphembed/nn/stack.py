"""`ConvStack`: graph convolutions with nothing around them, quick where features are mostly zero.

Objectives that compare two views of the whole graph want short encoders whose last layer is linear. On the CPU, each
aggregation is a product of sparse rows, and so is the first layer's product with features that are mostly zero (words,
keywords), which otherwise takes most of the time.
"""

from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch_geometric.nn import GCNConv

from graphembed.nn.aggregate import Neighbours, Rows, can_fuse

_SPARSE = 0.1  # up to this share of entries that are not zero, rows are quicker than a matrix


class ConvStack(nn.Module):
    """Graph convolutions with relu between them: h_k = S relu(h_{k-1}) W_k + b_k, S = D^-1/2 (A + I) D^-1/2.

    Args:
        in_channels: Features of a node; -1 reads it off the first input.
        hidden_channels: Width of all layers but the last.
        out_channels: Length of a vector.
        num_layers: How many.
        end: Whether relu follows the last layer, too, as in encoders whose vectors meet a product or a perceptron.

    Example:
        >>> with torch.random.fork_rng():
        ...     stack = ConvStack(3, 8, 4)
        >>> stack(torch.ones(2, 3), torch.tensor([[0, 1], [1, 0]])).shape
        torch.Size([2, 4])

    References:
        Kipf and Welling 2017, "Semi-supervised classification with graph convolutional networks", equation 2.
    """

    def __init__(
        self, in_channels: int, hidden_channels: int, out_channels: int, num_layers: int = 2, *, end: bool = False
    ) -> None:
        super().__init__()
        if min(hidden_channels, out_channels, num_layers) < 1 or (in_channels < 1 and in_channels != -1):
            raise ValueError(
                "widths and the number of layers must be at least 1 (in_channels may be -1), got "
                f"{in_channels} x {hidden_channels} x {out_channels} and {num_layers} layers"
            )
        widths = [in_channels, *[hidden_channels] * (num_layers - 1), out_channels]
        self.convs = nn.ModuleList(GCNConv(a, b) for a, b in pairwise(widths))
        self.end = end

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for conv in self.convs:
            conv.reset_parameters()  # type: ignore[operator]

    def forward(
        self,
        x: Float[Tensor, "nodes in_channels"],
        edge_index: Int[Tensor, "2 edges"],
        edge_weight: Float[Tensor, " edges"] | None = None,
    ) -> Float[Tensor, "nodes out_channels"]:
        """Embed the nodes."""
        h = x
        conv: Any
        for layer, conv in enumerate(self.convs):
            if layer:
                h = torch.relu(h)
            if can_fuse(conv, h, edge_weight):
                rows = Neighbours.of(edge_index, edge_weight, len(x)).normalised(False, True, h.dtype)
                h = rows.sum(product(h, conv.lin.weight)) + conv.bias
            else:
                h = conv(h, edge_index, edge_weight)
        return torch.relu(h) if self.end else h


def product(
    x: Float[Tensor, "nodes inside"], weight: Float[Tensor, "outside inside"]
) -> Float[Tensor, "nodes outside"]:
    """Return x W', by rows where x is mostly zero, needs no gradient and is on the CPU.

    Example:
        >>> product(torch.eye(20)[:2], torch.arange(40.0).view(2, 20))
        tensor([[ 0., 20.],
                [ 1., 21.]])
    """
    if x.requires_grad or x.device.type != "cpu":
        return F.linear(x, weight)
    there = x.numpy().ravel() != 0
    if np.count_nonzero(there) > _SPARSE * there.size:
        return F.linear(x, weight)
    place = np.flatnonzero(there)
    node, feature = np.divmod(place, x.shape[1])
    ends, values = torch.from_numpy(np.stack([feature, node])), x.flatten()[torch.from_numpy(place)]
    rows = Rows.of(ends, values, targets=len(x), sources=x.shape[1])
    return rows.sum(weight.T)
