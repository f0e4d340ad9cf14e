"""`Space`: three questions about the nodes of one graph: who is near, who plays the same part, who belongs together.

The three are different. Two managers of different departments play the same part and are far from each other; a manager
is near to her people and plays another part. One encoder sees nearness, another sees parts; side by side they are one
embedding, which heads for links, roles and communities can all read.
"""

import dataclasses as dc
from functools import cached_property
from typing import Any, Literal

import numpy as np
from sklearn.base import clone

from graphembed.embedding import Embedding
from graphembed.encoders.protocol import Encoder
from graphembed.encoders.recipes import prone
from graphembed.encoders.structural import xnetmf
from graphembed.errors import DataError
from graphembed.graph import Graph, as_graph
from graphembed.heads.communities import Communities
from graphembed.heads.roles import Roles

BY = ("proximity", "role", "community")


@dc.dataclass(eq=False)
class Space:
    """The nodes of a graph, by nearness, by role and by community; each is worked out when it is first asked for.

    Args:
        graph: Anything `graphembed.as_graph` reads.
        proximity: The encoder that sees who is near; by default `graphembed.encoders.recipes.prone` with 64 numbers.
        role: The encoder that sees who plays which part; by default xnetmf with rings of
            four hops: what is far counts less, so that small changes of a graph move nobody far.
        communities: Who finds communities; by default Leiden on the edges. One for vectors gets those of nearness.
        seed: Of the defaults.

    Example:
        >>> from graphembed import load
        >>> company = Space(load("company"))
        >>> [name for name, _ in company.similar("Tara Bauer", by="role", k=2)]  # middle managers like her
        ['Mei Brandt', 'Tara Kovacs']

    References:
        Rossi and Ahmed 2015, "Role discovery in networks", section 2, on the difference.
    """

    graph: Any
    proximity: Encoder | None = None
    role: Encoder | None = None
    communities: Communities | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        self.graph: Graph = as_graph(self.graph)

    @cached_property
    def near(self) -> Embedding:
        """Vectors whose cosine says who is near."""
        encoder = prone(dim=64, seed=self.seed) if self.proximity is None else clone(self.proximity)
        return encoder.fit_transform(self.graph)

    @cached_property
    def alike(self) -> Embedding:
        """Vectors whose distance says who plays the same part."""
        encoder = xnetmf(hops=4, discount=0.8, seed=self.seed) if self.role is None else clone(self.role)
        return encoder.fit_transform(self.graph)

    @cached_property
    def groups(self) -> Communities:
        """Who belongs together."""
        head = Communities("leiden", seed=self.seed) if self.communities is None else clone(self.communities)
        return head.fit(self.graph) if head.method in ("leiden", "louvain") else head.fit(self.near, self.graph)

    @cached_property
    def roles(self) -> Roles:
        """Who plays which part, and what the parts look like."""
        return Roles(seed=self.seed).fit(self.alike, self.graph)

    @cached_property
    def embedding(self) -> Embedding:
        """`near` and `alike` side by side, each scaled to a mean squared length of one."""
        parts = self.near, self.alike
        even = [part.values / max(float(np.sqrt((part.values**2).sum(axis=1).mean())), 1e-30) for part in parts]
        source = {"encoder": "Space", "parts": [dict(part.source) for part in parts]}
        return Embedding(np.concatenate(even, axis=1), self.graph.names, source)

    def similar(
        self, node: str, by: Literal["proximity", "role", "community"] = "proximity", k: int = 10
    ) -> list[tuple[str, float]]:
        """Return the nodes most similar to one, best first, with their similarities.

        Args:
            node: A name.
            by: ``"proximity"``: cosine of vectors that see nearness. ``"role"``: 1 / (1 + d), d the distance of vectors
                that see parts. ``"community"``: those in the same community, by the cosine of ``"proximity"``.
            k: How many; a community may have fewer others.

        Raises:
            UnknownNameError: There is no such node.
            DataError: ``k`` is below 1, or ``by`` is something else.
        """
        if by not in BY:
            raise DataError(f"by must be one of {', '.join(map(repr, BY))}, got {by!r}")
        if k < 1:
            raise DataError(f"k must be at least 1, got {k}")
        if by == "proximity":
            return self.near.nearest(node, k)
        if by == "role":
            own = self.alike[node].astype(np.float64)
            far = np.linalg.norm(self.alike.values - own, axis=1)
            found = [(name, float(1 / (1 + d))) for name, d in zip(self.graph.names, far, strict=True) if name != node]
        else:
            near = dict(self.near.nearest(node, len(self.near)))
            (own_group,) = self.groups.predict([node])
            members = self.groups.groups()[own_group] if own_group >= 0 else []
            found = [(name, near[name]) for name in members if name != node]
        return sorted(found, key=lambda pair: -pair[1])[:k]
