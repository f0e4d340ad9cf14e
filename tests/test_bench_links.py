"""The main job on real data; skipped where they are absent."""

from graphembed import deepwalk, gcn, load
from graphembed.bench.baselines import DEGREE
from graphembed.bench.links import PAIR_SCORES, compare


def test_on_cora_a_gnn_reaches_090_walks_are_far_above_degree_and_pair_scores_above_all(public_data):
    encoders = {"gcn": lambda seed: gcn(seed=seed), "deepwalk": lambda seed: deepwalk(seed=seed)}
    table = compare(load("cora"), encoders, seeds=1)
    auc = table.summary().AUC
    assert table.leaks == []
    assert auc["gcn"] >= 0.90
    assert auc["deepwalk"] >= auc[DEGREE] + 0.2
    assert auc[PAIR_SCORES] >= 0.96
    assert auc.index[0] == PAIR_SCORES
