"""Skip-gram on walks: nodes that meet in a window get similar vectors.

`SkipGram` is the one engine: it eats what a walk of `graphembed.walks` makes of a graph, or `Walks` made elsewhere
(sentences, sequences). `Context` says what a window is. DeepWalk, node2vec and LINE are recipes over the two
(`graphembed.encoders.recipes`).
"""

import dataclasses as dc
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from tqdm.auto import tqdm

from graphembed.embedding import Embedding
from graphembed.encoders.protocol import describe, movement, needs_edges, rings
from graphembed.errors import DataError
from graphembed.graph import Graph, as_graph, union
from graphembed.kernels.csr import CSR
from graphembed.kernels.roles import linked
from graphembed.kernels.skipgram import Plan, sigmoid_table, train_walks
from graphembed.kernels.walks import Alias, alias_tables
from graphembed.parallel import thread_count, threads
from graphembed.walks import RandomWalk, Walk, Walks

_POOL = 64  # negatives a walk shares among its places
_MOST_IN_FLIGHT = 16  # walks trained from the same tables; more is faster and learns less from each
_LAST = 1 / 250  # the last step as a share of the first: word2vec's 0.025 and 0.0001
_PIECE = 128  # longer walks are cut: a walk trains on private copies of its rows, which must fit the cache
_CHUNK = 8192  # pieces between two moves of the progress bar
_HELD_OUT = 20  # with ``patience``, one walk in so many is not trained on
_ROUNDS = 5  # of walks that place a new node among known ones


@dc.dataclass(frozen=True)
class Context:
    """What a node is paired with.

    Args:
        window: Largest distance in a walk.
        negatives: Negatives of a pair.
        power: Negatives are drawn in proportion to visits^power. Word2vec's 0.75 suits text; on graphs lower values
            leave more of a node's popularity in the score of a link.
        dynamic: Each place draws its own reach between 1 and ``window``, so that near nodes count more.
        cbow: Predict a node from the mean of its window instead of from each node in it.
        subsample: Word2vec's threshold: of a token with a share f of all tokens, sqrt(t/f) + t/f are kept. 0 keeps all.
        damping: How much of what walks did to the context table is kept. Below 1, node vectors learn the rest.
        averaging: A context row moved by m walks at once takes the sum of their steps over m^averaging. On graphs
            the mean (1) makes node vectors say more on their own; text wants the sum (0), or frequent words lag.

    Raises:
        ValueError: A setting is out of range.

    Example:
        >>> Context(window=5, power=0.75).negatives
        5

    References:
        Mikolov et al. 2013, "Distributed representations of words and phrases", sections 2.2 and 2.3.
    """

    window: int = 10
    negatives: int = 5
    power: float = 0.375
    dynamic: bool = True
    cbow: bool = False
    subsample: float = 0.0
    damping: float = 0.9
    averaging: float = 1.0

    def __post_init__(self) -> None:
        if self.window < 1 or not 0 < self.negatives < _POOL:
            raise ValueError(
                f"window must be at least 1 and negatives between 1 and {_POOL - 1}, got window={self.window}, "
                f"negatives={self.negatives}"
            )
        if not (
            0 < self.damping <= 1 and 0 <= self.averaging <= 1 and np.isfinite(self.power) and 0 <= self.subsample < 1
        ):
            raise ValueError(
                "damping must be above 0 and at most 1, averaging in [0, 1], power finite and subsample in [0, 1), got "
                f"damping={self.damping}, averaging={self.averaging}, power={self.power}, subsample={self.subsample}"
            )

    def plan(self, frozen: int = 0) -> Plan:
        """Say the same to the kernels."""
        shortest = 1 if self.dynamic else self.window
        return Plan(
            shortest, self.window, self.negatives, _POOL, self.cbow, float(self.damping), float(self.averaging), frozen
        )


