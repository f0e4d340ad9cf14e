"""One loop trains everything: it learns, repeats itself bit by bit, and leaves no trace outside."""

import dataclasses as dc

import networkx as nx
import numpy as np
import pytest
import torch
from torch import nn
from torch_geometric.data import Data
from torch_geometric.nn import GCNConv, SAGEConv

from graphembed.graph import Graph, as_graph
from graphembed.nn.gnn import GNN, NodeTable
from graphembed.objectives import LinkReconstruction, Objective
from graphembed.parallel import one_thread, threads
from graphembed.training import seeded, train


@pytest.fixture(scope="module")
def karate():
    data = as_graph(nx.karate_club_graph()).data
    x = torch.tensor(np.random.default_rng(0).normal(size=(34, 40))).float()
    return Graph(Data(edge_index=data.edge_index, x=x))


@pytest.fixture(params=[1, 2])
def torch_threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def fresh(conv=SAGEConv):
    with seeded(5):
        return GNN(conv, [64, 64], 32, in_channels=40, dropout=0.2)


def parameters(module):
    return torch.cat([value.detach().flatten() for value in module.parameters()])


@dc.dataclass(frozen=True)
class Bowl:
    """(w - 3)^2, in ``steps`` batches; ``noise`` is drawn, and at the ``fail``-th batch something goes wrong."""

    steps: int = 1
    noise: float = 0.0
    fail: tuple[int, float | Exception] | None = None
    seen: list[float] = dc.field(default_factory=list)

    def batches(self, graph):
        for _ in range(self.steps):
            yield Data(x=graph.data.x)

    def loss(self, module, batch):
        value = ((module.weight - 3) ** 2).sum() + self.noise * torch.rand(())
        self.seen.append(value.item())
        if self.fail and len(self.seen) == self.fail[0]:
            if isinstance(self.fail[1], Exception):
                raise self.fail[1]
            return value * self.fail[1]
        return value


def one_weight():
    with seeded(0):
        module = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(module.weight)
    return module


# ── learning ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("conv", [SAGEConv, GCNConv])
def test_training_lowers_the_loss(karate, conv):
    losses = train(fresh(conv), karate, LinkReconstruction(), epochs=60, progress=False)
    assert len(losses) == 60
    assert losses[0] == pytest.approx(2 * np.log(2), abs=0.3)  # scores begin near 0
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


def test_the_minimum_of_a_bowl_is_found(karate):
    module = one_weight()
    losses = train(module, karate, Bowl(), epochs=300, lr=0.1, progress=False)
    assert module.weight.item() == pytest.approx(3, abs=0.01)
    assert losses[0] == 9


def test_losses_are_means_over_the_batches_of_an_epoch(karate):
    bowl = Bowl(steps=4)
    losses = train(one_weight(), karate, bowl, epochs=3, progress=False)
    assert losses == pytest.approx(np.reshape(bowl.seen, (3, 4)).mean(axis=1).tolist())


@pytest.mark.parametrize("epochs", [0, 1, 7])
def test_there_are_as_many_epochs_as_asked_for(karate, epochs):
    bowl = Bowl()
    assert len(train(one_weight(), karate, bowl, epochs=epochs, progress=False)) == len(bowl.seen) == epochs


def test_weight_decay_pulls_towards_zero(karate):
    light, heavy = one_weight(), one_weight()
    train(light, karate, Bowl(), epochs=300, lr=0.1, progress=False)
    train(heavy, karate, Bowl(), epochs=300, lr=0.1, weight_decay=2.0, progress=False)
    assert heavy.weight.item() == pytest.approx(1.5, abs=0.05)  # 2 (w - 3) + 2 w = 0
    assert light.weight.item() > heavy.weight.item() + 1


def test_a_trained_module_is_ready_for_use(karate):
    module = fresh()
    train(module, karate, LinkReconstruction(), epochs=1, progress=False)
    assert not any(part.training for part in module.modules())


