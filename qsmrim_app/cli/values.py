"""Values on the command line: what is no number of the right kind is refused in one sentence."""

from __future__ import annotations

import argparse
import math
import os.path
import re
from pathlib import Path

from qsmrim_app.settings import LEAVE_ONE_SITE_OUT

_UNITS_GB = {"K": 1e-6, "M": 1e-3, "G": 1.0, "T": 1e3}


def path(text: str) -> Path:
    """A path; an empty one mostly comes of a variable that is not set, and would mean the current folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError("the path is empty, as of a variable that is not set")
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise argparse.ArgumentTypeError(f"{text!r} is not UTF-8; rename the folder")
    return Path(text)


def model(text: str) -> str:
    """The folder of a model or a word instead, as it was typed: ``./none`` is a folder, ``none`` is not."""
    path(text)
    return text


def count(text: str) -> int:
    """A whole number above 0."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    return number


def finite(text: str) -> float:
    """A number that is neither infinite nor undefined."""
    number = float(text)
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text} is no finite number")
    return number


def share(text: str) -> float:
    """A number from 0 to 1."""
    number = float(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return number


def folds(text: str) -> int | str:
    """A number of folds, the word that means one fold a site, or the path of a table of folds."""
    if text.lstrip("-").isdecimal():
        return count(text)
    if text != LEAVE_ONE_SITE_OUT and not os.path.isfile(text):
        raise argparse.ArgumentTypeError(f"'{text}' is no number, not '{LEAVE_ONE_SITE_OUT}', and no file")
    return text


def fit_share(text: str) -> tuple[int, int]:
    """``K/N``: which of how many shares."""
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise argparse.ArgumentTypeError(f"'{text}' is no share K/N with K from 1 to N, such as 3/8")
    return int(match[1]), int(match[2])


def memory_gb(text: str) -> float:
    """A size with its unit, in 1e9 bytes."""
    match = re.fullmatch(r"(\d+\.?\d*|\.\d+)\s*([KMGT])i?B?", text.strip(), flags=re.IGNORECASE)
    if not match:
        raise argparse.ArgumentTypeError(f"'{text}' needs a number and a unit, such as 8GB or 8000MB")
    size = float(match[1]) * _UNITS_GB[match[2].upper()]
    if size <= 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no memory to work with")
    return size
