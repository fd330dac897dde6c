"""What a call of the group level asks for and cannot mean; said before its settings are made."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qsmrim_app.cli.parser import option_of
from qsmrim_app.cli.values import folds
from qsmrim_app.errors import UsageError
from qsmrim_app.plain_data import to_plain
from qsmrim_app.settings import LEAVE_ONE_SITE_OUT, DetectorSettings

_OF_A_TRAINING = ("folds", "seeds", "strict_thresholds")
_OVERRULED = {
    "method": "the methods to train are named with --train",
    "spacing_mm": "methods look at the voxels that the samples were made with",
}


def require_training(options: Mapping[str, Any], plain: Mapping[str, Any]) -> None:
    """Pass silently if no option on the command line would be without effect, as nothing is trained.

    Parameters
    ----------
    options
        What the command line gives, by the names of settings.
    plain
        The settings of the call, those of its settings file too.

    Raises
    ------
    UsageError
        If one would.
    """
    given = [option_of(name) for name in options if name in _OF_A_TRAINING or name.startswith("detector.")]
    if given and not plain.get("train"):
        verb = "says" if len(given) == 1 else "say"
        raise UsageError(
            f"{', '.join(given)} {verb} how methods are trained, and none is to be trained; add --train"
        )


def check_group_file(plain: Mapping[str, Any]) -> None:
    """Pass silently if settings of the group level can be meant that a settings file alone can give.

    Raises
    ------
    UsageError
        If they cannot.
    """
    _check_folds(plain.get("folds", 1))
    sites, detector = plain.get("sites"), plain.get("detector")
    if isinstance(sites, dict) and len(sites) > 1 and "" in sites:
        raise UsageError(f"sites: '{sites['']}' has no name; among several sites each needs one")
    defaults = to_plain(DetectorSettings())  # which stand in the settings that a run leaves in its logs
    for name, reason in _OVERRULED.items():
        if isinstance(detector, dict) and detector.get(name, defaults[name]) != defaults[name]:
            raise UsageError(f"detector.{name} is no choice at the group level: {reason}; leave it out")


def check_folders(tables: Mapping[str, Any]) -> None:
    """Pass silently if the folders of a settings file, table -> name -> path, are there.

    Raises
    ------
    UsageError
        If one is not.
    """
    for table, folders in tables.items():
        for name, folder in folders.items() if isinstance(folders, dict) else ():
            if isinstance(folder, str) and folder.strip() and not _is_folder(folder):
                raise UsageError(f"{table}.{name}: '{folder}' is not a folder; expected that of a dataset")


def _is_folder(text: str) -> bool:
    try:
        return Path(text).is_dir()
    except (OSError, ValueError):  # too long a name, or one with a zero byte
        return False


def _check_folds(value: object) -> None:
    """What the command line refuses, from a settings file."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    is_text = isinstance(value, str) and not value.lstrip("-").isdecimal()
    try:
        if is_number or is_text:
            folds(str(value))
            return
    except argparse.ArgumentTypeError:
        pass
    raise UsageError(
        f"folds is {value!r}; expected a whole number above 0 without quotes, '{LEAVE_ONE_SITE_OUT}', or the "
        "path of a table of folds"
    )
