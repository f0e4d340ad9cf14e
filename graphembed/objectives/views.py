"""Views: a graph with some edges and some features left out, for objectives that compare a graph with itself."""

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn
from torch_geometric.data import Data

from graphembed.objectives.protocol import changed, encode


def view(encoder: nn.Module, batch: Data, edges: float, features: float) -> Float[Tensor, "nodes dim"]:
    """Embed the nodes of a batch from which shares of edges and of features are left out.

    Args:
        encoder: Forward ``(x, edge_index, edge_weight)``.
        batch: Has these; of a sampled one, its seeds are embedded.
        edges: Share of the edges left out; an undirected one may lose either direction.
        features: Share of the features set to zero, the same for all nodes.
    """
    return encode(encoder, changed(drop_edges(batch, edges), x=mask_features(batch.x, features)))


def drop_edges(batch: Data, share: float) -> Data:
    """Leave each edge of a batch out with chance ``share``; those that stay keep their order.

    References:
        Zhu et al. 2020, "Deep graph contrastive representation learning", section 3.2.
    """
    if not share:
        return batch
    kept = torch.rand(batch.edge_index.shape[1], device=batch.edge_index.device) >= share
    weight = None if batch.edge_weight is None else batch.edge_weight[kept]
    fewer = changed(batch, edge_index=batch.edge_index[:, kept], edge_weight=weight)
    if "num_sampled_edges" in batch:
        hops = kept.split(batch.num_sampled_edges)  # type: ignore[no-untyped-call]
        fewer.num_sampled_edges = [int(hop.sum()) for hop in hops]
    return fewer


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
