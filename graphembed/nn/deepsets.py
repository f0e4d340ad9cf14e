"""`DeepSets`: a set of vectors becomes one vector, whatever their number and order.

Each element goes through a map phi, what comes out is pooled, and the pooled vector goes through a map rho. With a sum
in the middle every function of a set can be written like this; means and maxima cannot count. It is a PyG
``Aggregation``: it goes wherever PyG takes a readout.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch_geometric.nn import MLP
from torch_geometric.nn.aggr import Aggregation
from torch_geometric.nn.aggr.utils import PoolingByMultiheadAttention
from torch_geometric.utils import to_dense_batch

POOLS = ("sum", "mean", "max", "moments", "attention")
_MOMENTS = 4  # mean, standard deviation, skewness, kurtosis
_FLAT = 1e-5  # added to a variance, which is zero in sets of one


class DeepSets(Aggregation):
    """Map the elements of each set, pool them, map the result: z_S = rho(pool(phi(h_v), v in S)).

    ``"sum"``, ``"mean"`` and ``"max"`` pool each column by itself. ``"moments"`` puts the mean, the standard deviation
    s = sqrt(m_2 + 1e-5), the skewness m_3 / s^3 and the kurtosis m_4 / s^4 of each column behind each other, where m_k
    is the mean of (h - mean)^k. ``"attention"`` lets a learned query q look at the elements (PMA): MAB(q, relu(h W)),
    MAB(q, Y) = LayerNorm(t + relu(t W')), t = LayerNorm(q + Multihead(q, Y, Y)).

    A set without elements is pooled to zeros, and then mapped by rho like any other.

    Args:
        channels: Length of an element.
        out_channels: Length of a set's vector; None leaves out rho, and the vector is as long as the pooled one.
        hidden: Width of phi, a perceptron with one hidden layer of this width; 0 leaves it out. That of rho is as wide.
        pool: How elements are pooled: ``"sum"``, ``"mean"``, ``"max"``, ``"moments"`` or ``"attention"``.
        heads: Of the attention; they divide the width it sees.

    Raises:
        ValueError: An unknown pool, or widths that do not fit.

    Example:
        >>> readout = DeepSets(2, pool="sum")
        >>> readout(torch.ones(3, 2), torch.tensor([0, 0, 2]), dim_size=3)
        tensor([[2., 2.],
                [0., 0.],
                [1., 1.]])

    References:
        Zaheer et al. 2017, "Deep sets", theorem 2.
        Lee et al. 2019, "Set transformer", equations 6, 7 and 11, for attention.
        Corso et al. 2020, "Principal neighbourhood aggregation for graph nets", section 2.2, for moments.
    Differs from the papers: moments are those of statistics, without the k-th root; the map before attention is one
    linear layer with relu (PyG's).
    """

    def __init__(
        self, channels: int, out_channels: int | None = None, *, hidden: int = 0, pool: str = "sum", heads: int = 4
    ) -> None:
        super().__init__()
        if pool not in POOLS:
            raise ValueError(f"pool must be one of {', '.join(POOLS)}, got {pool!r}")
        if channels < 1 or hidden < 0 or (out_channels is not None and out_channels < 1):
            raise ValueError(
                "channels and out_channels must be at least 1 and hidden at least 0, got "
                f"channels={channels}, out_channels={out_channels}, hidden={hidden}"
            )
        width = hidden or channels
        if pool == "attention" and (heads < 1 or width % heads):
            raise ValueError(f"heads must divide the width of what is pooled, got heads={heads} for {width}")
        self.channels, self.pool = channels, pool
        self.phi: nn.Module = MLP([channels, hidden, hidden], norm=None) if hidden else nn.Identity()
        self.attention = PoolingByMultiheadAttention(width, heads=heads) if pool == "attention" else None
        pooled = width * (_MOMENTS if pool == "moments" else 1)
        self.out_channels = pooled if out_channels is None else out_channels
        self.rho: nn.Module = nn.Identity()
        if out_channels is not None:
            self.rho = MLP([pooled, hidden or pooled, out_channels], norm=None)

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        parts: list[Any] = [self.phi, self.attention, self.rho]
        for part in parts:
            if hasattr(part, "reset_parameters"):
                part.reset_parameters()

    def forward(
        self,
        x: Float[Tensor, "elements channels"],
        index: Int[Tensor, " elements"] | None = None,
        ptr: Int[Tensor, " ends"] | None = None,
        dim_size: int | None = None,
        dim: int = -2,
    ) -> Float[Tensor, "sets out_channels"]:
        """Pool the elements of each set.

        Args:
            x: The elements of all sets.
            index: The set of each, in any order; without it, and without ``ptr``, all are of one set.
            ptr: Where the sets begin and, last, where the last one ends: instead of ``index``, for sorted sets.
            dim_size: How many sets there are, if the last ones have no elements.
            dim: Where the elements are counted; only rows will do.
        """
        self.assert_two_dimensional_input(x, dim)
        index, sets = _sets(x, index, ptr, dim_size)
        h = self.phi(x)
        if self.attention is not None:
            pooled = self._attended(h, index, sets)
        elif self.pool == "moments":
            pooled = self._moments(h, index, sets)
        else:  # by index: by ptr, PyG's sums differ in the last bits
            pooled = self.reduce(h, index, None, sets, -2, reduce=self.pool)
        z: Tensor = self.rho(pooled)
        return z

    def _moments(self, h: Tensor, index: Tensor, sets: int) -> Tensor:
        def mean(values: Tensor) -> Tensor:
            found: Tensor = self.reduce(values, index, None, sets, -2, reduce="mean")
            return found

        middle = mean(h)
        away = h - middle.index_select(0, index)
        square = away * away
        spread = (mean(square) + _FLAT).sqrt()
        there = torch.bincount(index, minlength=sets)[:, None] > 0
        moments = [middle, torch.where(there, spread, 0.0), mean(square * away) / spread**3]
        return torch.cat([*moments, mean(square * square) / spread**4], dim=1)

    def _attended(self, h: Tensor, index: Tensor, sets: int) -> Tensor:
        """Attend within the sets that have elements: a softmax over nothing would spoil the gradient of all."""
        assert self.attention is not None
        order = index.argsort(stable=True)
        there, own = torch.unique_consecutive(index[order], return_inverse=True)
        pooled = h.new_zeros(sets, h.shape[1])
        if not len(there):
            return pooled
        dense, mask = to_dense_batch(h[order], own, batch_size=len(there))
        return pooled.index_copy(0, there, self.attention(dense, mask)[:, 0])


def _sets(x: Tensor, index: Tensor | None, ptr: Tensor | None, dim_size: int | None) -> tuple[Tensor, int]:
    """Return the set of each element, and how many sets there are."""
    if ptr is not None:
        count = len(ptr) - 1
        index = torch.repeat_interleave(torch.arange(count, device=x.device), ptr.diff(), output_size=len(x))
    elif index is None:
        index, count = x.new_zeros(len(x), dtype=torch.long), 1
    else:
        count = int(index.max()) + 1 if index.numel() else 0
    return index, count if dim_size is None else dim_size
