"""The rules of edges, as pure functions of arrays: checked at the door, sorted, unique, in both directions.

``ends`` is (2, edges) int64, rows of nodes; ``weight`` is (edges,) float64 or None.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphembed.errors import DataError, first_few


def stack_ends(source: Any, target: Any) -> NDArray[np.int64]:
    """Stack the two ends of every edge; refuse ends that are not whole numbers."""
    source, target = np.asarray(source), np.asarray(target)
    if source.shape != target.shape or source.ndim != 1:
        raise DataError(f"every edge needs two ends, got {source.size} sources and {target.size} targets")
    both = np.stack([source, target])
    if both.size and not np.issubdtype(both.dtype, np.integer):
        wrong = [end for end in both.T.ravel().tolist() if not isinstance(end, int)]
        raise DataError(f"ends of edges are rows of nodes, whole numbers; got {first_few(wrong)}")
    return both.astype(np.int64)


def check_ends(ends: NDArray[np.int64], nodes: int) -> None:
    """Refuse edges to nodes that do not exist."""
    if ends.size and (ends.min() < 0 or ends.max() >= nodes):
        wrong = ends.T[((ends < 0) | (ends >= nodes)).any(axis=0)].tolist()
        raise DataError(
            f"edges lead to nodes that do not exist: {first_few(map(tuple, wrong))}; there are {nodes} nodes"
        )


def checked_weights(weight: Any, ends: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.float64]:
    """Return the weights as float64; refuse what is not a positive number that float32 can hold, naming the edges."""
    given = np.asarray(weight)
    if given.shape != ends.shape[1:]:
        raise DataError(f"expected one weight per edge, got {given.shape} for {ends.shape[1]} edges")
    if np.issubdtype(given.dtype, np.number):
        values = given.astype(np.float64)
    else:
        values = np.array([_number(value) for value in given.tolist()], np.float64)
    wrong = np.flatnonzero(~((values > 0) & (values <= np.finfo(np.float32).max)))
    if wrong.size:
        shown = [given[k] if np.isnan(values[k]) else f"{values[k]:g}" for k in wrong[:5].tolist()]
        edges = [f"{names[u]} -> {names[v]}" for u, v in ends.T[wrong[:5]].tolist()]
        offenders = [f"{edge}: {value}" for edge, value in zip(edges, shown, strict=True)]
        more = f" and {wrong.size - 5} more" if wrong.size > 5 else ""
        raise DataError(
            f"edge weights must be positive and finite; got {', '.join(offenders)}{more}; drop or correct these edges"
        )
    return values


def merge_edges(
    ends: NDArray[np.int64], weight: NDArray[np.float64] | None, nodes: int
) -> tuple[NDArray[np.int64], NDArray[np.float64] | None]:
    """Sort edges by source, then target, and merge repeats; weights are added up."""
    keys, place = np.unique(ends[0] * nodes + ends[1], return_inverse=True)
    merged = np.stack(np.divmod(keys, max(nodes, 1)))
    return merged, None if weight is None else np.bincount(place, weight, len(keys)).astype(np.float64)


def both_ways(
    ends: NDArray[np.int64], weight: NDArray[np.float64] | None, given: int, nodes: int
) -> tuple[NDArray[np.int64], NDArray[np.float64] | None, int]:
    """Add the reverse of every edge; ``given`` loses the second direction of a list that gave both."""
    keys = ends[0] * nodes + ends[1]
    reverse = ends[1] * nodes + ends[0]
    order = np.argsort(reverse)
    loops = int((ends[0] == ends[1]).sum())
    if np.array_equal(keys, reverse[order]) and (
        weight is None or np.allclose(weight, weight[order], rtol=1e-6, atol=0)
    ):
        if weight is not None:  # sums may differ in the last digit: take those of one direction for both
            weight = np.where(ends[0] <= ends[1], weight, weight[order])
        return ends, weight, given - (ends.shape[1] - loops) // 2
    low_high = np.stack([ends.min(axis=0), ends.max(axis=0)])
    once, weight = merge_edges(low_high, weight, nodes)
    apart = once[0] != once[1]
    both = np.concatenate([once, once[::-1, apart]], axis=1)
    both_weight = None if weight is None else np.concatenate([weight, weight[apart]])
    return *merge_edges(both, both_weight, nodes), given


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
