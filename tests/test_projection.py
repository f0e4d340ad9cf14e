"""Projections are the linear algebra their papers say, and new nodes get the vector they would have had."""

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
from scipy.linalg import subspace_angles

import graphembed as ge
from graphembed import testing
from graphembed.encoders.projection import Projection
from graphembed.encoders.protocol import rings
from graphembed.encoders.proximity import Adjacency, Known, LogProximity, Random, factors
from graphembed.errors import DataError, UnknownNameError
from graphembed.graph import Graph, as_graph, union
from graphembed.kernels.csr import CSR
from graphembed.kernels.propagate import propagate

DIM = 8
MAKERS = {
    "spectral": lambda **more: ge.spectral(DIM, **more),
    "adjacency": lambda **more: ge.spectral(DIM, normalised=False, **more),
    "netmf": lambda **more: ge.netmf(DIM, **more),
    "netmf, one step": lambda **more: ge.netmf(DIM, window=1, **more),
    "netmf, some columns": lambda **more: Projection(LogProximity(3, columns=11), DIM, length="one", **more),
    "prone": lambda **more: ge.prone(DIM, **more),
    "fastrp": lambda **more: ge.fastrp(DIM, **more),
    "cleora": lambda **more: ge.cleora(DIM, **more),
    "random steps": lambda **more: Projection(Random(0.0), DIM, (1.0, 0.5), **more),
    "walks of factors": lambda **more: Projection(LogProximity(3), DIM, (1.0, 0.5), **more),
}
CLOSED = ("spectral", "adjacency", "netmf", "netmf, one step", "prone")  # where nothing random is left at the end


@pytest.fixture(params=MAKERS)
def maker(request):
    return MAKERS[request.param]


def directed():
    return as_graph(nx.gnp_random_graph(30, 0.1, seed=1, directed=True))


def looped():
    lesmis = ge.load("lesmis")
    network = nx.Graph((u, v, {"weight": float(w)}) for (u, v), w in weights_of(lesmis).items())
    network.add_edges_from([(u, u) for u in range(0, 77, 5)], weight=9.0)
    return as_graph(network)


GRAPHS = {
    "karate": lambda: ge.load("karate"),
    "lesmis": lambda: ge.load("lesmis"),
    "directed": directed,
    "looped": looped,
}


@pytest.fixture(params=GRAPHS)
def graph(request):
    return GRAPHS[request.param]()


# ── the papers, in plain numpy ──────────────────────────────────────────────────────────────────────


def weights_of(graph):
    """Weight of each pair as stored."""
    weight = [1.0] * graph.data.edge_index.shape[1] if not graph.weighted else graph.data.edge_weight.tolist()
    return dict(zip(map(tuple, graph.data.edge_index.T.tolist()), weight, strict=True))


def dense(graph):
    """A: weights of both directions added up if the graph is directed, nothing on the diagonal."""
    A = np.zeros((graph.num_nodes, graph.num_nodes))
    for (u, v), weight in weights_of(graph).items():
        if u != v:
            A[u, v] += weight
            A[v, u] += weight * graph.directed
    return A


def inverse(degree, power=1.0):
    return np.diag([d**-power if d > 0 else 0.0 for d in degree])


def symmetric(A):
    return inverse(A.sum(1), 0.5) @ A @ inverse(A.sum(1), 0.5)


def log_proximity(A, window, negatives=1.0, noise=1.0):
    """Qiu et al. 2018, equation 8, and for other noise Zhang et al. 2019, equation 4."""
    degree = A.sum(1)
    P = inverse(degree) @ A
    mean = sum(np.linalg.matrix_power(P, r) for r in range(1, window + 1)) / window
    chance = degree**noise / (degree[degree > 0] ** noise).sum()
    ratio = mean / np.where(chance > 0, chance, np.inf)[None] / negatives
    return np.log(np.maximum(ratio, 1))


def left_factors(M, dim, power=0.5):
    U, size, _ = np.linalg.svd(M)
    assert size[dim - 1] > 1.0001 * size[dim], "the oracle itself does not know which direction is the last"
    return U[:, :dim] * size[:dim] ** power


