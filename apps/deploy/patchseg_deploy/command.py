"""The command: a DICOM series in, a DICOM segmentation out."""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from patchseg.bundles import ENVIRONMENT, bundle_root
from patchseg.errors import sentence_and_exit
from patchseg_deploy.clicks import read_clicks, read_points
from patchseg_deploy.output import whole_results
from patchseg_deploy.series import choose_series

REPEATED = ("--at", "--not")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the application with these arguments (those of the process by default).

    Bad input ends it with one sentence on stderr and exit code 2.
    """
    options = _options().parse_args(_joined(sys.argv[1:] if arguments is None else arguments))
    with sentence_and_exit():
        _run(options)


def _options() -> argparse.ArgumentParser:
    """The options; folders default to those of a MONAI Application Package."""
    options = argparse.ArgumentParser(
        "apps/deploy", description=__doc__, epilog="Research use, not for diagnosis."
    )
    for letter, name, variable, text in (
        ("-i", "--input", "HOLOSCAN_INPUT_PATH", "folder with the DICOM series"),
        ("-o", "--output", "HOLOSCAN_OUTPUT_PATH", "folder for the DICOM segmentation"),
    ):
        given = os.environ.get(variable)
        options.add_argument(letter, name, default=given, required=not given, metavar="FOLDER", help=text)
    options.add_argument(
        "-m",
        "--model",
        metavar="FOLDER",
        default=os.environ.get("HOLOSCAN_MODEL_PATH"),
        help="folder with the bundles; those of the repository by default",
    )
    options.add_argument("-b", "--bundle", default="crossover_kidney", help="a wrong name lists those found")
    options.add_argument("--series", metavar="UID", help="SeriesInstanceUID, where several series fit")
    options.add_argument("--clicks", metavar="FILE", help="JSON, or a DICOM presentation state (GSPS) with points")
    options.add_argument(
        "--at",
        metavar="X,Y,Z",
        action="append",
        default=[],
        help="a point inside the object, in LPS millimetres; again for each further one",
    )
    options.add_argument(
        "--not",
        metavar="X,Y,Z",
        action="append",
        default=[],
        dest="not_at",
        help="a point that does not belong to the object; again for each further one",
    )
    return options


def _joined(arguments: Sequence[str]) -> list[str]:
    """Arguments with --at and --not joined to their values: argparse takes a minus for the next option.

    >>> _joined(["--at", "-12.5,40,88", "-i", "folder"])
    ['--at=-12.5,40,88', '-i', 'folder']
    """
    remaining = iter(arguments)
    return [f"{a}={next(remaining, '')}" if a in REPEATED else a for a in remaining]


def _run(options: argparse.Namespace) -> None:
    start = time.perf_counter()
    if options.model:
        os.environ[ENVIRONMENT] = options.model
    bundle = bundle_root(options.bundle)
    metadata = json.loads((bundle / "configs" / "metadata.json").read_text())
    source = Path(options.input)
    series = choose_series(source, metadata["network_data_format"]["inputs"]["image"]["modality"], options.series)
    clicks = {"foreground": read_points(options.at, "--at"), "background": read_points(options.not_at, "--not")}
    if options.clicks:
        for key, points in read_clicks(options.clicks, series).items():
            clicks[key] += points
    with whole_results(options.output) as folder:
        # imported late: a mistyped path should be answered at once
        from patchseg_deploy.app import SegmentationApp

        app = SegmentationApp(source, series, bundle, clicks, folder)
        app.run()
        (name,) = [path.name for path in folder.iterdir()]
    mask = app.inference.result["pred"]
    millilitres = float(mask.sum() * abs(np.linalg.det(mask.affine))) / 1000
    print(f"series        {series}")
    print(f"volume        {millilitres:.2f} ml" + ("" if millilitres else ": nothing was found"))
    print(f"seconds       {time.perf_counter() - start:.1f}")
    print(f"segmentation  {Path(options.output) / name}")
