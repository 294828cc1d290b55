"""OpenVINO gives the numbers of torch: any size and stride, both networks, and nothing else changes."""

import subprocess
import sys

import pytest
import torch
from monai.data import MetaTensor
from torch import nn

from patchseg.crossover import CrossoverNet, cross_patches
from patchseg.denormals import flushed
from patchseg.errors import InputError
from patchseg.runtimes import at_runtime
from patchseg.seqpatch import SeqPatchNet


def noisy(net: nn.Module) -> nn.Module:
    """Biases too are random, so that zero padding and zero bias cannot hide each other."""
    for parameter in net.parameters():
        if parameter.ndim == 1:
            nn.init.normal_(parameter, std=0.1)
    return net.eval()


@pytest.fixture
def layer() -> nn.Module:
    torch.manual_seed(0)
    return nn.Conv2d(1, 2, 3, padding=1)


@pytest.mark.parametrize(
    ("patch", "size"), [((100, 20), (1, 1)), ((100, 20), (33, 46)), ((340, 68), (21, 10))], ids=str
)
def test_every_pixel_is_its_patch_pair(patch, size):
    torch.manual_seed(0)
    net = noisy(CrossoverNet(patch))
    image = torch.rand(1, 1, *size)
    pixels = torch.tensor([[0, 0], [size[0] - 1, size[1] - 1], [size[0] // 2, size[1] // 3]])
    found = at_runtime(net, "openvino")(image)
    assert found.shape == (1, 2, *size)
    with torch.no_grad():
        expected = net.forward_patches(*cross_patches(image[0], pixels, patch))
    torch.testing.assert_close(found[0, :, pixels[:, 0], pixels[:, 1]].T, expected, rtol=0, atol=1e-5)


def test_the_lattice_and_bfloat16():
    torch.manual_seed(0)
    net = noisy(CrossoverNet())
    image = torch.rand(2, 1, 30, 25)
    with torch.no_grad():
        expected = net(image, stride=4)
    found = at_runtime(net, "openvino")(image, stride=4)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    coarse = at_runtime(net, "openvino", "bfloat16")(image, stride=4)
    torch.testing.assert_close(coarse, expected, rtol=0, atol=0.05 * float(expected.abs().max()))


def test_rays_more_than_go_at_a_time():
    torch.manual_seed(0)
    net = noisy(SeqPatchNet(channels=(4, 6, 8)))
    patches = torch.randn(18, 2, 32, 32)
    with torch.no_grad():
        expected = net(patches)
    torch.testing.assert_close(at_runtime(net, "openvino")(patches), expected, rtol=0, atol=1e-5)


def test_nothing_else_changes(layer):
    """Whether denormals are flushed, the kind of tensor, the weights; and no report leaves the machine."""
    weights = layer.weight.detach().clone()
    net = at_runtime(layer, "openvino")
    image = MetaTensor(torch.rand(1, 1, 5, 6), affine=2 * torch.eye(4))
    for flush in (True, False):
        torch.set_flush_denormal(flush)
        found = net(image)
        assert flushed() is flush
    assert isinstance(found, MetaTensor) and torch.equal(found.affine, image.affine)
    assert torch.equal(layer.weight, weights)
    torch.testing.assert_close(found.as_tensor(), layer(image.as_tensor()).detach(), rtol=0, atol=1e-6)
    from openvino.tools.ovc import telemetry_utils

    assert telemetry_utils.tm.__name__.endswith("stub")


def test_an_answer_does_not_change_with_the_next(layer):
    net = at_runtime(layer, "openvino")
    first = net(torch.zeros(1, 1, 5, 6))
    kept = first.clone()
    net(torch.ones(1, 1, 5, 6))
    assert torch.equal(first, kept)


def test_only_the_last_shapes_are_kept(layer, monkeypatch):
    monkeypatch.setattr("patchseg.runtimes.openvino_cpu.KEPT", 2)
    net = at_runtime(layer, "openvino")
    for size in (3, 4, 3, 5):
        net(torch.rand(1, 1, size, 4))
    assert [key[0] for key in net._compiled] == [(1, 1, 3, 4), (1, 1, 5, 4)]


def test_it_computes_on_the_cpu_only(layer):
    with pytest.raises(InputError, match="set device to 'cpu'"):
        at_runtime(layer, "openvino")(torch.zeros(1, 1, 4, 4, device="meta"))


LOADING_AFTER_TWO_NETWORKS = """
import torch
from torch.utils.data import DataLoader
from patchseg.runtimes import at_runtime

networks = [at_runtime(torch.nn.Conv2d(1, 2, 3), "openvino") for _ in range(2)]
print([tuple(network(torch.zeros(1, 1, 9, 9)).shape) for network in networks])
while networks:
    networks.pop(0)  # the first that came goes first
grown = [bytearray(20144 * size) for size in range(200)]  # the freed memory is given to others
del grown
for _ in range(3):
    list(DataLoader([1, 2, 3], num_workers=1))  # its processes end, and signal it
"""


def test_a_signal_after_networks_that_went_in_the_order_they_came():
    """On processors with AMX this process died (see `_core`); on others it never did."""
    command = [sys.executable, "-W", "ignore", "-c", LOADING_AFTER_TWO_NETWORKS]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, "[(1, 2, 7, 7), (1, 2, 7, 7)]\n"), ended.stderr
