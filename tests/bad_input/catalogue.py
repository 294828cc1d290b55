"""Bad inputs of scans, clicks, outputs, bundles, options and reports, and what each has to be answered."""

import json
import os
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import bad_scans as bad
import numpy as np
import torch
from good_place import Place

Spoil = Callable[[Place], object]


class Bad(NamedTuple):
    """One bad input: how to make it, what is typed, a part of the sentence, and the exit code."""

    name: str
    arguments: list[str]
    said: str
    spoil: Spoil = lambda place: None
    code: int = 2
    program: str = "patchseg"


UNREADABLE = "cannot be read as an image"
NO_VOLUME = "give one volume with three axes"

# name of the file: what makes it, what has to be said
SCANS: dict[str, tuple[bad.Make, str]] = {
    "missing.nii.gz": (lambda path: None, "there is no scan at"),
    "empty.nii.gz": (bad.content(b""), UNREADABLE),
    "empty.nii": (bad.content(b""), UNREADABLE),
    "empty.mha": (bad.content(b""), UNREADABLE),
    "empty.nrrd": (bad.content(b""), UNREADABLE),
    "empty.mhd": (bad.content(b""), UNREADABLE),
    "cut.nii.gz": (bad.cut(0.6), UNREADABLE),
    "cut.nii": (bad.cut(0.6), UNREADABLE),
    "cut.mha": (bad.cut(0.6), UNREADABLE),
    "cut.nrrd": (bad.cut(0.6), UNREADABLE),
    "header_cut.nii": (bad.cut(0.1), UNREADABLE),
    "text.nii.gz": (bad.content(b"patient 12\n"), UNREADABLE),
    "text.nii": (bad.content(b"patient 12\n" * 80), UNREADABLE),
    "text.mha": (bad.content(b"patient 12\n" * 80), UNREADABLE),
    "text.nrrd": (bad.content(b"patient 12\n" * 80), UNREADABLE),
    "pointer.nii.gz": (bad.content(b"version https://git-lfs.github.com/spec/v1\n"), UNREADABLE),
    "picture.nii.gz": (bad.picture, UNREADABLE),
    "colours.png": (bad.picture, "is of no known format"),
    "notes.txt": (bad.content(b"notes"), "is of no known format"),
    "noending": (bad.nifti_named, "is of no known format"),
    "single.dcm": (bad.one_dicom, "is of no known format"),
    "folder.nii.gz": (Path.mkdir, "holds no DICOM images"),
    "pipe.nii.gz": (bad.pipe, "is no file and no folder"),
    "circle.nii.gz": (bad.link_in_circles, "there is no scan at"),
    "dangling.nii.gz": (bad.link_to_nothing, "there is no scan at"),
    "n" * 300 + ".nii.gz": (lambda path: None, "cannot be looked for"),
    "rgb.nii.gz": (bad.rgb_nifti, "is a colour image"),
    "rgb.mha": (bad.rgb_itk, "is a colour image"),
    "complex.nii.gz": (lambda path: bad.nifti(path, bad.voxels() * np.complex64(1 + 2j)), "holds complex numbers"),
    "one_axis.nii.gz": (bad.shaped(14), NO_VOLUME),
    "two_axes.nii.gz": (bad.shaped(14, 12), NO_VOLUME),
    "four_axes.nii.gz": (bad.shaped(14, 12, 6, 3), NO_VOLUME),
    "five_axes.nii.gz": (bad.shaped(14, 12, 6, 1, 3), NO_VOLUME),
    "no_slices.nii": (bad.header(40, "8h", 3, 24, 22, 0, 1, 1, 1, 1), NO_VOLUME),
    "nan.nii.gz": (bad.with_value(np.nan), "NaN or infinite values"),
    "infinite.nii.gz": (bad.with_value(np.inf), "NaN or infinite values"),
    "minus_infinite.nii": (bad.with_value(-np.inf), "NaN or infinite values"),
    "constant.nii.gz": (
        lambda path: bad.nifti(path, np.full(bad.SHAPE, 40, np.int16)),
        "has the value 40 everywhere",
    ),
    "zero.nii.gz": (lambda path: bad.nifti(path, np.zeros(bad.SHAPE, np.int16)), "has the value 0 everywhere"),
    "zero.mha": (lambda path: bad.itk_image(path, np.zeros(bad.SHAPE, np.int16)), "has the value 0 everywhere"),
    "label.nii.gz": (
        lambda path: bad.nifti(path, (bad.voxels() > 200).astype(np.uint8)),
        "looks normalised to 0..1",
    ),
    "normalised.nii.gz": (
        lambda path: bad.nifti(path, np.random.default_rng(0).random(bad.SHAPE).astype(np.float32)),
        "looks normalised to 0..1",
    ),
    "huge.nii": (bad.header(42, "3h", 30000, 30000, 30000), UNREADABLE),
    "huge.nii.gz": (bad.huge_gz, UNREADABLE),
    "huge.mha": (bad.replaced("mha", b"DimSize = 24 22 6", b"DimSize = 30000 30000 30000"), UNREADABLE),
    "huge.nrrd": (bad.replaced("nrrd", b"sizes: 24 22 6", b"sizes: 30000 30000 30000"), UNREADABLE),
    "large.mha": (bad.replaced("mha", b"DimSize = 24 22 6", b"DimSize = 2400 2200 600"), UNREADABLE),
    "negative_size.nii": (bad.header(42, "3h", 24, -22, 6), UNREADABLE),
    "negative_axes.nii": (bad.header(40, "h", -3), UNREADABLE),
    "unknown_type.nii": (bad.header(70, "h", 7777), UNREADABLE),
    "offset.nii": (bad.header(108, "f", 1e9), UNREADABLE),
    "zero_spacing.nii": (bad.entry(2, 2, 0.0), "spacing of 2 x 2.5 x 0 mm"),
    "zero_spacing.mha": (bad.replaced("mha", b"ElementSpacing = 2 2.5 4", b"ElementSpacing = 2 0 4"), "spacing"),
    "large_spacing.nii": (bad.entry(0, 0, 1000.0), "spacing of 1000 x 2.5 x 4 mm"),
    "nan_affine.nii": (bad.entry(1, 1, np.nan), "affine with NaN or infinite entries"),
    "infinite_origin.nii": (bad.entry(0, 3, np.inf), "affine with NaN or infinite entries"),
    "one_plane.nii": (bad.affine(bad.in_one_plane), "singular affine"),
    "no_data.mhd": (bad.mhd, UNREADABLE),
    "short_data.mhd": (lambda path: bad.mhd(path, size=100), UNREADABLE),
    "itself.mhd": (lambda path: bad.mhd(path, raw="itself.mhd"), UNREADABLE),
    "unknown_type.nrrd": (bad.replaced("nrrd", b"type: short", b"type: shirt"), UNREADABLE),
    "unknown_type.mha": (bad.replaced("mha", b"MET_SHORT", b"MET_SHIRT"), UNREADABLE),
    "fewer_sizes.nrrd": (bad.replaced("nrrd", b"sizes: 24 22 6", b"sizes: 24 22"), UNREADABLE),
    "no_images": (Path.mkdir, "holds no DICOM images"),
    "texts": (bad.texts, "holds no DICOM images"),
    "deeper": (bad.deeper, "holds no DICOM images"),
    "missing_slice": (lambda path: bad.series(path, missing=(3,)), "misses a slice between"),
    "doubled": (lambda path: bad.series(path, moved={3: -4.0}), "two slices at one position"),
    "doubled_pair": (lambda path: bad.series(path, slices=2, moved={1: -4.0}), "two slices at one position"),
    "uneven": (lambda path: bad.series(path, moved={3: 1.0}), "uneven slice spacing"),
    "two_series": (bad.two_series, "several series: choose one with --series"),
    "two_sizes": (bad.two_sizes, "several series: choose one with --series"),
    "damaged_slice": (bad.damaged_slice, "IM003.dcm cannot be read"),
    "damaged_end": (bad.damaged_end, "IM005.dcm cannot be read"),
    "colour_series": (bad.colour_series, "is a colour image"),
    "screenshots": (bad.no_positions, "two slices at one position"),
    "segmentation": (lambda path: bad.series(path, tags={"0008|0060": "SEG"}), "holds no images but a DICOM SEG"),
    "report": (lambda path: bad.series(path, tags={"0008|0060": "SR"}), "holds no images but a DICOM SR"),
}
if os.geteuid() != 0:  # root reads everything
    SCANS["closed.nii.gz"] = (bad.unreadable, "cannot be read")

