"""Find characters of Les Misérables who probably share a chapter although the data do not show it.

Splits the graph without leaks, learns node vectors with two encoders, scores them next to what node degrees alone
give away, and writes the most probable missing links by name.

    python examples/link_prediction.py
"""

import numpy as np

import graphembed as ge
from graphembed.heads.links import link_scores
from graphembed.heads.pairs import NEIGHBOURHOOD, neighbourhood_scores

SEEDS = range(3)


def degree_alone(split: ge.EdgeSplit) -> dict[str, float]:
    """Score the test pairs by the product of their degrees: the baseline to beat."""
    scores = neighbourhood_scores(split.observed, split.test.pairs)
    return link_scores(split.test.label, scores[:, NEIGHBOURHOOD.index("preferential attachment")])


def score(encoder: ge.SkipGram | ge.Inductive, split: ge.EdgeSplit) -> dict[str, float]:
    """Learn from the observed edges only, choose the pair function on validation, score on the test."""
    vectors = encoder.fit_transform(split.observed)
    head = ge.LinkPredictor().fit(vectors, split.observed, split.train, split.valid)
    return head.score(split.test)


def main() -> None:
    graph = ge.load("lesmis")
    print(graph)

    found: dict[str, list[float]] = {"degree alone": [], "node2vec": [], "gcn": []}
    for seed in SEEDS:
        split = ge.split_edges(graph, test=0.1, valid=0.05, seed=seed)
        assert split.audit() == [], "no test edge is visible in training"
        found["degree alone"].append(degree_alone(split)["AUC"])
        found["node2vec"].append(score(ge.node2vec(seed=seed), split)["AUC"])
        found["gcn"].append(score(ge.gcn(seed=seed), split)["AUC"])
    for name, values in found.items():
        print(f"{name:<14}AUC {np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}")

    vectors = ge.node2vec().fit_transform(graph)
    links = ge.LinkPredictor().fit(vectors, graph).predict_links(k=5)
    print("\nmost probable missing links:")
    print(links.to_string(index=False))
    print("\nnearest to Valjean:", ", ".join(name for name, _ in vectors.nearest("Valjean", k=5)))

    assert np.mean(found["node2vec"]) > np.mean(found["degree alone"]) + 0.05
    assert np.mean(found["gcn"]) > np.mean(found["degree alone"]) + 0.05


if __name__ == "__main__":
    main()
