"""The sweep over depths: what it reports, and that the measures see what depth does."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch_geometric.data import Data

from graphembed.bench.depth import ARMS, DEPTHS, Arm, draw, layer_measures, sweep
from graphembed.datasets import load
from graphembed.errors import DataError
from graphembed.graph import Graph
from graphembed.metrics import dirichlet_energy, effective_rank, mean_average_distance
from graphembed.nn.gnn import GNN, smoothing
from graphembed.training import seeded


def karate():
    """The club with features (who you are) and two of each faction to learn from."""
    data = load("karate").data
    mask = {name: torch.zeros(34, dtype=torch.bool) for name in ("train_mask", "val_mask", "test_mask")}
    for name, rows in (("train_mask", [0, 1, 33, 32]), ("val_mask", [2, 3, 31, 30]), ("test_mask", range(4, 30))):
        mask[name][list(rows)] = True
    return Graph(Data(x=torch.eye(34), edge_index=data.edge_index, y=data.y.long(), **mask))


def test_a_sweep_gives_a_row_per_arm_and_depth():
    arms = {"deep": Arm(smoothing, {"residual": "initial"}, dropout=0.0), "plain": Arm(options={"jump": None})}
    rows = list(sweep(karate(), arms, [2, 5], seeds=2, epochs=30, patience=10, progress=False))
    assert [(row["method"], row["depth"]) for row in rows] == [("deep", 2), ("deep", 5), ("plain", 2), ("plain", 5)]
    assert rows[0]["accuracy"] > 0.8
    again = next(sweep(karate(), arms, [2], seeds=2, epochs=30, patience=10, progress=False))
    assert {k: v for k, v in again.items() if k != "seconds"} == {k: v for k, v in rows[0].items() if k != "seconds"}
    assert all(np.isfinite(row[name]) for row in rows for name in ("sd", "valid", "MAD", "effective rank"))


def test_the_arms_are_those_asked_for():
    assert DEPTHS == (2, 4, 8, 16, 32, 64)
    stacks = {name: arm.module(3, 5).gnn for name, arm in ARMS.items()}
    assert stacks["last layer"].jump is None
    assert stacks["jump"].jump.mode == "cat"
    assert (stacks["residual"].residual, stacks["initial residual"].residual) == ("previous", "initial")
    assert type(stacks["pair norm"].norms[0]).__name__ == "PairNorm"
    assert stacks["initial residual and jump"].residual == "initial"
    assert stacks["initial residual and jump"].jump is not None


@pytest.fixture(autouse=True)
def _drawn_from_a_seed():
    with seeded(0):
        yield


@pytest.mark.parametrize("missing", ["x", "val_mask"])
def test_a_graph_without_what_is_needed_is_refused(missing):
    data = karate().data
    graph = Graph(Data(**{key: value for key, value in data.to_dict().items() if key != missing}))
    with pytest.raises(DataError, match=rf"a sweep over depths needs data.{missing}, which"):
        next(sweep(graph, seeds=1))


def test_smoothing_blurs_layer_by_layer_and_an_initial_residual_stops_it():
    graph = karate()
    plain = GNN(smoothing, [16] * 64, 4, in_channels=34)
    kept = GNN(smoothing, [16] * 64, 4, in_channels=34, residual="initial", alpha=0.2)
    blurred, clear = layer_measures(plain, graph), layer_measures(kept, graph)
    assert blurred.layer.tolist() == list(range(1, 65))
    for name in ("MAD", "Dirichlet energy"):
        assert blurred[name].iloc[-1] < 0.01 * blurred[name].iloc[1]
        assert clear[name].iloc[-1] > 0.1 * clear[name].iloc[1]
    assert blurred["effective rank"].iloc[-1] == pytest.approx(1, abs=0.01)
    assert clear["effective rank"].iloc[-1] > 2
    layer, edges = plain.layers(graph.data.x, graph.data.edge_index)[4].detach().numpy(), graph.data.edge_index.numpy()
    expected = [mean_average_distance(layer), dirichlet_energy(layer, edges), effective_rank(layer)]
    assert blurred.iloc[4, 1:].tolist() == pytest.approx(expected)


def test_curves_are_drawn_for_every_arm(tmp_path):
    rows = [
        {"method": name, "depth": depth, "accuracy": 0.5, "MAD": 0.1, "Dirichlet energy": 0.0, "effective rank": 3.0}
        for name in ("one", "two")
        for depth in (2, 64)
    ]
    figure = draw(rows)
    assert [ax.get_ylabel() for ax in figure.axes] == ["accuracy", "MAD", "Dirichlet energy", "effective rank"]
    assert all(len(ax.lines) == 2 for ax in figure.axes)
    assert figure.axes[0].lines[1].get_xdata().tolist() == [2, 64]
    figure.savefig(tmp_path / "depth.png")


def test_a_deep_stack_with_initial_residuals_learns_cora(public_data):
    arms = {"initial residual": ARMS["initial residual"]}
    row = next(sweep(load("cora"), arms, [8], seeds=1, epochs=40, progress=False))
    assert row["accuracy"] > 0.7
    assert pd.Series(row).notna().all()
