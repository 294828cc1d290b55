"""Which study to label next: the one whose mask changes most when parts of the network are left out at random."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.transforms import Activationsd
from monailabel.tasks.scoring.epistemic_v2 import EpistemicScoring

from lib.infer import BundleInfer
from patchseg.errors import input_error_in

DROPOUT = 0.1  # as the weights were trained with
logger = logging.getLogger(__name__)


class DropoutInfer(BundleInfer):
    """A bundle with its dropout switched on, giving probabilities on the network's grid."""

    def __init__(self, bundle: str | Path, conf: dict[str, str], trained: Path) -> None:
        super().__init__(bundle, conf, trained, train_mode=True, skip_writer=True, dropout=DROPOUT)

    def post_transforms(self, data: Mapping[str, Any] | None = None) -> Sequence[Callable]:
        """Softmax alone: entropy is of probabilities, and needs neither a mask nor the file's grid."""
        return [Activationsd(keys=self.key_pred, softmax=True)]


class Uncertainty(EpistemicScoring):
    """Label's entropy over repeated runs with dropout; a study that cannot be read is passed over."""

    def run_scoring(self, image_id: str, *args: Any) -> None:
        """Score one study and note the result in the datastore."""
        try:
            super().run_scoring(image_id, *args)
        except Exception as error:
            wrong = input_error_in(error)
            if wrong is None:
                raise
            logger.warning(f"{image_id} is not scored: {wrong}")


def has_dropout(task: BundleInfer) -> bool:
    """Whether the network of a bundle has dropout layers, without which every run gives the same."""
    return any(isinstance(layer, torch.nn.Dropout) for layer in task.network.modules())