WHOLE = "three whole numbers"
NO_CLICK = "no click inside the object"
# what is typed: what has to be said
CLICKS: dict[str, tuple[list[str], str]] = {
    "none": ([], NO_CLICK),
    "only_background": (["--not", "11,10,3"], NO_CLICK),
    "empty": (["--at", ""], NO_CLICK),
    "empty_list": (["--at", "[]"], NO_CLICK),
    "no_value": (["--at"], NO_CLICK),
    "outside": (["--at", "24,0,0"], "lies outside"),
    "far_outside": (["--at", "1000000000000000000000,0,0"], "lies outside"),
    "negative": (["--at", "-1,10,3"], "lies outside"),
    "background_outside": (["--at", "11,10,3", "--not", "11,10,6"], "lies outside"),
    "in_air": (["--at", "0,0,0"], "lies in air"),
    "one_in_air": (["--at", "11,10,3", "--at", "0,0,0"], "lies in air"),
    "two_numbers": (["--at", "11,10"], "lacks its slice"),
    "one_number": (["--at", "6"], WHOLE),
    "four_numbers": (["--at", "11,10,3,1"], WHOLE),
    "fraction": (["--at", "6.5,6,3"], WHOLE),
    "nan": (["--at", "nan,6,3"], WHOLE),
    "infinite": (["--at", "1e999,6,3"], WHOLE),
    "text": (["--at", "liver"], WHOLE),
    "units": (["--at", "6mm,6,3"], WHOLE),
    "semicolons": (["--at", "6;6;3"], WHOLE),
    "open_bracket": (["--at", "[6,6,3"], WHOLE),
    "too_deep": (["--at", "[[[6,6,3]]]"], WHOLE),
    "much_too_deep": (["--at", "[" * 20000], WHOLE),
    "too_long": (["--at", "9" * 5000 + ",6,3"], WHOLE),
    "dictionary": (["--at", "{1: 2}"], WHOLE),
    "truth": (["--at", "True,True,True"], WHOLE),
    "code": (["--at", "__import__('os').getcwd()"], WHOLE),
    "background_text": (["--at", "11,10,3", "--not", "there"], WHOLE),
    "inside_and_outside": (["--at", "11,10,3", "--not", "11,10,3"], "both inside and outside"),
}

