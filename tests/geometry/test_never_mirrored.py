"""Never mirrored: masks and clicks come back to where they were in the world, in whatever way a scan is stored.

The files go through the bundles' own preprocessing and postprocessing and through `write_mask`; only the networks
are stand-ins that take what is bright. Masks are read with nibabel and ITK alone and judged by the anatomy's
formula in world millimetres. `PATCHSEG_GEOMETRY=full` (make test-geometry) runs the whole product of orientations,
headers and forms instead of a sample in which every two of them meet.
"""

import os
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.transforms import Compose, Invertd
from scipy.spatial import KDTree

sys.path.insert(0, str(Path(__file__).parent))
from stored_scan import (
    CENTRE,
    FORMS,
    HEADERS,
    ORIENTATIONS,
    Header,
    Volume,
    depth,
    on_grid,
    read,
    reoriented,
    stand_ins,
    stored,
    world_of,
    written,
)

from patchseg.errors import InputError
from patchseg.geometry import NetworkGridd, file_grid, to_file
from patchseg.masks import write_mask
from patchseg.segment import Segmentation, segment_scan

FULL = os.environ.get("PATCHSEG_GEOMETRY") == "full"
GRID = {"crossover_kidney": 2.5, "seqpatch_prostate": 1.0}  # mm, of the networks' rows and columns
SOFT = {"crossover_kidney": 6.0, "seqpatch_prostate": 1.0}  # mm, of the anatomy's edge
MASKS = ("mask.nii.gz", "mask.mha", "mask.nrrd")
PRODUCT = [(codes, header, form) for codes in ORIENTATIONS for header in HEADERS for form in FORMS]


