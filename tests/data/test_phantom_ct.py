import gzip
import os
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest
from nibabel.orientations import apply_orientation, axcodes2ornt, io_orientation, ornt_transform

from patchseg.data import phantom_ct
from patchseg.data.layouts import find_cases
from patchseg.data.phantom_ct import best_threshold_dsc, ct_phantom, write_ct_phantoms
from patchseg.errors import InputError

AXES = [("I", "P", "L"), ("R", "A", "S"), ("L", "P", "S"), ("P", "L", "S"), ("L", "P", "S")]


@pytest.fixture(scope="module")
def phantoms() -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    return [ct_phantom(seed) for seed in range(10)]


def upright(array: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """(row, column, slice) running to posterior, left, superior."""
    return apply_orientation(array, ornt_transform(io_orientation(affine), axcodes2ornt("PLS")))


@pytest.mark.parametrize("seed", range(10))
def test_form_of_a_phantom(phantoms, seed):
    image, label, affine = phantoms[seed]
    assert image.dtype == np.int16 and label.dtype == np.uint8 and image.shape == label.shape
    assert image.min() >= -1024 and image.max() > 300
    assert np.unique(label).tolist() == [0, 1, 2]
    assert nib.aff2axcodes(affine) == AXES[seed % 5]
    rows, columns, slices = upright(image, affine).shape
    assert rows == columns and 176 <= rows <= 224 and 20 <= slices <= 36
    spacing = sorted(nib.affines.voxel_sizes(affine))
    assert 1.4 <= spacing[0] <= spacing[1] <= 1.9 and 3 <= spacing[2] <= 6.1


def test_one_in_five_lies_askew(phantoms):
    off_axis = [np.count_nonzero(np.abs(affine[:3, :3]) > 1e-6) > 3 for *_, affine in phantoms]
    assert off_axis == [False, False, False, False, True] * 2


@pytest.mark.parametrize("seed", range(10))
def test_anatomy_lies_where_it_should(phantoms, seed):
    image, label, affine = phantoms[seed]
    hu, organs = upright(image, affine), upright(label, affine)
    rows, columns, slices = hu.shape
    middle = slice(columns * 2 // 5, columns * 3 // 5)
    spine_row = np.argwhere((hu > 250)[:, middle]).mean(0)[0]
    assert spine_row > 0.55 * rows  # posterior
    soft = (hu[: rows // 2, :, slices * 3 // 4 :] > 30) & (hu[: rows // 2, :, slices * 3 // 4 :] < 160)
    assert soft[:, : columns // 2].mean() > 1.2 * soft[:, columns // 2 :].mean()  # the liver is on the right
    voxel = abs(np.linalg.det(affine[:3, :3])) / 1000  # ml
    halves = organs[:, : columns // 2], organs[:, columns // 2 :]
    assert all((half > 0).sum() * voxel > 60 for half in halves)  # a kidney on each side
    assert hu[:5, :5].mean() < -900


def test_tumour_sizes(phantoms):
    radii = [
        ((label == 2).sum() * abs(np.linalg.det(affine[:3, :3])) * 3 / 4 / np.pi) ** (1 / 3)
        for _, label, affine in phantoms
    ]
    assert min(radii) > 8 and max(radii) < 48 and 17 < np.mean(radii) < 35
    assert np.std(radii) > 3


def test_no_threshold_finds_the_tumours(phantoms):
    one_window = best_threshold_dsc((image, label) for image, label, _ in phantoms)
    own_windows = [best_threshold_dsc([(image, label)]) for image, label, _ in phantoms]
    assert one_window <= np.mean(own_windows) < 0.3
    assert max(own_windows) < 0.6


def test_best_threshold_finds_what_a_threshold_can_find():
    label = np.zeros((4, 10, 10), np.uint8)
    label[:, 2:5, 2:5] = 2
    image = np.where(label == 2, 100, -100)
    assert best_threshold_dsc([(image, label)]) == 1
    noisy = image.copy()
    noisy[:, 8, 2:5] = 100  # 12 of 48 voxels are wrong
    assert best_threshold_dsc([(noisy, label)]) == pytest.approx(2 * 36 / (48 + 36))
    assert best_threshold_dsc([(image, label), (noisy, label)]) == pytest.approx((1 + 2 * 36 / 84) / 2)


def test_same_seed_same_bytes(tmp_path):
    write_ct_phantoms(tmp_path / "a", cases=1)
    # as a program of its own: workers forked from a process full of other libraries' threads may crash
    command = [sys.executable, "-m", "patchseg.data.phantom_ct", "--folder", tmp_path / "b", "--cases", "1"]
    subprocess.run([*command, "--workers", "2"], check=True)
    for name in ("imaging.nii.gz", "segmentation.nii.gz"):
        paths = (tmp_path / folder / "case_00000" / name for folder in "ab")
        first, second = (gzip.decompress(path.read_bytes()) for path in paths)
        assert first == second
    assert not np.array_equal(ct_phantom(5)[0], ct_phantom(10)[0])


@pytest.fixture
def quick(monkeypatch):
    """Phantoms of a few voxels, for what is about files only."""
    cube = np.arange(27).reshape(3, 3, 3)
    monkeypatch.setattr(
        phantom_ct,
        "ct_phantom",
        lambda seed: (cube.astype(np.int16) + seed, (cube % 3).astype(np.uint8), np.eye(4)),
    )


def test_written_in_kits_layout_and_continued(tmp_path, quick):
    write_ct_phantoms(tmp_path / "p", cases=2)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "p").rglob("*.nii.gz")}
    write_ct_phantoms(str(tmp_path / "p"), cases=3, seed=1)
    assert {path: path.stat().st_mtime_ns for path in times} == times
    cases = find_cases(tmp_path / "p")
    assert [case["name"] for case in cases] == ["case_00000", "case_00001", "case_00002"]
    assert all(case["intensity"] == "HU" for case in cases)
    assert [int(nib.load(case["image"]).dataobj[0, 0, 0]) for case in cases] == [0, 1, 1002]
    assert oct((tmp_path / "p/case_00000").stat().st_mode)[-3:] == "755"


def test_a_case_is_whole_or_absent(tmp_path, quick, monkeypatch):
    save, saved = nib.save, []

    def fail_on_the_second(image, path):
        saved.append(path)
        if len(saved) == 2:
            raise OSError("disk full")
        save(image, path)

    monkeypatch.setattr(phantom_ct.nib, "save", fail_on_the_second)
    with pytest.raises(OSError, match="disk full"):
        write_ct_phantoms(tmp_path, cases=1)
    assert list(tmp_path.iterdir()) == []


def test_wrong_requests(tmp_path):
    with pytest.raises(InputError, match="cases is 0"):
        write_ct_phantoms(tmp_path, cases=0)
    with pytest.raises(InputError, match="seed -1"):
        write_ct_phantoms(tmp_path, seed=-1)
    with pytest.raises(InputError, match="workers 0"):
        write_ct_phantoms(tmp_path, workers=0)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file is a file; give a folder"):
        write_ct_phantoms(tmp_path / "file")


def test_command_line(tmp_path):
    command = [sys.executable, "-m", "patchseg.data.phantom_ct", "--folder", str(tmp_path / "p"), "--cases", "1"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    assert [case["name"] for case in find_cases(tmp_path / "p")] == ["case_00000"]
