"""`Communities`: which nodes belong together, by their vectors or by the edges themselves.

What is given decides what is clustered: vectors (an `Embedding`), or edges (a `Graph`). Methods for vectors are
k-means, spherical k-means, a Gaussian mixture and HDBSCAN. Leiden and Louvain cluster edges; given vectors, they
cluster the graph of near vectors. Edges count in both directions: the weights of u -> v and v -> u are added up,
self-loops are left out. A graph given beside vectors is what scores are taken from, and what the number of communities
can be chosen by.
"""

import dataclasses as dc
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from graphembed.bethe import spectrum
from graphembed.embedding import Embedding, unit
from graphembed.errors import DataError, UnknownNameError, first_few
from graphembed.graph import Graph, as_graph
from graphembed.heads import clustering, consensus
from graphembed.heads import leiden as by_edges
from graphembed.heads.clustering import Labels
from graphembed.metrics.partitions import against, conductance, coverage, modularity, singled

METHODS = ("kmeans", "spherical", "mixture", "hdbscan", "leiden", "louvain")
_ROUND = {"kmeans": clustering.kmeans, "spherical": clustering.spherical, "mixture": clustering.mixture}
_BY_EDGES = ("leiden", "louvain")
_CHOICES = ("silhouette", "modularity", "bethe")
_SHARPEST = 2.0**20  # resolution beyond which a graph is not split further