def unit(z):
    length = np.linalg.norm(z, axis=1, keepdims=True)
    return np.divide(z, length, out=np.zeros_like(z), where=length > 1e-6 * length.max())


def gram(z):
    """What does not change when the axes are turned."""
    z = np.asarray(z, float)
    return z @ z.T


def of_mean_one(z, graph):
    """Root mean square length one over the nodes with an edge."""
    return z / np.sqrt((z[dense(graph).any(1)] ** 2).sum(1).mean())


def test_spectral_finds_the_eigenvectors_numpy_finds(graph):
    A = dense(graph)
    for normalised, M in ((True, symmetric(A)), (False, A)):
        values, vectors = np.linalg.eigh(M)
        first = np.argsort(-np.abs(values))[:DIM]
        expected = vectors[:, first] * np.sqrt(np.abs(values[first]))
        encoder = ge.spectral(DIM, normalised=normalised).fit(graph)
        expected = unit(expected) if normalised else of_mean_one(expected, graph)
        np.testing.assert_allclose(gram(encoder.embedding_), gram(expected), atol=1e-3)
        assert subspace_angles(encoder.table_.astype(float), vectors[:, first]).max() < 1e-3


@pytest.mark.parametrize(
    ("window", "negatives", "noise"), [(1, 1, 1), (1, 3, 0.75), (2, 1, 0.5), (5, 1, 1), (4, 2, 0.75)]
)
def test_netmf_factorises_the_matrix_of_the_paper(graph, window, negatives, noise):
    expected = left_factors(log_proximity(dense(graph), window, negatives, noise), DIM)
    encoder = Projection(LogProximity(window, negatives, noise), DIM)
    np.testing.assert_allclose(gram(encoder.fit(graph).embedding_), gram(of_mean_one(expected, graph)), atol=1e-3)
    np.testing.assert_allclose(
        gram(encoder.set_params(length="one").fit(graph).embedding_), gram(unit(expected)), atol=1e-3
    )


def test_netmf_is_that_of_the_paper():
    """But for the noise, U size instead of U sqrt(size), and the length of two."""
    expected = left_factors(log_proximity(dense(ge.load("karate")), 10, noise=0.75), DIM, power=1)
    found = MAKERS["netmf"]().fit_transform(ge.load("karate"))
    np.testing.assert_allclose(gram(found), gram(2 * unit(expected)), atol=1e-3)
    paper = ge.netmf(DIM, noise=1.0).set_params(start=LogProximity(10), length="one on average", scale=1.0)
    expected = of_mean_one(left_factors(log_proximity(dense(ge.load("karate")), 10), DIM), ge.load("karate"))
    np.testing.assert_allclose(gram(paper.fit_transform(ge.load("karate"))), gram(expected), atol=1e-3)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("start", [Adjacency, LogProximity])
def test_sizes_count_to_a_power(graph, start, power):
    M = symmetric(dense(graph)) if start is Adjacency else log_proximity(dense(graph), 1)
    found = Projection(start(power=power), DIM).fit(graph).embedding_
    np.testing.assert_allclose(gram(found), gram(of_mean_one(left_factors(M, DIM, power), graph)), atol=2e-3)


def test_scale_makes_all_vectors_longer(maker, graph):
    one, three = maker().set_params(scale=1.0).fit(graph), maker().set_params(scale=3.0).fit(graph)
    np.testing.assert_allclose(three.embedding_.values, 3 * one.embedding_.values, rtol=1e-5, atol=1e-6)
    stranger = renamed(graph, graph.names[0])
    np.testing.assert_allclose(three.transform(stranger).values, 3 * one.transform(stranger).values, atol=1e-5)


