"""Links: tell edges from other pairs by the vectors of their ends."""

import dataclasses as dc
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn
from torch_geometric.data import Data

from graphembed.errors import DataError
from graphembed.graph import Graph
from graphembed.losses import gaussian_kl, link_loss, margin_ranking
from graphembed.nn.decoders import scaled_dot
from graphembed.objectives.held_out import check_share, held_out_auc, observed
from graphembed.objectives.protocol import changed, encode, output_width, whole
from graphembed.objectives.sampled import Made, MiniBatches
from graphembed.sampling.negatives import NegativeSampler
from graphembed.sampling.pairs import edges_and_others


@dc.dataclass(frozen=True)
class LinkReconstruction:
    """Tell edges from unlinked pairs by the scaled inner product of the node vectors (graph auto-encoder).

    s_uv = z_u . z_v / sqrt(dim). Without a margin, loss = mean over edges softplus(-s_uv) + mean over others
    softplus(s_uv); with one, mean max(0, margin - s_edge + s_other).

    Args:
        margin: None for cross-entropy; else how far an edge should score above another pair.
        negatives: Where other pairs come from: the end of each edge is replaced by a draw, which may be linked. By
            default fresh unlinked pairs in each epoch, as many as edges (or all, if there are fewer).
        sampled: Learn from some pairs at a time, with sampled neighbourhoods; by default the whole graph is one batch.
        held_out: Share of the linked pairs that is kept for validation: training sees nothing of them, and takes them
            for pairs like any other that is not linked.
        seed: Which pairs these are.

    Raises:
        ValueError: The share is out of range.

    Example:
        >>> from graphembed.datasets import load
        >>> (batch,) = LinkReconstruction().batches(load("karate"), seed=0)
        >>> batch.edge_label_index.shape, batch.edge_label.sum()
        (torch.Size([2, 156]), tensor(78))

    References:
        Kipf and Welling 2016, "Variational graph auto-encoders", section 2 (GAE).
    Differs from the paper: unlinked pairs are sampled instead of reweighing all of them; scores are scaled.
    """

    margin: float | None = None
    negatives: NegativeSampler | None = None
    sampled: MiniBatches | None = None
    held_out: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        check_share(self.held_out)

    def prepare(self, encoder: nn.Module, graph: Graph) -> nn.Module:  # noqa: ARG002
        """Nothing stands beside the encoder."""
        return nn.Module()

    def batches(self, graph: Graph, seed: int) -> Sequence[Data]:
        """Return the whole graph, or parts, with ``edge_label_index`` (2, pairs) and ``edge_label`` (pairs,)."""
        graph = observed(graph, self.held_out, self.seed)
        edges, others = _edges_and_others(graph, self.negatives, seed)
        if self.sampled is not None:
            return self.sampled.of_pairs(graph, edges, others, seed)
        return [
            whole(
                graph,
                edge_label_index=torch.from_numpy(np.concatenate([edges, others]).T.copy()),
                edge_label=torch.arange(len(edges) + len(others)) < len(edges),
            )
        ]

    def loss(self, encoder: nn.Module, beside: nn.Module, batch: Data) -> Float[Tensor, ""]:  # noqa: ARG002
        """Encode the batch and score its pairs."""
        return _pair_loss(encode(encoder, batch), batch, self.margin)

    def valid(self, encoder: nn.Module, beside: nn.Module, graph: Graph) -> float:  # noqa: ARG002
        """Return how well held-out edges are told from as many unlinked pairs, the same each time (AUC).

        Raises:
            ValueError: There are none.
        """
        return held_out_auc(encoder, graph, self.held_out, self.seed, scaled_dot)


