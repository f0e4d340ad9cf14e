"""The table of communities says what its scores say, and the threshold of planted groups is where theory has it."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import torch

from graphembed.bench import communities as bench
from graphembed.datasets import load
from graphembed.encoders.recipes import netmf
from graphembed.graph import Graph, as_graph
from graphembed.heads.communities import Communities


@pytest.fixture
def few(monkeypatch):
    """Two encoders and three clusterers."""
    monkeypatch.setattr(bench, "ENCODERS", {"NetMF": lambda seed: netmf(8, seed=seed)})
    some = {name: bench.CLUSTERERS[name] for name in ("k-means", "k-means, consensus", "HDBSCAN")}
    monkeypatch.setattr(bench, "CLUSTERERS", some)


def test_rows_are_what_the_head_says(few):
    (found,) = bench.table("karate", seeds=1, seed=3)
    assert (found.encoder + " + " + found.clusterer).tolist() == [
        "the edges + Leiden",
        "the edges + Leiden, k",
        "the edges + Louvain",
        "NetMF + k-means",
        "NetMF + k-means, consensus",
        "NetMF + HDBSCAN",
    ]
    karate = load("karate")
    again = Communities("kmeans", k=2, seed=3).fit(netmf(8, seed=3).fit_transform(karate), karate).score(karate.data.y)
    assert found.set_index("clusterer").loc["k-means", list(bench.FIGURES)].tolist() == [
        again[figure] for figure in bench.FIGURES
    ]
    assert (found.seed == 3).all()
    assert found.set_index("clusterer").communities[["Leiden, k", "k-means"]].tolist() == [2, 2]


def test_seeds_follow_one_another(few):
    assert [part.seed[0] for part in bench.table("karate", seeds=2, seed=5)] == [5, 6]


def test_the_summary_is_sorted_and_says_what_is_published():
    rows = pd.DataFrame(
        [
            {"encoder": name, "clusterer": "k-means", "seed": seed, "NMI": nmi + seed / 100, "communities": 7}
            | dict.fromkeys(("ACC", "ARI", "modularity", "seconds"), 0.5)
            for name, nmi in (("worse", 0.3), ("better", 0.6))
            for seed in (0, 1)
        ]
    )
    laid_out = bench.summary([rows[rows.seed == 0], rows[rows.seed == 1]], "cora")
    assert laid_out.index.tolist() == ["better + k-means", "CARE (its readme)", "worse + k-means"]
    assert laid_out.loc["better + k-means", "NMI"] == "0.605 ± 0.007"
    assert laid_out.loc["CARE (its readme)", ["ACC", "NMI", "ARI", "modularity"]].tolist() == [
        "0.781",
        "0.574",
        "0.594",
        "",
    ]


def test_the_largest_component_keeps_names_labels_and_directions():
    graph = Graph.from_edges([0, 2, 3, 4], [1, 3, 4, 3], names="abcde", directed=True, y=torch.arange(5))
    found = bench.largest_component(graph)
    assert (found.names, found.data.y.tolist(), found.directed) == (("c", "d", "e"), [2, 3, 4], True)
    assert found.pairs.tolist() == [[0, 1], [1, 2], [2, 1]]


def test_polblogs_is_taken_as_in_the_literature(public_data):
    graph = bench.public("polblogs")
    assert (graph.num_nodes, graph.directed) == (1222, True)
    assert np.bincount(graph.data.y).tolist() == [586, 636]


def test_every_encoder_embeds_a_graph():
    network = as_graph(nx.connected_caveman_graph(4, 8))
    graph = Graph.from_edges(*network.pairs.T, x=torch.rand(32, 6, generator=torch.Generator().manual_seed(0)))
    for make in (bench.ENCODERS | bench.ATTRIBUTED).values():
        assert make(0).fit_transform(graph).names == graph.names


@pytest.fixture(scope="module")
def around():
    return bench.threshold(4000, groups=2, degree=3, ratios=(0.6, 1.3), seeds=2, seed=50)


def test_the_bethe_hessian_finds_groups_beyond_the_threshold_only(around):
    overlap = around.set_index(["encoder", "ratio"]).overlap
    assert overlap["Bethe Hessian", 1.3] > 0.5
    assert abs(overlap["Bethe Hessian", 0.6]) < 0.1
    assert abs(overlap["adjacency", 1.3]) < 0.1  # plain spectral is caught by busy nodes
    assert abs(overlap["normalised adjacency", 1.3]) < 0.2  # and by dangling trees


def test_the_figure_has_a_line_for_each_encoder(around):
    matplotlib = pytest.importorskip("matplotlib.figure")
    ax = matplotlib.Figure().subplots()
    assert bench.draw(around, ax) is ax
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert set(texts) == {"threshold", "Bethe Hessian", "adjacency", "normalised adjacency"}
    assert bench.draw(around).figure is not ax.figure
