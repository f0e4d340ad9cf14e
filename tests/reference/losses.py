"""Losses in slow plain NumPy, one row at a time, as their papers write them."""

import numpy as np


def softplus(s):
    return np.log1p(np.exp(s))


def link(positive, negative):
    return np.mean([softplus(-s) for s in positive]) + np.mean([softplus(s) for s in negative])


def ranking(positive, negative, margin):
    number = max(len(positive), len(negative))
    pairs = [(positive[k % len(positive)], negative[k % len(negative)]) for k in range(number)]
    return np.mean([max(0.0, margin - good + bad) for good, bad in pairs])


def kl(mean, log_sigma):
    total = 0.0
    for mu, log in zip(mean, log_sigma, strict=True):
        sigma = np.exp(log)
        total += 0.5 * sum(m * m + s * s - 1 - np.log(s * s) for m, s in zip(mu, sigma, strict=True))
    return total / len(mean)


def nce(anchors, candidates, positive, temperature, log_q=None, excluded=None):
    total = 0.0
    for i, anchor in enumerate(anchors):
        own = candidates[i] if candidates.ndim == 3 else candidates
        weight = []
        for j, candidate in enumerate(own):
            q = 0.0 if log_q is None else np.broadcast_to(log_q, (len(anchors), len(own)))[i, j]
            absent = excluded is not None and excluded[i, j]
            weight.append(0.0 if absent else np.exp(anchor @ candidate / temperature - q))
        total -= np.log(weight[positive[i]] / sum(weight))
    return total / len(anchors)


def triplet(anchor, positive, negative, margin):
    terms = [
        max(0.0, sum((a - p) ** 2) - sum((a - n) ** 2) + margin)
        for a, p, n in zip(anchor, positive, negative, strict=True)
    ]
    return np.mean(terms)


def infomax(z, corrupted, weight):
    summary = 1 / (1 + np.exp(-z.mean(axis=0))) / np.sqrt(z.shape[1])
    return link([row @ weight @ summary for row in z], [row @ weight @ summary for row in corrupted])


def decorrelation(z1, z2, balance):
    def standard(z):
        return (z - z.mean(axis=0)) / (z.std(axis=0) * np.sqrt(len(z)))

    one, two = standard(z1), standard(z2)
    unit = np.eye(z1.shape[1])
    overlaps = [np.linalg.norm(z.T @ z - unit) ** 2 for z in (one, two)]
    return np.linalg.norm(one - two) ** 2 / 2 + balance * sum(overlaps)


def cosine(a, b):
    return np.array([u @ v / (np.linalg.norm(u) * np.linalg.norm(v)) for u, v in zip(a, b, strict=True)])


def bootstrap(prediction, target):
    return np.mean(
        [
            np.linalg.norm(p / np.linalg.norm(p) - t / np.linalg.norm(t)) ** 2
            for p, t in zip(prediction, target, strict=True)
        ]
    )


def margin_softmax(cosines, label, kind, margin, scale, smoothing):
    """Cross-entropy with an angle (arcface) or a cosine (cosface) taken off the own class, targets smoothed."""
    total = 0.0
    for row, own in zip(cosines, label, strict=True):
        logits = np.array(row, float)
        logits[own] = np.cos(np.arccos(row[own]) + margin) if kind == "arcface" else row[own] - margin
        chance = np.exp(scale * logits) / np.exp(scale * logits).sum()
        target = np.full(len(row), smoothing / len(row))
        target[own] += 1 - smoothing
        total -= (target * np.log(chance)).sum()
    return total / len(cosines)


def soft_modularity(share, edges, weight):
    nodes = len(share)
    links = np.zeros((nodes, nodes))
    for (u, v), w in zip(edges.T, weight, strict=True):
        links[u, v] += w / 2
        links[v, u] += w / 2
    degree, twice = links.sum(axis=1), links.sum()
    beyond = links - np.outer(degree, degree) / twice
    return np.trace(share.T @ beyond @ share) / twice


def collapse(share):
    nodes, communities = share.shape
    return np.sqrt(communities) / nodes * np.sqrt(sum(sum(column) ** 2 for column in share.T)) - 1


def pairs_of(group, image):
    """Pairs of points of one image and of some group: those of one group, and those of two."""
    known = [i for i in range(len(group)) if group[i] >= 0]
    meet = [(i, j) for i in known for j in known if i < j and image[i] == image[j]]
    return [p for p in meet if group[p[0]] == group[p[1]]], [p for p in meet if group[p[0]] != group[p[1]]]


def push_pull(z, group, image, margin=1.0, push=1.0, reduction="mean"):
    same, other = pairs_of(group, image)
    pull = sum(sum((z[i] - z[j]) ** 2) for i, j in same)
    pushed = sum(max(0.0, margin - np.sqrt(sum((z[i] - z[j]) ** 2))) for i, j in other)
    if reduction == "mean":
        pull, pushed = pull / max(len(same), 1), pushed / max(len(other), 1)
    return pull + push * pushed


def associative(z, group, image, sigma=1.0, push=1.0, reduction="mean"):
    total, images = 0.0, sorted({image[i] for i in range(len(group)) if group[i] >= 0})
    for one in images:
        names = sorted({group[i] for i in range(len(group)) if image[i] == one and group[i] >= 0})
        members = [[z[i] for i in range(len(group)) if image[i] == one and group[i] == name] for name in names]
        means = [sum(points) / len(points) for points in members]
        mean = reduction == "mean"
        for points, middle in zip(members, means, strict=True):
            pull = sum(sum((point - middle) ** 2) for point in points)
            total += pull / len(points) / len(names) if mean else pull
        for n, first in enumerate(means):
            for m, second in enumerate(means):
                near = np.exp(-sum((first - second) ** 2) / (2 * sigma**2))
                if n != m:
                    total += push * (near / len(names) ** 2 if mean else near / 2)
    return total / max(len(images), 1) if reduction == "mean" else total


def graph_infomax(z, summary, graph):
    own, others = [], []
    for v, vector in enumerate(z):
        for k, known in enumerate(summary):
            score = float(vector @ known)
            own.append(softplus(-score)) if graph[v] == k else others.append(softplus(score))
    return np.mean(own) + (np.mean(others) if others else 0.0)
