"""What a picture shows of people: joints outside it, behind others, behind oneself or behind things are not seen.

The chances below are set so that people alone in a picture show each joint about as often as COCO's do.
"""

import numpy as np
from numpy.typing import NDArray

from graphembed.datasets.bodies import Places

_Numbers = NDArray[np.int64]
_Yes = NDArray[np.bool_]
# Limbs cover what is behind them: their ends, and their radius as a share of the body's height.
_ENDS = np.array([(5, 12), (6, 11), (3, 4), (11, 13), (12, 14), (13, 15), (14, 16), (5, 7), (6, 8)])
_RADIUS = np.array([0.085, 0.085, 0.065, 0.05, 0.05, 0.035, 0.035, 0.03, 0.03])
_FACE = slice(0, 5)
# Chances that a joint is not marked, or marked as hidden, if something is before it.
_BY_OTHERS, _BY_ONESELF = (0.55, 0.3), (0.22, 0.33)
# Who marks both ends marks what is between them, too, though it be hidden: an elbow between shoulder and wrist.
_BETWEEN = ((5, 7, 9), (6, 8, 10), (11, 13, 15), (12, 14, 16), (5, 11, 13), (6, 12, 14), (7, 5, 11), (8, 6, 12),
            (0, 1, 3), (0, 2, 4))  # fmt: skip
_SMALL = 90.0  # pixels; on smaller bodies, joints are often not marked


def seen(
    place: Places, tall: NDArray[np.float64], image: _Numbers, size: NDArray[np.float64], rng: np.random.Generator
) -> _Numbers:
    """Say of each joint whether it is 2 seen, 1 marked though hidden, or 0 not marked.

    Args:
        place: (people, 17, 3) pixels from the top left, z to the camera.
        tall: (people,) pixels from head to foot if the body stood.
        image: (people,) which picture each is in, ascending.
        size: (images, 2) width and height.
        rng: Where chance comes from.
    """
    count = len(image)
    visible = np.full((count, 17), 2)
    behind = _behind_others(place, tall, image)
    for hidden, (gone, marked) in ((behind, _BY_OTHERS), (_behind_oneself(place, tall), _BY_ONESELF)):
        chance = rng.random((count, 17))
        visible = np.where(hidden & (chance < gone + marked), np.minimum(visible, 1), visible)
        visible[hidden & (chance < gone)] = 0
    visible[:, _FACE][_away(place, tall)] = 0
    visible[_covered(place, tall, rng)] = 0
    small = np.clip(_SMALL / tall, 0, 2)[:, None]
    visible[rng.random((count, 17)) < 0.01 + 0.015 * small] = 0
    hair = rng.random((count, 5)) < np.array([0, 0.03, 0.03, 0.2, 0.2])
    visible[:, _FACE][hair | (rng.random((count, 1)) < 0.08 * small)] = 0
    visible[(rng.random((count, 17)) < 0.03) & (visible == 2)] = 1
    for one, between, other in _BETWEEN:
        visible[:, between] |= (visible[:, [one, other]] > 0).all(axis=1) & (visible[:, between] == 0)
    inside = ((place[:, :, :2] >= 0) & (place[:, :, :2] < size[image][:, None])).all(axis=2)
    return visible * inside


def _behind_others(place: Places, tall: NDArray[np.float64], image: _Numbers) -> _Yes:
    """Say which joints are behind somebody of the picture; who stands lower is nearer."""
    number = np.bincount(image)[image] if len(image) else image
    first = np.searchsorted(image, image)
    back = np.repeat(np.arange(len(image)), number)
    front = np.arange(len(back)) - np.repeat(np.cumsum(number) - number, number) + first[back]
    low, high = place[:, :, :2].min(axis=1), place[:, :, :2].max(axis=1)
    feet = high[:, 1] + 1e-9 * np.arange(len(image))
    reach = 0.1 * tall[front][:, None]
    near = (feet[front] > feet[back]) & ((low[front] - reach < high[back]) & (low[back] < high[front] + reach)).all(
        axis=1
    )
    back, front = back[near], front[near]
    hidden = np.zeros((len(image), 17), bool)
    for at in range(0, len(back), 4096):
        some = slice(at, at + 4096)
        inside = _under(place[back[some]], place[front[some]], tall[front[some]]).any(axis=2)
        np.logical_or.at(hidden, back[some], inside)
    return hidden


def _behind_oneself(place: Places, tall: NDArray[np.float64]) -> _Yes:
    """Say which joints of arms and legs are behind the own trunk, head or limbs."""
    under = np.zeros((len(tall), 17, len(_ENDS)), bool)
    under[:, 5:] = _under(place[:, 5:], place, tall)
    depth = place[:, _ENDS, 2].mean(axis=2) - 0.6 * _RADIUS * tall[:, None]
    own = (np.arange(17)[:, None, None] == _ENDS).any(axis=2)  # a limb does not cover its ends
    own[[5, 6, 11, 12], :2] = False
    hidden: _Yes = (under & ~own & (place[:, :, None, 2] < depth[:, None])).any(axis=2)
    for left, right in ((5, 6), (11, 12)):  # of somebody in profile, the far shoulder and hip
        apart = place[:, left, 2] - place[:, right, 2]
        hidden[:, left] |= apart < -0.1 * tall
        hidden[:, right] |= apart > 0.1 * tall
    return hidden


def _under(points: Places, body: Places, tall: NDArray[np.float64]) -> _Yes:
    """(bodies, points, limbs): which points lie within which limbs of a body, as seen."""
    start, end = (body[:, _ENDS[:, side], :2].astype(np.float32) for side in (0, 1))
    along = end - start
    length = np.maximum((along**2).sum(axis=2), 1e-6)
    to = points[:, :, None, :2].astype(np.float32) - start[:, None]
    share = np.clip((to * along[:, None]).sum(axis=3) / length[:, None], 0, 1)
    far = ((to - share[..., None] * along[:, None]) ** 2).sum(axis=3)
    inside: _Yes = far < (_RADIUS * tall[:, None])[:, None] ** 2
    return inside


def _away(place: Places, tall: NDArray[np.float64]) -> _Yes:
    """(people, 5): what of a face is on the other side of the head."""
    depth = place[:, _FACE, 2] / tall[:, None]
    middle = depth[:, 3:].mean(axis=1, keepdims=True)
    limit = np.array([-0.012, -0.012, -0.012, -0.028, -0.028])  # an ear shows unless the head is in profile
    away: _Yes = depth - middle < limit
    return away


def _covered(place: Places, tall: NDArray[np.float64], rng: np.random.Generator) -> _Yes:
    """Say what tables, boats, frames and such cover: all below a line, sometimes all above one or to one side."""
    count = len(tall)
    flat = place[:, :, :2]
    low, span = flat.min(axis=1), np.maximum(np.ptp(flat, axis=1), 1e-9)
    share = (flat - low[:, None]) / span[:, None]
    line, kind = rng.uniform(0.15, 1.0, count)[:, None], rng.random(count)[:, None]
    side = np.where(rng.random(count)[:, None] < 0.5, share[:, :, 0], 1 - share[:, :, 0])
    covered: _Yes = (kind < 0.38) & (share[:, :, 1] > line)
    covered |= (kind >= 0.38) & (kind < 0.44) & (share[:, :, 1] < 1 - line)
    covered |= (kind >= 0.44) & (kind < 0.52) & (side > line)
    return covered & (rng.random((count, 17)) < 0.97)
