"""What a projection starts from: random vectors, or the best factors of a matrix that says how near nodes are.

Everything here is undirected: the weights of u -> v and v -> u are added up, and self-loops are left out, for they say
nothing about who is near whom. A proximity gives its matrix for a whole graph (``matrix``) and the rows of nodes that
join later, from their edges to known nodes (``rows``); both by the same formula, so that a known node that is taken
away and put back gets the row it had.
"""

import dataclasses as dc
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from graphembed.graph import Graph
from graphembed.kernels.csr import CSR
from graphembed.kernels.propagate import propagate

_SPARE = 16  # directions followed beyond those asked for; Halko et al. advise five to ten
_ROUNDS = 5  # times these directions are sharpened; slow spectra of large graphs change no score from four on
_SMALL = 256  # matrices of no more rows or columns are factorised exactly
_NOTHING = 1e-6  # factors this much shorter than the longest are rounding errors
_SPAN = 1e-13  # squared lengths of columns this much below the largest say nothing of their direction
_CHANCE = 1e-5  # logarithms below this are rounding errors of what chance would give, too
_BLOCK = 512  # columns of a dense proximity computed at a time
_MOST = 1 << 28  # numbers a dense proximity may hold, one gigabyte

Matrix = Any  # scipy's csr_array or a numpy array: what `times` multiplies


class Known(NamedTuple):
    """The graph an encoder was fitted on: undirected, without self-loops."""

    adjacency: Matrix  # (nodes, nodes) csr_array of weights
    degree: NDArray[np.float64]  # (nodes,) sums of weights

    @classmethod
    def of(cls, graph: Graph) -> "Known":
        """Read the edges of a graph both ways.

        Example:
            >>> Known.of(Graph.from_edges([0, 1, 1], [1, 1, 2], directed=True)).adjacency.toarray()
            array([[0., 1., 0.],
                   [1., 0., 1.],
                   [0., 1., 0.]])
        """
        csr = graph.csr
        weight = csr.weight.astype(np.float64) if graph.weighted else np.ones(csr.indices.size)
        adjacency = sp.csr_array((weight, csr.indices, csr.indptr), shape=(graph.num_nodes,) * 2)
        if graph.directed:
            adjacency = adjacency + adjacency.T
        if graph.self_loops:
            adjacency = sp.csr_array(adjacency - sp.diags_array(adjacency.diagonal()))
            adjacency.eliminate_zeros()
        adjacency = sp.csr_array(adjacency)
        return cls(adjacency, adjacency.sum(axis=1))


def scaled(edges: Matrix, own: NDArray[np.float64], other: NDArray[np.float64], degree: float) -> Matrix:
    """Divide weights by degrees: w_uv / (d_u^degree d_v^(1 - degree)); 1/2 is symmetric, 1 makes rows add up to one.

    Args:
        edges: (nodes, known nodes) csr_array.
        own: (nodes,) degrees d_u.
        other: (known nodes,) degrees d_v.
        degree: Between 0 and 1.
    """
    left, right = _power(own, -degree), _power(other, degree - 1)
    source = np.repeat(np.arange(edges.shape[0]), np.diff(edges.indptr))
    data = edges.data * left[source] * right[edges.indices]
    return sp.csr_array((data, edges.indices, edges.indptr), shape=edges.shape)


def times(matrix: Matrix, x: NDArray[Any]) -> NDArray[Any]:
    """Multiply a csr_array or an array with a table of vectors; the bits do not depend on the number of threads.

    Products of arrays must stand in `graphembed.parallel.one_thread` for that.
    """
    if isinstance(matrix, np.ndarray):
        product: NDArray[Any] = matrix @ x.astype(matrix.dtype)
        return product
    rows = CSR(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data.astype(np.float32))
    return propagate(rows, np.ascontiguousarray(x))


@dc.dataclass(frozen=True)
class Random:
    """Independent random vectors of about unit length: most entries zero, the others +1 or -1, or normal.

    Args:
        sparsity: One in so many entries is not zero; 0 draws normal numbers.

    Example:
        >>> path = Known.of(Graph.from_edges([0, 1], [1, 2]))
        >>> np.linalg.norm(Random(sparsity=1)(path, dim=4, seed=0), axis=1)
        array([1., 1., 1.], dtype=float32)

    References:
        Achlioptas 2003, "Database-friendly random projections", theorem 1.1.
        Chen et al. 2019, "Fast and accurate network embeddings via very sparse random projection", equation 2.
    """

    sparsity: float = 3.0

    def __post_init__(self) -> None:
        if not (self.sparsity == 0 or 1 <= self.sparsity < np.inf):
            raise ValueError(f"sparsity must be at least 1, or 0 for normal numbers, got {self.sparsity}")

    def __call__(self, known: Known, dim: int, seed: int) -> NDArray[np.float32]:
        """Draw one vector for each node: (nodes, dim), zero for nodes without an edge.

        Row by row, so that a node keeps its vector when others follow.
        """
        rng = np.random.default_rng(seed)
        shape = (len(known.degree), dim)
        if self.sparsity:
            place = rng.random(shape, np.float32) * 2 * self.sparsity  # below 1, -1; below 2, +1; beyond, 0
            drawn = np.where(place < 1, -1, 1) * (place < 2) * np.float32(self.sparsity**0.5)
        else:
            drawn = rng.standard_normal(shape, np.float32)
        vectors: NDArray[np.float32] = (drawn * (known.degree > 0)[:, None] / dim**0.5).astype(np.float32)
        return vectors


