"""Decoders: the score of a pair of nodes from their vectors and, for some, from the graph between them.

A decoder module is called as ``decoder(z, pairs, rows, side)``: vectors (nodes, dim), pairs (2, pairs), the neighbours
of each node, and numbers about each pair (pairs, side) or None; it returns log-odds (pairs,), the same for (u, v) and
(v, u). That pairs which are linked do not give themselves away is up to the caller, who takes their edges out of the
graph (`graphembed.objectives.joint`).
"""

import math

import numpy as np
import scipy.sparse as sp
import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor, nn

from graphembed.nn.aggregate import Rows

_MOST = 1 << 22  # numbers in the tables of random signs that are multiplied at a time


def scaled_dot(z: Float[Tensor, "nodes dim"], edge_label_index: Int[Tensor, "2 pairs"]) -> Float[Tensor, " pairs"]:
    """Score pairs by the inner product of their vectors, z_u . z_v / sqrt(dim).

    The scale keeps first scores near 0 whatever the dimension.

    Example:
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


class Readout(nn.Module):
    """Turn the vector of a pair, and numbers about it, into log-odds: MLP([h, side]) + w . side.

    Args:
        channels: Length of the vectors.
        side: How many numbers there are about each pair; where they are not given they count as 0, their mean.
        hidden: Width of the layers in between.
        layers: How many; 1 is linear.
        dropout: While training, in front of each layer but for the numbers.
    """

    def __init__(self, channels: int, side: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        widths = [channels + side, *[hidden] * (layers - 1), 1]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True))
        self.beside = nn.Linear(side, 1, bias=False) if side else None
        self.side, self.dropout = side, dropout

    def forward(self, h: Float[Tensor, "pairs channels"], side: Float[Tensor, "pairs side"] | None) -> Tensor:
        """Return (pairs,) log-odds."""
        side = h.new_zeros(len(h), self.side) if side is None else side
        for place, layer in enumerate(self.layers):
            h = F.dropout(h, self.dropout, self.training)
            h = layer(F.relu(h) if place else torch.cat([h, side], dim=1))
        logit = h[:, 0]
        return logit if self.beside is None else logit + self.beside(side)[:, 0]


class Hadamard(nn.Module):
    """Score a pair by a network on the product of its vectors, entry by entry: MLP([z_u * z_v, side]).

    Args:
        channels: Length of the vectors.
        side: How many numbers there are about each pair.
        hidden: Width of the network.
        layers: Of the network; 1 gives a weighted inner product.
        dropout: While training.

    Example:
        >>> with torch.random.fork_rng():
        ...     decoder = Hadamard(4)
        >>> z, pairs = torch.eye(4), torch.tensor([[0, 1, 2], [1, 0, 3]])
        >>> score = decoder.eval()(z, pairs)
        >>> torch.allclose(score[0], score[1], atol=1e-6)  # alike but for rounding
        True
    """

    def __init__(self, channels: int, side: int = 0, hidden: int = 256, layers: int = 2, dropout: float = 0.5) -> None:
        super().__init__()
        self.readout = Readout(channels, side, hidden, layers, dropout)

    def forward(
        self,
        z: Float[Tensor, "nodes dim"],
        pairs: Int[Tensor, "2 pairs"],
        rows: Rows | None = None,  # noqa: ARG002
        side: Float[Tensor, "pairs side"] | None = None,
    ) -> Float[Tensor, " pairs"]:
        """Score pairs."""
        logit: Tensor = self.readout(product(z, pairs), side)
        return logit


class CommonNeighbours(nn.Module):
    """Score a pair by its vectors and those of its common neighbours k: MLP([z_u * z_v, sum over k of z_k, side]).

    Args:
        channels: Length of the vectors.
        side: How many numbers there are about each pair.
        hidden: Width of the network.
        layers: Of the network.
        dropout: While training.

    References:
        Wang, Yang and Zhang 2024, "Neural common neighbor with completion for link prediction" (NCN).
    """

    def __init__(self, channels: int, side: int = 0, hidden: int = 256, layers: int = 2, dropout: float = 0.3) -> None:
        super().__init__()
        self.readout = Readout(2 * channels, side, hidden, layers, dropout)

    def forward(
        self,
        z: Float[Tensor, "nodes dim"],
        pairs: Int[Tensor, "2 pairs"],
        rows: Rows,
        side: Float[Tensor, "pairs side"] | None = None,
    ) -> Float[Tensor, " pairs"]:
        """Score pairs."""
        edge = _matrix(rows)
        u, v = pairs.numpy()
        return self.of_sum(z, pairs, _rows(edge[u].multiply(edge[v])).sum(z), side)

    def of_sum(self, z: Tensor, pairs: Tensor, shared: Tensor, side: Tensor | None) -> Tensor:
        """Score pairs whose neighbours' vectors have been added up."""
        logit: Tensor = self.readout(torch.cat([product(z, pairs), shared], dim=1), side)
        return logit


