"""`--refine True`: the lattice first, and every pixel where it matters; nearly the same masks."""

import sys
from pathlib import Path

import monai.bundle
import nibabel as nib
import numpy as np
import pytest
from monai.bundle import ConfigParser

sys.path.insert(0, str(Path(__file__).parent))
from program import CONFIGS, TINY, tree

from patchseg.bundles import bundle_names, bundle_root
from patchseg.crossover import RefinedLattice
from patchseg.data import find_cases


def test_the_masks_are_those_of_every_pixel(tmp_path, data, trained, quiet):
    found = []
    for refine in (False, True):
        output = tmp_path / f"refine {refine}"
        given = {"dataset_dir": str(data), "output_dir": str(output), "checkpoint": str(trained / "model.pt")}
        config = str(CONFIGS / "inference.json")
        monai.bundle.run(config_file=config, logging_file=False, refine=refine, **given, **TINY)
        found.append([np.asarray(nib.load(output / name).dataobj) for name in tree(output)])
    assert len(found[0]) == len(find_cases(data)) and any(mask.any() for mask in found[0])
    for every_pixel, refined in zip(*found, strict=True):
        assert (every_pixel == refined).mean() > 0.999


@pytest.mark.parametrize("name", [name for name in bundle_names() if name.startswith("crossover")])
def test_every_bundle_can(name):
    parser = ConfigParser()
    parser.read_config(bundle_root(name) / "configs" / "inference.json")
    parser.update({"refine": True, "trained": "@network_def"})
    assert isinstance(parser.get_parsed_content("network"), RefinedLattice)
