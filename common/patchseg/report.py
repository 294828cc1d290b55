"""One HTML page about one or two runs: results, curves, pictures, times and settings, in a single file."""

import base64
import json
import tempfile
from pathlib import Path
from typing import Any

import fire
from jinja2 import Environment, PackageLoader, select_autoescape
from PIL import Image

from patchseg.errors import InputError, sentence_and_exit
from patchseg.files import whole_file
from patchseg.metrics import MEASURES, digits
from patchseg.pictures import curves

CLICK_COLUMNS = (
    "dsc",
    "whole_abd_mm",
    "whole_hd95_mm",
    "cd_x_mm",
    "cd_y_mm",
    "cd_z_mm",
    "confidence",
    "seconds",
    "volume_ml",
    "reference_ml",
)
HEADINGS = {
    "dsc": ("DSC", "Dice: twice the common volume over the sum of both volumes; 1 is perfect."),
    "hd_mm": ("HD, mm", "Hausdorff distance: how far the two surfaces lie apart at the worst place."),
    "or": ("OR", "Over-segmented volume over (reference + over-segmented) volume; 0 is perfect."),
    "ur": ("UR", "Missed part of the reference over (reference + over-segmented) volume; 0 is perfect."),
    "whole_abd_mm": ("ABD, mm", "Average boundary distance: how far the two surfaces lie apart on average."),
    "whole_hd95_mm": ("95HD, mm", "Hausdorff distance without the worst 5 % of either surface."),
    "cd_x_mm": ("CD-x, mm", "Distance of the centres of mass from side to side of the patient."),
    "cd_y_mm": ("CD-y, mm", "The same from front to back."),
    "cd_z_mm": ("CD-z, mm", "The same from feet to head."),
    "confidence": (
        "Confidence",
        "How far overlapping patches agree, mean over the judged slices; 1 is full agreement.",
    ),
    "seconds": ("Seconds", "Time from the click to the mask."),
    "volume_ml": ("Volume, ml", "Volume of the predicted mask."),
    "reference_ml": ("Reference, ml", "Volume of the reference mask."),
}
PARTS = {"whole": "whole gland", "base": "base", "apex": "apex"}
PART_HEADINGS = {"dsc": "DSC", "abd_mm": "ABD, mm", "hd95_mm": "95HD, mm", "arvd_percent": "aRVD, %"}


def write_report(
    folder: str | Path,
    path: str | Path = "report.html",
    training: str | Path | None = None,
    click: str | Path | None = None,
    click_training: str | Path | None = None,
) -> Path:
    """Write the page about a run folder, or about two, and return its path.

    Taken from a folder, as far as it is there: `results.json` (of CaseMeasures or ClickMeasures: settings, cases,
    means), `pictures/*.png` (of `epoch_*.png` the last one), `training.jsonl` (of TrainingLog: curves) and
    `timings.json` ({stage: seconds}); the last two from the training's folder where an evaluation has a folder of
    its own. Pictures are embedded, so that the file can be sent on its own.

    Args:
        folder: the run folder.
        path: the page; a relative one lies in the folder.
        training: the folder of the training; None takes `folder`.
        click: the folder of a second run, of the interactive bundle; each gets a section.
        click_training: the folder of its training; None takes `click`.

    Raises:
        InputError: no such folder, nothing in it to report, or a file in it is no JSON.
    """
    folders = [(folder, training)] + ([(click, click_training)] if click is not None else [])
    sections = [_section(Path(run), Path(trained or run)) for run, trained in folders]
    page = _template().render(sections=sections, headings=HEADINGS, part_headings=PART_HEADINGS)
    path = Path(folder) / path
    try:
        with whole_file(path) as temporary:
            temporary.write_text(page, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): name another file.") from error
    return path


def _section(folder: Path, trained: Path) -> dict[str, Any]:
    """What the template shows of one run."""
    if not folder.is_dir():
        raise InputError(f"there is no run folder {folder}: give the folder an evaluation wrote to.")
    results = _json(folder / "results.json")
    timings = _json(trained / "timings.json")
    pictures = _pictures(folder)
    log = trained / "training.jsonl"
    if not (results or timings or pictures or log.is_file()):
        raise InputError(
            f"{folder} holds no results.json, training.jsonl, timings.json or pictures: run an evaluation first."
        )
    try:
        shown = _results(folder, results)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"{folder / 'results.json'} is not what an evaluation writes: evaluate again.") from error
    return shown | {
        "pictures": pictures,
        "curves": _curves(log) if log.is_file() else None,
        "timings": timings,
    }


