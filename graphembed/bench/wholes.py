"""Classes of whole graphs by the literature's ten folds: what vectors of graphs are worth to a linear classifier.

Frozen vectors are made without labels, of all graphs together; a linear support vector machine learns from nine folds
and is asked about the tenth. Its C, and for Weisfeiler-Lehman the depth, are chosen by five-fold cross-validation in
the nine folds. All else is fixed: encoders have the defaults of their recipes. Which counts stand side by side (those
of subtrees, each depth of one length, and logs of those of degrees and tags) was settled by cross-validation inside
nine folds, for five of the ten on MUTAG and two on the others.

A supervised network is judged twice. *best average epoch*: trained on nine folds, the epoch at which the accuracy on
the tenth, averaged over the folds, is highest, as papers report it: it looks at the test. *chosen epoch*: a ninth of
the nine folds is held out of training, and where the accuracy on it, averaged over five epochs, is highest, the test
is looked at once.
"""

import dataclasses as dc
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.svm import SVC
from torch import Tensor, nn
from torch_geometric.data import Data

from graphembed.datasets.many import MANY, ManyGraphs, load_many
from graphembed.encoders.inductive import Inductive
from graphembed.encoders.pooled import Pooled
from graphembed.encoders.subtrees import WeisfeilerLehman
from graphembed.encoders.whole import gin_layers, graph2vec, graphcl, infograph
from graphembed.graph import Graph
from graphembed.objectives import GraphClassification, GraphInfomax
from graphembed.objectives.graph_classes import graph_scores
from graphembed.parallel import threads
from graphembed.training import Training, seeded, train

NAMES = MANY
SIZE, HISTOGRAMS, WL, GIN = "graph size", "degrees and tags", "Weisfeiler-Lehman", "GIN, supervised"
_STRENGTHS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
_DEPTHS = (0, 1, 2)
_FEW, _REPEATS = 300, 3  # with fewer graphs, cross-validation is repeated so often
_PATIENCE = 20_000  # steps of the machine
_WIDEST = 64  # larger degrees count as this
_SMOOTH = 5  # epochs
EPOCHS = {"mutag": 100, "proteins": 40, "imdb-binary": 80}
READOUTS = {"imdb-binary": "mean"}  # else a sum; chosen on graphs held out of the training folds
_Tables = list[sp.csr_array]  # to choose from


def featured(data: ManyGraphs) -> Graph:
    """Return the graphs with features: the tags there are, else a column for each degree (as GIN's authors do)."""
    graph = data.graph
    if graph.data.x is not None:
        return graph
    degree = np.minimum(np.diff(graph.csr.indptr), _WIDEST)
    x = torch.eye(int(degree.max()) + 1)[torch.from_numpy(degree)]
    return Graph(Data(**(graph.data.to_dict() | {"x": x})), graph.names, graph.directed)


def _sizes(data: ManyGraphs) -> NDArray[np.float64]:
    batch = data.graph.data.batch.numpy()
    nodes = np.bincount(batch, minlength=len(data))
    edges = np.bincount(batch[data.graph.pairs[:, 0]], minlength=len(data))
    return np.stack([nodes, edges, np.log1p(nodes), np.log1p(edges)], axis=1)


def _histograms(data: ManyGraphs) -> NDArray[np.float64]:
    """Count the nodes of each degree and of each tag."""
    batch, degree = data.graph.data.batch.numpy(), np.minimum(np.diff(data.graph.csr.indptr), _WIDEST)
    found = np.zeros((len(data), _WIDEST + 1))
    np.add.at(found, (batch, degree), 1)
    if data.graph.data.x is not None:
        tags = np.zeros((len(data), data.graph.data.x.shape[1]))
        np.add.at(tags, batch, data.graph.data.x.numpy())
        found = np.concatenate([found, tags], axis=1)
    return np.log1p(found)


def _subtrees(data: ManyGraphs) -> _Tables:
    encoders = [WeisfeilerLehman(depth, "count", unit=True) for depth in _DEPTHS]
    return [encoder.fit(data.graph).sparse(data.graph) for encoder in encoders]


def _side_by_side(data: ManyGraphs) -> _Tables:
    """Put histograms beside the subtrees; on average they are as long."""
    histograms = _histograms(data)
    histograms /= np.sqrt((histograms**2).sum(axis=1).mean())
    return [sp.csr_array(sp.hstack([subtrees, histograms])) for subtrees in _subtrees(data)]


