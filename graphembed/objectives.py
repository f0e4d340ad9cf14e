"""What a module is trained for: which batches to see, and how wrong it is on one.

An objective has two methods, ``batches(graph)`` and ``loss(module, batch)``; `graphembed.training.train` is the loop.
"""

import dataclasses as dc
from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch_geometric.data import Data

from graphembed.graph import Graph
from graphembed.losses import link_loss
from graphembed.nn.decoders import scaled_dot
from graphembed.sampling import edges_and_others


@runtime_checkable
class Objective(Protocol):
    """What a module is trained for."""

    def batches(self, graph: Graph) -> Iterable[Data]:
        """Yield what one epoch sees."""
        ...

    def loss(self, module: nn.Module, batch: Data) -> Float[Tensor, ""]:
        """Say how wrong the module is on one batch."""
        ...


@dc.dataclass(frozen=True)
class LinkReconstruction:
    """Tell edges from unlinked pairs by the scaled inner product of the node vectors (graph auto-encoder).

    loss = mean over edges softplus(-s_uv) + mean over unlinked pairs softplus(s_uv), s_uv = z_u . z_v / sqrt(dim), with
    fresh unlinked pairs in each epoch, as many as edges (or all, if there are fewer). The whole graph is one batch.

    References:
        Kipf and Welling 2016, "Variational graph auto-encoders", section 2 (GAE).
    Differs from the paper: unlinked pairs are sampled instead of reweighing all of them; scores are scaled.
    """

    def batches(self, graph: Graph) -> Iterable[Data]:
        """Yield the whole graph with ``edge_label_index`` (2, pairs) and ``edge_label`` (pairs,): edge or not."""
        edges, others = edges_and_others(graph, np.random.default_rng(int(torch.randint(2**62, ()))))
        batch = Data(**graph.data.to_dict())
        batch.edge_label_index = torch.from_numpy(np.concatenate([edges, others]).T.copy())
        batch.edge_label = torch.arange(len(edges) + len(others)) < len(edges)
        yield batch

    def loss(self, module: nn.Module, batch: Data) -> Float[Tensor, ""]:
        """Encode the batch and score its pairs."""
        z = module(batch.x, batch.edge_index, batch.edge_weight)
        score = scaled_dot(z, batch.edge_label_index)
        return link_loss(score[batch.edge_label], score[~batch.edge_label])
