"""One HTML page about a run: results, curves, pictures, times and settings, in a single file."""

import base64
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import fire
from jinja2 import Environment, PackageLoader, select_autoescape

from patchseg.errors import InputError, input_error_in
from patchseg.files import whole_file
from patchseg.metrics import MEASURES
from patchseg.pictures import curves

HEADINGS = {
    "dsc": ("DSC", "Dice: twice the common volume over the sum of both volumes; 1 is perfect."),
    "hd_mm": ("HD, mm", "Hausdorff distance: how far the two surfaces lie apart at the worst place."),
    "or": ("OR", "Over-segmented volume over (reference + over-segmented) volume; 0 is perfect."),
    "ur": ("UR", "Missed part of the reference over (reference + over-segmented) volume; 0 is perfect."),
    "volume_ml": ("Volume, ml", "Volume of the predicted mask."),
    "reference_ml": ("Reference, ml", "Volume of the reference mask."),
}
DIGITS = {"hd_mm": 2, "volume_ml": 1, "reference_ml": 1}


def write_report(folder: str | Path, path: str | Path = "report.html", training: str | Path | None = None) -> Path:
    """Write the page about a run folder and return its path.

    Taken from the folder, as far as it is there: `results.json` (of CaseMeasures: settings, cases, means),
    `pictures/*.png` (the last epoch's), `training.jsonl` (of TrainingLog: curves) and `timings.json`
    ({stage: seconds}); the last two from `training` where an evaluation has a folder of its own. Pictures are
    embedded, so that the file can be sent on its own.

    Args:
        folder: the run folder.
        path: the page; a relative one lies in the folder.
        training: the folder of the training; None takes `folder`.

    Raises:
        InputError: no such folder, nothing in it to report, or a file in it is no JSON.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"there is no run folder {folder}: give the folder an evaluation wrote to.")
    trained = Path(training) if training is not None else folder
    results = _json(folder / "results.json")
    timings = _json(trained / "timings.json")
    pictures = sorted((folder / "pictures").glob("*.png"))
    log = trained / "training.jsonl"
    if not (results or timings or pictures or log.is_file()):
        raise InputError(
            f"{folder} holds no results.json, training.jsonl, timings.json or pictures: run an evaluation first."
        )
    page = _template().render(
        name=folder.resolve().name,
        headings=HEADINGS,
        cases=[_row(case) for case in sorted(results.get("cases", []), key=lambda c: c["dsc"])],
        patients=[_row(case) for case in results.get("patients", [])],
        summary=results.get("summary", {}),
        totals={n: _row(results["summary"][n]) for n in ("mean", "sd", "median")} if results else {},
        about=dict(_flat(results.get("about", {}))),
        picture=_embedded(pictures[-1]) if pictures else None,
        picture_name=pictures[-1].stem.replace("_", " ") if pictures else "",
        curves=_curves(log) if log.is_file() else None,
        timings=timings,
    )
    path = folder / path
    with whole_file(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def _template() -> Any:
    environment = Environment(loader=PackageLoader("patchseg"), autoescape=select_autoescape(), trim_blocks=True)
    return environment.get_template("report.html")


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON ({error}): evaluate again.") from error


def _row(measures: dict[str, Any]) -> dict[str, Any]:
    """The measures as text, a dash for what is null; everything else as it is."""
    text = {m: _number(measures.get(m), DIGITS.get(m, 3)) for m in MEASURES}
    return measures | text


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _flat(settings: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    """Nested settings as (dotted name, value).

    >>> _flat({"bundle": "kidney", "network": {"patch": [100, 20]}})
    [('bundle', 'kidney'), ('network.patch', [100, 20])]
    """
    items: list[tuple[str, Any]] = []
    for key, value in settings.items():
        items += _flat(value, f"{before}{key}.") if isinstance(value, dict) else [(before + key, value)]
    return items


def _embedded(picture: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode("ascii")


def _curves(log: Path) -> str:
    with tempfile.TemporaryDirectory() as folder:
        return _embedded(curves(log, Path(folder) / "curves.png"))


def main(folder: str, path: str = "report.html", training: str | None = None) -> None:
    """Write the HTML report of a run folder.

    Args:
        folder: the folder with results.json, training.jsonl, pictures/ and timings.json, as far as they exist.
        path: the page to write; a relative one lies in the folder.
        training: the folder of the training, where it is another one.
    """
    try:
        print(write_report(str(folder), str(path), None if training is None else str(training)))
    except Exception as error:
        wrong = input_error_in(error)
        if wrong is None:
            raise
        print(f"error: {wrong}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    fire.Fire(main)