@pytest.mark.parametrize("start", [Adjacency(), Adjacency(False), LogProximity(3), LogProximity(1, noise=0.5)])
def test_vectors_are_rows_of_the_proximity_times_the_table(start):
    A = dense(ge.load("karate"))
    if isinstance(start, LogProximity):
        M = log_proximity(A, start.window, start.negatives, start.noise)
    else:
        M = symmetric(A) if start.normalised else A
    encoder = Projection(start, DIM).fit(ge.load("karate"))
    np.testing.assert_allclose(encoder.embedding_.values, M @ encoder.table_, atol=1e-5)
    size = np.linalg.svd(M)[1][:DIM]
    lengths = np.linalg.norm(encoder.table_, axis=0)
    np.testing.assert_allclose(lengths / lengths[0], np.sqrt(size[0] / size), rtol=1e-4)


def test_some_columns_of_the_matrix_are_columns_of_the_matrix(graph):
    known = Known.of(graph)
    start = LogProximity(4, columns=15)
    found, whole = start.matrix(known, seed=3), log_proximity(dense(graph), 4)
    place = start._chosen(known, 3)
    assert len(set(place)) == 15
    np.testing.assert_allclose(found, whole[:, place], atol=1e-4)
    assert set(place) != set(start._chosen(known, 4))


def test_columns_are_drawn_in_proportion_to_the_root_of_the_degree():
    star = Known.of(as_graph(nx.star_graph(9)))
    hub = [0 in LogProximity(2, columns=1)._chosen(star, seed) for seed in range(2000)]
    assert np.mean(hub) == pytest.approx(3 / 12, abs=4 * np.sqrt(0.25 * 0.75 / 2000))


def test_some_columns_are_almost_as_good_as_all():
    blocks = as_graph(nx.planted_partition_graph(4, 100, 0.2, 0.01, seed=1))
    whole, some = (unit(np.array(Projection(LogProximity(5, columns=c), 4).fit_transform(blocks))) for c in (400, 100))
    same = np.repeat(np.arange(4), 100)[:, None] == np.repeat(np.arange(4), 100)
    for z in (whole, some):
        assert gram(z)[same].mean() > gram(z)[~same].mean() + 0.6


@pytest.mark.parametrize("steps", [(1.0,), (0.0, 0.0, 1.0), (0.5, -2.0, 0.0, 3.0)])
@pytest.mark.parametrize("degree", [0.0, 0.5, 0.75, 1.0])
def test_steps_are_the_weighted_powers_of_the_paper(graph, steps, degree):
    A = dense(graph)
    S = inverse(A.sum(1), degree) @ A @ inverse(A.sum(1), 1 - degree)
    R = Random()(Known.of(graph), DIM, 5).astype(float)
    expected = sum(weight * np.linalg.matrix_power(S, k) @ R for k, weight in enumerate(steps, 1))
    encoder = Projection(Random(), DIM, steps, degree, seed=5).fit(graph)
    np.testing.assert_allclose(encoder.embedding_.values, of_mean_one(expected, graph), atol=1e-4)
    other = Projection(Random(), DIM, steps, degree, seed=6).fit(graph).embedding_
    assert not np.allclose(encoder.embedding_.values, other.values)
    U, size, _ = np.linalg.svd(expected, full_matrices=False)
    balanced = Projection(Random(), DIM, steps, degree, balance=True, seed=5).fit(graph).embedding_
    np.testing.assert_allclose(gram(balanced), gram(of_mean_one(U * np.sqrt(size), graph)), atol=1e-3)


def test_fastrp_is_a_balanced_sum_of_three_and_four_steps():
    assert ge.fastrp(seed=4) .get_params(deep=False) == {
        "start": Random(), "dim": 128, "steps": (0.0, 0.0, 1.0, 8.0), "degree": 0.75, "balance": True,
        "length": "one on average", "scale": 1.0, "seed": 4,
    }  # fmt: skip


@pytest.mark.parametrize("iterations", [1, 2, 5])
def test_cleora_is_the_loop_of_the_paper(graph, iterations):
    A = dense(graph)
    z = Random()(Known.of(graph), DIM, 2).astype(float)
    before = None
    for _ in range(iterations):
        before = unit(z)
        z = unit(inverse(A.sum(1)) @ A @ before)
    found = ge.cleora(DIM, iterations=iterations, seed=2).fit(graph)
    np.testing.assert_allclose(found.embedding_.values, z, atol=1e-4)
    np.testing.assert_allclose(found.table_, before, atol=1e-4)


