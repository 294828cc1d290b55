"""What the model zoo asks of a bundle, asked by MONAI's own functions, in the bundle's folder as its CI does."""

import json
import sys
from pathlib import Path

import torch
from monai.bundle import ConfigWorkflow, ckpt_export, verify_metadata, verify_net_in_out
from monai.data import load_net_with_metadata

CONFIGS = Path("configs")
FILES = {"meta_file": str(CONFIGS / "metadata.json"), "config_file": str(CONFIGS / "inference.json")}


def main(given: dict) -> dict:
    verify_metadata(meta_file=FILES["meta_file"], filepath=given["schema"])
    verify_net_in_out("network_def", **FILES, any=64)
    script = Path(given["exports"], "model.ts")
    ckpt_export("network_def", filepath=str(script), ckpt_file="models/model.pt", **FILES)
    network, metadata, extra = load_net_with_metadata(script, more_extra_files=["inference.json"])
    expected = torch.load("models/model.pt", weights_only=True)
    same = all(torch.equal(value, expected[key]) for key, value in network.state_dict().items())
    missing = {}
    for name, kind in (("inference", "infer"), ("evaluate", "infer"), ("train", "train")):
        settings = {"dataset_dir": given["data"], "output_dir": given["exports"]}
        workflow = ConfigWorkflow(
            str(CONFIGS / f"{name}.json"), workflow_type=kind, logging_file=False, **settings
        )
        workflow.initialize()
        missing[name] = workflow.check_properties()
    return {"missing": missing, "version": metadata["version"], "configs": sorted(extra), "same_weights": same}


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
