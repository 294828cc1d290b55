"""Cutting an image to a box, and putting what was found back."""

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Invertd

from patchseg.data import CropToBoxd
from patchseg.errors import InputError


def image(shape=(40, 30, 1)) -> MetaTensor:
    values = torch.arange(float(np.prod(shape))).reshape(1, *shape)
    return MetaTensor(values, affine=torch.diag(torch.tensor([-0.5, -0.7, 1.0, 1.0])))


@pytest.mark.parametrize(
    ("factor", "box", "rows", "columns"),
    [
        (1.0, [10, 5, 19, 14], (5, 15), (10, 20)),
        (1.2, [10, 5, 19, 14], (4, 16), (9, 21)),
        (2.0, [0, 20, 9, 29], (15, 30), (0, 15)),  # ends where the image ends
        (1.2, [3, 3, 3, 3], (3, 4), (3, 4)),
    ],
)
def test_what_is_kept(factor, box, rows, columns):
    data = CropToBoxd("image", factor)({"image": image(), "box": box})
    np.testing.assert_array_equal(data["image"], image()[:, slice(*columns), slice(*rows)])
    first = image().affine @ torch.tensor([columns[0], rows[0], 0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(data["image"].affine[:, 3], first)


def test_the_label_draws_the_box_for_both_and_a_given_box_goes_before_it():
    label = torch.zeros_like(image())
    label[0, 12:22, 8:13] = 1
    crop = CropToBoxd(["image", "label"], 1.2, label_key="label")
    data = crop({"image": image(), "label": label})
    assert data["image"].shape == data["label"].shape == (1, 12, 6, 1) and data["label"].sum() == 50
    np.testing.assert_array_equal(data["image"], image()[:, 11:23, 8:14])
    assert crop({"image": image(), "label": label, "box": [0, 0, 9, 9]})["image"].shape == (1, 11, 11, 1)


@pytest.mark.parametrize("given", [{}, {"box": []}, {"box": None}])
def test_without_a_box_the_image_stays(given):
    crop = CropToBoxd("image", 1.2)
    data = Compose([crop])({"image": image(), **given})
    assert data["image"].shape == image().shape
    back = Invertd("pred", Compose([crop]), "image")({**data, "pred": data["image"]})["pred"]
    np.testing.assert_array_equal(back, image())


def test_a_mask_finds_back_to_its_place():
    steps = Compose([CropToBoxd("image", 2.0)])
    data = steps({"image": image(), "box": [10, 5, 19, 14]})
    mask = MetaTensor(torch.ones_like(data["image"], dtype=torch.uint8), meta=data["image"].meta)
    back = Invertd("pred", steps, "image", nearest_interp=True)({**data, "pred": mask})["pred"]
    expected = torch.zeros(1, 40, 30, 1)
    expected[0, 5:25, 0:20] = 1
    np.testing.assert_array_equal(back, expected)
    torch.testing.assert_close(back.affine, image().affine)


@pytest.mark.parametrize(
    "box", [[1, 2, 3], [5, 5, 4, 9], [0, 0, 40, 9], [-1, 0, 9, 9], [0.5, 0, 9, 9], ["a", 0, 9, 9]]
)
def test_boxes_that_are_none(box):
    with pytest.raises(InputError, match="does not lie in image, 40 x 30 pixels"):
        CropToBoxd("image", 1.2)({"image": image(), "box": box})


def test_labels_without_an_object_and_factors_below_one():
    with pytest.raises(InputError, match="label holds no object"):
        CropToBoxd(["image", "label"], 1.2, "label")({"image": image(), "label": image() * 0})
    with pytest.raises(InputError, match=r"crop is 0\.5"):
        CropToBoxd("image", 0.5)
