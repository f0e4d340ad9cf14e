"""`Pooled`: any encoder of nodes becomes one of graphs, by reading a vector of each graph off those of its nodes."""

import dataclasses as dc
from typing import Any, Self

import torch
from sklearn.base import BaseEstimator, clone

from graphembed.embedding import Embedding
from graphembed.encoders.many import Many, as_many
from graphembed.encoders.protocol import Encoder, describe
from graphembed.parallel import one_thread
from graphembed.pooling import HOWS, pool

_TRAINED = "trained"


@dc.dataclass(eq=False)
class Pooled(BaseEstimator):
    """One vector per graph: z_G = readout(z_v, v in G).

    The encoder sees all graphs side by side. Where it works on new nodes (`Inductive`, encoders of roles), this works
    on new graphs.

    Args:
        encoder: Embeds nodes.
        readout: ``"sum"``, ``"mean"``, ``"max"`` or ``"moments"`` (`graphembed.pooling.pool`); or ``"trained"``: what
            an objective of graphs trained beside the encoder.

    Attributes:
        encoder_: The one that was fitted.

    Raises:
        ValueError: An unknown readout, or a trained one where none was trained.

    Example:
        >>> import networkx as nx
        >>> from graphembed.encoders.structural import refex
        >>> shapes = {"path": nx.path_graph(4), "ring": nx.cycle_graph(5)}
        >>> encoder = Pooled(refex(), "mean").fit(shapes)
        >>> encoder.transform({"larger ring": nx.cycle_graph(6)}).names
        ('larger ring',)

    References:
        Zaheer et al. 2017, "Deep sets", theorem 2.
    """

    encoder: Encoder
    readout: str = "sum"

    def fit(self, graphs: Any, /) -> Self:
        """Fit a copy of the encoder on the graphs side by side.

        Args:
            graphs: A mapping from names to graphs, a list of them, or what `graphembed.merge` makes.

        Raises:
            DataError: There are no graphs, or one of them cannot be read.
        """
        return self._fit(as_many(graphs))

    def transform(self, graphs: Any, /) -> Embedding:
        """Embed graphs, also new ones; rows are named after them."""
        return self._transform(as_many(graphs))

    def fit_transform(self, graphs: Any, /) -> Embedding:
        """Do both on the same graphs."""
        many = as_many(graphs)
        return self._fit(many)._transform(many)

    def _fit(self, many: Many) -> Self:
        if self.readout not in (*HOWS, _TRAINED):
            raise ValueError(f"readout must be one of {', '.join((*HOWS, _TRAINED))}, got {self.readout!r}")
        self.encoder_ = clone(self.encoder).fit(many.graph)
        if self.readout == _TRAINED:
            self._trained()
        return self

    def _transform(self, many: Many) -> Embedding:
        nodes = self.encoder_.transform(many.graph)
        if self.readout != _TRAINED:
            found = pool(nodes, many.batch, self.readout, many.names)
            return Embedding(found.values, found.names, self._made())
        readout = self._trained()
        device = next((value.device for value in readout.parameters()), torch.device("cpu"))
        with torch.no_grad(), one_thread():
            z = torch.from_numpy(nodes.values.copy()).to(device)
            own = torch.from_numpy(many.batch).to(device)
            values = readout.eval()(z, own, dim_size=len(many.names)).cpu().numpy()
        return Embedding(values, many.names, self._made())

    def _made(self) -> dict[str, Any]:
        return describe(self) | {"encoder": type(self).__name__, "nodes": describe(self.encoder)}

    def _trained(self) -> torch.nn.Module:
        readout = getattr(getattr(self.encoder_, "beside_", None), "readout", None)
        if not isinstance(readout, torch.nn.Module):
            raise ValueError(
                "readout='trained' needs an encoder that trained one: Inductive with GraphClassification, GraphInfomax "
                f"or GraphContrast; {type(self.encoder_).__name__} did not: take 'sum', 'mean', 'max' or 'moments'"
            )
        return readout
