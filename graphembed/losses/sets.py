"""Push and pull: points of one group draw together, different groups of an image keep apart.

Points have a vector (a tag), the number of their group (-1: of no group, they are left out) and that of their image;
only points, and groups, of one image meet. An image may be anything that holds groups: a graph, a text.

Sums over pairs of points within a group are those over single points, n sum |z - mean|^2. Pairs of different groups are
looked at in blocks that are computed again for the slope, so that memory does not grow with their number.
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from graphembed.losses.rows import wide

_BLOCK = 1 << 22  # numbers in a block of differences
_SMALL = 1e-12  # squared distances below count as zero: their root has no slope there


def push_pull(
    z: Float[Tensor, "points dim"],
    group: Int[Tensor, " points"],
    image: Int[Tensor, " points"] | None = None,
    *,
    margin: float = 1.0,
    push: float = 1.0,
    reduction: str = "mean",
) -> Float[Tensor, ""]:
    """Draw the points of a group together, and keep those of different groups a margin apart: L_intra + push L_inter.

    L_intra = sum over pairs of one group |z_i - z_j|^2, L_inter = sum over pairs of different groups of an image
    max(0, margin - |z_i - z_j|). Each pair counts once.

    Args:
        z: Vectors of the points.
        group: Number of each point's group; -1 for none. The same number in two images means two groups.
        image: Number of each point's image; by default all are in one.
        margin: How far apart points of different groups should be, at least.
        push: Weight of the second sum.
        reduction: ``"mean"`` divides each of the sums by the number of its pairs, where it has any.

    Returns:
        0 where there are no pairs. Where two points of different groups coincide, the slope is that of the others.

    Raises:
        ValueError: The reduction is neither of the two.

    Example:
        >>> z = torch.tensor([[0.0], [1.0], [1.5]])
        >>> push_pull(z, torch.tensor([0, 0, 1]), reduction="sum")  # 1, and 0 + 0.5
        tensor(1.5000)
        >>> push_pull(z, torch.tensor([0, 0, 1]))
        tensor(1.2500)

    References:
        Hadsell, Chopra and LeCun 2006, "Dimensionality reduction by learning an invariant mapping", section 2.1, for
        pull and push of pairs.
    Differs from the paper: the push is linear in the distance, so that it does not fade near the margin.
    """
    mean = _is_mean(reduction)
    z, group, image = _in_groups(z, group, image)
    code, _, size = _groups(group, image)
    pull = (_from_mean(z, code, size) * size[code].to(z.dtype)).sum()
    pushed, pairs = _between(z, code, image, lambda square: torch.relu(margin - _root(square)))
    if mean:
        pull, pushed = pull / (size * (size - 1) // 2).sum().clamp(min=1), pushed / max(pairs, 1)
    return pull + push * pushed


def associative(
    z: Float[Tensor, "points dim"],
    group: Int[Tensor, " points"],
    image: Int[Tensor, " points"] | None = None,
    *,
    sigma: float = 1.0,
    push: float = 1.0,
    reduction: str = "mean",
) -> Float[Tensor, ""]:
    """Draw points to the mean of their group, and keep the means of an image's groups apart (associative embedding).

    Of an image with N groups, group n with K_n points z and mean m_n: pull = 1/N sum_n 1/K_n sum_k |z_nk - m_n|^2,
    pushed = 1/N^2 sum_n sum_n' exp(-|m_n - m_n'|^2 / (2 sigma^2)) over n' != n; the loss is the mean over images of
    pull + push pushed.

    Args:
        z: Vectors of the points.
        group: Number of each point's group; -1 for none. The same number in two images means two groups.
        image: Number of each point's image; by default all are in one.
        sigma: How far the push between means reaches.
        push: Weight of the second sum.
        reduction: ``"sum"`` leaves out 1/N, 1/K_n and 1/N^2, adds images up, and counts each pair of groups once.

    Returns:
        0 where there are no groups.

    Raises:
        ValueError: The reduction is neither of the two.

    Example:
        >>> z = torch.tensor([[0.0], [2.0], [5.0]])
        >>> associative(z, torch.tensor([0, 0, 1]), reduction="sum")  # 1 + 1, and exp(-8)
        tensor(2.0003)
        >>> associative(z, torch.tensor([0, 0, 1]))
        tensor(0.5002)

    References:
        Newell, Huang and Deng 2017, "Associative embedding: end-to-end learning for joint detection and grouping",
        equation 1 (L_g).
    Differs from the paper: 1/K_n, as in its authors' code; n = n' adds a constant 1/N there and is left out; tags of
    any length.
    """
    mean = _is_mean(reduction)
    z, group, image = _in_groups(z, group, image)
    code, home, size = _groups(group, image)
    middle = _means(z, code, size)
    images, place = home.unique(return_inverse=True)  # type: ignore[no-untyped-call]
    count = torch.bincount(place, minlength=len(images)).to(z.dtype)  # N of each image
    far = _from_mean(z, code, size)
    weight = torch.ones_like(count)
    if mean:
        far = far / (size[code] * count[place[code]])
        weight = 2 / count.square()
    pushed, _ = _between(
        middle, torch.arange(len(home), device=z.device), place, lambda s: torch.exp(-s / (2 * sigma**2)), weight
    )
    loss: Tensor = far.sum() + push * pushed
    return loss / max(len(images), 1) if mean else loss


def _is_mean(reduction: str) -> bool:
    if reduction not in ("mean", "sum"):
        raise ValueError(f"reduction must be 'mean' or 'sum', got {reduction!r}")
    return reduction == "mean"


def _in_groups(z: Tensor, group: Tensor, image: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Leave out who is in no group, and put the points in the order of their images."""
    image = torch.zeros_like(group) if image is None else image
    kept = (group >= 0).nonzero()[:, 0]
    kept = kept[image[kept].argsort(stable=True)]
    return wide(z).index_select(0, kept), group[kept], image[kept]


