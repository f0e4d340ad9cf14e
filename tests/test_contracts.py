"""What every convolution and every objective keeps to: the lists are in tests/contracts.py.

Reordering nodes reorders vectors and changes nothing else. Graphs side by side do not feel each other. Isolated nodes,
a graph with one node, none, or no edges, a graph without features, and the smallest of batches give finite numbers or
are refused with a reason. Features that are not finite are refused, naming whose they are.
"""

import copy
import dataclasses as dc

import networkx as nx
import numpy as np
import pytest
import torch
from torch_geometric.data import Batch, Data
from torch_geometric.nn import GATConv, SAGEConv

import graphembed.objectives
from graphembed.encoders.inductive import Inductive
from graphembed.errors import DataError
from graphembed.graph import Graph
from graphembed.nn.gnn import GNN, NodeTable
from graphembed.objectives import (
    Contrast,
    LinkReconstruction,
    MaskedFeatures,
    MiniBatches,
    NodeClassification,
    Objective,
    Triplets,
    VariationalLinks,
    Weighted,
)
from graphembed.training import Training, seeded, train
from tests.contracts import (
    CONVS,
    KARATE,
    NO_EDGES,
    OBJECTIVES,
    STILL,
    TINY,
    WHOLE,
    Two,
    alone,
    featured,
    home,
    settle,
)
from tests.test_gnn import FEATURES, JUMPS, NODES, inputs, make

# Every convolution with one way of joining layers, and every way with two convolutions.
STACKS = {
    **{name: {"conv": conv} for name, conv in CONVS.items()},
    **{f"SAGE, {jump}": {"conv": SAGEConv, "jump": jump} for jump in JUMPS},
    **{f"GAT, {jump}": {"conv": GATConv, "jump": jump} for jump in JUMPS},
}
stacks = pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
objectives = pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
CUT = {name: one for name, one in OBJECTIVES.items() if not isinstance(one, WHOLE)}
ORDER = torch.tensor([3, 6, 0, 5, 1, 4, 2])  # of the nodes of `inputs`
DIRTY = pytest.mark.parametrize("value", [np.nan, np.inf])


def once(objective, graph, module=None, **more):
    """Train for an epoch or two; the history, the module and what is beside it."""
    if module is None:
        with seeded(0):
            module = Two()
    history, beside = train(module, graph, objective, Training(epochs=2, **more), progress=False)
    return history, module, beside


def dirty(graph, value):
    """The same graph, into whose features something crept after it was made."""
    spoilt = Graph(copy.copy(graph.data), [f"n{row}" for row in range(graph.num_nodes)])
    spoilt.data.x = graph.data.x.clone()
    spoilt.data.x[2, 1] = spoilt.data.x[3, 0] = value
    return spoilt


# ── convolutions ────────────────────────────────────────────────────────────────────────────────────


@stacks
def test_reordering_nodes_reorders_rows(stack):
    x, edge_index, weight = inputs()
    gnn = make(**stack)
    before = gnn(x, edge_index, weight)
    assert before.shape == (NODES, 4)
    assert before.std(dim=0).min() > 1e-4, "all nodes got the same vector: the test would hold for a constant"
    after = gnn(x[ORDER], torch.argsort(ORDER)[edge_index], weight)
    torch.testing.assert_close(after, before[ORDER], atol=1e-5, rtol=0)


@stacks
def test_reordering_edges_changes_nothing(stack):
    x, edge_index, weight = inputs()
    gnn = make(**stack)
    after = gnn(x, edge_index.flip(1), weight.flip(0))
    torch.testing.assert_close(after, gnn(x, edge_index, weight), atol=1e-5, rtol=0)


@stacks
def test_graphs_in_one_batch_do_not_feel_each_other(stack):
    x, edge_index, weight = inputs()
    gnn = make(**stack, norm="layer")
    graphs = [(x, edge_index, weight), (x[:4] + 1, edge_index[:, :5], weight[:5]), (x[:1], NO_EDGES, weight[:0])]
    batch = Batch.from_data_list([Data(x=x, edge_index=e, edge_weight=w) for x, e, w in graphs])
    alone = torch.cat([gnn(*graph) for graph in graphs])
    torch.testing.assert_close(gnn(batch.x, batch.edge_index, batch.edge_weight), alone, atol=1e-5, rtol=1e-5)


@stacks
@pytest.mark.parametrize("nodes", [1, 5])
def test_without_edges_a_node_is_what_it_would_be_alone(stack, nodes):
    gnn, x = make(**stack), inputs()[0][:nodes]
    together = gnn(x, NO_EDGES)
    assert together.shape == (nodes, 4)
    torch.testing.assert_close(together, torch.cat([gnn(row[None], NO_EDGES) for row in x]), atol=1e-6, rtol=0)


