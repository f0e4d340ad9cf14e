"""Speed, side by side with the peers that are installed: same graphs, same walks, one run, medians, ratios.

Each comparison yields rows; nothing here asserts anything. Both sides run ``rounds`` times in turn, after one warm-up
of ours (compilation is reported apart), so that what else the machine does hits both alike.
"""

import lzma
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from graphembed.bench.graphs import GRAPHS, weighted
from graphembed.datasets import load
from graphembed.embedding import Embedding
from graphembed.encoders.skipgram import Context, SkipGram
from graphembed.graph import Graph, as_graph
from graphembed.heads.links import LinkPredictor
from graphembed.metrics import auc
from graphembed.parallel import thread_count
from graphembed.splits import EdgeSplit, split_edges
from graphembed.walks import RandomWalk, Walks

Row = dict[str, Any]
_DIM, _WINDOW, _NEGATIVES = 128, 10, 5


def installed(peer: str) -> bool:
    """Say whether a peer can be compared with."""
    return find_spec(peer) is not None


def paired(ours: Callable[[], Any], theirs: Callable[[], Any] | None, rounds: int) -> Row:
    """Time both in turn; seconds are medians, the ratio is the median of the rounds' ratios with its range."""
    ours()
    times: list[list[float]] = [[], []]
    for _ in range(rounds):
        for one, task in enumerate([ours, theirs]):
            if task is not None:
                begin = time.perf_counter()
                task()
                times[one].append(time.perf_counter() - begin)
    row: Row = {"seconds": float(np.median(times[0]))}
    if theirs is not None:
        ratio = np.divide(times[1], times[0])
        row |= {"peer seconds": float(np.median(times[1])), "ratio": float(np.median(ratio))}
        row |= {"least": float(ratio.min()), "most": float(ratio.max())}
    return row


def walks(rounds: int = 5, graphs: dict[str, Callable[[], Graph]] = GRAPHS) -> Iterator[Row]:
    """Compare walks of 80 nodes with ensmallen's: uniform and p = 1/4, q = 4, without and with weights.

    Ours are timed with all that a user waits for: tables of weights included, block after block.
    """
    for name, per_node in (("S", 10), ("T", 2)):
        plain = graphs[name]()
        for graph in (plain, weighted(plain)):
            peer = _ensmallen_graph(graph) if installed("ensmallen") else None
            for p, q in ((1.0, 1.0), (0.25, 4.0)):
                walk = RandomWalk(80, per_node, p, q)

                def ours(walk: RandomWalk = walk, graph: Graph = graph) -> None:
                    for _ in walk.blocks(graph, 0):
                        pass

                def theirs(p: float = p, q: float = q, peer: Any = peer) -> None:  # a fifth: it is slow
                    peer.complete_walks(
                        walk_length=80, iterations=1, max_neighbours=None, return_weight=1 / p, explore_weight=1 / q
                    )

                row = paired(ours, theirs if peer is not None else None, rounds)
                row = _scaled(row, per_node)
                what = ("weighted " if graph.weighted else "") + ("uniform" if p == q == 1 else "p=1/4 q=4")
                steps = walk.count(graph) * 79
                yield {
                    "what": f"{name} {what}", "peer": "ensmallen", "million/s": steps / row["seconds"] / 1e6, **row
                }  # fmt: skip


def skipgram(rounds: int = 5, graphs: dict[str, Callable[[], Graph]] = GRAPHS, seed: int = 0) -> Iterator[Row]:
    """Compare skip-gram with gensim's on the same walks: time on some of them, held-out link AUC on all.

    A tenth of the edges is hidden. In.Out scores a pair by x_u . y_v + x_v . y_u, dot by x_u . x_v, Hadamard by
    logistic regression on their product.
    """
    sources: dict[str, Callable[[], Graph]] = {"C": graphs["C"]}
    sources |= {name: partial(load, name) for name in ("cora", "blogcatalog-attributed")}
    for name, source in sources.items():
        try:
            graph = source()
        except FileNotFoundError:
            yield {"what": name, "peer": "skipped: GRAPHEMBED_DATA does not hold it"}
            continue
        split = split_edges(graph, test=0.1, valid=0, seed=seed)
        made = RandomWalk()(split.observed, seed)
        corpus = _as_walks(made, split.observed.names)
        part = _as_walks(made[: min(len(made), 20_000)], split.observed.names)

        def train(walks: Walks = part) -> SkipGram:
            return SkipGram(dim=_DIM, seed=seed, progress=False).fit(walks)

        row = paired(train, _gensim(part) if installed("gensim") else None, rounds)
        pairs = _pairs(part, _WINDOW)
        yield {"what": f"{name} skip-gram", "peer": "gensim", "million/s": pairs / row["seconds"] / 1e6, **row}
        begin = time.perf_counter()
        ours = train(corpus).embedding_
        yield {"what": f"{name} AUC, ours", "seconds": time.perf_counter() - begin, **link_aucs(ours, split)}
        if installed("gensim"):
            begin = time.perf_counter()
            theirs = _of_gensim(_gensim(corpus)(), split.observed.names)
            yield {"what": f"{name} AUC, gensim", "seconds": time.perf_counter() - begin, **link_aucs(theirs, split)}
        if installed("ensmallen"):
            begin = time.perf_counter()
            theirs = _grape(split.observed)
            yield {"what": f"{name} AUC, grape", "seconds": time.perf_counter() - begin, **link_aucs(theirs, split)}


