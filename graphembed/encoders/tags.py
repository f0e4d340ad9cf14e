"""`Tags`: a vector for each point of an image, alike for points of one person, and log-odds that two points are of one.

The graph is one of keypoints (`graphembed.recast.keypoints.keypoint_graph`): many images side by side. Only the joint
and the place of a point are looked at. A `Tagger` is trained by push and pull of tags and by asking of pairs
whether they are of one person; by default it starts from what it learnt from crowds that were drawn, not photographed.
"""

import copy
import dataclasses as dc
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from scipy.spatial import cKDTree
from sklearn.base import BaseEstimator
from torch import Tensor
from torch_geometric.data import Data

from graphembed.embedding import Embedding
from graphembed.encoders.mixed import Mixed, describe_points, mirrored
from graphembed.encoders.protocol import describe
from graphembed.errors import DataError
from graphembed.graph import Graph, as_graph
from graphembed.nn.tagging import Tagger
from graphembed.objectives.people import SamePerson
from graphembed.objectives.push_pull import images_of
from graphembed.parallel import one_thread
from graphembed.training import Training, seeded, train

CROWDS = Path(__file__).parent / "tags.safetensors"  # written by `graphembed.bench.crowds`
CROWDS_SHA256 = "8af184cb1cb2b71cfc4314eb50ad6033bead17478ad7ff8e0e91511e7dc52301"
_BATCH = 6000  # pairs of points in a batch to learn from, about
_PAIRS = 40_000  # scored at a time, about
_MOST = 320  # points of an image that see each other; in larger ones a point sees those around it
_LEAF = 128  # points that look at their surroundings together
_APART = -10.0  # log-odds of points that never saw each other
_Window = tuple[NDArray[np.int64], NDArray[np.int64]]  # rows of points that look, and of all they see, these first


@dc.dataclass(eq=False)
class Tags(BaseEstimator):
    """Tags of points, and log-odds that two are of one person.

    Args:
        module: What is trained; copied, its parameters are drawn anew.
        start: File of parameters to start from (safetensors); None starts from nothing.
        objective: What to train for.
        stages: How, one after the other: first large steps, then small ones. None at all takes ``start`` as it is.
        seed: Everything random comes from it.
        progress: Show a bar on a terminal.

    Attributes:
        module_: The trained module.
        histories_: Losses of the epochs, for each stage.
    """

    module: Tagger
    start: str | Path | None = None
    objective: SamePerson = dc.field(default_factory=SamePerson)
    stages: Sequence[Training] = ()
    seed: int = 0
    progress: bool = True

    def fit(self, graph: Any, /) -> Self:
        """Learn from the people in a graph (``data.y``).

        Raises:
            DataError: The graph is not one of keypoints, its people are not known, or ``start`` does not fit.
        """
        graph = as_graph(graph)
        with seeded(self.seed):
            module = copy.deepcopy(self.module)
            for part in module.modules():
                if hasattr(part, "reset_parameters"):
                    part.reset_parameters()  # type: ignore[operator]
        if self.start is not None:
            try:
                module.load_state_dict({name: value.float() for name, value in load_file(self.start).items()})
            except RuntimeError as error:
                raise DataError(f"{self.start} holds parameters of another module than a Tagger like this") from error
        seen = Graph(_described(graph, module.types), graph.names, graph.directed)
        self.histories_ = []
        for number, stage in enumerate(self.stages):
            history, _ = train(module, seen, self.objective, stage, seed=self.seed + number, progress=self.progress)
            self.histories_.append(history)
        self.module_ = module.eval()
        return self

    def transform(self, graph: Any, /) -> Embedding:
        """Return the tags of the points of any graph of keypoints.

        In an image of more than 320 points a point sees those around it only, and tags from different parts of it
        cannot be compared.
        """
        graph = as_graph(graph)
        tags = np.zeros((graph.num_nodes, self.module_.dim), np.float32)
        data = _described(graph, self.module_.types)
        for rows, found, _, _ in self._seen(data.x, self._windows(data.x, images_of(graph))):
            tags[rows] = found
        return Embedding(tags, graph.names, describe(self))

    def fit_transform(self, graph: Any, /) -> Embedding:
        """Do both on one graph."""
        graph = as_graph(graph)
        return self.fit(graph).transform(graph)

    def log_odds(self, graph: Any, /) -> NDArray[np.float32]:
        """Return the log-odds that two points are of one person, for all pairs of points of an image.

        The mean of those of the image and of its mirror image.

        Returns:
            One image's symmetric matrix behind the other, row by row: n^2 numbers of n points.
        """
        graph = as_graph(graph)
        images, data = images_of(graph), _described(graph, self.module_.types)
        sizes = np.bincount(images)
        first = np.concatenate([[0], np.cumsum(sizes)])
        begin = np.concatenate([[0], np.cumsum(sizes**2)])
        found = np.full(begin[-1], np.nan, np.float32)
        windows = self._windows(data.x, images)
        both = zip(self._seen(data.x, windows), self._seen(_mirror(data.x, self.module_.types), windows), strict=True)
        for (rows, _, one, seen), (_, _, other, _) in both:
            image = images[rows[0]]
            matrix = found[begin[image] : begin[image + 1]].reshape(sizes[image], -1)
            matrix[np.ix_(rows - first[image], seen - first[image])] = (one + other) / 2
        for image in np.flatnonzero(sizes > _MOST).tolist():
            matrix = found[begin[image] : begin[image + 1]].reshape(sizes[image], -1)
            filled = np.where(np.isnan(matrix), matrix.T, matrix)
            matrix[:] = np.nan_to_num((filled + filled.T) / 2, nan=_APART)
        return found

    def _windows(self, x: Tensor, images: NDArray[np.int64]) -> list[_Window]:
        """Return who looks together and what they see, in ascending order of how much that is."""
        place = x[:, self.module_.types :].numpy()
        windows = [window for rows in _rows_of(images) for window in _windows(rows, place)]
        return sorted(windows, key=lambda window: len(window[1]))

    @torch.no_grad()
    def _seen(
        self, x: Tensor, windows: list[_Window]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]]:
        """Yield rows of points, their tags, their log-odds with the points they see, and the rows of these."""
        for some in _together([len(seen) for _, seen in windows]):
            chosen = [windows[i] for i in some]
            rows = np.concatenate([seen for _, seen in chosen])
            batch = torch.from_numpy(np.repeat(np.arange(len(chosen)), [len(seen) for _, seen in chosen]))
            with one_thread():
                tags, log_odds, _, _ = self.module_.guess(x[torch.from_numpy(rows)], batch)
            for (own, seen), tag, score in zip(chosen, tags.numpy(), log_odds[-1].numpy(), strict=True):
                yield own, tag[: len(own)], score[: len(own), : len(seen)], seen


