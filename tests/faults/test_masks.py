"""A mask is written whole or not at all, by the bundles' inference and by `patchseg`."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import SaveImage

from patchseg.bundles import bundle_names, bundle_root
from patchseg.masks import WholeNiftiWriter, write_mask

sys.path.insert(0, str(Path(__file__).parent))
from each_step import killed_at_each_step

MASK = np.random.default_rng(0).integers(0, 2, (20, 20, 20)).astype(np.uint8)


def by_monai(folder: Path) -> None:
    options = {"output_postfix": "", "output_dtype": np.uint8, "separate_folder": False, "print_log": False}
    SaveImage(folder, writer=WholeNiftiWriter, **options)(
        MetaTensor(torch.from_numpy(MASK)[None], meta={"filename_or_obj": "mask.nii.gz"})
    )


def by_patchseg(folder: Path) -> None:
    write_mask(MASK, np.eye(4), folder / "mask.nii.gz")


@pytest.mark.parametrize("write", [by_monai, by_patchseg])
def test_killed_at_every_step(tmp_path, write):
    (tmp_path / "whole").mkdir()
    write(tmp_path / "whole")
    expected = {path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()}
    steps = 0
    for folder in killed_at_each_step(write, tmp_path):
        found = {path.name: path.read_bytes() for path in folder.iterdir() if path.name[0] != "."}
        assert found in ({}, expected)
        write(folder)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == expected, "nothing else is left"
        steps += 1
    assert steps >= 2, "a file is opened and put into its place"


@pytest.mark.parametrize("name", bundle_names())
def test_every_bundle_writes_so(name):
    config = json.loads((bundle_root(name) / "configs" / "inference.json").read_text())
    saving = [step for step in config["postprocessing"]["transforms"] if step["_target_"] == "SaveImaged"]
    assert [step["writer"] for step in saving] == ["$patchseg.masks.WholeNiftiWriter"]


def test_another_format_is_a_sentence(tmp_path):
    save = SaveImage(tmp_path, output_ext=".mha", writer=WholeNiftiWriter, print_log=False)
    with pytest.raises(RuntimeError, match=r"patchseg.errors.InputError: .*is no NIfTI file: leave output_ext"):
        save(torch.from_numpy(MASK)[None])
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
