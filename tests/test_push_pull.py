"""Push and pull are what slow NumPy says, for any groups of any images; slopes are finite, memory is bounded."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import graphembed.losses.sets as module
from graphembed.losses import associative, push_pull
from tests.reference import losses as slow

FORMS = {"pairs": (push_pull, slow.push_pull), "means": (associative, slow.associative)}
forms = pytest.mark.parametrize("form", FORMS)
reductions = pytest.mark.parametrize("reduction", ["mean", "sum"])


def drawn(points=40, dim=3, groups=4, images=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(points, dim)), rng.integers(-1, groups, points), rng.integers(0, images, points)


def tensors(*arrays):
    return [torch.tensor(array) for array in arrays]


@forms
@reductions
@pytest.mark.parametrize("dim", [1, 3, 20])
@pytest.mark.parametrize("more", [{}, {"push": 0.3}])
def test_the_value_is_that_of_the_formula(form, reduction, dim, more):
    fast, formula = FORMS[form]
    arrays = drawn(dim=dim)
    assert fast(*tensors(*arrays), reduction=reduction, **more).item() == pytest.approx(
        formula(*arrays, reduction=reduction, **more)
    )


@pytest.mark.parametrize("reach", [0.4, 2.5])
def test_margin_and_sigma_are_those_of_the_formulas(reach):
    arrays = drawn()
    assert push_pull(*tensors(*arrays), margin=reach).item() == pytest.approx(slow.push_pull(*arrays, margin=reach))
    assert associative(*tensors(*arrays), sigma=reach).item() == pytest.approx(slow.associative(*arrays, sigma=reach))


@forms
@reductions
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_groups_of_any_images(form, reduction, data):
    fast, formula = FORMS[form]
    points = data.draw(st.integers(0, 12))
    number = st.lists(st.integers(-1, 3), min_size=points, max_size=points)
    group, image = np.array(data.draw(number), int), np.array(data.draw(number), int)
    z = np.array(data.draw(st.lists(st.integers(-2, 2), min_size=2 * points, max_size=2 * points)), float)
    z = torch.tensor(z.reshape(points, 2), requires_grad=True)
    loss = fast(z, *tensors(group, image), reduction=reduction)
    assert loss.item() == pytest.approx(formula(z.detach().numpy(), group, image, reduction=reduction), abs=1e-9)
    loss.backward()
    assert torch.isfinite(z.grad).all()
    assert not z.grad[group < 0].any(), "who is in no group is neither pushed nor pulled"


@forms
@reductions
def test_the_slope_is_that_of_differences(form, reduction):
    z, group, image = tensors(*drawn(points=15))
    assert torch.autograd.gradcheck(
        lambda z: FORMS[form][0](z, group, image, reduction=reduction), z.requires_grad_(), check_batched_grad=False
    )


@forms
@reductions
def test_blocks_change_nothing(form, reduction, monkeypatch):
    z, group, image = tensors(*drawn(points=60, images=2))
    z.requires_grad_()
    one = FORMS[form][0](z, group, image, reduction=reduction)
    (slope,) = torch.autograd.grad(one, z)
    for numbers in (1, 50, 700):
        monkeypatch.setattr(module, "_BLOCK", numbers)
        other = FORMS[form][0](z, group, image, reduction=reduction)
        assert other.item() == pytest.approx(one.item())
        torch.testing.assert_close(torch.autograd.grad(other, z)[0], slope)


@forms
@reductions
@pytest.mark.parametrize(
    ("group", "count"), [([], 0), ([0], 1), ([-1], 1), ([-1, -1, -1], 3), ([2, 2, 2], 3), ([0, 1, 2], 3)]
)
def test_tags_that_coincide_none_and_one_give_finite_numbers(form, reduction, group, count):
    z = torch.ones(count, 2, requires_grad=True)
    loss = FORMS[form][0](z, torch.tensor(group, dtype=torch.long), reduction=reduction)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(z.grad).all()
    if len({one for one in group if one >= 0}) < 2:
        assert loss.item() == 0


@forms
def test_groups_of_different_images_do_not_meet(form):
    fast = FORMS[form][0]
    z = torch.zeros(2, 3)
    group = torch.tensor([0, 0])
    assert fast(z, group, torch.tensor([0, 1])).item() == 0
    assert fast(z, torch.tensor([0, 1]), torch.tensor([0, 0])).item() > 0


@forms
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_added_up_in_float32(form, dtype):
    z = (torch.tensor(drawn(points=200)[0]) * 100).to(dtype).requires_grad_()
    group = torch.arange(200) % 3
    loss = FORMS[form][0](z, group, reduction="sum")
    assert loss.dtype == torch.float32
    assert loss.item() > 65_504
    assert loss.item() == pytest.approx(FORMS[form][0](z.double(), group, reduction="sum").item(), rel=1e-4)
    loss.backward()
    assert z.grad.dtype == dtype
    assert torch.isfinite(FORMS[form][0](z / 1000, group, reduction="mean"))


@forms
def test_vectors_far_from_zero_lose_nothing(form):
    z, group, image = tensors(*drawn())
    near = FORMS[form][0](z.float(), group, image)
    assert FORMS[form][0](z.float() + 512, group, image).item() == pytest.approx(near.item(), rel=1e-3)


@forms
def test_memory_does_not_grow_with_the_pairs(form, monkeypatch):
    points = 2000  # four million differences
    monkeypatch.setattr(module, "_BLOCK", 1 << 16)
    z = torch.zeros(points, 1, requires_grad=True)
    largest = 0

    def keep(tensor):
        nonlocal largest
        largest = max(largest, tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        FORMS[form][0](z, torch.arange(points) // 2)
    assert largest <= module._BLOCK


@forms
def test_another_reduction_is_refused(form):
    with pytest.raises(ValueError, match="reduction must be 'mean' or 'sum', got 'none'"):
        FORMS[form][0](torch.zeros(1, 1), torch.tensor([0]), reduction="none")
