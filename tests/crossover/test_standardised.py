"""Weights that training writes in another way: the same patch network, and ordinary weights in the file."""

import pytest
import torch

from patchseg.crossover import CrossoverNet, LatticeNet, cross_patches, patch_pairs, standardised
from patchseg.errors import InputError
from patchseg.weights import load_weights, save_weights, saved_as

PIXELS = torch.tensor([[0, 0], [4, 8], [16, 20]])


def test_lattice_equals_patch_pairs_while_training():
    torch.manual_seed(0)
    net = standardised(CrossoverNet()).double()
    image = torch.rand(1, 1, 17, 21, dtype=torch.double)
    lattice = LatticeNet(net)(image).logits[0, :, PIXELS[:, 0] // 4, PIXELS[:, 1] // 4].T
    pairs = patch_pairs(net, *cross_patches(image[0], PIXELS)).logits[:, :, 0, 0]
    torch.testing.assert_close(lattice, pairs)
    gradients = [torch.autograd.grad(logits.sum(), list(net.parameters())) for logits in (lattice, pairs)]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("shared", [True, False])
def test_what_is_saved_is_an_ordinary_network(tmp_path, shared):
    torch.manual_seed(1)
    net = standardised(CrossoverNet(shared=shared)).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    before = {name: values.clone() for name, values in net.state_dict().items()}
    save_weights(net, tmp_path / "model.pt")
    assert saved_as(net, tmp_path / "model.pt")
    plain = load_weights(CrossoverNet(shared=shared), tmp_path / "model.pt").eval()
    image = torch.rand(1, 1, 30, 25)
    torch.testing.assert_close(plain(image), net(image), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(net.state_dict(), before)  # training goes on with what it had


def test_standardised_weights_go_on_unchanged_and_have_mean_zero(tmp_path):
    torch.manual_seed(2)
    first = standardised(CrossoverNet())
    conv = first.vertical.convs[3]
    with torch.no_grad():
        conv.parametrizations.weight[0].gain.mul_(torch.rand(64, 1, 1, 1) + 0.5)
    weight = conv.weight.detach()
    assert weight.mean((1, 2, 3)).abs().max() < 1e-6

    save_weights(first, tmp_path / "model.pt")
    again = standardised(load_weights(CrossoverNet(), tmp_path / "model.pt"), pretrained=True)
    torch.testing.assert_close(again.vertical.convs[3].weight, weight, rtol=1e-4, atol=1e-6)


def test_weights_that_would_lose_their_mean_are_refused():
    with pytest.raises(InputError, match="not trained with standardised weights"):
        standardised(CrossoverNet(), pretrained=True)


def test_a_brighter_image_leaves_the_first_map_as_it_is():
    branch = standardised(CrossoverNet()).vertical
    image = torch.rand(1, 1, 100, 20)
    torch.testing.assert_close(branch.convs[0](image + 3), branch.convs[0](image), atol=1e-4, rtol=1e-4)
