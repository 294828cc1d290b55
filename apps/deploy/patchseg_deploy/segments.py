"""What the segments of a bundle are called in DICOM."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import highdicom
import yaml
from monai.deploy.operators.dicom_seg_writer_operator import SegmentDescription
from pydicom.sr.coding import Code

CONFIG = Path(__file__).resolve().parents[1] / "app.yaml"


class ClickedSegment(SegmentDescription):
    """A segment that a person has pointed at, for which DICOM has a word of its own."""

    def to_segment_description(self, segment_number: int) -> highdicom.seg.SegmentDescription:
        """As the SDK's, which calls every segment AUTOMATIC."""
        description = super().to_segment_description(segment_number)
        description.SegmentAlgorithmType = "SEMIAUTOMATIC"
        return description


def describe_segments(metadata: Mapping[str, Any], clicked: bool) -> list[SegmentDescription]:
    """One description per label from 1 upward, as the SDK's writer wants them.

    Labels are named by `channel_def` of the bundle's metadata; their codes stand in app.yaml under `segments`, by
    bundle and label, and for what is not listed there under `default`.

    Args:
        metadata: of the bundle.
        clicked: whether a person has clicked.
    """
    codes = yaml.safe_load(CONFIG.read_text())["segments"]
    names = metadata["network_data_format"]["outputs"]["pred"]["channel_def"]
    return [
        _described(name, codes.get(metadata["name"], {}).get(name, codes["default"]), metadata, clicked)
        for channel, name in sorted(names.items(), key=lambda item: int(item[0]))
        if int(channel) > 0
    ]


def _described(
    name: str, codes: Mapping[str, Any], metadata: Mapping[str, Any], clicked: bool
) -> SegmentDescription:
    category, kind = (Code(str(codes[key][0]), "SCT", codes[key][1]) for key in ("category", "type"))
    region = codes.get("region")
    return (ClickedSegment if clicked else SegmentDescription)(
        segment_label=name,
        segmented_property_category=category,
        segmented_property_type=kind,
        algorithm_name=metadata["name"],
        algorithm_version=metadata["version"],
        anatomic_regions=[Code(str(region[0]), "SCT", region[1])] if region else None,
    )
