"""Triplets: a node is nearer to its neighbours than to others."""

import dataclasses as dc
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch_geometric.data import Data

from graphembed.graph import Graph
from graphembed.losses import triplet
from graphembed.objectives.held_out import check_share, held_out_auc, observed
from graphembed.objectives.links import linked_pairs
from graphembed.objectives.protocol import encode, whole
from graphembed.objectives.sampled import MiniBatches
from graphembed.sampling.negatives import NegativeSampler, Uniform


@dc.dataclass(frozen=True)
class Triplets:
    """Be nearer to a neighbour than to another node by a margin: mean max(0, |z_a - z_p|^2 - |z_a - z_n|^2 + margin).

    Every edge gives an anchor a and a positive p, one of two nodes that are linked in both directions each way.

    Args:
        margin: On squared distances.
        negatives: Where n comes from.
        sampled: Learn from some triplets at a time, with sampled neighbourhoods; by default the whole graph is one
            batch.
        held_out: As for `LinkReconstruction`; the nearer, the higher the score.
        seed: Which edges these are.

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
    sampled: MiniBatches | None = None
    held_out: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        check_share(self.held_out)

    def prepare(self, encoder: nn.Module, graph: Graph) -> nn.Module:  # noqa: ARG002
        """Nothing stands beside the encoder."""
        return nn.Module()

    def batches(self, graph: Graph, seed: int) -> Sequence[Data]:
        """Return the whole graph, or parts, with ``triplets`` (3, edges): anchor, positive and negative."""
        graph = observed(graph, self.held_out, self.seed)
        edges = linked_pairs(graph)
        triplets = np.concatenate([edges, self.negatives.draw(graph, edges[:, 0], 1, seed)], axis=1).T
        if self.sampled is not None:
            return self.sampled.of_tuples(graph, seed, "triplets", triplets)
        return [whole(graph, triplets=torch.from_numpy(triplets.copy()))]

    def loss(self, encoder: nn.Module, beside: nn.Module, batch: Data) -> Float[Tensor, ""]:  # noqa: ARG002
        """Encode the batch and compare distances."""
        z = encode(encoder, batch)
        anchor, positive, negative = (z.index_select(0, nodes) for nodes in batch.triplets)
        return triplet(anchor, positive, negative, self.margin)

    def valid(self, encoder: nn.Module, beside: nn.Module, graph: Graph) -> float:  # noqa: ARG002
        """Return how well held-out edges are told from other pairs (AUC).

        Raises:
            ValueError: There are none.
        """
        return held_out_auc(
            encoder, graph, self.held_out, self.seed, lambda z, pairs: -((z[pairs[0]] - z[pairs[1]]) ** 2).sum(dim=1)
        )