# ── the same seed ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def large():
    """Large enough for torch to share its sums out among threads: on karate their order never changes."""
    data = as_graph(nx.gnp_random_graph(1000, 0.006, seed=1)).data
    x = torch.tensor(np.random.default_rng(0).normal(size=(1000, 300))).float()
    return Graph(Data(edge_index=data.edge_index, x=x))


def wide():
    with seeded(5):
        return GNN(SAGEConv, [128, 128], 64, in_channels=300, dropout=0.2)


@pytest.fixture(scope="module")
def expected(large):
    """What training gives on one thread."""
    module = wide()
    with one_thread():
        return train(module, large, LinkReconstruction(), epochs=5, seed=3, progress=False), parameters(module)


def test_the_same_seed_gives_the_same_bits_on_any_number_of_threads(large, expected, torch_threads):
    module = wide()
    losses = train(module, large, LinkReconstruction(), epochs=5, seed=3, progress=False)
    assert losses == expected[0]
    assert torch.equal(parameters(module), expected[1])
    assert torch.get_num_threads() == torch_threads


def test_another_seed_gives_another_result(large, expected):
    module = wide()
    losses = train(module, large, LinkReconstruction(), epochs=5, seed=4, progress=False)
    assert losses != expected[0]
    assert not torch.equal(parameters(module), expected[1])


def test_what_was_drawn_before_does_not_matter(karate):
    found = []
    for seed in (1, 2):
        with seeded(seed):
            found.append(train(one_weight(), karate, Bowl(noise=1.0), epochs=3, seed=9, progress=False))
    assert found[0] == found[1]


# ── no trace ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_nothing_global_moves_when_the_loss_raises(karate, torch_threads, noise):
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError, match="broken"):
        train(one_weight(), karate, Bowl(noise=noise, fail=(2, RuntimeError("broken"))), epochs=5, progress=False)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.get_num_threads() == torch_threads


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_is_refused(karate, value):
    before = torch.get_rng_state()
    with pytest.raises(FloatingPointError, match=rf"the loss is {value} in epoch 3: lower lr, now 0\.5"):
        train(one_weight(), karate, Bowl(noise=1.0, fail=(3, value)), epochs=5, lr=0.5, progress=False)
    assert torch.equal(before, torch.get_rng_state())


def test_the_graph_is_not_changed(karate):
    before = {key: value.clone() for key, value in karate.data.to_dict().items() if isinstance(value, torch.Tensor)}
    train(fresh(), karate, LinkReconstruction(), epochs=2, progress=False)
    after = {key: value for key, value in karate.data.to_dict().items() if isinstance(value, torch.Tensor)}
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_seeded_blocks_repeat_and_restore():
    before = torch.get_rng_state()
    with seeded(7):
        first = torch.rand(3)
        with seeded(8):
            torch.rand(5)
        second = torch.rand(3)
    assert torch.equal(before, torch.get_rng_state())
    with seeded(7):
        assert torch.equal(torch.cat([first, second]), torch.rand(6))


def test_seeded_restores_after_an_error():
    before = torch.get_rng_state()

    def fail():
        with seeded(7):
            torch.rand(3)
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        fail()
    assert torch.equal(before, torch.get_rng_state())


# ── threads ─────────────────────────────────────────────────────────────────────────────────────────


def counts():
    import numba
    from threadpoolctl import threadpool_info

    pools = {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}
    return numba.get_num_threads(), torch.get_num_threads(), pools


@pytest.mark.parametrize("count", [1, 2])
def test_one_knob_turns_all_threads_and_turns_them_back(count):
    before = counts()
    with threads(count):
        inside = counts()
    assert inside[:2] == (count, count)
    assert max(inside[2].values()) <= count
    assert counts() == before


def test_threads_are_turned_back_after_an_error(torch_threads):
    before = counts()

    def fail(block):
        with block:
            raise RuntimeError("broken")

    for block in (threads(1), one_thread()):
        with pytest.raises(RuntimeError, match="broken"):
            fail(block)
        assert counts() == before


