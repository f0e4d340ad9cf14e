"""`Graph` keeps its rules, and `as_graph` reads the same graph from everything graph-like."""

import dataclasses as dc

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import Batch, Data

from graphembed import as_graph
from graphembed.errors import DataError
from graphembed.graph import Graph, frame_graph, merge

few = settings(max_examples=60, deadline=None)


def stored(graph):
    """Every stored edge as {(source name, target name): weight}."""
    source, target = graph.data.edge_index.tolist()
    weight = graph.data.edge_weight.tolist() if graph.weighted else [1.0] * len(source)
    found = {(graph.names[u], graph.names[v]): value for u, v, value in zip(source, target, weight, strict=True)}
    assert len(found) == len(source), "an edge is stored twice"
    return found


def reference(edges, *, directed, weighted):
    """The rules of the module's head in plain Python: (u, v, weight) triples -> {(u, v): weight}."""
    total = {}
    for u, v, weight in edges:
        total[u, v] = total.get((u, v), 0.0) + weight if weighted else 1.0
    if directed or all(total.get((v, u)) == weight for (u, v), weight in total.items()):
        return total
    both = {}
    for (u, v), weight in total.items():
        for pair in {(u, v), (v, u)}:
            both[pair] = both.get(pair, 0.0) + weight if weighted else 1.0
    return both


def of_networkx(graph):
    """The edges of a networkx graph, parallel ones added up, undirected ones both ways."""
    both = {}
    for u, v, weight in graph.edges(data="weight", default=1.0):
        for pair in {(u, v)} if graph.is_directed() else {(u, v), (v, u)}:
            key = str(pair[0]), str(pair[1])
            both[key] = both.get(key, 0.0) + weight
    return both


def data_of(edges, nodes, **more):
    return Data(edge_index=torch.tensor(edges).reshape(-1, 2).T, num_nodes=nodes, **more)


# Weights are quarters, so that sums are exact.
triples = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(1, 12).map(lambda quarter: quarter / 4)), max_size=25
)


# ── the rules ───────────────────────────────────────────────────────────────────────────────────────


@few
@given(triples, st.booleans(), st.booleans())
def test_edges_are_those_of_a_plain_python_reference(edges, directed, weighted):
    source, target, weight = ([edge[k] for edge in edges] for k in range(3))
    graph = Graph.from_edges(source, target, weight if weighted else None, nodes=7, directed=directed)
    expected = reference(edges, directed=directed, weighted=weighted)
    assert stored(graph) == {(str(u), str(v)): value for (u, v), value in expected.items()}
    assert graph.directed is directed
    assert graph.weighted is weighted
    assert graph.num_nodes == 7


@few
@given(triples.flatmap(lambda edges: st.tuples(st.just(edges), st.permutations(edges))), st.booleans(), st.booleans())
def test_the_order_of_the_edges_does_not_matter(both, directed, weighted):
    graphs = [
        Graph.from_edges(
            [edge[0] for edge in edges],
            [edge[1] for edge in edges],
            [edge[2] for edge in edges] if weighted else None,
            nodes=7,
            directed=directed,
        )
        for edges in both
    ]
    assert stored(graphs[0]) == stored(graphs[1])
    assert graphs[0].duplicates == graphs[1].duplicates


def test_the_order_of_repeats_does_not_decide_whether_both_directions_agree():
    there, back = [0.1, 0.2, 0.3], [0.3, 0.2, 0.1]  # their sums differ in the last bit
    graph = Graph.from_edges([0, 0, 0, 1, 1, 1], [1, 1, 1, 0, 0, 0], there + back)
    assert stored(graph) == pytest.approx({("0", "1"): 0.6, ("1", "0"): 0.6})


@few
@given(triples, st.booleans())
def test_edges_are_sorted_and_unique(edges, directed):
    graph = Graph.from_edges([u for u, _, _ in edges], [v for _, v, _ in edges], nodes=7, directed=directed)
    listed = list(zip(*graph.data.edge_index.tolist(), strict=True))
    assert listed == sorted(set(listed))


