"""Gather what participant runs left: lesion tables and samples of one or several sites.

A mask variant is the output of another run on the same participants, with other outlines of their lesions.
Its rows are no new lesions: they stand apart, under a session label that names the variant. An output that
only trains (simulated lesions beside one's own, say) is never held out and never scored.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from qsmrim_app.bids_io.names import key_of_table, session_path
from qsmrim_app.bids_io.participants import lesion_tables
from qsmrim_app.bids_io.tables_io import read_lesion_table
from qsmrim_app.errors import InputError, NothingSelectedError, TableError, UnknownLesionError, UsageError
from qsmrim_app.records import SessionKey
from qsmrim_app.tables.lesion_samples import LesionSamples, concatenate_samples, read_samples
from qsmrim_app.tables.lesion_table import LesionTable, concatenate, lesion_table

logger = logging.getLogger(__name__)

MAIN = "main"  # the outlines of the outputs themselves, beside those of the mask variants


@dataclass(frozen=True)
class Source:
    """An output folder of a participant run; where a site is named, its subjects are ``site:subject``."""

    folder: Path
    site: str = ""
    variant: str = MAIN


@dataclass(frozen=True, eq=False)
class Gathered:
    """Lesions of all sites.

    A variant has the same participants under other outlines; ``train_only`` are other participants. Neither
    has such parts itself. ``subjects`` are all that were analysed, those without lesions too.
    """

    table: LesionTable
    samples: LesionSamples
    variants: Mapping[str, Gathered] = field(default_factory=dict)
    train_only: Mapping[str, Gathered] = field(default_factory=dict)
    subjects: frozenset[str] = frozenset()

    @property
    def is_simulated(self) -> bool:
        """Whether any lesion is a simulated one: it has a true rim status, which no patient's lesion has."""
        return bool(self.table.frame["rim_truth"].notna().any())


def gather(
    sites: Mapping[str, Path],
    mask_variants: Mapping[str, Path] | None = None,
    train_only: Mapping[str, Path] | None = None,
) -> Gathered:
    """All lesions of the given outputs; the samples take the experts' rim status from the lesion tables.

    Parameters
    ----------
    sites
        Name -> output folder of a participant run. With an empty name subjects stay as they are.
    mask_variants
        ``variant`` or ``site:variant`` -> output folder of a run on the same participants.
    train_only
        Name -> output folder of a run on other participants; they are called ``name:subject``.

    Raises
    ------
    NothingSelectedError
        If a folder holds no lesion table.
    TableError
        If the samples of two sessions do not fit together.
    InputError
        If a mask variant holds a subject that the outputs themselves do not.
    UsageError
        If the name of a mask variant cannot be used, or it is the same folder, or a name stands for two.
    """
    if taken := sorted(set(train_only or {}) & ({MAIN, *sites} | set(mask_variants or {}))):
        raise UsageError(f"the name '{taken[0]}' stands for two folders; give what only trains another one")
    for site in (*sites, *(train_only or {})):
        if ":" in site or not site.isprintable() or site != site.strip():
            raise UsageError(
                f"{site!r} is no name of a site; leave out colons, line ends and spaces around it"
            )
    main = [Source(folder, site) for site, folder in sites.items()]
    variants = _variant_sources(sites, mask_variants or {})
    gathered = _read_all(main)
    for name, sources in variants.items():
        _require_same_subjects(name, sources, main)
        logger.info("mask variant '%s':", name)
    return replace(
        gathered,
        variants={name: _read_all(sources) for name, sources in variants.items()},
        train_only={name: _read_all([Source(path, name)]) for name, path in (train_only or {}).items()},
    )


def subject_name(key: SessionKey, site: str) -> str:
    """How the subject of a session is called: by its site too, where sites are named."""
    return f"{site}:{key.subject}" if site else key.subject


def site_of(subject: str) -> str:
    """The site of a subject's name; empty where sites are not named."""
    return subject.rpartition(":")[0]


def variant_session(session: str, variant: str) -> str:
    """The session label of a variant's rows, ``01+flair``: no raw session needs such a label."""
    return session if variant == MAIN else f"{session}+{variant}"


def raw_session(label: str, variant: str) -> str:
    """The session that a label of `variant_session` stands for."""
    return label if variant == MAIN else label.removesuffix(f"+{variant}")


# ---- which folders ---------------------------------------------------------------------------------------
def _variant_sources(sites: Mapping[str, Path], mask_variants: Mapping[str, Path]) -> dict[str, list[Source]]:
    sources: dict[str, list[Source]] = {}
    for label, folder in mask_variants.items():
        site, _, name = label.rpartition(":")
        if not re.fullmatch(r"[A-Za-z0-9]+", name) or name == MAIN:
            raise UsageError(f"mask variant '{name}': a name has letters and digits, and is not '{MAIN}'")
        if not site and len(sites) == 1:
            site = next(iter(sites))
        if site not in sites:
            raise UsageError(f"mask variant '{label}': name it SITE:{name}, with a site of {sorted(sites)}")
        if folder.resolve() == sites[site].resolve():
            raise UsageError(f"mask variant '{label}' is {folder}, which holds the lesions themselves")
        sources.setdefault(name, []).append(Source(folder, site, name))
    return sources


