"""`Roles`: which nodes play the same part, though they may be far apart: two managers of different departments.

Vectors come from a structural encoder, for which nodes in alike places have alike vectors; the head finds groups of
them, says what each looks like, whom it deals with, and who plays it in another graph. Vectors are compared as they
are: what a column is worth is the encoder's business.
"""

import dataclasses as dc
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator

from graphembed.embedding import Embedding
from graphembed.errors import DataError, UnknownNameError, first_few
from graphembed.graph import Graph, as_graph
from graphembed.heads import grouping, portraits
from graphembed.metrics.partitions import against
from graphembed.parallel import one_thread

_CHOICES = ("silhouette", "description")


@dc.dataclass(eq=False)
class Roles(BaseEstimator):
    """Assign roles, describe them, and find them again.

    Groups are those of average linkage or of k-means, whichever have the better silhouette. Then each vector goes to
    the group it is nearest to, by energy distance E (see `graphembed.heads.grouping.nearness`), and plays role r with
    the share E_r^-1 / sum_s E_s^-1. Equal vectors always share a role.

    Args:
        k: How many roles; None chooses.
        choose: How: the number of roles with the best mean ``"silhouette"`` (where a role that one node plays counts
            nothing), or with the shortest ``"description"`` of the vectors in bits, which finds finer roles.
        most: Largest number that is tried.
        seed: k-means starts from points that are drawn; where there are many nodes, some that are drawn stand for all.

    Attributes:
        k_: How many roles there are; role 0 is played by most nodes.
        labels_: (nodes,) role of each.
        names_: Their names.

    Example:
        >>> from graphembed.datasets.orbits import barbell
        >>> from graphembed.encoders.recursive import Recursive
        >>> graph = barbell()
        >>> roles = Roles().fit(Recursive().fit_transform(graph), graph)
        >>> roles.k_
        7

    References:
        Henderson et al. 2012, "RolX: structural role extraction and mining in large graphs": roles, their description
        by other measurements, their transfer.
    """

    k: int | None = None
    choose: str = "silhouette"
    most: int = 12
    seed: int = 0

    def fit(self, embedding: Embedding, graph: Any = None, /) -> Self:
        """Find the roles.

        Args:
            embedding: Vectors of a structural encoder.
            graph: Where the nodes come from, for `describe` and `connections`; its nodes are those of the embedding.

        Raises:
            DataError: There are fewer different vectors than ``k`` roles, or none, or the graph has other nodes.
        """
        if self.choose not in _CHOICES or self.most < 1:
            raise ValueError(
                f"choose must be 'silhouette' or 'description' and most at least 1, got {self.choose!r} and {self.most}"
            )
        z = _vectors(embedding)
        self.graph_: Graph | None = None if graph is None else as_graph(graph)
        if self.graph_ is not None and tuple(self.graph_.names) != tuple(embedding.names):
            raise DataError(
                f"expected the nodes of the embedding, in the same order, got {self.graph_}: encode it again"
            )
        self.embedding_, self.names_ = embedding, embedding.names
        with one_thread():
            self.points_ = grouping.points_of(z, self.seed)
            self.group_ = self._largest_first(self._groups())
        self.k_ = int(self.group_.max()) + 1
        self.labels_ = self._far(embedding).argmin(axis=1)
        return self

    def memberships(self, embedding: Embedding | None = None) -> pd.DataFrame:
        """How much each node plays each role: rows of names that add up to 1, a column for each role.

        Args:
            embedding: Of another graph, by the same fitted encoder; by default that of ``fit``.

        Raises:
            DataError: The vectors have another dimension.
        """
        some = self.embedding_ if embedding is None else embedding
        names = pd.Index(list(some.names), name="name")
        return pd.DataFrame(_shares(self._far(some)), names, pd.RangeIndex(self.k_, name="role"))

    def predict(self, embedding: Embedding | None = None) -> pd.DataFrame:
        """Return a row for each node, of ``fit`` or of another graph: ``name``, ``role`` and ``membership`` in it.

        Raises:
            DataError: The vectors have another dimension.
        """
        some = self.embedding_ if embedding is None else embedding
        far = self._far(some)
        return pd.DataFrame(
            {"name": list(some.names), "role": far.argmin(axis=1), "membership": _shares(far).max(axis=1)}
        )

    def similar(self, name: str, k: int = 10) -> list[tuple[str, float]]:
        """Return the ``k`` nodes that play the most similar part, and how far their vectors are, nearest first.

        Raises:
            UnknownNameError: There is no such name.
            DataError: ``k`` is below 1.
        """
        if k < 1:
            raise DataError(f"k must be at least 1, got {k}")
        own = self.embedding_[name].astype(np.float64)
        far = cdist(self.embedding_.values.astype(np.float64), own[None])[:, 0]
        order = [row for row in np.argsort(far, kind="stable").tolist() if self.names_[row] != name]
        return [(self.names_[row], float(far[row])) for row in order[:k]]

    def describe(self) -> pd.DataFrame:
        """Say what each role looks like: a row of ``nodes``, mean facts (see `portraits.facts`) and ``words`` for each.

        Raises:
            DataError: ``fit`` got no graph.
        """
        return portraits.portraits(portraits.facts(self._seen(), self.seed), self.labels_, self.k_)

    def connections(self) -> pd.DataFrame:
        """Say who deals with whom: edges from one role (row) to another (column) over those expected from degrees.

        1 is chance, 0 never; NaN where a role has no edges.

        Raises:
            DataError: ``fit`` got no graph.
        """
        roles = pd.RangeIndex(self.k_, name="role")
        return pd.DataFrame(portraits.connections(self._seen(), self.labels_, self.k_), roles, roles)

    def plot(self, ax: Any = None) -> Any:
        """Draw which facts of each role are above and below those of all nodes; returns matplotlib's Axes.

        Args:
            ax: Axes to draw on; by default new ones (needs the extra ``plot``).

        Raises:
            DataError: ``fit`` got no graph.
        """
        return portraits.draw(portraits.facts(self._seen(), self.seed), self.labels_, ax)

    def score(self, truth: ArrayLike | Mapping[str, Any] | None = None) -> dict[str, float]:
        """Judge the roles by themselves and, if they are known, against the true ones.

        Args:
            truth: (nodes,) true roles, numbers or words, or name -> role; nodes without one (a negative number, or not
                in the mapping) are left out.

        Returns:
            ``roles``, how many; ``silhouette`` (NaN for one role); with the truth also ``purity``, the share of nodes
            whose true role is the most frequent one of theirs, and the scores of `graphembed.metrics.against`.

        Raises:
            DataError: There is not one true role per node.
        """
        with one_thread():
            found = {"roles": float(self.k_), "silhouette": grouping.silhouette(self.points_, self.group_)}
        if truth is None:
            return found
        codes = self._codes(truth)
        known = codes >= 0
        if not known.any():
            raise DataError(f"none of the {len(codes)} nodes has a known role")
        table = pd.crosstab(self.labels_[known], codes[known]).to_numpy()
        return found | {"purity": float(table.max(axis=1).sum() / table.sum())} | against(codes, self.labels_)

    def _far(self, embedding: Embedding) -> NDArray[np.float64]:
        """Say how far each node is from each role."""
        z = _vectors(embedding)
        if z.shape[1] != self.points_.at.shape[1]:
            raise DataError(
                f"roles were learnt from vectors of dimension {self.points_.at.shape[1]}, got {z.shape[1]}: use the "
                "same fitted encoder for both graphs, encoder.fit(one).transform(other)"
            )
        with one_thread():
            return grouping.nearness(z, self.points_, self.group_)

    def _groups(self) -> NDArray[np.int64]:
        """Return the best groups of the points: of k, or of the best number."""
        points, nodes = self.points_, len(self.names_)
        different = len(points.at)
        if self.k is not None and not 1 <= self.k <= nodes:
            raise DataError(f"k must be between 1 and the number of nodes, {nodes}, got {self.k}")
        if self.k is not None and self.k > different:
            what = "all vectors are the same" if different == 1 else f"only {different} vectors differ"
            raise DataError(
                f"{self.k} roles cannot be told apart: {what} of {nodes}; ask for fewer roles, or use an encoder that "
                "looks further"
            )
        one = np.zeros(different, np.int64)
        wanted = range(1, min(self.most, different) + 1) if self.k is None else [self.k]
        found = [
            one
            if k == 1
            else max(grouping.grouped(points, k, self.seed), key=lambda group: grouping.silhouette(points, group))
            for k in wanted
        ]
        if len(found) == 1:
            return found[0]
        if self.choose == "description":
            return min(found, key=lambda group: grouping.description(points, group))
        return max(found[1:], key=lambda group: grouping.silhouette(points, group))  # that of one role is not defined

    def _largest_first(self, group: NDArray[np.int64]) -> NDArray[np.int64]:
        order = np.argsort(-np.bincount(group, self.points_.weight), kind="stable")
        number = np.empty(len(order), np.int64)
        number[order] = np.arange(len(order))
        return number[group]

    def _seen(self) -> Graph:
        if self.graph_ is None:
            raise DataError("roles are described by the graph they are played in: give it to fit(embedding, graph)")
        return self.graph_

    def _codes(self, truth: ArrayLike | Mapping[str, Any]) -> NDArray[np.int64]:
        """Number the true roles; -1 where there is none."""
        if isinstance(truth, Mapping):
            if unknown := [name for name in truth if name not in self.embedding_.row]:
                raise UnknownNameError(f"{len(unknown)} nodes with a true role have no vector: {first_few(unknown)}")
            given = [truth.get(name) for name in self.names_]
            return np.asarray(pd.factorize(pd.Series(given, dtype=object))[0], np.int64)
        rows = np.asarray(truth)
        if rows.shape != (len(self.names_),):
            raise DataError(f"expected the true role of each of {len(self.names_)} nodes, got shape {rows.shape}")
        numbers = rows if rows.dtype.kind in "iu" else pd.factorize(rows)[0]
        return np.asarray(numbers, np.int64)


def _shares(far: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return shares in inverse proportion to distances; where some are 0 these have all."""
    least = np.maximum(far.min(axis=1, keepdims=True), np.finfo(float).tiny)
    near = least / np.maximum(far, least)
    shares: NDArray[np.float64] = near / near.sum(axis=1, keepdims=True)
    return shares


def _vectors(embedding: Any) -> NDArray[np.float64]:
    if not isinstance(embedding, Embedding) or not len(embedding):
        what = "an empty one" if isinstance(embedding, Embedding) else type(embedding).__name__
        raise DataError(f"roles are read from an Embedding, got {what}: encode the graph first")
    return embedding.values.astype(np.float64)
