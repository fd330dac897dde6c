import copy
from functools import cache

import numpy as np
import pytest

from qsmrim_app.detectors.registry import new_detector
from tests.phantom_samples import lesion_samples, tiny_settings


@pytest.fixture
def samples():
    return lesion_samples(12, np.random.default_rng(20260101))


@pytest.fixture
def method():
    """Of `detector`; a test that is for several methods is parametrised with this name."""
    return "qsmrim-net"


@pytest.fixture(scope="session")
def _train_once():
    @cache
    def train(method):
        made = new_detector(tiny_settings(method=method))
        made.fit(lesion_samples(12, np.random.default_rng(20260101)), seeds=(0, 1, 2))
        return made

    return train


@pytest.fixture
def detector(method, _train_once):
    """Three members, trained on ``samples`` for two epochs; a copy for every test."""
    return copy.deepcopy(_train_once(method))


@pytest.fixture
def fit(method):
    """Train the method on the given samples, with seed 0 unless told otherwise."""

    def train(samples, seeds=(0,), **changes):
        made = new_detector(tiny_settings(method=method, **changes))
        made.fit(samples, seeds)
        return made

    return train
