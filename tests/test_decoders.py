"""Decoders and `Hops` give what dense matrices, sets and loops give, and see pairs the same way from both ends."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from graphembed.nn.aggregate import Rows
from graphembed.nn.decoders import CommonNeighbours, CompletedNeighbours, Hadamard, Signatures, at_distance_two
from graphembed.nn.hops import Hops, orthogonal
from graphembed.training import seeded
from tests.reference import joint as reference

few = settings(max_examples=25, deadline=None)
DIM, SIDE = 5, 3
DECODERS = {
    "hadamard": Hadamard,
    "linear": lambda *given: Hadamard(*given, layers=1),
    "ncn": CommonNeighbours,
    "ncnc": CompletedNeighbours,
    "mplp": Signatures,
    "mplp+": lambda *given: Signatures(*given, walks=True),
}


def adjacency(nodes=14, density=0.3, seed=0):
    """A random symmetric matrix of ones without loops."""
    upper = np.triu(np.random.default_rng(seed).random((nodes, nodes)) < density, 1)
    return (upper | upper.T).astype(float)


def rows_of(edge):
    target, source = np.nonzero(edge)
    return Rows.of(torch.from_numpy(np.stack([source, target])), None, targets=len(edge), sources=len(edge))


def all_pairs(nodes):
    return np.array([(u, v) for u in range(nodes) for v in range(nodes) if u != v])


def columns(pairs):
    return torch.from_numpy(np.ascontiguousarray(np.asarray(pairs, np.int64).T))


def vectors(nodes=14, seed=1):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(nodes, DIM))).float()


def make(name, side=0):
    with seeded(3):
        return DECODERS[name](DIM, side).eval()


def read_out(decoder, h):
    """What the network at the end of a decoder makes of numpy vectors."""
    return decoder.readout(torch.from_numpy(h).float(), None).detach().numpy()


@st.composite
def matrices(draw):
    return adjacency(draw(st.integers(2, 12)), draw(st.sampled_from([0.1, 0.3, 0.7, 1.0])), draw(st.integers(0, 10**6)))


# ── hops ────────────────────────────────────────────────────────────────────────────────────────────


def hops_case(**more):
    edge, rng = adjacency(), np.random.default_rng(2)
    x = rng.normal(size=(len(edge), 6)) * (rng.random((len(edge), 6)) < more.pop("filled", 1.0))
    with seeded(0):
        module = Hops(6, 4, **more).double()
    return module, torch.from_numpy(x), torch.from_numpy(np.stack(np.nonzero(edge))), edge


@pytest.mark.parametrize("filled", [1.0, 0.1])
@pytest.mark.parametrize("start", ["restart", "katz", "even", "last"])
@pytest.mark.parametrize("steps", [0, 1, 2, 20])
def test_hops_are_powers_of_a_dense_matrix(start, steps, filled):
    module, x, edges, edge = hops_case(start=start, steps=steps, filled=filled)
    weight, bias = (value.detach().numpy() for value in (module.enter.weight.T, module.enter.bias))
    expected = reference.hops(x.numpy(), edge, weight, bias, module.beta.detach().numpy())
    np.testing.assert_allclose(module.eval()(x, edges).detach().numpy(), expected, atol=1e-10)


@pytest.mark.parametrize("filled", [1.0, 0.1])
def test_hops_have_the_gradient_of_their_formula(filled):
    module, x, edges, _ = hops_case(steps=3, filled=filled)
    module.eval()

    def of_parameters(weight, bias, beta):
        return torch.func.functional_call(
            module, {"enter.weight": weight, "enter.bias": bias, "beta": beta}, (x, edges)
        )

    given = [value.detach().requires_grad_() for value in (module.enter.weight, module.enter.bias, module.beta)]
    assert torch.autograd.gradcheck(of_parameters, given)


def test_hops_start_where_their_paper_says():
    starts = ("restart", "katz", "even", "last")
    found = {start: hops_case(steps=3, start=start, alpha=0.5)[0].beta.tolist() for start in starts}
    assert found == {
        "restart": [0.5, 0.25, 0.125, 0.125],
        "katz": [1, 0.5, 0.25, 0.125],
        "even": [0.25] * 4,
        "last": [0, 0, 0, 1],
    }


def test_hops_of_permuted_nodes_are_permuted():
    module, x, edges, _ = hops_case(steps=5)
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(x)))
    place = order.argsort()
    torch.testing.assert_close(module.eval()(x[order], place[edges]), module(x, edges)[order])


def test_features_are_hidden_in_training_only_and_make_up_for_it_on_average():
    module, x, edges, _ = hops_case(steps=1, dropout=0.5, filled=0.2)
    whole = module.eval()(x, edges).detach()
    module.train()
    with seeded(0), torch.no_grad():
        drawn = torch.stack([module(x, edges) for _ in range(400)])
    assert drawn.std(dim=0).max() > 0.1
    torch.testing.assert_close(drawn.mean(dim=0), whole, atol=0.25, rtol=0)


def test_features_that_were_changed_in_place_are_read_anew():
    module, x, edges, _ = hops_case(filled=0.1, steps=1)
    before = module.eval()(x, edges)
    x.zero_()[0, 0] = 3.0
    dense = module(x.clone().requires_grad_(), edges)  # what needs a gradient is not taken for sparse
    torch.testing.assert_close(module(x, edges), dense)
    assert not torch.allclose(before, dense)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"start": "page rank"}, "start must be one of 'restart', 'katz', 'even', 'last', got 'page rank'"),
        ({"steps": -1}, "steps must be at least 0"),
        ({"alpha": 1.0}, "alpha between 0 and 1"),
        ({"dropout": 1.0}, "dropout at least 0 and below 1"),
    ],
)
def test_hops_out_of_range_are_refused(more, message):
    with pytest.raises(ValueError, match=message):
        Hops(3, 3, **more)


@pytest.mark.parametrize("nodes", [3, 8, 50])
def test_learned_inputs_start_with_orthogonal_columns_or_rows(nodes):
    with seeded(0):
        table = nn.Embedding(nodes, 8)
        orthogonal(table)
    z = table.weight.detach()
    product = z.T @ z if nodes >= 8 else z @ z.T
    torch.testing.assert_close(product, torch.eye(len(product)) * max(nodes, 8) / 8, atol=1e-4, rtol=0)


# ── decoders ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("side", [0, SIDE])
def test_both_ends_see_a_pair_alike(name, side):
    edge, z, decoder = adjacency(), vectors(), make(name, side)
    pairs = all_pairs(len(edge))
    numbers = torch.randn(len(pairs), SIDE, generator=torch.Generator().manual_seed(0)) if side else None
    there, back = (decoder(z, columns(way), rows_of(edge), numbers) for way in (pairs, pairs[:, ::-1]))
    torch.testing.assert_close(there, back, atol=1e-5, rtol=1e-5)
    assert there.std() > 1e-3


@pytest.mark.parametrize("name", ["hadamard", "linear", "ncn"])  # others see what an edge does to nodes around it
def test_a_decoder_does_not_see_the_edge_of_the_pair_itself(name):
    edge, z, decoder = adjacency(density=0.5), vectors(), make(name)
    with_it, without_it = edge.copy(), edge.copy()
    with_it[2, 5] = with_it[5, 2] = 1
    without_it[2, 5] = without_it[5, 2] = 0
    scores = [decoder(z, columns([(2, 5)]), rows_of(matrix)) for matrix in (with_it, without_it)]
    torch.testing.assert_close(*scores)


@pytest.mark.parametrize("name", ["hadamard", "linear", "ncn", "ncnc"])
def test_scores_of_permuted_nodes_are_the_same(name):
    edge, z, decoder = adjacency(), vectors(), make(name)
    order = np.random.default_rng(0).permutation(len(edge))
    pairs = all_pairs(len(edge))
    moved = decoder(z[order], columns(np.argsort(order)[pairs]), rows_of(edge[np.ix_(order, order)]))
    torch.testing.assert_close(moved, decoder(z, columns(pairs), rows_of(edge)), atol=1e-5, rtol=1e-5)


@given(matrices())
@few
def test_ncn_adds_up_the_common_neighbours(edge):
    z, pairs, decoder = vectors(len(edge)), all_pairs(len(edge)), make("ncn")
    product = z.numpy()[pairs[:, 0]] * z.numpy()[pairs[:, 1]]
    expected = read_out(decoder, np.concatenate([product, reference.common_sum(z.numpy(), edge, pairs)], axis=1))
    found = decoder(z, columns(pairs), rows_of(edge)).detach().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)


@given(matrices())
@few
def test_ncnc_completes_with_the_chances_of_ncn(edge):
    z, pairs, decoder = vectors(len(edge)), all_pairs(len(edge)), make("ncnc")
    inner = decoder.network(z, columns(pairs), rows_of(edge)).detach().numpy()
    score = {tuple(pair): value for pair, value in zip(pairs.tolist(), inner, strict=True)}
    completed = reference.completed_sum(z.numpy(), edge, pairs, lambda a, k: 1 / (1 + np.exp(2.0 - score[int(a), k])))
    product = z.numpy()[pairs[:, 0]] * z.numpy()[pairs[:, 1]]
    expected = read_out(decoder.network, np.concatenate([product, completed], axis=1))
    found = decoder(z, columns(pairs), rows_of(edge)).detach().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_ncn_has_the_gradient_of_its_formula():
    edge, decoder = adjacency(8, 0.6), make("ncn").double()
    z = vectors(8).double().requires_grad_()
    pairs = columns(all_pairs(8)[::5])
    assert torch.autograd.gradcheck(lambda table: decoder(table, pairs, rows_of(edge)), [z])


@given(matrices())
@few
def test_nodes_at_distance_two_are_those_of_shortest_paths(edge):
    rows = at_distance_two(rows_of(edge))
    found = rows.sum(torch.eye(len(edge))).numpy()
    np.testing.assert_array_equal(found, reference.distances(edge) == 2)


@pytest.mark.parametrize(("walks", "exact"), [(False, reference.shell_sums), (True, reference.walk_sums)])
def test_estimates_of_counts_are_unbiased_and_as_exact_as_said(walks, exact):
    edge = adjacency(12, 0.25, seed=4)
    pairs = all_pairs(12)
    weight = np.random.default_rng(0).random(12) + 0.5
    asked = columns(pairs), rows_of(edge), torch.from_numpy(weight)
    with seeded(0):
        counts = np.stack([
            Signatures(DIM, size=64, walks=walks, seed=seed).counts(*asked).numpy() for seed in range(400)
        ])  # fmt: skip
        larger = Signatures(DIM, size=64 * 256, walks=walks).counts(*asked).numpy()
    expected = exact(edge, pairs, weight)
    assert expected.max(axis=0).min() > 1
    error = counts.std(axis=0) / np.sqrt(len(counts))
    assert (np.abs(counts.mean(axis=0) - expected) < 5 * error + 1e-9).all()
    assert (np.abs(larger - expected) < 6 * counts.std(axis=0) / 16 + 1e-6).all()


@pytest.mark.parametrize("name", ["mplp", "mplp+"])
def test_weights_of_nodes_in_between_are_learned(name):
    edge, decoder = adjacency(), make(name)
    decoder(vectors(), columns(all_pairs(14)), rows_of(edge)).sum().backward()
    assert all(value.grad is not None and value.grad.abs().sum() > 0 for value in decoder.weigh.parameters())


@pytest.mark.parametrize("name", DECODERS)
def test_nobody_is_asked_and_nobody_has_neighbours(name):
    empty = np.zeros((4, 4))
    decoder, z = make(name, SIDE), vectors(4)
    assert decoder(z, torch.empty(2, 0, dtype=torch.long), rows_of(empty), torch.empty(0, SIDE)).shape == (0,)
    assert torch.isfinite(decoder(z, columns([(0, 3)]), rows_of(empty), torch.zeros(1, SIDE))).all()
