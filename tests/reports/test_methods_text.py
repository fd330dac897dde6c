import re
from dataclasses import replace
from pathlib import Path

import pytest

from qsmrim_app.detectors.registry import DETECTORS
from qsmrim_app.reports.methods_text import methods_text
from qsmrim_app.reports.references import REFERENCES
from qsmrim_app.settings import (
    DetectorSettings,
    LesionSettings,
    ParticipantSettings,
    PatchSettings,
    PreprocessingSettings,
)
from tests.reports.builders import MODEL

SETTINGS = ParticipantSettings(Path("bids"), Path("out"))


def text_of(settings=SETTINGS, detector=None, model=MODEL):
    return methods_text(settings, detector or DetectorSettings(), model, "1.2.3")


def test_citations_and_references_match():
    text = text_of()
    cited = [
        int(n) for found in re.findall(r"\[([\d, ]+)\]", " ".join(text.paragraphs)) for n in found.split(",")
    ]
    assert sorted(set(cited)) == list(range(1, len(text.references) + 1))
    assert list(dict.fromkeys(cited)) == sorted(set(cited))  # numbered as they appear


def test_it_says_what_was_done():
    body = " ".join(text_of().paragraphs)
    assert "qsmrim 1.2.3" in body
    assert "rigid registration" in body
    assert "0.75 x 0.75 x 3 mm" in body
    assert "527 radiomic features" in body
    assert "median probability of its 3 members reached 0.42" in body


@pytest.mark.parametrize(
    ("steps", "expected", "absent"),
    [
        (PreprocessingSettings(registration="header"), "positions in their headers", "mutual information"),
        (PreprocessingSettings(registration="affine", backend="ants"), "(ANTs [", "(SimpleITK"),
        (PreprocessingSettings(analysis_spacing_mm=(1.0, 1.0, 1.0)), "1 x 1 x 1 mm", "0.75 x 0.75"),
        (PreprocessingSettings(n4_shrink_factor=2), "shrink factor 2", "shrink factor 4"),
    ],
)
def test_it_follows_the_settings(steps, expected, absent):
    body = text_of(replace(SETTINGS, preprocessing=steps)).plain()
    assert expected in body
    assert absent not in body


def test_limits_of_lesions_are_stated():
    limits = LesionSettings(min_volume_mm3=9.5, min_voxels=8)
    body = " ".join(text_of(replace(SETTINGS, lesions=limits)).paragraphs)
    assert "9.5 to 100000 mm3 and at least 8 voxels" in body


def test_the_margin_of_the_patches_is_stated_where_there_is_one():
    wide, tight = (
        text_of(detector=DetectorSettings(patch=PatchSettings(margin_mm=margin_mm))).plain()
        for margin_mm in (1.5, 0.0)
    )
    assert "0 outside the lesion (in the QSM, outside the lesion and 1.5 mm around it), and" in wide
    assert "0 outside the lesion, and" in tight


@pytest.mark.parametrize("method", DETECTORS)
def test_the_method_is_cited(method):
    sources = {"rimnet": {"rimnet", "qsmrim-net"}, "ablation-rimnet-fusion": {"rimnet", "qsmrim-net"}}
    sources["aprl-rf"] = {"aprl", "qsmrim-net"}
    text = text_of(model=replace(MODEL, method=method))
    cited = {key for key in ("qsmrim-net", "rimnet", "aprl") if REFERENCES[key] in text.references}
    assert cited == sources.get(method, {"qsmrim-net"})
    assert f"(method {method} [" in " ".join(text.paragraphs)


def test_simulated_training_is_said():
    assert "Trained on simulated lesions" in text_of().plain()
    assert (
        "Trained on simulated lesions"
        not in text_of(model=replace(MODEL, trained_on_simulation=False)).plain()
    )


def test_without_a_model_no_decision_is_claimed():
    assert "rim+" not in " ".join(text_of(model=None).paragraphs)


def test_plain_text_lists_the_references():
    plain = text_of().plain()
    assert "[1] Gorgolewski KJ" in plain
    assert plain.count("doi:10.") == len(text_of().references)
