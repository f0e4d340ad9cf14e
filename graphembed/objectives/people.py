"""`SamePerson`: tags, the chance of two points to be of one person, and where its middle is, learnt together."""

import dataclasses as dc
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.utils import to_dense_batch

from graphembed.graph import Graph
from graphembed.losses import associative
from graphembed.nn.tagging import Tagger
from graphembed.objectives.push_pull import image_batches
from graphembed.objectives.sampled import Made

_EARLY, _MIDDLE = 0.3, 0.1  # weights of earlier rounds, and of guessed middles
_FEW = 3  # points of a person whose middle is asked for, at least
_FAR = 5.0  # no middle is more wrong than this many sizes


@dc.dataclass(frozen=True)
class SamePerson:
    """Teach a `Tagger` which points are of one person.

    loss = sum over rounds r w_r / n sum over pairs BCE(log-odds_r, same person) + push and pull of the tags
    + 0.1 / n sum over rounds and points (|m - m'| / s + |log s - log s'|), for n points in ordered pairs of images;
    w is 1 for the last round and 0.3 for those before. m' and s' are mean and mean distance from it of the points of a
    person of three or more.

    Args:
        pairs: Pairs of points in a batch, as in `PushPull`.
        change: Makes a batch another one, from it and a seed: noise, people of other images.
    """

    pairs: int = 12_000
    change: Callable[[Data, int], Data] | None = None

    def prepare(self, encoder: nn.Module, graph: Graph) -> nn.Module:  # noqa: ARG002
        """Make nothing: the encoder scores pairs itself."""
        return nn.Module()

    def batches(self, graph: Graph, seed: int) -> Sequence[Data]:
        """Return some images at a time, changed."""
        plain, change = image_batches(graph, self.pairs, seed), self.change
        if change is None:
            return plain
        return Made(len(plain), lambda i: change(plain[i], seed + i))

    def loss(self, encoder: nn.Module, beside: nn.Module, batch: Data) -> Float[Tensor, ""]:  # noqa: ARG002
        """Tag the points of some images, and score their pairs."""
        assert isinstance(encoder, Tagger)
        tags, rounds, middles, there = encoder.guess(batch.x, batch.batch)
        person, _ = to_dense_batch(batch.group, batch.batch, fill_value=-1)
        same = (person[:, :, None] == person[:, None]) & (person >= 0)[:, None]
        own = torch.eye(there.shape[1], dtype=torch.bool, device=there.device)
        asked = there[:, :, None] & there[:, None] & ~own
        weights = [*[_EARLY] * (len(rounds) - 1), 1.0]
        wrong = sum(w * _wrong(score, same, asked) for w, score in zip(weights, rounds, strict=True))
        place = encoder.places(batch.x, batch.batch)
        far = sum(_misplaced(middle, place, (same | own) & there[:, None], person) for middle in middles)
        loss: Tensor = (wrong + _MIDDLE * far) / there.sum() + associative(tags[there], batch.group, batch.batch)
        return loss


def _wrong(
    score: Float[Tensor, "images n n"], same: Bool[Tensor, "images n n"], asked: Bool[Tensor, "images n n"]
) -> Float[Tensor, ""]:
    loss: Tensor = (F.binary_cross_entropy_with_logits(score, same.to(score.dtype), reduction="none") * asked).sum()
    return loss


def _misplaced(
    middle: Float[Tensor, "images n 3"],
    place: Float[Tensor, "images n 2"],
    same: Bool[Tensor, "images n n"],
    person: Int[Tensor, "images n"],
) -> Float[Tensor, ""]:
    """Add up how far guessed middles are from the means of people, in sizes, and how wrong the sizes are."""
    share = same.to(place.dtype)
    count = share.sum(dim=2)
    mean = share @ place / count[..., None].clamp(min=1)
    apart = (place[:, None] - mean[:, :, None]).square().sum(dim=3).add(1e-8).sqrt()
    size = (apart * share).sum(dim=2) / count.clamp(min=1) + 0.02
    off = (middle[..., :2] - mean).square().sum(dim=2).add(1e-8).sqrt() / size
    wrong = off.clamp(max=_FAR) + (middle[..., 2] - size.log()).abs()
    loss: Tensor = (wrong * ((count >= _FEW) & (person >= 0))).sum()
    return loss