@few
@given(triples, st.booleans())
def test_edge_k_of_data_is_edge_k_of_csr(edges, directed):
    source, target, weight = ([edge[k] for edge in edges] for k in range(3))
    graph = Graph.from_edges(source, target, weight, nodes=7, directed=directed)
    indptr, indices, weights = (array.tolist() for array in graph.csr)
    rows = [node for node in range(7) for _ in range(indptr[node], indptr[node + 1])]
    assert [rows, indices] == graph.data.edge_index.tolist()
    assert weights == graph.data.edge_weight.tolist()


@few
@given(triples)
def test_pairs_list_every_undirected_edge_once(edges):
    graph = Graph.from_edges([u for u, _, _ in edges], [v for _, v, _ in edges], nodes=7)
    once = {(min(u, v), max(u, v)) for u, v, _ in edges}
    assert [tuple(pair) for pair in graph.pairs.tolist()] == sorted(once)
    assert graph.num_edges == len(once)
    assert graph.self_loops == sum(u == v for u, v in once)


def test_an_undirected_edge_is_stored_both_ways_and_a_self_loop_once():
    graph = Graph.from_edges([2, 1], [0, 1], nodes=3)
    assert graph.data.edge_index.tolist() == [[0, 1, 2], [2, 1, 0]]
    assert (graph.num_edges, graph.self_loops) == (2, 1)


def test_a_directed_edge_is_stored_one_way():
    graph = Graph.from_edges([2, 0], [0, 1], directed=True)
    assert graph.data.edge_index.tolist() == [[0, 2], [1, 0]]
    assert graph.directed is True
    assert graph.pairs.tolist() == [[0, 1], [2, 0]]


def test_a_directed_graph_stays_directed_even_if_it_is_symmetric():
    assert Graph.from_edges([0, 1], [1, 0], directed=True).directed is True
    assert as_graph(nx.DiGraph([(0, 1), (1, 0)])).directed is True


def test_repeats_collapse_without_weights():
    graph = Graph.from_edges([0, 0, 1, 1], [1, 1, 0, 2])
    assert stored(graph) == {("0", "1"): 1, ("1", "0"): 1, ("1", "2"): 1, ("2", "1"): 1}
    assert not graph.weighted
    assert graph.duplicates == 2


def test_repeats_add_up_with_weights():
    graph = Graph.from_edges([0, 0, 1, 1], [1, 1, 0, 2], [0.5, 0.25, 2, 1])
    assert stored(graph) == {("0", "1"): 2.75, ("1", "0"): 2.75, ("1", "2"): 1, ("2", "1"): 1}
    assert graph.duplicates == 2


def test_a_list_that_gives_every_edge_both_ways_with_equal_weights_gives_it_once():
    graph = Graph.from_edges([0, 1, 1, 2, 2], [1, 0, 2, 1, 2], [900, 900, 150, 150, 7])
    assert stored(graph) == {("0", "1"): 900, ("1", "0"): 900, ("1", "2"): 150, ("2", "1"): 150, ("2", "2"): 7}
    assert graph.duplicates == 0


@pytest.mark.parametrize(
    ("weights", "expected"),
    [([900, 900, 150], 1800), ([900, 800, 150], 1700)],
    ids=["one edge is given one way only", "the two weights differ"],
)
def test_a_list_that_is_not_wholly_symmetric_is_added_up(weights, expected):
    graph = Graph.from_edges([0, 1, 1], [1, 0, 2], weights)
    assert stored(graph)["0", "1"] == stored(graph)["1", "0"] == expected


def test_isolated_nodes_stay():
    graph = Graph.from_edges([0], [2], names=["ann", "bob", "cy", "dee"])
    assert graph.names == ("ann", "bob", "cy", "dee")
    assert graph.csr.indptr.tolist() == [0, 1, 1, 2, 2]
    assert graph.data.num_nodes == 4


