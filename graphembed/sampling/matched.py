"""Negatives of the same degrees as links: then degree alone, which tells busy nodes from others, is worth nothing."""

from collections import Counter, deque
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from graphembed.errors import DataError
from graphembed.graph import Graph
from graphembed.sampling.pairs import pair_keys, parts

_TRIES = 500  # swaps tried for each pair that is not fit


def degree_matched(
    graph: Graph,
    positives: NDArray[np.int64],
    seed: int = 0,
    *,
    times: int = 1,
    group: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Pair the ends of links anew, so that each node is the end of as many negatives as of links.

    The second ends are shuffled; pairs that are linked, repeated or of one node swap ends with others until none is
    left. An end that can go with none of the others (a hub that is linked to all of them) gets another one: the
    unlinked node whose number of links among the positives is nearest.

    Args:
        graph: Whose edges to avoid.
        positives: (links, 2).
        seed: Everything random comes from it.
        times: How many negatives for each link.
        group: (nodes,) groups of nodes, as an `EdgeSplit` has them if it is not random: then negatives lie within and
            between them as often as links. Parts of bipartite graphs are groups in any case.

    Returns:
        (times * links, 2) different pairs; in directed graphs ends that start links start negatives.

    Raises:
        DataError: Some node has too few unlinked partners.

    Example:
        >>> graph = Graph.from_edges([0, 1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 0])
        >>> degree_matched(graph, np.array([[0, 1], [2, 3], [4, 5]]))
        array([[0, 4],
               [1, 3],
               [2, 5]])

    References:
        Aiyappa et al. 2024, "Implicit degree bias in the link prediction task", section 3.
    Differs from the paper: the ends are those of the links to be found, paired anew, instead of draws in proportion to
    the degrees; then degree tells nothing where there is nothing to tell.
    """
    nodes, rng, part = graph.num_nodes, np.random.default_rng(seed), parts(graph)
    kind = np.zeros(nodes, np.int64) if group is None else 2 * np.asarray(group, np.int64)
    kind = kind if part is None else kind + part
    closed = set(pair_keys(graph.pairs, nodes).tolist())
    pairs = np.tile(positives, (times, 1))
    if not graph.directed:
        turned = kind[pairs[:, 0]] > kind[pairs[:, 1]]
        turned |= (kind[pairs[:, 0]] == kind[pairs[:, 1]]) & (rng.random(len(pairs)) < 0.5)
        pairs[turned] = pairs[turned, ::-1]
    links, kinds = np.bincount(pairs.ravel(), minlength=nodes), kind[pairs]
    for first, second in np.unique(kinds, axis=0).tolist():
        rows = np.flatnonzero((kinds == (first, second)).all(axis=1))
        ends = np.stack([pairs[rows, 0], rng.permutation(pairs[rows, 1])], axis=1)
        wrong = _swap_ends(ends, nodes, closed, rng, mixed=first == second and not graph.directed)
        _replace_ends(ends, wrong, graph, links, np.flatnonzero(kind == second), closed)
        closed |= set(pair_keys(ends, nodes).tolist())
        pairs[rows] = ends
    return pairs if graph.directed else np.sort(pairs, axis=1)


def _swap_ends(
    pairs: NDArray[np.int64], nodes: int, closed: set[int], rng: np.random.Generator, *, mixed: bool
) -> list[int]:
    """Swap ends between pairs until all are fit, or nothing helps; return the rows that are not."""
    times, ends = Counter(pair_keys(pairs, nodes).tolist()), pairs.tolist()

    def wrong(u: int, v: int) -> bool:
        """Whether a pair that is there is linked, of one node, or there twice."""
        key = min(u, v) * nodes + max(u, v)
        return u == v or key in closed or times[key] > 1

    def count(rows: Iterable[list[int]], step: int) -> None:
        for u, v in rows:
            times[min(u, v) * nodes + max(u, v)] += step

    unfit = [row for row, (u, v) in enumerate(ends) if wrong(u, v)]
    others = iter(rng.integers(0, len(ends), _TRIES * len(unfit)).tolist())
    waiting = deque(unfit)
    while waiting and (other := next(others, None)) is not None:
        row = waiting.popleft()
        (a, b), (c, d) = before = [ends[row], ends[other]]
        if row == other or not wrong(a, b):
            waiting.extend([row] if wrong(a, b) else [])
            continue
        bad = 1 + wrong(c, d)
        after = [[a, c], [b, d]] if mixed and rng.random() < 0.5 else [[a, d], [c, b]]
        count(before, -1)
        count(after, 1)
        if wrong(*after[0]) + wrong(*after[1]) <= bad:
            ends[row], ends[other] = after
            waiting.extend(place for place in (row, other) if wrong(*ends[place]))
        else:
            count(after, -1)
            count(before, 1)
            waiting.append(row)
    pairs[:] = ends
    return list(dict.fromkeys(row for row in waiting if wrong(*ends[row])))


def _replace_ends(
    pairs: NDArray[np.int64],
    rows: list[int],
    graph: Graph,
    links: NDArray[np.int64],
    allowed: NDArray[np.int64],
    closed: set[int],
) -> None:
    """Give the first end of each row another partner: of those allowed and free, the one with the nearest links."""
    nodes = graph.num_nodes
    taken = closed | set(np.delete(pair_keys(pairs, nodes), rows).tolist())
    for row in rows:
        end, partner = pairs[row].tolist()
        order = allowed[np.argsort(np.abs(links[allowed] - links[partner]), kind="stable")]
        for node in order.tolist():
            key = min(end, node) * nodes + max(end, node)
            if node != end and key not in taken:
                taken.add(key)
                pairs[row, 1] = node
                break
        else:
            raise DataError(
                f"node {graph.names[end]!r} is linked to so many that it has too few unlinked partners for negatives "
                f"of the same degrees ({graph}); use uniform negatives or fewer for each link"
            )
