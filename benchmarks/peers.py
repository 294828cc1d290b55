"""A slice or a click, ours beside networks that others would take for it; each in a process of its own.

    python benchmarks/peers.py --task slice          Crossover-Net on the lattice; BasicUNet on the same slice
    python benchmarks/peers.py --task every_pixel    Crossover-Net at every pixel; the same
    python benchmarks/peers.py --task refined        the lattice refined; the same, both on real slices
    python benchmarks/peers.py --task click_slice    one click to its slice's mask; DeepEdit's network per click
    python benchmarks/peers.py --task click_volume   one click to the mask of 30 slices; the same

DeepEdit's network is that of the model zoo's spleen_deepedit_annotation: after every click it reads the whole
volume, resized to 128 x 128 x 128. Weights are random, but for the refined lattice, whose time depends on what it
finds: it has those of crossover_kidney. Only time and memory are compared, since the networks answer different
questions. Real slices are those of $PATCHSEG_DATA, else a phantom's. The last line printed is one JSON object,
with the peer's memory beside ours.
"""

import json
from collections.abc import Callable
from typing import Any

import fire
import torch
from figures import figures
from limit import matrix_rate, operations, timed
from monai.networks.nets import BasicUNet, DynUNet
from own_process import in_own_process
from refined import operations_of, padded, real_slices, shipped_network
from torch import Tensor, nn

from patchseg.crossover import CrossoverNet, InterpolatedLattice
from patchseg.crossover.refine import RefinedLattice
from patchseg.errors import InputError, show_as_sentence
from patchseg.runtimes import at_runtime, fast_runtime
from patchseg.seqpatch import DIRECTIONS, EIGHT, ClickInferer, SeqPatchNet

TASKS = ("slice", "every_pixel", "refined", "click_slice", "click_volume")
STEPS = 8  # patches on a ray, as seqpatch_prostate has


def main(
    task: str = "slice",
    size: int | None = None,
    slices: int = 30,
    cube: int = 128,
    runtime: str | None = None,
    precision: str = "float32",
    seconds: float = 20.0,
) -> None:
    """Time both, print the figures.

    Args:
        task: "slice", "every_pixel", "refined", "click_slice" or "click_volume".
        size: rows and columns of a slice: 512, or 320 for clicks, unless given. Real slices have their own.
        slices: of the volume that is clicked in; the most real ones.
        cube: side of the volume DeepEdit's network reads.
        runtime: of both, "torch" or "openvino"; None takes OpenVINO where it is installed, but for Crossover-Net
            in float32 torch, which has a form of its own for it (`patchseg.crossover.winograd`).
        precision: of both, "float32" or "bfloat16".
        seconds: how long each of the two is repeated, at least once.
    """
    if task not in TASKS:
        raise InputError(f"task is {task!r}: give one of {', '.join(TASKS)}.")
    own_form = not task.startswith("click") and precision == "float32"
    peer_runtime = runtime or fast_runtime()
    runtime = runtime or ("torch" if own_form else peer_runtime)
    side = size or (320 if task.startswith("click") else 512)
    if task == "refined":
        images = [padded(slice_) for slice_ in real_slices()[:slices]]
        (ours, needed), peak = in_own_process(refined_seconds, images, runtime, precision, seconds)
        baseline, peer_peak = in_own_process(peer_slices_seconds, images, peer_runtime, precision, seconds)
    else:
        (ours, needed), peak = in_own_process(ours_seconds, task, side, slices, runtime, precision, seconds)
        peer_side = cube if task.startswith("click") else side
        baseline, peer_peak = in_own_process(peer_seconds, task, peer_side, peer_runtime, precision, seconds)
    limit = needed / matrix_rate(precision)
    print(f"{task}: ours {ours:.2f} s, {peak} MB ({runtime}); {baseline:.2f} s, {peer_peak} MB ({peer_runtime})")
    depth = f"x{slices}" if task == "click_volume" else ""
    extent = "" if task == "refined" else f"{side}{depth}_"
    name = f"peers_{task}_{extent}{precision}"
    peer = {"baseline_peak_rss_mb": peer_peak, "baseline_runtime": peer_runtime}
    print(json.dumps(figures(name, ours, limit, peak, runtime, precision, baseline, **peer)))


