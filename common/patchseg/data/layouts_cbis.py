"""CBIS-DDSM as distributed: mammograms and, in other folders, a mask and a cut-out of each mass, all as DICOM."""

import re
import warnings
from pathlib import Path

import itk
import numpy as np
from skimage.transform import resize

from patchseg.data.layouts_names import folders_that, record_of, refuse
from patchseg.errors import InputError

MAMMOGRAM = re.compile(r"Mass-(?:Training|Test)_(P_\d+)_(?:LEFT|RIGHT)_(?:CC|MLO)")
MASS = re.compile(rf"({MAMMOGRAM.pattern})_\d+")
SAME_SIDES = 0.01  # how far the ratios of sides may differ where a mask is of another size than its mammogram


def cbis_cases(folder: Path, labelled: bool) -> list[dict] | None:
    """Records of the mammograms in `Mass-Training_P_00001_LEFT_CC/`, with all masks of `.._CC_1/`, `.._CC_2/`.

    Folders of calcifications are left out. The tables `mass_case_description_..csv` are not needed: they name
    masks and cut-outs the wrong way round at times, and all else stands in the names of the folders.

    Returns:
        None for another layout. The record's `label` is a list: what lies in the masses' folders, and the
        mammogram; see `union_mask`.

    Raises:
        InputError: a folder without an image or with several, or masks without a mammogram.
    """
    folders = folders_that(
        folder, lambda path: bool(MAMMOGRAM.fullmatch(path.name) or MASS.fullmatch(path.name)), depth=4
    )
    if not folders:
        return None
    files = {path: sorted(path.rglob("*.dcm")) for path in folders}
    mammograms = {path: found for path, found in files.items() if MAMMOGRAM.fullmatch(path.name)}
    masses: dict[str, list[Path]] = {}
    for path, found in files.items():
        if path not in mammograms:
            masses.setdefault(MASS.fullmatch(path.name)[1], []).extend(found)
    refuse(folder, "folders without a DICOM image", [path.name for path, found in files.items() if not found])
    refuse(folder, "mammograms of several images", [p.name for p, found in mammograms.items() if len(found) > 1])
    refuse(folder, "masses without their mammogram", sorted(set(masses) - {path.name for path in mammograms}))
    cases = []
    for path, (image,) in mammograms.items():
        case = record_of(image, None, MAMMOGRAM.fullmatch(path.name)[1]) | {"name": path.name}
        if path.name in masses:
            case["label"] = [str(file) for file in (*masses[path.name], image)]
        cases.append(case)
    return cases


def union_mask(files: list[Path], shape: tuple[int, int]) -> np.ndarray:
    """1 where any mass is, 0 elsewhere.

    A mask is told from the cut-out beside it by its two values; which of the two is called 1-1.dcm varies. A few
    masks are of another size than their mammogram, with sides of the same ratio: they are brought to its size.

    Args:
        files: masks and cut-outs of all masses of a mammogram.
        shape: its rows and columns.

    Raises:
        InputError: a mass without a mask or with several, or a mask whose sides have another ratio.
    """
    masks: dict[str, list[np.ndarray]] = {}
    for file in files:
        picture = _picture(file)
        found = masks.setdefault(_mass_of(file), [])
        if ((picture == picture.min()) | (picture == picture.max())).all():
            found.append(_of_size(picture > picture.min(), shape, file))
    wrong = [mass for mass, found in masks.items() if len(found) != 1]
    if wrong:
        raise InputError(
            f"{wrong[0]} has {len(masks[wrong[0]])} images of two values, and has to have one, the mask: download "
            "the folder again or take the mammogram away."
        )
    return np.any([mask for found in masks.values() for mask in found], axis=0).astype(np.uint8)


def _mass_of(file: Path) -> str:
    return next(part for part in file.parts[::-1] if MASS.fullmatch(part))


def _picture(file: Path) -> np.ndarray:
    try:
        return np.asarray(itk.imread(str(file))).squeeze()
    except Exception as error:  # as itk fails on a damaged file
        raise InputError(f"{file} cannot be read as an image: it is damaged; replace the file.") from error


def _of_size(mask: np.ndarray, shape: tuple[int, int], file: Path) -> np.ndarray:
    if mask.shape == shape:
        return mask
    scales = np.divide(shape, mask.shape)
    shown = f"{file} has {mask.shape[1]} x {mask.shape[0]} pixels, its mammogram {shape[1]} x {shape[0]}"
    if abs(scales[0] / scales[1] - 1) > SAME_SIDES:
        raise InputError(f"{shown}; take the mammogram and its masks away.")
    warnings.warn(f"{shown}: it is brought to that size.", stacklevel=2)
    return resize(mask, shape, order=0)
