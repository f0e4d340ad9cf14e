"""Splitting edges so that nothing of the test can be seen in training.

The unit of a split is the unordered pair of nodes: all edges between two nodes (both directions of a directed graph,
too) go to one part. Negatives are unlinked pairs of the *whole* graph, different in every part, as many as positives.
Self-loops stay in training and are never asked for.

    split = split_edges(graph, test=0.1, valid=0.05, seed=0)
    split.observed          # the graph an encoder may see
    split.train, .valid, .test   # pairs with labels
    split.audit()           # recounts everything from scratch and lists the leaks: none
"""

import dataclasses as dc
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch_geometric.data import Data

from graphembed.errors import DataError
from graphembed.graph import Graph, as_graph, of_edges
from graphembed.sampling.pairs import edges_and_others, is_in, pair_keys, parts, sample_non_edges


@dc.dataclass(frozen=True, eq=False)
class LabelledPairs:
    """Pairs of nodes, and whether they are linked.

    Args:
        pairs: (pairs, 2) rows of nodes.
        label: (pairs,) True for an edge.
    """

    pairs: NDArray[np.int64]
    label: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.pairs)


@dc.dataclass(frozen=True, eq=False)
class EdgeSplit:
    """A graph whose edges are shared out among training, validation and test.

    Args:
        graph: The whole graph.
        observed: The same nodes with the training edges (and self-loops) only.
        train: Training edges and as many unlinked pairs.
        valid: Validation edges and as many unlinked pairs.
        test: Test edges and as many unlinked pairs.
    """

    graph: Graph
    observed: Graph
    train: LabelledPairs
    valid: LabelledPairs
    test: LabelledPairs

    def audit(self) -> list[str]:
        """Recompute from scratch whether the split leaks: a sentence for each leak, an empty list if there is none."""
        return audit(self.graph, self.observed, {"train": self.train, "valid": self.valid, "test": self.test})


