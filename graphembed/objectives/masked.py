"""Masked features: hide the features of some nodes and have them found again from their neighbours."""

import dataclasses as dc
from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn import SGConv

from graphembed.graph import Graph
from graphembed.losses import scaled_cosine_error
from graphembed.objectives.protocol import input_width, output_width, whole


@dc.dataclass(frozen=True)
class MaskedFeatures:
    """Find the features of hidden nodes again from the vectors of their neighbours (GraphMAE).

    The features of a share of the nodes are replaced by a learned token; the encoder embeds all nodes; the vectors of
    the hidden nodes are set to zero; a convolution decodes. loss = mean over hidden nodes (1 - cos(decoded, x))^power.

    Args:
        share: Of the nodes that are hidden.
        power: The higher, the less easy nodes count.

    Raises:
        ValueError: The share is not between 0 and 1, or the power is below 1.
        DataError: The graph has no features.

    References:
        Hou et al. 2022, "GraphMAE: self-supervised masked graph autoencoders", section 3.
    Differs from the paper: the decoder is one propagation along the edges (normalised as in a GCN) and a linear map; no
    node keeps its features or gets another's in place of the token.
    """

    share: float = 0.5
    power: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.share < 1 or self.power < 1:
            raise ValueError(
                f"share must be between 0 and 1 and power at least 1, got share={self.share}, power={self.power}"
            )

    def prepare(self, encoder: nn.Module, graph: Graph) -> nn.Module:
        """Make the token, the bridge from vectors to the decoder and the decoder."""
        features, dim = input_width(graph, "MaskedFeatures"), output_width(encoder, graph)
        return nn.ModuleDict(
            {
                "token": nn.ParameterList([torch.zeros(features)]),
                "bridge": nn.Linear(dim, dim, bias=False),
                "decoder": SGConv(dim, features),
            }
        )

    def batches(self, graph: Graph, seed: int) -> Iterable[Data]:
        """Yield the whole graph with ``hidden`` (nodes,) True where features are hidden, at least for one node."""
        count = max(round(self.share * graph.num_nodes), min(graph.num_nodes, 1))
        order = np.random.default_rng(seed).permutation(graph.num_nodes)
        yield whole(graph, hidden=torch.from_numpy(order < count))

    def loss(self, encoder: nn.Module, beside: nn.Module, batch: Data) -> Float[Tensor, ""]:
        """Hide, encode, hide again, decode and compare."""
        token, bridge, decoder = (beside[name] for name in ("token", "bridge", "decoder"))  # type: ignore[index]
        hidden = batch.hidden[:, None]
        z = encoder(torch.where(hidden, token[0].to(batch.x.dtype), batch.x), batch.edge_index, batch.edge_weight)
        decoded = decoder(bridge(z).masked_fill(hidden, 0.0), batch.edge_index, batch.edge_weight)
        return scaled_cosine_error(decoded[batch.hidden], batch.x[batch.hidden], self.power)