@stacks
def test_an_isolated_node_is_what_it_would_be_alone(stack):
    x, edge_index, weight = inputs()
    assert 6 not in edge_index
    gnn = make(**stack)
    alone = gnn(x[6:], NO_EDGES, weight[:0])
    torch.testing.assert_close(gnn(x, edge_index, weight)[6:], alone, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", [name for name in STACKS if name not in ("Cheb", "FeaSt")])  # these fail within PyG
def test_nobody_is_a_graph_too(name):
    assert make(**STACKS[name])(torch.empty(0, FEATURES), NO_EDGES).shape == (0, 4)


@stacks
def test_a_graph_without_features_has_a_table_whose_rows_go_with_the_nodes(stack):
    _, edge_index, weight = inputs()
    with seeded(0):
        module = NodeTable(make(**stack), NODES, FEATURES)
    rows = torch.arange(NODES)[:, None]
    before = module(rows, edge_index, weight)
    after = module(rows[ORDER], torch.argsort(ORDER)[edge_index], weight)
    torch.testing.assert_close(after, before[ORDER], atol=1e-5, rtol=0)
    assert before.std(dim=0).min() > 1e-4


@DIRTY
@pytest.mark.parametrize("conv", CONVS.values(), ids=CONVS)
def test_no_convolution_is_trained_on_features_that_are_not_finite(conv, value):
    with seeded(0):
        gnn = GNN(conv, [6, 6], 4, in_channels=12)
    before = copy.deepcopy(gnn.state_dict())
    with pytest.raises(DataError, match="node features must be finite; they are not for 'n2', 'n3'"):
        once(LinkReconstruction(), dirty(KARATE, value), gnn)
    assert all(torch.equal(before[key], found) for key, found in gnn.state_dict().items())


# ── objectives ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("listed", [OBJECTIVES, STILL], ids=["all", "still"])
def test_every_objective_is_in_the_list(listed):
    exported = {getattr(graphembed.objectives, name) for name in graphembed.objectives.__all__}
    assert {type(objective) for objective in listed.values()} == exported - {MiniBatches, Objective}


def loss_of(objective, batches, graph=KARATE):
    """The loss of one encoder on each of some batches, in float64."""
    with seeded(0):
        encoder = Two().eval()
        beside = settle(objective.prepare(encoder, graph)).double()
        encoder.double()
    found = []
    for batch in batches:
        for part in batch.get("parts") or [batch]:
            part.x = part.x.double()
        with seeded(1):
            found.append(objective.loss(encoder, beside, batch).item())
    return found


def moved(batch, order):
    """The same batch with node ``k`` in row ``order[k]``."""
    if "parts" in batch:
        return Data(parts=[moved(part, order) for part in batch.parts])
    other, back = copy.copy(batch), torch.argsort(order)
    other.edge_index = order[batch.edge_index]
    for key in {"x", "target", "hidden", "group", "batch"} & set(batch.keys()):
        if not (key == "target" and "batch" in batch):  # then it is of graphs
            other[key] = batch[key][back]
    for key in {"edge_label_index", "triplets"} & set(batch.keys()):
        other[key] = order[batch[key]]
    if "shuffled" in batch:
        other.shuffled = order[batch.shuffled[back]]
    if "candidates" in batch:
        other.candidates, other.log_q = order[batch.candidates[:, back]], batch.log_q[back]
    return other


@pytest.mark.parametrize("objective", STILL.values(), ids=STILL)
def test_the_order_of_nodes_does_not_matter(objective):
    (batch,) = objective.batches(home(objective), seed=0)
    order = torch.tensor(np.random.default_rng(1).permutation(34))
    here, there, elsewhere = loss_of(objective, [batch, moved(batch, order), spoilt(batch)], home(objective))
    assert there == pytest.approx(here, rel=1e-9)
    assert elsewhere != pytest.approx(here, rel=1e-6), "the loss looks at nothing: any order would do"


def spoilt(batch):
    """The same batch with the features of other nodes."""
    if "parts" in batch:
        return Data(parts=[spoilt(part) for part in batch.parts])
    other = copy.copy(batch)
    other.x = batch.x.roll(1, dims=0)
    return other


def beside_itself(batch):
    """The batch and a copy of it, side by side, with no edges between them."""
    if "parts" in batch:
        return Data(parts=[beside_itself(part) for part in batch.parts])
    twice, nodes = Data(num_nodes=2 * batch.num_nodes), batch.num_nodes
    for key, value in batch.to_dict().items():
        if key in ("edge_index", "edge_label_index", "triplets", "candidates"):
            twice[key] = torch.cat([value, value + nodes], dim=1)
        elif key in ("shuffled", "batch"):
            twice[key] = torch.cat([value, value + (nodes if key == "shuffled" else len(batch.graphs))])
        elif isinstance(value, torch.Tensor):
            twice[key] = torch.cat([value, value])
    return twice


# Contrast without ``count`` is left out: there all other nodes are what a node is told from, those of its copy, too.
# So are graphs that are told from all other graphs.
@pytest.mark.parametrize(
    "name", [name for name in STILL if name not in ("contrast", "graphs, infomax", "graphs, contrast")]
)
def test_a_graph_beside_its_copy_has_the_same_loss(name):
    graph = home(STILL[name])
    (batch,) = STILL[name].batches(graph, seed=0)
    one, two = loss_of(STILL[name], [batch, beside_itself(batch)], graph)
    assert two == pytest.approx(one, rel=1e-6)


def for_few(objective):
    """The objective, with labels that a tiny graph has."""
    return dc.replace(objective, nodes=(0,)) if isinstance(objective, NodeClassification) else alone(objective)


def learns_from_edges(objective):
    kind = objective.parts[0][1] if isinstance(objective, Weighted) else objective
    return isinstance(kind, LinkReconstruction | VariationalLinks | Triplets)


@objectives
@pytest.mark.parametrize("graph", TINY.values(), ids=TINY)
def test_little_is_enough_or_refused_with_a_reason(objective, graph):
    if learns_from_edges(objective) and not graph.num_edges:
        with pytest.raises(DataError, match="no edges between different nodes to learn from"):
            once(for_few(objective), graph)
        return
    history, module, beside = once(for_few(objective), graph)
    assert np.isfinite(history.losses).all()
    for value in (*module.parameters(), *beside.parameters(), module(graph.data.x, graph.data.edge_index)):
        assert value.isfinite().all()


@objectives
def test_a_graph_without_nodes_is_refused(objective):
    nobody = Graph(Data(x=torch.empty(0, 12), edge_index=NO_EDGES, y=torch.empty(0, dtype=torch.long)))
    with pytest.raises(DataError, match=r"no node with inputs \(data.x\) to learn from: 0 nodes"):
        once(objective, nobody)


@pytest.mark.parametrize("objective", CUT.values(), ids=CUT)
@pytest.mark.parametrize("size", [1, 2, 33])
def test_the_smallest_batches_have_finite_losses(objective, size):
    """With 33 the last batch of 34 nodes holds one."""
    cut = MiniBatches((2, 2), size)
    if isinstance(objective, Weighted):
        objective = Weighted([(weight, dc.replace(part, sampled=cut)) for weight, part in objective.parts])
    else:
        objective = dc.replace(objective, sampled=cut)
    network = nx.path_graph(6)
    network.add_nodes_from(range(34))
    graph = featured(network)
    history, module, _ = once(objective, graph)
    assert np.isfinite(history.losses).all()
    assert all(value.isfinite().all() for value in module.parameters())


@objectives
def test_a_graph_without_features_is_refused_by_the_loop(objective):
    bare = Graph(Data(edge_index=KARATE.data.edge_index, y=KARATE.data.y, num_nodes=34))
    with pytest.raises(DataError, match=r"no node with inputs \(data.x\) to learn from: 34 nodes, 78 edges"):
        once(objective, bare)


@objectives
@pytest.mark.parametrize("features", ["learned", "structural"])
def test_a_graph_without_features_gets_some(objective, features):
    bare = Graph(Data(edge_index=KARATE.data.edge_index, y=KARATE.data.y, num_nodes=34))
    with seeded(0):
        encoder = Inductive(GNN(SAGEConv, [8], 4), alone(objective), features, Training(epochs=2), progress=False)
    parts = [part for _, part in objective.parts] if isinstance(objective, Weighted) else [objective]
    if features == "learned" and any(isinstance(part, MaskedFeatures) for part in parts):
        with pytest.raises(DataError, match="hides features and needs nodes that have some"):
            encoder.fit(bare)
        return
    values = encoder.fit_transform(bare).values
    assert np.isfinite(values).all()
    assert values.std(axis=0).min() > 0


@DIRTY
@objectives
def test_features_that_are_not_finite_are_refused_naming_the_nodes(objective, value):
    with pytest.raises(DataError, match="node features must be finite; they are not for 'n2', 'n3'"):
        once(objective, dirty(home(objective), value))


def test_contrast_is_left_out_of_the_law_for_copies_for_a_reason():
    """Its copy is one more candidate that is as right as the right one."""
    (batch,) = STILL["contrast"].batches(KARATE, seed=0)
    one, two = loss_of(Contrast(edges=(0.0, 0.0), features=(0.0, 0.0), width=8), [batch, beside_itself(batch)])
    assert one + np.log(2) - 0.1 < two < one + np.log(2) + 0.1
