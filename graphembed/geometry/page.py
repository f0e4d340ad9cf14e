"""`report`: one page of numbers about an embedding of a graph, each with a verdict in plain words."""

import dataclasses as dc
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphembed.embedding import Embedding
from graphembed.errors import DataError, first_few
from graphembed.geometry import verdicts
from graphembed.geometry.curved import cosine_or_dot, near_triples, triangles
from graphembed.geometry.learnt import (
    alignment,
    cosine_null,
    hubness,
    iso_score,
    rank_me,
    uniformity,
    uniformity_of_sphere,
)
from graphembed.geometry.maps import flat_map, map_quality
from graphembed.geometry.points import MOST, cosines_of, directions, pairs_of, sampled
from graphembed.geometry.stable import neighbor_overlap, procrustes
from graphembed.geometry.verdicts import Line
from graphembed.graph import Graph
from graphembed.metrics import auc, dirichlet_energy, mean_average_distance
from graphembed.parallel import one_thread

_EDGES = 200_000  # more edges than these are sampled
_FEW = 10  # nodes below which numbers say nothing


@dc.dataclass(frozen=True)
class Report:
    """What `report` found.

    Attributes:
        verdict: The whole in one word and a sentence: ``"good"``, ``"random"``, ``"collapsed"``, ``"distorted"``,
            ``"unrelated"`` to this graph, or ``"too few nodes"``.
        lines: One per measure.
        looked_at: What was measured, in words.
    """

    verdict: str
    lines: tuple[Line, ...]
    looked_at: str

    @property
    def numbers(self) -> dict[str, float]:
        """The value of each measure."""
        return {line.measure: line.value for line in self.lines}

    @property
    def table(self) -> pd.DataFrame:
        """A row per measure: question, value, what to compare with, mark, verdict."""
        return pd.DataFrame([dc.asdict(line) for line in self.lines]).set_index("measure")

    def __str__(self) -> str:
        parts, question = [self.looked_at, f"In short: {self.verdict}."], ""
        for line in self.lines:
            if line.question != question:
                question = line.question
                parts += ["", question]
            parts.append(f"  {line.mark:5} {line.measure:24} {line.value:8.3f}  {line.verdict}")
        return "\n".join(parts)


@one_thread()
def report(
    embedding: Embedding,
    graph: Graph,
    *,
    other: Embedding | None = None,
    maps: Sequence[Literal["pca", "tsne", "umap"]] = ("pca",),
    k: int = 10,
    most: int = MOST,
    seed: int = 0,
) -> Report:
    """Ask of a space whether it is learnt, stable and flat, and whether its map is lying.

    Args:
        embedding: Of the graph's nodes; those without a vector are left out, and counted.
        graph: Its edges say who should be near; direction and weights play no part. If the embedding was learnt from
            the same edges, that they are near says that it was learnt, not that it foretells.
        other: The same nodes by another run, for a question more: is it stable?
        maps: Which to draw and judge.
        k: Length of lists of nearest nodes.
        most: More nodes than these are sampled for what takes pairs of nodes.
        seed: Of the samples and maps.

    Returns:
        A `Report`; ``print`` it.

    Raises:
        DataError: No node of the graph has a vector.

    Example:
        >>> graph = Graph.from_edges([0, 1, 1], [1, 2, 2], names=["ann", "bob", "cy"])
        >>> report(Embedding(np.eye(3), ("ann", "bob", "cy")), graph).verdict
        'too few nodes to tell'
    """
    names = [name for name in graph.names if name in embedding.row]
    if not names:
        raise DataError(
            f"no node of the graph has a vector: nodes are {first_few(graph.names)}, vectors are of "
            f"{first_few(embedding.names)}"
        )
    z = embedding.values[[embedding.row[name] for name in names]].astype(np.float64)
    edges = _edges(graph, embedding)
    lines: list[Line] = []
    if len(z) > 1:
        lines += _learnt(z, edges, k, most, seed)
    if len(z) > 2:
        lines += _flat(z, k, most, seed)
        few = sampled(len(z), most, seed)
        for method in maps if len(z) >= 5 else ():
            flat = flat_map(z[few], method, seed=seed)
            lines += verdicts.map_lines(method, map_quality(z[few], flat, k, seed=seed))
    if other is not None:
        left, overlap = procrustes(embedding, other)[1], neighbor_overlap(embedding, other, k, most=most, seed=seed)
        lines += verdicts.stable_lines(left, overlap, min(1.0, k / max(1, len(z) - 1)))
    if len(z) < _FEW:
        lines = [dc.replace(line, mark="", verdict="too few nodes to tell") for line in lines]
    missing = graph.num_nodes - len(z)
    looked_at = (
        f"{len(z)} nodes, {embedding.shape[1]} dimensions, {edges.shape[1]} edges"
        + (f"; {missing} nodes have no vector" if missing else "")
        + (f"; pairs of nodes among {most} drawn by seed {seed}" if len(z) > most else "")
    )
    return Report(verdicts.whole(lines) if len(z) >= _FEW else "too few nodes to tell", tuple(lines), looked_at)


