"""ACDC as it is distributed: a folder for each patient, with a cine and two of its time points."""

import re
from pathlib import Path

from patchseg.data.layouts_names import LABEL_SUFFIX, folders_that, image_files, paired, refuse, stem_of

PATIENT = re.compile(r"patient\d+", re.IGNORECASE)
FRAME = re.compile(r"patient\d+_frame\d+(_gt)?", re.IGNORECASE)


def acdc_cases(folder: Path, labelled: bool) -> list[dict] | None:
    """Records of `patient001/patient001_frame01.nii.gz` with `patient001_frame01_gt.nii.gz`.

    The cine beside them, `patient001_4d.nii.gz`, is no case. Of `testing/`, which some releases publish without
    labels, nothing is taken where labels are asked for and it has none.

    Returns:
        None for another layout.

    Raises:
        InputError: a patient without frames, or a label without its image.
    """
    patients = folders_that(folder, lambda path: bool(PATIENT.fullmatch(path.absolute().name)))
    frames_of = {patient: _frames(patient) for patient in patients}
    if not any(frames_of.values()):
        return None
    refuse(folder, "patients without a frame", [path.name for path, frames in frames_of.items() if not frames])
    cases: dict[Path, list[dict]] = {}
    for patient, frames in frames_of.items():
        labels = [file for file in frames if LABEL_SUFFIX.search(stem_of(file))]
        found = paired(patient, [file for file in frames if file not in labels], labels)
        part = cases.setdefault(patient.parent, [])
        part += [case | {"patient": patient.absolute().name} for case in found]
    parts = [part for part in cases.values() if not labelled or any("label" in case for case in part)]
    return [case for part in parts for case in part]


def _frames(patient: Path) -> list[Path]:
    return [file for file in image_files(patient) if FRAME.fullmatch(stem_of(file))]
