"""The patch networks beside Crossover-Net: every pixel at once is what the patches say, and they learn."""

import pytest
import torch
from monai.networks.nets import VNet

from patchseg.crossover import CrossoverLoss, cross_patches
from patchseg.rivals import OneBranchNet, PaddedNet, StridedNet, TwoApartLattice, TwoApartLoss, TwoApartNet

NETS = {
    "vertical": lambda: OneBranchNet((100, 20)),
    "horizontal": lambda: OneBranchNet((100, 20), "horizontal"),
    "square 28": lambda: OneBranchNet((28, 28)),
    "square 56": lambda: OneBranchNet((56, 56)),
    "square 100": lambda: OneBranchNet((100, 100)),
    "two apart": lambda: TwoApartNet((100, 20)),
}
SIDES = {"square 28": (28, 28), "square 56": (56, 56), "square 100": (100, 100)}


@pytest.fixture(params=NETS)
def net(request):
    torch.manual_seed(0)
    made = NETS[request.param]().eval()
    made.patch_sides = SIDES.get(request.param, (100, 20))
    return made


def test_every_pixel_at_once_equals_the_patches(net):
    image = torch.rand(1, 1, 21, 34)
    pixels = torch.tensor([[0, 0], [20, 33], [9, 14], [20, 0], [3, 30]])
    with torch.no_grad():
        whole = net(image)
        patches = net.forward_patches(*cross_patches(image[0], pixels, net.patch_sides))
    assert whole.shape == (1, 2, 21, 34)
    picked = whole[0, :, pixels[:, 0], pixels[:, 1]].T
    # of probabilities together only the mean counts: their logits may differ by a constant
    torch.testing.assert_close(picked.softmax(1), patches.softmax(1), atol=1e-5, rtol=0)
    assert patches.softmax(1).std(0).max() > 1e-4  # not one number everywhere


def test_the_lattice_has_the_pixels_numbers(net):
    image = torch.rand(1, 1, 18, 23)
    with torch.no_grad():
        torch.testing.assert_close(net(image, stride=4), net(image)[:, :, ::4, ::4], atol=1e-5, rtol=1e-4)


def test_one_direction_does_not_see_the_other():
    image = torch.zeros(1, 1, 120, 120)
    image[0, 0, 60, 100] = 5.0  # 40 columns right of the pixel that is judged, in its row
    blank = torch.zeros_like(image)
    for direction, sees in (("vertical", False), ("horizontal", True)):
        torch.manual_seed(0)
        net = OneBranchNet((100, 20), direction).eval()
        with torch.no_grad():
            differs = (net(image) - net(blank))[0, :, 60, 60].abs().max() > 1e-6
        assert bool(differs) == sees


def target(rows=24, cols=32):
    label = torch.zeros(1, 1, rows, cols)
    label[..., 8:16, 8:20] = 1
    return torch.cat([label, torch.ones_like(label)], 1)


def test_two_apart_are_trained_as_each_by_itself():
    image, wanted = torch.rand(1, 1, 24, 32), target()
    torch.manual_seed(0)
    both = TwoApartNet()
    TwoApartLoss()(TwoApartLattice(both)(image), wanted).backward()
    for net in (both.vertical, both.horizontal):
        together = [p.grad.clone() for p in net.parameters()]
        net.zero_grad()
        CrossoverLoss(constraint="none")(StridedNet(net)(image), wanted).backward()
        for alone, one in zip(net.parameters(), together, strict=True):
            torch.testing.assert_close(one, alone.grad)
        assert any(grad.abs().max() > 0 for grad in together)


def test_attention_counts_the_pixels_that_the_other_network_misses():
    logits = torch.zeros(1, 4, 2, 2)
    logits[0, 1] = 20.0  # the vertical network says object everywhere
    logits[0, 2] = 20.0  # the horizontal one says background everywhere
    label = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]])
    wanted = torch.cat([label, torch.ones_like(label)], 1)
    apart, attended = TwoApartLoss()(logits, wanted), TwoApartLoss(attention=1.0)(logits, wanted)
    # apart: the vertical one is wrong by 20 at 3 of 4 pixels, the horizontal one at 1 of 4
    assert apart == pytest.approx(20 * (3 / 4 + 1 / 4))
    # attended: the one pixel that the horizontal one misses counts twice for the vertical one, and so on
    assert attended == pytest.approx(20 * (3 / 5 + 1 / 7))


def test_a_square_of_no_known_size_needs_a_stack():
    with pytest.raises(ValueError, match="64x64 has no stack"):
        OneBranchNet((64, 64))


def test_v_net_takes_an_image_of_any_size():
    torch.manual_seed(0)
    net = PaddedNet(VNet(spatial_dims=2, in_channels=1, out_channels=2)).eval()
    image = torch.rand(1, 1, 37, 50, requires_grad=True)
    logits = net(image)
    assert logits.shape == (1, 2, 37, 50)
    logits[0, 1, 5, 5].backward()
    assert image.grad[0, 0, 5, 5] != 0
