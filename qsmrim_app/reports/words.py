"""Numbers and table cells as the words a reader sees. Missing values are a dash."""

from __future__ import annotations

import math
import re
from typing import Any

import pandas as pd

from qsmrim_app.tables.columns import EXCLUSION_REASONS, LESION_FLAGS

MISSING = "–"
MINUS = "\N{MINUS SIGN}"
# Control characters, and marks that turn the direction of writing round: a name must not disguise itself.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


def visible(value: Any) -> Any:
    """A text whose invisible characters are replaced by a mark; anything else as it is."""
    return _UNSEEN.sub("\ufffd", value) if type(value) is str else value


def number(value: Any, digits: int = 0, sign: bool = False) -> str:
    """A number with a fixed count of decimals and a true minus sign; a dash where there is none."""
    if value is None or pd.isna(value) or not math.isfinite(float(value)):
        return MISSING
    text = f"{float(value):+.{digits}f}" if sign else f"{float(value):.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def rim_status(value: Any) -> str:
    """A flag of the lesion table as rim+ or rim-."""
    if value is None or pd.isna(value):
        return MISSING
    return "rim+" if int(value) == 1 else f"rim{MINUS}"


def reason(code: str) -> str:
    """Why a lesion was not classified; an unknown code stands as it is."""
    return EXCLUSION_REASONS.get(code, code)


def flags(codes: str) -> tuple[str, ...]:
    """What to know of a lesion; unknown codes stand as they are."""
    return tuple(LESION_FLAGS.get(code.strip(), code.strip()) for code in codes.split(",") if code.strip())


def plural(count: int, noun: str) -> str:
    """``1 lesion``, ``2 lesions``."""
    return f"{count} {noun}" + ("" if count == 1 else "s")