def sample(turn: int) -> list[tuple[str, str, str]]:
    """Each orientation once; headers and forms go round, so that all pairs of these meet."""
    headers = list(HEADERS)
    cases = [(codes, headers[(n + turn) % 3], FORMS[(n // 3 + turn) % 4]) for n, codes in enumerate(ORIENTATIONS)]
    return PRODUCT if FULL else cases


@pytest.fixture(scope="module")
def bundles(tmp_path_factory) -> dict[str, Path]:
    return stand_ins(tmp_path_factory.mktemp("bundles"))


def segmented(
    scan: Path, root: Path, target: Path, clicks: list[list[int]] | None = None
) -> tuple[Segmentation, Volume]:
    """What the command does, and the mask's file as others read it, which has to lie on the scan's own grid."""
    found = segment_scan(scan, root, clicks={"foreground": clicks} if clicks else None)
    write_mask(found.mask, found.affine, target, scan)
    mask, file = read(target), read(scan)
    assert mask.array.shape == file.array.shape and mask.array.dtype == np.uint8
    np.testing.assert_allclose(mask.affine, file.affine, atol=2e-4)
    np.testing.assert_allclose(found.affine, file.affine, atol=2e-4)
    return found, mask


def assert_in_place(mask: Volume, header: Header, slack: float) -> None:
    """Voxels that differ from the anatomy lie within `slack` mm of its surface; there are few of them."""
    outside = depth(world_of(mask), header)
    wrong = (mask.array > 0) != (outside < 0)
    assert np.abs(outside[wrong]).max(initial=0) <= slack + 1e-3, "the mask lies elsewhere"
    assert wrong.sum() < 0.5 * (outside < 0).sum()


def middle(volume: Volume) -> list[int]:
    """The voxel nearest to a place deep in the anatomy."""
    apart = np.linalg.norm(world_of(volume) - np.add(CENTRE, (0.31, 0.17, 0.23)), axis=-1)
    return [int(n) for n in np.unravel_index(apart.argmin(), apart.shape)]


def measures(mask: Volume) -> tuple[float, np.ndarray, np.ndarray]:
    """Volume in ml, centroid, and the voxels' centres, in the world."""
    points = world_of(mask)[mask.array > 0]
    return len(points) * abs(np.linalg.det(mask.affine[:3, :3])) / 1000, points.mean(0), points


def assert_same_in_the_world(mask: Volume, reference: Volume) -> None:
    (ml, centroid, points), (ml_0, centroid_0, points_0) = measures(mask), measures(reference)
    assert ml == pytest.approx(ml_0, rel=1e-4)
    np.testing.assert_allclose(centroid, centroid_0, atol=1e-3)
    hausdorff = max(KDTree(points).query(points_0)[0].max(), KDTree(points_0).query(points)[0].max())
    assert hausdorff < 1e-2
    assert np.array_equal(reoriented(mask, "RAS").array, reoriented(reference, "RAS").array)


@pytest.fixture(scope="module")
def reference(bundles, tmp_path_factory):
    """The mask of the anatomy stored as RAS in NIfTI, by bundle and header."""
    found: dict[tuple[str, str], Volume] = {}

    def of(bundle: str, header: str) -> Volume:
        if (bundle, header) not in found:
            folder = tmp_path_factory.mktemp("reference")
            volume = stored(HEADERS[header], "RAS", SOFT[bundle])
            clicks = [middle(volume)] if bundle == "seqpatch_prostate" else None
            scan = written(volume, folder, "nifti")
            found[bundle, header] = segmented(scan, bundles[bundle], folder / "mask.nii.gz", clicks)[1]
        return found[bundle, header]

    return of


def automatic(bundles, reference, folder, codes, header, form):
    scan = written(stored(HEADERS[header], codes), folder, form)
    target = folder / MASKS[ORIENTATIONS.index(codes) % 3]
    found, mask = segmented(scan, bundles["crossover_kidney"], target)
    assert_in_place(mask, HEADERS[header], GRID["crossover_kidney"] / 2)
    assert_same_in_the_world(mask, reference("crossover_kidney", header))
    assert found.volume_ml == pytest.approx(measures(mask)[0], rel=1e-4)


def test_there_are_48_orientations():
    assert len(set(ORIENTATIONS)) == 48


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_masks_of_the_automatic_bundle_nifti(bundles, reference, tmp_path, codes, header):
    automatic(bundles, reference, tmp_path, codes, header, "nifti")


@pytest.mark.parametrize(("codes", "header", "form"), [case for case in sample(0) if case[2] != "nifti"])
def test_masks_of_the_automatic_bundle(bundles, reference, tmp_path, codes, header, form):
    automatic(bundles, reference, tmp_path, codes, header, form)


@pytest.mark.parametrize("form", FORMS[1:])
def test_the_rounding_of_headers_decides_nothing(bundles, tmp_path, form):
    """Sides that divide the grid's put voxels half way between two of it; formats keep 7 digits or 16."""
    header = Header((1.25, 0.75, 3.7), (0.3, 0.2, 0.25))
    masks = []
    for name, codes in ((form, "SPL"), ("nifti", "RAS")):
        (tmp_path / name).mkdir()
        scan = written(stored(header, codes), tmp_path / name, name)
        masks.append(segmented(scan, bundles["crossover_kidney"], tmp_path / name / "mask.nii.gz")[1])
    assert_same_in_the_world(*masks)


def test_a_void_qform_is_not_believed(bundles, tmp_path):
    """Of two affines in a NIfTI header only those with a code count, also where MONAI prefers the other."""
    header = HEADERS["oblique"]
    volume = stored(header, "PSR")
    image = nib.Nifti1Image(volume.array, np.eye(4))
    image.set_sform(np.round(volume.affine, 3), 1)
    image.header["qform_code"] = 0
    with (tmp_path / "scan.nii").open("wb") as file:
        image.header.write_to(file)
        file.write(volume.array.tobytes("F"))
    scan = tmp_path / "scan.nii"
    assert nib.load(scan).header.get_zooms() == (1, 1, 1)
    found = segment_scan(scan, bundles["crossover_kidney"])
    np.testing.assert_allclose(found.affine, volume.affine, atol=1e-3)
    assert_in_place(Volume(found.mask, found.affine), header, GRID["crossover_kidney"] / 2)


@pytest.mark.parametrize(("codes", "header", "form"), sample(1))
def test_masks_of_the_click_bundle(bundles, reference, tmp_path, codes, header, form):
    bundle = "seqpatch_prostate"
    scan = written(stored(HEADERS[header], codes, SOFT[bundle]), tmp_path, form)
    clicks = [middle(read(scan))]
    _, mask = segmented(scan, bundles[bundle], tmp_path / "mask.nii.gz", clicks)
    # where the edge's grey is cut depends on the surroundings, so its softness counts; and a file coarser than
    # the grid has its own half voxel
    coarser = max(GRID[bundle], *HEADERS[header].sides[:2])
    assert_in_place(mask, HEADERS[header], coarser / 2 + SOFT[bundle])
    assert_same_in_the_world(mask, reference(bundle, header))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_clicks_stay_within_half_a_voxel(bundles, tmp_path, codes, form):
    turn = ORIENTATIONS.index(codes) + FORMS.index(form)
    for header in list(HEADERS.values()) if FULL else [list(HEADERS.values())[turn % 3]]:
        folder = tmp_path / f"{header.sides[0]}"
        folder.mkdir()
        scan = written(stored(header, codes), folder, form)
        assert_clicks_stay(scan, bundles["seqpatch_prostate"], header)


def assert_clicks_stay(scan: Path, root: Path, header: Header) -> None:
    file = read(scan)
    inside = np.argwhere(depth(world_of(file), header) < -1)
    clicks = np.random.default_rng(0).permutation(inside)[:3]
    grid = on_grid(scan, root, clicks.tolist())
    places = nib.affines.apply_affine(file.affine, clicks)
    there = grid[1].nonzero().numpy()
    found = nib.affines.apply_affine(grid.affine.numpy(), there)
    pixel = GRID["seqpatch_prostate"]
    # two clicks may fall into one voxel of the grid
    nearest = KDTree(found).query(places)[1]
    axes = grid.affine[:3, :3].numpy() / [pixel, pixel, header.sides[2]]
    apart = np.abs((found[nearest] - places) @ axes)
    assert set(nearest) == set(range(len(found))), "a click where nobody clicked"
    half = pixel / 2 + 1e-3
    assert (apart <= [half, half, 1e-3]).all(), "rows and columns to half a voxel, slices are kept"
    shape, affine = file_grid(grid)
    assert shape == file.array.shape
    back = nib.affines.apply_affine(file.affine, to_file(there, affine, grid.affine))
    np.testing.assert_allclose(back, found, atol=2e-3)


sides = st.integers(12, 50).map(lambda tenths: tenths / 10 + 0.03)
turns = st.integers(-3, 3).map(lambda tenths: tenths / 10)
headers = st.builds(Header, st.tuples(sides, sides, sides), st.tuples(turns, turns, turns))


@settings(
    max_examples=200 if FULL else 12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(codes=st.sampled_from(ORIENTATIONS), form=st.sampled_from(FORMS), header=headers)
def test_any_header(bundles, tmp_path_factory, codes, form, header):
    folder = tmp_path_factory.mktemp("any")
    scan = written(stored(header, codes), folder, form)
    straight = written(stored(header, "RAS"), tmp_path_factory.mktemp("ras"), "nifti")
    root = bundles["crossover_kidney"]
    _, mask = segmented(scan, root, folder / "mask.nrrd")
    _, expected = segmented(straight, root, straight.parent / "mask.nii.gz")
    assert_in_place(mask, header, max(2.5, *header.sides) / 2)
    (ml, centroid, _), (ml_0, centroid_0, _) = measures(mask), measures(expected)
    # headers are rounded differently: a voxel half way between two of the grid may fall to either
    assert ml == pytest.approx(ml_0, rel=0.01)
    np.testing.assert_allclose(centroid, centroid_0, atol=0.1)
    assert_clicks_stay(scan, bundles["seqpatch_prostate"], header)


@pytest.mark.parametrize(("codes", "header"), sorted({case[:2] for case in sample(2)}))
def test_label_values_survive(tmp_path, codes, header):
    volume = stored(HEADERS[header], codes)
    label = np.select([volume.array > edge for edge in (320, 260, 200, 100)], [255, 3, 2, 1], 0).astype(np.uint8)
    for spacing in (None, 0.8, 2.5):
        to_grid = Compose([NetworkGridd("label", spacing, mode="nearest")])
        data = to_grid({"label": MetaTensor(torch.from_numpy(label.copy())[None], affine=volume.affine)})
        assert set(np.unique(data["label"])) == {0, 1, 2, 3, 255}
        data["pred"] = MetaTensor(data["label"].as_tensor().to(torch.uint8), meta=data["label"].meta)
        back = Invertd("pred", to_grid, "label", nearest_interp=True, to_tensor=True)(data)["pred"]
        target = tmp_path / f"{spacing}{MASKS[ORIENTATIONS.index(codes) % 3]}"
        write_mask(back[0].numpy(), np.asarray(back.affine), target)
        found = read(target)
        np.testing.assert_allclose(found.affine, volume.affine, atol=2e-4)
        assert set(np.unique(found.array)) == {0, 1, 2, 3, 255}
        if spacing != 2.5:  # a grid at least as fine as the file loses nothing
            assert np.array_equal(found.array, label)


@pytest.mark.parametrize("codes", ORIENTATIONS[::4])
def test_one_time_point_one_channel_and_one_slice(bundles, tmp_path, codes):
    """They are volumes, and what is no volume is refused by its name and shape."""
    volume, root = stored(HEADERS["isotropic"], codes), bundles["crossover_kidney"]
    whole = Volume(volume.array[..., None], volume.affine)
    middle_slice = volume.array.shape[2] // 2
    origin = nib.affines.apply_affine(volume.affine, (0, 0, middle_slice))
    slice_ = nib.affines.from_matvec(volume.affine[:3, :3], origin)
    cases = {
        "time.nii.gz": nib.Nifti1Image(whole.array, volume.affine),
        "channel.nii.gz": nib.Nifti1Image(whole.array[..., None], volume.affine),
        "slice.nii.gz": nib.Nifti1Image(volume.array[..., middle_slice : middle_slice + 1], slice_),
    }
    for name, image in cases.items():
        nib.save(image, tmp_path / name)
        found = segment_scan(tmp_path / name, root)
        write_mask(found.mask, found.affine, tmp_path / "mask.nii.gz", tmp_path / name)
        mask = read(tmp_path / "mask.nii.gz")
        np.testing.assert_allclose(mask.affine, image.affine, atol=1e-4)
        assert mask.array.shape == image.shape[:3] and mask.array.any()
        assert_in_place(mask, HEADERS["isotropic"], 1.25)


@pytest.mark.parametrize("shape", [(36, 32), (36, 32, 1, 2), (36, 32, 26, 3), (36,), (36, 32, 26, 1, 2)])
def test_what_is_no_volume_is_named(bundles, tmp_path, shape):
    nib.save(nib.Nifti1Image(np.random.default_rng(0).random(shape), np.eye(4)), tmp_path / "scan.nii.gz")
    with pytest.raises(InputError, match=r"scan.nii.gz has shape .*: give one volume with three axes"):
        segment_scan(tmp_path / "scan.nii.gz", bundles["crossover_kidney"])
