"""Hold sessions against other runs: two that write the same files, or share a work folder, would mix them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from qsmrim_app.bids_io.names import dataset_path
from qsmrim_app.errors import BusyError, OutputError
from qsmrim_app.file_locks import Hold, holder_of, take
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
                hold = _take(lock)
                if hold is None:
                    busy[key] = _busy(key, lock)
                    break
                held.callback(hold.release)
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


def _take(lock: Path) -> Hold | None:
    try:
        return take(lock)
    except OSError as error:
        raise OutputError.of(lock, error) from error


def _busy(key: SessionKey, lock: Path) -> BusyError:
    return BusyError(
        f"{key.prefix}: another run ({holder_of(lock)}) is at work on it in {lock.parent}; wait for its end, "
        "or give this run another output and work folder"
    )
