"""Penrose tilings: the lattice points are searched for one by one, the stars are read with a protractor."""

from collections import Counter
from itertools import combinations, product

import networkx as nx
import numpy as np
import pytest
import torch
from scipy.spatial import ConvexHull, Delaunay, cKDTree

from graphembed.datasets.penrose import STARS, penrose
from graphembed.errors import DataError

GOLDEN = (1 + 5**0.5) / 2
ROOTS = np.exp(2j * np.pi * np.arange(5) / 5)
# Angles between the sides at a vertex, in steps of 36 degrees, turned and turned over so that they read lowest.
ANGLES = {
    (3, 3, 4): "D",
    (1, 2, 1, 3, 3): "J",
    (2, 4, 4): "Q",
    (2, 2, 2, 4): "K",
    (1, 1, 2, 1, 1, 2, 2): "S3",
    (1, 1, 2, 2, 2, 2): "S4",
    (2, 2, 2, 2, 2): "S or S5",
}


@pytest.fixture(scope="module")
def tiling():
    return penrose(10_000, seed=3)


def complex_of(pairs):
    return pairs[:, 0].double().numpy() + 1j * pairs[:, 1].double().numpy()


def neighbours(graph):
    return [graph.csr.indices[a:b] for a, b in zip(graph.csr.indptr[:-1], graph.csr.indptr[1:], strict=True)]


def angles(centre, others):
    """The angles between the sides that lead to ``others``, as in `ANGLES`."""
    turns = np.sort(np.angle(others - centre))
    gaps = np.round(np.diff(np.r_[turns, turns[0] + 2 * np.pi]) / (np.pi / 5)).astype(int).tolist()
    return min(tuple(way[at:] + way[:at]) for way in (gaps, gaps[::-1]) for at in range(len(gaps)))


def rhombs(graph):
    """Thick and thin ones, counted from lattice points: k, k + e_r, k + e_s, k + e_r + e_s are all there."""
    points = {tuple(k) for k in graph.data.lattice.tolist()}
    unit = np.eye(5, dtype=int).tolist()
    count = Counter()
    for k in points:
        for r, s in combinations(range(5), 2):
            corners = [tuple(np.add(k, step)) for step in (unit[r], unit[s], np.add(unit[r], unit[s]))]
            count["thick" if s - r in (1, 4) else "thin"] += all(corner in points for corner in corners)
    return count


def test_vertices_are_the_lattice_points_in_the_window_and_no_others():
    """Every point of a box in five dimensions is projected; windows are hulls of the unit cube's projected corners."""
    graph = penrose(180, seed=5)
    lattice, pos = graph.data.lattice.numpy(), complex_of(graph.data.pos)
    shift = np.mean(pos - lattice @ ROOTS)
    perpendicular_shift = np.mean(complex_of(graph.data.perpendicular) - lattice @ ROOTS**2)
    cube = np.array(list(product((0, 1), repeat=5)))
    low, high = lattice.min() - 1, lattice.max() + 1
    box = np.array(list(product(range(low, high + 1), repeat=4)))
    radius = abs(pos).max() - 2.5
    found = set()
    for level in range(-1, 7):
        points = np.column_stack([box, level - box.sum(axis=1)])
        points = points[abs(points @ ROOTS + shift) < radius]
        at = points @ ROOTS**2 + perpendicular_shift
        corners = cube[cube.sum(axis=1) == level] @ ROOTS**2
        if len(corners) > 2:
            hull = Delaunay(np.column_stack([corners.real, corners.imag]))
            inside = hull.find_simplex(np.column_stack([at.real, at.imag])) >= 0
            found |= {tuple(point) for point in points[inside].tolist()}
    assert len(found) > 60
    assert found == {tuple(point) for point in lattice[abs(pos) < radius].tolist()}


