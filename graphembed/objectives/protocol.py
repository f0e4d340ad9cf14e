"""What every objective promises, and the little that several of them share."""

import copy
from collections.abc import Sequence
from inspect import signature
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch_geometric.data import Data

from graphembed.errors import DataError
from graphembed.graph import Graph, check_numbers
from graphembed.nn.gnn import NodeTable


@runtime_checkable
class Objective(Protocol):
    """What an encoder is trained for.

    The encoder is called as ``encoder(x, edge_index, edge_weight)`` and returns (nodes, dim).

    Two more methods are optional. ``valid(encoder, beside, graph)`` returns a number that rises as the encoder gets
    better, for early stopping. ``stepped(encoder, beside)`` is called after each step of the optimizer, for what
    follows the encoder without a gradient.
    """

    def prepare(self, encoder: nn.Module, graph: Graph) -> nn.Module:
        """Make what is trained beside the encoder (decoder, classifier, ...), or an empty ``nn.Module()``.

        Draws from torch's global generator, which the caller seeds.
        """
        ...

    def batches(self, graph: Graph, seed: int) -> Sequence[Data]:
        """Return what one epoch sees; all chance comes from ``seed``, and a batch may be made when it is asked for."""
        ...

    def loss(self, encoder: nn.Module, beside: nn.Module, batch: Data) -> Float[Tensor, ""]:
        """Say how wrong the encoder is on one batch; may draw from torch's global generator, which the caller seeds."""
        ...


def encode(encoder: nn.Module, batch: Data) -> Float[Tensor, "some dim"]:
    """Embed the nodes of a batch; of a sampled one (`MiniBatches`) its seeds."""
    trimmed = "num_sampled_nodes" in batch and _trims(encoder)
    sampled = {key: batch[key] for key in ("num_sampled_nodes", "num_sampled_edges")} if trimmed else {}
    z: Tensor = encoder(batch.x, batch.edge_index, batch.edge_weight, **sampled)
    return seeds(z, batch)


def seeds(rows: Shaped[Tensor, "nodes ..."], batch: Data) -> Shaped[Tensor, "some ..."]:
    """Return the rows of the nodes that a batch is about: all or, in a sampled one, those that come first."""
    return rows[: batch.batch_size] if "batch_size" in batch else rows


def changed(batch: Data, /, **other: Any) -> Data:
    """Copy a batch, with some things in it replaced; tensors are shared."""
    copied = copy.copy(batch)
    for key, value in other.items():
        copied[key] = value
    return copied


def _trims(encoder: nn.Module) -> bool:
    """Say whether an encoder can leave out what the seeds of a sampled neighbourhood do not depend on."""
    module = encoder.module if isinstance(encoder, NodeTable) else encoder
    return "num_sampled_nodes" in signature(module.forward).parameters


def whole(graph: Graph, **more: Tensor) -> Data:
    """Return the graph as one batch, without its labels and masks, with ``more`` beside it; tensors are shared."""
    given = graph.data.to_dict()
    batch = Data(num_nodes=graph.num_nodes, **{key: given.get(key) for key in ("x", "edge_index", "edge_weight")})
    return changed(batch, **more)


def check_inputs(graph: Graph) -> None:
    """Refuse a graph that an encoder cannot read; its data may have been changed since it was made.

    Raises:
        DataError: There are no nodes, or their inputs are missing or not finite.
    """
    if graph.data.x is None or not graph.num_nodes:
        raise DataError(f"there is no node with inputs (data.x) to learn from: {graph}")
    check_numbers(graph.data, graph.names)


def input_width(graph: Graph, objective: str) -> int:
    """Count the numbers that describe a node, which an objective needs for what it does with them.

    Raises:
        DataError: There are none.
    """
    x = graph.data.x
    if x is None or not x.is_floating_point():
        raise DataError(
            f"{objective} hides features and needs nodes that have some; this graph has none: {graph}; "
            'give it some (data.x), or train with features="structural"'
        )
    return int(x.shape[1])


def output_width(encoder: nn.Module, graph: Graph) -> int:
    """Find the length of an encoder's vectors, by embedding one node without edges.

    Raises:
        DataError: There are no nodes, or their inputs are missing or not finite.

    Example:
        >>> from torch_geometric.nn import GCNConv
        >>> with torch.random.fork_rng():
        ...     conv = GCNConv(3, 5)
        >>> output_width(conv, Graph(Data(x=torch.ones(2, 3), edge_index=torch.empty(2, 0, dtype=torch.long))))
        5
    """
    check_inputs(graph)
    device = next((value.device for value in encoder.parameters()), torch.device("cpu"))
    weight = None if graph.data.edge_weight is None else torch.empty(0, device=device)
    was_training = encoder.training
    encoder.eval()
    with torch.no_grad():
        z = encoder(graph.data.x[:1].to(device), torch.empty(2, 0, dtype=torch.long, device=device), weight)
    encoder.train(was_training)
    return int(z.shape[1])
