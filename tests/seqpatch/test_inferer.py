"""Clicks in channels to masks and confidences, through rays and patches, with networks that threshold."""

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor, decollate_batch, list_data_collate
from monai.inferers import Inferer
from monai.transforms import AsDiscreted, Compose, Invertd

from patchseg.geometry import ClickGuidanced, NetworkGridd
from patchseg.seqpatch.confidence import ConfidencePerSliced
from patchseg.seqpatch.inferer import ClickInferer
from patchseg.seqpatch.slices import SliceAnswer

SHAPE = (96, 100, 7)
GRID = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), -1)


def bright(patches):
    """Sure of what is brighter than the average around the click."""
    return 40 * (patches - 0.5)


def ball(centre=(45, 50, 3), radius=14.0, slice_mm=5.0):
    return torch.from_numpy(np.linalg.norm((GRID - centre) * (1, 1, slice_mm), axis=-1) <= radius)


def clicked(image, foreground=(), background=()):
    inputs = torch.zeros(1, 3, *image.shape)
    inputs[0, 0] = image
    for channel, clicks in ((1, foreground), (2, background)):
        for click in clicks:
            inputs[(0, channel, *click)] = 1
    return inputs


def test_a_ball_from_one_click():
    inferer = ClickInferer()
    assert isinstance(inferer, Inferer)
    for click in ((45, 50, 3), (47, 46, 3), (44, 52, 4)):
        result = inferer(inputs=clicked(ball() * 100.0, [click]), network=bright)
        assert result.shape == (1, 2, *SHAPE) and result.dtype == torch.float32
        assert torch.equal(result[0, 0] > 0.5, ball())
        assert result.min() >= 0 and result.max() <= 1


def test_confidence_is_constant_over_a_slice_and_zero_where_nothing_was_judged():
    image = ball(radius=7.0) * 100.0  # slices 2 to 4
    image[..., 4] *= 0.2
    confidence = ClickInferer(most_drift=1e9)(clicked(image, [(45, 50, 3)]), bright)[0, 1]
    assert torch.equal(confidence, confidence[:1, :1].expand(SHAPE))
    values = confidence[0, 0]
    assert values[[0, 6]].tolist() == [0, 0]
    assert (values[2:5] > 0.9).all()


def test_steps_and_stride_set_the_reach():
    for steps, stride in ((2, 4), (2, 2), (1, 4)):
        found = ClickInferer(steps, stride, coarsest=1)(
            clicked(ball()[..., 3:4] * 1.0, [(45, 50, 0)]), torch.ones_like
        )
        # everything the patches cover; the rays (-1, 2) and (-2, 1) reach furthest
        for axis in (0, 1):
            assert int((found[0, 0, ..., 0] > 0.5).any(axis).sum()) == 4 * steps * stride + 32


