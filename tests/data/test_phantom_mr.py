import os
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest
from monai.transforms import LoadImage
from nibabel.orientations import apply_orientation, axcodes2ornt, io_orientation, ornt_transform
from scipy.ndimage import binary_dilation, label

from patchseg.data import phantom_mr
from patchseg.data.layouts import find_cases
from patchseg.data.phantom_ct import best_threshold_dsc
from patchseg.data.phantom_mr import mr_phantom, write_mr_phantoms
from patchseg.errors import InputError

AXES = [("L", "P", "S"), ("L", "P", "S"), ("R", "A", "S"), ("L", "P", "I"), ("P", "L", "S")]


@pytest.fixture(scope="module")
def phantoms() -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    return [mr_phantom(seed) for seed in range(5)]


def upright(array: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """(row, column, slice) running to posterior, left, superior."""
    return apply_orientation(array, ornt_transform(io_orientation(affine), axcodes2ornt("PLS")))


@pytest.mark.parametrize("seed", range(5))
def test_form_of_a_phantom(phantoms, seed):
    image, gland, affine = phantoms[seed]
    assert image.dtype == np.int16 and gland.dtype == np.uint8 and image.shape == gland.shape
    assert image.min() >= 0 and image.max() > 150
    assert np.unique(gland).tolist() == [0, 1]
    assert nib.aff2axcodes(affine) == AXES[seed]
    rows, columns, slices = upright(image, affine).shape
    assert rows == columns and 208 <= rows <= 288 and 14 <= slices <= 30
    spacing = sorted(nib.affines.voxel_sizes(affine))
    assert 0.4 <= spacing[0] <= spacing[1] <= 0.81 and 2.5 <= spacing[2] <= 4


def test_two_of_five_are_oblique(phantoms):
    off_axis = [np.count_nonzero(np.abs(affine[:3, :3]) > 1e-6) > 3 for *_, affine in phantoms]
    assert off_axis == [False, True, False, True, False]


@pytest.mark.parametrize("seed", range(5))
def test_the_gland_is_one_part_of_20_to_90_ml_in_the_middle(phantoms, seed):
    _, gland, affine = phantoms[seed]
    assert 18 < gland.sum() * abs(np.linalg.det(affine[:3, :3])) / 1000 < 95
    sizes = np.bincount(label(gland)[0].ravel())[1:]
    assert sizes.max() / sizes.sum() > 0.995
    centre = np.argwhere(gland).mean(0) / gland.shape
    assert np.abs(centre - 0.5).max() < 0.15
    assert not gland.any((0, 1))[[0, -1]].all() or not upright(gland, affine)[..., [0, -1]].any()  # whole


@pytest.mark.parametrize("seed", range(5))
def test_neighbours_lie_where_they_should(phantoms, seed):
    image, gland, affine = phantoms[seed]
    image, gland = upright(image, affine).astype(float), upright(gland, affine).astype(bool)
    rows, columns, slices = np.nonzero(gland)
    middle = int(columns.mean())
    # the peripheral zone, at the back, is brighter than the stroma in front
    depth = (rows - rows.min()) / np.ptp(rows)
    values = image[gland]
    assert np.median(values[depth > 0.75]) > 1.15 * np.median(values[depth < 0.25])
    # the bladder lies above and is bright
    front = slice(rows.min() - 10, int(rows.mean()))
    above = image[front, middle - 10 : middle + 10, slices.max() :]
    assert np.percentile(above, 90) > np.median(values)
    # muscle on both sides is dark
    beside = binary_dilation(gland, np.ones((1, 3, 1)), iterations=int(25 / 0.6)) & ~gland
    assert np.percentile(image[beside], 10) < 0.5 * np.median(values)


def test_no_threshold_finds_the_gland(phantoms):
    scaled = [(image / np.percentile(image, 99) * 400, gland) for image, gland, _ in phantoms]
    own_windows = [best_threshold_dsc([scan], value=1) for scan in scaled]
    assert best_threshold_dsc(scaled, value=1) <= np.mean(own_windows) < 0.3


def test_same_seed_same_bytes(tmp_path):
    for folder in "ab":
        write_mr_phantoms(tmp_path / folder, cases=1)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["Case00.mhd", "Case00.zraw", "Case00_segmentation.mhd", "Case00_segmentation.zraw"]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_files_hold_the_phantom_where_it_lies(tmp_path, phantoms, monkeypatch):
    monkeypatch.setattr(phantom_mr, "mr_phantom", lambda seed: phantoms[seed])
    write_mr_phantoms(tmp_path, cases=5)
    for case, (image, gland, affine) in zip(find_cases(tmp_path), phantoms, strict=True):
        for path, array in ((case["image"], image), (case["label"], gland)):
            loaded = LoadImage(image_only=True)(path)
            assert np.array_equal(np.asarray(loaded), array)
            assert np.allclose(loaded.affine, affine, atol=1e-6)


@pytest.fixture
def quick(monkeypatch):
    """Phantoms of a few voxels, for what is about files only."""
    cube = np.arange(27).reshape(3, 3, 3)
    monkeypatch.setattr(
        phantom_mr,
        "mr_phantom",
        lambda seed: (cube.astype(np.int16) + seed, (cube % 2).astype(np.uint8), np.eye(4)),
    )


def test_written_in_promise12_layout_and_continued(tmp_path, quick):
    write_mr_phantoms(tmp_path / "p", cases=2)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "p").iterdir()}
    write_mr_phantoms(str(tmp_path / "p"), cases=3, seed=1)
    assert {path: path.stat().st_mtime_ns for path in times} == times
    cases = find_cases(tmp_path / "p")
    assert [(case["name"], case["patient"]) for case in cases] == [(f"Case0{i}", f"Case0{i}") for i in range(3)]
    assert [int(LoadImage(image_only=True)(case["image"])[0, 0, 0]) for case in cases] == [0, 1, 1002]


def test_a_case_without_its_header_is_written_again(tmp_path, quick):
    write_mr_phantoms(tmp_path, cases=1)
    (tmp_path / "Case00.mhd").unlink()
    write_mr_phantoms(tmp_path, cases=1)
    assert len(find_cases(tmp_path)) == 1


def test_nothing_is_left_of_a_case_that_failed(tmp_path, quick, monkeypatch):
    import itk

    def fail(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(itk, "imwrite", fail)
    with pytest.raises(OSError, match="disk full"):
        write_mr_phantoms(tmp_path, cases=1)
    assert list(tmp_path.iterdir()) == []


def test_wrong_requests(tmp_path):
    with pytest.raises(InputError, match="cases is 0"):
        write_mr_phantoms(tmp_path, cases=0)
    with pytest.raises(InputError, match="seed -1"):
        write_mr_phantoms(tmp_path, seed=-1)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file is a file; give a folder"):
        write_mr_phantoms(tmp_path / "file")


def test_command_line(tmp_path):
    command = [sys.executable, "-m", "patchseg.data.phantom_mr", "--folder", str(tmp_path / "p"), "--cases", "1"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    assert [case["name"] for case in find_cases(tmp_path / "p")] == ["Case00"]