def test_positions_are_projections_and_sides_are_one_unit_vector_long(tiling):
    lattice = tiling.data.lattice.numpy()
    for seen, roots in ((tiling.data.pos, ROOTS), (tiling.data.perpendicular, ROOTS**2)):
        shift = complex_of(seen) - lattice @ roots
        assert abs(shift - shift.mean()).max() < 1e-5
    step = np.abs(lattice[tiling.pairs[:, 0]] - lattice[tiling.pairs[:, 1]])
    assert set(step.sum(axis=1)) == {1}
    where = {tuple(k): row for row, k in enumerate(lattice.tolist())}
    assert len(where) == tiling.num_nodes
    ups = [(row, where.get(tuple(np.add(k, unit)))) for k, row in where.items() for unit in np.eye(5, dtype=int)]
    border = tiling.data.border.tolist()
    sides = {frozenset(pair) for pair in tiling.pairs.tolist()}
    missing = [pair for pair in ups if pair[1] is not None and frozenset(pair) not in sides]
    assert all(border[u] == border[v] == 0 for u, v in missing)  # a rhomb that was cut off had this side


def test_a_piece_has_the_topology_of_a_disc():
    for nodes, seed in [(100, 0), (400, 1), (1500, 2)]:
        graph = penrose(nodes, seed)
        plain = nx.Graph(graph.pairs.tolist())
        assert nx.is_connected(plain)
        assert nx.check_planarity(plain)[0]
        assert nx.is_bipartite(plain)
        assert abs(graph.num_nodes - nodes) < 0.1 * nodes + 20
        count = rhombs(graph)
        assert graph.num_nodes - graph.num_edges + count["thick"] + count["thin"] == 1  # Euler


def test_thick_and_thin_rhombs_are_in_the_golden_ratio(tiling):
    count = rhombs(tiling)
    assert abs(count["thick"] / count["thin"] - GOLDEN) < 0.02
    area = count["thick"] * np.sin(0.4 * np.pi) + count["thin"] * np.sin(0.2 * np.pi)
    pos = tiling.data.pos.numpy()
    assert 0.96 < area / ConvexHull(pos).volume < 1


def test_the_closest_vertices_are_the_ends_of_the_short_diagonal_of_a_thin_rhomb(tiling):
    nearest = cKDTree(tiling.data.pos.numpy()).query(tiling.data.pos.numpy(), 2)[0][:, 1]
    assert abs(nearest.min() - 2 * np.sin(np.pi / 10)) < 1e-4


def test_stars_are_what_a_protractor_reads(tiling):
    pos, around = complex_of(tiling.data.pos), neighbours(tiling)
    inner = np.flatnonzero(tiling.data.border.numpy() > 0)
    for row in inner:
        named = STARS[tiling.data.y[row]]
        read = ANGLES[angles(pos[row], pos[around[row]])]
        assert named == read or (named in ("S", "S5") and read == "S or S5")
    assert len(inner) > 9000


def test_the_two_stars_of_five_thick_rhombs_differ_one_step_further(tiling):
    degree, around = np.diff(tiling.csr.indptr), neighbours(tiling)
    for name, wanted in (("S", {3}), ("S5", {5})):
        rows = np.flatnonzero((tiling.data.y.numpy() == STARS.index(name)) & (tiling.data.border.numpy() >= 2))
        assert len(rows) > 100
        assert {int(degree[other]) for row in rows for other in around[row]} == wanted


def test_stars_are_as_frequent_as_the_areas_of_their_windows(tiling):
    inner = tiling.data.border >= 1
    share = tiling.data.y[inner].bincount(minlength=8) / inner.sum()
    power = {"D": 2, "J": 3, "Q": 4, "K": 5, "S3": 6, "S4": 7}
    exact = {name: GOLDEN**-each for name, each in power.items()}
    exact |= {"S5": GOLDEN**-7 / 5**0.5, "S": GOLDEN**-5 / 5**0.5}
    assert abs(sum(exact.values()) - 1) < 1e-12
    for name, each in zip(STARS, share.tolist(), strict=True):
        assert abs(each - exact[name]) < 0.006
    assert sorted(exact, key=exact.get, reverse=True) == list(STARS)


def test_border_is_where_rhombs_are_missing_around_a_vertex(tiling):
    plain = nx.Graph(tiling.pairs.tolist())
    pos, around = complex_of(tiling.data.pos), neighbours(tiling)
    whole = np.array([angles(pos[row], pos[others]) in ANGLES for row, others in enumerate(around)])
    border = tiling.data.border.numpy()
    assert whole[border > 0].all()
    assert abs(pos[border == 0]).min() > 0.95 * abs(pos).max()
    steps = nx.multi_source_dijkstra_path_length(plain, set(np.flatnonzero(border == 0).tolist()), weight=None)
    assert [steps[row] for row in range(len(border))] == border.tolist()


