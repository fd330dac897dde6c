"""Metadata of an image: its JSON sidecar and the ones that it inherits from folders above."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from qsmrim_app.bids_io.session_files import BidsFile
from qsmrim_app.errors import InputError


def read_sidecars(file: BidsFile) -> dict[str, Any]:
    """The metadata of an image by the inheritance principle: deeper files overrule higher ones.

    Raises
    ------
    InputError
        If a JSON file that applies cannot be read.
    """
    merged: dict[str, Any] = {}
    for path in _applicable(file):
        try:
            content = json.loads(path.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"{path} is no readable JSON ({error}); correct it") from error
        if not isinstance(content, dict):
            raise InputError(f"{path} holds no JSON object; a sidecar is one")
        merged.update(content)
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
