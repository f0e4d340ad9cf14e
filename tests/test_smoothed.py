"""Smoothed features are the walk's formula, and how far to smooth is chosen where neighbours and features agree."""

import networkx as nx
import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles

from graphembed.datasets import load
from graphembed.encoders.smoothed import Smoothed
from graphembed.errors import DataError
from graphembed.graph import Graph, as_graph
from graphembed.heads.communities import Communities
from graphembed.testing import assert_deterministic, assert_encoder_contract, assert_permutation_equivariant


def attributed(groups=3, of=30, words=40, clear=0.1, linked=0.2, seed=0):
    """A planted partition whose nodes use the words of their group somewhat oftener."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(groups), of)
    network = nx.planted_partition_graph(groups, of, linked, 0.02, seed=seed)
    often = 0.1 + clear * (np.arange(words) % groups == truth[:, None])
    x = (rng.random(often.shape) < often).astype(np.float32)
    graph = as_graph(network)
    return Graph.from_edges(*graph.pairs.T, nodes=len(truth), x=torch.from_numpy(x)), truth


def slow(graph, dim, steps):
    """The formula with dense matrices and many steps."""
    x = graph.data.x.numpy().astype(float)
    nodes = len(x)
    links = np.zeros((nodes, nodes))
    links[tuple(graph.data.edge_index.numpy())] = 1
    np.fill_diagonal(links, 1)
    root = np.diag(links.sum(axis=1) ** -0.5)
    x = x * np.log((1 + nodes) / (1 + (x != 0).sum(axis=0)))
    unit = lambda z: z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-30)  # noqa: E731
    stop = 1 / (1 + steps)
    total = stop * np.linalg.inv(np.eye(nodes) - (1 - stop) * root @ links @ root) @ unit(x)
    left, size, _ = np.linalg.svd(unit(total), full_matrices=False)
    return unit(left[:, :dim] * size[:dim])


@pytest.mark.parametrize("steps", [0.0, 1.0, 6.0])
def test_vectors_are_those_of_the_formula(steps):
    graph, _ = attributed()
    z, expected = Smoothed(dim=5, steps=steps).fit_transform(graph).values, slow(graph, 5, steps)
    assert np.allclose(z @ z.T, expected @ expected.T, atol=5e-3)
    assert subspace_angles(z, expected).max() < 0.02


def test_smoothing_helps_to_find_communities():
    graph, truth = attributed()
    found = {
        steps: Communities(k=3).fit(Smoothed(dim=6, steps=steps).fit_transform(graph)).score(truth)["ARI"]
        for steps in (0, 4)
    }
    assert found[4] > found[0] + 0.3


def test_the_number_of_steps_follows_the_noise():
    """Clear features need little smoothing, noisy ones more; edges that mean nothing, next to none."""
    clear, _ = attributed(clear=0.8)
    noisy, _ = attributed(clear=0.05)
    steps = [Smoothed(dim=6).fit(graph).steps_ for graph in (clear, noisy)]
    assert steps[0] < steps[1]


def test_trials_are_told_and_the_best_is_taken():
    graph, _ = attributed()
    encoder = Smoothed(dim=6).fit(graph)
    trials = encoder.trials_
    assert trials.steps.tolist() == [0.5, 1, 2, 4, 8, 16, 32][: len(trials)]
    assert encoder.steps_ == trials.steps.iloc[-2]  # it fell once
    assert (trials.edges.diff().dropna() > 0).all()  # neighbours become alike
    assert (trials.features.diff().dropna() < 0).all()  # and forget what they were
    assert encoder.steps_ == trials.steps[trials.worth.idxmax()]
    assert encoder.transform(graph).source["steps"] == encoder.steps_


def test_likeness_is_that_of_the_definitions():
    graph, _ = attributed()
    encoder = Smoothed(dim=6, steps=2.0).fit(graph)
    z = encoder.transform(graph).values.astype(float)
    alike, degree = z @ z.T, np.bincount(graph.data.edge_index[0], minlength=90)
    links = np.zeros((90, 90))
    links[tuple(graph.data.edge_index.numpy())] = 1
    chance = degree @ alike @ degree / degree.sum() ** 2
    assert encoder.trials_.edges[0] == pytest.approx(
        ((alike * links).sum() / links.sum() - chance) / (1 - chance), rel=1e-4
    )
    x = graph.data.x.numpy().astype(float)
    x = x * np.log(91 / (1 + (x != 0).sum(axis=0)))
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-30)
    middle = np.eye(90) - 1 / 90
    one, two = middle @ alike @ middle, middle @ x @ x.T @ middle
    rv = (one * two).sum() / np.linalg.norm(one) / np.linalg.norm(two)
    assert encoder.trials_.features[0] == pytest.approx(np.sqrt(rv), rel=1e-4)


def test_another_graph_with_the_same_features_can_be_embedded():
    graph, _ = attributed()
    other, truth = attributed(seed=1)
    z = Smoothed(dim=6).fit(graph).transform(other)
    assert Communities(k=3).fit(z).score(truth)["ARI"] > 0.6


def test_it_keeps_the_promises_of_encoders():
    graph, _ = attributed(of=12)
    assert_encoder_contract(Smoothed(dim=4), graph)
    assert_deterministic(Smoothed(dim=4), graph)
    assert_permutation_equivariant(Smoothed(dim=4).fit(graph), graph)


def test_signed_features_are_taken_as_they_are():
    graph, truth = attributed()
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(90, 5)) + np.eye(5)[truth]).float()
    signed = Graph.from_edges(*graph.pairs.T, x=x)
    encoder = Smoothed(dim=5, steps=0.0).fit(signed)
    z, unit = encoder.transform(signed).values, torch.nn.functional.normalize(x, dim=1).numpy()
    assert np.allclose(z @ z.T, unit @ unit.T, atol=1e-4)
    smooth = Smoothed(dim=5, steps=4.0).fit_transform(signed)
    plain, better = (Communities(k=3).fit(each).score(truth)["ARI"] for each in (encoder.transform(signed), smooth))
    assert better > plain + 0.2


def test_what_it_cannot_smooth_is_refused():
    graph, _ = attributed()
    with pytest.raises(DataError, match=r"smoothing needs nodes with features \(data.x\) that are not all zero"):
        Smoothed().fit(load("karate"))
    with pytest.raises(DataError, match="not all zero"):
        Smoothed().fit(Graph.from_edges([0], [1], x=torch.zeros(2, 3)))
    with pytest.raises(DataError, match="it was fitted on nodes with 40 features, these have 2"):
        Smoothed(dim=4).fit(graph).transform(Graph.from_edges([0], [1], x=torch.ones(2, 2)))
    with pytest.raises(DataError, match="smoothing needs edges"):
        Smoothed().fit(Graph.from_edges([], [], nodes=2, x=torch.eye(2)))
    with pytest.raises(ValueError, match="dim must be at least 1 and steps not negative, got dim=4, steps=-1"):
        Smoothed(dim=4, steps=-1).fit(graph)


def test_cora_is_smoothed_as_far_as_serves(public_data):
    graph = load("cora")
    encoder = Smoothed(seed=0)
    z = encoder.fit_transform(graph)
    scores = Communities(k=7).fit(z).score(graph.data.y)
    assert 2 <= encoder.steps_ <= 8
    assert scores["NMI"] > 0.56
    assert scores["ARI"] > 0.5
