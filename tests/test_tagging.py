"""A tagger sees points, not their order, place, size or other images; its objective sees whole images."""

import networkx as nx
import numpy as np
import pytest
import torch
from torch_geometric.data import Data

from graphembed.encoders.mixed import Mixed, mirrored, sizes
from graphembed.errors import DataError
from graphembed.graph import Graph, merge
from graphembed.nn.tagging import Tagger
from graphembed.objectives import PushPull
from graphembed.objectives.people import SamePerson
from graphembed.objectives.push_pull import image_batches
from graphembed.training import Training, seeded, train

TYPES = 4


def tagger(rounds=2, **more):
    with seeded(0):
        return Tagger(TYPES, dim=3, channels=16, pair_channels=8, heads=2, rounds=rounds, **more).eval()


def points(count=9, seed=0):
    rng = np.random.default_rng(seed)
    x = np.zeros((count, TYPES + 2), np.float32)
    x[np.arange(count), rng.integers(0, TYPES, count)] = 1
    x[:, TYPES:] = rng.normal(size=(count, 2))
    return torch.from_numpy(x)


def seen(module, x, batch=None):
    with torch.no_grad():
        return module.both(x, torch.zeros(len(x), dtype=torch.long) if batch is None else batch)


def crowd(images=6, people=3, joints=TYPES, seed=0):
    """People, all alike but for noise, in a row: a graph of images side by side."""
    rng = np.random.default_rng(seed)
    count = images * people * joints
    joint = np.tile(np.arange(joints), images * people)
    y = np.repeat(np.arange(images * people), joints)
    place = np.stack([(y % people) * 3.0, joint * 1.0], axis=1) + 0.05 * rng.normal(size=(count, 2))
    x = torch.zeros(count, joints + 2)
    x[torch.arange(count), torch.from_numpy(joint)] = 1
    x[:, joints:] = torch.from_numpy(place)
    edges = nx.path_graph(people * joints)
    several = merge({str(k): edges for k in range(images)})
    return Graph(Data(**(several.data.to_dict() | {"x": x, "y": torch.from_numpy(y)})), several.names)


# ── what a tagger sees ──────────────────────────────────────────────────────────────────────────────


def test_reordering_points_reorders_tags_and_pairs():
    module, x = tagger(), points()
    tags, log_odds = seen(module, x)
    order = torch.tensor([3, 6, 0, 5, 8, 1, 4, 2, 7])
    other_tags, other = seen(module, x[order])
    assert tags.std(dim=0).min() > 1e-4
    torch.testing.assert_close(other_tags, tags[order], atol=1e-5, rtol=0)
    torch.testing.assert_close(other[0], log_odds[0][order][:, order], atol=1e-4, rtol=0)


def test_images_do_not_feel_each_other():
    module, parts = tagger(), [points(count, seed=count) for count in (3, 9, 1)]
    batch = torch.repeat_interleave(torch.tensor([3, 9, 1]))
    tags, log_odds = seen(module, torch.cat(parts), batch)
    for image, part in enumerate(parts):
        alone, pairs = seen(module, part)
        torch.testing.assert_close(tags[batch == image], alone, atol=1e-5, rtol=0)
        torch.testing.assert_close(log_odds[image, : len(part), : len(part)], pairs[0], atol=1e-4, rtol=0)


@pytest.mark.parametrize(("factor", "shift"), [(1.0, 100.0), (0.01, 0.0), (50.0, -7.0)])
def test_place_and_size_of_the_image_do_not_matter(factor, shift):
    module, x = tagger(), points().double()
    module.double()
    moved = x.clone()
    moved[:, TYPES:] = factor * x[:, TYPES:] + shift
    for here, there in zip(seen(module, x), seen(module, moved), strict=True):
        torch.testing.assert_close(here, there, atol=1e-6, rtol=1e-6)


