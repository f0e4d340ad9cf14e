"""Is the map lying? Maps whose lies are known."""

import builtins
import sys
import types
import warnings

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.stats import ortho_group
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

from graphembed.embedding import Embedding
from graphembed.errors import DataError, UnknownNameError
from graphembed.geometry import cosine_null, draw_cosines, draw_map, flat_map, jacobians, map_quality, shadow
from tests.reference import geometry as slow

ALL = ("trustworthiness", "continuity", "neighbors", "distances", "density")


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def named(values):
    return Embedding(values, tuple(f"n{row}" for row in range(len(values))))


@pytest.mark.parametrize("change", ["identity", "isometry", "scaled"])
def test_a_true_map_is_believed_in_all(change):
    plane = normal(80, 2)
    flat = {"identity": plane, "isometry": plane @ ortho_group.rvs(2, random_state=0) + 5, "scaled": 7 * plane}[change]
    assert map_quality(plane, flat, metric="euclidean") == dict.fromkeys(ALL, 1.0)


def test_a_map_at_random_has_trustworthiness_one_half():
    quality = map_quality(normal(600, 10), normal(600, 2, seed=1))
    assert quality["trustworthiness"] == pytest.approx(0.5, abs=0.03)
    assert quality["continuity"] == pytest.approx(0.5, abs=0.03)
    assert quality["neighbors"] == pytest.approx(10 / 599, abs=0.01)
    assert abs(quality["distances"]) < 0.1
    assert abs(quality["density"]) < 0.2


def test_quality_agrees_with_slow_ones():
    z, flat = normal(50, 5), normal(50, 5)[:, :2]
    quality = map_quality(z, flat, 6, metric="euclidean")
    assert quality["trustworthiness"] == pytest.approx(trustworthiness(z, flat, n_neighbors=6))
    assert quality["continuity"] == pytest.approx(slow.continuity(z, flat, 6))
    assert quality["neighbors"] == pytest.approx(slow.overlap(z, flat, 6, "euclidean"))


def test_gluing_costs_trust_and_tearing_costs_continuity():
    z = normal(300, 2)
    cloud = np.concatenate([z, z + np.array([100.0, 0.0])])
    glued = map_quality(cloud, np.concatenate([z, z + 1e-3]), metric="euclidean")
    torn = map_quality(np.concatenate([z, z + 1e-3]), cloud, metric="euclidean")
    assert glued["trustworthiness"] < 0.8 < 0.95 < glued["continuity"]
    assert torn["continuity"] < 0.8 < 0.95 < torn["trustworthiness"]


def test_a_map_that_evens_out_crowds_loses_density_alone():
    place = np.random.default_rng(0).random((800, 1))
    crowded, even = (np.pad(line, ((0, 0), (0, 1))) for line in (np.exp(8 * place), place))
    quality = map_quality(crowded, even, metric="euclidean")
    assert quality["density"] < 0.3
    assert quality["trustworthiness"] > 0.99


def test_pca_is_that_of_another_library():
    z = normal(60, 7) * np.arange(1, 8)
    ours = flat_map(z, metric="euclidean").values
    theirs = PCA(2, svd_solver="full").fit_transform(z)
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs), atol=1e-4)
    for axis, dimension in ((0, 6), (1, 5)):  # not mirrored: along the dimension that varies most
        assert np.corrcoef(ours[:, axis], z[:, dimension])[0, 1] > 0.5
    assert flat_map(named(z)).names == named(z).names
    assert flat_map(z).values == pytest.approx(flat_map(3 * z).values)  # by cosine, lengths do not matter


@pytest.mark.parametrize("nodes", [1, 2, 3, 4])
def test_tiny_spaces_have_a_map_by_pca(nodes):
    for z in (normal(nodes, 1), normal(nodes, 5), np.zeros((nodes, 3)), np.ones((nodes, 2))):
        flat = flat_map(z)
        assert flat.shape == (nodes, 2)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert list(map_quality(z, flat)) == list(ALL)


def test_tsne_keeps_groups_and_follows_its_seed():
    z = np.repeat(10 * np.eye(4), 15, axis=0) + 0.1 * normal(60, 4)
    flat = flat_map(z, "tsne", neighbors=10, seed=3)
    assert map_quality(z, flat, 5)["trustworthiness"] > 0.9
    assert (flat_map(z, "tsne", neighbors=10, seed=3).values == flat.values).all()
    assert flat.source["method"] == "tsne"
    assert np.isfinite(flat_map(np.ones((8, 3)), "tsne").values).all()


