"""Find the cases of a dataset folder, whichever of the usual layouts it has.

Understood are, in this order:

1. `index.csv` beside `images/` and `labels/` or `masks/`: slice sets; columns `file` and `kits_case` or
   `patient`, optionally `spacing_row_mm`, `spacing_col_mm`, `spacing_z_mm`.
2. `dataset.json` of the Medical Segmentation Decathlon (MSD): lists `training` and `test`.
3. KiTS: `case_00000/imaging.nii.gz` with `segmentation.nii.gz`, directly or below `data/` or `dataset/`; or
   one such case folder alone.
4. ACDC: `patient001/patient001_frame01.nii.gz` with `patient001_frame01_gt.nii.gz`, directly or below
   `training/`, `testing/` or `database/`; the 4D files beside them are left out.
5. CBIS-DDSM: `Mass-Training_P_00001_LEFT_CC/` with a mammogram, `Mass-Training_P_00001_LEFT_CC_1/` with its mask.
6. INbreast: `AllDICOMs/20586908_.._MG_R_CC_ANON.dcm` with `AllXML/20586908.xml`; its masses.
7. Sunnybrook (SCD): `SC-HF-I-01/contours-manual/../IM-0001-0048-icontour-manual.txt` and the DICOM slices.
8. M&Ms: `A0S9V9/A0S9V9_sa.nii.gz` with `A0S9V9_sa_gt.nii.gz` and the CSV file of time points; and M&Ms-2:
   `001/001_SA_ED.nii.gz` with `001_SA_ED_gt.nii.gz`. Their labels are given ACDC's numbers.
9. PROMISE12: `Case00.mhd` with `Case00_segmentation.mhd`, directly or in folders such as `TrainingData_Part1`;
   a folder without any segmentation holds the test cases.
10. `images/` and `labels/` (or `masks/`; or `imagesTr/` and `labelsTr/`), paired by file name.
11. One folder of images, with or without labels beside them (`scan.nii.gz`, `scan_seg.nii.gz`).

In 10 and 11 a label's name may end in `_seg`, `_label`, `_mask`, `_gt`, `_la` or `_segmentation`, an image's in
`_image`, and the patient is the part of the name before `_frame..`, `_z..`, `_slice..` or `_s..` with a number:
`patient003_frame12` is patient003. Among PNG files, `case0001_0006` is a slice of case0001.
Hidden files (macOS writes `._scan.nii.gz`) are left out. Each of 3 to 9 is a module `layouts_..` of its own.
"""

from collections import Counter
from pathlib import Path

from patchseg.data.layouts_acdc import acdc_cases
from patchseg.data.layouts_cbis import cbis_cases
from patchseg.data.layouts_inbreast import inbreast_cases
from patchseg.data.layouts_kits import kits_cases
from patchseg.data.layouts_listed import IMAGE_FOLDERS, LABEL_FOLDERS, index_cases, msd_cases
from patchseg.data.layouts_mms import mms_cases
from patchseg.data.layouts_names import IMAGE_ENDINGS, beside_each_other, first_folder, image_files, paired, refuse
from patchseg.data.layouts_promise12 import promise12_cases
from patchseg.data.layouts_sunnybrook import sunnybrook_cases
from patchseg.errors import InputError

DISTRIBUTED = (  # data sets as they are distributed; each gives None for another layout
    kits_cases,
    acdc_cases,
    cbis_cases,
    inbreast_cases,
    sunnybrook_cases,
    mms_cases,
    promise12_cases,
)
LAYOUTS = (
    "index.csv with images/ and labels/ or masks/; dataset.json (MSD); KiTS, ACDC, M&Ms, M&Ms-2, Sunnybrook, "
    "PROMISE12, INbreast and CBIS-DDSM as they are distributed; images/ with labels/ or masks/; a folder of "
    f"{', '.join(IMAGE_ENDINGS)}"
)


def find_cases(dataset_dir: str | Path, labelled: bool = True) -> list[dict]:
    """One record per image of a dataset folder, sorted by name.

    Args:
        dataset_dir: the folder; see the module's description for the layouts understood.
        labelled: True gives images with their labels and refuses an image without one (KiTS19's cases 210 to
            299, the test images of MSD, PROMISE12 and ACDC and the unlabeled scans of M&Ms, published without
            labels, are left out, and mammograms of INbreast without a mass). False gives every image, with its
            label where there is one; of the Sunnybrook data always the slices with a contour.

    Returns:
        Plain dicts: `name` (unique), `patient` (the id to split by), `image` and `label` (paths; no `label`
        if there is none), `intensity` ("window8" for 8-bit files, which are taken as windowed to 0..255, else
        "HU"; it is meant for CT, and MR steps do not read it) and, only where the data set has it: `spacing` of an
        index.csv ([row, column, slice] in mm: the distance between rows first); `frame`, the time point of a 4D
        file, from 0; `renumber`, which numbers `LoadScand` gives the label's values; `outlines`, the structures
        that the label shows. A `label` that has to be drawn is a list of paths, the image last: see `DrawnReader`.

    Raises:
        InputError: the folder is missing or empty, an image or label lacks its partner, a name occurs twice,
            or a list such as index.csv or dataset.json is wrong.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     for name in ("scans/p01_z003.png", "scans/p01_z007.png"):
    ...         Path(folder, name).parent.mkdir(exist_ok=True)
    ...         Path(folder, name).touch()
    ...     [(case["name"], case["patient"]) for case in find_cases(f"{folder}/scans", labelled=False)]
    [('p01_z003', 'p01'), ('p01_z007', 'p01')]
    """
    folder = Path(dataset_dir).expanduser()
    if not folder.exists():
        raise InputError(f"{folder} does not exist; give the folder that holds the dataset.")
    if not folder.is_dir():
        raise InputError(f"{folder} is a file; give the folder that holds the dataset.")
    cases = sorted(_cases_of(folder, labelled), key=lambda case: case["name"])
    if not cases:
        raise InputError(f"{folder} holds no {'labelled ' * labelled}images; understood are: {LAYOUTS}.")
    twins = [name for name, count in Counter(case["name"] for case in cases).items() if count > 1]
    refuse(folder, "several images of the same name", twins)
    if labelled:
        refuse(folder, "images without a label", [c["name"] for c in cases if "label" not in c])
    return cases


def _cases_of(folder: Path, labelled: bool) -> list[dict]:
    if (folder / "index.csv").exists():
        return index_cases(folder)
    if (folder / "dataset.json").exists():
        return msd_cases(folder, labelled)
    for layout in DISTRIBUTED:
        cases = layout(folder, labelled)
        if cases is not None:
            return cases
    images = first_folder(folder, IMAGE_FOLDERS)
    if images is None:
        return beside_each_other(folder)
    labels = first_folder(folder, LABEL_FOLDERS)
    if labels is None and labelled:
        raise InputError(f"{folder} has {images.name}/ but no labels/ or masks/; add the folder of labels.")
    return paired(folder, image_files(images), image_files(labels) if labels else [])
