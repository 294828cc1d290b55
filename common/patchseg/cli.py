"""The command `patchseg`."""

import functools
import inspect
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import fire

from patchseg.errors import InputError, sentence_and_exit


def segment(
    scan: str,
    *,
    output: str,
    bundle: str = "crossover_kidney",
    series: str | None = None,
    overwrite: bool = False,
    runtime: str | None = None,
) -> None:
    """Segment a scan and write the mask on the scan's own grid.

    Examples:
      patchseg segment scan.nii.gz --bundle crossover_kidney -o mask.nii.gz
      patchseg segment dicom_folder -o mask.nrrd --overwrite

    Research use, not for diagnosis.

    Args:
        scan: NIfTI (.nii, .nii.gz), .mha, .mhd or .nrrd file, or a folder with one DICOM series.
        output: the mask to write (also -o): .nii.gz, .nii, .mha or .nrrd, 0 and 1 as uint8.
        bundle: the bundle to use; a wrong name lists those found.
        series: SeriesInstanceUID to take from a DICOM folder that holds several.
        overwrite: replace a mask that exists (never the scan).
        runtime: "openvino" computes faster on CPUs (pip install 'patchseg[openvino]'); "torch" is the default.
    """
    _run(scan, output, bundle, series, overwrite, runtime)


def click(
    scan: str,
    *,
    at: str = "",
    not_at: str = "",
    output: str,
    bundle: str = "seqpatch_prostate",
    series: str | None = None,
    overwrite: bool = False,
    runtime: str | None = None,
) -> None:
    """Segment what you click on and write the mask on the scan's own grid.

    Click once, near the middle of the object. Look at the mask; where it is wrong, run again with more clicks:
    --at where the object was missed, --not where it was seen falsely. A click is a voxel I,J,K counted from 0, in
    the order in which the file stores it, as 3D Slicer and FSLeyes show it.

    Examples:
      patchseg click scan.nii.gz --at 190,200,9 -o mask.nii.gz
      patchseg click scan.nii.gz --at 190,200,9 --at 188,204,4 --not 150,200,9 -o mask.nii.gz --overwrite

    Research use, not for diagnosis.

    Args:
        scan: NIfTI (.nii, .nii.gz), .mha, .mhd or .nrrd file, or a folder with one DICOM series.
        at: a voxel inside the object, I,J,K; give --at again for each further click.
        not_at: a voxel that does not belong to the object (also --not); again for each further one.
        output: the mask to write (also -o): .nii.gz, .nii, .mha or .nrrd, 0 and 1 as uint8.
        bundle: the bundle to use; a wrong name lists those found.
        series: SeriesInstanceUID to take from a DICOM folder that holds several.
        overwrite: replace a mask that exists (never the scan).
        runtime: "openvino" computes faster on CPUs (pip install 'patchseg[openvino]'); "torch" is the default.
    """
    _run(scan, output, bundle, series, overwrite, runtime, {"--at": at, "--not": not_at})


def pack(*, output: str, bundle: str | None = None, overwrite: bool = False) -> None:
    """Write each bundle as one zip file that holds all it needs, its code included.

    Unpacked, such a bundle runs in monai.bundle, MONAI Label and MONAI Deploy without this package. The same
    bundle gives the same bytes.

    Examples:
      patchseg pack -o zips
      patchseg pack -o zips --bundle crossover_kidney --overwrite

    Args:
        output: the folder to write <name>_v<version>.zip into (also -o); made if it is missing.
        bundle: only this one.
        overwrite: replace zip files that exist.
    """
    from patchseg.packing import pack_bundle

    for root in _bundles(bundle):
        print(pack_bundle(root, output, overwrite))


def export(*, output: str, bundle: str | None = None, overwrite: bool = False) -> None:
    """Write each bundle's network as TorchScript, torch.export and ONNX, each with its contract and SHA-256.

    Every file is loaded again and compared with the bundle's own network before it is written.

    Examples:
      patchseg export -o networks

    Args:
        output: the folder to write into (also -o); made if it is missing.
        bundle: only this one.
        overwrite: replace files that exist.
    """
    from patchseg.export import export_bundle

    for root in _bundles(bundle):
        for path in export_bundle(root, output, overwrite):
            print(path)


def _bundles(name: str | None) -> list[Path]:
    """The folder of the bundle named, or of all that have weights; those that have none are named on stderr."""
    from patchseg.bundles import ENVIRONMENT, bundle_names, bundle_root

    if name:
        return [bundle_root(name)]
    roots = [bundle_root(name) for name in bundle_names()]
    trained = [root for root in roots if (root / "models" / "model.pt").is_file()]
    if not trained:
        raise InputError(f"no bundle with weights was found: set {ENVIRONMENT} to the folder that holds them.")
    for root in roots:
        if root not in trained:
            print(f"{root.name} is left out: it has no weights yet.", file=sys.stderr)
    return trained


