"""Nearness, role and community are three answers, and each is right where the right one is known."""

import numpy as np
import pytest

import graphembed as ge
from graphembed.datasets.orbits import barbell, hierarchy
from graphembed.encoders.recipes import spectral
from graphembed.encoders.structural import graphwave, rolx
from graphembed.errors import DataError, UnknownNameError
from graphembed.heads.communities import Communities
from graphembed.space import BY, Space


@pytest.fixture(scope="module")
def chart():
    """Five departments of four managers each; nobody is unlike the others of the same rank."""
    return Space(hierarchy(5, 4, 3))


def department(name):
    return name.split()[1].split(".")[0]


def test_managers_of_other_departments_are_nearest_by_role(chart):
    for name in chart.graph.names:
        rank = name.split()[0]
        peers = {other for other in chart.graph.names if other.split()[0] == rank} - {name}
        found = chart.similar(name, by="role", k=len(peers) + 1)
        assert {other for other, _ in found[:-1]} == peers
        assert all(similarity == pytest.approx(1) for _, similarity in found[:-1])
        assert found[-1][1] < 0.9


def test_their_own_people_are_nearest_by_proximity(chart):
    for name in chart.graph.names:
        if name.split()[0] == "manager":
            near = [other for other, _ in chart.similar(name, k=3)]
            assert {department(other) for other in near} == {department(name)}


def test_communities_are_those_of_the_head_nearest_first(chart):
    near = dict(chart.near.nearest("manager 1.1", 1000))
    (group,) = (members for members in chart.groups.groups() if "manager 1.1" in members)
    found = chart.similar("manager 1.1", by="community", k=1000)
    assert sorted(name for name, _ in found) == sorted(set(group) - {"manager 1.1"})
    assert found == sorted(((name, near[name]) for name, _ in found), key=lambda pair: -pair[1])
    assert chart.similar("manager 1.1", by="community", k=2) == found[:2]


def test_one_embedding_holds_nearness_and_role_in_equal_measure(chart):
    width = chart.near.shape[1]
    assert chart.embedding.names == chart.graph.names
    for part, whole in (
        (chart.embedding.values[:, :width], chart.near),
        (chart.embedding.values[:, width:], chart.alike),
    ):
        assert (part.astype(float) ** 2).sum(axis=1).mean() == pytest.approx(1, abs=1e-5)
        assert np.linalg.matrix_rank(np.stack([part.ravel(), whole.values.ravel()]), tol=1e-3) == 1


def test_each_answer_is_worked_out_once(chart):
    assert chart.near is chart.near
    assert chart.alike is chart.alike
    assert chart.groups is chart.groups
    assert chart.roles is chart.roles


def test_roles_are_those_of_the_ranks(chart):
    assert chart.roles.score(chart.graph.data.y.numpy())["ARI"] > 0.95


def test_whoever_is_given_answers():
    near, role, head = spectral(dim=3), rolx(2), Communities("kmeans", k=2)
    space = Space(barbell(), near, role, head)
    assert np.array_equal(space.near.values, spectral(dim=3).fit_transform(barbell()).values)
    assert np.array_equal(space.alike.values, rolx(2).fit_transform(barbell()).values)
    assert space.groups.k_ == 2
    assert np.array_equal(space.groups.labels_, Communities("kmeans", k=2).fit(space.near, barbell()).labels_)
    assert not hasattr(near, "mean_")
    assert not hasattr(role, "columns_")
    assert not hasattr(head, "labels_")


def test_a_node_outside_all_communities_has_no_company():
    graph = ge.as_graph([("a", "b"), ("b", "c"), ("a", "c"), ("d", "d")])
    space = Space(graph, role=graphwave())
    assert space.similar("d", by="community") == []


@pytest.mark.parametrize("by", BY)
def test_questions_that_make_no_sense_are_refused(chart, by):
    with pytest.raises(UnknownNameError, match=r"manger 1\.1"):
        chart.similar("manger 1.1", by=by)
    with pytest.raises(DataError, match="k must be at least 1, got 0"):
        chart.similar("chief", by=by, k=0)


def test_there_are_three_questions(chart):
    with pytest.raises(DataError, match="by must be one of 'proximity', 'role', 'community', got 'age'"):
        chart.similar("chief", by="age")
