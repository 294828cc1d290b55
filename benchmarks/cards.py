"""The pictures of the model cards, drawn with the weights that ship, and what these reach on the cases shown.

    python benchmarks/organs.py --data ../shared/data --out runs/organs
    python benchmarks/cards.py [--only crossover_cardiac]

Shown are phantoms and held-out patients of the public-domain Sunnybrook data, nothing else. Pictures go to each
bundle's docs/, the measures of all cases to results/cards.json. The same weights draw the same pictures.
"""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import fire
import torch
from card_cases import Judged, judge, unjudged
from card_data import kidney_slices, mass, prostate_slices, sunnybrook, tumour_slices
from card_pictures import TYPICAL, cases_picture, cross_picture, overview, picked, small
from machine import threads, versions

from patchseg.bundles import bundle_root
from patchseg.data import find_cases, write_split
from patchseg.errors import InputError, show_as_sentence
from patchseg.files import whole_file
from patchseg.metrics import MEASURES, plain, summary
from patchseg.runtimes import fast_runtime
from patchseg.seqpatch.drawing import draw_rays


class Shown(NamedTuple):
    """One set of cases on one bundle's card.

    `data` is what the card calls it, `folder` returns where it lies, `object_name` what is outlined; `picture` and
    `method` are files in docs/. `known` is the results file that measured the set already: then only the cases
    that are drawn are judged again. Where the set has a reference of one structure alone, `measure` is that
    structure's; such cases are drawn and not recorded.
    """

    bundle: str
    data: str
    folder: Callable[[Path, Path], Path]
    settings: dict[str, Any]
    object_name: str
    picture: str = "cases.png"
    method: str | None = "method.png"
    known: str | None = None
    measure: str = "dsc"


FIRST = ("crossover_cardiac", "seqpatch_prostate")  # in the picture of the top README
OVERVIEW = Path(__file__).resolve().parents[1] / "docs" / "overview.png"
CAVITY = {"spacing": 0, "labels": {"cavity": [1]}, "label_values": [0, 1]}
OBJECT = {"label_values": [0, 1], "organ_labels": [1]}
CLICKED = OBJECT | {"spacing": 0.625}  # as the files say: pixels stay as they are
ALL = (
    Shown("crossover_kidney", "CT phantoms", tumour_slices, {"tumour_label": 1}, "tumour"),
    Shown("crossover_cardiac", "Sunnybrook, other patients", sunnybrook, CAVITY, "cavity", known="shipped"),
    Shown(
        "crossover_myocardium",
        "Sunnybrook, never trained on",
        sunnybrook,
        CAVITY | {"labels": {"cavity": [1], "myocardium": []}},
        "cavity and myocardium",
        measure="cavity_dsc",
    ),
    Shown("seqpatch_prostate", "MR phantoms", prostate_slices, {}, "prostate"),
    Shown(
        "seqpatch_prostate",
        "Sunnybrook: left ventricle",
        sunnybrook,
        CLICKED,
        "left ventricle",
        picture="cases_ventricle.png",
        method=None,
        known="one_click",
    ),
    Shown("seqpatch_kidney", "CT phantoms", kidney_slices, OBJECT, "kidney"),
)


def main(only: str = "", organs: str = "runs/organs", work: str = "", results: str = "results/cards.json") -> None:
    """Draw the cards' pictures and write the results file.

    Args:
        only: bundles whose name contains this; the others keep what the results file says of them.
        organs: folder that `organs.py` wrote.
        work: folder for the phantoms, kept; by default a temporary one.
        results: the file to write.
    """
    wanted = [shown for shown in ALL if only in shown.bundle]
    drawn_alone = only in "crossover_breast"
    if not wanted and not drawn_alone:
        raise InputError(f"only is {only!r}: give a part of one of the bundles' names.")
    torch.set_flush_denormal(True)
    path = Path(results)
    known = json.loads(path.read_text())["measured"] if path.is_file() else []
    found = {(one["bundle"], one["data"]): one for one in known}
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(work or temporary)
        if drawn_alone:
            print(draw_without_weights(place, Path(organs)))
        typical = {}
        for shown in wanted:
            new, one = measured(shown, place, Path(organs))
            typical.setdefault(shown.bundle, one)
            found |= {(line["bundle"], line["data"]): line for line in new}
    if set(FIRST) <= typical.keys():
        (cross, rays), (automatic, clicked) = map(_config, FIRST), (typical[bundle] for bundle in FIRST)
        print(overview(automatic, cross["patch"], clicked, rays["steps"], rays["stride"], OVERVIEW))
    content = {
        "about": {"benchmark": "cards", "threads": threads(), "versions": versions()},
        "measured": [found[shown.bundle, shown.data] for shown in ALL if (shown.bundle, shown.data) in found],
    }
    with whole_file(path) as temporary_file:
        temporary_file.write_text(json.dumps(plain(content), indent=1, allow_nan=False) + "\n")
    print(path)