class CompletedNeighbours(nn.Module):
    """As `CommonNeighbours`, where a neighbour of one of the two counts as far as it is likely to be one of the other.

    For k in N(u) but not in N(v), z_k is added with weight sigmoid(s_vk - offset), s_vk being the score of v and k by
    the same network without completion and without numbers about them.

    Args:
        channels: Length of the vectors.
        side: How many numbers there are about each pair.
        hidden: Width of the network.
        layers: Of the network.
        dropout: While training.
        offset: Training sees as many edges as other pairs, but most of the pairs asked for here are not linked.

    References:
        Wang, Yang and Zhang 2024, "Neural common neighbor with completion for link prediction" (NCNC).
    Differs from the paper: the weights are no part of the gradient.
    """

    def __init__(
        self,
        channels: int,
        side: int = 0,
        hidden: int = 256,
        layers: int = 2,
        dropout: float = 0.3,
        offset: float = 2.0,
    ) -> None:
        super().__init__()
        self.network = CommonNeighbours(channels, side, hidden, layers, dropout)
        self.offset = offset

    def forward(
        self,
        z: Float[Tensor, "nodes dim"],
        pairs: Int[Tensor, "2 pairs"],
        rows: Rows,
        side: Float[Tensor, "pairs side"] | None = None,
    ) -> Float[Tensor, " pairs"]:
        """Score pairs."""
        edge = _matrix(rows)
        u, v = pairs.numpy()
        shared = edge[u].multiply(edge[v])
        missing = [_missing(edge, a, b, shared) for a, b in ((u, v), (v, u))]
        asked = np.concatenate([np.stack([b[lone.row], lone.col]) for lone, b in zip(missing, (v, u), strict=True)], 1)
        weight = self._chances(z, np.sort(asked, axis=0), edge)
        weighted = sum(
            sp.csr_array((w, (lone.row, lone.col)), shape=shared.shape)
            for lone, w in zip(missing, np.split(weight, [missing[0].nnz]), strict=True)
        )
        return self.network.of_sum(z, pairs, _rows(shared + weighted).sum(z), side)

    @torch.no_grad()
    def _chances(self, z: Tensor, asked: NDArray[np.int64], edge: sp.csr_array) -> NDArray[np.float32]:
        """Return how likely pairs (2, pairs) are linked; each different pair is scored once."""
        keys, place = np.unique(asked[0] * len(z) + asked[1], return_inverse=True)
        chances = np.empty(keys.size, np.float32)
        training = self.network.training
        self.network.eval()
        block = max(_MOST // (2 * z.shape[1]), 1)
        for first in range(0, keys.size, block):
            some = np.stack(np.divmod(keys[first : first + block], len(z)))
            shared = _rows(edge[some[0]].multiply(edge[some[1]])).sum(z)
            score = self.network.of_sum(z, torch.from_numpy(some), shared, None)
            chances[first : first + block] = torch.sigmoid(score - self.offset).numpy()
        self.network.train(training)
        return chances[place]


class Signatures(nn.Module):
    """Score a pair by how many nodes lie so many steps from both, estimated by inner products of random vectors (MPLP).

    Every node k gets a random vector r_k of +-1 / sqrt(size), and a weight w_k learned from its degree. With
    e_u = sum over N(u) of sqrt(w_k) r_k, the expectation of e_u . e_v is the sum of w_k over the common neighbours:
    their number, Adamic-Adar, resource allocation or what is best. Likewise for N_2, nodes at distance 2, in place of
    N, on either side or on both. The cost does not depend on how many nodes lie between the two of a pair.

    Args:
        channels: Length of the vectors of the nodes, whose product is looked at beside the estimates.
        side: How many numbers there are about each pair.
        hidden: Width of the network.
        layers: Of the network.
        dropout: While training.
        size: Length of the random vectors; the error of an estimate falls as 1 / sqrt(size).
        walks: Count walks of two steps that do not lead back instead of nodes at distance 2: for graphs in which
            these are too many (MPLP+).
        seed: Of the random vectors.

    References:
        Dong, Guo and Chawla 2024, "Pure message passing can estimate common neighbor for link prediction".
    Differs from the paper: hubs get random vectors, too; weights depend on degrees only; triangles are not estimated;
    the random vectors are the same in all batches.
    """

    def __init__(
        self,
        channels: int,
        side: int = 0,
        hidden: int = 256,
        layers: int = 2,
        dropout: float = 0.3,
        size: int = 1024,
        walks: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.readout = Readout(channels + 5, side, hidden, layers, dropout)
        self.weigh = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
        self.size, self.walks, self.seed = size, walks, seed

    def forward(
        self,
        z: Float[Tensor, "nodes dim"],
        pairs: Int[Tensor, "2 pairs"],
        rows: Rows,
        side: Float[Tensor, "pairs side"] | None = None,
    ) -> Float[Tensor, " pairs"]:
        """Score pairs."""
        degree = rows.indptr.diff().to(z.dtype)
        log = torch.log1p(degree)
        weight = F.softplus(self.weigh(torch.stack([log, 1 / (1 + degree)], dim=1)))[:, 0]
        counts = self.counts(pairs, rows, weight)
        ends = torch.stack([log.index_select(0, end) for end in pairs])
        about = torch.cat([_log(counts), ends.sum(dim=0)[:, None], ends.diff(dim=0).abs().T], dim=1)
        logit: Tensor = self.readout(torch.cat([about, product(z, pairs)], dim=1), side)
        return logit

    def counts(
        self, pairs: Int[Tensor, "2 pairs"], rows: Rows, weight: Float[Tensor, " nodes"]
    ) -> Float[Tensor, "pairs 3"]:
        """Estimate sums of weights over the nodes at distances (1, 1), (1, 2) or (2, 1), and (2, 2) of both."""
        signs = signatures(rows.targets, self.size, self.seed).to(weight.dtype)
        first = rows.sum(weight.sqrt()[:, None] * signs)
        if self.walks:  # u -> k -> u is no way to anywhere
            second = rows.sum(first) - rows.indptr.diff()[:, None] * (weight.sqrt()[:, None] * signs)
        else:
            second = at_distance_two(rows).sum(weight.sqrt()[:, None] * signs)
        block = max(_MOST // self.size, 1)
        estimates = [first.new_zeros(0, 3)]
        for begin in range(0, pairs.shape[1], block):
            u, v = pairs[:, begin : begin + block]
            a, b, c, d = (table.index_select(0, end) for table in (first, second) for end in (u, v))
            three = (a * b).sum(dim=1), (a * d).sum(dim=1) + (c * b).sum(dim=1), (c * d).sum(dim=1)
            estimates.append(torch.stack(three, dim=1))
        return torch.cat(estimates)


def signatures(nodes: int, size: int, seed: int) -> Float[Tensor, "nodes size"]:
    """Draw a vector of +-1 / sqrt(size) for each node; (nodes, size).

    Example:
        >>> signatures(2, 4, seed=0).abs()
        tensor([[0.5000, 0.5000, 0.5000, 0.5000],
                [0.5000, 0.5000, 0.5000, 0.5000]])
    """
    draw = np.random.default_rng(seed).bytes(-(-nodes * size // 8))
    bits = np.unpackbits(np.frombuffer(draw, np.uint8), count=nodes * size).reshape(nodes, size)
    return (torch.from_numpy(bits).float() * 2 - 1) / math.sqrt(size)


def at_distance_two(rows: Rows) -> Rows:
    """Return, for each node, the nodes whose shortest path to it has two edges."""
    edge = _matrix(rows)
    apart = (edge @ edge).astype(bool).tocoo()
    near = edge.astype(bool) + sp.eye_array(edge.shape[0], dtype=bool)
    return _rows((apart - apart.multiply(near)).tocsr())


def product(z: Float[Tensor, "nodes dim"], pairs: Int[Tensor, "2 pairs"]) -> Float[Tensor, "pairs dim"]:
    """Multiply the vectors of each pair entry by entry."""
    u, v = pairs
    return z.index_select(0, u) * z.index_select(0, v)


def _matrix(rows: Rows) -> sp.csr_array:
    """Return the neighbours of each node as ones in a sparse matrix."""
    ones = np.ones(len(rows.indices), np.float32)
    return sp.csr_array((ones, rows.indices.numpy(), rows.indptr.numpy()), shape=(rows.targets, rows.sources))


def _rows(matrix: sp.csr_array) -> Rows:
    """Return a sparse matrix as rows to multiply with."""
    matrix = sp.csr_array(matrix)
    indptr, indices = (torch.from_numpy(part.astype(np.int64)) for part in (matrix.indptr, matrix.indices))
    return Rows(indptr, indices, torch.from_numpy(matrix.data.astype(np.float32)), matrix.shape[1])


def _missing(edge: sp.csr_array, u: NDArray[np.int64], v: NDArray[np.int64], shared: sp.csr_array) -> sp.coo_array:
    """Return, for each pair, the neighbours of u that are not neighbours of v, nor v itself."""
    lone = (edge[u] - shared).tocoo()
    kept = (lone.data != 0) & (lone.col != v[lone.row])
    return sp.coo_array((lone.data[kept], (lone.row[kept], lone.col[kept])), shape=lone.shape)


def _log(counts: Tensor) -> Tensor:
    """Bring estimates of counts, which may be a little below zero, to one scale."""
    return torch.log1p(counts.clamp(min=0)) + 0.1 * counts.clamp(max=0)