def _results(folder: Path, results: dict[str, Any]) -> dict[str, Any]:
    """The part of a section that is read from results.json."""
    cases, about = results.get("cases", []), results.get("about", {})
    summary = results.get("summary", {})
    clicked = "whole_dsc" in summary.get("mean", {})
    return {
        "name": about.get("bundle") or folder.resolve().name,
        "columns": CLICK_COLUMNS if clicked else MEASURES,
        "cases": [_row(case) for case in sorted(cases, key=lambda c: c["dsc"])],
        "patients": [_row(case) for case in results.get("patients", [])],
        "summary": summary,
        "totals": {n: _row(summary[n]) for n in ("mean", "sd", "median")} if results else {},
        "parts": _parts(summary) if clicked else {},
        "about": dict(_flat(about)),
    }


def _parts(summary: dict[str, Any]) -> dict[str, list[str]]:
    """PROMISE12's measures as text, mean and standard deviation, by part of the gland."""
    mean, sd = _row(summary["mean"]), _row(summary["sd"])
    return {
        name: [f"{mean[f'{part}_{m}']} ± {sd[f'{part}_{m}']}" for m in PART_HEADINGS]
        for part, name in PARTS.items()
    }


def _pictures(folder: Path) -> list[dict[str, str]]:
    """The run's pictures: of those drawn each epoch the last, then all others, each with heading and caption.

    In a training, slices are of an epoch. An evaluation has none: the caption is the title in the PNG, which
    names the cases.
    """
    found = sorted((folder / "pictures").glob("*.png"))
    slices = [picture for picture in found if picture.stem.startswith("epoch_")][-1:]
    others = [picture for picture in found if not picture.stem.startswith("epoch_")]
    trained = (folder / "training.jsonl").is_file()
    alt = "Slices with the outlines of reference (blue) and prediction (orange)"
    shown = []
    for picture in slices:
        heading = f"Slices ({picture.stem.replace('_', ' ')})" if trained else "Slices"
        caption = "" if trained else _title(picture)
        shown.append({"heading": heading, "caption": caption, "alt": alt, "data": _embedded(picture)})
    for picture in others:
        heading, title = picture.stem.replace("_", " ").capitalize(), _title(picture)
        shown.append({"heading": heading, "caption": title, "alt": title or heading, "data": _embedded(picture)})
    return shown


def _title(picture: Path) -> str:
    try:
        with Image.open(picture) as image:
            return str(image.info.get("Title", ""))
    except OSError as error:
        raise InputError(f"{picture} is no picture: delete it, or evaluate again.") from error


def _template() -> Any:
    environment = Environment(loader=PackageLoader("patchseg"), autoescape=select_autoescape(), trim_blocks=True)
    return environment.get_template("report.html")


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text())
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON ({error}): evaluate again.") from error
    if not isinstance(found, dict):
        raise InputError(f"{path} holds no JSON object: evaluate again.")
    return found


def _row(measures: dict[str, Any]) -> dict[str, Any]:
    """The measures as text, a dash for what is null; names and counts as they are."""
    return {m: v if m in ("name", "patient", "cases") else _number(v, digits(m)) for m, v in measures.items()}


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


def main(
    folder: str,
    path: str = "report.html",
    training: str | None = None,
    click: str | None = None,
    click_training: str | None = None,
) -> None:
    """Write the HTML report of a run folder, or of one for each of two bundles.

    Args:
        folder: the folder with results.json, training.jsonl, pictures/ and timings.json, as far as they exist.
        path: the page to write; a relative one lies in the folder.
        training: the folder of the training, where it is another one.
        click: the folder of the interactive bundle, for a second section.
        click_training: the folder of its training, where it is another one.
    """
    with sentence_and_exit():
        others = [None if given is None else str(given) for given in (training, click, click_training)]
        print(write_report(str(folder), str(path), *others))


if __name__ == "__main__":
    fire.Fire(main)
