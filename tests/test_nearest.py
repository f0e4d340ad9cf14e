"""Graphs of points are those that comparing all pairs gives."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphembed.errors import DataError
from graphembed.nearest import knn_graph, radius_graph


def distances(x, batch, cosine=False):
    """All distances; infinite between groups."""
    x = x.numpy().astype(np.float64)
    if cosine:
        unit = x / np.linalg.norm(x, axis=1, keepdims=True)
        far = 1 - unit @ unit.T
    else:
        far = np.linalg.norm(x[:, None] - x[None], axis=2)
    return far if batch is None else np.where(batch[:, None] == batch[None], far, np.inf)


def neighbours(edges, flow):
    """Whom each point found, in order."""
    found, looks = edges.tolist() if flow == "source_to_target" else edges.flip(0).tolist()
    assert looks == sorted(looks)
    return {point: [other for other, who in zip(found, looks, strict=True) if who == point] for point in set(looks)}


def expected(far, loop, count, limit=np.inf):
    wanted = {}
    for point, row in enumerate(far):
        order = [other for other in np.argsort(row, kind="stable") if loop or other != point]
        near = [int(other) for other in order if np.isfinite(row[other]) and row[other] <= limit][:count]
        if near:
            wanted[point] = near
    return wanted


settings_of_a_graph = {
    "points": st.integers(0, 30),
    "dim": st.sampled_from([1, 3, 20]),
    "groups": st.integers(0, 4),
    "loop": st.booleans(),
    "flow": st.sampled_from(["source_to_target", "target_to_source"]),
    "seed": st.integers(0, 1000),
}


def draw(points, dim, groups, seed):
    rng = np.random.default_rng(seed)
    x = torch.from_numpy(rng.normal(size=(points, dim)).astype(np.float32))
    return x, torch.from_numpy(rng.integers(0, groups, points)) if groups else None


@given(k=st.integers(1, 8), cosine=st.booleans(), **settings_of_a_graph)
@settings(max_examples=60, deadline=None)
def test_the_nearest_are_the_nearest_of_all(points, dim, groups, loop, flow, seed, k, cosine):
    x, batch = draw(points, dim, groups, seed)
    if cosine and dim == 1:  # all angles are equal
        return
    edges = knn_graph(x, k, batch, loop, flow, cosine)
    group = None if batch is None else batch.numpy()
    assert neighbours(edges, flow) == expected(distances(x, group, cosine), loop, k)


@given(r=st.sampled_from([0.0, 0.5, 2.0, 6.0]), most=st.sampled_from([1, 3, 32]), **settings_of_a_graph)
@settings(max_examples=60, deadline=None)
def test_all_within_a_distance_are_found(points, dim, groups, loop, flow, seed, r, most):
    x, batch = draw(points, dim, groups, seed)
    edges = radius_graph(x, r, batch, loop, most, flow)
    group = None if batch is None else batch.numpy()
    assert neighbours(edges, flow) == expected(distances(x, group), loop, most, r)


def test_the_distance_itself_is_within():
    assert radius_graph(torch.tensor([[0.0], [2.0]]), 2.0).tolist() == [[1, 0], [0, 1]]


def test_points_in_one_place_are_neighbours_and_not_their_own():
    edges = knn_graph(torch.zeros(4, 2), 3)
    assert (edges[0] != edges[1]).all()
    assert torch.bincount(edges[1]).tolist() == [3, 3, 3, 3]


def test_a_single_number_per_point_will_do():
    assert torch.equal(knn_graph(torch.arange(4.0), 1, loop=True)[0], torch.arange(4))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda x: knn_graph(x, 0), "k must be at least 1, got 0"),
        (lambda x: knn_graph(x, 1, flow="up"), "flow must be 'source_to_target'"),
        (lambda x: knn_graph(x, 1, torch.zeros(2)), r"one for each of 3, got shape \(2,\)"),
        (lambda x: knn_graph(torch.tensor([[1.0], [torch.nan]]), 1), "they are not for points 1"),
        (lambda x: knn_graph(x[None], 1), r"the shape \(points, dim\), got \(1, 3, 2\)"),
        (lambda x: radius_graph(x, -1.0), "r must not be negative"),
        (lambda x: radius_graph(x, float("nan")), "r must not be negative"),
        (lambda x: radius_graph(x, 1.0, max_num_neighbors=0), "max_num_neighbors=0"),
    ],
)
def test_bad_arguments_are_refused(make, text):
    with pytest.raises(ValueError, match=text) as caught:
        make(torch.zeros(3, 2))
    assert "got shape" not in text or isinstance(caught.value, DataError)
