import numpy as np
import pandas as pd
import pytest

from qsmrim_app.reports import words
from qsmrim_app.tables.columns import EXCLUSION_REASONS, LESION_FLAGS


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (12.345, 1, "12.3"),
        (-0.04, 1, "0.0"),
        (-3.26, 1, "\N{MINUS SIGN}3.3"),
        (None, 1, "–"),
        (float("nan"), 0, "–"),
        (float("inf"), 0, "–"),
        (pd.NA, 0, "–"),
        (np.float32(7), 0, "7"),
    ],
)
def test_number(value, digits, shown):
    assert words.number(value, digits) == shown


def test_rim_status():
    assert [words.rim_status(value) for value in (1, 0, pd.NA, None)] == [
        "rim+",
        "rim\N{MINUS SIGN}",
        "–",
        "–",
    ]


def test_codes_become_sentences():
    assert words.reason("too_small") == EXCLUSION_REASONS["too_small"]
    assert words.flags("cropped,at_border") == (LESION_FLAGS["cropped"], LESION_FLAGS["at_border"])
    assert words.flags("") == ()


def test_unknown_codes_are_not_lost():
    assert words.reason("struck_by_lightning") == "struck_by_lightning"
    assert words.flags("cropped, odd") == (LESION_FLAGS["cropped"], "odd")


@pytest.mark.parametrize("hidden", ["\x00", "\x1b", "\u202e", "\u2066", "\u200b", "\ufeff", "\ud800"])
def test_hidden_characters_are_made_visible(hidden):
    assert words.visible(f"sub{hidden}01") == "sub\ufffd01"


def test_ordinary_text_stays():
    text = "Zürich, 東京, Ω − naïve\n\ttabs"
    assert words.visible(text) == text
    assert words.visible(3) == 3
