"""`Inductive`: any torch module with a PyG forward, trained for an objective."""

import copy
import dataclasses as dc
from typing import Any, Self

import torch
from sklearn.base import BaseEstimator
from torch import nn
from torch_geometric.data import Data

from graphembed.embedding import Embedding
from graphembed.encoders.protocol import describe, known_rows, needs_edges
from graphembed.errors import DataError
from graphembed.graph import Graph, as_graph
from graphembed.kernels.roles import structure
from graphembed.nn.gnn import NodeTable
from graphembed.objectives import LinkReconstruction, Objective
from graphembed.parallel import one_thread
from graphembed.training import Training, seeded, train

_TABLE = 64  # width of learned inputs


@dc.dataclass(eq=False)
class Inductive(BaseEstimator):
    """A module trained on one graph that can embed another.

    What goes in: the graph's features ``x``, each row divided by its length. A graph without features gets, by
    ``features="learned"``, one learned vector per node, which tells nodes apart but knows only the nodes it was
    fitted on; or, by ``features="structural"``, numbers read off the graph (log degree, log mean degree of the
    neighbours, clustering), which also work on other graphs but are alike for nodes in alike places.

    Args:
        module: Forward ``(x, edge_index, edge_weight=None) -> (nodes, dim)``; copied, its parameters are drawn anew.
        objective: What to train for.
        features: For graphs without ``x``: ``"learned"`` or ``"structural"``.
        training: How: epochs, step, early stopping, device, checkpoints.
        seed: Everything random comes from it.
        progress: Show a bar on a terminal.

    Attributes:
        module_: The trained module.
        beside_: What the objective trained beside it: a classifier, a decoder, ...
        history_: Loss and validation of each epoch.

    Example:
        >>> import networkx as nx
        >>> from torch_geometric.nn import SAGEConv
        >>> from graphembed.nn.gnn import GNN
        >>> with seeded(0):
        ...     module = GNN(SAGEConv, [16], 8)
        >>> Inductive(module, training=Training(epochs=5)).fit_transform(nx.karate_club_graph())
        Embedding(34 items, dim 8, Inductive)
    """

    module: nn.Module
    objective: Objective = dc.field(default_factory=LinkReconstruction)
    features: str = "learned"
    training: Training = dc.field(default_factory=lambda: Training(lr=0.003))
    seed: int = 0
    progress: bool = True

    def fit(self, graph: Any, /) -> Self:
        """Train a fresh copy of the module."""
        graph = as_graph(graph)
        needs_edges(graph, "a GNN trained on links")
        if self.features not in ("learned", "structural"):
            raise ValueError(f"features must be 'learned' or 'structural', got {self.features!r}")
        self.rows_ = dict(graph.row)
        self.width_ = _width(graph)
        with seeded(self.seed):
            module = copy.deepcopy(self.module)
            if self.width_ is None and self.features == "learned":
                module = NodeTable(module, graph.num_nodes, _TABLE)
            inputs = self._inputs(graph)
            with torch.no_grad(), one_thread():
                module.eval()(inputs.data.x[:1], torch.empty(2, 0, dtype=torch.long))  # settles widths left open (-1)
            _draw_anew(module)
        self.history_, self.beside_ = train(
            module, inputs, self.objective, self.training, seed=self.seed, progress=self.progress
        )
        self.module_ = module
        return self

    def transform(self, graph: Any, /) -> Embedding:
        """Embed the nodes of any graph that has features like those it was fitted on.

        Raises:
            UnknownNameError: The inputs were learned per node and some nodes were not there.
            DataError: The features are not of the kind or number it was fitted on.
        """
        graph = as_graph(graph)
        data = self._inputs(graph).data.to(self.training.device)
        with torch.no_grad(), one_thread():
            z = self.module_(data.x, data.edge_index, data.edge_weight)
        return Embedding(z.cpu().numpy(), graph.names, describe(self))

    def fit_transform(self, graph: Any, /) -> Embedding:
        """Do both on one graph."""
        graph = as_graph(graph)
        return self.fit(graph).transform(graph)

    def _inputs(self, graph: Graph) -> Graph:
        """Return the graph with what the module reads as ``x``."""
        x = graph.data.x
        if _width(graph) != self.width_:
            raise DataError(
                f"the encoder was fitted on a graph with {self.width_ or 'no'} features per node "
                f"and cannot embed one with {_width(graph) or 'none'}: {graph}"
            )
        if x is not None:
            x = nn.functional.normalize(x.float(), dim=1) * x.shape[1] ** 0.5
        elif self.features == "structural":
            x = torch.from_numpy(structure(graph.csr))
        else:
            remedy = 'fit with features="structural", or on a graph that holds them'
            x = torch.tensor(known_rows(self.rows_, graph, "this GNN with learned inputs", remedy)).view(-1, 1)
        return Graph(Data(**(graph.data.to_dict() | {"x": x})), graph.names, graph.directed)


def _draw_anew(module: nn.Module) -> None:
    """Reset a module if it can reset itself, else its parts."""
    if hasattr(module, "reset_parameters"):
        module.reset_parameters()  # type: ignore[operator]
    else:
        for part in module.children():
            _draw_anew(part)


def _width(graph: Graph) -> int | None:
    return None if graph.data.x is None else int(graph.data.x.shape[1])
