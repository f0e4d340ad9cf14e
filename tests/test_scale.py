"""Graphs that are kept in folders and opened memory-mapped are the graphs they were, and nothing of theirs is built."""

import dataclasses as dc
import json
import pickle

import networkx as nx
import numba
import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import Data

from graphembed import as_graph
from graphembed.encoders.skipgram import SkipGram
from graphembed.errors import DataError
from graphembed.files import read_graph
from graphembed.graph import Graph, merge, union
from graphembed.kernels.csr import ends_of
from graphembed.names import RowNames
from graphembed.walks import MetaPath, RandomWalk, TemporalWalk

KARATE = as_graph(nx.karate_club_graph())
PLAIN = Graph.from_edges(*zip(*nx.karate_club_graph().edges(), strict=True))
GRAPHS = {
    "named and weighted": Graph.from_edges([0, 1, 1, 3], [1, 2, 2, 3], [1, 2, 3, 4], names=["b", "ü\t\0", "a\n", "0"]),
    "numbered": PLAIN,
    "directed": Graph.from_edges([0, 1, 2, 2], [1, 2, 0, 0], nodes=5, directed=True),
    "directed though symmetric": Graph.from_edges([0, 1], [1, 0], directed=True),
    "with tensors": Graph.from_edges(
        [0, 1], [2, 2], x=torch.arange(6.0).reshape(3, 2), y=torch.tensor([1, 0, 1]), part=torch.tensor([0, 0, 1])
    ),
    "weighted without edges": Graph(
        Data(edge_index=torch.empty(2, 0, dtype=torch.long), edge_weight=torch.empty(0), num_nodes=2)
    ),
    "one node": Graph.from_edges([], [], names=["alone"]),
    "no nodes": Graph.from_edges([], []),
}
every = pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)


def opened(graph, folder):
    graph.save(folder)
    return Graph.open(folder)


def assert_same(one, other):
    """Compare everything two graphs show."""
    for mine, theirs in zip(one.csr, other.csr, strict=True):
        assert mine.dtype == theirs.dtype
        assert np.array_equal(mine, theirs)
    shown = [
        (g.names, dict(g.row), g.directed, g.duplicates, g.self_loops, g.num_edges, g.num_nodes, g.weighted, repr(g))
        for g in (one, other)
    ]
    assert shown[0] == shown[1]
    assert one.pairs.tolist() == other.pairs.tolist()
    mine, theirs = one.data.to_dict(), other.data.to_dict()
    assert {key for key, value in mine.items() if value is not None} == set(theirs)
    for key, value in theirs.items():
        assert torch.equal(value, mine[key]) and value.dtype == mine[key].dtype if torch.is_tensor(value) else True
        assert torch.is_tensor(value) or value == mine[key]


# ── folders ─────────────────────────────────────────────────────────────────────────────────────────


@every
def test_an_opened_graph_is_the_graph_that_was_saved(graph, tmp_path):
    assert_same(graph, opened(graph, tmp_path))
    assert_same(graph, opened(opened(graph, tmp_path), tmp_path))  # onto itself
    assert_same(graph, read_graph(tmp_path))
    assert_same(graph, as_graph(str(tmp_path)))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(1, 12)), max_size=25),
    st.booleans(),
    st.booleans(),
)
def test_laws_hold_for_any_graph(tmp_path_factory, edges, directed, weighted):
    source, target, weight = ([edge[k] for edge in edges] for k in range(3))
    graph = Graph.from_edges(source, target, weight if weighted else None, nodes=7, directed=directed)
    there = opened(graph, tmp_path_factory.mktemp("graph"))
    assert_same(graph, there)
    rows = Graph.from_csr(*graph.csr[:2], graph.csr.weight if weighted else None)
    given_rows = list(zip(*ends_of(graph.csr).tolist(), graph.csr.weight.tolist() or [1.0] * 99, strict=False))
    assert rows.directed is (sorted((v, u, w) for u, v, w in given_rows) != given_rows)
    assert_same(dc.replace(graph, directed=rows.directed, duplicates=0), rows)


def test_what_belongs_to_data_but_is_no_tensor_is_kept(tmp_path):
    graph = Graph.from_edges([0, 1], [2, 2], kind=torch.tensor([0, 0, 1]))
    graph.data.kind_names = ["author", "paper"]
    walk = MetaPath(("author", "paper", "author"), length=5, per_node=2)
    assert np.array_equal(walk(opened(graph, tmp_path), 0), walk(graph, 0))


