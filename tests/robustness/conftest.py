"""A good session for every case of the catalogue."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests import phantoms
from tests.robustness.session import SPEC, Result, SessionFiles, analyse


@pytest.fixture(scope="session")
def good_dataset(tmp_path_factory) -> Path:
    """A dataset of one good session; read it, never write into it."""
    return phantoms.write_dataset(tmp_path_factory.mktemp("good") / "bids", SPEC)


@pytest.fixture(scope="session")
def undisturbed(good_dataset, tmp_path_factory) -> Result:
    """What comes of the good session."""
    result = analyse(good_dataset, tmp_path_factory.mktemp("undisturbed"), measure=True)
    assert result.error is None
    return result


@pytest.fixture
def files(good_dataset, tmp_path) -> SessionFiles:
    """The files of a copy of the good session, to be spoilt."""
    return SessionFiles(Path(shutil.copytree(good_dataset, tmp_path / "bids", symlinks=True)))
