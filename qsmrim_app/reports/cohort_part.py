"""Who is in a cohort, who is missing and why, and what its lesions are: two parts of a group page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from qsmrim_app.reports.cohort_facts import EXPERT, PREDICTED, CohortFacts
from qsmrim_app.reports.cohort_figures import lesion_figure, rim_counts_figure
from qsmrim_app.reports.cohort_tables import (
    OUTCOME_TEXT,
    class_table,
    cohort_table,
    lesion_counts,
    outcome_table,
    session_table,
)
from qsmrim_app.reports.flow_figure import FlowStep, flow_figure
from qsmrim_app.reports.group_page import PageFigure, Part
from qsmrim_app.reports.sections import Section
from qsmrim_app.reports.words import MINUS, MISSING, plural


def missing_part(facts: CohortFacts) -> Part:
    """Who and what is missing, and why."""
    absent = [one for one in facts.sessions if one.n_lesions is None or one.reason]
    steps, ends = flow_of(facts)
    flow = PageFigure(
        "flow",
        "From participants to rim+ lesions",
        "Boxes on the right: what leaves at that step. (Compare Figure 2 of the paper.)",
        flow_figure(steps, ends, facts.note),
    )
    return Part(
        "missing",
        "Who is in it, and who is missing",
        sections=(outcome_table(facts), lesion_counts(facts)),
        figures=(flow,),
        folded=(
            Section(
                "Sessions without results, or with those of an earlier run",
                ("Participant", "Session", "Outcome", "Reason"),
                tuple(
                    (
                        one.subject,
                        one.session or MISSING,
                        OUTCOME_TEXT.get(one.outcome, one.outcome),
                        one.reason,
                    )
                    for one in absent
                ),
            ),
        )
        if absent
        else (),
    )


def cohort_part(facts: CohortFacts, more_figures: Sequence[PageFigure] = ()) -> Part:
    """The cohort in numbers and drawings."""
    counts = facts.rim_counts()
    figures = list(more_figures)
    if counts:
        figures.append(
            PageFigure(
                "rim_counts",
                "Rim+ lesions of each subject",
                f"By the {'experts' if facts.whose == EXPERT else 'model'}; all sessions of a subject "
                "together. The colours are the groups by which folds are stratified. (Compare Figure 3 of "
                "the paper.)",
                rim_counts_figure(counts, facts.whose, facts.note),
            )
        )
    frame = facts.lesions.frame
    drawing = lesion_figure(
        frame["volume_mm3"].fillna(0).to_numpy(dtype=np.float64),
        frame["qsm_mean_ppb"].to_numpy(dtype=np.float64),
        facts.rim,
        [one.n_lesions or 0 for one in facts.analysed],
        facts.note,
    )
    figures.append(
        PageFigure(
            "lesions",
            "Lesions a session, their volume and their susceptibility",
            f"Rim status: {facts.whose}. Dotted: medians. The zero of the QSM is that of the input files.",
            drawing,
        )
    )
    return Part(
        "cohort",
        "Cohort",
        (),
        (cohort_table(facts), class_table(facts)),
        tuple(figures),
        (session_table(facts),),
    )


def flow_of(facts: CohortFacts) -> tuple[tuple[FlowStep, ...], tuple[str, ...]]:
    """The boxes of the flow, and the two at its end."""
    outcomes = Counter(one.outcome for one in facts.sessions)
    n_people = len({one.subject for one in facts.sessions})
    classified = facts.lesions.frame[facts.lesions.classified]
    rated = classified if facts.whose == PREDICTED else classified[classified["rim_expert"].notna()]
    status = rated[f"rim_{facts.whose}"]
    steps = [
        FlowStep(
            (plural(n_people, "participant"), plural(len(facts.sessions), "session")),
            tuple(
                f"{plural(outcomes[name], 'session')}: {text}"
                for name, text in OUTCOME_TEXT.items()
                if outcomes[name]
            ),
        ),
        FlowStep(
            (f"{plural(len(facts.analysed), 'session')} analysed", plural(len(facts.lesions), "lesion")),
            tuple(f"{n} {code.replace('_', ' ')}" for code, n in facts.excluded().items()),
        ),
    ]
    without = len(classified) - len(rated)
    steps.append(
        FlowStep(
            (f"{plural(len(classified), 'lesion')} with patch and features",),
            ((f"{without} without a rating",) if without else ()),
        )
    )
    if facts.whose == EXPERT:
        steps.append(FlowStep((f"{plural(len(rated), 'lesion')} rated by experts",)))
    known = status.dropna()
    ends = (f"{int((known == 1).sum())} rim+", f"{int((known == 0).sum())} rim{MINUS}") if len(known) else ()
    return tuple(steps), ends
