"""Files that look like scans and are none: each function writes one, or a DICOM folder, to a path."""

import gzip
import os
import struct
from collections.abc import Callable
from pathlib import Path

import itk
import nibabel as nib
import numpy as np
from PIL import Image

SHAPE = (24, 22, 6)
SIDES = (2.0, 2.5, 4.0)
Make = Callable[[Path], object]


def voxels(shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    """A body at 40 HU in air with something bright in it."""
    rng = np.random.default_rng(0)
    found = rng.integers(-1010, -990, shape).astype(np.int16)
    found[5:-5, 5:-5] += 1040
    found[10:14, 9:13] += 260
    return found


def nifti(path: Path, array: np.ndarray | None = None, affine: np.ndarray | None = None) -> None:
    nib.save(
        nib.Nifti1Image(voxels() if array is None else array, np.diag([*SIDES, 1]) if affine is None else affine),
        path,
    )


def itk_image(path: Path, array: np.ndarray | None = None, vector: bool = False) -> None:
    array = voxels() if array is None else array
    image = itk.image_from_array(np.ascontiguousarray(array.T if not vector else array), is_vector=vector)
    image.SetSpacing(list(SIDES))
    itk.imwrite(image, str(path))


def replaced(form: str, old: bytes, new: bytes) -> Make:
    """A good file of this ending in whose bytes one thing is changed."""

    def make(path: Path) -> None:
        itk_image(path)
        content = path.read_bytes()
        assert old in content, content[:400]
        path.write_bytes(content.replace(old, new, 1))

    assert form
    return make


def header(offset: int, form: str, *values: float) -> Make:
    """A good .nii in whose header the field at this offset is changed."""

    def make(path: Path) -> None:
        nifti(path)
        content = bytearray(path.read_bytes())
        struct.pack_into(f"<{form}", content, offset, *values)
        path.write_bytes(bytes(content))

    return make


def content(data: bytes) -> Make:
    return lambda path: path.write_bytes(data)


def cut(part: float) -> Make:
    """A good file of the path's own format, cut short."""

    def make(path: Path) -> None:
        (nifti if ".nii" in path.name else itk_image)(path)
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * part)])

    return make


def with_value(value: float) -> Make:
    def make(path: Path) -> None:
        array = voxels().astype(np.float32)
        array[3, 4, 2] = value
        nifti(path, array)

    return make


def shaped(*shape: int) -> Make:
    return lambda path: nifti(path, np.random.default_rng(0).normal(0, 300, shape).astype(np.float32))


def affine(change: Callable[[np.ndarray], None]) -> Make:
    """A good .nii whose sform alone counts and is changed."""

    def make(path: Path) -> None:
        matrix = np.diag([*SIDES, 1.0])
        change(matrix)
        image = nib.Nifti1Image(voxels(), np.eye(4))
        for row, name in enumerate(("srow_x", "srow_y", "srow_z")):
            image.header[name] = matrix[row]
        image.header["sform_code"], image.header["qform_code"] = 1, 0
        with path.open("wb") as file:
            image.header.write_to(file)
            file.write(voxels().tobytes("F"))

    return make


def entry(row: int, column: int, value: float) -> Make:
    def change(matrix: np.ndarray) -> None:
        matrix[row, column] = value

    return affine(change)


def in_one_plane(matrix: np.ndarray) -> None:
    matrix[:3, 2] = matrix[:3, 1]


def rgb_nifti(path: Path) -> None:
    colours = np.zeros(SHAPE, np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")]))
    colours["R"] = np.random.default_rng(0).integers(0, 255, SHAPE)
    nib.save(nib.Nifti1Image(colours, np.eye(4)), path)


def rgb_itk(path: Path) -> None:
    itk_image(path, np.random.default_rng(0).integers(0, 255, (6, 22, 24, 3)).astype(np.uint8), vector=True)


def picture(path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (20, 20, 3)).astype(np.uint8)).save(path, "PNG")


def huge_gz(path: Path) -> None:
    """A header that promises 54 TB and then ends."""
    nifti(path.with_suffix(""))
    whole = bytearray(path.with_suffix("").read_bytes())
    path.with_suffix("").unlink()
    struct.pack_into("<3h", whole, 42, 30000, 30000, 30000)
    path.write_bytes(gzip.compress(bytes(whole)))


