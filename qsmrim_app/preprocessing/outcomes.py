"""What became of each session after a workflow has run: its result, or an error in the words of qsmrim."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qsmrim_app.errors import PreprocessingError, QsmrimError, WorkerKilledError
from qsmrim_app.preprocessing.prepared_file import ERROR_FILE, read_error, read_prepared
from qsmrim_app.records import PreparedSubject, SessionKey

CRASH_FOLDER = "crash"
RESULT = Path("gather") / "prepared.json"


def crash_files(work_dir: Path) -> set[Path]:
    """Every crash file that nipype has left."""
    return set((work_dir / CRASH_FOLDER).glob("crash-*.txt"))


def clear_outcome(session_dir: Path) -> None:
    """Forget how an earlier run of a session ended, so that it cannot be taken for the end of this one."""
    for file in [*session_dir.glob(f"*/{ERROR_FILE}"), session_dir / RESULT]:
        file.unlink(missing_ok=True)


def outcome(
    key: SessionKey, session_dir: Path, crashes: Sequence[Path], finished: bool
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
    finished
        Whether the run tried all that could be tried. Otherwise a session without result or error was not
        killed.
    """
    own = sorted(session_dir.glob(f"*/{ERROR_FILE}"))
    if own:
        return _with_subject(read_error(own[0]), key)
    for crash in crashes:
        lines = crash.read_text(errors="replace").splitlines()
        name = lines[0].removeprefix("Node:").strip() if lines else ""
        if f".{session_dir.name}." in f".{name}":
            return PreprocessingError(
                f"{key.prefix}: step '{name.rsplit('.', 1)[-1]}' of the preprocessing failed unexpectedly "
                f"({_reason(lines)}); the details are in {crash}"
            )
    if (session_dir / RESULT).is_file():
        return read_prepared(session_dir / RESULT)
    if finished:
        return WorkerKilledError(
            f"{key.prefix}: a preprocessing worker was killed, probably for lack of memory; give more of it "
            "or use fewer processes"
        )
    return PreprocessingError(f"{key.prefix}: not prepared, because the run stopped at the first failure")


def _with_subject(error: QsmrimError, key: SessionKey) -> QsmrimError:
    """The error with the session in its message, where no file name in it says so yet."""
    if key.prefix in str(error) or f"sub-{key.subject}" in str(error):
        return error
    return type(error)(f"{key.prefix}: {error}")


def _reason(lines: Sequence[str]) -> str:
    """The last line of the traceback in a crash file."""
    last = [line.strip() for line in lines if line.strip()]
    return last[-1][:200] if last else "no reason given"
