"""Link prediction on public data, each by the protocol its published figures were made by.

seal      90/10, as many random negatives; AUC, and AUC against degree-matched negatives
hits      70/10/20; Hits@50 (a tie counts half a place: coarse scores look better than where it counts a whole one)
citation  85/5/10 on graphs with features; AUC, AP, Hits@100, MRR among the negatives of HeaRT, calibration error
large     85/5/10; AUC, MRR among all test negatives
lists     85/5/10; each end of 250 test links asks for the other among all nodes it is not linked to

Every table has the scores that are known for free (`graphembed.bench.baselines`); "default" is `LinkEnsemble`, below it
stand its members alone, with its seconds and memory. What is chosen is chosen on validation pairs, or, where a protocol
has none, on pairs that the method itself sets aside from those to learn from.
"""

import dataclasses as dc
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pandas as pd

from graphembed.bench.baselines import Score, baselines
from graphembed.bench.cost import Cost, measured
from graphembed.bench.evaluation import evaluate
from graphembed.datasets import load
from graphembed.encoders.recipes import gcn
from graphembed.graph import Graph
from graphembed.heads.ensemble import LinkEnsemble
from graphembed.heads.head import LinkHead
from graphembed.heads.links import LinkPredictor
from graphembed.metrics import auc, expected_calibration_error, hits
from graphembed.sampling.hard import heart
from graphembed.sampling.matched import degree_matched
from graphembed.splits import EdgeSplit, LabelledPairs, split_edges

DEFAULT = "default"
_MOST_LISTS = 250  # test links whose ends ask for lists
_CLASSICAL = ("usair", "ns", "pb", "celegans", "power")


@dc.dataclass(frozen=True)
class Protocol:
    """How links are hidden and what is asked.

    Args:
        graphs: Names of public data sets.
        test: Share of links to find.
        valid: Share to choose on.
        figures: What a row shows, first what counts.
        published: Of each graph, figures of the literature by method, in the order of ``figures``.
        source: Where those stand.
    """

    graphs: tuple[str, ...]
    test: float
    valid: float
    figures: tuple[str, ...]
    published: dict[str, dict[str, tuple[float, ...]]] = dc.field(default_factory=dict)
    source: str = ""


PROTOCOLS = {
    "seal": Protocol(
        _CLASSICAL,
        0.1,
        0.0,
        ("AUC", "AUC matched"),
        {
            "usair": {"SEAL": (0.9662,)},
            "ns": {"SEAL": (0.9885,)},
            "pb": {"SEAL": (0.9472,)},
            "celegans": {"SEAL": (0.9030,)},
            "power": {"SEAL": (0.8761,)},
        },
        "Zhang and Chen 2018, table 1",
    ),
    "hits": Protocol(
        _CLASSICAL,
        0.2,
        0.1,
        ("Hits@50", "Hits@50 matched"),
        {
            "usair": {"MPLP": (0.921,), "SEAL": (0.905,)},
            "ns": {"MPLP": (0.895,), "SEAL": (0.866,)},
            "pb": {"MPLP": (0.526,), "SEAL": (0.445,)},
            "celegans": {"MPLP": (0.743,), "SEAL": (0.648,)},
            "power": {"MPLP": (0.323,), "SEAL": (0.315,)},
        },
        "Dong, Guo and Chawla 2024, table 1",
    ),
    "citation": Protocol(
        ("cora", "citeseer"),
        0.1,
        0.05,
        ("AUC", "AP", "Hits@100", "HeaRT MRR", "calibration error"),
        {"cora": {"MaskGAE": (0.9645, 0.9595)}, "citeseer": {"MaskGAE": (0.9802, 0.9818)}},
        "Li et al. 2023, table 3",
    ),
    "large": Protocol(("pubmed-topology", "amazon-photo"), 0.1, 0.05, ("MRR", "AUC")),
    "lists": Protocol(("facebook", "drug-target"), 0.1, 0.05, ("filtered MRR", "AUC")),
}


def table(name: str, graph: str, seeds: int, seed: int = 0) -> Iterator[pd.DataFrame]:
    """Run a protocol on one graph: for each seed a table, one row a method, with seconds and peak memory.

    Args:
        name: One of `PROTOCOLS`.
        graph: Name of a public data set.
        seeds: How many splits.
        seed: The first.
    """
    data = load(graph)
    for number in range(seed, seed + seeds):
        yield _one_split(name, data, number)


