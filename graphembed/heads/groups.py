"""`Groups`: points fall into people, by their tags or by how likely two of them are of one person.

Three ways:

- ``"greedy"``: joint by joint, the point nearest to a person's mean tag joins it (Newell et al. 2017);
- ``"assignment"``: joint by joint, points and people are matched for the least sum of distances (Hungarian method);
- ``"partition"``: of all ways to group an image's points, the one with the largest sum of log-odds of the pairs within
  groups (correlation clustering; see `graphembed.kernels.partition`).

None of them ever puts two joints of one type into a person. All images of a graph are grouped at once.
"""

import dataclasses as dc
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator

from graphembed.embedding import Embedding
from graphembed.errors import DataError
from graphembed.graph import Graph, as_graph
from graphembed.kernels.partition import partition
from graphembed.kernels.tags import greedy
from graphembed.metrics.groups import scores
from graphembed.pooling import HOWS, pool

DECODERS = ("partition", "greedy", "assignment")
_SHARP = 4.0  # log-odds of two points with the same tag
_KINDS = 63  # types of joints that fit into the bits of a number


@dc.dataclass(eq=False)
class Groups(BaseEstimator):
    """Group the points of images into people, and give each a vector.

    Args:
        decoder: ``"partition"``, ``"greedy"`` or ``"assignment"``.
        reach: How far a tag may be from that of its person. Without log-odds, ``"partition"`` takes
            4 (1 - d^2 / reach^2), for two tags at a distance d.
        least: Groups of fewer points are nobody: a point that is alone may be a false alarm.
        readout: How a person's vector is read off those of its points: ``"sum"``, ``"mean"``, ``"max"`` or
            ``"moments"`` (`graphembed.pooling.pool`).

    Attributes:
        groups_: (points,) number of the person of each point, over all images; -1 for nobody's.
        embedding_: Vectors of the people, named ``image/number``.

    Example:
        >>> import torch
        >>> z = Embedding(np.array([[0.0], [0.1], [5.0], [5.2]]), ("a", "b", "c", "d"))
        >>> points = Graph.from_edges([], [], names=z.names, joint=torch.tensor([0, 1, 0, 1]))
        >>> found = Groups().fit(z, points)
        >>> found.groups_.tolist(), found.people()["points"].tolist()
        ([0, 0, 1, 1], [['a', 'b'], ['c', 'd']])

    References:
        Newell, Huang and Deng 2017, "Associative embedding: end-to-end learning for joint detection and grouping",
        section 3.3, for ``"greedy"``.
        Keuper et al. 2015, "Efficient decomposition of image and mesh graphs by lifted multicuts", algorithm 1, for
        ``"partition"``; Insafutdinov et al. 2016, "DeeperCut", for people as its parts.
    Differs from the papers: the most frequent joint comes first; two points of one joint are never of one person.
    """

    decoder: str = "partition"
    reach: float = 1.0
    least: int = 2
    readout: str = "mean"

    def fit(self, embedding: Embedding, graph: Any, /, log_odds: NDArray[np.floating] | None = None) -> Self:
        """Group points.

        Args:
            embedding: Tags of the points.
            graph: The points: ``data.joint``, and if there are several images ``data.batch``.
            log_odds: That two points of an image are of one person: one image's symmetric matrix behind the other, row
                by row, n^2 numbers of n points. Read by ``"partition"``.

        Raises:
            ValueError: A setting is out of range.
            DataError: The vectors are not those of the graph's nodes, joints are missing, or log-odds do not fit.
        """
        self._check()
        graph = as_graph(graph)
        joint, image = _points(embedding, graph)
        self.graph_, self.tags_ = graph, embedding
        self.image_, self.first_ = image, np.searchsorted(image, np.arange(image.max(initial=-1) + 2))
        self.chance_: NDArray[np.float64] | None = None
        if self.decoder == "partition":
            found = self._partition(joint, log_odds)
        elif self.decoder == "greedy":
            found = greedy(self.first_, _rank(joint), embedding.values, self._sure(), float(self.reach))
        else:
            found = _assigned(self.first_, _rank(joint), embedding.values, float(self.reach))
        self.groups_ = _numbered(found, self.least)
        self.embedding_ = self._vectors()
        return self

    def predict(self) -> list[int]:
        """Return the person of each point; -1 for nobody's."""
        return self.groups_.tolist()  # type: ignore[no-any-return]

    def people(self) -> pd.DataFrame:
        """Return a row for each person: ``name``, ``image``, ``score``, and the names of its ``points``.

        The score is the mean score of the points, times how likely two of them are of one person (where it was given),
        times the share of joints that are there: of all that the graph has.
        """
        put = np.flatnonzero(self.groups_ >= 0)
        order = put[np.argsort(self.groups_[put], kind="stable")]
        parts = np.split(order, np.flatnonzero(np.diff(self.groups_[order])) + 1) if len(order) else []
        sure, joints = self._sure(), max(len(np.unique(self.graph_.data.joint)), 1)
        likely = np.ones(len(sure)) if self.chance_ is None else self.chance_
        rows = [
            {
                "name": self.embedding_.names[number],
                "image": _image_name(self.graph_, rows[0]),
                "score": float(sure[rows].mean() * likely[rows].mean() * len(rows) / joints),
                "points": [self.graph_.names[row] for row in rows.tolist()],
            }
            for number, rows in enumerate(parts)
        ]
        return pd.DataFrame(rows, columns=["name", "image", "score", "points"])

    def score(self, truth: NDArray[np.int64] | None = None) -> dict[str, float]:
        """Compare with true people, by default those of the graph (``data.y``): see `graphembed.metrics.groups.scores`.

        Raises:
            DataError: Nobody knows the true people.
        """
        if truth is None:
            if "y" not in self.graph_.data:
                raise DataError(f"the graph does not know its people (data.y): {self.graph_}; give them")
            truth = self.graph_.data.y.numpy()
        return scores(self.image_, np.asarray(truth), self.groups_, self.graph_.data.joint.numpy())

    def _check(self) -> None:
        if self.decoder not in DECODERS:
            raise ValueError(f"decoder must be one of {', '.join(DECODERS)}, got {self.decoder!r}")
        if self.readout not in HOWS:
            raise ValueError(f"readout must be one of {', '.join(HOWS)}, got {self.readout!r}")
        if not self.reach > 0 or self.least < 1:
            raise ValueError(f"reach must be positive and least at least 1, got {self.reach} and {self.least}")

    def _sure(self) -> NDArray[np.float32]:
        data = self.graph_.data
        return data.score.numpy().astype(np.float32) if "score" in data else np.ones(self.graph_.num_nodes, np.float32)

    def _partition(self, joint: NDArray[np.int64], log_odds: NDArray[np.floating] | None) -> NDArray[np.int64]:
        sizes = np.diff(self.first_)
        if log_odds is None:
            parts = [cdist(z, z, "sqeuclidean").ravel() for z in np.split(self.tags_.values, self.first_[1:-1])]
            log_odds = _SHARP * (1 - np.concatenate([np.empty(0), *parts]) / self.reach**2)
        expected = int((sizes**2).sum())
        if log_odds.shape != (expected,) or not np.isfinite(log_odds).all():
            raise DataError(
                f"log-odds must be finite, n^2 of them for each image of n points, {expected} in all, got "
                f"{np.isfinite(log_odds).sum()} finite ones in shape {log_odds.shape}"
            )
        found, _ = partition(self.first_, joint, np.ascontiguousarray(log_odds, np.float32))
        self.chance_ = _chances(self.first_, found, log_odds)
        return found

    def _vectors(self) -> Embedding:
        """Read a vector of each person off its points."""
        put = np.flatnonzero(self.groups_ >= 0)
        _, first = np.unique(self.groups_[put], return_index=True)
        leader = put[first]
        within = np.arange(len(leader)) - np.searchsorted(self.image_[leader], self.image_[leader])
        names = [f"{_image_name(self.graph_, row)}/{at}" for row, at in zip(leader.tolist(), within, strict=True)]
        found = pool(self.tags_, self.groups_, self.readout, names)
        return Embedding(found.values, names, {"head": type(self).__name__, "points": dict(self.tags_.source)})


