"""A bundle as a model of the server."""

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.transforms import LoadImaged
from monailabel.tasks.infer.bundle import BundleInferTask

from lib.bundle import label_type, newest_weights
from lib.checks import checked_device, checked_ending
from patchseg.scans import scan_reader
from patchseg.weights import load_weights

# Label hands a request's parameters on to every later step; what is not here stays outside.
TAKEN = {"model", "image", "description", "device", "foreground", "background", "save_label", "label_tag"}
TAKEN |= {"logging", "result_write_to_file", "result_compress"}


class BundleInfer(BundleInferTask):
    """Label's task for a bundle, with the type from its metadata and its weights loaded strictly.

    Args:
        bundle: the bundle's folder.
        conf: of the app.
        trained: the folder of the server's own trainings of this bundle; the newest replaces models/model.pt.
        options: of Label's BasicInferTask.
    """

    def __init__(self, bundle: str | Path, conf: dict[str, str], trained: Path, **options: Any) -> None:
        self.trained = trained
        super().__init__(
            str(bundle), conf, type=label_type(bundle), extend_load_image=False, load_strict=True, **options
        )
        if self.valid:
            # whole volumes go in and come out, whatever the network itself sees; Slicer sends all slices' clicks
            self.dimension = 3
            self._config.pop("model_filename", None)  # a path from a request; the trainings' newest is taken

    def get_path(self, validate: bool = True) -> str:
        """The weights in use."""
        return str(newest_weights(self.trained) or super().get_path(validate))

    def __call__(self, request: dict[str, Any], callbacks: Any = None) -> tuple[Any, dict[str, Any]]:
        checked = {key: value for key, value in request.items() if key in TAKEN}
        checked["device"] = checked_device(request.get("device"))
        checked["result_extension"] = checked_ending(request.get("result_extension"), request.get("image"))
        return super().__call__(checked, callbacks)

    def pre_transforms(self, data: Mapping[str, Any] | None = None) -> Sequence[Callable]:
        """The bundle's preprocessing, which also reads DICOM folders."""
        return [LoadStudy(t) if isinstance(t, LoadImaged) else t for t in super().pre_transforms(data)]

    def run_inferer(self, data: dict[str, Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Run the bundle's inferer."""
        torch.set_flush_denormal(True)  # as the bundles' `initialize` does, which Label does not run
        return super().run_inferer(data, *args, **kwargs)

    def writer(self, data: dict[str, Any], *args: Any, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        """Write the mask; the confidence of each slice, where the bundle gives it, goes into the answer."""
        file, result = super().writer(data, *args, **kwargs)
        found = {"confidence": data["confidence"]} if "confidence" in data else {}
        return file, {**result, **found}

    def _get_network(self, device: str, data: Any) -> torch.nn.Module:
        path = self.get_path()
        version = (path, os.stat(path).st_mtime_ns)
        if self._networks.get(device, (None, None))[1] != version:
            network = load_weights(copy.deepcopy(self.network), path).to(device)
            self._networks[device] = (network.train(self.train_mode), version)
        return self._networks[device][0]


class LoadStudy:
    """LoadImaged that reads a folder as one DICOM series, refusing what is not (see `scan_reader`)."""

    def __init__(self, load: LoadImaged) -> None:
        self.load = load

    def __call__(self, data: Mapping[str, Any]) -> dict[Any, Any]:
        image = data["image"]
        return self.load(data, scan_reader(image) if os.path.isdir(image) else None)
