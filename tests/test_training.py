"""One loop trains everything: it learns, repeats itself bit by bit, and leaves no trace outside."""

import dataclasses as dc
import os
import signal
import subprocess
import sys
import textwrap

import networkx as nx
import numpy as np
import pytest
import torch
from torch import nn
from torch_geometric.data import Data
from torch_geometric.nn import GCNConv, SAGEConv

from graphembed.errors import DataError
from graphembed.graph import Graph, as_graph
from graphembed.nn.gnn import GNN, NodeTable
from graphembed.objectives import Bootstrap, LinkReconstruction, MiniBatches, Objective, Triplets, VariationalLinks
from graphembed.parallel import one_thread, threads
from graphembed.training import History, Training, seeded, train


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


def losses_of(*arguments, **named):
    """Train without a bar; return the loss of each epoch."""
    return train(*arguments, **named, progress=False)[0].losses


def parameters(module):
    return torch.cat([value.detach().flatten() for value in module.parameters()])


@dc.dataclass(frozen=True)
class Lines:
    """Least squares on rows of a table, a few at a time, with dropout: what a step is depends on its rows and draws."""

    rows: int = 10
    size: int = 2
    stop: int | None = dc.field(default=None, repr=False)  # this process ends itself when it has seen so many batches
    seen: list[int] = dc.field(default_factory=list, repr=False)

    def prepare(self, encoder, graph):
        return nn.Linear(4, 1)

    def batches(self, graph, seed):
        rng = np.random.default_rng(seed)
        order = rng.permutation(self.rows)
        return [Data(x=graph.data.x[part].clone()) for part in np.array_split(order, -(-self.rows // self.size))]

    def loss(self, encoder, beside, batch):
        self.seen.append(len(batch.x))
        if self.stop is not None and len(self.seen) > self.stop:
            os.kill(os.getpid(), signal.SIGKILL)
        hidden = nn.functional.dropout(encoder(batch.x), 0.3, encoder.training)
        return ((beside(hidden)[:, 0] - batch.x.sum(dim=1)) ** 2).mean()

    def valid(self, encoder, beside, graph):
        return -float(((beside(encoder(graph.data.x))[:, 0] - graph.data.x.sum(dim=1)) ** 2).mean())


@dc.dataclass(frozen=True)
class Bowl:
    """(w - 3)^2, in ``steps`` batches; ``noise`` is drawn, and at the ``fail``-th batch something goes wrong."""

    steps: int = 1
    noise: float = 0.0
    fail: tuple[int, float | Exception] | None = None
    seen: list[float] = dc.field(default_factory=list, repr=False)

    def prepare(self, encoder, graph):
        return nn.Module()

    def batches(self, graph, seed):
        return [Data(x=graph.data.x)] * self.steps

    def loss(self, module, beside, batch):
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
    losses = losses_of(fresh(conv), karate, LinkReconstruction(), Training(epochs=60))
    assert len(losses) == 60
    assert losses[0] == pytest.approx(2 * np.log(2), abs=0.3)  # scores begin near 0
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


def test_the_minimum_of_a_bowl_is_found(karate):
    module = one_weight()
    losses = losses_of(module, karate, Bowl(), Training(epochs=300, lr=0.1))
    assert module.weight.item() == pytest.approx(3, abs=0.01)
    assert losses[0] == 9


def test_losses_are_means_over_the_batches_of_an_epoch(karate):
    bowl = Bowl(steps=4)
    losses = losses_of(one_weight(), karate, bowl, Training(epochs=3))
    assert losses == pytest.approx(np.reshape(bowl.seen, (3, 4)).mean(axis=1).tolist())


@pytest.mark.parametrize("epochs", [0, 1, 7])
def test_there_are_as_many_epochs_as_asked_for(karate, epochs):
    bowl = Bowl()
    assert len(losses_of(one_weight(), karate, bowl, Training(epochs=epochs))) == len(bowl.seen) == epochs


def test_weight_decay_pulls_towards_zero(karate):
    light, heavy = one_weight(), one_weight()
    losses_of(light, karate, Bowl(), Training(epochs=300, lr=0.1))
    losses_of(heavy, karate, Bowl(), Training(epochs=300, lr=0.1, weight_decay=2.0))
    assert heavy.weight.item() == pytest.approx(1.5, abs=0.05)  # 2 (w - 3) + 2 w = 0
    assert light.weight.item() > heavy.weight.item() + 1


def test_a_trained_module_is_ready_for_use(karate):
    module = fresh()
    losses_of(module, karate, LinkReconstruction(), Training(epochs=1))
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
        return losses_of(module, large, LinkReconstruction(), Training(epochs=5), seed=3), parameters(module)


def test_the_same_seed_gives_the_same_bits_on_any_number_of_threads(large, expected, torch_threads):
    module = wide()
    losses = losses_of(module, large, LinkReconstruction(), Training(epochs=5), seed=3)
    assert losses == expected[0]
    assert torch.equal(parameters(module), expected[1])
    assert torch.get_num_threads() == torch_threads


def test_another_seed_gives_another_result(large, expected):
    module = wide()
    losses = losses_of(module, large, LinkReconstruction(), Training(epochs=5), seed=4)
    assert losses != expected[0]
    assert not torch.equal(parameters(module), expected[1])


def test_what_was_drawn_before_does_not_matter(karate):
    found = []
    for seed in (1, 2):
        with seeded(seed):
            found.append(losses_of(one_weight(), karate, Bowl(noise=1.0), Training(epochs=3), seed=9))
    assert found[0] == found[1]


# ── steps, processes, kills ─────────────────────────────────────────────────────────────────────────


def table():
    x = torch.tensor(np.random.default_rng(0).normal(size=(10, 3))).float()
    return Graph(Data(edge_index=torch.tensor([[0, 1], [1, 0]]), x=x))


def narrow():
    with seeded(1):
        return nn.Linear(3, 4)


def test_two_batches_a_step_are_one_batch_of_both():
    """Without dropout, the mean of the gradients of two halves is the gradient of the whole."""
    whole, halves = narrow().eval(), narrow().eval()
    encoders = []
    for module, size, together in ((whole, 10, 1), (halves, 5, 2)):
        module.train = lambda mode=True, module=module: module  # keeps dropout off
        losses_of(module, table(), Lines(size=size), Training(epochs=20, lr=0.05, accumulate=together), seed=3)
        encoders.append(parameters(module))
    torch.testing.assert_close(*encoders, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(encoders[0], parameters(narrow()), atol=0.01)


def following(size, kind=Bootstrap):
    """Bootstrap on a ring of ten, half of it or all at a time; what is seen of a node does not depend on its batch."""
    ring = Graph(Data(edge_index=torch.tensor([range(10), [*range(1, 10), 0]]), x=table().data.x))
    nothing = {"edges": (0.0, 0.0), "features": (0.0, 0.0)}
    with seeded(1):
        module = GNN(SAGEConv, [4], 4, in_channels=3)
    return ring, module, kind(0.7, width=4, **nothing, sampled=MiniBatches((-1,), size))


class Watched(Bootstrap):
    """Remembers the encoder after each step."""

    def stepped(self, encoder, beside):
        super().stepped(encoder, beside)
        WATCHED.append(parameters(encoder).clone())


WATCHED = []


@pytest.mark.parametrize(("size", "together"), [(10, 1), (5, 2), (5, 1)])
def test_the_target_of_bootstrap_follows_once_a_step(size, together):
    graph, module, objective = following(size, Watched)
    expected = parameters(module).clone()
    WATCHED.clear()
    _, beside = train(module, graph, objective, Training(epochs=5, lr=0.05, accumulate=together), progress=False)
    assert len(WATCHED) == 5 * (10 // size) // together
    assert torch.equal(WATCHED[-1], parameters(module))
    for encoder in WATCHED:
        expected = 0.7 * expected + 0.3 * encoder
    torch.testing.assert_close(parameters(beside["target"]), expected)


def test_half_of_the_nodes_twice_a_step_are_all_of_them_once():
    found = []
    for size, together in ((10, 1), (5, 2)):
        graph, module, objective = following(size)
        _, beside = train(module, graph, objective, Training(epochs=5, lr=0.05, accumulate=together), progress=False)
        found.append((parameters(module), parameters(beside["target"])))
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(*found[0], atol=0.01), "the target is the encoder: how often it moved does not matter"


def test_patience_stops_and_returns_the_best():
    lines = Lines()
    module = narrow()
    history, beside = train(module, table(), lines, Training(epochs=500, lr=0.1, patience=5), progress=False)
    assert len(history.losses) == len(history.valid) < 500
    assert len(history.valid) - 1 - history.best == 5
    with torch.no_grad():
        assert lines.valid(module, beside, table()) == max(history.valid)


def test_patience_needs_an_objective_that_can_validate(karate):
    with pytest.raises(TypeError, match="valid"):
        losses_of(one_weight(), karate, Bowl(), Training(patience=3))


@pytest.mark.parametrize("kind", [LinkReconstruction, VariationalLinks, Triplets])
def test_links_stop_by_edges_held_out(kind):
    network = nx.planted_partition_graph(2, 40, 0.3, 0.02, seed=1)
    x = np.random.default_rng(0).normal(size=(80, 40))
    x[:40, :3] += 1  # what the first of two groups have in common
    graph, module = Graph(Data(edge_index=as_graph(network).data.edge_index, x=torch.tensor(x).float())), fresh()
    objective = kind(held_out=0.2)
    history, beside = train(module, graph, objective, Training(epochs=300, patience=5), progress=False)
    assert len(history.losses) == len(history.valid) < 300
    assert len(history.valid) - 1 - history.best == 5
    assert objective.valid(module, beside, graph) == max(history.valid) > 0.7


@pytest.mark.parametrize("kind", [LinkReconstruction, VariationalLinks, Triplets])
def test_patience_without_edges_held_out_is_refused_before_anything_is_learnt(karate, kind):
    module = fresh()
    before = parameters(module)
    with pytest.raises(ValueError, match=r"early stopping needs edges that are held out .*: set held_out=0\.1"):
        losses_of(module, karate, kind(), Training(epochs=5, patience=3))
    assert torch.equal(parameters(module), before)


def test_the_same_edges_are_held_out_after_a_resume(karate, tmp_path):
    def of(epochs, file):
        module = fresh()
        settings = Training(epochs=epochs, patience=9, checkpoint=file)
        history, _ = train(module, karate, LinkReconstruction(held_out=0.2), settings, progress=False)
        return history.losses, history.valid

    of(3, tmp_path / "run.safetensors")
    assert of(6, tmp_path / "run.safetensors") == of(6, None)


def test_batches_are_made_ahead_and_seen_in_their_order():
    lines = Lines(size=3)
    losses_of(narrow(), table(), lines, Training(epochs=2))
    assert lines.seen == [3, 3, 2, 2] * 2


SCRIPT = """
import sys
import torch
from tests.test_training import Lines, narrow, parameters, table
from graphembed.training import Training, train

stop, file, minutes = (None if word == "None" else eval(word) for word in sys.argv[1:4])
module = narrow()
history, _ = train(
    module, table(), Lines(stop=stop), Training(epochs=6, checkpoint=file, minutes=minutes, patience=4), seed=2,
    progress=False,
)
print(history.losses, history.valid, parameters(module).tolist())
"""


def process(*words):
    code = textwrap.dedent(SCRIPT)
    return subprocess.run([sys.executable, "-c", code, *map(repr, words)], capture_output=True, text=True, check=False)


def test_a_killed_run_goes_on_to_the_same_bits(tmp_path):
    """Five batches an epoch: the process kills itself in the middle of the third epoch."""
    file = str(tmp_path / "run.safetensors")
    quiet = process(None, None, 0.0)
    killed = process(12, file, 0.0)
    assert killed.returncode == -signal.SIGKILL
    assert os.path.exists(file)
    resumed = process(None, file, 0.0)
    assert resumed.stdout == quiet.stdout != ""
    assert process(None, file, 0.0).stdout == quiet.stdout, "a finished run is not trained again"


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    file = tmp_path / "run.safetensors"
    losses_of(narrow(), table(), Lines(), Training(epochs=1, checkpoint=file), seed=1)
    with pytest.raises(DataError, match="another run"):
        losses_of(narrow(), table(), Lines(), Training(epochs=1, checkpoint=file), seed=2)
    more = losses_of(narrow(), table(), Lines(), Training(epochs=3, checkpoint=file), seed=1)
    assert more == losses_of(narrow(), table(), Lines(), Training(epochs=3), seed=1)


def spread(case, **more):
    """The losses and parameters of a run: of one process with more than one batch a step, or of several."""
    graph, module, objective = (table(), narrow(), Lines()) if case == "lines" else following(3)
    history, beside = train(module, graph, objective, Training(epochs=4, lr=0.05, **more), seed=2, progress=False)
    values = torch.cat([parameters(module), parameters(beside)])
    return [round(loss, 5) for loss in history.losses], [round(value, 4) + 0.0 for value in values.tolist()]


WORKER = """
import sys
import torch.distributed as dist
from tests.test_training import spread

dist.init_process_group("gloo", init_method="file://" + sys.argv[1], rank=int(sys.argv[2]), world_size=2)
print([spread("lines"), spread("bootstrap")])
dist.destroy_process_group()
"""


def test_two_processes_give_the_numbers_of_one_with_twice_the_batches_a_step(tmp_path):
    """Five batches: in the last step of an epoch the second process has nothing to see. Or four, and a target."""
    command = [sys.executable, "-c", textwrap.dedent(WORKER), str(tmp_path / "meet")]
    workers = [subprocess.Popen([*command, str(rank)], stdout=subprocess.PIPE, text=True) for rank in range(2)]
    said = [worker.communicate(timeout=120)[0] for worker in workers]
    expected = str([spread("lines", accumulate=2), spread("bootstrap", accumulate=2)])
    assert said[0].strip() == said[1].strip() == expected


def test_bfloat16_multiplies_in_bfloat16_and_keeps_float32_parameters():
    module = narrow()
    exact = losses_of(narrow(), table(), Lines(), Training(epochs=1))
    assert losses_of(module, table(), Lines(), Training(epochs=1, bfloat16=True)) == pytest.approx(exact, rel=0.05)
    assert module.weight.dtype == torch.float32


def test_a_history_draws_its_curves():
    pytest.importorskip("matplotlib")
    ax = History([2.0, 1.5, 1.0], [0.1, 0.3, 0.2]).plot()
    assert ax.lines[0].get_ydata().tolist() == [2.0, 1.5, 1.0]
    assert ax.get_xlabel() == "epoch"


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": -1}, {"lr": 0.0}, {"accumulate": 0}, {"patience": 0}, {"minutes": -1.0}, {"weight_decay": -1.0}],
)
def test_settings_out_of_range_are_refused(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"{name}={value}"):
        Training(**wrong)


# ── no trace ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_nothing_global_moves_when_the_loss_raises(karate, torch_threads, noise):
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError, match="broken"):
        losses_of(one_weight(), karate, Bowl(noise=noise, fail=(2, RuntimeError("broken"))), Training(epochs=5))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.get_num_threads() == torch_threads


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_is_refused(karate, value):
    before = torch.get_rng_state()
    with pytest.raises(FloatingPointError, match=rf"the loss is {value} in epoch 3: lower lr, now 0\.5"):
        losses_of(one_weight(), karate, Bowl(noise=1.0, fail=(3, value)), Training(epochs=5, lr=0.5))
    assert torch.equal(before, torch.get_rng_state())


def test_the_graph_is_not_changed(karate):
    before = {key: value.clone() for key, value in karate.data.to_dict().items() if isinstance(value, torch.Tensor)}
    losses_of(fresh(), karate, LinkReconstruction(), Training(epochs=2))
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
    return [batch for epoch in range(epochs) for batch in LinkReconstruction().batches(graph, seed + epoch)]


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
        (batch,) = LinkReconstruction().batches(graph, 0)
        z = module(batch.x, batch.edge_index, batch.edge_weight).detach().double().numpy()
        found = LinkReconstruction().loss(module, nn.Module(), batch).item()
    u, v = batch.edge_label_index.numpy()
    score = (z[u] * z[v]).sum(axis=1) / 2
    label = batch.edge_label.numpy()
    expected = np.log1p(np.exp(-score[label])).mean() + np.log1p(np.exp(score[~label])).mean()
    assert found == pytest.approx(expected, rel=1e-5)


def test_link_reconstruction_is_an_objective():
    assert isinstance(LinkReconstruction(), Objective)
    assert isinstance(Bowl(), Objective)
