"""Measures of a space in slow plain NumPy, one node, pair or triangle at a time, as their papers write them."""

import numpy as np


def cosine(u, v):
    return u @ v / (np.linalg.norm(u) * np.linalg.norm(v))


def nearness(u, v, metric):
    if metric == "cosine":
        return cosine(u, v)
    return u @ v if metric == "dot" else -np.linalg.norm(u - v)


def nearest(z, k, metric):
    """The k nearest others of each row, nearest first, earlier rows first among equals."""
    lists = []
    for i in range(len(z)):
        others = [j for j in range(len(z)) if j != i]
        lists.append(sorted(others, key=lambda j: (-round(nearness(z[i], z[j], metric), 12), j))[:k])
    return lists


def hubness(z, k, metric):
    """Skewness of how often a row is in the lists of others, the largest share, the share of those never in one."""
    times = np.zeros(len(z))
    for row in nearest(z, k, metric):
        for j in row:
            times[j] += 1
    away = times - times.mean()
    return np.mean(away**3) / np.mean(away**2) ** 1.5, times.max() / len(z), np.mean(times == 0)


def uniformity(z, t):
    unit = [row / np.linalg.norm(row) for row in z]
    pairs = [(i, j) for i in range(len(z)) for j in range(i)]
    return np.log(np.mean([np.exp(-t * sum((unit[i] - unit[j]) ** 2)) for i, j in pairs]))


def rank_me(z):
    s = np.sqrt(np.clip(np.linalg.eigvalsh(z.T @ z), 0, None))
    p = s / np.sum(np.abs(s)) + 1e-7
    return np.exp(-sum(x * np.log(x) for x in p))


def iso_score(z):
    """The seven steps of algorithm 1."""
    n = z.shape[1]
    _, axes = np.linalg.eigh(np.cov(z.T))
    rotated = (z - z.mean(axis=0)) @ axes
    diagonal = np.diag(np.cov(rotated.T))
    normed = np.sqrt(n) * diagonal / np.linalg.norm(diagonal)
    defect = np.linalg.norm(normed - np.ones(n)) / np.sqrt(2 * (n - np.sqrt(n)))
    phi = (n - defect**2 * (n - np.sqrt(n))) ** 2 / n**2
    return (n * phi - 1) / (n - 1)


def continuity(space, flat, k):
    """Venna and Kaski 2001, equation 3: neighbours in the space that the map has torn away, by their rank there."""
    n = len(space)
    missing = 0
    for i in range(n):
        order = [j for j in np.argsort(np.linalg.norm(flat - flat[i], axis=1), kind="stable") if j != i]
        rank = {j: place + 1 for place, j in enumerate(order)}
        near = [j for j in np.argsort(np.linalg.norm(space - space[i], axis=1), kind="stable") if j != i][:k]
        missing += sum(max(0, rank[j] - k) for j in near)
    return 1 - 2 / (n * k * (2 * n - 3 * k - 1)) * missing


def overlap(a, b, k, metric="cosine"):
    one, two = nearest(a, k, metric), nearest(b, k, metric)
    return np.mean([len(set(x) & set(y)) / k for x, y in zip(one, two, strict=True)])


def triangle_area_on_sphere(u, v, w):
    """Solid angle by the formula of van Oosterom and Strackee; no angles and no sides in it."""
    u, v, w = (p / np.linalg.norm(p) for p in (u, v, w))
    return 2 * np.arctan2(abs(np.linalg.det([u, v, w])), 1 + u @ v + v @ w + w @ u)