def test_one_node_without_edges_is_a_graph():
    graph = Graph.from_edges([], [], names=["alone"])
    assert (graph.num_nodes, graph.num_edges, graph.directed) == (1, 0, False)
    assert graph.csr.indptr.tolist() == [0, 0]
    assert repr(graph) == "Graph(1 node, 0 edges, undirected)"


@pytest.mark.parametrize(
    "nothing",
    [
        nx.Graph(),
        sp.csr_array((0, 0)),
        pd.DataFrame({"source": [], "target": []}),
        Data(edge_index=torch.empty(2, 0, dtype=torch.long), num_nodes=0),
    ],
    ids=lambda source: type(source).__name__,
)
def test_no_nodes_are_a_graph(nothing):
    graph = as_graph(nothing)
    assert (graph.num_nodes, graph.num_edges, graph.names) == (0, 0, ())
    assert graph.csr.indptr.tolist() == [0]


def test_names_are_row_numbers_unless_given():
    assert Graph.from_edges([0], [2]).names == ("0", "1", "2")
    assert dict(Graph.from_edges([0], [1], names=("b", "a")).row) == {"b": 0, "a": 1}


def test_a_graph_is_frozen():
    with pytest.raises(dc.FrozenInstanceError):
        Graph.from_edges([0], [1]).names = ("a", "b")


def test_the_summary_tells_what_is_special():
    graph = Graph.from_edges([0, 0, 1, 1], [1, 1, 1, 2], [1, 1, 1, 1], directed=True, x=torch.ones(3, 5))
    assert repr(graph) == "Graph(3 nodes, 3 edges, directed, weighted, 5 features, 1 self-loop, 1 duplicate merged)"


# ── PyG Data ────────────────────────────────────────────────────────────────────────────────────────


def test_edges_of_data_are_sorted_and_carry_their_attributes_along():
    data = data_of([[2, 0], [0, 1], [0, 2], [1, 0]], 3, edge_attr=torch.tensor([20.0, 1, 2, 10]), y=torch.arange(3))
    graph = as_graph(data)
    assert graph.data.edge_index.tolist() == [[0, 0, 1, 2], [1, 2, 0, 0]]
    assert graph.data.edge_attr.tolist() == [1, 2, 10, 20]
    assert graph.data.y.tolist() == [0, 1, 2]
    assert graph.directed is False


def test_where_there_are_as_many_nodes_as_edges_names_tell_what_belongs_to_edges():
    edges = [[2, 0], [0, 1], [1, 2]]  # sizes do not tell: PyG takes time for a tensor of nodes
    numbers = torch.tensor([20, 1, 12])
    of_nodes = {key: torch.arange(3) for key in ("y", "kind", "batch")}
    more = {"time": numbers, "edge_attr": numbers, "edge_label": numbers, **of_nodes}
    graph = Graph(data_of(edges, 3, part=torch.tensor([1, 0, 1]), pos=torch.arange(3.0)[:, None], **more))
    assert graph.data.edge_index.tolist() == [[0, 1, 2], [1, 2, 0]]
    assert graph.data.time.tolist() == graph.data.edge_attr.tolist() == [1, 12, 20]
    assert graph.data.edge_label.tolist() == [20, 1, 12]  # labels of pairs that need not be edges
    assert all(graph.data[key].tolist() == [0, 1, 2] for key in of_nodes)
    assert graph.data.part.tolist() == [1, 0, 1]
    assert graph.data.pos.flatten().tolist() == [0, 1, 2]


def test_times_stay_with_their_edges_when_repeats_leave_as_many_edges_as_nodes():
    graph = Graph(data_of([[1, 2], [0, 1], [1, 2], [2, 0]], 3, time=torch.tensor([12, 1, 99, 20])))
    assert graph.data.time.tolist() == [1, 12, 20]


def test_repeats_in_data_are_merged_and_weights_added_up():
    graph = as_graph(data_of([[0, 1], [1, 0], [0, 1]], 2, edge_weight=torch.tensor([1.0, 3.0, 2.0])))
    assert stored(graph) == {("0", "1"): 3, ("1", "0"): 3}
    assert (graph.directed, graph.duplicates) == (False, 1)


