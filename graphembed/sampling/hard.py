"""Negatives that are hard to tell from links: near by, or chosen to fool the usual heuristics.

Random pairs of a sparse graph are far apart, so that almost any score tells them from links. These are not linked
either, but

two_hop   the ends have a common neighbour (in a bipartite graph: a path of three steps)
heart     for each link its own 500, those that resource allocation, PageRank or features like best

What is observed decides what is hard; what is linked in the whole graph is never a negative. Everything is drawn from
a seed, so the seed publishes the negatives; `Ranking.save` writes them down.
"""

import dataclasses as dc
from os import PathLike
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from graphembed.errors import DataError
from graphembed.graph import Graph
from graphembed.kernels.csr import CSR, transpose
from graphembed.kernels.seen import pagerank_rows
from graphembed.sampling.pairs import is_in, pair_keys, parts
from graphembed.scores import matrix

_RESTART, _EPSILON = 0.15, 1e-7  # of PageRank, as HeaRT has them
_BLOCK = 1 << 22  # scores held at a time


@dc.dataclass(frozen=True, eq=False)
class Ranking:
    """Links to be found, each among negatives of its own.

    Args:
        positives: (links, 2).
        negatives: (links, several, 2) pairs that are not linked; a link that has fewer is filled up with -1.
    """

    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]

    def __post_init__(self) -> None:
        links, (rows, *_, ends) = len(self.positives), self.negatives.shape
        if self.positives.shape != (links, 2) or (self.negatives.ndim, rows, ends) != (3, links, 2):
            raise DataError(
                "expected positives (links, 2) and negatives (links, several, 2), got "
                f"{self.positives.shape} and {self.negatives.shape}"
            )

    def __len__(self) -> int:
        return len(self.positives)

    def save(self, path: str | PathLike[str]) -> None:
        """Write both arrays to a compressed npz file, without pickle."""
        np.savez_compressed(path, positives=self.positives, negatives=self.negatives)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> "Ranking":
        """Read what `save` wrote."""
        with np.load(path) as arrays:
            return cls(arrays["positives"], arrays["negatives"])


