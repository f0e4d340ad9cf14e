"""Masked features: hide the features of some nodes and have them found again from their neighbours."""

import dataclasses as dc
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn import SGConv

from graphembed.graph import Graph
from graphembed.losses import scaled_cosine_error
from graphembed.objectives.protocol import changed, input_width, output_width, seeds, whole
from graphembed.objectives.sampled import Made, MiniBatches


@dc.dataclass(frozen=True)
class MaskedFeatures:
    """Find the features of hidden nodes again from the vectors of their neighbours (GraphMAE).

    The features of a share of the nodes are replaced by a learned token; the encoder embeds all nodes; the vectors of
    the hidden nodes are set to zero; a convolution decodes. loss = mean over hidden nodes (1 - cos(decoded, x))^power.

    Args:
        share: Of the nodes that are hidden.
        power: The higher, the less easy nodes count.
        sampled: Ask for some hidden nodes at a time, with sampled neighbourhoods of one hop more than the encoder has
            layers, for the decoder; by default the whole graph is one batch.

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
    sampled: MiniBatches | None = None

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

    def batches(self, graph: Graph, seed: int) -> Sequence[Data]:
        """Return the whole graph, or parts, with ``hidden`` (nodes,): whose features are, at least one node's."""
        count = max(round(self.share * graph.num_nodes), min(graph.num_nodes, 1))
        order = np.random.default_rng(seed).permutation(graph.num_nodes)
        hidden = torch.from_numpy(order < count)
        if self.sampled is None:
            return [whole(graph, hidden=hidden)]
        parts = self.sampled.of_nodes(graph, hidden.nonzero()[:, 0].numpy(), seed)

        def make(i: int) -> Data:
            part = parts[i]
            return changed(part, hidden=hidden.index_select(0, part.n_id))

        return Made(len(parts), make)

    def loss(self, encoder: nn.Module, beside: nn.Module, batch: Data) -> Float[Tensor, ""]:
        """Hide, encode, hide again, decode and compare."""
        token, bridge, decoder = (beside[name] for name in ("token", "bridge", "decoder"))  # type: ignore[index]
        hidden = batch.hidden[:, None]
        z = encoder(torch.where(hidden, token[0].to(batch.x.dtype), batch.x), batch.edge_index, batch.edge_weight)
        decoded = decoder(bridge(z).masked_fill(hidden, 0.0), batch.edge_index, batch.edge_weight)
        asked = seeds(batch.hidden, batch)
        return scaled_cosine_error(seeds(decoded, batch)[asked], seeds(batch.x, batch)[asked], self.power)
