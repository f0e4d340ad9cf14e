"""Node classification with several labels per node: encoders next to baselines, on the same shuffles of the nodes.

The protocol of DeepWalk and NetMF: one logistic regression per class learns from a share of the nodes; each other node
is told how many labels it has and gets that many, the most likely ones. ``(embedding, labels)`` go in, F1 comes out;
`compare` does it for several encoders and for two baselines that know next to nothing.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.metrics import f1_score
from tqdm.auto import tqdm

from graphembed.datasets import load
from graphembed.encoders.protocol import Encoder
from graphembed.encoders.recipes import netmf, prone
from graphembed.encoders.skipgram import Context, SkipGram
from graphembed.errors import DataError
from graphembed.graph import as_graph
from graphembed.parallel import one_thread
from graphembed.walks import RandomWalk

FREQUENCY = "label frequency"  # knows how common each class is and nothing of the node
DEGREE = "log degree"  # knows how many neighbours a node has and nothing else
_WIDE = Context(window=8, power=0.5, damping=1.0)
_SHARES = (0.1, 0.5, 0.9)
_TOLERANCE = 1e-3  # largest slope at which the regression stops; going on changes no F1 by 1e-3


def classify(
    embedding: Any,
    labels: ArrayLike,
    shares: Sequence[float] = _SHARES,
    shuffles: int = 10,
    seed: int = 0,
    strength: float = 1.0,
) -> pd.DataFrame:
    """Learn the classes of a share of the nodes from their vectors, and find those of the others.

    One-vs-rest logistic regression with a regularised intercept, which is scikit-learn's "liblinear"; a node with k
    labels gets the k classes of the highest score. The vectors are taken as they are, and the longer they are, the less
    is regularised. Nodes without a label are left out.

    Args:
        embedding: (nodes, dim) vectors, an `graphembed.Embedding` or an array.
        labels: (nodes, classes) True where a node is of a class, or (nodes,) one class each as whole numbers, -1
            for none.
        shares: Shares of the nodes to learn from.
        shuffles: How many random choices of these nodes; the same for all embeddings of as many nodes.
        seed: The choices come from it.
        strength: Inverse of the regularisation, scikit-learn's C; 1 in the literature.

    Returns:
        A row per share: means of ``micro-F1`` and ``macro-F1`` over the shuffles, their standard deviations ``... sd``.

    Raises:
        DataError: Rows that do not fit, or shares that leave nothing to learn from or to test on.

    Example:
        >>> import numpy as np
        >>> z = np.random.default_rng(0).normal(size=(200, 2))
        >>> classify(z, z > 0, shares=[0.5])["micro-F1"].item() > 0.95
        True

    References:
        Perozzi et al. 2014, "DeepWalk", section 6.1. Qiu et al. 2018, "Network embedding as matrix factorization",
        section 4.
    """
    truth = label_matrix(labels)
    z = np.asarray(embedding, np.float64)
    if z.ndim != 2 or len(z) != len(truth):
        raise DataError(f"expected a vector for each of {len(truth)} rows of labels, got an array of shape {z.shape}")
    some = truth.any(axis=1)
    z, truth = np.column_stack([z, np.ones(len(z))])[some] * np.sqrt(strength), truth[some]
    rows = []
    with one_thread():
        for share in shares:
            learn = round(share * len(z))
            if not 0 < learn < len(z):
                raise DataError(f"a share of {share:g} of {len(z)} labelled nodes leaves nothing to learn or to test")
            orders = (np.random.default_rng([seed, shuffle]).permutation(len(z)) for shuffle in range(shuffles))
            found = pd.DataFrame([_one_shuffle(z, truth, order[:learn], order[learn:]) for order in orders])
            rows.append({"share": share, **found.mean(), **found.std(ddof=1).add_suffix(" sd")})
    return pd.DataFrame(rows)


def compare(
    source: Any,
    encoders: Mapping[str, Callable[[int], Encoder]],
    labels: ArrayLike | None = None,
    *,
    shares: Sequence[float] = _SHARES,
    shuffles: int = 10,
    seed: int = 0,
    progress: bool = True,
) -> pd.DataFrame:
    """Classify nodes by the vectors of several encoders, and by next to nothing: see `classify`.

    Args:
        source: Anything `graphembed.as_graph` reads.
        encoders: Name of the row to a function that makes an encoder from a seed.
        labels: As for `classify`; by default the graph's ``data.y``.
        shares: Shares of the nodes to learn from.
        shuffles: How many choices of these nodes.
        seed: Of encoders and choices.
        progress: Show a bar on a terminal.

    Returns:
        The rows of `classify` with a column ``method`` before them, the baselines first, and ``seconds`` of encoding.

    Example:
        >>> from graphembed import fastrp, load
        >>> table = compare(load("karate"), {"fastrp": lambda seed: fastrp(dim=16, seed=seed)}, shares=[0.5])
        >>> table.method.tolist()
        ['label frequency', 'log degree', 'fastrp']
    """
    graph = as_graph(source)
    if labels is None:
        if graph.data.y is None:
            raise DataError(f"there are no labels: pass some, or a graph with data.y; got {graph}")
        labels = graph.data.y.numpy()
    degree = np.bincount(graph.data.edge_index[0].numpy(), minlength=graph.num_nodes)
    known = {FREQUENCY: np.zeros((graph.num_nodes, 1)), DEGREE: np.log1p(degree)[:, None]}
    tables = []
    for name in (bar := tqdm([*known, *encoders], disable=None if progress else True, delay=1, leave=False)):
        bar.set_description(name, refresh=False)
        begin = time.perf_counter()
        vectors = known[name] if name in known else encoders[name](seed).fit_transform(graph)
        seconds = time.perf_counter() - begin
        table = classify(vectors, labels, shares, shuffles, seed)
        table.insert(0, "method", name)
        tables.append(table.assign(seconds=seconds))
    return pd.concat(tables, ignore_index=True)


def public(name: str, shuffles: int = 10, seed: int = 0, progress: bool = True) -> pd.DataFrame:
    """Compare encoders on a public data set whose nodes have several labels, with settings that suit labels.

    Groups and functions (BlogCatalog, PPI) are a matter of wide windows, the part of speech of a word (Wikipedia) one
    of its neighbours alone. Settings were chosen on other shuffles of the same nodes.

    Args:
        name: ``"blogcatalog"``, ``"ppi"`` or ``"wikipedia"``.
        shuffles: As for `classify`.
        seed: As for `compare`.
        progress: Show a bar on a terminal.

    Raises:
        FileNotFoundError: The folder named by GRAPHEMBED_DATA does not hold it.
    """
    near = name == "wikipedia"
    context = Context(window=1, negatives=1, power=0.75, damping=1.0, averaging=0.0) if near else _WIDE
    makers: dict[str, Callable[[int], Encoder]] = {
        "netmf": lambda seed: netmf(window=1 if near else 10, seed=seed),
        "prone": lambda seed: prone(seed=seed),
        "skip-gram": lambda seed: SkipGram(RandomWalk(80, 40), context=context, seed=seed, progress=progress),
    }
    return compare(load(name), makers, shuffles=shuffles, seed=seed, progress=progress)


def label_matrix(labels: ArrayLike) -> NDArray[np.bool_]:
    """Return (nodes, classes) True where a node is of a class; classes given as whole numbers become columns.

    Example:
        >>> label_matrix([1, 0, -1]).tolist()
        [[False, True], [True, False], [False, False]]
    """
    given = np.asarray(labels)
    if given.ndim == 1 and np.issubdtype(given.dtype, np.integer):
        given = given[:, None] == np.arange(given.max(initial=0) + 1)
    if given.ndim != 2 or not np.isin(given, (0, 1)).all():
        raise DataError(f"labels must be (nodes, classes) of True and False, or (nodes,) whole numbers: {given.shape}")
    return given.astype(bool)


def top_labels(score: NDArray[np.float64], count: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mark in each row as many of the highest scores as ``count`` says; ties go to the earlier class.

    Args:
        score: (nodes, classes).
        count: (nodes,) labels of each node.

    Example:
        >>> top_labels(np.array([[3, 1, 2], [5, 5, 5]]), np.array([2, 1])).tolist()
        [[True, False, True], [True, False, False]]
    """
    place = np.argsort(np.argsort(-score, axis=1, kind="stable"), axis=1)
    chosen: NDArray[np.bool_] = place < count[:, None]
    return chosen


