"""configs/write.py is a script; here it is imported as one."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "configs"))
