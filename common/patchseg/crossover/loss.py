"""The crossover loss: say what the pixel is, agree where the patches overlap, differ at their ends."""

import torch.nn.functional as F
from monai.losses import DiceLoss
from torch import Tensor, nn

from patchseg.errors import InputError

from .network import CrossoverOutput
from .stacks import Window, constraint_window
from .windows import window_dots, window_norms


def prediction_loss(logits: Tensor, label: Tensor, kind: str = "cross_entropy") -> Tensor:
    """L_pre per pixel: cross-entropy (Eq. 2), or the squared error of the class probabilities ("mse").

    Args:
        logits: (B, classes, h, w). label: (B, h, w), whole numbers.
    """
    if kind == "cross_entropy":
        return F.cross_entropy(logits, label.long(), reduction="none")
    target = F.one_hot(label.long(), logits.shape[1]).movedim(-1, 1)
    return (logits.softmax(1) - target).square().mean(1)


# A slice without the structure counts too, the less the fewer pixels are taken for it.
soft_dice = DiceLoss(include_background=False, to_onehot_y=True, softmax=True, smooth_nr=1, smooth_dr=1)


def dice_loss(logits: Tensor, label: Tensor) -> Tensor:
    """1 minus the soft Dice of each slice and class but the background, their mean; pairs are one slice together.

    Args:
        logits: (B, classes, h, w), or (N, classes, 1, 1) of the patch pairs of one slice.
        label: (B, 1, h, w), whole numbers.
    """
    if logits.shape[2:] == (1, 1):
        logits, label = logits.transpose(0, 2), label.transpose(0, 2)
    return soft_dice(logits, label)


def constraint_loss(
    output: CrossoverOutput, window: Window, form: str = "bounded", end_term: bool = True
) -> Tensor:
    """L_cs per pixel (Eq. 3): ||M_Vc - M_Hc^T||^2 - ||M_Ve - M_He^T||^2 over channels, rows and columns.

    As printed, the end term can run to minus infinity, and the sums of thousands of squares drown the
    cross-entropy. The bounded form divides each squared difference by the summed squared norms of its two
    sides: 0 where they are equal, at most 1 (features are not negative), so L_cs stays within -1 and 1.

    Args:
        output: of `LatticeNet` or `patch_pairs`.
        window: the rows to compare, see `stacks.constraint_window`.
        form: "bounded" or "printed".
        end_term: False leaves the second term out (Fig. 9: it hurts when the object outgrows the patch).

    Returns:
        (B, h, w), one value per lattice pixel; (N, 1, 1) for patch pairs.
    """
    spans = [[window.centre]]
    if end_term:
        spans.append([window.first_end, window.last_end])
    differences = _differences(output, spans, window.width, form)
    return differences[0] - differences[1] if end_term else differences[0]


def _differences(
    output: CrossoverOutput, spans: list[list[tuple[int, int]]], width: int, form: str
) -> list[Tensor]:
    """Squared difference of the two sides, over the sum of their squared norms in the bounded form."""
    rows, cols = output.logits.shape[2:]
    upright = window_norms(output.vertical, spans, width, output.step, (rows, cols))
    across = window_norms(output.horizontal, spans, width, output.step, (cols, rows))
    dots = window_dots(output.vertical, output.horizontal, spans, width, output.step, (rows, cols))
    found: list[Tensor] = []
    for one, other, dot in zip(upright, across, dots, strict=True):
        norms = one + other.transpose(1, 2)
        squares = norms - 2 * dot
        found.append(squares / norms.clamp_min(1e-12) if form == "bounded" else squares)
    return found


