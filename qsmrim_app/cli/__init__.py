"""The command line: arguments become settings, settings go to a level, errors become an exit code."""

from qsmrim_app.cli.main import main, simulate_main

__all__ = ["main", "simulate_main"]
