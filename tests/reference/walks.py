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


def _normalised(mass):
    total = mass.sum(axis=-1, keepdims=True)
    return np.divide(mass, total, out=np.zeros_like(mass), where=total > 0)
