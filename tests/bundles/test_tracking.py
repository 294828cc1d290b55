"""`--tracking mlflow`: everything about a training lands in one run, on disk or on a server."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

sys.path.insert(0, str(Path(__file__).parent))
from program import LIMIT, TRAINING, end, run_arguments, start, tree

from patchseg.files import read_log


def only_run(client: MlflowClient) -> Run:
    experiment = client.get_experiment_by_name("crossover_kidney")
    (run,) = client.search_runs([experiment.experiment_id])
    return run


def assert_whole(client: MlflowClient, run: Run, output: Path, epochs: int, iterations: int) -> None:
    """The run holds what the training wrote to its folder."""
    assert run.info.status == "FINISHED"
    assert run.info.run_name.endswith(str(output))
    params = run.data.params
    assert params["learning_rate"] == "0.002" and params["spacing"] == "2.0" and params["patch"] == "[100, 20]"
    assert (params["seed"], params["folds"], params["fold"]) == ("0", "3", "0")
    assert (params["max_epochs"], params["epoch_length"]) == (str(epochs), "4")

    def history(name: str) -> dict[int, float]:
        return {metric.step: metric.value for metric in client.get_metric_history(run.info.run_id, name)}

    log = read_log(output / "training.jsonl")
    losses = history("train_loss")
    assert list(losses) == list(range(1, iterations + 1))
    for epoch, line in log.items():
        mean = sum(losses[step] for step in range(4 * epoch - 3, 4 * epoch + 1)) / 4
        assert mean == pytest.approx(line["loss"], abs=1e-5)
    validated = {epoch: line["val_mean_dice"] for epoch, line in log.items() if "val_mean_dice" in line}
    assert history("val_mean_dice") == pytest.approx(validated, abs=1e-5)
    assert len(validated) == len(list((output / "pictures").iterdir())) > 0

    artifacts = [artifact.path for artifact in client.list_artifacts(run.info.run_id)]
    (config,) = (path for path in artifacts if path.startswith("config_"))
    assert config in tree(output)
    pictures = [artifact.path for artifact in client.list_artifacts(run.info.run_id, "pictures")]
    assert pictures == [name for name in tree(output) if name.startswith("pictures/")]


def test_local_store_in_output_dir(trainings):
    output, _, ended = trainings[1]
    assert ended.code == 0, ended.err
    client = MlflowClient(f"sqlite:///{output}/mlruns.db")
    assert_whole(client, only_run(client), output, epochs=4, iterations=16)


@pytest.fixture
def server(tmp_path):
    """A real tracking server that keeps everything below tmp_path: address, a wait until it answers, an end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store = tmp_path / "server"
    store.mkdir()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{store}/mlflow.db", "--workers", "1"]
    command += ["--artifacts-destination", str(store / "artifacts")]
    # eight further processes, which a tracking server of trainings has no use for
    no_jobs = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1", **no_jobs}
    with (store / "log").open("w") as log:
        serving = subprocess.Popen(command, cwd=store, env=environment, stdout=log, stderr=log)

    def stop() -> None:
        serving.terminate()
        serving.wait(LIMIT)

    address = f"http://127.0.0.1:{port}"
    yield address, lambda: wait_for(f"{address}/health", serving, store / "log"), stop
    stop()


def wait_for(address: str, serving: subprocess.Popen, log: Path) -> None:
    until = time.monotonic() + LIMIT
    while time.monotonic() < until and serving.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the tracking server did not start:\n{log.read_text()}")


def test_tracking_server(tmp_path, data, server):
    address, ready, _ = server
    output, cwd = tmp_path / "output", tmp_path / "elsewhere"
    cwd.mkdir()
    given = {"dataset_dir": data, "output_dir": output, **TRAINING, "val_interval": 1, "max_epochs": 1}
    ready()
    ended = end(start(*run_arguments("train", **given, tracking="mlflow", tracking_uri=address), cwd=cwd))
    assert ended.code == 0, ended.err
    client = MlflowClient(address)
    assert_whole(client, only_run(client), output, epochs=1, iterations=4)
    assert tree(cwd) == [] and "mlruns.db" not in tree(output)


@pytest.fixture
def impatient(monkeypatch):
    """MLflow asks once."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


def test_a_server_that_is_away_at_the_start_is_said_once(tmp_path, data, impatient):
    output = tmp_path / "output"
    with socket.socket() as bound:  # bound, and nobody listens: refused at once
        bound.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{bound.getsockname()[1]}"
        given = {"dataset_dir": data, "output_dir": output, **TRAINING, "max_epochs": 1, "val_interval": 5}
        arguments = run_arguments("train", **given, tracking="mlflow", tracking_uri=address)
        ended = end(start(*arguments, cwd=tmp_path))
    assert ended.code == 0, ended.err
    assert (ended.out + ended.err).count("MLflow fails, the run goes on untracked") == 1
    assert "Traceback" not in ended.err and (output / "model.pt").is_file()


def test_a_server_lost_on_the_way(tmp_path, data, server, impatient):
    address, ready, stop = server
    output = tmp_path / "output"
    given = {"dataset_dir": data, "output_dir": output, **TRAINING, "val_interval": 1, "max_epochs": 8}
    ready()
    arguments = run_arguments("train", **given, tracking="mlflow", tracking_uri=address)
    training = start(*arguments, cwd=tmp_path)
    while training.poll() is None and len(read_log(output / "training.jsonl")) < 2:
        time.sleep(0.01)
    assert training.poll() is None, end(training).err
    (run,) = (client := MlflowClient(address)).search_runs(
        [client.get_experiment_by_name("crossover_kidney").experiment_id]
    )
    assert run.info.status == "RUNNING"
    stop()
    ended = end(training)
    assert ended.code == 0, ended.err
    # the trainer's handler and the validator's
    assert 1 <= (ended.out + ended.err).count("MLflow fails, the run goes on untracked") <= 2
    assert len(read_log(output / "training.jsonl")) == 8
