"""What is refused, what is warned of, and what is let pass."""

from dataclasses import fields
from pathlib import Path

import pytest

from qsmrim_app.errors import InputError
from qsmrim_app.preprocessing.lesion_evidence import LesionEvidence
from qsmrim_app.preprocessing.plausibility import lesion_findings, qsm_findings, require_susceptibility
from qsmrim_app.preprocessing.qsm_evidence import QsmEvidence
from qsmrim_app.records import Finding

RIGHT = QsmEvidence(1300.0, 27.0, 0.7, 2.4, 1.9)
NAN = float("nan")


def spoken(findings):
    return [finding.warning for finding in findings if finding.warning]


def test_right_input_passes_in_silence():
    require_susceptibility(RIGHT, Path("x_Chimap.nii.gz"))
    findings = (*qsm_findings(RIGHT, "x"), *lesion_findings(LesionEvidence(2.3, 0.01), "m"))
    assert len(findings) == 8
    assert all(finding.passed for finding in findings)
    assert spoken(findings) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"negative_share": 0.0}, "another image (a magnitude?)"),
        ({"vein_ratio": 0.5, "deep_grey_ratio": 0.6}, "the sign of the map is inverted; multiply it by -1"),
    ],
)
def test_what_cannot_be_is_refused_with_the_file_and_the_way_out(changes, words):
    with pytest.raises(InputError) as caught:
        require_susceptibility(RIGHT._replace(**changes), Path("a/x_Chimap.nii.gz"))
    assert str(caught.value).startswith("a/x_Chimap.nii.gz: ")
    assert words in str(caught.value)
    assert 'preprocessing.implausible_qsm = "warn"' in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"vein_ratio": 0.5},  # one of two witnesses is not enough
        {"deep_grey_ratio": 0.5},
        {"vein_ratio": NAN, "deep_grey_ratio": NAN},  # too little brain to say
        {"negative_share": NAN},
    ],
)
def test_doubt_is_not_refused(changes):
    require_susceptibility(RIGHT._replace(**changes), Path("x"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"vein_ratio": 1.29}, "veins are not brighter than the darkest tissue"),
        ({"deep_grey_ratio": 1.09}, "no deep grey matter brighter than white matter"),
        ({"spread_ppb": 5.9}, "spread by 5.9 ppb"),
        ({"spread_ppb": 270.0}, "spread by 270 ppb"),
        ({"brain_ml": 43.0}, "holds 43 ml"),
        ({"brain_ml": 3100.0}, "holds 3100 ml"),
    ],
)
def test_each_doubt_about_the_qsm_is_said_once(changes, words):
    (warning,) = spoken(qsm_findings(RIGHT._replace(**changes), "x_Chimap.nii.gz"))
    assert words in warning


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (LesionEvidence(0.79, 0.01), "hardly brighter than their surroundings"),
        (LesionEvidence(-0.4, 0.01), "hardly brighter than their surroundings"),
        (LesionEvidence(-2.7, 0.01), "this may be a T1w image"),
        (LesionEvidence(2.3, 0.31), "31% of the brain is lesion"),
        (LesionEvidence(2.3, 0.01, 0.81), "the FLAIR covers only 81% of the brain"),
    ],
)
def test_each_doubt_about_the_lesions_is_said_once(evidence, words):
    (warning,) = spoken(lesion_findings(evidence, "m_mask.nii.gz"))
    assert warning.startswith("m_mask.nii.gz: ")
    assert words in warning


def test_what_is_not_judged_is_said_and_warns_of_nothing():
    finding = lesion_findings(LesionEvidence(NAN, 0.0), "m")[0]
    assert (finding.value, finding.passed, finding.warning) == ("not judged", None, "")
    assert {item.name for item in fields(Finding)} == {"measure", "value", "meaning", "passed", "warning"}
