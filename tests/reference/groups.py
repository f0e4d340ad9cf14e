"""Scores of groups of points, counted one by one."""

from itertools import combinations

import numpy as np


def pairs(image, truth, found):
    """True pairs, pairs put together, and those that are both."""
    true = put = both = 0
    for i, j in combinations(range(len(image)), 2):
        if image[i] == image[j]:
            same = truth[i] == truth[j] and truth[i] >= 0
            together = found[i] == found[j] and found[i] >= 0
            true, put, both = true + same, put + together, both + (same and together)
    return true, put, both


def exact(image, truth, found):
    """Share of true people who are one group that holds nothing else."""
    people = {(i, t) for i, t in zip(image, truth, strict=True) if t >= 0}
    right = 0
    for picture, person in people:
        own = {k for k in range(len(image)) if (image[k], truth[k]) == (picture, person)}
        groups = {found[k] for k in own}
        if groups == {-1}:
            right += len(own) == 1
        elif len(groups) == 1:
            right += own == {k for k in range(len(image)) if image[k] == picture and found[k] in groups}
    return right / len(people) if people else 1.0


def oks(truth, found, area, sigmas):
    """Likeness of two poses, (joints, 2) each, NaN for joints that are not there."""
    total = labelled = 0.0
    for t, f, sigma in zip(truth, found, sigmas, strict=True):
        if not np.isnan(t[0]):
            labelled += 1
            if not np.isnan(f[0]):
                total += np.exp(-((t[0] - f[0]) ** 2 + (t[1] - f[1]) ** 2) / (2 * area * (2 * sigma) ** 2))
    return total / labelled


def average_precision(truth, truth_image, area, found, found_image, score, sigmas, threshold):
    """AP at one threshold: greedy matching in each image, then the area under the envelope at 101 recalls."""
    hits = []
    for picture in set(found_image):
        free = [k for k in range(len(truth)) if truth_image[k] == picture]
        mine = sorted((k for k in range(len(found)) if found_image[k] == picture), key=lambda k: -score[k])[:20]
        for k in mine:
            like = {person: oks(truth[person], found[k], area[person], sigmas) for person in free}
            best = max(like, key=like.get, default=None)
            good = best is not None and like[best] >= threshold
            if good:
                free.remove(best)
            hits.append((score[k], good))
    hits.sort(key=lambda hit: -hit[0])
    right, curve = 0, []
    for count, (_, good) in enumerate(hits, start=1):
        right += good
        curve.append((right / len(truth), right / count))
    best = [max((p for r, p in curve if r >= recall), default=0.0) for recall in np.linspace(0, 1, 101)]
    return float(np.mean(best))
