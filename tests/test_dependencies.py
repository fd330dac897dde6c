"""What the package imports is declared; what is declared is locked; what is locked is installed."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
NOT_IN_PYPROJECT = {"pyradiomics"}  # an sdist that needs numpy first; the lock file has it


def _locked(name: str) -> dict[str, str]:
    lines = (REPOSITORY / name).read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def _imported() -> dict[str, str]:
    """Top-level package outside the standard library -> a file that imports it."""
    found = {}
    for path in sorted((REPOSITORY / "qsmrim_app").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            found.update({name.partition(".")[0]: path.name for name in names})
    return {
        name: path for name, path in found.items() if name not in {*sys.stdlib_module_names, "qsmrim_app"}
    }


def test_every_import_is_declared():
    declared = {canonicalize_name(Requirement(text).name) for text in PROJECT["project"]["dependencies"]}
    providers = packages_distributions()
    undeclared = {
        name: path
        for name, path in _imported().items()
        if not {canonicalize_name(item) for item in providers.get(name, [name])}
        & (declared | NOT_IN_PYPROJECT)
    }
    assert not undeclared


def test_the_lock_holds_what_is_declared():
    locked = _locked("requirements.lock")
    for text in PROJECT["project"]["dependencies"]:
        requirement = Requirement(text)
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), text
    tools = _locked("requirements-dev.lock")
    assert {canonicalize_name(Requirement(text).name) for text in PROJECT["dependency-groups"]["dev"]} <= set(
        tools
    )


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_the_tests_run_with_what_is_locked(name):
    pins = _locked(name)
    assert {package: version(package).partition("+")[0] for package in pins} == pins


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_names_packages_and_versions_alone(name):
    lines = [line for line in (REPOSITORY / name).read_text().splitlines() if not line.startswith("#")]
    assert lines == sorted(lines)
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line) for line in lines)