@dc.dataclass(eq=False)
class Communities(BaseEstimator):
    """Find communities, say how sure they are, and compare them with known ones.

    Args:
        method: ``"kmeans"``, ``"spherical"`` (k-means of directions), ``"mixture"`` (Gaussians), ``"hdbscan"`` (which
            leaves nodes out), ``"leiden"`` or ``"louvain"``.
        k: How many; None chooses: among 2 to ``most`` by ``choose``, while Leiden, Louvain and HDBSCAN find their own
            number. Leiden and Louvain reach a given one by the tree of communities (see `tree`).
        choose: The number whose communities have the best ``"silhouette"`` (of vectors) or ``"modularity"`` (of the
            graph that is given); ``"bethe"``: as many as can be seen in that graph, see `graphembed.bethe`.
        most: Largest number that is tried.
        resolution: Of Leiden and Louvain: above 1 communities are smaller, below larger.
        near: Neighbours of a vector, where Leiden and Louvain cluster vectors; least size of a community of HDBSCAN.
        runs: Partitions from so many seeds are put together (their consensus); `stability_` says how alike they are.
        seed: Everything random comes from it.

    Attributes:
        labels_: (nodes,) community of each node, 0 being the largest; -1 where HDBSCAN leaves a node out.
        names_: Their names.
        k_: How many communities there are.
        stability_: Mean ARI between the runs; 1 for one run.

    Example:
        >>> from graphembed.datasets import load
        >>> karate = load("karate")
        >>> found = Communities("leiden").fit(karate)
        >>> found.predict(["1", "2", "34"])
        [1, 1, 0]
        >>> round(found.score()["modularity"], 2)
        0.42

    References:
        See `graphembed.heads.clustering`, `graphembed.heads.leiden` and `graphembed.heads.consensus`.
    """

    method: str = "kmeans"
    k: int | None = None
    choose: str = "silhouette"
    most: int = 20
    resolution: float = 1.0
    near: int = 15
    runs: int = 1
    seed: int = 0

    def fit(self, source: Any, graph: Any = None, /) -> Self:
        """Find the communities.

        Args:
            source: What is clustered: an `Embedding`, or a graph (anything `graphembed.as_graph` reads).
            graph: Edges to choose and score by, where vectors are clustered.

        Raises:
            DataError: More communities than nodes or different vectors; a method that needs vectors got a graph; nodes
                that the graph does not know.
        """
        self._check()
        self._read(source, graph)
        if self.z_ is not None and self.method not in _BY_EDGES:
            clustering.check_vectors(self.clustered_, self.k)
        elif self.k is not None and not 1 <= self.k <= len(self.names_):
            raise DataError(f"k must be between 1 and the number of nodes, {len(self.names_)}, got {self.k}")
        k = self.k
        if k is None and self.method in _ROUND:
            k = self._chosen()
        partitions = [self._found(k, self.seed + run) for run in range(self.runs)]
        self.stability_ = consensus.agreement(partitions)
        if self.runs > 1:
            usual = int(np.median([len(np.unique(one[one >= 0])) for one in partitions]))
            partitions = [consensus.consensus(partitions, max(k or usual, 1), self.seed)]
        self.labels_ = clustering.ordered(partitions[0])
        self.k_ = int(self.labels_.max(initial=-1)) + 1
        return self

    def predict(self, names: Iterable[str] | None = None) -> list[int]:
        """Return the community of each name, by default of all nodes; -1 for none."""
        if names is None:
            return self.labels_.tolist()  # type: ignore[no-any-return]
        asked = list(names)
        row = {name: number for number, name in enumerate(self.names_)}
        if missing := [name for name in asked if name not in row]:
            raise UnknownNameError(f"there is no community of {first_few(missing)}; known are {first_few(self.names_)}")
        return [int(self.labels_[row[name]]) for name in asked]

    def groups(self) -> list[list[str]]:
        """Return the names in each community, largest first."""
        return [
            [self.names_[node] for node in np.flatnonzero(self.labels_ == group).tolist()] for group in range(self.k_)
        ]

    def table(self) -> pd.DataFrame:
        """Return a row for each node: ``name``, ``community``, its ``size``, and ``membership`` between 0 and 1."""
        size = np.append(np.bincount(self.labels_[self.labels_ >= 0], minlength=self.k_), 0)
        shares = self.memberships().to_numpy()
        own = np.where(self.labels_ >= 0, shares[np.arange(len(shares)), self.labels_], 0.0) if self.k_ else 0.0
        return pd.DataFrame(
            {"name": self.names_, "community": self.labels_, "size": size[self.labels_], "membership": own}
        )

    def memberships(self) -> pd.DataFrame:
        """How much each node belongs to each community: rows of names that add up to 1, or to 0 if it is in none.

        By vectors: how likely it comes from each, were they round clouds of one width. By edges: the share of its
        weight that leads there; a node without an edge belongs to its own.
        """
        if self.k_ and self.z_ is not None and self.method not in _BY_EDGES:
            shares = clustering.memberships(self.clustered_, self.labels_) * (self.labels_ >= 0)[:, None]
        else:
            member = np.asarray(self.labels_[:, None] == np.arange(self.k_), float)
            weight = self.clustered_ @ member if self.method in _BY_EDGES else member
            total = weight.sum(axis=1, keepdims=True)
            shares = np.where(total > 0, weight / np.where(total > 0, total, 1), member)
        return pd.DataFrame(shares, index=pd.Index(self.names_, name="name"), columns=range(self.k_))

    def overlapping(self, least: float = 0.25) -> list[list[str]]:
        """Return the names in each community when a node may be in several: in its own and where it has ``least``."""
        if not 0 < least <= 1:
            raise ValueError(f"least must be above 0 and at most 1, got {least}")
        shares = self.memberships().to_numpy() >= least
        own = self.labels_ >= 0
        shares[np.flatnonzero(own), self.labels_[own]] = True
        return [[self.names_[node] for node in np.flatnonzero(column).tolist()] for column in shares.T]

    def clustering(self, least: float | None = None) -> dict[str, Any]:
        """Return the arguments of cdlib's ``NodeClustering`` but the graph; with ``least``, overlapping communities."""
        return {
            "communities": self.groups() if least is None else self.overlapping(least),
            "method_name": f"graphembed {self.method}",
            "method_parameters": self.get_params(),
            "overlap": least is not None,
        }

    def tree(self) -> NDArray[np.float64]:
        """Join communities two by two until one is left: (communities - 1, 4), as scipy's ``linkage`` has it.

        Those are joined whose union costs least: modularity if edges were clustered, squared distances to the means if
        vectors were. Columns: the two; the cost so far; how many communities. `level` cuts it; a partition of higher
        resolution, or of more communities, has a tree that begins lower. A node in no community is one of its own.
        """
        labels = singled(self.labels_)
        if self.method in _BY_EDGES:
            return consensus.merge_by_edges(self.clustered_, labels, self.resolution)
        return consensus.merge_by_vectors(self.clustered_, labels)

    def level(self, k: int) -> Labels:
        """Return the (nodes,) communities where the tree has k of them, largest first, each within one of k - 1."""
        return clustering.ordered(consensus.cut(self.tree(), singled(self.labels_), k))

    def score(self, truth: ArrayLike | Mapping[str, Any] | None = None) -> dict[str, float]:
        """Judge the communities by themselves and, if they are known, against the true ones.

        Args:
            truth: (nodes,) true groups, or name -> group; nodes without one (negative, or not in the mapping) are left
                out.

        Returns:
            ``communities``, ``stability``; with edges ``modularity``, ``conductance`` and ``coverage``; with vectors
            ``silhouette`` (NaN for one community); with the truth the scores of `graphembed.metrics.against`.
        """
        found = {"communities": float(self.k_), "stability": self.stability_}
        if self.edges_ is not None:
            pairs, weight = by_edges.edges_of(self.edges_)
            for name, measure in (("modularity", modularity), ("conductance", conductance), ("coverage", coverage)):
                found[name] = measure(pairs, self.labels_, weight)
        if self.z_ is not None:
            found["silhouette"] = clustering.silhouette(self.z_, self.labels_, self.seed)
        if truth is not None:
            found |= against(self._codes(truth), self.labels_)
        return found

    def _read(self, source: Any, graph: Any) -> None:
        """Bring what is given into ``z_``, ``edges_`` (to score by) and ``clustered_``."""
        self.z_: NDArray[np.float64] | None = None
        self.edges_: sp.csr_array | None = None
        self.names_: Sequence[str]
        if isinstance(source, Embedding):
            if not len(source):
                raise DataError("there are no vectors to find communities in")
            self.z_, self.names_ = source.values.astype(np.float64), source.names
            if graph is not None:
                self.edges_ = by_edges.undirected(_of_names(as_graph(graph), source.names))
            if self.method in _BY_EDGES:
                self.clustered_ = by_edges.near(self.z_, self.near)
                self.edges_ = self.clustered_ if self.edges_ is None else self.edges_
            else:
                self.clustered_ = unit(self.z_) if self.method == "spherical" else self.z_
            return
        if self.method not in _BY_EDGES:
            raise DataError(
                f"{self.method} clusters vectors, got {type(source).__name__}: encode the graph first, or take "
                "method='leiden'"
            )
        if graph is not None:
            raise DataError("a graph is clustered by its own edges: a second one has no use")
        own = as_graph(source)
        if not own.num_nodes:
            raise DataError("there are no nodes to find communities of")
        self.names_ = own.names
        self.edges_ = self.clustered_ = by_edges.undirected(own)

    def _chosen(self) -> int:
        """Return how many communities there are."""
        if self.choose != "silhouette" and self.edges_ is None:
            raise DataError(
                f"choose={self.choose!r} needs edges: give the graph beside the vectors, fit(embedding, graph)"
            )
        most = min(self.most, len(np.unique(self.clustered_, axis=0)) - 1)
        if self.choose == "bethe":
            return min(spectrum(self.edges_, most + 1, self.seed).communities, most)
        return clustering.best_number(range(2, most + 1), lambda k: self._found(k, self.seed), self._worth)

    def _found(self, k: int | None, seed: int) -> Labels:
        """Return one partition."""
        if self.method in _BY_EDGES:
            return self._of_edges(k, seed)
        if k == 1:
            return np.zeros(len(self.names_), np.int64)
        if self.method == "hdbscan":
            return clustering.hdbscan(self.clustered_, self.near)
        return _ROUND[self.method](self.clustered_, int(k or 1), seed)

    def _of_edges(self, k: int | None, seed: int) -> Labels:
        """Let Leiden or Louvain find as many as they find, or at least k, of which the tree then makes k."""
        find = by_edges.leiden if self.method == "leiden" else by_edges.louvain
        resolution = self.resolution
        labels = find(self.clustered_, resolution, seed)
        while k is not None and labels.max() + 1 < k and resolution < _SHARPEST:
            resolution *= 2
            labels = find(self.clustered_, resolution, seed)
        labels = singled(labels)
        if k is None or labels.max() + 1 < k:
            return labels
        return consensus.cut(consensus.merge_by_edges(self.clustered_, labels, self.resolution), labels, k)

    def _worth(self, labels: Labels) -> float:
        if self.choose == "silhouette":
            return clustering.silhouette(self.clustered_, labels, self.seed)
        pairs, weight = by_edges.edges_of(self.edges_)
        return modularity(pairs, labels, weight)

    def _codes(self, truth: ArrayLike | Mapping[str, Any]) -> Labels:
        """Number the true groups; -1 where there is none."""
        if isinstance(truth, Mapping):
            known = [truth.get(name) for name in self.names_]
            groups = {group: code for code, group in enumerate(dict.fromkeys(g for g in known if g is not None))}
            return np.array([-1 if group is None else groups[group] for group in known], np.int64)
        given = np.asarray(truth)
        if given.shape != (len(self.names_),):
            raise DataError(f"expected the true group of each of {len(self.names_)} nodes, got shape {given.shape}")
        if np.issubdtype(given.dtype, np.integer):
            return given.astype(np.int64)
        return np.unique(given, return_inverse=True)[1].astype(np.int64)

    def _check(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(map(repr, METHODS))}, got {self.method!r}")
        if self.choose not in _CHOICES:
            raise ValueError(f"choose must be one of {', '.join(map(repr, _CHOICES))}, got {self.choose!r}")
        if self.method == "hdbscan" and self.k is not None:
            raise ValueError(f"hdbscan finds its own number of communities, got k={self.k}: set near, their least size")
        if min(self.most, self.near) < 2 or self.runs < 1 or not 0 < self.resolution < np.inf:
            raise ValueError(
                "most and near must be at least 2, runs at least 1 and resolution positive, got "
                f"most={self.most}, near={self.near}, runs={self.runs}, resolution={self.resolution}"
            )


def _of_names(graph: Graph, names: Sequence[str]) -> Graph:
    """Return the part of a graph that has vectors, in their order."""
    if graph.names == names:
        return graph
    if missing := [name for name in names if name not in graph.row]:
        raise UnknownNameError(f"{len(missing)} of {len(names)} nodes are not in the graph: {first_few(missing)}")
    rows = np.full(graph.num_nodes, -1)
    rows[[graph.row[name] for name in names]] = np.arange(len(names))
    ends = rows[graph.pairs]
    kept = (ends >= 0).all(axis=1)
    weight = None
    if graph.weighted:
        weight = graph.data.edge_weight.numpy()
        if not graph.directed:
            source, target = graph.data.edge_index.numpy()
            weight = weight[source <= target]
        weight = weight[kept]
    source, target = ends[kept].T
    return Graph.from_edges(source, target, weight, names=names, directed=bool(graph.directed))
