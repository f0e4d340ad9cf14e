"""Agreement: two views of a node have alike vectors, and something other than negatives keeps all from being alike."""

import copy
import dataclasses as dc
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch_geometric.data import Data

from graphembed.graph import Graph
from graphembed.losses import bootstrap, decorrelation, view_loss
from graphembed.objectives.protocol import output_width
from graphembed.objectives.sampled import MiniBatches, all_nodes
from graphembed.objectives.views import check_shares, view

_PAIRS = 8  # of nodes, for each node, whose likeness in two views is compared


@dc.dataclass(frozen=True)
class Decorrelation:
    """Two views agree, while the axes of the vectors are uncorrelated (CCA-SSG).

    loss = |Z1 - Z2|^2 / 2 + balance (|Z1'Z1 - I|^2 + |Z2'Z2 - I|^2), Z with columns of mean zero and length one;
    + shape W(cosines of pairs in view 1, in view 2), W the Wasserstein distance, if wanted (`losses.view_loss`).

    Args:
        balance: Weight of the second term.
        shape: Weight of the third; it looks at eight pairs a node, drawn anew each time.
        edges: Share of the edges left out of either view.
        features: Share of the features left out of either view.
        sampled: See some nodes at a time, with sampled neighbourhoods; by default the whole graph is one batch.

    Raises:
        ValueError: A share is out of range.

    References:
        Zhang et al. 2021, "From canonical correlation analysis to self-supervised graph neural networks", equation 5.
    Differs from the paper: half of the first term, as in the authors' code, so that ``balance`` is their lambda.
    """

    balance: float = 1e-3
    edges: tuple[float, float] = (0.4, 0.4)
    features: tuple[float, float] = (0.1, 0.1)
    sampled: MiniBatches | None = None
    shape: float = 0.0

    def __post_init__(self) -> None:
        check_shares(edges=self.edges, features=self.features)
        if not self.shape >= 0:
            raise ValueError(f"shape must not be negative, got {self.shape}")

    def prepare(self, encoder: nn.Module, graph: Graph) -> nn.Module:  # noqa: ARG002
        """Nothing stands beside the encoder."""
        return nn.Module()

    def batches(self, graph: Graph, seed: int) -> Sequence[Data]:
        """Return the whole graph, or parts."""
        return all_nodes(graph, self.sampled, seed)

    def loss(self, encoder: nn.Module, beside: nn.Module, batch: Data) -> Float[Tensor, ""]:  # noqa: ARG002
        """Encode two views and compare them."""
        one, two = (view(encoder, batch, *pair) for pair in zip(self.edges, self.features, strict=True))
        total = decorrelation(one, two, self.balance)
        if self.shape:
            pairs = torch.randint(len(one), (2, _PAIRS * len(one))).to(one.device)
            total = total + self.shape * view_loss(one, two, pairs)
        return total


@dc.dataclass(frozen=True)
class Bootstrap:
    """From one view, predict what a slow copy of the encoder makes of another (BGRL).

    loss = mean over both directions of 2 - 2 cos(p(encoder(view 1)), target(view 2)). The target's parameters follow
    the encoder's, target = decay * target + (1 - decay) * encoder after each step of the optimizer, and get no
    gradient. p is a perceptron with one hidden layer; it and the target stand beside the encoder.

    Args:
        decay: How slowly the target follows.
        edges: Share of the edges left out of either view.
        features: Share of the features left out of either view.
        width: Of p.
        sampled: As for `Decorrelation`.

    Raises:
        ValueError: A share, the decay or the width is out of range.

    References:
        Thakoor et al. 2022, "Large-scale representation learning on graphs via bootstrapping", section 3.
    Differs from the paper: the decay does not rise in the course of training; the target begins as a copy of the
    encoder.
    """

    decay: float = 0.99
    edges: tuple[float, float] = (0.2, 0.4)
    features: tuple[float, float] = (0.3, 0.4)
    width: int = 512
    sampled: MiniBatches | None = None

    def __post_init__(self) -> None:
        check_shares(edges=self.edges, features=self.features)
        if not 0 <= self.decay <= 1 or self.width < 1:
            raise ValueError(
                f"decay must be between 0 and 1 and width at least 1, got decay={self.decay}, width={self.width}"
            )

    def prepare(self, encoder: nn.Module, graph: Graph) -> nn.Module:
        """Make p and the target."""
        dim = output_width(encoder, graph)
        target = copy.deepcopy(encoder).requires_grad_(False)
        predictor = nn.Sequential(nn.Linear(dim, self.width), nn.PReLU(), nn.Linear(self.width, dim))
        return nn.ModuleDict({"predictor": predictor, "target": target})

    def batches(self, graph: Graph, seed: int) -> Sequence[Data]:
        """Return the whole graph, or parts."""
        return all_nodes(graph, self.sampled, seed)

    def loss(self, encoder: nn.Module, beside: nn.Module, batch: Data) -> Float[Tensor, ""]:
        """Predict the target's vectors of either view from the encoder's of the other."""
        predictor, target = beside["predictor"], beside["target"]  # type: ignore[index]
        total = torch.zeros((), device=batch.edge_index.device)
        for mine, theirs in ((0, 1), (1, 0)):
            prediction = predictor(view(encoder, batch, self.edges[mine], self.features[mine]))
            with torch.no_grad():
                aim = view(target, batch, self.edges[theirs], self.features[theirs])
            total = total + bootstrap(prediction, aim) / 2
        return total

    def stepped(self, encoder: nn.Module, beside: nn.Module) -> None:
        """Move the target."""
        follow(beside["target"], encoder, self.decay)  # type: ignore[index]


@torch.no_grad()
def follow(target: nn.Module, source: nn.Module, decay: float) -> None:
    """Move parameters and buffers in place, target = decay * target + (1 - decay) * source; counters are copied."""
    aims = dict(target.state_dict(keep_vars=True))
    for name, value in source.state_dict(keep_vars=True).items():
        if value.is_floating_point():
            aims[name].lerp_(value.to(aims[name].dtype), 1 - decay)
        else:
            aims[name].copy_(value)