def test_the_same_seed_cuts_the_same_tiling():
    one, two, other = penrose(300, 7), penrose(300, 7), penrose(300, 8)
    assert torch.equal(one.data.lattice, two.data.lattice)
    assert torch.equal(one.data.pos, two.data.pos)
    assert one.num_edges != other.num_edges or not torch.equal(one.data.lattice, other.data.lattice)


@pytest.mark.parametrize("burgers", [(1, -1, 0, 0, 0), (0, 1, 0, -2, 1)])
def test_around_a_dislocation_the_lattice_does_not_close(burgers):
    """The steps e_j of a ring of sides around the origin add up to the Burgers vector, of any other ring to nothing."""
    graph = penrose(1500, seed=2, burgers=burgers)
    pos = complex_of(graph.data.pos)
    lattice = graph.data.lattice.numpy()
    plain = nx.Graph(graph.pairs.tolist())
    assert nx.is_connected(plain)
    step = {}
    for u, v in graph.pairs.tolist():
        change = lattice[v] - lattice[u]
        steps = [change + turn * np.array(burgers) for turn in (-1, 0, 1)]
        step[u, v] = min(steps, key=lambda each: abs(each @ ROOTS - pos[v] + pos[u]))
        assert np.abs(step[u, v]).sum() == 1
        step[v, u] = -step[u, v]
    climbed, turned = {0: np.zeros(5, int)}, {0: 0.0}
    wound = Counter()
    for u, v in nx.bfs_edges(plain, 0):
        climbed[v], turned[v] = climbed[u] + step[u, v], turned[u] + np.angle(pos[v] / pos[u])
    for u, v in plain.edges:
        around = round((turned[u] + np.angle(pos[v] / pos[u]) - turned[v]) / (2 * np.pi))
        assert (climbed[u] + step[u, v] - climbed[v]).tolist() == [around * each for each in burgers]
        wound[abs(around)] += 1
    assert wound[1] > 10


@pytest.mark.parametrize("burgers", [(1, -1, 0, 0, 0), (-1, 1, 0, 0, 0), (0, 1, 0, -2, 1)])
def test_a_dislocated_tiling_has_no_gap_but_its_core(burgers):
    for seed in range(3):
        graph = penrose(800, seed, burgers)
        away = abs(complex_of(graph.data.pos))[graph.data.border.numpy() == 0]
        core = 2.5 * np.linalg.norm(burgers)
        assert ((away < core + 3) | (away > abs(complex_of(graph.data.pos)).max() - 3)).all()


def test_away_from_its_core_a_dislocated_tiling_is_a_tiling_of_rhombs():
    graph = penrose(6000, seed=1, burgers=(1, -1, 0, 0, 0))
    pos, around = complex_of(graph.data.pos), neighbours(graph)
    length = abs(pos[graph.pairs[:, 0]] - pos[graph.pairs[:, 1]])
    far = abs(pos[graph.pairs]).min(axis=1) > 15
    assert abs(length[far] - 1).max() < 0.1
    inner = np.flatnonzero((graph.data.border.numpy() > 0) & (abs(pos) > 15))
    agree = [ANGLES.get(angles(pos[row], pos[around[row]])) for row in inner]
    named = [STARS[code] if code >= 0 else None for code in graph.data.y[inner].tolist()]
    same = [a == b or (b in ("S", "S5") and a == "S or S5") for a, b in zip(agree, named, strict=True)]
    assert np.mean(same) > 0.96
    strange = graph.data.y.numpy() == -1
    assert 0 < strange.mean() < 0.06
    assert abs(pos[strange]).mean() < abs(pos).mean()  # the strain falls with the distance


def test_an_undislocated_tiling_has_known_stars_only(tiling):
    assert (tiling.data.y >= 0).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"nodes": 5}, "at least 20 vertices, got 5"),
        ({"burgers": (1, 0, 0, 0, 0)}, r"five whole numbers that add up to 0, got \(1, 0, 0, 0, 0\)"),
        ({"burgers": (1, -1)}, "five whole numbers"),
        ({"burgers": (0.5, -0.5, 0, 0, 0)}, "five whole numbers"),
    ],
)
def test_what_cannot_be_cut_is_refused(given, message):
    with pytest.raises(DataError, match=message):
        penrose(**given)
