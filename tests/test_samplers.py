"""Samplers keep PyG's contract, follow their law to the letter, and depend on nothing but what they are told."""

import copy
import itertools
import pickle
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch_geometric.data import Data, HeteroData
from torch_geometric.loader import LinkLoader, LinkNeighborLoader, NeighborLoader, NodeLoader
from torch_geometric.nn import GraphSAGE, HeteroConv, SAGEConv
from torch_geometric.sampler import EdgeSamplerInput, NegativeSampling, NodeSamplerInput, NumNeighbors

from graphembed.errors import DataError
from graphembed.graph import Graph
from graphembed.kernels import neighbors as kernels
from graphembed.sampling.neighbors import NeighborSampler
from tests.reference import neighbors as reference


def random_data(nodes=60, edges=300, seed=0, features=8):
    """A directed multigraph whose last nodes are isolated."""
    rng = np.random.default_rng(seed)
    ends = rng.integers(0, nodes - 3, (2, edges))
    return Data(
        x=torch.from_numpy(rng.normal(size=(nodes, features)).astype(np.float32)),
        edge_index=torch.from_numpy(ends),
        weight=torch.from_numpy(rng.integers(0, 4, edges).astype(np.float32)),
        when=torch.from_numpy(rng.integers(0, 10, edges)),
        time=torch.from_numpy(rng.integers(0, 10, nodes)),
        y=torch.arange(nodes),
    )


def random_hetero(seed=0):
    """Authors write papers, papers cite papers and are written by authors; nobody holds a prize."""
    rng = np.random.default_rng(seed)
    data = HeteroData()
    for kind, count in (("author", 15), ("paper", 25), ("prize", 2)):
        data[kind].x = torch.from_numpy(rng.normal(size=(count, 4)).astype(np.float32))
        data[kind].time = torch.from_numpy(rng.integers(0, 10, count))
    for kind, count in (
        (("author", "writes", "paper"), 60),
        (("paper", "cites", "paper"), 80),
        (("paper", "rev_writes", "author"), 60),
        (("prize", "held", "author"), 0),
    ):
        sizes = [[data[end].num_nodes] for end in (kind[0], kind[2])]
        data[kind].edge_index = torch.from_numpy(rng.integers(0, sizes, (2, count)))
        data[kind].weight = torch.from_numpy(rng.integers(0, 4, count).astype(np.float32))
        data[kind].when = torch.from_numpy(rng.integers(0, 10, count))
    return data


def quiet(**options):
    """Options of a loader that leaves torch's global generator alone."""
    return {"generator": torch.Generator().manual_seed(0), **options}


def contents(batch):
    """All tensors of a batch, by name."""
    stores = [batch] if isinstance(batch, Data) else batch.stores
    return [
        (key, value.tolist() if isinstance(value, torch.Tensor) else value)
        for store in stores
        for key, value in store.to_dict().items()
    ]


def ask(nodes, time=None, kind=None):
    nodes = torch.as_tensor(nodes, dtype=torch.long)
    return NodeSamplerInput(torch.arange(len(nodes)), nodes, time, kind)


def rows_of(data, weight=None, time=None, by=None):
    """Rows as the reference takes them: in the order of the edges or, if there is one, of time."""
    rows = {}
    for edge, (source, target) in enumerate(data.edge_index.T.tolist()):
        entry = source, edge, weight and float(data[weight][edge]), None
        if time is not None:
            entry = (*entry[:3], int(by[source] if by is not None else data[time][edge]))
        rows.setdefault(target, []).append(entry)
    if time is not None:
        rows = {target: sorted(row, key=lambda entry: entry[3]) for target, row in rows.items()}
    return rows


# --- the draws -------------------------------------------------------------------------------------------------------


settings_of_a_batch = {
    "fanouts": st.lists(st.integers(-1, 4), min_size=0, max_size=3),
    "replace": st.booleans(),
    "weight": st.sampled_from([None, "weight"]),
    "time": st.sampled_from([None, "when", "time"]),
    "disjoint": st.booleans(),
    "last": st.booleans(),
    "seeds": st.lists(st.integers(0, 9), max_size=6),
    "seed": st.integers(-5, 2**40),
}