@pytest.mark.parametrize(
    ("edges", "weight", "directed"),
    [
        ([[0, 1], [1, 0]], None, False),
        ([[0, 1]], None, True),
        ([[0, 1], [1, 0]], [1.0, 1.0], False),
        ([[0, 1], [1, 0]], [1.0, 2.0], True),
        ([[0, 0]], None, False),
    ],
)
def test_data_is_undirected_if_it_is_symmetric(edges, weight, directed):
    more = {} if weight is None else {"edge_weight": torch.tensor(weight)}
    assert as_graph(data_of(edges, 2, **more)).directed is directed


def test_node_numbers_of_32_bits_do_not_overflow():
    edges = [[99_999, 0], [70_000, 50_000], [50_000, 70_000], [0, 99_999]]
    graph = as_graph(Data(edge_index=torch.tensor(edges, dtype=torch.int32).T, num_nodes=100_000))
    assert graph.directed is False
    assert graph.data.edge_index.T.tolist() == sorted(edges)


def test_data_of_a_graph_can_be_batched_by_pyg():
    graph = Graph.from_edges([0, 1], [1, 2], [1, 2], names=["a", "b", "c"], x=torch.ones(3, 2))
    batch = Batch.from_data_list([graph.data, graph.data])
    assert (batch.num_nodes, batch.num_edges) == (6, 8)


def test_a_graph_is_its_own_reading():
    graph = Graph.from_edges([0], [1])
    assert as_graph(graph) is graph


def test_data_is_not_changed():
    data = data_of([[1, 0], [0, 1], [0, 1]], 2, edge_weight=torch.tensor([3.0, 2.0, 1.0]), x=torch.ones(2, 2))
    before = {key: value.clone() for key, value in data.to_dict().items() if isinstance(value, torch.Tensor)}
    as_graph(data)
    assert set(data.keys()) == {*before, "num_nodes"}
    assert all(torch.equal(data[key], value) for key, value in before.items())


def test_arrays_frames_matrices_and_networkx_graphs_are_not_changed():
    source, target, weight = np.array([2, 0, 0]), np.array([0, 1, 1]), np.array([1.0, 2.0, 3.0])
    frame = pd.DataFrame({"source": ["b", "a"], "target": ["a", "b"], "weight": [1, 2]}, index=[7, 3])
    matrix = sp.coo_array((weight, (source, target)), shape=(3, 3))
    network = nx.Graph([("b", "a", {"weight": 2})])
    kept_frame, kept_matrix = frame.copy(), matrix.copy()
    Graph.from_edges(source, target, weight)
    as_graph(frame)
    as_graph(matrix)
    as_graph(network)
    assert (source.tolist(), target.tolist(), weight.tolist()) == ([2, 0, 0], [0, 1, 1], [1, 2, 3])
    pd.testing.assert_frame_equal(frame, kept_frame)
    for part in ("row", "col", "data"):
        np.testing.assert_array_equal(getattr(matrix, part), getattr(kept_matrix, part))
    assert list(network.edges(data=True)) == [("b", "a", {"weight": 2})]


# ── networkx ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", [nx.Graph, nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph])
@pytest.mark.parametrize("weighted", [False, True])
def test_every_networkx_graph_keeps_its_edges(kind, weighted):
    rng = np.random.default_rng(3)
    network = kind()
    network.add_nodes_from(range(9))
    for u, v, weight in rng.integers(1, 9, (40, 3)).tolist():
        network.add_edge(u - 1, v - 1, **({"weight": weight} if weighted else {}))
    graph = as_graph(network)
    expected = of_networkx(network)
    assert stored(graph) == (expected if weighted else dict.fromkeys(expected, 1))
    assert graph.names == tuple(map(str, range(9)))
    assert graph.directed is network.is_directed()
    assert graph.weighted is weighted


