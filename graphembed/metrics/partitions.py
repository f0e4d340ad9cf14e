"""How good is a partition of nodes? Against the known one (`against`), and by the edges alone (`modularity`, ...)."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, homogeneity_completeness_v_measure, normalized_mutual_info_score
from sklearn.metrics.cluster import contingency_matrix, pair_confusion_matrix

_Labels = Int[np.ndarray, " nodes"]
_Pairs = Int[np.ndarray, "edges 2"]
_Weight = Float[np.ndarray, " edges"] | None


def against(truth: _Labels, found: _Labels) -> dict[str, float]:
    """Compare a partition with the known one, by six scores that are 1 where the two are the same.

    ``ACC``: share of nodes that are where they belong, with groups matched one to one at best. ``NMI``: mutual
    information over the mean of the entropies. ``ARI``: share of pairs judged alike, 0 for chance. ``V-measure``: the
    harmonic mean of ``homogeneity`` and completeness, which is NMI. ``pairwise F1``: of the pairs put together.

    Args:
        truth: Known groups; nodes with a negative number (unknown) are left out.
        found: Groups; each node with a negative number (noise) is a group of its own.

    Raises:
        ValueError: No node has a known group.

    Example:
        >>> scores = against(np.array([0, 0, 1, 1]), np.array([5, 5, 5, 7]))
        >>> scores["ACC"], round(scores["pairwise F1"], 3)
        (0.75, 0.4)

    References:
        Hubert and Arabie 1985, "Comparing partitions". Rosenberg and Hirschberg 2007, "V-measure", section 2.
    """
    known = truth >= 0
    if not known.any():
        raise ValueError(f"none of the {len(truth)} nodes has a known group")
    truth, found = truth[known], singled(found)[known]
    homogeneity, _, v_measure = homogeneity_completeness_v_measure(truth, found)
    (_, apart), (missed, together) = pair_confusion_matrix(truth, found).tolist()
    pairs = 2 * together + apart + missed
    return {
        "ACC": accuracy(truth, found),
        "NMI": float(normalized_mutual_info_score(truth, found)),
        "ARI": float(adjusted_rand_score(truth, found)),
        "V-measure": float(v_measure),
        "homogeneity": float(homogeneity),
        "pairwise F1": 2 * together / pairs if pairs else 1.0,
    }


def accuracy(truth: _Labels, found: _Labels) -> float:
    """Share of nodes in the group that is matched with theirs; each group is matched with at most one, for the best.

    Example:
        >>> accuracy(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 1]))
        0.75

    References:
        Kuhn 1955, "The Hungarian method for the assignment problem".
    """
    table = contingency_matrix(truth, found)
    return float(table[linear_sum_assignment(table, maximize=True)].sum() / len(truth))


def overlap(truth: _Labels, found: _Labels) -> float:
    """How much better than a guess: (accuracy - 1 / q) / (1 - 1 / q), with q known groups of one size.

    Example:
        >>> overlap(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 1]))
        0.5

    References:
        Decelle et al. 2011, "Asymptotic analysis of the stochastic block model for modular networks", equation 5.
    """
    groups = len(np.unique(truth))
    return (accuracy(truth, found) - 1 / groups) / (1 - 1 / groups) if groups > 1 else 1.0


def modularity(pairs: _Pairs, labels: _Labels, weight: _Weight = None, resolution: float = 1.0) -> float:
    """Share of edges within groups beyond what their degrees would give by chance; 0 without edges.

    Q = sum over groups of L_g / m - resolution (d_g / 2 m)^2, with m the weight of all edges, L_g that of those within
    and d_g the sum of degrees.

    Args:
        pairs: Ends of every edge once; of directed edges, the direction does not count.
        labels: Group of each node; each with a negative number is one of its own.
        weight: Of the edges; 1 by default.
        resolution: How much chance counts.

    Example:
        >>> modularity(np.array([[0, 1], [2, 3]]), np.array([0, 0, 1, 1]))
        0.5

    References:
        Newman 2006, "Modularity and community structure in networks". Reichardt and Bornholdt 2006, equation 9.
    """
    inside, degree, total = _sums(pairs, labels, weight)
    if not total:
        return 0.0
    return float((inside / total - resolution * (degree / (2 * total)) ** 2).sum())


def coverage(pairs: _Pairs, labels: _Labels, weight: _Weight = None) -> float:
    """Share of edges that are within groups; 1 without edges.

    Args:
        pairs: As for `modularity`.
        labels: As for `modularity`.
        weight: As for `modularity`.

    Example:
        >>> coverage(np.array([[0, 1], [1, 2]]), np.array([0, 0, 1]))
        0.5
    """
    inside, _, total = _sums(pairs, labels, weight)
    return float(inside.sum() / total) if total else 1.0


def conductance(pairs: _Pairs, labels: _Labels, weight: _Weight = None) -> float:
    """Mean over groups of cut_g / min(d_g, 2 m - d_g): of the ends of its edges, how many lead out; 0 is best.

    A group that holds all edges has 0; groups without edges do not count.

    Args:
        pairs: As for `modularity`.
        labels: As for `modularity`.
        weight: As for `modularity`.

    Example:
        >>> round(conductance(np.array([[0, 1], [1, 2], [2, 3]]), np.array([0, 0, 1, 1])), 3)
        0.333

    References:
        Yang and Leskovec 2012, "Defining and evaluating network communities based on ground-truth", section 3.
    Differs from the paper: divided by the smaller of the two sides, not by the group's.
    """
    inside, degree, total = _sums(pairs, labels, weight)
    some = degree > 0
    inside, degree = inside[some], degree[some]
    smaller = np.minimum(degree, 2 * total - degree)
    cut = degree - 2 * inside
    each = np.divide(cut, smaller, out=np.zeros(len(cut)), where=smaller > 0)
    return float(each.mean()) if len(each) else 0.0


def singled(labels: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Number groups from 0 on, each negative number (noise) being a group of its own.

    Example:
        >>> singled(np.array([7, -1, 7, -1])).tolist()
        [0, 1, 0, 2]
    """
    groups, codes = np.unique(labels[labels >= 0], return_inverse=True)
    numbers = np.empty(len(labels), np.int64)
    numbers[labels >= 0] = codes
    noise = np.flatnonzero(labels < 0)
    numbers[noise] = len(groups) + np.arange(len(noise))
    return numbers


def _sums(
    pairs: NDArray[np.integer[Any]], labels: NDArray[np.integer[Any]], weight: NDArray[np.floating[Any]] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Weight within each group, sum of degrees in each group, weight of all edges."""
    group = singled(labels)
    weights = np.ones(len(pairs)) if weight is None else weight.astype(np.float64)
    groups = int(group.max(initial=-1)) + 1
    first, second = group[pairs[:, 0]], group[pairs[:, 1]]
    inside = np.bincount(first, weights * (first == second), groups).astype(np.float64)
    degree = np.bincount(np.append(first, second), np.append(weights, weights), groups).astype(np.float64)
    return inside, degree, float(weights.sum())
