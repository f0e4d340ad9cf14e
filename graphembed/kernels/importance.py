"""The nodes that matter most to a node: by personalised PageRank, or by how often random walks visit them.

Both follow rows of in-neighbours, because these are what a graph neural network reads: what matters to a node is what
its messages come from. Both are serial and hold, per seed, only what they touch.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphembed.kernels.compile import kernel
from graphembed.kernels.neighbors import Found, Int64s, Rows, at_mass, numbered, slot_of, with_room
from graphembed.kernels.rng import below, bits, key, unit


@kernel
def nearest_by_pagerank(
    rows: Rows, mass: NDArray[np.float64], seeds: Int64s, size: int, restart: float, tolerance: float
) -> tuple[Int64s, Int64s, NDArray[np.float64]]:
    """Find, for each seed, the ``size`` nodes with the highest personalised PageRank, by pushing what is left over.

    p = restart e_seed + (1 - restart) p P, where P leads from a node to its in-neighbours in proportion to weights.
    What comes to a node without any is dropped; letting it jump back to the seed would multiply all p by the same
    number. Pushing stops when no node has more than ``tolerance`` times its number of in-neighbours left over: in an
    undirected graph every p is too small by that at most.

    Args:
        rows: In-neighbours.
        mass: (edges,) sums of weights as from `cumulated`; empty if every edge weighs the same.
        seeds: (seeds,) nodes.
        size: Nodes per seed, itself included, which comes first.
        restart: Chance to jump back.
        tolerance: What may be left over per in-neighbour.

    Returns:
        starts (seeds + 1,), nodes (starts[-1],), and how much each matters.

    References:
        Andersen, Chung and Lang 2006, "Local graph partitioning using PageRank vectors", section 3.
    Differs from the paper: walks are not lazy.
    """
    starts = np.zeros(seeds.size + 1, np.int64)
    nodes, scores = np.empty(seeds.size * size, np.int64), np.empty(seeds.size * size, np.float64)
    for i in range(seeds.size):
        found, rank = _pushed(rows, mass, seeds[i], restart, tolerance)
        starts[i + 1] = _keep_best(found, rank, size, starts[i], nodes, scores)
    return starts, nodes[: starts[-1]], scores[: starts[-1]]


@kernel
def _pushed(
    rows: Rows, mass: NDArray[np.float64], seed: int, restart: float, tolerance: float
) -> tuple[Found, NDArray[np.float64]]:
    """Return the nodes reached and their PageRank, from below."""
    keys, count, table = numbered(np.array([seed]))
    rank, left = np.zeros(keys.size), np.zeros(keys.size)
    waiting = np.zeros(keys.size, np.bool_)
    left[0] = 1.0
    queue = [0]
    head = 0
    while head < len(queue):
        node = queue[head]
        head += 1
        waiting[node] = False
        a, b = rows.indptr[keys[node]], rows.indptr[keys[node] + 1]
        amount, left[node] = left[node], 0.0
        total = 0.0
        if b > a:
            total = mass[b - 1] if mass.size > 0 else float(b - a)
        rank[node] += restart * amount
        if total == 0.0:
            continue
        amount *= (1 - restart) / total
        if count + b - a > keys.size:
            keys, table = with_room(keys, table, count, b - a)
            rank, left, waiting = _resized(rank, left, waiting, keys.size)
        for edge in range(a, b):
            share = amount
            if mass.size > 0:
                share *= mass[edge] - (mass[edge - 1] if edge > a else 0.0)
            if share > 0:
                slot = slot_of(keys, table, rows.indices[edge])
                if table[slot] < 0:
                    table[slot] = count
                    keys[count] = rows.indices[edge]
                    count += 1
                other = table[slot]
                left[other] += share
                length = rows.indptr[keys[other] + 1] - rows.indptr[keys[other]]
                if not waiting[other] and left[other] > tolerance * max(length, 1):
                    waiting[other] = True
                    queue.append(other)
    rank += restart * left  # what a node would keep of what was not pushed on
    return Found(keys, count, table), rank


@kernel
def _resized(
    rank: NDArray[np.float64], left: NDArray[np.float64], waiting: NDArray[np.bool_], size: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    longer = np.zeros(size), np.zeros(size), np.zeros(size, np.bool_)
    longer[0][: rank.size], longer[1][: rank.size], longer[2][: rank.size] = rank, left, waiting
    return longer


@kernel
def nearest_by_visits(
    rows: Rows,
    mass: NDArray[np.float64],
    seeds: Int64s,
    size: int,
    walks: int,
    length: int,
    restart: float,
    stream: int,
) -> tuple[Int64s, Int64s, NDArray[np.float64]]:
    """Find, for each seed, the ``size`` nodes that walks of in-neighbours from it visit most often.

    Walk ``w`` from seed ``i`` takes step ``s`` by draws ``2 (w length + s)`` and the one after it of the stream
    (stream, i). From a dead end it jumps back to the seed.

    Args:
        rows: In-neighbours.
        mass: (edges,) sums of weights as from `cumulated`; empty if every edge weighs the same.
        seeds: (seeds,) nodes.
        size: Nodes per seed, itself included, which comes first.
        walks: Walks from each seed.
        length: Steps of each.
        restart: Chance to jump back to the seed before each step.
        stream: Where chance comes from.

    Returns:
        As `nearest_by_pagerank`, with counts of visits.

    References:
        Ying et al. 2018, "Graph convolutional neural networks for web-scale recommender systems", section 3.1.
    """
    starts = np.zeros(seeds.size + 1, np.int64)
    nodes, scores = np.empty(seeds.size * size, np.int64), np.empty(seeds.size * size, np.float64)
    for i in range(seeds.size):
        keys, count, table = numbered(seeds[i : i + 1])
        visits = np.zeros(1 + walks * length)
        draws = key(stream, i)
        for walk in range(walks):
            node = seeds[i]
            for step in range(length):
                number = 2 * (walk * length + step)
                if unit(bits(draws, number)) < restart:
                    node = seeds[i]
                a, b = rows.indptr[node], rows.indptr[node + 1]
                if b == a or (mass.size > 0 and mass[b - 1] == 0.0):
                    node = seeds[i]
                    continue
                draw = bits(draws, number + 1)
                node = np.int64(
                    rows.indices[at_mass(mass, a, b, unit(draw)) if mass.size > 0 else a + below(draw, b - a)]
                )
                if count == keys.size:
                    keys, table = with_room(keys, table, count, count)
                slot = slot_of(keys, table, node)
                if table[slot] < 0:
                    table[slot] = count
                    keys[count] = node
                    count += 1
                visits[table[slot]] += 1
        starts[i + 1] = _keep_best(Found(keys, count, table), visits, size, starts[i], nodes, scores)
    return starts, nodes[: starts[-1]], scores[: starts[-1]]


@kernel
def _keep_best(
    found: Found, score: NDArray[Any], size: int, at: int, nodes: Int64s, scores: NDArray[np.float64]
) -> int:
    """Write the seed, then those with the highest scores, at ``at``; of equals, who was found first."""
    order = np.argsort(-score[1 : found.size], kind="mergesort")[: size - 1]
    nodes[at], scores[at] = found.keys[0], score[0]
    for place in range(order.size):
        nodes[at + 1 + place] = found.keys[1 + order[place]]
        scores[at + 1 + place] = score[1 + order[place]]
    return at + 1 + order.size