def people_tags(epochs: int = 4, lr: float = 3e-4, *, start: str | Path | None = CROWDS, seed: int = 0) -> Tags:
    """Tags of people's joints (COCO's 17), tuned on the people in a graph.

    Args:
        epochs: Rounds over the images, three quarters with the full step and the rest with a fifth; 0 takes what is
            known from crowds as it is.
        lr: Step of Adam.
        start: File of parameters to start from; by default what 27 000 pictures of drawn crowds taught
            (`graphembed.bench.crowds`). None starts from nothing.
        seed: Everything random comes from it.

    Example:
        >>> from graphembed.graph import Graph
        >>> joint, pos = torch.tensor([5, 6, 5, 6]), torch.tensor([[0.0, 0.0], [-0.2, 0.0], [2.0, 0.0], [1.8, 0.0]])
        >>> points = Graph.from_edges([0, 2], [1, 3], joint=joint, pos=pos)
        >>> tags = people_tags(0).fit(points)
        >>> tags.transform(points)
        Embedding(4 items, dim 16, Tags)
        >>> tags.log_odds(points).reshape(4, 4)[0, 1:] > 0
        array([ True, False, False])

    References:
        Newell, Huang and Deng 2017, "Associative embedding: end-to-end learning for joint detection and grouping", for
        tags; Jin et al. 2020, "Differentiable hierarchical graph grouping for multi-person pose estimation", for asking
        of pairs of points by a network.
    Differs from the papers: no image is seen, only which joints there are and where.
    """
    with seeded(seed):
        module = Tagger(17, rounds=3)
    late = epochs // 4
    stages = (Training(epochs - late, lr), Training(late, lr / 5))
    return Tags(module, start, SamePerson(_BATCH, Mixed()), stages if epochs else (), seed)


def _described(graph: Graph, types: int) -> Data:
    """Return the graph's data with what a `Tagger` reads as ``x``."""
    data = graph.data
    missing = [key for key in ("joint", "pos") if key not in data]
    if missing:
        raise DataError(
            f"tags need a graph of keypoints, with data.joint and data.pos (see graphembed.recast.keypoints); "
            f"{', '.join(missing)} missing: {graph}"
        )
    joint = data.joint.numpy()
    if len(joint) and (joint.min() < 0 or joint.max() >= types):
        raise DataError(f"joints must be numbers from 0 to {types - 1}, got {joint.min()} to {joint.max()}")
    x = describe_points(joint, data.pos.numpy(), types)
    more = {key: data[key] for key in ("batch", "y") if key in data}
    return Data(x=x, edge_index=data.edge_index, num_nodes=graph.num_nodes, **more)


def _mirror(x: Tensor, types: int) -> Tensor:
    """Return what a `Tagger` reads of the mirror image."""
    x = x.clone()
    x[:, :types] = x[:, torch.from_numpy(mirrored(np.arange(types), types))]
    x[:, types] = -x[:, types]
    return x


def _rows_of(images: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return the rows of each image that has points."""
    return np.split(np.arange(len(images)), np.flatnonzero(np.diff(images)) + 1) if len(images) else []


def _windows(rows: NDArray[np.int64], place: NDArray[np.float32]) -> list[_Window]:
    """Return who looks, and what they see, themselves first: all of a small image, of a large one what is around."""
    if len(rows) <= _MOST:
        return [(rows, rows)]
    found = []
    tree = cKDTree(place[rows])
    for leaf in _leaves(rows, place):
        centre = (place[leaf].min(axis=0) + place[leaf].max(axis=0)) / 2
        _, near = tree.query(centre, 2 * _LEAF)
        others = rows[near][~np.isin(rows[near], leaf)][:_LEAF]  # the nearest first
        found.append((leaf, np.concatenate([leaf, others])))
    return found


def _leaves(rows: NDArray[np.int64], place: NDArray[np.float32]) -> list[NDArray[np.int64]]:
    """Halve points along the longer side of their box until few are together."""
    if len(rows) <= _LEAF:
        return [rows]
    axis = np.ptp(place[rows], axis=0).argmax()
    order = rows[np.argsort(place[rows, axis], kind="stable")]
    half = len(order) // 2
    return _leaves(order[:half], place) + _leaves(order[half:], place)


def _together(sizes: list[int]) -> list[list[int]]:
    """Put windows, in ascending order of their sizes, into batches of so many pairs."""
    parts: list[list[int]] = []
    for i, size in enumerate(sizes):
        if not parts or (len(parts[-1]) + 1) * size**2 > _PAIRS:
            parts.append([])
        parts[-1].append(i)
    return parts
