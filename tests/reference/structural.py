"""Structural features as their papers define them, slowly: loops over nodes, dense matrices."""

from collections import Counter

import numpy as np
from scipy.linalg import expm


def weights(graph):
    """(nodes, nodes) weights divided by their mean, nothing on the diagonal; and the diagonal."""
    A = np.zeros((graph.num_nodes, graph.num_nodes))
    weight = graph.data.edge_weight.numpy().astype(float) if graph.weighted else 1.0
    A[tuple(graph.data.edge_index.numpy())] = weight
    loops = np.diag(A).copy()
    np.fill_diagonal(A, 0)
    unit = A[A > 0].mean() if graph.weighted else 1.0
    return A / unit, loops / unit


def egonet(A, node):
    """The node and its neighbours in any direction."""
    return sorted({node, *np.flatnonzero(A[node]), *np.flatnonzero(A[:, node])})


def egonet_facts(A):
    """(nodes, 3): weights within the egonet, from it outwards, and into it; every stored edge counts."""
    facts = []
    for node in range(len(A)):
        ego = egonet(A, node)
        others = [m for m in range(len(A)) if m not in ego]
        facts.append([A[np.ix_(ego, ego)].sum(), A[np.ix_(ego, others)].sum(), A[np.ix_(others, ego)].sum()])
    return np.array(facts)


def facts(graph):
    """ReFeX's local and egonet features, named."""
    A, loops = weights(graph)
    B = (A > 0).astype(float)
    sides = {"out ": (B, A), "in ": (B.T, A.T)} if graph.directed else {"": (B, A)}
    found = {}
    for side, (edges, weight) in sides.items():
        found[f"{side}degree"] = edges.sum(1)
        if graph.weighted:
            found[f"{side}weight"] = weight.sum(1)
    for what, matrix in {"edges": B, "weight": A}.items() if graph.weighted else [("edges", B)]:
        inside, outwards, inwards = egonet_facts(matrix).T
        found[f"{what} in the egonet"] = inside
        if graph.directed:
            found[f"{what} out of the egonet"], found[f"{what} into the egonet"] = outwards, inwards
        else:
            found[f"{what} leaving the egonet"] = outwards
    if loops.any():
        found["self-loops"] = loops
    return found


def recursive(graph, words):
    """What a column says, worked out from its words."""
    A, _ = weights(graph)
    local = facts(graph)
    if ": " not in words:
        return local[words]
    how, _, rest = words.partition(" over ")
    side, _, inner = rest.partition(": ")
    x = recursive(graph, inner)
    W = A.T if side == "in neighbours" else A
    found = np.zeros(len(A))
    for node in range(len(A)):
        near = np.flatnonzero(W[node])
        if len(near):
            found[node] = (W[node, near] * x[near]).sum() / (W[node, near].sum() if how == "mean" else 1)
    return found


def heat(A, scale):
    """exp(-s (I - P)), row u what began at u; heat stays where no edge leads on."""
    total = A.sum(1, keepdims=True)
    P = np.where(total > 0, A / np.where(total > 0, total, 1), np.eye(len(A)))
    return expm(-scale * (np.eye(len(A)) - P))


def characteristic(psi, t):
    """Sum over nodes of exp(i t psi) - 1, for each row."""
    return (np.exp(1j * t * psi) - 1).sum(1)


def distances(A):
    """Steps along the edges, inf where there is no path."""
    far = np.where(np.eye(len(A), dtype=bool), 0, np.where(A > 0, 1, np.inf))
    for via in range(len(A)):
        far = np.minimum(far, far[:, [via]] + far[[via]])
    return far


def rings(A, places, count, hops):
    """Nodes at each distance by bin; a node between two bins is shared out."""
    far, found = distances(A), np.zeros((len(A), hops + 1, count))
    for node in range(len(A)):
        for other in range(len(A)):
            if far[node, other] <= hops:
                for b in range(count):
                    found[node, int(far[node, other]), b] += max(0.0, 1 - abs(places[other] - b))
    return found.reshape(len(A), -1)


def ball(A, node, radius):
    """Nodes within some steps, and the steps."""
    far = distances(A)[node]
    return [int(n) for n in np.flatnonzero(far <= radius)], far


def subtree_patterns(A, radius, rounds, about):
    """For each radius, how often each subtree stands in the ball about a node; subtrees are nested tuples."""
    found = []
    for r in range(1, radius + 1):
        nodes, far = ball(A, about, r)
        label = {n: int(far[n]) for n in nodes}
        counts = Counter()
        for turn in range(rounds + 1):
            counts.update((turn, label[n]) for n in nodes)
            label = {
                n: (label[n], tuple(sorted(repr((label[m], edge_label(A[n, m]))) for m in nodes if A[n, m])))
                for n in nodes
            }
        found.append(counts)
    return found


def edge_label(weight):
    return round(np.log2(weight))


def path_patterns(A, radius, about):
    """For each radius, how many ordered pairs are 1, 2, ... steps apart within the ball about a node."""
    found = []
    for r in range(1, radius + 1):
        nodes, _ = ball(A, about, r)
        far = distances(A[np.ix_(nodes, nodes)])
        steps = np.minimum(far[np.isfinite(far) & (far > 0)], 2 * radius)
        found.append(np.bincount(steps.astype(int), minlength=2 * radius + 1)[1:])
    return np.concatenate(found)


def cosine(one, other):
    """Of two Counters."""
    inner = sum(one[key] * other[key] for key in one)
    return inner / np.sqrt(sum(v**2 for v in one.values()) * sum(v**2 for v in other.values()))


def warped(one, other):
    """Dynamic time warping of two sequences of degrees, element by element; inf if one is empty."""
    table = np.full((len(one) + 1, len(other) + 1), np.inf)
    table[0, 0] = 0
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            cost = (max(a, b) + 0.5) / (min(a, b) + 0.5) - 1
            table[i + 1, j + 1] = cost + min(table[i, j], table[i, j + 1], table[i + 1, j])
    return table[-1, -1]


def pattern_chances(A, node, length):
    """The chance of each pattern of a walk of some nodes, by trying all walks."""
    chances = Counter()

    def walk(nodes, chance):
        total = A[nodes[-1]].sum()
        if len(nodes) == length or total == 0:
            first = list(dict.fromkeys(nodes))
            chances[(*(first.index(n) for n in nodes), *([-1] * (length - len(nodes))))] += chance
            return
        for other in np.flatnonzero(A[nodes[-1]]):
            walk([*nodes, other], chance * A[nodes[-1], other] / total)

    walk([node], 1.0)
    return chances