@given(edges=st.integers(0, 40).filter(lambda edges: edges != 10), **settings_of_a_batch)
@settings(max_examples=150, deadline=None)
def test_a_batch_is_the_reference_s(edges, fanouts, replace, weight, time, disjoint, last, seeds, seed):
    data = random_data(10, edges, seed % 7)
    last = last and time is not None and weight is None
    sampler = NeighborSampler(
        data, fanouts, replace=replace, weight_attr=weight, time_attr=time, disjoint=disjoint, seed=seed,
        temporal_strategy="last" if last else "uniform",
    )  # fmt: skip
    limits = None if time is None else [int(data.time[node]) + 1 for node in seeds]
    out = sampler.sample_from_nodes(ask(seeds, None if limits is None else torch.tensor(limits, dtype=torch.long)))
    rows = rows_of(data, weight, time, data.time if time == "time" else None)
    stream = reference.batch_stream(seed % 2**64, 0, seeds, range(len(seeds)))
    found, expected = reference.sample(
        [("", "", rows)], [""], {"": seeds}, [fanouts], stream,
        replace=replace, limits=limits, disjoint=disjoint or time is not None, last=last,
    )  # fmt: skip
    trees = torch.zeros_like(out.node) if out.batch is None else out.batch
    assert list(zip(trees.tolist(), out.node.tolist(), strict=True)) == found[""]
    edge = sampler.edge_permutation[out.edge]
    assert list(zip(out.row.tolist(), out.col.tolist(), edge.tolist(), strict=True)) == expected[0]
    assert (out.batch is not None) == sampler.disjoint
    assert len(out.num_sampled_nodes) == len(fanouts) + 1
    assert sum(out.num_sampled_nodes) == len(out.node)
    assert len(out.num_sampled_edges) == len(fanouts)
    assert sum(out.num_sampled_edges) == len(out.row)


