"""Modularity: put nodes into soft communities that have more edges within than chance would give (DMoN)."""

import dataclasses as dc
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch_geometric.data import Data

from graphembed.graph import Graph
from graphembed.losses import collapse, soft_modularity
from graphembed.objectives.protocol import encode, output_width, whole


@dc.dataclass(frozen=True)
class Modularity:
    """Share nodes out among communities for the largest modularity, without letting one take all.

    loss = -(tr(C^T A C) / 2m - |C^T d|^2 / (2m)^2) + even (sqrt(k) / n |sum of rows of C| - 1), with C = softmax(W z),
    the shares of each node. W stands beside the encoder: `Modularity.shares` reads them off vectors.

    Args:
        communities: k, how many at most; some may stay empty.
        even: How much communities of unequal size cost.
        dropout: Share of the entries of z left out while it learns.

    Raises:
        ValueError: Fewer than two communities, a negative cost, or a dropout out of range.

    References:
        Tsitsulin et al. 2023, "Graph clustering with graph neural networks", equation 5.
    """

    communities: int = 16
    even: float = 1.0
    dropout: float = 0.5

    def __post_init__(self) -> None:
        if self.communities < 2 or not self.even >= 0 or not 0 <= self.dropout < 1:
            raise ValueError(
                "communities must be at least 2, even not negative and dropout at least 0 and below 1, got "
                f"communities={self.communities}, even={self.even}, dropout={self.dropout}"
            )

    def prepare(self, encoder: nn.Module, graph: Graph) -> nn.Module:
        """Make W."""
        return nn.Sequential(nn.Dropout(self.dropout), nn.Linear(output_width(encoder, graph), self.communities))

    def batches(self, graph: Graph, seed: int) -> Sequence[Data]:  # noqa: ARG002  # nothing is drawn
        """Return the whole graph."""
        return [whole(graph)]

    def loss(self, encoder: nn.Module, beside: nn.Module, batch: Data) -> Float[Tensor, ""]:
        """Encode the graph and share its nodes out."""
        share = torch.softmax(beside(encode(encoder, batch)), dim=1)
        weight = None if batch.edge_weight is None else batch.edge_weight.to(share.dtype)
        return self.even * collapse(share) - soft_modularity(share, batch.edge_index, weight)

    @staticmethod
    def shares(beside: nn.Module, z: Float[Tensor, "nodes dim"]) -> Float[Tensor, "nodes communities"]:
        """Return how much each node belongs to each community, by its vector and what was trained beside."""
        with torch.no_grad():
            return torch.softmax(beside.eval()(z), dim=1)
