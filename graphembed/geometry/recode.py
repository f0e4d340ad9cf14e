"""Other codes for the same space: few active numbers (L1-sparse), or a crowd of tuned cells (population code).

Both make more numbers of which most are zero or small, as brains and search indices like them. What that costs in
retrieval is measured, not assumed: `recodings`.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphembed.embedding import Embedding
from graphembed.errors import DataError
from graphembed.geometry.points import MOST, directions, kept, look, nearest_rows, sampled
from graphembed.graph import Graph
from graphembed.parallel import one_thread

_ROUNDS, _STEPS = 12, 25  # of learning atoms, and of coding within
_STILL = 1e-5
_BLOCK = 4096


@one_thread()
def sparse_code(embedding: Embedding, penalty: float = 0.1, *, atoms: int | None = None, seed: int = 0) -> Embedding:
    """Write each vector as a sum of few atoms: c = argmin |u - c D|^2 / 2 + penalty |c|_1, atoms D learnt.

    Args:
        embedding: Its vectors are brought to length 1: u.
        penalty: The larger, the more zeros; from 1 on all are.
        atoms: How many; by default twice the dimension, at most the number of nodes.
        seed: Of the first atoms, which are vectors, and of the sample they are learnt on.

    Returns:
        (nodes, atoms) codes of the same names, none negative.

    Raises:
        DataError: A penalty that is not positive.

    Example:
        >>> z = Embedding(np.random.default_rng(0).normal(size=(40, 4)), tuple(map(str, range(40))))
        >>> sparse_code(z, 0.2)
        Embedding(40 items, dim 8, sparse code)

    References:
        Mairal et al. 2009, "Online dictionary learning for sparse coding", algorithms 1 and 2.
    Differs from the paper: all vectors at once instead of batches (4000 at most learn the atoms); coefficients are not
    negative, so that a cosine of codes counts shared atoms.
    """
    if not penalty > 0:
        raise DataError(f"the penalty must be positive, got {penalty}")
    x = directions(look(embedding))
    count = min(atoms or 2 * x.shape[1], len(x))
    few = x[sampled(len(x), MOST, seed)]
    dictionary = few[np.random.default_rng(seed).choice(len(few), min(count, len(few)), replace=False)]
    codes = np.zeros((len(few), len(dictionary)))
    for _ in range(_ROUNDS):
        codes = nonnegative_lasso(few, dictionary, penalty, codes, steps=_STEPS)
        dictionary = _better(few, codes, dictionary)
    codes = np.concatenate(
        [nonnegative_lasso(x[at : at + _BLOCK], dictionary, penalty) for at in range(0, len(x), _BLOCK)]
    )
    settings = {"penalty": penalty, "atoms": count, "seed": seed, "of": dict(embedding.source)}
    return Embedding(codes.astype(np.float32), embedding.names, {"encoder": "sparse code", **settings})


def nonnegative_lasso(
    x: NDArray[np.float64],
    atoms: NDArray[np.float64],
    penalty: float,
    start: NDArray[np.float64] | None = None,
    steps: int = 300,
) -> NDArray[np.float64]:
    """Return c = argmin |x - c D|^2 / 2 + penalty |c|_1 with c >= 0, row by row, D the atoms.

    Example:
        >>> nonnegative_lasso(np.array([[3.0, -1.0]]), np.eye(2), 0.5)
        array([[2.5, 0. ]])

    References:
        Beck and Teboulle 2009, "A fast iterative shrinkage-thresholding algorithm for linear inverse problems",
        section 4.
    """
    gram, aim = atoms @ atoms.T, x @ atoms.T - penalty
    step = 1 / (np.linalg.norm(gram, 2) or 1.0)
    codes = ahead = np.zeros_like(aim) if start is None else start
    pace = 1.0
    for _ in range(steps):
        new = np.maximum(ahead + step * (aim - ahead @ gram), 0)
        faster = (1 + np.sqrt(1 + 4 * pace * pace)) / 2
        change = new - codes
        codes, ahead, pace = new, new + (pace - 1) / faster * change, faster
        if np.abs(change).max() < _STILL:
            break
    return codes


def _better(x: NDArray[np.float64], codes: NDArray[np.float64], atoms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move each atom to where it serves its codes best, at length 1 at most (algorithm 2); unused ones stay."""
    use, aim = codes.T @ codes, codes.T @ x
    atoms = atoms.copy()
    for at in np.flatnonzero(use.diagonal() > _STILL):
        atom = atoms[at] + (aim[at] - use[at] @ atoms) / use[at, at]
        atoms[at] = atom / max(1.0, float(np.linalg.norm(atom)))
    return atoms


