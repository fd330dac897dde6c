"""What every preprocessing node shares: where it writes, how it fails, when its old result is stale."""

from __future__ import annotations

import hashlib
import zlib
from abc import abstractmethod
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from nipype.interfaces.base import BaseInterfaceInputSpec, SimpleInterface, isdefined, traits

from qsmrim_app import images, lesions, preprocessing
from qsmrim_app.errors import QsmrimError
from qsmrim_app.images import load_image, load_labels, save_volume
from qsmrim_app.preprocessing.prepared_file import write_error
from qsmrim_app.records import Volume

_CHECKSUM = ".crc32"  # beside each image: so a resumed run knows whether it still is what was written


@cache
def recipe() -> str:
    """A digest of the code that makes the results: another version does not take over an old work folder."""
    homes = [Path(str(module.__file__)).parent for module in (preprocessing, images, lesions)]
    files = [file for home in homes for file in sorted(home.glob("*.py"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


class StepInputSpec(BaseInterfaceInputSpec):  # type: ignore[misc]
    """Inputs of every step."""

    recipe = traits.Str(desc="digest of the code; part of the hash that decides whether a result is stale")


class Step(SimpleInterface):  # type: ignore[misc]
    """A node: load, call a pure function, save into the node's own folder."""

    input_spec = StepInputSpec

    def __init__(self, **inputs: Any) -> None:
        super().__init__(**{"recipe": recipe(), **inputs})

    def _run_interface(self, runtime: Any) -> Any:
        folder = Path(runtime.cwd)
        try:
            self._results.update(self.work(folder))
        except QsmrimError as error:
            with suppress(OSError):  # a full disk: nipype's own crash report says what happened
                write_error(error, folder)
            raise
        return runtime

    @abstractmethod
    def work(self, folder: Path) -> dict[str, Any]:
        """Outputs of the step, by name; files go into ``folder``."""

    def given(self, name: str) -> Any:
        """The value of an input, or None where nothing is connected to it."""
        value = getattr(self.inputs, name)
        return value if isdefined(value) else None

    def image(self, name: str) -> Volume:
        """The image behind an input."""
        return load_image(Path(getattr(self.inputs, name))).volume

    def labels(self, name: str) -> Volume:
        """The label map behind an input, int32."""
        return load_labels(Path(getattr(self.inputs, name))).volume

    def mask(self, name: str) -> Volume:
        """The mask behind an input, bool."""
        labels = self.labels(name)
        return labels.with_data(labels.data > 0)


def save_output(volume: Volume, path: Path) -> str:
    """Write an image; its path, as nipype passes it on."""
    save_volume(volume, path)
    _checksum_path(path).write_text(_checksum(path))
    return str(path)


def damaged_outputs(folder: Path) -> list[Path]:
    """The images of steps below a folder that are no longer what `save_output` wrote, sorted."""
    images = sorted(file.with_suffix("") for file in folder.rglob(f"*{_CHECKSUM}"))
    return [image for image in images if _checksum_path(image).read_text() != _checksum(image)]


def _checksum_path(image: Path) -> Path:
    return image.with_name(image.name + _CHECKSUM)


def _checksum(image: Path) -> str:
    """Against damage, not against attack; empty where the image is gone."""
    return f"{zlib.crc32(image.read_bytes()):08x}" if image.is_file() else ""
