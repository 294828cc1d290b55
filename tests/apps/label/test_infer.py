"""Masks come back on the scan's own grid and clicks land where clicked, whatever the header and the format."""

from concurrent.futures import ThreadPoolExecutor

import nibabel as nib
import numpy as np
import pytest
from running import inside
from studies import KIDNEYS, PROSTATES, Case, in_order, prostate, read_itk

from patchseg.segment import segment_scan


def dice(mask: np.ndarray, reference: np.ndarray) -> float:
    return 2 * (mask & reference).sum() / (mask.sum() + reference.sum())


def assert_lands(mask: np.ndarray, affine: np.ndarray, case: Case, reference: np.ndarray) -> None:
    """A mask on the case's own grid that holds the click and shows the same anatomy as the reference, in LPS."""
    assert mask.shape == case.label.shape and np.allclose(affine, case.affine, atol=1e-3)
    assert mask.dtype == np.uint8 and set(np.unique(mask)) == {0, 1}
    assert mask[tuple(case.click)] == 1
    assert dice(in_order(mask, case), reference) > 0.98


@pytest.fixture(scope="module")
def reference(server, tmp_path_factory) -> np.ndarray:
    """The answer to one click in the file with axes LPS, which overlays the gland."""
    case = prostate("prostate_lps")
    folder = tmp_path_factory.mktemp("reference")
    file, _ = server.mask(folder, "seqpatch_prostate", image="prostate_lps", foreground=[case.click])
    mask = np.asarray(nib.load(file).dataobj)
    assert dice(mask, case.label) > 0.6
    return mask


@pytest.mark.parametrize("name", PROSTATES)
def test_a_click_lands_where_clicked(server, tmp_path, reference, name):
    case = prostate(name)
    file, _ = server.mask(tmp_path, "seqpatch_prostate", image=name, foreground=[case.click])
    mask = nib.load(file)
    assert_lands(np.asarray(mask.dataobj), mask.affine, case, reference)


def test_nrrd(server, tmp_path, reference):
    case = prostate("prostate_oblique")
    file, _ = server.mask(tmp_path, "seqpatch_prostate", image="nrrd", foreground=[case.click])
    assert file.name.endswith(".nrrd")
    assert_lands(*read_itk(file), case, reference)


def test_uploaded_file(server, tmp_path, reference):
    """As Slicer sends a volume that is not among the studies; Slicer and OHIF ask for NRRD."""
    case = prostate("prostate_ras")
    request = {"file": server.studies / "prostate_ras.nii.gz", "foreground": [case.click]}
    file, _ = server.mask(tmp_path, "seqpatch_prostate", result_extension=".nrrd", **request)
    assert file.suffix == ".nrrd"
    assert_lands(*read_itk(file), case, reference)


@pytest.mark.parametrize("way", ["folder", "session"])
def test_dicom_series(server, tmp_path, reference, way):
    """A folder among the studies, or the slices uploaded: the grid of the series, its slices from low to high."""
    case = prostate("prostate_oblique")
    request = {"image": "series"}
    if way == "session":
        files = [("files", (f.name, f.read_bytes())) for f in (server.studies / "series").iterdir()]
        request = {"session": server.put("/session/", files=files).json()["session_id"]}
    file, _ = server.mask(tmp_path, "seqpatch_prostate", foreground=[case.click], **request)
    mask = nib.load(file)
    assert_lands(np.asarray(mask.dataobj), mask.affine, case, reference)


def test_another_click_changes_the_mask(server, tmp_path):
    """A background click takes the voxels around it away, in its slice."""
    case = prostate("prostate_lps")
    first, _ = server.mask(tmp_path, "seqpatch_prostate", image="prostate_lps", foreground=[case.click])
    slice_axis = int(np.abs(case.affine[2, :3]).argmax())
    in_slice = np.argwhere(nib.load(first).get_fdata() == 1)
    in_slice = in_slice[in_slice[:, slice_axis] == case.click[slice_axis]]
    far = in_slice[np.linalg.norm(in_slice - case.click, axis=1).argmax()].tolist()
    second, _ = server.mask(
        tmp_path, "seqpatch_prostate", image="prostate_lps", foreground=[case.click], background=[far]
    )
    assert inside(first, far) and not inside(second, far) and inside(second, case.click)


@pytest.mark.parametrize("name", KIDNEYS)
def test_automatic_equals_patchseg_segment(server, tmp_path, name):
    """The server's mask is that of `patchseg segment`, voxel for voxel, in every orientation."""
    file, _ = server.mask(tmp_path, "crossover_kidney", image=name)
    mask = nib.load(file)
    expected = segment_scan(server.studies / f"{name}.nii.gz", server.bundles / "crossover_kidney")
    assert np.allclose(mask.affine, expected.affine, atol=1e-3)
    assert np.array_equal(np.asarray(mask.dataobj), expected.mask)


def test_click_equals_patchseg_click(server, tmp_path):
    case = prostate("prostate_oblique_rsa")
    clicks = {"foreground": [case.click], "background": []}
    file, params = server.mask(tmp_path, "seqpatch_prostate", image="prostate_oblique_rsa", **clicks)
    expected = segment_scan(
        server.studies / "prostate_oblique_rsa.nii.gz", server.bundles / "seqpatch_prostate", clicks=clicks
    )
    assert np.array_equal(np.asarray(nib.load(file).dataobj), expected.mask)
    assert params["confidence"] == expected.confidence


def test_requests_at_once_do_not_mix(server, tmp_path):
    """Both bundles, different scans and clicks: each gets the answer that it gets alone."""
    names = ["prostate_lps", "prostate_ras", "prostate_lps"]
    alone = {}
    for name in set(names):
        (tmp_path / name).mkdir()
        clicks = [prostate(name).click]
        file, _ = server.mask(tmp_path / name, "seqpatch_prostate", image=name, foreground=clicks)
        alone[name] = np.asarray(nib.load(file).dataobj)

    def ask(number: int) -> np.ndarray:
        folder = tmp_path / str(number)
        folder.mkdir()
        if number == len(names):
            file, _ = server.mask(folder, "crossover_kidney", image="kidney_ras")
        else:
            clicks = [prostate(names[number]).click]
            file, _ = server.mask(folder, "seqpatch_prostate", image=names[number], foreground=clicks)
        return np.asarray(nib.load(file).dataobj)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(ask, range(len(names) + 1)))
    for name, mask in zip(names, found, strict=False):
        assert np.array_equal(mask, alone[name])
    kidney = segment_scan(server.studies / "kidney_ras.nii.gz", server.bundles / "crossover_kidney")
    assert np.array_equal(found[-1], kidney.mask)
