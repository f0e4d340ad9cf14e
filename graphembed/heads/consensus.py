"""From many partitions one, and from one partition a tree of ever larger communities."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from graphembed.errors import DataError
from graphembed.heads.clustering import Labels
from graphembed.metrics.partitions import singled

_MOST = 2000  # communities a tree is made of: time grows with the cube


def agreement(partitions: Sequence[Labels]) -> float:
    """Mean ARI of all pairs of partitions; 1 if they are the same, or if there is one only.

    Example:
        >>> agreement([np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0])])
        1.0
    """
    pairs = [adjusted_rand_score(singled(one), singled(other)) for one, other in combinations(partitions, 2)]
    return float(np.mean(pairs)) if pairs else 1.0


def consensus(partitions: Sequence[Labels], k: int, seed: int) -> Labels:
    """Find the k groups that agree best with all partitions (k-means on which group of which partition a node is in).

    Nodes that no partition tells apart are one point whose weight is their number, so time grows with how much the
    partitions disagree, not with the nodes.

    References:
        Wu et al. 2015, "K-means-based consensus clustering: a unified view", section 3 (the category utility).
    """
    groups = [singled(partition) for partition in partitions]
    atoms, atom, size = np.unique(np.stack(groups, axis=1), axis=0, return_inverse=True, return_counts=True)
    atom = atom.reshape(-1)
    if len(atoms) <= k:
        return atom.astype(np.int64)
    starts = np.append(0, np.cumsum([group.max() + 1 for group in groups]))
    columns = (atoms + starts[:-1]).astype(np.int32).ravel()
    begins = np.arange(0, columns.size + 1, len(groups), dtype=np.int32)
    points = sp.csr_matrix((np.ones(columns.size), columns, begins), shape=(len(atoms), int(starts[-1])))
    with threadpool_limits(1):
        found = KMeans(k, n_init=10, random_state=seed).fit(points, sample_weight=size.astype(float))
    labels: Labels = found.labels_.astype(np.int64)[atom]
    return labels


def merge_by_edges(matrix: sp.csr_array, labels: Labels, resolution: float = 1.0) -> NDArray[np.float64]:
    """Put together, again and again, the two communities whose union loses least modularity (or gains most).

    Returns:
        (communities - 1, 4) in the form of `scipy.cluster.hierarchy.linkage`: the two, counting unions on from the
        communities; the modularity lost so far (0 while it is gained); communities in the union.

    References:
        Clauset, Newman and Moore 2004, "Finding community structure in very large networks", section II.
    """
    groups = _checked(labels)
    member = sp.csr_array((np.ones(len(labels)), (np.arange(len(labels)), labels)), shape=(len(labels), groups))
    between = (member.T @ matrix @ member).toarray()
    total = max(float(between.sum()), np.finfo(float).tiny)
    share = between / total
    degree = share.sum(axis=1)
    gain = 2 * (share - resolution * np.outer(degree, degree))
    return _merged(-gain)


def merge_by_vectors(z: NDArray[np.float64], labels: Labels) -> NDArray[np.float64]:
    """Put together, again and again, the two communities whose union adds least to the squared distances to means.

    Returns:
        As `merge_by_edges`, with the squared distances added so far.

    References:
        Ward 1963, "Hierarchical grouping to optimize an objective function".
        Lance and Williams 1967, "A general theory of classificatory sorting strategies", for the update.
    """
    groups = _checked(labels)
    size = np.bincount(labels, minlength=groups)
    centres = np.zeros((groups, z.shape[1]))
    np.add.at(centres, labels, z)
    centres /= size[:, None]
    square = (centres**2).sum(axis=1)
    distance = (square[:, None] + square - 2 * centres @ centres.T).clip(0)
    cost = distance * np.outer(size, size) / (size[:, None] + size)
    return _merged(cost, size.astype(np.float64))


def cut(merges: NDArray[np.float64], labels: Labels, k: int) -> Labels:
    """Return the partition into k communities of a tree, numbered anew."""
    groups = len(merges) + 1
    if not 1 <= k <= groups:
        raise DataError(f"the tree has levels of 1 to {groups} communities, not {k}")
    above = np.arange(2 * groups - 1)
    for step, (one, other) in enumerate(merges[: groups - k, :2].astype(int).tolist()):
        above[[one, other]] = groups + step
    for node in range(len(above) - 1, -1, -1):  # a union stands behind its parts
        above[node] = above[above[node]]
    return singled(above[labels])


def _merged(cost: NDArray[np.float64], sizes: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Join the two of least cost until one is left; costs of a union follow from those of its parts.

    Without sizes they add up (modularity); with sizes Lance and Williams's formula holds (squared distances).
    """
    groups = len(cost)
    number, parts = np.arange(groups), np.ones(groups)
    sizes = None if sizes is None else sizes.copy()
    cost = cost.copy()
    np.fill_diagonal(cost, np.inf)
    merges = np.zeros((groups - 1, 4))
    lost = 0.0
    for step in range(groups - 1):
        a, b = sorted(divmod(int(cost.argmin()), groups))
        both = cost[a, b]
        if sizes is not None:
            cost[a] = ((sizes[a] + sizes) * cost[a] + (sizes[b] + sizes) * cost[b] - sizes * both) / (
                sizes[a] + sizes[b] + sizes
            )
            sizes[a] += sizes[b]
        else:
            cost[a] += cost[b]
        cost[a, a] = np.inf
        cost[:, a] = cost[a]
        cost[b] = cost[:, b] = np.inf
        lost += both
        parts[a] += parts[b]
        merges[step] = *sorted((number[a], number[b])), max(lost, merges[step - 1, 2] if step else 0.0), parts[a]
        number[a] = groups + step
    return merges


def _checked(labels: Labels) -> int:
    groups = int(labels.max(initial=-1)) + 1
    if groups > _MOST:
        raise DataError(
            f"a tree of {groups} communities is beyond the {_MOST} this is made for: find fewer, by a lower resolution "
            "or least sizes, or leave out nodes without edges"
        )
    return groups
