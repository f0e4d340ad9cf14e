"""Negatives and lists, slow and plain: dense matrices, one node at a time."""

import numpy as np
from scipy.stats import rankdata

from tests.reference.dense import matrix, pagerank


def heart_ranks(graph, observed, side):
    """(nodes, nodes) rank of each partner of each node that is corrupted around, nan where it is no candidate.

    The ranks of one score are counted from its last: equal scores share the place of the last of them, the best have 1.
    """
    edge, truth = matrix(observed), matrix(graph)
    if side == 1:
        edge = edge.T
    degree = matrix(observed).sum(axis=1)
    part = graph.data.get("part")
    scores = [pagerank(edge, 0.15)]
    if part is None:
        scores.append(edge @ np.diag(np.divide(1, degree, where=degree > 0, out=np.zeros(len(degree)))) @ edge)
    if graph.data.get("x") is not None:
        x = graph.data.x.numpy().astype(float)
        length = np.linalg.norm(x, axis=1)
        scores.append(x @ x.T / np.maximum(np.outer(length, length), 1e-300))
    ranks, nothing = np.full(edge.shape, np.nan), np.zeros(edge.shape, bool)
    for u in range(len(edge)):
        partners = [
            v
            for v in range(len(edge))
            if v != u and not truth[u, v] and not truth[v, u] and (part is None or part[u] != part[v])
        ]
        if not partners:
            continue
        columns = []
        for score in scores:
            mine = score[u, partners]
            mine[mine < 1e-12] = 0
            places = np.ones(len(mine))
            if (mine > 0).any():
                upward = rankdata(np.round(mine[mine > 0], 12), method="min")
                places[mine > 0] = upward.max() - upward + 1
                places[mine <= 0] = places[mine > 0].max() + 1
            columns.append(places)
        ranks[u, partners] = np.min(columns, axis=0)
        nothing[u, partners] = np.all([score[u, partners] < 1e-12 for score in scores], axis=0)
    return ranks, nothing


def filtered_ranks(scores, truth, links, part=None):
    """Places of second ends, then of first ends, among all that the other end is not linked to; half for a tie."""
    linked = truth + truth.T
    found = []
    for side in (1, 0):
        for link in links:
            known, place = scores[tuple(link)], 1.0
            for node in range(len(truth)):
                other = list(link)
                other[side] = node
                if (
                    other[0] == other[1]
                    or linked[tuple(other)]
                    or (part is not None and part[other[0]] == part[other[1]])
                ):
                    continue
                place += (scores[tuple(other)] > known) + (scores[tuple(other)] == known) / 2
            found.append(place)
    return np.array(found)
