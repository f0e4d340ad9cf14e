"""Communities on public graphs: encoders x clusterers, beside Leiden and Louvain on the graph; and the threshold.

`table` gives every clusterer the true number of communities but those that find their own (Leiden, Louvain, HDBSCAN).
Nobody sees labels: how far to smooth is chosen by `Smoothed` itself, the other settings are the same on all graphs. Of
polblogs the largest component is taken, as in the literature: 266 blogs have no link.

`threshold` draws sparse planted partitions on both sides of the line below which no method finds them.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse.csgraph import connected_components
from sklearn.base import clone
from torch_geometric.nn import GCNConv

from graphembed.bench.cost import measured
from graphembed.datasets import load
from graphembed.datasets.generated import planted_partition
from graphembed.encoders.bethe import BetheHessian
from graphembed.encoders.inductive import Inductive
from graphembed.encoders.protocol import Encoder
from graphembed.encoders.recipes import deepwalk, netmf, prone, spectral
from graphembed.encoders.smoothed import Smoothed
from graphembed.graph import Graph
from graphembed.heads.communities import Communities
from graphembed.heads.leiden import undirected
from graphembed.metrics.partitions import overlap
from graphembed.nn.gnn import GNN
from graphembed.objectives.modularity import Modularity
from graphembed.training import Training, seeded

Row = dict[str, Any]

GRAPHS = ("football", "polbooks", "polblogs", "email-eu-core", "cora", "citeseer", "amazon-photo")
FIGURES = ("ACC", "NMI", "ARI", "modularity")
EDGES = "the edges"
_OF_EDGES = {  # to what k and a seed are added
    "Leiden": Communities("leiden"),
    "Leiden, k": Communities("leiden", k=2),
    "Louvain": Communities("louvain"),
}
CLUSTERERS = {  # those with a k are given the true one
    "k-means": Communities("kmeans", k=2),
    "k-means, consensus": Communities("kmeans", k=2, runs=10),
    "spherical": Communities("spherical", k=2),
    "mixture": Communities("mixture", k=2),
    "HDBSCAN": Communities("hdbscan"),
    "Leiden, near vectors": Communities("leiden"),
}


def _dmon(seed: int) -> Inductive:
    with seeded(seed):
        module = GNN(GCNConv, [64], 64)
    return Inductive(module, Modularity(16), training=Training(epochs=200, lr=0.003), seed=seed, progress=False)


ENCODERS: dict[str, Callable[[int], Encoder]] = {
    "NetMF": lambda seed: netmf(32, window=5, seed=seed),
    "ProNE": lambda seed: prone(32, seed=seed),
    "DeepWalk": lambda seed: deepwalk(32, seed=seed),
    "spectral": lambda seed: spectral(32, seed=seed),
    "Bethe Hessian": lambda seed: BetheHessian(64, seed=seed),
}
ATTRIBUTED: dict[str, Callable[[int], Encoder]] = {  # for graphs with features
    "features": lambda seed: Smoothed(steps=0.0, seed=seed),
    "smoothed features": lambda seed: Smoothed(seed=seed),
    "DMoN": _dmon,
}
# Figures of the literature: NMI and, where it stands there, ARI.
PUBLISHED = {
    "cora": {"CARE (its readme)": (0.781, 0.574, 0.594)},
    "citeseer": {"CARE (its readme)": (0.713, 0.442, 0.448)},
}


def table(name: str, seeds: int, seed: int = 0) -> Iterator[pd.DataFrame]:
    """Find the communities of a public graph: for each seed a table, one row for each encoder and clusterer.

    Args:
        name: One of `GRAPHS`, or another data set with one label a node.
        seeds: How many, for encoders and clusterers alike.
        seed: The first.

    Returns:
        Columns ``encoder``, ``clusterer``, ``seed``, ``communities`` (how many were found), ACC, NMI, ARI, modularity,
        ``seconds`` (of both).
    """
    graph = public(name)
    makers = ENCODERS | (ATTRIBUTED if graph.data.x is not None else {})
    for number in range(seed, seed + seeds):
        yield pd.DataFrame(_rows(graph, makers, number))


def public(name: str) -> Graph:
    """Load a graph with labels; of polblogs the largest component."""
    graph = load(name)
    return largest_component(graph) if name == "polblogs" else graph


def largest_component(graph: Graph) -> Graph:
    """Return the part with the most nodes, read without directions, and its labels.

    Example:
        >>> import torch
        >>> largest_component(Graph.from_edges([0, 1, 3], [1, 2, 4], y=torch.tensor([0, 1, 0, 1, 1])))
        Graph(3 nodes, 2 edges, undirected)
    """
    component = connected_components(undirected(graph), directed=False)[1]
    kept = np.flatnonzero(component == np.bincount(component).argmax())
    row = np.full(graph.num_nodes, -1)
    row[kept] = np.arange(len(kept))
    ends = row[graph.pairs]
    source, target = ends[(ends >= 0).all(axis=1)].T
    names = [graph.names[node] for node in kept.tolist()]
    return Graph.from_edges(source, target, names=names, directed=bool(graph.directed), y=graph.data.y[kept])


def summary(tables: list[pd.DataFrame], name: str) -> pd.DataFrame:
    """Return mean and standard deviation over the seeds, highest NMI first, figures of the literature among them.

    Example:
        >>> rows = pd.DataFrame({"encoder": "a", "clusterer": "b", "seed": [0, 1], "communities": 2.0, "ACC": 1.0,
        ...                      "NMI": [0.5, 0.7], "ARI": 0.5, "modularity": 0.4, "seconds": 1.0})
        >>> summary([rows], "karate").loc["a + b", ["NMI", "communities"]].tolist()
        ['0.600 ± 0.141', '2']
    """
    rows = pd.concat(tables)
    rows = rows.assign(method=rows.encoder + " + " + rows.clusterer).drop(columns=["encoder", "clusterer", "seed"])
    mean, spread = rows.groupby("method", sort=False).mean(), rows.groupby("method", sort=False).std().fillna(0.0)
    laid_out = pd.DataFrame(
        {
            figure: [f"{m:.3f} ± {s:.3f}" for m, s in zip(mean[figure], spread[figure], strict=True)]
            for figure in FIGURES
        },
        index=mean.index,
    ).assign(communities=mean.communities.map("{:.0f}".format), seconds=mean.seconds.map("{:.1f}".format))
    for method, figures in PUBLISHED.get(name, {}).items():
        laid_out.loc[method] = [
            *(f"{figure:.3f}" for figure in figures),
            *[""] * (len(laid_out.columns) - len(figures)),
        ]
    order = laid_out.NMI.str.split().str[0].astype(float)
    return laid_out.loc[order.sort_values(ascending=False, kind="stable").index]


def threshold(
    nodes: int = 10_000,
    groups: int = 2,
    degree: float = 3.0,
    ratios: Sequence[float] = (0.5, 0.7, 0.9, 1.1, 1.3, 1.5, 1.7),
    seeds: int = 5,
    seed: int = 0,
) -> pd.DataFrame:
    """Look for planted groups on both sides of the threshold contrast = groups sqrt(degree).

    Args:
        nodes: Of each graph.
        groups: How many were planted.
        degree: Mean degree.
        ratios: Contrasts c_in - c_out, as multiples of the threshold.
        seeds: Graphs for each.
        seed: The first.

    Returns:
        Columns ``ratio``, ``encoder``, ``overlap`` (0 is chance), ``sd``, and ``communities``, the number seen by the
        Bethe Hessian.

    References:
        Decelle et al. 2011, "Asymptotic analysis of the stochastic block model for modular networks".
    """
    encoders: dict[str, Callable[[int], Encoder]] = {
        "Bethe Hessian": lambda number: BetheHessian(max(8, 2 * groups), seed=number),
        "adjacency": lambda number: spectral(groups, normalised=False, seed=number),
        "normalised adjacency": lambda number: spectral(groups, seed=number),
    }
    rows = []
    for ratio in ratios:
        for number in range(seed, seed + seeds):
            graph = planted_partition(nodes, groups, degree, ratio * groups * degree**0.5, seed=number)
            truth = graph.data.y.numpy()
            for name, make in encoders.items():
                encoder = make(number)
                z = encoder.fit_transform(graph)
                k = min(groups, len(np.unique(z.values, axis=0)))  # where nothing is seen, vectors are few
                found = Communities(k=k, seed=number).fit(z).labels_
                seen = encoder.communities_ if isinstance(encoder, BetheHessian) else np.nan
                rows.append({"ratio": ratio, "encoder": name, "overlap": overlap(truth, found), "communities": seen})
    grouped = pd.DataFrame(rows).groupby(["ratio", "encoder"], sort=False)
    found_all = grouped.mean().assign(sd=grouped.overlap.std(ddof=1).fillna(0.0))
    return found_all.reset_index()[["ratio", "encoder", "overlap", "sd", "communities"]]


def draw(rows: pd.DataFrame, ax: Any = None) -> Any:
    """Draw overlap over the distance from the threshold, one line an encoder.

    Args:
        rows: From `threshold`.
        ax: Axes to draw into; new ones by default.

    Returns:
        The axes; ``ax.figure`` can be saved.

    Raises:
        ImportError: matplotlib is not installed.
    """
    if ax is None:
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise ImportError('drawing needs matplotlib: pip install "graphembed[plot]"') from error
        ax = Figure(figsize=(5, 3.5), layout="constrained").subplots()
    for name, line in rows.groupby("encoder", sort=False):
        ax.errorbar(line.ratio, line.overlap, line.sd, marker="o", capsize=2, label=name)
    ax.axvline(1.0, color="grey", linestyle=":", label="threshold")
    ax.set(xlabel="contrast / (groups x root of the mean degree)", ylabel="overlap with the planted groups")
    ax.legend()
    return ax


def _rows(graph: Graph, makers: dict[str, Callable[[int], Encoder]], seed: int) -> Iterator[Row]:
    truth = graph.data.y.numpy()
    k = len(np.unique(truth))
    for name, clusterer in _OF_EDGES.items():
        found, cost = measured(partial(_fitted, clusterer, k, seed, graph))
        yield _row(EDGES, name, seed, found, truth, cost.seconds)
    for encoder, maker in makers.items():
        z, spent = measured(partial(_encoded, maker, graph, seed))
        for name, clusterer in CLUSTERERS.items():
            found, cost = measured(partial(_fitted, clusterer, k, seed, z, graph))
            yield _row(encoder, name, seed, found, truth, spent.seconds + cost.seconds)


def _encoded(make: Callable[[int], Encoder], graph: Graph, seed: int) -> Any:
    return make(seed).fit_transform(graph)


def _fitted(clusterer: Communities, k: int, seed: int, *given: Any) -> Communities:
    """Fit a copy; runs of a consensus have seeds of their own."""
    own = clone(clusterer).set_params(seed=seed * clusterer.runs)
    if clusterer.k is not None:
        own.set_params(k=k)
    found: Communities = own.fit(*given)
    return found


def _row(encoder: str, clusterer: str, seed: int, found: Communities, truth: Any, seconds: float) -> Row:
    scores = found.score(truth)
    what = {figure: scores[figure] for figure in ("communities", *FIGURES)}
    return {"encoder": encoder, "clusterer": clusterer, "seed": seed, **what, "seconds": seconds}
