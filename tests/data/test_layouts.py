import json
from pathlib import Path

import itk
import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from patchseg.data.layouts import find_cases
from patchseg.errors import InputError


def nifti(path: Path, dtype=np.int16) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(np.arange(24).reshape(2, 3, 4).astype(dtype), np.eye(4)), path)
    return path


def png(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4)).save(path)
    return path


def names(cases: list[dict]) -> list[str]:
    return [case["name"] for case in cases]


@pytest.mark.parametrize("level", ["", "data", "dataset"])
def test_kits_tree(tmp_path, level):
    for number in (3, 1):
        nifti(tmp_path / level / f"case_{number:05d}" / "imaging.nii.gz")
        nifti(tmp_path / level / f"case_{number:05d}" / "segmentation.nii.gz", np.uint8)
    cases = find_cases(tmp_path)
    assert names(cases) == ["case_00001", "case_00003"]
    folder = tmp_path / level / "case_00001"
    assert cases[0] == {
        "name": "case_00001",
        "patient": "case_00001",
        "image": str(folder / "imaging.nii.gz"),
        "label": str(folder / "segmentation.nii.gz"),
        "intensity": "HU",
    }
    assert json.loads(json.dumps(cases)) == cases


def test_kits19_cases_without_published_label_are_only_for_inference(tmp_path):
    nifti(tmp_path / "case_00000" / "imaging.nii.gz")
    nifti(tmp_path / "case_00000" / "segmentation.nii.gz")
    nifti(tmp_path / "case_00210" / "imaging.nii.gz")
    assert names(find_cases(tmp_path)) == ["case_00000"]
    everything = find_cases(tmp_path, labelled=False)
    assert names(everything) == ["case_00000", "case_00210"]
    assert "label" in everything[0] and "label" not in everything[1]


def test_kits_incomplete_cases_are_named(tmp_path):
    nifti(tmp_path / "case_00000" / "imaging.nii.gz")
    with pytest.raises(InputError, match="without a label: case_00000"):
        find_cases(tmp_path)
    nifti(tmp_path / "case_00007" / "segmentation.nii.gz")
    with pytest.raises(InputError, match=r"without imaging.nii.gz: case_00007"):
        find_cases(tmp_path)


@pytest.mark.parametrize("labelled", [True, False])
def test_kits_case_folder_alone(tmp_path, labelled, monkeypatch):
    nifti(tmp_path / "case_00004" / "imaging.nii.gz")
    nifti(tmp_path / "case_00004" / "segmentation.nii.gz", np.uint8)
    (case,) = find_cases(tmp_path / "case_00004", labelled)  # the label is no scan
    assert (case["name"], case["patient"]) == ("case_00004", "case_00004")
    assert Path(case["label"]).name == "segmentation.nii.gz"
    monkeypatch.chdir(tmp_path / "case_00004")
    assert names(find_cases(".", labelled)) == ["case_00004"]


def msd(folder: Path) -> None:
    for name in (
        "imagesTr/a.nii.gz",
        "labelsTr/a.nii.gz",
        "imagesTr/b.nii.gz",
        "labelsTr/b.nii.gz",
        "imagesTs/c.nii.gz",
    ):
        nifti(folder / name)
    listing = {
        "training": [
            {"image": "./imagesTr/b.nii.gz", "label": "./labelsTr/b.nii.gz"},
            {"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"},
            {"image": "./imagesTr/._a.nii.gz", "label": "./labelsTr/._a.nii.gz"},
        ],
        "test": ["./imagesTs/c.nii.gz"],
    }
    (folder / "dataset.json").write_text(json.dumps(listing))


def test_msd(tmp_path):
    msd(tmp_path)
    cases = find_cases(tmp_path)
    assert names(cases) == ["a", "b"]
    assert Path(cases[0]["label"]) == tmp_path / "labelsTr/a.nii.gz"
    assert names(find_cases(tmp_path, labelled=False)) == ["a", "b", "c"]
    (tmp_path / "imagesTr/b.nii.gz").unlink()
    with pytest.raises(InputError, match=r"do not exist: ./imagesTr/b.nii.gz"):
        find_cases(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"training": [{"image": "a"}]}', '{"training": 3}'])
