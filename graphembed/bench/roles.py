"""Role encoders judged: labels of airports, orbits that are known, graphs where degree says nothing, Penrose tilings.

air       logistic regression on 80 % of the nodes, accuracy on the rest, paired with log degree alone
orbits    do the nodes of an orbit, and only they, get one vector? mirror images found, also after edges are removed
tiling    which of the eight vertex stars a vertex of a Penrose tiling has, by a linear probe

Encoders have their default settings everywhere; those of `graphembed.encoders.structural.structural` were chosen on
splits of the airports that are not reported (seeds from 100).
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from graphembed.bench.cost import measured
from graphembed.datasets import load
from graphembed.datasets.generated import perturbed
from graphembed.datasets.orbits import barbell, cubic, hierarchy, mirrored, planted_roles
from graphembed.datasets.penrose import penrose
from graphembed.encoders import structural
from graphembed.encoders.protocol import Encoder
from graphembed.encoders.recipes import node2vec
from graphembed.graph import Graph
from graphembed.metrics.partitions import against
from graphembed.parallel import one_thread

DEGREE = "log degree"
AIRPORTS = ("brazil-airports", "europe-airports")
_STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0)  # inverse of the regularisation
_ASKED = 0.2  # of the airports
_SAME = 1e-5  # vectors of nodes in one orbit differ by no more, against their spread
_INSIDE = 4  # steps from the border of a tiling
_Vectors = Callable[[Graph], NDArray[np.floating]]

ENCODERS: dict[str, Callable[[int], Encoder]] = {
    "structural": lambda _: structural.structural(),
    "refex": lambda _: structural.refex(),
    "rolx": lambda _: structural.rolx(),
    "graphwave": lambda _: structural.graphwave(),
    "xnetmf": lambda seed: structural.xnetmf(seed=seed),
    "segk": lambda seed: structural.segk(seed=seed),
    "struc2vec": lambda seed: structural.struc2vec(seed=seed),
    "riwalk": lambda seed: structural.riwalk(seed=seed),
    "anonymous walks": lambda seed: structural.anonymous_walks(seed=seed),
    "role GNN": lambda seed: structural.role_gnn(seed=seed),
}
_SLOW = ("struc2vec", "riwalk", "anonymous walks")  # more than minutes for ten thousand nodes


def _degree(graph: Graph) -> NDArray[np.float64]:
    return np.log1p(np.diff(graph.csr.indptr))[:, None]


def _degree_profile(graph: Graph) -> NDArray[np.float64]:
    """Log of a node's degree and of the least, largest, mean and standard deviation of its neighbours' degrees.

    References:
        Cai and Wang 2018, "A simple yet effective baseline for non-attributed graph classification", section 2.
    """
    degree = np.diff(graph.csr.indptr)
    rows = []
    for node in range(graph.num_nodes):
        theirs = degree[graph.csr.indices[graph.csr.indptr[node] : graph.csr.indptr[node + 1]]]
        theirs = theirs if theirs.size else np.zeros(1)
        rows.append([degree[node], theirs.min(), theirs.max(), theirs.mean(), theirs.std()])
    return np.log1p(np.array(rows))


def methods(seed: int) -> dict[str, _Vectors]:
    """Return everything that is compared: graph in, (nodes, columns) out."""
    found: dict[str, _Vectors] = {DEGREE: _degree, "degree profile": _degree_profile}
    found["node2vec"] = lambda graph: node2vec(seed=seed).fit_transform(graph).values
    for name, make in ENCODERS.items():
        found[name] = lambda graph, make=make: make(seed).fit_transform(graph).values  # type: ignore[misc]
    return found


def air(name: str, splits: int = 50, seed: int = 0) -> pd.DataFrame:
    """Find the quarter of activity of airports.

    Args:
        name: One of `AIRPORTS`, or another data set with one label a node.
        splits: Random splits into 80 % to learn from and 20 % to find, the same for all methods.
        seed: The first; encoders have this one.

    Returns:
        A row for each method: mean ``accuracy`` and its standard deviation over the splits; mean difference to log
        degree alone and its standard ``error``, which allows for splits that overlap; mean accuracy ``one-vs-rest``;
        ``seconds`` of the encoder. The first three are of a multinomial logistic regression whose regularisation is
        chosen by cross-validation among the nodes to learn from. One-vs-rest with C = 1 cannot tell the middle quarters
        by one number, so it flatters vectors next to degree.

    References:
        Nadeau and Bengio 2003, "Inference for the generalization error", section 3, for the error.
        Ribeiro, Saverese and Figueiredo 2017, "struc2vec", section 4.3.
    """
    graph = load(name)
    known = np.flatnonzero(graph.data.y.numpy() >= 0)
    y = graph.data.y.numpy()[known]
    found, seconds = {}, {}
    for method, vectors in methods(seed).items():
        z, cost = measured(lambda vectors=vectors: vectors(graph))  # type: ignore[misc]
        seconds[method] = cost.seconds
        found[method] = np.array([_accuracies(z[known], y, number) for number in range(seed, seed + splits)]).T
    rows = []
    for method, (accuracy, one_by_one) in found.items():
        apart = accuracy - found[DEGREE][0]
        rows.append(
            {"method": method, "accuracy": accuracy.mean(), "sd": accuracy.std(ddof=1), "over degree": apart.mean()}
            | {"error": apart.std(ddof=1) * (1 / splits + _ASKED / (1 - _ASKED)) ** 0.5}
            | {"one-vs-rest": one_by_one.mean(), "seconds": seconds[method]}
        )
    return pd.DataFrame(rows).sort_values("accuracy", ascending=False, kind="stable", ignore_index=True)


@one_thread()
def _accuracies(z: NDArray[np.floating], y: NDArray[np.int64], seed: int) -> tuple[float, float]:
    """Return those of a multinomial regression, and of one for each class."""
    seen, asked = train_test_split(np.arange(len(y)), test_size=_ASKED, random_state=seed)
    scaler = StandardScaler().fit(z[seen])
    inside, outside = scaler.transform(z[seen]), scaler.transform(z[asked])
    folds = StratifiedKFold(3, shuffle=True, random_state=seed)
    chosen = LogisticRegressionCV(
        Cs=_STRENGTHS, cv=folds, max_iter=1000, scoring="accuracy", l1_ratios=(0.0,), use_legacy_attributes=False
    )
    single = OneVsRestClassifier(LogisticRegression(max_iter=1000))
    first, second = (float(probe.fit(inside, y[seen]).score(outside, y[asked])) for probe in (chosen, single))
    return first, second


def orbits(removed: float = 0.01, seeds: int = 10, seed: int = 0) -> pd.DataFrame:
    """Ask who tells the orbits of graphs apart, and who finds mirror images.

    Args:
        removed: Share of the edges of the mirrored karate club that are removed.
        seeds: How many times, each with other edges.
        seed: The first; encoders have this one.

    Returns:
        A row for each method. Of each graph, ARI between its orbits and groups of equal vectors: 1 if all nodes of an
        orbit, and only they, have one vector. ``mirror``: nodes of the mirrored karate club to which no node of another
        orbit is as near as the image, of 68. ``mirror MRR`` and its standard deviation ``sd``: mean 1 / rank of the
        image among nodes of other orbits after edges are removed, ties in the middle.
    """
    graphs = {"barbell": barbell(), "planted": planted_roles(), "hierarchy": hierarchy(), "cubic": cubic()}
    karate = mirrored(load("karate"), ["1"])
    orbit = _colours(karate)
    rows = []
    for method, vectors in methods(seed).items():
        row: dict[str, object] = {"method": method}
        for name, graph in graphs.items():
            row[name] = against(graph.data.y.numpy(), _equal(vectors(graph)))["ARI"]
        row["mirror"] = int((_ranks(vectors(karate), orbit) == 1).sum())
        again = [
            float((1 / _ranks(vectors(perturbed(karate, removed, seed=number)), orbit)).mean())
            for number in range(seed, seed + seeds)
        ]
        rows.append(row | {"mirror MRR": np.mean(again), "sd": np.std(again, ddof=1)})
    return pd.DataFrame(rows)


def _equal(z: NDArray[np.floating]) -> NDArray[np.int64]:
    """Group rows that differ by no more than rounding."""
    z = z.astype(np.float64)
    close = cdist(z, z, "chebyshev") <= _SAME * max(float(np.abs(z).max()), 1e-30)
    group: NDArray[np.int64] = close.argmax(axis=1)
    return group


def _colours(graph: Graph) -> NDArray[np.int64]:
    """Refine colours until no more nodes differ; of the karate club these are the orbits."""
    colour = np.zeros(graph.num_nodes, np.int64)
    around = np.split(graph.csr.indices, graph.csr.indptr[1:-1])
    while True:
        seen = [(own, *sorted(colour[theirs].tolist())) for own, theirs in zip(colour.tolist(), around, strict=True)]
        number = {look: k for k, look in enumerate(sorted(set(seen)))}
        finer = np.array([number[look] for look in seen])
        if finer.max() == colour.max():
            return colour
        colour = finer


def _ranks(z: NDArray[np.floating], orbit: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the rank of each node's image among nodes of other orbits; what rounding does is a tie, in the middle."""
    z, half = z.astype(np.float64), len(z) // 2
    far = cdist(z, z)
    tolerance = _SAME * max(float(far.max()), 1e-30)
    image = far[np.arange(len(z)), np.roll(np.arange(len(z)), half)][:, None]
    others = orbit != orbit[:, None]
    nearer, tied = others & (far < image - tolerance), others & (np.abs(far - image) <= tolerance)
    ranks: NDArray[np.float64] = 1 + nearer.sum(axis=1) + tied.sum(axis=1) / 2
    return ranks


