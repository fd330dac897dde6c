import pytest

from qsmrim_app.radiomic_features import pyradiomics_engine
from qsmrim_app.radiomic_features.vectorised import engine as vectorised_engine
from qsmrim_app.tables.feature_engines import AGREEING_ENGINES, engines_agree, joint_engine


def test_the_engines_of_this_program_agree():
    assert {pyradiomics_engine.engine_name(), vectorised_engine.engine_name()} == AGREEING_ENGINES


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ("pyradiomics-3.0.1", "vectorised-1", True),
        ("pyradiomics-3.0.1 + vectorised-1", "vectorised-1", True),
        ("other-1", "other-1", True),
        ("pyradiomics-3.0.1", "pyradiomics-3.1.0", False),
        ("pyradiomics-3.0.1 + vectorised-1", "vectorised-2", False),
    ],
)
def test_only_engines_that_were_compared_agree(one, other, agree):
    assert engines_agree(one, other) == engines_agree(other, one) == agree


def test_rows_by_several_engines_name_each_once():
    assert (
        joint_engine(["vectorised-1", "pyradiomics-3.0.1", "vectorised-1"])
        == "pyradiomics-3.0.1 + vectorised-1"
    )
    assert (
        joint_engine(["pyradiomics-3.0.1 + vectorised-1", "vectorised-1"])
        == "pyradiomics-3.0.1 + vectorised-1"
    )
    assert joint_engine(["vectorised-1"]) == "vectorised-1"
