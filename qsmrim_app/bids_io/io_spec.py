"""The names that qsmrim reads and writes, as data."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def io_spec() -> dict[str, Any]:
    """The content of ``data/io_spec.json``: ``inputs`` and ``outputs``. Read it, never change it."""
    spec = json.loads((files("qsmrim_app") / "data" / "io_spec.json").read_text(encoding="utf-8"))
    assert isinstance(spec, dict)
    return spec
