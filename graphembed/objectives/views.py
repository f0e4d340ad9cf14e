"""Views: a graph with some edges and some features left out, for objectives that compare a graph with itself."""

import torch
from jaxtyping import Float, Int, Num
from torch import Tensor, nn
from torch_geometric.data import Data


def view(encoder: nn.Module, batch: Data, edges: float, features: float) -> Float[Tensor, "nodes dim"]:
    """Embed the nodes of a batch from which shares of edges and of features are left out.

    Args:
        encoder: Forward ``(x, edge_index, edge_weight)``.
        batch: Has these.
        edges: Share of the edges left out; an undirected one may lose either direction.
        features: Share of the features set to zero, the same for all nodes.
    """
    edge_index, edge_weight = drop_edges(batch.edge_index, batch.edge_weight, edges)
    z: Tensor = encoder(mask_features(batch.x, features), edge_index, edge_weight)
    return z


def drop_edges(
    edge_index: Int[Tensor, "2 edges"], edge_weight: Float[Tensor, " edges"] | None, share: float
) -> tuple[Int[Tensor, "2 kept"], Float[Tensor, " kept"] | None]:
    """Leave each entry of ``edge_index`` out with chance ``share``; those that stay keep their order.

    References:
        Zhu et al. 2020, "Deep graph contrastive representation learning", section 3.2.
    """
    if not share:
        return edge_index, edge_weight
    kept = torch.rand(edge_index.shape[1], device=edge_index.device) >= share
    return edge_index[:, kept], None if edge_weight is None else edge_weight[kept]


def mask_features(x: Num[Tensor, "nodes features"], share: float) -> Num[Tensor, "nodes features"]:
    """Set each column to zero with chance ``share``; inputs that are not numbers but rows of a table stay.

    References:
        Zhu et al. 2020, "Deep graph contrastive representation learning", section 3.2.
    """
    if not share or not x.is_floating_point():
        return x
    return x * (torch.rand(x.shape[1], device=x.device) >= share).to(x.dtype)


def check_shares(**shares: tuple[float, float]) -> None:
    """Refuse shares that are none.

    Raises:
        ValueError: A share is below 0 or not below 1.
    """
    for name, pair in shares.items():
        if not all(0 <= share < 1 for share in pair):
            raise ValueError(f"{name} must be two shares of at least 0 and below 1, one per view, got {pair}")
