"""Find characters of Les Misérables who probably share a chapter although the data do not show it.

Splits the graph without leaks, learns node vectors with two encoders and, without any, from what is around two nodes;
scores all next to what node degrees alone give away, and writes the most probable missing links by name, with a reason.

    python examples/link_prediction.py
"""

import numpy as np

import graphembed as ge
from graphembed.bench.baselines import DEGREE, baselines
from graphembed.heads.head import link_scores

SEEDS = range(3)


def degree_alone(split: ge.EdgeSplit) -> dict[str, float]:
    """Score the test pairs by the product of their degrees: the baseline to beat."""
    return link_scores(split.test.label, baselines(split.observed)[DEGREE](split.test.pairs))


def pair_scores(split: ge.EdgeSplit) -> dict[str, float]:
    """Learn from what is around two nodes, with no vectors at all."""
    return ge.LinkPredictor(classifier="regression").fit(None, split.observed, split.train).score(split.test)


def score(encoder: ge.SkipGram | ge.Inductive, split: ge.EdgeSplit) -> dict[str, float]:
    """Learn from the observed edges only, choose the pair function on validation, score on the test."""
    vectors = encoder.fit_transform(split.observed)
    head = ge.LinkPredictor().fit(vectors, split.observed, split.train, split.valid)
    return head.score(split.test)


def main() -> None:
    graph = ge.load("lesmis")
    print(graph)

    found: dict[str, list[float]] = {"degree alone": [], "node2vec": [], "gcn": [], "pair scores": []}
    for seed in SEEDS:
        split = ge.split_edges(graph, test=0.1, valid=0.05, seed=seed)
        assert split.audit() == [], "no test edge is visible in training"
        found["degree alone"].append(degree_alone(split)["AUC"])
        found["node2vec"].append(score(ge.node2vec(seed=seed), split)["AUC"])
        found["gcn"].append(score(ge.gcn(seed=seed), split)["AUC"])
        found["pair scores"].append(pair_scores(split)["AUC"])
    for name, values in found.items():
        print(f"{name:<14}AUC {np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}")

    head = ge.LinkPredictor(classifier="regression").fit(None, graph)
    links = head.predict_links(k=5)
    print("\nmost probable missing links:")
    print(links.to_string(index=False))
    print(head.explain(*links.iloc[0][["source", "target"]]))
    vectors = ge.node2vec().fit_transform(graph)
    print("\nnearest to Valjean:", ", ".join(name for name, _ in vectors.nearest("Valjean", k=5)))

    assert np.mean(found["node2vec"]) > np.mean(found["degree alone"]) + 0.05
    assert np.mean(found["gcn"]) > np.mean(found["degree alone"]) + 0.05
    assert np.mean(found["pair scores"]) > np.mean(found["node2vec"])


if __name__ == "__main__":
    main()
