"""`python -m patchseg` is the command `patchseg`."""

from patchseg.cli import main

if __name__ == "__main__":
    main()