GOOD = "{place}/scan.nii.gz"
MASK = "{place}/mask.nii.gz"


def touched(name: str) -> Spoil:
    return lambda place: (place / name).write_bytes(b"old")


def linked(place: Place) -> None:
    (place / "link.nii.gz").symlink_to(place / "scan.nii.gz")


def hard_linked(place: Place) -> None:
    os.link(place / "scan.nii.gz", place / "link.nii.gz")


# name: what is typed after --output, options, what is said, what is there before
OUTPUTS: dict[str, tuple[list[str], str, Spoil]] = {
    "exists": ([MASK], "exists: name another file or add --overwrite", touched("mask.nii.gz")),
    "no_folder": (["{place}/no/mask.nii.gz"], "does not exist: make it first", lambda place: None),
    "below_a_file": ([GOOD + "/mask.nii.gz"], "does not exist: make it first", lambda place: None),
    "unknown_ending": (["{place}/mask.png"], "names no format", lambda place: None),
    "no_ending": (["{place}/mask"], "names no format", lambda place: None),
    "mhd": (["{place}/mask.mhd"], "names no format", lambda place: None),
    "empty_name": ([""], "names no format", lambda place: None),
    "folder": (["{place}/bundles"], "names no format", lambda place: None),
    "folder_with_ending": (
        ["{place}/m.nrrd", "--overwrite"],
        "is a folder",
        lambda place: (place / "m.nrrd").mkdir(),
    ),
    "the_scan": ([GOOD, "--overwrite"], "is the scan itself", lambda place: None),
    "link_to_the_scan": (["{place}/link.nii.gz", "--overwrite"], "is the scan itself", linked),
    "other_name_of_the_scan": (["{place}/link.nii.gz", "--overwrite"], "is the scan itself", hard_linked),
    "cannot_be_written": (["/proc/mask.nii.gz"], "cannot be written", lambda place: None),
    "cannot_be_written_mha": (["/proc/mask.mha"], " be written", lambda place: None),
    "name_too_long": (["{place}/" + "n" * 300 + ".nii.gz"], "cannot be looked for", lambda place: None),
    "overwrite_no": ([MASK, "--overwrite=no"], "--overwrite", touched("mask.nii.gz")),
    "overwrite_false": ([MASK, "--overwrite=false"], "--overwrite", touched("mask.nii.gz")),
    "overwrite_0": ([MASK, "--overwrite=0"], "--overwrite", touched("mask.nii.gz")),
    "no_value": ([], "--output", lambda place: None),
}