def test_umap_is_asked_for_when_it_is_needed_and_given_its_settings(monkeypatch):
    class UMAP:
        def __init__(self, **settings):
            self.settings = settings

        def fit_transform(self, x):
            return np.full((len(x), 2), self.settings["n_neighbors"], np.float32)

    monkeypatch.setitem(sys.modules, "umap", types.SimpleNamespace(UMAP=UMAP))
    assert (flat_map(normal(9, 3), "umap").values == 8).all()
    real = builtins.__import__
    monkeypatch.delitem(sys.modules, "umap")

    def absent(name, *args, **kwargs):
        if name == "umap":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ImportError, match=r'pip install "graphembed\[umap\]"; "tsne" needs nothing'):
        flat_map(normal(9, 3), "umap")


# Where is it lying?


def test_the_jacobian_of_a_linear_map_is_its_matrix():
    z, matrix = normal(200, 5), normal(2, 5, seed=1)
    of = jacobians(z, z @ matrix.T + 3, metric="euclidean", k=20)
    np.testing.assert_allclose(of.matrix, np.broadcast_to(matrix, (200, 2, 5)), atol=1e-8)
    np.testing.assert_allclose(of.stretch, np.broadcast_to(np.linalg.svd(matrix)[1], (200, 2)), atol=1e-8)
    np.testing.assert_allclose(of.unexplained, 0, atol=1e-12)


def test_a_map_of_the_plane_hides_nothing_and_a_shadow_of_many_dimensions_nearly_all():
    plane = normal(100, 2)
    assert jacobians(plane, plane[:, ::-1], metric="euclidean").hidden.max() < 1e-9
    z = normal(2000, 20)
    assert jacobians(z, z[:, :2], np.arange(50), 40, metric="euclidean").hidden.mean() == pytest.approx(0.9, abs=0.03)


def test_the_jacobian_of_a_bent_map_is_its_derivative():
    plane = np.random.default_rng(0).uniform(0.5, 1.5, (20_000, 2))
    bent = np.stack([plane[:, 0] ** 2, plane[:, 0] * plane[:, 1]], axis=1)
    of = jacobians(plane, bent, np.arange(20), 20, metric="euclidean")
    x, y = plane[:20].T
    exact = np.stack([np.stack([2 * x, 0 * x], axis=1), np.stack([y, x], axis=1)], axis=1)
    np.testing.assert_allclose(of.matrix, exact, atol=0.03)


@pytest.mark.parametrize("slant", [0.0, 0.5, 2.0])
def test_shear_is_the_most_that_a_right_angle_is_off(slant):
    plane, matrix = normal(60, 2), np.array([[1.0, slant], [0.0, 1.0]])
    of = jacobians(plane, plane @ matrix.T, np.array([0]), metric="euclidean")
    turn = np.linspace(0, np.pi, 4001)
    one, other = matrix @ np.stack([np.cos(turn), np.sin(turn)]), matrix @ np.stack([-np.sin(turn), np.cos(turn)])
    angle = np.degrees(np.arccos((one * other).sum(0) / np.linalg.norm(one, axis=0) / np.linalg.norm(other, axis=0)))
    assert of.shear[0] == pytest.approx(np.abs(90 - angle).max(), abs=1e-3)


def test_an_arrow_and_its_shadow_make_the_angle_of_geometry():
    solid = normal(400, 3)
    solid[0] = 0
    for tip, height in enumerate([0.0, 0.5, 1.0, 3.0], start=1):
        solid[tip] = [0.6, 0.8, height]
        cast = shadow(solid, solid[:, :2], 0, tip, metric="euclidean")
        assert cast.tilt == pytest.approx(np.degrees(np.arctan(height)), abs=1e-5)
        assert cast.shadow == pytest.approx([0.6, 0.8])
        assert cast.turned == pytest.approx(0, abs=1e-4)
    solid[5] = [0, 0, 2]
    upright = shadow(solid, solid[:, :2], 0, 5, metric="euclidean")
    assert upright.tilt == pytest.approx(90)


def test_where_a_map_turns_the_shadow_points_another_way():
    plane = np.random.default_rng(0).uniform(-1, 1, (3000, 2))
    plane[0], plane[1] = (0.1, 0.0), (0.9, 0.0)
    angle = np.pi / 2 * np.linalg.norm(plane, axis=1) ** 2
    swirl = np.stack(
        [
            plane[:, 0] * np.cos(angle) - plane[:, 1] * np.sin(angle),
            plane[:, 0] * np.sin(angle) + plane[:, 1] * np.cos(angle),
        ],
        axis=1,
    )
    assert shadow(plane, swirl, 0, 1, metric="euclidean").turned > 45
    assert shadow(plane, plane, 0, 1, metric="euclidean").turned == pytest.approx(0, abs=1e-4)