def tiling(nodes: int = 10_000, seed: int = 0) -> pd.DataFrame:
    """Tell the vertex stars of a Penrose tiling, at vertices four steps or more from its border.

    Args:
        nodes: Vertices, about.
        seed: Of the tiling, the encoders and the split in halves to learn from and to ask.

    Returns:
        A row for each method that takes so many nodes in minutes: ``accuracy``, and ``seconds`` of the encoder. The
        first is the largest class.
    """
    graph = penrose(nodes, seed)
    y = graph.data.y.numpy()
    inside = np.flatnonzero((graph.data.border.numpy() >= _INSIDE) & (y >= 0))
    seen, asked = train_test_split(inside, test_size=0.5, random_state=seed)
    counts = np.bincount(y[seen])
    rows: list[dict[str, object]] = [
        {"method": "largest class", "accuracy": float((y[asked] == counts.argmax()).mean()), "seconds": 0.0}
    ]
    for method, vectors in methods(seed).items():
        if method in _SLOW:
            continue
        z, cost = measured(lambda vectors=vectors: vectors(graph))  # type: ignore[misc]
        with one_thread():
            probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(z[seen], y[seen])
        rows.append({"method": method, "accuracy": probe.score(z[asked], y[asked]), "seconds": cost.seconds})
    return pd.DataFrame(rows)
