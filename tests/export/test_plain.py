import pytest
import torch

from patchseg.crossover import CrossoverNet, cross_patches
from patchseg.errors import InputError
from patchseg.export.plain import plain
from patchseg.seqpatch import SeqPatchNet


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("size", [(1, 1), (6, 9), (13, 8)])
def test_dilated_convolutions_give_the_patch_pairs(shared, size):
    """Every pixel's patch pair cut out and judged alone, which is the definition."""
    torch.manual_seed(sum(size))
    network = CrossoverNet(shared=shared, num_classes=3).eval()
    image = torch.rand(2, 1, *size)
    with torch.no_grad():
        logits = plain(network)(image)
        for one, found in zip(image, logits, strict=True):
            expected = network.forward_patches(*cross_patches(one, torch.cartesian_prod(*map(torch.arange, size))))
            torch.testing.assert_close(found.flatten(1).T, expected, rtol=0, atol=1e-5)


def test_the_original_keeps_its_layers():
    network = SeqPatchNet(channels=(2, 2, 2))
    before = [type(module) for module in network.modules()]
    other = plain(network)
    assert [type(module) for module in network.modules()] == before
    assert other.state_dict().keys() == network.state_dict().keys()


def test_other_networks_are_refused():
    with pytest.raises(InputError, match="a Linear cannot be exported"):
        plain(torch.nn.Linear(1, 1))
