"""`Smoothed`: features averaged along the edges and cut down to a few directions; how far, the graph decides."""

import dataclasses as dc
from typing import Any, Self

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from graphembed.embedding import Embedding, unit
from graphembed.encoders.protocol import describe, needs_edges
from graphembed.encoders.proximity import Known, factors, times
from graphembed.errors import DataError
from graphembed.graph import Graph, as_graph
from graphembed.parallel import one_thread

_TRIED = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
_DIRECTIONS = 256  # of the features, kept while they are smoothed
_LEFT_OUT = 1e-3  # weight of the steps that are not taken


@dc.dataclass(eq=False)
class Smoothed(BaseEstimator):
    """Smooth features along the edges, keep the main directions, and bring vectors to length one.

    Z = unit(unit(sum over t of a (1 - a)^t S^t X) V), S = D^-1/2 (A + I) D^-1/2, a = 1 / (1 + steps): a walk that stops
    with chance a after each step takes ``steps`` of them on average. X are the features, by TF-IDF if none is negative,
    rows of length one; V the ``dim`` main directions.

    How many steps is chosen without labels. With more of them, neighbours become alike, measured by the assortativity r
    (correlation of Z across edges), but vectors forget the features, measured by the RV coefficient (correlation of the
    similarities of Z with those of X). Of 1/2, 1, 2, 4, ... 32 the first is taken after which r sqrt(RV) falls.

    Edges count in both directions, self-loops do not. ``transform`` embeds any graph with the same features.

    Args:
        dim: Length of a vector.
        steps: Mean number of steps; None chooses.
        seed: Start of the search for directions of X.

    Attributes:
        steps_: The number of steps.
        trials_: For each number tried ``steps``, ``edges`` (r), ``features`` (sqrt(RV)) and their product ``worth``.

    Raises:
        DataError: The graph has no features or no edges, or other features than it was fitted on.

    Example:
        >>> import torch
        >>> from graphembed.datasets import load
        >>> karate = load("karate")
        >>> club = Graph.from_edges(*karate.pairs.T, x=torch.eye(2)[karate.data.y])
        >>> Smoothed(dim=2).fit_transform(club)
        Embedding(34 items, dim 2, Smoothed)

    References:
        Zhang et al. 2019, "Attributed graph clustering via adaptive graph convolution", section 3.
        Klicpera et al. 2019, "Predict then propagate", equation 3 (the weights of steps).
        Newman 2003, "Mixing patterns in networks", equation 21.
        Escoufier 1973, "Le traitement des variables vectorielles".
    Differs from the paper of Zhang et al.: steps have falling weights, rows have length one, and the number of steps is
    not where clusters stop getting tighter, which needs clusters.
    """

    dim: int = 48
    steps: float | None = None
    seed: int = 0

    def fit(self, graph: Any, /) -> Self:
        """Learn the weights and directions of features, and choose how far to smooth."""
        graph = as_graph(graph)
        if self.dim < 1 or (self.steps is not None and not 0 <= self.steps < np.inf):
            raise ValueError(f"dim must be at least 1 and steps not negative, got dim={self.dim}, steps={self.steps}")
        needs_edges(graph, "smoothing")
        x = _features(graph)
        counts = bool((x.data >= 0).all())
        appears = np.bincount(x.indices, minlength=x.shape[1])
        self.weight_ = np.log((1 + x.shape[0]) / (1 + appears)) if counts else np.ones(x.shape[1])
        if not (abs(x) @ self.weight_).any():
            self.weight_ = np.ones(x.shape[1])  # a feature that all have
        with one_thread():
            rows = self._rows(x)
            directions = min(_DIRECTIONS, x.shape[1])
            self.directions_ = factors(rows, directions, self.seed).right
            inputs = rows @ self.directions_
            known = Known.of(graph)
            trials, best = [], -np.inf
            for steps in _TRIED if self.steps is None else (self.steps,):
                smooth = unit(_walked(known, inputs, steps))
                axes = _main(smooth, self.dim)
                likeness = _judged(known, unit(smooth @ axes), inputs)
                worth = likeness[0] * likeness[1]
                trials.append({"steps": steps, "edges": likeness[0], "features": likeness[1], "worth": worth})
                if len(trials) > 1 and worth <= best:
                    break
                best, self.steps_, self.axes_ = worth, float(steps), axes
        self.trials_ = pd.DataFrame(trials)
        return self

    def transform(self, graph: Any, /) -> Embedding:
        """Embed the nodes of a graph that has the same features."""
        graph = as_graph(graph)
        x = _features(graph)
        if x.shape[1] != len(self.weight_):
            raise DataError(
                f"it was fitted on nodes with {len(self.weight_)} features, these have {x.shape[1]}: {graph}"
            )
        with one_thread():
            inputs = self._rows(x) @ self.directions_
            z = unit(unit(_walked(Known.of(graph), inputs, self.steps_)) @ self.axes_)
        return Embedding(z.astype(np.float32), graph.names, describe(self) | {"steps": self.steps_})

    def fit_transform(self, graph: Any, /) -> Embedding:
        """Do both on one graph."""
        graph = as_graph(graph)
        return self.fit(graph).transform(graph)

    def _rows(self, x: sp.csr_array) -> sp.csr_array:
        """Weigh features and bring rows to length one."""
        weighted = sp.csr_array(x @ sp.diags_array(self.weight_))
        length = np.sqrt(np.asarray((weighted * weighted).sum(axis=1)).ravel())
        return sp.csr_array(sp.diags_array(1 / np.where(length > 0, length, 1)) @ weighted)


