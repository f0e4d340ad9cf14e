"""Splits in which the test is not like training: later, between new nodes, across groups, at nodes of some degree.

In each, negatives that are asked for are drawn as the links are: between the same groups of nodes, equally often, so
that the rule of the split by itself tells nothing.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphembed.errors import DataError, first_few
from graphembed.graph import Graph, as_graph, of_edges
from graphembed.sampling.pairs import pair_keys
from graphembed.splits.edges import EdgeSplit, share_out
from graphembed.splits.pairs import linked_pairs
from graphembed.splits.random import at_least_one


def split_by_time(
    graph: Any, test: float = 0.1, valid: float = 0.05, seed: int = 0, *, time: str = "time"
) -> EdgeSplit:
    """Test the latest links, choose on those before, train on the rest; a pair is as old as its first edge.

    No moment is shared by two parts, so shares are kept as nearly as moments allow.

    Args:
        graph: Anything `graphembed.as_graph` reads.
        test: Share of the linked pairs that is tested on.
        valid: Share of the linked pairs that choices are made on; 0 for none.
        seed: Negatives come from it.
        time: Name of the tensor of ``data`` with one number per edge.

    Raises:
        DataError: There are no times, or too few different ones.
        ValueError: Shares that are negative or leave no training edge.

    Example:
        >>> from torch_geometric.data import Data
        >>> import torch
        >>> ends, time = torch.tensor([[0, 1, 2, 3], [1, 2, 3, 4]]), torch.tensor([9, 1, 2, 3])
        >>> split = split_by_time(Graph(Data(edge_index=ends, time=time, num_nodes=5)), test=0.25, valid=0.25)
        >>> split.test.pairs[0].tolist(), split.valid.pairs[0].tolist()
        ([0, 1], [3, 4])
    """
    graph = as_graph(graph)
    check_shares(test, valid)
    if graph.data.get(time) is None or not of_edges(graph.data, time) or graph.data[time].dim() != 1:
        raise DataError(f"data.{time} must hold one time per edge, to split by; the graph has {graph.data}")
    ends = np.sort(graph.data.edge_index.numpy().T, axis=1)
    different = ends[:, 0] != ends[:, 1]
    keys, place = np.unique(pair_keys(ends[different], graph.num_nodes), return_inverse=True)
    began = np.full(len(keys), np.inf)
    np.minimum.at(began, place.ravel(), graph.data[time].numpy()[different].astype(np.float64))
    linked = linked_pairs(graph)
    moments, several = np.unique(-began, return_counts=True)  # the latest first
    needed = 2 + (valid > 0)
    if len(moments) < needed:
        raise DataError(f"{needed} different times are needed, one for each part, got {len(moments)} in data.{time}")
    up_to = np.cumsum(several)
    tested = int(np.argmin(np.abs(up_to[: 1 - needed or None] - test * len(keys)))) + 1
    validated = tested
    if valid > 0:
        validated += int(np.argmin(np.abs(up_to[tested:-1] - (test + valid) * len(keys)))) + 1
    part = np.searchsorted(moments, -began)
    chosen = linked[part < tested], linked[(part >= tested) & (part < validated)]
    return share_out(graph, *chosen, np.random.default_rng(seed))


def split_by_node(graph: Any, test: float = 0.1, valid: float = 0.05, seed: int = 0) -> EdgeSplit:
    """Hide nodes: all links of some are tested, all of some others are for validation (cold start).

    Of the links between the nodes that stay, the same shares are held out, too, so that the test has links of all three
    kinds that `cold_start` tells apart. Links between validation and test nodes are tested.

    Args:
        graph: Anything `graphembed.as_graph` reads.
        test: Share of nodes, and of links between nodes that stay, that is tested on.
        valid: Share of nodes, and of links between nodes that stay, that choices are made on; 0 for none.
        seed: Everything random comes from it.

    Raises:
        DataError: Too few edges or too few unlinked pairs for this split.
        ValueError: Shares that are negative or leave no training edge.

    Example:
        >>> import networkx as nx
        >>> split = split_by_node(nx.karate_club_graph(), test=0.2)
        >>> np.bincount(cold_start(split.observed, split.test.pairs[split.test.label]))[1:]
        array([ 5, 22, 18])

    References:
        Park and Marcotte 2012, "Flaws in evaluation schemes for pair-input computational predictions".
    """
    graph = as_graph(graph)
    check_shares(test, valid)
    rng, nodes = np.random.default_rng(seed), graph.num_nodes
    mixed = rng.permutation(nodes)
    tested, validated = at_least_one(test, nodes), at_least_one(valid, nodes)
    new = np.zeros(nodes, np.int64)  # 1 for those of validation, 2 for those of the test
    new[mixed[:tested]], new[mixed[tested : tested + validated]] = 2, 1
    linked = rng.permutation(linked_pairs(graph))
    newest = new[linked].max(axis=1)
    seen = linked[newest == 0]
    held, chosen = at_least_one(test, len(seen)), at_least_one(valid, len(seen))
    return share_out(
        graph,
        np.concatenate([linked[newest == 2], seen[:held]]),
        np.concatenate([linked[newest == 1], seen[held : held + chosen]]) if valid > 0 else None,
        rng,
        new,
        new,
    )


def cold_start(observed: Graph, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Say how new each pair is: 1 if both ends have observed edges, 2 if one has none, 3 if neither has any.

    Example:
        >>> cold_start(Graph.from_edges([0], [1], nodes=4), np.array([[0, 1], [1, 2], [2, 3]]))
        array([1, 2, 3])

    References:
        Park and Marcotte 2012, "Flaws in evaluation schemes for pair-input computational predictions" (C1, C2, C3).
    """
    known = np.zeros(observed.num_nodes, bool)
    known[linked_pairs(observed)] = True
    kinds: NDArray[np.int64] = 1 + (~known[pairs]).sum(axis=1)
    return kinds


