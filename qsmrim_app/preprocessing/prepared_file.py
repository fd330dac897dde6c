"""A prepared subject, or an error, as a JSON file in the work folder: how nodes report to the program."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from qsmrim_app import errors
from qsmrim_app.errors import PreprocessingError, QsmrimError
from qsmrim_app.records import PreparedSubject, RegistrationResult, SessionKey

ERROR_FILE = "error.json"
_NO_PATHS = {"key", "source_labels", "registration", "qsm_units_found", "warnings"}


def write_registration(result: RegistrationResult, path: Path) -> None:
    """Write a registration; every digit of the matrix survives."""
    plain = dataclasses.asdict(result) | {"flair_to_qsm": result.flair_to_qsm.tolist()}
    path.write_text(json.dumps(plain, indent=2))


def read_registration(path: Path) -> RegistrationResult:
    """The registration that `write_registration` wrote."""
    return _registration(json.loads(path.read_text()))


def write_prepared(prepared: PreparedSubject, path: Path) -> None:
    """Write a prepared subject: paths and numbers, no images."""
    plain = dataclasses.asdict(prepared)
    plain["registration"]["flair_to_qsm"] = prepared.registration.flair_to_qsm.tolist()
    path.write_text(json.dumps(plain, indent=2, default=str))


def read_prepared(path: Path) -> PreparedSubject:
    """The prepared subject that `write_prepared` wrote."""
    plain: dict[str, Any] = json.loads(path.read_text())
    values = {name: Path(value) if value else None for name, value in plain.items() if name not in _NO_PATHS}
    return PreparedSubject(
        key=SessionKey(*plain["key"]),
        source_labels=tuple(plain["source_labels"]),
        registration=_registration(plain["registration"]),
        qsm_units_found=plain["qsm_units_found"],
        warnings=tuple(plain["warnings"]),
        **values,  # type: ignore[arg-type]
    )


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


def _registration(plain: Mapping[str, Any]) -> RegistrationResult:
    return RegistrationResult(**{**plain, "flair_to_qsm": np.array(plain["flair_to_qsm"], dtype=np.float64)})