def measured(shown: Shown, work: Path, organs: Path) -> tuple[list[dict[str, Any]], Judged]:
    """Judge a set, draw, and return what was measured (nothing where that is known) and a typical case."""
    folder = shown.folder(work, organs)
    settings = shown.settings | {"runtime": fast_runtime()}
    cases = _known_cases(shown) if shown.known else []
    if cases:
        settings["split_file"] = str(_listed(set(picked(cases).values()), folder, work / "split.json"))
    judged, network = judge(shown.bundle, folder, settings, shown.measure)
    by_name = {one.measures["name"]: one for one in judged}
    cases = cases or [
        {name: one.measures[name] for name in ("name", "patient", *MEASURES)} for one in by_name.values()
    ]
    drawn = {title: by_name[name] for title, name in picked(cases).items()}
    docs = bundle_root(shown.bundle) / "docs"
    cases_picture(drawn, docs / shown.picture)
    if shown.method:
        draw_method(shown, drawn[TYPICAL], network, docs / shown.method)
    print(f"{shown.bundle:18} {shown.data:28} DSC {fmean(case['dsc'] for case in cases):.3f} ({len(cases)})")
    if shown.known or shown.measure != "dsc":
        return [], drawn[TYPICAL]
    about = {"bundle": shown.bundle, "data": shown.data, "protocol": "whole"}
    patients = len({case["patient"] for case in cases})
    found = about | {"patients": patients, "summary": summary(cases, MEASURES), "cases": cases}
    return [found], drawn[TYPICAL]


def _listed(names: set[str], folder: Path, path: Path) -> Path:
    """A split file that holds these cases of a folder alone."""
    kept = [case for case in find_cases(folder) if case["name"] in names]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_split({"train": [], "validate": kept, "folds": 1, "fold": 0, "seed": 0}, path)
    return path


def _known_cases(shown: Shown) -> list[dict[str, Any]]:
    """Names and Dice of a set that another results file holds: of automatic bundles `shipped`, or of one click."""
    results = json.loads(Path("results", f"{shown.known}.json").read_text())
    if "measured" in results:
        found = results["measured"]
        return next(one["cases"] for one in found if (one["bundle"], one["data"]) == (shown.bundle, shown.data))
    ours = next(iter(results["methods"].values()))["sunnybrook_lv"]
    return [{"name": n, "dsc": dsc} for n, dsc in zip(ours["cases"], ours["cases_dsc"]["0"], strict=True)]


def draw_method(shown: Shown, one: Judged, network: torch.nn.Module, path: Path) -> None:
    """What the bundle does, on one case."""
    config = _config(shown.bundle)
    if one.on_grid.click is None:
        title = f"DSC {one.measures['dsc']:.2f}"
        cross_picture(one.on_grid, one.shown._replace(title=title), config["patch"], shown.object_name, path)
        return
    seen = one.on_grid
    draw_rays(
        seen.image,
        seen.click,
        network,
        path,
        config["steps"],
        config["stride"],
        reference=seen.reference,
        result=seen.probability > 0.5,
    )
    small(path)


def _config(bundle: str) -> dict[str, Any]:
    return json.loads((bundle_root(bundle) / "configs" / "evaluate.json").read_text())


def draw_without_weights(work: Path, organs: Path) -> Path:
    """The cross on a synthetic mass: there are no weights, and no mammograms that may be shown."""
    outlined, seen = unjudged("crossover_breast", mass(work, organs), {})
    path = bundle_root("crossover_breast") / "docs" / "method.png"
    return cross_picture(seen, outlined, (340, 68), "mass", path, weights=False)


if __name__ == "__main__":
    show_as_sentence()
    fire.Fire(main)