def test_what_and_where_do_matter():
    module, x = tagger(), points()
    _, before = seen(module, x)
    nearer, other = x.clone(), x.clone()
    nearer[0, TYPES:] = x[1, TYPES:]
    other[0, :TYPES] = x[0, :TYPES].roll(1)
    for changed in (nearer, other):
        assert (seen(module, changed)[1] - before).abs().max() > 1e-3


def test_pairs_are_symmetric():
    _, log_odds = seen(tagger(), points())
    assert torch.equal(log_odds[0], log_odds[0].T)


def test_shares_of_one_type_and_of_none_add_up_to_one():
    module, x = tagger(rounds=1), points()
    one = module.rounds[0]
    kind = x[:, :TYPES].argmax(dim=1)[None]
    same = torch.nn.functional.one_hot(kind, TYPES).float()
    score = torch.randn(1, 9, 9, 2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        shares = one._choices(score, kind, same, torch.ones(1, 9, 9, dtype=torch.bool))[0]
    total = torch.einsum("hij,jt->hit", shares, same[0])
    assert (total <= 1 + 1e-6).all()
    there = score[0].exp() * (1 - torch.eye(9))[..., None]
    for i, j, h in ((0, 1, 0), (4, 7, 1)):
        mine = kind[0] == kind[0, j]
        expected = there[i, j, h] / (there[i, mine, h].sum() + 1)  # "none" starts at exp(0)
        assert shares[h, i, j].item() == pytest.approx(expected.item(), rel=1e-5)
    assert (shares.diagonal(dim1=1, dim2=2) == 0).all(), "nobody chooses itself"


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_few_points_and_points_in_one_place_have_finite_slopes(count, spread):
    module, x = tagger(), points(count)
    x[:, TYPES:] *= spread
    batch = Data(x=x, group=torch.zeros(count, dtype=torch.long), batch=torch.zeros(count, dtype=torch.long))
    loss = SamePerson().loss(module, torch.nn.Module(), batch)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(value.grad).all() for value in module.parameters() if value.grad is not None)


def test_forward_is_the_tags():
    module, x = tagger(), points()
    assert torch.equal(module(x), seen(module, x)[0])


# ── objectives ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("pairs", [1, 300, 1 << 20])
def test_batches_are_whole_images_each_once(pairs):
    graph = crowd()
    batches = image_batches(graph, pairs, seed=0)
    found = [tuple(batch.group[batch.batch == k].tolist()) for batch in batches for k in batch.batch.unique()]
    assert sorted(found) == sorted(tuple(graph.data.y[graph.data.batch == k].tolist()) for k in range(6))
    for batch in batches:
        assert len(batch.batch.unique()) == 1 or len(batch.x) * 12 <= pairs
        source, target = batch.edge_index
        assert torch.equal(batch.batch[source], batch.batch[target])
        assert len(source) == 22 * len(batch.batch.unique())
        apart = batch.x[source, :TYPES].argmax(dim=1) - batch.x[target, :TYPES].argmax(dim=1)
        assert set(apart.abs().tolist()) == {1, 3}, "neighbours on the path"


def test_another_seed_gives_other_batches_and_the_same_seed_the_same():
    graph = crowd()
    one, same, other = (image_batches(graph, 300, seed)[0].group.tolist() for seed in (0, 0, 1))
    assert one == same != other


def test_groups_must_be_known_and_images_in_order():
    graph = crowd()
    del graph.data.y
    with pytest.raises(DataError, match=r"learning to group needs the group of each node, as whole numbers in data.y"):
        image_batches(graph, 10, 0)
    graph.data.y, graph.data.batch = graph.data.batch, graph.data.batch.flip(0)
    with pytest.raises(DataError, match="the nodes of an image must stand together"):
        image_batches(graph, 10, 0)
    with pytest.raises(ValueError, match="pairs must be positive, got 0"):
        PushPull(pairs=0)


