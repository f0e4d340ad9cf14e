"""Recommend items to users: link prediction between the two parts of a graph, by the head that predicts any link.

Two graphs: which women went to which events (Davis 1941), and listeners and records drawn here by a law that is known,
so that the best there can be is known, too. The lists are judged next to what is popular and to what similar items say.

    python examples/recommendation.py
"""

from time import perf_counter

import numpy as np
import pandas as pd
import torch

import graphembed as ge
from graphembed.bench.baselines import Score, baselines
from graphembed.bench.lists import recommend
from graphembed.scores import matrix

GENRES, USERS, ITEMS = ("jazz", "folk", "metal", "techno", "opera", "samba"), 250, 150


def draw_listeners(seed: int = 0) -> tuple[ge.Graph, np.ndarray]:
    """Let each user choose 5 to 39 records, one after the other; return the graph and the (users, items) chances.

    The chance is in proportion to match times popularity. A user's taste and a record's style are shares of the genres,
    their match is the inner product (and 0.01: accidents happen); the record at place p of popularity has p^-0.8
    (Zipf). A record is named after its main genre and its place.
    """
    rng = np.random.default_rng(seed)
    taste, style = (rng.dirichlet(np.full(len(GENRES), spread), n) for spread, n in ((0.2, USERS), (0.1, ITEMS)))
    chance = (taste @ style.T + 0.01) * np.arange(1, ITEMS + 1) ** -0.8
    chance /= chance.sum(axis=1, keepdims=True)
    order = np.argsort(-np.log(chance) - rng.gumbel(size=chance.shape), axis=1)  # draws without repetition
    user, choice = np.nonzero(np.arange(ITEMS) < rng.integers(5, 40, (USERS, 1)))
    names = [f"user {u}" for u in range(USERS)] + [f"{GENRES[s.argmax()]}-{i + 1}" for i, s in enumerate(style)]
    part = torch.tensor([0] * USERS + [1] * ITEMS)
    return ge.Graph.from_edges(user, USERS + order[user, choice], names=names, nodes=USERS + ITEMS, part=part), chance


def item_neighbours(split: ge.EdgeSplit) -> Score:
    """Score an item by its cosines with the items that the user has, summed up; items are columns of users."""
    links = matrix(split.observed.csr).toarray()
    unit = links / np.maximum(np.linalg.norm(links, axis=0), 1)
    near = links @ unit.T @ unit
    return lambda pairs: near[pairs[:, 0], pairs[:, 1]]


def vectors(split: ge.EdgeSplit) -> Score:
    """Learn from skip-gram's vectors; lists of the validation links say how many steps of a walk belong together."""
    tables = [ge.deepwalk(dim=32, window=window).fit_transform(split.observed) for window in (1, 3, 10)]
    heads = [ge.LinkPredictor().fit(table, split.observed, split.train, split.valid) for table in tables]
    return max((head.predict_proba for head in heads), key=lambda s: recommend(s, split, part="valid")["NDCG@20"])


def pair_scores(split: ge.EdgeSplit) -> Score:
    """Learn from what is around a user and an item: paths of three, walks, what other rows say."""
    return ge.LinkPredictor(classifier="regression").fit(None, split.observed, split.train).predict_proba


METHODS = {  # learn from a split, and score pairs of user and item
    "random": lambda split: baselines(split.observed)["random"],
    "popularity": lambda split: lambda pairs: matrix(split.observed.csr).sum(axis=0)[pairs[:, 1]],  # how many have it
    "item neighbours": item_neighbours,
    "PageRank": lambda split: baselines(split.observed)["PageRank"],
    "head on vectors": vectors,
    "head on pair scores": pair_scores,
}


def judge(graph: ge.Graph, methods: dict, lengths: list[int], seeds: int) -> "pd.Series[float]":
    """Print mean and standard deviation over splits, and seconds a split; return the mean NDCG@20 of each method."""
    splits = [ge.split_edges(graph, test=0.2, valid=0.1, seed=seed) for seed in range(seeds)]
    table, means = {}, {}
    for name, method in methods.items():
        begin = perf_counter()
        scored = [(method(split), split) for split in splits]
        found = pd.concat([pd.DataFrame(recommend(*each, k) for each in scored) for k in lengths], axis=1)
        found = found.drop(columns="lists")
        means[name] = found.mean()
        table[name] = {key: f"{means[name][key]:.3f} ± {found[key].std():.3f}" for key in found}
        table[name]["seconds"] = f"{(perf_counter() - begin) / seeds:.2f}"
    print(f"\n{pd.DataFrame(table).T.to_string()}\n")
    return pd.DataFrame(means).loc["NDCG@20"]


def show_lists(user: int, graph: ge.Graph, chance: np.ndarray) -> None:
    """Print what a user has, and what popularity, the head and the law that drew the graph would add."""
    links, names = matrix(graph.csr).toarray()[:USERS, USERS:], np.array(graph.names[USERS:])
    new = np.flatnonzero(links[user] == 0)
    head = ge.LinkPredictor(classifier="regression").fit(None, graph)
    said = head.predict_proba(np.stack([np.full(len(new), user), USERS + new], axis=1))
    print(f"{graph.names[user]} has:", *names[links[user] > 0])
    for name, score in {"popularity": links.sum(axis=0)[new], "the head": said, "the law": chance[user, new]}.items():
        print(f"{name} adds:", *names[new[np.argsort(-score, kind="stable")[:8]]])


def main() -> None:
    davis = ge.load("davis")
    print(f"Davis's women and events: {davis}; 10 splits; 20 is more than there are events: look at lists of 3")
    judge(davis, METHODS, [3, 20], seeds=10)
    links = ge.LinkPredictor(classifier="regression").fit(None, davis).predict_links(k=3)
    print(f"most probable of the links not there:\n{links.round(2).to_string(index=False)}\n")

    graph, chance = draw_listeners()
    alone = np.minimum(chance, chance.mean(axis=0)).sum(axis=1).mean()  # what a user's chances and all users' share
    print(f"Listeners and records: {graph}; 3 splits; popularity alone explains {alone:.0%} of the choices")
    law = {"the law": lambda _: lambda pairs: chance[pairs[:, 0], pairs[:, 1] - USERS]}
    ndcg = judge(graph, METHODS | law, [20], seeds=3)
    show_lists(7, graph, chance)
    assert ndcg["the law"] > ndcg["head on pair scores"] > ndcg["item neighbours"] > ndcg["popularity"] + 0.05
    assert ndcg["head on vectors"] > ndcg["popularity"] + 0.05


if __name__ == "__main__":
    main()
