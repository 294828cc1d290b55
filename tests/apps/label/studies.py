"""Phantoms of a few slices in a folder of studies, and copies of the bundles that train in seconds."""

import functools
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import itk
import nibabel as nib
import numpy as np
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
from scipy import ndimage
from scipy.spatial.transform import Rotation

from patchseg.data.phantom_ct import ct_phantom
from patchseg.data.phantom_mr import mr_phantom

REPOSITORY = Path(__file__).resolve().parents[3]
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
# axis order, and degrees about the left-right axis: the same anatomy for the network, another file for the client
HEADERS = {
    "lps": ("LPS", 0),
    "ras": ("RAS", 0),
    "ipl": ("IPL", 0),
    "oblique": ("LPS", 20),
    "oblique_rsa": ("RSA", -15),
}
PROSTATES = [f"prostate_{header}" for header in HEADERS]
KIDNEYS = ["kidney_ras", "kidney_ipl", "kidney_oblique"]


@dataclass
class Case:
    """A phantom: voxels in file order, its object's mask, the affine to RAS millimetres, and a voxel to click."""

    image: np.ndarray
    label: np.ndarray
    affine: np.ndarray
    click: list[int]


@functools.cache
def prostate(name: str = "prostate_lps", slices: int = 3) -> Case:
    """The middle slices of an MR phantom, its header as the name says; the object is the whole gland."""
    return turned(middle(*mr_phantom(0), slices), *HEADERS[name.removeprefix("prostate_")])


@functools.cache
def kidney(name: str = "kidney_ras", seed: int = 1, slices: int = 3) -> Case:
    """The slices of a CT phantom around the middle of its tumours."""
    image, label, affine = ct_phantom(seed)
    case = middle(image, (label == 2).astype(np.uint8), affine, slices)
    return turned(case, *HEADERS[name.removeprefix("kidney_")])


def turned(case: Case, axes: str, degrees: float) -> Case:
    """The same anatomy with its axes in another order and direction, in a patient who lies tilted."""
    way = ornt_transform(io_orientation(case.affine), axcodes2ornt(axes))
    clicked = np.zeros(case.image.shape, np.uint8)
    clicked[tuple(case.click)] = 1
    arrays = [nib.Nifti1Image(a, case.affine).as_reoriented(way) for a in (case.image, case.label, clicked)]
    tilt = np.eye(4)
    tilt[:3, :3] = Rotation.from_euler("x", degrees, degrees=True).as_matrix()
    image, label, clicked = (np.ascontiguousarray(a.dataobj) for a in arrays)
    return Case(image, label, tilt @ arrays[0].affine, [int(n) for n in np.argwhere(clicked)[0]])


def in_order(array: np.ndarray, case: Case) -> np.ndarray:
    """An array on a case's grid with its axes as LPS, for comparing cases of one anatomy."""
    way = ornt_transform(io_orientation(case.affine), axcodes2ornt("LPS"))
    return np.asarray(nib.Nifti1Image(array, case.affine).as_reoriented(way).dataobj)