@dc.dataclass(eq=False)
class SkipGram(BaseEstimator):
    """Skip-gram with negative sampling on walks; the same bits on any number of threads.

    A pair (u, v) of a window and negatives n_k, drawn in proportion to how often walks visit them to some power:
    loss = softplus(-x_u . y_v) + sum over k of softplus(x_u . y_nk). The step falls linearly to ``lr / 250``.

    Nodes without a neighbour get the zero vector.

    Args:
        walk: How to walk: anything with the face of `graphembed.walks.Walk`; fresh walks in each epoch.
        dim: Length of a vector.
        context: What a node is paired with.
        epochs: Rounds of walks.
        lr: First step.
        patience: Stop when the loss of held-out walks (a twentieth) has not fallen for so many epochs, and return the
            best. None trains all epochs.
        seed: Everything random comes from it.
        progress: Show a bar on a terminal.

    Attributes:
        losses_: Mean loss of a pair in each epoch, before the step it led to, measured on up to some hundred walks of
            each few thousand.
        valid_losses_: Mean loss of a pair of held-out walks after each epoch, with ``patience``.

    Raises:
        DataError: The graph has no edges.

    Example:
        >>> import networkx as nx
        >>> encoder = SkipGram(RandomWalk(length=20), dim=16)
        >>> encoder.fit_transform(nx.karate_club_graph())
        Embedding(34 items, dim 16, SkipGram)
        >>> newcomer = nx.Graph([("new", 0), ("new", 1), ("new", 2)])  # vectors of 0, 1 and 2 stay as they are
        >>> encoder.transform(newcomer)["new"].shape
        (16,)
        >>> words = Walks.from_lists([["to", "be", "or", "not", "to", "be"]] * 9)
        >>> SkipGram(dim=8, context=Context(window=2, power=0.75)).fit(words).embedding_.names
        ('to', 'be', 'or', 'not')

    References:
        Mikolov et al. 2013, "Distributed representations of words and phrases", equation 4.
        Perozzi et al. 2014, "DeepWalk". Grover and Leskovec 2016, "node2vec".
    """

    walk: Walk = dc.field(default_factory=RandomWalk)
    dim: int = 128
    context: Context = dc.field(default_factory=Context)
    epochs: int = 1
    lr: float = 0.025
    patience: int | None = None
    seed: int = 0
    progress: bool = True

    def fit(self, source: Any, /, *, start: Embedding | None = None, folder: str | Path | None = None) -> Self:
        """Walk and learn.

        Args:
            source: A graph, or anything `graphembed.as_graph` reads, or `Walks`.
            start: Begin with these vectors (and contexts) where they have a name in common; otherwise with chance.
            folder: Keep the two tables in files ``x.npy`` and ``y.npy`` there instead of in memory.
        """
        self._check()
        corpus = self._corpus(source)
        x, y = _tables(corpus.names, self.dim, self.seed, start, folder)
        self.losses_: list[float] = []
        self.valid_losses_: list[float] = []
        self._train(corpus, x, y, self.epochs)
        return self

    def partial_fit(self, source: Any, /, *, start: Embedding | None = None) -> Self:
        """Train the next epoch: ``epochs`` calls give the bits of one ``fit``.

        A run that was cut off is resumed from a saved embedding: ``start`` then says, in its source, how many epochs it
        has seen. (With ``patience``, stopping is the caller's.)
        """
        self._check()
        corpus = self._corpus(source)
        if not hasattr(self, "embedding_"):
            done = 0 if start is None else int(start.source.get("epochs_done", 0))
            self.losses_, self.valid_losses_ = [float("nan")] * done, []
            x, y = _tables(corpus.names, self.dim, self.seed, start, None)
        else:
            x, y = _tables(corpus.names, self.dim, self.seed, self.embedding_, None)
        self._train(corpus, x, y, 1)
        return self

    def _check(self) -> None:
        if min(self.dim, self.epochs) < 1 or not 0 < self.lr < np.inf:
            raise ValueError(
                f"dim and epochs must be at least 1 and lr positive, got dim={self.dim}, epochs={self.epochs}, "
                f"lr={self.lr}"
            )
        if self.patience is not None and self.patience < 1:
            raise ValueError(f"patience must be at least 1, or None, got {self.patience}")

    def _corpus(self, source: Any) -> "_Corpus":
        self.graph_: Graph | None = None  # for `update`
        if isinstance(source, Walks):
            return _of_sequences(source)
        graph = self.graph_ = as_graph(source)
        needs_edges(graph, "skip-gram")
        return _of_graph(graph, self.walk)

    def transform(self, source: Any, /) -> Embedding:
        """Return the vectors of a graph's nodes.

        Nodes that were not there when it was fitted are placed by walks from them among the known ones, which stay as
        they are.

        Raises:
            UnknownNameError: There is no path from a new node to a known one.
        """
        if isinstance(source, Walks):
            return self.embedding_[source.names]
        graph = as_graph(source)
        if graph.names == self.embedding_.names:
            return self.embedding_
        found = rings(self.embedding_.row, graph, "SkipGram", "fit it on a graph that holds them, or link them")
        if not found:
            return self.embedding_[graph.names]
        x, y, row = self._placed(graph, found)
        return Embedding(x[row], graph.names, self.embedding_.source, y[row])

    def fit_transform(self, source: Any, /) -> Embedding:
        """Do both on one graph."""
        if not isinstance(source, Walks):
            source = as_graph(source)
        return self.fit(source).transform(source)

    def update(self, edges: Any, /) -> pd.DataFrame:
        """Learn from new edges, between nodes old and new, starting from what is known.

        Walks start from the ends of the new edges only. New nodes are placed as by `transform`, then all that is
        walked on moves, with half the step.

        Args:
            edges: The new edges: anything `graphembed.as_graph` reads.

        Returns:
            Columns ``name``, ``moved`` (length of the move over length of the old vector) and ``cosine`` (of the new
            and the old vector) for every node that was known, furthest first.

        Raises:
            TypeError: It was not fitted on a graph.
            UnknownNameError: There is no path from a new node to a known one.
        """
        fitted: Graph | None = getattr(self, "graph_", None)
        if fitted is None:
            raise TypeError("update needs an encoder that was fitted on a graph")
        extra = as_graph(edges)
        graph = union(fitted, extra)
        old = self.embedding_
        found = rings(old.row, graph, "SkipGram", "link them")
        x, y, row = self._placed(graph, found)
        x, y = x[row], y[row]
        nodes = np.array([graph.row[name] for name in extra.names])
        self._move(graph, x, y, nodes, np.arange(len(x)), self.lr / 2, 0)
        self._keep(x, y, graph.names)
        self.graph_ = graph
        return movement(old, self.embedding_)

    def _train(self, corpus: "_Corpus", x: NDArray[np.float32], y: NDArray[np.float32], epochs: int) -> None:
        """Train some more epochs in place and keep the result."""
        if self.patience and corpus.number < _HELD_OUT:
            raise DataError(f"patience holds out one walk in {_HELD_OUT}, {corpus.number} are too few: set it to None")
        visits = corpus.visits(_seeds(self.seed, 0)[0])
        noise = _noise(_mass(visits, self.context.power))
        best, best_tables = np.inf, None
        for epoch in range(len(self.losses_), min(len(self.losses_) + epochs, self.epochs)):
            walk_seed, seed, drop_seed = _seeds(self.seed, epoch)
            blocks = corpus.blocks(walk_seed)
            if self.context.subsample:
                blocks = _subsampled(blocks, visits, self.context.subsample, np.random.default_rng(drop_seed))
            if self.patience:
                blocks = (block.every(_HELD_OUT, False) for block in blocks)
            done = epoch / self.epochs
            name = f"skip-gram {epoch + 1}/{self.epochs}"
            hidden = None if self.progress else True
            with tqdm(total=corpus.number, desc=name, disable=hidden, delay=1, leave=False) as bar:
                loss = self._pass(
                    _counted(blocks, bar), corpus.number, x, y, noise, self.context.plan(), seed,
                    self.lr * (1 - done * (1 - _LAST)), self.lr * (1 - (done + 1 / self.epochs) * (1 - _LAST)),
                )  # fmt: skip
            self.losses_.append(loss)
            if self.patience:
                self.valid_losses_.append(self._held_out(corpus, x, y, noise))
                if self.valid_losses_[-1] < best:
                    best, best_tables = self.valid_losses_[-1], (x.copy(), y.copy())
                elif len(self.valid_losses_) - 1 - int(np.argmin(self.valid_losses_)) >= self.patience:
                    break
        if best_tables is not None:
            x[:], y[:] = best_tables
        x[corpus.alone] = y[corpus.alone] = 0
        self.visits_ = visits
        self._keep(x, y, corpus.names)

    def _held_out(self, corpus: "_Corpus", x: NDArray[np.float32], y: NDArray[np.float32], noise: Alias) -> float:
        """Measure the loss of walks that are never trained on."""
        blocks = (block.every(_HELD_OUT, True) for block in corpus.blocks(self.seed))
        plan = self.context.plan(frozen=len(x))
        return self._pass(blocks, corpus.number, x, y, noise, plan, self.seed, 0.0, 0.0)

    def _pass(
        self,
        blocks: Iterable["_Block"],
        total: int,
        x: NDArray[np.float32],
        y: NDArray[np.float32],
        noise: Alias,
        plan: Plan,
        seed: int,
        lr_first: float,
        lr_last: float,
    ) -> float:
        """See every walk once; return the mean loss of a pair."""
        table = sigmoid_table()
        loss, pairs, done = 0.0, 0, 0
        for block in blocks:
            if not len(block.first):
                continue
            typical = max(1, int(np.mean(block.last - block.first)))
            in_flight = int(np.clip(len(x) // typical, 1, _MOST_IN_FLIGHT))
            lanes = min(in_flight, thread_count())
            share = np.array([done, done + block.walks]) / max(total, 1)
            first, last = lr_first + (lr_last - lr_first) * share
            with threads(lanes):
                some_loss, some_pairs = train_walks(
                    *block[:3], x, y, noise, plan, float(first), float(last), seed + done, in_flight, lanes, table
                )
            loss, pairs, done = loss + some_loss, pairs + some_pairs, done + block.walks
        mean = loss / max(pairs, 1)
        if not np.isfinite(mean):
            raise FloatingPointError(f"the loss is {mean}: lower lr, now {self.lr}")
        return mean

    def _placed(
        self, graph: Graph, found: list[NDArray[np.int64]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
        """Return tables of the known rows, then the new nodes', and the row of every node of ``graph``."""
        known = self.embedding_
        new = np.concatenate([np.empty(0, np.int64), *found])
        row = np.array([known.row.get(name, -1) for name in graph.names], np.int64)
        row[new] = len(known) + np.arange(len(new))
        assert known.context is not None
        x, y = (
            np.concatenate([table, np.zeros((len(new), known.shape[1]), np.float32)])
            for table in (known.values, known.context)
        )
        if len(new):
            _neighbours_mean(graph, found, row, x, y)
            self._move(graph, x, y, new, row, self.lr, len(known))
        return x, y, row

    def _move(
        self,
        graph: Graph,
        x: NDArray[np.float32],
        y: NDArray[np.float32],
        nodes: NDArray[np.int64],
        row: NDArray[np.int64],
        lr: float,
        frozen: int,
    ) -> None:
        """Train on walks from some nodes; rows of the tables below ``frozen`` stay."""
        mass = np.zeros(len(x))
        mass[: len(self.visits_)] = _mass(self.visits_, self.context.power)
        if frozen:  # of walks that all start from new nodes these must be negatives as often as elsewhere others are
            mass[frozen:] = mass.sum() / (len(x) - frozen) / (self.walk.length / 2)
        noise = _noise(mass)
        rounds = 1 if frozen == 0 else _ROUNDS
        count = rounds * len(nodes) * max(1, self.walk.count(graph) // max(graph.num_nodes, 1))

        def blocks() -> Iterator[_Block]:
            for one in range(rounds):
                for walks in self.walk.blocks(graph, self.seed + one, nodes=nodes):
                    block = _of_matrix(walks)
                    yield block._replace(tokens=row[block.tokens].astype(np.int32))

        self._pass(blocks(), count, x, y, noise, self.context.plan(frozen), self.seed, lr, lr * _LAST)

    def _keep(self, x: NDArray[np.float32], y: NDArray[np.float32], names: Sequence[str]) -> None:
        x.flags.writeable = y.flags.writeable = False  # an embedding need not copy what nobody can change
        source = describe(self) | {"epochs_done": len(self.losses_)}
        self.embedding_ = Embedding(x, names, source, y)


class _Block(NamedTuple):
    """Some walks: a walk is ``tokens[first:last]``."""

    tokens: NDArray[np.int32]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    number: NDArray[np.int64]  # which walks of the corpus these are
    walks: int  # how far the block takes the work, in walks of the corpus

    def every(self, nth: int, held_out: bool) -> "_Block":
        """Keep every ``nth`` walk, or all others."""
        kept = (self.number % nth == 0) == held_out
        return self._replace(first=self.first[kept], last=self.last[kept], number=self.number[kept])


class _Corpus(NamedTuple):
    """Where walks come from."""

    names: Sequence[str]
    number: int  # of walks, in an epoch
    blocks: Callable[[int], Iterator[_Block]]  # from a seed
    visits: Callable[[int], NDArray[np.float64]]  # from a seed: how often each node is visited
    alone: NDArray[np.int64]  # nodes of which nothing can be learnt


def _seeds(seed: int, epoch: int) -> tuple[int, int, int]:
    """Draw the seeds of an epoch's walks, training and subsampling."""
    walks, training, dropping = np.random.default_rng([seed, epoch]).integers(2**62, size=3).tolist()
    return walks, training, dropping


def _of_graph(graph: Graph, walk: Walk) -> _Corpus:
    joined = linked(graph.csr)

    def blocks(seed: int) -> Iterator[_Block]:
        for walks in walk.blocks(graph, seed):
            some = joined[walks[:, 0]]  # a walk round and round a self-loop says nothing
            block = _of_matrix(walks if some.all() else walks[some])
            yield block._replace(walks=len(walks))

    def visits(seed: int) -> NDArray[np.float64]:
        """Walks are quick: they are made twice rather than kept."""
        counts = np.zeros(graph.num_nodes)
        for block in blocks(seed):
            counts += np.bincount(block.tokens, minlength=len(counts))
        return counts

    return _Corpus(graph.names, walk.count(graph), blocks, visits, np.flatnonzero(~joined))


def _of_sequences(walks: Walks) -> _Corpus:
    """Cut long walks into pieces, which come in a fresh random order."""
    pieces = -(-np.diff(walks.offsets) // _PIECE)
    which = np.repeat(np.arange(len(walks)), pieces)
    first = walks.offsets[which] + _PIECE * (np.arange(len(which)) - np.repeat(np.cumsum(pieces) - pieces, pieces))
    last = np.minimum(first + _PIECE, walks.offsets[which + 1])

    def blocks(seed: int) -> Iterator[_Block]:
        order = np.random.default_rng(seed).permutation(len(first))
        for begin in range(0, len(order), _CHUNK):
            some = order[begin : begin + _CHUNK]
            yield _Block(walks.tokens, first[some], last[some], some, len(some))

    def visits(_: int) -> NDArray[np.float64]:
        return np.bincount(walks.tokens, minlength=len(walks.names)).astype(np.float64)

    return _Corpus(walks.names, len(first), blocks, visits, np.empty(0, np.int64))


def _of_matrix(walks: NDArray[np.int32]) -> _Block:
    """Drop the padding of (walks, length) nodes."""
    there = walks >= 0
    ends = np.cumsum(there.sum(axis=1))
    tokens = walks.ravel() if there.all() else walks[there]
    return _Block(tokens, np.append(0, ends)[:-1], ends, np.arange(len(walks)), len(walks))


def _subsampled(
    blocks: Iterable[_Block], visits: NDArray[np.float64], threshold: float, rng: np.random.Generator
) -> Iterator[_Block]:
    """Drop frequent tokens at random; their neighbours move together."""
    ratio = threshold * visits.sum() / np.maximum(visits, 1)
    keep = np.sqrt(ratio) + ratio
    for block in blocks:
        lengths = block.last - block.first
        ends = np.cumsum(lengths)
        tokens = block.tokens[np.arange(lengths.sum()) + np.repeat(block.last - ends, lengths)]
        there = rng.random(tokens.size) < keep[tokens]
        before = np.append(0, np.cumsum(there))
        yield block._replace(tokens=tokens[there], first=before[ends - lengths], last=before[ends])


def _counted(blocks: Iterable[_Block], bar: Any) -> Iterator[_Block]:
    """Move a progress bar whenever a block is done."""
    for block in blocks:
        yield block
        bar.update(block.walks)


def _mass(visits: NDArray[np.float64], power: float) -> NDArray[np.float64]:
    """How likely each node is as a negative: its number of visits to some power; never those that nobody visits."""
    return np.where(visits > 0, np.maximum(visits, 1) ** power, 0)


def _noise(mass: NDArray[np.float64]) -> Alias:
    """Tables of one row that draws nodes in proportion to their mass."""
    mass = mass if mass.any() else np.ones_like(mass)
    nodes = len(mass)
    return alias_tables(CSR(np.array([0, nodes]), np.arange(nodes, dtype=np.int32), mass.astype(np.float32)))


def _tables(
    names: Sequence[str], dim: int, seed: int, start: Embedding | None, folder: str | Path | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Make the two tables: small random node vectors and zero contexts, or those to start from."""
    if start is not None and start.shape[1] != dim:
        raise ValueError(f"cannot start from vectors of length {start.shape[1]} when dim is {dim}")
    shape = (len(names), dim)
    if folder is None:
        x, y = np.empty(shape, np.float32), np.zeros(shape, np.float32)
    else:
        Path(folder).mkdir(parents=True, exist_ok=True)
        x, y = (
            np.asarray(np.lib.format.open_memmap(Path(folder) / name, "w+", np.float32, shape))
            for name in ("x.npy", "y.npy")
        )
    rng = np.random.default_rng(seed)
    for first in range(0, len(x), _CHUNK):  # in blocks, so that nothing of the size of a table is held
        x[first : first + _CHUNK] = (rng.random((len(x[first : first + _CHUNK]), dim), np.float32) - 0.5) / dim
    if start is not None:
        here = [row for row, name in enumerate(names) if name in start.row]
        there = [start.row[names[row]] for row in here]
        x[here] = start.values[there]
        if start.context is not None:
            y[here] = start.context[there]
    return x, y


def _neighbours_mean(
    graph: Graph, found: list[NDArray[np.int64]], row: NDArray[np.int64], x: NDArray[np.float32], y: NDArray[np.float32]
) -> None:
    """Give new nodes the mean of their neighbours that have vectors, ring by ring."""
    source, target = graph.data.edge_index.numpy()
    links = sp.csr_array((np.ones(len(source), np.float32), (source, target)), shape=(graph.num_nodes,) * 2)
    links = links + links.T
    there = np.ones(graph.num_nodes, np.float32)
    there[np.concatenate(found)] = 0
    for ring in found:
        near = links[ring] * there
        count = np.maximum(near.sum(axis=1), 1)[:, None]
        for table in (x, y):
            table[row[ring]] = (near @ table[row]) / count
        there[ring] = 1
