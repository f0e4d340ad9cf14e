"""Decoders: the score of a pair of nodes from their vectors."""

from jaxtyping import Float, Int
from torch import Tensor


def scaled_dot(z: Float[Tensor, "nodes dim"], edge_label_index: Int[Tensor, "2 pairs"]) -> Float[Tensor, " pairs"]:
    """Score pairs by the inner product of their vectors, z_u . z_v / sqrt(dim).

    The scale keeps first scores near 0 whatever the dimension.

    Example:
        >>> import torch
        >>> scaled_dot(torch.tensor([[1.0, 2.0, 0.0, 0.0], [3.0, 4.0, 0.0, 0.0]]), torch.tensor([[0], [1]]))
        tensor([5.5000])

    References:
        Vaswani et al. 2017, "Attention is all you need", section 3.2.1, for the scale.
    """
    u, v = edge_label_index
    score = (z.index_select(0, u) * z.index_select(0, v)).sum(
        dim=-1
    )  # index_select: its gradient adds in a fixed order
    scaled: Tensor = score / z.shape[1] ** 0.5
    return scaled
