"""Bodies in space: seventeen joints of people who stand, walk, sit, reach up, bend down, play and lie.

A body is a tree of limbs of fixed proportions that turn in its joints by angles; a pose is a list of angles with their
spread. Lengths are shares of the body's height; x is to the person's left, y up, z to where the person looks.

References:
    Drillis and Contini 1966, "Body segment parameters", as in Winter 2009, "Biomechanics and motor control of human
    movement", figure 4.1: lengths of limbs. Distances of joints across the body and within the head, which are smaller
    than those of the surface given there, and all angles are ours.
"""

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.float64]
_Turns = NDArray[np.float64]  # (people, 3, 3)

# Shares of height.
_SHANK, _THIGH, _TRUNK, _UPPER_ARM, _FOREARM = 0.246, 0.235, 0.3, 0.172, 0.146
_HIPS, _SHOULDERS = 0.13, 0.205  # from joint to joint
_NECK = 0.035  # from between the shoulders to where the head turns
# Seen from there: nose, eyes, ears of a grown-up.
_HEAD = np.array(
    [[0, 0.058, 0.075], [0.022, 0.08, 0.062], [-0.022, 0.08, 0.062], [0.043, 0.065, 0.0], [-0.043, 0.065, 0.0]]
)

ANGLES = (
    "lean", "side", "twist", "tilt", "roll",  # of the trunk: forward, to its left, about itself; of all
    "nod", "look",  # of the head
    "hip", "spread", "turnout", "knee",  # of each leg: forward, to the side, about itself; back
    "arm", "out", "inward", "elbow",  # of each arm: forward, to the side, about itself; forward
)  # fmt: skip
_BOTH = ANGLES.index("hip")  # from here on each has two sides

# Mean and spread in degrees of each angle, and how often the pose is taken. Walking adds a stride.
_Pose = dict[str, tuple[float, float]]
_STANDING: _Pose = {
    "lean": (3, 6), "side": (0, 5), "twist": (0, 8), "tilt": (0, 3), "roll": (0, 3), "nod": (8, 14), "look": (0, 25),
    "hip": (3, 6), "spread": (6, 5), "turnout": (8, 10), "knee": (6, 7),
    "arm": (5, 16), "out": (13, 9), "inward": (10, 25), "elbow": (22, 22),
}  # fmt: skip
_BUSY: _Pose = {"arm": (28, 22), "out": (16, 12), "inward": (35, 25), "elbow": (85, 30), "nod": (15, 15)}
_SITTING: _Pose = {
    "lean": (8, 13), "hip": (82, 14), "spread": (10, 9), "turnout": (0, 14), "knee": (82, 22),
}  # fmt: skip
POSES: dict[str, tuple[float, _Pose]] = {
    "standing": (0.20, _STANDING),
    "busy": (0.17, _STANDING | _BUSY),
    "walking": (0.11, _STANDING | {"lean": (5, 5), "elbow": (30, 20)}),
    "sitting": (0.14, _STANDING | _BUSY | _SITTING),
    "on the ground": (0.03, _STANDING | _BUSY | _SITTING | {"hip": (105, 20), "spread": (25, 18), "knee": (105, 30)}),
    "riding": (0.04, _STANDING | _BUSY | {
        "lean": (15, 15), "hip": (60, 15), "spread": (18, 8), "knee": (70, 20), "arm": (45, 20), "elbow": (45, 25),
    }),
    "crouching": (0.09, _STANDING | {
        "lean": (32, 18), "side": (0, 12), "twist": (0, 20), "tilt": (0, 8), "roll": (0, 10), "nod": (-10, 18),
        "hip": (62, 25), "spread": (16, 12), "knee": (65, 28), "arm": (30, 40), "out": (45, 28), "elbow": (45, 32),
    }),
    "sport": (0.13, _STANDING | {
        "lean": (14, 16), "side": (0, 13), "twist": (0, 22), "tilt": (0, 9), "roll": (0, 9), "nod": (0, 18),
        "hip": (18, 28), "spread": (14, 12), "knee": (35, 30), "arm": (50, 50), "out": (38, 34), "elbow": (55, 38),
    }),
    "arms up": (0.04, _STANDING | {"arm": (145, 28), "out": (15, 18), "elbow": (35, 30)}),
    "bending": (0.03, _STANDING | {
        "lean": (65, 18), "nod": (0, 20), "hip": (10, 14), "knee": (18, 18), "arm": (65, 22), "elbow": (20, 18),
    }),
    "lying": (0.02, _STANDING | _BUSY | {
        "tilt": (-78, 18), "roll": (0, 25), "hip": (20, 25), "knee": (30, 30), "lean": (10, 12),
    }),
}  # fmt: skip