def _run(
    scan: str,
    output: str,
    bundle: str,
    series: str | None,
    overwrite: bool,
    runtime: str | None,
    flags: Mapping[str, str] | None = None,
) -> None:
    """Segment, write and report; `flags` holds what --at and --not were given, for bundles that take clicks."""
    start = time.perf_counter()
    # imported late: torch takes seconds, and a mistyped path or --help should answer at once
    from patchseg.bundles import bundle_root
    from patchseg.masks import check_target, write_mask

    check_target(output, scan, overwrite)
    root = bundle_root(bundle)

    from patchseg.click import clicks_from, report
    from patchseg.segment import segment_scan

    clicks = None if flags is None else clicks_from(flags)
    found = segment_scan(scan, root, series, clicks, runtime)
    before_saving = time.perf_counter()
    write_mask(found.mask, found.affine, output, scan)
    end = time.perf_counter()
    seconds = found.seconds | {"save": end - before_saving, "total": end - start}
    print(f"volume             {found.volume_ml:.2f} ml")
    print(f"largest component  {found.largest_ml:.2f} ml")
    if clicks:
        print(f"confidence         {report(found, clicks)}")
    print("seconds            " + ", ".join(f"{stage} {value:.1f}" for stage, value in seconds.items()))
    print(f"mask               {Path(output)}")


class Commands(dict[str, Callable[..., None]]):
    """Segment medical scans with the patchseg bundles. Research use, not for diagnosis.

    patchseg segment scan.nii.gz --bundle crossover_kidney -o mask.nii.gz
    patchseg click scan.nii.gz --at 190,200,9 -o mask.nii.gz
    patchseg pack -o zips
    patchseg export -o networks

    `patchseg COMMAND --help` explains a command.
    """


COMMANDS = Commands(segment=segment, click=click, pack=pack, export=export)
REPEATED = {"at": "--at", "a": "--at", "not": "--not_at", "not_at": "--not_at", "n": "--not_at"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `patchseg` with these arguments (those of the process by default).

    Exits with code 2 for bad arguments or an InputError, whose sentence goes to stderr as `error: ...`.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    todo: list[Callable[[], None]] = []
    commands = Commands((name, _later(function, todo)) for name, function in COMMANDS.items())
    fire.Fire(commands, command=arguments[:1] + [_as_text(a) for a in _gathered(arguments[1:])], name="patchseg")
    with sentence_and_exit():
        for job in todo:
            job()


def _later(function: Callable[..., None], todo: list[Callable[[], None]]) -> Callable[..., None]:
    """Note the call instead of making it: fire calls first and complains about unknown arguments afterwards."""

    @functools.wraps(function)
    def note(*args: object, **kwargs: object) -> None:
        todo.append(functools.partial(_checked, function, *args, **kwargs))

    note.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return note


def _checked(function: Callable[..., None], *args: object, **kwargs: object) -> None:
    """Call it, unless a flag has a value that it cannot have; fire takes any, `--overwrite=no` for a yes too."""
    for name, value in kwargs.items():
        flag, switch = name.replace("_at", ""), inspect.signature(function).parameters[name].annotation is bool
        if switch and not isinstance(value, bool):
            raise InputError(f"--{flag} takes no value such as {value}: give it alone, or leave it out.")
        if not switch and isinstance(value, bool):
            raise InputError(
                f"--{flag} has no value: write it behind, as `patchseg {function.__name__} --help` shows."
            )
    function(*args, **kwargs)


def _gathered(arguments: Sequence[str]) -> list[str]:
    """Arguments with all values of --at in one, and those of --not: fire keeps only the last of repeated flags.

    Not `--not` but `--not_at` goes to fire, which makes parameters of flags, and `not` cannot be one in Python.

    >>> _gathered(["scan.nii", "--at", "1,2,3", "--not=7,8,9", "-o", "mask.nii", "--at=4,5,6"])
    ['scan.nii', '-o', 'mask.nii', '--at=1,2,3;4,5,6', '--not_at=7,8,9']
    """
    kept: list[str] = []
    values: dict[str, list[str]] = {}
    remaining = list(arguments)
    while remaining:
        argument = remaining.pop(0)
        key, equals, value = argument.partition("=")
        flag = REPEATED.get(key.lstrip("-").replace("-", "_")) if key.startswith("-") else None
        if flag:
            given = equals or (remaining and not re.match(r"-+[a-zA-Z]", remaining[0]))
            values.setdefault(flag, []).append(value if equals else remaining.pop(0) if given else "")
        else:
            kept.append(argument)
    return kept + [f"{flag}={';'.join(given)}" for flag, given in values.items()]


def _as_text(argument: str) -> str:
    """An argument as fire shall take it.

    Quoted, since fire would make the number 1 of a folder called 001. `-o` becomes `--output`: fire maps a letter
    only where a single parameter begins with it, and --overwrite does too.

    >>> _as_text("001"), _as_text("-o"), _as_text("--series=1.20"), _as_text("--overwrite")
    ("'001'", '--output', "--series='1.20'", '--overwrite')
    """
    if not argument.startswith("-"):
        return _quoted(argument)
    key, equals, value = argument.partition("=")
    return ("--output" if key == "-o" else key) + equals + (_quoted(value) if equals else "")


def _quoted(value: str) -> str:
    return value if value in ("True", "False") else repr(value)