@given(
    fanouts=st.lists(st.lists(st.integers(-1, 3), min_size=2, max_size=2), min_size=4, max_size=4),
    authors=st.lists(st.integers(0, 14), max_size=4),
    papers=st.lists(st.integers(0, 24), max_size=4),
    replace=st.booleans(),
    weight=st.sampled_from([None, "weight"]),
    time=st.sampled_from([None, "when", "time"]),
    disjoint=st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_a_batch_of_several_types_is_the_reference_s(fanouts, authors, papers, replace, weight, time, disjoint):
    data = random_hetero()
    sampler = NeighborSampler(
        data,
        dict(zip(data.edge_types, fanouts, strict=True)),
        replace=replace,
        weight_attr=weight,
        time_attr=time,
        disjoint=disjoint,
    )
    seeds = {"paper": papers, "author": authors}
    limits = None if time is None else [int(data[kind].time[node]) + 1 for kind in seeds for node in seeds[kind]]
    times = None
    if limits is not None:
        times = {"paper": torch.tensor(limits[: len(papers)]), "author": torch.tensor(limits[len(papers) :])}
    out = sampler.sample({kind: torch.tensor(nodes, dtype=torch.long) for kind, nodes in seeds.items()}, times, 77)
    relations = [
        (kind[0], kind[2], rows_of(data[kind], weight, time, data[kind[0]].time if time == "time" else None))
        for kind in data.edge_types
    ]
    found, expected = reference.sample(
        relations, data.node_types, seeds, fanouts, 77, replace=replace, limits=limits,
        disjoint=disjoint or time is not None,
    )  # fmt: skip
    for kind in data.node_types:
        assert out.node[kind].tolist() == [node for _, node in found[kind]]
        if sampler.disjoint:
            assert out.batch[kind].tolist() == [tree for tree, _ in found[kind]]
    for kind, edges in zip(data.edge_types, expected, strict=True):
        ids = sampler.edge_permutation[kind][out.edge[kind]].tolist()
        assert list(zip(out.row[kind].tolist(), out.col[kind].tolist(), ids, strict=True)) == edges
        assert sum(out.num_sampled_edges[kind]) == len(edges)


def test_with_as_many_nodes_as_edges_the_name_says_whose_times_they_are():
    data = Data(edge_index=torch.tensor([[1, 1], [0, 1]]), num_nodes=2)
    for name, expected in (("edge_time", [0, 1]), ("time", [0])):  # PyG's rule: "edge" in the name
        data[name] = torch.tensor([0, 9])
        sampler = NeighborSampler(data, [1], time_attr=name)
        assert sampler.sample_from_nodes(ask([0], torch.tensor([5]))).node.tolist() == expected


def one_row(length, times):
    """The same row, many times: each has draws of its own."""
    return np.zeros(times, np.int64), np.full(times, length, np.int64)


@given(st.integers(0, 300), st.integers(0, 120), st.integers(-(2**63), 2**63 - 1))
@settings(max_examples=200, deadline=None)
def test_long_rows_and_many_picks_are_the_reference_s(length, fanout, stream):
    chosen = kernels.uniform(*one_row(length, 2), fanout, stream, 5)
    draws = [reference.key(stream % 2**64, place) for place in (5, 6)]
    picks = [reference.choose(range(length), fanout, False, each) for each in draws]
    assert [row.tolist() for row in np.split(chosen.edge, chosen.starts[1:-1])] == picks


@given(st.lists(st.sampled_from([0.0, 1e-3, 0.5, 1, 2, 1e6]), max_size=60), st.integers(0, 12), st.integers(0, 2**50))
@settings(max_examples=200, deadline=None)
def test_weighted_rows_are_the_reference_s(weight, fanout, stream):
    weight = np.array(weight, np.float64)
    begin, end = one_row(len(weight), 2)
    mass = kernels.cumulated(np.array([0, len(weight)]), weight)
    chosen = kernels.weighted(begin, end, weight, mass, fanout, stream, 3)
    picks = [reference.choose_weighted(weight, fanout, False, reference.key(stream, place)) for place in (3, 4)]
    assert [row.tolist() for row in np.split(chosen.edge, chosen.starts[1:-1])] == picks


def fits(counts, chances, total):
    """The p-value of counts under a law; what cannot happen did not."""
    assert set(counts) <= {each for each, chance in chances.items() if chance > 0}
    possible = [each for each, chance in chances.items() if chance > 0]
    expected = [total * chances[each] for each in possible]
    return stats.chisquare([counts.get(each, 0) for each in possible], expected).pvalue


@pytest.mark.parametrize(("length", "fanout"), [(6, 3), (5, 1), (38, 36)])
def test_every_set_of_neighbours_is_equally_likely(length, fanout):
    times = 60_000
    chosen = kernels.uniform(*one_row(length, times), fanout, 1, 0)
    counts = Counter(map(tuple, np.sort(chosen.edge.reshape(times, fanout), axis=1).tolist()))
    sets = list(itertools.combinations(range(length), fanout))
    assert fits(counts, dict.fromkeys(sets, 1 / len(sets)), times) > 1e-3


def test_with_replacement_every_sequence_is_equally_likely():
    times = 50_000
    chosen = kernels.uniform_again(*one_row(4, times), 3, 1, 0)
    counts = Counter(map(tuple, chosen.edge.reshape(times, 3).tolist()))
    assert fits(counts, dict.fromkeys(itertools.product(range(4), repeat=3), 1 / 64), times) > 1e-3


@pytest.mark.parametrize(
    "weight",
    [
        [1, 2, 0, 4, 8],  # short: exponential times
        [1, 2, 0, 4, 8, 1, 1, 3, 0.5, 2],  # long: drawn again
        [
            1e4,
            2,
            0,
            4,
            8,
            1,
            1,
            3,
            0.5,
            2,
        ],  # long, and one entry comes up again and again: first the one, then the other
    ],
)
def test_weighted_sets_follow_successive_sampling(weight):
    times = 60_000
    mass = kernels.cumulated(np.array([0, len(weight)]), np.array(weight, float))
    chosen = kernels.weighted(*one_row(len(weight), times), np.array(weight, float), mass, 2, 1, 0)
    counts = Counter(map(tuple, np.sort(chosen.edge.reshape(times, 2), axis=1).tolist()))
    law = reference.successive_law(weight, 2)
    rare = {each for each, chance in law.items() if chance * times < 5}
    counts = Counter({("rare",) if each in rare else each: 0 for each in counts}) + Counter(
        ("rare",) if each in rare else each for each in counts.elements()
    )
    law = {each: chance for each, chance in law.items() if each not in rare} | {
        ("rare",): sum(law[each] for each in rare)
    }
    assert fits(counts, law, times) > 1e-3


def test_weighted_draws_with_replacement_follow_the_weights():
    weight, times = np.array([1, 2, 0, 4, 8, 0]), 30_000
    mass = kernels.cumulated(np.array([0, 6]), weight)
    chosen = kernels.weighted_again(*one_row(6, times), mass, 2, 1, 0)
    counts = Counter(map(tuple, chosen.edge.reshape(times, 2).tolist()))
    law = {(a, b): weight[a] * weight[b] / 225 for a in range(6) for b in range(6)}
    assert fits(counts, law, times) > 1e-3


@pytest.mark.parametrize("replace", [False, True])
def test_rows_without_weight_give_nothing(replace):
    data = Data(edge_index=torch.tensor([[1, 2, 1], [0, 0, 2]]), weight=torch.tensor([0.0, 0.0, 1.0]), num_nodes=3)
    out = NeighborSampler(data, [5], weight_attr="weight", replace=replace).sample_from_nodes(ask([0, 2]))
    assert set(zip(out.row.tolist(), out.col.tolist(), strict=True)) == {(2, 1)}


# --- PyG's contract --------------------------------------------------------------------------------------------------


def sage(layers=2, channels=8):
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(0)
        return GraphSAGE(channels, 16, layers, 5).eval()


def test_all_neighbours_give_the_forward_of_the_whole_graph():
    data, model = random_data(), sage()
    whole = model(data.x, data.edge_index)
    loader = NeighborLoader(
        data, [-1, -1], neighbor_sampler=NeighborSampler(data, [-1, -1]), batch_size=7, **quiet(shuffle=True)
    )
    for batch in loader:
        seeds = batch.n_id[: batch.batch_size]
        assert torch.equal(batch.y, batch.n_id)
        assert torch.equal(batch.weight, data.weight[batch.e_id])
        assert torch.equal(batch.n_id[batch.edge_index], data.edge_index[:, batch.e_id])
        assert torch.equal(batch.input_id, seeds)
        torch.testing.assert_close(model(batch.x, batch.edge_index)[: batch.batch_size], whole[seeds])


def test_trimmed_layers_give_what_whole_ones_give():
    data, model = random_data(), sage(3)
    sampler = NeighborSampler(data, [3, 2, 2])
    for batch in NodeLoader(data, sampler, batch_size=7, **quiet()):
        trimmed = model(
            batch.x,
            batch.edge_index,
            num_sampled_nodes_per_hop=batch.num_sampled_nodes,
            num_sampled_edges_per_hop=batch.num_sampled_edges,
        )
        whole = model(batch.x, batch.edge_index)
        torch.testing.assert_close(trimmed[: batch.batch_size], whole[: batch.batch_size])


def test_layers_inferred_over_all_nodes_give_the_forward_of_the_whole_graph():
    data, model = random_data(), sage()
    loader = NeighborLoader(data, [-1], neighbor_sampler=NeighborSampler(data, [-1]), batch_size=16, **quiet())
    torch.testing.assert_close(model.inference(loader), model(data.x, data.edge_index))


def test_all_neighbours_of_several_types_give_the_forward_of_the_whole_graph():
    data = random_hetero()
    with torch.random.fork_rng():
        layers = [HeteroConv({kind: SAGEConv(4, 4) for kind in data.edge_types if kind[0] != "prize"}) for _ in "ab"]

    def forward(x, edges):
        edges = {kind: each for kind, each in edges.items() if kind[0] != "prize"}
        for layer in layers:
            x = layer(x, edges)
        return x["paper"]

    whole = forward(data.x_dict, data.edge_index_dict)
    loader = NeighborLoader(
        data, [-1, -1], ("paper", None), neighbor_sampler=NeighborSampler(data, [-1, -1]), batch_size=4, **quiet()
    )
    for batch in loader:
        out = forward(batch.x_dict, batch.edge_index_dict)[: batch["paper"].batch_size]
        torch.testing.assert_close(out, whole[batch["paper"].input_id])
        for kind in data.edge_types:
            there = torch.stack(
                [batch[kind[0]].n_id[batch[kind].edge_index[0]], batch[kind[2]].n_id[batch[kind].edge_index[1]]]
            )
            assert torch.equal(there, data[kind].edge_index[:, batch[kind].e_id])


def test_repeated_isolated_and_no_seeds():
    data = random_data()
    sampler = NeighborSampler(data, [2, 2])
    out = sampler.sample_from_nodes(ask([4, 59, 4, 4]))
    assert out.node[:4].tolist() == [4, 59, 4, 4]
    assert len(set(out.node[3:].tolist())) == len(out.node) - 3
    assert 1 not in out.col
    assert {0, 2, 3} <= set(out.col.tolist())
    assert not {2, 3} & set(out.row.tolist())
    out = sampler.sample_from_nodes(ask([]))
    assert len(out.node) == len(out.row) == len(out.edge) == 0
    assert out.num_sampled_nodes == [0, 0, 0]


@pytest.mark.parametrize("attribute", ["when", "time"])
@pytest.mark.parametrize("strategy", ["uniform", "last"])
def test_no_seed_sees_the_future(attribute, strategy):
    data = random_data(edges=600)
    sampler = NeighborSampler(data, [4, 4], time_attr=attribute, temporal_strategy=strategy)
    times = torch.from_numpy(np.random.default_rng(1).integers(-1, 11, data.num_nodes))
    loader = NeighborLoader(
        data, [4, 4], input_time=times, time_attr=attribute, neighbor_sampler=sampler, batch_size=9, **quiet()
    )
    seen = 0
    for batch in loader:
        limit = batch.seed_time[batch.batch[batch.edge_index[1]]]
        seen += len(limit)
        assert torch.equal(batch.batch[batch.edge_index[0]], batch.batch[batch.edge_index[1]])
        assert torch.equal(batch.seed_time, times[batch.n_id[: batch.batch_size]])
        there = batch.when if attribute == "when" else batch.time[batch.edge_index[0]]
        assert (there <= limit).all()
    assert seen > 300


def test_the_last_neighbours_are_the_last_before_the_seed():
    data = Data(edge_index=torch.tensor([[1, 2, 3, 4], [0, 0, 0, 0]]), num_nodes=5, when=torch.tensor([7, 1, 5, 3]))
    sampler = NeighborSampler(data, [2], time_attr="when", temporal_strategy="last")
    assert sampler.sample_from_nodes(ask([0], torch.tensor([5]))).node.tolist() == [0, 4, 3]


def test_seeds_without_a_time_have_their_own():
    data = random_data()
    sampler = NeighborSampler(data, [-1], time_attr="time")
    ours = sampler.sample_from_nodes(ask([3, 5]))
    told = sampler.sample_from_nodes(ask([3, 5], data.time[[3, 5]]))
    assert torch.equal(ours.edge, told.edge)
    assert len(ours.edge)


@pytest.mark.parametrize("kind", ["bidirectional", "induced"])
def test_the_subgraph_has_the_edges_it_should(kind):
    data = random_data()
    directional = NeighborSampler(data, [2, 2]).sample_from_nodes(ask([4, 9]))
    out = NeighborSampler(data, [2, 2], subgraph_type=kind).sample_from_nodes(ask([4, 9]))
    assert torch.equal(out.node, directional.node)
    ends = list(zip(out.row.tolist(), out.col.tolist(), strict=True))
    if kind == "bidirectional":
        there = set(zip(directional.row.tolist(), directional.col.tolist(), strict=True))
        assert set(ends) == there | {(col, row) for row, col in there}
        assert len(ends) == len(set(ends))
    else:
        place = {node: local for local, node in enumerate(out.node.tolist())}
        inside = [(place[u], place[v]) for u, v in data.edge_index.T.tolist() if u in place and v in place]
        assert sorted(ends) == sorted(inside)
        sampler = NeighborSampler(data, [2, 2], subgraph_type=kind)
        assert torch.equal(data.edge_index[0, sampler.edge_permutation[out.edge]], out.node[out.row])


def pairs_of(out, kind, turned=False):
    """Edges of one kind as pairs of local numbers."""
    ends = zip(out.row[kind].tolist(), out.col[kind].tolist(), strict=True)
    return {(col, row) if turned else (row, col) for row, col in ends}


def test_induced_subgraphs_of_several_types_have_all_edges_between_their_nodes():
    data = random_hetero()
    asked = ask([1, 2, 3], kind="paper")
    plain = NeighborSampler(data, [2, 2]).sample_from_nodes(asked)
    out = NeighborSampler(data, [2, 2], subgraph_type="induced").sample_from_nodes(asked)
    for kind in data.edge_types:
        nodes = [out.node[kind[0]], out.node[kind[2]]]
        assert torch.equal(plain.node[kind[0]], nodes[0])
        there = [(u, v) for u, v in data[kind].edge_index.T.tolist() if u in nodes[0] and v in nodes[1]]
        found = torch.stack([nodes[0][out.row[kind]], nodes[1][out.col[kind]]], dim=1)
        assert sorted(map(tuple, found.tolist())) == sorted(there)


def test_bidirectional_subgraphs_of_several_types_have_every_edge_in_both_types():
    data = random_hetero()
    del data["prize", "held", "author"]  # it has no reverse, which PyG would warn of
    asked = ask([1, 2, 3], kind="paper")
    plain = NeighborSampler(data, [2, 2]).sample_from_nodes(asked)
    sampler = NeighborSampler(data, [2, 2], subgraph_type="bidirectional")
    out = sampler.sample_from_nodes(asked)
    writes, back = ("author", "writes", "paper"), ("paper", "rev_writes", "author")
    ends = pairs_of(plain, writes) | pairs_of(plain, back, turned=True)
    assert pairs_of(out, writes) == pairs_of(out, back, turned=True) == ends
    loader = NeighborLoader(data, [2, 2], ("paper", None), batch_size=5, neighbor_sampler=sampler, **quiet())
    assert all(batch["paper"].batch_size == 5 for batch in loader)


def test_an_induced_subgraph_in_time_stays_in_its_trees_and_its_past():
    data = random_data(20, 200)
    sampler = NeighborSampler(data, [3], time_attr="when", subgraph_type="induced")
    times = torch.tensor([4, 6])
    out = sampler.sample_from_nodes(ask([1, 2], times))
    expected = set()
    items = list(zip(out.batch.tolist(), out.node.tolist(), strict=True))
    for edge, (u, v) in enumerate(data.edge_index.T.tolist()):
        for tree in (0, 1):
            if {(tree, u), (tree, v)} <= set(items) and data.when[edge] <= times[tree]:
                expected.add((items.index((tree, u)), items.index((tree, v)), edge))
    edges = sampler.edge_permutation[out.edge].tolist()
    assert set(zip(out.row.tolist(), out.col.tolist(), edges, strict=True)) == expected


# --- links -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("disjoint", [False, True])
@pytest.mark.parametrize("mode", [None, "binary", "triplet"])
def test_batches_of_links_hold_the_links(mode, disjoint):
    data = random_data()
    sampler = NeighborSampler(data, [2, 2], disjoint=disjoint)
    links = data.edge_index[:, :40]
    loader = LinkNeighborLoader(
        data, [2, 2], links, neg_sampling=mode and NegativeSampling(mode, 2), neighbor_sampler=sampler, batch_size=8,
        **quiet(),
    )  # fmt: skip
    for at, batch in enumerate(loader):
        true = links[:, 8 * at : 8 * at + 8]
        assert batch.input_id.tolist() == list(range(8 * at, 8 * at + 8))
        if mode == "triplet":
            assert torch.equal(batch.n_id[torch.stack([batch.src_index, batch.dst_pos_index])], true)
            assert batch.dst_neg_index.shape == (8, 2)
        else:
            assert torch.equal(batch.n_id[batch.edge_label_index[:, :8]], true)
            if mode == "binary":
                assert batch.edge_label.tolist() == [1.0] * 8 + [0.0] * 16
        if disjoint and mode != "triplet":
            assert torch.equal(batch.batch[batch.edge_label_index[0]], batch.batch[batch.edge_label_index[1]])
        if disjoint:
            assert torch.equal(batch.batch[batch.edge_index[0]], batch.batch[batch.edge_index[1]])


@pytest.mark.parametrize("disjoint", [False, True])
@pytest.mark.parametrize("mode", [None, "binary", "triplet"])
def test_batches_of_links_between_types_hold_the_links(mode, disjoint):
    data = random_hetero()
    kind = ("author", "writes", "paper")
    loader = LinkNeighborLoader(
        data, [2, 2], (kind, None), neg_sampling=mode and NegativeSampling(mode, 1), batch_size=8,
        neighbor_sampler=NeighborSampler(data, [2, 2], disjoint=disjoint), **quiet(),
    )  # fmt: skip
    for batch in loader:
        true = data[kind].edge_index[:, batch[kind].input_id]
        if mode == "triplet":
            ends = batch["author"].src_index, batch["paper"].dst_pos_index
            assert batch["paper"].dst_neg_index.shape == (len(true[0]),)
        else:
            ends = batch[kind].edge_label_index[:, : true.shape[1]]
        assert torch.equal(torch.stack([batch["author"].n_id[ends[0]], batch["paper"].n_id[ends[1]]]), true)


def test_links_in_time_see_their_past_only():
    data = random_data(edges=600)
    loader = LinkNeighborLoader(
        data, [3, 3], data.edge_index, edge_label_time=data.when, time_attr="when", neg_sampling="binary",
        neighbor_sampler=NeighborSampler(data, [3, 3], time_attr="when"), batch_size=32, **quiet(),
    )  # fmt: skip
    for batch in loader:
        tree = batch.batch[batch.edge_index[1]]
        assert (batch.when <= batch.edge_label_time[tree]).all()


def test_links_between_types_in_time_see_their_past_only():
    data = random_hetero()
    kind = ("author", "writes", "paper")
    sampler = NeighborSampler(data, [3, 3], time_attr="time")
    loader = LinkNeighborLoader(
        data, [3, 3], (kind, None), edge_label_time=torch.full((60,), 6), time_attr="time", neg_sampling="triplet",
        neighbor_sampler=sampler, batch_size=8, **quiet(),
    )  # fmt: skip
    for batch in loader:
        for each in data.edge_types:
            assert (batch[each[0]].time[batch[each].edge_index[0]] <= 6).all()


def test_negatives_follow_their_weights_and_leave_the_global_generator_alone():
    data = random_data()
    weight = torch.zeros(60)
    weight[[3, 7]] = torch.tensor([1.0, 3.0])
    before = torch.get_rng_state()
    out = NeighborSampler(data, [1], disjoint=True).sample_from_edges(
        EdgeSamplerInput(None, data.edge_index[0], data.edge_index[1]),
        NegativeSampling("binary", 10, src_weight=weight, dst_weight=weight),
    )
    assert torch.equal(before, torch.get_rng_state())
    negatives = out.node[out.metadata[1][:, 300:]]
    counts = torch.bincount(negatives.flatten(), minlength=60)
    assert counts[[3, 7]].sum() == 6000
    assert stats.binomtest(int(counts[7]), 6000, 0.75).pvalue > 1e-3


# --- nothing else matters --------------------------------------------------------------------------------------------


def loaders(data, sampler, workers, links):
    options = quiet(batch_size=9, num_workers=workers, shuffle=True)
    if links:
        return LinkLoader(data, sampler, data.edge_index[:, :50], neg_sampling="binary", **options)
    return NodeLoader(data, sampler, **options)


@pytest.mark.parametrize("links", [False, True])
def test_any_number_of_workers_gives_the_same_batches(links):
    data = random_data()
    found = []
    for workers in (0, 1, 2):
        sampler = NeighborSampler(data, [3, 2], seed=4)
        found.append([contents(batch) for batch in loaders(data, sampler, workers, links)])
    assert len(found[0]) > 5
    assert found[0] == found[1] == found[2]


def test_persistent_workers_hear_of_a_new_epoch():
    data = random_data()
    sampler = NeighborSampler(data, [3, 2])
    loader = NodeLoader(data, sampler, batch_size=20, num_workers=1, persistent_workers=True, **quiet())
    epochs = []
    for epoch in (0, 1, 0):
        sampler.set_epoch(epoch)
        epochs.append([contents(batch) for batch in loader])
    assert epochs[0] == epochs[2] != epochs[1]
    fresh = NeighborSampler(data, [3, 2])
    fresh.set_epoch(1)
    assert [contents(batch) for batch in NodeLoader(data, fresh, batch_size=20, **quiet())] == epochs[1]


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_threads_give_what_one_gives(threads):
    data = random_data(500, 4000)
    sampler = NeighborSampler(data, [5, 5], weight_attr="weight")
    asked = [ask(part) for part in torch.arange(500).split(10)]
    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(sampler.sample_from_nodes, asked))
    for one, other in zip(found, map(sampler.sample_from_nodes, asked), strict=True):
        assert torch.equal(one.edge, other.edge)
        assert torch.equal(one.node, other.node)