@pytest.mark.parametrize(("mu", "theta"), [(0.0, 2.0), (0.2, 0.5), (1.0, 1.0)])
def test_prones_filter_is_the_matrix_function(graph, mu, theta):
    A = dense(graph)
    values, vectors = np.linalg.eigh(symmetric(A))
    degree = np.where(A.sum(1) > 0, A.sum(1), 1)
    passed = values * (1 - np.exp(-((1 - values - mu) ** 2 - 1) * theta / 2))
    function = np.diag(degree**-0.5) @ vectors @ np.diag(passed) @ vectors.T @ np.diag(degree**0.5)
    filtered = function @ left_factors(log_proximity(A, 1, noise=0.75), DIM)
    U, size, _ = np.linalg.svd(filtered, full_matrices=False)
    found = ge.prone(DIM, order=12, mu=mu, theta=theta).fit_transform(graph)
    np.testing.assert_allclose(gram(found), gram(unit(U * np.sqrt(size))), atol=2e-3)


def test_the_default_order_of_prone_is_enough():
    S = np.linspace(-1, 1, 201)
    exact = S * (1 - np.exp(-((1 - S) ** 2 - 1)))
    steps = ge.prone().steps
    assert len(steps) == 10
    assert np.abs(sum(weight * S**k for k, weight in enumerate(steps, 1)) - exact).max() < 1e-3


@pytest.mark.parametrize("sparsity", [0.0, 1.0, 3.0, 10.0])
def test_random_vectors_have_the_moments_they_should(sparsity):
    ring = Known.of(as_graph(nx.cycle_graph(2000)))
    R = Random(sparsity)(ring, 64, 0).astype(float)
    assert abs(R.mean()) < 5 / np.sqrt(64 * R.size)
    assert 64 * (R**2).mean() == pytest.approx(1, abs=0.03)
    assert (R != 0).mean() == pytest.approx(1 / max(sparsity, 1), abs=0.01)
    cosine = gram(unit(R))[np.triu_indices(2000, 1)]
    assert cosine.std() == pytest.approx(1 / 8, rel=0.05)


@pytest.mark.parametrize("sparsity", [0.0, 1.0, 3.0])
def test_a_node_keeps_its_random_vector_when_others_follow(sparsity):
    few, many = (Random(sparsity)(Known.of(as_graph(nx.cycle_graph(nodes))), 6, 0) for nodes in (30, 50))
    np.testing.assert_array_equal(few, many[:30])


def test_factors_are_those_of_numpy():
    M = np.random.default_rng(0).normal(size=(60, 40)) * 0.8 ** np.arange(40)
    _, size, right = np.linalg.svd(M)
    for matrix in (M, sp.csr_array(M)):
        found = factors(matrix, 10, 0)
        np.testing.assert_allclose(found.size, size[:10], rtol=1e-5)
        assert subspace_angles(found.right, right[:10].T).max() < 1e-3
        assert (found.right[np.abs(found.right).argmax(0), np.arange(10)] > 0).all()


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("weighted", [False, True])
def test_one_step_is_a_matrix_product(kind, weighted):
    A = sp.random_array((50, 30), density=0.2, rng=np.random.default_rng(0), format="csr", dtype=np.float32)
    if not weighted:
        A.data[:] = 1
    rows = CSR(A.indptr.astype(np.int64), A.indices.astype(np.int32), A.data if weighted else np.empty(0, np.float32))
    x = np.random.default_rng(1).normal(size=(30, 7)).astype(kind)
    assert propagate(rows, x).dtype == kind
    np.testing.assert_allclose(propagate(rows, x), A.toarray() @ x, rtol=1e-4, atol=1e-5)


# ── laws ────────────────────────────────────────────────────────────────────────────────────────────


