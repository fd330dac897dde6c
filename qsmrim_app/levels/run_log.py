"""What a run leaves in ``logs/``: its settings, its messages, and the status of each session."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from qsmrim_app.bids_io.names import dataset_path
from qsmrim_app.bids_io.outcomes import CUT_SHORT, WRITING, read_statuses
from qsmrim_app.bids_io.writing import write_bytes, write_json
from qsmrim_app.errors import OutputError, QsmrimError, UsageError, WorkerKilledError
from qsmrim_app.plain_data import from_plain, to_plain
from qsmrim_app.records import SessionKey


@dataclass(frozen=True)
class SessionStatus:
    """How a session ended: ``done``, ``failed`` with the reason, or not at all: ``writing``."""

    state: str
    exit_code: int
    reason: str = ""
    warnings: tuple[str, ...] = ()


def status_of(
    key: SessionKey, errors: Mapping[SessionKey, QsmrimError], warnings: tuple[str, ...]
) -> SessionStatus:
    """The status of a session, by whether it is among the errors."""
    if key in errors:
        return SessionStatus("failed", errors[key].exit_code, str(errors[key]), warnings)
    return SessionStatus("done", 0, "", warnings)


def write_status(output_dir: Path, statuses: Mapping[SessionKey, SessionStatus]) -> None:
    """One ``logs/status-<session>.json`` for each session, replacing that of an earlier run."""
    for key, status in statuses.items():
        write_json(output_dir / dataset_path("logs") / f"status-{key.prefix}.json", to_plain(status))


def begin_writing(output_dir: Path, key: SessionKey) -> None:
    """Say that the results of a session are being written: if it is killed now, no ``done`` is left."""
    write_status(output_dir, {key: SessionStatus(WRITING, WorkerKilledError.exit_code, CUT_SHORT)})


def former_statuses(output_dir: Path) -> dict[SessionKey, SessionStatus]:
    """How the last run of each session ended, by its status file; those that cannot be read are left out."""
    found = {}
    for key, told in read_statuses(output_dir)[0].items():
        with suppress(UsageError):
            found[key] = from_plain(SessionStatus, told)
    return found


def write_settings(output_dir: Path, level: str, settings: object) -> None:
    """The settings of the last run of a level, as plain data that a settings file may hold."""
    write_json(output_dir / dataset_path("logs") / f"settings-{level}.json", to_plain(settings))


@contextmanager
def log_to_file(output_dir: Path, level: str) -> Iterator[None]:
    """Append every line of a run, its workers' too, to ``logs/<level>.log``.

    Raises
    ------
    OutputError
        If the file cannot be made.
    """
    path = output_dir / dataset_path("logs") / f"{level}.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _own_copy(path)
        handler = _LogFile(path, encoding="utf-8")
    except OSError as error:
        raise OutputError.of(path, error) from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    app = logging.getLogger("qsmrim_app")
    app.addHandler(handler)
    try:
        yield
    finally:
        app.removeHandler(handler)
        handler.close()


def _own_copy(path: Path) -> None:
    """Put a copy in place of a link: what it points to, as in an archive of git-annex, is not appended to."""
    if path.is_symlink():
        write_bytes(path, path.read_bytes() if path.is_file() else b"")


class _LogFile(logging.FileHandler):
    """A log whose disk may fill: then its lines are lost, but not the run, nor the error that ends it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        """Lose the line; the terminal has it."""

    def close(self) -> None:
        """Close, whether or not what is left can be written."""
        with suppress(OSError):
            super().close()


def exit_code_of(statuses: Mapping[SessionKey, SessionStatus]) -> int:
    """The code of the whole run: 0, or the highest of the sessions that failed (75, try again, leads)."""
    return max((status.exit_code for status in statuses.values()), default=0)
