"""Is it learnt, is it curved? Facts with exact answers, and slow references."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group, skew

from graphembed.embedding import Embedding
from graphembed.errors import DataError
from graphembed.geometry import (
    alignment,
    cosine_null,
    cosine_or_dot,
    hubness,
    implied_curvature,
    iso_score,
    near_triples,
    rank_me,
    rescaling,
    triangles,
    uniformity,
    uniformity_of_sphere,
)
from graphembed.geometry.points import directions, nearest_rows, occurrences
from tests.reference import geometry as slow


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


# Is it learnt?


@pytest.mark.parametrize("dim", [2, 3, 16, 100])
def test_random_directions_have_cosines_of_mean_0_and_variance_1_over_dim(dim):
    drawn = directions(normal(100_000, dim, seed=dim))
    cosine = np.einsum("nd,nd->n", drawn[::2], drawn[1::2])  # independent pairs, outside of the code
    error = np.sqrt(1 / dim / cosine.size)
    assert abs(cosine.mean()) < 4 * error
    assert abs(cosine.var() * dim - 1) < 0.02
    found = cosine_null(drawn[:3000])
    assert abs(found.mean) < 0.01
    assert found.expected_variance == 1 / dim
    assert abs(found.variance * dim - 1) < 0.03
    assert found.distance < 0.01
    np.testing.assert_allclose(found.share, found.expected_share, atol=0.01)
    assert abs(found.expected_share.sum() - 1) < 1e-12


def test_the_histogram_of_chance_is_that_of_simulated_directions():
    drawn = directions(normal(400_000, 5))
    cosine = np.einsum("nd,nd->n", drawn[::2], drawn[1::2])
    found = cosine_null(normal(10, 5), bins=20)
    np.testing.assert_allclose(np.histogram(cosine, found.edges)[0] / cosine.size, found.expected_share, atol=0.003)


def test_a_collapsed_space_is_as_far_from_random_directions_as_can_be():
    found = cosine_null(np.ones((20, 30)))
    assert (found.mean, found.variance) == (pytest.approx(1), pytest.approx(0))
    assert found.distance > 0.999
    assert found.share[-1] == 1


def test_one_dimension_has_two_directions():
    assert cosine_null(np.array([[1.0], [1.0], [-1.0], [-1.0]])).distance == pytest.approx(1 / 6)
    assert cosine_null(np.array([[1.0], [2.0]])).distance == 0.5
    assert cosine_null(np.ones((3, 1))).expected_share.sum() == pytest.approx(1)


def test_alignment_is_0_for_identical_and_4_for_opposite_pairs():
    z = np.array([[1.0, 2.0], [2.0, 4.0], [-3.0, -6.0]])
    assert alignment(z, np.array([[0], [1]])) == pytest.approx(0, abs=1e-12)
    assert alignment(z, np.array([[0], [2]])) == pytest.approx(4)
    assert np.isnan(alignment(z, np.empty((2, 0), int)))


def test_uniformity_of_even_directions_tends_to_minus_4_and_of_a_collapse_is_0():
    assert uniformity(np.full((30, 8), 0.3)) == 0
    limits = [uniformity_of_sphere(dim) for dim in (2, 4, 16, 64, 1024, 10**6)]
    assert limits == sorted(limits, reverse=True)
    assert abs(limits[-1] + 4) < 1e-4
    for dim in (2, 16, 64):
        assert abs(uniformity(normal(2000, dim)) - uniformity_of_sphere(dim)) < 0.02


def test_uniformity_of_the_circle_is_a_bessel_function():
    from scipy.special import i0

    assert uniformity_of_sphere(2) == pytest.approx(-4 + np.log(i0(4)))


@pytest.mark.parametrize("t", [0.5, 2.0])
def test_uniformity_agrees_with_the_slow_one(t):
    z = normal(30, 5) + 0.5
    assert uniformity(z, t=t) == pytest.approx(slow.uniformity(z, t))


@pytest.mark.parametrize("rank", [1, 3, 10])
def test_the_rank_of_an_equal_spectrum_is_its_size(rank):
    left, right = np.linalg.qr(normal(50, rank))[0], np.linalg.qr(normal(20, rank, seed=1))[0]
    assert rank_me(7 * left @ right.T) == pytest.approx(rank, abs=1e-3)


def test_the_rank_of_noise_is_about_its_dimension():
    assert 19.5 < rank_me(normal(20_000, 20)) < 20.001
    assert rank_me(np.zeros((5, 3))) == 0
    assert rank_me(normal(40, 7)) == pytest.approx(slow.rank_me(normal(40, 7)))


def test_isotropy_is_1_for_an_even_cloud_and_0_on_a_line():
    assert iso_score(np.vstack([np.eye(5), -np.eye(5)])) == 1
    assert iso_score(np.outer(normal(50), normal(5))) == pytest.approx(0, abs=1e-6)
    assert iso_score(np.ones((10, 4))) == 0
    assert iso_score(normal(100_000, 10)) > 0.99


def test_isotropy_counts_axes_and_agrees_with_the_seven_steps_of_the_paper():
    half = np.vstack([np.eye(10)[:4], -np.eye(10)[:4]])
    assert 1 + 9 * iso_score(half) == pytest.approx(4)
    z = normal(60, 6) * np.array([5, 3, 1, 1, 1, 0.1])
    assert iso_score(z) == pytest.approx(slow.iso_score(z))
    assert iso_score(z) == pytest.approx(iso_score(z @ ortho_group.rvs(6, random_state=0) + 3))


def test_a_uniform_torus_has_no_hubs_and_a_gaussian_in_100_dimensions_has():
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, (2000, 2))
    torus = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    assert abs(hubness(torus).skewness) < 0.2
    assert abs(hubness(torus, metric="euclidean").skewness) < 0.2
    assert hubness(normal(2000, 100), metric="euclidean").skewness > 1.5


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean"])
def test_hubness_and_neighbours_agree_with_the_slow_ones(metric):
    z = normal(40, 6) + 0.3
    found = hubness(z, 5, metric=metric)
    assert (found.skewness, found.largest, found.never) == pytest.approx(slow.hubness(z, 5, metric))
    assert found.skewness == pytest.approx(skew(occurrences(z, 5, metric)))
    assert nearest_rows(z, 5, metric).tolist() == slow.nearest(z, 5, metric)


def test_equally_near_nodes_share_the_last_places():
    assert occurrences(np.ones((5, 2)), 2).tolist() == pytest.approx([2.0] * 5)
    assert hubness(np.ones((50, 3))).skewness == 0
    assert nearest_rows(np.ones((4, 2)), 2).tolist() == [[1, 2], [0, 2], [0, 1], [0, 1]]


# Is it curved?


def test_the_octant_has_three_right_angles():
    octant = triangles(np.eye(3), np.array([[0, 1, 2]]))
    assert octant.excess == pytest.approx(90)
    assert octant.sides == pytest.approx(np.pi / 2)
    assert octant.curvature == pytest.approx(1)


def test_the_excess_is_the_area_and_the_curvature_the_unit_spheres():
    z = normal(60, 3)
    corners = np.random.default_rng(1).permuted(np.tile(np.arange(60), (100, 1)), axis=1)[:, :3]
    found = triangles(z, corners)
    area = [slow.triangle_area_on_sphere(*z[row]) for row in corners]
    np.testing.assert_allclose(np.radians(found.excess), area, atol=1e-9)
    np.testing.assert_allclose(found.curvature, 1, atol=1e-5)


@pytest.mark.parametrize("dim", [2, 5, 50])
def test_straight_triangles_are_flat_in_any_dimension(dim):
    found = triangles(normal(40, dim), on="plane", count=100)
    np.testing.assert_allclose(found.excess, 0, atol=1e-5)
    np.testing.assert_allclose(found.curvature * found.sides.sum(axis=1) ** 2, 0, atol=1e-2)


@pytest.mark.parametrize("radius", [0.5, 2.0, 10.0])
def test_a_sphere_of_radius_r_has_curvature_1_over_r_squared(radius):
    found = triangles(normal(40, 3), count=100)
    assert implied_curvature(radius * found.sides, np.radians(found.excess)) == pytest.approx(radius**-2, rel=1e-4)


def test_hyperbolic_triangles_have_negative_curvature():
    side = 1.5  # equilateral: cos A = cosh a / (1 + cosh a), by the hyperbolic law of cosines
    angle = np.arccos(np.cosh(side) / (1 + np.cosh(side)))
    assert implied_curvature(np.full((1, 3), side), np.array([3 * angle - np.pi])) == pytest.approx(-1)


def test_near_triangles_are_flatter_than_wide_ones():
    z = normal(500, 3)
    assert triangles(z, near_triples(z)).excess.mean() < 0.1 * triangles(z).excess.mean()


def test_near_triples_are_a_node_and_two_of_its_nearest():
    z = normal(30, 4)
    near = slow.nearest(z, 4, "cosine")
    for node, one, other in near_triples(z, 4, count=200):
        assert {one, other} <= set(near[node])
        assert one != other


def test_triangles_without_an_area_have_no_curvature():
    flat = triangles(np.array([[1.0, 0], [1, 1], [0, 1]]), np.array([[0, 1, 2]]))
    assert flat.excess == pytest.approx(0, abs=1e-6)
    assert np.isnan(flat.curvature)
    assert np.isnan(triangles(np.ones((3, 2)), np.array([[0, 1, 2]])).excess).all()
    assert np.isnan(triangles(np.vstack([np.zeros(3), np.eye(3)[:2]]), np.array([[0, 1, 2]])).excess).all()


def test_lengths_flip_decisions_of_the_dot_product_and_none_of_the_cosine():
    z = normal(200, 10)
    table = rescaling(z, (0.0, 0.1, 1.0))
    assert table.loc[0.0].tolist() == [0, 0, 0]
    assert table["cosine"].tolist() == [0, 0, 0]
    assert 0 < table.loc[0.1, "dot"] < table.loc[1.0, "dot"]
    before, after = (
        slow.nearest(x, 10, "dot") for x in (z, z * np.exp(np.random.default_rng(0).normal(size=(200, 1))))
    )
    other = [len(set(new) - set(old)) / 10 for old, new in zip(before, after, strict=True)]
    assert table.loc[1.0, "dot"] == pytest.approx(np.mean(other))


def test_at_length_1_cosine_and_dot_product_decide_alike():
    z = normal(100, 8)
    assert cosine_or_dot(directions(z)) == {"first": 0, "members": 0}
    z *= np.exp(normal(100, 1, seed=1))
    cosine, dot = slow.nearest(z, 10, "cosine"), slow.nearest(z, 10, "dot")
    pairs = list(zip(cosine, dot, strict=True))
    assert cosine_or_dot(z) == pytest.approx(
        {
            "first": np.mean([a[0] != b[0] for a, b in pairs]),
            "members": np.mean([1 - len(set(a) & set(b)) / 10 for a, b in pairs]),
        }
    )
    assert cosine_or_dot(z)["members"] > 0.4


# Laws and bad input


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 12), st.floats(0.01, 100))
def test_a_rotation_changes_no_decision_and_no_measure(seed, dim, scale):
    z = normal(40, dim, seed=seed)
    turned = scale * z @ ortho_group.rvs(dim, random_state=seed)
    for metric in ("cosine", "dot", "euclidean"):
        assert (nearest_rows(z, 7, metric) == nearest_rows(turned, 7, metric)).all()
        assert hubness(z, metric=metric) == hubness(turned, metric=metric)
    for measure in (uniformity, rank_me, iso_score):
        assert measure(z) == pytest.approx(measure(turned))
    np.testing.assert_allclose(triangles(z, count=10).excess, triangles(turned, count=10).excess, atol=1e-4)


@pytest.mark.parametrize("measure", [cosine_null, uniformity, rank_me, iso_score, hubness, triangles, cosine_or_dot])
def test_what_is_not_finite_is_refused_and_named(measure):
    z = normal(10, 3)
    z[7, 1] = np.nan
    with pytest.raises(DataError, match=r"vectors must be finite, 1 of 10 are not: rows 7"):
        measure(z)
    with pytest.raises(DataError, match=r"expected vectors of the shape \(nodes, dim\).*got \(0, 3\)"):
        measure(np.empty((0, 3)))
    with pytest.raises(DataError, match=r"got \(3,\)"):
        measure(np.ones(3))


@pytest.mark.parametrize("nodes", [1, 2, 3])
@pytest.mark.parametrize("fill", [0.0, 1.0])
def test_tiny_and_constant_spaces_have_measures_without_warnings(nodes, fill):
    z = np.full((nodes, 2), fill)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert rank_me(z) == pytest.approx(fill, abs=1e-5)
        assert (iso_score(z), hubness(z).skewness, cosine_or_dot(z)["members"]) == (0, 0, 0)
        for measure in (cosine_null, uniformity):
            if nodes == 1:
                with pytest.raises(DataError, match="at least two vectors are needed, got 1"):
                    measure(z)
            else:
                measure(z)
        if nodes == 3:
            assert np.isnan(triangles(z, count=3).curvature).all()
        else:
            with pytest.raises(DataError, match=f"triangles need three vectors, got {nodes}"):
                triangles(z)


def test_zero_vectors_are_alike_and_at_right_angles_to_others():
    z = np.array([[0.0, 0.0], [0.0, 0.0], [3.0, 0.0]])
    assert alignment(z, np.array([[0], [1]])) == 0
    assert alignment(z, np.array([[0], [2]])) == 2
    assert uniformity(np.zeros((4, 3))) == 0
    assert cosine_null(z).mean == pytest.approx(1 / 3)


def test_wrong_k_and_metric_are_refused():
    with pytest.raises(DataError, match="k must be at least 1, got 0"):
        hubness(normal(5, 2), 0)
    with pytest.raises(DataError, match="metric must be 'cosine', 'dot' or 'euclidean', got 'l7'"):
        hubness(normal(5, 2), metric="l7")


def test_many_nodes_are_sampled_by_the_seed():
    z = normal(3000, 10) + 0.5
    names = Embedding(z, tuple(map(str, range(3000))))
    assert hubness(z, most=300, seed=1) == hubness(z, most=300, seed=1) != hubness(z, most=300, seed=2)
    assert uniformity(names, most=1000) == pytest.approx(uniformity(names), abs=0.05)
    z = directions(normal(700, 3))  # more than one block
    away = z @ z.T - 3 * np.eye(700)
    assert (nearest_rows(z, 5) == np.argsort(-away, axis=1)[:, :5]).all()
