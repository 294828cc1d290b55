"""The application: five operators in a row."""

import json
import re
from pathlib import Path

from monai.deploy.conditions import CountCondition
from monai.deploy.core import AppContext, Application
from monai.deploy.operators.dicom_data_loader_operator import DICOMDataLoaderOperator
from monai.deploy.operators.dicom_seg_writer_operator import DICOMSegmentationWriterOperator
from monai.deploy.operators.dicom_series_selector_operator import DICOMSeriesSelectorOperator
from monai.deploy.operators.dicom_utils import ModelInfo

from patchseg_deploy.clicks import Points
from patchseg_deploy.inference import BundleInference
from patchseg_deploy.segments import describe_segments
from patchseg_deploy.series import Series
from patchseg_deploy.volume import SeriesToVolume


class SegmentationApp(Application):
    """One series through one bundle: load, select, stack, infer, write.

    Args:
        source: the folder with the series.
        series: which one.
        bundle: the bundle's folder.
        clicks: `foreground` and `background` points in LPS millimetres, empty for an automatic bundle.
        target: the folder for the DICOM segmentation.
    """

    def __init__(
        self, source: Path, series: Series, bundle: Path, clicks: dict[str, Points], target: Path
    ) -> None:
        self.source, self.series, self.bundle, self.clicks, self.target = source, series, bundle, clicks, target
        super().__init__()

    def compose(self) -> None:
        """Put the operators together."""
        metadata = json.loads((self.bundle / "configs" / "metadata.json").read_text())
        self.inference = BundleInference(
            self,
            app_context=AppContext({"model": str(self.bundle)}),
            bundle_path=self.bundle,
            clicks=self.clicks,
            source=str(self.source),
            name="inference",
        )
        # without a condition the SDK would load the folder again and again
        load = DICOMDataLoaderOperator(self, CountCondition(self, 1), input_folder=self.source, name="load")
        select = DICOMSeriesSelectorOperator(self, rules=_rules(self.series), name="select")
        stack = SeriesToVolume(self, name="stack")
        write = DICOMSegmentationWriterOperator(
            self,
            segment_descriptions=describe_segments(metadata, any(self.clicks.values())),
            output_folder=self.target,
            model_info=ModelInfo(metadata["authors"], metadata["name"], metadata["version"]),
            custom_tags={"SeriesDescription": f"{metadata['name']}, research use only"},
            name="write",
        )
        self.add_flow(load, select, {("dicom_study_list", "dicom_study_list")})
        self.add_flow(select, stack, {("study_selected_series_list", "study_selected_series_list")})
        self.add_flow(stack, self.inference, {("image", "image")})
        self.add_flow(select, write, {("study_selected_series_list", "study_selected_series_list")})
        self.add_flow(self.inference, write, {("pred", "seg_image")})


def _rules(series: Series) -> str:
    # the SDK searches with regular expressions: 1.2.3 alone would find 1.2.34 as well
    uid = f"^{re.escape(series.uid)}$"
    return json.dumps({"selections": [{"name": series.modality, "conditions": {"SeriesInstanceUID": uid}}]})
