import numpy as np
import pytest
import torch
from scipy.ndimage import binary_dilation, binary_erosion, label

from patchseg.data.shapes import ShapesDataset, random_object
from patchseg.errors import InputError

SEEDS = range(60)


@pytest.fixture(scope="module")
def slices() -> list[tuple[np.ndarray, np.ndarray]]:
    return [random_object(np.random.default_rng(seed)) for seed in SEEDS]


def test_form(slices):
    for image, mask in slices:
        assert image.shape == mask.shape == (192, 192)
        assert image.dtype == np.float32 and mask.dtype == np.uint8
        assert np.isfinite(image).all() and image.std() > 0
        assert np.unique(mask).tolist() == [0, 1]


def test_one_part_near_the_middle(slices):
    for _, mask in slices:
        assert label(mask)[1] == 1
        assert np.abs(np.argwhere(mask).mean(0) - 95.5).max() < 40


def test_sizes_vary_as_said(slices):
    radii = np.sqrt([mask.sum() / np.pi for _, mask in slices])
    assert radii.min() > 6 and radii.max() < 45
    assert (radii < 14).mean() > 0.08 and (radii > 26).mean() > 0.15


def test_other_sizes_of_slices():
    image, mask = random_object(np.random.default_rng(0), (96, 128))
    assert image.shape == mask.shape == (96, 128) and mask.any()


def test_brighter_and_darker_and_strong_and_faint(slices):
    """Contrast at the boundary, in units of the spread nearby: both signs, and all strengths."""
    steps = []
    for image, mask in slices:
        inside = mask.astype(bool) & ~binary_erosion(mask, iterations=4)
        outside = binary_dilation(mask, iterations=5) & ~binary_dilation(mask, iterations=1)
        steps.append((image[inside].mean() - image[outside].mean()) / image[inside | outside].std())
    steps = np.array(steps)
    assert (steps > 0.3).mean() > 0.2 and (steps < -0.3).mean() > 0.2
    assert (np.abs(steps) > 1).mean() > 0.2 and (np.abs(steps) < 0.7).mean() > 0.05


def best_threshold_dice(image: np.ndarray, mask: np.ndarray) -> float:
    """Dice of the best of 40 windows of grey levels that start or end anywhere, for this one slice."""
    levels = np.quantile(image, np.linspace(0, 1, 21))
    windows = [(a, b) for i, a in enumerate(levels) for b in levels[i + 1 :]]
    return max(
        2 * mask[hit].sum() / (hit.sum() + mask.sum()) for hit in ((image >= a) & (image <= b) for a, b in windows)
    )


def test_no_threshold_finds_the_objects(slices):
    assert np.mean([best_threshold_dice(image, mask) for image, mask in slices]) < 0.6


def test_the_seed_decides_everything():
    first, again, other = (random_object(np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_data_set_depends_on_seed_epoch_and_item_alone():
    data, twin = ShapesDataset(4, seed=3), ShapesDataset(4, seed=3)
    item = data[2]
    assert item["image"].shape == item["label"].shape == (1, 192, 192)
    assert item["image"].dtype == torch.float32 and item["label"].dtype == torch.uint8
    twin[0], twin[3]  # the order of loading does not matter
    assert torch.equal(twin[2]["image"], item["image"])
    twin.epoch = 1
    assert not torch.equal(twin[2]["image"], item["image"])
    assert not torch.equal(ShapesDataset(4, seed=4)[2]["image"], item["image"])
    assert not torch.equal(data[1]["image"], item["image"])


def test_data_set_in_a_loader():
    loader = torch.utils.data.DataLoader(ShapesDataset(3, size=(64, 64)), batch_size=3)
    (batch,) = loader
    assert batch["image"].shape == (3, 1, 64, 64)
    assert len(list(ShapesDataset(3, size=(64, 64)))) == 3  # iterating ends


def test_wrong_length():
    with pytest.raises(InputError, match="length is 0"):
        ShapesDataset(0)
