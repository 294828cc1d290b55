"""The MONAI Label app: every bundle of the collection on one server, each with its own code and weights.

MONAI Label looks for a subclass of MONAILabelApp in this file. `serve.py` starts the server.
"""

import logging
import os
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from lib.bundle import newest_weights, served_and_untrained
from lib.checks import checked_device, open_to_requests
from lib.datastore import StudiesFolder
from lib.infer import BundleInfer
from lib.scoring import DropoutInfer, Uncertainty, has_dropout
from lib.train import BundleTrain
from monailabel.config import settings
from monailabel.interfaces.app import MONAILabelApp
from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType
from monailabel.interfaces.tasks.scoring import ScoringMethod
from monailabel.interfaces.tasks.strategy import Strategy
from monailabel.interfaces.tasks.train import TrainTask
from monailabel.tasks.activelearning.epistemic import Epistemic
from monailabel.tasks.activelearning.first import First
from monailabel.tasks.activelearning.random import Random

from patchseg.errors import InputError, input_error_in

logger = logging.getLogger(__name__)


class PatchsegApp(MONAILabelApp):
    """All bundles that `patchseg.bundles` finds and that have weights.

    Args:
        app_dir: this folder.
        studies: the folder of images, or the address of a DICOMweb server.
        conf: of the command line; none is needed.
    """

    def __init__(self, app_dir: str, studies: str, conf: dict[str, str]) -> None:
        self.bundles, untrained = served_and_untrained()
        for name in untrained:
            logger.warning(f"{name} is left out: it needs training, models/model.pt is missing.")
        remote = studies.startswith(("http://", "https://"))
        self.studies_folder = None if remote else Path(studies).resolve()
        self.trained = (self.studies_folder or Path(app_dir).resolve()) / "models"
        # what was uploaded lies in the server's own temporary folder, whose name nobody can guess (serve.py)
        self.readable = [folder for folder in (self.studies_folder, Path(tempfile.gettempdir())) if folder]
        super().__init__(
            app_dir,
            studies,
            conf,
            name="patchseg",
            description="Patch-wise segmentation: automatic, and from clicks. Research use, not for diagnosis.",
            version=version("patchseg"),
        )

    def init_datastore(self) -> Datastore:
        """The studies folder, or what Label makes of an address."""
        if self.studies_folder is None:
            return super().init_datastore()
        return StudiesFolder(
            self.studies,
            extensions=settings.MONAI_LABEL_DATASTORE_FILE_EXT,
            auto_reload=settings.MONAI_LABEL_DATASTORE_AUTO_RELOAD,
            read_only=settings.MONAI_LABEL_DATASTORE_READ_ONLY,
        )

    def init_infers(self) -> dict[str, InferTask]:
        """A model for each bundle."""
        tasks = {name: BundleInfer(root, self.conf, self.trained / name) for name, root in self.bundles.items()}
        return {name: task for name, task in tasks.items() if task.is_valid()}

    def init_trainers(self) -> dict[str, TrainTask]:
        """A trainer for each bundle."""
        return {name: BundleTrain(root, self.conf, self.trained / name) for name, root in self.bundles.items()}

    def init_strategies(self) -> dict[str, Strategy]:
        """Ways to choose the next study; "uncertain" needs scores, see POST /scoring."""
        return {"random": Random(), "first": First(), "uncertain": Epistemic(desc="Highest uncertainty first")}

    def init_scoring_methods(self) -> dict[str, ScoringMethod]:
        """Uncertainty of the automatic bundles whose network has dropout."""
        return {
            name: Uncertainty(DropoutInfer(self.bundles[name], self.conf, self.trained / name))
            for name, task in self._infers.items()
            if task.type == InferType.SEGMENTATION and has_dropout(task)
        }

    def infer(self, request: dict[str, Any], datastore: Datastore | None = None) -> dict[str, Any]:
        """Answer a request for a mask.

        Raises:
            InputError: unknown model or image, and all that the bundle refuses.
        """
        if request.get("model") not in self._infers:
            raise InputError(
                f'there is no model "{request.get("model")}": choose one of {", ".join(self._infers)}.'
            )
        request = dict(request)
        image = request.get("image")
        if not isinstance(image, str) or not image:
            raise InputError("the request names no image: give the id of an image, or upload one.")
        remote = self.studies_folder is None and not os.path.exists(image)
        if not remote and image not in (datastore or self.datastore()).list_images():
            request["image"] = open_to_requests(image, self.readable)
            request["save_label"] = False
        return super().infer(request, datastore)

    def infer_wsi(self, request: dict[str, Any], datastore: Datastore | None = None) -> dict[str, Any]:
        """Refuse whole-slide images, which no bundle reads."""
        raise InputError("these models take scans, not whole-slide images: use /infer.")

    def batch_infer(self, request: dict[str, Any], datastore: Datastore | None = None) -> dict[str, Any]:
        """Masks for many studies. One that fails is reported and the others go on."""
        request = {**request, "device": checked_device(request.get("device"))}
        request["multi_gpu"] = torch.cuda.device_count() > 1 and bool(request.get("multi_gpu", True))

        def infer_or_say_why(one: dict[str, Any], store: Datastore | None) -> dict[str, Any]:
            try:
                return self.infer(one, store)
            except Exception as error:
                wrong = input_error_in(error)
                if wrong is None:
                    raise
                logger.warning(f"{one.get('image')}: {wrong}")
                return {"error": str(wrong)}

        return self._batch_infer(request, datastore or self.datastore(), infer_or_say_why)

    def model_file(self, model: str, validate: bool = True) -> str | None:
        """Weights trained on this server. The bundles' own are not for requests to replace or delete."""
        trained = newest_weights(self.trained / model) if validate and model in self.bundles else None
        return str(trained) if trained else None

    def _download_dcmqi_tools(self) -> None:
        """Only DICOMweb with DICOM SEG needs these tools: without a network the server starts all the same."""
        try:
            super()._download_dcmqi_tools()
        except Exception as error:
            logger.warning(f"dcmqi's itkimage2segimage is missing, DICOM SEG will not work: {error}")
