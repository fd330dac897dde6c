from pathlib import Path

from qsmrim_app.cli.parser import build_parser, build_simulation_parser

USAGE = Path(__file__).parents[2] / "docs" / "usage.md"


def test_the_documentation_shows_the_help_of_both_programs(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    text = USAGE.read_text()
    assert build_parser().format_help() in text
    assert build_simulation_parser().format_help() in text
