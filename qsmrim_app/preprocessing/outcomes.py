"""What became of each session after a workflow has run: its result, or an error in the words of qsmrim."""

from __future__ import annotations

import errno
import logging
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from qsmrim_app.errors import OutputError, PreprocessingError, QsmrimError, WorkerKilledError
from qsmrim_app.preprocessing.prepared_file import ERROR_FILE, read_error, read_prepared
from qsmrim_app.preprocessing.step import damaged_outputs
from qsmrim_app.records import PreparedSubject, SessionKey

logger = logging.getLogger(__name__)

CRASH_FOLDER = "crash"
_UNWRITABLE = re.compile(
    r"\[Errno (?:{})\] ([^:\n]*)".format(  # disk full, quota, read-only
        "|".join(str(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EROFS))
    )
)
_NO_MEMORY = ("MemoryError", "numpy._core._exceptions._ArrayMemoryError")  # as a traceback ends
_NO_SPACE = 2**16  # bytes; less than one image of any session
RESULT = Path("gather") / "prepared.json"


def crash_files(work_dir: Path) -> set[Path]:
    """Every crash file that nipype has left."""
    return set((work_dir / CRASH_FOLDER).glob("crash-*.txt"))


def node_of(crash: Path) -> str:
    """The full name of the node that a crash file is of; empty if it holds nothing."""
    lines = crash.read_text(errors="replace").splitlines()
    return lines[0].removeprefix("Node:").strip() if lines else ""


def is_of(node: str, workflow: str) -> bool:
    """Whether the full name of a node is one of the workflow of a session."""
    return f".{workflow}." in f".{node}"


def remove_if_damaged(folder: Path) -> None:
    """Let a session begin anew whose stored steps were damaged since, as by a loss of power."""
    if damaged := damaged_outputs(folder):
        logger.warning("%s is no longer what was written there; its session is prepared anew", damaged[0])
        shutil.rmtree(folder)


def clear_outcome(session_dir: Path) -> None:
    """Forget how an earlier run of a session ended, so that it cannot be taken for the end of this one."""
    for file in [*session_dir.glob(f"*/{ERROR_FILE}"), session_dir / RESULT]:
        file.unlink(missing_ok=True)


def outcome(
    key: SessionKey, session_dir: Path, crashes: Sequence[Path], ended: str
) -> PreparedSubject | QsmrimError:
    """What a session ended with.

    Parameters
    ----------
    key
        The session.
    session_dir
        The folder of its workflow.
    crashes
        Crash files of this run.
    ended
        Why the run ended before everything was tried; empty if it did not, so that a session without result
        or error was killed.
    """
    own = sorted(session_dir.glob(f"*/{ERROR_FILE}"))
    if own:
        return _with_subject(read_error(own[0]), key)
    work_dir = session_dir.parent.parent
    for crash in crashes:
        lines, name = crash.read_text(errors="replace").splitlines(), node_of(crash)
        if is_of(name, session_dir.name):
            if unwritable := _unwritable("\n".join(lines), work_dir):
                return OutputError(f"{key.prefix}: {unwritable}")
            if any(line.strip().startswith(_NO_MEMORY) for line in lines):
                return WorkerKilledError(
                    f"{key.prefix}: the preprocessing got no more memory; run again with fewer --nprocs or "
                    "more memory"
                )
            return PreprocessingError(
                f"{key.prefix}: step '{name.rsplit('.', 1)[-1]}' of the preprocessing failed unexpectedly "
                f"({_reason(lines)}); the details are in {crash}"
            )
    if (session_dir / RESULT).is_file():
        return read_prepared(session_dir / RESULT)
    if unwritable := _unwritable("", work_dir):
        return OutputError(f"{key.prefix}: {unwritable}")
    if ended:
        return PreprocessingError(f"{key.prefix}: not prepared, because {ended}")
    return WorkerKilledError(
        f"{key.prefix}: a preprocessing worker was killed, probably for lack of memory; give more of it "
        "or use fewer processes"
    )


def _unwritable(crash: str, work_dir: Path) -> str:
    """Why the work folder cannot be written, by the words of a crash file and by looking; empty if it can."""
    found = _UNWRITABLE.search(crash)
    reason = found[1] if found else ""
    if not work_dir.is_dir():
        reason = "it was removed while the program ran"
    elif not reason and shutil.disk_usage(work_dir).free < _NO_SPACE:
        reason = os.strerror(errno.ENOSPC)
    if not reason:
        return ""
    return (
        f"the work folder {work_dir} cannot be written ({reason}); free space, or name another with "
        "--work-dir"
    )


def _with_subject(error: QsmrimError, key: SessionKey) -> QsmrimError:
    """The error with the session in its message, where no file name in it says so yet."""
    if key.prefix in str(error) or f"sub-{key.subject}" in str(error):
        return error
    return type(error)(f"{key.prefix}: {error}")


def _reason(lines: Sequence[str]) -> str:
    """The last line of the traceback in a crash file."""
    last = [line.strip() for line in lines if line.strip()]
    return last[-1][:200] if last else "no reason given"
