"""Points join people by their tags, joint by joint: the nearest first, and of equally near ones the surest."""

import numpy as np
from numpy.typing import NDArray

from graphembed.kernels.compile import kernel

_STEPS = 10.0  # distances are rounded to this share of the reach


@kernel
def greedy(
    first: NDArray[np.int64],
    rank: NDArray[np.int64],
    tag: NDArray[np.float32],
    score: NDArray[np.float32],
    reach: float,
) -> NDArray[np.int64]:
    """Group the points of images by tags.

    Joint by joint, each point may join a person that has no such joint and whose mean tag is within reach. Pairs of
    point and person are taken by distance, rounded, then by the point's score, then by distance; points that are left
    over are new people.

    Args:
        first: (images + 1,) where the points of each image begin.
        rank: (points,) when the joint of each point is looked at, from 0.
        tag: (points, dim).
        score: (points,) higher is surer.
        reach: Largest distance of a tag from a person's mean tag.

    Returns:
        (points,) numbers of people, over all images.
    """
    points, dim = tag.shape
    person = np.full(points, -1, np.int64)
    total = np.zeros((points, dim))
    count = np.zeros(points, np.int64)
    taken = np.full(points, -1, np.int64)  # the last joint a person got
    found = 0
    for image in range(first.size - 1):
        low, high = first[image], first[image + 1]
        begin = found
        for joint in range(rank.max() + 1 if rank.size else 0):
            start = found  # people of this joint begin here: nobody else of it may join them
            while True:
                best, who, whom = (np.inf, np.inf, np.inf), -1, -1
                for i in range(low, high):
                    if rank[i] != joint or person[i] >= 0:
                        continue
                    for p in range(begin, start):
                        if taken[p] == joint:
                            continue
                        far = 0.0
                        for d in range(dim):
                            far += (tag[i, d] - total[p, d] / count[p]) ** 2
                        far = np.sqrt(far)
                        if far > reach:
                            continue
                        order = (np.round(_STEPS * far / reach), -np.float64(score[i]), far)
                        if order < best:
                            best, who, whom = order, i, p
                if who < 0:
                    break
                person[who] = whom
                taken[whom] = joint
            for i in range(low, high):
                if rank[i] == joint and person[i] < 0:
                    person[i] = found
                    taken[found] = joint
                    found += 1
            for i in range(low, high):
                if rank[i] == joint:
                    count[person[i]] += 1
                    for d in range(dim):
                        total[person[i], d] += tag[i, d]
    return person
