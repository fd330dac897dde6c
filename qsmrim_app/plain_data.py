"""Settings and records to and from plain data: nested dictionaries of JSON types."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import cache
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

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
        reasons = "; ".join(cattrs.transform_error(error, kind.__name__, _reason))
        raise UsageError(f"settings do not fit: {reasons}") from error


class _WrongTypeError(TypeError):
    """A value has another type than its field; it is not converted, as that would change what was meant."""


def _reason(error: BaseException, kind: type | None) -> str:
    from cattrs.v import format_exception

    return str(error) if isinstance(error, (_WrongTypeError, UsageError)) else format_exception(error, kind)


@cache
def _converter() -> cattrs.Converter:
    from cattrs.preconf.json import make_converter

    converter = make_converter(forbid_extra_keys=True)
    for kind, given in _GIVEN_AS.items():
        converter.register_structure_hook(kind, _strict(kind, given))
    converter.register_structure_hook(Path, _as_path)
    converter.register_structure_hook_func(_is_array, lambda value, _: np.array(value, dtype=np.float64))
    converter.register_structure_hook_func(_is_tuple, _as_tuple)
    converter.register_structure_hook_func(_is_choice, _as_choice)
    return converter


_GIVEN_AS: dict[type, tuple[type, ...]] = {
    bool: (bool,),
    int: (int,),
    float: (float, int),
    str: (str, int, float),
}


def _strict(kind: type, given: tuple[type, ...]) -> Callable[[Any, Any], Any]:
    def structure(value: Any, _: Any) -> Any:
        if not isinstance(value, given) or (isinstance(value, bool) and kind is not bool):
            raise _WrongTypeError(f"expected {kind.__name__}, found {value!r}")
        return kind(value)

    return structure


def _as_tuple(value: Any, kind: Any) -> tuple[Any, ...]:
    parts = get_args(kind)
    if not isinstance(value, (list, tuple)):
        raise _WrongTypeError(f"expected a list, found {value!r}")
    if parts[-1] is not Ellipsis and len(value) != len(parts):
        raise _WrongTypeError(f"expected {len(parts)} values, found {value!r}")
    kinds = repeat(parts[0]) if parts[-1] is Ellipsis else parts
    return tuple(_converter().structure(item, part) for item, part in zip(value, kinds, strict=False))


def _as_path(value: Any, _: Any) -> Path:
    if not isinstance(value, (str, Path)) or not str(value).strip() or "\0" in str(value):
        raise _WrongTypeError(f"expected a path, found {value!r}")
    return Path(value)


def _as_choice(value: Any, kind: Any) -> Any:
    if value not in get_args(kind):
        raise _WrongTypeError(f"expected {' or '.join(map(str, get_args(kind)))}, found {value!r}")
    return value


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


def _is_tuple(kind: Any) -> bool:
    return get_origin(kind) is tuple


def _is_choice(kind: Any) -> bool:
    return get_origin(kind) is Literal
