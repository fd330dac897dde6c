"""Whether the ``participants.tsv`` of a raw dataset and its folders name the same participants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qsmrim_app.bids_io.label_tables import read_cells
from qsmrim_app.bids_io.names import dataset_path
from qsmrim_app.errors import TableError

_COLUMN = "participant_id"
_MOST_SHOWN = 10


@dataclass(frozen=True)
class ParticipantList:
    """How the list and the folders differ.

    ``notes`` concern the dataset as a whole; ``unlisted`` are labels of folders that the list does not name.
    """

    notes: tuple[str, ...] = ()
    unlisted: frozenset[str] = frozenset()

    def notes_on(self, subject: str) -> tuple[str, ...]:
        """What the list does not say of one participant."""
        if subject not in self.unlisted:
            return ()
        return (f"participants.tsv has no row for sub-{subject}; check that the folder has the right name",)


def compare_participants(root: Path, subjects: Sequence[str]) -> ParticipantList:
    """Compare the list of a dataset, if there is one, with the labels of its folders.

    Nothing of the analysis rests on the list, so that a wrong one is no error.

    Parameters
    ----------
    root
        The raw dataset.
    subjects
        Labels of its ``sub-`` folders.
    """
    path = root / dataset_path("participants", ".tsv")
    if not path.exists():
        return ParticipantList()
    try:
        rows = [cells for _, cells in read_cells(path)]
    except TableError as error:
        return ParticipantList((f"{error}; it was not compared with the folders",))
    if any(_COLUMN not in row for row in rows):
        return ParticipantList((f"{path} has no column {_COLUMN}; it was not compared with the folders",))
    counts = Counter(row[_COLUMN].removeprefix("sub-") for row in rows)
    absent = sorted(set(counts) - set(subjects))
    twice = sorted(label for label, count in counts.items() if count > 1)
    notes = []
    if absent:
        notes.append(f"{path} names {len(absent)} participant(s) without a folder: {_listed(absent)}")
    if twice:
        notes.append(f"{path} names {len(twice)} participant(s) twice: {_listed(twice)}")
    return ParticipantList(tuple(notes), frozenset(subjects) - set(counts))


def _listed(labels: Sequence[str]) -> str:
    shown = ", ".join(f"sub-{label}" for label in labels[:_MOST_SHOWN])
    return shown + (", ..." if len(labels) > _MOST_SHOWN else "")
