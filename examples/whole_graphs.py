"""Vectors of whole graphs tell rings of cliques, random graphs and graphs with hubs apart.

Nobody says which is which while the vectors are made. Counting does not tell: all graphs have 24 nodes and 42 edges or
a few more. Weisfeiler-Lehman counts the subtrees around the nodes; the second encoder trains a graph network to tell
whose node is whose. Afterwards a graph that has not been seen is placed among those that have.

    python examples/whole_graphs.py
"""

import networkx as nx
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import graphembed as ge

KINDS = ("cliques", "random", "hubs")


def draw(kind: str, rng: np.random.Generator) -> nx.Graph:
    """Draw a graph of 24 nodes and 42 edges, and add one or two that do not belong there."""
    chance = int(rng.integers(2**31))
    if kind == "cliques":
        graph = nx.ring_of_cliques(6, 4)
    elif kind == "random":
        graph = nx.gnm_random_graph(24, 42, seed=chance)
    else:
        graph = nx.barabasi_albert_graph(24, 2, seed=chance)
        graph.remove_edges_from(rng.permutation(list(graph.edges))[:2].tolist())
    for u, v in rng.integers(0, 24, (2, 2)).tolist():
        if u != v:
            graph.add_edge(u, v)
    return nx.relabel_nodes(graph, dict(enumerate(rng.permutation(24).tolist())))


def probe() -> Pipeline:
    """Make a linear classifier, which is told the kind of some graphs."""
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))


def accuracy(vectors: np.ndarray, kinds: list[str]) -> float:
    """Cross-validate it."""
    return float(cross_val_score(probe(), vectors, kinds, cv=5).mean())


rng = np.random.default_rng(0)
kinds = [kind for kind in KINDS for _ in range(20)]
graphs = {f"{kind} {number}": draw(kind, rng) for number, kind in enumerate(kinds)}

sizes = np.array([[graph.number_of_nodes(), graph.number_of_edges()] for graph in graphs.values()])
found = {"size": accuracy(sizes, kinds)}
encoders = {"Weisfeiler-Lehman": ge.weisfeiler_lehman(depth=1), "InfoGraph": ge.infograph(epochs=10)}
for name, encoder in encoders.items():
    vectors = encoder.fit_transform(graphs)
    found[name] = accuracy(vectors.values, kinds)
for name, score in found.items():
    print(f"{name + ':':18} {score:.2f} of the graphs are found by their kind")

strangers = encoders["InfoGraph"].transform({f"new {kind}": draw(kind, rng) for kind in KINDS})
said = probe().fit(vectors.values, kinds).predict(strangers.values).tolist()
print(f"graphs that were not there: {dict(zip(strangers.names, said, strict=True))}")

assert found["size"] < 0.6
assert found["InfoGraph"] > 0.9
assert said == list(KINDS)
print("the kind of a graph can be read off its vector, also of a new one")