@dc.dataclass(frozen=True)
class VariationalLinks:
    """Links from vectors that are drawn: the encoder gives the mean of a normal distribution per node (VGAE).

    loss = loss of `LinkReconstruction` for z = mu + sigma * noise, + weight * KL(N(mu, sigma^2) || N(0, 1)) per node.
    A layer beside the encoder reads log sigma off mu.

    Args:
        margin: As for `LinkReconstruction`.
        weight: Of the divergence; by default one over the number of nodes.
        negatives: As for `LinkReconstruction`.
        sampled: As for `LinkReconstruction`; the divergence is then of the nodes of these pairs.
        held_out: As for `LinkReconstruction`.
        seed: Which edges these are.

    Example:
        >>> from torch_geometric.nn import GCNConv
        >>> from graphembed.datasets import load
        >>> graph = load("karate")
        >>> graph.data.x = torch.eye(34)
        >>> with torch.random.fork_rng():
        ...     VariationalLinks().prepare(GCNConv(34, 8), graph)
        Linear(in_features=8, out_features=8, bias=True)

    References:
        Kipf and Welling 2016, "Variational graph auto-encoders", equations 1 to 3.
    Differs from the paper: log sigma is a linear function of mu and not of the layer before, so that any encoder will
    do; unlinked pairs are sampled; scores are scaled.
    """

    margin: float | None = None
    weight: float | None = None
    negatives: NegativeSampler | None = None
    sampled: MiniBatches | None = None
    held_out: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        check_share(self.held_out)

    def prepare(self, encoder: nn.Module, graph: Graph) -> nn.Module:
        """Make the layer that gives log sigma; at first sigma is 1 / e for all."""
        dim = output_width(encoder, graph)
        beside = nn.Linear(dim, dim)
        nn.init.zeros_(beside.weight)
        nn.init.constant_(beside.bias, -1.0)
        return beside

    def batches(self, graph: Graph, seed: int) -> Sequence[Data]:
        """Return what `LinkReconstruction` does, with ``total``, the number of nodes of the graph."""
        links = LinkReconstruction(self.margin, self.negatives, self.sampled, self.held_out, self.seed)
        parts = links.batches(graph, seed)
        return Made(len(parts), lambda i: changed(parts[i], total=graph.num_nodes))

    def loss(self, encoder: nn.Module, beside: nn.Module, batch: Data) -> Float[Tensor, ""]:
        """Draw vectors, score the pairs, and add how far the distributions are from the standard one."""
        mean = encode(encoder, batch)
        log_sigma = beside(mean).clamp(max=10.0)
        z = mean + log_sigma.exp() * torch.randn_like(mean)
        weight = 1 / batch.total if self.weight is None else self.weight
        return _pair_loss(z, batch, self.margin) + weight * gaussian_kl(mean, log_sigma)

    def valid(self, encoder: nn.Module, beside: nn.Module, graph: Graph) -> float:  # noqa: ARG002
        """Return, for the means, what `LinkReconstruction` does.

        Raises:
            ValueError: Nothing is held out.
        """
        return held_out_auc(encoder, graph, self.held_out, self.seed, scaled_dot)


def _pair_loss(z: Tensor, batch: Data, margin: float | None) -> Tensor:
    score = scaled_dot(z, batch.edge_label_index)
    edges, others = score[batch.edge_label], score[~batch.edge_label]
    return link_loss(edges, others) if margin is None else margin_ranking(edges, others, margin)


def _edges_and_others(
    graph: Graph, negatives: NegativeSampler | None, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if negatives is None:
        return edges_and_others(graph, np.random.default_rng(seed))
    edges = linked_pairs(graph)
    drawn = negatives.draw(graph, edges[:, 0], 1, seed)[:, 0]
    return edges, np.stack([edges[:, 0], drawn], axis=1)


def linked_pairs(graph: Graph) -> NDArray[np.int64]:
    """Return (pairs, 2): every entry of ``edge_index`` that leads from a node to another, both directions if it has.

    Raises:
        DataError: There are none.
    """
    edges: NDArray[np.int64] = graph.data.edge_index.numpy().T
    edges = edges[edges[:, 0] != edges[:, 1]]
    if not len(edges):
        raise DataError(f"there are no edges between different nodes to learn from: {graph}")
    return edges
