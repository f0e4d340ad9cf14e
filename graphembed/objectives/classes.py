"""Classes: the labels of some nodes are known."""

import dataclasses as dc
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float
from torch import Tensor, nn
from torch_geometric.data import Data

from graphembed.errors import DataError
from graphembed.graph import Graph
from graphembed.losses import arcface, cosface, unit
from graphembed.objectives.protocol import encode, output_width, whole
from graphembed.objectives.sampled import MiniBatches

_HEADS = ("softmax", "arcface", "cosface")


@dc.dataclass(frozen=True)
class NodeClassification:
    """Find the class of labelled nodes.

    loss = cross-entropy of logits, averaged over the labelled nodes. ``"softmax"``: logits = W z + b. ``"arcface"``:
    scale * cos(theta + margin) for a node's own class and scale * cos(theta) for the others, theta being the angle
    between z and the class's row of W; ``"cosface"``: scale * (cos(theta) - margin). W stands beside the encoder.
    Labels of other nodes are in no batch.

    Args:
        head: ``"softmax"``, ``"arcface"`` or ``"cosface"``.
        nodes: Rows of the nodes to learn from; by default where ``data.train_mask`` is True.
        smoothing: Share of the target that is spread over all classes.
        margin: Angle in radians (arcface) or cosine (cosface).
        scale: What cosines are multiplied by.
        sampled: Learn from some nodes at a time, with sampled neighbourhoods; by default the whole graph is one batch.

    Raises:
        ValueError: A setting is out of range.
        DataError: There are no labels, no nodes to learn from, or rows that do not exist or have no label.

    Example:
        >>> from graphembed.datasets import load
        >>> (batch,) = NodeClassification(nodes=[0, 33]).batches(load("karate"), seed=0)
        >>> (batch.target >= 0).nonzero().T
        tensor([[ 0, 33]])

    References:
        Kipf and Welling 2017, "Semi-supervised classification with graph convolutional networks", equation 10.
        Szegedy et al. 2016, "Rethinking the inception architecture for computer vision", section 7, for smoothing.
        Deng et al. 2019, "ArcFace", equation 3. Wang et al. 2018, "CosFace", equation 4.
    """

    head: str = "softmax"
    nodes: Sequence[int] | None = None
    smoothing: float = 0.0
    margin: float = 0.2
    scale: float = 16.0
    sampled: MiniBatches | None = None

    def __post_init__(self) -> None:
        if self.head not in _HEADS:
            raise ValueError(f"head must be one of {', '.join(_HEADS)}, got {self.head!r}")
        if not 0 <= self.smoothing <= 1 or self.margin < 0 or not self.scale > 0:
            raise ValueError(
                "smoothing must be between 0 and 1, margin at least 0 and scale positive, got "
                f"smoothing={self.smoothing}, margin={self.margin}, scale={self.scale}"
            )

    def prepare(self, encoder: nn.Module, graph: Graph) -> nn.Module:
        """Make W."""
        self._target(graph)
        classes = int(graph.data.y.max()) + 1
        return nn.Linear(output_width(encoder, graph), classes, bias=self.head == "softmax")

    def batches(self, graph: Graph, seed: int) -> Sequence[Data]:
        """Return the whole graph, or parts, with ``target`` (nodes,): the class, or -1 where nobody is to look."""
        target = self._target(graph)
        if self.sampled is None:
            return [whole(graph, target=target)]
        return self.sampled.of_nodes(graph, (target >= 0).nonzero()[:, 0].numpy(), seed, target=target)

    def valid(self, encoder: nn.Module, beside: nn.Module, graph: Graph) -> float:
        """Return the share of the nodes in ``data.val_mask`` whose class is found.

        Raises:
            DataError: The graph has no such nodes.
        """
        mask = graph.data.get("val_mask")
        if mask is None or not mask.any():
            raise DataError(f"validation needs data.val_mask (nodes,) with True for some nodes: {graph}")
        device = next(encoder.parameters()).device
        z = encode(encoder, whole(graph).to(device))[mask.to(device)]
        found = (beside(z) if self.head == "softmax" else unit(z) @ unit(beside.weight).T).argmax(dim=1)  # type: ignore[arg-type]
        return float((found.cpu() == graph.data.y[mask]).float().mean())

    def loss(self, encoder: nn.Module, beside: nn.Module, batch: Data) -> Float[Tensor, ""]:
        """Encode the batch and classify the nodes that have a target."""
        z, label = encode(encoder, batch), batch.target
        known = label >= 0
        if not known.all():  # of the nodes of a sampled batch all are
            z, label = z[known], label[known]
        if self.head == "softmax":
            logits = beside(z)
        else:
            cosines = (unit(z) @ unit(beside.weight).T).clamp(-1, 1)  # type: ignore[arg-type]
            moved = (arcface if self.head == "arcface" else cosface)(cosines, label, self.margin)
            logits = self.scale * moved
        return F.cross_entropy(logits, label, reduction="sum", label_smoothing=self.smoothing) / max(len(label), 1)

    def _target(self, graph: Graph) -> Tensor:
        y = graph.data.y
        if y is None or y.dim() != 1 or y.is_floating_point():
            shape = "none" if y is None else f"{y.dtype} {list(y.shape)}"
            raise DataError(
                f"NodeClassification needs one class per node in data.y, whole numbers (nodes,); got {shape}"
            )
        mask = graph.data.get("train_mask")
        if self.nodes is None and mask is None:
            raise DataError("there is nothing to learn from: give nodes=..., or a graph with data.train_mask")
        rows = mask.nonzero()[:, 0].numpy() if self.nodes is None else np.asarray(self.nodes)
        if not rows.size or rows.dtype.kind not in "iu" or rows.min() < 0 or rows.max() >= graph.num_nodes:
            raise DataError(
                f"nodes must be some rows of the graph, from 0 to {graph.num_nodes - 1}, got {rows.size} "
                f"{rows.dtype} {rows[:5].tolist()}"
            )
        target = torch.full((graph.num_nodes,), -1)
        target[rows] = y[rows].long()
        if (target[rows] < 0).any():
            wrong = [graph.names[row] for row in rows.tolist() if y[row] < 0]
            raise DataError(f"{len(wrong)} nodes to learn from have no class: {wrong[:5]}")
        return target
