"""`pool`: the vectors of some items become one vector for each group of them.

Nodes of a graph, words of a text, keypoints of a person: a group's vector does not depend on the order of its members.
This is a deep-sets readout without parameters; `graphembed.nn.deepsets.DeepSets` is the one that can be trained.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphembed.embedding import Embedding
from graphembed.errors import DataError, first_few
from graphembed.names import RowNames

HOWS = ("sum", "mean", "max", "moments")
_FLAT = 1e-5  # added to a variance, which is zero in groups of one


def pool(embedding: Embedding, groups: ArrayLike, how: str = "mean", names: Iterable[str] = ()) -> Embedding:
    """Return one vector for each group: the sum, mean or largest entry of its items' vectors, or their moments.

    ``"moments"`` puts, for each column, the mean, the standard deviation s = sqrt(m_2 + 1e-5), the skewness m_3 / s^3
    and the kurtosis m_4 / s^4 behind each other, m_k being the mean of (z - mean)^k. A group without items gets zeros.

    Args:
        embedding: Vectors of items.
        groups: (items,) the number of each item's group, from 0; -1 for none.
        how: ``"sum"``, ``"mean"``, ``"max"`` or ``"moments"``.
        names: Of the groups, by number; by default the numbers.

    Raises:
        ValueError: There is no such way to pool.
        DataError: There is not one group per item, or one that does not exist.

    Example:
        >>> z = Embedding(np.array([[1, 0], [3, 2], [5, 5]]), ("ann", "bob", "cy"))
        >>> pool(z, [0, 0, 1], names=["men", "cats"])["men"]
        array([2., 1.], dtype=float32)
    """
    if how not in HOWS:
        raise ValueError(f"how must be one of {', '.join(HOWS)}, got {how!r}")
    number, names = np.asarray(groups), tuple(names)
    if number.shape != (len(embedding),) or (number.size and number.dtype.kind not in "iu"):
        raise DataError(
            f"groups must give a whole number for each of {len(embedding)} items, got {number.dtype} "
            f"{list(number.shape)}"
        )
    count = len(names) or int(number.max(initial=-1)) + 1
    if wrong := np.flatnonzero((number < -1) | (number >= count)).tolist():
        raise DataError(
            f"groups go from 0 to {count - 1}, or -1 for none; "
            f"{first_few(embedding.names[row] for row in wrong)} got {first_few(number[wrong].tolist())}"
        )
    there = np.flatnonzero(number >= 0)
    order = there[np.argsort(number[there], kind="stable")]
    own = number[order].astype(np.int64)
    values = embedding.values[order].astype(np.float64)
    if how == "moments":
        pooled = _moments(values, own, count)
    elif how == "mean":
        pooled = _mean(values, own, count)
    else:
        pooled = _reduce(np.add if how == "sum" else np.maximum, values, own, count)
    called: Sequence[str] = names or RowNames(count)
    return Embedding(pooled.astype(np.float32), called, {**embedding.source, "pooled": how})


def _reduce(add: np.ufunc, values: NDArray[np.float64], own: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Add up rows, or what ``add`` does, group by group; ``own`` ascends."""
    pooled = np.zeros((count, values.shape[1]))
    if len(own):
        first = np.flatnonzero(np.diff(own, prepend=-1))
        pooled[own[first]] = add.reduceat(values, first, axis=0)
    return pooled


def _mean(values: NDArray[np.float64], own: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    size = np.bincount(own, minlength=count)[:, None]
    mean: NDArray[np.float64] = _reduce(np.add, values, own, count) / np.maximum(size, 1)
    return mean


def _moments(values: NDArray[np.float64], own: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    middle = _mean(values, own, count)
    away = values - middle[own]
    spread = np.sqrt(_mean(away**2, own, count) + _FLAT)
    third, fourth = (_mean(away**power, own, count) / spread**power for power in (3, 4))
    there = np.bincount(own, minlength=count)[:, None] > 0
    return np.concatenate([middle, spread * there, third, fourth], axis=1)