SEGMENT = ["segment", GOOD, "--output", MASK]
# name: what is typed, what is said
OPTIONS: dict[str, tuple[list[str], str]] = {
    "unknown_command": (["segmnt", GOOD, "-o", MASK], "segmnt"),
    "no_scan": (["segment", "-o", MASK], "scan"),
    "no_output": (["segment", GOOD], "output"),
    "second_scan": ([*SEGMENT, GOOD], "Could not consume"),
    "unknown_option": ([*SEGMENT, "--typo", "3"], "typo"),
    "unknown_bundle": ([*SEGMENT, "--bundle", "liver"], "there is no bundle called liver"),
    "bundle_path": ([*SEGMENT, "--bundle", "../bundles"], "there is no bundle called"),
    "bundle_without_name": ([*SEGMENT, "--bundle"], "--bundle"),
    "empty_bundle": ([*SEGMENT, "--bundle", ""], "there is no bundle called"),
    "unknown_runtime": ([*SEGMENT, "--runtime", "tensorrt"], "runtime is 'tensorrt'"),
    "runtime_without_name": ([*SEGMENT, "--runtime"], "--runtime has no value"),
    "series_of_a_file": ([*SEGMENT, "--series", "1.2.3"], "leave --series out"),
    "series_without_name": ([*SEGMENT, "--series"], "--series"),
    "bundle_needs_clicks": ([*SEGMENT, "--bundle", "seqpatch_prostate"], "has no foreground click"),
    "bundle_takes_no_clicks": (
        ["click", GOOD, "--at", "11,10,3", "-o", MASK, "--bundle", "crossover_kidney"],
        "takes no clicks",
    ),
    "pack_unknown": (["pack", "-o", "{place}/zips", "--bundle", "liver"], "there is no bundle called liver"),
    "pack_no_output": (["pack"], "output"),
    "pack_incomplete": (["pack", "-o", "{place}/zips", "--bundle", "crossover_kidney"], "has no LICENSE"),
    "pack_extra": (["pack", "-o", "{place}/zips", "more"], "Could not consume"),
    "pack_overwrite_no": (["pack", "-o", "{place}/zips", "--overwrite=no"], "--overwrite"),
    "export_unknown": (["export", "-o", "{place}/nets", "--bundle", "liver"], "there is no bundle called liver"),
    "export_no_output": (["export"], "output"),
}