def test_push_and_pull_teaches_any_encoder():
    graph = crowd(people=2)
    graph.data.x = torch.cat([graph.data.x, torch.eye(2)[(graph.data.y % 2)]], dim=1)

    class Plain(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(TYPES + 4, 2)

        def forward(self, x, edge_index, edge_weight=None):
            return self.linear(x)

    with seeded(0):
        module = Plain()
    history, _ = train(module, graph, PushPull(pairs=200), Training(epochs=30, lr=0.1), progress=False)
    assert history.losses[-1] < 0.2 * history.losses[0]


def test_a_tagger_learns_who_belongs_together():
    module = tagger()
    graph = crowd(images=16)
    history, _ = train(module, graph, SamePerson(pairs=600), Training(epochs=12, lr=5e-3), progress=False)
    assert history.losses[-1] < 0.5 * history.losses[0]
    other = crowd(images=2, seed=1)
    _, log_odds = seen(module.eval(), other.data.x, other.data.batch)
    y = other.data.y.view(2, -1)
    same, own = y[:, :, None] == y[:, None], torch.eye(12, dtype=torch.bool)
    assert ((log_odds > 0) == same)[:, ~own].float().mean() > 0.95


# ── people mixed ────────────────────────────────────────────────────────────────────────────────────


def human(images=4, seed=0):
    """A batch of images with two people of 17 joints each."""
    rng = np.random.default_rng(seed)
    count = images * 34
    x = torch.zeros(count, 19)
    x[torch.arange(count), torch.arange(17).repeat(2 * images)] = 1
    x[:, 17:] = torch.from_numpy(rng.normal(size=(count, 2)))
    person = torch.arange(2 * images).repeat_interleave(17)
    return Data(x=x, group=person, batch=person // 2)


def test_mixing_keeps_people_and_adds_nobodys_points():
    batch = human()
    mixed = Mixed(pasted=1.0, dropped=0.5, spurious=0.5)(batch, 3)
    assert set(mixed.group.tolist()) <= {-1, *range(8)}
    assert (mixed.batch.diff() >= 0).all()
    assert mixed.batch.unique().tolist() == [0, 1], "two images have become one"
    for person in range(8):
        assert len(mixed.batch[mixed.group == person].unique()) <= 1
        joints = mixed.x[mixed.group == person, :17].argmax(dim=1).tolist()
        assert len(set(joints)) == len(joints)
    assert (mixed.x[:, :17].sum(dim=1) == 1).all()
    assert torch.isfinite(mixed.x).all()


def test_mixing_is_a_matter_of_the_seed_and_changes_nothing_it_was_given():
    batch = human()
    before = batch.x.clone()
    one, same, other = (Mixed()(batch, seed) for seed in (0, 0, 1))
    assert torch.equal(batch.x, before)
    assert torch.equal(one.x, same.x)
    assert one.x.shape != other.x.shape or not torch.equal(one.x, other.x)


def test_in_a_mirror_left_is_right():
    joint = np.arange(17)
    assert mirrored(joint, 17).tolist() == [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
    assert (mirrored(mirrored(joint, 17), 17) == joint).all()
    assert (mirrored(np.arange(4), 4) == np.arange(4)).all()
    still = Mixed(pasted=0.0, jitter=0.0, dropped=0.0, spurious=0.0)(human(images=8), 0)
    kinds = [tuple(still.x[still.group == person, :17].argmax(dim=1).tolist()) for person in range(16)]
    assert {tuple(range(17)), tuple(mirrored(joint, 17).tolist())} == set(kinds)


def test_size_is_the_larger_side_of_a_persons_box():
    place = np.array([[0.0, 0], [1, 5], [2, 2], [100, 100]])
    assert sizes(place, np.array([3, 3, 7, -1])).tolist() == [5, 5, 0, 0]


def test_an_image_that_loses_all_its_points_is_left_out():
    batch = human(images=3)
    mixed = Mixed(dropped=20.0, pasted=0.0)(batch, 0)
    assert len(mixed.x) == len(mixed.batch)
    assert set(mixed.batch.tolist()) == set(range(len(mixed.batch.unique())))