def test_projections_keep_the_contract(maker, graph):
    testing.assert_encoder_contract(maker(), graph)
    testing.assert_permutation_equivariant(maker().fit(graph), graph)


@pytest.mark.parametrize("network", [nx.gnp_random_graph(700, 0.02, seed=2), nx.barabasi_albert_graph(600, 3, seed=1)])
def test_the_same_seed_gives_the_same_bits_on_any_number_of_threads(maker, network):
    testing.assert_deterministic(maker().set_params(dim=32), as_graph(network), (1, 2, 8))


@pytest.mark.parametrize("name", CLOSED)
def test_closed_forms_do_not_depend_on_the_seed(name, graph):
    one, other = (MAKERS[name](seed=seed).fit_transform(graph).values for seed in (0, 1))
    np.testing.assert_allclose(one, other, atol=2e-3)


def test_the_order_of_the_nodes_does_not_matter_to_closed_forms(graph):
    for name in CLOSED:
        one, other = MAKERS[name]().fit_transform(graph), MAKERS[name]().fit_transform(testing.permuted(graph))
        np.testing.assert_allclose(gram(one), gram(other[graph.names]), atol=2e-3)


def test_directions_are_added_up_and_loops_left_out(maker):
    for graph in (directed(), looped()):
        A = sp.csr_array(np.triu(dense(graph)))
        ends = A.tocoo()
        plain = Graph.from_edges(ends.row, ends.col, ends.data, nodes=graph.num_nodes)
        np.testing.assert_allclose(maker().fit_transform(graph).values, maker().fit_transform(plain).values, atol=1e-4)


def test_the_unit_of_weights_does_not_matter(maker):
    lesmis = ge.load("lesmis")
    ends, weight = lesmis.pairs.T, np.array([weights_of(lesmis)[u, v] for u, v in lesmis.pairs.tolist()])
    one, other = (maker().fit_transform(Graph.from_edges(*ends, weight * unit)).values for unit in (1, 1e-12))
    np.testing.assert_allclose(one, other, atol=1e-4)


SHAPES = {
    "a single edge": nx.path_graph(2),
    "two pairs": nx.Graph([(0, 1), (2, 3)]),
    "many pairs": nx.Graph([(2 * k, 2 * k + 1) for k in range(20)]),
    "a star": nx.star_graph(30),
    "a clique": nx.complete_graph(20),
    "a path": nx.path_graph(40),
    "a triangle and three alone": nx.Graph([(0, 1), (1, 2), (2, 0)]),
    "two sides": nx.complete_bipartite_graph(5, 9),
    "an arrow": nx.DiGraph([(0, 1)]),
    "weights far apart": nx.Graph([(0, 1, {"weight": 1e30}), (1, 2, {"weight": 1e-30}), (2, 3, {"weight": 1.0})]),
    "heavy": nx.Graph([(u, v, {"weight": 3e37}) for u, v in nx.complete_graph(12).edges]),
}
SHAPES["a triangle and three alone"].add_nodes_from([3, 4, 5])


@pytest.mark.parametrize("network", SHAPES.values(), ids=SHAPES)
def test_vectors_are_finite_and_zero_for_nodes_without_an_edge(maker, network):
    z = maker().fit_transform(network)
    assert z.shape == (len(network), DIM)
    assert np.isfinite(z.values).all()
    length = np.linalg.norm(z.values, axis=1)
    alone = np.array([degree == 0 for _, degree in network.degree])
    assert not length[alone].any()


@pytest.mark.parametrize("name", ["spectral", "adjacency", "netmf, one step", "prone"])
def test_graphs_smaller_than_the_vectors_get_zeros_behind(name):
    z = MAKERS[name]().fit_transform(nx.path_graph(3)).values
    assert not z[:, 3:].any()
    assert z[:, 0].all()


def test_twins_get_the_same_vector(maker):
    network = nx.les_miserables_graph()
    for partner in ("Valjean", "Javert", "Cosette"):
        network.add_edge("P1", partner, weight=2)
        network.add_edge("P2", partner, weight=2)
    z = maker().fit_transform(network)
    np.testing.assert_allclose(z["P1"], z["P2"], atol=1e-5)
    assert np.abs(z["P1"] - z["Gavroche"]).max() > 1e-2


