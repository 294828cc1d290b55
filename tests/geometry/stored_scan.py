"""One lopsided anatomy in world millimetres, stored as files in any axis order, and masks read back by others.

The anatomy is three boxes, none of which any flip or exchange of axes maps onto itself. `depth` is known at every
point of the world, so that a mask file can be judged with nothing but its own header.
"""

import functools
import itertools
import json
from pathlib import Path
from typing import NamedTuple

import itk
import nibabel as nib
import numpy as np
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from monai.transforms import Compose

from patchseg.scans import scan_reader

BUNDLES = Path(__file__).resolve().parents[2] / "bundles"
ORIENTATIONS = [
    "RAS",  # first, so that hypothesis shrinks to it
    *(
        codes
        for axes in itertools.permutations(("RL", "AP", "SI"))
        for letters in itertools.product(*axes)
        if (codes := "".join(letters)) != "RAS"
    ),
]
FORMS = ("nifti", "mha", "nrrd", "dicom")
NAMES = {"nifti": "scan.nii.gz", "mha": "scan.mha", "nrrd": "scan.nrrd", "dicom": "series"}
BOXES = (((0, 0, 0), (14, 11, 12)), ((15, -3, 5), (10, 5, 6)), ((-5, 13, -4), (6, 9, 5)))  # centre, half; mm
HALF_VIEW = (34, 30, 24)  # mm
CENTRE = (11, -23, 37)  # of the view in the world, mm RAS+
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


class Header(NamedTuple):
    """Voxel sides in mm towards right, front and head, and the turns of the three axes in radians."""

    sides: tuple[float, float, float] = (1.9, 1.9, 1.9)
    tilt: tuple[float, float, float] = (0.0, 0.0, 0.0)


HEADERS = {
    "isotropic": Header(),
    "anisotropic": Header((0.9, 1.3, 4.7)),
    "oblique": Header((1.1, 0.8, 3.9), (0.3, 0.2, 0.25)),
}


class Volume(NamedTuple):
    """An array and its affine, from voxel index to RAS+ millimetres."""

    array: np.ndarray
    affine: np.ndarray


def depth(world: np.ndarray, header: Header) -> np.ndarray:
    """How far points (..., 3) lie outside of the anatomy, in mm along the nearest axis; inside below 0."""
    points = (world - CENTRE) @ nib.eulerangles.euler2mat(*header.tilt)
    return np.min([np.max(np.abs(points - centre) - half, -1) for centre, half in BOXES], 0)


def world_of(volume: Volume) -> np.ndarray:
    """(X, Y, Z, 3): where each voxel lies."""
    voxels = np.stack(np.meshgrid(*map(np.arange, volume.array.shape), indexing="ij"), -1)
    return nib.affines.apply_affine(volume.affine, voxels)


def stored(header: Header, codes: str, softness: float = 6.0) -> Volume:
    """The anatomy as int16, its edge where 200 is crossed, `softness` mm wide to either side."""
    shape = [int(2 * half / side) + 1 for half, side in zip(HALF_VIEW, header.sides, strict=True)]
    view = nib.affines.from_matvec(
        np.diag(header.sides), [-(n - 1) * side / 2 for n, side in zip(shape, header.sides, strict=True)]
    )
    affine = nib.affines.from_matvec(nib.eulerangles.euler2mat(*header.tilt), CENTRE) @ view
    outside = depth(world_of(Volume(np.empty(shape), affine)), header)
    grey = np.rint(200 - 240 * np.clip(outside / softness, -1, 1)).astype(np.int16)
    return reoriented(Volume(grey, affine), codes)


def reoriented(volume: Volume, codes: str) -> Volume:
    """The same voxels in another axis order."""
    turn = nib.orientations.ornt_transform(nib.io_orientation(volume.affine), nib.orientations.axcodes2ornt(codes))
    image = nib.Nifti1Image(volume.array, volume.affine).as_reoriented(turn)
    return Volume(np.asarray(image.dataobj), image.affine)


