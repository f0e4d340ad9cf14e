"""Held-out edges: what objectives that learn from edges are validated on."""

from collections.abc import Callable
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from graphembed.graph import Graph
from graphembed.metrics import auc
from graphembed.objectives.protocol import encode, whole
from graphembed.splits import LabelledPairs, split_edges


def check_share(held_out: float) -> None:
    """Refuse a share that is none.

    Raises:
        ValueError: It is below 0 or not below 1.
    """
    if not 0 <= held_out < 1:
        raise ValueError(f"held_out must be a share of at least 0 and below 1, got {held_out}")


def observed(graph: Graph, held_out: float, seed: int) -> Graph:
    """Return the graph less a share of its linked pairs: all there is between two nodes, in both directions.

    Example:
        >>> from graphembed.datasets import load
        >>> observed(load("karate"), 0.1, seed=0).num_edges, load("karate").num_edges
        (70, 78)
    """
    return _split(graph, held_out, seed)[0] if held_out else graph


@torch.no_grad()
def held_out_auc(
    encoder: nn.Module, graph: Graph, held_out: float, seed: int, score: Callable[[Tensor, Tensor], Tensor]
) -> float:
    """Return the chance that a held-out edge scores above an unlinked pair, by vectors made without held-out edges.

    Args:
        encoder: Makes the vectors.
        graph: All of it.
        held_out: Share of its linked pairs.
        seed: Which ones.
        score: Of vectors (nodes, dim) and pairs (2, pairs).

    Raises:
        ValueError: Nothing is held out.
    """
    if not held_out:
        raise ValueError("early stopping needs edges that are held out and there are none: set held_out=0.1, or so")
    rest, asked = _split(graph, held_out, seed)
    device = next((value.device for value in encoder.parameters()), torch.device("cpu"))
    z = encode(encoder, whole(rest).to(device))
    return auc(asked.label, score(z, torch.from_numpy(asked.pairs.T.copy()).to(device)).float().cpu().numpy())


_SPLITS: WeakKeyDictionary[Graph, dict[tuple[float, int], tuple[Graph, LabelledPairs]]] = WeakKeyDictionary()


def _split(graph: Graph, held_out: float, seed: int) -> tuple[Graph, LabelledPairs]:
    """Return the graph without the held-out edges, and these with as many unlinked pairs; made once."""
    known = _SPLITS.setdefault(graph, {})
    if (held_out, seed) not in known:
        split = split_edges(graph, test=held_out, valid=0.0, seed=seed)
        known[held_out, seed] = split.observed, split.test  # not the split, which would keep the graph alive
    return known[held_out, seed]