def split_edges(
    graph: Any, test: float = 0.1, valid: float = 0.05, seed: int = 0, *, keep_forest: bool = False
) -> EdgeSplit:
    """Share the edges of a graph out among training, validation and test, with negatives for each.

    Args:
        graph: Anything `graphembed.as_graph` reads.
        test: Share of the linked pairs that is tested on.
        valid: Share of the linked pairs that choices are made on; 0 for none.
        seed: Everything random comes from it.
        keep_forest: Keep a random spanning forest in training, so that no node loses its last edge and no component
            falls apart. The test then holds no bridge: say so when you report it.

    Raises:
        DataError: Too few edges or too few unlinked pairs for this split.
        ValueError: Shares that are negative or leave no training edge.

    Example:
        >>> import networkx as nx
        >>> split = split_edges(nx.karate_club_graph(), test=0.1, valid=0.1)
        >>> split.observed.num_edges, len(split.test), split.audit()
        (62, 16, [])
    """
    graph = as_graph(graph)
    if not (0 < test < 1 and 0 <= valid < 1 and test + valid < 1):
        raise ValueError(f"shares must satisfy 0 < test, 0 <= valid, test + valid < 1; got test={test}, valid={valid}")
    part = parts(graph)
    if part is not None and (inside := int((part[graph.pairs[:, 0]] == part[graph.pairs[:, 1]]).sum())):
        raise DataError(
            f"data.part says the graph is bipartite, but {inside} edges lie within a part: remove data.part"
        )
    rng = np.random.default_rng(seed)
    nodes = graph.num_nodes
    keys = pair_keys(graph.pairs, nodes)
    linked = rng.permutation(np.unique(keys[keys // nodes != keys % nodes])) if nodes else np.empty(0, np.int64)
    tested, validated = _at_least_one(test, len(linked)), _at_least_one(valid, len(linked))
    if len(linked) <= tested + validated:
        raise DataError(
            f"not enough edges to split: {graph} has {len(linked)} linked pairs; use a larger graph or smaller shares"
        )
    if keep_forest:
        kept = _spanning_forest(linked, nodes)
        if tested + validated > len(linked) - kept.sum():
            raise DataError(
                f"a spanning forest needs {int(kept.sum())} of the {len(linked)} linked pairs, which leaves too few "
                f"for {tested} test and {validated} validation pairs; use keep_forest=False or smaller shares"
            )
        linked = np.concatenate([linked[~kept], linked[kept]])
    ends = np.cumsum([tested, validated, len(linked) - tested - validated])
    chosen = np.split(linked, ends[:-1])  # test, valid, train
    positives = [graph.pairs[is_in(keys, np.sort(part))] for part in chosen]
    negatives = np.split(
        sample_non_edges(graph, sum(map(len, positives)), rng), np.cumsum([len(pairs) for pairs in positives])[:-1]
    )
    sets = [
        LabelledPairs(np.concatenate([yes, no]), np.repeat([True, False], [len(yes), len(no)]))
        for yes, no in zip(positives, negatives, strict=True)
    ]
    observed = without(graph, np.concatenate(positives[:2]))
    return EdgeSplit(graph, observed, train=sets[2], valid=sets[1], test=sets[0])


def all_pairs(graph: Any, seed: int = 0) -> LabelledPairs:
    """Label all edges of a graph and as many unlinked pairs (or all, if there are fewer): to train on everything."""
    edges, others = edges_and_others(as_graph(graph), np.random.default_rng(seed))
    return LabelledPairs(np.concatenate([edges, others]), np.repeat([True, False], [len(edges), len(others)]))


def without(graph: Graph, pairs: NDArray[np.int64]) -> Graph:
    """Return the graph less the edges between the (pairs, 2) nodes given, in both directions; all else stays.

    Example:
        >>> import networkx as nx
        >>> without(as_graph(nx.path_graph(3)), np.array([[1, 0]]))
        Graph(3 nodes, 1 edge, undirected)
    """
    hidden = np.sort(pair_keys(pairs, graph.num_nodes))
    kept = torch.from_numpy(~is_in(pair_keys(graph.data.edge_index.numpy().T, graph.num_nodes), hidden))
    data = Data(num_nodes=graph.num_nodes)
    for key, value in graph.data.to_dict().items():
        if key == "edge_index":
            data[key] = value[:, kept]
        elif key != "num_nodes":
            data[key] = value[kept] if of_edges(graph.data, key) else value
    return Graph(data, graph.names, graph.directed)


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
    found(
        ~is_in(_arc_keys(observed.pairs, nodes), _arc_keys(graph.pairs, nodes)),
        "observed edges are not edges of the graph",
    )
    keys: dict[str, NDArray[np.int64]] = {}
    part = parts(graph)
    for name, pairs in sets.items():
        low, high = pairs.pairs.min(axis=1, initial=nodes), pairs.pairs.max(axis=1, initial=-1)
        key = low * nodes + high
        keys[name] = key
        linked = np.asarray(truth[low, high]).ravel().astype(bool) if len(pairs) else np.empty(0, bool)
        found(low == high, f"{name} pairs link a node to itself")
        if graph.directed:  # against the arrow is not an edge
            is_edge = is_in(_arc_keys(pairs.pairs, nodes), _arc_keys(graph.pairs, nodes))
        else:
            is_edge = linked
        found(pairs.label & ~is_edge, f"{name} positives are not edges")
        found(~pairs.label & linked, f"{name} negatives are edges")
        if part is not None:
            found(part[low] == part[high], f"{name} pairs lie within one part of a bipartite graph")
        repeated = np.ones(len(pairs), bool)
        repeated[np.unique(_arc_keys(pairs.pairs, nodes) if graph.directed else key, return_index=True)[1]] = False
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
    """Give every ordered pair one number; those of ``graph.pairs`` are sorted."""
    keys: NDArray[np.int64] = pairs[:, 0] * nodes + pairs[:, 1]
    return keys


def _adjacency(graph: Graph) -> sp.csr_array:
    """Return the symmetric boolean matrix of pairs with an edge in either direction."""
    source, target = graph.data.edge_index.numpy()
    ends = np.concatenate([source, target]), np.concatenate([target, source])
    return sp.csr_array((np.ones(2 * len(source), bool), ends), shape=(graph.num_nodes,) * 2)


def _spanning_forest(linked: NDArray[np.int64], nodes: int) -> NDArray[np.bool_]:
    """Say which pairs form a spanning forest; ``linked`` is in random order, and so is the forest."""
    weight = np.arange(1, len(linked) + 1)  # all different, so the lightest forest is the first in random order
    matrix = sp.csr_array((weight, (linked // nodes, linked % nodes)), shape=(nodes, nodes))
    forest = sp.csgraph.minimum_spanning_tree(matrix)
    kept = np.zeros(len(linked), bool)
    kept[forest.data.astype(np.int64) - 1] = True
    return kept


def _at_least_one(share: float, count: int) -> int:
    return max(1, round(share * count)) if share > 0 else 0