def test_what_cannot_be_kept_is_refused(tmp_path):
    graph = Graph.from_edges([0], [1])
    graph.data.secret = object()
    with pytest.raises(DataError, match="only tensors and plain values of data can be saved, got 'secret'"):
        graph.save(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_times_are_kept(tmp_path):
    data = Data(edge_index=torch.tensor([[1, 0, 1], [0, 1, 2]]), time=torch.tensor([13, 12, 11]), num_nodes=3)
    graph, walk = Graph(data), TemporalWalk(length=4, per_node=3)
    assert np.array_equal(walk(opened(graph, tmp_path), 0), walk(graph, 0))


def test_arrays_are_files_of_numpy_and_there_are_no_others(tmp_path):
    GRAPHS["named and weighted"].save(tmp_path / "new" / "folder")
    found = {path.name for path in (tmp_path / "new" / "folder").iterdir()}
    assert found == {"indptr.npy", "indices.npy", "weight.npy", "names.npy", "graph.json"}
    assert np.load(tmp_path / "new" / "folder" / "indptr.npy").tolist() == [0, 1, 3, 4, 5]
    PLAIN.save(tmp_path / "plain")
    assert {path.name for path in (tmp_path / "plain").iterdir()} == {"indptr.npy", "indices.npy", "graph.json"}


def test_names_that_are_numbers_take_no_file(tmp_path):
    named = Graph.from_edges([0], [1], names=["0", "1"])
    assert isinstance(opened(named, tmp_path).names, RowNames)
    assert opened(Graph.from_edges([0], [1], names=["1", "0"]), tmp_path).names == ("1", "0")


def test_what_kernels_write_stays_in_memory(tmp_path):
    graph = opened(PLAIN, tmp_path)
    assert type(graph.csr.indices) is np.ndarray
    graph.csr.indices[:] = 7
    assert Graph.open(tmp_path).csr.indices.tolist() == PLAIN.csr.indices.tolist()


def test_a_graph_that_is_open_outlives_a_new_one_in_its_folder(tmp_path):
    graph = opened(PLAIN, tmp_path)
    GRAPHS["directed"].save(tmp_path)
    assert_same(graph, PLAIN)
    assert_same(Graph.open(tmp_path), GRAPHS["directed"])


def test_an_opened_graph_is_merged_united_copied_and_pickled_like_any_other(tmp_path):
    graph = opened(KARATE, tmp_path)
    assert_same(merge({"a": graph, "b": graph}), merge({"a": KARATE, "b": KARATE}))
    assert_same(union(graph, graph), union(KARATE, KARATE))
    assert_same(pickle.loads(pickle.dumps(graph)), KARATE)
    assert dc.replace(graph, duplicates=5).duplicates == 5
    with pytest.raises(dc.FrozenInstanceError):
        graph.names = ()
    with pytest.raises(AttributeError, match="'Graph' object has no attribute 'date'"):
        graph.date  # noqa: B018


# ── damage ──────────────────────────────────────────────────────────────────────────────────────────


def cut(path):
    path.write_bytes(path.read_bytes()[:-4])


def shrink(path):
    np.save(path, np.load(path)[:-1])


def point_elsewhere(path):
    array = np.load(path)
    array[-1] = 9999
    np.save(path, array)


def forget(path):
    card = json.loads(path.read_text())
    del card["directed"]
    path.write_text(json.dumps(card))


def from_the_future(path):
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))


DAMAGE = {
    "the card is missing": ("graph.json", lambda path: path.unlink(), r"lacks graph\.json.*save it again"),
    "the card is cut off": ("graph.json", cut, r"graph\.json is damaged: save the graph again with Graph\.save"),
    "the card is a list": ("graph.json", lambda path: path.write_text("[]"), "is damaged: save the graph again"),
    "the card lacks a fact": ("graph.json", forget, "is damaged: save the graph again"),
    "another format": ("graph.json", from_the_future, "written in format 2, this version of graphembed reads 1"),
    "an array is missing": ("indices.npy", lambda path: path.unlink(), r"indices\.npy is missing or cut off: save"),
    "an array is cut off": ("indices.npy", cut, r"indices\.npy is missing or cut off: save the graph again"),
    "an array is empty": ("weight.npy", lambda path: path.write_bytes(b""), r"weight\.npy is missing or cut off: save"),
    "an array is another": ("weight.npy", shrink, r"weight\.npy holds <f4 \[155\] instead of <f4 \[156\]: save"),
    "rows end elsewhere": ("indptr.npy", point_elsewhere, "its arrays do not fit: save the graph again"),
    "names are another's": ("names.npy", lambda path: np.save(path, np.zeros(3, np.uint8)), r"names\.npy holds"),
}


