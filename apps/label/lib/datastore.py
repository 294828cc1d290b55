"""The studies folder, closed to names that lead out of it."""

from typing import Any

from monailabel.datastore.local import LocalDatastore

from lib.checks import plain_name
from patchseg.errors import InputError


class StudiesFolder(LocalDatastore):
    """Label's folder of images and labels; ids, tags and file endings from requests are checked first."""

    def add_image(self, image_id: str, image_filename: str, image_info: dict[str, Any]) -> str:
        """Store an uploaded image."""
        self._check_ending(image_filename)
        return super().add_image(plain_name(image_id, "image"), image_filename, image_info)

    def save_label(self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any]) -> str:
        """Store a label of an image that is there."""
        self._check_ending(label_filename)
        return super().save_label(image_id, label_filename, plain_name(label_tag, "label_tag"), label_info)

    def _check_ending(self, filename: str) -> None:
        endings = [pattern.lstrip("*") for pattern in self._extensions]
        if not filename.endswith(tuple(endings)):
            raise InputError(f"the uploaded file has another ending than {', '.join(endings)}: convert it first.")