@pytest.mark.parametrize(
    ("nodes", "names"),
    [
        (["b", "a", "ü x"], ("b", "a", "ü x")),
        ([7, 3, -1], ("7", "3", "-1")),
        ([(0, 1), (1, 0), (0, 0)], ("(0, 1)", "(1, 0)", "(0, 0)")),
    ],
    ids=["strings", "integers", "tuples"],
)
def test_networkx_nodes_are_named_by_str_in_their_order(nodes, names):
    network = nx.Graph()
    network.add_nodes_from(nodes)
    network.add_edge(nodes[2], nodes[0])
    graph = as_graph(network)
    assert graph.names == names
    assert stored(graph) == {(names[0], names[2]): 1, (names[2], names[0]): 1}


def test_networkx_edges_without_a_weight_weigh_one_among_weighted_ones():
    network = nx.Graph([("a", "b", {"weight": 2.5}), ("b", "c")])
    assert stored(as_graph(network))["b", "c"] == 1
    assert stored(as_graph(network))["b", "a"] == 2.5


def test_parallel_networkx_edges_are_counted():
    assert as_graph(nx.MultiGraph([(0, 1), (0, 1), (1, 0)])).duplicates == 2


def test_bipartite_sides_of_networkx_become_parts():
    network = nx.complete_bipartite_graph(2, 3)
    assert as_graph(network).data.part.tolist() == [0, 0, 1, 1, 1]
    assert as_graph(nx.path_graph(3)).data.get("part") is None


def test_networkx_names_that_look_alike_are_refused():
    with pytest.raises(DataError, match="node names must differ, these repeat: '1'"):
        as_graph(nx.Graph([(1, "1")]))


def test_a_networkx_weight_that_is_not_a_number_names_the_edge():
    with pytest.raises(DataError, match=r"a -> b.*heavy"):
        as_graph(nx.Graph([("a", "b", {"weight": "heavy"})]))


# ── scipy ───────────────────────────────────────────────────────────────────────────────────────────

SPARSE = [sp.csr_array, sp.csr_matrix, sp.csc_array, sp.coo_matrix, sp.lil_array, sp.dok_matrix]


@pytest.mark.parametrize("kind", SPARSE)
@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_entries_of_a_sparse_matrix_are_edges(kind, symmetric, weighted):
    dense = np.random.default_rng(5).integers(0, 4, (6, 6)) * (np.random.default_rng(6).random((6, 6)) < 0.4)
    dense = dense + dense.T if symmetric else dense
    dense = dense.astype(float) if weighted else (dense > 0).astype(float)
    graph = as_graph(kind(dense))
    assert stored(graph) == {(str(u), str(v)): dense[u, v] for u, v in np.argwhere(dense).tolist()}
    assert graph.directed is not symmetric
    assert graph.weighted is weighted
    assert graph.duplicates == 0


def test_a_boolean_matrix_has_no_weights():
    graph = as_graph(sp.csr_array(np.array([[False, True], [True, False]])))
    assert (graph.num_edges, graph.weighted, graph.directed) == (1, False, False)


def test_zeros_stored_in_a_matrix_are_no_edges():
    matrix = sp.csr_array((np.array([1.0, 0.0]), (np.array([0, 1]), np.array([1, 2]))), shape=(3, 3))
    assert stored(as_graph(matrix)) == {("0", "1"): 1}


def test_a_matrix_is_the_same_graph_in_every_format():
    repeats = sp.coo_array((np.ones(4), (np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]))), shape=(2, 2))
    assert stored(as_graph(repeats)) == stored(as_graph(repeats.tocsr())) == {("0", "1"): 2, ("1", "0"): 2}


def test_a_matrix_that_is_not_square_is_refused():
    with pytest.raises(DataError, match=r"an adjacency matrix must be square, got shape \(2, 3\)"):
        as_graph(sp.csr_array((2, 3)))


# ── frames ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_frame_is_read_by_the_names_of_its_columns():
    frame = pd.DataFrame({"weight": [2.0, 3.0], "target": ["b", "c"], "source": ["a", "b"]})
    assert stored(as_graph(frame)) == {("a", "b"): 2, ("b", "a"): 2, ("b", "c"): 3, ("c", "b"): 3}


