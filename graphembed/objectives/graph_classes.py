"""Classes of graphs: those of some graphs are known."""

import dataclasses as dc
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn
from torch_geometric.data import Data

from graphembed.errors import DataError
from graphembed.graph import Graph
from graphembed.objectives.graphs import count_graphs, graph_batches, make_readout, read_out, side_by_side
from graphembed.objectives.protocol import changed

_AT_ONCE = 256  # graphs that are classified together


@dc.dataclass(frozen=True)
class GraphClassification:
    """Find the class of labelled graphs, from a vector that is read off their nodes.

    loss = mean cross-entropy of W dropout(z_G) + b over the graphs of a batch, z_G = readout(z_v, v in G). The readout
    (`graphembed.nn.deepsets.DeepSets`) and W stand beside the encoder. With `GNN(jump="cat", out_channels=None)` and a
    sum this is GIN's readout: the sums of all layers behind each other.

    Args:
        labels: Class of each graph, from 0; -1 where nobody is to look.
        graphs: Which graphs to learn from; by default all that have a class and are not held out.
        held_out: Which graphs to validate on, for early stopping.
        readout: How nodes are pooled: ``"sum"``, ``"mean"``, ``"max"``, ``"moments"`` or ``"attention"``.
        hidden: Width of perceptrons before and after the pooling; 0 for none.
        dropout: Share of the entries of z_G left out while it learns.
        batch_size: Graphs in a batch.

    Raises:
        ValueError: A setting is out of range.
        DataError: There is not one class per graph, no graph to learn from, or one that does not exist or has no class.

    Example:
        >>> import networkx as nx
        >>> from graphembed.graph import merge
        >>> pair = merge({"path": nx.path_graph(3), "ring": nx.cycle_graph(4)})
        >>> pair.data.x = torch.ones(7, 1)
        >>> GraphClassification([0, 1]).batches(pair, seed=0)[0].target
        tensor([1, 0])

    References:
        Xu et al. 2019, "How powerful are graph neural networks?", equation 4.2 and section 7.
    Differs from the paper: dropout before W instead of behind it.
    """

    labels: Sequence[int]
    graphs: Sequence[int] | None = None
    held_out: Sequence[int] = ()
    readout: str = "sum"
    hidden: int = 0
    dropout: float = 0.5
    batch_size: int = 32

    def __post_init__(self) -> None:
        if not 0 <= self.dropout < 1 or self.hidden < 0 or self.batch_size < 1:
            raise ValueError(
                "dropout must be at least 0 and below 1, hidden at least 0 and batch_size at least 1, got "
                f"dropout={self.dropout}, hidden={self.hidden}, batch_size={self.batch_size}"
            )

    def prepare(self, encoder: nn.Module, graph: Graph) -> nn.Module:
        """Make the readout and W."""
        self._chosen(graph)
        readout = make_readout(encoder, graph, self.readout, self.hidden)
        head = nn.Sequential(nn.Dropout(self.dropout), nn.Linear(readout.out_channels, int(max(self.labels)) + 1))
        return nn.ModuleDict({"readout": readout, "head": head})

    def batches(self, graph: Graph, seed: int) -> Sequence[Data]:
        """Return batches of whole graphs with ``target`` (graphs,), their classes."""
        labels = torch.from_numpy(np.asarray(self.labels, np.int64))
        parts = graph_batches(graph, self._chosen(graph), self.batch_size, seed)
        return _Labelled(parts, labels)

    def valid(self, encoder: nn.Module, beside: nn.Module, graph: Graph) -> float:
        """Return the share of the graphs held out whose class is found, less up to half a graph as the loss grows.

        Among epochs that find as many, the one of the smallest cross-entropy is best: few graphs are coarse.

        Raises:
            ValueError: No graphs are held out.
        """
        if not len(self.held_out):
            raise ValueError("validation needs graphs that are held out: give held_out=...")
        rows = self._rows(graph, self.held_out)
        label = torch.from_numpy(np.asarray(self.labels, np.int64)[rows])
        logits = graph_scores(encoder, beside, graph, rows).cpu()
        loss = float(F.cross_entropy(logits, label))
        right = float((logits.argmax(dim=1) == label).float().mean())
        return right - loss / (1 + loss) / 2 / len(rows)

    def loss(self, encoder: nn.Module, beside: nn.Module, batch: Data) -> Float[Tensor, ""]:
        """Encode the graphs, read a vector off each and classify it."""
        _, z = read_out(encoder, beside.readout, batch)  # type: ignore[arg-type]
        return F.cross_entropy(beside.head(z), batch.target)  # type: ignore[operator]

    def _chosen(self, graph: Graph) -> NDArray[np.int64]:
        if len(self.labels) != (count := count_graphs(graph)):
            raise DataError(f"expected one label per graph, got {len(self.labels)} for {count} graphs")
        if self.graphs is None:
            known = np.flatnonzero(np.asarray(self.labels) >= 0)
            rows = np.setdiff1d(known, np.asarray(self.held_out, np.int64))
        else:
            rows = self._rows(graph, self.graphs)
        if not rows.size:
            raise DataError("there is no graph to learn from: give labels of at least 0, or graphs=...")
        return rows

    def _rows(self, graph: Graph, graphs: Sequence[int]) -> NDArray[np.int64]:
        rows = np.asarray(graphs)
        count = count_graphs(graph)
        if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu") or ((rows < 0) | (rows >= count)).any():
            raise DataError(f"graphs must be numbers from 0 to {count - 1}, got {rows[:5].tolist()}")
        if wrong := rows[np.asarray(self.labels)[rows] < 0].tolist():
            raise DataError(f"{len(wrong)} graphs to look at have no class: {wrong[:5]}")
        return rows.astype(np.int64)


class _Labelled(Sequence[Data]):
    """Batches of graphs that are told their classes."""

    def __init__(self, parts: Sequence[Data], labels: Tensor) -> None:
        self._parts, self._labels = parts, labels

    def __len__(self) -> int:
        return len(self._parts)

    def __getitem__(self, i: int) -> Data:  # type: ignore[override]
        batch = self._parts[i]
        return changed(batch, target=self._labels.index_select(0, batch.graphs))


def graph_scores(
    encoder: nn.Module, beside: nn.Module, graph: Graph, graphs: Sequence[int] | NDArray[np.int64]
) -> Float[Tensor, "graphs classes"]:
    """Return the logits of some graphs, by what `GraphClassification` trained."""
    device = next((value.device for value in beside.parameters()), torch.device("cpu"))
    rows = np.asarray(graphs, np.int64)
    beside.eval()
    found = []
    with torch.no_grad():
        for first in range(0, len(rows), _AT_ONCE):
            batch = side_by_side(graph, rows[first : first + _AT_ONCE]).to(device)
            found.append(beside.head(read_out(encoder.eval(), beside.readout, batch)[1]))  # type: ignore[arg-type,operator]
    scores: Tensor = torch.cat(found)
    return scores
