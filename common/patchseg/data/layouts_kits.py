"""KiTS19, KiTS21 and KiTS23: one folder for each patient."""

from pathlib import Path

from patchseg.data.layouts_names import record_of, refuse

KITS19_HIDDEN = range(210, 300)  # KiTS19 never published the labels of these


def kits_cases(folder: Path, labelled: bool) -> list[dict] | None:
    """Records of `case_00000/imaging.nii.gz` with `segmentation.nii.gz`; None for another layout."""
    for level in (folder, folder / "data", folder / "dataset"):
        case_dirs = sorted(path for path in level.glob("case_*") if path.is_dir())
        if case_dirs:
            return _cases(level, case_dirs, labelled)
    if any((folder / name).is_file() for name in ("imaging.nii.gz", "imaging.nii")):
        return _cases(folder, [folder.absolute()], labelled)
    return None


def _cases(folder: Path, case_dirs: list[Path], labelled: bool) -> list[dict]:
    cases, orphans = [], []
    for case_dir in case_dirs:
        image, label = (
            next((p for p in (case_dir / f"{stem}.nii.gz", case_dir / f"{stem}.nii") if p.is_file()), None)
            for stem in ("imaging", "segmentation")
        )
        if image is None:
            orphans.append(case_dir.name)
        elif label or not (labelled and _case_number(case_dir.name) in KITS19_HIDDEN):
            record = record_of(image, label, patient=case_dir.name)
            cases.append(record | {"name": case_dir.name})
    refuse(folder, "cases without imaging.nii.gz", orphans)
    return cases


def _case_number(name: str) -> int:
    digits = name.removeprefix("case_")
    return int(digits) if digits.isdigit() else -1
