"""Import every module of a package that lies in a packed bundle."""

import importlib
import json
import pkgutil
import sys
from pathlib import Path


def main(given: dict) -> dict:
    package = Path(given["package"])
    sys.path.insert(0, str(package.parent))
    imported, missing = 0, []
    for module in pkgutil.walk_packages([str(package)], f"{package.name}."):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:  # an extra that is not installed here
            missing.append(error.name)
        imported += 1
    return {"imported": imported, "missing": missing}


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
