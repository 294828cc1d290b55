"""READMEs and metadata say what results/ says."""

import json
import shutil
import subprocess
import sys

import pytest
from tables import main

from patchseg.errors import InputError

README = """# Title

<!-- results: kidney_phantom -->
<!-- end -->

Between.

<!-- results: kidney_real -->
old
<!-- end -->
End
"""


@pytest.fixture
def copy(tmp_path, repository):
    """A small repository: the bundle's real metadata, two READMEs, no results yet."""
    root = tmp_path / "repository"
    bundle = root / "bundles" / "crossover_kidney"
    for folder in ("configs", "docs"):
        (bundle / folder).mkdir(parents=True)
    shutil.copy(repository / "bundles/crossover_kidney/configs/metadata.json", bundle / "configs")
    (root / "README.md").write_text(README)
    (bundle / "docs" / "README.md").write_text("<!-- results: kidney_phantom -->\n<!-- end -->\n")
    return root


@pytest.fixture
def measured(copy, phantom_results, real_results):
    shutil.copytree(phantom_results.parent, copy / "results")
    main(root=str(copy))
    return copy


def differs(root, capsys):
    """What --check names."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main(check=True, root=str(root))
    assert stopped.value.code == 1
    return [line.split(" differs")[0] for line in capsys.readouterr().err.splitlines()]


def test_this_repository_says_what_its_results_say(repository):
    done = subprocess.run(
        [sys.executable, "benchmarks/tables.py", "--check"], cwd=repository, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_without_results_nothing_is_claimed(copy):
    main(root=str(copy))
    text = (copy / "README.md").read_text()
    assert text.count("not measured yet") == 2 and "old" not in text
    assert text.startswith("# Title\n\n") and "\n\nBetween.\n\n" in text and text.endswith("<!-- end -->\nEnd\n")
    main(check=True, root=str(copy))


def test_tables_of_the_results(measured):
    text = (measured / "README.md").read_text()
    for row in (
        "| phantom CT, held out | Crossover-Net | whole | 0.450 ± 0.636 (2) | 4.0 (1 without) | 0.100 | 0.200 "
        "| 1.5 |",
        "| phantom CT, held out | best HU window | whole | 1.000 (2) | - | - | - | - |",
        "| discs, 2-fold | Crossover-Net | whole | 0.567 ± 0.058 (3) | 4.0 | 0.100 | 0.200 | 1.0 "
        "| 0.575 ± 0.050 (4) | 0.25 |",
        "| the paper's own CT, 74 patients | U-Net, as published | paper | 0.839 | 13.020 | 0.108 | 0.169 "
        "| - | - | - |",
    ):
        assert row in text
    assert "+0.233 DSC per patient, better in 3 and worse in 0 of 3 patients (p = 0.25;" in text
    assert "0.450 ± 0.636" in (measured / "bundles/crossover_kidney/docs/README.md").read_text()
    main(check=True, root=str(measured))


def test_metrics_of_the_metadata(measured):
    metadata = json.loads((measured / "bundles/crossover_kidney/configs/metadata.json").read_text())
    found = metadata["eval_metrics"]
    assert found["kidney_phantom_mean_dice"] == 0.45 and found["kidney_phantom_cases"] == 2
    assert found["kidney_real_whole_mean_dice"] == 0.5667 and found["kidney_real_whole_patients"] == 3
    assert {"version", "changelog", "network_data_format"} <= metadata.keys()


def test_a_second_run_changes_nothing(measured, capsys):
    capsys.readouterr()
    main(root=str(measured))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("file", "number"),
    [
        ("README.md", "0.450"),
        ("bundles/crossover_kidney/docs/README.md", "0.450"),
        ("bundles/crossover_kidney/configs/metadata.json", "0.5667"),
        ("results/kidney_phantom.json", "0.45"),
    ],
)
def test_an_edited_number_is_found(measured, capsys, file, number):
    path = measured / file
    text = path.read_text()
    assert number in text
    path.write_text(text.replace(number, "0.99"))
    named = differs(measured, capsys)
    if file.startswith("results/"):
        assert len(named) == 3  # all that is made from it
    else:
        assert named == [file]


def test_results_that_are_gone_leave_no_numbers_behind(measured, capsys):
    shutil.rmtree(measured / "results")
    assert len(differs(measured, capsys)) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<!-- results: kidney_phantom -->\n0.9\n", "not closed"),
        ("<!-- results: lungs -->\n<!-- end -->\n", "choose one of kidney_phantom, kidney_real"),
    ],
)
def test_a_broken_block_is_refused(copy, text, words):
    (copy / "README.md").write_text(text)
    with pytest.raises(InputError, match=words):
        main(root=str(copy))
    assert (copy / "README.md").read_text() == text
