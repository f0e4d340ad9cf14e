"""Speed of neighbour sampling, side by side with DGL's and, where it can sample at all, PyG's own.

An epoch over all nodes, 1024 seeds a batch, 15 neighbours of each seed and 10 of each of these, without replacement.
Ours runs as a user gets it: on so many Python threads, each making whole batches (kernels release the GIL); DGL's runs
on as many threads of its own. DGL looks for neighbours of the seeds again at the second hop, so it makes more edges:
what is compared are edges per second.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
import torch_geometric.typing
from torch_geometric.sampler import NodeSamplerInput

from graphembed.bench.graphs import GRAPHS
from graphembed.bench.speed import Row, installed, paired
from graphembed.graph import Graph
from graphembed.parallel import thread_count, threads
from graphembed.sampling.neighbors import NeighborSampler

FANOUT, SEEDS = (15, 10), 1024
Epoch = Callable[[], int]  # samples all batches and says how many edges that were


def sampling(rounds: int = 5, graphs: dict[str, Callable[[], Graph]] = GRAPHS) -> Iterator[Row]:
    """Compare an epoch of sampling on graph T, on one thread and on as many as there are.

    Args:
        rounds: Epochs of each, in turn.
        graphs: By name, as in `graphembed.bench.graphs`.
    """
    graph = graphs["T"]()
    order = torch.from_numpy(np.random.default_rng(0).permutation(graph.num_nodes))
    parts = [order[first : first + SEEDS] for first in range(0, len(order), SEEDS)]
    sampler = NeighborSampler(graph, FANOUT)
    peers = {"DGL": dgl_epoch(graph, parts) if installed("dgl") else None}
    if torch_geometric.typing.WITH_PYG_LIB or torch_geometric.typing.WITH_TORCH_SPARSE:
        peers["PyG"] = pyg_epoch(graph, parts)
    for count in sorted({1, thread_count()}):
        ours = our_epoch(sampler, parts, count)
        for peer, theirs in peers.items():
            with threads(count):
                row = paired(ours, theirs, rounds)
            row["million/s"] = (edges := ours()) / row["seconds"] / 1e6
            if theirs is not None:
                more = theirs() / edges
                row |= {key: row[key] / more for key in ("ratio", "least", "most")}
            yield {"what": f"T sampling {list(FANOUT)} on {count}", "peer": peer, **row}


def our_epoch(sampler: NeighborSampler, parts: list[torch.Tensor], count: int) -> Epoch:
    """Return what samples all batches on ``count`` Python threads."""
    inputs = [NodeSamplerInput(torch.arange(len(part)), part) for part in parts]

    def sample(asked: NodeSamplerInput) -> int:
        return len(sampler.sample_from_nodes(asked).row)

    def epoch() -> int:
        if count == 1:
            return sum(map(sample, inputs))
        with ThreadPoolExecutor(count) as pool:
            return sum(pool.map(sample, inputs))

    return epoch


def dgl_epoch(graph: Graph, parts: list[torch.Tensor]) -> Epoch:
    """Return what samples all batches with DGL, whose list of fanouts begins at the hop farthest from the seeds."""
    os.environ.setdefault("DGLBACKEND", "pytorch")
    import dgl

    rows = [torch.from_numpy(array.astype(np.int64)) for array in graph.csr[:2]]
    peer = dgl.graph(("csc", (*rows, torch.empty(0, dtype=torch.long))))
    sampler = dgl.dataloading.NeighborSampler(list(reversed(FANOUT)))

    def epoch() -> int:
        return sum(block.num_edges() for part in parts for block in sampler.sample_blocks(peer, part)[2])

    return epoch


def pyg_epoch(graph: Graph, parts: list[torch.Tensor]) -> Epoch:
    """Return what samples all batches with PyG's own sampler, which needs pyg-lib or torch-sparse."""
    from torch_geometric.sampler import NeighborSampler as Peer

    sampler = Peer(graph.data, list(FANOUT))

    def epoch() -> int:
        asked = (NodeSamplerInput(torch.arange(len(part)), part) for part in parts)
        return sum(len(sampler.sample_from_nodes(each).row) for each in asked)

    return epoch
