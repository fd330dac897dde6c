"""Write requirements.lock and requirements-dev.lock from the environment this runs in: `make lock`.

The runtime list is what `pyproject.toml` names plus pyradiomics and setuptools, with everything they need;
the second list is what the development tools need on top. Local version labels (``+cpu``) are dropped: they
name a build, and which build of torch fits is the machine's affair.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
BESIDE_PYPROJECT = ("pyradiomics", "setuptools")  # pyproject cannot express their order of installation
RUNTIME_HEADER = """\
# The whole runtime environment, exact: Python 3.11, Linux. `make install` gives the order of installation:
# pyradiomics is built from source against the numpy of this list, so `pip install -r` into an empty
# environment cannot work. Written by `make lock`.
"""
DEV_HEADER = """\
# What tests and checks need on top of requirements.lock, exact. Written by `make lock`.
"""


def main() -> None:
    """Write both files."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    tools = project["dependency-groups"]["dev"]
    runtime = _closure([*project["project"]["dependencies"], *BESIDE_PYPROJECT])
    tooling = {name: pin for name, pin in _closure(tools).items() if name not in runtime}
    _write(ROOT / "requirements.lock", RUNTIME_HEADER, runtime)
    _write(ROOT / "requirements-dev.lock", DEV_HEADER, tooling)


def _closure(requirements: Iterable[str]) -> dict[str, str]:
    """Installed version of the given packages and all that they need: name -> version."""
    waiting = [Requirement(text) for text in requirements]
    seen: set[tuple[str, frozenset[str]]] = set()
    versions: dict[str, str] = {}
    while waiting:
        wanted = waiting.pop()
        name, extras = canonicalize_name(wanted.name), frozenset(wanted.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        found = distribution(name)
        versions[name] = found.version.partition("+")[0]
        waiting += [need for need in map(Requirement, found.requires or ()) if _applies(need, extras)]
    return versions


def _applies(need: Requirement, extras: frozenset[str]) -> bool:
    return need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in extras | {""})


def _write(path: Path, header: str, versions: dict[str, str]) -> None:
    lines = sorted(f"{name}=={version}\n" for name, version in versions.items())
    path.write_text(header + "".join(lines))


if __name__ == "__main__":
    main()