def ours_seconds(
    task: str, side: int, slices: int, runtime: str, precision: str, seconds: float
) -> tuple[float, int]:
    """Median seconds of ours, and the operations of its network."""
    if not task.startswith("click"):
        image = _noise(1, 1, side, side)
        net = CrossoverNet()
        form = InterpolatedLattice(net) if task == "slice" else net
        stride = form.stride if task == "slice" else 1
        needed = operations(CrossoverNet().to("meta"), image.to("meta"), stride=stride)
        return _seconds(at_runtime(form.eval(), runtime, precision), image, seconds), needed
    volume = clicked_volume(side, slices if task == "click_volume" else 1)
    network = at_runtime(SeqPatchNet().eval(), runtime, precision)
    inferer = ClickInferer(STEPS, coarsest=1, longest=1e9)
    found = inferer(volume, sure(network))
    if int((found[0, 0] > 0.5).any(0).any(0).sum()) != volume.shape[-1]:
        raise SystemExit("the object was not carried through all slices")
    rays = len(DIRECTIONS) + (volume.shape[-1] - 1) * len(EIGHT)  # eight where the click is carried to
    needed = rays * operations(SeqPatchNet().to("meta"), torch.empty(1, STEPS, 32, 32, device="meta"))
    return _seconds(lambda inputs: inferer(inputs, sure(network)), volume, seconds), needed


def refined_seconds(images: list[Tensor], runtime: str, precision: str, seconds: float) -> tuple[float, float]:
    """Median seconds of the refined lattice on all slices, one by one, and its operations."""
    net = shipped_network()
    form = RefinedLattice(net, runtime, precision).eval()
    with torch.no_grad():
        needed = sum(operations_of(net, form(image)) for image in images)
    return _seconds(lambda images: [form(image) for image in images], images, seconds), needed


def peer_slices_seconds(images: list[Tensor], runtime: str, precision: str, seconds: float) -> float:
    """Median seconds of BasicUNet on all slices, one by one."""
    network = at_runtime(basic_unet(), runtime, precision)
    return _seconds(lambda images: [network(image) for image in images], images, seconds)


def basic_unet() -> BasicUNet:
    return BasicUNet(spatial_dims=2, in_channels=1, out_channels=2).eval()


def peer_seconds(task: str, side: int, runtime: str, precision: str, seconds: float) -> float:
    """Median seconds of BasicUNet on a slice, or of DeepEdit's network on a volume."""
    if task.startswith("click"):
        peer, inputs = deepedit_network(), _noise(1, 3, side, side, side)  # the image, and clicks in two channels
    else:
        peer, inputs = basic_unet(), _noise(1, 1, side, side)
    return _seconds(at_runtime(peer.eval(), runtime, precision), inputs, seconds)


def deepedit_network() -> DynUNet:
    """`network_def` in configs/inference.json of the model zoo's spleen_deepedit_annotation."""
    return DynUNet(
        spatial_dims=3,
        in_channels=3,
        out_channels=2,
        kernel_size=[3, 3, 3, 3, 3, 3],
        strides=[1, 2, 2, 2, 2, [2, 2, 1]],
        upsample_kernel_size=[2, 2, 2, 2, [2, 2, 1]],
        norm_name="instance",
        deep_supervision=False,
        res_block=True,
    )


def clicked_volume(side: int, slices: int) -> Tensor:
    """(1, 3, side, side, slices): a bright cylinder in noise, clicked in its middle."""
    volume = torch.zeros(1, 3, side, side, slices)
    volume[0, 0] = _noise(side, side, slices)
    away = torch.arange(side) - side // 2
    volume[0, 0][away[:, None] ** 2 + away**2 < min(20, side // 6) ** 2] += 5
    volume[0, 1, side // 2, side // 2, slices // 2] = 1
    return volume


def sure(network: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The network's time, but what is brighter than the mean as its answer: the object is in every slice."""
    return lambda patches: 20 * patches + 0 * network(patches)


def _noise(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def _seconds(function: Callable[[Any], Any] | nn.Module, inputs: Tensor | list[Tensor], seconds: float) -> float:
    torch.set_flush_denormal(True)
    with torch.inference_mode():
        function(inputs)  # compiles, or warms up
        return timed(lambda: function(inputs), seconds)[0]


if __name__ == "__main__":
    show_as_sentence()
    fire.Fire(main)