def population_code(embedding: Embedding, cells: int = 8, *, width: float = 1.0) -> Embedding:
    """Let several cells look at each number, each tuned to a value: r = exp(-(x - centre)^2 / (2 w^2)).

    The centres are the quantiles of the number over the nodes, w the mean distance between them, so that all cells of a
    number are used.

    Args:
        embedding: Its vectors are brought to length 1.
        cells: Per dimension, two at least.
        width: Of the tuning, in units of w.

    Returns:
        (nodes, dim x cells) activities from 0 to 1.

    Raises:
        DataError: Less than two cells, or a width that is not positive.

    Example:
        >>> line = Embedding(np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]), ("ann", "bob", "cy"))
        >>> population_code(line, 3).values[0].round(2)
        array([0.07, 0.68, 0.96, 0.78, 0.11, 0.03], dtype=float32)

    References:
        Pouget, Dayan and Zemel 2000, "Information processing with population codes", box 1.
    """
    if cells < 2 or not width > 0:
        raise DataError(f"expected two cells or more and a positive width, got {cells} and {width}")
    x = directions(look(embedding))
    centre = np.quantile(x, (np.arange(cells) + 0.5) / cells, axis=0).T  # (dim, cells)
    spacing = np.ptp(centre, axis=1) / (cells - 1)
    spacing[spacing == 0] = 1.0
    active = np.exp(-((x[:, :, None] - centre) ** 2) / (2 * (width * spacing[:, None]) ** 2))
    source = {"encoder": "population code", "cells": cells, "width": width, "of": dict(embedding.source)}
    return Embedding(active.reshape(len(x), -1), embedding.names, source)


@one_thread()
def recodings(
    embedding: Embedding,
    graph: Graph,
    codes: Mapping[str, Embedding] | None = None,
    k: int = 10,
    *,
    most: int = MOST,
    seed: int = 0,
) -> pd.DataFrame:
    """Show what codes cost: how well they find what the vectors find.

    Args:
        embedding: Of the graph's nodes.
        graph: Its edges say what should be found.
        codes: Embeddings of the same names; by default sparse codes at two penalties and a population code.
        k: Length of the lists that are retrieved, by cosine.
        most: More nodes than these are sampled.
        seed: Of the sample and of sparse codes.

    Returns:
        A row per code, the vectors first: ``dim``; ``zeros``, share of numbers below 1 % of the largest in their row;
        ``kept``, share of the vectors' k nearest; ``linked``, share of the k nearest that are linked to the node.

    Example:
        >>> graph = Graph.from_edges([0, 1, 1], [1, 2, 2], names=["ann", "bob", "cy"])
        >>> space = Embedding(np.eye(3), graph.names)
        >>> recodings(space, graph, {"cells": population_code(space)}, k=1).round(2).to_dict("index")["cells"]
        {'dim': 24, 'zeros': 0.42, 'kept': 1.0, 'linked': 0.67}
    """
    if codes is None:
        codes = {
            "sparse, penalty 0.05": sparse_code(embedding, 0.05, seed=seed),
            "sparse, penalty 0.2": sparse_code(embedding, 0.2, seed=seed),
            "population, 8 cells": population_code(embedding),
        }
    names = [name for name in embedding.names if name in graph.row]
    names = [names[at] for at in sampled(len(names), most, seed)]
    if len(names) < 2:
        raise DataError(f"retrieval needs two nodes of the graph that have a vector, got {len(names)}")
    rows = np.array([graph.row[name] for name in names])
    linked = set((graph.pairs[:, 0] * graph.num_nodes + graph.pairs[:, 1]).tolist())
    linked |= set((graph.pairs[:, 1] * graph.num_nodes + graph.pairs[:, 0]).tolist())
    found = {name: nearest_rows(look(code[names]), k) for name, code in {"vectors": embedding, **codes}.items()}
    table = {}
    for name, code in {"vectors": embedding, **codes}.items():
        size = np.abs(code.values)
        pairs = rows[:, None] * graph.num_nodes + rows[found[name]]
        table[name] = {
            "dim": code.shape[1],
            "zeros": float((size < 0.01 * size.max(axis=1, keepdims=True)).mean()),
            "kept": float(kept(found["vectors"], found[name]).mean()),
            "linked": float(np.mean([pair in linked for pair in pairs.ravel().tolist()])),
        }
    return pd.DataFrame.from_dict(table, orient="index").rename_axis("code")
