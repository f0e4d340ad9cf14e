"""Contrast of whole graphs: tell a graph's nodes, or another view of it, from those of other graphs."""

import dataclasses as dc
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn import MLP

from graphembed.graph import Graph
from graphembed.losses import graph_infomax, info_nce, unit
from graphembed.objectives.augment import WAYS, augmented
from graphembed.objectives.graphs import count_graphs, graph_batches, make_readout, read_out


@dc.dataclass(frozen=True)
class GraphInfomax:
    """Tell nodes of a graph from nodes of the other graphs of a batch, by a vector of the graph (InfoGraph).

    loss = `graph_infomax` of p(z_v) and q(z_G), z_G = readout(z_v, v in G). The readout and the perceptrons p and q
    stand beside the encoder. Batches of one graph teach nothing about others.

    Args:
        readout: How nodes are pooled: ``"sum"``, ``"mean"``, ``"max"``, ``"moments"`` or ``"attention"``.
        hidden: Width of perceptrons before and after the pooling; 0 for none.
        width: Of p and q.
        batch_size: Graphs in a batch.

    Raises:
        ValueError: A setting is out of range.

    References:
        Sun et al. 2020, "InfoGraph: unsupervised and semi-supervised graph-level representation learning via mutual
        information maximization", equations 4 and 5.
    Differs from the paper: p and q have one hidden layer and no shortcut.
    """

    readout: str = "sum"
    hidden: int = 0
    width: int = 64
    batch_size: int = 128

    def __post_init__(self) -> None:
        if self.hidden < 0 or min(self.width, self.batch_size) < 1:
            raise ValueError(
                "width and batch_size must be at least 1 and hidden at least 0, got "
                f"width={self.width}, batch_size={self.batch_size}, hidden={self.hidden}"
            )

    def prepare(self, encoder: nn.Module, graph: Graph) -> nn.Module:
        """Make the readout, p and q."""
        readout = make_readout(encoder, graph, self.readout, self.hidden)
        nodes = MLP([readout.channels, self.width, self.width], norm=None)
        graphs = MLP([readout.out_channels, self.width, self.width], norm=None)
        return nn.ModuleDict({"readout": readout, "nodes": nodes, "graphs": graphs})

    def batches(self, graph: Graph, seed: int) -> Sequence[Data]:
        """Return batches of whole graphs."""
        return graph_batches(graph, np.arange(count_graphs(graph)), self.batch_size, seed)

    def loss(self, encoder: nn.Module, beside: nn.Module, batch: Data) -> Float[Tensor, ""]:
        """Encode the graphs and ask each node which one it is of."""
        z, summary = read_out(encoder, beside.readout, batch)  # type: ignore[arg-type]
        return graph_infomax(beside.nodes(z), beside.graphs(summary), batch.batch)  # type: ignore[operator]


@dc.dataclass(frozen=True)
class GraphContrast:
    """Recognise a graph from which something was taken away among other such graphs (GraphCL).

    loss = mean over both directions of `info_nce` of cosines between p(z_G) of one view and of the other, which is
    right, among those of the batch; z_G = readout(z_v, v in G). For each of the two views of a batch one of the
    augmentations is drawn. The readout and the perceptron p stand beside the encoder.

    Args:
        ways: Augmentations to choose from: ``"nodes"``, ``"edges"``, ``"features"``, ``"subgraph"``; see
            `graphembed.objectives.augment.augmented`.
        share: How much each takes away.
        temperature: The lower, the more the nearest graphs count.
        readout: How nodes are pooled: ``"sum"``, ``"mean"``, ``"max"``, ``"moments"`` or ``"attention"``.
        hidden: Width of perceptrons before and after the pooling; 0 for none.
        width: Of p.
        batch_size: Graphs in a batch.

    Raises:
        ValueError: A setting is out of range.

    References:
        You et al. 2020, "Graph contrastive learning with augmentations", equation 3 and table 1.
    Differs from the paper: both directions; all graphs of a view lose the same kind of thing.
    """

    ways: tuple[str, ...] = WAYS
    share: float = 0.2
    temperature: float = 0.2
    readout: str = "sum"
    hidden: int = 0
    width: int = 64
    batch_size: int = 128

    def __post_init__(self) -> None:
        if not self.ways or not set(self.ways) <= set(WAYS):
            raise ValueError(f"ways must be some of {', '.join(WAYS)}, got {self.ways!r}")
        if not 0 <= self.share < 1 or not self.temperature > 0:
            raise ValueError(
                "share must be at least 0 and below 1 and temperature positive, got "
                f"share={self.share}, temperature={self.temperature}"
            )
        if self.hidden < 0 or min(self.width, self.batch_size) < 1:
            raise ValueError(
                "width and batch_size must be at least 1 and hidden at least 0, got "
                f"width={self.width}, batch_size={self.batch_size}, hidden={self.hidden}"
            )

    def prepare(self, encoder: nn.Module, graph: Graph) -> nn.Module:
        """Make the readout and p."""
        readout = make_readout(encoder, graph, self.readout, self.hidden)
        head = MLP([readout.out_channels, self.width, self.width], norm=None)
        return nn.ModuleDict({"readout": readout, "head": head})

    def batches(self, graph: Graph, seed: int) -> Sequence[Data]:
        """Return batches of whole graphs."""
        return graph_batches(graph, np.arange(count_graphs(graph)), self.batch_size, seed)

    def loss(self, encoder: nn.Module, beside: nn.Module, batch: Data) -> Float[Tensor, ""]:
        """Encode two views and look for each graph of either in the other."""
        one, two = (self._view(encoder, beside, batch) for _ in range(2))
        return (info_nce(one, two, temperature=self.temperature) + info_nce(two, one, temperature=self.temperature)) / 2

    def _view(self, encoder: nn.Module, beside: nn.Module, batch: Data) -> Tensor:
        way = self.ways[int(torch.randint(len(self.ways), ()))]
        _, z = read_out(encoder, beside.readout, augmented(batch, way, self.share))  # type: ignore[arg-type]
        return unit(beside.head(z))  # type: ignore[operator]
