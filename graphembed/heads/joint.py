"""`JointPredictor`: which pairs of nodes are linked, by an encoder and a decoder that are trained together.

The other head, `LinkPredictor`, takes vectors as they are; here they are made for the purpose. The recipes at the end
are the methods of the literature, as settings of the same few parts: `Hops` as the encoder, one of
`graphembed.nn.decoders`, and `TargetLinks` as the objective.
"""

import dataclasses as dc
from collections.abc import Callable
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch_geometric.data import Data

from graphembed.embedding import Embedding
from graphembed.errors import DataError
from graphembed.graph import Graph, as_graph
from graphembed.heads.head import LinkHead
from graphembed.nn.decoders import CommonNeighbours, CompletedNeighbours, Hadamard, Signatures
from graphembed.nn.gnn import NodeTable
from graphembed.nn.hops import Hops, orthogonal
from graphembed.objectives.joint import Asked, TargetLinks, asking, decode
from graphembed.objectives.protocol import encode
from graphembed.parallel import one_thread
from graphembed.sampling.pairs import count_non_edges, sample_non_edges
from graphembed.scores import Facts, facts, pair_scores
from graphembed.splits import LabelledPairs
from graphembed.training import Training, seeded
from graphembed.training import train as learn

_POOL, _SIDE_POOL = 10, 3  # unlinked pairs to learn from, for each link; fewer if numbers about each are computed
_SIDE_LINKS = 10_000  # at most, to learn from where numbers about each are computed
_OWN = 0x6A6F696E  # a split with the same seed draws pairs, too: drawn alike, these would be those of its test
_TABLE = 128  # width of learned inputs
_SMALL = 1e-6  # added to scores before their logarithm is taken
_CLIP = 5.0  # numbers about a pair that are further from their mean, in standard deviations, count as this far