@pytest.mark.parametrize("name", ["spectral", "adjacency", "netmf", "netmf, one step"])
def test_components_have_nothing_in_common(name):
    one, other = nx.gnp_random_graph(20, 0.4, seed=1), nx.gnp_random_graph(15, 0.5, seed=2)
    z = MAKERS[name]().fit_transform(nx.disjoint_union(one, other)).values
    assert np.abs(z[:20] @ z[20:].T).max() < 1e-3


def test_what_no_factor_reaches_gets_the_zero_vector_not_noise_of_length_one():
    large, small = nx.complete_graph(9), nx.path_graph(2)
    z = ge.spectral(1, normalised=False).set_params(length="one").fit_transform(nx.disjoint_union(large, small)).values
    np.testing.assert_allclose(np.abs(z[:9]), 1)
    assert not z[9:].any()


def test_where_walks_find_nothing_above_chance_all_vectors_are_zero():
    assert not MAKERS["netmf"]().fit_transform(nx.path_graph(2)).values.any()


# ── nodes that join later ───────────────────────────────────────────────────────────────────────────


def renamed(graph, old, new="new"):
    """The same graph in which a known node is a stranger."""
    return Graph(graph.data, tuple(new if name == old else name for name in graph.names), graph.directed)


def placed(encoder, graph, name):
    """Where a stranger with a known node's edges goes: at its vector or, of one length, halfway to its neighbours."""
    z = encoder.transform(graph)
    if encoder.length == "one on average":
        return z[name]
    row = graph.row[name]
    near = Known.of(graph).adjacency.toarray()[row]
    near[row] = 0
    moved = z[name] + near @ z.values / near.sum()
    return moved / max(np.linalg.norm(moved), 1e-30) * encoder.scale


