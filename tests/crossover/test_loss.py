"""The loss on the lattice against its definition on patch pairs, in value and gradient."""

import pytest
import torch
import torch.nn.functional as F

from patchseg.crossover import STACKS, CrossoverLoss, CrossoverNet, LatticeNet, cross_patches, patch_pairs, windows
from patchseg.crossover.loss import constraint_loss, dice_loss
from patchseg.crossover.stacks import constraint_window


def eq3(vertical, horizontal, window, form="printed", end_term=True):
    """Equation 3, written as it is printed, for maps (N, C, rows, columns) of patch pairs."""

    def rows(maps, span):
        return maps[:, :, span[0] : span[1] + 1]

    def ends(maps):
        return torch.cat([rows(maps, window.first_end), rows(maps, window.last_end)], 2)

    def term(a, b):
        squares = (a - b).square().flatten(1).sum(1)
        if form == "bounded":
            squares = squares / (a.square() + b.square()).flatten(1).sum(1)
        return squares

    # `horizontal` comes out of the branch transposed, so M_Hc^T is its rows.
    loss = term(rows(vertical, window.centre), rows(horizontal, window.centre))
    return loss - term(ends(vertical), ends(horizontal)) if end_term else loss


@pytest.mark.parametrize("form", ["printed", "bounded"])
@pytest.mark.parametrize("end_term", [True, False])
@pytest.mark.parametrize("layer", [1, 2, 3, 4])
def test_constraint_is_equation_3(form, end_term, layer):
    torch.manual_seed(layer)
    net = CrossoverNet()
    pair = patch_pairs(net, torch.rand(5, 1, 100, 20), torch.rand(5, 1, 20, 100), layer)
    window = constraint_window((100, 20), layer)
    found = constraint_loss(pair, window, form, end_term)
    expected = eq3(pair.vertical, pair.horizontal, window, form, end_term)
    torch.testing.assert_close(found[:, 0, 0], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("patch", "layer"), [((100, 20), 1), ((100, 20), 3), ((100, 20), 4), ((340, 68), 4)])
