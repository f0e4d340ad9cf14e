"""What a role looks like: typical facts of those who play it, in numbers and in words, and whom they are linked to."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphembed.graph import Graph
from graphembed.kernels.csr import CSR
from graphembed.kernels.distances import distance_sums
from graphembed.kernels.egonets import within_egonets

_STARTS = 256  # nodes that distances are measured from; in smaller graphs all
_WORDS = {  # of a fact that is high, and of one that is low
    "degree": ("many neighbours", "few neighbours"),
    "in-degree": ("many links towards it", "few links towards it"),
    "out-degree": ("many links that leave it", "few links that leave it"),
    "neighbours' degree": ("neighbours with many neighbours", "neighbours with few neighbours"),
    "clustering": ("neighbours who know each other", "neighbours who do not know each other"),
    "distance": ("at the edge of the graph", "in the middle of the graph"),
}
_USUAL = 0.5  # spreads from the mean of all nodes within which a role is like any other


def facts(graph: Graph, seed: int) -> pd.DataFrame:
    """Describe every node by degree, neighbours' degree, clustering and distance.

    ``degree`` counts other nodes, whatever the direction; directed graphs have ``in-degree`` and ``out-degree``, too.
    ``neighbours' degree`` is its mean over them. ``clustering`` is the share of pairs of neighbours that are linked.
    ``distance`` is the mean number of steps to those nodes that can be reached (to 256 drawn nodes in larger graphs),
    NaN where there are none: the inverse of closeness centrality.
    """
    pairs, nodes = graph.pairs[graph.pairs[:, 0] != graph.pairs[:, 1]], graph.num_nodes
    both = Graph.from_edges(*pairs.T, nodes=nodes).csr
    degree = np.diff(both.indptr).astype(np.float64)
    theirs = np.bincount(np.repeat(np.arange(nodes), np.diff(both.indptr)), degree[both.indices], nodes)
    linked = within_egonets(both, both) - 2 * degree  # pairs of neighbours, in either order
    table = {"degree": degree}
    if graph.directed:
        table["in-degree"] = np.bincount(pairs[:, 1], minlength=nodes).astype(np.float64)
        table["out-degree"] = np.bincount(pairs[:, 0], minlength=nodes).astype(np.float64)
    table["neighbours' degree"] = theirs / np.maximum(degree, 1)
    table["clustering"] = linked / np.maximum(degree * (degree - 1), 1)
    table["distance"] = _distances(both, seed)
    return pd.DataFrame(table, index=pd.Index(graph.names, name="name"))


def portraits(table: pd.DataFrame, roles: NDArray[np.int64], k: int) -> pd.DataFrame:
    """Return for each role how many nodes play it, the means of their facts, and ``words``."""
    means = table.groupby(roles).mean().reindex(range(k))
    high = _above(means, table)
    means.insert(0, "nodes", np.bincount(roles, minlength=k))
    means["words"] = [_in_words(high.loc[role], means.loc[role]) for role in range(k)]
    means.index.name = "role"
    return means


def draw(table: pd.DataFrame, roles: NDArray[np.int64], ax: Any = None) -> Any:
    """Draw how far the facts of each role are above and below those of all nodes; returns the Axes."""
    nodes = np.bincount(roles)
    high = _above(table.groupby(roles).mean(), table).fillna(0)
    if ax is None:
        from matplotlib.figure import Figure

        ax = Figure(figsize=(7, 1.5 + 0.4 * len(high)), layout="constrained").add_subplot()
    shown = ax.imshow(high.to_numpy(), cmap="RdBu_r", vmin=-2, vmax=2, aspect="auto")
    ax.set_xticks(range(high.shape[1]), high.columns, rotation=30, ha="right")
    ax.set_yticks(range(len(high)), [f"role {role} ({nodes[role]})" for role in high.index])
    ax.figure.colorbar(shown, ax=ax, label="spreads above the mean of all nodes")
    return ax


def connections(graph: Graph, roles: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """Return (k, k): weight of the edges from one role to another, over what degrees alone would give.

    Expected is out_r in_s / m, with out and in the sums of weights that leave and enter a role; NaN where it is 0.
    """
    csr = graph.csr
    weight = csr.weight.astype(np.float64) if graph.weighted else np.ones(csr.indices.size)
    source = roles[np.repeat(np.arange(graph.num_nodes), np.diff(csr.indptr))]
    observed = np.zeros((k, k))
    np.add.at(observed, (source, roles[csr.indices]), weight)
    expected = np.outer(observed.sum(axis=1), observed.sum(axis=0)) / max(observed.sum(), np.finfo(float).tiny)
    over: NDArray[np.float64] = np.divide(observed, expected, out=np.full((k, k), np.nan), where=expected > 0)
    return over


def _distances(csr: CSR, seed: int) -> NDArray[np.float64]:
    """Return the mean steps from every node to the others it can reach, or to some that are drawn."""
    starts = np.arange(csr.indptr.size - 1)
    if len(starts) > _STARTS:
        starts = np.sort(np.random.default_rng(seed).choice(starts, _STARTS, replace=False))
    total, reached = distance_sums(csr, starts)
    mean: NDArray[np.float64] = np.divide(total, reached, out=np.full(len(total), np.nan), where=reached > 0)
    return mean


def _above(means: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return by how many spreads of all nodes means are above the mean of all; NaN where all nodes are the same."""
    spread = table.std(ddof=0)
    return (means - table.mean()) / spread.where(spread > 0)


def _in_words(high: "pd.Series[float]", mean: "pd.Series[float]") -> str:
    """Say which facts of a role are unlike those of all nodes, and what they are, the most unusual first."""
    unusual = high[high.abs() > _USUAL].sort_values(key=lambda each: -each.abs(), kind="stable")
    said = [f"{_WORDS[str(fact)][0 if value > 0 else 1]} ({mean[fact]:.2g})" for fact, value in unusual.items()]
    return ", ".join(said) or "like most nodes"
