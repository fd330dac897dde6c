"""Which folders are searched: the raw dataset and its derivatives."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qsmrim_app.bids_io.json_files import read_json_object
from qsmrim_app.errors import InputError, InvalidDatasetError, UsageError
from qsmrim_app.settings import InputSettings

RAW = "raw"
GENERATOR = "qsmrim"  # Name in GeneratedBy of our own output
DESCRIPTION = "dataset_description.json"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Dataset:
    """One folder that is searched.

    ``root_sidecars`` are the JSON files that lie directly in it: files below may inherit their metadata.
    """

    name: str
    root: Path
    root_sidecars: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_raw(self) -> bool:
        """Whether this is the ``bids_dir`` of the command."""
        return self.name == RAW

    def uri(self, path: Path) -> str:
        """BIDS URI of a file in this dataset, ``bids:raw:sub-01/anat/...``."""
        return f"bids:{self.name}:{path.relative_to(self.root).as_posix()}"


def find_datasets(bids_dir: Path, settings: InputSettings) -> tuple[Dataset, ...]:
    """The raw dataset, then the derivatives that are named or, if none is, those below ``derivatives/``.

    Our own output is no source, unless it is named.

    Raises
    ------
    InvalidDatasetError
        If ``bids_dir`` is no BIDS dataset, or it or a named folder cannot be listed.
    UsageError
        If a named folder does not exist or is named ``raw``.
    """
    if not bids_dir.is_dir():
        raise InvalidDatasetError(f"{bids_dir} is no folder; expected the root of a BIDS dataset")
    if not settings.skip_validation:
        check_raw_dataset(bids_dir)
    raw = _dataset(RAW, bids_dir)
    if settings.derivatives:
        return (raw, *_named(settings.derivatives))
    folder = bids_dir / "derivatives"
    try:
        found = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    except OSError as error:
        raise _unlisted(folder, error) from error
    searched: list[Dataset] = []
    for path in found:
        if path.name.startswith(".") or is_own_output(path):
            continue
        try:
            searched.append(_dataset(path.name if path.name != RAW else "raw-derivative", path))
        except InvalidDatasetError as error:  # nobody asked for this one
            raw = replace(raw, notes=(*raw.notes, f"{error}; it was not searched"))
    return (raw, *searched)


def check_raw_dataset(bids_dir: Path) -> None:
    """Pass silently if a folder is a BIDS dataset.

    Raises
    ------
    InvalidDatasetError
        If its ``dataset_description.json`` is missing or no JSON object.
    """
    path = bids_dir / DESCRIPTION
    if not path.is_file():
        raise InvalidDatasetError(
            f"{bids_dir} has no {DESCRIPTION}; give the root of a BIDS dataset, "
            "or write one with Name and BIDSVersion"
        )
    if read_description(bids_dir) is None:
        raise InvalidDatasetError(f"{path} is no JSON object; expected Name and BIDSVersion")


def read_description(root: Path) -> dict[str, Any] | None:
    """The ``dataset_description.json`` of a folder; None if it is missing or no JSON object."""
    try:
        return read_json_object(root / DESCRIPTION)
    except InputError:
        return None


def is_own_output(root: Path) -> bool:
    """Whether qsmrim wrote the folder."""
    generators = (read_description(root) or {}).get("GeneratedBy")
    if not isinstance(generators, list):
        return False
    return any(isinstance(item, dict) and item.get("Name") == GENERATOR for item in generators)


def require_dataset(name: str, datasets: Sequence[Dataset], option: str) -> None:
    """Pass silently if a dataset of that name is searched.

    Raises
    ------
    UsageError
        If none is; ``option`` is the option that named it.
    """
    names = [dataset.name for dataset in datasets]
    if name not in names:
        raise UsageError(f"{option} names '{name}'; the datasets searched are {', '.join(names)}")


def _named(derivatives: Mapping[str, Path]) -> list[Dataset]:
    for name, path in derivatives.items():
        if name == RAW:
            raise UsageError(
                f"--derivatives {name}={path}: the name 'raw' stands for bids_dir; choose another"
            )
        if not path.is_dir():
            raise UsageError(f"--derivatives {name}={path}: there is no such folder")
    return [_dataset(name, path) for name, path in derivatives.items()]


def _unlisted(folder: Path, error: OSError) -> InvalidDatasetError:
    return InvalidDatasetError(f"{folder} cannot be listed ({error.strerror}); give reading rights")


def _dataset(name: str, root: Path) -> Dataset:
    root = root.absolute()  # nipype's nodes run in folders of their own
    try:
        # names alone: a path for each of thousands of participants would take most of a query's time
        sidecars = sorted(root / name for name in os.listdir(root) if name.endswith(".json"))
        is_described = (root / DESCRIPTION).is_file()
    except OSError as error:
        raise _unlisted(root, error) from error
    notes: tuple[str, ...] = ()
    if not is_described:
        notes = (f"{name} has no {DESCRIPTION}; it was searched all the same",)
        _LOG.info("%s", notes[0])
    return Dataset(name, root, tuple(path for path in sidecars if path.name != DESCRIPTION), notes)