@pytest.mark.parametrize(
    "options",
    [
        {"weight": 1.0},
        {"constraint": "printed"},
        {"prediction": "mse", "end_term": False},
        {"constraint": "none", "dice_weight": 1.0},
    ],
)
@pytest.mark.parametrize("shared", [True, False])
def test_lattice_equals_patch_pairs_in_value_and_gradient(patch, layer, options, shared):
    torch.manual_seed(1)
    net = CrossoverNet(patch, shared=shared).double()
    image = torch.rand(1, 1, 21, 26, dtype=torch.double)
    target = torch.stack([torch.rand(1, 21, 26).round(), torch.rand(1, 21, 26)], 1).double()
    loss = CrossoverLoss(patch, layer, **options)

    lattice = LatticeNet(net, layer)
    on_lattice = loss(lattice(image), target)
    on_lattice.backward()
    gradients = [p.grad.clone() for p in net.parameters()]
    net.zero_grad()

    stride = lattice.stride
    pixels = torch.cartesian_prod(torch.arange(0, 21, stride), torch.arange(0, 26, stride))
    pairs = patch_pairs(net, *cross_patches(image[0], pixels, patch), layer)
    labels = target[0, :, pixels[:, 0], pixels[:, 1]].T[:, :, None, None]
    by_pairs = loss(pairs, labels)
    by_pairs.backward()

    torch.testing.assert_close(on_lattice, by_pairs)
    for found, parameter in zip(gradients, net.parameters(), strict=True):
        torch.testing.assert_close(found, parameter.grad, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("layer", [2, 3])
def test_images_together_as_on_a_gpu_or_one_by_one(monkeypatch, layer):
    torch.manual_seed(2)
    net = CrossoverNet().double()
    images = torch.rand(3, 1, 18, 23, dtype=torch.double)
    target = torch.rand(3, 1, 18, 23).round()

    def loss_and_gradients():
        net.zero_grad()
        loss = CrossoverLoss(layer=layer, weight=1.0)(LatticeNet(net, layer)(images), target)
        loss.backward()
        return [loss.detach(), *(p.grad.clone() for p in net.parameters())]

    one_by_one = loss_and_gradients()
    monkeypatch.setattr(windows, "_together", len)
    torch.testing.assert_close(loss_and_gradients(), one_by_one, rtol=1e-9, atol=1e-12)


def test_weights_choose_pixels():
    """0 and 1 as weights are the paper's average over the drawn pixels."""
    torch.manual_seed(2)
    output = LatticeNet(CrossoverNet())(torch.rand(2, 1, 32, 40))
    label = torch.rand(2, 1, 32, 40).round()
    drawn = torch.zeros(2, 1, 32, 40)
    drawn[0, 0, 4, 8] = drawn[1, 0, 28, 36] = 1
    found = CrossoverLoss(constraint="none")(output, torch.cat([label, drawn], 1))
    expected = F.cross_entropy(
        torch.stack([output.logits[0, :, 1, 2], output.logits[1, :, 7, 9]]),
        torch.stack([label[0, 0, 4, 8], label[1, 0, 28, 36]]).long(),
    )
    torch.testing.assert_close(found, expected)
    assert CrossoverLoss()(output, torch.cat([label, drawn * 0], 1)) == 0


def test_bounded_stays_between_minus_one_and_one_and_printed_does_not():
    net = CrossoverNet()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(3)
    output = LatticeNet(net)(torch.rand(1, 1, 40, 40))
    window = constraint_window((100, 20), 3)
    assert constraint_loss(output, window).abs().max() <= 1
    assert constraint_loss(output, window, "printed").abs().max() > 1


def test_weight_scales_the_constraint_alone():
    output = LatticeNet(CrossoverNet())(torch.rand(1, 1, 24, 24))
    label = torch.zeros(1, 1, 24, 24)
    bare, half, whole = (CrossoverLoss(weight=w)(output, label) for w in (0.0, 0.5, 1.0))
    torch.testing.assert_close(bare, CrossoverLoss(constraint="none")(output, label))
    torch.testing.assert_close(half - bare, (whole - bare) / 2, rtol=1e-4, atol=1e-6)
    assert whole != bare


def test_dice_of_each_slice_counts_alike_however_small():
    """Three slices judged with certainty: half right, a single pixel that is missed, and empty."""
    label = torch.zeros(3, 1, 8, 8)
    label[0, 0, :4], label[1, 0, 0, 0] = 1, 1
    said = torch.zeros(3, 8, 8)
    said[0, :2] = 1
    logits = torch.stack([-100 * said + 50, 100 * said - 50], 1)
    smooth = 1  # of both, so that an empty slice has a Dice
    dice = [(2 * 16 + smooth) / (16 + 32 + smooth), smooth / (1 + smooth), 1.0]
    torch.testing.assert_close(dice_loss(logits, label), torch.tensor(1 - sum(dice) / 3))

    pixels = (logits.permute(0, 2, 3, 1)[0].reshape(64, 2, 1, 1), label[0].reshape(64, 1, 1, 1))
    torch.testing.assert_close(dice_loss(*pixels), torch.tensor(1 - dice[0]))


def test_dice_weight_adds_the_dice_term():
    output = LatticeNet(CrossoverNet(num_classes=3))(torch.rand(2, 1, 24, 24))
    target = torch.cat([torch.randint(3, (2, 1, 24, 24)), torch.rand(2, 1, 24, 24)], 1)
    bare, half = (CrossoverLoss(dice_weight=w)(output, target) for w in (0.0, 0.5))
    torch.testing.assert_close(half - bare, dice_loss(output.logits, target[:, :1, ::4, ::4]) / 2)


def test_zero_maps_give_zero_not_nan():
    net = CrossoverNet()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
    output = LatticeNet(net)(torch.zeros(1, 1, 16, 16))
    loss = CrossoverLoss()(output, torch.zeros(1, 1, 16, 16))
    loss.backward()
    torch.testing.assert_close(loss, torch.tensor(2.0).log())
    assert all(torch.isfinite(p.grad).all() for p in net.parameters())


def test_mse_is_the_squared_error_of_the_probability():
    logits = torch.tensor([[[[2.0]], [[0.5]]]])
    probability = torch.sigmoid(torch.tensor(0.5 - 2.0))
    found = CrossoverLoss(constraint="none", prediction="mse")(logits, torch.ones(1, 1, 1, 1))
    torch.testing.assert_close(found, (1 - probability).square())


@pytest.mark.parametrize("patch", list(STACKS))
def test_a_constraint_that_lowers_when_trained(patch):
    torch.manual_seed(3)
    net = CrossoverNet(patch)
    lattice, loss = LatticeNet(net), CrossoverLoss(patch)
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    image, label = torch.rand(1, 1, 48, 48), torch.zeros(1, 1, 48, 48)
    label[..., 16:32, 16:32] = 1
    losses = []
    for _ in range(4):
        optimizer.zero_grad()
        losses.append(loss(lattice(image), label))
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("options", "words"),
    [({"prediction": "dice"}, "prediction"), ({"constraint": "some"}, "constraint"), ({"layer": 12}, "layer 12")],
)
def test_options_it_has_not(options, words):
    with pytest.raises(ValueError, match=words):
        CrossoverLoss(**options)


def test_what_does_not_fit():
    with pytest.raises(ValueError, match="CrossoverOutput"):
        CrossoverLoss()(torch.zeros(1, 2, 4, 4), torch.zeros(1, 1, 16, 16))
    with pytest.raises(ValueError, match="logits"):
        CrossoverLoss(constraint="none")(torch.zeros(1, 2, 4, 4), torch.zeros(1, 1, 9, 33))
    with pytest.raises(ValueError, match="layer 8"):
        LatticeNet(CrossoverNet(), layer=8)
