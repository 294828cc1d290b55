import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "geometry"))
sys.path.insert(0, str(Path(__file__).parents[1] / "bundles"))
sys.path.insert(0, str(Path(__file__).parent))
