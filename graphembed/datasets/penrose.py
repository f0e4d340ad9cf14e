"""Penrose's tilings of the plane by two rhombs, cut out of a lattice in five dimensions: order without repetition.

The tiling has no translation that leaves it as it is, and yet every vertex has one of eight stars, which one can tell
without looking at its neighbours. It is a slice of the lattice of integer points k in five dimensions (de Bruijn 1981).
With z = exp(2 pi i / 5) and offsets g_0 ... g_4 that add up to 0, a point is seen three times:

    position       sum_j (k_j - g_j) z^j         where it lies in the plane
    perpendicular  sum_j (k_j - g_j) z^(2 j)     how far it is from the slice
    level          sum_j k_j                     in which of four layers

It is a vertex if its level is 1, 2, 3 or 4 and its perpendicular part lies in the window of that level: a pentagon,
the projection of the unit cube's points of that level. Vertices whose lattice points differ by one unit vector are
joined. So k + e_j is a neighbour of k if the perpendicular part moved by z^(2 j) lies in the next window: which
neighbours there are depends on nothing but the level and the perpendicular part.

The points in the window are not searched for but listed by de Bruijn's pentagrid: where a line of the grid
Re(x z^-j) + g_j = whole number crosses a line of another direction there is a rhomb, and the lattice points of its
corners count the lines on the way there.

A dislocation with Burgers vector b displaces the lattice by -b times the angle around the origin over 2 pi: who walks
around once arrives b away, at the same lattice point by another name. Its part in the plane strains the tiling, its
perpendicular part (the phason part) changes which points are in the window.

References:
    de Bruijn 1981, "Algebraic theory of Penrose's non-periodic tilings of the plane", Indagationes Mathematicae 84,
    sections 4, 5 and 8 (the stars have their names from there). Levine et al. 1985, "Elasticity and dislocations in
    pentagonal and icosahedral quasicrystals", Physical Review Letters 54, 1520.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from scipy.sparse.csgraph import dijkstra
from torch_geometric.data import Data

from graphembed.errors import DataError
from graphembed.graph import Graph

STARS = ("D", "J", "Q", "K", "S3", "S", "S4", "S5")  # de Bruijn's names, the most frequent first
_GOLDEN = (1 + np.sqrt(5)) / 2
_ROOTS = np.exp(2j * np.pi * np.arange(5) / 5)
_PERPENDICULAR = _ROOTS**2
_STAR = {  # by (outer level, neighbours on one side, on the other), where sides are the levels above and below
    (True, 0, 3): "Q",
    (True, 0, 4): "K",
    (True, 0, 5): "S",
    (False, 0, 5): "S5",
    (False, 1, 5): "S4",
    (False, 2, 5): "S3",
    (False, 2, 3): "J",
    (False, 1, 2): "D",
}
# Area of the mean rhomb; there are as many rhombs as vertices.
_AREA = np.sin(0.4 * np.pi) / _GOLDEN + np.sin(0.2 * np.pi) / _GOLDEN**2


def penrose(nodes: int = 10_000, seed: int = 0, burgers: Sequence[int] = (0, 0, 0, 0, 0)) -> Graph:
    """Cut a round piece out of a Penrose tiling by rhombs with sides of length 1.

    Args:
        nodes: About how many vertices there are: the radius is chosen by their density.
        seed: Which tiling: the five offsets of the slice are drawn from it.
        burgers: Burgers vector of a dislocation at the origin, five whole numbers that add up to 0, such as
            (1, -1, 0, 0, 0). The tiling is left out where it has no meaning, about 2.5 lengths of this vector around.

    Returns:
        A graph whose edges are the sides of the rhombs, with these in ``data``:

        - ``y`` (nodes,): the star, a code into `STARS`, from the level and the perpendicular part; at the rim it is the
          star that the vertex has in the whole tiling. -1 where a dislocation gave the vertex another star than that;
        - ``pos`` (nodes, 2): position;
        - ``lattice`` (nodes, 5): the lattice point, whole numbers;
        - ``perpendicular`` (nodes, 2): the perpendicular part;
        - ``border`` (nodes,): steps to the nearest vertex that is not surrounded by rhombs.

        Of a large piece a share of D: g^-2, J: g^-3, Q: g^-4, K: g^-5, S3: g^-6, S4: g^-7, S5: g^-7 / sqrt 5 and S:
        g^-5 / sqrt 5 of the vertices have these stars, where g is the golden ratio.

    Raises:
        DataError: Fewer than 20 vertices, or no Burgers vector.

    Example:
        >>> tiling = penrose(2000)
        >>> tiling
        Graph(1980 nodes, 3864 edges, undirected)
        >>> inside = tiling.data.border >= 4
        >>> dict(zip(STARS, tiling.data.y[inside].bincount().tolist()))
        {'D': 521, 'J': 317, 'Q': 201, 'K': 121, 'S3': 76, 'S': 52, 'S4': 47, 'S5': 21}
    """
    turn = np.asarray(burgers)
    if nodes < 20:
        raise DataError(f"a piece of a tiling needs at least 20 vertices, got {nodes}")
    if turn.shape != (5,) or turn.dtype.kind != "i" or turn.sum():
        raise DataError(f"a Burgers vector is five whole numbers that add up to 0, got {burgers}")
    offset = np.random.default_rng(seed).random(5)
    offset -= offset.mean()
    core = 2.5 * float(np.linalg.norm(turn))
    radius = float(np.sqrt(nodes * _AREA / np.pi + core**2))
    corners, position, angle = _rhombs(offset, turn, radius, core)
    # Beside the cut, where the angle jumps, a dislocation may show one lattice point twice: above the cut and below.
    corners = np.column_stack([corners, position.imag > 0])
    lattice, first, corner = np.unique(corners, axis=0, return_index=True, return_inverse=True)
    lattice, position, angle = lattice[:, :5], position[first], angle[first]
    inside = (abs(position) <= radius) & (abs(position) >= core)
    faces = corner.reshape(-1, 4)
    used, faces = np.unique(np.unique(faces[inside[faces].all(axis=1)], axis=0), return_inverse=True)
    lattice, position, faces = lattice[used], position[used], faces.reshape(-1, 4)
    perpendicular = (lattice - offset - turn * angle[used, None] / (2 * np.pi)) @ _PERPENDICULAR
    tiling = Graph.from_edges(faces.ravel(), np.roll(faces, -1, axis=1).ravel(), nodes=len(used))
    border = _steps_inwards(tiling, np.bincount(faces.ravel(), minlength=len(used)))
    facts = {"pos": _coordinates(position), "perpendicular": _coordinates(perpendicular)}
    facts |= {"lattice": torch.from_numpy(lattice), "border": torch.from_numpy(border)}
    facts["y"] = torch.from_numpy(_stars(tiling, lattice.sum(axis=1), perpendicular, border > 0))
    return Graph(Data(edge_index=tiling.data.edge_index, num_nodes=len(used), **facts), directed=False)


def _rhombs(
    offset: NDArray[np.float64], turn: NDArray[np.int64], radius: float, core: float
) -> tuple[NDArray[np.int64], NDArray[np.complex128], NDArray[np.float64]]:
    """List the corners of all rhombs, four after four around: lattice point, position and angle from -pi to pi."""
    reach = (radius + _GOLDEN) / 2.5 + float(np.linalg.norm(turn))  # the grid is 2.5 times as dense as the tiling
    lines = np.arange(-int(reach) - 2, int(reach) + 3)
    found, angles = [], []
    for r, s in combinations(range(5), 2):
        directions = np.stack([_ROOTS[[r, s]].real, _ROOTS[[r, s]].imag])
        solve = np.linalg.inv(directions) @ [1, 1j]  # where Re(x z^-r) and Re(x z^-s) are given
        pair = np.stack([each.ravel() for each in np.meshgrid(lines, lines)], axis=1)
        crossing, pull = (pair - offset[[r, s]]) @ solve, complex(turn[[r, s]] @ solve)
        pair, crossing = pair[abs(crossing) <= reach], crossing[abs(crossing) <= reach]
        start = np.angle(crossing)
        for sheet in (0, -2 * np.pi * np.sign(start))[: 1 + turn.any()]:
            at, angle = _settled(crossing, pull, start + sheet)
            keep = abs(at) >= (core - _GOLDEN) / 2.5
            counted = (at[keep, None] / _ROOTS).real + offset + turn * angle[keep, None] / (2 * np.pi)
            around = np.repeat(np.ceil(counted).astype(np.int64)[:, None], 4, axis=1)
            around[:, :, [r, s]] = pair[keep, None] + [[0, 0], [1, 0], [1, 1], [0, 1]]
            found.append(around.reshape(-1, 5))
            angles.append(np.repeat(angle[keep], 4))
    corners = np.concatenate(found)
    position, angle = _settled((corners - offset) @ _ROOTS, complex(turn @ _ROOTS), np.concatenate(angles))
    rounds = np.ceil((angle - np.pi) / (2 * np.pi)).astype(np.int64)
    return corners - rounds[:, None] * turn, position, angle - 2 * np.pi * rounds


def _settled(
    start: NDArray[np.complex128], pull: complex, angle: NDArray[np.float64]
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Solve x = start - pull angle(x) / (2 pi), where the angle is followed from the one given without a jump."""
    at = start
    for _ in range(40 if pull else 1):  # each time the error is halved at least
        at = start - pull * angle / (2 * np.pi)
        angle = angle + np.angle(at * np.exp(-1j * angle))
    return at, angle


