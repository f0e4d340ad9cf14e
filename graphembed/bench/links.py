"""Link prediction: encoders next to baselines, on the same splits, over several seeds."""

import dataclasses as dc
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
from tqdm.auto import tqdm

from graphembed.bench.baselines import baselines
from graphembed.encoders.protocol import Encoder
from graphembed.errors import first_few
from graphembed.graph import as_graph
from graphembed.heads.head import link_scores
from graphembed.heads.links import LinkPredictor
from graphembed.splits import EdgeSplit, split_edges

PAIR_SCORES = "pair scores"  # no encoder: a classifier over what is around the two nodes
_SCORES = ["AUC", "AP", "MRR", "Hits@10"]


@dc.dataclass(frozen=True, eq=False)
class LinkTable:
    """What a comparison found.

    Args:
        rows: One row per method, seed and part (valid or test): scores and seconds.
        leaks: What the audits of all splits found; empty if nothing leaks.
        hidden: Links to be found in the test of each split.
    """

    rows: pd.DataFrame
    leaks: list[str]
    hidden: int

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
    *,
    seeds: int = 3,
    seed: int = 0,
    test: float = 0.1,
    valid: float = 0.05,
    progress: bool = True,
) -> LinkTable:
    """Split, encode, predict and score, once per seed; `PAIR_SCORES` and the baselines see exactly the same.

    Args:
        source: Anything `graphembed.as_graph` reads.
        encoders: Name of the row to a function that makes an encoder from a seed.
        seeds: How many; each makes its own split and its own encoder.
        seed: The first.
        test: Share of the linked pairs that is tested on.
        valid: Share that `LinkTable.best` looks at.
        progress: Show a bar on a terminal.

    Example:
        >>> from graphembed import deepwalk, load
        >>> table = compare(load("karate"), {"deepwalk": lambda seed: deepwalk(dim=16, seed=seed)}, seeds=2)
        >>> table.leaks, len(table.summary())
        ([], 8)
    """
    graph = as_graph(source)
    rows: list[dict[str, Any]] = []
    leaks: list[str] = []
    bar = tqdm(total=seeds * (len(encoders) + 2), disable=None if progress else True, delay=1, leave=False)
    with bar:
        for number in range(seed, seed + seeds):
            split = split_edges(graph, test, valid, number)
            leaks += [f"seed {number}: {leak}" for leak in split.audit()]
            bar.set_description(f"seed {number}: baselines", refresh=False)
            rows += _baselines(split, number)
            bar.update()
            bar.set_description(f"seed {number}: {PAIR_SCORES}", refresh=False)
            rows += _pair_scores(split, number)
            bar.update()
            for name, make in encoders.items():
                bar.set_description(f"seed {number}: {name}", refresh=False)
                rows += _encoder(name, make(number), split, number)
                bar.update()
    return LinkTable(pd.DataFrame(rows), leaks, int(split.test.label.sum()))


def _parts(split: EdgeSplit) -> dict[str, Any]:
    return {name: part for name, part in (("valid", split.valid), ("test", split.test)) if len(part)}


def _encoder(name: str, encoder: Encoder, split: EdgeSplit, seed: int) -> list[dict[str, Any]]:
    begin = time.perf_counter()
    embedding = encoder.fit_transform(split.observed)
    head = LinkPredictor(seed=seed).fit(embedding, split.observed, split.train, split.valid)
    return _scored(name, head, split, seed, time.perf_counter() - begin)


def _pair_scores(split: EdgeSplit, seed: int) -> list[dict[str, Any]]:
    begin = time.perf_counter()
    head = LinkPredictor(classifier=None, seed=seed).fit(None, split.observed, split.train)
    return _scored(PAIR_SCORES, head, split, seed, time.perf_counter() - begin)


def _scored(name: str, head: LinkPredictor, split: EdgeSplit, seed: int, seconds: float) -> list[dict[str, Any]]:
    return [
        {"method": name, "seed": seed, "part": part, **head.score(pairs), "seconds": seconds, "pair": head.pair_}
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
