"""The semi-real rim+ lesions and the rim- lesions that the model likes best, on one sheet."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from qsmrim_app.reports.words import reason
from studies.cohort_files import brain_of
from studies.montage import Group, lesion_sheet, save_small
from studies.semireal_run import KEYS, read_images
from studies.semireal_tables import judged
from studies.tiles import LesionTile, case_tiles

N_OTHER = 10
MINUS = "\N{MINUS SIGN}"


def draw_pictures(output_dir: Path, lesions: pd.DataFrame, threshold: float, path: Path) -> None:
    """Every rim+ lesion that lies on the grid, and the ten rim- lesions of highest probability.

    Parameters
    ----------
    output_dir
        What the App wrote; its images and masks are shown.
    lesions
        Its lesion tables.
    threshold
        From which a lesion is called rim+.
    path
        Where the picture goes.
    """
    ranks = judged(lesions)["rank"]
    ordered = lesions[lesions["volume_mm3"] > 0].sort_values("p_rim", ascending=False, na_position="last")
    positive = ordered[ordered["rim_expert"] == 1]
    negative = judged(ordered[ordered["rim_expert"] == 0]).head(N_OTHER)
    tiles = _tiles(output_dir, pd.concat([positive, negative]))
    groups = []
    for title, frame in (("rim+", positive), (f"rim{MINUS}, the ten of highest probability", negative)):
        shown = tuple(tiles[lesion["subject"], int(lesion["index"])] for _, lesion in frame.iterrows())
        captions = tuple(_caption(lesion, ranks, threshold) for _, lesion in frame.iterrows())
        groups.append(Group(title, shown, captions))
    save_small(lesion_sheet(groups), path)


def _tiles(output_dir: Path, lesions: pd.DataFrame) -> dict[tuple[str, int], LesionTile]:
    found = {}
    for key in KEYS:
        images = read_images(output_dir, key)
        wanted = lesions.loc[lesions["subject"] == key.subject, "index"].astype(int).tolist()
        brain = brain_of(images.qsm)
        for tile in case_tiles(key.subject, images.qsm, images.flair, brain, images.labels, wanted):
            found[tile.subject, tile.index] = tile
    return found


def _caption(lesion: pd.Series, ranks: pd.Series, threshold: float) -> str:
    """Whose lesion and how large; then probability, rank and verdict."""
    first = f"{lesion['subject']} lesion {lesion['index']}, {lesion['volume_mm3']:.0f} mm³"
    if pd.isna(lesion["p_rim"]):
        return f"{first}\nnot classified: {reason(lesion['excluded_because']).split(':')[0]}"
    called, rim = lesion["p_rim"] >= threshold, lesion["rim_expert"] == 1
    verdict = {(True, True): "found", (False, True): "missed", (True, False): "false alarm"}.get(
        (bool(called), bool(rim)), "rightly not called"
    )
    rank = f"rank {ranks[lesion.name]:g}" if lesion.name in ranks.index else "below 40 mm³"
    return f"{first}\np {lesion['p_rim']:.3f}, {rank}: {verdict}"
