"""A bundle's own inference, run on one scan."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser
from monai.data import decollate_batch, list_data_collate
from monai.networks.utils import eval_mode
from monai.transforms import Compose, Invertd, LoadImaged, SaveImaged
from scipy import ndimage
from tqdm import tqdm

from patchseg.denormals import denormals_flushed
from patchseg.errors import InputError, input_error_in
from patchseg.geometry import ClickGuidanced
from patchseg.runtimes import at_runtime
from patchseg.scans import scan_reader
from patchseg.seqpatch import DIRECTIONS
from patchseg.weights import load_weights


@dataclass
class Segmentation:
    """What `segment_scan` found, on the grid of the file.

    Attributes:
        mask: (X, Y, Z) uint8, zeros and ones; of several structures their numbers.
        affine: (4, 4), voxel index to RAS world millimetres.
        seconds: wall time of the stages `start` (bundle, weights), `read` (the file), `to grid` (the rest of the
            preprocessing), `network`, `clean` (postprocessing on the network's grid) and `invert` (back to the
            file's grid).
        confidence: of each slice, from bundles that take clicks, as `ConfidencePerSliced` gives it.
    """

    mask: np.ndarray
    affine: np.ndarray
    seconds: dict[str, float] = field(default_factory=dict)
    confidence: dict[str, Any] | None = None

    @property
    def voxel_ml(self) -> float:
        """Millilitres per voxel."""
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000

    @property
    def volume_ml(self) -> float:
        """Millilitres of the whole mask."""
        return int(np.count_nonzero(self.mask)) * self.voxel_ml

    @property
    def largest_ml(self) -> float:
        """Millilitres of the largest component (voxels that share a face); 0 for an empty mask."""
        labels, count = ndimage.label(self.mask)
        return int(np.bincount(labels.ravel())[1:].max()) * self.voxel_ml if count else 0.0


def segment_scan(
    scan: str | Path,
    root: str | Path,
    series: str | None = None,
    clicks: Mapping[str, Sequence[Sequence[int]]] | None = None,
    runtime: str | None = None,
) -> Segmentation:
    """Run `preprocessing`, `inferer`, `network_def` and `postprocessing` of configs/inference.json on a scan.

    Writing is left to the caller: SaveImaged in the bundle's `postprocessing` is passed over.

    Args:
        scan: NIfTI, MHA, MHD or NRRD file, or the folder of a DICOM series.
        root: the bundle's folder; its weights are models/model.pt.
        series: SeriesInstanceUID, for a folder with several series.
        clicks: `foreground` and `background` voxels [i, j, k] of the file, for bundles that take them.
        runtime: what computes the network, see `patchseg.runtimes`; None takes the bundle's own choice.

    Raises:
        InputError: the scan, a click, the weights or the config cannot be used; the sentence says which and why.
    """
    seconds: dict[str, float] = {}
    with _stage(seconds, "start"):
        reader = scan_reader(scan, series)
        parser = _parser(Path(root))
        config = Path(root) / "configs" / "inference.json"
        network = load_weights(_made(parser, "network_def", config), Path(root) / "models" / "model.pt")
        device = _made(parser, "device", config)
        runtime = runtime or parser.get("runtime", "torch")
        device = torch.device("cpu") if runtime == "openvino" else device
        network = at_runtime(_moved(network, device, config), runtime)
        preprocessing = _made(parser, "preprocessing", config).transforms
        inferer = _made(parser, "inferer", config)
        transforms = _made(parser, "postprocessing", config).transforms
        postprocessing = [t for t in transforms if not isinstance(t, SaveImaged)]
    if clicks and not any(isinstance(t, ClickGuidanced) for t in preprocessing):
        raise InputError(f"{Path(root).name} takes no clicks: leave them out, with `patchseg segment`.")
    loading = next(t for t in preprocessing if isinstance(t, LoadImaged))
    if reader is not None:
        loading.register(reader)
    with _stage(seconds, "read"):
        data = loading({"image": str(scan), **(clicks or {})})
    with _stage(seconds, "to grid"):
        data = Compose([t for t in preprocessing if t is not loading])(data)
        image = data["image"]
        batch = list_data_collate([data])

    # how far clicks will be carried nobody knows beforehand
    shown = _slices_shown(network, None, len(DIRECTIONS)) if clicks else _slices_shown(network, image.shape[-1])
    with _stage(seconds, "network"), torch.no_grad(), denormals_flushed(), eval_mode(network), shown:
        batch["pred"] = inferer(batch["image"].to(device), network)
    kinds = [isinstance(t, Invertd) for t in postprocessing]
    inverting = kinds.index(True) if True in kinds else len(kinds)
    with _stage(seconds, "clean"):
        result = Compose(postprocessing[:inverting])(decollate_batch(batch)[0])
    with _stage(seconds, "invert"):
        result = Compose(postprocessing[inverting:])(result)
    pred = result["pred"]
    pred = pred.reshape(pred.shape[:4])  # a file may have more axes, of length 1
    shape = tuple(int(n) for n in image.meta["spatial_shape"][:3])
    affine = np.asarray(image.meta["original_affine"])
    if tuple(pred.shape) != (1, *shape) or not np.allclose(pred.affine, affine, atol=1e-3):
        raise RuntimeError(f"{root}: postprocessing leaves pred as {tuple(pred.shape)}, the scan is {shape}")
    mask = pred[0].cpu().numpy().astype(np.uint8)
    return Segmentation(mask, affine, seconds, result.get("confidence"))


def _parser(root: Path) -> ConfigParser:
    config = root / "configs" / "inference.json"
    if not config.is_file():
        raise InputError(f"there is no {config}: this bundle cannot segment.")
    parser = ConfigParser()
    metadata = root / "configs" / "metadata.json"
    for path, read in ((config, parser.read_config), (metadata, parser.read_meta)):
        if path.is_file():
            try:
                read(path)
            except Exception as error:  # MONAI fails in several ways on what is no JSON object
                raise InputError(
                    f"{path} cannot be read ({_reason(error)}): repair or replace the file."
                ) from error
    parser["bundle_root"] = str(root)
    return parser


def _made(parser: ConfigParser, key: str, config: Path) -> Any:
    """What the config describes under a key."""
    try:
        return parser.get_parsed_content(key)
    except Exception as error:
        if input_error_in(error):
            raise
        raise InputError(f"{config}: {key} cannot be made ({_reason(error)}); repair it there.") from error


def _moved(network: torch.nn.Module, device: Any, config: Path) -> torch.nn.Module:
    try:
        return network.to(torch.device(device))
    except (RuntimeError, AssertionError, TypeError) as error:
        raise InputError(
            f"{config}: device {device} cannot be used here ({_reason(error)}); give another."
        ) from error


def _reason(error: BaseException) -> str:
    """The first line of what lies at the bottom of an error."""
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".")


@contextmanager
def _stage(seconds: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - start


@contextmanager
def _slices_shown(network: torch.nn.Module, slices: int | None, per_slice: int = 1) -> Iterator[None]:
    """A bar over the slices the network has seen, on stderr, once it takes longer than two seconds.

    Args:
        slices: how many there will be, if known. per_slice: how many inputs of the network make up a slice.
    """
    with tqdm(total=slices, desc="slices", delay=2, leave=False, disable=None) as bar:

        def count(_: torch.nn.Module, inputs: tuple[torch.Tensor, ...], __: object) -> None:
            bar.update(len(inputs[0]) // per_slice)

        hook = network.register_forward_hook(count)
        try:
            yield
        finally:
            hook.remove()
