"""The Boutiques descriptor of the program, made from its parser, so that the two cannot differ.

It is what the BIDS execution specification asks for: arguments, outputs and exit codes as data.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Any

from qsmrim_app.cli.values import count, finite, path

EXIT_CODES = {
    16: "the input folder is no BIDS dataset",
    17: "the level is unknown",
    18: "the filters select nothing",
    64: "the command line or a settings file is wrong",
    65: "the data is wrong",
    66: "a needed file is missing",
    70: "internal error",
    73: "the output cannot be created",
    75: "a worker was killed, probably for memory, or another run is at work; running again may help",
    129: "ended by SIGHUP; the same command goes on",
    130: "ended by SIGINT; the same command goes on",
    143: "ended by SIGTERM; the same command goes on",
}
_SCHEMA = "0.5"
_LEVELS = ["participant", "group"]


class PrintExecSpec(argparse.Action):
    """``--bids-exec-spec``: print the descriptor and stop, as ``--version`` does."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """What argparse does where the option stands."""
        sys.stdout.write(json.dumps(descriptor(parser), indent=2) + "\n")
        parser.exit()


def descriptor(parser: argparse.ArgumentParser) -> dict[str, Any]:
    """The Boutiques descriptor (schema 0.5) of a program, as plain data."""
    version = metadata.version("qsmrim")
    inputs = [_input(action) for action in parser._actions if not _ends_the_program(action)]
    return {
        "name": parser.prog,
        "tool-version": version,
        "schema-version": _SCHEMA,
        "description": parser.description,
        "author": "The qsmrim developers",
        "command-line": " ".join([parser.prog, *(item["value-key"] for item in inputs)]),
        "container-image": {"type": "docker", "image": f"qsmrim:{version}"},
        "inputs": inputs,
        "output-files": [
            {
                "id": "outputs",
                "name": "Outputs",
                "description": "A BIDS derivative dataset",
                "path-template": "[OUTPUT_DIR]",
            }
        ],
        "error-codes": [{"code": code, "description": text} for code, text in EXIT_CODES.items()],
        "suggested-resources": {"cpu-cores": 2, "ram": 4, "walltime-estimate": 600},
        "tags": {"domain": ["neuroinformatics", "mri"], "bids-app": True},
    }


def _ends_the_program(action: argparse.Action) -> bool:
    return isinstance(action, argparse._HelpAction | argparse._VersionAction | PrintExecSpec)


def _input(action: argparse.Action) -> dict[str, Any]:
    flag = next((name for name in action.option_strings if name.startswith("--")), None)
    name = (flag or action.dest).lstrip("-").replace("-", "_")
    described = {
        "id": name,
        "name": name,
        "description": action.help,
        "value-key": f"[{name.upper()}]",
        **_kind(action),
        "optional": flag is not None,
    }
    if flag is not None:
        described["command-line-flag"] = flag
    if action.dest == "level":
        described["value-choices"] = _LEVELS
    if action.nargs == "+":
        described |= {"list": True, "min-list-entries": 1}
    elif isinstance(action.nargs, int) and action.nargs > 0:
        described |= {"list": True, "min-list-entries": action.nargs, "max-list-entries": action.nargs}
    return described


def _kind(action: argparse.Action) -> dict[str, Any]:
    if action.nargs == 0:
        return {"type": "Flag"}
    if action.type in (int, count):
        return {"type": "Number", "integer": True}
    if action.type is finite:
        return {"type": "Number"}
    reads = action.dest == "bids_dir" or (action.type is path and action.metavar == "FILE")
    return {"type": "File" if reads else "String"}
