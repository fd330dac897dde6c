"""The picture sheets of the simulation report: lesions with and without a rim, and whole slices."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd

from studies.cohort_files import Participant
from studies.gathering import CohortMeasures, spread_over_reconstructions
from studies.lesion_choice import hardest, spread_sample
from studies.lesion_measures import Request, measure_participant
from studies.montage import Group, lesion_sheet, save_small, slice_sheet
from studies.tiles import LesionTile, lesion_tiles, slice_column

N_SHOWN, N_HARD, N_COLUMNS = 20, 10, 4
MINUS = "\N{MINUS SIGN}"


def draw_pictures(
    measures: CohortMeasures, semireal: Sequence[Participant], folder: Path, n_processes: int
) -> None:
    """Five sheets: rim+ and rim- of the cohort and of the semi-real participants, and whole slices."""
    everybody = [*measures.participants, *semireal]
    chosen = {"simulation": _choose(measures.lesions, "simulated")}
    if semireal:
        chosen["simulation-semireal"] = _choose(_semireal_lesions(semireal), "semi-real")
    slices = [*spread_over_reconstructions(measures.participants, N_COLUMNS), *semireal[:1]]
    with ProcessPoolExecutor(n_processes, multiprocessing.get_context("forkserver")) as pool:
        columns = pool.map(slice_column, slices)
        tiles = _tiles(pool, everybody, [frame for sheet in chosen.values() for frame in sheet.values()])
        save_small(slice_sheet(list(columns)), folder / "simulation-slices.png")
    for name, sheets in chosen.items():
        positive, *negative = [_group(title, frame, tiles) for title, frame in sheets.items()]
        save_small(lesion_sheet([positive]), folder / f"{name}-rim-positive.png")
        save_small(lesion_sheet(negative), folder / f"{name}-rim-negative.png")


def _semireal_lesions(people: Sequence[Participant]) -> pd.DataFrame:
    """Their lesions with true labels; the tables have one rating, and that is what their simulation drew."""
    rows = [row for person in people for row in measure_participant(Request(person, False, False)).lesions]
    return pd.DataFrame(rows).assign(rim_truth=lambda frame: frame["rim"])


def _choose(lesions: pd.DataFrame, whose: str) -> dict[str, pd.DataFrame]:
    """Heading -> lesions, in the order of drawing."""
    positive, negative = lesions[lesions["rim_truth"] == 1], lesions[lesions["rim_truth"] == 0]
    hard = hardest(negative, N_HARD)
    return {
        f"rim+, {whose}": spread_sample(positive, N_SHOWN),
        f"rim{MINUS}, {whose}": spread_sample(negative.drop(hard.index), N_SHOWN),
        f"rim{MINUS}, {whose}, brightest against their surroundings": hard,
    }


def _tiles(
    pool: ProcessPoolExecutor, people: Sequence[Participant], frames: Sequence[pd.DataFrame]
) -> dict[tuple[str, int], LesionTile]:
    """Every chosen lesion's tile by subject and label; each participant is read once."""
    wanted: dict[str, list[int]] = {}
    for frame in frames:
        for subject, index in zip(frame["subject"], frame["index"], strict=True):
            wanted.setdefault(subject, []).append(int(index))
    shown = [person for person in people if person.label in wanted]
    found = pool.map(lesion_tiles, shown, [wanted[person.label] for person in shown])
    return {(tile.subject, tile.index): tile for tiles in found for tile in tiles}


def _group(title: str, frame: pd.DataFrame, tiles: dict[tuple[str, int], LesionTile]) -> Group:
    keys = list(zip(frame["subject"], frame["index"].astype(int), strict=True))
    captions = tuple(_caption(row) for _, row in frame.iterrows())
    return Group(title, tuple(tiles[key] for key in keys), captions)


def _caption(row: pd.Series) -> str:
    """Whose lesion, how large, and whether the raters called it otherwise."""
    text = f"{row['subject'].removeprefix('sub-')} lesion {row['index']}, {row['volume_mm3']:.0f} mm³"
    if row["rim"] != row["rim_truth"]:
        text += f", read as rim{'+' if row['rim'] == 1 else MINUS}"
    return text