def test_a_frame_without_known_columns_is_read_by_position():
    frame = pd.DataFrame({"gene": ["x", "y"], "other": ["y", "z"], "score": [1, 4]})
    assert stored(frame_graph(frame, directed=True)) == {("x", "y"): 1, ("y", "z"): 4}


def test_a_third_column_of_words_is_no_weight():
    frame = pd.DataFrame({"a": ["x"], "b": ["y"], "kind": ["binds"]})
    assert not as_graph(frame).weighted


def test_numbers_in_a_frame_become_names():
    assert as_graph(pd.DataFrame({"source": [3, 10], "target": [10, 2]})).names == ("3", "10", "2")


def test_nodes_given_with_a_frame_come_first_and_may_be_isolated():
    frame = pd.DataFrame({"source": ["c"], "target": ["z"]})
    graph = frame_graph(frame, nodes=["a", "b", "c"])
    assert graph.names == ("a", "b", "c", "z")
    assert graph.pairs.tolist() == [[2, 3]]


def test_a_frame_of_one_column_is_refused():
    with pytest.raises(DataError, match=r"needs two columns, source and target; got \['gene'\]"):
        as_graph(pd.DataFrame({"gene": ["a"]}))


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_a_missing_end_in_a_frame_is_refused(missing):
    frame = pd.DataFrame({"source": ["a", "b"], "target": ["b", missing]}, dtype=object)
    with pytest.raises(DataError, match="1 edges lack an end, first in row 1: remove these rows or name the node"):
        as_graph(frame)


def test_a_weight_in_a_frame_that_is_not_a_number_is_refused():
    frame = pd.DataFrame({"source": ["a", "b"], "target": ["b", "c"], "weight": ["1", "much"]})
    with pytest.raises(DataError, match="edge weights must be positive and finite; got b -> c"):
        as_graph(frame)


# ── paths and other types ───────────────────────────────────────────────────────────────────────────


def test_a_path_is_read_as_a_file(tmp_path):
    path = tmp_path / "edges.tsv"
    path.write_text("a\tb\nb\tc\n")
    assert as_graph(path).names == as_graph(str(path)).names == ("a", "b", "c")


@pytest.mark.parametrize("unknown", [42, None, {0: [1]}, np.eye(2)], ids=lambda source: type(source).__name__)
def test_an_unknown_type_is_refused_with_a_list_of_what_is_accepted(unknown):
    with pytest.raises(TypeError, match="pass a Graph, a PyG Data, a networkx graph, a scipy sparse matrix, a pandas"):
        as_graph(unknown)


def test_the_refusal_names_the_type():
    with pytest.raises(TypeError, match=r"cannot read a graph from numpy\.ndarray"):
        as_graph(np.eye(2))


def test_a_new_type_can_register_itself():
    class Ring:
        size = 4

    as_graph.register(Ring, lambda ring: as_graph(nx.cycle_graph(ring.size)))
    assert as_graph(Ring()).num_edges == 4


# ── merge ───────────────────────────────────────────────────────────────────────────────────────────


def test_merged_graphs_lie_side_by_side():
    graph = merge({"a": nx.path_graph(2), "b": sp.csr_array(np.ones((2, 2)) - np.eye(2)), "c": nx.empty_graph(1)})
    assert graph.names == ("a/0", "a/1", "b/0", "b/1", "c/0")
    assert graph.data.batch.tolist() == [0, 0, 1, 1, 2]
    assert set(stored(graph)) == {("a/0", "a/1"), ("a/1", "a/0"), ("b/0", "b/1"), ("b/1", "b/0")}


def test_a_merged_graph_weighs_one_where_a_part_has_no_weights():
    heavy = nx.Graph([(0, 1, {"weight": 5})])
    graph = merge({"heavy": heavy, "plain": nx.path_graph(2)})
    assert stored(graph)["heavy/0", "heavy/1"] == 5
    assert stored(graph)["plain/0", "plain/1"] == 1


