"""The best of all pairs of nodes, looked at in blocks of rows: memory does not grow with the square of the nodes."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from graphembed.graph import Graph
from graphembed.kernels.csr import CSR, transpose
from graphembed.parallel import one_thread
from graphembed.sampling.pairs import parts

_BLOCK = 1 << 22  # scores held at a time; a sixteenth of it where pairs are scored one by one


class Factors(NamedTuple):
    """Scores of all pairs: left_u . right_v + left_bias_u + right_bias_v."""

    left: NDArray[np.float32]
    right: NDArray[np.float32]
    left_bias: NDArray[np.float64]
    right_bias: NDArray[np.float64]

    def block(self, rows: NDArray[np.int64], start: int) -> NDArray[np.float64]:
        """Scores of rows by all nodes from ``start`` on."""
        return self.left[rows] @ self.right[start:].T + self.left_bias[rows, None] + self.right_bias[start:]


class Best(NamedTuple):
    """The best pairs seen so far, best first."""

    score: NDArray[np.float64]
    source: NDArray[np.int64]
    target: NDArray[np.int64]

    def or_better(self, scores: NDArray[np.float64], block: NDArray[np.int64], start: int, k: int) -> "Best":
        """Take in a block of scores; -inf is never taken."""
        flat = scores.ravel()
        floor = self.score[-1] if len(self.score) == k else -np.inf
        found = np.flatnonzero(flat > floor)
        if len(found) > k:
            kth = np.partition(flat[found], len(found) - k)[len(found) - k]
            found = found[flat[found] >= kth]
        row, column = np.divmod(found, scores.shape[1])
        score = np.concatenate([self.score, flat[found]])
        source = np.concatenate([self.source, block[row]])
        target = np.concatenate([self.target, column + start])
        order = np.argsort(-score, kind="stable")[:k]
        return Best(score[order], source[order], target[order])


def best_of_all(
    graph: Graph, k: int, exclude_known: bool, score: Factors | Callable[[NDArray[np.int64]], NDArray[np.float64]]
) -> Best:
    """Return the ``k`` pairs with the highest scores; ties go to the earlier pair.

    Args:
        graph: Pairs within a part (``data.part``) are never taken.
        k: How many.
        exclude_known: Leave out pairs that are linked in any direction.
        score: Factors, or a function of (pairs, 2) rows that returns (pairs,).
    """
    nodes, part = graph.num_nodes, parts(graph)
    linked = [graph.csr, *([transpose(graph.csr)] if graph.directed else [])] if exclude_known else []
    best = Best(np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64))
    rows = max(1, (_BLOCK if isinstance(score, Factors) else _BLOCK // 16) // max(nodes, 1))
    with one_thread():
        for first in tqdm(range(0, nodes, rows), "ranking pairs", disable=None, delay=1, leave=False):
            block = np.arange(first, min(first + rows, nodes))
            start = 0 if graph.directed else first
            allowed = _allowed(graph, block, start, linked, part)
            if isinstance(score, Factors):
                scores = score.block(block, start)
            else:
                scores = np.full(allowed.shape, -np.inf)
                u, v = np.nonzero(allowed)
                scores[u, v] = score(np.stack([block[u], v + start], axis=1)) if len(u) else 0
            scores[~allowed] = -np.inf
            best = best.or_better(scores, block, start, k)
    return best


def _allowed(
    graph: Graph, block: NDArray[np.int64], start: int, linked: list[CSR], part: NDArray[np.int64] | None
) -> NDArray[np.bool_]:
    """Say which pairs of the block's rows and the nodes from ``start`` on may be proposed."""
    columns = np.arange(start, graph.num_nodes)
    allowed = block[:, None] != columns if graph.directed else block[:, None] < columns
    for rows in linked:
        first, last = rows.indptr[block[0]], rows.indptr[block[-1] + 1]
        row = np.repeat(block - block[0], np.diff(rows.indptr[block[0] : block[-1] + 2]))
        column = rows.indices[first:last] - start
        allowed[row[column >= 0], column[column >= 0]] = False
    if part is not None:
        allowed &= part[block][:, None] != part[columns]
    return allowed
