import dataclasses

import pytest

from qsmrim_app.detectors.aprl_rf import AprlRandomForest
from qsmrim_app.detectors.network_ensemble import NetworkEnsemble
from qsmrim_app.detectors.registry import DETECTORS, new_detector
from qsmrim_app.errors import UsageError
from qsmrim_app.plain_data import with_values
from qsmrim_app.settings import DetectorSettings, NetworkSettings

PAPER = {"fusion": "concatenate", "radiomics": True, "deep_smote": True, "architecture": "qsmrim-net"}
PARTS = {
    "qsmrim-net": {},
    "rimnet": {"architecture": "rimnet", "fusion": "rimnet", "radiomics": False, "deep_smote": False},
    "aprl-nn": {"fusion": "no-image", "deep_smote": False},
    "ablation-image": {"radiomics": False, "deep_smote": False},
    "ablation-rimnet-fusion": {"fusion": "rimnet", "radiomics": False, "deep_smote": False},
    "ablation-no-smote": {"deep_smote": False},
}


def test_every_method_is_there():
    assert set(DETECTORS) == {*PARTS, "aprl-rf"}


@pytest.mark.parametrize("method", PARTS)
def test_a_name_fixes_the_parts_of_its_network(method):
    detector = new_detector(DetectorSettings(method=method))
    assert isinstance(detector, NetworkEnsemble)
    assert not DETECTORS[method].one_member
    parts = dataclasses.asdict(detector.settings.network)
    assert {name: parts[name] for name in PAPER} == PAPER | PARTS[method]
    assert detector.settings.network == dataclasses.replace(NetworkSettings(), **PARTS[method])
    assert new_detector(detector.settings).settings == detector.settings


def test_the_random_forest_has_no_network():
    settings = DetectorSettings(method="aprl-rf")
    detector = new_detector(settings)
    assert isinstance(detector, AprlRandomForest)
    assert DETECTORS["aprl-rf"].one_member
    assert detector.settings == settings


def test_sizes_are_free():
    settings = with_values(DetectorSettings(method="rimnet"), {"network.width": 8, "training.epochs": 3})
    detector = new_detector(settings)
    assert detector.settings.network.width == 8
    assert detector.settings.training == settings.training


def test_an_unknown_method_is_refused():
    with pytest.raises(UsageError, match="unknown method 'rim-oracle'; known are qsmrim-net"):
        new_detector(DetectorSettings(method="rim-oracle"))


@pytest.mark.parametrize(
    ("method", "part", "value"),
    [
        ("qsmrim-net", "deep_smote", False),
        ("qsmrim-net", "architecture", "rimnet"),
        ("aprl-nn", "fusion", "rimnet"),
        ("ablation-no-smote", "radiomics", False),
    ],
)
def test_a_part_of_another_method_is_refused(method, part, value):
    settings = with_values(DetectorSettings(method=method), {f"network.{part}": value})
    with pytest.raises(UsageError, match=f"method '{method}' has network.{part} = .*, not {value!r}"):
        new_detector(settings)
