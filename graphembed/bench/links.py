"""Link prediction: encoders and heads next to baselines, on the same splits, over several seeds, in a given time."""

import dataclasses as dc
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
from tqdm.auto import tqdm

from graphembed.bench.baselines import baselines
from graphembed.encoders.protocol import Encoder
from graphembed.errors import first_few
from graphembed.graph import Graph, as_graph
from graphembed.heads import joint
from graphembed.heads.ensemble import LinkEnsemble
from graphembed.heads.head import LinkHead, link_scores
from graphembed.heads.links import LinkPredictor
from graphembed.splits import EdgeSplit, LabelledPairs, split_edges

PAIR_SCORES, ENSEMBLE = (
    "pair scores",
    "ensemble",
)  # no encoder: a classifier over what is around the two nodes; and more
_SCORES = ["AUC", "AP", "MRR", "Hits@10"]
_FIRST = 1 / 3  # of the budget must be left where nobody knows how long a method takes

Pairs = LabelledPairs | None
Method = Callable[[Graph, Pairs, Pairs, int], LinkHead]  # observed graph, training and validation pairs, seed


def _pair_scores(graph: Graph, train: Pairs, valid: Pairs, seed: int) -> LinkHead:
    return LinkPredictor(classifier="vote", seed=seed).fit(None, graph, train, valid)


def _ensemble(graph: Graph, train: Pairs, valid: Pairs, seed: int) -> LinkHead:
    return LinkEnsemble(seed=seed).fit(graph, train, valid)


def _joint(recipe: str, graph: Graph, train: Pairs, valid: Pairs, seed: int) -> LinkHead:
    head: joint.JointPredictor = getattr(joint, recipe)(seed=seed)
    return head.fit(graph, train, valid)


HEADS: dict[str, Method] = {
    PAIR_SCORES: _pair_scores,
    ENSEMBLE: _ensemble,
    **{recipe: partial(_joint, recipe) for recipe in ("refined_gae", "hlgnn", "maskgae", "ncn", "ncnc", "mplp")},
}


def on_vectors(make: Callable[[int], Encoder], pair: str | None = None) -> Method:
    """Return the method that encodes and then tells links by a pair function of the vectors."""

    def method(graph: Graph, train: Pairs, valid: Pairs, seed: int) -> LinkHead:
        embedding = make(seed).fit_transform(graph)
        return LinkPredictor(pair, seed=seed).fit(embedding, graph, train, valid)

    return method


@dc.dataclass(frozen=True, eq=False)
class LinkTable:
    """What a comparison found.

    Args:
        rows: One row per method, seed and part (valid or test): scores and seconds.
        leaks: What the audits of all splits found; empty if nothing leaks.
        hidden: Links to be found in the test of each split.
        skipped: Methods that the budget left no time for.
    """

    rows: pd.DataFrame
    leaks: list[str]
    hidden: int
    skipped: list[str] = dc.field(default_factory=list)

    @property
    def seeds(self) -> list[int]:
        """Those there was time for."""
        seeds: list[int] = sorted(self.rows.seed.unique().tolist())
        return seeds

    def best(self, among: Sequence[str]) -> str:
        """Return the method with the highest mean AUC on the validation pairs; of several, the first of ``among``."""
        mean = self.rows[self.rows.part == "valid"].groupby("method").AUC.mean()
        if missing := [name for name in among if name not in mean]:
            raise ValueError(
                f"there are no validation scores to choose by for {first_few(missing)}; compare with valid > 0"
            )
        return max(among, key=lambda name: float(mean[name]))

    def pair(self, method: str) -> str:
        """Return the pair function that the validation pairs preferred most often for an encoder."""
        chosen: str = self.rows[self.rows.method == method].pair.mode().iloc[0]
        return chosen

    def summary(self) -> pd.DataFrame:
        """Return mean and standard deviation over the seeds on the test pairs, one row per method, best AUC first."""
        test = self.rows[self.rows.part == "test"].groupby("method", sort=False)[[*_SCORES, "seconds"]]
        table = test.mean().join(test.std(ddof=1).add_suffix(" sd"))
        return table.sort_values("AUC", ascending=False, kind="stable")


