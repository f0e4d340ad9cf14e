"""How well are points grouped into people? Groups against true people, joint by joint and pair by pair.

Points carry the number of their image, of their true person (-1: nobody's, a spurious point) and of the group they were
put in (-1: none, it is alone). Numbers of groups count within an image only. `scores` has everything that needs no
coordinates; `oks_ap` judges groups as poses.
"""

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score, v_measure_score

_Points = Int[np.ndarray, " points"]
_Places = Float[np.ndarray, "points 2"]
_THRESHOLDS = np.linspace(0.5, 0.95, 10)  # of COCO
_RECALLS = np.linspace(0, 1, 101)
_MOST = 20  # poses of an image that count


def scores(image: _Points, truth: _Points, found: _Points, joint: _Points) -> dict[str, float]:
    """Judge groups by everything that needs no coordinates.

    Returns:
        ``precision``, ``recall`` and ``F1`` of pairs (see `pairwise`); ``ARI`` and ``V-measure``, means over the images
        of two or more points, with a nobody's point a group of its own; ``exact`` (see `exact`); ``count error``, mean
        over images of abs(groups - people); ``violations`` (see `violations`).

    Example:
        >>> one = np.zeros(4, np.int64)
        >>> found = scores(one, np.array([0, 0, 1, 1]), np.array([0, 0, 1, 2]), np.array([0, 1, 0, 1]))
        >>> {name: round(value, 2) for name, value in found.items()}  # doctest: +NORMALIZE_WHITESPACE
        {'precision': 1.0, 'recall': 0.5, 'F1': 0.67, 'ARI': 0.57, 'V-measure': 0.8, 'exact': 0.5, 'count error': 1.0,
         'violations': 0.0}
    """
    ari, v_measure = [], []
    true, given = alone(truth), _of_image(image, found)
    for members in _by(image):
        if len(members) > 1:
            ari.append(adjusted_rand_score(true[members], given[members]))
            v_measure.append(v_measure_score(true[members], given[members]))
    return {
        **pairwise(image, truth, found),
        "ARI": float(np.mean(ari)) if ari else 1.0,
        "V-measure": float(np.mean(v_measure)) if v_measure else 1.0,
        "exact": exact(image, truth, found),
        "count error": count_error(image, truth, found),
        "violations": float(violations(image, found, joint)),
    }


def pairwise(image: _Points, truth: _Points, found: _Points) -> dict[str, float]:
    """Judge which pairs of points of one image were put together: ``precision``, ``recall`` and their mean ``F1``.

    F1 = 2 both / (true + found), with the numbers of pairs of one person, of one group, and of both. A pair with a
    nobody's point is of no person. All pairs count alike, so images of many people weigh most. No pairs at all is 1.

    Args:
        image: (points,) number of each point's image.
        truth: (points,) its person, -1 for nobody's.
        found: (points,) the group it was put in, -1 for none.

    Example:
        >>> pairwise(np.zeros(3, np.int64), np.array([0, 0, -1]), np.array([0, 0, 0]))["precision"]
        0.3333333333333333
    """
    given, person = _of_image(image, found), _of_image(image, truth)
    both = _pairs(person, given)
    true, put = _pairs(person), _pairs(given)
    return {
        "precision": both / put if put else 1.0,
        "recall": both / true if true else 1.0,
        "F1": 2 * both / (true + put) if true + put else 1.0,
    }


def exact(image: _Points, truth: _Points, found: _Points) -> float:
    """Share of true people whose points are one group that holds nothing else; 1 where there is nobody.

    Args:
        image: As for `pairwise`; also the others. Points of a person that are not among them do not count.
        truth: As for `pairwise`.
        found: As for `pairwise`.

    Example:
        >>> exact(np.zeros(4, np.int64), np.array([0, 0, 1, 1]), np.array([0, 0, 1, -1]))
        0.5
    """
    given, person = _of_image(image, found), _of_image(image, truth)
    sizes = np.bincount(given, minlength=1)
    right = total = 0
    for members in _by(person):
        if truth[members[0]] >= 0:
            total += 1
            right += bool((given[members] == given[members[0]]).all() and sizes[given[members[0]]] == len(members))
    return right / total if total else 1.0


