"""Keypoints grouped into people without learning more than lengths: what a network has to beat.

Each method is a function that takes the keypoints to learn from and returns one that groups others: keypoints in,
(points,) the number of each point's group within its image out. Nobody learns who is in the images that are asked for,
but for `spectral`, which is told how many people there are.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist, pdist, squareform
from sklearn.cluster import AgglomerativeClustering, SpectralClustering

from graphembed.bench.people import Grouper
from graphembed.graph import Graph
from graphembed.metrics.groups import pairwise
from graphembed.parallel import one_thread
from graphembed.recast.keypoints import keypoint_graph
from graphembed.recast.people import Keypoints

Groups = NDArray[np.int64]
_REACH = (1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, np.inf)  # of a mean limb
_WIDTHS = (0.1, 0.2, 0.4, 0.8)  # of a body's height
_ORDER = (5, 6, 11, 12, 0, 1, 2, 3, 4, 7, 8, 13, 14, 9, 10, 15, 16)  # who is asked first to be the root


def limbs(learn: Keypoints) -> Grouper:
    """Merge limbs greedily, shortest first relative to its mean length, never two joints of one type in a person.

    Lengths are taken relative to the scale of the image (see `keypoint_graph`). Their means, and how many times its
    mean a limb may be long at most, are chosen for the best pairwise F1 on the keypoints given.
    """
    graph = keypoint_graph(learn)
    mean = _mean_lengths(graph, learn)

    def group(asked: Keypoints, reach: float) -> Groups:
        return _per_image(asked, lambda pos, joint: _greedy(pos, joint, asked.skeleton.limbs, mean, reach))

    best = _best(learn, _REACH, group)
    return lambda asked: group(asked, best)


def spectral(learn: Keypoints) -> Grouper:
    """Cluster points by the eigenvectors of exp(-d^2 / 2 w^2), told how many people there are; w is fitted."""

    def group(asked: Keypoints, width: float) -> Groups:
        graph = keypoint_graph(asked)
        found = np.zeros(graph.num_nodes, np.int64)
        for rows in _images(graph):
            y = graph.data.y.numpy()[rows]
            people = len(np.unique(y[y >= 0]))
            if 1 < people < len(rows):
                near = np.exp(-(squareform(pdist(graph.data.pos.numpy()[rows])) ** 2) / (2 * width**2)) + 1e-9
                cluster = SpectralClustering(people, affinity="precomputed", assign_labels="cluster_qr", random_state=0)
                with one_thread():
                    found[rows] = cluster.fit_predict(near)
            elif people == len(rows):
                found[rows] = np.arange(people)
        return found

    best = _best(learn, _WIDTHS, group)
    return lambda asked: group(asked, best)


def nearest_root(_: Keypoints) -> Grouper:
    """Give points to the nearest root, nearest first, one of a joint to each root.

    Roots are the points of the joint that is there most often in the image; who finds no root is alone.
    """
    return lambda asked: _per_image(asked, lambda pos, joint: _rooted(pos, joint, None))


def mean_pose(learn: Keypoints) -> Grouper:
    """Give points to the root that a person of mean build would have them nearest to, one of a joint to each root.

    Roots are as in `nearest_root`. Joint by joint, points and roots are matched for the least sum of distances between
    each point and where the mean of the people in ``learn`` has it, seen from the root.
    """
    offset = _mean_offsets(keypoint_graph(learn), len(learn.skeleton.joints))
    return lambda asked: _per_image(asked, lambda pos, joint: _rooted(pos, joint, offset))


def linkage(learn: Keypoints) -> Grouper:
    """Merge nearest points, by the mean distance of their groups, up to a distance chosen on ``learn``."""

    def group(asked: Keypoints, width: float) -> Groups:
        def cut(pos: NDArray[np.float32], _: Groups) -> Groups:
            if len(pos) < 2:
                return np.zeros(len(pos), np.int64)
            model = AgglomerativeClustering(None, linkage="average", distance_threshold=width)
            found: Groups = model.fit_predict(pos)
            return found

        return _per_image(asked, cut)

    best = _best(learn, _WIDTHS, group)
    return lambda asked: group(asked, best)


def one_person(_: Keypoints) -> Grouper:
    """Say that all points of an image are one person's."""
    return lambda asked: np.zeros(len(asked.points), np.int64)


def true_people(_: Keypoints) -> Grouper:
    """Look at the truth: the best there is. Below 1, its OKS is what jitter and dropped points cost."""
    return lambda asked: asked.points["person"].to_numpy()


BASELINES: dict[str, Callable[[Keypoints], Grouper]] = {
    "limbs": limbs,
    "spectral, true number": spectral,
    "nearest root": nearest_root,
    "mean pose": mean_pose,
    "average linkage": linkage,
    "one person": one_person,
    "true people": true_people,
}


def _per_image(asked: Keypoints, group: Callable[[NDArray[np.float32], Groups], Groups]) -> Groups:
    graph = keypoint_graph(asked)
    found = np.zeros(graph.num_nodes, np.int64)
    for rows in _images(graph):
        found[rows] = group(graph.data.pos.numpy()[rows], graph.data.joint.numpy()[rows])
    return found


