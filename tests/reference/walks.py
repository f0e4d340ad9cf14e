"""Transition laws of random walks in closed form, as dense arrays made from a dense matrix of weights."""

import numpy as np


def first_order_law(weight):
    """P[v, x] = w(v, x) / sum over y of w(v, y); rows of dead ends are zero.

    ``weight`` (nodes, nodes) holds w(v, x), 0 where there is no edge; it need not be symmetric.
    """
    return _normalised(np.asarray(weight, np.float64))


def second_order_law(weight, p, q):
    """P[t, v, x], the chance to go on to x from v, having come from t (Grover and Leskovec 2016, section 3.2.2).

    Proportional to a(t, x) w(v, x), where a is 1/p if x = t, 1 if t -> x is an edge, and 1/q otherwise.
    """
    weight = np.asarray(weight, np.float64)
    bias = np.where(weight > 0, 1.0, 1.0 / q)
    np.fill_diagonal(bias, 1.0 / p)
    return _normalised(bias[:, None, :] * weight[None, :, :])


def restart_law(weight, restart):
    """P[s, v, x], the chance to go on to x from v in a walk that began at s: a jump to s, or a step."""
    step = first_order_law(weight)
    can_step = step.sum(axis=1) > 0
    jump = np.eye(len(step))[:, None, :] * can_step[None, :, None]
    return restart * jump + (1 - restart) * step[None, :, :]


def weight_aware_law(weight, p, q, gamma=0.0):
    """P[t, v, x] of node2vec+ (Liu, Hirn and Krishnan 2023, equation 4), case by case."""
    weight = np.asarray(weight, np.float64)
    nodes = len(weight)
    limit = np.array([max(row[row > 0].mean() + gamma * row[row > 0].std(), 0) if row.any() else 0 for row in weight])
    mass = np.zeros((nodes, nodes, nodes))
    for t, v, x in np.ndindex(mass.shape):
        if x == t:
            bias = 1 / p
        elif weight[t, x] > 0 and weight[t, x] >= limit[x]:
            bias = 1
        elif weight[v, x] < limit[v]:
            bias = min(1, 1 / q)
        elif weight[t, x] > 0:
            bias = 1 / q + (1 - 1 / q) * weight[t, x] / limit[x]
        else:
            bias = 1 / q
        mass[t, v, x] = bias * weight[v, x]
    return _normalised(mass)


def typed_law(weight, kind, wanted):
    """P[v, x], the chance to go on to x from v if the next node must be of the kind that is wanted."""
    return _normalised(np.asarray(weight, np.float64) * (np.asarray(kind) == wanted))


def timed_law(weight, time):
    """P[t, v, x], the chance to go on to x from v, having come along the edge t -> v: no edge older than that one.

    ``time`` (nodes, nodes) holds the time of each edge.
    """
    allowed = time[None, :, :] >= time[:, :, None]
    return _normalised(np.asarray(weight, np.float64)[None, :, :] * allowed)


def anonymous_walk(walk):
    """The number of the first occurrence of each node of a list."""
    seen = list(dict.fromkeys(walk))
    return [seen.index(node) for node in walk]


def _normalised(mass):
    total = mass.sum(axis=-1, keepdims=True)
    return np.divide(mass, total, out=np.zeros_like(mass), where=total > 0)
