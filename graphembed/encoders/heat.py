"""`HeatWavelets`: how heat that starts at a node spreads, whatever the names of those it reaches (GraphWave).

Two nodes play alike parts if heat leaves them alike. What is compared is the distribution of the amounts of heat, by
its characteristic function: so no two nodes need be matched, and nodes of different graphs can be compared, too.
"""

import dataclasses as dc
import math
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from graphembed.embedding import Embedding
from graphembed.encoders.protocol import describe, needs_edges
from graphembed.encoders.sides import Kind, Sides, strength
from graphembed.graph import as_graph
from graphembed.kernels.heat import heat_signatures

_TAIL = 1e-7  # heat that has taken more steps than are followed


@dc.dataclass(eq=False)
class HeatWavelets(BaseEstimator):
    """Characteristic functions of diffused heat, at several times.

    psi = exp(-s (I - P)) e_u, with P one step of a walker, and for each s and t the real and the imaginary part of

        chi_u(s, t) = sum over nodes m of (exp(i t psi_m) - 1)

    Works on any graph of the same kind (directed or not, weighted or not); nodes of one automorphism orbit get equal
    vectors. In directed graphs heat follows the edges, and another time runs against them. Self-loops are left out. A
    node costs at most 1 / ``least`` edges a step, so all is linear in the nodes, and nothing dense is held.

    Args:
        scales: Times s, in expected steps. They need not be fitted to a graph, as those of the paper: the walker's
            Laplacian I - P has its spectrum between 0 and 2 on every graph.
        points: How many values of t, evenly up to ``reach``.
        reach: Largest t: amounts of heat down to about 1 / t are told apart.
        least: Heat per edge that does not move on; 0 follows everything.

    Raises:
        DataError: The graph has no edges, or (in ``transform``) is of another kind than the one fitted on.

    Example:
        >>> import networkx as nx
        >>> z = HeatWavelets().fit_transform(nx.path_graph(["end", "middle", "other end"]))
        >>> bool(abs(z["end"] - z["other end"]).max() < 1e-6), bool(abs(z["end"] - z["middle"]).max() > 1)
        (True, True)

    References:
        Donnat et al. 2018, "Learning structural node embeddings via diffusion wavelets", algorithm 1 and equation 3.
    Differs from the paper: the walker's Laplacian instead of D - A, so that times mean the same on every graph; the sum
    of exp(i t psi) - 1 instead of the mean of exp(i t psi), which says the same without fading as graphs grow; a series
    of positive terms, cut off where heat is thin, instead of Chebyshev polynomials on all nodes.
    """

    scales: tuple[float, ...] = (0.5, 2.0)
    points: int = 25
    reach: float = 100.0
    least: float = 1e-4

    def fit(self, graph: Any, /) -> Self:
        """Remember what kind of graph it is; there is nothing to learn."""
        graph = as_graph(graph)
        needs_edges(graph, "a structural encoder")
        if not self.scales or not all(0 < s < np.inf for s in self.scales) or self.points < 1:
            raise ValueError(
                f"scales must be positive and points at least 1, got scales={self.scales}, points={self.points}"
            )
        if not (0 < self.reach < np.inf and 0 <= self.least < 1):
            raise ValueError(f"reach must be positive and least in [0, 1), got reach={self.reach}, least={self.least}")
        self.kind_ = Kind.of(graph)
        return self

    def transform(self, graph: Any, /) -> Embedding:
        """Describe the nodes of any graph of the kind it was fitted on."""
        graph = as_graph(graph)
        sides = Sides.of(graph, self.kind_, "a structural encoder")
        terms = _terms(self.scales)
        parts = [
            heat_signatures(csr, strength(csr), terms, float(self.reach), self.points, float(self.least))
            for csr in sides.edges.values()
        ]
        return Embedding(np.concatenate(parts, axis=1), graph.names, describe(self))

    def fit_transform(self, graph: Any, /) -> Embedding:
        """Do both on one graph."""
        graph = as_graph(graph)
        return self.fit(graph).transform(graph)


def _terms(scales: tuple[float, ...]) -> NDArray[np.float64]:
    """Return exp(-s) s^k / k!, (scales, steps): the chance of k steps in the time s."""
    steps, rest = 1, 1.0
    while rest > _TAIL:  # the tail of the largest time is the longest
        rest = 1 - sum(_chance(max(scales), k) for k in range(steps))
        steps += 1
    return np.array([[_chance(s, k) for k in range(steps)] for s in scales])


def _chance(s: float, k: int) -> float:
    return math.exp(k * math.log(s) - s - math.lgamma(k + 1))
