"""How deep can a GNN be? Node classification by stacks of 2 to 64 layers, and how alike they make the nodes.

Each arm is one way of stacking; all are trained alike, for the classes of the public split, with early stopping on its
validation nodes. `sweep` yields a row per arm and depth, `layer_measures` looks into one network, `draw` draws curves.
"""

import dataclasses as dc
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn import GCNConv

from graphembed.errors import DataError
from graphembed.graph import Graph
from graphembed.metrics import dirichlet_energy, effective_rank, mean_average_distance
from graphembed.nn.gnn import GNN, smoothing
from graphembed.objectives import NodeClassification
from graphembed.training import Training, seeded, train

Row = dict[str, Any]
DEPTHS = (2, 4, 8, 16, 32, 64)
_WIDTH = 64


@dc.dataclass(frozen=True)
class Arm:
    """One way of stacking layers.

    Args:
        conv: The convolution.
        options: Of `graphembed.nn.gnn.GNN`.
        dropout: Share of the features and of each layer dropped in training.
        lr: Step of Adam.
        weight_decay: Pull towards zero.
    """

    conv: Callable[[int, int], nn.Module] = GCNConv
    options: Mapping[str, Any] = dc.field(default_factory=dict)
    dropout: float = 0.6
    lr: float = 0.01
    weight_decay: float = 2e-3

    def module(self, depth: int, in_channels: int) -> "Stack":
        """Make the network."""
        channels = [_WIDTH] * depth
        gnn = GNN(self.conv, channels, None, in_channels=in_channels, dropout=self.dropout, **self.options)
        return Stack(gnn, self.dropout)


class Stack(nn.Module):
    """A GNN some of whose features are dropped in training."""

    def __init__(self, gnn: GNN, features: float) -> None:
        super().__init__()
        self.gnn = gnn
        self.features = features

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None = None) -> Tensor:
        """Embed the nodes."""
        if self.training and self.features:
            there = x.nonzero(as_tuple=True)  # most are zero, and to draw is what takes the time
            x = torch.zeros_like(x).index_put(there, nn.functional.dropout(x[there], self.features))
        z: Tensor = self.gnn(x, edge_index, edge_weight)
        return z


# The weight decay is the best of 5e-4, 2e-3 and 1e-2 on Cora's validation nodes, at 2 and 16 layers with one seed.
ARMS: dict[str, Arm] = {
    "last layer": Arm(options={"jump": None, "project": False}),
    "jump": Arm(options={"jump": "cat", "project": False}, weight_decay=1e-2),
    "smoothing and jump": Arm(smoothing, {"jump": "cat"}, weight_decay=1e-2),
    "residual": Arm(options={"jump": None, "residual": "previous"}, weight_decay=1e-2),
    "pair norm": Arm(options={"jump": None, "norm": "pair", "project": False}),
    "initial residual": Arm(smoothing, {"jump": None, "residual": "initial"}),
    "initial residual and jump": Arm(smoothing, {"jump": "cat", "residual": "initial"}, weight_decay=1e-2),
}


def sweep(
    graph: Graph,
    arms: Mapping[str, Arm] = ARMS,
    depths: Sequence[int] = DEPTHS,
    *,
    seeds: int = 3,
    epochs: int = 300,
    patience: int = 100,
    progress: bool = True,
) -> Iterator[Row]:
    """Train every arm at every depth, several times, and look at what its classifier sees.

    That is the last layer or, with a jump, all layers side by side.

    Features are weighted by how rare they are, log(nodes / nodes that have it) (TF-IDF), then brought to length one.

    Args:
        graph: With features, classes ``data.y`` and ``train_mask``, ``val_mask`` and ``test_mask``: the Planetoid
            graphs have them.
        arms: Name to arm.
        depths: Numbers of layers.
        seeds: How many times each is trained.
        epochs: At most so many.
        patience: Epochs without a better validation accuracy after which training stops.
        progress: Show bars on a terminal.

    Yields:
        ``method``, ``depth``, mean ``accuracy`` on test nodes with its ``sd`` and ``valid`` on validation nodes, both
        of the best epoch on validation nodes, and of what the classifier sees ``MAD`` (over all pairs), ``Dirichlet
        energy`` and ``effective rank``; ``seconds`` of one training.

    Raises:
        DataError: There are no features, classes or masks.

    References:
        Chen et al. 2020, "Simple and deep graph convolutional networks", table 3, for the sweep.
    """
    graph = _ready(graph)
    for name, arm in arms.items():
        for depth in depths:
            found = pd.DataFrame([_train(arm, depth, graph, seed, epochs, patience, progress) for seed in range(seeds)])
            mean = found.mean().to_dict()
            spread = float(found["accuracy"].std(ddof=1)) if seeds > 1 else 0.0
            yield {"method": name, "depth": depth, "accuracy": mean.pop("accuracy"), "sd": spread, **mean}