class CrossoverLoss(nn.Module):
    """L = L_pre + weight * L_cs (Eq. 1), the same on the lattice and on patch pairs, in value and gradient.

    `dice_weight` adds what the paper has not: its pixels count one by one, so a small cavity hardly counts, while
    in the mean DSC of slices, by which masks are judged, it counts as much as a large one. Measured, it brought no
    more than chance (results/REPRODUCE.md).

    Args:
        patch: size of the vertical patch, which with `layer` fixes the rows that are compared.
        layer: convolution that carries the constraint, as given to `LatticeNet` (Fig. 10: the middle layers win).
        prediction: "cross_entropy" (Eq. 2) or "mse" (Fig. 8).
        constraint: "bounded", "printed" (Eq. 3 to the letter) or "none" (cross-entropy only, Fig. 8).
        weight: of the constraint. Eq. 1 has 1, but the bounded term at 1 outweighs a cross-entropy that has
            fallen to a tenth; 0.1 is a first choice, not a tuned one.
        end_term: the second term of Eq. 3; False for objects larger than the patch (Fig. 9).
        widen: rows added on both sides of the overlap; 1 gives the paper's four rows, 0 the exact ones.
        stack: the network's, where it is not the patch's own.
        dice_weight: of `dice_loss`, over all lattice pixels alike; 0, the paper's loss, leaves it out.

    Shape:
        output: `CrossoverOutput`, or bare logits (B, classes, h, w) where `constraint` is "none".
        target: (B, 1, H, W) label, or (B, 2, H, W) label and pixel weight, see `PixelWeightsd`. H and W are the
        image's; only lattice pixels are read. For N patch pairs (N, 1, 1, 1) or (N, 2, 1, 1).
        Returns a scalar: the weighted mean over pixels, 0 where all weights are, and the Dice term.

    Raises:
        ValueError: for an unknown form, or a constraint without the maps it needs.

    >>> import torch
    >>> from patchseg.crossover import CrossoverNet, LatticeNet
    >>> output = LatticeNet(CrossoverNet())(torch.rand(1, 1, 64, 64))
    >>> CrossoverLoss()(output, torch.zeros(1, 1, 64, 64)).shape
    torch.Size([])
    """

    def __init__(
        self,
        patch: tuple[int, int] = (100, 20),
        layer: int = 3,
        prediction: str = "cross_entropy",
        constraint: str = "bounded",
        weight: float = 0.1,
        end_term: bool = True,
        widen: int = 1,
        stack: str | None = None,
        dice_weight: float = 0.0,
    ) -> None:
        super().__init__()
        if prediction not in ("cross_entropy", "mse"):
            raise InputError(f"prediction {prediction!r}: take 'cross_entropy' or 'mse'")
        if constraint not in ("bounded", "printed", "none"):
            raise InputError(f"constraint {constraint!r}: take 'bounded', 'printed' or 'none'")
        self.prediction, self.constraint, self.end_term = prediction, constraint, end_term
        self.weight, self.dice_weight = weight, dice_weight
        if constraint != "none":
            self.window = constraint_window((int(patch[0]), int(patch[1])), layer, widen, stack)

    def forward(self, output: CrossoverOutput | Tensor, target: Tensor) -> Tensor:
        logits = output if isinstance(output, Tensor) else output.logits
        target = on_lattice(target, logits)
        loss = prediction_loss(logits, target[:, 0], self.prediction)
        if self.constraint != "none":
            if isinstance(output, Tensor):
                raise ValueError("the constraint needs a CrossoverOutput, as LatticeNet or patch_pairs give it")
            loss = loss + self.weight * constraint_loss(output, self.window, self.constraint, self.end_term)
        loss = _weighted_mean(loss, target[:, 1]) if target.shape[1] > 1 else loss.mean()
        return loss + self.dice_weight * dice_loss(logits, target[:, :1]) if self.dice_weight else loss


def _weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    weights = weights.to(values)
    return (values * weights).sum() / weights.sum().clamp_min(1e-12)


def on_lattice(target: Tensor, logits: Tensor) -> Tensor:
    """The label at the pixels that were judged: every `stride`-th, from 0."""
    stride = 1
    while -(-target.shape[2] // stride) > logits.shape[2]:
        stride *= 2
    picked = target[:, :, ::stride, ::stride]
    if picked.shape[2:] != logits.shape[2:]:
        raise ValueError(f"label of {tuple(target.shape[2:])} pixels for logits of {tuple(logits.shape[2:])}")
    return picked
