"""inference.json on other files than NIfTI: each mask lies on its scan, whatever that is."""

import sys
from pathlib import Path

import itk
import monai.bundle
import nibabel as nib
import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from program import CONFIGS, TINY, tree
from tiny import SPACINGS, TUMOUR, voxels

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def masks(tmp_path: Path, folder: Path, weights: Path) -> Path:
    """The folder of masks that inference in this process writes for the scans of `folder`."""
    output = tmp_path / "masks"
    given = {"dataset_dir": str(folder), "output_dir": str(output), "checkpoint": str(weights), **TINY}
    monai.bundle.run(config_file=str(CONFIGS / "inference.json"), logging_file=False, **given)
    return output


def overlap(mask: np.ndarray, reference: np.ndarray) -> float:
    return 2 * (mask & reference).sum() / (mask.sum() + reference.sum())


@pytest.mark.parametrize("ending", ["mha", "nrrd"])
def test_itk_files(tmp_path, trained, quiet, ending):
    scans = tmp_path / "scans"
    scans.mkdir()
    for number in range(2):
        image = itk.image_from_array(np.ascontiguousarray(voxels(number)[0].transpose(2, 1, 0)))
        image.SetSpacing(SPACINGS[number])
        image.SetOrigin((40.0, -70.0 + number, 12.0))
        image.SetDirection(itk.matrix_from_array(np.diag([-1.0, -1.0, 1.0])))  # x to the left: RAS
        itk.imwrite(image, scans / f"scan{number}.{ending}")
    found = masks(tmp_path, scans, trained / "model.pt")
    assert len(tree(found)) == 2
    for number, name in enumerate(tree(found)):
        assert name.startswith(f"scan{number}")
        mask = nib.load(found / name)
        voxel = np.diag([-SPACINGS[number][0], -SPACINGS[number][1], SPACINGS[number][2], 1.0])
        voxel[:3, 3] = (40.0, -70.0 + number, 12.0)
        np.testing.assert_allclose(mask.affine, LPS_TO_RAS @ voxel, atol=1e-4)
        assert mask.get_data_dtype() == np.uint8 and mask.shape == voxels(number)[0].shape
        assert set(np.unique(mask.dataobj)) == {0, 1}
        assert overlap(np.asarray(mask.dataobj) == 1, voxels(number)[1] == TUMOUR) > 0.5


def test_slices_with_an_index(tmp_path, trained, quiet):
    slices = tmp_path / "slices"
    (slices / "images").mkdir(parents=True)
    (slices / "labels").mkdir()
    rows = ["file,kits_case,spacing_row_mm,spacing_col_mm,spacing_z_mm"]
    for number in range(3):
        hu, label = voxels(number)
        name = f"case_{number:05d}_z0001.png"
        # axes x to the right, y to the front: a picture has rows to the back and columns to the left
        window8 = np.clip((hu[::-1, ::-1, 1].T + 30.0) / 460 * 255, 0, 255).round().astype(np.uint8)
        Image.fromarray(window8).save(slices / "images" / name)
        Image.fromarray(np.ascontiguousarray(label[::-1, ::-1, 1].T)).save(slices / "labels" / name)
        rows.append(f"{name},{number},{SPACINGS[number][1]},{SPACINGS[number][0]},4")
    (slices / "index.csv").write_text("\n".join(rows) + "\n")
    found = masks(tmp_path, slices, trained / "model.pt")
    assert len(tree(found)) == 3
    for number, name in enumerate(tree(found)):
        assert Path(name).name.startswith(f"case_{number:05d}_z0001")
        mask = nib.load(found / name)
        assert mask.get_data_dtype() == np.uint8
        picture = np.squeeze(np.asarray(mask.dataobj)).T
        reference = np.asarray(Image.open(slices / "labels" / f"case_{number:05d}_z0001.png")) == TUMOUR
        assert picture.shape == reference.shape and set(np.unique(picture)) == {0, 1}
        assert overlap(picture == 1, reference) > 0.5
