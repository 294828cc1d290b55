import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import directed_hausdorff

from patchseg.errors import InputError
from patchseg.metrics import case_measures, dice, patient_means, plain, summary, table


def box(*corners, shape=(12, 14, 9)):
    mask = torch.zeros(shape, dtype=torch.uint8)
    mask[tuple(slice(a, b) for a, b in corners)] = 1
    return mask


def case(name="a", patient="p", **values):
    full = {"dsc": 0.5, "hd_mm": 1.0, "or": 0.1, "ur": 0.2, "volume_ml": 3.0, "reference_ml": 4.0}
    return {"name": name, "patient": patient} | full | values


def test_hand_computed():
    pred, label = box((0, 4), (0, 4), (0, 2)), box((2, 6), (0, 4), (0, 2))
    found = case_measures(pred[None], label[None], (0.5, 1.0, 3.0))
    assert found["dsc"] == pytest.approx(0.5)
    assert found["or"] == found["ur"] == pytest.approx(1 / 3)
    assert found["volume_ml"] == found["reference_ml"] == pytest.approx(32 * 1.5 / 1000)
    assert found["hd_mm"] == pytest.approx(2 * 0.5)


@pytest.mark.parametrize("seed", range(4))
def test_hausdorff_against_scipy_with_anisotropic_spacing(seed):
    rng = np.random.default_rng(seed)
    pred, label = ((torch.from_numpy(rng.random((8, 9, 7))) > 0.97).int() for _ in range(2))
    # single voxels are their own surface, so all voxels may be compared
    spacing = np.array([0.7, 1.3, 4.0])
    p, r = (np.argwhere(m.numpy()) * spacing for m in (pred, label))
    expected = max(directed_hausdorff(p, r)[0], directed_hausdorff(r, p)[0])
    assert case_measures(pred, label, spacing)["hd_mm"] == pytest.approx(expected, rel=1e-5)


def test_empty_masks():
    empty, some = box((0, 0)), box((1, 3), (1, 3), (1, 3))
    both = case_measures(empty, empty, (1, 1, 1))
    assert (both["dsc"], both["hd_mm"], both["or"], both["ur"]) == (1, 0, 0, 0)
    missed = case_measures(empty, some, (1, 1, 1))
    assert (missed["dsc"], missed["or"], missed["ur"]) == (0, 0, 1) and math.isnan(missed["hd_mm"])
    invented = case_measures(some, empty, (1, 1, 1))
    assert (invented["dsc"], invented["or"], invented["ur"]) == (0, 1, 0) and math.isnan(invented["hd_mm"])


def test_dice_is_that_of_case_measures():
    pred, label = box((0, 4), (0, 4), (0, 2)), box((2, 7), (1, 4), (0, 2))
    assert dice(pred, label) == case_measures(pred, label, (1, 1, 1))["dsc"]
    assert dice(box((0, 0)), box((0, 0))) == 1


@pytest.mark.parametrize(
    "pred, label, words",
    [
        (torch.zeros(3, 4, 5), torch.zeros(3, 4, 6), "(3, 4, 6)"),
        (torch.full((3, 4, 5), 0.4), torch.zeros(3, 4, 5), "prediction holds values"),
        (torch.zeros(3, 4, 5), torch.full((3, 4, 5), 2), "reference holds values"),
        (torch.zeros(2, 3, 4, 5), torch.zeros(2, 3, 4, 5), "one volume"),
    ],
)
def test_wrong_masks(pred, label, words):
    with pytest.raises(InputError) as wrong:
        case_measures(pred, label, (1, 1, 1))
    assert words in str(wrong.value)


def test_summary_leaves_nan_out_and_counts_it():
    cases = [case(dsc=0.8, hd_mm=2.0), case(dsc=0.6, hd_mm=6.0), case(dsc=0.0, hd_mm=math.nan, volume_ml=0.0)]
    found = summary(cases)
    assert found["mean"]["hd_mm"] == 4.0 and found["median"]["dsc"] == 0.6
    assert found["sd"]["hd_mm"] == pytest.approx(8**0.5)
    assert (found["n"], found["missed"], found["without_hd"]) == (3, 1, 1)


def test_nothing_predicted_where_nothing_is_counts_as_found():
    assert summary([case(volume_ml=0.0, reference_ml=0.0)])["missed"] == 0


def test_summary_of_few_cases_has_no_invented_figures():
    one = summary([case(hd_mm=math.nan)])
    assert one["mean"]["dsc"] == 0.5 and math.isnan(one["sd"]["dsc"]) and math.isnan(one["mean"]["hd_mm"])
    none = summary([])
    assert none["n"] == 0 and math.isnan(none["mean"]["dsc"])


def test_patient_means():
    found = patient_means([case(patient="b"), case(patient="a", dsc=0.2), case(patient="a", dsc=0.4)])
    assert [p["patient"] for p in found] == ["a", "b"]
    assert found[0]["dsc"] == pytest.approx(0.3) and found[0]["cases"] == 2


def test_plain():
    assert plain({1: (math.nan, math.inf, 0.123456789, True, None, np.int64(3))}) == {
        "1": [None, None, 0.123457, True, None, 3]
    }


def test_table_is_aligned():
    lines = table([case("short"), case("a much longer name", hd_mm=math.nan)]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[-1].startswith("mean") and "-" in lines[2].split()
