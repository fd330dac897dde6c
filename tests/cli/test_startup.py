"""What a command loads before its work begins: seconds of imports are seconds of waiting."""

import subprocess
import sys

import pytest


def _loaded(code: str, names: list[str]) -> list[str]:
    """Which of the modules a new process has loaded after the code."""
    command = f"{code}\nimport sys\nprint(*(name for name in {names!r} if name in sys.modules))"
    run = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    return run.stdout.split()


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_what_only_prints_loads_no_heavy_library(option):
    code = (
        "from contextlib import redirect_stdout, suppress\nimport io\nfrom qsmrim_app.cli import main\n"
        f"with suppress(SystemExit), redirect_stdout(io.StringIO()): main(['{option}'])"
    )
    heavy = ["torch", "nipype", "SimpleITK", "pandas", "matplotlib", "bids", "scipy", "nibabel"]
    assert _loaded(code, [*heavy, "argparse"]) == ["argparse"]


def test_workers_start_before_torch_is_loaded():
    assert _loaded("import qsmrim_app.levels.participant", ["torch", "nipype"]) == ["nipype"]


def test_a_model_is_loaded_without_the_compiler_of_torch():
    code = (
        "from qsmrim_app.detectors.registry import load_detector\n"
        "from qsmrim_app.levels.classifying import DEFAULT_MODEL\nload_detector(DEFAULT_MODEL)"
    )
    assert _loaded(code, ["torch", "torch._dynamo", "sympy"]) == ["torch"]
