"""What every objective promises, and the little that several of them share."""

from collections.abc import Iterable
from inspect import signature
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch_geometric.data import Data

from graphembed.errors import DataError
from graphembed.graph import Graph
from graphembed.nn.gnn import NodeTable


@runtime_checkable
class Objective(Protocol):
    """What an encoder is trained for.

    The encoder is called as ``encoder(x, edge_index, edge_weight)`` and returns (nodes, dim).
    """

    def prepare(self, encoder: nn.Module, graph: Graph) -> nn.Module:
        """Make what is trained beside the encoder (decoder, classifier, ...), or an empty ``nn.Module()``.

        Draws from torch's global generator, which the caller seeds.
        """
        ...

    def batches(self, graph: Graph, seed: int) -> Iterable[Data]:
        """Yield what one epoch sees; all chance comes from ``seed``."""
        ...

    def loss(self, encoder: nn.Module, beside: nn.Module, batch: Data) -> Float[Tensor, ""]:
        """Say how wrong the encoder is on one batch; may draw from torch's global generator, which the caller seeds."""
        ...


def encode(encoder: nn.Module, batch: Data) -> Float[Tensor, "some dim"]:
    """Embed the nodes of a batch; of a sampled one (`MiniBatches`) its seeds."""
    if "num_sampled_nodes" not in batch:
        z: Tensor = encoder(batch.x, batch.edge_index, batch.edge_weight)
        return z
    sampled = {key: batch[key] for key in ("num_sampled_nodes", "num_sampled_edges")} if _trims(encoder) else {}
    z = encoder(batch.x, batch.edge_index, batch.edge_weight, **sampled)
    return z[: batch.batch_size]


def _trims(encoder: nn.Module) -> bool:
    """Say whether an encoder can leave out what the seeds of a sampled neighbourhood do not depend on."""
    module = encoder.module if isinstance(encoder, NodeTable) else encoder
    return "num_sampled_nodes" in signature(module.forward).parameters


def whole(graph: Graph, **more: Tensor) -> Data:
    """Copy the graph's data as one batch, without its labels and masks, with ``more`` beside it.

    Tensors are shared, not copied.
    """
    given = graph.data.to_dict()
    batch = Data(num_nodes=graph.num_nodes, **{key: given.get(key) for key in ("x", "edge_index", "edge_weight")})
    for key, value in more.items():
        batch[key] = value
    return batch


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
        DataError: The graph has no nodes or no inputs.

    Example:
        >>> from torch_geometric.nn import GCNConv
        >>> with torch.random.fork_rng():
        ...     conv = GCNConv(3, 5)
        >>> output_width(conv, Graph(Data(x=torch.ones(2, 3), edge_index=torch.empty(2, 0, dtype=torch.long))))
        5
    """
    if graph.data.x is None or not graph.num_nodes:
        raise DataError(f"there is no node with inputs (data.x) to learn from: {graph}")
    device = next((value.device for value in encoder.parameters()), torch.device("cpu"))
    weight = None if graph.data.edge_weight is None else torch.empty(0, device=device)
    was_training = encoder.training
    encoder.eval()
    with torch.no_grad():
        z = encoder(graph.data.x[:1].to(device), torch.empty(2, 0, dtype=torch.long, device=device), weight)
    encoder.train(was_training)
    return int(z.shape[1])
