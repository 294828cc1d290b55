"""Training a bundle on the labels that were submitted to the server."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import LoadImage, SaveImage
from monailabel.interfaces.datastore import Datastore, DefaultLabelTag
from monailabel.tasks.train.bundle import BundleTrainTask
from monailabel.utils.others.generic import device_list

from lib.bundle import newest_weights
from lib.checks import checked_device, number, plain_name
from patchseg.errors import InputError

# What the bundles' train.json call the values to be learnt: one value, or the values of each structure and of all.
LABEL_VALUES = ("tumour_label", "mass_label", "organ_labels")
STRUCTURES, ALL_VALUES = "labels", "label_values"


class BundleTrain(BundleTrainTask):
    """Label's training task for a bundle. Each training gets a folder of its own; models/model.pt stays as it is.

    A label file holds one value per segment, and which value is whose differs from file to file: Slicer counts
    the segments of the scene. What it wrote down beside the file decides; without that, the value is the one of
    this server's own masks, 1. Studies in which nothing has that value are left out, since nobody may have looked
    for the object there.

    Args:
        bundle: the bundle's folder.
        conf: of the app.
        trained: where trainings go.
    """

    def __init__(self, bundle: str | Path, conf: dict[str, str], trained: Path) -> None:
        super().__init__(str(bundle), conf)
        self.trained = trained
        metadata = json.loads((Path(bundle) / "configs" / "metadata.json").read_text(encoding="utf-8"))
        self.label = metadata["network_data_format"]["outputs"]["pred"]["channel_def"]["1"]

    def config(self) -> dict[str, Any]:
        """The options that Slicer shows."""
        return {"device": device_list(), "pretrained": True, "max_epochs": 50, "val_split": 0.2}

    def __call__(self, request: dict[str, Any], datastore: Datastore) -> dict[str, Any]:
        checked = {
            "model": request["model"],
            "device": checked_device(request.get("device")),
            "pretrained": request.get("pretrained", True) is not False,
            "max_epochs": int(number(request, "max_epochs", 50, 1, 100_000)),
            "val_split": number(request, "val_split", 0.2, 0, 0.9),
            "multi_gpu": False,
            "tracking": "none",
        }
        self.folder = self.trained / time.strftime("%Y-%m-%d_%H-%M-%S")
        try:
            return super().__call__(checked, datastore)
        finally:
            # the masks are copies; a training that failed early leaves nothing
            shutil.rmtree(self.folder / "labels", ignore_errors=True)
            if self.folder.is_dir() and not any(self.folder.iterdir()):
                self.folder.rmdir()

    def _fetch_datalist(self, request: dict[str, Any], datastore: Datastore) -> list[dict[str, str]]:
        cases = []
        for image_id in sorted(datastore.get_labeled_images()):
            plain_name(image_id, "image")  # names go into the config, where a leading $ would make them code
            mask = self._mask(image_id, datastore)
            if mask:
                image = datastore.get_image_uri(image_id)
                cases.append({"name": image_id, "patient": image_id, "image": image, "label": mask})
        if not cases:
            raise InputError(
                f'no study has a submitted label with "{self.label}" in it: outline it in some and submit them.'
            )
        return cases

    def _mask(self, image_id: str, datastore: Datastore) -> str | None:
        """The file of a study's mask of 0 and 1; None if its label does not hold the object."""
        tag = DefaultLabelTag.FINAL
        segments = datastore.get_label_info(image_id, tag).get("label_info") or [{"name": self.label, "idx": 1}]
        values = [s.get("idx") for s in segments if str(s.get("name")).lower() == self.label.lower()]
        label = LoadImage(image_only=True, ensure_channel_first=True)(datastore.get_label_uri(image_id, tag))
        mask = torch.isin(label.as_tensor().round().long(), torch.tensor(values, dtype=torch.long))
        if not mask.any():
            return None
        label.set_array(mask)
        path = self.folder / "labels" / image_id
        path.parent.mkdir(parents=True, exist_ok=True)
        SaveImage(output_dtype=np.uint8, resample=False, print_log=False)(label, filename=str(path))
        return f"{path}.nii.gz"

    def _partition_datalist(self, cases: list[dict], request: dict[str, Any], shuffle: bool = False) -> tuple:
        validated = min(round(len(cases) * request["val_split"]), len(cases) - 1)
        self.split = {"folds": 1, "fold": 0, "seed": 0}
        self.split |= {"train": cases[: len(cases) - validated], "validate": cases[len(cases) - validated :]}
        return self.split["train"], self.split["validate"]

    def _load_checkpoint(self, weights: str, pretrained: bool, handlers: list) -> None:
        """Nothing: initial_weights loads them, strictly."""
        self.initial = str(newest_weights(self.trained) or weights) if pretrained else None

    def _update_overrides(self, overrides: dict[str, Any]) -> None:
        overrides.pop(
            self.const.key_train_dataset_data()
        )  # not every bundle's dataset has it; `split` says the same
        epochs = overrides[self.const.key_train_trainer_max_epochs()]
        overrides |= {
            "split": self.split,
            "cases": self.split["train"] + self.split["validate"],
            "dataset_dir": str(self.folder),
            "output_dir": str(self.folder),
            "initial_weights": self.initial,
            "max_epochs": epochs,
        }
        config = self.bundle_config.config
        overrides |= {key: 1 for key in LABEL_VALUES if key in config}
        if STRUCTURES in config:
            overrides |= {STRUCTURES: {self.label: [1]}, ALL_VALUES: [0, 1]}
        if not self.split["validate"]:
            overrides["val_interval"] = epochs + 1