def test_the_lie_is_found_where_it_is():
    plane = np.random.default_rng(0).uniform(-1, 1, (1000, 2))
    torn = plane + np.where(plane[:, :1] > 0, 5.0, 0.0)
    of = jacobians(plane, torn, metric="euclidean")
    border = np.abs(plane[:, 0]) < 0.03
    inside = np.abs(plane[:, 0]) > 0.3
    assert of.unexplained[inside].max() < 1e-9 < 0.05 < np.median(of.unexplained[border])
    assert np.median(of.stretch[border, 0]) > 3 * np.median(of.stretch[inside, 0])


def test_nodes_in_one_place_have_no_jacobian():
    flat = np.zeros((10, 2))
    of = jacobians(np.ones((10, 3)), flat)
    assert np.isnan(of.matrix).all()
    assert np.isnan(of.hidden).all()
    assert np.isnan(shadow(np.ones((10, 3)), flat, 0, 1).tilt)
    collapsed = jacobians(normal(10, 3), flat)
    assert (collapsed.stretch == 0).all()
    assert (collapsed.hidden == 1).all()


def test_bad_input_to_maps_is_refused():
    z = named(normal(10, 3))
    flat = flat_map(z)
    with pytest.raises(DataError, match="must have a row per vector, 10, it has 9"):
        map_quality(z, flat.values[:9])
    with pytest.raises(DataError, match=r"must have shape \(10, 2\), a row per vector, it has \(10, 3\)"):
        jacobians(z, z)
    with pytest.raises(UnknownNameError, match="no vector for 'm1'"):
        jacobians(z, flat, ["m1"])
    with pytest.raises(DataError, match="nodes can be named in an Embedding only"):
        jacobians(z.values, flat, ["n1"])
    with pytest.raises(DataError, match="got 2 nodes and k=20"):
        jacobians(z.values[:2], flat.values[:2])
    with pytest.raises(DataError, match="'pca', 'tsne' or 'umap', got 'mds'"):
        flat_map(z, "mds")
    with pytest.raises(DataError, match="tsne needs five nodes, got 4: method='pca'"):
        flat_map(z.values[:4], "tsne")
    with pytest.raises(DataError, match="metric must be 'cosine' or 'euclidean', got 'dot'"):
        flat_map(z, metric="dot")
    wrong = normal(10, 3)
    wrong[4] = np.nan
    with pytest.raises(DataError, match="rows 4"):
        flat_map(wrong)


# Drawn


def test_the_map_shows_where_not_to_believe_it():
    z = named(normal(60, 4))
    ax = Figure().subplots()
    assert draw_map(z, flat_map(z), at=["n1", "n2"], arrows=[("n3", "n4")], ax=ax) is ax
    ellipses = [patch for patch in ax.patches if type(patch).__name__ == "Ellipse"]
    assert [tuple(e.center) for e in ellipses] == [tuple(map(float, flat_map(z)[name])) for name in ("n1", "n2")]
    assert [text.get_text()[-1] for text in ax.texts] == ["°"]
    assert "trustworthiness" in ax.get_title()
    ax.figure.savefig("/dev/null", format="png")


def test_an_indicatrix_has_the_axes_of_the_jacobian():
    plane = normal(100, 2)
    ax = draw_map(plane, plane * np.array([1.0, 4.0]), at=np.array([0]), metric="euclidean")
    (ellipse,) = ax.patches
    assert ellipse.width / ellipse.height == pytest.approx(4)
    assert abs(ellipse.angle) == pytest.approx(90)


@pytest.mark.parametrize("nodes", [1, 2, 3, 5])
def test_tiny_and_constant_maps_are_drawn(nodes):
    for z in (normal(nodes, 3), np.ones((nodes, 3))):
        draw_map(z, flat_map(z)).figure.savefig("/dev/null", format="png")


def test_ellipses_are_spread_over_the_map():
    z = np.concatenate([normal(90, 2) * 0.01, normal(10, 2) + 5])
    ax = draw_map(z, z, at=10, metric="euclidean")
    assert sum(patch.center[0] > 2 for patch in ax.patches) >= 5


def test_the_histogram_stands_beside_that_of_chance():
    ax = draw_cosines(cosine_null(normal(50, 5)), ax=Figure().subplots())
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["these vectors", "random directions"]


def test_without_matplotlib_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'pip install "graphembed\[plot\]"'):
        draw_cosines(cosine_null(normal(5, 2)))
