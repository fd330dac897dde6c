"""Fixtures that every test may use. Threads are limited before any numerical library is loaded."""

from __future__ import annotations

import os
import shutil

for _name in (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("NO_ET", "1")  # nipype's version check would use the network
os.environ.setdefault("MPLBACKEND", "Agg")

from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
import pytest  # noqa: E402

from qsmrim_app.records import Case  # noqa: E402
from tests import phantoms  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(config, items):
    """Leave out, and count as deselected, what this machine cannot run or nobody has the time for.

    A skip always means missing data.
    """
    needs = {item: {name for name in _MACHINE if item.get_closest_marker(name)} for item in items}
    missing = {name for name in set().union(*needs.values()) if not _MACHINE[name]()}
    left_out = [item for item in items if needs[item] & missing]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _has_container_engine() -> bool:
    return any(shutil.which(engine) for engine in ("docker", "podman"))


def _has_time() -> bool:
    return bool(os.environ.get("QSMRIM_LONG_TESTS"))


_MACHINE = {"gpu": _has_gpu, "container": _has_container_engine, "long": _has_time}


@pytest.fixture
def rng():
    """A generator with a fixed seed, new for every test."""
    return np.random.default_rng(20260101)


@pytest.fixture
def case() -> Case:
    """The phantom subject on an oblique grid: two rim+ and three rim- lesions."""
    return phantoms.phantom_case(oblique=True)


@pytest.fixture(scope="session")
def phantom_dataset(tmp_path_factory) -> Path:
    """The default phantom BIDS dataset; read it, never write into it."""
    return phantoms.write_dataset(tmp_path_factory.mktemp("phantom") / "bids")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real and semi-real test data; the test is skipped where there is none."""
    folder = Path(os.environ.get("QSMRIM_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real test data in {folder}; set QSMRIM_TEST_DATA to its folder")
    return folder