def test_a_seed_decides_and_the_order_of_batches_does_not():
    data = random_data()
    sampler = NeighborSampler(data, [2, 2], seed=1)
    first = sampler.sample_from_nodes(ask([1, 2, 3]))
    sampler.sample_from_nodes(ask([7]))
    assert torch.equal(first.edge, sampler.sample_from_nodes(ask([1, 2, 3])).edge)
    others = [NeighborSampler(data, [2, 2], seed=seed).sample_from_nodes(ask([1, 2, 3])) for seed in range(5)]
    assert torch.equal(first.edge, others[1].edge)
    assert len({tuple(out.edge.tolist()) for out in others}) == 5


def test_a_sampler_survives_pickle_and_settings_change_on_a_copy():
    data = random_data()
    sampler = NeighborSampler(data, [2, 2], weight_attr="weight", time_attr="when", seed=3)
    asked = ask([1, 2, 3], torch.tensor([9, 9, 9]))
    again = pickle.loads(pickle.dumps(sampler))
    assert torch.equal(sampler.sample_from_nodes(asked).edge, again.sample_from_nodes(asked).edge)
    other = copy.copy(sampler)  # as Lightning does for evaluation
    other.num_neighbors = [-1]
    other.replace = True
    assert len(other.sample_from_nodes(asked).num_sampled_edges) == 1
    assert len(sampler.sample_from_nodes(asked).num_sampled_edges) == 2


