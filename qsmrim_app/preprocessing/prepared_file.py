"""A prepared subject, or an error, as a JSON file in the work folder: how nodes report to the program."""

from __future__ import annotations

import json
from pathlib import Path

from qsmrim_app import errors
from qsmrim_app.errors import PreprocessingError, QsmrimError
from qsmrim_app.plain_data import from_plain, to_plain
from qsmrim_app.records import PreparedSubject, RegistrationResult

ERROR_FILE = "error.json"


def write_registration(result: RegistrationResult, path: Path) -> None:
    """Write a registration; every digit of the matrix survives."""
    path.write_text(json.dumps(to_plain(result), indent=2))


def read_registration(path: Path) -> RegistrationResult:
    """The registration that `write_registration` wrote."""
    return from_plain(RegistrationResult, json.loads(path.read_text()))


def write_prepared(prepared: PreparedSubject, path: Path) -> None:
    """Write a prepared subject: paths and numbers, no images."""
    path.write_text(json.dumps(to_plain(prepared), indent=2))


def read_prepared(path: Path) -> PreparedSubject:
    """The prepared subject that `write_prepared` wrote."""
    return from_plain(PreparedSubject, json.loads(path.read_text()))


def write_error(error: QsmrimError, folder: Path) -> None:
    """Leave an error in the folder of the node that failed."""
    (folder / ERROR_FILE).write_text(json.dumps({"kind": type(error).__name__, "message": str(error)}))


def read_error(path: Path) -> QsmrimError:
    """The error that a node left, of its own class."""
    plain = json.loads(path.read_text())
    kind = getattr(errors, plain["kind"], PreprocessingError)
    error = kind(plain["message"])
    assert isinstance(error, QsmrimError)
    return error
