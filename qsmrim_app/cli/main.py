"""Run a level from the command line."""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import sys
import tomllib
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from qsmrim_app.cli.ending import ends_on_signals
from qsmrim_app.cli.machine import available_cores, available_memory_gb, set_threads, use_private_caches
from qsmrim_app.cli.parser import LEVELS, build_parser, build_simulation_parser
from qsmrim_app.errors import QsmrimError, UsageError
from qsmrim_app.plain_data import from_plain, to_plain, with_values
from qsmrim_app.settings import GroupSettings, ParticipantSettings, SimulationSettings

EXIT_UNKNOWN_LEVEL = 17
EXIT_USAGE = 64
_NOT_SETTINGS = ("level", "config_file", "dry_run", "verbose", "debug", "notrack", "bids_database_dir")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``qsmrim``; the exit code."""
    return _run(_run_level, build_parser(), arguments)


def simulate_main(arguments: Sequence[str] | None = None) -> int:
    """Run ``qsmrim-simulate``; the exit code."""
    return _run(_simulate, build_simulation_parser(), arguments)


def _run(
    action: Callable[[dict[str, Any]], int], parser: argparse.ArgumentParser, arguments: Sequence[str] | None
) -> int:
    given = _with_hyphens(sys.argv[1:] if arguments is None else arguments)
    parser.error = _raise_usage  # type: ignore[method-assign]
    debug = "--debug" in given
    try:
        options = vars(parser.parse_args(given))
        with ends_on_signals(use_private_caches()):
            return action(options)
    except QsmrimError as error:
        if debug:
            traceback.print_exc()
        sys.stderr.write(f"qsmrim: {error}\n")
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the last resort: one line, the traceback on request
        if debug:
            traceback.print_exc()
        sys.stderr.write(
            f"qsmrim: internal error, {type(error).__name__}: {error}. Please report it with --debug\n"
        )
        return QsmrimError.exit_code


def _raise_usage(message: str) -> NoReturn:
    raise UsageError(f"{message}. See --help")


def _with_hyphens(arguments: Sequence[str]) -> list[str]:
    """Options spelt with underscores, as some BIDS Apps do, mean the same."""
    spelt = []
    for word in arguments:
        name, equals, value = word.partition("=")
        spelt.append(name.replace("_", "-") + equals + value if word.startswith("--") else word)
    return spelt


def _simulate(options: dict[str, Any]) -> int:
    options.pop("debug", None)
    output_dir = options.pop("output_dir")
    settings = with_values(SimulationSettings(), options)
    _log_to_terminal(0)
    set_threads(1)
    from qsmrim_app.levels.simulate import run_simulation

    run_simulation(settings, output_dir)
    return 0


def _run_level(options: dict[str, Any]) -> int:
    if options["level"] not in LEVELS:
        sys.stderr.write(f"qsmrim: level '{options['level']}' is unknown; it is participant or group\n")
        return EXIT_UNKNOWN_LEVEL
    _log_to_terminal(options.get("verbose", 0))
    if options["level"] == "participant":
        return _participant(options)
    return _group(options)


def _participant(options: dict[str, Any]) -> int:
    settings = from_plain(ParticipantSettings, _settings(options, ParticipantSettings))
    _prepare_process(settings)
    from qsmrim_app.levels import participant

    if options.get("dry_run"):
        sys.stdout.write(participant.describe_inputs(settings))
        return 0
    outcome = participant.run_participants(settings)
    sys.stdout.write(outcome.summary)
    return outcome.exit_code


def _group(options: dict[str, Any]) -> int:
    if options.get("dry_run"):
        raise UsageError("--dry-run belongs to the participant level")
    settings = from_plain(GroupSettings, _settings(options, GroupSettings))
    _prepare_process(settings)
    from qsmrim_app.levels import group

    sys.stdout.write(group.run_group(settings))
    return 0


def _settings(options: dict[str, Any], kind: type) -> dict[str, Any]:
    """Defaults, then the settings file, then the command line, as nested plain data."""
    plain: dict[str, Any] = {
        "resources": {"nprocs": available_cores(), "memory_gb": round(available_memory_gb(), 3)}
    }
    if "config_file" in options:
        _merge(plain, _read_toml(options["config_file"]))
    for name, value in _plain_options(options).items():
        *outer, last = name.split(".")
        place = plain
        for part in outer:
            place = place.setdefault(part, {})
        place[last] = value
    allowed = {field.name for field in dataclasses.fields(kind)}
    foreign = sorted(set(plain) - allowed)
    if foreign:
        raise UsageError(f"the {options['level']} level has no setting '{foreign[0]}'. See --help")
    return plain


def _plain_options(options: dict[str, Any]) -> dict[str, Any]:
    values = {name: value for name, value in options.items() if name not in _NOT_SETTINGS}
    if "random_seed" in values and options["level"] == "participant":  # nothing else there is random
        values["preprocessing.random_seed"] = values.pop("random_seed")
    if "registration" in values:
        kind, _, backend = values.pop("registration").partition(",")
        values["preprocessing.registration"] = kind
        if backend:
            values["preprocessing.backend"] = backend
    for name, prefix in (
        ("inputs.participants", "sub-"),
        ("inputs.exclude_participants", "sub-"),
        ("inputs.sessions", "ses-"),
    ):
        if name in values:
            values[name] = [label.removeprefix(prefix) for label in _listed(values[name])]
    for name in ("inputs.derivatives", "sites", "mask_variants", "train_only"):
        if name in values:
            values[name] = _named_folders(values[name])
    if "inputs.bids_filters" in values:
        values["inputs.bids_filters"] = _read_json(values["inputs.bids_filters"])
    return {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}


def _listed(words: list[str]) -> list[str]:
    """Labels as given, or those in the one text file that was named."""
    if len(words) == 1 and Path(words[0]).is_file():
        lines = Path(words[0]).read_text(encoding="utf-8-sig").split()
        return [line.strip() for line in lines]
    return [label for word in words for label in word.split(",") if label]


def _named_folders(words: list[str]) -> dict[str, str]:
    folders: dict[str, str] = {}
    for word in words:
        name, equals, folder = word.partition("=")
        if not equals:  # a bare path is named after its folder
            name, folder = Path(word).name, word
        if not Path(folder).is_dir():
            raise UsageError(f"'{folder}' is not a folder; expected NAME=PATH of a dataset")
        if name in folders:
            raise UsageError(f"the name '{name}' stands for two folders; give each its own NAME=PATH")
        folders[name] = folder
    return folders


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: not a readable JSON file ({error})") from error
    if not isinstance(content, dict):
        raise UsageError(f"{path}: expected a JSON object, role -> entities")
    return content


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: not a readable TOML file ({error})") from error


def _merge(into: dict[str, Any], other: dict[str, Any]) -> None:
    for name, value in other.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value


def _prepare_process(settings: ParticipantSettings | GroupSettings) -> None:
    """What must stand before heavy libraries load: the number of their threads."""
    set_threads(settings.resources.omp_nthreads)
    logging.getLogger(__name__).debug("settings: %s", to_plain(settings))


def _log_to_terminal(verbosity: int) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("qsmrim_app").setLevel(logging.DEBUG if verbosity else logging.INFO)
