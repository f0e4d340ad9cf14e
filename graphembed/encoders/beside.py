"""`Beside`: the vectors of several encoders side by side."""

import dataclasses as dc
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, clone

from graphembed.embedding import Embedding
from graphembed.encoders.protocol import Encoder, describe
from graphembed.graph import as_graph


@dc.dataclass(eq=False)
class Beside(BaseEstimator):
    """Several encoders fitted on one graph, their vectors behind each other, with as much to say each.

    z = (z_1 - mean_1) / spread_1, (z_2 - mean_2) / spread_2, ... where spread^2 is the mean squared distance from the
    mean. What all of them keep it keeps, too: works on other graphs, equal vectors for an orbit.

    Args:
        encoders: Which.

    Attributes:
        encoders_: Those that were fitted.

    Example:
        >>> import networkx as nx
        >>> from graphembed.encoders.heat import HeatWavelets
        >>> from graphembed.encoders.recursive import Recursive
        >>> Beside((Recursive(), HeatWavelets())).fit_transform(nx.path_graph(5))
        Embedding(5 items, dim 105, Beside)
    """

    encoders: tuple[Encoder, ...]

    def fit(self, graph: Any, /) -> Self:
        """Fit a copy of each."""
        if not self.encoders:
            raise ValueError("at least one encoder is needed, got none")
        graph = as_graph(graph)
        self.encoders_ = [clone(encoder).fit(graph) for encoder in self.encoders]
        tables = [encoder.transform(graph).values.astype(np.float64) for encoder in self.encoders_]
        self.means_ = [table.mean(axis=0) for table in tables]
        self.spreads_ = [float(np.sqrt(table.var(axis=0).sum())) or 1.0 for table in tables]
        return self

    def transform(self, graph: Any, /) -> Embedding:
        """Embed the nodes of a graph as each of them does."""
        graph = as_graph(graph)
        tables = [encoder.transform(graph).values for encoder in self.encoders_]
        parts = [(z - m) / s for z, m, s in zip(tables, self.means_, self.spreads_, strict=True)]
        return Embedding(np.concatenate(parts, axis=1).astype(np.float32), graph.names, describe(self))

    def fit_transform(self, graph: Any, /) -> Embedding:
        """Do both on one graph."""
        graph = as_graph(graph)
        return self.fit(graph).transform(graph)
