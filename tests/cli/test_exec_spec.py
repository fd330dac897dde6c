from pathlib import Path

import pytest

from qsmrim_app import errors
from qsmrim_app.cli.exec_spec import EXIT_CODES, descriptor
from qsmrim_app.cli.main import EXIT_UNKNOWN_LEVEL, main
from qsmrim_app.cli.parser import build_parser

DESCRIPTOR = Path(__file__).parents[2] / "boutiques" / "descriptor.json"


def test_the_committed_descriptor_is_the_one_that_the_program_prints(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--bids-exec-spec"])
    assert end.value.code == 0
    assert capsys.readouterr().out == DESCRIPTOR.read_text()


def test_every_argument_of_the_parser_is_an_input():
    parser = build_parser()
    inputs = {item["id"]: item for item in descriptor(parser)["inputs"]}
    told = {"help", "version", "bids_exec_spec"}
    names = {
        next((word for word in action.option_strings if word.startswith("--")), action.dest)
        for action in parser._actions
    }
    assert set(inputs) == {name.lstrip("-").replace("-", "_") for name in names} - told
    assert [name for name, item in inputs.items() if not item["optional"]] == [
        "bids_dir",
        "output_dir",
        "level",
    ]
    assert inputs["bids_dir"]["type"] == "File"
    assert inputs["nprocs"] | {"type": "Number", "integer": True} == inputs["nprocs"]
    assert inputs["analysis_voxel_size"]["max-list-entries"] == 3
    assert inputs["dry_run"]["type"] == "Flag"


def test_every_exit_code_is_described():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    assert {kind.exit_code for kind in kinds} | {EXIT_UNKNOWN_LEVEL} <= set(EXIT_CODES)
