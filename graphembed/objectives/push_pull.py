"""Push and pull: points of one group get like tags, groups of one image unlike ones.

Groups are ``data.y``, -1 for none; images are the graphs that stand side by side, told apart by ``data.batch``.
"""

import dataclasses as dc
from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn
from torch_geometric.data import Data

from graphembed.errors import DataError
from graphembed.graph import Graph
from graphembed.losses import associative
from graphembed.objectives.graphs import side_by_side
from graphembed.objectives.protocol import changed, encode
from graphembed.objectives.sampled import Made

_SORTED = 64  # images of which those of like size come into one batch


@dc.dataclass(frozen=True)
class PushPull:
    """Draw the tags of a group together and push those of different groups of an image apart.

    Args:
        form: The loss, of tags, groups and images: `graphembed.losses.associative` or `graphembed.losses.push_pull`, if
            wanted with other settings (``functools.partial``).
        pairs: Pairs of points in a batch, about: as many whole images, of like size, as have so many.

    Raises:
        ValueError: ``pairs`` is not positive.

    References:
        Newell, Huang and Deng 2017, "Associative embedding: end-to-end learning for joint detection and grouping".
    """

    form: Callable[[Tensor, Tensor, Tensor], Tensor] = dc.field(default=associative, repr=False)
    pairs: int = 1 << 20

    def __post_init__(self) -> None:
        if self.pairs < 1:
            raise ValueError(f"pairs must be positive, got {self.pairs}")

    def prepare(self, encoder: nn.Module, graph: Graph) -> nn.Module:  # noqa: ARG002
        """Make nothing: tags are what the encoder returns."""
        return nn.Module()

    def batches(self, graph: Graph, seed: int) -> Sequence[Data]:
        """Return some images at a time, with ``target`` (points,), their groups, and ``batch``, their images."""
        return image_batches(graph, self.pairs, seed)

    def loss(self, encoder: nn.Module, beside: nn.Module, batch: Data) -> Float[Tensor, ""]:  # noqa: ARG002
        """Tag the points of some images."""
        return self.form(encode(encoder, batch), batch.target, batch.batch)


def image_batches(graph: Graph, pairs: int, seed: int) -> Sequence[Data]:
    """Cut a graph of images side by side into batches of whole images, of like size, in random order.

    Raises:
        DataError: There are no groups to learn from, or ``data.batch`` does not ascend.
    """
    images, groups = images_of(graph), graph.data.get("y")
    if groups is None or groups.is_floating_point() or groups.dim() != 1:
        raise DataError(
            f"learning to group needs the group of each node, as whole numbers in data.y, -1 for none: {graph}"
        )
    first = np.searchsorted(images, np.arange(images.max(initial=-1) + 2))
    parts = _parts(np.diff(first), pairs, np.random.default_rng(seed))
    return Made(len(parts), lambda i: _some(graph, first, parts[i]))


def images_of(graph: Graph) -> NDArray[np.int64]:
    """Return the image of each node, from 0; without ``data.batch`` there is one.

    Raises:
        DataError: They do not ascend.
    """
    images = graph.data.get("batch")
    if images is None:
        return np.zeros(graph.num_nodes, np.int64)
    found: NDArray[np.int64] = images.numpy().astype(np.int64)
    if (np.diff(found) < 0).any() or (found[:1] < 0).any():
        raise DataError("the nodes of an image must stand together, the images ascending from 0, in data.batch")
    return found


def _parts(sizes: NDArray[np.int64], pairs: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Put images into batches; the largest of a batch, times itself, times their number, is ``pairs`` at most."""
    order = rng.permutation(np.flatnonzero(sizes))
    parts = []
    for begin in range(0, len(order), _SORTED):
        some = order[begin : begin + _SORTED]
        some = some[np.argsort(sizes[some], kind="stable")]
        at = 0
        for place in range(1, len(some) + 1):
            if place == len(some) or (place + 1 - at) * sizes[some[place]] ** 2 > pairs:
                parts.append(some[at:place])
                at = place
    return [parts[i] for i in rng.permutation(len(parts))]


def _some(graph: Graph, first: NDArray[np.int64], some: NDArray[np.int64]) -> Data:
    """Take images out of a graph, with the groups of their points."""
    rows = np.concatenate([np.arange(first[image], first[image + 1]) for image in some])
    groups: Tensor = graph.data.y.long().index_select(0, torch.from_numpy(rows))
    return changed(side_by_side(graph, some), target=groups)
