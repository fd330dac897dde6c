"""Settings and records to and from plain data: nested dictionaries of JSON types."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_origin

import numpy as np

from qsmrim_app.errors import UsageError

if TYPE_CHECKING:
    import cattrs

Record = TypeVar("Record")


def to_plain(settings: object) -> dict[str, Any]:
    """Settings as nested dictionaries of JSON types.

    It does without cattrs, so that training needs torch, numpy and safetensors alone.
    """
    plain = _plain(settings)
    assert isinstance(plain, dict)
    return plain


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value.tolist() if isinstance(value, np.ndarray) else value


def from_plain(kind: type[Record], plain: Mapping[str, Any]) -> Record:
    """Settings from nested dictionaries; the inverse of `to_plain`.

    Raises
    ------
    UsageError
        If a name is unknown or a value has the wrong type.
    """
    import cattrs  # not at the top: what only trains does without it

    try:
        return _converter().structure(dict(plain), kind)
    except Exception as error:  # cattrs raises groups of many kinds
        reasons = "; ".join(cattrs.transform_error(error, path=kind.__name__))
        raise UsageError(f"settings do not fit: {reasons}") from error


@cache
def _converter() -> cattrs.Converter:
    from cattrs.preconf.json import make_converter

    converter = make_converter(forbid_extra_keys=True)
    converter.register_structure_hook(Path, lambda value, _: Path(value))
    converter.register_structure_hook_func(_is_array, lambda value, _: np.array(value, dtype=np.float64))
    return converter


def with_values(settings: Record, values: Mapping[str, Any]) -> Record:
    """A copy with some fields changed; nested fields are named ``outer.inner``.

    Raises
    ------
    UsageError
        If a field does not exist.
    """
    changes: dict[str, Any] = {}
    for name, value in values.items():
        outer, _, inner = name.partition(".")
        if outer not in {item.name for item in dataclasses.fields(settings)}:  # type: ignore[arg-type]
            raise UsageError(f"{type(settings).__name__} has no setting '{outer}'")
        current = changes.get(outer, getattr(settings, outer))
        changes[outer] = with_values(current, {inner: value}) if inner else value
    return dataclasses.replace(settings, **changes)  # type: ignore[type-var]


def _is_array(kind: Any) -> bool:
    return get_origin(kind) is np.ndarray
