"""The files of one session, with the entities of their names. Only folders of that session are listed.

Names are taken apart by pybids. Its index is not used: it lists every subject, which costs seconds in large
datasets, and this app needs one subject's ``anat`` folders alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bids.layout import parse_file_entities
from bids.layout.models import Config

from qsmrim_app.bids_io.datasets import Dataset
from qsmrim_app.bids_io.io_spec import io_spec
from qsmrim_app.errors import MissingImageError
from qsmrim_app.records import SessionKey

_IMAGE = (".nii", ".nii.gz")
_OTHER_IMAGE = re.compile(
    r".+\.(nii|nii\.gz|nii\.zip|hdr|img|mgz|nrrd)", re.IGNORECASE
)  # as others write them
_PLACEHOLDERS = ("X", "Y")  # LST-AI names its files sub-X_ses-Y_..., whoever it is


@dataclass(frozen=True)
class BidsFile:
    """An image of a dataset. ``entities`` has pybids' names (``acquisition``, ``run``, ``suffix``, ...)."""

    path: Path
    dataset: Dataset
    entities: Mapping[str, Any]

    @property
    def uri(self) -> str:
        """BIDS URI of the file."""
        return self.dataset.uri(self.path)

    @property
    def stem(self) -> str:
        """File name without ``.nii`` or ``.nii.gz``."""
        return self.path.name.removesuffix(".gz").removesuffix(".nii")

    @property
    def table(self) -> Path:
        """Where the table beside the image would lie."""
        return self.path.with_name(f"{self.stem}.tsv")


def subjects_of(root: Path) -> list[str]:
    """Labels of the ``sub-`` folders of a dataset, sorted; a link that leads nowhere counts as a folder.

    So its participant fails with a reason, instead of missing unseen.
    """
    return sorted(
        entry.name[4:] for entry in _entries(root) if entry.name.startswith("sub-") and _is_folder(entry)
    )


def sessions_of(dataset: Dataset, subject: str) -> set[str]:
    """Labels of the ``ses-`` folders of a subject in a dataset.

    A folder that cannot be listed has none here: `session_files` says so, for this subject alone.
    """
    with suppress(MissingImageError):
        entries = _entries(dataset.root / f"sub-{subject}")
        return {entry.name[4:] for entry in entries if entry.name.startswith("ses-") and _is_folder(entry)}
    return set()


def session_files(dataset: Dataset, key: SessionKey, is_only_session: bool = True) -> list[BidsFile]:
    """The images of one session in one dataset, sorted by path.

    Files in the subject's folder that name no session, or the one for which LST-AI writes ``Y``, belong to it
    too if the subject has no other.

    Raises
    ------
    MissingImageError
        If a folder cannot be listed.
    """
    found = list(_images(dataset, key))
    if key.session:
        for file in _images(dataset, SessionKey(key.subject)):
            named = file.entities.get("session")
            if named == key.session or (named in (None, *_PLACEHOLDERS) and is_only_session):
                found.append(file)
    return sorted(found, key=lambda file: file.path)


def unread_images(dataset: Dataset, key: SessionKey) -> list[str]:
    """Why images in a session's folders are not read, a sentence each, sorted.

    They end in ``.NII.GZ``, are of another format, are another session's by their names, or are not there
    beside their table.
    """
    reasons = _lone_tables(dataset, key)
    for datatype in io_spec()["inputs"]["folders"]:
        for entry in _entries(dataset.root / key.folder / datatype):
            name = os.fsencode(entry.name).decode(errors="backslashreplace")
            if not _OTHER_IMAGE.fullmatch(entry.name) or entry.name.startswith("."):
                continue
            if not entry.name.endswith(_IMAGE):
                reasons.append(
                    f"{name} was not read; expected a name that ends in .nii or .nii.gz, in small letters"
                )
            elif not _is_readable(entry.name):
                reasons.append(f"{name} was not read; its name is not UTF-8: rename it")
            elif not _is_own(entry.name, key):
                reasons.append(
                    f"{name} was not read; by its name it is not of {key.prefix}, in whose folder it lies"
                )
    return sorted(reasons)


def _lone_tables(dataset: Dataset, key: SessionKey) -> list[str]:
    """What is to be said of label tables whose image is not there."""
    reasons = []
    for datatype in io_spec()["inputs"]["folders"]:
        names = {entry.name for entry in _entries(dataset.root / key.folder / datatype)}
        for name in names:
            stem = name.removesuffix("_dseg.tsv")
            own = stem != name and _is_readable(name) and _is_own(name, key)
            if own and not {f"{stem}_dseg{extension}" for extension in _IMAGE} & names:
                reasons.append(f"{name} was not read; {stem}_dseg.nii.gz, which it describes, is not there")
    return reasons


def entity_names() -> frozenset[str]:
    """Every entity that pybids knows."""
    return frozenset(entity.name for entity in _known_entities())


def _is_readable(name: str) -> bool:
    """Whether a name is text: names that are not UTF-8 cannot stand in any output."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def _is_own(name: str, key: SessionKey) -> bool:
    """Whether a file may be of a session by its name; one that names no participant or session may."""
    labels = dict(part.split("-", 1) for part in name.split("_") if part.startswith(("sub-", "ses-")))
    subject, session = labels.get("sub", key.subject), labels.get("ses", key.session)
    return subject in (key.subject, *_PLACEHOLDERS) and (
        session in (key.session, *_PLACEHOLDERS) or not key.session
    )


def _images(dataset: Dataset, key: SessionKey) -> Iterator[BidsFile]:
    folder = key.folder
    for datatype in io_spec()["inputs"]["folders"]:
        for entry in _entries(dataset.root / folder / datatype):
            own = _is_readable(entry.name) and _is_own(entry.name, key)
            if entry.name.endswith(_IMAGE) and not entry.name.startswith(".") and own:
                relative = (
                    f"/{(folder / datatype / entry.name).as_posix()}"  # no entity from above the dataset
                )
                entities = parse_file_entities(relative, entities=_known_entities())
                yield BidsFile(Path(entry.path), dataset, entities)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise MissingImageError(
            f"{folder} cannot be listed ({error.strerror}); give reading rights"
        ) from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder, or a link that leads nowhere or round in circles."""
    return (entry.is_symlink() and not os.path.exists(entry.path)) or entry.is_dir()


@cache
def _known_entities() -> tuple[Any, ...]:
    by_name = {
        entity.name: entity
        for config in ("bids", "derivatives")
        for entity in Config.load(config).entities.values()
    }
    return tuple(by_name.values())