KIDNEY = "bundles/crossover_kidney"


def config(change: Callable[[dict[str, Any]], object]) -> Spoil:
    """Change the automatic bundle's inference.json."""

    def spoil(place: Place) -> None:
        path = place / f"{KIDNEY}/configs/inference.json"
        parsed = json.loads(path.read_text())
        change(parsed)
        path.write_text(json.dumps(parsed))

    return spoil


def without(key: str) -> Spoil:
    return config(lambda parsed: parsed.pop(key))


def setting(key: str, value: object) -> Spoil:
    return config(lambda parsed: parsed.update({key: value}))


def text_of(name: str, text: str) -> Spoil:
    return lambda place: (place / f"{KIDNEY}/{name}").write_text(text)


def weights(content: object) -> Spoil:
    return lambda place: torch.save(content, place / f"{KIDNEY}/models/model.pt")


def cut_weights(place: Place) -> None:
    path = place / f"{KIDNEY}/models/model.pt"
    path.write_bytes(path.read_bytes()[:-300])


class Evil:
    def __reduce__(self) -> tuple:
        return os.system, ("touch evil",)


def evil_weights(place: Place) -> None:
    (place / f"{KIDNEY}/models/model.pt").write_bytes(pickle.dumps(Evil()))


def folder_of_weights(place: Place) -> None:
    (place / f"{KIDNEY}/models/model.pt").unlink()
    (place / f"{KIDNEY}/models/model.pt").mkdir()


STATE = {"weight": torch.zeros(2, 1, 1, 1), "bias": torch.zeros(2)}
CONFIG = "inference.json"
# name: what spoils the bundle, what is said
BUNDLES: dict[str, tuple[Spoil, str]] = {
    "no_config": (
        lambda place: (place / f"{KIDNEY}/configs/inference.json").unlink(),
        "this bundle cannot segment",
    ),
    "empty_config": (text_of("configs/inference.json", ""), CONFIG),
    "broken_config": (text_of("configs/inference.json", '{"spacing": 2.5,'), CONFIG),
    "list_config": (text_of("configs/inference.json", "[1, 2]"), CONFIG),
    "broken_metadata": (text_of("configs/metadata.json", "{"), "metadata.json"),
    "no_network": (without("network_def"), "network_def"),
    "no_preprocessing": (without("preprocessing"), "preprocessing"),
    "no_postprocessing": (without("postprocessing"), "postprocessing"),
    "no_inferer": (without("inferer"), "inferer"),
    "no_device": (without("device"), "device"),
    "no_spacing": (without("spacing"), "spacing"),
    "unknown_class": (setting("inferer", {"_target_": "patchseg.NoInferer"}), "inferer"),
    "unknown_argument": (setting("inferer", {"_target_": "SliceInferer", "roi_sise": [1, 1]}), "inferer"),
    "unknown_reference": (setting("window", "@windows"), "windows"),
    "broken_expression": (setting("device", "$torch.device("), "device"),
    "unknown_device": (setting("device", "$torch.device('abacus')"), "device"),
    "absent_device": (setting("device", "$torch.device('cuda:77')"), "device"),
    "text_spacing": (setting("spacing", "fine"), "spacing"),
    "negative_spacing": (setting("spacing", -2.5), "spacing"),
    "turned_window": (setting("window", [430, -30]), r"window is [430, -30]"),
    "text_window": (setting("window", "soft tissue"), "window is soft tissue"),
    "unknown_runtime": (setting("runtime", "tensorrt"), "runtime is 'tensorrt'"),
    "no_weights": (lambda place: (place / f"{KIDNEY}/models/model.pt").unlink(), "there are no weights at"),
    "weights_are_a_folder": (folder_of_weights, "there are no weights at"),
    "empty_weights": (text_of("models/model.pt", ""), "cannot be read as weights"),
    "text_weights": (text_of("models/model.pt", "weights\n"), "cannot be read as weights"),
    "cut_weights": (cut_weights, "cannot be read as weights"),
    "weights_with_code": (evil_weights, "cannot be read as weights"),
    "weights_of_no_network": (weights({}), "holds no state dict"),
    "weights_of_numbers": (weights({"weight": 1, "bias": 2}), "holds no state dict"),
    "weights_list": (weights([1, 2]), "holds no state dict"),
    "other_network": (weights({"conv.weight": torch.zeros(3)}), "is a checkpoint of another network"),
    "other_size": (weights(STATE | {"bias": torch.zeros(3)}), "is a checkpoint of another network"),
    "nan_weights": (weights(STATE | {"bias": torch.full((2,), torch.nan)}), "NaN or infinite"),
    "other_checksum": (text_of("models/model.pt.sha256", "0" * 64 + "  model.pt\n"), "is not the file that"),
    "text_checksum": (text_of("models/model.pt.sha256", "see website\n"), "holds no SHA-256"),
}


