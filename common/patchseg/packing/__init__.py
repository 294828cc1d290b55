"""Bundles as one file each, with all the code they need inside."""

from .pack import pack_bundle, packed_files

__all__ = ["pack_bundle", "packed_files"]