def _one_split(name: str, graph: Graph, seed: int) -> pd.DataFrame:
    protocol = PROTOCOLS[name]
    split = split_edges(graph, protocol.test, protocol.valid, seed).check()
    head, cost = measured(partial(_default, split, seed))
    fitted: dict[str, tuple[Score, Cost]] = {DEFAULT: (head.log_odds, cost)}
    for member in head.members_ if name != "lists" else ():  # asked of all nodes, each takes minutes
        kind = "pair scores" if isinstance(member, LinkPredictor) else "MaskGAE with pair scores"
        fitted[kind] = member.log_odds, cost
    if name == "lists":
        fitted["GCN"] = measured(partial(_plain_gcn, split, seed))
    fitted |= {free: (score, Cost(0.0, 0.0)) for free, score in baselines(split.observed, seed).items()}
    judge, rows = _judge(name, graph, split, seed), []
    for method, (score, cost) in fitted.items():
        found, asking = measured(partial(judge, score))
        whole = {"seconds": cost.seconds + asking.seconds, "peak MiB": max(cost.peak, asking.peak)}
        rows.append({"method": method, "seed": seed} | found | whole)
    rows[0] |= _calibration(head, split.test) if name == "citation" else {}
    return pd.DataFrame(rows)


def summary(tables: list[pd.DataFrame], protocol: Protocol, graph: str) -> pd.DataFrame:
    """Return mean and standard deviation over the seeds, best first, published figures among them."""
    rows = pd.concat(tables).groupby("method", sort=False)
    mean, spread = rows.mean().drop(columns="seed"), rows.std().drop(columns="seed")
    found = {
        method: {
            figure: f"{mean.loc[method, figure]:.4f} ± {spread.loc[method, figure]:.4f}"
            for figure in protocol.figures
            if figure in mean and mean.loc[method, figure] == mean.loc[method, figure]
        }
        | {"seconds": f"{mean.loc[method, 'seconds']:.1f}", "peak MiB": f"{mean.loc[method, 'peak MiB']:.0f}"}
        for method in mean.index
    }
    for method, figures in protocol.published.get(graph, {}).items():
        found[f"{method} ({protocol.source})"] = dict(
            zip(protocol.figures, (f"{x:.4f}" for x in figures), strict=False)
        )
    laid_out = pd.DataFrame(found).T
    order = laid_out[protocol.figures[0]].str.split().str[0].astype(float)
    return laid_out.loc[order.sort_values(ascending=False, kind="stable").index].fillna("")


def _default(split: EdgeSplit, seed: int) -> LinkEnsemble:
    return LinkEnsemble(seed=seed).fit(split.observed, split.train, split.valid if len(split.valid) else None)


def _plain_gcn(split: EdgeSplit, seed: int) -> Score:
    embedding = gcn(seed=seed).fit_transform(split.observed)
    return LinkPredictor(seed=seed).fit(embedding, split.observed, split.train, split.valid).log_odds


def _judge(name: str, graph: Graph, split: EdgeSplit, seed: int) -> Callable[[Score], dict[str, float]]:
    """Return what makes the figures of a protocol from a score."""
    links = split.test.pairs[split.test.label]
    if name in ("seal", "hits"):
        others = {"": split.test.pairs[~split.test.label], " matched": degree_matched(graph, links, seed)}
        figure, value = ("AUC", auc) if name == "seal" else ("Hits@50", partial(hits, k=50))
        return lambda score: {
            f"{figure}{kind}": value(
                np.arange(len(links) + len(some)) < len(links), score(np.concatenate([links, some]))
            )
            for kind, some in others.items()
        }
    if name == "citation":
        ranking = heart(graph, split.observed, links, seed=seed)
        return lambda score: (
            _some(evaluate(score, split, times=0), "AUC", "AP", "Hits@100")
            | {"HeaRT MRR": evaluate(score, split, ranking, times=0)["MRR"]}
        )
    if name == "large":
        return lambda score: _some(evaluate(score, split, times=0), "MRR", "AUC")
    few = np.random.default_rng(seed).permutation(links)[:_MOST_LISTS]
    asked = dc.replace(split, test=LabelledPairs(few, np.ones(len(few), bool)))
    return lambda score: {
        "filtered MRR": evaluate(score, asked, "filtered", times=0)["MRR"],
        "AUC": evaluate(score, split, times=0)["AUC"],
    }


def _some(row: dict[str, float], *figures: str) -> dict[str, float]:
    return {figure: row[figure] for figure in figures}


def _calibration(head: LinkHead, test: LabelledPairs) -> dict[str, float]:
    """How far probabilities are off, for pairs of which half are linked, as those of the test."""
    return {"calibration error": expected_calibration_error(test.label, head.predict_proba(test.pairs, share=0.5))}
