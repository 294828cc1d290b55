"""Networks of bundles for other programs: TorchScript, torch.export and ONNX, each with its contract."""

from .bundle import export_bundle

__all__ = ["export_bundle"]
