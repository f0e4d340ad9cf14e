"""The linear probe: which classes a logistic regression reads off vectors that were learnt without labels.

The protocol of DGI and its successors: an encoder learns from the graph without labels; a logistic regression learns
the classes of a few nodes from its vectors; how strongly it is regularised and how the vectors are scaled is chosen on
the validation nodes; the accuracy on the test nodes counts. Two baselines learn nothing from the graph but the
regression: the features as they are, and the features smoothed along the edges, which many trained encoders lose to.
"""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from tqdm.auto import tqdm

from graphembed.encoders.protocol import Encoder
from graphembed.errors import DataError
from graphembed.graph import Graph, as_graph
from graphembed.parallel import one_thread

RAW = "raw features"
SMOOTHED = "S^4 X"
_STRENGTHS = tuple(float(10**k) for k in np.arange(-1, 4.5, 0.5))  # for vectors of length one on average
_SCALINGS = ("standardised", "rows")


def probe(
    embedding: Any,
    labels: ArrayLike,
    train: ArrayLike,
    valid: ArrayLike,
    test: ArrayLike,
    *,
    strengths: Sequence[float] = _STRENGTHS,
) -> dict[str, Any]:
    """Learn classes from the vectors of some nodes, choose on others, and count how many of a third kind are right.

    Multinomial logistic regression. The vectors are either standardised (each axis mean 0 and variance 1 over all
    nodes, then all divided by the root of their number) or brought to length one, and the regularisation is weak or
    strong: whatever does best on the validation nodes, of several the strongest.

    Args:
        embedding: (nodes, dim) vectors, an `graphembed.Embedding` or an array.
        labels: (nodes,) classes as whole numbers.
        train: (nodes,) True where the regression learns, or rows.
        valid: Where it is chosen.
        test: Where it counts.
        strengths: Inverse regularisation to choose from, scikit-learn's C, ascending.

    Returns:
        ``valid`` and ``test``: shares of nodes that are right; ``strength`` and ``scaling``: what was chosen.

    Raises:
        DataError: Rows do not fit, overlap or are none, vectors are not finite, or there is one class to learn from.

    Example:
        >>> z = np.random.default_rng(0).normal(size=(90, 2))
        >>> rows = np.arange(90)
        >>> probe(z, z[:, 0] > 0, rows[:30], rows[30:60], rows[60:])["test"] > 0.9
        True

    References:
        Velickovic et al. 2019, "Deep graph infomax", section 4.2.
    """
    z, y = np.asarray(embedding, np.float64), np.asarray(labels)
    if z.ndim != 2 or y.shape != (len(z),):
        raise DataError(f"expected a vector and a class for each node, got shapes {z.shape} and {y.shape}")
    learn, choose, last = parts = [_rows(part, len(z)) for part in (train, valid, test)]
    _check(z, y, parts)
    best: dict[str, Any] = {"valid": -1.0}
    with one_thread():
        for scaling in _SCALINGS:
            scaled = _scaled(z, scaling)
            if len(learn) < z.shape[1]:  # the regression stays in the span of what it learns from
                scaled = scaled @ np.linalg.svd(scaled[learn], full_matrices=False)[2].T
            for strength, found in _path(scaled, y, learn, strengths):
                right = float((found[choose] == y[choose]).mean())
                if right > best["valid"]:
                    share = float((found[last] == y[last]).mean())
                    best = {"valid": right, "test": share, "strength": strength, "scaling": scaling}
    return best


def compare(
    source: Any,
    encoders: Mapping[str, Callable[[int], Encoder]],
    *,
    seeds: int = 20,
    seed: int = 0,
    progress: bool = True,
) -> pd.DataFrame:
    """Probe the vectors of several encoders and of the two baselines, seed by seed, on the same nodes.

    The baselines are ``data.x`` as it is and S^4 X of its `term_weights` (see `smoothed`).

    Args:
        source: Anything `graphembed.as_graph` reads that has ``data.x`` and one class per node, ``data.y``.
        encoders: Name of the row to a function that makes an encoder from a seed.
        seeds: How many.
        seed: The first.
        progress: Show a bar on a terminal.

    Returns:
        A row per method and seed: ``method``, ``seed``, ``valid``, ``test``, ``strength``, ``scaling``, and
        ``seconds`` of encoding.

    Example:
        >>> import torch
        >>> from graphembed import fastrp, load
        >>> graph = load("karate")
        >>> graph.data.x = torch.eye(34)
        >>> table = compare(graph, {"fastrp": lambda seed: fastrp(dim=8, seed=seed)}, seeds=2)
        >>> table.method.unique().tolist()
        ['raw features', 'S^4 X', 'fastrp']
    """
    graph = as_graph(source)
    if graph.data.x is None or graph.data.y is None:
        raise DataError(f"a linear probe needs features and labels (data.x, data.y): {graph}")
    weighted = term_weights(graph.data.x.numpy())
    makers: dict[str, Callable[[int], Any]] = {
        RAW: lambda _: graph.data.x.numpy(),
        SMOOTHED: lambda _: smoothed(graph, weighted, 4),
    }
    for name, make in encoders.items():
        makers[name] = partial(_encoded, make, graph)
    rows = []
    bar = tqdm(total=seeds * len(makers), disable=None if progress else True, delay=1, leave=False)
    with bar:
        for number in range(seed, seed + seeds):
            split = split_nodes(graph, number)
            for name, make in makers.items():
                bar.set_description(f"seed {number}: {name}", refresh=False)
                begin = time.perf_counter()
                vectors = make(number)
                seconds = time.perf_counter() - begin
                found = probe(vectors, graph.data.y.numpy(), *split)
                rows.append({"method": name, "seed": number, **found, "seconds": seconds})
                bar.update()
    return pd.DataFrame(rows)


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Return mean and standard deviation over the seeds for each method, best on the validation nodes first.

    Example:
        >>> rows = pd.DataFrame({"method": ["a", "a"], "test": [0.5, 0.7], "valid": [0.6, 0.6], "seconds": [1, 3]})
        >>> summary(rows)[["test", "seconds"]]
                test  seconds
        method
        a        0.6      2.0
    """
    groups = rows.groupby("method", sort=False)
    table = groups[["test", "valid", "seconds"]].mean()
    table = table.join(groups[["test", "valid"]].std(ddof=1).add_suffix(" sd"))
    return table.sort_values("valid", ascending=False, kind="stable")


def split_nodes(graph: Graph, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows to learn from, to choose by and to test on.

    The public split where the graph has one (``data.train_mask``, ``val_mask``, ``test_mask``); else a random tenth, a
    random tenth and the rest, of the nodes that have a class.

    Example:
        >>> import torch
        >>> [len(part) for part in split_nodes(Graph.from_edges([0], [1], nodes=50, y=torch.zeros(50)), seed=0)]
        [5, 5, 40]
    """
    masks = [graph.data.get(f"{name}_mask") for name in ("train", "val", "test")]
    if all(mask is not None for mask in masks):
        train, valid, test = (np.flatnonzero(mask.numpy()) for mask in masks)
        return train, valid, test
    order = np.random.default_rng(seed).permutation(np.flatnonzero(graph.data.y.numpy() >= 0))
    tenth = len(order) // 10
    return order[:tenth], order[tenth : 2 * tenth], order[2 * tenth :]


