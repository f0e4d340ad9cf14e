"""Is it stable? Runs, seeds and snapshots differ by a rotation that means nothing; what is left after it is drift."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.linalg import orthogonal_procrustes
from torch import Tensor, nn

from graphembed.embedding import Embedding
from graphembed.errors import DataError, first_few
from graphembed.geometry.points import MOST, Metric, Vectors, directions, kept, look, nearest_rows, sampled
from graphembed.parallel import one_thread


@one_thread()
def procrustes(a: Vectors, b: Vectors) -> tuple[NDArray[np.float64], float]:
    """Find the rotation (or reflection) that brings ``a`` nearest to ``b``: Q = argmin |A Q - B|, Q'Q = 1.

    Args:
        a: (nodes, dim) vectors; an `Embedding` is matched by name, an array by row.
        b: The same nodes. The space with fewer dimensions gets zeros.

    Returns:
        Q (dim, dim) and what is left, |A Q - B| / |B|: 0 if they differ by a rotation alone.

    Raises:
        DataError: They have no node in common, or arrays of different length.

    Example:
        >>> a = np.array([[1.0, 0.0], [0.0, 2.0]])
        >>> q, left = procrustes(a, a @ np.array([[0.0, 1.0], [-1.0, 0.0]]))
        >>> q.round(6), round(left, 6)
        (array([[ 0.,  1.], [-1.,  0.]]), 0.0)

    References:
        Schoenemann 1966, "A generalized solution of the orthogonal Procrustes problem".
    """
    x, y, _ = _matched(a, b)
    return _turned(x, y)


@one_thread()
def drift(before: Vectors, after: Vectors, k: int = 10, *, metric: Metric = "cosine", most: int = MOST) -> pd.DataFrame:
    """How far did each node move, apart from the rotation of the whole? The most moved come first.

    Args:
        before: (nodes, dim) vectors.
        after: Those of the same nodes later, or of another run; nodes that are in one of the two only are left out.
        k: Neighbours to compare.
        metric: By which they are near.
        most: Neighbours are not compared if there are more nodes: the column is NaN.

    Returns:
        A row per node: ``distance``, |a_i Q - b_i| in units of the root mean square length; ``turned``, the angle
        between them in degrees; ``kept``, share of its k nearest that stayed.

    Example:
        >>> before = Embedding(np.eye(3), ("ann", "bob", "cy"))
        >>> after = Embedding(np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.6, 0.8]]), ("ann", "bob", "cy"))
        >>> drift(before, after, k=1)["turned"].round(1).to_dict()
        {'bob': 18.4, 'cy': 18.4, 'ann': 0.0}
    """
    x, y, names = _matched(before, after)
    q, _ = _turned(x, y)
    x = _wide(x, len(q)) @ q
    y = _wide(y, len(q))
    away = np.linalg.norm(x - y, axis=1)
    u, v = directions(x), directions(y)
    turned = np.degrees(2 * np.arctan2(np.linalg.norm(u - v, axis=1), np.linalg.norm(u + v, axis=1)))
    stayed = kept(nearest_rows(x, k, metric), nearest_rows(y, k, metric)) if len(x) <= most else np.nan
    table = pd.DataFrame(
        {"distance": away / (np.sqrt((y**2).sum(axis=1).mean()) or 1.0), "turned": turned, "kept": stayed},
        index=pd.Index(names, name="node"),
    )
    return table.iloc[np.argsort(-away.round(12), kind="stable")]


@one_thread()
def neighbor_overlap(
    a: Vectors, b: Vectors, k: int = 10, *, metric: Metric = "cosine", most: int = MOST, seed: int = 0
) -> float:
    """Share of the k nearest that two spaces have in common, mean over nodes; by chance k / (nodes - 1).

    Example:
        >>> z = np.random.default_rng(0).normal(size=(30, 4))
        >>> other = np.random.default_rng(1).normal(size=(30, 4))
        >>> neighbor_overlap(z, z[:, ::-1]), neighbor_overlap(z, other, k=3) < 0.3
        (1.0, True)
    """
    x, y, _ = _matched(a, b)
    rows = sampled(len(x), most, seed)
    return float(kept(nearest_rows(x[rows], k, metric), nearest_rows(y[rows], k, metric)).mean())


def stability(runs: Mapping[str, Vectors] | Sequence[Vectors], k: int = 10, *, seed: int = 0) -> pd.DataFrame:
    """Compare every two of several runs, seeds or snapshots.

    Returns:
        A row per pair of runs: ``left``, what `procrustes` leaves; ``overlap``, of their k nearest.

    Example:
        >>> z = np.random.default_rng(0).normal(size=(30, 4))
        >>> stability({"seed 0": z, "seed 1": -z}).round(3).to_dict("index")
        {('seed 0', 'seed 1'): {'left': 0.0, 'overlap': 1.0}}
    """
    named = runs if isinstance(runs, Mapping) else {str(at): run for at, run in enumerate(runs)}
    rows = {
        pair: {
            "left": procrustes(named[pair[0]], named[pair[1]])[1],
            "overlap": neighbor_overlap(named[pair[0]], named[pair[1]], k, seed=seed),
        }
        for pair in combinations(named, 2)
    }
    return pd.DataFrame(rows.values(), index=pd.MultiIndex.from_tuples(rows, names=["run", "other"]))


@one_thread()
def batch_norm_drift(
    module: nn.Module, batches: Iterable[Tensor | tuple[Tensor, ...]], momenta: Sequence[float] = (0.01, 0.1, 0.5)
) -> pd.DataFrame:
    """Measure how far a network in ``eval`` is from itself in ``train`` while its input changes.

    Batch normalisation keeps running means r <- (1 - m) r + m mean(batch), m the momentum, and uses them in ``eval``.
    If the input moves by v a step, they stay behind by v (1 - m) / m in the end.

    Args:
        module: With batch normalisation; it is copied, not changed. What it does at random (dropout) is off.
        batches: One input (or tuple of inputs) per step, in their order.
        momenta: To compare.

    Returns:
        A row per step and a column per momentum: root mean square of train output less eval output, after the step.

    Raises:
        DataError: The module has no batch normalisation with running statistics, or there is no batch.

    Example:
        >>> moving = [torch.linspace(-1, 1, 8)[:, None] + step for step in range(100)]
        >>> batch_norm_drift(nn.BatchNorm1d(1), moving, (0.1, 0.5)).iloc[-1].round(1).to_dict()
        {0.1: 12.9, 0.5: 1.4}

    References:
        Ioffe and Szegedy 2015, "Batch normalization", algorithm 2.
    """
    inputs = [batch if isinstance(batch, tuple) else (batch,) for batch in batches]
    table: dict[float, list[float]] = {}
    for momentum in momenta:
        mine = copy.deepcopy(module).eval()
        norms = [part for part in mine.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
        norms = [part for part in norms if part.track_running_stats]
        if not norms or not inputs:
            raise DataError(
                f"expected a module with batch normalisation that keeps running statistics and at least one batch, got "
                f"{len(norms)} such layers and {len(inputs)} batches"
            )
        table[momentum] = []
        for part in norms:
            part.momentum = momentum
        for batch in inputs:
            with torch.no_grad():
                for part in norms:
                    part.train()
                trained = mine(*batch)
                mine.eval()
                table[momentum].append(float((trained - mine(*batch)).square().mean().sqrt()))
    return pd.DataFrame(table).rename_axis("step")


def _matched(a: Vectors, b: Vectors) -> tuple[NDArray[np.float64], NDArray[np.float64], list[str]]:
    """Return the vectors of the nodes in both, and their names."""
    x, y = look(a), look(b)
    if isinstance(a, Embedding) and isinstance(b, Embedding):
        names = [name for name in a.names if name in b.row]
        if not names:
            raise DataError(
                f"the two embeddings have no name in common: {first_few(a.names)} against {first_few(b.names)}"
            )
        return x[[a.row[name] for name in names]], y[[b.row[name] for name in names]], names
    if len(x) != len(y):
        raise DataError(f"arrays are matched by row, got {len(x)} and {len(y)} rows; an Embedding is matched by name")
    known: Any = a if isinstance(a, Embedding) else b
    return x, y, list(known.names) if isinstance(known, Embedding) else [str(row) for row in range(len(x))]


def _wide(x: NDArray[np.float64], dim: int) -> NDArray[np.float64]:
    return np.pad(x, ((0, 0), (0, dim - x.shape[1])))


def _turned(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    dim = max(x.shape[1], y.shape[1])
    x, y = _wide(x, dim), _wide(y, dim)
    q, _ = orthogonal_procrustes(x, y)
    return q, float(np.linalg.norm(x @ q - y) / (np.linalg.norm(y) or 1.0))