@dc.dataclass(frozen=True)
class Adjacency:
    """The weights themselves, or divided by degrees: w_uv / sqrt(d_u d_v).

    Args:
        normalised: Divide.
        power: As in `LogProximity`.
    """

    normalised: bool = True
    power: float = 0.5

    def __post_init__(self) -> None:
        _check_power(self.power)

    def matrix(self, known: Known, seed: int) -> Matrix:
        """Return the proximity of all nodes: (nodes, nodes)."""
        return self.rows(known, known.adjacency, seed)

    def rows(self, known: Known, edges: Matrix, seed: int) -> Matrix:  # noqa: ARG002  # nothing is drawn
        """Return the proximity of new nodes, by their (new nodes, nodes) edges, to all known ones."""
        return scaled(edges, edges.sum(axis=1), known.degree, 0.5) if self.normalised else edges


@dc.dataclass(frozen=True)
class LogProximity:
    """How much oftener a short walk from u meets v than chance has it: log max(1, mean of (P^r)_uv / (negatives q_v)).

    P = D^-1 A takes one step, r runs from 1 to ``window``, and chance is q_v = d_v^noise / sum of d^noise. This is what
    skip-gram with so many negatives factorises.

    For ``window=1`` the matrix is as sparse as the graph. Else it is dense, and of large graphs only some columns are
    computed: the factors hardly change, for columns are much alike. They are drawn in proportion to the root of the
    degree, which served BlogCatalog better than the degree or no preference.

    Args:
        window: Longest walk.
        negatives: Negatives of skip-gram; more make the matrix sparser.
        noise: How much oftener busy nodes are met by chance; 3/4 for word2vec, 1 for NetMF.
        columns: As many as are computed at most; all, if there are no more nodes. Above 65 536 nodes fewer are, for
            the matrix to fit in a gigabyte.
        power: Of the sizes, in the vectors U size^power: 1/2 shares them between rows and columns, so that products of
            vectors and their counterparts are entries; 1 keeps distances between rows; 0 makes all axes count alike.

    References:
        Qiu et al. 2018, "Network embedding as matrix factorization", equation 8 (negatives = b, noise = 1).
        Drineas et al. 2006, "Fast Monte Carlo algorithms for matrices II", for factors from some columns.
    """

    window: int = 1
    negatives: float = 1.0
    noise: float = 1.0
    columns: int = 4096
    power: float = 0.5

    def __post_init__(self) -> None:
        _check_power(self.power)
        if min(self.window, self.columns) < 1 or not 0 < self.negatives < np.inf or not 0 <= self.noise < np.inf:
            raise ValueError(
                "window and columns must be at least 1, negatives positive and noise not negative, got "
                f"window={self.window}, columns={self.columns}, negatives={self.negatives}, noise={self.noise}"
            )

    def matrix(self, known: Known, seed: int) -> Matrix:
        """Return the proximity of all nodes: (nodes, nodes or columns)."""
        if self.window == 1:
            return self.rows(known, known.adjacency, seed)
        step = scaled(known.adjacency, known.degree, known.degree, 1.0)
        columns = self._chosen(known, seed)
        often = self.window * self._chance(known)
        matrix = np.empty((len(known.degree), len(columns)), np.float32)
        for first in range(0, len(columns), _BLOCK):
            block = columns[first : first + _BLOCK]
            reached = np.zeros((len(matrix), len(block)), np.float32)
            reached[block, np.arange(len(block))] = 1
            total = np.zeros_like(reached)
            for _ in range(self.window):
                reached = times(step, reached)
                total += reached
            matrix[:, first : first + len(block)] = _log(total / often[block])
        return matrix

    def rows(self, known: Known, edges: Matrix, seed: int) -> Matrix:
        """Return the proximity of new nodes, by their (new nodes, nodes) edges, to all known ones or the columns."""
        step = scaled(edges, edges.sum(axis=1), known.degree, 1.0)
        if self.window == 1:
            logs = _log(step.data / self._chance(known)[step.indices])
            return sp.csr_array((logs, step.indices, step.indptr), shape=step.shape)
        columns = self._chosen(known, seed)
        back = scaled(known.adjacency, known.degree, known.degree, 0.0)  # the transpose of P
        often = self.window * self._chance(known)
        found = np.empty((step.shape[0], len(columns)), np.float32)
        for first in range(0, len(found), _BLOCK):
            reached = np.ascontiguousarray(step[first : first + _BLOCK].toarray().T.astype(np.float32))
            total = reached.copy()
            for _ in range(self.window - 1):
                reached = times(back, reached)
                total += reached
            found[first : first + _BLOCK] = _log(total[columns].T / often[columns])
        return found

    def _chance(self, known: Known) -> NDArray[np.float64]:
        often = _power(known.degree, self.noise)
        chance: NDArray[np.float64] = self.negatives * often / often[known.degree > 0].sum()
        return chance

    def _chosen(self, known: Known, seed: int) -> NDArray[np.int64]:
        """Rows of the nodes whose columns are computed, in ascending order."""
        nodes = len(known.degree)
        count = min(self.columns, max(_MOST // nodes, 1))
        if nodes <= count:
            return np.arange(nodes)
        share = np.sqrt(known.degree)
        count = min(count, int((share > 0).sum()))
        return np.sort(np.random.default_rng(seed).choice(nodes, count, replace=False, p=share / share.sum()))


class Factors(NamedTuple):
    """The best factors of a matrix: M is about (M right) diag(size) right^T / size."""

    size: NDArray[np.float64]  # (dim,) singular values, descending, 0 where there are no more
    right: NDArray[np.float64]  # (columns, dim) orthonormal columns, 0 where there are no more


def factors(matrix: Matrix, dim: int, seed: int) -> Factors:
    """Find the largest singular values of a matrix and their right vectors.

    Random directions are multiplied by M and its transpose until they point along the largest ones. The sign of a
    vector is that which makes its largest entry positive. Run within `graphembed.parallel.one_thread`.

    Args:
        matrix: (rows, columns) csr_array or array.
        dim: How many; where there are fewer, zeros follow.
        seed: Directions at the start.

    References:
        Halko, Martinsson and Tropp 2011, "Finding structure with randomness", algorithm 4.4.
    """
    back = matrix.T if isinstance(matrix, np.ndarray) else matrix.T.tocsr()
    whole = min(matrix.shape)
    some = whole if whole <= _SMALL else min(dim + _SPARE, whole)
    directions = np.random.default_rng(seed).normal(size=(matrix.shape[1], some))
    for _ in range(_ROUNDS):
        directions = _basis(times(back, _basis(times(matrix, directions))))
    left = np.linalg.qr(times(matrix, directions).astype(np.float64))[0]
    directions, small = np.linalg.qr(times(back, left).astype(np.float64))
    turn, sizes, _ = np.linalg.svd(small)  # M^T left = directions small: so directions turn are right vectors
    right = directions @ turn
    size = np.abs(right)
    largest = (size >= 0.999 * size.max(axis=0)).argmax(axis=0)  # the first of several: rounding shall not decide
    right *= np.where(right[largest, np.arange(some)] < 0, -1, 1)
    right[:, sizes <= _NOTHING * sizes.max()] = 0
    sizes[sizes <= _NOTHING * sizes.max()] = 0
    missing = max(0, dim - some)
    return Factors(np.pad(sizes, (0, missing))[:dim], np.pad(right, ((0, 0), (0, missing)))[:, :dim])


def _basis(x: NDArray[Any]) -> NDArray[np.float64]:
    """Turn columns into orthonormal ones that span the same, but for what is too small to tell from rounding.

    By the eigenvectors of x^T x: ten times as fast as `numpy.linalg.qr` on long tables, and exact enough on the way.
    """
    x = x.astype(np.float64)
    squares, axes = np.linalg.eigh(x.T @ x)
    kept = squares > _SPAN * squares[-1]
    basis: NDArray[np.float64] = x @ (axes * np.where(kept, 1 / np.sqrt(np.where(kept, squares, 1)), 0))
    return basis


def _check_power(power: float) -> None:
    if not np.isfinite(power):
        raise ValueError(f"power must be finite, got {power}")


def _log(ratio: NDArray[Any]) -> NDArray[Any]:
    logs: NDArray[Any] = np.log(np.maximum(ratio, 1))
    logs[logs < _CHANCE] = 0
    return logs


def _power(degree: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    """Raise degrees to a power; nodes without an edge get 1, which meets nothing but zeros."""
    powers: NDArray[np.float64] = np.where(degree > 0, degree, 1) ** exponent
    return powers