def count_error(image: _Points, truth: _Points, found: _Points) -> float:
    """Mean over images of abs(groups - people); points in no group (-1) are none.

    Example:
        >>> count_error(np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([0, 0, -1]))
        1.0
    """
    pictures = np.unique(image, return_inverse=True)[1]
    wrong = [
        np.bincount(np.unique(np.stack([pictures, of])[:, of >= 0], axis=1)[0], minlength=pictures.max(initial=-1) + 1)
        for of in (truth, found)
    ]
    return float(np.abs(wrong[0] - wrong[1]).mean()) if len(image) else 0.0


def violations(image: _Points, found: _Points, joint: _Points) -> int:
    """How many points have a joint that another point of their group has, too, beyond the first of each.

    Example:
        >>> violations(np.zeros(3, np.int64), np.array([0, 0, 1]), np.array([5, 5, 5]))
        1
    """
    put = found >= 0
    rows = np.stack([image, found, joint])[:, put]
    return int(rows.shape[1] - np.unique(rows, axis=1).shape[1])


def crowding(image: _Points, truth: _Points, place: _Places) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """How crowded each image is: the mean over its people of others' points in their box, over own.

    Args:
        image: (points,) number of each point's image.
        truth: (points,) its person; nobody's points (-1) do not count.
        place: (points, 2) where it is.

    Returns:
        The images that have people, and how crowded each is; 0 where nobody's box holds a point of somebody else.

    Example:
        >>> place = np.array([[0.0, 0], [4, 4], [2, 2], [9, 9]])
        >>> crowding(np.zeros(4, np.int64), np.array([0, 0, 1, 1]), place)
        (array([0]), array([0.5]))

    References:
        Li et al. 2019, "CrowdPose: efficient crowded scenes pose estimation and a new benchmark", equation 1.
    """
    real = truth >= 0
    image, truth, place = image[real], truth[real], place[real]
    index = []
    for members in _by(image):
        shares = []
        for own in _by(truth[members]):
            low, high = place[members[own]].min(axis=0), place[members[own]].max(axis=0)
            inside = ((place[members] >= low) & (place[members] <= high)).all(axis=1).sum()
            shares.append((inside - len(own)) / len(own))
        index.append(float(np.mean(shares)))
    return np.unique(image), np.array(index)


