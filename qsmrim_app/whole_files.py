"""Files and folders that are there whole or not at all; what a killed writer left is removed by the next.

Each is written under a temporary name beside its target and renamed. While its writer lives the temporary
name is locked, so that it can be told from one that was left behind.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from qsmrim_app.file_locks import lock, still_there

_SUFFIX = ".part"
_PREFIX_LENGTH = 60  # of the target's name; a file name has at most 255 bytes
_OLD_S = 86400.0  # where the file system knows no locks


def write_whole(path: Path, content: bytes) -> None:
    """Write a file; two programs that write the same one leave one of the two contents whole.

    Folders above it are made.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _temporary(path, _new_file) as (temporary, descriptor):
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(content)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)


def replace_folder(folder: Path, contents: Mapping[str, bytes], keep: Callable[[str], bool]) -> None:
    """Write a folder of files, given by name; one that was there is replaced, never mixed.

    Parameters
    ----------
    folder
        What to write.
    contents
        Name -> bytes.
    keep
        Whether something of that name in the former folder is a person's, and goes into the new one.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _temporary(folder, _new_folder) as (scratch, _):
        unfinished = scratch / "new"
        unfinished.mkdir()
        for name, raw in contents.items():
            (unfinished / name).write_bytes(raw)
        if folder.exists():
            _copy_kept(folder, unfinished, keep)
            folder.rename(scratch / "former")
        unfinished.rename(folder)


def _copy_kept(former: Path, new: Path, keep: Callable[[str], bool]) -> None:
    for path in former.iterdir():
        if not keep(path.name) or (new / path.name).exists():
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.copytree(path, new / path.name, symlinks=True)
        else:
            shutil.copy2(path, new / path.name, follow_symlinks=False)


@contextmanager
def _temporary(target: Path, make: Callable[[str, Path], tuple[Path, int]]) -> Iterator[tuple[Path, int]]:
    prefix = f".{target.name[:_PREFIX_LENGTH]}."
    _sweep(prefix, target.parent)
    temporary, descriptor = make(prefix, target.parent)
    while lock(descriptor) is False or not still_there(temporary, descriptor):  # taken for one left behind
        os.close(descriptor)
        temporary, descriptor = make(prefix, target.parent)
    try:
        yield temporary, descriptor
    finally:
        _remove(temporary)
        os.close(descriptor)


def _new_file(prefix: str, folder: Path) -> tuple[Path, int]:
    descriptor, name = tempfile.mkstemp(_SUFFIX, prefix, folder)
    return Path(name), descriptor


def _new_folder(prefix: str, folder: Path) -> tuple[Path, int]:
    name = tempfile.mkdtemp(_SUFFIX, prefix, folder)
    return Path(name), os.open(name, os.O_RDONLY | os.O_DIRECTORY)


def _sweep(prefix: str, folder: Path) -> None:
    """Remove what writers of a target left that live no more."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries]
    for name in names:
        if name.startswith(prefix) and name.endswith(_SUFFIX):
            with suppress(OSError):  # it was renamed just now, or belongs to another user
                _remove_if_left(folder / name)


def _remove_if_left(temporary: Path) -> None:
    mode = os.O_RDONLY if temporary.is_dir() else os.O_RDWR  # NFS locks files that are open for writing alone
    descriptor = os.open(temporary, mode | os.O_CLOEXEC)
    try:
        locked = lock(descriptor)
        is_old = time.time() - os.fstat(descriptor).st_mtime > _OLD_S
        if locked or (locked is None and is_old):
            _remove(temporary)
    finally:
        os.close(descriptor)


def _remove(temporary: Path) -> None:
    if temporary.is_dir():
        shutil.rmtree(temporary, ignore_errors=True)
    else:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    # the only way to ask; mkstemp makes files that nobody else may read, which a shared folder does not want
    mask = os.umask(0)
    os.umask(mask)
    return mask