def test_msd_listing_that_is_none(tmp_path, content):
    (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(InputError, match=r"dataset.json is not an MSD listing"):
        find_cases(tmp_path)


@pytest.mark.parametrize("suffix", ["", "_seg", "_label", "_mask", "_gt", "_segmentation"])
@pytest.mark.parametrize("label_folder", ["labels", "masks"])
def test_images_and_labels_are_paired_by_stem(tmp_path, suffix, label_folder):
    nifti(tmp_path / "images/p1_frame01.nii.gz")
    nifti(tmp_path / label_folder / f"p1_frame01{suffix}.nii")
    nifti(tmp_path / "images/._p1_frame01.nii.gz")
    (case,) = find_cases(tmp_path)
    assert (case["name"], case["patient"], case["intensity"]) == ("p1_frame01", "p1", "HU")
    assert case["label"] == str(tmp_path / label_folder / f"p1_frame01{suffix}.nii")


@pytest.mark.parametrize("ending", ["mha", "mhd", "nrrd"])
@pytest.mark.parametrize(("dtype", "intensity"), [(np.int16, "HU"), (np.uint8, "window8")])
def test_itk_formats_and_their_depth(tmp_path, ending, dtype, intensity):
    itk.imwrite(itk.image_from_array(np.arange(24).reshape(4, 3, 2).astype(dtype)), tmp_path / f"scan.{ending}")
    (case,) = find_cases(tmp_path, labelled=False)
    assert (case["name"], case["intensity"]) == ("scan", intensity)


def test_8bit_nifti_is_windowed_unless_it_has_a_slope(tmp_path):
    nifti(tmp_path / "a.nii.gz", np.uint8)
    scaled = nib.Nifti1Image(np.zeros((2, 3, 4), np.uint8), np.eye(4))
    scaled.header.set_slope_inter(8, -1024)
    nib.save(scaled, tmp_path / "b.nii.gz")
    assert [case["intensity"] for case in find_cases(tmp_path, labelled=False)] == ["window8", "HU"]


@pytest.mark.parametrize(
    ("stem", "patient"),
    [
        ("patient003_frame12", "patient003"),
        ("case_00025_z0060", "case_00025"),
        ("p7_slice_3", "p7"),
        ("p7_s03", "p7"),
        ("p7_Slice-3_left", "p7"),
        ("benign_023", "benign_023"),
        ("some_study", "some_study"),
        ("SC-HF-I-01-IM-0001", "SC-HF-I-01-IM-0001"),
    ],
)
def test_patient_from_the_name(tmp_path, stem, patient):
    png(tmp_path / f"{stem}.png")
    assert find_cases(tmp_path, labelled=False)[0]["patient"] == patient


def test_labels_beside_their_images(tmp_path):
    for name in ("p1_frame01", "p1_frame01_gt", "p2_frame01", "p2_frame01_gt"):
        nifti(tmp_path / f"{name}.nii.gz")
    assert [Path(case["label"]).name for case in find_cases(tmp_path)] == [
        "p1_frame01_gt.nii.gz",
        "p2_frame01_gt.nii.gz",
    ]
    nifti(tmp_path / "p3.nii.gz")
    with pytest.raises(InputError, match="images without a label: p3;"):
        find_cases(tmp_path)
    assert len(find_cases(tmp_path, labelled=False)) == 3


def index_set(folder: Path, header: str, *rows: str) -> Path:
    png(folder / "images/a.png")
    png(folder / "images/b.png")
    png(folder / "labels/a.png")
    png(folder / "labels/b.png")
    (folder / "index.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8-sig")
    return folder


def test_index_with_spacing(tmp_path):
    header = "file,kits_case,spacing_z_mm,spacing_row_mm,spacing_col_mm"
    cases = find_cases(index_set(tmp_path, header, "b.png,7,5,0.7,0.8", "a.png,7,3,0.7,0.8"))
    assert names(cases) == ["a", "b"]
    assert cases[1] == {
        "name": "b",
        "patient": "7",
        "image": str(tmp_path / "images/b.png"),
        "label": str(tmp_path / "labels/b.png"),
        "intensity": "window8",
        "spacing": [0.7, 0.8, 5.0],
    }


def test_index_without_spacing(tmp_path):
    cases = find_cases(index_set(tmp_path, "file,patient", "a.png,SC-1"))
    assert names(cases) == ["a"] and cases[0]["patient"] == "SC-1"
    assert "spacing" not in cases[0]


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        ("file,patient", [], "is empty"),
        ("name,patient", ["a.png,1"], "lacks the column file"),
        ("file,subject", ["a.png,1"], "lacks the column"),
        ("file,patient", ["a.png,1", "z.png,1"], r"not in images/: z.png"),
        ("file,patient", ["a.png,1", "b.png,"], "line 3 has no patient"),
        ("file,patient", ["a.png,1", "b.png"], "line 3 has no patient"),
        ("file,patient", ["a.png,1", "a.png,2"], "several images of the same name: a"),
        ("file,patient,spacing_row_mm,spacing_col_mm,spacing_z_mm", ["a.png,1,x,1,1"], "line 2 gives a spacing"),
    ],
)
def test_index_that_is_wrong(tmp_path, header, rows, message):
    with pytest.raises(InputError, match=message):
        find_cases(index_set(tmp_path, header, *rows))


