"""Data sets as they are distributed, on a bundle's network grid: images and labels fit, with the right values."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import nibabel as nib
import numpy as np
import pytest
from monai.bundle import ConfigParser
from monai.transforms import Compose

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "data"))
import trees
from in_process import run
from program import tree

from patchseg.bundles import bundle_root

pytestmark = pytest.mark.filterwarnings("ignore:labels of M&Ms are read with ACDC's numbers")
BOTH = {"structures": ["cavity", "myocardium"], "spacing": 0}
AS_IT_IS = {"spacing": 0}


def volume(label: np.ndarray) -> np.ndarray:
    """Columns, rows, slices as rows, columns, slices."""
    return label.transpose(1, 0, 2)


def boxed(mask: np.ndarray) -> np.ndarray:
    """A mask of one slice cut down to its box."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1, None]


HEART = volume(trees.heart())
CLASSES = np.choose(HEART, [0, 0, 2, 1])  # 1 cavity, 2 myocardium; the right ventricle is neither
SLICE = trees.high()[..., None]
SLICE_CLASSES = np.where(trees.inner()[..., None], 1, 2 * SLICE)
KIDNEY = np.stack([np.roll(trees.high(), k, axis=1) for k in range(trees.SLICES)], -1)
TUMOUR = np.stack([np.roll(trees.inner(), k, axis=1) for k in range(trees.SLICES)], -1)
MASS, MASSES = (boxed(mask) for mask in (trees.high(), trees.high() | np.roll(trees.inner(), 20, axis=1)))


class Set(NamedTuple):
    """A data set: who learns from it, what is typed, how many cases; of the first, classes and what is bright."""

    bundle: str
    settings: dict[str, object]
    write: Callable[[Path], Path]
    cases: int
    label: np.ndarray
    bright: np.ndarray


SETS = {
    "ACDC": Set("crossover_cardiac", BOTH, lambda root: trees.acdc(root, 1), 2, CLASSES, HEART > 0),
    "M&Ms": Set("crossover_cardiac", BOTH, trees.mms, 4, CLASSES, HEART > 0),
    "M&Ms-2": Set("crossover_cardiac", BOTH, trees.mms2, 2, CLASSES, HEART > 0),
    "Sunnybrook": Set("crossover_cardiac", BOTH, trees.sunnybrook, 1, SLICE_CLASSES, SLICE),
    "Sunnybrook, cavity": Set("crossover_cardiac", AS_IT_IS, trees.sunnybrook, 2, SLICE_CLASSES == 1, SLICE),
    "INbreast": Set("crossover_breast", {"crop": 1}, trees.inbreast, 1, MASS, MASS),
    "CBIS-DDSM": Set("crossover_breast", {"crop": 1}, trees.cbis, 1, MASSES, MASSES),
    "KiTS23": Set("crossover_kidney", AS_IT_IS, trees.kits23, 2, TUMOUR, TUMOUR),
    "KiTS23, kidneys": Set("seqpatch_kidney", AS_IT_IS, trees.kits23, 2, KIDNEY, TUMOUR),
    "PROMISE12": Set("seqpatch_prostate", AS_IT_IS, trees.promise12, 2, CLASSES == 1, HEART == 3),
    "MSD": Set("seqpatch_prostate", {**AS_IT_IS, "channel": 0}, trees.msd_prostate, 1, HEART > 1, HEART > 1),
}


@pytest.mark.parametrize("name", SETS)
def test_image_and_label_on_the_network_s_grid(tmp_path, name):
    one = SETS[name]
    parser = ConfigParser()
    parser.read_config(bundle_root(one.bundle) / "configs/train.json")
    parser.update({"dataset_dir": str(one.write(tmp_path)), **one.settings})
    cases = parser.get_parsed_content("cases")
    assert len(cases) == one.cases
    data = Compose(parser.get_parsed_content("loading") + parser.get_parsed_content("to_grid"))(cases[0])
    image, label = (np.asarray(data[key][0]) for key in ("image", "label"))
    np.testing.assert_array_equal(label, one.label)
    np.testing.assert_array_equal(image > (image.min() + image.max()) / 2, one.bright)


def test_a_mask_for_each_time_point(tmp_path, quiet):
    """Inference writes two masks of one 4D file, and does not mind labels that would have to be drawn."""
    run("crossover_cardiac", "inference", dataset_dir=trees.mms(tmp_path / "mms") / "Testing", output_dir=tmp_path)
    for frame in (1, 3):
        mask = nib.load(tmp_path / f"B1C2D3/B1C2D3_sa_heart_{frame}.nii.gz")
        assert mask.shape == trees.heart().shape
        np.testing.assert_allclose(mask.affine, np.diag([-1.5, -1.2, 8.0, 1.0]))
    run(
        "crossover_cardiac",
        "inference",
        dataset_dir=trees.sunnybrook(tmp_path / "scd"),
        output_dir=tmp_path / "scd2",
    )
    written = [f"IM-0003-{number:04d}_heart.nii.gz" for number in (48, 59)]
    assert [Path(name).name for name in tree(tmp_path / "scd2")] == written
