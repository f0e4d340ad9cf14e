"""`Hops`: a learned mixture of how a graph looks from 0, 1, 2, ... steps away, linear from the features to the vectors.

Most scores of a pair of nodes (common neighbours, Katz, PageRank) are sums over walks of different lengths. So is the
inner product of two mixtures of hops, with the weights of the lengths learned instead of chosen. There is nothing
between the steps: no matrices, no bends, hence nothing that is lost by taking twenty of them.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from graphembed.nn.aggregate import Neighbours, Rows, can_fuse, fused
from graphembed.nn.gnn import smoothing

_STARTS = ("restart", "katz", "even", "last")
_SPARSE = 0.25  # features with a smaller share of entries that are not zero are multiplied as sparse rows


class Hops(nn.Module):
    """Mix what lies so many steps away, z = tail(sum over k = 0 ... steps of beta_k S^k X W), beta and W learned.

    S = D^-1/2 (A + I) D^-1/2. On the CPU all of it is products of sparse rows, that with sparse features, too.

    Args:
        in_channels: Features per node.
        out_channels: Length of the vectors.
        steps: How many hops.
        start: First beta: ``"restart"`` alpha (1 - alpha)^k, the last with all the rest (random walk with restart);
            ``"katz"`` alpha^k; ``"even"`` 1 / (steps + 1), what a residual connection to the start at each step gives;
            ``"last"`` 1 for the last hop and 0 for the others.
        alpha: See there.
        dropout: Share of the features that are hidden while training.
        tail: What the vectors go through at the end, such as a norm or an activation.

    Raises:
        ValueError: A setting is out of range.

    Example:
        >>> with torch.random.fork_rng():
        ...     module = Hops(3, 2, steps=4, start="katz", alpha=0.5)
        >>> module.beta.data
        tensor([1.0000, 0.5000, 0.2500, 0.1250, 0.0625])

    References:
        Zhang et al. 2024, "Heuristic learning with graph neural networks: a unified framework for link prediction"
        (HL-GNN); Ma et al. 2024, "Reconsidering the performance of GAE in link prediction" (linear propagation with
        residuals).
    Differs from the papers: HL-GNN's vectors are as long as the features in its code; here they have a length of
    their own.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        steps: int = 20,
        start: str = "restart",
        alpha: float = 0.2,
        dropout: float = 0.5,
        tail: nn.Module | None = None,
    ) -> None:
        super().__init__()
        if start not in _STARTS:
            raise ValueError(f"start must be one of {', '.join(map(repr, _STARTS))}, got {start!r}")
        if steps < 0 or not 0 < alpha < 1 or not 0 <= dropout < 1:
            raise ValueError(
                "steps must be at least 0, alpha between 0 and 1 and dropout at least 0 and below 1, got "
                f"steps={steps}, alpha={alpha}, dropout={dropout}"
            )
        self.steps, self.start, self.alpha, self.dropout = steps, start, alpha, dropout
        self.enter = nn.Linear(in_channels, out_channels)
        self.beta = nn.Parameter(torch.empty(steps + 1))
        self.step = smoothing(out_channels, out_channels)
        self.tail = nn.Identity() if tail is None else tail
        self._start_beta()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        self.enter.reset_parameters()
        self._start_beta()
        if hasattr(self.tail, "reset_parameters"):
            self.tail.reset_parameters()  # type: ignore[operator]

    def _start_beta(self) -> None:
        hop = torch.arange(self.steps + 1)
        if self.start == "restart":
            beta = self.alpha * (1 - self.alpha) ** hop
            beta[-1] = (1 - self.alpha) ** self.steps
        elif self.start == "katz":
            beta = self.alpha**hop
        else:
            beta = (hop == self.steps).float() if self.start == "last" else torch.ones(len(hop)) / len(hop)
        with torch.no_grad():
            self.beta.copy_(beta)

    def forward(
        self,
        x: Float[Tensor, "nodes in_channels"],
        edge_index: Int[Tensor, "2 edges"],
        edge_weight: Float[Tensor, " edges"] | None = None,
    ) -> Float[Tensor, "nodes out_channels"]:
        """Embed all nodes."""
        hop = self._entered(x)
        fast = can_fuse(self.step, hop, edge_weight)
        near = Neighbours.of(edge_index, edge_weight, len(x)) if fast and self.steps else None
        z = self.beta[0] * hop
        for k in range(1, self.steps + 1):
            hop = self.step(hop, edge_index, edge_weight) if near is None else fused(self.step, near, hop, len(hop))
            z = z + self.beta[k] * hop
        mixed: Tensor = self.tail(z)
        return mixed

    def _entered(self, x: Tensor) -> Tensor:
        """Return X W + b, with some of the features hidden while training."""
        rows = _sparse(x)
        hidden = self.dropout if self.training else 0.0
        if rows is None:
            dense: Tensor = self.enter(F.dropout(x, hidden))
            return dense
        if hidden:
            assert rows.weight is not None
            rows = Rows(rows.indptr, rows.indices, F.dropout(rows.weight, hidden), rows.sources)
        return rows.sum(self.enter.weight.T.contiguous()) + self.enter.bias


def _sparse(x: Tensor) -> Rows | None:
    """Return features on the CPU as sparse rows, made once for each table, or None if they are not sparse."""
    if x.device.type != "cpu" or x.requires_grad or x.is_inference() or not x.numel():
        return None
    known = _KNOWN.get(x)
    if known is None or known[0] != x._version:
        there = x != 0
        rows = None
        if there.sum() < _SPARSE * x.numel():
            indptr = torch.cat([torch.zeros(1, dtype=torch.long), there.sum(dim=1).cumsum(dim=0)])
            rows = Rows(indptr, there.nonzero()[:, 1].contiguous(), x[there], x.shape[1])
        _KNOWN[x] = known = (x._version, rows)
    found: Rows | None = known[1]
    return found


_KNOWN: Any = WeakTensorKeyDictionary()  # features -> their state and rows; goes when they go


def orthogonal(table: nn.Embedding) -> None:
    """Draw the rows of a table of learned inputs such that its columns are orthogonal, rows about as long as 1.

    Vectors of different nodes then start with inner products that add up to nothing, so that after a step along the
    edges an inner product counts common neighbours.

    Example:
        >>> with torch.random.fork_rng():
        ...     table = nn.Embedding(50, 8)
        ...     orthogonal(table)
        >>> torch.allclose(table.weight.T @ table.weight, torch.eye(8) * 50 / 8, atol=1e-4)
        True

    References:
        Ma et al. 2024, "Reconsidering the performance of GAE in link prediction", for orthogonal inputs.
    """
    nodes, channels = table.weight.shape
    nn.init.orthogonal_(table.weight, gain=math.sqrt(max(nodes, channels) / channels))
