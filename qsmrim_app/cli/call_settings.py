"""The settings of a call: defaults, then the settings file, then the command line."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from qsmrim_app.cli.group_call import check_folders, check_group_file, require_training
from qsmrim_app.cli.machine import available_cores, available_memory_gb
from qsmrim_app.cli.parser import option_of
from qsmrim_app.cli.values import finite
from qsmrim_app.errors import UsageError
from qsmrim_app.plain_data import from_plain
from qsmrim_app.settings import NO_MODEL, SHIPPED_MODEL, GroupSettings

_NOT_SETTINGS = ("level", "config_file", "dry_run", "verbose", "debug", "notrack", "bids_database_dir")
_LABELS = {
    "inputs.participants": ("--participant-label", "sub-"),
    "inputs.exclude_participants": ("--exclude-participant-label", "sub-"),
    "inputs.sessions": ("--session-label", "ses-"),
}
_LABEL = re.compile(r"(s(ub|es)-)?[a-zA-Z0-9+]+")
_WORDS = {"model": NO_MODEL, "pretrained": SHIPPED_MODEL}  # what these may be instead of a folder
_FOLDERS = ("inputs.derivatives", "sites", "mask_variants", "train_only")

Settings = TypeVar("Settings")


def settings_of(options: dict[str, Any], kind: type[Settings]) -> Settings:
    """What a call asks for, from its parsed options.

    Raises
    ------
    UsageError
        If a setting does not exist, or a value is none that it can have.
    """
    file = options.get("config_file")
    plain: dict[str, Any] = {
        "resources": {"nprocs": available_cores(), "memory_gb": round(available_memory_gb(), 3)}
    }
    _merge(plain, _read_toml(file) if file else {})
    for name, value in _plain_options(options).items():
        _place(plain, name, value, file)
    _tell_folders_from_words(plain)
    allowed = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    foreign = sorted(set(plain) - allowed)
    if foreign:
        given = [name for name in options if name.partition(".")[0] == foreign[0]]
        said = f" ({option_of(given[0])})" if given else ""
        raise UsageError(f"the {options['level']} level has no setting '{foreign[0]}'{said}. See --help")
    if kind is GroupSettings:
        require_training(options, plain)
    try:
        if file:
            check_folders(_folders_in(plain))
        if file and kind is GroupSettings:
            check_group_file(plain)
        return from_plain(kind, plain)
    except UsageError as error:
        raise UsageError(f"{file}: {error}" if file else str(error)) from error


def _folders_in(plain: dict[str, Any]) -> dict[str, Any]:
    """The tables of named folders, by their names."""
    inputs = plain.get("inputs")
    flat = (
        plain | {f"inputs.{name}": value for name, value in inputs.items()}
        if isinstance(inputs, dict)
        else plain
    )
    return {name: flat[name] for name in _FOLDERS if name in flat}


def _tell_folders_from_words(plain: dict[str, Any]) -> None:
    """Write a folder ``./none`` out, as a path it would be the word ``none``."""
    for name, word in _WORDS.items():
        text = plain.get(name)
        if isinstance(text, str) and text != word and str(Path(text)) == word:
            plain[name] = os.path.abspath(text)


def _plain_options(options: dict[str, Any]) -> dict[str, Any]:
    values = {name: value for name, value in options.items() if name not in _NOT_SETTINGS}
    if "random_seed" in values and options["level"] == "participant":  # nothing else there is random
        values["preprocessing.random_seed"] = values.pop("random_seed")
    if "registration" in values:
        kind, _, backend = values.pop("registration").partition(",")
        values["preprocessing.registration"] = kind
        if backend:
            values["preprocessing.backend"] = backend
    for name, (option, prefix) in _LABELS.items():
        if name in values:
            values[name] = [label.removeprefix(prefix) for label in _listed(values[name], option)]
    for name in _FOLDERS:
        if name in values:
            values[name] = _named_folders(values[name])
    if "inputs.bids_filters" in values:
        values["inputs.bids_filters"] = _read_json(values["inputs.bids_filters"])
    return {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}


def _listed(words: Sequence[str], option: str) -> list[str]:
    """Labels as given, or those in the one text file that was named; not none, which would mean all.

    What can be a label is one, even where a file of that name lies in the current folder.
    """
    source, labels = option, [label for word in words for label in word.split(",") if label.strip()]
    if len(words) == 1 and not _LABEL.fullmatch(words[0]) and os.path.isfile(words[0]):
        source = f"{option} {words[0]}"
        labels = _read(Path(words[0]), str.split, "text file of labels")
    if not labels:
        raise UsageError(f"{source} holds no label; name one, or leave the option out")
    return labels


def _named_folders(words: Sequence[str]) -> dict[str, str]:
    folders: dict[str, str] = {}
    for word in words:
        name, equals, folder = word.partition("=")
        if not equals:  # a bare path is named after its folder
            name, folder = Path(word).name, word
        if not os.path.isdir(folder):
            raise UsageError(f"'{folder}' is not a folder; expected NAME=PATH of a dataset")
        if not name:
            raise UsageError(f"'{word}' names no dataset; expected NAME=PATH")
        if name in folders:
            raise UsageError(f"the name '{name}' stands for two folders; give each its own NAME=PATH")
        folders[name] = folder
    return folders


def _read_json(path: Path) -> dict[str, Any]:
    content = _read(path, json.loads, "JSON file")
    if not isinstance(content, dict):
        raise UsageError(f"{path}: expected a JSON object, role -> entities")
    return content


def _read_toml(path: Path) -> dict[str, Any]:
    return dict(_read(path, lambda text: tomllib.loads(text, parse_float=finite), "TOML file"))


def _read(path: Path, parse: Callable[[str], Any], kind: str) -> Any:
    try:
        return parse(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, argparse.ArgumentTypeError) as error:
        raise UsageError(f"{path}: not a readable {kind} ({error})") from error
    except RecursionError as error:
        raise UsageError(f"{path}: not a readable {kind} (it is nested too deeply)") from error


def _merge(into: dict[str, Any], other: dict[str, Any]) -> None:
    for name, value in other.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value


def _place(plain: dict[str, Any], name: str, value: Any, file: Path | None) -> None:
    """Put the value of an option where its name, ``table.setting``, says."""
    *tables, setting = name.split(".")
    place = plain
    for table in tables:
        place = place.setdefault(table, {})
        if not isinstance(place, dict):
            raise UsageError(f"{file}: '{table}' is {place!r}; expected a table, [{table}]")
    place[setting] = value
