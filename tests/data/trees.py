"""Data sets as they are distributed, in miniature: each function writes the tree of one.

Labels are asymmetric, and images are bright where labels are: what is mirrored, turned or shifted does not fit.
"""

import json
import plistlib
from pathlib import Path

import itk
import nibabel as nib
import numpy as np

ROWS, COLUMNS, SLICES = 40, 52, 3
SPACING = (0.7, 0.9)  # of DICOM pictures: mm between columns, between rows
RIGHT, WALL, CAVITY = 1, 2, 3  # ACDC's numbers
HIGH = [
    (9.5, 7.5),
    (14.5, 7.5),
    (14.5, 27.5),
    (30.5, 27.5),
    (30.5, 33.5),
    (9.5, 33.5),
]  # an L: x, y of its corners
INNER = [(10.5, 20.5), (12.5, 20.5), (12.5, 29.5), (24.5, 29.5), (24.5, 31.5), (10.5, 31.5)]


def high() -> np.ndarray:
    """The pixels (rows, columns) inside of HIGH."""
    mask = np.zeros((ROWS, COLUMNS), bool)
    mask[8:34, 10:15] = mask[28:34, 10:31] = True
    return mask


def inner() -> np.ndarray:
    """The pixels (rows, columns) inside of INNER, all of them inside of HIGH."""
    mask = np.zeros((ROWS, COLUMNS), bool)
    mask[21:32, 11:13] = mask[30:32, 11:25] = True
    return mask


def picture(mask: np.ndarray) -> np.ndarray:
    """A picture that is bright where the mask is."""
    noise = np.random.default_rng(0).integers(0, 200, mask.shape)
    return (noise + 1000 * (mask > 0)).astype(np.uint16)


def heart(shift: int = 0) -> np.ndarray:
    """A label (columns, rows, slices) with ACDC's numbers."""
    flat = np.zeros((ROWS, COLUMNS), np.uint8)
    flat[10:20, 38 - shift : 45 - shift] = RIGHT
    flat[high()], flat[inner()] = WALL, CAVITY
    return np.stack([np.roll(flat, k, axis=0).T for k in range(SLICES)], -1)


def nifti(path: Path, voxels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(voxels, np.diag([-1.5, -1.2, 8.0, 1.0])), path)
    return path