def written(volume: Volume, folder: Path, form: str) -> Path:
    """The volume as a file of this form, or as a folder of DICOM files whose names say nothing of their order."""
    path = folder / NAMES[form]
    if form == "nifti":
        nib.save(nib.Nifti1Image(volume.array, volume.affine), path)
    elif form == "dicom":
        path.mkdir()
        slices = volume.array.shape[2]
        names = np.random.default_rng(slices).permutation(3 * slices)[:slices]
        for k in range(slices):
            origin = nib.affines.apply_affine(volume.affine, (0, 0, k))
            slice_ = Volume(volume.array[..., k : k + 1], nib.affines.from_matvec(volume.affine[:3, :3], origin))
            # backwards, with gaps; every other file without an ending
            name = path / f"IM{1000 - names[k]}{'.dcm' * (k % 2)}"
            itk.imwrite(_dicom(_itk(slice_), slices - k), str(name), imageio=_kept())
    else:
        itk.imwrite(_itk(volume), str(path))
    return path


def _itk(volume: Volume) -> itk.Image:
    lps = LPS @ volume.affine
    sides = np.linalg.norm(lps[:3, :3], axis=0)
    image = itk.image_from_array(np.ascontiguousarray(volume.array.T))
    image.SetSpacing(sides.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection(itk.matrix_from_array(np.ascontiguousarray(lps[:3, :3] / sides)))
    return image


def _dicom(image: itk.Image, number: int) -> itk.Image:
    tags = image.GetMetaDataDictionary()
    tags["0008|0060"], tags["0020|000d"], tags["0020|000e"] = "CT", "1.2.3.4", "1.2.826.0.1.3680043.8.498.7"
    tags["0008|0021"], tags["0020|0013"] = "20200101", str(number)
    image.SetMetaDataDictionary(tags)
    return image


def _kept() -> itk.GDCMImageIO:
    writer = itk.GDCMImageIO.New()
    writer.KeepOriginalUIDOn()
    return writer


def read(path: Path) -> Volume:
    """A file or DICOM folder as nibabel or ITK understands it."""
    if path.name.endswith(".nii.gz"):
        image = nib.load(path)
        return Volume(np.asarray(image.dataobj), image.affine)
    if path.is_dir():
        names = itk.GDCMSeriesFileNames.New()
        names.SetDirectory(str(path))
        (series,) = names.GetSeriesUIDs()
        image = itk.imread([str(name) for name in names.GetFileNames(series)])
    else:
        image = itk.imread(str(path))
    axes = itk.array_from_matrix(image.GetDirection()) @ np.diag(list(image.GetSpacing()))
    return Volume(itk.array_from_image(image).T, LPS @ nib.affines.from_matvec(axes, list(image.GetOrigin())))


def stand_ins(folder: Path) -> dict[str, Path]:
    """Both bundles with their own inference.json, except for a network that takes what is bright."""
    networks = {
        # two channels: 2, the middle of crossover_kidney's window of 0..4, and the image itself
        "crossover_kidney": (
            {"_target_": "torch.nn.Conv2d", "in_channels": 1, "out_channels": 2, "kernel_size": 1},
            {"weight": torch.tensor([[0.0], [1.0]])[..., None, None], "bias": torch.tensor([2.0, 0.0])},
        ),
        # each pixel of each patch by itself, of however many; patches have mean 0 and deviation 1
        "seqpatch_prostate": (
            {"_target_": "torch.nn.Linear", "in_features": 32, "out_features": 32},
            {"weight": 40 * torch.eye(32), "bias": torch.full((32,), -40.0)},
        ),
    }
    roots = {}
    for name, (network_def, weights) in networks.items():
        root = folder / name
        for part in ("configs", "models"):
            (root / part).mkdir(parents=True)
        config = json.loads((BUNDLES / name / "configs" / "inference.json").read_text())
        (root / "configs" / "inference.json").write_text(json.dumps(config | {"network_def": network_def}))
        (root / "configs" / "metadata.json").write_text('{"version": "0"}')
        torch.save(weights, root / "models" / "model.pt")
        roots[name] = root
    return roots


@functools.cache
def preprocessing(root: Path) -> Compose:
    """The bundle's own, made once: as in a server, scan after scan goes through the same transforms."""
    parser = ConfigParser()
    parser.read_config(root / "configs" / "inference.json")
    return parser.get_parsed_content("preprocessing")


def on_grid(scan: Path, root: Path, clicks: list[list[int]]) -> MetaTensor:
    """Image and click channels as the bundle's own preprocessing gives them."""
    reader = scan_reader(scan)
    steps = preprocessing(root) if reader is None else preprocessing.__wrapped__(root)
    if reader is not None:
        steps.transforms[0].register(reader)
    return steps({"image": str(scan), "foreground": clicks})["image"]
