"""Write files so that no reader ever sees half of one, and the same content always gives the same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qsmrim_app.errors import OutputError
from qsmrim_app.images.writing import nifti_bytes
from qsmrim_app.records import Volume
from qsmrim_app.whole_files import write_whole


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file under a temporary name beside it, then rename it.

    Folders above it are made. Two programs that write the same file leave one of the two contents whole.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    try:
        write_whole(path, content)
    except OSError as error:
        raise OutputError.of(path, error) from error


def remove_file(path: Path) -> None:
    """Remove a file, if it is there.

    Raises
    ------
    OutputError
        If it cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError.of(path, error) from error


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with Unix line ends; see `write_bytes`.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object, indented, in the order of its keys; see `write_bytes`.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_image(path: Path, volume: Volume, sidecar: Mapping[str, Any]) -> None:
    """Write an image ``*.nii.gz`` with its JSON sidecar beside it, the sidecar first; see `write_bytes`.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    stem = path.name.removesuffix(".gz").removesuffix(".nii")
    write_json(path.with_name(f"{stem}.json"), sidecar)
    write_bytes(path, nifti_bytes(volume, compressed=path.suffix == ".gz"))
