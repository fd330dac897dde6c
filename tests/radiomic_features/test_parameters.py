import json
from importlib.resources import files

from radiomics.firstorder import RadiomicsFirstOrder
from radiomics.glcm import RadiomicsGLCM
from radiomics.glrlm import RadiomicsGLRLM
from radiomics.shape import RadiomicsShape

from qsmrim_app.radiomic_features.parameters import feature_names, radiomics_parameters
from qsmrim_app.settings import NetworkSettings, RadiomicsSettings

BANDS = ["original", *(f"wavelet-{b}" for b in ("LLH", "LHL", "LHH", "HLL", "HLH", "HHL", "HHH", "LLL"))]


def current_features(feature_class):
    """What pyradiomics itself lists, without what it calls deprecated."""
    return [name for name, deprecated in feature_class.getFeatureNames().items() if not deprecated]


def test_the_names_are_pyradiomics_own_without_sum_average():
    texture = {
        "firstorder": current_features(RadiomicsFirstOrder),
        "glrlm": current_features(RadiomicsGLRLM),
        "glcm": [name for name in current_features(RadiomicsGLCM) if name != "SumAverage"],
    }
    expected = [f"original_shape_{name}" for name in current_features(RadiomicsShape)]
    expected += [f"{band}_{kind}_{name}" for band in BANDS for kind in texture for name in texture[kind]]
    assert list(feature_names()) == expected


def test_there_are_527_names_each_once():
    assert len(feature_names()) == len(set(feature_names())) == 527 == NetworkSettings().n_features


def test_the_parameter_file_names_the_same_features():
    asked = radiomics_parameters().features
    listed = {tuple(name.split("_", 1)[1].split("_")) for name in feature_names()}
    assert listed == {(kind, name) for kind, names in asked.items() for name in names}


def test_the_parameter_file_carries_the_default_settings():
    plain = json.loads((files("qsmrim_app") / "data" / "radiomics.json").read_text())
    assert plain["setting"]["binWidth"] == RadiomicsSettings().bin_width_ppb == 25
    assert plain["imageType"]["Wavelet"]["wavelet"] == RadiomicsSettings().wavelet
    assert "binWidth" not in radiomics_parameters().fixed
