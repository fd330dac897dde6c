"""Locks on files that end with their holder, however it ends: a killed program leaves none behind."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_HELD = (errno.EWOULDBLOCK, errno.EACCES)
_MODE = 0o666


@dataclass(frozen=True)
class Hold:
    """A lock that this process holds until the end of a ``with`` block, or until it ends itself."""

    path: Path
    descriptor: int

    def __enter__(self) -> Hold:
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the lock file and let go."""
        with suppress(OSError):  # the folder was removed meanwhile
            self.path.unlink()
        os.close(self.descriptor)


def take(path: Path) -> Hold | None:
    """The lock of a path, whose folder is made; None if another program, of whatever machine, holds it.

    Where the file system knows no locks every program gets it.

    Raises
    ------
    OSError
        If the file cannot be made.
    """
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
        except FileNotFoundError:  # the former holder removed the folder just now
            continue
        if lock(descriptor) is False:
            os.close(descriptor)
            return None
        if still_there(path, descriptor):
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())
            return Hold(path, descriptor)
        os.close(descriptor)  # its former holder removed the file just now


def holder_of(path: Path) -> str:
    """Who holds the lock of a path, in words."""
    try:
        return path.read_text(errors="replace")[:200] or "another program"
    except OSError:
        return "another program"


def lock(descriptor: int) -> bool | None:
    """Lock an open file or folder at once or not at all.

    Returns
    -------
    bool or None
        Whether it is locked now; None where the file system knows no such locks.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in _HELD else None
    return True


def still_there(path: Path, descriptor: int) -> bool:
    """Whether a path still names the file or folder that was opened by it."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False
