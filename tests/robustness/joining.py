"""Many bad sessions in one dataset, so that one run meets them all."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.robustness.cases import Case
from tests.robustness.session import SessionFiles

FOLDERS = ("", "derivatives/qsm", "derivatives/lesions")


def add_session(case: Case, good: Path, scratch: Path, into: Path, label: str) -> None:
    """Spoil the only session of a copy of a good dataset, and move it as ``sub-<label>`` into another one.

    Raises
    ------
    AssertionError
        If the case changes more than files of its session.
    """
    root = Path(shutil.copytree(good, scratch))
    case.spoil(SessionFiles(root))
    assert _outside(root) == _outside(good), f"'{case.trouble}' concerns the whole dataset"
    for folder in FOLDERS:
        session = into / folder / f"sub-{label}"
        (root / folder / "sub-01").rename(session)
        for path in sorted(session.rglob("*"), reverse=True):  # what is in a folder before the folder
            path.rename(path.with_name(path.name.replace("sub-01", f"sub-{label}")))


def _outside(root: Path) -> dict[str, bytes | None]:
    """What a dataset holds outside of the folders of subject 01."""
    found: dict[str, bytes | None] = {}
    for folder in (root, root / "derivatives", *(root / name for name in FOLDERS[1:])):
        for path in folder.iterdir():
            if path.name != "sub-01":
                found[path.relative_to(root).as_posix()] = path.read_bytes() if path.is_file() else None
    return found
