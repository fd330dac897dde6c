"""The files of a simulated cohort, as its BIDS dataset holds them, and of the semi-real participants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qsmrim_app.bids_io.label_tables import LabelRow, read_cells, read_label_table
from qsmrim_app.bids_io.names import simulation_path
from qsmrim_app.images import load_image, load_labels, susceptibility_unit, to_ppb
from qsmrim_app.records import SessionKey, Volume

FLAIR_MASKS = "derivatives/lesions-flair/{folder}/anat/{prefix}_space-FLAIR_desc-lesions_dseg.nii.gz"
SEMIREAL = ("LJ07", "LJ19")


@dataclass(frozen=True)
class Participant:
    """One participant: files only, nothing is read yet.

    ``lesions`` is an instance map on the grid of the QSM, ``ratings`` the table that goes with it by index;
    ``flair_lesions`` the plain FLAIR masks, on the FLAIR's grid. ``motion`` holds the true motion of a
    semi-real participant, FLAIR world to QSM world; a simulated one is registered.
    """

    label: str
    qsm: Path
    flair: Path
    lesions: Path
    ratings: Path
    inversion: str = "unknown"
    magnitude: Path | None = None
    flair_lesions: Path | None = None
    motion: Path | None = None


@dataclass(frozen=True)
class Cohort:
    """The participants whose files are all there, and the names of those who lack some."""

    folder: Path
    participants: tuple[Participant, ...]
    incomplete: tuple[str, ...]


def find_cohort(folder: Path) -> Cohort:
    """Everybody in the ``participants.tsv`` of a simulated cohort."""
    rows = [cells for _, cells in read_cells(folder / "participants.tsv")]
    people = [_simulated(folder, cells) for cells in rows]
    complete = tuple(person for person in people if not _missing(person))
    return Cohort(folder, complete, tuple(person.label for person in people if _missing(person)))


def find_semireal(data: Path) -> tuple[Participant, ...]:
    """The two semi-real participants with true labels on the QSM grid; nobody where the data is absent."""
    people = [_semireal(data, f"sub-{name}") for name in SEMIREAL]
    return tuple(person for person in people if not _missing(person))


def read_qsm(person: Participant) -> Volume:
    """Susceptibility in ppb."""
    volume = load_image(person.qsm).volume
    return to_ppb(volume, susceptibility_unit(volume.data, "ppm", person.qsm))


def read_lesions(person: Participant) -> Volume:
    """Lesion instances on the grid of the QSM, int32."""
    return load_labels(person.lesions).volume


def read_ratings(person: Participant) -> Mapping[int, LabelRow]:
    """What is said of each lesion, by label."""
    return read_label_table(person.ratings)


def brain_of(qsm: Volume) -> Volume:
    """Where the map is known, bool; the few voxels inside that are exactly 0 do not matter here."""
    return qsm.with_data(qsm.data != 0)


def reconstructions(people: Sequence[Participant]) -> tuple[str, ...]:
    """The names of the reconstructions, the most frequent first."""
    names = [person.inversion for person in people]
    return tuple(sorted(set(names), key=lambda name: (-names.count(name), name)))


def _simulated(folder: Path, cells: Mapping[str, str]) -> Participant:
    key = SessionKey(cells["participant_id"].removeprefix("sub-"))
    masks = folder / FLAIR_MASKS.format(folder=key.folder, prefix=key.prefix)
    magnitude = folder / simulation_path(key, "magnitude")
    return Participant(
        label=key.prefix,
        qsm=folder / simulation_path(key, "qsm"),
        flair=folder / simulation_path(key, "flair"),
        lesions=folder / simulation_path(key, "lesions"),
        ratings=folder / simulation_path(key, "raters", ".tsv"),
        inversion=cells.get("inversion", "unknown"),
        magnitude=magnitude if magnitude.exists() else None,
        flair_lesions=masks if masks.exists() else None,
    )


def _semireal(data: Path, label: str) -> Participant:
    bids, truth = data / "semireal", data / "semireal_truth" / label
    raters = bids / "derivatives" / "raters" / label / "anat"
    return Participant(
        label=label,
        qsm=bids / "derivatives" / "qsm" / label / "anat" / f"{label}_Chimap.nii.gz",
        flair=bids / label / "anat" / f"{label}_FLAIR.nii.gz",
        lesions=truth / f"{label}_space-T2starw_desc-lesions_dseg.nii.gz",
        ratings=raters / f"{label}_space-FLAIR_desc-lesions_dseg.tsv",
        inversion="semi-real",
        motion=truth / f"{label}_from-FLAIR_to-T2starw_mode-points_xfm.txt",
    )


def _missing(person: Participant) -> bool:
    return not all(path.exists() for path in (person.qsm, person.flair, person.lesions, person.ratings))
