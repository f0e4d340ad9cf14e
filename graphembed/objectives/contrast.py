"""Contrast: tell a node from other nodes, or from nodes of a graph that is not."""

import dataclasses as dc
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch_geometric.data import Data

from graphembed.graph import Graph
from graphembed.losses import info_nce, infomax, unit
from graphembed.objectives.protocol import changed, encode, output_width, whole
from graphembed.objectives.sampled import Made, MiniBatches, all_nodes
from graphembed.objectives.views import check_shares, view
from graphembed.sampling.negatives import NegativeSampler, Uniform


@dc.dataclass(frozen=True)
class Infomax:
    """Tell nodes from nodes whose features were shuffled, by a summary of the graph (DGI).

    loss = mean softplus(-z_v W s / sqrt(dim)) + mean softplus(z'_v W s / sqrt(dim)), s = sigmoid(mean of z), where z' =
    encoder of the graph with the rows of x in random order. W stands beside the encoder.

    Args:
        sampled: See some nodes at a time, with sampled neighbourhoods, of which these are the summary and within which
            features are shuffled; by default the whole graph is one batch.

    References:
        Velickovic et al. 2019, "Deep graph infomax", section 3; section 4.2 for neighbourhoods.
    Differs from the paper: twice its loss; scores are scaled; PReLU only if the encoder has it.
    """

    sampled: MiniBatches | None = None

    def prepare(self, encoder: nn.Module, graph: Graph) -> nn.Module:
        """Make W."""
        dim = output_width(encoder, graph)
        return nn.Linear(dim, dim, bias=False)

    def batches(self, graph: Graph, seed: int) -> Sequence[Data]:
        """Return the whole graph, or parts, with ``shuffled`` (nodes,): whose features each has in the other graph."""
        parts = all_nodes(graph, self.sampled, seed)

        def make(i: int) -> Data:
            order = np.random.default_rng([seed, i]).permutation(len(parts[i].x))
            return changed(parts[i], shuffled=torch.from_numpy(order))

        return Made(len(parts), make)

    def loss(self, encoder: nn.Module, beside: nn.Module, batch: Data) -> Float[Tensor, ""]:
        """Encode the batch twice and compare with the summary."""
        z = encode(encoder, batch)
        corrupted = encode(encoder, changed(batch, x=batch.x.index_select(0, batch.shuffled)))
        return infomax(z, corrupted, beside.weight)  # type: ignore[arg-type]


@dc.dataclass(frozen=True)
class Contrast:
    """Recognise a node of one view of the graph among the nodes of another (GRACE).

    loss = mean over both directions of `info_nce` of cosines between p(z1_v) and the candidates: p(z2_v), which is
    right, all other p(z2_u) and all other p(z1_u). Views lack some edges and features; p is a perceptron beside the
    encoder, with one hidden layer.

    With ``count``, each node has only so many negatives, drawn from ``negatives``, and the candidates are those of the
    other view alone. ``corrected`` undoes the preference for nodes that are drawn often (log q).

    Args:
        temperature: The lower, the more the nearest nodes count.
        edges: Share of the edges left out of either view.
        features: Share of the features left out of either view.
        width: Of p; 0 compares the vectors as they are.
        count: Negatives of a node; None takes all nodes.
        negatives: Where they come from.
        corrected: Whether to subtract log q from the scores of the negatives and of the node itself.
        sampled: See some nodes (with ``count``: some and their negatives) at a time, with sampled neighbourhoods;
            without ``count`` they are told from one another only. By default the whole graph is one batch.

    Raises:
        ValueError: A share, the temperature or a count is out of range; ``corrected`` with draws that never give a
            node itself.

    References:
        Zhu et al. 2020, "Deep graph contrastive representation learning", equations 1 and 2.
        Yi et al. 2019, "Sampling-bias-corrected neural modeling for large corpus item recommendations", section 3.
    """

    temperature: float = 0.5
    edges: tuple[float, float] = (0.2, 0.4)
    features: tuple[float, float] = (0.3, 0.4)
    width: int = 128
    count: int | None = None
    negatives: NegativeSampler = dc.field(default_factory=Uniform)
    corrected: bool = False
    sampled: MiniBatches | None = None

    def __post_init__(self) -> None:
        check_shares(edges=self.edges, features=self.features)
        if not self.temperature > 0 or self.width < 0 or (self.count is not None and self.count < 1):
            raise ValueError(
                "temperature must be positive, width at least 0 and count at least 1, got "
                f"temperature={self.temperature}, width={self.width}, count={self.count}"
            )

    def prepare(self, encoder: nn.Module, graph: Graph) -> nn.Module:
        """Make p."""
        dim = output_width(encoder, graph)
        if not self.width:
            return nn.Identity()
        return nn.Sequential(nn.Linear(dim, self.width), nn.ELU(), nn.Linear(self.width, dim))

    def batches(self, graph: Graph, seed: int) -> Sequence[Data]:
        """Return the whole graph, or parts; with ``count``, ``candidates`` (1 + count, nodes): a node and negatives."""
        if self.count is None:
            return all_nodes(graph, self.sampled, seed)
        nodes = np.arange(graph.num_nodes)
        candidates = np.concatenate([nodes[:, None], self.negatives.draw(graph, nodes, self.count, seed)], axis=1)
        known = {}
        if self.corrected:
            log_q = self.negatives.log_q(graph, nodes, candidates)
            if np.isneginf(log_q).any():
                raise ValueError(
                    f"{self.negatives} never draws some of the nodes that are to be recognised, so that log q cannot "
                    "be corrected for: take corrected=False or a sampler that can draw any node"
                )
            known["log_q"] = torch.from_numpy(log_q)
        if self.sampled is not None:
            return self.sampled.of_tuples(graph, seed, "candidates", candidates.T, **known)
        return [whole(graph, candidates=torch.from_numpy(candidates.T.copy()), **known)]

    def loss(self, encoder: nn.Module, beside: nn.Module, batch: Data) -> Float[Tensor, ""]:
        """Encode two views and look for each node of either in the other."""
        shares = zip(self.edges, self.features, strict=True)
        one, two = (unit(beside(view(encoder, batch, *pair))) for pair in shares)
        return (self._find(one, two, batch) + self._find(two, one, batch)) / 2

    def _find(self, anchors: Tensor, others: Tensor, batch: Data) -> Tensor:
        if self.count is None:
            itself = torch.eye(len(anchors), dtype=torch.bool, device=anchors.device)
            excluded = torch.cat([torch.zeros_like(itself), itself], dim=1)
            return info_nce(anchors, torch.cat([others, anchors]), temperature=self.temperature, excluded=excluded)
        anchors = anchors.index_select(0, batch.candidates[0])
        candidates = torch.stack([others.index_select(0, nodes) for nodes in batch.candidates], dim=1)
        first = torch.zeros(len(anchors), dtype=torch.long, device=anchors.device)
        log_q = batch.log_q if self.corrected else None
        return info_nce(anchors, candidates, first, temperature=self.temperature, log_q=log_q)
