"""Where every output lies, relative to the output folder. No other module spells a file name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from qsmrim_app.bids_io.io_spec import io_spec
from qsmrim_app.records import SessionKey

SessionRole = Literal[
    "lesions", "rim", "probability", "flair", "qsm", "samples", "features", "transform", "report"
]
SubjectRole = Literal["sessions", "figures"]
SimulationRole = Literal["flair", "magnitude", "qsm", "lesions", "flair_lesions", "raters"]
DatasetRole = Literal[
    "description",
    "readme",
    "bidsignore",
    "participants",
    "rim_lookup",
    "group_lesions",
    "group_rimcounts",
    "group_report",
    "group_figures",
    "folds",
    "models",
    "method_comparison",
    "logs",
    "work",
]


def session_path(key: SessionKey, role: SessionRole, extension: str) -> Path:
    """The file of one session, relative to the output folder; the extension starts with a dot.

    Raises
    ------
    KeyError
        If the role has no file of that extension.
    """
    return _path("session", role, extension, {"folder": key.folder.as_posix(), "prefix": key.prefix})


def missing_outputs(output_dir: Path, key: SessionKey, with_page: bool = True) -> list[Path]:
    """What is not there of the files of an analysed session and of those that describe the whole folder."""
    wanted = [
        _path("session", role, extension, {"folder": key.folder.as_posix(), "prefix": key.prefix})
        for role, (_, extensions) in io_spec()["outputs"]["session"].items()
        for extension in extensions
        if with_page or role != "report"
    ]
    wanted += [dataset_path("description", ".json"), dataset_path("bidsignore")]
    return [output_dir / path for path in wanted if not (output_dir / path).is_file()]


def subject_path(subject: str, role: SubjectRole, extension: str = "") -> Path:
    """A file or folder of one subject, relative to the output folder.

    Raises
    ------
    KeyError
        If the role has no file of that extension.
    """
    return _path("subject", role, extension, {"subject": subject})


def simulation_path(key: SessionKey, role: SimulationRole, extension: str = ".nii.gz") -> Path:
    """A file of one simulated participant, relative to the simulated raw dataset.

    Raises
    ------
    KeyError
        If the role has no file of that extension.
    """
    return _path("simulation", role, extension, {"folder": key.folder.as_posix(), "prefix": key.prefix})


def dataset_path(role: DatasetRole, extension: str = "") -> Path:
    """A file or folder of the whole output, relative to it.

    Raises
    ------
    KeyError
        If the role has no file of that extension.
    """
    return _path("dataset", role, extension, {})


def figure_path(key: SessionKey, name: str, extension: str = ".svg") -> Path:
    """A figure of a session's report, relative to the output folder; ``name`` becomes letters and digits."""
    label = re.sub(r"[^a-zA-Z0-9]", "", name)
    return subject_path(key.subject, "figures") / f"{key.prefix}_desc-{label}_qsmrim{extension}"


def group_figure_path(name: str) -> Path:
    """A figure of the whole cohort, relative to the output folder."""
    return dataset_path("group_figures") / f"group_{name}.png"


def bidsignore_text() -> str:
    """The content of ``.bidsignore``: every output that the standard has no name for."""
    return "".join(f"{pattern}\n" for pattern in io_spec()["outputs"]["bidsignore"])


def key_of_table(path: Path) -> SessionKey | None:
    """The session that a lesion table of an output folder belongs to; None for any other file."""
    found = re.fullmatch(r"sub-([a-zA-Z0-9+]+)(?:_ses-([a-zA-Z0-9+]+))?_.*", path.name)
    if found is None:
        return None
    key = SessionKey(found[1], found[2] or "")
    return key if path.name == session_path(key, "lesions", ".tsv").name else None


def _path(level: str, role: str, extension: str, values: dict[str, str]) -> Path:
    pattern, extensions = io_spec()["outputs"][level][role]
    if extension not in extensions:
        raise KeyError(f"'{role}' is written as {extensions}, not as '{extension}'")
    return Path(pattern.format(**values) + extension)
