import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from program import TRAINING, end, run_arguments, start
from tiny import write_tree


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """The tiny data set: six cases in a KiTS tree."""
    return write_tree(tmp_path_factory.mktemp("data") / "kits")


@pytest.fixture(scope="session")
def trainings(tmp_path_factory, data):
    """The same training twice: `run training` as a user starts it, and plain `run` with two loading processes and
    tracking.

    Gives for each the output folder, the working directory and how the program ended.
    """
    folder = tmp_path_factory.mktemp("trainings")
    begun = []
    for name, run_id, more in (("one", "training", {}), ("two", "", {"num_workers": 2, "tracking": "mlflow"})):
        (folder / name / "elsewhere").mkdir(parents=True)
        output, cwd = folder / name / "output", folder / name / "elsewhere"
        arguments = run_arguments("train", run_id, dataset_dir=data, output_dir=output, **TRAINING, **more)
        begun.append((output, cwd, start(*arguments, cwd=cwd, forked=name != "one")))
    return [(output, cwd, end(program)) for output, cwd, program in begun]


@pytest.fixture(scope="session")
def trained(trainings) -> Path:
    """The output folder of a finished training."""
    output, _, ended = trainings[0]
    assert ended.code == 0, ended.err
    return output


@pytest.fixture
def quiet(monkeypatch):
    """What a run changes in this process is put back."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(sys, "path", list(sys.path))
    deterministic = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    yield
    torch.set_flush_denormal(False)
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = deterministic
