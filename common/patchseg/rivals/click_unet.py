"""A U-Net that gets the click as an extra channel: what sequential patches are measured against."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import torch
from monai.networks.nets import BasicUNet
from monai.transforms import MapTransform, Randomizable
from monai.utils import convert_to_tensor
from torch import Tensor

from patchseg.seqpatch.sampling import click_near_centre
from patchseg.seqpatch.slices import SliceAnswer, agreement, normalise_around

VIEW = 128  # rows and columns around the click: all that straight rays of 8 patches, 4 apart, can see, and more
BLOB = 5.0  # pixels: standard deviation of the click's mark


class ClickUNet(BasicUNet):
    """MONAI's BasicUNet from a view around the click to one logit per pixel.

    Shape:
        (B, 2, H, W) -> (B, 1, H, W): the image and the click's mark, see `click_views`; any multiples of 16.
    """

    def __init__(self) -> None:
        super().__init__(spatial_dims=2, in_channels=2, out_channels=1)


def click_views(images: Tensor, clicks: Tensor, reach: int) -> Tensor:
    """What the network sees: (N, H, W) and (N, 2) clicks -> (N, 2, 128, 128).

    The click lies at row and column 64. The image is scaled as for the rays (`normalise_around`) and zero beyond
    its border; the click's mark is a Gaussian of height 1.
    """
    scaled = normalise_around(images, clicks, reach)
    padded = torch.nn.functional.pad(scaled, [VIEW // 2] * 4)
    corners = clicks.round().long().tolist()
    views = [
        image[row : row + VIEW, column : column + VIEW]
        for image, (row, column) in zip(padded, corners, strict=True)
    ]
    away = torch.arange(VIEW, device=images.device) - VIEW // 2
    mark = torch.exp(-(away[:, None] ** 2 + away**2) / (2 * BLOB**2))
    return torch.stack([torch.stack(views), mark.expand(len(views), -1, -1)], 1)


def judge_views(
    network: Callable[[Tensor], Tensor], images: Tensor, clicks: Tensor, steps: int = 8, stride: int = 4
) -> SliceAnswer:
    """As `judge_slices`, by a network that sees a view around the click at once; its patches are one view.

    Args: as in `judge_slices`; steps and stride say which square sets the scale of intensities.
    """
    logits = network(click_views(images, clicks, steps * stride))
    found = torch.sigmoid(logits[:, 0].float())
    probability = torch.zeros(len(images), *(n + VIEW for n in images.shape[-2:]), device=images.device)
    for index, (row, column) in enumerate(clicks.round().long().tolist()):
        probability[index, row : row + VIEW, column : column + VIEW] = found[index]
    half = VIEW // 2
    probability = probability[:, half:-half, half:-half]
    return SliceAnswer(probability, agreement(probability))


class ClickViewd(MapTransform, Randomizable):
    """The training sample of `ClickUNet`: the view around a click near the object's centre.

    Args: as in `patchseg.seqpatch.RayPatchesd`.

    Returns:
        image (2, 128, 128) and label (1, 128, 128) of 0 and 1.
    """

    def __init__(
        self,
        image_key: str = "image",
        label_key: str = "label",
        steps: int = 8,
        stride: int = 4,
        click_error: float = 0.5,
    ) -> None:
        super().__init__((image_key, label_key))
        self.image_key, self.label_key = image_key, label_key
        self.reach = steps * stride
        self.click_error = click_error

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Tensor]:
        image = convert_to_tensor(data[self.image_key], track_meta=False).float()
        label = (convert_to_tensor(data[self.label_key], track_meta=False) > 0).float()
        row, column = click_near_centre(label[0].numpy(), self.R, self.click_error)
        views = click_views(image, torch.tensor([[row, column]]), self.reach)
        padded = torch.nn.functional.pad(label, [VIEW // 2] * 4)
        truth = padded[:, int(row) : int(row) + VIEW, int(column) : int(column) + VIEW]
        return {self.image_key: views[0], self.label_key: truth}
