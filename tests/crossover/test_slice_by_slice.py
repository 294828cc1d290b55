"""Skipping air changes nothing inside the box around what is not zero, and leaves background outside it."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.inferers import SliceInferer

from patchseg.crossover import CrossoverNet, SliceBySlice


def network(patch=(100, 20)):
    torch.manual_seed(0)
    net = CrossoverNet(patch).eval()
    with torch.no_grad():
        net.classifier.bias[1] += 5  # air too would be taken for the object
    return net


@settings(max_examples=8, deadline=None)
@given(
    sides=st.tuples(*[st.integers(1, 45)] * 2, st.integers(1, 3)),
    air=st.tuples(*[st.integers(0, 20)] * 4, *[st.integers(0, 1)] * 2),
)
def test_logits_inside_the_box_are_the_networks_and_background_is_outside(sides, air):
    net, body = network(), 0.1 + torch.rand(1, 1, *sides)
    around = [air[4], air[5], air[2], air[3], air[0], air[1]]
    volume = torch.nn.functional.pad(body, around)
    with torch.no_grad():
        expected = SliceInferer(roi_size=(-1, -1), spatial_dim=2)(volume, net)
        found = SliceBySlice(skip_air=True)(volume, net)
    inside = (volume != 0).expand_as(found)
    torch.testing.assert_close(found[inside], expected[inside], rtol=0, atol=1e-5)
    assert not found.argmax(1)[volume[:, 0] == 0].any()


def test_the_larger_patch_and_a_scan_with_an_affine():
    volume = torch.zeros(1, 1, 40, 50, 2)
    volume[..., 10:31, 7:30, :] = torch.rand(21, 23, 2) + 0.1
    scan = MetaTensor(volume, affine=2 * torch.eye(4))
    with torch.no_grad():
        found, expected = (SliceBySlice(skip)(scan, network((340, 68))) for skip in (True, False))
    assert isinstance(found, MetaTensor) and torch.equal(found.affine, expected.affine)
    torch.testing.assert_close(found[..., 10:31, 7:30, :], expected[..., 10:31, 7:30, :], rtol=0, atol=1e-5)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_nothing_but_air_and_no_air_at_all(value):
    volume = torch.full((1, 1, 12, 9, 2), value)
    with torch.no_grad():
        found, expected = (SliceBySlice(skip)(volume, network()) for skip in (True, False))
    assert found.shape == expected.shape
    if value:
        torch.testing.assert_close(found, expected)
    else:
        assert not found.argmax(1).any()