def _images(graph: Graph) -> Iterator[Groups]:
    """Rows of each image that has points."""
    batch = graph.data.batch.numpy()
    order = np.argsort(batch, kind="stable")
    yield from (part for part in np.split(order, np.flatnonzero(np.diff(batch[order])) + 1) if part.size)


def _best(learn: Keypoints, values: tuple[float, ...], group: Callable[[Keypoints, float], Groups]) -> float:
    """Return the value for which groups have the best pairwise F1 on ``learn``."""
    image, truth = (learn.points[name].to_numpy() for name in ("image", "person"))
    return max(values, key=lambda value: pairwise(image, truth, group(learn, value))["F1"])


def _mean_lengths(graph: Graph, learn: Keypoints) -> NDArray[np.float64]:
    """Mean length of each limb of the people, in units of ``data.pos``; that of the skeleton where nobody has it."""
    pos, joint, y = (graph.data[key].numpy() for key in ("pos", "joint", "y"))
    places = np.full((max(y.max(initial=-1) + 1, 0), len(learn.skeleton.joints), 2), np.nan)
    places[y[y >= 0], joint[y >= 0]] = pos[y >= 0]
    one, other = np.array(learn.skeleton.limbs).T
    far = np.linalg.norm(places[:, one] - places[:, other], axis=-1)
    there = ~np.isnan(far)
    sums = np.nansum(far, axis=0)
    return np.where(there.any(axis=0), sums / np.maximum(there.sum(axis=0), 1), learn.skeleton.lengths)


def _mean_offsets(graph: Graph, joints: int) -> NDArray[np.float64]:
    """(joints, joints, 2): where the second is seen from the first, on the mean of people; 0 where never."""
    pos, joint, y = (graph.data[key].numpy() for key in ("pos", "joint", "y"))
    places = np.full((max(y.max(initial=-1) + 1, 0), joints, 2), np.nan)
    places[y[y >= 0], joint[y >= 0]] = pos[y >= 0]
    apart = places[:, None] - places[:, :, None]
    times = (~np.isnan(apart)).sum(axis=0)
    mean: NDArray[np.float64] = np.nansum(apart, axis=0) / np.maximum(times, 1)
    return mean


def _greedy(
    pos: NDArray[np.float32],
    joint: Groups,
    skeleton: tuple[tuple[int, int], ...],
    mean: NDArray[np.float64],
    reach: float,
) -> Groups:
    """Merge the points of one image."""
    costs, firsts, seconds = [np.empty(0)], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for (one, other), length in zip(skeleton, mean, strict=True):
        a, b = np.flatnonzero(joint == one), np.flatnonzero(joint == other)
        far = cdist(pos[a], pos[b]) / max(length, 1e-9)
        row, column = np.nonzero(far <= reach)
        costs.append(far[row, column])
        firsts.append(a[row])
        seconds.append(b[column])
    cost, first, second = np.concatenate(costs), np.concatenate(firsts), np.concatenate(seconds)
    root = list(range(len(pos)))
    has = [1 << int(kind) for kind in joint]  # the joints of a group, as bits
    for at in np.argsort(cost, kind="stable").tolist():
        one, other = _top(root, int(first[at])), _top(root, int(second[at]))
        if one != other and not has[one] & has[other]:
            root[other] = one
            has[one] |= has[other]
    return np.unique([_top(root, point) for point in range(len(pos))], return_inverse=True)[1]


def _top(root: list[int], point: int) -> int:
    while root[point] != point:
        root[point] = point = root[root[point]]
    return point


def _rooted(pos: NDArray[np.float32], joint: Groups, offset: NDArray[np.float64] | None) -> Groups:
    """Group the points of one image around its roots: at best where offsets are known, else greedily."""
    joints = int(joint.max()) + 1
    times = np.bincount(joint, minlength=len(_ORDER))
    kinds = _ORDER if joints <= len(_ORDER) else tuple(range(joints))
    kind = max(kinds, key=lambda one: times[one])  # of equally frequent ones, the first
    roots = np.flatnonzero(joint == kind)
    found = np.full(len(pos), -1)
    found[roots] = np.arange(len(roots))
    for other in np.unique(joint[joint != kind]):
        points = np.flatnonzero(joint == other)
        if offset is None:
            row, column = _one_by_one(cdist(pos[roots], pos[points]))
        else:
            row, column = linear_sum_assignment(cdist(pos[roots] + offset[kind, other], pos[points]))
        found[points[column]] = row
    rest = np.flatnonzero(found < 0)
    found[rest] = len(roots) + np.arange(len(rest))
    return found


def _one_by_one(far: NDArray[np.float64]) -> tuple[list[int], list[int]]:
    """Match rows and columns greedily, the smallest entry first."""
    rows: list[int] = []
    columns: list[int] = []
    for at in np.argsort(far, axis=None, kind="stable"):
        row, column = divmod(int(at), far.shape[1])
        if row not in rows and column not in columns:
            rows.append(row)
            columns.append(column)
    return rows, columns
