"""Metadata of an image: its JSON sidecar and the ones that it inherits from folders above."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qsmrim_app.bids_io.json_files import read_json_object
from qsmrim_app.bids_io.session_files import BidsFile


def read_sidecars(file: BidsFile) -> dict[str, Any]:
    """The metadata of an image by the inheritance principle: deeper files overrule higher ones.

    Raises
    ------
    InputError
        If a JSON file that applies cannot be read, MissingImageError if it was not fetched.
    """
    merged: dict[str, Any] = {}
    for path in _applicable(file):
        merged.update(read_json_object(path))
    return merged


def _applicable(file: BidsFile) -> list[Path]:
    """JSON files above or beside an image whose name parts all stand in its name too, the highest first."""
    root = file.dataset.root
    folders = [folder for folder in reversed(file.path.parents) if folder != root and root in folder.parents]
    listed = [list(file.dataset.root_sidecars)]
    listed += [sorted(folder.glob("*.json")) for folder in folders]
    *entities, suffix = file.stem.split("_")
    return [
        path
        for candidates in listed
        for path in sorted(candidates, key=lambda path: path.name.count("_"))
        if path.stem.split("_")[-1] == suffix and set(path.stem.split("_")[:-1]) <= set(entities)
    ]
