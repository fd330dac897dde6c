"""The tables of a cohort: how its sessions ended, what its lesions are, and who has how many rims."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from qsmrim_app.reports.cohort_facts import CohortFacts
from qsmrim_app.reports.sections import Row, Section
from qsmrim_app.reports.words import MINUS, MISSING, number
from qsmrim_app.tables.columns import EXCLUSION_REASONS
from qsmrim_app.tables.session_counts import SessionCounts

OUTCOME_TEXT = {"failed": "failed", "no_output": "no output"}
_COHORT_HEAD = (
    "Participants", "Sessions", "Lesions", "a session: median (IQR)", "volume a session, mL: median (IQR)",
    "Rim+ lesions", "Participants with rim+", "Rim+ among these: median (IQR)",
)  # fmt: skip


def outcome_table(facts: CohortFacts) -> Section:
    """Sessions of each site by how they ended."""
    rows = []
    for site, sessions in _by_site(facts.sessions).items():
        counts = Counter(one.outcome for one in sessions)
        rows.append(
            (
                site,
                str(len({one.subject for one in sessions})),
                str(len(sessions)),
                str(counts["analysed"]),
                str(sum(one.n_lesions == 0 for one in sessions)),
                str(counts["failed"]),
                str(counts["no_output"]),
            )
        )
    return Section(
        "Sessions",
        ("Site", "Participants", "Sessions", "Analysed", "of these without lesions", "Failed", "No output"),
        tuple(rows),
        "No output: in the raw dataset, and the participant level left nothing of it.",
    )


def lesion_counts(facts: CohortFacts) -> Section:
    """Lesions by what became of them."""
    frame = facts.lesions.frame
    excluded = facts.lesions.frame["excluded_because"] != ""
    rated = frame["rim_expert"].notna()
    rows: list[Row] = [("in the lesion tables", str(len(frame)), "")]
    rows += [
        (f"not classified: {code.replace('_', ' ')}", str(n), EXCLUSION_REASONS.get(code, ""))
        for code, n in facts.excluded().items()
    ]
    rows.append(("with patch and features", str(int((~excluded).sum())), "what a method can look at"))
    without = int((~excluded & frame["rim_predicted"].isna()).sum())
    if without:
        rows.append(("of these without a prediction", str(without), "measured without a model"))
    rows.append(
        ("without a rating", str(int((~rated).sum())), "no expert status: they neither train nor count")
    )
    if rated.any():
        rows.append(
            ("rated, not classified", str(int((rated & excluded).sum())), "they neither train nor count")
        )
    return Section("Lesions", ("Lesions", "Number", "What it means"), tuple(rows))


def cohort_table(facts: CohortFacts) -> Section:
    """Sessions, lesions and rims of each site."""
    counts = facts.rim_counts()
    groups = _by_site(facts.analysed)
    if len(groups) > 1:
        groups = {**groups, "all": list(facts.analysed)}
    rows = tuple((site, *_cohort_row(sessions, counts)) for site, sessions in groups.items())
    return Section(
        "", ("Site", *_COHORT_HEAD), rows,
        f"Rim status: {facts.whose}. IQR: first to third quartile. Only sessions with a lesion table.",
    )  # fmt: skip


def _cohort_row(sessions: Sequence[SessionCounts], counts: Mapping[str, int]) -> Row:
    people = dict.fromkeys(one.subject for one in sessions)
    n_rim = [counts[subject] for subject in people if subject in counts]
    some = [n for n in n_rim if n]
    known = bool(n_rim)
    return (
        str(len(people)),
        str(len(sessions)),
        str(sum(one.n_lesions or 0 for one in sessions)),
        _quartiles([one.n_lesions or 0 for one in sessions], 1),
        _quartiles([(one.lesion_volume_mm3 or 0) / 1000 for one in sessions], 1),
        str(sum(n_rim)) if known else MISSING,
        f"{len(some)} of {len(n_rim)}" if known else MISSING,
        _quartiles(some, 1),
    )


def class_table(facts: CohortFacts) -> Section:
    """Volume and susceptibility of lesions with and without a rim."""
    frame, rim = facts.lesions.frame, facts.rim
    rows = []
    for name, chosen in (("rim+", rim == 1), (f"rim{MINUS}", rim == 0), ("no status", np.isnan(rim))):
        part = frame[chosen]
        if len(part):
            seen = part.loc[part["volume_mm3"] > 0, "volume_mm3"]
            rows.append(
                (name, str(len(part)), _quartiles(seen, 0), _quartiles(part["qsm_mean_ppb"].dropna(), 0))
            )
    head = ("Lesions", "Number", "Volume, mm³: median (IQR)", "Mean QSM, ppb: median (IQR)")
    return Section("By rim status", head, tuple(rows))


def session_table(facts: CohortFacts) -> Section:
    """Every session, also those without results, as in ``group_rimcounts.tsv``."""
    head = (
        "Participant", "Session", "Lesions", "Classified", "Rim+, expert", "Rim+, predicted", "Volume, mL",
        "Median QSM, ppb", "Fold",
    )  # fmt: skip
    rows = tuple(_session_row(one) for one in facts.sessions)
    return Section("Every session", head, rows, "The table group_rimcounts.tsv has the same rows.")


def _session_row(one: SessionCounts) -> Row:
    counts = (one.n_lesions, one.n_classified, one.n_rim_expert, one.n_rim_predicted)
    volume_ml = None if one.lesion_volume_mm3 is None else one.lesion_volume_mm3 / 1000
    return (
        one.subject,
        one.session or MISSING,
        *(number(count) for count in counts),
        number(volume_ml, 2),
        number(one.qsm_median_ppb, 1),
        number(one.fold),
    )


def _by_site(sessions: Sequence[SessionCounts]) -> dict[str, list[SessionCounts]]:
    groups: dict[str, list[SessionCounts]] = {}
    for one in sessions:
        site, named, _ = one.subject.rpartition(":")
        groups.setdefault(site if named else "this dataset", []).append(one)
    return groups


def _quartiles(values: Sequence[float] | pd.Series, digits: int) -> str:
    if not len(values):
        return MISSING
    low, middle, high = (
        number(value, digits).removesuffix(".0")
        for value in np.percentile(np.asarray(values, dtype=np.float64), (25, 50, 75))
    )
    return f"{middle} ({low} to {high})"
