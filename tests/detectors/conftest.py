import copy

import numpy as np
import pytest

from qsmrim_app.detectors.qsmrim_net import QsmRimNetDetector
from tests.phantom_samples import lesion_samples, tiny_settings


@pytest.fixture
def samples():
    return lesion_samples(12, np.random.default_rng(20260101))


@pytest.fixture(scope="session")
def _trained():
    made = QsmRimNetDetector(tiny_settings())
    made.fit(lesion_samples(12, np.random.default_rng(20260101)), seeds=(0, 1, 2))
    return made


@pytest.fixture
def detector(_trained):
    """Three members, trained on ``samples`` for two epochs; a copy for every test."""
    return copy.deepcopy(_trained)