def test_a_known_node_that_leaves_and_comes_back_lands_where_it_belongs(maker, graph):
    encoder = maker().fit(graph)
    z = encoder.transform(graph)
    for name in graph.names[:: max(1, graph.num_nodes // 6)]:
        back = encoder.transform(renamed(graph, name))
        np.testing.assert_allclose(back["new"], placed(encoder, graph, name), atol=1e-5)
        others = [other for other in graph.names if other != name]
        assert np.array_equal(back[others].values, z[others].values)


def test_a_newcomer_needs_only_its_own_edges(maker):
    lesmis = ge.load("lesmis")
    encoder = maker().fit(lesmis)
    network = nx.Graph()
    for u, v in lesmis.pairs.tolist():
        if "Cosette" in (lesmis.names[u], lesmis.names[v]):
            other = lesmis.names[u] if lesmis.names[v] == "Cosette" else lesmis.names[v]
            network.add_edge("new", other, weight=weights_of(lesmis)[u, v])
    found = encoder.transform(network)
    np.testing.assert_allclose(found["new"], placed(encoder, lesmis, "Cosette"), atol=1e-5)


def test_newcomers_do_not_look_at_each_other(maker):
    karate = nx.relabel_nodes(nx.karate_club_graph(), str)
    nx.set_edge_attributes(karate, 1, "weight")
    encoder = maker().fit(karate)
    karate.add_edge("ann", "3", weight=1)
    alone = encoder.transform(karate)
    karate.add_edges_from([("bob", "3"), ("bob", "7"), ("ann", "bob")], weight=1)
    both = encoder.transform(karate)
    np.testing.assert_allclose(alone["ann"], both["ann"], atol=1e-6)
    assert np.linalg.norm(both["bob"]) > 0


def test_those_further_out_get_the_mean_of_those_before(maker):
    karate = nx.relabel_nodes(nx.karate_club_graph(), str)
    encoder = maker().fit(karate)
    karate.add_edges_from([("ann", "3"), ("ann", "8"), ("bob", "30")], weight=1)
    karate.add_weighted_edges_from(
        [("cy", "ann", 3), ("cy", "bob", 1), ("dee", "cy", 1), ("dee", "eve", 5), ("eve", "cy", 1)]
    )
    z = encoder.transform(karate)
    cy = (3 * z["ann"] + z["bob"]) / 4
    length = 1 if encoder.length == "one on average" else np.linalg.norm(cy) / encoder.scale
    np.testing.assert_allclose(z["cy"], cy / length, atol=1e-5)
    np.testing.assert_allclose(z["dee"], z["cy"], atol=1e-5)
    np.testing.assert_allclose(z["eve"], z["cy"], atol=1e-5)


def test_newcomers_without_a_path_to_anyone_known_are_named(maker):
    encoder = maker().fit(nx.path_graph(4))
    strangers = nx.Graph([("a", "b"), ("0", "c")])
    strangers.add_node("d")
    message = (
        r"3 nodes were not in the graph this projection was fitted on .*'a', 'b', 'd'; fit it on a graph that holds"
    )
    with pytest.raises(UnknownNameError, match=message):
        encoder.transform(strangers)
    with pytest.raises(UnknownNameError, match="2 nodes"):
        encoder.transform(nx.Graph([("a", "b")]))


def test_a_newcomer_linked_to_a_node_without_edges_gets_the_zero_vector(maker):
    network = nx.path_graph(5)
    network.add_node(9)
    z = maker().fit(network).transform(nx.Graph([("9", "new")]))
    assert not z.values.any()


def test_rings_follow_paths_in_both_directions():
    arrows = Graph.from_edges([0, 2, 2, 4], [1, 1, 3, 3], names=["k", "a", "b", "c", "d"], directed=True)
    assert [ring.tolist() for ring in rings({"k": 0, "gone": 1}, arrows, "x", "y")] == [[1], [2], [3], [4]]
    assert [ring.tolist() for ring in rings({"k": 0, "c": 1}, arrows, "x", "y")] == [[1, 2, 4]]
    assert rings(arrows.row, arrows, "x", "y") == []


# ── edges that come later ───────────────────────────────────────────────────────────────────────────


def test_where_no_edge_is_new_nothing_moves(maker):
    karate = ge.load("karate")
    encoder = maker().fit(karate)
    before, table = encoder.embedding_, encoder.table_
    known = nx.Graph([tuple(karate.names[row] for row in karate.pairs[0])])
    report = encoder.update(known)
    assert list(report.columns) == ["name", "moved", "cosine"]
    assert sorted(report["name"]) == sorted(karate.names)
    assert report["moved"].max() < 1e-5
    there = np.linalg.norm(before[report["name"].tolist()].values, axis=1) > 0
    np.testing.assert_allclose(report["cosine"], there, atol=1e-5)
    np.testing.assert_allclose(encoder.embedding_.values, before.values, atol=1e-5)
    np.testing.assert_allclose(encoder.table_, table, atol=1e-5 * np.abs(table).max())


def test_an_update_is_a_new_fit_turned(maker):
    karate = ge.load("karate")
    extra = nx.Graph([("1", "10"), ("16", "new"), ("new", "newer"), ("a", "b")])
    encoder, fresh = maker().fit(karate), maker()
    before = encoder.embedding_
    report = encoder.update(extra)
    whole = fresh.fit(union(karate, as_graph(extra))).embedding_
    z = encoder.embedding_
    assert z.names == whole.names == (*karate.names, "new", "newer", "a", "b")
    np.testing.assert_allclose(gram(z), gram(whole), atol=1e-4)
    assert z.source == whole.source
    # no turn brings known nodes nearer: not none, and not a random one
    old, new = before.values.astype(float), z[before.names].values.astype(float)
    away = ((new - old) ** 2).sum()
    assert away < ((whole[before.names].values - old) ** 2).sum() + 1e-4
    for seed in range(5):
        turn = np.linalg.qr(np.eye(DIM) + 0.1 * np.random.default_rng(seed).normal(size=(DIM, DIM)))[0]
        assert away < ((new @ turn - old) ** 2).sum()
    for name, moved, cosine in report.itertuples(index=False):
        a, b = before[name].astype(float), z[name].astype(float)
        if not a.any():
            assert (moved, cosine) == (np.inf if b.any() else 0, 0)
            continue
        assert moved == pytest.approx(np.linalg.norm(b - a) / np.linalg.norm(a), abs=1e-5)
        assert cosine == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b), abs=1e-5)
    assert (np.diff(report["moved"]) <= 0).all()