@pytest.mark.parametrize(("name", "damage", "message"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_folder_is_refused_by_name(name, damage, message, tmp_path):
    graph = as_graph(nx.relabel_nodes(nx.karate_club_graph(), "member {}".format))
    graph.save(tmp_path / "karate")
    damage(tmp_path / "karate" / name)
    for read in (Graph.open, read_graph):
        with pytest.raises(DataError, match=message) as error:
            read(tmp_path / "karate")
        assert str(tmp_path / "karate") in str(error.value)


def test_a_folder_that_was_written_in_part_is_recognised(tmp_path, monkeypatch):
    PLAIN.save(tmp_path)
    monkeypatch.setattr(np, "save", lambda *_args, **_more: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        KARATE.save(tmp_path)
    with pytest.raises(DataError, match=r"lacks graph\.json"):
        Graph.open(tmp_path)


def test_no_folder_is_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        Graph.open(tmp_path / "none")


# ── rows ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("indptr", "indices", "weight", "message"),
    [
        ([0, 2, 2], [1, 0], None, "the row of 'a' has neighbour 0 at 1: rows must ascend, without repeats"),
        ([0, 2, 2], [1, 1], None, "the row of 'a' has neighbour 1 at 1: rows must ascend, without repeats"),
        ([0, 1, 2], [1, 2], None, "nodes that do not exist, from 1 to 2; there are 2 nodes"),
        ([0, 1, 2], np.array([1, 2], np.int32), None, "the row of 'b' has neighbour 2 at 0.*nodes from 0 to 1"),
        ([0, 1, 2], np.array([1, -1], np.int32), None, "the row of 'b' has neighbour -1 at 0"),
        ([0, 1, 2], [1, 2**32], None, "nodes that do not exist"),
        ([0, 1, 1], [1, 0], None, "indptr must ascend from 0 to 2, the number of edges, got 0, 1, 1"),
        ([1, 1, 2], [1, 0], None, "indptr must ascend from 0 to 2"),
        ([0, 3, 2], [1, 0], None, "indptr must ascend from 0 to 2"),
        ([], [], None, "indptr must ascend"),
        ([0, 1.5, 2], [1, 0], None, "indptr must be a row of integers, got float64"),
        ([0, 1, 2], [[1], [0]], None, "indices must be a row of integers"),
        ([0, 1, 2], [1, 0], [1.0], r"expected one weight per edge, got \(1,\) for 2 edges"),
        ([0, 1, 2], [1, 0], [1.0, -2.0], "positive and finite; got b -> a: -2; drop or correct"),
        ([0, 1, 2], [1, 0], [np.nan, 1.0], "positive and finite; got a -> b: nan"),
        ([0, 1, 2], [1, 0], [1e300, 1.0], "positive and finite; got a -> b: inf"),
    ],
)
def test_bad_rows_are_refused(indptr, indices, weight, message):
    with pytest.raises(DataError, match=message):
        Graph.from_csr(np.array(indptr), np.array(indices), None if weight is None else np.array(weight), names="ab")


def test_rows_say_themselves_whether_they_are_directed_unless_told():
    one_way = np.array([0, 1, 1]), np.array([1])
    assert Graph.from_csr(*one_way).directed is True
    assert Graph.from_csr(*PLAIN.csr[:2]).directed is False
    assert Graph.from_csr(*PLAIN.csr[:2], directed=True).directed is True
    with pytest.raises(DataError, match="said to be undirected but has edges in one direction only"):
        Graph.from_csr(*one_way, directed=False)
    weights = np.array([1.0, 2.0])
    assert Graph.from_csr(np.array([0, 1, 2]), np.array([1, 0]), weights).directed is True


def test_rows_of_the_right_type_are_not_copied():
    graph = Graph.from_csr(*KARATE.csr)
    assert all(np.shares_memory(mine, theirs) for mine, theirs in zip(graph.csr, KARATE.csr, strict=True))


@pytest.mark.parametrize("save", [sp.save_npz, lambda path, m: np.savez(path, indptr=m.indptr, indices=m.indices)])
@pytest.mark.parametrize("directed", [None, False, True])
def test_sparse_matrices_are_read_from_files(save, directed, tmp_path):
    matrix = sp.csr_array(np.array([[0, 1, 0], [0, 0, 1], [0, 1, 1]], float))
    save(tmp_path / "m.npz", matrix)
    graph = read_graph(tmp_path / "m.npz", directed=directed)
    assert graph.directed is (directed is not False)
    pairs = [[0, 1], [1, 2], [2, 2]] if directed is False else [[0, 1], [1, 2], [2, 1], [2, 2]]
    assert graph.pairs.tolist() == pairs


def test_rows_in_files_need_not_be_sorted_and_may_have_weights(tmp_path):
    indptr, indices = np.array([0, 2, 3, 4]), np.array([2, 1, 0, 0])
    for key in ("weight", "data"):
        np.savez(tmp_path / "m.npz", indptr=indptr, indices=indices, **{key: np.array([5.0, 4, 4, 5])})
        graph = read_graph(tmp_path / "m.npz")
        assert (repr(graph), graph.csr.weight.tolist()) == (
            "Graph(3 nodes, 2 edges, undirected, weighted)",
            [4, 5, 4, 5],
        )


def test_files_of_other_arrays_are_refused(tmp_path):
    np.savez(tmp_path / "m.npz", values=np.zeros(3))
    with pytest.raises(DataError, match=r"m\.npz cannot be read as NPZ: it needs indptr and indices.*'values'"):
        read_graph(tmp_path / "m.npz")


# ── encoders ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("walk", [RandomWalk(20, 3), RandomWalk(20, 3, p=0.5, q=2.0)], ids=["first", "second order"])
@pytest.mark.parametrize("graph", [KARATE, PLAIN], ids=["weighted", "plain"])
def test_an_opened_graph_gives_the_same_vectors_and_builds_nothing(walk, graph, tmp_path):
    there = opened(graph, tmp_path / "graph")
    encoders = [SkipGram(walk, dim=16, progress=False) for _ in range(3)]
    expected = encoders[0].fit_transform(graph)
    assert np.array_equal(encoders[1].fit_transform(there).values, expected.values)
    found = encoders[2].fit(there, folder=tmp_path / "tables").embedding_
    assert np.array_equal(found.values, expected.values)
    assert found.names == graph.names
    assert not {"data", "pairs"} & set(vars(there)), "something of the size of the edges was built"


def test_looking_at_an_opened_graph_builds_nothing(tmp_path):
    graph = opened(GRAPHS["with tensors"], tmp_path)
    assert repr(graph) == "Graph(3 nodes, 2 edges, undirected, 2 features)"
    assert (graph.num_nodes, graph.num_edges, graph.self_loops, graph.weighted) == (3, 2, 0, False)
    assert graph.row["2"] == 2
    graph.save(tmp_path / "copy")
    assert not {"data", "pairs"} & set(vars(graph))
    assert graph.pairs.tolist() == [[0, 2], [1, 2]]
    assert "data" not in vars(graph)
    graph.data  # noqa: B018
    assert "data" in vars(graph)


def test_kernels_compile_nothing_new_for_an_opened_graph(tmp_path):
    assert numba.typeof(opened(KARATE, tmp_path).csr) == numba.typeof(KARATE.csr)


# ── names ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("count", [0, 1, 12, 101])
def test_numbers_behave_as_the_tuple_of_their_names(count):
    lazy, plain = RowNames(count), tuple(map(str, range(count)))
    assert lazy == plain
    assert plain == lazy
    assert lazy == RowNames(count)
    assert [lazy == other for other in ((*plain, "x"), RowNames(count + 1), [*plain])] == [False] * 3
    assert (hash(lazy), len(lazy), tuple(lazy), bool(lazy)) == (hash(plain), count, plain, bool(plain))
    assert (lazy[1:9:2], lazy[::-1], tuple(reversed(lazy))) == (plain[1:9:2], plain[::-1], plain[::-1])
    assert (np.array(lazy, object).tolist(), [*lazy], pickle.loads(pickle.dumps(lazy))) == ([*plain], [*plain], plain)
    tried = ["0", "1", "11", "12", "100", "00", "01", "-1", "1.0", "", " 1", "١", "²", "1_0", "9" * 5000, 1, None]
    assert [name in lazy for name in tried] == [name in plain for name in tried]
    assert [lazy.count(name) for name in tried] == [plain.count(name) for name in tried]
    known = [name for name in tried if name in plain]
    assert [lazy.index(name) for name in known] == [plain.index(name) for name in known]
    rows = {name: row for row, name in enumerate(plain)}
    assert lazy.row == rows
    assert rows == lazy.row
    assert [lazy.row.get(name) for name in tried] == [rows.get(name) for name in tried]
    for wrong in (count, -count - 1):
        with pytest.raises(IndexError):
            lazy[wrong]
    with pytest.raises(KeyError, match="01"):
        lazy.row["01"]
    with pytest.raises(ValueError):
        lazy.index("01")


def test_long_names_are_shown_shortly():
    assert repr(RowNames(2)) == "('0', '1')"
    assert repr(RowNames(10**9)) == "('0', '1', ..., '999999999')"


def test_graphs_without_names_hold_none():
    for graph in (
        Graph.from_edges([0], [1]),
        as_graph(sp.eye_array(3)),
        Graph(Data(edge_index=torch.tensor([[0], [1]]))),
    ):
        assert isinstance(graph.names, RowNames)
