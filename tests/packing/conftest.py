import json
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from packed_program import BUNDLES, NAMES

from patchseg.packing import pack_bundle, vendor


@pytest.fixture(scope="session")
def zips(tmp_path_factory) -> dict[str, Path]:
    """Every bundle as a zip."""
    folder = tmp_path_factory.mktemp("zips")
    return {name: pack_bundle(BUNDLES / name, folder) for name in NAMES}


@pytest.fixture(scope="session")
def newer(tmp_path_factory) -> Path:
    """crossover_kidney as version 9.9.9, made by a package whose network answers with its logits doubled."""
    folder = tmp_path_factory.mktemp("newer")
    source = Path(shutil.copytree(vendor.SOURCE, folder / "package", ignore=shutil.ignore_patterns("__pycache__")))
    code = (source / "crossover" / "__init__.py").read_text()
    doubled = "CrossoverNet.forward_patches, _old = lambda *a: 2 * _old(*a), CrossoverNet.forward_patches\n"
    (source / "crossover" / "__init__.py").write_text(code + doubled)
    root = Path(shutil.copytree(BUNDLES / "crossover_kidney", folder / "crossover_kidney"))
    metadata = json.loads((root / "configs" / "metadata.json").read_text())
    metadata |= {"version": "9.9.9", "changelog": metadata["changelog"] | {"9.9.9": "another"}}
    (root / "configs" / "metadata.json").write_text(json.dumps(metadata))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vendor, "SOURCE", source)
        return pack_bundle(root, folder)


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory, zips, newer) -> dict[str, Path]:
    """Every packed bundle's folder, and that of the newer version under "newer"."""
    folders = {}
    for name, path in {**zips, "newer": newer}.items():
        folder = tmp_path_factory.mktemp(name)
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
        (folders[name],) = folder.iterdir()
    return folders


@pytest.fixture(scope="session")
def without_parent(tmp_path_factory) -> dict[str, str]:
    """Environment of a process in which `import patchseg` fails."""
    folder = tmp_path_factory.mktemp("blocked")
    (folder / "patchseg").mkdir()
    (folder / "patchseg" / "__init__.py").write_text('raise ImportError("a packed bundle imported patchseg")\n')
    return {"PYTHONPATH": str(folder)}
