"""The temporary folder of a call: known to be in use, and removed by a later call if this one is killed."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from stat import S_ISDIR

from qsmrim_app.file_locks import Hold, holder_of, lock, take

PREFIX = "qsmrim-cache-"
_LOCK = "in-use.lock"
_YOUNGEST_S = 3600.0  # a call that starts at the same moment may have made its folder and not its lock


@contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """Lock a call's folder until the end of the block; remove those that killed calls left beside it."""
    _sweep(folder.parent)
    hold: Hold | None = None
    with suppress(OSError):  # a full disk: then it is not locked, and nobody removes it
        hold = take(folder / _LOCK)
    with hold or nullcontext():
        yield


def _sweep(root: Path) -> None:
    with suppress(OSError), os.scandir(root) as entries:
        for entry in entries:
            if entry.name.startswith(PREFIX) and _is_left(Path(entry.path)):
                shutil.rmtree(entry.path, ignore_errors=True)


def _is_left(folder: Path) -> bool:
    """Whether a folder is this user's and machine's, not new, and its lock is there and held by nobody."""
    try:
        found = folder.lstat()
        if not S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            return False
        if time.time() - found.st_mtime < _YOUNGEST_S:
            return False
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        # another machine's lock need not be seen here: a folder that machines share, locks that they do not
        return lock(descriptor) is True and holder_of(folder / _LOCK).endswith(f" on {socket.gethostname()}")
    finally:
        os.close(descriptor)
