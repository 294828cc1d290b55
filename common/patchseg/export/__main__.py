"""`python -m patchseg.export -o DIR` is `patchseg export -o DIR`."""

import sys

from patchseg.cli import main

if __name__ == "__main__":
    main(["export", *sys.argv[1:]])
