"""A bundle's own inference on a volume of the SDK, with clicks where the bundle takes them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from monai.deploy.core import Fragment, Image, IOType
from monai.deploy.operators.monai_bundle_inference_operator import IOMapping, MonaiBundleInferenceOperator
from monai.transforms import Compose, EnsureChannelFirst

from patchseg.errors import InputError
from patchseg_deploy.clicks import Points, voxels_of


class BundleInference(MonaiBundleInferenceOperator):
    """The SDK's operator; what it lacks is a way for clicks.

    Input `image`, output `pred`: both Image objects in memory, as the bundles' metadata names them.

    The weights are loaded when it is made, by the bundle's own `network`: strictly, with its checks.

    Args:
        clicks: `foreground` and `background` points, [x, y, z] in LPS millimetres; empty for an automatic bundle.
        source: the folder the series came from, for messages.
        Others: as MonaiBundleInferenceOperator.

    Attributes:
        result: after the run what postprocessing returned: `pred` and, of bundles that take clicks, `confidence`.
    """

    def __init__(
        self, fragment: Fragment, *args: Any, clicks: dict[str, Points], source: str, **kwargs: Any
    ) -> None:
        self.clicks = clicks
        self.source = source
        self.result: dict[str, Any] = {}
        super().__init__(
            fragment,
            *args,
            input_mapping=[IOMapping("image", Image, IOType.IN_MEMORY)],
            output_mapping=[IOMapping("pred", Image, IOType.IN_MEMORY)],
            **kwargs,
        )
        # here, as the bundle's config says: the SDK would take a model.ts that lies there first, and unchecked
        self._init_config(self._bundle_config_names.config_names)
        self._init_completed = True
        self.app_context.models = {self.model_name: self.parser.get_parsed_content("network").eval()}

    def _get_compose(self, obj_name: str, disallowed_prefixes: Sequence[str]) -> Compose:
        # the SDK knows loaders by MONAI's names, and the bundles' own is called LoadScand
        return super()._get_compose(obj_name, [*disallowed_prefixes, "LoadScan"])

    def pre_process(self, data: dict[str, Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The bundle's `preprocessing`, on what its loader would have given.

        Raises:
            InputError: clicks for an automatic bundle, none for one that needs them, or one outside of the volume.
        """
        torch.set_flush_denormal(True)  # as the bundles' `initialize` does: networks are slow on denormals
        image = EnsureChannelFirst()(data["image"]).to(torch.float32)
        image.meta["filename_or_obj"] = self.source
        takes_clicks = self.parser["_meta_"].get("interaction") == "click"
        if any(self.clicks.values()) and not takes_clicks:
            raise InputError(f"{self.bundle_path.name} takes no clicks: leave them out.")
        if takes_clicks and not self.clicks["foreground"]:
            raise InputError(
                f"{self.bundle_path.name} needs a click inside the object: give a file as --clicks, or --at X,Y,Z."
            )
        affine, shape = np.asarray(image.affine), image.shape[1:]
        voxels = {key: voxels_of(points, affine, shape) for key, points in self.clicks.items() if takes_clicks}
        return super().pre_process({"image": image, **voxels}, *args, **kwargs)

    def post_process(self, data: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The bundle's `postprocessing`; its result stays in `result`."""
        self.result = super().post_process(data, *args, **kwargs)
        return self.result