def test_a_graph_is_as_good_as_its_data():
    graph = Graph.from_edges([0, 1, 2, 3], [1, 2, 3, 0], weight=[1.0, 2, 3, 4], nodes=5)
    one, other = (NeighborSampler(source, [1, 1], weight_attr="edge_weight") for source in (graph, graph.data))
    assert torch.equal(one.sample_from_nodes(ask([0, 4])).edge, other.sample_from_nodes(ask([0, 4])).edge)


@pytest.mark.parametrize(("weight", "replace"), [(None, False), ("edge_weight", False), ("edge_weight", True)])
@pytest.mark.parametrize("directed", [False, True])
def test_a_graph_in_a_folder_is_as_good_as_its_data(weight, replace, directed, tmp_path):
    rng = np.random.default_rng(0)
    source, target = rng.integers(0, 40, (2, 200))
    given = Graph.from_edges(source, target, weight=rng.integers(1, 5, 200), nodes=42, directed=directed)
    given.save(tmp_path)
    graph = Graph.open(tmp_path)
    sampler = NeighborSampler(graph, [3, 2], weight_attr=weight, replace=replace)
    assert directed or "data" not in vars(graph), "no list of edges was made"
    other = NeighborSampler(given.data, [3, 2], weight_attr=weight, replace=replace)
    out, expected = (each.sample_from_nodes(ask(range(42))) for each in (sampler, other))
    for key in ("node", "row", "col", "edge"):
        assert torch.equal(getattr(out, key), getattr(expected, key))
    assert torch.equal(sampler.edge_permutation, other.edge_permutation)
    ends = given.data.edge_index[:, sampler.edge_permutation[out.edge]]
    assert torch.equal(ends, torch.stack([out.node[out.row], out.node[out.col]])), "edges are those of the data"


