"""Losses: pure functions of tensors."""

import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float
from torch import Tensor


def link_loss(positive: Float[Tensor, " edges"], negative: Float[Tensor, " others"]) -> Float[Tensor, ""]:
    """Binary cross-entropy of link scores: mean softplus(-s) over edges plus mean softplus(s) over unlinked pairs.

    Args:
        positive: Scores (log-odds) of edges.
        negative: Scores of unlinked pairs; how many does not matter, the two means weigh the same.

    Example:
        >>> import torch
        >>> link_loss(torch.zeros(3), torch.zeros(5))
        tensor(1.3863)

    References:
        Kipf and Welling 2016, "Variational graph auto-encoders", equation 3 without the KL term.
    """
    return F.softplus(-positive).mean() + F.softplus(negative).mean()