def text(rounds: int = 1, tokens: int = 17_000_000) -> Iterator[Row]:
    """Compare with gensim on text (dim 100, window 5, 5 negatives): seconds, WordSim-353 and SimLex-999.

    The novels of ``text_eltec``, repeated until there are enough tokens for the clock; the correlations are those of
    one pass over the novels.
    """
    corpus = Walks.from_lists(novels(), min_count=5)
    context = Context(window=5, power=0.75, damping=1.0, averaging=0.0)

    def train(walks: Walks) -> SkipGram:
        return SkipGram(dim=100, context=context, progress=False).fit(walks)

    long = _repeated(corpus, tokens)
    row = paired(lambda: train(long), _gensim(long, dim=100, window=5) if installed("gensim") else None, rounds)
    yield {"what": f"text, {long.tokens.size / 1e6:.1f} M tokens", "peer": "gensim", **row}
    models = {"ours": train(corpus).embedding_}
    if installed("gensim"):
        models["gensim"] = _of_gensim(_gensim(corpus, dim=100, window=5)(), corpus.names)
    for who, embedding in models.items():
        yield {"what": f"words, {who}"} | {name: _agreement(embedding, pairs) for name, pairs in word_pairs().items()}


def web(per_node: int = 10) -> Iterator[Row]:
    """Embed the web graph cnr2000 in a process of its own: seconds and peak memory; gensim does a tenth of the work."""
    code = (
        "import resource, time; import graphembed as ge; graph = ge.load('cnr2000'); begin = time.perf_counter(); "
        f"ge.SkipGram(ge.RandomWalk(80, {per_node}), progress=False).fit(graph); "
        "print(time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    seconds, peak = map(float, done.stdout.split())
    row: Row = {"what": f"cnr2000, {per_node} walks a node", "seconds": seconds, "GiB": peak}
    if installed("gensim"):
        graph = load("cnr2000")
        train = _gensim(_as_walks(RandomWalk(80, 1)(graph, 0), graph.names))
        begin = time.perf_counter()
        train()
        ratio = (time.perf_counter() - begin) * per_node / seconds
        row |= {"peer": "gensim, from a tenth of its work", "ratio": ratio, "least": ratio, "most": ratio}
    yield row


def novels() -> Iterator[list[str]]:
    """Read the English novels of ``text_eltec`` as lists of lower-case words, a paragraph each."""
    with lzma.open(_public("text_eltec/eltec_eng_level1.txt.xz"), "rt", encoding="utf-8") as lines:
        for line in lines:
            if not line.startswith("###"):
                yield re.findall(r"[a-z]+(?:'[a-z]+)?", line.lower())


def word_pairs() -> dict[str, list[tuple[str, str, float]]]:
    """Read pairs of words with how alike people find them: WordSim-353 and SimLex-999."""
    pairs = {}
    for name, file in (("WordSim-353", "wordsim353.tsv"), ("SimLex-999", "simlex999.txt")):
        lines = _public(f"word_eval/gensim/{file}").read_text().splitlines()
        rows = [line.lower().split("\t") for line in lines if not line.startswith("#")]
        pairs[name] = [(a, b, float(score)) for a, b, score in rows]
    return pairs


def _public(file: str) -> Path:
    path = Path(os.environ.get("GRAPHEMBED_DATA", "")) / file
    if not path.is_file():
        raise FileNotFoundError(f"set GRAPHEMBED_DATA to a folder that holds {file}")
    return path


def link_aucs(embedding: Embedding, split: EdgeSplit) -> dict[str, float]:
    """Score the held-out pairs of a split by three functions of two vectors."""
    u, v = split.test.pairs.T
    z, c = embedding.values, embedding.context
    assert c is not None
    head = LinkPredictor("hadamard").fit(embedding, split.observed, split.train)
    return {
        "In.Out": auc(split.test.label, np.einsum("pd,pd->p", z[u], c[v]) + np.einsum("pd,pd->p", z[v], c[u])),
        "dot": auc(split.test.label, np.einsum("pd,pd->p", z[u], z[v])),
        "Hadamard": head.score(split.test)["AUC"],
    }


def _scaled(row: Row, times: int) -> Row:
    """Our side did ``times`` the work of the peer's."""
    more = {"peer seconds", "ratio", "least", "most"}
    return {key: value * times if key in more else value for key, value in row.items()}


def _as_walks(made: NDArray[np.int32], names: Sequence[str]) -> Walks:
    there = made >= 0
    return Walks(made[there], np.append(0, np.cumsum(there.sum(axis=1))), tuple(names))


def _pairs(walks: Walks, window: int) -> float:
    """Expected number of pairs of word2vec's dynamic window."""
    total = 0.0
    for length, count in zip(*np.unique(np.diff(walks.offsets), return_counts=True), strict=True):
        distance = np.arange(1, min(window, length - 1) + 1)
        total += count * float(np.sum(2 * (length - distance) * (window + 1 - distance) / window))
    return total


def _repeated(walks: Walks, tokens: int) -> Walks:
    times = -(-tokens // walks.tokens.size)
    ends = walks.offsets[1:] + walks.tokens.size * np.arange(times)[:, None]
    offsets = np.append(0, ends.ravel())
    kept = int(np.searchsorted(offsets, tokens))
    return Walks(np.tile(walks.tokens, times)[: offsets[kept]], offsets[: kept + 1], walks.names)


def _gensim(walks: Walks, dim: int = _DIM, window: int = _WINDOW) -> Callable[[], Any]:
    """Return a function that trains gensim on the walks; making its lists and its vocabulary is not timed."""
    from gensim.models import Word2Vec

    names = np.array(walks.names, object)
    lists = [names[walks.tokens[a:b]].tolist() for a, b in zip(walks.offsets[:-1], walks.offsets[1:], strict=True)]
    model = Word2Vec(
        vector_size=dim, window=window, negative=_NEGATIVES, sg=1, min_count=1, sample=0,
        workers=thread_count(), epochs=1, seed=1,
    )  # fmt: skip
    model.build_vocab(lists)

    def train() -> Any:
        model.init_weights()
        model.train(lists, total_examples=len(lists), epochs=1, start_alpha=0.025, end_alpha=0.0001)
        return model

    return train


def _of_gensim(model: Any, names: Sequence[str]) -> Embedding:
    values, context = np.zeros((2, len(names), model.vector_size), np.float32)
    row = {name: row for row, name in enumerate(names)}
    rows = [row[name] for name in model.wv.index_to_key]
    values[rows], context[rows] = model.wv.vectors, model.syn1neg
    return Embedding(values, names, {}, context)


def _ensmallen_graph(graph: Graph) -> Any:
    from ensmallen import Graph as Peer

    edges = {"source": graph.data.edge_index[0].numpy(), "target": graph.csr.indices}
    columns: dict[str, Any] = {}
    if graph.weighted:
        edges["weight"] = graph.csr.weight
        columns["weights_column_number"] = 2
    with tempfile.TemporaryDirectory() as folder:
        import pandas as pd

        path = Path(folder) / "edges.tsv"
        pd.DataFrame(edges).to_csv(path, sep="\t", header=False, index=False)
        return Peer.from_csv(
            edge_path=str(path), edge_list_separator="\t", edge_list_header=False, sources_column_number=0,
            destinations_column_number=1, edge_list_numeric_node_ids=True, edge_list_is_complete=True,
            edge_list_is_sorted=True, edge_list_is_correct=True, edge_list_may_contain_duplicates=False,
            number_of_nodes=graph.num_nodes, number_of_edges=len(graph.csr.indices),
            load_edge_list_in_parallel=False, directed=False, verbose=False, name="graph", **columns,
        )  # fmt: skip


def _grape(graph: Graph) -> Embedding:
    """Train grape's skip-gram on walks of its own; its defaults but for sizes, which are ours, and one epoch."""
    from ensmallen import models

    linked = np.diff(graph.csr.indptr) > 0
    where = np.cumsum(linked) - 1
    u, v = graph.pairs[graph.pairs[:, 0] != graph.pairs[:, 1]].T
    inner = Graph.from_edges(where[u], where[v], nodes=int(linked.sum()))
    model = models.SkipGram(
        embedding_size=_DIM, window_size=_WINDOW, number_of_negative_samples=_NEGATIVES, walk_length=80, iterations=10,
        epochs=1, verbose=False,
    )  # fmt: skip
    found = [np.asarray(table, np.float32) for table in model.fit_transform(_ensmallen_graph(inner))]
    values, context = np.zeros((2, graph.num_nodes, _DIM), np.float32)
    values[linked], context[linked] = found[0], found[1]
    return Embedding(values, graph.names, {}, context)


def _agreement(embedding: Embedding, pairs: list[tuple[str, str, float]]) -> float:
    """Spearman's correlation of cosines with human judgement, over the pairs whose words are known."""
    z = embedding.values / np.maximum(np.linalg.norm(embedding.values, axis=1, keepdims=True), 1e-12)
    row = embedding.row
    known = [(row[a], row[b], score) for a, b, score in pairs if a in row and b in row]
    cosine = [float(z[a] @ z[b]) for a, b, _ in known]
    return float(stats.spearmanr(cosine, [score for *_, score in known]).statistic)


def load_graph(name: str, folder: Path) -> Graph:
    """Read one of the graphs from ``folder/name.npz`` (indptr, indices)."""
    import scipy.sparse as sp

    with np.load(folder / f"{name}.npz", allow_pickle=False) as file:
        indptr, indices = file["indptr"], file["indices"]
    return as_graph(sp.csr_array((np.ones(len(indices)), indices, indptr), shape=(len(indptr) - 1,) * 2))