def mhd(path: Path, raw: str = "scan.raw", size: int | None = None) -> None:
    """An .mhd; its data are missing, or `size` bytes long."""
    path.write_text(
        "ObjectType = Image\nNDims = 3\nDimSize = 24 22 6\nElementType = MET_SHORT\n"
        f"ElementSpacing = 2 2.5 4\nElementDataFile = {raw}\n"
    )
    if size is not None:
        (path.parent / raw).write_bytes(voxels().tobytes("F")[:size])


def pipe(path: Path) -> None:
    os.mkfifo(path)


def link_in_circles(path: Path) -> None:
    path.symlink_to(path)


def link_to_nothing(path: Path) -> None:
    path.symlink_to(path.with_name("gone.nii.gz"))


def unreadable(path: Path) -> None:
    nifti(path)
    path.chmod(0)


# --- DICOM ---


def series(
    folder: Path,
    uid: str = "1.2.826.0.1.3680043.8.498.7",
    missing: tuple[int, ...] = (),
    moved: dict[int, float] | None = None,
    tags: dict[str, str] | None = None,
    array: np.ndarray | None = None,
    slices: int = 6,
    prefix: str = "IM",
) -> None:
    """One file per slice, 4 mm apart."""
    folder.mkdir(exist_ok=True)
    array = voxels() if array is None else array
    for k in range(slices):
        if k in missing:
            continue
        image = itk.image_from_array(np.ascontiguousarray(array[:, :, k].T[None]))
        image.SetSpacing(list(SIDES))
        image.SetOrigin([-10.0, -20.0, 5 + 4.0 * k + (moved or {}).get(k, 0)])
        meta = image.GetMetaDataDictionary()
        meta["0008|0060"], meta["0020|000d"], meta["0020|000e"] = "CT", "1.2.3.4", uid
        meta["0020|0013"], meta["0008|0021"] = str(k + 1), "20200101"
        # else drawn at random, or of now
        meta["0008|0018"], meta["0020|0052"] = f"{uid}.{k + 1}", "1.2.3.5"
        meta["0008|0020"], meta["0008|0030"] = "20200101", "101010"
        for name, value in (tags or {}).items():
            meta[name] = value
        image.SetMetaDataDictionary(meta)
        writer = itk.GDCMImageIO.New()
        writer.KeepOriginalUIDOn()
        itk.imwrite(image, str(folder / f"{prefix}{k:03d}.dcm"), imageio=writer)


def two_series(folder: Path) -> None:
    series(folder)
    series(folder, uid="1.2.826.0.1.3680043.8.498.8", prefix="second")


def two_sizes(folder: Path) -> None:
    series(folder)
    series(folder, array=voxels((20, 22, 9)), slices=6, prefix="other")


def damaged_slice(folder: Path, name: str = "IM003.dcm") -> None:
    series(folder)
    path = folder / name
    path.write_bytes(path.read_bytes()[:-200])


def damaged_end(folder: Path) -> None:
    damaged_slice(folder, "IM005.dcm")


def colour_series(folder: Path) -> None:
    folder.mkdir()
    for k in range(3):
        pixels = np.random.default_rng(k).integers(0, 255, (1, 12, 14, 3)).astype(np.uint8)
        image = itk.image_from_array(pixels, is_vector=True)
        image.SetOrigin([0.0, 0.0, 4.0 * k])
        image.GetMetaDataDictionary()["0020|000e"] = "1.2.826.0.1.3680043.8.498.9"
        writer = itk.GDCMImageIO.New()
        writer.KeepOriginalUIDOn()
        itk.imwrite(image, str(folder / f"{k}.dcm"), imageio=writer)


def no_positions(folder: Path) -> None:
    """Screenshots: every slice at the same place."""
    series(folder, moved={k: -4.0 * k for k in range(6)})


def deeper(folder: Path) -> None:
    folder.mkdir()
    series(folder / "inner")


def texts(folder: Path) -> None:
    folder.mkdir()
    for name in ("readme.txt", "IM001.dcm", "DICOMDIR"):
        (folder / name).write_text("no image\n")


def nifti_named(path: Path) -> None:
    """A good NIfTI under a name that says nothing."""
    nifti(path.with_name("good.nii"))
    path.with_name("good.nii").rename(path)


def one_dicom(path: Path) -> None:
    """One slice of a series, without its folder."""
    series(path.with_name("slices"), slices=1)
    (path.with_name("slices") / "IM000.dcm").rename(path)
