"""`Inductive`: any torch module with a PyG forward, trained for an objective.

What a node tells the module follows one rule, whatever state the features are in:

- Numbers (``graph.data.x``) are brought to a mean square of 1: each node for itself where the graph that was fitted on
  holds no negative number (counts, such as words, where only shares matter), else all of them by one factor, which is
  learned in ``fit`` (a table of standardised columns stays what it is).
- Gaps, categories and nodes of which nothing is known: `graphembed.features.FeatureTable`, fitted on the table of the
  first graph, makes numbers of them, for any later graph, too. What is missing is the mean and says so in a column of
  its own; a word not seen in ``fit`` is none of those that were. A gap that was not filled (NaN) is refused.
- No features at all: ``features="learned"``, a vector per node, which knows only the nodes it was fitted on and names
  others in an error; or ``features="structural"``, which describes a node's place and works on any graph.

So ``fit`` on one graph and ``transform`` of another with new nodes works for all but learned inputs.
"""

import copy
import dataclasses as dc
from typing import Any, Self

import torch
from jaxtyping import Float, Int
from sklearn.base import BaseEstimator
from torch import Tensor, nn
from torch_geometric.data import Data

from graphembed.embedding import Embedding
from graphembed.encoders.protocol import describe, known_rows, needs_edges
from graphembed.errors import DataError
from graphembed.graph import Graph, as_graph
from graphembed.kernels.csr import transpose
from graphembed.kernels.roles import structure
from graphembed.nn.gnn import GNN, NodeTable
from graphembed.nn.layerwise import layerwise, wants_blocks
from graphembed.objectives import LinkReconstruction, Objective
from graphembed.parallel import one_thread
from graphembed.training import Training, seeded, train

_TABLE = 64  # width of learned inputs


@dc.dataclass(eq=False)
class Inductive(BaseEstimator):
    """A module trained on one graph that can embed another.

    What goes in: the graph's features ``x``, brought to a mean square of 1: each row for itself if they are counts (no
    negative number in ``fit``), else all by one factor. Tables with gaps, words or nodes that are not in them become
    ``x`` through `graphembed.features.FeatureTable`. A graph without features gets, by ``features="learned"``, one
    learned vector per node, which tells nodes apart but knows only the nodes it was fitted on; or, by
    ``features="structural"``, numbers read off the graph (log degree, log mean degree of the neighbours, clustering),
    which also work on other graphs but are alike for nodes in alike places.

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
        x = graph.data.x
        self.rows_ = graph.row
        self.width_ = _width(graph)
        self.factor_ = None if x is None or bool((x >= 0).all()) else 1 / _root_mean_square(x.float())
        with seeded(self.seed):
            module = copy.deepcopy(self.module)
            if self.width_ is None and self.features == "learned":
                module = NodeTable(module, graph.num_nodes, _TABLE)
            inputs = self._inputs(graph)
            with torch.no_grad(), one_thread():
                module.eval()(inputs[:1], torch.empty(2, 0, dtype=torch.long))  # settles widths left open (-1)
            _draw_anew(module)
        seen = Graph(Data(**(graph.data.to_dict() | {"x": inputs})), graph.names, graph.directed)
        self.history_, self.beside_ = train(
            module, seen, self.objective, self.training, seed=self.seed, progress=self.progress
        )
        self.module_ = module
        return self

    def transform(self, graph: Any, /) -> Embedding:
        """Embed the nodes of any graph that has features like those it was fitted on.

        The whole graph at once, unless the module is a `GNN` on the CPU and a table written out on the way would hold
        more than 2^27 numbers (`graphembed.nn.layerwise.AT_ONCE`): then layer by layer in blocks of nodes, which gives
        the same to float rounding in less memory. Where a convolution or normalisation looks further than one edge,
        it is always the whole graph.

        Raises:
            UnknownNameError: The inputs were learned per node and some nodes were not there.
            DataError: The features are not of the kind or number it was fitted on.
        """
        graph = as_graph(graph)
        x = self._inputs(graph)
        with torch.no_grad(), one_thread():
            z = self._in_blocks(graph, x)
            if z is None:
                device, data = self.training.device, graph.data
                weight = None if data.edge_weight is None else data.edge_weight.to(device)
                z = self.module_(x.to(device), data.edge_index.to(device), weight).cpu().numpy()
        return Embedding(z, graph.names, describe(self))

    def fit_transform(self, graph: Any, /) -> Embedding:
        """Do both on one graph."""
        graph = as_graph(graph)
        return self.fit(graph).transform(graph)

    def _in_blocks(self, graph: Graph, x: Tensor) -> Any:
        """Return vectors made layer by layer; None where that is not called for."""
        gnn = self.module_
        if isinstance(gnn, NodeTable):
            gnn = gnn.module
        if not isinstance(gnn, GNN) or torch.device(self.training.device).type != "cpu":
            return None
        if not wants_blocks(gnn, graph.csr):
            return None
        if isinstance(self.module_, NodeTable):
            x = self.module_.table(x[:, 0])
        return layerwise(gnn, x, transpose(graph.csr) if graph.directed else graph.csr)

    def _inputs(self, graph: Graph) -> Float[Tensor, "nodes channels"] | Int[Tensor, "nodes 1"]:
        """Return what the module reads of each node."""
        x = graph.data.x
        if _width(graph) != self.width_:
            raise DataError(
                f"the encoder was fitted on a graph with {self.width_ or 'no'} features per node "
                f"and cannot embed one with {_width(graph) or 'none'}: {graph}"
            )
        if x is not None and self.factor_ is None:
            unit: Tensor = nn.functional.normalize(x.float(), dim=1) * x.shape[1] ** 0.5
            return unit
        if x is not None:
            scaled: Tensor = x.float() * self.factor_
            return scaled
        if self.features == "structural":
            return torch.from_numpy(structure(graph.csr))
        remedy = 'fit with features="structural", or on a graph that holds them'
        return torch.tensor(known_rows(self.rows_, graph, "this GNN with learned inputs", remedy)).view(-1, 1)


def _draw_anew(module: nn.Module) -> None:
    """Reset a module if it can reset itself, else its parts."""
    if hasattr(module, "reset_parameters"):
        module.reset_parameters()  # type: ignore[operator]
    else:
        for part in module.children():
            _draw_anew(part)


def _width(graph: Graph) -> int | None:
    return None if graph.data.x is None else int(graph.data.x.shape[1])


def _root_mean_square(x: Tensor) -> float:
    return float(x.double().square().mean().sqrt())