def test_merging_keeps_what_all_parts_have():
    one = Graph.from_edges([0], [1], x=torch.ones(2, 3), y=torch.tensor([1, 2]))
    two = Graph.from_edges([0], [0], x=torch.zeros(1, 3))
    graph = merge({"one": one, "two": two})
    assert graph.data.x.tolist() == [[1, 1, 1], [1, 1, 1], [0, 0, 0]]
    assert graph.data.get("y") is None


def test_merging_keeps_direction_and_counts_duplicates():
    parts = {key: Graph.from_edges([0, 0], [1, 1], directed=True) for key in "ab"}
    graph = merge(parts)
    assert graph.directed is True
    assert graph.duplicates == 2


def test_directed_and_undirected_graphs_are_not_merged():
    with pytest.raises(DataError, match="directed and undirected graphs cannot be merged: make them all of one kind"):
        merge({"a": nx.path_graph(2), "b": nx.DiGraph([(0, 1)])})


def test_nothing_cannot_be_merged():
    with pytest.raises(DataError, match="there is no graph to merge"):
        merge({})


def test_features_of_different_width_are_not_merged():
    wide, narrow = (Graph.from_edges([0], [1], x=torch.ones(2, width)) for width in (3, 2))
    with pytest.raises(DataError, match="x"):
        merge({"wide": wide, "narrow": narrow})


# ── what is refused ─────────────────────────────────────────────────────────────────────────────────


