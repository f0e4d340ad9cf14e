"""`TargetLinks`: encoder and decoder learn together to tell links from other pairs, not seeing the links asked for."""

import dataclasses as dc
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn
from torch_geometric.data import Data

from graphembed.errors import DataError
from graphembed.graph import Graph
from graphembed.losses import link_loss
from graphembed.metrics import auc
from graphembed.nn.aggregate import Rows
from graphembed.objectives.protocol import changed, encode, output_width, whole
from graphembed.objectives.sampled import Made
from graphembed.sampling.pairs import is_in, pair_keys

_BLOCK = 1 << 14  # pairs scored at a time


class Asked(NamedTuple):
    """Pairs, whether they are linked, and numbers about them.

    Args:
        pairs: (pairs, 2) rows of nodes.
        label: (pairs,) True for a link.
        side: (pairs, any) numbers about each pair; None if there are none.
    """

    pairs: NDArray[np.int64]
    label: NDArray[np.bool_]
    side: NDArray[np.float32] | None = None


@dc.dataclass(frozen=True, eq=False)
class TargetLinks:
    """Tell links from other pairs by a decoder that is trained with the encoder.

    Each batch asks for some of the links and as many other pairs. What is asked for is taken out of the graph first, in
    both directions, so that vectors and neighbourhoods are what they will be for links that are to be found.
    loss = mean over links softplus(-s) + mean over others softplus(s) + degree * mean over nodes (d - d')^2,
    d' being what a small network makes of a node's vector, and d how many of its links were taken out.

    Args:
        decoder: Makes the decoder (see `graphembed.nn.decoders`) from the length of the encoder's vectors.
        asked: Pairs to learn from. An epoch sees all the links, and of the others as many in random order.
        checked: Pairs to validate on; their links are not in the graph.
        share: Of the links that a batch asks for; with .1 an epoch has ten batches, above .5 only one.
        masked: Take the links out of the graph that are asked for.
        degree: Weight of the second term of the loss.
        metric: Of labels and scores, for validation; higher is better.

    Raises:
        ValueError: The share or the weight is out of range.

    References:
        Wang, Yang and Zhang 2024, "Neural common neighbor with completion for link prediction" (target link removal);
        Li et al. 2023, "What's behind the mask: understanding masked graph modeling for graph autoencoders" (MaskGAE:
        most links at once, and degrees).
    Differs from the papers: pairs that are not linked are drawn once, not in every epoch, so that numbers about them
    are computed once; give many.
    """

    decoder: Callable[[int], nn.Module] = dc.field(repr=False)  # its address would make each run another run
    asked: Asked
    checked: Asked | None = None
    share: float = 0.1
    masked: bool = True
    degree: float = 0.0
    metric: Callable[[Any, Any], float] = dc.field(default=auc, repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1 or self.degree < 0:
            raise ValueError(
                f"share must be above 0 and at most 1 and degree at least 0, got {self.share} and {self.degree}"
            )

    def prepare(self, encoder: nn.Module, graph: Graph) -> nn.Module:
        """Make the decoder and, with ``degree``, the network that guesses how many links were taken out."""
        width = output_width(encoder, graph)
        parts = {"decoder": self.decoder(width)}
        if self.degree:
            parts["degree"] = nn.Sequential(nn.Linear(width, 32), nn.ReLU(), nn.Linear(32, 1))
        return nn.ModuleDict(parts)

    def batches(self, graph: Graph, seed: int) -> Sequence[Data]:
        """Return graphs without some links: ``pairs`` (2, pairs), of which the first ``links`` are these."""
        rng = np.random.default_rng(seed)
        links, others = (rng.permutation(np.flatnonzero(self.asked.label == label)) for label in (True, False))
        if not (len(links) and len(others)):
            raise DataError(f"there must be links and other pairs to learn from, got {len(links)} and {len(others)}")
        count = int(1 / self.share + 1e-9)  # 1 / 0.1 may be a little below 10
        if count == 1:
            links = links[: max(round(self.share * len(links)), 1)]
        parts = zip(np.array_split(links, count), np.array_split(np.resize(others, len(links)), count), strict=True)
        drawn = [part for part in parts if len(part[0])]
        keys = pair_keys(graph.data.edge_index.numpy().T, graph.num_nodes)

        def make(i: int) -> Data:
            batch = asking(graph, self.asked, np.concatenate(drawn[i]))
            batch.links = len(drawn[i][0])
            if not self.masked:
                return batch
            hidden = pair_keys(self.asked.pairs[drawn[i][0]], graph.num_nodes)
            return _with_edges(batch, ~is_in(keys, np.sort(hidden)))

        return Made(len(drawn), make)

    def loss(self, encoder: nn.Module, beside: nn.Module, batch: Data) -> Float[Tensor, ""]:
        """Encode what is left of the graph, and score what was taken out and the other pairs."""
        z = encode(encoder, batch)
        score = beside["decoder"](z, batch.pairs, neighbours(batch), batch.get("side"))  # type: ignore[index]
        loss: Tensor = link_loss(score[: batch.links], score[batch.links :])
        if not self.degree:
            return loss
        gone = torch.bincount(batch.pairs[:, : batch.links].flatten(), minlength=len(z)).to(z.dtype)
        guess = beside["degree"](z)[:, 0]  # type: ignore[index]
        wrong: Tensor = loss + self.degree * (guess - gone).square().mean()
        return wrong

    def valid(self, encoder: nn.Module, beside: nn.Module, graph: Graph) -> float:
        """Return the metric of the validation pairs, all of the graph being seen."""
        if self.checked is None:
            raise ValueError("validation needs pairs to validate on, and there are none: set checked")
        batch = asking(graph, self.checked)
        score = decode(beside, encode(encoder, batch), batch)
        return self.metric(self.checked.label, score)


def asking(graph: Graph, asked: Asked, some: NDArray[np.int64] | None = None) -> Data:
    """Return the whole graph as a batch that asks for some pairs, or all."""
    pairs, side = asked.pairs, asked.side
    if some is not None:
        pairs, side = pairs[some], None if side is None else side[some]
    batch = whole(graph, pairs=torch.from_numpy(np.ascontiguousarray(pairs.T)))
    if side is not None:
        batch.side = torch.from_numpy(side)
    return batch


def neighbours(batch: Data) -> Rows:
    """Return the neighbours of each node, in ascending order, in whichever direction the edges lead, without loops."""
    source, target = batch.edge_index.numpy()
    nodes = len(batch.x)
    keys = np.unique(np.concatenate([source * nodes + target, target * nodes + source])[np.tile(source != target, 2)])
    return Rows.of(torch.from_numpy(np.stack([keys % nodes, keys // nodes])), None, targets=nodes, sources=nodes)


def decode(beside: nn.Module, z: Tensor, batch: Data) -> NDArray[np.float32]:
    """Return the log-odds of the pairs of a batch, some at a time."""
    rows = neighbours(batch)
    parts = []
    for first in range(0, batch.pairs.shape[1], _BLOCK):
        some = slice(first, first + _BLOCK)
        side = batch.side[some] if "side" in batch else None
        parts.append(beside["decoder"](z, batch.pairs[:, some].contiguous(), rows, side))  # type: ignore[index]
    score: NDArray[np.float32] = torch.cat(parts).numpy() if parts else np.empty(0, np.float32)
    return score


def _with_edges(batch: Data, kept: NDArray[np.bool_]) -> Data:
    """Return a batch with some of its edges only."""
    keep = torch.from_numpy(kept)
    weight = batch.edge_weight
    return changed(batch, edge_index=batch.edge_index[:, keep], edge_weight=None if weight is None else weight[keep])