def _one_shuffle(
    z: NDArray[np.float64], truth: NDArray[np.bool_], learn: NDArray[np.int64], test: NDArray[np.int64]
) -> dict[str, float]:
    score = z[test] @ fit_classes(z[learn], truth[learn])
    found = top_labels(score, truth[test].sum(axis=1))
    kinds = ("micro", "macro")
    return {f"{kind}-F1": float(f1_score(truth[test], found, average=kind, zero_division=0)) for kind in kinds}


def fit_classes(z: NDArray[np.float64], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Fit all regressions at once: the (dim, classes) W of least sum(softplus(ZW) - T * ZW) + sum(W^2) / 2.

    Turned so that its columns are uncorrelated, Z makes the curvature along weight j of class c about 1 + q_c s_j^2,
    with s_j the length of the column and q_c the variance of the label. Weights measured in units of one over its root
    are all alike to L-BFGS, which then needs a tenth of the steps.
    """
    squares, axes = np.linalg.eigh(z.T @ z)
    turned = z @ axes
    share = truth.mean(axis=0)
    unit = 1 / np.sqrt(1 + np.outer(squares.clip(0), share * (1 - share)))
    target = truth.astype(np.float64)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weight = flat.reshape(unit.shape) * unit
        score = turned @ weight
        small = np.log1p(np.exp(-np.abs(score)))
        value = (np.maximum(score, 0) + small - score * target).sum() + (weight**2).sum() / 2
        slope = turned.T @ (expit(score) - target) + weight
        return float(value), (slope * unit).ravel()

    best = minimize(loss, np.zeros(unit.size), jac=True, method="L-BFGS-B", options={"gtol": _TOLERANCE, "ftol": 0})
    weight: NDArray[np.float64] = axes @ (best.x.reshape(unit.shape) * unit)
    return weight
