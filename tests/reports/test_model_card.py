from dataclasses import dataclass, field
from typing import Any

import pytest

from qsmrim_app.reports.markdown import LONGEST_LIST
from qsmrim_app.reports.model_card import model_card
from qsmrim_app.reports.notices import RESEARCH_ONLY, SIMULATED_TRAINING
from qsmrim_app.settings import DetectorSettings

INFO = {
    "name": "demo",
    "version": "0.1.0",
    "statement": "Trained on 960 simulated lesions of 40 participants.",
    "trained_on_simulation": True,
    "operating_points": {"f1": 0.42, "high-sensitivity": 0.0712345},
    "feature_names": ["a", "b"],
    "training": {"n_subjects": 40, "sites": {"A": 3}, "fingerprints": ["x"] * (LONGEST_LIST + 1)},
    "metrics": {"pr_auc": {"value": 0.7, "low": 0.61, "high": 0.78}, "tp": 31, "undefined_one": None},
}


def test_it_says_what_trained_how_good_and_not_for_what():
    card = model_card(DetectorSettings(), INFO, 3)
    assert card.startswith("# Model card: demo\n")
    assert SIMULATED_TRAINING in card
    assert "the figures say nothing of patients" in card
    for line in (
        "| Method | qsmrim-net |",
        "| Members of the ensemble | 3 |",
        "| Radiomic features | 2 |",
        "| sites, A | 3 |",
        "| fingerprints | 13 values |",
        "| pr_auc | 0.700 (0.610 to 0.780) |",
        "| undefined_one | undefined |",
        "| high-sensitivity | 0.07123 |",
    ):
        assert line in card.splitlines()


def test_a_model_of_patients():
    card = model_card(DetectorSettings(), INFO | {"trained_on_simulation": False}, 3)
    assert RESEARCH_ONLY in card
    assert "**simulated**" not in card


def test_nothing_known_is_said_to_be_unknown():
    card = model_card(DetectorSettings(), {})
    assert card.count("Not recorded.") == 3
    assert "None" not in card


@pytest.mark.parametrize("text", ["a|b\n| c | d |", "<script>", "[x](http://y)", "**bold**", "`code`"])
def test_texts_cannot_add_markup(text):
    card = model_card(DetectorSettings(), {"name": text, "statement": text, "training": {text: text}}, 3)
    plain = model_card(DetectorSettings(), {"name": "x", "statement": "x", "training": {"x": "x"}}, 3)
    assert len(card.splitlines()) == len(plain.splitlines())
    assert text not in card


def test_a_statement_is_no_heading():
    card = model_card(DetectorSettings(), {"statement": "# head"})
    assert "\\# head" in card.splitlines()


def test_a_dataclass_will_do():
    @dataclass(frozen=True)
    class Info:
        name: str = "demo"
        metrics: dict[str, Any] = field(default_factory=lambda: {"tp": 3})

    assert "| tp | 3 |" in model_card(DetectorSettings(), Info())