def layer_measures(gnn: GNN, graph: Graph) -> pd.DataFrame:
    """Measure how different a network's layers leave the nodes: a row per layer.

    Returns:
        ``layer`` from 1, ``MAD``, ``Dirichlet energy``, ``effective rank``.

    Example:
        >>> from graphembed.datasets import load
        >>> graph = load("karate")
        >>> graph = Graph(Data(x=torch.eye(34), edge_index=graph.data.edge_index))
        >>> with seeded(0):
        ...     gnn = GNN(smoothing, [16] * 8, 4, in_channels=34)
        >>> table = layer_measures(gnn, graph)
        >>> bool(table["Dirichlet energy"].is_monotonic_decreasing)
        True
    """
    was_training = gnn.training
    gnn.eval()
    with torch.no_grad():
        layers = gnn.layers(graph.data.x, graph.data.edge_index, graph.data.edge_weight)
    gnn.train(was_training)
    edges = graph.data.edge_index.numpy()
    return pd.DataFrame([{"layer": k, **_measures(h.numpy(), edges)} for k, h in enumerate(layers, 1)])


def draw(rows: Iterable[Row]) -> Any:
    """Draw accuracy and the three measures over depth, a curve per arm; returns matplotlib's figure.

    Raises:
        ImportError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('drawing needs matplotlib: pip install "graphembed[plot]"') from error
    table = pd.DataFrame(list(rows))
    figure = Figure(figsize=(10, 7), layout="constrained")
    for ax, column in zip(
        figure.subplots(2, 2).flat, ("accuracy", "MAD", "Dirichlet energy", "effective rank"), strict=True
    ):
        for colour, (name, curve) in enumerate(table.groupby("method", sort=False)):
            ax.plot(curve.depth, curve[column], "o-", color=f"C{colour}", label=name if column == "accuracy" else None)
        ax.set_xscale("log", base=2)
        ax.set_xticks(sorted(table.depth.unique()), [str(depth) for depth in sorted(table.depth.unique())])
        ax.set(xlabel="layers", ylabel=column)
        if column == "Dirichlet energy":
            ax.set_yscale("symlog", linthresh=1e-6)
            ax.set_ylim(bottom=0)
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def _train(arm: Arm, depth: int, graph: Graph, seed: int, epochs: int, patience: int, progress: bool) -> Row:
    begin = time.perf_counter()
    with seeded(seed):
        stack = arm.module(depth, graph.data.num_features)
    settings = Training(epochs=epochs, lr=arm.lr, weight_decay=arm.weight_decay, patience=patience)
    _, head = train(stack, graph, NodeClassification(), settings, seed=seed, progress=progress)
    seconds = time.perf_counter() - begin
    with torch.no_grad():
        seen = stack(graph.data.x, graph.data.edge_index).numpy()
    return {
        "accuracy": _accuracy(stack, head, graph, graph.data.test_mask),
        "valid": _accuracy(stack, head, graph, graph.data.val_mask),
        **_measures(seen, graph.data.edge_index.numpy()),
        "seconds": seconds,
    }


def _measures(x: np.ndarray[Any, np.dtype[np.float32]], edges: np.ndarray[Any, np.dtype[np.int64]]) -> Row:
    return {
        "MAD": mean_average_distance(x),
        "Dirichlet energy": dirichlet_energy(x, edges),
        "effective rank": effective_rank(x),
    }


def _accuracy(encoder: nn.Module, head: nn.Module, graph: Graph, mask: Tensor) -> float:
    with torch.no_grad():
        found = head(encoder(graph.data.x, graph.data.edge_index)).argmax(dim=1)
    return float((found == graph.data.y)[mask].float().mean())


def _ready(graph: Graph) -> Graph:
    needed = ("x", "y", "train_mask", "val_mask", "test_mask")
    if missing := [name for name in needed if graph.data.get(name) is None]:
        raise DataError(f"a sweep over depths needs data.{', data.'.join(missing)}, which {graph} does not have")
    x = graph.data.x.float()
    x = x * torch.log(len(x) / (x != 0).sum(dim=0).clamp(min=1))
    x = nn.functional.normalize(x, dim=1)
    return Graph(Data(**(graph.data.to_dict() | {"x": x})), graph.names, graph.directed)