def _require_same_subjects(name: str, sources: Sequence[Source], main: Sequence[Source]) -> None:
    here, there = _subjects(sources), _subjects(main)
    if extra := sorted(here - there):
        raise InputError(
            f"mask variant '{name}' in {sources[0].folder} holds subject(s) {extra[:5]} that are not in "
            f"{main[0].folder}; a variant is a run on the same participants: analyse them there too"
        )
    if lacking := sorted(there - here):
        logger.warning("mask variant '%s' lacks %d subject(s): %s ...", name, len(lacking), lacking[:5])


def _subjects(sources: Sequence[Source]) -> set[str]:
    return {
        subject_name(_key(path), source.site) for source in sources for path in lesion_tables(source.folder)
    }


# ---- what they hold --------------------------------------------------------------------------------------
def _read_all(sources: Sequence[Source]) -> Gathered:
    tables: list[LesionTable] = []
    samples: list[LesionSamples] = []
    names: list[str] = []
    for source in sources:
        found = lesion_tables(source.folder)
        if not found:
            raise NothingSelectedError(
                f"{source.folder} holds no lesion table; run the participant level there first"
            )
        _warn_of_lone_samples(source.folder, found)
        for path in found:
            table = _named(path, source)
            tables.append(table)
            samples.append(_samples(_samples_path(source.folder, _key(path)), table, _key(path)))
            names.append(f"{_key(path)} in {source.folder}")
    subjects = frozenset(_subjects(sources))
    gathered = Gathered(concatenate(tables), concatenate_samples(samples, names), subjects=subjects)
    logger.info("gathered %d lesions of %d sessions", len(gathered.table), len(tables))
    return gathered


def _warn_of_lone_samples(folder: Path, tables: Sequence[Path]) -> None:
    """Samples whose lesion table is gone are left out, but not unseen."""
    expected = {_samples_path(folder, _key(path)) for path in tables}
    for path in sorted(set(folder.glob("sub-*/**/*_samples.safetensors")) - expected):
        logger.warning("%s has no lesion table beside it and is left out; run its participant again", path)


def _samples_path(folder: Path, key: SessionKey) -> Path:
    return folder / session_path(key, "samples", ".safetensors")


def _key(path: Path) -> SessionKey:
    key = key_of_table(path)
    assert key is not None
    return key


def _named(path: Path, source: Source) -> LesionTable:
    """The table of a file under the names of its file, of its site and of its variant."""
    table, key = read_lesion_table(path), _key(path)
    _require_own(set(table.frame[["subject", "session"]].itertuples(index=False, name=None)), key, path)
    columns = [str(name) for name in table.frame.columns]
    rows = table.frame.itertuples(index=False, name=None)
    place = {
        "subject": subject_name(key, source.site),
        "session": variant_session(key.session, source.variant),
    }
    return lesion_table(dict(zip(columns, row, strict=True)) | place for row in rows)


def _require_own(sessions: set[tuple[str, str]], key: SessionKey, path: Path) -> None:
    """What a file holds is of the session that its name says."""
    for subject, session in sorted(sessions - {(key.subject, key.session)}):
        raise TableError(
            f"{path} holds lesions of {SessionKey(subject, session)}, not of {key}; it was exchanged or "
            "edited: run the participant level again"
        )


def _samples(path: Path, table: LesionTable, key: SessionKey) -> LesionSamples:
    """Samples of one session, with the names and the expert status of its table, joined by lesion number."""
    rows = {
        index: (subject, session, 0.0 if pd.isna(rim) else float(rim), pd.isna(rim))
        for subject, session, index, rim in table.frame[
            ["subject", "session", "index", "rim_expert"]
        ].itertuples(index=False)
    }
    samples = read_samples(path)
    _require_own({(subject, session) for subject, session, _ in samples.keys}, key, path)
    unknown = [index for _, _, index in samples.keys if index not in rows]
    if unknown:
        raise UnknownLesionError(
            f"{path} holds lesion(s) {unknown[:5]} that the lesion table beside it does not; "
            "a run was interrupted there: run the participant again"
        )
    _require_lesions(path, table, {index for _, _, index in samples.keys})
    keys = tuple((rows[index][0], rows[index][1], index) for _, _, index in samples.keys)
    rim = [np.nan if rows[index][3] else rows[index][2] for _, _, index in samples.keys]
    return replace(samples, keys=keys, rim=np.array(rim, dtype=np.float64))


def _require_lesions(path: Path, table: LesionTable, measured: set[int]) -> None:
    """Every lesion that an expert rated was measured, or has the reason why not."""
    rated = table.frame[table.classified & table.frame["rim_expert"].notna()]
    absent = [index for index in rated["index"].tolist() if index not in measured]
    if absent:
        raise UnknownLesionError(
            f"the lesion table beside {path} gives lesion(s) {absent[:5]} an expert rim status, but they "
            "were neither measured nor excluded with a reason; run the participant again"
        )