def test_torch_and_blas_run_on_one_thread_where_sums_must_not_depend_on_it(torch_threads):
    before = counts()
    with one_thread():
        assert torch.get_num_threads() == 1
        assert counts()[0] == before[0], "numba's kernels do not need it"
    assert counts() == before


@pytest.mark.parametrize("count", [0, -1, 999])
def test_a_count_of_threads_that_cannot_be_is_refused(count):
    before = counts()
    with pytest.raises(ValueError, match=rf"threads must be between 1 and \d+ .*, got {count}"), threads(count):
        pass
    assert counts() == before


# ── link reconstruction ─────────────────────────────────────────────────────────────────────────────

GRAPHS = {
    "undirected": nx.karate_club_graph(),
    "directed": nx.gnp_random_graph(30, 0.1, seed=1, directed=True),
    "self-loops": nx.Graph([*nx.cycle_graph(12).edges, (3, 3), (5, 5)]),
    "dense": nx.complement(nx.Graph([(node, node + 1) for node in range(9)])),
}


def batches(graph, epochs, seed=0):
    with seeded(seed):
        return [batch for _ in range(epochs) for batch in LinkReconstruction().batches(graph)]


@pytest.mark.parametrize("network", GRAPHS.values(), ids=GRAPHS)
def test_labels_mark_the_edges_and_the_others_are_never_edges(network):
    graph = as_graph(network)
    row = {node: place for place, node in enumerate(network.nodes)}
    linked = {frozenset((row[u], row[v])) for u, v in network.edges if u != v}
    possible = graph.num_nodes * (graph.num_nodes - 1) // 2 - len(linked)
    edges = sum(u != v for u, v in network.edges)
    for batch in batches(graph, 5):
        pairs = [frozenset(pair) for pair in batch.edge_label_index.T.tolist()]
        yes = [pair for pair, label in zip(pairs, batch.edge_label.tolist(), strict=True) if label]
        no = [pair for pair, label in zip(pairs, batch.edge_label.tolist(), strict=True) if not label]
        assert set(yes) == linked
        assert len(yes) == edges
        assert linked.isdisjoint(no)
        assert all(len(pair) == 2 for pair in no)
        assert len(no) == len(set(no)) == min(edges, possible)
        assert torch.equal(batch.edge_index, graph.data.edge_index)


def test_unlinked_pairs_are_fresh_in_each_epoch():
    graph = as_graph(nx.karate_club_graph())
    first, second = (batch.edge_label_index[:, ~batch.edge_label] for batch in batches(graph, 2))
    assert not torch.equal(first, second)
    assert torch.equal(batches(graph, 1)[0].edge_label_index[:, 78:], first)
    assert not torch.equal(batches(graph, 1, seed=1)[0].edge_label_index[:, 78:], first)


def test_the_loss_is_that_of_the_scores_by_hand():
    graph = as_graph(nx.karate_club_graph())
    with seeded(0):
        module = NodeTable(GNN(GCNConv, [8], 4), 34, 6).eval()
        graph.data.x = torch.arange(34).view(-1, 1)
        (batch,) = LinkReconstruction().batches(graph)
        z = module(batch.x, batch.edge_index, batch.edge_weight).detach().double().numpy()
        found = LinkReconstruction().loss(module, batch).item()
    u, v = batch.edge_label_index.numpy()
    score = (z[u] * z[v]).sum(axis=1) / 2
    label = batch.edge_label.numpy()
    expected = np.log1p(np.exp(-score[label])).mean() + np.log1p(np.exp(score[~label])).mean()
    assert found == pytest.approx(expected, rel=1e-5)


def test_link_reconstruction_is_an_objective():
    assert isinstance(LinkReconstruction(), Objective)
    assert isinstance(Bowl(), Objective)
