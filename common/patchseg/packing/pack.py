"""A bundle as one zip file: configs, weights, documents, licences and code."""

import json
from pathlib import Path
from typing import Any

from patchseg.checksums import checksum_line, read_checked, sidecar
from patchseg.errors import InputError

from .archive import write_zip
from .configs import self_contained
from .vendor import vendored, vendored_name

WEIGHTS = "models/model.pt"
NEEDED = (
    "LICENSE",
    "configs/metadata.json",
    "configs/inference.json",
    "docs/README.md",
    "docs/data_license.txt",
    WEIGHTS,
)
PARTS = ("LICENSE", "large_files.yml", "configs/*.json", "configs/logging.conf", "docs/**/*", "models/LICENSE*")
NOTE = """
> **This copy is complete.** Version {version} in one file: the code it runs lies in `{name}/`, and the
> project's package need not be installed, nor does it matter which version of it is. `python -m monai.bundle run
> --config_file {bundle}/configs/inference.json ...` works from any folder; so do `monai.bundle.load`, MONAI Label
> and MONAI Deploy. The commands below that begin with `patchseg` come with the project's package.
"""


def pack_bundle(root: str | Path, folder: str | Path, overwrite: bool = False) -> Path:
    """Write `<name>_v<version>.zip` of the bundle at `root` into `folder`, as the MONAI model zoo lays them out.

    The same bundle gives the same bytes. The archive holds one folder, called like the bundle; unpacked, it needs
    MONAI and what `required_packages_version` in its metadata lists, and no network.

    Raises:
        InputError: a file the bundle needs is missing, its version is not in the changelog, its weights are not
            those of their SHA-256, or the zip exists and `overwrite` is False.
    """
    root, folder = Path(root), Path(folder)
    files = packed_files(root)
    path = folder / f"{root.name}_v{_metadata(root)['version']}.zip"
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists: name another folder or add --overwrite.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_zip({f"{root.name}/{name}": content for name, content in files.items()}, path)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): name another folder.") from error
    return path


def packed_files(root: str | Path) -> dict[str, bytes]:
    """What a packed bundle holds, by path below its folder.

    Files that work leaves behind (exports, checkpoints, logs) stay out; so do all but these parts.
    """
    root = Path(root)
    missing = [name for name in NEEDED if not (root / name).is_file()]
    if missing == [WEIGHTS]:
        raise InputError(f"{root} has no {WEIGHTS}: train the bundle first, as its docs/README.md says.")
    if missing:
        raise InputError(f"{root} has no {missing[0]}: a packed bundle needs it.")
    metadata = _metadata(root)
    version = metadata["version"]
    if version not in metadata["changelog"]:
        raise InputError(f"version {version} of {root.name} is not in the changelog of its metadata.json.")
    name = vendored_name(root.name, version)
    found = (path for part in PARTS for path in root.glob(part) if path.is_file() and path.name[0] != ".")
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in found}
    for path, content in files.items():
        if path.startswith("configs/") and path.endswith(".json") and path != "configs/metadata.json":
            packed = self_contained(json.loads(content), name)
            files[path] = f"{json.dumps(packed, indent=4, ensure_ascii=False)}\n".encode()
    title, _, text = files["docs/README.md"].decode().partition("\n")
    note = NOTE.format(version=version, name=name, bundle=root.name)
    files["docs/README.md"] = f"{title}\n{note}{text}".encode()
    weights = read_checked(root / WEIGHTS)
    files[WEIGHTS] = weights
    files[f"models/{sidecar('model.pt')}"] = checksum_line(weights, "model.pt").encode()
    return files | vendored(name)


def _metadata(root: Path) -> dict[str, Any]:
    return json.loads((root / "configs" / "metadata.json").read_text())