def _in_window(perpendicular: NDArray[np.complex128], level: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say which perpendicular parts lie in the window of their level: pentagons of radius 1, g, g and 1."""
    inner = np.isin(level, (2, 3))
    corner = np.where(np.isin(level, (1, 3)), 1, -1) * np.where(inner, _GOLDEN, 1)  # one of the five
    beyond = (-(perpendicular / corner)[:, None] * _ROOTS).real.max(axis=1)  # along the normals of the sides
    found: NDArray[np.bool_] = (beyond < np.cos(np.pi / 5)) & (level >= 1) & (level <= 4)
    return found


def _stars(
    tiling: Graph, level: NDArray[np.int64], perpendicular: NDArray[np.complex128], whole: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Tell the star of each vertex by the windows of its would-be neighbours; -1 where it is whole and has others."""
    sides = np.stack(
        [
            sum(_in_window(perpendicular + way * root, level + way).astype(np.int64) for root in _PERPENDICULAR)
            for way in (1, -1)
        ]
    )
    source, target = tiling.data.edge_index.numpy()
    rises = level[target] > level[source]
    there = np.stack([np.bincount(source[way], minlength=len(level)) for way in (rises, ~rises)])
    code = np.full((2, 6, 6), -1)
    for (outer, few, many), name in _STAR.items():
        code[int(outer), few, many] = STARS.index(name)
    star = code[np.isin(level, (1, 4)).astype(int), sides.min(axis=0), sides.max(axis=0)]
    known: NDArray[np.int64] = np.where(whole & (there != sides).any(axis=0), -1, star)
    return known


def _steps_inwards(tiling: Graph, rhombs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the steps to the nearest vertex with fewer rhombs than edges, which is one on the border."""
    csr = tiling.csr
    edges = sp.csr_array((np.ones(csr.indices.size), csr.indices, csr.indptr), (len(rhombs), len(rhombs)))
    border = np.flatnonzero(np.diff(csr.indptr) > rhombs)
    steps: NDArray[np.int64] = dijkstra(edges, unweighted=True, indices=border, min_only=True).astype(np.int64)
    return steps


def _coordinates(points: NDArray[np.complex128]) -> torch.Tensor:
    return torch.from_numpy(np.stack([points.real, points.imag], axis=1)).float()
