"""The dense network is the patch network: same numbers at every pixel, any size, every stack."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from patchseg.crossover import STACKS, CrossoverNet, EveryThirdPixel, InterpolatedLattice, cross_patches

PATCHES = list(STACKS)


def net_with_noise(patch=(100, 20), **options):
    """Biases too are random, so that zero padding and zero bias cannot hide each other."""
    torch.manual_seed(0)
    net = CrossoverNet(patch, **options).eval()
    for parameter in net.parameters():
        if parameter.ndim == 1:
            torch.nn.init.normal_(parameter, std=0.1)
    return net


def by_patches(net, image, pixels):
    return net.forward_patches(*cross_patches(image[0], pixels, net.patch))


@pytest.mark.parametrize(("patch", "count"), [((100, 20), 364_458), ((340, 68), None), ((500, 50), None)])
def test_parameters(patch, count):
    net = CrossoverNet(patch)
    total = sum(p.numel() for p in net.parameters())
    if count:
        assert total == count
    apart = sum(p.numel() for p in CrossoverNet(patch, shared=False).parameters())
    assert apart == 2 * total - sum(p.numel() for p in net.classifier.parameters())


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(1, 70), cols=st.integers(1, 70), batch=st.integers(1, 2), seed=st.integers(0, 99))
def test_dense_equals_patches_at_any_size(rows, cols, batch, seed):
    net = net_with_noise()
    torch.manual_seed(seed)
    image = torch.rand(batch, 1, rows, cols)
    pixels = torch.stack([torch.randint(rows, (8,)), torch.randint(cols, (8,))], 1)
    with torch.no_grad():
        dense = net(image)
        assert dense.shape == (batch, 2, rows, cols)
        for item in range(batch):
            expected = by_patches(net, image[item : item + 1], pixels)
            found = dense[item, :, pixels[:, 0], pixels[:, 1]].T
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("patch", PATCHES)
@pytest.mark.parametrize("shared", [True, False])
def test_every_stack_is_dense_at_corners_and_inside(patch, shared):
    net = net_with_noise(patch, shared=shared)
    image = torch.rand(1, 1, 53, 38)
    pixels = torch.tensor([[0, 0], [0, 37], [52, 0], [52, 37], [26, 19], [13, 30], [41, 6]])
    with torch.no_grad():
        dense = net(image)
        found = dense[0, :, pixels[:, 0], pixels[:, 1]].T
        torch.testing.assert_close(found, by_patches(net, image, pixels), rtol=0, atol=1e-5)


@pytest.mark.parametrize("patch", PATCHES)
@pytest.mark.parametrize("stride", [2, 4, 8, 16])
def test_strides_are_rows_and_columns_of_the_dense_result(patch, stride):
    net = net_with_noise(patch)
    image = torch.rand(2, 1, 45, 66)
    if stride > 2**net.vertical.pools:
        with pytest.raises(ValueError, match="power of two"):
            net(image, stride=stride)
        return
    with torch.no_grad():
        strided = net(image, stride=stride)
        torch.testing.assert_close(strided, net(image)[:, :, ::stride, ::stride], rtol=0, atol=1e-5)


def test_the_centre_convention():
    """Pixel (r, c) lies at index (50, 10) of its vertical patch and (10, 50) of its horizontal one."""
    image = torch.arange(200.0 * 300).view(1, 200, 300)
    vertical, horizontal = cross_patches(image, torch.tensor([[120, 130]]))
    torch.testing.assert_close(vertical[0, 0], image[0, 70:170, 120:140])
    torch.testing.assert_close(horizontal[0, 0], image[0, 110:130, 80:180])
    vertical, horizontal = cross_patches(image, torch.tensor([[3, 4]]))
    assert vertical[0, 0, :47].eq(0).all() and vertical[0, 0, :, :6].eq(0).all()
    assert vertical[0, 0, 50, 10] == horizontal[0, 0, 10, 50] == image[0, 3, 4]


@pytest.mark.parametrize("stride", [3, 0, 8])
def test_a_stride_it_has_not(stride):
    with pytest.raises(ValueError, match="power of two up to 4"):
        CrossoverNet()(torch.zeros(1, 1, 8, 8), stride=stride)


def test_unknown_patch_and_own_stack():
    with pytest.raises(ValueError, match="100x20, 340x68, 500x50"):
        CrossoverNet((60, 20))
    with pytest.raises(ValueError, match="must end at 1x1"):
        CrossoverNet((60, 20), stack="5x3/8 pool 3x3/8")
    square = CrossoverNet((28, 28), stack="3x3/8 pool 4x4/8 3x3/8 3x3/8 pool 3x3/20").eval()
    image = torch.rand(1, 1, 30, 30)
    found = square(image)[0, :, 7, 21]
    torch.testing.assert_close(found, by_patches(square, image, torch.tensor([[7, 21]]))[0])


def test_gradients_reach_every_weight_and_training_equals_evaluation_without_dropout():
    net = net_with_noise()
    image = torch.rand(1, 1, 20, 24)
    with torch.no_grad():
        expected = net(image)
    net.train()
    net(image).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())
    torch.testing.assert_close(net(image), expected, rtol=0, atol=1e-5)


def test_three_classes_and_dropout():
    net = CrossoverNet(dropout=0.5, num_classes=3)
    image = torch.rand(1, 1, 16, 16)
    assert net(image).shape == (1, 3, 16, 16)
    assert not torch.equal(net(image), net(image))
    net.eval()
    assert torch.equal(net(image), net(image))


def test_torchscript_takes_any_size_and_stride():
    net = net_with_noise()
    script = torch.jit.script(net)
    for size, stride in (((33, 47), 1), ((64, 20), 2), ((50, 51), 4)):
        image = torch.rand(1, 1, *size)
        torch.testing.assert_close(script(image, stride), net(image, stride), rtol=0, atol=1e-6)


def test_torch_export():
    net = net_with_noise()
    image = torch.rand(1, 1, 40, 36)
    program = torch.export.export(net, (image,))
    torch.testing.assert_close(program.module()(image), net(image), rtol=0, atol=1e-6)


def test_every_third_pixel_speaks_for_its_block():
    net = net_with_noise()
    image = torch.rand(1, 1, 20, 25)
    with torch.no_grad():
        dense, filled = net(image), EveryThirdPixel(net)(image)
    assert filled.shape == dense.shape
    torch.testing.assert_close(filled[:, :, 1::3, 1::3], dense[:, :, 1::3, 1::3])
    torch.testing.assert_close(filled[:, :, 0:18:3, 2:24:3], dense[:, :, 1:18:3, 1:24:3])
    torch.testing.assert_close(filled[:, :, 19, 24], dense[:, :, 19, 24])


@pytest.mark.parametrize("size", [(32, 32), (33, 30), (5, 7), (1, 1)])
def test_interpolated_lattice_is_exact_on_the_lattice(size):
    net = net_with_noise()
    image = torch.rand(1, 1, *size)
    with torch.no_grad():
        quick = InterpolatedLattice(net)(image)
        assert quick.shape == (1, 2, *size)
        torch.testing.assert_close(quick[:, :, ::4, ::4], net(image, stride=4), rtol=0, atol=1e-6)


@pytest.mark.parametrize("pairs", [2, 9, 64, 256])
def test_gradients_of_patch_pairs_read_nothing_beyond_their_numbers(pairs):
    net = CrossoverNet().to(memory_format=torch.channels_last)
    for repeat in range(5):
        litter = [torch.full((size,), float("nan")) for size in range(1_000, 600_000, 40_000 + repeat)]
        del litter  # its memory is handed out again, and NaNs lie between and behind what is computed
        net.zero_grad()
        net.vertical.features(torch.rand(pairs, 1, 100, 20)).sum().backward()
        assert all(parameter.grad.isfinite().all() for parameter in net.vertical.parameters())
