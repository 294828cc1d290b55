"""Fewer multiplications, the same numbers: of one convolution, and of the whole network."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor

from patchseg.crossover import STACKS, CrossoverNet, RefinedLattice
from patchseg.crossover.in_threads import in_threads
from patchseg.crossover.rows_first import rows_first
from patchseg.crossover.winograd import AT_ONCE, MOST, WIDE, Alike, alike, at_points, convolve


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, MOST),
    cols=st.integers(1, 6),
    more=st.tuples(st.integers(0, 20), st.integers(0, 20)),
    ends=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    count=st.integers(1, 5),
    seed=st.integers(0, 99),
)
def test_a_convolution_of_any_size(rows, cols, more, ends, count, seed):
    torch.manual_seed(seed)
    maps = torch.rand(rows + more[0], count, cols + more[1], 8)
    top = min(ends[0], len(maps))
    ends = Alike(top, min(ends[1], len(maps) - top))
    maps[: ends.top] = maps[:1].clone()
    maps[len(maps) - ends.bottom :] = maps[-1:].clone()
    weight, bias = torch.randn(10, 8, rows, cols) / (8 * rows * cols) ** 0.5, torch.randn(10)
    expected = F.conv2d(maps.permute(1, 3, 0, 2).double(), weight.double(), bias.double()).float()
    found = convolve(maps, at_points(weight, bias), ends=ends)
    torch.testing.assert_close(found.permute(1, 3, 0, 2), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("patch", list(STACKS))
@pytest.mark.parametrize("stride", [1, 2, 4])
@pytest.mark.parametrize(
    "body", [(slice(0, 0), slice(0, 0)), (slice(9, 50), slice(14, 31)), (slice(59, 60), slice(0, 1))]
)
def test_air_above_and_below_changes_nothing(patch, stride, body):
    torch.manual_seed(1)
    net = CrossoverNet(patch).eval()
    image = torch.zeros(1, 1, 60, 45)
    image[0, 0][body] = torch.rand(60, 45)[body]
    expected = net(image, stride=stride).detach()
    with torch.no_grad():
        found = net(image, stride=stride)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max() + 1))


@pytest.mark.parametrize("seed", range(20))
def test_a_pooling_leaves_at_least_so_many_rows_alike(seed):
    torch.manual_seed(seed)
    top, between, bottom = torch.randint(0, 9, (3,)).tolist()
    maps = torch.rand(top + between + bottom + 3, 7)
    maps[:top], maps[len(maps) - bottom :] = maps[:1].clone(), maps[-1:].clone()
    said = alike(maps).pooled()
    for first in (0, 1):
        rows = (len(maps) - 1) // 2 * 2
        found = alike(F.max_pool2d(maps[None, first : first + rows], 2)[0])
        assert said.top <= found.top and said.bottom <= found.bottom


@pytest.mark.parametrize("order", [(1, 0, 2, 3), (0, 1, 3, 2)])
def test_maps_in_another_order_of_memory(order):
    torch.manual_seed(3)
    maps = torch.rand(15, 2, 9, 4)
    kernel = at_points(torch.randn(6, 4, 5, 3) / 8, torch.randn(6))
    other = maps.permute(order).contiguous().permute(order)
    assert not other.is_contiguous()
    torch.testing.assert_close(convolve(other, kernel), convolve(maps, kernel))


@pytest.mark.parametrize("outputs", [6, WIDE + 8])
def test_more_positions_than_are_computed_at_once_and_what_follows_them(outputs):
    torch.manual_seed(0)
    maps = torch.rand(9, 3, AT_ONCE, 4)
    weight, bias = torch.randn(outputs, 4, 7, 1) / 5, torch.randn(outputs)
    read = torch.randn(2, outputs) / outputs**0.5
    found = convolve(maps, at_points(weight, bias), lambda some: F.linear(some.relu_(), read), channels=2)
    expected = F.conv2d(F.conv2d(maps.permute(1, 3, 0, 2), weight, bias).relu(), read[:, :, None, None])
    torch.testing.assert_close(found.permute(1, 3, 0, 2), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("patch", list(STACKS))
@pytest.mark.parametrize(("size", "stride"), [((1, 1), 1), ((9, 14), 1), ((35, 22), 2), ((30, 41), 4)])
def test_the_network_gives_the_numbers_of_its_plain_form(patch, size, stride):
    torch.manual_seed(1)
    net = CrossoverNet(patch).eval()
    image = torch.rand(2, 1, *size)
    expected = net(image, stride=stride)  # with gradients: the plain form
    assert expected.requires_grad
    with torch.no_grad():
        found = net(image, stride=stride)
    assert not torch.equal(found, expected), "it was computed in the plain form"
    torch.testing.assert_close(
        found, expected.detach(), rtol=0, atol=1e-5 * float(expected.detach().abs().max() + 1)
    )


@pytest.mark.parametrize("threads", [2, 3, 9])
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("stride", [1, 4])
def test_threads_share_the_phases_or_the_tiles(threads, mode, stride):
    torch.manual_seed(2)
    net, image = CrossoverNet().eval(), torch.rand(1, 1, 40, 33)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        with mode():
            expected = net(image, stride)
        torch.set_num_threads(threads)
        with mode():
            found, again = net(image, stride), net(image, stride)
        assert torch.get_num_threads() == threads, "what the caller has set"
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(torch.get_num_threads).result() == threads, (
                "what a server's next thread starts with"
            )
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found, again)
    assert found.is_inference() == (mode is torch.inference_mode)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_every_turn_is_taken_once_and_an_error_reaches_the_caller():
    before = torch.get_num_threads()
    taken: list[int] = []
    try:
        torch.set_num_threads(3)
        in_threads(taken.extend, 11)
        with pytest.raises(ZeroDivisionError):
            in_threads(lambda numbers: 1 // 0, 4)
    finally:
        torch.set_num_threads(before)
    assert sorted(taken) == list(range(11))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("stride", [1, 4])
@pytest.mark.parametrize("refined", [False, True])
def test_what_the_threads_computed_may_be_changed_afterwards(threads, stride, refined):
    net = CrossoverNet().eval()
    network = RefinedLattice(net) if refined else partial(net, stride=stride)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        with torch.no_grad():
            found = network(torch.rand(1, 1, 30, 22))
    finally:
        torch.set_num_threads(before)
    assert not found.is_inference()
    found += 1


def test_it_steps_aside_where_the_plain_form_is_wanted():
    net = CrossoverNet().eval()
    arguments = (net.vertical, net.pad(torch.rand(1, 1, 8, 8)), 0, net.classifier.weight[:, :500], None)
    assert rows_first(*arguments) is None, "gradients"
    with torch.inference_mode():
        assert rows_first(*arguments) is not None
        with torch.autocast("cpu", torch.bfloat16):
            assert rows_first(*arguments) is None, "bfloat16"
        assert rows_first(net.train().vertical, *arguments[1:]) is None, "dropout"


def test_a_scan_with_an_affine_keeps_it():
    net = CrossoverNet().eval()
    with torch.no_grad():
        found = net(MetaTensor(torch.rand(1, 1, 12, 10), affine=2 * torch.eye(4)))
    assert isinstance(found, MetaTensor)
    assert float(found.affine[0, 0]) == 2
