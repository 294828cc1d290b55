import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from patchseg.data.shapes_texture import blur, smooth_noise, texture


@pytest.mark.parametrize("grain", [1.0, 2.0, 7.3, (3.0, 12.0)])
def test_noise_has_unit_deviation(grain):
    rng = np.random.default_rng(0)
    fields = np.stack([smooth_noise(rng, (160, 120), grain) for _ in range(30)])
    assert fields.dtype == np.float32
    assert abs(fields.mean()) < 0.1 and fields.std() == pytest.approx(1, abs=0.1)


def test_grain_is_the_distance_over_which_noise_is_alike():
    rng = np.random.default_rng(0)
    fields = np.stack([smooth_noise(rng, (120, 120), (4.0, 16.0)) for _ in range(20)])
    down = (fields[:, 4:] * fields[:, :-4]).mean()
    across = (fields[:, :, 16:] * fields[:, :, :-16]).mean()
    assert down == pytest.approx(across, abs=0.12) and 0.2 < down < 0.8
    assert (fields[:, 24:] * fields[:, :-24]).mean() < 0.1


def test_textures_have_about_unit_deviation():
    rng = np.random.default_rng(0)
    assert np.mean([texture(rng, (128, 128)).std() for _ in range(40)]) == pytest.approx(1, abs=0.25)


def test_blur_is_gaussian():
    image = np.random.default_rng(0).normal(size=(50, 40)).astype(np.float32)
    inner = slice(10, -10), slice(10, -10)
    assert np.allclose(blur(image, 1.5)[inner], gaussian_filter(image, 1.5)[inner], atol=1e-3)
    assert blur(image, 0.1) is image