def _points(embedding: Embedding, graph: Graph) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return joint and image of each point."""
    if embedding.names != graph.names:
        raise DataError(
            f"the embedding must hold a vector for each node of the graph, in their order; got {embedding} for {graph}"
        )
    if "joint" not in graph.data:
        raise DataError(f"nodes need the number of their joint, data.joint: {graph}")
    joint: NDArray[np.int64] = graph.data.joint.numpy().astype(np.int64)
    if len(joint) and not (joint.min() >= 0 and joint.max() < _KINDS):
        raise DataError(f"joints must be numbers from 0 to {_KINDS - 1}, got {joint.min()} to {joint.max()}")
    image: NDArray[np.int64] = graph.data.batch.numpy() if "batch" in graph.data else np.zeros(len(joint), np.int64)
    if (np.diff(image) < 0).any():
        raise DataError("the points of an image must stand together, images ascending, in data.batch")
    return joint, image


def _rank(joint: NDArray[np.int64]) -> NDArray[np.int64]:
    """Say when each point's joint is looked at: the most frequent first."""
    order = np.argsort(-np.bincount(joint, minlength=1), kind="stable")
    return np.argsort(order)[joint]


def _assigned(
    first: NDArray[np.int64], rank: NDArray[np.int64], tag: NDArray[np.float32], reach: float
) -> NDArray[np.int64]:
    """Match points and people joint by joint; who is too far from everybody is somebody new."""
    person = np.full(len(rank), -1, np.int64)
    found = 0
    for low, high in zip(first[:-1].tolist(), first[1:].tolist(), strict=True):
        own, ranks, begin = tag[low:high].astype(np.float64), rank[low:high], found
        total, count = np.zeros((high - low, tag.shape[1])), np.zeros(high - low)
        for joint in np.unique(ranks).tolist():
            asked = np.flatnonzero(ranks == joint)
            mine = np.arange(found, found + len(asked))
            if found > begin:
                middle = total[: found - begin] / count[: found - begin, None]
                far = np.sqrt(((own[asked, None] - middle) ** 2).sum(axis=2))
                rows, columns = linear_sum_assignment(np.minimum(far, reach))
                near = far[rows, columns] <= reach
                mine[rows[near]] = columns[near] + begin
                new = mine >= found
                mine[new] = found + np.arange(new.sum())
            person[low + asked] = mine
            total[mine - begin] += own[asked]
            count[mine - begin] += 1
            found = max(found, int(mine.max()) + 1)
    return person


