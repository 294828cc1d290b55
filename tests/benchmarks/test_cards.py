"""Model cards: alike in structure, with pictures that are there, and sentences that say what was measured."""

import re
from pathlib import Path

import card_pictures
import numpy as np
import pytest
from card_cases import Judged, OnGrid
from card_data import SEED, mass
from PIL import Image
from table_cards import cost, failures, one_click_own

from patchseg.pictures import Panel

CARDS = sorted((Path(__file__).resolve().parents[2] / "bundles").glob("*/docs/README.md"))
SECTIONS = [
    "Intended use and limits",
    "Data and licence",
    "Results",
    "Time and memory",
    "Use",
    "Train on your own data",
    "Evaluate, track, export",
]
LARGEST = 150_000  # bytes of a picture


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.parents[1].name)
def test_every_card_has_the_same_sections_and_its_pictures(card):
    text = card.read_text()
    found = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert [section for section in found if section != "Clicks"] == SECTIONS
    assert text.index("](method.png)") < text.index("## Intended use")  # what it does is seen first
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    shown = {path.name for path in card.parent.glob("*.png")}
    assert set(pictures) == shown
    assert all((card.parent / name).stat().st_size < LARGEST for name in pictures)
    weights = (card.parents[1] / "models" / "model.pt").is_file()
    assert ("### Where it fails" in text and "cases.png" in pictures) == weights
    assert "<!-- results: cost -->" in text


def judged(name: str, dsc: float) -> Judged:
    """A disc of 9 pixels radius, found too small or not at all."""
    rows, columns = np.indices((90, 120))
    distance = np.hypot(rows - 40, columns - 70)
    image = 100.0 * (distance < 9) + np.random.default_rng(0).normal(0, 5, distance.shape)
    reference, prediction = distance < 9, distance < 9 * dsc
    seen = OnGrid(image.astype(np.float32), prediction * 0.9, reference, (40, 70))
    return Judged({"name": name, "dsc": dsc}, Panel(image, reference, prediction, name), seen)


def test_worst_typical_and_best_are_picked():
    cases = [{"name": f"case{n}", "dsc": n / 10} for n in (5, 0, 9, 1, 3, 8, 2, 4, 7)]
    assert card_pictures.picked(cases) == {
        "worst": "case0",
        "2nd worst": "case1",
        "3rd worst": "case2",
        "4th worst": "case3",
        "lower quartile": "case2",
        "median": "case4",
        "upper quartile": "case7",
        "best": "case9",
    }


def test_the_same_cases_give_the_same_pictures(tmp_path):
    one = judged("one", 0.8)
    drawn = [
        card_pictures.cross_picture(one.on_grid, one.shown, (100, 20), "disc", tmp_path / f"cross{number}.png")
        for number in range(2)
    ]
    assert drawn[0].read_bytes() == drawn[1].read_bytes() and drawn[0].stat().st_size < LARGEST
    other = card_pictures.cross_picture(one.on_grid, one.shown, (60, 20), "disc", tmp_path / "other.png")
    assert other.read_bytes() != drawn[0].read_bytes()


def test_cases_stand_in_their_order_and_both_bundles_in_one_row(tmp_path):
    found = {name: judged(name, 0.1 * n) for n, name in enumerate("abcdefgh")}
    cases = Image.open(card_pictures.cases_picture(found, tmp_path / "cases.png"))
    one = found["h"]
    row = Image.open(card_pictures.overview(one, (100, 20), one, 8, 4, tmp_path / "overview.png"))
    assert cases.size[0] > cases.size[1] and row.size[0] > 3 * row.size[1]
    assert cases.info["Title"] and row.info["Title"]


def test_a_cut_out_shows_both_outlines_and_their_surroundings():
    one = judged("one", 0.5).shown
    cut = card_pictures.cropped(one)
    assert cut.image.shape == (71, 71) and cut.reference.sum() == one.reference.sum()
    lost = np.zeros_like(one.prediction)
    lost[85, 10] = True  # a false alarm far away belongs into the picture
    assert card_pictures.cropped(one._replace(prediction=lost)).prediction.any()
    empty = one._replace(reference=np.zeros_like(lost), prediction=None)
    assert card_pictures.cropped(empty) is empty


def test_the_cross_lies_inside_the_largest_part():
    seen = judged("one", 0.8).on_grid
    assert card_pictures.pixel_inside(seen) == (40, 70)
    nowhere = seen._replace(probability=np.zeros_like(seen.probability))
    assert card_pictures.pixel_inside(nowhere) == (40, 70)


def test_the_synthetic_mass_is_brighter_than_its_surroundings(tmp_path):
    folder = mass(tmp_path, tmp_path)
    image, label = (np.asarray(Image.open(folder / part / "mass.png")) for part in ("images", "labels"))
    inside = label > 0
    assert SEED and 0.05 < inside.mean() < 0.3 and image[inside].mean() > image[~inside].mean() + 30


def test_failures_are_counted_by_size_of_the_reference():
    cases = [
        {"name": str(n), "dsc": dsc, "reference_ml": float(n), "or": 0.2, "ur": 0.1 * (n % 4)}
        for n, dsc in enumerate((0.0, 0.4, 0.9, 0.8, 0.6, 1.0))
    ]
    said = failures({"measured": [{"data": "Discs", "protocol": "whole", "cases": cases}]})
    assert said == (
        "Discs: mean DSC 0.800 in the third with the largest references, 0.850 in the middle, 0.200 in the "
        "smallest; of the 3 below 0.7 it holds 2; 1 of 6 have a DSC of 0; in 4 more was added than missed.  "
    )


def test_own_row_of_one_click_and_its_parts():
    dsc = [0.4, 0.6, 0.8, 0.9]
    measured = {
        "slices": 4,
        "patients": 2,
        "dsc": {"0": {"mean": 0.675, "sd": 0.222, "median": 0.7}, "10": {"mean": 0.5}},
        "cases": ["case_1_kidney1", "case_1_kidney2", "case_1_tumour1", "case_2_tumour1"],
        "cases_dsc": {"0": dsc},
    }
    text = one_click_own({"methods": {"ours": {"kits19": measured}, "theirs": {}}})
    assert "| 4 (2) | 0.675 ± 0.222 | 0.700 | 0.400 | 50 % | 25 % | 0.500 |" in text and "theirs" not in text
    assert "kidneys with tumours 0.500 (2, 100 % below 0.7), tumours alone 0.850 (2, 0 % below 0.7)." in text


def test_cost_names_the_processor_and_untrained_weights():
    line = {"bundle": "b", "scan": "volume", "shape": [9, 9, 3], "runtime": "torch", "trained": False}
    line |= {"start_s": 1.25, "seconds": 3.0, "slices": 3, "peak_rss_mb": 900}
    about = {"processor": "Some CPU (AVX512)", "threads": 2, "versions": {"torch": "2.13.0"}}
    text = cost({"about": about, "measured": [line]})
    assert "| volume, 9 x 9 x 3 (untrained) | torch | 1.2 | 3.0 | 3 | 900 |" in text
    assert "Some CPU (AVX512), 2 threads" in text