@pytest.mark.parametrize("radius", [20, 60, 110])
@pytest.mark.parametrize("side", [256, 301])
def test_objects_larger_than_the_rays_reach_are_found_at_a_coarser_scale(radius, side):
    row, column = np.ogrid[:side, :side]
    disc = torch.from_numpy((row - side // 2) ** 2 + (column - side // 2 + 3) ** 2 <= radius**2)
    inputs = clicked(disc[..., None] * 5.0, [(side // 2 + 4, side // 2, 0)])

    def not_dark(patches):
        return 40 * (patches + 0.2)  # where all is alike, all of it

    found = ClickInferer()(inputs, not_dark)[0, 0, ..., 0] > 0.5
    assert 2 * (found & disc).sum() / (found.sum() + disc.sum()) > 0.97
    cut = ClickInferer(coarsest=1)(inputs, not_dark)[0, 0, ..., 0] > 0.5
    assert torch.equal(cut, disc) == (radius == 20)


def test_the_judge_can_be_another_method():
    def everything(network, images, clicks, steps, stride):
        return SliceAnswer(torch.ones(images.shape), torch.ones(len(images)))

    found = ClickInferer(judge=everything, coarsest=1)(clicked(ball() * 1.0, [(45, 50, 3)]), bright)
    assert (found[0, 0, ..., 3] == 1).all()


@pytest.mark.parametrize(("radius", "longest"), [(6, 4), (22, 6), (26, 8)])
def test_carried_slices_are_read_by_fewer_rays_that_end_where_the_mask_can(radius, longest):
    row, column = np.ogrid[:110, :100]
    disc = torch.from_numpy((row - 55) ** 2 + (column - 50) ** 2 <= radius**2)
    inputs = clicked(disc[..., None].expand(-1, -1, 5) * 50.0, [(55, 50, 2)])
    shapes = []

    def network(patches):
        shapes.append(tuple(patches.shape[:2]))
        return bright(patches)

    found = ClickInferer(coarsest=1)(inputs, network)[0, 0] > 0.5
    assert shapes == [(16, 8), (16, longest), (16, longest)]  # in the carried slices eight both ways
    assert torch.equal(found, disc[..., None].expand(-1, -1, 5))


def test_rules_are_plain_arguments():
    inputs = clicked(ball() * 100.0, [(45, 50, 3)])
    found = ClickInferer(longest=0)(inputs, bright)[0, 0] > 0.5
    assert found.any((0, 1)).nonzero().flatten().tolist() == [3]
    with pytest.raises(TypeError, match="least_dise"):
        ClickInferer(least_dise=0.3)


def test_clicks_in_a_slice_are_joined():
    image = (ball((30, 30, 0), 12) | ball((60, 66, 0), 12))[..., :1]
    found = ClickInferer()(clicked(image * 9.0, [(30, 30, 0), (60, 66, 0)]), bright)
    assert torch.equal(found[0, 0] > 0.5, image)
    alone = [ClickInferer()(clicked(image * 9.0, [at]), bright) for at in ((30, 30, 0), (60, 66, 0))]
    for one, centre in zip(alone, ((30, 30, 0), (60, 66, 0)), strict=True):
        assert torch.equal(one[0, 0] > 0.5, ball(centre, 12)[..., :1])
    assert torch.equal(found[0, 0], torch.maximum(*(a[0, 0] for a in alone)))


def test_anchors_in_one_call_and_both_ways_in_one_call():
    rays = []

    def network(patches):
        rays.append(len(patches))
        return bright(patches)

    ClickInferer()(clicked(ball() * 100.0, [(45, 50, 2), (45, 50, 3), (45, 50, 4)]), network)
    # 16 of each anchor; 8 of each slice that one anchor is carried to, the two others among them
    assert rays[0] == 3 * 16 and rays[1] == 2 * 8 and sum(rays) == 3 * 16 + 6 * 8


def test_background_clicks():
    image = (ball((45, 40, 0), 14) | ball((45, 64, 0), 14))[..., :1]
    found = ClickInferer()(clicked(image * 9.0, [(45, 40, 0)], [(45, 64, 0)]), bright)[0, 0] > 0.5
    assert torch.equal(found[:, :53], image[:, :53]) and not found[:, 53:].any()


def test_one_slice_without_its_axis():
    image = ball()[..., 3:4] * 9.0
    inputs = clicked(image, [(45, 50, 0)])
    flat = ClickInferer()(inputs[..., 0], bright)
    assert flat.shape == (1, 2, *SHAPE[:2])
    assert torch.equal(flat, ClickInferer()(inputs, bright)[..., 0])


def test_batches_and_no_click():
    one, two = clicked(ball() * 9.0, [(45, 50, 3)]), clicked(ball((40, 40, 2)) * 9.0, [(40, 40, 2)])
    none = clicked(ball() * 9.0)
    together = ClickInferer()(torch.cat([one, none, two]), bright)
    assert torch.equal(together[0], ClickInferer()(one, bright)[0])
    assert torch.equal(together[2], ClickInferer()(two, bright)[0])
    assert not together[1].any()


def test_further_arguments_reach_the_network_and_no_gradients_are_kept():
    weight = torch.nn.Parameter(torch.tensor(40.0))
    seen = []

    def network(patches, threshold, scale=None):
        seen.append((threshold, scale))
        return weight * (patches - threshold)

    result = ClickInferer()(clicked(ball() * 9.0, [(45, 50, 3)]), network, 0.5, scale="mm")
    assert set(seen) == {(0.5, "mm")} and not result.requires_grad


def test_from_the_file_s_grid_and_back():
    """As servers run it: clicks as indices, MetaTensors in batches, and Invertd behind it all."""
    affine = nib.eulerangles.euler2mat(1.4, 0.1, 0.2) @ np.diag([0.8, 0.8, -5])
    affine = nib.affines.from_matvec(affine, [10, 20, 3])
    truth = ball()
    scan = MetaTensor(truth[None] * 100.0, affine=affine)
    preprocessing = Compose([NetworkGridd("image", spacing=0.625), ClickGuidanced()])
    postprocessing = Compose(
        [
            ConfidencePerSliced("pred"),
            AsDiscreted("pred", threshold=0.5),
            Invertd("pred", preprocessing, "image", nearest_interp=True, to_tensor=True),
        ]
    )
    data = preprocessing({"image": scan, "foreground": [[45, 50, 3]]})
    batch = list_data_collate([data])
    batch["pred"] = ClickInferer()(batch["image"], bright)
    result = postprocessing(decollate_batch(batch)[0])
    assert result["pred"].shape == (1, *SHAPE)
    np.testing.assert_allclose(result["pred"].affine, affine, atol=1e-6)
    found = result["pred"][0].bool()
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.97
    assert result["confidence"]["axis"] == 2
    inside = np.array(result["confidence"]["values"])[truth.any((0, 1)).numpy()]
    assert (inside > 0.5).all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu():
    inputs = clicked(ball() * 100.0, [(45, 50, 3)])
    result = ClickInferer()(inputs.cuda(), bright)
    assert result.is_cuda and torch.equal(result[0, 0].cpu() > 0.5, ball())
