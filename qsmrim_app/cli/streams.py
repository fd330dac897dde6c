"""The standard streams: closed ones, full ones, and encodings that lack a letter."""

from __future__ import annotations

import io
import os
import sys

from qsmrim_app.errors import OutputError


def settle_streams() -> None:
    """Let closed streams lead nowhere, and write letters that an encoding lacks as ``?``.

    Else the next file that is opened would take the place of a closed stream, and libraries that expect one
    fail.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def say(text: str) -> None:
    """Write to standard output; a reader who has gone, as ``head`` does, is no error.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _let_go()
    except OSError as error:
        _let_go()
        raise OutputError(
            f"standard output cannot be written ({error.strerror}); no file is concerned"
        ) from error


def _let_go() -> None:
    """Point standard output to nowhere, so that what it still holds does no harm at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
