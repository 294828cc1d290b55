"""The only place where images, masks and clicks cross between a file's grid and the network's."""

from .clicks import ClickGuidanced, file_grid, read_clicks, to_file, to_grid
from .network_grid import NetworkGridd

__all__ = ["ClickGuidanced", "NetworkGridd", "file_grid", "read_clicks", "to_file", "to_grid"]
