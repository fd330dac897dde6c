"""Hold sessions against other runs: two that write the same files, or share a work folder, would mix them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from qsmrim_app.bids_io.names import dataset_path
from qsmrim_app.errors import BusyError, OutputError
from qsmrim_app.levels.holds import take_hold
from qsmrim_app.records import SessionKey


@contextmanager
def hold_sessions(
    keys: Iterable[SessionKey], output_dir: Path, work_dir: Path
) -> Iterator[Mapping[SessionKey, BusyError]]:
    """Hold every session that no other run holds, until the block ends or this process dies.

    Parameters
    ----------
    keys
        The sessions.
    output_dir
        Where their results go; a session is held there.
    work_dir
        Where their intermediate files lie, and those of sessions of the same name of other datasets that
        share it; a session is held there too. It is removed at the end if nothing is in it then.

    Yields
    ------
    dict
        For each session that another run holds, the error that says so.

    Raises
    ------
    OutputError
        If a lock file cannot be made.
    """
    busy: dict[SessionKey, BusyError] = {}
    with ExitStack() as held:
        for key in keys:
            for lock in _locks(key, output_dir, work_dir):
                try:
                    held.enter_context(take_hold(key.prefix, lock))
                except BusyError as error:
                    busy[key] = error
                    break
        yield busy
    with suppress(OSError):  # something is in it
        work_dir.rmdir()


def why_failed(error: object, key: SessionKey, work_dir: Path) -> object:
    """An error of a session that is held; where its lock is gone, that something removed the work folder."""
    _, lock = _locks(key, work_dir, work_dir)
    if lock.exists():
        return error
    return OutputError(
        f"{key.prefix}: {work_dir} was removed while the program ran, or what is in it; "
        "run the same command again"
    )


def _locks(key: SessionKey, output_dir: Path, work_dir: Path) -> tuple[Path, Path]:
    name = f"running-{key.prefix}.lock"
    return output_dir / dataset_path("logs") / name, work_dir / name
