"""The comparison of samplers runs where no peer is installed, too."""

import networkx as nx
import torch

from graphembed.bench.sampling import our_epoch, sampling
from graphembed.graph import as_graph
from graphembed.parallel import thread_count
from graphembed.sampling.neighbors import NeighborSampler


def test_there_is_a_row_for_one_thread_and_one_for_all():
    rows = list(sampling(1, {"T": lambda: as_graph(nx.barabasi_albert_graph(300, 5, seed=1))}))
    assert {row["what"] for row in rows} == {f"T sampling [15, 10] on {count}" for count in {1, thread_count()}}
    assert all(row["million/s"] > 0 for row in rows)


def test_threads_sample_the_same_edges():
    sampler = NeighborSampler(as_graph(nx.barabasi_albert_graph(300, 5, seed=1)), [3, 2])
    parts = [torch.arange(300)[first : first + 50] for first in range(0, 300, 50)]
    assert our_epoch(sampler, parts, 1)() == our_epoch(sampler, parts, 2)() > 1000