def term_weights(x: ArrayLike) -> NDArray[np.float32]:
    """Weigh features by how rare they are, x log(nodes / nodes that have it), and bring rows to length one (TF-IDF).

    Example:
        >>> term_weights([[1, 1, 0], [0, 1, 0], [0, 1, 2]]).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    given = np.asarray(x, np.float64)
    having = np.count_nonzero(given, axis=0)
    return _unit(given * np.log(len(given) / having.clip(min=1))).astype(np.float32)


def smoothed(graph: Graph, x: ArrayLike, steps: int) -> NDArray[np.float64]:
    """Return S^steps x with S = D^-1/2 (A + I) D^-1/2, the propagation of a GCN without its weights.

    Args:
        graph: Edges, with their weights if they have any.
        x: (nodes, features).
        steps: How often.

    Example:
        >>> smoothed(Graph.from_edges([0], [1], nodes=3), np.eye(3), 1)[0].round(2)
        array([0.5, 0.5, 0. ])

    References:
        Wu et al. 2019, "Simplifying graph convolutional networks", section 2.2.
    """
    csr, nodes = graph.csr, graph.num_nodes
    weight = csr.weight.astype(np.float64) if graph.weighted else np.ones(csr.indices.size)
    links = sp.csr_array((weight, csr.indices, csr.indptr), shape=(nodes, nodes)).T + sp.eye_array(nodes)
    root = sp.diags_array(1 / np.sqrt(links.sum(axis=1)))
    step = sp.csr_array(root @ links @ root)
    y = np.asarray(x, np.float64)
    for _ in range(steps):
        y = step @ y
    return y


def _path(
    z: NDArray[np.float64], y: NDArray[Any], learn: NDArray[np.int64], strengths: Sequence[float]
) -> list[tuple[float, NDArray[Any]]]:
    """Return for each strength the classes found for all nodes; each fit begins where the one before ended."""
    model = LogisticRegression(max_iter=500, tol=1e-4, warm_start=True)
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # going on changes the weights, not who is right
        for strength in strengths:
            model.set_params(C=strength).fit(z[learn], y[learn])
            found.append((strength, model.predict(z)))
    return found


def _scaled(z: NDArray[np.float64], scaling: str) -> NDArray[np.float64]:
    if scaling == "rows":
        return _unit(z)
    centred = z - z.mean(axis=0)
    spread = centred.std(axis=0)
    standard: NDArray[np.float64] = centred / np.where(spread > 0, spread, 1.0) / max(z.shape[1], 1) ** 0.5
    return standard


def _unit(z: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(z, axis=1, keepdims=True)
    unit: NDArray[np.float64] = z / np.where(length > 0, length, 1.0)
    return unit


def _encoded(make: Callable[[int], Encoder], graph: Graph, seed: int) -> Any:
    return make(seed).fit_transform(graph)


def _rows(part: ArrayLike, nodes: int) -> NDArray[np.int64]:
    """Return rows, given as such or as a mask."""
    given = np.asarray(part)
    if given.dtype == bool:
        if given.shape != (nodes,):
            raise DataError(f"a mask must say True or False for each of {nodes} nodes, got shape {given.shape}")
        return np.flatnonzero(given)
    if given.ndim != 1 or given.dtype.kind not in "iu" or not ((given >= 0) & (given < nodes)).all():
        raise DataError(f"expected rows from 0 to {nodes - 1}, got {given.dtype} {list(given.shape)}")
    return given.astype(np.int64)


def _check(z: NDArray[np.float64], y: NDArray[Any], parts: Sequence[NDArray[np.int64]]) -> None:
    if not np.isfinite(z).all():
        raise DataError(f"{int((~np.isfinite(z)).any(axis=1).sum())} of {len(z)} vectors are not finite")
    everywhere = np.concatenate(parts)
    if not all(map(len, parts)) or len(np.unique(everywhere)) < len(everywhere):
        raise DataError(
            f"train, valid and test must each have nodes, and no node in common: {[len(part) for part in parts]} rows, "
            f"{len(np.unique(everywhere))} of them different"
        )
    if len(np.unique(y[parts[0]])) < 2:
        raise DataError("all nodes to learn from are of one class")