def test_index_whose_label_is_missing(tmp_path):
    index_set(tmp_path, "file,patient", "a.png,1", "b.png,1")
    (tmp_path / "labels/b.png").unlink()
    with pytest.raises(InputError, match="images without a label: b;"):
        find_cases(tmp_path)
    assert names(find_cases(tmp_path, labelled=False)) == ["a", "b"]


def test_endings_in_capitals(tmp_path):
    nifti(tmp_path / "a.nii").rename(tmp_path / "A.NII")
    png(tmp_path / "b.png").rename(tmp_path / "B.PNG")
    cases = find_cases(tmp_path, labelled=False)
    assert [(case["name"], case["intensity"]) for case in cases] == [("A", "HU"), ("B", "window8")]


def test_no_folder_and_no_images(tmp_path):
    with pytest.raises(InputError, match="nowhere does not exist"):
        find_cases(tmp_path / "nowhere")
    with pytest.raises(InputError, match="is a file"):
        find_cases(png(tmp_path / "some/a.png"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no images; understood are: index.csv"):
        find_cases(tmp_path / "empty", labelled=False)


def test_partners_that_are_missing(tmp_path):
    for name in "abcde":
        png(tmp_path / f"images/{name}.png")
    with pytest.raises(InputError, match="no labels/ or masks/"):
        find_cases(tmp_path)
    png(tmp_path / "masks/a.png")
    with pytest.raises(InputError, match="without a label: b, c, d and 1 more"):
        find_cases(tmp_path)
    png(tmp_path / "masks/x_mask.png")
    with pytest.raises(InputError, match=r"without an image: x_mask.png"):
        find_cases(tmp_path, labelled=False)


def test_ambiguous_names(tmp_path):
    png(tmp_path / "images/a.png")
    png(tmp_path / "labels/a.png")
    png(tmp_path / "labels/a_seg.png")
    with pytest.raises(InputError, match="both label the image a"):
        find_cases(tmp_path)
    (tmp_path / "labels/a_seg.png").unlink()
    nifti(tmp_path / "images/a.nii.gz")
    with pytest.raises(InputError, match="same name: a"):
        find_cases(tmp_path)


def test_file_that_is_no_image(tmp_path):
    (tmp_path / "a.nii.gz").write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(InputError, match=r"a.nii.gz cannot be read"):
        find_cases(tmp_path, labelled=False)


def promise12(folder: Path, *cases: str, labelled: bool = True) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for case in cases:
        itk.imwrite(itk.image_from_array(np.arange(24, dtype=np.int16).reshape(4, 3, 2)), folder / f"{case}.mhd")
        if labelled:
            label = itk.image_from_array(np.ones((4, 3, 2), np.uint8))
            itk.imwrite(label, folder / f"{case}_segmentation.mhd")


def test_promise12_in_one_folder(tmp_path):
    promise12(tmp_path, "Case00", "Case01")
    cases = find_cases(tmp_path)
    assert [(case["name"], case["patient"]) for case in cases] == [("Case00", "Case00"), ("Case01", "Case01")]
    assert cases[1]["image"] == str(tmp_path / "Case01.mhd")
    assert cases[1]["label"] == str(tmp_path / "Case01_segmentation.mhd")


def test_promise12_test_set_is_only_for_inference(tmp_path):
    promise12(tmp_path / "TrainingData_Part1", "Case00", "Case01")
    promise12(tmp_path / "TrainingData_Part2", "Case26")
    promise12(tmp_path / "TestData", "Case00", labelled=False)
    assert names(find_cases(tmp_path)) == ["Case00", "Case01", "Case26"]
    assert all("label" not in case for case in find_cases(tmp_path / "TestData", labelled=False))
    with pytest.raises(InputError, match="no labelled images"):
        find_cases(tmp_path / "TestData")
    with pytest.raises(InputError, match="same name: Case00"):
        find_cases(tmp_path, labelled=False)


def test_promise12_with_a_segmentation_missing(tmp_path):
    promise12(tmp_path / "data", "Case00", "Case01")
    (tmp_path / "data/Case01_segmentation.mhd").unlink()
    with pytest.raises(InputError, match="without a label: Case01;"):
        find_cases(tmp_path)
    assert len(find_cases(tmp_path, labelled=False)) == 2


def test_labels_by_the_name_of_their_organ_and_images_that_say_so(tmp_path):
    for name in ("A1", "A1_la", "x2_image", "x2_label", "case3_image", "case3_image_seg"):
        nifti(tmp_path / f"{name}.nii.gz")
    found = [(case["name"], Path(case["image"]).name, Path(case["label"]).name) for case in find_cases(tmp_path)]
    assert found == [
        ("A1", "A1.nii.gz", "A1_la.nii.gz"),
        ("case3", "case3_image.nii.gz", "case3_image_seg.nii.gz"),
        ("x2", "x2_image.nii.gz", "x2_label.nii.gz"),
    ]


def test_two_labels_of_an_image_that_says_so(tmp_path):
    for name in ("x_image", "x_label", "x_image_label"):
        nifti(tmp_path / f"{name}.nii.gz")
    with pytest.raises(InputError, match="both label the image"):
        find_cases(tmp_path)


def test_png_slices_of_several_patients(tmp_path):
    for name in ("case0001_0005", "case0001_0006", "DL_Image0002_0008"):
        png(tmp_path / f"images/{name}.png")
        png(tmp_path / f"masks/{name}.png")
    assert {case["name"]: case["patient"] for case in find_cases(tmp_path)} == {
        "case0001_0005": "case0001",
        "case0001_0006": "case0001",
        "DL_Image0002_0008": "DL_Image0002",
    }


def test_numbered_patients_stay_patients(tmp_path):
    for number in range(3):
        nifti(tmp_path / f"volumes/kits19_{number:05d}.nii.gz")
        nifti(tmp_path / f"volumes/kits21_{number:05d}.nii.gz")
        png(tmp_path / f"slices/kits19_{number:05d}.png")
    for folder, patients in (("volumes", 6), ("slices", 3)):
        cases = find_cases(tmp_path / folder, labelled=False)
        assert len({case["patient"] for case in cases}) == patients


@pytest.mark.parametrize(
    ("dataset", "images", "patients"),
    [
        ("kits19_slices", 72, 30),
        ("sunnybrook_lv", 526, 30),
        ("acdc", 100, 50),
        ("breast_ultrasound", 120, 120),
        ("left_atrium", 12, 12),
        ("prostate", 2, 2),
        ("prostate/slices", 14, 7),
    ],
)
def test_real_datasets(real_data, dataset, images, patients):
    cases = find_cases(real_data / dataset)
    assert len(cases) == images
    assert len({case["patient"] for case in cases}) == patients
    assert all(("spacing" in case) == (dataset == "kits19_slices") for case in cases)
