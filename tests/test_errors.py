"""A user's mistake ends in a sentence and exit code 2, anything else in its traceback."""

import subprocess
import sys

PROGRAM = """
from patchseg.errors import InputError, show_as_sentence
show_as_sentence()
try:
    {inner}
except Exception as error:
    raise RuntimeError("applying transform") from error
"""


def run(inner):
    return subprocess.run([sys.executable, "-c", PROGRAM.format(inner=inner)], capture_output=True, text=True)


def test_an_input_error_is_a_sentence():
    done = run("raise InputError('scan.nii.gz is empty: give another')")
    assert done.returncode == 2
    assert done.stderr == "error: scan.nii.gz is empty: give another\n"


def test_any_other_error_keeps_its_traceback():
    done = run("1 / 0")
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr and "Traceback" in done.stderr


def test_a_packed_bundles_own_copy_of_the_class_counts():
    done = run("raise type('InputError', (ValueError,), {})('scan.nii.gz is empty: give another')")
    assert (done.returncode, done.stderr) == (2, "error: scan.nii.gz is empty: give another\n")


def test_tracking_without_mlflow_says_what_to_install():
    done = run("raise type('OptionalImportError', (ImportError,), {})('import mlflow (No module named mlflow).')")
    assert done.returncode == 2 and "pip install 'patchseg[mlflow]'" in done.stderr
    assert run("raise type('OptionalImportError', (ImportError,), {})('import other')").returncode == 1
