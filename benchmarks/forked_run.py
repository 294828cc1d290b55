"""`python -m monai.bundle` in a fork of this process: the libraries, seconds of loading, are there already."""

import multiprocessing
import runpy
import sys
from collections.abc import Sequence

import monai.bundle
import monai.engines
import monai.networks.nets
import monai.transforms

import patchseg.crossover
import patchseg.handlers
from patchseg.errors import sentence_and_exit

LOADED = (
    monai.bundle,
    monai.engines,
    monai.networks.nets,
    monai.transforms,
    patchseg.crossover,
    patchseg.handlers,
)


def run_forked(command: Sequence[str]) -> None:
    """Run `-m MODULE ARGUMENTS`, as `steps.bundle_command` gives it; when it fails, exit with its code."""
    process = multiprocessing.get_context("fork").Process(target=_run, args=(command,))
    process.start()
    process.join()
    if process.exitcode:
        sys.exit(process.exitcode)


def _run(command: Sequence[str]) -> None:
    _, module, *arguments = command
    sys.argv = [module, *arguments]
    with sentence_and_exit():
        runpy.run_module(module, run_name="__main__", alter_sys=True)
