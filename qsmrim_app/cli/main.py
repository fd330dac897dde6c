"""Run a level from the command line."""

from __future__ import annotations

import argparse
import logging
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from qsmrim_app.cli.call_settings import settings_of
from qsmrim_app.cli.ending import ends_on_signals
from qsmrim_app.cli.machine import require_current_folder, set_threads, use_private_caches
from qsmrim_app.cli.parser import LEVELS, build_parser, build_simulation_parser
from qsmrim_app.cli.scratch import in_use
from qsmrim_app.cli.streams import say, settle_streams
from qsmrim_app.errors import QsmrimError, UsageError, WorkerKilledError, is_out_of_memory
from qsmrim_app.plain_data import to_plain, with_values
from qsmrim_app.settings import GroupSettings, ParticipantSettings, SimulationSettings

EXIT_UNKNOWN_LEVEL = 17
EXIT_USAGE = 64


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``qsmrim``; the exit code."""
    return _run(_run_level, build_parser(), arguments)


def simulate_main(arguments: Sequence[str] | None = None) -> int:
    """Run ``qsmrim-simulate``; the exit code."""
    return _run(_simulate, build_simulation_parser(), arguments)


def _run(
    action: Callable[[dict[str, Any]], int], parser: argparse.ArgumentParser, arguments: Sequence[str] | None
) -> int:
    settle_streams()
    given = _with_hyphens(sys.argv[1:] if arguments is None else arguments)
    parser.error = _raise_usage  # type: ignore[method-assign]
    debug = "--debug" in given
    try:
        options = vars(parser.parse_args(given))
        require_current_folder()
        caches = use_private_caches()
        with in_use(caches), ends_on_signals(caches):
            return action(options)
    except QsmrimError as error:
        if debug:
            traceback.print_exc()
        sys.stderr.write(f"qsmrim: {error}\n")
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the last resort: one line, the traceback on request
        if debug:
            traceback.print_exc()
        if is_out_of_memory(error):
            sys.stderr.write(
                "qsmrim: no memory is left; run the same command with fewer --nprocs or more memory\n"
            )
            return WorkerKilledError.exit_code
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
    settings = settings_of(options, ParticipantSettings)
    _prepare_process(settings)
    from qsmrim_app.levels import participant

    run = participant.describe_inputs if options.get("dry_run") else participant.run_participants
    outcome = run(settings)
    say(outcome.summary)
    return outcome.exit_code


def _group(options: dict[str, Any]) -> int:
    if options.get("dry_run"):
        raise UsageError("--dry-run belongs to the participant level")
    settings = settings_of(options, GroupSettings)
    _prepare_process(settings)
    from qsmrim_app.levels import group

    say(group.run_group(settings))
    return 0


def _prepare_process(settings: ParticipantSettings | GroupSettings) -> None:
    """What must stand before heavy libraries load: the number of their threads."""
    set_threads(settings.resources.omp_nthreads)
    logging.getLogger(__name__).debug("settings: %s", to_plain(settings))


def _log_to_terminal(verbosity: int) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("qsmrim_app").setLevel(logging.DEBUG if verbosity else logging.INFO)