def poses_of(
    image: _Points, group: _Points, joint: _Points, place: _Places, joints: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Lay out groups as poses; of two points of one joint, the first is taken.

    Args:
        image: (points,) number of each point's image.
        group: (points,) its person or group; those with -1 are left out.
        joint: (points,) its joint.
        place: (points, 2) where it is.
        joints: How many there are.

    Returns:
        The image and the group of each pose, and (poses, joints, 2) places, NaN for joints that are not there.

    Example:
        >>> images, groups, poses = poses_of(np.array([3]), np.array([5]), np.array([1]), np.array([[2.0, 4.0]]), 2)
        >>> images, groups, poses.tolist()
        (array([3]), array([5]), [[[nan, nan], [2.0, 4.0]]])
    """
    put = np.flatnonzero(group >= 0)[::-1]  # the first is written last
    keys, row = np.unique(np.stack([image, group])[:, put], axis=1, return_inverse=True)
    poses = np.full((keys.shape[1], joints, 2), np.nan)
    poses[row.ravel(), joint[put]] = place[put]
    return keys[0], keys[1], poses


def oks(
    truth: Float[np.ndarray, "people joints 2"],
    found: Float[np.ndarray, "poses joints 2"],
    area: Float[np.ndarray, " people"],
    sigmas: Float[np.ndarray, " joints"],
) -> Float[np.ndarray, "people poses"]:
    """Object keypoint similarity: mean over a person's labelled joints of exp(-d^2 / (8 area sigma^2)).

    Args:
        truth: Places in pixels, NaN for joints that are not labelled; each person has at least one.
        found: Places in pixels, NaN for joints that were not found, which are infinitely far.
        area: Of each person, in square pixels.
        sigmas: Of each joint.

    Example:
        >>> oks(np.zeros((1, 2, 2)), np.array([[[0.0, 0.0], [np.nan, np.nan]]]), np.ones(1), np.ones(2))
        array([[0.5]])

    References:
        COCO keypoint evaluation, https://cocodataset.org/#keypoints-eval, section 1.2.
    """
    squares = ((truth[:, None] - found[None]) ** 2).sum(axis=-1)  # (people, poses, joints)
    near = np.exp(-squares / (8 * sigmas**2 * (area[:, None, None] + np.spacing(1))))
    labelled = ~np.isnan(truth[:, :, 0])
    likeness: NDArray[np.float64] = np.nan_to_num(near).sum(axis=-1) / labelled.sum(axis=1)[:, None]
    return likeness


def oks_ap(
    truth: Float[np.ndarray, "people joints 2"],
    truth_image: Int[np.ndarray, " people"],
    area: Float[np.ndarray, " people"],
    found: Float[np.ndarray, "poses joints 2"],
    found_image: Int[np.ndarray, " poses"],
    score: Float[np.ndarray, " poses"],
    sigmas: Float[np.ndarray, " joints"],
) -> dict[str, float]:
    """Average precision of poses, as COCO has it.

    In each image the poses, best score first, take the free person they are most like, if their OKS reaches the
    threshold. Of all poses of all images by score, precision at recall r is the best at any recall from r on; AP is its
    mean over r = 0, .01, ..., 1 and over the thresholds .50, .55, ..., .95.

    Args:
        truth: Places of the true people, NaN for joints that are not labelled; each has at least one.
        truth_image: Which image each is in.
        area: Of each, in square pixels.
        found: Places of the poses, NaN for joints that were not found.
        found_image: Which image each is in; of an image, the 20 best count.
        score: Of each pose, higher is surer.
        sigmas: Of each joint.

    Returns:
        ``AP``, and those at one threshold, ``AP50`` and ``AP75``; NaN where there is no true person.

    Example:
        >>> one = np.zeros((1, 17, 2))
        >>> oks_ap(one, np.array([0]), np.ones(1), one, np.array([0]), np.ones(1), np.full(17, 0.1))["AP"]
        1.0

    Differs from COCO: people without a labelled joint and groups marked as a crowd are not there to be matched.
    """
    right = np.zeros((len(found), len(_THRESHOLDS)), bool)
    counted = np.zeros(len(found), bool)
    for members in _by(found_image):
        best = members[np.argsort(-score[members], kind="stable")][:_MOST]
        counted[best] = True
        people = np.flatnonzero(truth_image == found_image[members[0]])
        right[best] = _matched(oks(truth[people], found[best], area[people], sigmas))
    order = np.argsort(-score[counted], kind="stable")
    each = [_precision(hits, len(truth)) for hits in right[counted][order].T]
    return {"AP": float(np.mean(each)), "AP50": each[0], "AP75": each[5]}


def alone(labels: _Points) -> NDArray[np.int64]:
    """Give each point with a negative label a number of its own.

    Example:
        >>> alone(np.array([2, -1, -1]))
        array([2, 3, 4])
    """
    numbers = labels.astype(np.int64)
    none = np.flatnonzero(labels < 0)
    numbers[none] = labels.max(initial=-1) + 1 + np.arange(len(none))
    return numbers


def _of_image(image: _Points, labels: _Points) -> NDArray[np.int64]:
    """Number the groups of all images, 0, 1, ..., each point without one being a group of its own."""
    group: NDArray[np.int64] = np.unique(np.stack([image, alone(labels)]), axis=1, return_inverse=True)[1].ravel()
    return group


def _pairs(*labels: NDArray[np.int64]) -> int:
    """How many pairs of points have all labels in common."""
    sizes = np.unique(np.stack(labels), axis=1, return_counts=True)[1]
    return int((sizes * (sizes - 1) // 2).sum())


def _by(labels: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Rows of each label, ascending."""
    order = np.argsort(labels, kind="stable")
    return [part for part in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1) if part.size]


def _matched(likeness: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say of each pose (column, best first) whether it gets a person, at each threshold."""
    people, poses = likeness.shape
    right = np.zeros((poses, len(_THRESHOLDS)), bool)
    for column, threshold in enumerate(_THRESHOLDS):
        free = np.ones(people, bool)
        for pose in range(poses):
            left = np.where(free, likeness[:, pose], -1.0)
            # of equally like ones COCO takes the last
            best = people - 1 - int(left[::-1].argmax()) if people else -1
            if best >= 0 and left[best] >= min(threshold, 1 - 1e-10):
                free[best] = False
                right[pose, column] = True
    return right


def _precision(right: NDArray[np.bool_], people: int) -> float:
    """Mean over 101 recalls of the best precision from there on; right or not, best score first."""
    if not people:
        return float("nan")
    hits = np.cumsum(right)
    precision = hits / np.arange(1, len(right) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    place = np.searchsorted(hits / people, _RECALLS, side="left")
    return float(np.append(precision, 0.0)[np.minimum(place, len(right))].mean())