def middle(image: np.ndarray, label: np.ndarray, affine: np.ndarray, slices: int) -> Case:
    """The slices around the one that shows most of the object."""
    axis = int(np.abs(affine[2, :3]).argmax())
    shown = label.sum(axis=tuple({0, 1, 2} - {axis}))
    first = int(np.clip(shown.argmax() - slices // 2, 0, len(shown) - slices))
    part = tuple(slice(first, first + slices) if a == axis else slice(None) for a in range(3))
    affine = affine.copy()
    affine[:3, 3] += affine[:3, axis] * first
    depth = ndimage.distance_transform_edt(label[part], sampling=np.linalg.norm(affine[:3, :3], axis=0))
    click = [int(n) for n in np.unravel_index(depth.argmax(), depth.shape)]
    return Case(np.ascontiguousarray(image[part]), np.ascontiguousarray(label[part]), affine, click)


def write_nifti(array: np.ndarray, affine: np.ndarray, path: Path) -> Path:
    image = nib.Nifti1Image(array, affine)
    image.set_qform(affine, code=1)
    nib.save(image, path)
    return path


def itk_image(array: np.ndarray, affine: np.ndarray) -> itk.Image:
    """An array (X, Y, Z) with a RAS affine as ITK has it: LPS, direction, spacing and origin apart."""
    image = itk.image_from_array(np.ascontiguousarray(array.transpose(2, 1, 0)))
    world = LPS @ affine
    spacing = np.linalg.norm(world[:3, :3], axis=0)
    image.SetSpacing([float(mm) for mm in spacing])
    image.SetOrigin([float(mm) for mm in world[:3, 3]])
    image.SetDirection(itk.matrix_from_array(np.ascontiguousarray(world[:3, :3] / spacing)))
    return image


def write_itk(array: np.ndarray, affine: np.ndarray, path: Path) -> Path:
    itk.imwrite(itk_image(array, affine), str(path))
    return path


def read_itk(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Array (X, Y, Z) and RAS affine of a file that ITK reads."""
    image = itk.imread(str(path))
    affine = np.eye(4)
    affine[:3, :3] = itk.array_from_matrix(image.GetDirection()) * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return itk.array_from_image(image).transpose(2, 1, 0), LPS @ affine


def write_series(case: Case, folder: Path, modality: str = "MR") -> Path:
    """One DICOM file per slice; the third axis of the case must be its slices."""
    folder.mkdir(parents=True)
    for k in range(case.image.shape[2]):
        affine = case.affine.copy()
        affine[:3, 3] += affine[:3, 2] * k
        image = itk_image(case.image[:, :, k : k + 1], affine)
        tags = image.GetMetaDataDictionary()
        tags["0008|0060"], tags["0020|000d"], tags["0020|000e"] = modality, "1.2.3.4", "1.2.3.4.5"
        tags["0020|0013"], tags["0008|0021"] = str(k + 1), "20200101"
        image.SetMetaDataDictionary(tags)
        io = itk.GDCMImageIO.New()
        io.KeepOriginalUIDOn()
        itk.imwrite(image, str(folder / f"{99 - k:03d}.dcm"), imageio=io)
    return folder


def write_studies(folder: Path) -> Path:
    """NIfTI prostates and kidneys, an NRRD, a DICOM series, and a file that is no image."""
    folder.mkdir()
    for name in PROSTATES + KIDNEYS:
        case = prostate(name) if name in PROSTATES else kidney(name)
        write_nifti(case.image, case.affine, folder / f"{name}.nii.gz")
    case = prostate("prostate_oblique")
    write_itk(case.image, case.affine, folder / "nrrd.nrrd")
    write_series(case, folder / "series")
    (folder / "damaged.nii.gz").write_bytes(b"no image")
    return folder


def copy_bundles(folder: Path) -> Path:
    """The bundles of the repository, and one that has no weights yet.

    An epoch of theirs takes seconds, and the copies may be written to.
    """
    small = {"slices_per_epoch": 2, "batch_size": 1, "rays": 2, "slices_per_case": 1, "canvas": [48, 48]}
    for bundle in (REPOSITORY / "bundles").iterdir():
        if not (bundle / "configs" / "metadata.json").is_file():
            continue
        shutil.copytree(bundle, folder / bundle.name)
        path = folder / bundle.name / "configs" / "train.json"
        config = json.loads(path.read_text())
        path.write_text(json.dumps(config | {key: value for key, value in small.items() if key in config}))
    untrained = shutil.ignore_patterns("model.pt*")
    shutil.copytree(folder / "crossover_kidney", folder / "untrained", ignore=untrained, dirs_exist_ok=True)
    return folder


def interactions(bundles: Path) -> dict[str, str]:
    """The bundles that have weights, sorted by name, with what their metadata says of clicks."""
    roots = sorted(path.parents[1] for path in bundles.glob("*/models/model.pt"))
    metadata = {root.name: json.loads((root / "configs" / "metadata.json").read_text()) for root in roots}
    return {name: content.get("interaction", "automatic") for name, content in metadata.items()}