def _untrained(readout: str, data: ManyGraphs, seed: int) -> NDArray[np.float32]:
    still = Training(epochs=0)
    encoder = Inductive(gin_layers(), GraphInfomax(), training=still, seed=seed, progress=False)
    return Pooled(encoder, readout).fit_transform(featured(data)).values


def methods(seed: int) -> dict[str, Callable[[ManyGraphs], NDArray[np.floating] | _Tables]]:
    """Return everything that makes vectors without labels; several tables are settings to choose from."""
    return {
        SIZE: _sizes,
        HISTOGRAMS: _histograms,
        WL: _subtrees,
        f"{WL}, {HISTOGRAMS}": _side_by_side,
        "graph2vec": lambda data: graph2vec(seed=seed).fit_transform(data.graph).values,
        "untrained GIN, sum": partial(_untrained, "sum", seed=seed),
        "untrained GIN, moments": partial(_untrained, "moments", seed=seed),
        "InfoGraph": lambda data: infograph(seed=seed).fit_transform(featured(data)).values,
        "GraphCL": lambda data: graphcl(seed=seed).fit_transform(featured(data)).values,
    }


def table(name: str, seed: int = 0, only: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """Yield a row for each method, as it is done.

    Args:
        name: One of `NAMES`.
        seed: Of encoders, networks and the cross-validation; folds are fixed.
        only: Which methods; by default all.

    Yields:
        ``method``; mean ``accuracy`` over the ten folds in per cent and its standard deviation ``sd``; ``seconds`` of
        the encoder, or of all ten trainings.
    """
    data = load_many(name)
    with threads(1):
        for method, make in methods(seed).items():
            if only and method not in only:
                continue
            begin = time.perf_counter()
            found = make(data)
            seconds = time.perf_counter() - begin
            yield _row(method, nested(found, data, seed), seconds)
        if not only or GIN in only:
            yield from supervised(data, EPOCHS[name], READOUTS.get(name, "sum"), seed)


def nested(found: NDArray[np.floating] | _Tables, data: ManyGraphs, seed: int = 0) -> NDArray[np.float64]:
    """Return the accuracy on each fold of a linear machine, chosen by cross-validation inside the others.

    Args:
        found: Vectors (graphs, columns); their columns are brought to mean 0 and variance 1, as seen in the folds to
            learn from. Or sparse tables to choose from, which are taken as they are.
        data: Classes and folds.
        seed: Of the cross-validation.
    """
    ready = [_one(table @ table.T) for table in found] if isinstance(found, list) else []
    accuracy = []
    for learn, test in data.folds():
        kernels = [_kernel(found, learn)] if not isinstance(found, list) else ready
        trials = [
            (_cross_validated(kernel, data.y, learn, strength, seed), -place, -strength)
            for place, kernel in enumerate(kernels)
            for strength in _STRENGTHS
        ]
        _, place, strength = max(trials)  # of equals the first table and the smallest C
        accuracy.append(_right(kernels[-place], data.y, learn, test, -strength))
    return np.array(accuracy)


def _kernel(found: NDArray[np.floating], learn: NDArray[np.int64]) -> NDArray[np.float64]:
    z = found.astype(np.float64)
    spread = z[learn].std(axis=0)
    z = (z - z[learn].mean(axis=0)) / np.where(spread > 0, spread, 1)
    return _one(z @ z.T)


def _one(kernel: Any) -> NDArray[np.float64]:
    """Bring a kernel to a mean diagonal of one, so that one C means the same for all."""
    dense = kernel.toarray() if sp.issparse(kernel) else kernel
    scaled: NDArray[np.float64] = dense / np.diag(dense).mean()
    return scaled


def _cross_validated(
    kernel: NDArray[np.float64], y: NDArray[np.int64], learn: NDArray[np.int64], strength: float, seed: int
) -> float:
    found = []
    for repeat in range(_REPEATS if len(learn) < _FEW else 1):
        for some, others in StratifiedKFold(5, shuffle=True, random_state=seed + repeat).split(learn, y[learn]):
            found.append(_right(kernel, y, learn[some], learn[others], strength))
    return float(np.mean(found))


def _right(
    kernel: NDArray[np.float64],
    y: NDArray[np.int64],
    learn: NDArray[np.int64],
    test: NDArray[np.int64],
    strength: float,
) -> float:
    machine = SVC(C=strength, kernel="precomputed", max_iter=_PATIENCE, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a large C may take for ever to change nothing
        machine.fit(kernel[np.ix_(learn, learn)], y[learn])
    return float((machine.predict(kernel[np.ix_(test, learn)]) == y[test]).mean())


def supervised(data: ManyGraphs, epochs: int, readout: str = "sum", seed: int = 0) -> Iterator[dict[str, Any]]:
    """Train a GIN with jumping knowledge on each fold, twice; yield rows of the best average and of chosen epochs."""
    graph, begin = featured(data), time.perf_counter()
    task = GraphClassification((), readout=readout, batch_size=64)
    curves = [
        _curves(graph, data.y, dc.replace(task, labels=_seen(data.y, learn)), test, epochs, seed + fold)[0]
        for fold, (learn, test) in enumerate(data.folds())
    ]
    best = int(np.mean(curves, axis=0).argmax())
    row = _row(f"{GIN}, best average epoch", np.array(curves)[:, best], time.perf_counter() - begin)
    yield {**row, "epoch": best + 1}
    chosen, begin = [], time.perf_counter()
    for fold, (learn, test) in enumerate(data.folds()):
        _, held_out = train_test_split(learn, test_size=1 / 9, stratify=data.y[learn], random_state=seed + fold)
        own = dc.replace(task, labels=_seen(data.y, learn), held_out=held_out.tolist())
        tested, validated = _curves(graph, data.y, own, test, epochs, seed + fold)
        smooth = np.convolve(validated, np.ones(_SMOOTH), "same") / np.convolve(
            np.ones(epochs), np.ones(_SMOOTH), "same"
        )
        chosen.append(tested[int(smooth.argmax())])
    yield _row(f"{GIN}, chosen epoch", np.array(chosen), time.perf_counter() - begin)


def _seen(y: NDArray[np.int64], learn: NDArray[np.int64]) -> list[int]:
    """Return the classes of the graphs to learn from, -1 for the others."""
    found = np.full(len(y), -1)
    found[learn] = y[learn]
    return found.tolist()


def _curves(
    graph: Graph, y: NDArray[np.int64], task: GraphClassification, test: NDArray[np.int64], epochs: int, seed: int
) -> tuple[list[float], list[float]]:
    """Return the accuracy on the test and the validation after each epoch; labels of the test are not in the task."""
    watched = _Watched(task, y, test)
    with seeded(seed):
        module = gin_layers()
        with torch.no_grad():
            module.eval()(graph.data.x[:1], torch.empty(2, 0, dtype=torch.long))  # settles the width of the features
        module.reset_parameters()
    history, _ = train(module, graph, watched, Training(epochs, 0.003, patience=epochs + 1), seed=seed, progress=False)
    return watched.curve[1:], history.valid  # before the first epoch, `train` asks once


@dc.dataclass(frozen=True)
class _Watched:
    """A task of which the accuracy on other graphs is written down after each epoch; training does not see it."""

    task: GraphClassification
    y: NDArray[np.int64] = dc.field(repr=False)
    test: NDArray[np.int64] = dc.field(repr=False)
    curve: list[float] = dc.field(default_factory=list, repr=False)

    def prepare(self, encoder: nn.Module, graph: Graph) -> nn.Module:
        """Make what the task makes."""
        return self.task.prepare(encoder, graph)

    def batches(self, graph: Graph, seed: int) -> Sequence[Data]:
        """Return the batches of the task."""
        return self.task.batches(graph, seed)

    def loss(self, encoder: nn.Module, beside: nn.Module, batch: Data) -> Tensor:
        """Return the loss of the task."""
        return self.task.loss(encoder, beside, batch)

    def valid(self, encoder: nn.Module, beside: nn.Module, graph: Graph) -> float:
        """Write down the accuracy on the test; return that on the validation, if there is one."""
        found = graph_scores(encoder, beside, graph, self.test).argmax(dim=1).cpu().numpy()
        self.curve.append(float((found == self.y[self.test]).mean()))
        return self.task.valid(encoder, beside, graph) if len(self.task.held_out) else 0.0


def _row(method: str, accuracy: NDArray[np.float64], seconds: float) -> dict[str, Any]:
    return {
        "method": method,
        "accuracy": 100 * float(accuracy.mean()),
        "sd": 100 * float(accuracy.std(ddof=1)),
        "seconds": seconds,
    }


def summary(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Lay rows out as a table, in their order."""
    return pd.DataFrame(rows).round({"accuracy": 1, "sd": 1, "seconds": 1})