@pytest.mark.parametrize("dtype", [torch.half, torch.bfloat16, torch.double, torch.int, torch.bool])
def test_weights_of_any_type_will_do(dtype):
    data = random_data()
    known = NeighborSampler(data, [2, 2], weight_attr="weight").sample_from_nodes(ask([1, 2, 3]))
    data.weight = data.weight.to(dtype)
    out = NeighborSampler(data, [2, 2], weight_attr="weight").sample_from_nodes(ask([1, 2, 3]))
    assert torch.equal(out.edge, known.edge) or dtype is torch.bool


def test_the_input_is_not_changed():
    data = random_data()
    before = contents(data)
    NeighborSampler(data, [2], weight_attr="weight", time_attr="when").sample_from_nodes(ask([1], torch.tensor([5])))
    assert contents(data) == before


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "options", "text"),
    [
        ({"edge_index": None}, {}, "no edge_index"),
        ({"edge_index": torch.tensor([[0], [60]])}, {}, "target from 60 to 60; there are 60 nodes"),
        ({}, {"weight_attr": "wait"}, "no attribute 'wait'; it has "),
        ({}, {"time_attr": "tme"}, "no attribute 'tme'"),
        ({"weight": -torch.ones(300)}, {"weight_attr": "weight"}, "negative; these edges' are: 0, 1, 2, 3, 4 and 295"),
        ({"weight": torch.full((300,), torch.nan)}, {"weight_attr": "weight"}, "weights must be finite"),
        ({"weight": torch.ones(300, 2)}, {"weight_attr": "weight"}, r"got \[300, 2\] for 300 edges"),
        ({}, {"temporal_strategy": "first"}, "one of 'uniform', 'last', got 'first'"),
        ({}, {"temporal_strategy": "last"}, "needs a time_attr"),
        ({}, {"subgraph_type": "all"}, "subgraph_type must be one of"),
    ],
)
def test_bad_data_and_settings_are_refused(change, options, text):
    data = random_data()
    for key, value in change.items():
        data[key] = value
    with pytest.raises(ValueError, match=text):
        NeighborSampler(data, [2], **options)


