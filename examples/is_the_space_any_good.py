"""Four doubts about a space of vectors, each measured.

Is it stable? Have two views one shape? What do other codes cost? Does batch normalisation follow when the input drifts?

    python examples/is_the_space_any_good.py
"""

import numpy as np
import torch
from torch import nn

import graphembed as ge
from graphembed.geometry import batch_norm_drift, recodings, stability, view_distance
from graphembed.nn.stack import ConvStack
from graphembed.training import seeded

graph = ge.load("lesmis")
space = ge.prone(dim=16).fit_transform(graph)

print("another seed is another basis: nodes have moved, neighbours have not")
runs = {f"seed {seed}": ge.node2vec(dim=16, seed=seed).fit_transform(graph) for seed in range(3)}
drift = stability(runs, k=5)
print(drift.round(3).to_string(), "\n")

print("what sparse and population codes cost in retrieval")
codes = recodings(space, graph, k=5)
print(codes.round(2).to_string(), "\n")


def views_apart(shape: float) -> float:
    """Train with the shape of two views as a term of the loss; say how far two views are apart afterwards."""
    with seeded(0):
        module = ConvStack(-1, 32, 16)
    objective = ge.Decorrelation(shape=shape)
    encoder = ge.Inductive(module, objective, "structural", ge.Training(epochs=100), progress=False).fit(graph)
    rng = np.random.default_rng(0)
    halves = []
    for _ in range(2):
        left = rng.random(graph.num_edges) < 0.7
        source, target = graph.pairs[left].T
        halves.append(encoder.transform(ge.Graph.from_edges(source, target, nodes=graph.num_nodes, names=graph.names)))
    return view_distance(*halves)


apart = {shape: views_apart(shape) for shape in (0.0, 100.0)}
print("Wasserstein distance between the cosines of two views, by the weight of that distance in the loss")
print(", ".join(f"{shape:g}: {far:.3f}" for shape, far in apart.items()), "\n")

print("train less eval of a network with batch normalisation whose input moves by 1 a step, by momentum")
moving = [torch.linspace(-1, 1, 64)[:, None] + step for step in range(200)]
behind = batch_norm_drift(nn.BatchNorm1d(1, affine=False), moving, (0.05, 0.1, 0.5))
print(behind.iloc[[0, 9, 49, 199]].round(2).to_string())

# Neighbours stay where coordinates do not; sparser codes find less; who is asked for one shape has it; the running mean
# stays (1 - m) / m steps behind.
assert (drift["overlap"] > 0.5).all()
assert codes.loc["sparse, penalty 0.05", "kept"] > codes.loc["sparse, penalty 0.2", "kept"]
assert apart[100.0] < apart[0.0]
spread = float(moving[0].std(unbiased=False))
for momentum, last in behind.iloc[-1].items():
    assert 0.5 < last / ((1 - momentum) / momentum / spread) < 2
print("\nall four can be seen in numbers")
