"""Packed bundles in one process, loaded in turn as monai.bundle, MONAI Label and MONAI Deploy load them."""

import json
import sys
from pathlib import Path

import torch
from monai.bundle import ConfigParser, ConfigWorkflow, load


def loaded(root: Path) -> torch.nn.Module:
    """By monai.bundle.load, which knows no sys.path."""
    return load(root.name, bundle_dir=root.parent)


def weights(root: Path) -> dict[str, torch.Tensor]:
    return torch.load(root / "models" / "model.pt", weights_only=True)


def parsed(root: Path) -> ConfigParser:
    """The one config that servers read; they put the bundle's folder on sys.path and leave it there."""
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    parser = ConfigParser()
    parser.read_meta(root / "configs" / "metadata.json")
    parser.read_config(root / "configs" / "inference.json")
    return parser


def as_label(root: Path) -> torch.nn.Module:
    parser = parsed(root)
    parser["bundle_root"] = str(root)
    network = parser.get_parsed_content("network_def")
    network.load_state_dict(weights(root))
    return network


def as_deploy(root: Path) -> torch.nn.Module:
    network = parsed(root).get_parsed_content("network")
    network.load_state_dict(weights(root), strict=True)
    return network


def as_workflow(root: Path) -> torch.nn.Module:
    workflow = ConfigWorkflow(str(root / "configs" / "inference.json"), workflow_type="infer", logging_file=False)
    workflow.initialize()
    assert workflow.bundle_root == str(root), workflow.bundle_root
    return workflow.parser.get_parsed_content("trained")


def seen(root: Path, network: torch.nn.Module) -> dict:
    """Whose code a network and its transforms are, and what it answers."""
    parser = parsed(root)
    compose = [parser.get_parsed_content(key).transforms for key in ("preprocessing", "postprocessing")]
    things = [network, parser.get_parsed_content("inferer"), *(t for transforms in compose for t in transforms)]
    modules = {type(thing).__module__.partition(".")[0] for thing in things} - {"monai"}
    patches = torch.linspace(0, 1, 2000).reshape(1, 1, 100, 20)
    has_patches = hasattr(network, "forward_patches")
    with torch.no_grad():
        logits = network.eval().forward_patches(patches, patches.mT).tolist() if has_patches else None
    return {"modules": sorted(modules), "root": parser.get_parsed_content("bundle_root"), "logits": logits}


def main(given: dict) -> dict:
    roots = {name: Path(root) for name, root in given.items()}
    found = {
        way.__name__: {name: seen(root, way(root)) for name, root in roots.items()}
        for way in (loaded, as_label, as_deploy, as_workflow)
    }
    packages = {name.partition(".")[0] for name in sys.modules if name.startswith("patchseg")}
    return {"found": found, "packages": sorted(packages)}


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
