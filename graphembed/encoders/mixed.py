"""People as they might have been: mirrored, a little turned and resized, among others, and badly detected.

Batches of images of the kind `graphembed.encoders.tags` reads become other ones; all chance comes from a seed.
"""

import dataclasses as dc

import numpy as np
import torch
from numpy.typing import NDArray
from torch_geometric.data import Data

from graphembed.recast.keypoints import sizes

_TURN, _SIZE, _SHIFT = 0.08, 0.08, 0.05  # of each person: radians, log factor, share of its size
_MIRRORED = np.array([0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15])  # left is right


@dc.dataclass(frozen=True)
class Mixed:
    """Mirror images, put the people of two into one, and disturb their points.

    Args:
        pasted: Chance that an image gets the people of another one, at most two sizes away.
        jitter: Standard deviation of noise, as a share of the size of a person, at most: each image has its own share
            of it, and of the next two; half of the images have next to none.
        dropped: Share of points that go, at most.
        spurious: Points of nobody added, as a share, at most.
    """

    pasted: float = 0.6
    jitter: float = 0.06
    dropped: float = 0.15
    spurious: float = 0.08

    def __call__(self, batch: Data, seed: int) -> Data:
        """Return another batch."""
        rng = np.random.default_rng(seed)
        types = batch.x.shape[1] - 2
        joint = batch.x[:, :types].argmax(dim=1).numpy()
        place = batch.x[:, types : types + 2].numpy().astype(np.float64)
        image, person = batch.batch.numpy(), batch.group.numpy()
        joint, place = _mirror(rng, joint, place, image, types)
        place = _bend(rng, place, person)
        place, image = _paste(rng, place, image, self.pasted)
        much = rng.random(image.max(initial=-1) + 1) * (rng.random(image.max(initial=-1) + 1) < 0.5) + 0.05
        place = place + rng.normal(size=place.shape) * (self.jitter * much[image] * sizes(place, person))[:, None]
        kept = rng.random(len(image)) >= self.dropped * much[image]
        joint, place, image, person = joint[kept], place[kept], image[kept], person[kept]
        added = np.flatnonzero(rng.random(len(image)) < self.spurious * much[image])
        where = _anywhere(rng, place, image, image[added])
        joint = np.concatenate([joint, rng.integers(0, types, len(added))])
        place, image = np.concatenate([place, where]), np.concatenate([image, image[added]])
        person = np.concatenate([person, np.full(len(added), -1)])
        order = np.argsort(image, kind="stable")
        number = np.unique(image[order], return_inverse=True)[1]
        x = describe_points(joint[order], place[order], types)
        return Data(x=x, group=torch.from_numpy(person[order]), batch=torch.from_numpy(number))


def describe_points(joint: NDArray[np.int64], place: NDArray[np.floating], types: int) -> torch.Tensor:
    """Return what a `Tagger` reads of points: (points, types + 2), which joint, and where."""
    x = np.zeros((len(joint), types + 2), np.float32)
    x[np.arange(len(joint)), joint] = 1
    x[:, types:] = place
    return torch.from_numpy(x)


def mirrored(joint: NDArray[np.int64], types: int) -> NDArray[np.int64]:
    """Return the joints that left and right would be, of COCO's 17; of others, the same."""
    return _MIRRORED[joint] if types == len(_MIRRORED) else joint


def _mirror(
    rng: np.random.Generator, joint: NDArray[np.int64], place: NDArray[np.float64], image: NDArray[np.int64], types: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    flips = (rng.random(image.max(initial=-1) + 1) < 0.5)[image]
    side = np.where(flips, -1.0, 1.0)
    return np.where(flips, mirrored(joint, types), joint), place * np.stack([side, np.ones_like(side)], axis=1)


def _bend(rng: np.random.Generator, place: NDArray[np.float64], person: NDArray[np.int64]) -> NDArray[np.float64]:
    """Turn, resize and shift each person a little."""
    names, code = np.unique(person, return_inverse=True)
    count = np.bincount(code, minlength=len(names))
    middle = np.stack([np.bincount(code, axis, len(names)) / count for axis in place.T], axis=1)[code]
    turn, factor = rng.normal(size=len(names)) * _TURN, np.exp(rng.normal(size=len(names)) * _SIZE)
    shift = rng.normal(size=(len(names), 2)) * _SHIFT
    cos, sin = (np.cos(turn) * factor)[code], (np.sin(turn) * factor)[code]
    x, y = (place - middle).T
    moved = np.stack([cos * x - sin * y, sin * x + cos * y], axis=1) + middle
    moved += shift[code] * sizes(place, person)[:, None]
    return np.where((person >= 0)[:, None], moved, place)


def _paste(
    rng: np.random.Generator, place: NDArray[np.float64], image: NDArray[np.int64], chance: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Put the points of every second image into the one before, by chance: a point of one near a point of the other."""
    place, into = place.copy(), np.arange(image.max(initial=-1) + 1)
    for guest in range(1, len(into), 2):
        if rng.random() >= chance:
            continue
        host = guest - 1
        theirs, ours = np.flatnonzero(image == guest), np.flatnonzero(image == host)
        factor = np.exp(rng.normal() * 0.4)
        off = rng.normal(size=2) * np.array([0.6, 0.25]) * rng.choice([0.5, 1.0, 2.0])
        anchor = place[rng.choice(ours)] + off
        place[theirs] = (place[theirs] - place[rng.choice(theirs)]) * factor + anchor
        into[guest] = host
    return place, into[image]


def _anywhere(
    rng: np.random.Generator, place: NDArray[np.float64], image: NDArray[np.int64], asked: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Draw places in the frames of images, which are a little wider than what is in them."""
    images = image.max(initial=-1) + 1
    low, high = np.full((images, 2), np.inf), np.full((images, 2), -np.inf)
    np.minimum.at(low, image, place)
    np.maximum.at(high, image, place)
    room = rng.random((len(asked), 2)) * 1.4 - 0.2
    found: NDArray[np.float64] = low[asked] + room * (high - low)[asked]
    return found
