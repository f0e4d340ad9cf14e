"""`Recursive`: what a node is like, what its neighbours are like, what their neighbours are like, and so on (ReFeX).

Nothing is trained and nothing is drawn. Facts about each node and its egonet come first; each step adds means and sums
of the columns that the step before brought, over the neighbours on each side, and a column that says what another has
said is dropped. With ``roles``, the table is then split into a few parts that add up (RolX): how much of each role a
node plays.
"""

import dataclasses as dc
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from sklearn.base import BaseEstimator
from sklearn.decomposition import NMF

from graphembed.embedding import Embedding
from graphembed.encoders.protocol import describe, needs_edges
from graphembed.encoders.sides import Kind, Sides, strength
from graphembed.graph import Graph, as_graph
from graphembed.kernels.egonets import within_egonets
from graphembed.kernels.propagate import propagate
from graphembed.parallel import one_thread

_FLAT = 1e-9  # spreads below this are rounding errors
_LEAVING = {"": "leaving", "out": "out of", "in": "into"}
_PASSES = 200  # of the factorisation


@dc.dataclass(eq=False)
class Recursive(BaseEstimator):
    """Recursive structural features: facts of a node and its egonet, then means and sums of them over neighbours.

    x_0 = (degree, edges within the egonet, edges that leave it), by direction and with weights;
    x_k = (mean, sum) of the columns new in x_{k-1} over the neighbours, by direction and in proportion to weights;
    z = log(1 + x), each column brought to mean 0 and variance 1, without those that are nearly another.

    Works on any graph of the same kind (directed or not, weighted or not); nodes of one automorphism orbit get equal
    vectors. Weights are measured in the mean weight, self-loops are a column of their own. Linear in the edges but for
    the egonets, which take the sum of the squared degrees at most.

    Args:
        steps: How often to look at the neighbours; a node knows what is ``steps`` + 1 edges away.
        alike: A column is dropped if its correlation with one that was kept is larger than this in size.
        roles: Split log(1 + x) into so many non-negative parts instead of standardising: RolX.

    Attributes:
        columns_: What each column that was kept says, in words.

    Raises:
        DataError: The graph has no edges, or (in ``transform``) is of another kind than the one fitted on.

    Example:
        >>> import networkx as nx
        >>> encoder = Recursive(steps=1).fit(nx.karate_club_graph())
        >>> encoder.columns_[:2]
        ('degree', 'weight')

    References:
        Henderson et al. 2011, "It's who you know: graph mining using recursive structural features", section 2.
        Henderson et al. 2012, "RolX: structural role extraction and mining in large graphs", section 2.3.
    Differs from the papers: logarithms instead of binned ranks, correlation instead of the largest difference of bins,
    so that small changes of a graph make small changes of vectors.
    """

    steps: int = 3
    alike: float = 0.99
    roles: int | None = None

    def fit(self, graph: Any, /) -> Self:
        """Choose the columns and learn their scales, and the roles if they are wanted."""
        self._fitted(as_graph(graph))
        return self

    def transform(self, graph: Any, /) -> Embedding:
        """Describe the nodes of any graph of the kind it was fitted on."""
        graph = as_graph(graph)
        return self._described(graph, self._table(graph)[0])

    def fit_transform(self, graph: Any, /) -> Embedding:
        """Do both on one graph."""
        graph = as_graph(graph)
        return self._described(graph, self._fitted(graph))

    def _fitted(self, graph: Graph) -> NDArray[np.float64]:
        """Learn all there is to learn; return log(1 + x), (nodes, columns)."""
        needs_edges(graph, "a structural encoder")
        if self.steps < 0 or not 0 < self.alike <= 1 or (self.roles is not None and self.roles < 1):
            raise ValueError(
                "steps must not be negative, alike above 0 and at most 1 and roles at least 1, or None, got "
                f"steps={self.steps}, alike={self.alike}, roles={self.roles}"
            )
        self.kind_ = Kind.of(graph)
        self.looped_ = graph.self_loops > 0
        self.plan_: list[list[int]] | None = None  # by step, the columns kept of those that were made
        with one_thread():
            table, words = self._table(graph)
            self.columns_ = tuple(words)
            self.mean_, self.spread_ = _moments(table)
            if self.roles is not None:
                self.parts_ = self._roles(table)
        return table

    def _described(self, graph: Graph, table: NDArray[np.float64]) -> Embedding:
        if self.roles is None:
            values = (table - self.mean_) / self.spread_
        else:
            values = _combined(table / self.spread_, self.parts_)
        return Embedding(values.astype(np.float32), graph.names, describe(self))

    def _table(self, graph: Graph) -> tuple[NDArray[np.float64], list[str]]:
        """Return log(1 + x), (nodes, columns), and what the columns say; choose them unless they are chosen."""
        sides = Sides.of(graph, self.kind_, "a structural encoder")
        choose = self.plan_ is None
        plan: list[list[int]] = [] if self.plan_ is None else self.plan_
        new, words = _facts(sides, self.looped_)
        tables: list[NDArray[np.float64]] = []
        said: list[str] = []
        for step in range(self.steps + 1):
            if step:
                new, words = _around(sides, new, words)
            logs = np.log1p(new)
            if choose:
                plan.append(self._kept(tables, logs))
            new, words = np.ascontiguousarray(new[:, plan[step]]), [words[k] for k in plan[step]]
            tables.append(logs[:, plan[step]])
            said += words
        self.plan_ = plan
        return np.concatenate(tables, axis=1), said

    def _kept(self, tables: list[NDArray[np.float64]], logs: NDArray[np.float64]) -> list[int]:
        """Choose columns one by one: those that vary and are unlike all that were kept."""
        kept = [_standard(table) for table in tables]
        standard = _standard(logs)
        chosen: list[int] = []
        for k in range(logs.shape[1]):
            column = standard[:, k]
            others = [*kept, standard[:, chosen]]
            alike = max((float(np.abs(some.T @ column).max(initial=0)) for some in others), default=0) / len(logs)
            flat = not column.any()
            if (not flat and alike <= self.alike) or (not tables and k == 0):  # where all are alike, their degree stays
                chosen.append(k)
        return chosen

    def _roles(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (roles, columns): what each role says of every column."""
        scaled = table / self.spread_
        parts = _start(scaled, self.roles or 1)
        # No tolerance: always so many passes, whatever the order of the nodes makes of the last digits.
        model = NMF(len(parts), init="custom", tol=0, max_iter=_PASSES)
        model.fit(scaled, W=_combined(scaled, parts), H=parts)
        found: NDArray[np.float64] = model.components_
        return found


def _facts(sides: Sides, looped: bool) -> tuple[NDArray[np.float64], list[str]]:
    """Return (nodes, columns) of what there is within one step of a node, and what the columns say."""
    columns: dict[str, NDArray[np.float64]] = {}
    for side, csr in sides.edges.items():
        columns[f"{side} degree".strip()] = np.diff(csr.indptr).astype(np.float64)
        if csr.weight.size:
            columns[f"{side} weight".strip()] = strength(csr)
    whole = next(iter(sides.edges.values()))
    plain = whole._replace(weight=whole.weight[:0])
    for what, some in {"edges": plain, "weight": whole}.items() if whole.weight.size else [("edges", plain)]:
        inside = within_egonets(some, sides.around)
        columns[f"{what} in the egonet"] = inside
        for side, csr in sides.edges.items():
            own = strength(csr if what == "weight" else csr._replace(weight=csr.weight[:0]))
            total = propagate(sides.around, own[:, None])[:, 0] + own  # of the node and its neighbours
            columns[f"{what} {_LEAVING[side]} the egonet"] = np.maximum(total - inside, 0)
    if looped:
        columns["self-loops"] = sides.loops
    return np.stack(list(columns.values()), axis=1), list(columns)


def _around(sides: Sides, columns: NDArray[np.float64], words: list[str]) -> tuple[NDArray[np.float64], list[str]]:
    """Return means and sums of columns over the neighbours on each side, and what they say."""
    made, said = [], []
    for side, csr in sides.edges.items():
        total = propagate(csr, columns)
        own = strength(csr)[:, None]
        made += [np.divide(total, own, out=np.zeros_like(total), where=own > 0), total]
        said += [
            f"{how} over {side} neighbours: {word}".replace("  ", " ") for how in ("mean", "sum") for word in words
        ]
    return np.concatenate(made, axis=1), said


def _moments(table: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean and the spread of columns; the spread of one that does not vary is 1."""
    mean, spread = table.mean(axis=0), table.std(axis=0)
    return mean, np.where(spread > _FLAT * (1 + np.abs(mean)), spread, 1)


def _standard(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bring columns to mean 0 and variance 1; those that do not vary become zero."""
    mean, spread = _moments(table)
    standard: NDArray[np.float64] = (table - mean) / spread
    standard[:, table.std(axis=0) <= _FLAT * (1 + np.abs(mean))] = 0
    return standard


def _start(table: NDArray[np.float64], roles: int) -> NDArray[np.float64]:
    """Return parts to start from, (roles, columns): the positive or negative halves of the principal axes.

    They depend on the table only through its inner products, so not on the order of its rows.

    References:
        Boutsidis and Gallopoulos 2008, "SVD based initialization: a head start for nonnegative matrix factorization".
    """
    squares, axes = np.linalg.eigh(table.T @ table)
    squares, axes = squares[::-1][:roles], axes.T[::-1][:roles]
    positive, negative = np.maximum(axes, 0), np.maximum(-axes, 0)
    larger = (positive**2).sum(axis=1) >= (negative**2).sum(axis=1)
    halves = np.where(larger[:, None], positive, negative) * np.maximum(squares, 0)[:, None] ** 0.25
    return np.pad(halves, ((0, roles - len(halves)), (0, 0)))


def _combined(table: NDArray[np.float64], parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (nodes, roles): the non-negative combination of the parts that is nearest to each row."""
    return np.array([nnls(parts.T, row)[0] for row in table]).reshape(len(table), len(parts))