def run_folder(**files: str) -> Spoil:
    def spoil(place: Place) -> None:
        (place / "run").mkdir()
        for name, text in files.items():
            stem, _, suffix = name.rpartition("_")
            (place / f"run/{stem}.{suffix}").write_text(text)

    return spoil


def broken_picture(place: Place) -> None:
    run_folder(training_jsonl='{"epoch": 1, "loss": 0.5}\n')(place)
    (place / "run/pictures").mkdir()
    (place / "run/pictures/worst.png").write_text("no picture")


RUN = ["--folder", "{place}/run"]
REPORTS: dict[str, tuple[list[str], str, Spoil]] = {
    "no_folder": (RUN, "there is no run folder", lambda place: None),
    "empty": (RUN, "run an evaluation first", run_folder()),
    "broken_results": (RUN, "results.json is not valid JSON", run_folder(results_json="{")),
    "list_results": (RUN, "results.json", run_folder(results_json="[]\n[]")),
    "other_results": (RUN, "results.json", run_folder(results_json='{"cases": [{"name": "a"}], "summary": 3}')),
    "broken_timings": (RUN, "timings.json is not valid JSON", run_folder(timings_json="soon")),
    "broken_log": (RUN, "training.jsonl", run_folder(training_jsonl='{"epoch": 1,')),
    "other_log": (RUN, "training.jsonl", run_folder(training_jsonl='{"step": 1}\n')),
    "broken_picture": (RUN, "worst.png", broken_picture),
    "no_target": ([*RUN, "--path", "no/r.html"], "cannot be written", run_folder(training_jsonl='{"epoch": 1}\n')),
    "no_click_run": (
        [*RUN, "--click", "{place}/no"],
        "there is no run",
        run_folder(training_jsonl='{"epoch": 1}\n'),
    ),
}


def entries() -> list[Bad]:
    """The catalogue."""
    found = [
        Bad(f"scan {name[:30]}", ["segment", f"{{place}}/{name}", "-o", MASK], said, partial(_make, name, make))
        for name, (make, said) in SCANS.items()
    ]
    for name, (typed, said) in CLICKS.items():
        found.append(Bad(f"click {name}", ["click", GOOD, *typed, "-o", MASK], said))
    for name, (typed, said, spoil) in OUTPUTS.items():
        found.append(Bad(f"output {name}", ["segment", GOOD, "--output", *typed], said, spoil))
    for name, (typed, said) in OPTIONS.items():
        found.append(Bad(f"option {name}", typed, said))
    for name, (spoil, said) in BUNDLES.items():
        found.append(Bad(f"bundle {name}", SEGMENT, said, spoil))
    for name, (typed, said, spoil) in REPORTS.items():
        found.append(Bad(f"report {name}", typed, said, spoil, program="report"))
    return found


def _make(name: str, make: bad.Make, place: Place) -> None:
    make(place / name)
