"""Triplets: a node is nearer to its neighbours than to others."""

import dataclasses as dc
from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch_geometric.data import Data

from graphembed.graph import Graph
from graphembed.losses import triplet
from graphembed.objectives.links import linked_pairs
from graphembed.objectives.protocol import encode, whole
from graphembed.sampling.negatives import NegativeSampler, Uniform


@dc.dataclass(frozen=True)
class Triplets:
    """Be nearer to a neighbour than to another node by a margin: mean max(0, |z_a - z_p|^2 - |z_a - z_n|^2 + margin).

    Every edge gives an anchor a and a positive p, one of two nodes that are linked in both directions each way. The
    whole graph is one batch.

    Args:
        margin: On squared distances.
        negatives: Where n comes from.

    Example:
        >>> from graphembed.datasets import load
        >>> (batch,) = Triplets().batches(load("karate"), seed=0)
        >>> batch.triplets.shape
        torch.Size([3, 156])

    References:
        Schroff et al. 2015, "FaceNet: a unified embedding for face recognition and clustering", equation 3.
    Differs from the paper: positives are neighbours; vectors keep their length.
    """

    margin: float = 1.0
    negatives: NegativeSampler = dc.field(default_factory=Uniform)

    def prepare(self, encoder: nn.Module, graph: Graph) -> nn.Module:  # noqa: ARG002
        """Nothing stands beside the encoder."""
        return nn.Module()

    def batches(self, graph: Graph, seed: int) -> Iterable[Data]:
        """Yield the whole graph with ``triplets`` (3, edges): anchor, positive and negative."""
        edges = torch.from_numpy(linked_pairs(graph).copy())
        drawn = torch.from_numpy(self.negatives.draw(graph, edges[:, 0].numpy(), 1, seed))
        yield whole(graph, triplets=torch.cat([edges, drawn], dim=1).T.contiguous())

    def loss(self, encoder: nn.Module, beside: nn.Module, batch: Data) -> Float[Tensor, ""]:  # noqa: ARG002
        """Encode the batch and compare distances."""
        z = encode(encoder, batch)
        anchor, positive, negative = (z.index_select(0, nodes) for nodes in batch.triplets)
        return triplet(anchor, positive, negative, self.margin)