def two_hop(graph: Graph, observed: Graph, count: int, seed: int = 0) -> NDArray[np.int64]:
    """Draw pairs that are not linked but near: two observed steps apart, three in a bipartite graph.

    Each such pair is as likely. Directions are not looked at in the search; in directed graphs pairs get a random one.

    Args:
        graph: Whose edges to avoid.
        observed: Where steps are taken.
        count: How many.
        seed: Everything random comes from it.

    Returns:
        (count, 2) different pairs.

    Raises:
        DataError: There are fewer.

    Example:
        >>> graph = Graph.from_edges([0, 1, 2, 3], [1, 2, 3, 4])
        >>> np.sort(two_hop(graph, graph, 3), axis=0)
        array([[0, 2],
               [1, 3],
               [2, 4]])
    """
    nodes, rng, part = graph.num_nodes, np.random.default_rng(seed), parts(graph)
    linked = np.unique(pair_keys(graph.pairs, nodes))
    steps = _adjacency(observed)
    keys, order = np.empty(0, np.int64), np.empty(0)
    block = max(1, _BLOCK // max(nodes, 1))
    for first in range(0, nodes, block):
        near = steps[first : first + block] @ steps
        if part is not None:
            near = near @ steps
        low, high = near.nonzero()
        found = ((low + first) * np.int64(nodes) + high)[low + first < high]
        found = np.sort(found[~is_in(found, linked)])
        keys, order = np.concatenate([keys, found]), np.concatenate([order, rng.random(len(found))])
        if len(keys) > count:  # those with the smallest random numbers so far
            best = np.argpartition(order, count)[:count]
            keys, order = keys[best], order[best]
    if len(keys) < count:
        raise DataError(
            f"{count} unlinked pairs {'three' if part is not None else 'two'} steps apart are needed but there are "
            f"{len(keys) or 'none'} ({observed}): use uniform negatives or fewer of them"
        )
    keys = keys[np.argsort(order)]
    pairs = np.stack([keys // nodes, keys % nodes], axis=1)
    if graph.directed:
        turned = rng.random(count) < 0.5
        pairs[turned] = pairs[turned, ::-1]
    return pairs


def heart(graph: Graph, observed: Graph, positives: NDArray[np.int64], count: int = 500, seed: int = 0) -> Ranking:
    """Give each link the negatives that heuristics like best, by the protocol of HeaRT.

    Half of the negatives of (u, v) replace v, half replace u. Those for u are the unlinked nodes w with the least
    min(rank by resource allocation, rank by personalised PageRank of w from u, rank by the cosine of features); scores
    of zero rank behind the last. Nodes that rank alike are taken at random, those with any score above zero first.

    Args:
        graph: The whole graph: none of its edges is a negative.
        observed: What the heuristics are computed on.
        positives: (links, 2).
        count: Negatives for each link, an even number.
        seed: Everything random comes from it.

    Returns:
        Negatives of each link, those that replace its second end first.

    Example:
        >>> import networkx as nx
        >>> from graphembed.graph import as_graph
        >>> graph = as_graph(nx.karate_club_graph())
        >>> heart(graph, graph, np.array([[0, 1]]), count=4).negatives.tolist()
        [[[0, 33], [0, 16], [33, 1], [8, 1]]]

    References:
        Li et al. 2023, "Evaluating graph neural networks for link prediction: current pitfalls and new benchmarking",
        section 4 and its code (restart 0.15, epsilon 1e-7).
    Differs from the paper: all edges of the graph are filtered, those of the test, too; a link whose end has fewer than
    count / 2 unlinked partners gets fewer; ties go by a draw per end; bipartite graphs get partners of the other part
    and do without resource allocation, which is zero across the parts; directed ones are asked along their arrows.
    """
    if count < 2 or count % 2:
        raise ValueError(f"count must be even and at least 2, half for each end, got {count}")
    half = count // 2
    negatives = np.full((len(positives), count, 2), -1, np.int64)
    for side, csr in enumerate((observed.csr, transpose(observed.csr) if observed.directed else observed.csr)):
        known, place = np.unique(positives[:, side], return_inverse=True)
        stream = side if graph.directed else 0  # one list of partners per node, whichever end it is
        partners = _best_partners(graph, observed, csr, known, half, (seed, stream))[place.ravel()]
        rows = slice(0, half) if side == 0 else slice(half, count)
        there = partners >= 0
        negatives[:, rows, side] = np.where(there, positives[:, side, None], -1)
        negatives[:, rows, 1 - side] = partners
    return Ranking(positives, negatives)


def _best_partners(
    graph: Graph, observed: Graph, csr: CSR, sources: NDArray[np.int64], count: int, seed: tuple[int, int]
) -> NDArray[np.int64]:
    """Return (sources, count) unlinked nodes by rank, filled up with -1."""
    nodes, part = graph.num_nodes, parts(graph)
    partners = np.full((len(sources), count), -1, np.int64)
    leaving, degree = matrix(csr), np.diff(observed.csr.indptr)
    shared = sp.csr_array(leaving / np.maximum(degree, 1)) @ leaving if part is None else None
    linked = _adjacency(graph)
    x = _unit_features(graph)
    block = max(1, _BLOCK // max(nodes, 1))
    for first in range(0, len(sources), block):
        some = sources[first : first + block]
        scores = [pagerank_rows(csr, some, _RESTART, _EPSILON)]
        if shared is not None:
            scores.append(shared[some].toarray())
        if x is not None:
            cosine = x[some] @ x.T
            scores.append(cosine.toarray() if isinstance(cosine, sp.sparray) else cosine)
        allowed = ~linked[some].toarray().astype(bool)
        allowed[np.arange(len(some)), some] = False
        if part is not None:
            allowed &= part[some][:, None] != part
        for k, source in enumerate(some.tolist()):
            candidates = np.flatnonzero(allowed[k])
            mine = np.stack([rows[k, candidates] for rows in scores])
            rank = np.min([_ranks(row) for row in mine], axis=0)
            chance = np.random.default_rng((*seed, source)).random(len(candidates))
            best = np.lexsort((chance, (mine <= 0).all(axis=0), rank))[:count]
            partners[first + k, : len(best)] = candidates[best]
    return partners


def _ranks(score: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rank scores above zero from the best, 1; those of zero or less stand one behind the last of them.

    Equal scores share the place of the last of them, counted from the last of the best.
    """
    some = score > 0
    below = np.searchsorted(np.sort(score[some]), score[some])
    ranks = np.ones(len(score), np.int64)
    if some.any():
        ranks[some] = below.max() - below + 1
        ranks[~some] = ranks[some].max() + 1
    return ranks


def _unit_features(graph: Graph) -> Any:
    """Return features with rows of length one, sparse if most are zero; None if there are none."""
    if graph.data.get("x") is None:
        return None
    x = graph.data.x.numpy().astype(np.float32)
    x = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-30)
    return sp.csr_array(x) if (x != 0).mean() < 0.1 else x


def _adjacency(graph: Graph) -> sp.csr_array:
    """Return the matrix of edges, in both directions, without weights."""
    edges = matrix(graph.csr)
    if graph.directed:
        edges = edges + edges.T
        edges.data[:] = 1
    return edges