@dc.dataclass(eq=False)
class JointPredictor(LinkHead):
    """An encoder and a decoder trained together on links that are taken out of the graph while they are asked for.

    Args:
        encoder: Makes the encoder, a module with a PyG forward, from the number of features per node. Graphs without
            features get learned inputs, with orthogonal columns at first.
        decoder: Makes the decoder, such as `graphembed.nn.decoders.Hadamard`, from the length of the vectors and the
            number of numbers about each pair.
        side: Show the decoder the exact scores of each pair (`graphembed.scores.pair_scores`), too.
        share: Of the links that a batch asks for, as for `TargetLinks`; so are the next two.
        masked: Take these out of the graph.
        degree: Weight of the loss that asks how many were taken out.
        training: How long and how fast; on the CPU only. ``patience`` counts epochs without a better AUC of the
            validation pairs, if there are any.
        seed: Everything random comes from it.

    Attributes:
        encoder_: The trained encoder.
        embedding_: The vectors it gives the nodes of the observed graph, also fit for other heads.
        beside_: The trained decoder.
        history_: Loss and validation of each epoch.

    Example:
        >>> from graphembed import load, split_edges
        >>> split = split_edges(load("lesmis"), test=0.1, valid=0.1)
        >>> head = ncn(epochs=20).fit(split.observed, split.train, split.valid)
        >>> head.score(split.test)["AUC"] > 0.7
        True
        >>> head.predict_links(k=2)[["source", "target"]].shape
        (2, 2)
    """

    encoder: Callable[[int], nn.Module]
    decoder: Callable[[int, int], nn.Module]
    side: bool = False
    share: float = 0.1
    masked: bool = True
    degree: float = 0.0
    training: Training = dc.field(default_factory=lambda: Training(epochs=100, lr=0.005, patience=20))
    seed: int = 0

    def fit(self, graph: Any, train: LabelledPairs | None = None, valid: LabelledPairs | None = None) -> Self:
        """Learn from labelled pairs.

        Args:
            graph: The observed graph.
            train: Pairs to learn from; by default all edges of the graph. To those that are not linked so many
                others are added that there are ten for each link (three with ``side``, which has to be computed,
                and then of 10 000 links at most).
            valid: Pairs that say when to stop; their links must not be in the graph. By default nothing does.
        """
        graph = as_graph(graph)
        if self.training.device != "cpu":
            raise ValueError(f"joint training runs on the CPU, got device={self.training.device!r}")
        self._read(graph)
        self.width_ = None if graph.data.x is None else int(graph.data.x.shape[1])
        if train is None:
            links = graph.pairs[graph.pairs[:, 0] != graph.pairs[:, 1]]
            train = LabelledPairs(links, np.ones(len(links), bool))
        asked = self._asked(self._with_pool(train), fit=True)
        numbers = 0 if asked.side is None else asked.side.shape[1]
        objective = TargetLinks(
            lambda width: self.decoder(width, numbers),
            asked,
            None if valid is None else self._asked(valid),
            self.share,
            self.masked,
            self.degree,
        )
        with seeded(self.seed):
            module = self.encoder(self.width_ or _TABLE)
            if self.width_ is None:
                module = NodeTable(module, graph.num_nodes, _TABLE)
                orthogonal(module.table)
        training = self.training if valid is not None else dc.replace(self.training, patience=None)
        self.history_, self.beside_ = learn(module, self.inputs_, objective, training, seed=self.seed)
        self.encoder_ = module
        return self._embed()

    def look_at(self, graph: Any) -> Self:
        """Go on with another graph of the same nodes, such as one with more links: see `LinkHead.look_at`."""
        super().look_at(graph)
        self._read(self.graph_)
        return self._embed()

    def _read(self, graph: Graph) -> None:
        """Look at a graph once: what the encoder reads, and what numbers about pairs are made of."""
        self.graph_, self.inputs_ = graph, _inputs(graph)
        self.facts_ = facts(graph) if self.side else None

    def _embed(self) -> Self:
        with torch.no_grad(), one_thread():
            z = encode(self.encoder_.eval(), asking(self.inputs_, Asked(np.empty((0, 2), np.int64), np.empty(0, bool))))
        self.embedding_ = Embedding(z.numpy(), self.graph_.names, {"encoder": type(self).__name__, "seed": self.seed})
        return self

    def log_odds(self, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the log-odds, (pairs,), that the (pairs, 2) rows u, v are linked, among pairs of which half are."""
        asked = self._asked(LabelledPairs(pairs, np.zeros(len(pairs), bool)))
        assert self.embedding_ is not None
        with torch.no_grad(), one_thread():
            z = torch.from_numpy(self.embedding_.values)
            return decode(self.beside_, z, asking(self.inputs_, asked)).astype(np.float64)

    def _known(self) -> Facts:
        return super()._known() if self.facts_ is None else self.facts_

    def _with_pool(self, known: LabelledPairs) -> LabelledPairs:
        """Add unlinked pairs, drawn from the seed; with ``side``, of many links take some."""
        rng = np.random.default_rng([self.seed, _OWN])
        links = np.flatnonzero(known.label)
        if self.side and len(links) > _SIDE_LINKS:
            some = np.sort(
                np.concatenate([rng.choice(links, _SIDE_LINKS, replace=False), np.flatnonzero(~known.label)])
            )
            known, links = LabelledPairs(known.pairs[some], known.label[some]), links[:_SIDE_LINKS]
        others, pool = len(known) - len(links), (_SIDE_POOL if self.side else _POOL) * len(links)
        wanted = min(pool, count_non_edges(self.graph_)) - others
        if wanted <= 0:
            return known
        drawn = sample_non_edges(self.graph_, wanted, rng)
        return LabelledPairs(
            np.concatenate([known.pairs, drawn]), np.concatenate([known.label, np.zeros(len(drawn), bool)])
        )

    def _asked(self, pairs: LabelledPairs, fit: bool = False) -> Asked:
        """Put the numbers about each pair beside it."""
        nodes = self.graph_.num_nodes
        wrong = np.flatnonzero(((pairs.pairs < 0) | (pairs.pairs >= nodes)).any(axis=1))
        if wrong.size:
            given = pairs.pairs[wrong[0]]
            row = given[(given < 0) | (given >= nodes)][0]
            raise DataError(f"pairs must be rows of the {nodes} nodes, got {row} in pair {wrong[0]}")
        if self.facts_ is None:
            return Asked(pairs.pairs, pairs.label)
        raw = pair_scores(self.graph_, pairs.pairs, self.facts_).to_numpy(np.float64)
        both = np.concatenate([raw, np.log(np.maximum(raw, 0) + _SMALL)], axis=1)
        if fit:
            half = np.concatenate([np.flatnonzero(pairs.label), np.flatnonzero(~pairs.label)[: pairs.label.sum()]])
            self.mean_, self.spread_ = both[half].mean(axis=0), np.maximum(both[half].std(axis=0), 1e-9)
        return Asked(
            pairs.pairs, pairs.label, ((both - self.mean_) / self.spread_).clip(-_CLIP, _CLIP).astype(np.float32)
        )


def _inputs(graph: Graph) -> Graph:
    """Return the graph with what the encoder reads as ``x``: rows of one length, or else numbers of the nodes."""
    x = graph.data.x
    if x is None:
        x = torch.arange(graph.num_nodes)[:, None]
    else:
        x = nn.functional.normalize(x.float(), dim=1) * x.shape[1] ** 0.5
    return Graph(Data(**(graph.data.to_dict() | {"x": x})), graph.names, graph.directed)


def hlgnn(dim: int = 128, epochs: int = 200, lr: float = 0.005, *, side: bool = False, seed: int = 0) -> JointPredictor:
    """Mix twenty hops, score by a network on products of vectors (HL-GNN).

    References:
        Zhang et al. 2024, "Heuristic learning with graph neural networks: a unified framework for link prediction"
        and its code for Cora.
    Differs from the paper: links asked for are taken out of the graph, which its code for these graphs does not do;
    vectors of ``dim`` numbers instead of as many as features, a network of that width instead of 8192.
    """
    encoder = partial(Hops, out_channels=dim, steps=20, start="restart", alpha=0.2)
    decoder = partial(Hadamard, hidden=dim, layers=3)
    return JointPredictor(encoder, decoder, side, share=0.34, training=_until(epochs, lr, 30), seed=seed)


def refined_gae(
    dim: int = 128, epochs: int = 100, lr: float = 0.005, *, side: bool = True, seed: int = 0
) -> JointPredictor:
    """Mix three hops, score by a network on products of vectors (a graph auto-encoder, refined).

    References:
        Ma et al. 2024, "Reconsidering the performance of GAE in link prediction".
    Differs from the paper: ``side``, which is most of what it is better by; vectors of ``dim`` numbers, not 1024.
    """
    encoder = partial(Hops, out_channels=dim, steps=3, start="even")
    decoder = partial(Hadamard, hidden=dim)
    return JointPredictor(encoder, decoder, side, training=_until(epochs, lr, 15), seed=seed)


def maskgae(
    dim: int = 128, epochs: int = 500, lr: float = 0.01, *, side: bool = False, seed: int = 0
) -> JointPredictor:
    """Take out most of the links at a time and ask for them and for the degrees that are gone (MaskGAE).

    References:
        Li et al. 2023, "What's behind the mask: understanding masked graph modeling for graph autoencoders" and
        its code.
    """
    encoder = partial(_one_step, dim=dim)
    decoder = partial(Hadamard, hidden=64, dropout=0.2)
    training = dc.replace(_until(epochs, lr, 100), weight_decay=5e-5)
    return JointPredictor(encoder, decoder, side, share=0.7, degree=0.003, training=training, seed=seed)


def ncn(dim: int = 64, epochs: int = 100, lr: float = 0.005, *, side: bool = True, seed: int = 0) -> JointPredictor:
    """Add the vectors of the common neighbours to the product of the two (NCN).

    References:
        Wang, Yang and Zhang 2024, "Neural common neighbor with completion for link prediction".
    Differs from the paper: ``side``; two hops, mixed by learned weights.
    """
    encoder = partial(Hops, out_channels=dim, steps=2, start="even")
    decoder = partial(CommonNeighbours, hidden=dim)
    return JointPredictor(encoder, decoder, side, training=_until(epochs, lr, 15), seed=seed)


def ncnc(dim: int = 64, epochs: int = 100, lr: float = 0.005, *, side: bool = True, seed: int = 0) -> JointPredictor:
    """As `ncn`, completed by neighbours of one that may be neighbours of the other (NCNC): for up to 5000 nodes.

    References:
        Wang, Yang and Zhang 2024, "Neural common neighbor with completion for link prediction".
    """
    return dc.replace(ncn(dim, epochs, lr, side=side, seed=seed), decoder=partial(CompletedNeighbours, hidden=dim))


def mplp(
    dim: int = 64, epochs: int = 100, lr: float = 0.005, *, side: bool = False, walks: bool = True, seed: int = 0
) -> JointPredictor:
    """Estimate how many nodes lie between the two by random vectors (MPLP; MPLP+ with ``walks``): for large graphs.

    References:
        Dong, Guo and Chawla 2024, "Pure message passing can estimate common neighbor for link prediction".
    """
    decoder = partial(Signatures, hidden=dim, walks=walks)
    return dc.replace(ncn(dim, epochs, lr, side=side, seed=seed), decoder=decoder)


def _until(epochs: int, lr: float, patience: int) -> Training:
    return Training(epochs=epochs, lr=lr, weight_decay=1e-5, patience=patience)


def _one_step(in_channels: int, dim: int) -> Hops:
    """Make a graph convolution with a bend at its end."""
    return Hops(in_channels, dim, 1, "last", dropout=0.8, tail=nn.ELU())
