"""A bundle's own inference, run on one scan."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from monai.bundle import ConfigParser
from monai.data import decollate_batch, list_data_collate
from monai.networks.utils import eval_mode
from monai.transforms import Compose, LoadImaged, SaveImaged
from scipy import ndimage
from tqdm import tqdm

from patchseg.errors import InputError
from patchseg.scans import scan_reader
from patchseg.weights import load_weights


@dataclass
class Segmentation:
    """What `segment_scan` found, on the grid of the file.

    Attributes:
        mask: (X, Y, Z) uint8, zeros and ones.
        affine: (4, 4), voxel index to RAS world millimetres.
        seconds: wall time of the stages `load` (bundle, weights, scan, preprocessing) and `network` (with
            post-processing).
    """

    mask: np.ndarray
    affine: np.ndarray
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def voxel_ml(self) -> float:
        """Millilitres per voxel."""
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000

    @property
    def volume_ml(self) -> float:
        """Millilitres of the whole mask."""
        return int(self.mask.sum()) * self.voxel_ml

    @property
    def largest_ml(self) -> float:
        """Millilitres of the largest component (voxels that share a face); 0 for an empty mask."""
        labels, count = ndimage.label(self.mask)
        return int(np.bincount(labels.ravel())[1:].max()) * self.voxel_ml if count else 0.0


def segment_scan(scan: str | Path, root: str | Path, series: str | None = None) -> Segmentation:
    """Run `preprocessing`, `inferer`, `network_def` and `postprocessing` of configs/inference.json on a scan.

    Writing is left to the caller: SaveImaged in the bundle's `postprocessing` is passed over.

    Args:
        scan: NIfTI, MHA, MHD or NRRD file, or the folder of a DICOM series.
        root: the bundle's folder; its weights are models/model.pt.
        series: SeriesInstanceUID, for a folder with several series.

    Raises:
        InputError: the scan, the weights or the config cannot be used; the sentence says which and why.
    """
    start = time.perf_counter()
    reader = scan_reader(scan, series)
    parser = _parser(Path(root))
    network = load_weights(parser.get_parsed_content("network_def"), Path(root) / "models" / "model.pt")
    device = torch.device(parser.get_parsed_content("device"))
    preprocessing = parser.get_parsed_content("preprocessing")
    if reader is not None:
        next(t for t in preprocessing.transforms if isinstance(t, LoadImaged)).register(reader)
    data = preprocessing({"image": str(scan)})
    meta = data["image"].meta
    batch = list_data_collate([data])
    loaded = time.perf_counter()

    network.to(device)
    inferer = parser.get_parsed_content("inferer")
    with torch.no_grad(), eval_mode(network), _slices_shown(network, batch["image"].shape[-1]):
        batch["pred"] = inferer(batch["image"].to(device), network)
    transforms = parser.get_parsed_content("postprocessing").transforms
    pred = Compose([t for t in transforms if not isinstance(t, SaveImaged)])(decollate_batch(batch)[0])["pred"]
    shape, affine = tuple(int(n) for n in meta["spatial_shape"][:3]), np.asarray(meta["original_affine"])
    if tuple(pred.shape) != (1, *shape) or not np.allclose(pred.affine, affine, atol=1e-3):
        raise RuntimeError(f"{root}: postprocessing leaves pred as {tuple(pred.shape)}, the scan is {shape}")
    seconds = {"load": loaded - start, "network": time.perf_counter() - loaded}
    return Segmentation((pred[0] != 0).cpu().numpy().astype(np.uint8), affine, seconds)


def _parser(root: Path) -> ConfigParser:
    config = root / "configs" / "inference.json"
    if not config.is_file():
        raise InputError(f"there is no {config}: this bundle cannot segment.")
    parser = ConfigParser()
    parser.read_config(config)
    metadata = root / "configs" / "metadata.json"
    if metadata.is_file():
        parser.read_meta(metadata)
    parser["bundle_root"] = str(root)
    return parser


@contextmanager
def _slices_shown(network: torch.nn.Module, slices: int) -> Iterator[None]:
    """A bar over the slices the network has seen, on stderr, once it takes longer than two seconds."""
    with tqdm(total=slices, desc="slices", delay=2, leave=False, disable=None) as bar:

        def count(_: torch.nn.Module, inputs: tuple[torch.Tensor, ...], __: object) -> None:
            bar.update(len(inputs[0]))

        hook = network.register_forward_hook(count)
        try:
            yield
        finally:
            hook.remove()