def _features(graph: Graph) -> sp.csr_array:
    x = graph.data.x
    if x is None or not bool((x != 0).any()):
        raise DataError(
            f"smoothing needs nodes with features (data.x) that are not all zero: {graph}; for edges alone take "
            "another encoder, such as netmf or BetheHessian"
        )
    return sp.csr_array(x.numpy().reshape(len(x), -1).astype(np.float64))


def _walked(known: Known, x: NDArray[np.float64], steps: float) -> NDArray[np.float64]:
    """Return sum over t of a (1 - a)^t S^t x; a self-loop weighs as much as a mean edge."""
    nodes = len(x)
    own = float(known.adjacency.data.mean()) if known.adjacency.nnz else 1.0
    root = (known.degree + own) ** -0.5
    step = sp.csr_array(sp.diags_array(root) @ (known.adjacency + own * sp.eye_array(nodes)) @ sp.diags_array(root))
    stop = 1 / (1 + steps)
    reached = x.astype(np.float32)
    total, left = stop * reached, 1 - stop
    while left > _LEFT_OUT:
        reached = times(step, reached)
        total += stop * left * reached
        left *= 1 - stop
    return total.astype(np.float64)


def _main(x: NDArray[np.float64], dim: int) -> NDArray[np.float64]:
    """Return the (columns, dim) right singular vectors of largest values, their largest entries positive."""
    _, axes = np.linalg.eigh(x.T @ x)
    axes = axes[:, ::-1][:, :dim].copy()
    largest = np.abs(axes).argmax(axis=0)
    axes *= np.where(axes[largest, np.arange(axes.shape[1])] < 0, -1, 1)
    padded: NDArray[np.float64] = np.pad(axes, ((0, 0), (0, dim - axes.shape[1])))
    return padded


def _judged(known: Known, z: NDArray[np.float64], x: NDArray[np.float64]) -> tuple[float, float]:
    """Return how alike neighbours are, beyond chance, and how alike nodes of like features are."""
    links = sp.coo_array(known.adjacency)
    alike = float((np.einsum("ed,ed->e", z[links.row], z[links.col]) * links.data).sum() / links.data.sum())
    mean = known.degree @ z / known.degree.sum()
    chance = float(mean @ mean)
    z, x = z - z.mean(axis=0), x - x.mean(axis=0)
    size = np.linalg.norm(z.T @ z) * np.linalg.norm(x.T @ x)
    shared = float(np.linalg.norm(z.T @ x) ** 2 / size) if size > 0 else 0.0
    return (alike - chance) / (1 - chance) if chance < 1 else 0.0, float(np.sqrt(shared))