def dicom(path: Path, pixels: np.ndarray, modality: str = "MR", slice_: int = 0) -> Path:
    """A picture (rows, columns); MR in a plane that lies askew in the body."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = itk.image_from_array(np.ascontiguousarray(pixels[None]))
    image.SetSpacing([*SPACING, 8.0])
    if modality == "MR":
        along = np.array([0.8, 0.0, -0.6])
        down = np.array([0.0, 1.0, 0.0])
        image.SetDirection(itk.matrix_from_array(np.stack([along, down, np.cross(along, down)], axis=1)))
        image.SetOrigin([-20.0, 15.0, 8.0 * slice_])
    meta = image.GetMetaDataDictionary()
    meta["0008|0060"] = modality
    image.SetMetaDataDictionary(meta)
    itk.imwrite(image, str(path), imageio=itk.GDCMImageIO.New())
    return path


def acdc(root: Path, *patients: int) -> Path:
    """ACDC: two frames of each patient, and the cine that is no case."""
    for number in patients:
        patient = f"patient{number:03d}"
        folder = root / patient
        for frame in (1, 12):
            nifti(folder / f"{patient}_frame{frame:02d}.nii.gz", picture(heart()).astype(np.int16))
            nifti(folder / f"{patient}_frame{frame:02d}_gt.nii.gz", heart())
        nifti(folder / f"{patient}_4d.nii.gz", np.zeros((4, 4, 2, 3), np.int16))
        (folder / "Info.cfg").write_text("ED: 1\nES: 12\n")
    return root


def mms(root: Path) -> Path:
    """M&Ms: one labelled scan in Training, one in Testing, an unlabeled one, and the list of time points."""
    swapped = {RIGHT: 3, WALL: 2, CAVITY: 1}
    lines = [",External code,Vendor,ED,ES"]
    for number, place in enumerate(("Training/Labeled/A0S9V9", "Testing/B1C2D3", "Training/Unlabeled/E4F5G6")):
        code = Path(place).name
        phases = {1: heart(), 3: heart(shift=4)}
        cine = np.stack([picture(phases.get(t, np.zeros_like(heart()))) for t in range(5)], -1)
        nifti(root / place / f"{code}_sa.nii.gz", cine.astype(np.int16))
        if "Unlabeled" not in place:
            theirs = np.zeros(cine.shape, np.uint8)
            for t, label in phases.items():
                for ours, value in swapped.items():
                    theirs[..., t][label == ours] = value
            nifti(root / place / f"{code}_sa_gt.nii.gz", theirs)
        lines.append(f"{number},{code},A,1,3")
    (root / "211230_M&Ms_Dataset_information_diagnosis_opendataset.csv").write_text("\n".join(lines) + "\n")
    return root


def mms2(root: Path) -> Path:
    """M&Ms-2: the short axis at both time points; long axis and cine are no cases."""
    theirs = np.choose(heart(), [0, 3, 2, 1]).astype(np.uint8)
    for phase in ("ED", "ES"):
        for view in ("SA", "LA"):
            nifti(root / f"dataset/001/001_{view}_{phase}.nii.gz", picture(heart()).astype(np.int16))
            nifti(root / f"dataset/001/001_{view}_{phase}_gt.nii.gz", theirs)
    nifti(root / "dataset/001/001_SA_CINE.nii.gz", np.zeros((4, 4, 2, 3), np.int16))
    (root / "dataset_information.csv").write_text("SUBJECT_CODE,DISEASE\n1,NOR\n")
    return root


def contour(path: Path, points: list[tuple[float, float]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{x:.2f} {y:.2f}\n" for x, y in points))
    return path


def sunnybrook(root: Path, images: str = "SCD_IMAGES_01/SCD0000101/CINESAX_300", series: str = "0003") -> Path:
    """One patient: slice 48 with both contours, 59 with the inner one, 50 without; and a long-axis series."""
    for number in (48, 50, 59):
        dicom(root / images / f"IM-{series}-{number:04d}.dcm", picture(high()), slice_=number)
    dicom(root / images / f"../CINELAX_301/IM-0009-{48:04d}.dcm", picture(high()[::-1]))
    expert = root / "SCD_ManualContours/SC-HF-I-01/contours-manual/IRCCI-expert"
    contour(expert / "IM-0001-0048-icontour-manual.txt", INNER)
    contour(expert / "IM-0001-0048-ocontour-manual.txt", HIGH)
    contour(expert / "IM-0001-0059-icontour-manual.txt", HIGH)
    contour(expert / "IM-0001-0048-p1-manual.txt", HIGH[:1])
    (root / "scd_patientdata.csv").write_text("PatientID,OriginalID,Gender\nSCD0000101,SC-HF-I-1,Male\n")
    return root


def regions(path: Path, **outlines: list[tuple[float, float]]) -> Path:
    """An XML file of INbreast; an underscore in a name is a blank."""
    found = [
        {
            "Name": name.replace("_", " "),
            "NumberOfPoints": len(points),
            "Point_px": [f"({x:f}, {y:f})" for x, y in points],
        }
        for name, points in outlines.items()
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(plistlib.dumps({"Images": [{"ImageIndex": 0, "NumberOfROIs": len(found), "ROIs": found}]}))
    return path


def inbreast(root: Path) -> Path:
    """A patient with a mass in one view, calcifications alone in the other; another patient with nothing."""
    release = root / "INbreast Release 1.0"
    names = ("20586908_6c613a14b80a8591_MG_R_CC_ANON", "20586934_6c613a14b80a8591_MG_L_CC_ANON")
    for name in (*names, "22580367_5530d5782fc89dd7_MG_R_ML_ANON"):
        dicom(release / f"AllDICOMs/{name}.dcm", picture(high()), "MG")
    spot = [(40.0, 5.0)]
    regions(
        release / "AllXML/20586908.xml",
        Mass=HIGH,
        Calcification=spot,
        Spiculated_Region=[(0, 0), (50, 0), (0, 39)],
    )
    regions(release / "AllXML/20586934.xml", Calcification=spot)
    return root


def cbis(root: Path) -> Path:
    """A mammogram with two masses, whose masks are called 1-2.dcm and 1-1.dcm, and one of calcifications."""
    root = root / "manifest-ZkhPvrLo5216730872708713142/CBIS-DDSM"
    name = "Mass-Training_P_00001_LEFT_CC"
    study = "07-20-2016-DDSM-NA-30104/1.000000-full mammogram images-18984"
    second = np.roll(inner(), 20, axis=1)
    dicom(root / name / study / "1-1.dcm", picture(high() | second), "MG")
    for number, mask, order in ((1, high(), ("1-2", "1-1")), (2, second, ("1-1", "1-2"))):
        folder = root / f"{name}_{number}/07-21-2016-DDSM-NA-64186/1.000000-ROI mask images-42142"
        dicom(folder / f"{order[0]}.dcm", mask.astype(np.uint8) * 255, "MG")
        dicom(folder / f"{order[1]}.dcm", picture(high())[5:30, 8:20], "MG")
    dicom(root / "Calc-Training_P_00005_RIGHT_CC" / study / "1-1.dcm", picture(high()), "MG")
    return root


def kits23(root: Path) -> Path:
    """KiTS23: axes slice, row, column; 1 kidney, 2 tumour, 3 cyst; what each reader outlined lies beside."""
    flat = high() * np.uint8(1)
    flat[inner()], flat[8:12, 10:15] = 2, 3
    label = np.stack([np.roll(flat, k, axis=1) for k in range(SLICES)])
    hu = np.where(label == 2, 300, 20).astype(np.int16) - np.int16(900) * (label == 0)
    affine = np.array([[0, 0, -0.8, 0], [0, -0.9, 0, 0], [3.0, 0, 0, 0], [0, 0, 0, 1]])
    for number in (0, 588):
        folder = root / f"dataset/case_{number:05d}"
        (folder / "instances").mkdir(parents=True)
        for name, voxels in (("imaging", hu.astype(np.int16)), ("segmentation", label)):
            nib.save(nib.Nifti1Image(voxels, affine), folder / f"{name}.nii.gz")
        for name in ("kidney_instance-1_annotation-1", "tumor_instance-1_annotation-1"):
            nib.save(nib.Nifti1Image(label, affine), folder / f"instances/{name}.nii.gz")
    (root / "dataset/kits23.json").write_text("[]")
    return root


def promise12(root: Path) -> Path:
    """PROMISE12: two cases in a part of the training data, one without its segmentation in the test data."""
    for folder, cases in (("TrainingData_Part1", ("Case00", "Case01")), ("TestData", ("Case00",))):
        (root / folder).mkdir(parents=True)
        for case in cases:
            label = (heart() == CAVITY).T.astype(np.uint8)  # slices, rows, columns
            itk.imwrite(itk.image_from_array(picture(label).astype(np.int16)), str(root / folder / f"{case}.mhd"))
            if folder != "TestData":
                segmentation = itk.image_from_array(np.ascontiguousarray(label))
                itk.imwrite(segmentation, str(root / folder / f"{case}_segmentation.mhd"))
    return root


def msd_prostate(root: Path) -> Path:
    """Task05_Prostate of the MSD: T2 and ADC in one file; 1 peripheral zone, 2 transition zone."""
    root = root / "Task05_Prostate"
    gland = np.choose(heart(), [0, 0, 1, 2]).astype(np.uint8)
    nifti(root / "imagesTr/prostate_00.nii.gz", np.stack([picture(gland), 0 * gland + 7], -1).astype(np.float32))
    nifti(root / "labelsTr/prostate_00.nii.gz", gland)
    nifti(root / "imagesTs/prostate_03.nii.gz", np.zeros((4, 4, 2, 2), np.float32))
    pair = {"image": "./imagesTr/prostate_00.nii.gz", "label": "./labelsTr/prostate_00.nii.gz"}
    listing = {"training": [pair], "test": ["./imagesTs/prostate_03.nii.gz"]}
    (root / "dataset.json").write_text(json.dumps(listing))
    return root
