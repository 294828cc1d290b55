import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from click_program import TRAINING, click_arguments
from program import end, start
from tiny_mr import write_plain, write_promise12


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """The tiny data set: six cases as PROMISE12."""
    return write_promise12(tmp_path_factory.mktemp("data") / "promise12")


@pytest.fixture(scope="session")
def plain(tmp_path_factory) -> Path:
    """The same cases as images/ and labels/."""
    return write_plain(tmp_path_factory.mktemp("data") / "plain")


@pytest.fixture(scope="session")
def trainings(tmp_path_factory, data):
    """The same training twice: `run training` as a user starts it, and plain `run` with two loading processes and
    tracking.

    Gives for each the output folder, the working directory and how the program ended.
    """
    folder = tmp_path_factory.mktemp("click_trainings")
    begun = []
    for name, run_id, more in (("one", "training", {}), ("two", "", {"num_workers": 2, "tracking": "mlflow"})):
        (folder / name / "elsewhere").mkdir(parents=True)
        output, cwd = folder / name / "output", folder / name / "elsewhere"
        arguments = click_arguments("train", run_id, dataset_dir=data, output_dir=output, **TRAINING, **more)
        begun.append((output, cwd, start(*arguments, cwd=cwd, forked=name != "one")))
    return [(output, cwd, end(program)) for output, cwd, program in begun]


@pytest.fixture(scope="session")
def trained(trainings) -> Path:
    """The output folder of a finished training."""
    output, _, ended = trainings[0]
    assert ended.code == 0, ended.err
    return output