BAD_WEIGHTS = [(-2, "-2"), (0, "0"), (np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")]
PEOPLE = ("ann", "bob", "cy")
WAYS = {
    "from_edges": lambda weight: Graph.from_edges([0, 1], [1, 2], [1, weight], names=PEOPLE),
    "data": lambda weight: Graph(data_of([[0, 1], [1, 2]], 3, edge_weight=torch.tensor([1.0, weight])), PEOPLE),
    "networkx": lambda weight: as_graph(nx.Graph([("ann", "bob", {"weight": 1}), ("bob", "cy", {"weight": weight})])),
}


@pytest.mark.parametrize(("weight", "shown"), BAD_WEIGHTS)
@pytest.mark.parametrize("how", WAYS.values(), ids=WAYS)
def test_a_bad_weight_names_the_edge(weight, shown, how):
    with pytest.raises(DataError, match=rf"positive and finite; got bob -> cy: {shown}; drop or correct these edges"):
        how(weight)


def test_many_bad_weights_are_counted():
    with pytest.raises(DataError, match=r"got 0 -> 1: 0, .* and 3 more; drop"):
        Graph.from_edges(range(8), range(1, 9), np.zeros(8), directed=True)


@pytest.mark.parametrize("weight", [1e300, 1e-300])
def test_a_weight_that_32_bits_cannot_hold_names_the_edge(weight):
    with pytest.raises(DataError, match="a -> b"):
        Graph.from_edges([0], [1], [weight], names=["a", "b"])


def test_a_negative_weight_is_refused_even_where_its_repeat_outweighs_it():
    with pytest.raises(DataError, match="edge weights must be positive"):
        Graph(data_of([[0, 1], [0, 1], [1, 0]], 2, edge_weight=torch.tensor([-1.0, 2.0, 1.0])))


@pytest.mark.parametrize("edges", [[[0, 1], [1, 0]], [[1, 0], [0, 1]]], ids=["sorted", "not sorted"])
@pytest.mark.parametrize("count", [1, 3])
def test_weights_of_wrong_count_are_refused(edges, count):
    with pytest.raises(DataError, match=rf"expected one weight per edge, got \({count},\) for 2 edges"):
        Graph(data_of(edges, 2, edge_weight=torch.ones(count)))


def test_weights_of_wrong_count_are_refused_by_from_edges():
    with pytest.raises(DataError, match="one weight per edge"):
        Graph.from_edges([0], [1], [1.0, 2.0])


def test_ends_of_different_count_are_refused():
    with pytest.raises(DataError, match=r"1 .* 2"):
        Graph.from_edges([0], [1, 2])


def test_ends_that_are_not_whole_numbers_are_refused():
    with pytest.raises(DataError, match=r"0\.5"):
        Graph.from_edges([0.5], [1.7])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_bad_features_name_the_nodes(value):
    x = torch.zeros(4, 2)
    x[1, 1] = x[3, 0] = value
    with pytest.raises(DataError, match="node features must be finite; they are not for 'bob', 'dee'"):
        Graph.from_edges([0], [1], names=["ann", "bob", "cy", "dee"], x=x)


def test_features_of_wrong_count_are_refused():
    with pytest.raises(DataError, match=r"2.*3"):
        Graph.from_edges([0], [1], nodes=3, x=torch.ones(2, 4))


def test_features_without_columns_are_refused():
    with pytest.raises(DataError, match=r"\(2,\)"):
        Graph.from_edges([0], [1], x=torch.ones(2))


def test_repeated_names_are_refused():
    with pytest.raises(DataError, match="node names must differ, these repeat: 'a', 'b'"):
        Graph.from_edges([0], [1], names=["a", "b", "a", "b"])


@pytest.mark.parametrize("names", [["a", "b"], ["a", "b", "c", "d"]])
def test_names_of_wrong_count_are_refused(names):
    with pytest.raises(DataError, match=f"expected one name per node, got {len(names)} names for 3 nodes"):
        Graph(data_of([[0, 1], [1, 0]], 3), tuple(names))


def test_names_that_are_not_strings_are_refused():
    with pytest.raises(DataError, match="node names must be strings, got 1, 2"):
        Graph.from_edges([0], [1], names=[1, 2])


@pytest.mark.parametrize(("end", "directed"), [(5, False), (5, True), (-1, False)])
def test_edges_to_missing_nodes_are_refused(end, directed):
    with pytest.raises(DataError, match=rf"lead to nodes that do not exist: \(0, {end}\); there are 2 nodes"):
        Graph.from_edges([0, 0], [1, end], names=["a", "b"], directed=directed)
    with pytest.raises(DataError, match=rf"lead to nodes that do not exist: \(0, {end}\); there are 2 nodes"):
        Graph(data_of([[0, 1], [0, end]], 2))


@pytest.mark.parametrize("weight", [None, torch.tensor([1.0, 2.0])], ids=["one way", "different weights"])
def test_directed_edges_given_as_undirected_are_refused(weight):
    edges = [[0, 1]] if weight is None else [[0, 1], [1, 0]]
    more = {} if weight is None else {"edge_weight": weight}
    with pytest.raises(
        DataError, match=r"said to be undirected but has edges in one direction only; use Graph\.from_edges"
    ):
        Graph(data_of(edges, 2, **more), directed=False)


def test_data_without_edges_says_what_is_missing():
    with pytest.raises(
        DataError, match=r"the PyG Data has no edge_index; a graph without edges has one of shape \[2, 0\]"
    ):
        as_graph(Data(x=torch.ones(2, 2)))


@given(st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1), st.booleans())
def test_columns_without_a_common_name_are_two_parts_unless_the_edges_are_few(pairs, shared):
    frame = pd.DataFrame([(f"a{u}", f"a{v}" if shared else f"b{v}") for u, v in sorted(pairs)])
    graph = as_graph(frame)
    first, second = set(frame[0]), set(frame[1])
    if first & second or len(pairs) < len(first | second):
        assert graph.data.get("part") is None
    else:
        assert graph.data.part.tolist() == [int(name in second) for name in graph.names]


def test_a_list_of_edges_is_a_graph():
    graph = as_graph([("ann", "bob", 2.0), ("bob", "cy", 3.0)])
    assert graph.names == ("ann", "bob", "cy")
    assert graph.csr.weight.tolist() == [2, 2, 3, 3]
    assert not as_graph([(0, 1), (1, 2)]).weighted


@pytest.mark.parametrize("edges", [[], [("a",)], [("a", "b"), ("a", "b", 1)], ["ab"], [("a", "b", 1, 2)]])
def test_a_list_of_something_else_is_refused(edges):
    with pytest.raises(DataError, match="a list of edges has pairs"):
        as_graph(edges)
