"""`Tagger`: says of the points of an image which belong together, from what they are and where they lie.

Every point looks at all others of its image. What it knows of another is a vector of the ordered pair: how far and in
which direction, against the sizes around, and which two joints they are. In each round

- a point chooses, for every type of joint, among all candidates of the image and "none" (softmax over one type): two
  left elbows compete for one shoulder;
- it guesses how large its group is and where its middle lies;
- a pair learns how both chose, whom they both chose, and how far their two middles are apart.

At the end a pair has log-odds to be of one group, and a point a tag, drawn towards the tags of those that are likely of
its group. All of it is the same wherever the points lie in the image, and however large they are.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch_geometric.utils import to_dense_batch

_NEAR = 1e-3  # added to distances, in units of the image's scale, before their logarithm is taken
_LEAST = -1e4  # log-odds of what cannot be
_GEOMETRY = 14  # numbers about an ordered pair
_ABOUT = 3  # numbers about two guessed middles


class Tagger(nn.Module):
    """Tags of points, and log-odds that two are of one group.

    Args:
        types: How many types of points there are (17 joints).
        dim: Length of a tag.
        channels: Width of a point's vector.
        pair_channels: Width of an ordered pair's vector.
        heads: Ways to choose.
        rounds: How often evidence spreads.

    Example:
        >>> with torch.random.fork_rng():
        ...     tagger = Tagger(types=2, rounds=1)
        >>> x = torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 1], [1, 0, 5, 5]])  # which type, and where
        >>> tags, log_odds = tagger.both(x, torch.tensor([0, 0, 1]))
        >>> tags.shape, log_odds.shape
        (torch.Size([3, 16]), torch.Size([2, 2, 2]))
    """

    def __init__(
        self,
        types: int,
        dim: int = 16,
        channels: int = 64,
        pair_channels: int = 32,
        heads: int = 8,
        rounds: int = 4,
    ) -> None:
        super().__init__()
        self.types, self.dim = types, dim
        self.kind = nn.Embedding(types, channels)
        self.geometry = nn.Linear(_GEOMETRY, 2 * pair_channels)
        self.gate = nn.Embedding(types * types, 4 * pair_channels)
        self.mix = nn.Linear(2 * pair_channels, pair_channels)
        self.rounds = nn.ModuleList(_Round(types, channels, pair_channels, heads) for _ in range(rounds))
        self.read = nn.ModuleList(nn.Linear(pair_channels, 1) for _ in range(rounds))
        self.tag = nn.Sequential(nn.Linear(channels + 4, channels), nn.SiLU(), nn.Linear(channels, dim))

    def forward(
        self,
        x: Float[Tensor, "points features"],
        edge_index: Int[Tensor, "2 edges"] | None = None,  # noqa: ARG002  # all pairs of an image are looked at
        edge_weight: Float[Tensor, " edges"] | None = None,  # noqa: ARG002
        batch: Int[Tensor, " points"] | None = None,
    ) -> Float[Tensor, "points dim"]:
        """Return the tags of the points of one image, or of several, told apart by ``batch``."""
        return self.both(x, torch.zeros(len(x), dtype=torch.long, device=x.device) if batch is None else batch)[0]

    def both(
        self, x: Float[Tensor, "points features"], batch: Int[Tensor, " points"]
    ) -> tuple[Float[Tensor, "points dim"], Float[Tensor, "images most most"]]:
        """Return the tags, and the log-odds of all pairs, image by image, padded to the largest."""
        tags, rounds, _, there = self.guess(x, batch)
        return tags[there], rounds[-1]

    def guess(
        self, x: Float[Tensor, "points features"], batch: Int[Tensor, " points"]
    ) -> tuple[Tensor, list[Tensor], list[Tensor], Bool[Tensor, "images most"]]:
        """Return tags (images, most, dim), and of every round log-odds (images, most, most) and guessed middles.

        A middle is (images, most, 3): its place and the logarithm of its group's size, in the image's units. Last comes
        which of the places hold a point.
        """
        dense, there = to_dense_batch(x, batch)
        kind, place = dense[..., : self.types].argmax(dim=-1), dense[..., self.types : self.types + 2]
        place = _normal(place, there)
        pair = there[:, :, None] & there[:, None, :]
        near, geometry = _geometry(place, kind, pair, self.types)
        scale, shift = self.gate(kind[:, :, None] * self.types + kind[:, None, :]).chunk(2, dim=-1)
        e = self.mix(F.silu(self.geometry(geometry) * (1 + scale) + shift))
        h = self.kind(kind)
        same = F.one_hot(kind, self.types).to(e.dtype) * there[..., None]
        log_odds, middles = [], []
        for one, read in zip(self.rounds, self.read, strict=True):
            h, e, middle = one(h, e, place, near, kind, same, pair)
            score = read(e)[..., 0]
            log_odds.append((score + score.transpose(1, 2)).masked_fill(~pair, _LEAST))
            middles.append(middle)
        tags = self.tag(torch.cat([h, middles[-1], near[..., None]], dim=-1))
        likely = torch.sigmoid(log_odds[-1]) * pair
        likely = likely + torch.eye(likely.shape[1], device=x.device) * 0.1
        likely = likely / likely.sum(dim=-1, keepdim=True)
        return likely @ tags, log_odds, middles, there

    def places(
        self, x: Float[Tensor, "points features"], batch: Int[Tensor, " points"]
    ) -> Float[Tensor, "images most 2"]:
        """Return where points are, in the units of their image."""
        dense, there = to_dense_batch(x, batch)
        return _normal(dense[..., self.types : self.types + 2], there)


class _Round(nn.Module):
    """Points choose, guess their middles and learn from whom they chose; then pairs learn from both of their points."""

    def __init__(self, types: int, channels: int, pair_channels: int, heads: int) -> None:
        super().__init__()
        self.types, self.heads = types, heads
        self.pair_norm, self.norm = nn.LayerNorm(pair_channels), nn.LayerNorm(channels)
        self.choose = nn.Linear(pair_channels, heads)
        self.none = nn.Parameter(torch.zeros(types, types, heads))
        self.value = nn.Linear(channels, channels)
        self.seen = nn.Linear(pair_channels, channels)
        self.learn = nn.Sequential(nn.Linear(channels, 2 * channels), nn.SiLU(), nn.Linear(2 * channels, channels))
        self.join = nn.Linear(channels, channels)
        self.middle = nn.Linear(channels, 3)
        self.ends = nn.Linear(channels, 4 * pair_channels)
        self.within = nn.Linear(pair_channels + 3 * heads + _ABOUT, 2 * pair_channels)
        self.out = nn.Linear(2 * pair_channels, pair_channels)

    def forward(
        self, h: Tensor, e: Tensor, place: Tensor, near: Tensor, kind: Tensor, same: Tensor, pair: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        normal = self.pair_norm(e)
        chosen = self._choices(self.choose(normal), kind, same, pair)  # (images, heads, points, points)
        h = h + self.join(self._gather(chosen, h, normal))
        h = h + self.learn(self.norm(h))
        guess = self.middle(h)
        size = guess[..., 2].clamp(-4, 4) + near
        middle = torch.cat([place + guess[..., :2] * size.exp()[..., None], size[..., None]], dim=-1)
        about = _between(middle)
        both = chosen @ chosen.transpose(2, 3)
        how = torch.cat([chosen, chosen.transpose(2, 3), both], dim=1).permute(0, 2, 3, 1)
        sender, receiver = self.ends(h).chunk(2, dim=-1)
        inner = self.within(torch.cat([normal, how, about], dim=-1)) + sender[:, None] + receiver[:, :, None]
        return h, e + self.out(F.silu(inner)), middle

    def _choices(self, score: Tensor, kind: Tensor, same: Tensor, pair: Tensor) -> Tensor:
        """Bring scores to shares: those of the candidates of one type and of none add up to one."""
        other = pair & ~torch.eye(pair.shape[1], dtype=torch.bool, device=pair.device)
        score = score.clamp(-15, 15).exp() * other[..., None]
        total = torch.einsum("bijh,bjt->bith", score, same) + self.none.exp()[kind]
        total = torch.einsum("bith,bjt->bijh", total, same)
        shares: Tensor = score / total.clamp(min=1e-9)
        return shares.permute(0, 3, 1, 2).contiguous()

    def _gather(self, chosen: Tensor, h: Tensor, e: Tensor) -> Tensor:
        """Add up what the chosen points are and how they lie."""
        images, heads, points, _ = chosen.shape
        value = self.value(h).view(images, points, heads, -1).permute(0, 2, 1, 3)
        theirs = (chosen @ value).permute(0, 2, 1, 3).reshape(images, points, -1)
        lying = torch.einsum("bhij,bijc->bihc", chosen, e)  # then a projection of its own for each head
        weight = self.seen.weight.view(heads, -1, e.shape[-1])
        seen = torch.einsum("bihc,hdc->bihd", lying, weight).reshape(images, points, -1)
        gathered: Tensor = (theirs + seen + self.seen.bias) / math.sqrt(2)
        return gathered


def _normal(place: Float[Tensor, "images most 2"], there: Bool[Tensor, "images most"]) -> Tensor:
    """Bring the points of each image to mean zero and mean distance one from it."""
    count = there.sum(dim=1).clamp(min=1)[:, None, None]
    place = place * there[..., None]
    place = (place - place.sum(dim=1, keepdim=True) / count) * there[..., None]
    spread = place.norm(dim=-1).sum(dim=1)[:, None, None] / count
    return place / torch.where(spread > 1e-6, spread, 1.0)


def _geometry(place: Tensor, kind: Tensor, pair: Tensor, types: int) -> tuple[Tensor, Tensor]:
    """Return the log scale around each point, (images, most), and numbers about ordered pairs."""
    apart = place[:, None, :, :] - place[:, :, None, :]  # from i to j
    far = apart.square().sum(dim=-1).add(_NEAR**2).sqrt()
    log = far.log()
    other = pair & ~torch.eye(pair.shape[1], dtype=torch.bool, device=pair.device)
    # The scale around a point: the median-like mean of the distances to the nearest point of every type there is.
    most = log.masked_fill(~other, 30.0)
    least = torch.full((*log.shape[:2], types), 30.0, device=log.device, dtype=log.dtype)
    least = least.scatter_reduce(2, kind[:, None, :].expand_as(most), most, "amin")
    has = least < 20
    near = (least * has).sum(dim=-1) / has.sum(dim=-1).clamp(min=1)
    nearest = least.gather(2, kind[:, None, :].expand_as(log)).clamp(max=20)
    ratio = torch.where(other, (log - nearest).clamp(0, 6), 0.0)
    closer = _closer(most, kind, other)
    direction = apart / far[..., None]
    scaled_i, scaled_j = log - near[:, :, None], log - near[:, None, :]
    parts = [
        direction,
        torch.stack([log, scaled_i, scaled_j, near[:, None, :] - near[:, :, None]], dim=-1),
        torch.stack([ratio, ratio.transpose(1, 2), closer, closer.transpose(1, 2)], dim=-1),
        apart * (-near[:, :, None, None]).exp().clamp(max=50) / 3,
        torch.stack([scaled_i.abs(), scaled_i.square() / 4], dim=-1),
    ]
    return near, torch.cat(parts, dim=-1) * other[..., None]


def _closer(log: Tensor, kind: Tensor, other: Tensor) -> Tensor:
    """Return log(1 + how many points of j's type are closer to i than j)."""
    order = (kind[:, None, :].to(log.dtype) * 1000 + log).argsort(dim=2)
    rank = torch.empty_like(order).scatter_(2, order, torch.arange(order.shape[2], device=log.device).expand_as(order))
    own = kind[:, None, :].expand_as(order)
    first = torch.full((*order.shape[:2], int(kind.max()) + 1 if kind.numel() else 1), 1 << 30, device=log.device)
    first = first.scatter_reduce(2, own, rank, "amin")
    closer: Tensor = torch.where(other, (rank - first.gather(2, own)).to(log.dtype).log1p(), 0.0)
    return closer


def _between(middle: Tensor) -> Tensor:
    """Return numbers about two guessed middles: log distance over either size, and log ratio of the sizes."""
    place, size = middle[..., :2], middle[..., 2]
    far = (place[:, None] - place[:, :, None]).square().sum(dim=-1).add(_NEAR**2).sqrt().log()
    about = torch.stack([far - size[:, :, None], far - size[:, None, :], (size[:, None] - size[:, :, None]).abs()], -1)
    return about.clamp(-6, 6)
