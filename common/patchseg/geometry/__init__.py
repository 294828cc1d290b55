"""The only place where images and masks cross between a file's grid and the network's."""

from .network_grid import NetworkGridd

__all__ = ["NetworkGridd"]
