"""Standardised weights while training: what a normalisation brings, without one, so that patches stay exact."""

import math

from torch import Tensor, nn
from torch.nn.utils import parametrize

from patchseg.errors import InputError

from .network import CrossoverNet


class Standardised(nn.Module):
    """A convolution's weight of mean 0 and length `gain`, for each of its output channels.

    Of the weight that the optimizer changes only the direction counts; `gain`, one number a channel, is learnt.
    What a brighter scan adds everywhere falls out of every sum, and signals keep their size through the layers.

    Args:
        gain: (channels, 1, 1, 1), to start with.
    """

    def __init__(self, gain: Tensor) -> None:
        super().__init__()
        self.gain = nn.Parameter(gain.clone())

    def forward(self, weight: Tensor) -> Tensor:
        weight = weight - weight.mean((1, 2, 3), keepdim=True)
        length = weight.square().sum((1, 2, 3), keepdim=True)
        return weight * (length + 1e-8).rsqrt() * self.gain


# Keeps the variance of what goes through ReLU: a standard normal variable has 1/2 - 1/(2 pi) after it.
RELU_GAIN = (1 / 2 - 1 / (2 * math.pi)) ** -0.5


def standardised(net: CrossoverNet, pretrained: bool = False) -> CrossoverNet:
    """Give all convolutions of `net`, in place, standardised weights to train; the linear layer stays as it is.

    Batch and instance normalisation look at other pixels or other images, so a patch pair would no longer have
    one answer. This changes only how the weights are written: the lattice stays equal to patch pairs in training,
    and `save_weights` writes the weights themselves, for a plain `CrossoverNet`. Not in the paper; weights are
    standardised as by Qiao et al. (Micro-Batch Training with Batch-Channel Normalization and Weight
    Standardization), with a gain.

    Args:
        net: a new network, or one with weights.
        pretrained: go on with its weights, unchanged; they have to be of a training with standardised weights.

    Raises:
        InputError: for weights to go on with whose kernels have another mean than 0, which would be lost.

    >>> net = standardised(CrossoverNet())
    >>> round(float(net.vertical.convs[2].weight[5].square().sum().sqrt()), 3)
    1.713
    """
    convs = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    for conv in convs:
        weight = conv.weight.detach()
        if pretrained and (weight.mean((1, 2, 3)).abs() > 1e-2 * weight.abs().mean((1, 2, 3))).any():
            raise InputError(
                "the initial weights were not trained with standardised weights and cannot go on with them: "
                "leave out standardise, or initial_weights."
            )
        length = weight.square().sum((1, 2, 3), keepdim=True).sqrt()
        gain = length if pretrained else length.new_full(length.shape, RELU_GAIN)
        parametrize.register_parametrization(conv, "weight", Standardised(gain), unsafe=True)
    return net