def _chances(first: NDArray[np.int64], found: NDArray[np.int64], log_odds: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return for each point the mean chance to be of one person with the others of its group; 1 for a single point."""
    chance = np.ones(len(found))
    begin = 0
    for low, high in zip(first[:-1].tolist(), first[1:].tolist(), strict=True):
        n = high - low
        matrix = log_odds[begin : begin + n * n].reshape(n, n)
        begin += n * n
        same = found[low:high, None] == found[low:high]
        np.fill_diagonal(same, False)
        rows, columns = np.nonzero(same)
        total = np.bincount(rows, 1 / (1 + np.exp(-np.clip(matrix[rows, columns], -50, 50))), n)
        count = np.bincount(rows, minlength=n)
        chance[low:high] = np.divide(total, count, out=np.ones(n), where=count > 0)
    return chance


def _numbered(found: NDArray[np.int64], least: int) -> NDArray[np.int64]:
    """Number groups in the order of their first points; those of fewer than ``least`` points are nobody, -1."""
    _, place, code, count = np.unique(found, return_index=True, return_inverse=True, return_counts=True)
    kept = count >= least
    number = np.full(len(place), -1)
    order = np.flatnonzero(kept)[np.argsort(place[kept], kind="stable")]
    number[order] = np.arange(len(order))
    groups: NDArray[np.int64] = number[code] if len(found) else np.empty(0, np.int64)
    return groups


def _image_name(graph: Graph, row: int) -> str:
    """Return what stands before the first "/" in a point's name, or the number of its image."""
    name, slash, _ = graph.names[row].partition("/")
    return name if slash else str(int(graph.data.batch[row])) if "batch" in graph.data else "0"