def split_by_group(
    graph: Any,
    group: str | ArrayLike = "y",
    test: float = 0.8,
    valid: float = 0.2,
    seed: int = 0,
    *,
    across: bool = True,
) -> EdgeSplit:
    """Hide links between groups of nodes, or within them: what is learnt inside is asked for outside, or the reverse.

    Args:
        graph: Anything `graphembed.as_graph` reads.
        group: One value per node, or the name of a tensor of ``data`` that holds them.
        test: Share of the links of that kind that is tested on.
        valid: Share of the links of that kind that choices are made on; the rest of them, by default none, is observed.
        seed: Everything random comes from it.
        across: Hide links between groups; else those within.

    Raises:
        DataError: No values, not one per node, no such links, or too few unlinked pairs.
        ValueError: Shares that are negative or more than all.

    Example:
        >>> import networkx as nx
        >>> split = split_by_group(nx.path_graph(6), [0, 0, 0, 1, 1, 1], test=1.0, valid=0.0)
        >>> split.observed.num_edges, split.test.pairs.tolist()
        (4, [[2, 3], [0, 5]])
    """
    graph = as_graph(graph)
    if not (0 < test <= 1 and 0 <= valid < 1 and test + valid <= 1 + 1e-9):
        raise ValueError(f"shares must satisfy 0 < test, 0 <= valid, test + valid <= 1; got test={test}, valid={valid}")
    if isinstance(group, str) and graph.data.get(group) is None:
        raise DataError(f"there is no data.{group} to split by; the graph has {first_few(graph.data.keys())}")
    values = np.asarray(graph.data[group] if isinstance(group, str) else group)
    if values.shape != (graph.num_nodes,):
        raise DataError(f"expected one group for each of {graph.num_nodes} nodes, got shape {values.shape}")
    codes = np.unique(values, return_inverse=True)[1].reshape(-1).astype(np.int64)
    rng = np.random.default_rng(seed)
    linked = linked_pairs(graph)
    some = rng.permutation(linked[(codes[linked[:, 0]] != codes[linked[:, 1]]) == across])
    tested = at_least_one(test, len(some))
    return share_out(graph, some[:tested], some[tested : tested + at_least_one(valid, len(some))], rng, codes)


def split_by_degree(
    graph: Any, low: int = 0, high: int = 3, test: float = 0.1, valid: float = 0.05, seed: int = 0
) -> EdgeSplit:
    """Split at random, then ask only for links of which an end has from ``low`` to ``high`` observed neighbours.

    The other links that were to be tested stay hidden: degrees that depended on what is asked for would tell the
    answer. Negatives are drawn by the same rule.

    Args:
        graph: Anything `graphembed.as_graph` reads.
        low: Fewest observed neighbours.
        high: Most observed neighbours.
        test: Share of the linked pairs that is hidden for the test.
        valid: Share of the linked pairs that is hidden for validation; 0 for none.
        seed: Everything random comes from it.

    Raises:
        DataError: No hidden link has such an end, or there are too few unlinked pairs.
        ValueError: Shares that are negative or leave no training edge.

    Example:
        >>> import networkx as nx
        >>> split = split_by_degree(nx.karate_club_graph(), high=2, test=0.2)
        >>> degree = np.diff(split.observed.csr.indptr)
        >>> int(degree[split.test.pairs].min(axis=1).max())
        2
    """
    graph = as_graph(graph)
    check_shares(test, valid)
    rng = np.random.default_rng(seed)
    linked = rng.permutation(linked_pairs(graph))
    tested, validated = at_least_one(test, len(linked)), at_least_one(valid, len(linked))
    hidden = linked[: tested + validated]
    degree = np.bincount(linked[tested + validated :].ravel(), minlength=graph.num_nodes)
    chosen = (degree >= low) & (degree <= high)
    asked = chosen[hidden].any(axis=1)
    return share_out(
        graph,
        hidden[:tested][asked[:tested]],
        hidden[tested:][asked[tested:]],
        rng,
        chosen.astype(np.int64),
        train=linked[tested + validated :],
    )


def check_shares(test: float, valid: float) -> None:
    """Refuse shares that are negative or leave nothing to train on."""
    if not (0 < test < 1 and 0 <= valid < 1 and test + valid < 1):
        raise ValueError(f"shares must satisfy 0 < test, 0 <= valid, test + valid < 1; got test={test}, valid={valid}")
