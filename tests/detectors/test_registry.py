import pytest

from qsmrim_app.detectors.qsmrim_net import QsmRimNetDetector
from qsmrim_app.detectors.registry import DETECTORS, new_detector
from qsmrim_app.errors import UsageError
from qsmrim_app.settings import DetectorSettings


def test_methods_by_name():
    assert DETECTORS["qsmrim-net"] is QsmRimNetDetector
    assert isinstance(new_detector(DetectorSettings()), QsmRimNetDetector)


def test_an_unknown_method_is_refused():
    with pytest.raises(UsageError, match="unknown method 'rim-oracle'; known are qsmrim-net"):
        new_detector(DetectorSettings(method="rim-oracle"))
