"""Hold what two runs must not make at once, until the work is done or this process dies."""

from __future__ import annotations

from pathlib import Path

from qsmrim_app.errors import BusyError, OutputError
from qsmrim_app.file_locks import Hold, holder_of, take


def take_hold(what: str, lock: Path) -> Hold:
    """The hold on something, by its lock file.

    Parameters
    ----------
    what
        Its name, for the message.
    lock
        The file, in the folder where the work is done.

    Raises
    ------
    BusyError
        If another run holds it.
    OutputError
        If the lock file cannot be made.
    """
    try:
        hold = take(lock)
    except OSError as error:
        raise OutputError.of(lock, error) from error
    if hold is None:
        raise BusyError(
            f"{what}: another run ({holder_of(lock)}) is at work on it in {lock.parent}; wait for its end, "
            "or give this run another output and work folder"
        )
    return hold