def test_newcomers_after_an_update_land_among_the_turned(maker):
    karate = ge.load("karate")
    encoder = maker().fit(karate)
    encoder.update(nx.Graph([("1", "10"), ("16", "new"), ("33", "new")]))
    for name in ("5", "new"):
        back = encoder.transform(renamed(encoder.graph_, name, "back"))
        np.testing.assert_allclose(back["back"], placed(encoder, encoder.graph_, name), atol=1e-5)


def test_a_second_update_adds_to_the_first(maker):
    karate, one, two = ge.load("karate"), nx.Graph([("1", "10")]), nx.Graph([("4", "new")])
    twice, once = maker().fit(karate), maker().fit(karate)
    twice.update(one)
    twice.update(two)
    once.update(nx.compose(one, two))
    assert twice.embedding_.names == once.embedding_.names
    np.testing.assert_allclose(gram(twice.embedding_), gram(once.embedding_), atol=1e-4)


@pytest.mark.parametrize("name", ["spectral", "adjacency", "netmf", "netmf, one step", "fastrp", "cleora"])
def test_what_is_far_from_new_edges_does_not_turn(name):
    far, near = nx.gnp_random_graph(12, 0.5, seed=1), nx.gnp_random_graph(12, 0.5, seed=2)
    encoder = MAKERS[name]().set_params(dim=24).fit(nx.disjoint_union(far, near))
    report = encoder.update(nx.Graph([("12", "new"), ("15", "new"), ("13", "new")])).set_index("name")
    least = report["cosine"][[str(node) for node in range(12)]].min()
    assert least > (0.95 if name == "fastrp" else 0.99)
    assert report["moved"][["12", "13", "15"]].max() > report["moved"][[str(node) for node in range(12)]].max()


def test_an_update_needs_the_length_it_was_fitted_with(maker):
    encoder = maker().fit(nx.path_graph(4)).set_params(dim=DIM + 1)
    with pytest.raises(ValueError, match="vectors of length 8 cannot be updated when dim is 9: fit anew"):
        encoder.update(nx.Graph([(0, 3)]))


# ── what is refused ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"dim": 0}, "dim=0"),
        ({"degree": 1.5}, "degree=1.5"),
        ({"steps": (1.0, float("nan"))}, "steps=.*nan"),
        ({"length": "two"}, "length must be one of 'one on average', 'one', 'one in each step', got 'two'"),
        ({"scale": 0.0}, r"scale must be positive, got 0\.0"),
        ({"start": Random(), "steps": ()}, "random vectors know nothing of the graph: give steps"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        ge.prone().set_params(**wrong).fit(ge.load("karate"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LogProximity(window=0), "window=0"),
        (lambda: LogProximity(negatives=0.0), r"negatives=0\.0"),
        (lambda: LogProximity(noise=-1.0), r"noise=-1\.0"),
        (lambda: LogProximity(columns=0), "columns=0"),
        (lambda: LogProximity(power=float("inf")), "power must be finite, got inf"),
        (lambda: Adjacency(power=float("nan")), "power must be finite, got nan"),
        (lambda: Random(sparsity=0.5), r"sparsity .* got 0\.5"),
        (lambda: ge.cleora(iterations=0), "iterations"),
        (lambda: ge.prone(order=0), "order"),
    ],
)
def test_parts_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_graph_without_edges_between_nodes_is_refused(maker):
    with pytest.raises(DataError, match="a projection needs edges between nodes"):
        maker().fit(nx.Graph([(0, 0)]))
