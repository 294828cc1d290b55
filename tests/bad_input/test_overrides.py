"""What may be typed behind a config goes through; what cannot be meant is named."""

import json

import pytest

from patchseg.errors import InputError
from patchseg.overrides import check_overrides

CONFIG = {
    "dataset_dir": "$@bundle_root + '/data'",
    "max_epochs": 60,
    "spacing": 2.5,
    "show": True,
    "channel": None,
    "recurrence": ["top", "middle"],
    "network_def": {"_target_": "Net", "patch": "@patch"},
    "train": {"trainer": {"_target_": "Trainer", "max_epochs": "@max_epochs"}},
    "steps": [{"_target_": "Flip", "prob": 0.5}],
}


@pytest.fixture
def config(tmp_path):
    (tmp_path / "train.json").write_text(json.dumps(CONFIG))
    (tmp_path / "more.json").write_text(json.dumps({"backend": "gloo"}))
    return tmp_path / "train.json"


@pytest.mark.parametrize(
    "typed",
    [
        [],
        ["--max_epochs", "3", "--spacing=2", "--show", "--channel", "1", "--dataset-dir", "scans"],
        ["--recurrence", "[top,bottom]", "--tracking", "mlflow", "--logging_file", "False"],
        ["--max_epochs", "$2 * 3", "--spacing", "@other"],
        ["--network_def#stack", "abc", "--network_def::patch", "[3, 3]", "--train#trainer#max_epochs", "2"],
        ["--steps#0#prob", "0", "--steps#0#axis", "-1"],
        ["--show", "True", "--show=False", "--show", "$1 > 0"],
    ],
)
def test_what_may_be_typed(config, typed):
    check_overrides(["monai", "run", "training", "--config_file", str(config), *typed])


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--max_epoch", "3"], "train.json has no max_epoch: did you mean max_epochs"),
        (["--train#trainr", "3"], "train.json has no train#trainr: did you mean trainer"),
        (["--steps#1#prob", "0"], "train.json has no steps#1#prob"),
        (["--spacing", "fine"], "spacing is 'fine'; train.json has 2.5 there: give a number"),
        (["--recurrence=top"], "recurrence is 'top'; .* give a list"),
        (["--train#trainer#max_epochs", "0", "--max_epochs", "0"], "max_epochs is 0; .* give 1 or more"),
        (["--show", "false"], "show is 'false'; train.json has True there: give True or False"),
        (["--backend", "nccl"], "train.json has no backend"),
    ],
)
def test_what_is_refused(config, typed, said):
    with pytest.raises(InputError, match=said):
        check_overrides(["monai", "run", "--config_file", str(config), *typed])


def test_several_configs_and_other_programs(config):
    both = f"['{config}','{config.with_name('more.json')}']"
    check_overrides(["monai", "run", "--config_file", both, "--backend", "nccl"])
    check_overrides(["monai", "ckpt_export", "--config_file", str(config), "--net_id", "network_def"])
    check_overrides(["pytest", "--max_epoch", "3"])
