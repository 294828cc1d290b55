"""What file names say: which label belongs to which image, and of which patient it is."""

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import nibabel as nib

from patchseg.errors import InputError

IMAGE_ENDINGS = (".nii.gz", ".nii", ".mha", ".mhd", ".nrrd", ".png")
IMAGE_SUFFIX = re.compile(r"(?<=.)_image$", re.IGNORECASE)
LABEL_SUFFIX = re.compile(r"_(segmentation|seg|label|mask|gt|la)$", re.IGNORECASE)
SLICE_SUFFIX = re.compile(r"_(frame|z|slice|s)[-_]?\d+.*$", re.IGNORECASE)
SLICE_NUMBER = re.compile(r"(?<=\d)_\d+$")


def image_files(folder: Path) -> list[Path]:
    """The images and labels in a folder by name, hidden files left out."""
    found = [p for p in folder.iterdir() if p.name.lower().endswith(IMAGE_ENDINGS) and p.name[0] != "."]
    return sorted(path for path in found if path.is_file())


def stem_of(path: Path) -> str:
    """File name without its ending.

    >>> stem_of(Path("scans/p01.nii.gz"))
    'p01'
    """
    return next((path.name[: -len(end)] for end in IMAGE_ENDINGS if path.name.lower().endswith(end)), path.stem)


def record_of(image: Path, label: Path | None, patient: str | None = None) -> dict:
    """The record of one case; without a patient it is what the name says before a frame or slice."""
    name = IMAGE_SUFFIX.sub("", stem_of(image))
    case = {"name": name, "patient": patient or SLICE_SUFFIX.sub("", name), "image": str(image)}
    if label is not None:
        case["label"] = str(label)
    return case | {"intensity": "window8" if _is_8bit(image) else "HU"}


def beside_each_other(folder: Path) -> list[dict]:
    """Records of a folder that holds images and, if any, their labels."""
    files = image_files(folder)
    stems = {stem_of(file) for file in files}
    names = stems | {IMAGE_SUFFIX.sub("", stem) for stem in stems}
    labels = [f for f in files if LABEL_SUFFIX.sub("", stem_of(f)) in names - {stem_of(f)}]
    return paired(folder, [file for file in files if file not in labels], labels)


def paired(folder: Path, images: list[Path], labels: list[Path]) -> list[dict]:
    """Records of images with the labels of the same name, for messages about `folder`.

    Raises:
        InputError: a label without an image, or two labels for one.
    """
    names = {IMAGE_SUFFIX.sub("", stem_of(image)): stem_of(image) for image in images}
    known = {stem: stem for stem in names.values()} | names
    label_of: dict[str, Path] = {}
    strangers = []
    for label in labels:
        # the whole name first: an image may itself be called scan_seg
        name = next((s for s in (stem_of(label), LABEL_SUFFIX.sub("", stem_of(label))) if s in known), None)
        if name is None:
            strangers.append(label.name)
        elif known[name] in label_of:
            raise InputError(f"{label} and {label_of[known[name]].name} both label the image {name}; keep one.")
        else:
            label_of[known[name]] = label
    refuse(folder, "labels without an image", strangers)
    return _slices_by_patient([record_of(image, label_of.get(stem_of(image))) for image in images])


def _slices_by_patient(cases: list[dict]) -> list[dict]:
    """Take `case0001_0006.png` as a slice of case0001 where the folder holds several patients in that way.

    Only for PNG, which are always slices: of volumes, `kits19_0006.nii.gz` is more often a patient of its own.
    """
    patients = {case["name"]: SLICE_NUMBER.sub("", case["patient"]) for case in cases}
    if len(set(patients.values())) == 1 or not all(case["image"].lower().endswith(".png") for case in cases):
        return cases
    return [case | {"patient": patients[case["name"]]} for case in cases]


def _is_8bit(image: Path) -> bool:
    """True when the file stores unsigned bytes, which cannot hold HU (read from the header only)."""
    if image.suffix.lower() == ".png":
        return True
    try:
        if image.name.lower().endswith((".nii", ".nii.gz")):
            stored = nib.load(image).dataobj
            return stored.dtype == "uint8" and (stored.slope, stored.inter) == (1, 0)
        with image.open("rb") as file:
            start = file.read(4096).split(b"\n\n")[0]
    except (OSError, nib.filebasedimages.ImageFileError) as error:
        raise InputError(f"{image} cannot be read as an image ({error}); replace the file.") from None
    return bool(re.search(rb"MET_UCHAR|^type: *(uchar|unsigned char|uint8)", start, re.MULTILINE))


def first_folder(folder: Path, names: Iterable[str]) -> Path | None:
    """The first of the named folders that is there."""
    return next((folder / name for name in names if (folder / name).is_dir()), None)


def folders_that(folder: Path, fits: Callable[[Path], bool], depth: int = 3) -> list[Path]:
    """The folders that fit, the folder itself included, down to so many levels below; hidden ones are left out.

    Inside of one that fits none is looked for.
    """
    found = []
    for where, names, _ in os.walk(folder, followlinks=True):
        here = Path(where)
        deep = len(here.relative_to(folder).parts) >= depth
        if fits(here):
            found.append(here)
            deep = True
        names[:] = [] if deep else [name for name in names if name[0] != "."]
    return sorted(found)


def refuse(where: Path, what: str, names: list[str]) -> None:
    """Raise an InputError that says what is wrong with these names, unless there are none."""
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        raise InputError(f"{where} has {what}: {', '.join(names[:3])}{more}; add, rename or remove them.")
