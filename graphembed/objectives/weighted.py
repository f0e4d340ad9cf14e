"""Weighted: several objectives at once."""

import dataclasses as dc
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch_geometric.data import Data

from graphembed.graph import Graph
from graphembed.objectives.protocol import Objective
from graphembed.objectives.sampled import Made


@dc.dataclass(frozen=True)
class Weighted:
    """A sum of objectives: loss = sum_k weight_k loss_k.

    Each has a module of its own beside the encoder and sees its own batches; an epoch ends with the one that has
    fewest.

    Args:
        parts: Pairs of a weight and an objective.

    Raises:
        ValueError: There are no parts, or a weight is not finite.

    Example:
        >>> from graphembed.objectives import Decorrelation, LinkReconstruction
        >>> Weighted([(1.0, LinkReconstruction()), (0.1, Decorrelation())]).parts[1][0]
        0.1
    """

    parts: Sequence[tuple[float, Objective]]

    def __post_init__(self) -> None:
        if not self.parts or not all(np.isfinite(weight) for weight, _ in self.parts):
            raise ValueError(f"parts must be pairs of a finite weight and an objective, got {self.parts}")

    def prepare(self, encoder: nn.Module, graph: Graph) -> nn.Module:
        """Make the modules of all parts."""
        return nn.ModuleList(objective.prepare(encoder, graph) for _, objective in self.parts)

    def batches(self, graph: Graph, seed: int) -> Sequence[Data]:
        """Return batches whose ``parts`` are a batch of each objective."""
        seeds = np.random.SeedSequence(seed).generate_state(len(self.parts), np.uint64) >> 1
        each = [objective.batches(graph, int(own)) for own, (_, objective) in zip(seeds, self.parts, strict=True)]
        return Made(min(map(len, each)), lambda i: Data(parts=[batches[i] for batches in each]))

    def loss(self, encoder: nn.Module, beside: nn.Module, batch: Data) -> Float[Tensor, ""]:
        """Add up the losses."""
        losses = [
            weight * objective.loss(encoder, module, part)
            for (weight, objective), module, part in zip(self.parts, beside.children(), batch.parts, strict=True)
        ]
        return torch.stack(losses).sum()

    def stepped(self, encoder: nn.Module, beside: nn.Module) -> None:
        """Tell the parts that want to know."""
        for (_, objective), module in zip(self.parts, beside.children(), strict=True):
            if hasattr(objective, "stepped"):
                objective.stepped(encoder, module)
