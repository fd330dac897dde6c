"""What earlier group calls left in the output folder: what is said of it, and what may not stay."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from qsmrim_app.bids_io.names import dataset_path, group_figure_path
from qsmrim_app.bids_io.writing import remove_file

# what follows is a method or the name of outlines
_FIGURE_OF_A_TRAINING = re.compile("(curves|counts|reliability|examples)_[a-zA-Z0-9-]+")


def note_earlier_models(output_dir: Path, trained: Collection[str]) -> tuple[str, ...]:
    """What a page says of models that were not trained in its call; ``trained`` are the methods that were."""
    cards = sorted((output_dir / dataset_path("models")).glob("*/README.md"))
    models = [card.parent.name for card in cards if not card.parent.name.startswith(".")]  # unfinished ones
    names = ", ".join(name for name in models if name not in trained)
    if not names:
        return ()
    if trained:
        return (
            f"models/ also holds models of an earlier call ({names}). They may be of another cohort than "
            "this page; what they learnt from, and their figures, are on their cards (README.md).",
        )
    return (
        f"Nothing was trained in this call. Models of an earlier one are in models/ ({names}), perhaps of "
        "another cohort, as are folds.tsv and models/comparison.tsv; their figures are on their cards "
        "(README.md), and on this page after the same --train again.",
    )


def forget_group_page(output_dir: Path) -> None:
    """Remove the page of an earlier call, before tables of another cohort take their place beside it."""
    remove_file(output_dir / dataset_path("group_report", ".html"))


def forget_figures(output_dir: Path, kept: Collection[str]) -> None:
    """Remove figures that show earlier trainings; ``kept`` are the names of those on the new page."""
    before, after = group_figure_path("*").name.split("*")
    for path in (output_dir / dataset_path("group_figures")).glob(f"{before}*{after}"):
        name = path.name.removeprefix(before).removesuffix(after)
        if _FIGURE_OF_A_TRAINING.fullmatch(name) and name not in kept and path.is_file():
            remove_file(path)