def _learnt(z: NDArray[np.float64], edges: NDArray[np.int64], k: int, most: int, seed: int) -> Iterator[Line]:
    """Lines about what the vectors carry."""
    few = z[sampled(len(z), most, seed)]
    null = cosine_null(few, seed=seed)
    yield verdicts.cosines(null, min(len(few), most))
    if edges.shape[1]:
        near, far = edges[:, sampled(edges.shape[1], _EDGES, seed)], _unlinked(edges, len(z), seed)
        if far.shape[1]:
            yield verdicts.linked(_area(cosines_of(z, near), cosines_of(z, far)))
            yield verdicts.aligned(alignment(z, near), alignment(z, far))
    yield verdicts.uniform(uniformity(few, seed=seed), uniformity_of_sphere(z.shape[1]))
    yield verdicts.rank(rank_me(few), min(few.shape))
    yield verdicts.isotropic(iso_score(few), z.shape[1])
    yield verdicts.hubs(hubness(few, k))
    yield verdicts.smooth(mean_average_distance(few))
    if edges.shape[1]:
        both = np.concatenate([edges, edges[::-1]], axis=1)
        unit = directions(z)
        mixed = unit[np.random.default_rng(seed).permutation(len(z))]
        yield verdicts.energy(dirichlet_energy(unit, both), dirichlet_energy(mixed, both))


def _flat(z: NDArray[np.float64], k: int, most: int, seed: int) -> Iterator[Line]:
    """Lines about curvature and lengths."""
    few = z[sampled(len(z), most, seed)]
    wide, near = triangles(few, seed=seed), triangles(few, near_triples(few, k, seed=seed))
    yield verdicts.excess("excess, any three nodes", wide)
    yield verdicts.excess("excess, near nodes", near)
    length = np.linalg.norm(few, axis=1)
    yield verdicts.lengths(cosine_or_dot(few, k)["members"], float(length.std() / (length.mean() or 1.0)))


def _edges(graph: Graph, embedding: Embedding) -> NDArray[np.int64]:
    """Return (2, edges) rows among the nodes with a vector, each once, without self-loops and directions."""
    there = np.fromiter((name in embedding.row for name in graph.names), bool, graph.num_nodes)
    row = np.cumsum(there) - 1
    ends = graph.pairs.T
    ends = np.sort(ends[:, there[ends].all(axis=0) & (ends[0] != ends[1])], axis=0)
    return np.unique(row[ends], axis=1)


def _unlinked(edges: NDArray[np.int64], nodes: int, seed: int) -> NDArray[np.int64]:
    """Return (2, pairs) that are no edges: all, or those of some hundred thousand drawn by ``seed``."""
    pairs = np.sort(pairs_of(nodes, seed, _EDGES), axis=0)
    linked = np.isin(pairs[0] * nodes + pairs[1], edges[0] * nodes + edges[1])
    return pairs[:, ~linked]


def _area(near: NDArray[np.float64], far: NDArray[np.float64]) -> float:
    """AUC of two sets of cosines; what differs by rounding only is tied: a space of one vector has one half."""
    return auc(np.arange(near.size + far.size) < near.size, np.concatenate([near, far]).round(9))
