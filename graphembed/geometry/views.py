"""Do two views of a graph see it alike? The distance between what each says of how similar its own nodes are.

Rotations and exchanged nodes leave it 0: it compares the shapes of two spaces, not their points. As a loss it asks an
encoder for a shape that does not depend on what was left out, without saying where a node should lie.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float
from scipy.stats import wasserstein_distance
from torch import Tensor

from graphembed.geometry.points import MOST, Vectors, cosines_of, look, pairs_of
from graphembed.parallel import one_thread


@one_thread()
def view_distance(a: Vectors, b: Vectors, *, most: int = MOST, seed: int = 0) -> float:
    """Wasserstein distance between the cosines within one view and those within another: 0 (one shape) to 2.

    W = integral |F(t) - G(t)| dt, F and G the distribution functions of the cosines of pairs of nodes.

    Args:
        a: (nodes, dim) vectors of one view, two at least.
        b: Of another; the number of nodes and dimensions may differ.
        most: More nodes than these are sampled.
        seed: Of the sample of nodes and pairs.

    Example:
        >>> import numpy as np
        >>> square = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
        >>> round(view_distance(square, square[::-1]), 9), round(view_distance(square, np.ones((2, 2))), 9)
        (0.0, 1.333333333)

    References:
        Villani 2009, "Optimal transport", remark 6.5: the distance W_1 in one dimension.
    """
    first, second = (cosines_of(x, pairs_of(len(x), seed)) for x in (look(a, most, seed), look(b, most, seed)))
    return float(wasserstein_distance(first, second))


def view_loss(
    a: Float[Tensor, "nodes dim"], b: Float[Tensor, "nodes other_dim"], pairs: Tensor | None = None
) -> Float[Tensor, ""]:
    """Return `view_distance` as a loss: the mean over k of |s_k - t_k|, s and t the sorted cosines of both views.

    The slope goes through the sorted values; where two cosines are equal it is that of one order of them.

    Args:
        a: Vectors of the nodes in one view.
        b: Of the same number of nodes in the other.
        pairs: (2, pairs) which to compare; by default all, whose number grows as the square of the nodes.

    Example:
        >>> z = torch.eye(3)
        >>> view_loss(z, z[[1, 2, 0]]), view_loss(z, torch.ones(3, 3))
        (tensor(0.), tensor(1.0000))
    """
    if len(a) != len(b):
        raise ValueError(f"both views must have the same number of nodes, got {len(a)} and {len(b)}")
    i, j = torch.triu_indices(len(a), len(a), 1, device=a.device) if pairs is None else pairs
    if not i.numel():
        return (a.sum() + b.sum()) * 0
    one, other = (F.normalize(z.to(torch.promote_types(z.dtype, torch.float32)), dim=1) for z in (a, b))
    within = ((z[i] * z[j]).sum(dim=1).sort().values for z in (one, other))
    return (next(within) - next(within)).abs().mean()