def compare(
    source: Any,
    encoders: Mapping[str, Callable[[int], Encoder]],
    heads: Sequence[str] = (PAIR_SCORES,),
    *,
    seeds: int = 3,
    seed: int = 0,
    test: float = 0.1,
    valid: float = 0.05,
    budget: float | None = None,
    progress: bool = True,
) -> LinkTable:
    """Split, learn, predict and score, once per seed; all methods and the baselines see exactly the same.

    Args:
        source: Anything `graphembed.as_graph` reads.
        encoders: Name of the row to a function that makes an encoder from a seed.
        heads: Those of `HEADS` that learn from the graph itself; they come first.
        seeds: How many; each makes its own split and its own encoder.
        seed: The first.
        test: Share of the linked pairs that is tested on.
        valid: Share that `LinkTable.best` looks at.
        budget: Seconds for all of it. In the first split a method starts while a third of them is left; another split
            follows if all methods that ran fit into what is left, with one more run of the slowest. None: no end.
        progress: Show a bar on a terminal.

    Example:
        >>> from graphembed import deepwalk, load
        >>> table = compare(load("karate"), {"deepwalk": lambda seed: deepwalk(dim=16, seed=seed)}, seeds=1)
        >>> table.leaks, table.seeds, len(table.summary())
        ([], [0], 8)
    """
    graph, begin = as_graph(source), time.perf_counter()
    methods = {name: HEADS[name] for name in heads} | {name: on_vectors(make) for name, make in encoders.items()}
    rows: list[dict[str, Any]] = []
    leaks: list[str] = []
    took: dict[str, float] = {}

    def left() -> float:
        return float("inf") if budget is None else begin + budget - time.perf_counter()

    bar = tqdm(total=seeds * (len(methods) + 1), disable=None if progress else True, delay=1, leave=False)
    with bar:
        for number in range(seed, seed + seeds):
            if number > seed and left() < sum(took.values()) + max(took.values(), default=0.0):
                break
            split = split_edges(graph, test, valid, number)
            leaks += [f"seed {number}: {leak}" for leak in split.audit()]
            bar.set_description(f"seed {number}: baselines", refresh=False)
            rows += _baselines(split, number)
            bar.update()
            for name, method in methods.items():
                if name in took or (number == seed and (not took or left() > _FIRST * (budget or 0))):
                    bar.set_description(f"seed {number}: {name}", refresh=False)
                    rows += _scored(name, method, split, number)
                    took[name] = rows[-1]["seconds"]
                bar.update()
    skipped = [name for name in methods if name not in took]
    return LinkTable(pd.DataFrame(rows), leaks, int(split.test.label.sum()), skipped)


def _parts(split: EdgeSplit) -> dict[str, Any]:
    return {name: part for name, part in (("valid", split.valid), ("test", split.test)) if len(part)}


def _scored(name: str, method: Method, split: EdgeSplit, seed: int) -> list[dict[str, Any]]:
    begin = time.perf_counter()
    head = method(split.observed, split.train, split.valid if len(split.valid) else None, seed)
    seconds, pair = time.perf_counter() - begin, getattr(head, "pair_", "")
    return [
        {"method": name, "seed": seed, "part": part, **head.score(pairs), "seconds": seconds, "pair": pair}
        for part, pairs in _parts(split).items()
    ]


def _baselines(split: EdgeSplit, seed: int) -> list[dict[str, Any]]:
    rows = []
    for name, score in baselines(split.observed, seed).items():
        for part, pairs in _parts(split).items():
            begin = time.perf_counter()
            found = score(pairs.pairs)
            seconds = time.perf_counter() - begin
            rows.append(
                {"method": name, "seed": seed, "part": part, **link_scores(pairs.label, found), "seconds": seconds}
            )
    return rows