def _groups(group: Tensor, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Number the groups of all images from 0, image by image: of each point; the image of each group, and its size."""
    both, code, size = torch.stack([image, group]).unique(  # type: ignore[no-untyped-call]
        dim=1, return_inverse=True, return_counts=True
    )
    return code, both[0], size


def _means(z: Tensor, code: Tensor, size: Tensor) -> Tensor:
    return z.new_zeros(len(size), z.shape[1]).index_add(0, code, z) / size[:, None]


def _from_mean(z: Tensor, code: Tensor, size: Tensor) -> Tensor:
    """Return the squared distance of each point from the mean of its group."""
    return (z - _means(z, code, size).index_select(0, code)).square().sum(dim=1)


def _root(square: Tensor) -> Tensor:
    """Return distances; where it is zero, without a slope."""
    return torch.where(square > _SMALL, square, _SMALL).sqrt() * (square > _SMALL)


def _between(
    z: Tensor, group: Tensor, image: Tensor, value: Callable[[Tensor], Tensor], weight: Tensor | None = None
) -> tuple[Tensor, int]:
    """Add up a value of the squared distance over pairs of different groups of an image, and count them.

    Rows are in the order of their images. ``weight`` is one number for each image, which are 0, 1, ... then.
    """
    _, sizes = image.unique_consecutive(return_counts=True)  # type: ignore[no-untyped-call]
    ends = sizes.cumsum(0).repeat_interleave(sizes)  # where each row's image ends
    most, width = int(sizes.max()) if len(sizes) else 1, max(z.shape[1], 1)
    rows = max(min(_BLOCK // (2 * most * width), int((_BLOCK / (2 * width)) ** 0.5)), 1)
    total, pairs = z.sum() * 0, 0
    for begin in range(0, len(z), rows):
        own = slice(begin, begin + rows)
        end = int(ends[own][-1])
        other = slice(begin + 1, end)
        meet = (image[own, None] == image[other]) & (group[own, None] != group[other])
        meet = meet.triu()  # row i meets the rows after it: column 0 is row i + 1 for the first
        pairs += int(meet.sum())
        factor = None if weight is None else weight.index_select(0, image[own])
        total = total + checkpoint(_block, z[own], z[other], meet, factor, value, use_reentrant=False)
    return total, pairs


def _block(
    own: Float[Tensor, "rows dim"],
    other: Float[Tensor, "columns dim"],
    meet: Bool[Tensor, "rows columns"],
    factor: Float[Tensor, " rows"] | None,
    value: Callable[[Tensor], Tensor],
) -> Tensor:
    """Add up over those of a block that meet."""
    found = value((own[:, None] - other).square().sum(dim=-1)) * meet
    if factor is not None:
        found = found * factor[:, None]
    return found.sum()
