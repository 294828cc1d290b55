"""The refined lattice is the network on the lattice and wherever its neighbours disagree."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from patchseg.crossover import CrossoverNet, InterpolatedLattice, cross_patches
from patchseg.crossover.refine import CrossWindow, RefinedLattice, disagreeing, windows


def undecided_net(patch=(100, 20), **options):
    """Random weights, and a bias that makes both classes equally frequent: edges everywhere."""
    torch.manual_seed(3)
    net = CrossoverNet(patch, **options).eval()
    with torch.no_grad():
        logits = net(torch.rand(1, 1, 40, 40))
        net.classifier.bias[1] += (logits[0, 0] - logits[0, 1]).median()
    return net


@pytest.mark.parametrize(
    ("patch", "size", "runtime"),
    [
        ((100, 20), (61, 50), "torch"),
        ((100, 20), (2, 3), "torch"),
        ((100, 20), (22, 17), "openvino"),
        ((340, 68), (37, 21), "torch"),
    ],
    ids=str,
)
def test_every_pixel_of_a_disagreeing_cell_is_the_networks(patch, size, runtime):
    net = undecided_net(patch)
    image = torch.rand(2, 1, *size)
    with torch.no_grad():
        expected, found = net(image), RefinedLattice(net, runtime)(image)
    assert found.shape == expected.shape
    stride = 2**net.vertical.pools
    judged = np.zeros((2, *size), bool)
    judged[:, ::stride, ::stride] = True
    classes = expected[:, :, ::stride, ::stride].argmax(1).numpy()
    for item, i, j in np.ndindex(classes.shape):
        if len(np.unique(classes[item, i : i + 2, j : j + 2])) > 1:
            judged[item, i * stride : (i + 1) * stride, j * stride : (j + 1) * stride] = True
    assert size == (2, 3) or judged.mean() > 0.2
    assert (found - expected).abs().amax(1).numpy()[judged].max() < 1e-5


@pytest.mark.parametrize("mode", [torch.no_grad, torch.enable_grad], ids=["shared maps", "plain form"])
def test_classes_that_agree_are_interpolated_and_cost_no_window(mode):
    net = undecided_net()
    image = torch.rand(1, 1, 30, 30)

    def farthest():
        with mode():
            return float((RefinedLattice(net)(image) - InterpolatedLattice(net)(image)).detach().abs().max())

    assert farthest() > 1e-2
    with torch.no_grad():
        net.classifier.bias[1] += 10
    assert farthest() < 1e-5


@settings(max_examples=20, deadline=None)
@given(
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    patch=st.sampled_from([(100, 20), (340, 68)]),
    shared=st.booleans(),
    threads=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_windows_that_share_maps_are_those_judged_one_by_one(size, patch, shared, threads, seed):
    net = undecided_net(patch, shared=shared)
    torch.manual_seed(seed)
    image = torch.rand(1, 1, *size)
    expected = RefinedLattice(net)(image)  # with gradients: the plain form
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        with torch.no_grad():
            found = RefinedLattice(net)(image)
    finally:
        torch.set_num_threads(before)
    assert expected.requires_grad
    torch.testing.assert_close(found, expected.detach(), rtol=0, atol=1e-5)


def test_a_lattice_of_every_pixel_is_not_refined():
    net = undecided_net((12, 4), stack="7x3/8 6x2/16")
    image = torch.rand(1, 1, 20, 13)
    with torch.no_grad():
        torch.testing.assert_close(RefinedLattice(net)(image), net(image), rtol=0, atol=1e-6)


@pytest.mark.parametrize("patch", [(100, 20), (340, 68)])
def test_a_window_inside_an_image_holds_its_patch_pairs(patch):
    net, margin = undecided_net(patch), patch[0] // 2
    image = torch.rand(1, 1, 2 * margin + 15, 2 * margin + 7)
    pixels = torch.tensor([[0, 0], [0, 7], [15, 0], [9, 3]])
    with torch.no_grad():
        found = CrossWindow(net)(image)[0, :, pixels[:, 0], pixels[:, 1]].T
        expected = net.forward_patches(*cross_patches(image[0], pixels + margin, patch))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(1, 30), cols=st.integers(1, 30), share=st.floats(0, 0.3), seed=st.integers(0, 999))
def test_windows_cover_every_cell_and_end_with_one(rows, cols, share, seed):
    cells = np.random.default_rng(seed).random((rows, cols)) < share
    covered = np.zeros_like(cells)
    for window in windows(cells, cell=4):
        assert all(number % 4 == 0 for number in window)
        row, col, height, width = (number // 4 for number in window)
        inside = cells[row : row + height, col : col + width]
        assert inside.shape == (height, width)
        assert all(edge.any() for edge in (inside[0], inside[-1], inside[:, 0], inside[:, -1]))
        covered[row : row + height, col : col + width] = True
    assert covered[cells].all()


def test_cells_disagree_by_their_corners():
    classes = torch.zeros(4, 5, dtype=torch.long)
    classes[1, 2] = 2
    found = disagreeing(classes)
    assert np.argwhere(found).tolist() == [[0, 1], [0, 2], [1, 1], [1, 2]]
