"""Looking for leaks in any split, however it was made, and for what makes a test easier than it looks."""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from graphembed.graph import Graph, of_edges
from graphembed.metrics import auc
from graphembed.sampling.pairs import is_in, pair_keys, parts
from graphembed.splits.pairs import LabelledPairs

_SURE = 0.9  # AUC from which one plain number tells links from negatives too well
_GIVEN_AWAY = 0.99  # AUC from which a feature must know the links
_MOST = 2000  # pairs looked at where each takes its time
_TWINS = 0.8  # share of pairs from which two relations are taken for one


def audit(graph: Graph, observed: Graph, sets: dict[str, LabelledPairs]) -> list[str]:
    """List the leaks of any split, however it was made: plain sentences, none if there is none.

    Looked for: held-out edges that training can see, in either direction; pairs that are in two parts or twice in one;
    negatives that are edges or are shared by two parts; positives that are not edges; observed edges that were never
    in the graph; nodes that are not the same; pairs of a node with itself; pairs within a part of a bipartite graph.
    """
    nodes = graph.num_nodes
    leaks: list[str] = []

    def found(wrong: NDArray[np.bool_], what: str) -> None:
        if wrong.any():
            leaks.append(f"{int(wrong.sum())} {what}")

    if observed.names != graph.names:
        leaks.append("the observed graph does not have the nodes of the whole graph in the same order")
        return leaks
    truth = _adjacency(graph)
    seen = _adjacency(observed)
    key_of = _arc_keys if graph.directed else pair_keys
    known = np.unique(key_of(graph.pairs, nodes))
    found(~is_in(key_of(observed.pairs, nodes), known), "observed edges are not edges of the graph")
    keys: dict[str, NDArray[np.int64]] = {}
    part = parts(graph)
    for name, pairs in sets.items():
        low, high = pairs.pairs.min(axis=1, initial=nodes), pairs.pairs.max(axis=1, initial=-1)
        key = low * nodes + high
        keys[name] = key
        linked = np.asarray(truth[low, high]).ravel().astype(bool) if len(pairs) else np.empty(0, bool)
        found(low == high, f"{name} pairs link a node to itself")
        is_edge = is_in(key_of(pairs.pairs, nodes), known)  # against the arrow is not an edge
        found(pairs.label & ~is_edge, f"{name} positives are not edges")
        found(~pairs.label & linked, f"{name} negatives are edges")
        if part is not None:
            found(part[low] == part[high], f"{name} pairs lie within one part of a bipartite graph")
        repeated = np.ones(len(pairs), bool)
        repeated[np.unique(key_of(pairs.pairs, nodes), return_index=True)[1]] = False
        found(repeated, f"{name} pairs are repeated")
        if name != "train" and len(pairs):
            visible = np.asarray(seen[low, high]).ravel().astype(bool)
            found(visible & pairs.label, f"{name} edges are visible in training")
    names = list(sets)
    for place, first in enumerate(names):
        for second in names[place + 1 :]:
            shared = np.isin(keys[first], keys[second])
            found(shared, f"pairs are both in {first} and in {second}")
    return leaks


def _arc_keys(pairs: NDArray[np.int64], nodes: int) -> NDArray[np.int64]:
    """Give every ordered pair one number; source times nodes plus target."""
    keys: NDArray[np.int64] = pairs[:, 0] * nodes + pairs[:, 1]
    return keys


def _adjacency(graph: Graph) -> sp.csr_array:
    """Return the symmetric boolean matrix of pairs with an edge in either direction."""
    source, target = graph.data.edge_index.numpy()
    ends = np.concatenate([source, target]), np.concatenate([target, source])
    return sp.csr_array((np.ones(2 * len(source), bool), ends), shape=(graph.num_nodes,) * 2)


def easy(graph: Graph, observed: Graph, test: LabelledPairs) -> list[str]:
    """Say what makes a test easier, or other, than it looks: plain sentences, none if there is nothing to say.

    Looked for: links of nodes that training never saw; negatives that degree alone, or distance alone, tells from the
    links; one feature that gives the links away; relations that are each other's inverse, or nearly symmetric.
    """
    said: list[str] = []
    label, (u, v) = test.label, test.pairs.T
    steps = _adjacency(observed)
    degree = np.diff(steps.indptr)
    unseen = int((label & ((degree[u] == 0) | (degree[v] == 0))).sum())
    if unseen:
        said.append(f"{unseen} of {int(label.sum())} links have an end without a training edge: only features tell")
    if label.all() or not label.any():
        return said + _twins(graph)
    if (worth := auc(label, degree[u] * degree[v])) >= _SURE:
        said.append(f"degree alone tells links from negatives (AUC {worth:.2f}): use negatives of the same degrees")
    some = np.random.default_rng(0).permutation(len(label))[:_MOST]
    if label[some].any() and not label[some].all():
        if (worth := auc(label[some], _nearness(steps, u[some], v[some]))) >= _SURE:
            said.append(f"distance alone tells links from negatives (AUC {worth:.2f}): use negatives two steps apart")
        said += _telling_features(graph, u[some], v[some], label[some])
    return said + _twins(graph)


def _nearness(steps: sp.csr_array, u: NDArray[np.int64], v: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 2 for pairs two steps apart, 1 for three, else 0."""
    place = np.arange(256)
    near = np.zeros(len(u), np.int64)
    for first in range(0, len(u), len(place)):
        rows = slice(first, first + len(place))
        two = steps[u[rows]] @ steps
        at = place[: two.shape[0]], v[rows]
        found = np.asarray(two[at]).ravel() > 0, np.asarray((two @ steps)[at]).ravel() > 0
        near[rows] = np.where(found[0], 2, found[1])
    return near


def _telling_features(graph: Graph, u: NDArray[np.int64], v: NDArray[np.int64], label: NDArray[np.bool_]) -> list[str]:
    """Look for a column whose values at the two ends, or a table of nodes whose entries, give the links away."""
    if graph.data.get("x") is None:
        return []
    x = graph.data.x.numpy()
    if x.shape[1] == graph.num_nodes:
        worth = auc(label, np.maximum(x[u, v], x[v, u]))
        if max(worth, 1 - worth) >= _GIVEN_AWAY:
            return [f"the features hold the links: entry (u, v) tells whether they are linked (AUC {worth:.2f})"]
    for column in range(x.shape[1]):
        one, other = x[u, column].astype(np.float64), x[v, column].astype(np.float64)
        for score in (np.abs(one - other), one * other):
            worth = auc(label, score)
            if max(worth, 1 - worth) >= _GIVEN_AWAY:
                return [f"feature {column} alone tells links from negatives (AUC {max(worth, 1 - worth):.2f})"]
    return []


def _twins(graph: Graph) -> list[str]:
    """Name relations (``data.edge_type``) whose edges are mostly those of another, or of their own, reversed."""
    if not graph.directed or graph.data.get("edge_type") is None or not of_edges(graph.data, "edge_type"):
        return []
    kind = graph.data.edge_type.numpy()
    forward, nodes = graph.pairs, graph.num_nodes
    keys = {int(k): _arc_keys(forward[kind == k], nodes) for k in np.unique(kind)}
    backward = {k: _arc_keys(forward[kind == k][:, ::-1], nodes) for k in keys}
    said = []
    for one in keys:
        for other in keys:
            share = float(np.isin(keys[one], backward[other]).mean())
            if share >= _TWINS:
                what = "symmetric" if one == other else f"the inverse of relation {other}"
                said.append(
                    f"relation {one} is {what} for {share:.0%} of its edges: one tells the other, so both "
                    "belong in one part"
                )
    return said
