"""The paper's rays and grid for PROMISE12, laid over every config."""

import sys
from pathlib import Path

from monai.bundle import ConfigParser

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))
from click_program import CONFIGS
from in_process import run
from program import tree
from tiny_mr import NAMES, scan

PRESET = str(CONFIGS / "promise12.json")
SMALL = {"recurrence": ["bottom"], "network_def#channels": [8, 8, 8]}


def test_the_paper_s_numbers():
    for config in ("train", "evaluate", "inference"):
        parser = ConfigParser(ConfigParser.load_config_files([str(CONFIGS / f"{config}.json"), PRESET]))
        assert [parser[key] for key in ("spacing", "steps", "stride")] == [0.625, 12, 6]
        inferer = parser.get_parsed_content("inferer" if config != "train" else "validate#inferer")
        assert (inferer.steps, inferer.stride) == (12, 6)


def test_from_training_to_mask(tmp_path, data, quiet):
    once = {"folds": 3, "max_epochs": 1, "val_interval": 1, "slices_per_epoch": 4, "batch_size": 2}
    output = tmp_path / "output"
    run("seqpatch_prostate", "train", "promise12", dataset_dir=data, output_dir=output, **SMALL, **once)
    given = {"dataset_dir": data, "checkpoint": output / "model.pt", "split_file": output / "split.json", **SMALL}
    run("seqpatch_prostate", "evaluate", "promise12", output_dir=tmp_path / "evaluation", **given)
    assert "results.json" in tree(tmp_path / "evaluation")
    (tmp_path / "one").mkdir()
    for file in data.glob(f"{NAMES[0]}.*"):
        (tmp_path / "one" / file.name).write_bytes(file.read_bytes())
    given = {"dataset_dir": tmp_path / "one", "checkpoint": output / "model.pt", **SMALL}
    run(
        "seqpatch_prostate",
        "inference",
        "promise12",
        output_dir=tmp_path / "masks",
        foreground=[scan(0).middle],
        **given,
    )
    assert tree(tmp_path / "masks") == [f"{NAMES[0]}_object.nii.gz"]
