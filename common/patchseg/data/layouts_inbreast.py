"""INbreast as distributed: mammograms as DICOM, what is seen in them outlined in XML property lists."""

import plistlib
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from patchseg.data.layouts_names import folders_that, record_of, refuse
from patchseg.data.polygons import filled
from patchseg.errors import InputError

IMAGE = re.compile(r"(\d+)_([0-9a-f]+)_MG_.*\.dcm", re.IGNORECASE)
MASS = "mass"  # other names are calcifications, clusters, asymmetries, distortions and spiculated regions


def inbreast_cases(folder: Path, labelled: bool) -> list[dict] | None:
    """Records of `AllDICOMs/20586908_6c613a14b80a8591_MG_R_CC_ANON.dcm` with `AllXML/20586908.xml`.

    The patient is the second part of the name. Where labels are asked for, only images with an outlined mass are
    cases.

    Returns:
        None for another layout. The record's `label` is a list: the XML file and the image it is drawn on, see
        `mass_mask`.

    Raises:
        InputError: an image with another name, an XML file without its image, or one that cannot be read.
    """
    roots = folders_that(folder, lambda path: (path / "AllDICOMs").is_dir(), depth=2)
    if not roots:
        return None
    return [case for root in roots for case in _cases(root, labelled)]


def _cases(root: Path, labelled: bool) -> list[dict]:
    images = sorted(path for path in (root / "AllDICOMs").glob("*.dcm") if path.name[0] != ".")
    refuse(
        root, "images not named as INbreast's", [path.name for path in images if not IMAGE.fullmatch(path.name)]
    )
    outlines = {path.stem: path for path in (root / "AllXML").glob("*.xml") if path.name[0] != "."}
    if labelled and not outlines:
        raise InputError(f"{root} has AllDICOMs/ but no XML files in AllXML/; add them.")
    cases = []
    for image in images:
        number, patient = IMAGE.fullmatch(image.name).groups()
        xml = outlines.pop(number, None)
        case = record_of(image, None, patient) | {"name": image.stem}
        if xml and masses_in(xml):
            cases.append(case | {"label": [str(xml), str(image)]})
        elif not labelled:
            cases.append(case)
    refuse(root, "XML files without an image", sorted(path.name for path in outlines.values()))
    return cases


def mass_mask(files: list[Path], shape: tuple[int, int]) -> np.ndarray:
    """1 in the masses that an XML file outlines, 0 elsewhere.

    Args:
        files: the XML file.
        shape: rows and columns of the mammogram.
    """
    masses = [filled(points, shape, files[0]) for points in masses_in(files[0])]
    return np.any(masses, axis=0).astype(np.uint8)


def masses_in(xml: Path) -> list[Sequence[tuple[float, float]]]:
    """The outlines of the masses in an XML file: points (x, y) in pixels.

    Raises:
        InputError: it is no property list of INbreast's form.
    """
    try:
        with xml.open("rb") as file:
            images = plistlib.load(file)["Images"]
        regions = [region for image in images for region in image["ROIs"]]
        masses = [region for region in regions if region["Name"].strip().lower() == MASS]
        return [[_point(text) for text in mass["Point_px"]] for mass in masses]
    except Exception as error:  # expat, plistlib and what is missing in the list
        raise InputError(
            f"{xml} cannot be read as INbreast's list of outlines: it is damaged; replace the file."
        ) from error


def _point(text: str) -> tuple[float, float]:
    x, y = text.strip("() ").split(",")
    return float(x), float(y)