def bodies(people: int, rng: np.random.Generator, pose: NDArray[np.int64] | None = None) -> Places:
    """Draw people and pose them.

    Args:
        people: How many.
        rng: Where chance comes from.
        pose: (people,) which of `POSES` each takes; by default as often as these say.

    Returns:
        (people, 17, 3) joints, in the order of COCO, of bodies that look along z; the lowest joint is at y = 0.

    Example:
        >>> bodies(2, np.random.default_rng(0)).shape
        (2, 17, 3)
    """
    if pose is None:
        pose = drawn_poses(people, rng)
    middle, spread = _table()
    angle = np.radians(middle[pose] + spread[pose] * rng.normal(size=(people, len(ANGLES), 2)))
    angle[:, :_BOTH, 1] = angle[:, :_BOTH, 0]  # there is one trunk
    walks = pose == list(POSES).index("walking")
    stride = np.sin(rng.uniform(0, 2 * np.pi, people)) * np.radians(rng.normal(28, 8, people)) * walks
    for name, share in (("hip", 1.0), ("arm", -0.7)):
        angle[:, ANGLES.index(name)] += share * stride[:, None] * [1, -1]
    angle[:, ANGLES.index("knee")] += np.maximum(-stride[:, None] * [1, -1], 0) * 0.8
    for name in ("knee", "elbow"):  # which bend one way
        angle[:, ANGLES.index(name)] = np.clip(np.abs(angle[:, ANGLES.index(name)]), 0, np.radians(150))
    joints = _posed({name: angle[:, at] for at, name in enumerate(ANGLES)}, *_build(people, rng))
    joints[:, :, 1] -= joints[:, :, 1].min(axis=1, keepdims=True)
    return joints


def drawn_poses(people: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw a pose for each of some people, as often as `POSES` says."""
    chance = np.array([share for share, _ in POSES.values()])
    return rng.choice(len(chance), people, p=chance / chance.sum())


def turned(places: Places, axis: int, angle: NDArray[np.float64]) -> Places:
    """Turn the places of each person about an axis (0, 1, 2) by an angle in radians, right-handed.

    Example:
        >>> turned(np.array([[[0.0, 1.0, 0.0]]]), 0, np.array([np.pi / 2])).round(6).tolist()
        [[[0.0, 0.0, 1.0]]]
    """
    return places @ _turn(axis, angle).swapaxes(1, 2)


def _table() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and spread of each pose's angles, (poses, angles, 1)."""
    both = np.array([[pose[name] for name in ANGLES] for _, pose in POSES.values()], np.float64)
    return both[:, :, :1], both[:, :, 1:]


def _build(people: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw how long each person's limbs are against the mean, and how large the head: children have larger ones."""
    limbs = 1 + 0.08 * rng.normal(size=(people, 7)).clip(-2.5, 2.5)
    child = rng.random(people) < 0.12
    return limbs, (0.98 + 0.1 * rng.normal(size=people).clip(-2, 2)) * np.where(child, 1.4, 1.0)


def _posed(angle: dict[str, NDArray[np.float64]], limbs: NDArray[np.float64], head: NDArray[np.float64]) -> Places:
    """Return where the joints are, seen from the hips; each angle is (people, 2): left and right."""
    joints = np.zeros((len(head), 17, 3))
    whole = _turn(2, angle["roll"][:, 0]) @ _turn(0, angle["tilt"][:, 0])
    trunk = whole @ _turn(0, angle["lean"][:, 0]) @ _turn(2, angle["side"][:, 0]) @ _turn(1, angle["twist"][:, 0])
    top = _along(trunk, [0, 1, 0], _TRUNK * limbs[:, 0])
    gaze = trunk @ _turn(0, -0.6 * angle["lean"][:, 0]) @ _turn(1, angle["look"][:, 0]) @ _turn(0, angle["nod"][:, 0])
    neck = top + _along(trunk, [0, 1, 0], np.full(len(head), _NECK))
    joints[:, :5] = neck[:, None] + (_HEAD * head[:, None, None]) @ gaze.swapaxes(1, 2)
    for side, sign in enumerate((1, -1)):  # left, right
        hip = _along(whole, [sign, 0, 0], 0.5 * _HIPS * limbs[:, 1])
        thigh = whole @ _turn(1, sign * angle["turnout"][:, side]) @ _turn(0, -angle["hip"][:, side])
        thigh = thigh @ _turn(2, sign * angle["spread"][:, side])
        knee = hip + _along(thigh, [0, -1, 0], _THIGH * limbs[:, 2])
        ankle = knee + _along(thigh @ _turn(0, angle["knee"][:, side]), [0, -1, 0], _SHANK * limbs[:, 3])
        shoulder = top + _along(trunk, [sign, 0, 0], 0.5 * _SHOULDERS * limbs[:, 4])
        arm = trunk @ _turn(0, -angle["arm"][:, side]) @ _turn(2, sign * angle["out"][:, side])
        arm = arm @ _turn(1, -sign * angle["inward"][:, side])
        elbow = shoulder + _along(arm, [0, -1, 0], _UPPER_ARM * limbs[:, 5])
        wrist = elbow + _along(arm @ _turn(0, -angle["elbow"][:, side]), [0, -1, 0], _FOREARM * limbs[:, 6])
        for at, place in ((5, shoulder), (7, elbow), (9, wrist), (11, hip), (13, knee), (15, ankle)):
            joints[:, at + side] = place
    return joints


def _along(turn: _Turns, direction: list[int], length: NDArray[np.float64]) -> NDArray[np.float64]:
    step: NDArray[np.float64] = turn @ np.array(direction, np.float64) * length[:, None]
    return step


def _turn(axis: int, angle: NDArray[np.float64]) -> _Turns:
    """Rotation matrices about one axis."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    turn = np.zeros((len(angle), 3, 3))
    turn[:, axis, axis] = 1
    turn[:, first, first] = turn[:, second, second] = np.cos(angle)
    turn[:, second, first] = np.sin(angle)
    turn[:, first, second] = -turn[:, second, first]
    return turn
