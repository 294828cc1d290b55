"""Training steps for `gpu.py`, and how far their gradients are from the CPU's."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from gpu_timing import Setting, beside, line, milliseconds, rounded
from lattice_training import PairNet
from limit import operations
from torch import Tensor, nn

from patchseg.crossover import CrossoverLoss, CrossoverNet, LatticeNet, cross_patches
from patchseg.seqpatch import SeqPatchNet

BATCH = 256  # patch pairs at a time


def crossover_training(setting: Setting, images: int = 8, size: int = 160) -> dict[str, Any]:
    """A step on the lattice with the whole loss, against steps on patch pairs."""
    torch.manual_seed(0)
    net, loss = CrossoverNet().to(setting.device), CrossoverLoss()
    canvases = torch.rand(images, 1, size, size).to(setting.device)
    target = torch.cat([(torch.rand(canvases.shape) > 0.5).to(canvases), torch.ones_like(canvases)], 1)
    lattice, by_pairs = LatticeNet(net), setting.network(PairNet(net))
    error = gradient_error(setting, lattice, loss, canvases[:1], target[:1])
    step = training_step(setting.network(lattice), loss, canvases, target)
    judged = images * (-(-size // 4)) ** 2
    found = line(f"crossover_training_{images}x{size}", setting, step, operations(step), judged, "lattice pixels")
    pixels = sample(size, 4).to(setting.device)
    vertical, horizontal = cross_patches(canvases[0], pixels)
    pairs, labels = (
        torch.stack([vertical, horizontal.transpose(2, 3)], 1),
        target[0, 0, pixels[:, 0], pixels[:, 1]],
    )
    pair_step = training_step(by_pairs, loss, pairs, labels.view(-1, 1, 1, 1))
    one_batch = milliseconds(pair_step, setting.device, setting.seconds)
    return beside(found, one_batch * judged / BATCH, error)


def seqpatch_training(setting: Setting, slices: int = 64, rays: int = 16, steps: int = 8) -> dict[str, Any]:
    """A step on all rays of several slices; there is no baseline."""
    torch.manual_seed(0)
    net, loss = SeqPatchNet().to(setting.device), nn.BCEWithLogitsLoss()
    patches = torch.randn(slices * rays, steps, 32, 32).to(setting.device)
    target = (patches > 0).float()
    error = gradient_error(setting, net, loss, patches[:rays], target[:rays])
    step = training_step(setting.network(net), loss, patches, target)
    name = f"seqpatch_training_{slices}x{rays}x{steps}"
    found = line(name, setting, step, operations(step), len(patches), "rays")
    return found | {"max_error": rounded(error)}


def training_step(network: nn.Module, loss: nn.Module, inputs: Tensor, target: Tensor) -> Callable[[], None]:
    """Forward, loss, backward, and a step of Adam."""
    optimizer = torch.optim.Adam(network.parameters(), 1e-4)

    def step() -> None:
        optimizer.zero_grad()
        loss(network(inputs), target).backward()
        optimizer.step()

    return step


def gradient_error(setting: Setting, network: nn.Module, loss: nn.Module, inputs: Tensor, target: Tensor) -> float:
    """Largest difference from the CPU's float32 gradients, each as a part of that gradient's largest number."""
    plain, ours = deepcopy(network).cpu(), deepcopy(network)
    loss(plain(inputs.cpu()), target.cpu()).backward()
    loss(setting.network(ours)(inputs), target).backward()
    both = zip(ours.parameters(), plain.parameters(), strict=True)
    parts = [(one.grad.cpu() - other.grad).abs().max() / other.grad.abs().max() for one, other in both]
    return float(torch.stack(parts).max())  # NaN if one is


def sample(size: int, stride: int) -> Tensor:
    """BATCH pixels of the lattice, (BATCH, 2): its corners, a quarter near the upper left one, the rest any."""
    last = (size - 1) // stride
    places = torch.randint(0, last + 1, (BATCH, 2), generator=torch.Generator().manual_seed(0))
    places[: BATCH // 4] %= 40 // stride
    places[:4] = torch.tensor([[0, 0], [0, last], [last, 0], [last, last]])
    return places * stride
