"""Scores of pairs of nodes, each computed as if the two were not linked.

A score that is to tell which pairs are linked must not see the link itself: a linked pair to learn from would look
different from a linked pair to be found, only because its edge is there. So every score of u and v is that of the graph
without the edges between u and v, in both directions. Where they are not linked, that is the graph as it is. Paths
between different nodes never use such an edge, degrees are one less, walks and searches leave it out.

That makes one pair blind to its own edge. It does not make *training* safe: the other pairs of u still show u as it is
with the edge, and a flexible classifier learns to tell the two views of u apart. To learn from many linked pairs, take
them out of the graph a tenth at a time, as `graphembed.heads.links` does; see the test of that.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from graphembed.graph import Graph
from graphembed.kernels.csr import CSR, ends_of, transpose, without_loops
from graphembed.kernels.pairs import (
    distances,
    inner_products,
    paths_of_three,
    places,
    shared_neighbours,
    shared_strength,
)
from graphembed.kernels.visits import pagerank, walks_between
from graphembed.scores.likeness import likeness, smoothed

_Floats = NDArray[np.float64]
BETA = 0.05  # damping of Katz, Liben-Nowell and Kleinberg 2007, section 3
RESTART = 0.15  # Brin and Page
EPSILON = 1e-5  # the error PageRank may have, for each edge of a node
FAR = 8  # distances above are not told apart


class Facts(NamedTuple):
    """What is known of a graph before any pair is looked at; self-loops are left out."""

    out: CSR
    into: CSR
    both: CSR  # edges in any direction, unweighted
    between: _Floats  # (nodes,) edges of a node, those that leave and those that enter
    strength: _Floats  # (nodes,) the same by weight
    leaving: _Floats  # (nodes,) weight of the edges that leave
    step: _Floats  # (edges of out,) the probability of each
    into_step: _Floats  # the same in the order of ``into``
    theirs: _Floats  # (nodes,) sum of the neighbours' degrees, in ``both``
    triangles: _Floats  # (nodes,) linked pairs of neighbours, in ``both``
    alike: NDArray[np.float32] | None  # (3, nodes, features) of nodes with features: see `likeness.smoothed`


def facts(graph: Graph) -> Facts:
    """Look at a graph once, for `pair_scores` of many lots of pairs."""
    out, nodes = without_loops(graph.csr), graph.num_nodes
    source, target = ends_of(out)
    weight = out.weight.astype(np.float64) if out.weight.size else np.ones(target.size)
    leaving = np.bincount(source, weight, nodes).astype(np.float64)  # of no edges it makes integers
    step = weight / leaving[source]
    if graph.directed:
        into, order = transpose(out), np.argsort(target, kind="stable")
        joined = matrix(out) + matrix(into)
        joined.sort_indices()
        both = CSR(joined.indptr.astype(np.int64), joined.indices.astype(np.int32), np.empty(0, np.float32))
        into_step = step[order]
        between = (np.diff(out.indptr) + np.diff(into.indptr)).astype(np.float64)
        strength = leaving + np.bincount(target, weight, nodes).astype(np.float64)
    else:
        into, both = out, CSR(out.indptr, out.indices, np.empty(0, np.float32))
        into_step = weight / leaving[target]
        between, strength = np.diff(out.indptr).astype(np.float64), leaving
    ends = ends_of(both)
    degree = np.diff(both.indptr).astype(np.float64)
    theirs = np.bincount(ends[0], degree[ends[1]], nodes).astype(np.float64)
    once = ends[0] < ends[1]
    u, v = ends[0][once], ends[1][once]
    shared = shared_neighbours(both, both, degree + 1, u, v)[:, 0]
    triangles = (np.bincount(u, shared, nodes) + np.bincount(v, shared, nodes)) / 2
    alike = None if graph.data.get("x") is None else smoothed(graph.data.x.numpy(), matrix(both))
    return Facts(out, into, both, between, strength, leaving, step, into_step, theirs, triangles, alike)


def pair_scores(graph: Graph, pairs: NDArray[np.int64], known: Facts | None = None, deep: bool = True) -> pd.DataFrame:
    """Score pairs of different nodes by the graph around them, without the edges between the two.

    For undirected graphs the order of a pair does not matter, and what its ends have each is given as "low" and "high";
    for directed graphs paths and walks lead from u to v, and columns end in "there" (u to v, or of u) and "back" (v to
    u, or of v). Weights are looked at by L3, walks, PageRank and the scores called weighted, which graphs without
    weights do not have; all else counts edges. Self-loops are left out.

    Args:
        graph: The observed graph; the last columns need features ``graph.data.x``.
        pairs: (pairs, 2) rows u, v; u differs from v.
        known: What `facts` says of the graph, if it has been asked before.
        deep: Also look at paths of three edges, walks and PageRank; with hubs of thousands of edges, that takes
            milliseconds a pair.

    Returns:
        One row a pair; columns

        - common neighbours |N(u) & N(v)|; Adamic-Adar, resource allocation: sum of 1 / log degree, 1 / degree over them
        - the same three, weighted: sum of a_ux + a_xv; by 1 / log(1 + strength), by 1 / strength
        - Jaccard, Salton: their share of the union, and by the root of the product of the degrees
        - preferential attachment: degree(u) degree(v)
        - L3: sum of a_ux a_xy a_yv / sqrt(degree(x) degree(y)) over paths u, x, y, v
        - Katz: beta^2 A^2 + beta^3 A^3 at (u, v), beta = 0.05
        - PageRank: chance that a walker from u, who ends with chance 0.15 before each step, ends at v
        - walk of 2, 3, 4 and 5: chance that a walker from u is at v then
        - degree; neighbour degree, their mean; clustering, the share of pairs of neighbours that are linked
        - distance: edges of the shortest path, 9 if it has more than 8
        - likeness of 0, 1 and 2: see `graphembed.scores.likeness.likeness`

    Example:
        >>> graph = Graph.from_edges([0, 0, 1, 2], [1, 2, 3, 3])
        >>> scores = pair_scores(graph, np.array([[0, 3], [0, 1]]))
        >>> scores[["common neighbours", "L3", "distance"]]
           common neighbours   L3  distance
        0                2.0  0.0       2.0
        1                0.0  0.5       3.0

    References:
        Liben-Nowell and Kleinberg 2007, "The link-prediction problem for social networks", section 3.
        Zhou, Lü and Zhang 2009, "Predicting missing links via local information", for resource allocation.
        Lü and Zhou 2010, "Link prediction in weighted networks: the role of weak ties".
        Kovács et al. 2019, "Network-based prediction of protein interactions", equation 1, for L3.
    """
    known = facts(graph) if known is None else known
    u, v = np.ascontiguousarray(pairs.T if graph.directed else np.sort(pairs, axis=1).T)
    there, back = places(known.out, u, v), places(known.out, v, u)
    uv, vu = there >= 0, back >= 0
    columns: dict[str, _Floats] = {}

    def two(name: str, one: _Floats, other: _Floats) -> None:
        """Add a column for each end, or each direction."""
        if graph.directed:
            columns[f"{name} there"], columns[f"{name} back"] = one, other
        else:
            columns[f"{name} low"], columns[f"{name} high"] = np.minimum(one, other), np.maximum(one, other)

    shared = shared_neighbours(known.out, known.into, known.between, u, v)
    columns["common neighbours"], columns["Adamic-Adar"], columns["resource allocation"] = shared.T
    leaving, entering = np.diff(known.out.indptr)[u] - uv, np.diff(known.into.indptr)[v] - uv
    columns["Jaccard"] = shared[:, 0] / np.maximum(leaving + entering - shared[:, 0], 1)
    columns["Salton"] = shared[:, 0] / np.sqrt(np.maximum(leaving * entering, 1))
    columns["preferential attachment"] = (leaving * entering).astype(np.float64)
    if graph.weighted:
        strong = shared_strength(known.out, known.into, known.strength, u, v) if known.out.weight.size else 0 * shared
        columns |= {f"weighted {name}": strong[:, k] for k, name in enumerate(list(columns)[:3])}
    if deep:
        paths, columns["L3"] = paths_of_three(known.out, known.into, known.strength, u, v).T
        columns["Katz"] = BETA**2 * shared[:, 0] + BETA**3 * paths
        scale, chance = _without_edge(known, u, v, there, back)
        # in an undirected graph the strength of u times the way there is the strength of v times the way back
        rest = known.leaving[np.stack([u, v], axis=1)] * (1 - chance)
        ratio = rest[:, 0] / np.where(rest[:, 1] > 0, rest[:, 1], np.inf)
        seen, walked = _walkers(known, u, v, scale, uv | vu)
        if graph.directed:
            seen_back, walked_back = _walkers(known, v, u, scale[:, ::-1], uv | vu)
        else:
            seen_back, walked_back = seen * ratio, walked * ratio[:, None]
        two("PageRank", seen, seen_back)
        for steps in range(4):
            two(f"walk of {steps + 2}", walked[:, steps], walked_back[:, steps])
    two("degree", leaving.astype(np.float64), entering.astype(np.float64))
    linked = uv | vu
    joined = linked.astype(np.float64)
    degree = np.diff(known.both.indptr).astype(np.float64)
    common = shared_neighbours(known.both, known.both, degree + 1, u, v)
    ends = ((u, v), (v, u))
    rest = [degree[a] - joined for a in (u, v)]  # other neighbours
    mean = [(known.theirs[a] - joined * degree[b]) / np.maximum(r, 1) for (a, b), r in zip(ends, rest, strict=True)]
    two("neighbour degree", *mean)
    closed = [known.triangles[a] - joined * common[:, 0] for a in (u, v)]
    two("clustering", *(t / np.maximum(r * (r - 1) / 2, 1) for t, r in zip(closed, rest, strict=True)))
    columns["distance"] = distances(known.out, known.into, u, v, FAR).astype(np.float64)
    if known.alike is not None:
        alike = np.stack([inner_products(table, u, v) for table in known.alike], axis=1)
        if linked.any():
            some = u[linked], v[linked], joined[linked], common[linked, 2]
            alike[linked] = likeness(graph.data.x.numpy(), matrix(known.both), *some)
        columns |= {f"likeness of {steps}": alike[:, steps] for steps in range(3)}
    return pd.DataFrame(columns)


def _walkers(
    known: Facts, u: NDArray[np.int64], v: NDArray[np.int64], scale: _Floats, joined: NDArray[np.bool_]
) -> tuple[_Floats, _Floats]:
    """(pairs,) personalised PageRank of v from u, and (pairs, 4) chances of walks of 2, 3, 4 and 5 steps."""
    order = np.lexsort((joined, u))
    source, linked = u[order], joined[order]
    first = np.append(np.flatnonzero((np.diff(source, prepend=-1) != 0) | linked), u.size)
    pairs = scale[order], first, linked, source, v[order]
    seen, walked = np.empty(u.size), np.empty((u.size, 4))
    seen[order] = pagerank(known.out, known.step, *pairs, RESTART, EPSILON)
    walked[order] = walks_between(known.out, known.into, known.step, known.into_step, *pairs)
    return seen, walked


def _without_edge(
    known: Facts, u: NDArray[np.int64], v: NDArray[np.int64], there: NDArray[np.int64], back: NDArray[np.int64]
) -> tuple[_Floats, _Floats]:
    """(pairs, 2) by what u's and v's chances of other steps grow without u -> v, v -> u; and the chances of these."""
    scale, chance = np.ones((u.size, 2)), np.zeros((u.size, 2))
    counts = np.diff(known.out.indptr)
    for side, (node, place) in enumerate(((u, there), (v, back))):
        joined = np.flatnonzero(place >= 0)
        chance[joined, side] = known.step[place[joined]]
        last = counts[node[joined]] == 1
        chance[joined[last], side] = 1.0
        scale[joined, side] = np.where(last, 0.0, 1 / np.where(last, 1.0, 1 - chance[joined, side]))
    return scale, chance


def matrix(csr: CSR) -> sp.csr_array:
    """Return the rows as a sparse matrix of ones."""
    return sp.csr_array((np.ones(csr.indices.size), csr.indices, csr.indptr), shape=(csr.indptr.size - 1,) * 2)