def test_bad_seeds_and_missing_times_are_refused():
    data = random_data()
    with pytest.raises(DataError, match="nodes from 0 to 59, got 60, -1"):
        NeighborSampler(data, [2]).sample_from_nodes(ask([3, 60, -1]))
    with pytest.raises(ValueError, match="seeds have no time of their own: pass input_time"):
        NeighborSampler(data, [2], time_attr="when").sample_from_nodes(ask([3]))
    with pytest.raises(DataError, match="a time for each of 2 seeds, got 1"):
        NeighborSampler(data, [2], time_attr="when").sample(torch.tensor([3, 4]), torch.tensor([3]))
    with pytest.raises(ValueError, match="pass edge_label_time"):
        NeighborSampler(data, [2], time_attr="time").sample_from_edges(
            EdgeSamplerInput(None, torch.tensor([1]), torch.tensor([2])), NegativeSampling("binary")
        )
    with pytest.raises(DataError, match="src_weight of negatives has 3 entries for 60 nodes"):
        NeighborSampler(data, [2]).sample_from_edges(
            EdgeSamplerInput(None, torch.tensor([1]), torch.tensor([2])),
            NegativeSampling("binary", src_weight=torch.ones(3)),
        )


def test_pyg_s_own_ways_to_say_how_many_are_understood():
    data = random_hetero()
    kind = ("paper", "cites", "paper")
    sampler = NeighborSampler(data, NumNeighbors({kind: [2, 2]}, default=[0, 0]))
    out = sampler.sample_from_nodes(ask([1, 2], kind="paper"))
    assert {each for each, row in out.row.items() if len(row)} == {kind}
    assert set(out.row) == set(data.edge_types)
