import re

import numpy as np
import pytest

from qsmrim_app.reports.cohort_part import cohort_part, missing_part
from qsmrim_app.reports.figures import reliability_figure
from qsmrim_app.reports.group_page import GroupReport, group_page, numeric_columns
from qsmrim_app.reports.notices import RESEARCH_ONLY, SIMULATED_IMAGES, SIMULATED_TRAINING
from qsmrim_app.reports.sections import Section
from qsmrim_app.reports.training_part import training_parts
from qsmrim_app.tables.session_counts import SessionCounts
from tests.reports.builders import Tags
from tests.reports.cohorts import evaluation_of, facts_of, lesion, method_result
from tests.reports.test_pages import EVIL

COUNTS = dict.fromkeys(
    ("n_subjects", "n_lesions", "n_rim", "n_not_classified", "n_rim_not_classified", "n_without_rating"), 7
)


def _report(parts=(), simulated=False, warnings=()):
    return GroupReport(
        "0.1.0", "group report", "2 lesions", ("A fact.",), simulated, simulated, warnings, parts
    )


def _cohort_parts(name):
    failed = SessionCounts(name, "", "failed", reason=name)
    facts = facts_of({(name, ""): [lesion(rim_expert=1), lesion(rim_expert=0)]}, (failed,), "")
    return missing_part(facts), cohort_part(facts)


def _training_parts(seeds=(1,), **changes):
    found = {f"method-{seed}": evaluation_of(np.random.default_rng(seed), **changes) for seed in seeds}
    png = reliability_figure(next(iter(found.values())).reliability)
    results = {method: method_result(one, png) for method, one in found.items()}
    return training_parts(results, {"main": COUNTS}, (), "")


def test_names_of_the_data_are_shown_and_not_obeyed():
    # every place where a text of the data can stand: subjects, reasons, warnings
    text = group_page(_report(_cohort_parts(EVIL), warnings=(EVIL,)))
    tags = Tags(text)
    assert not tags.named("script")
    assert all((image["src"] or "").startswith("data:image/png;base64,") for image in tags.named("img"))
    assert tags.text.count("<script>alert(1)</script>") >= 4
    assert "{{7*7}}" in tags.text


def test_subjects_of_results_are_escaped_too():
    text = group_page(_report(_training_parts(prefix="<b>$x_1$:")))
    assert "<b>$x_1$:00" in Tags(text).text
    assert "<b>$x_1$" not in text


def test_the_page_needs_nothing_but_itself():
    text = group_page(_report((*_training_parts(), *_cohort_parts("01"))))
    tags = Tags(text)
    assert not tags.named("script") + tags.named("link")
    assert not re.findall(r'(?:src|href)="(?!data:|#)', text)
    assert any("default-src 'none'" in (meta.get("content") or "") for meta in tags.named("meta"))
    ids = {attributes["id"] for _, attributes in tags.tags if "id" in attributes}
    assert {link["href"][1:] for link in tags.named("a")} <= ids
    assert all(image["alt"] and int(image["width"]) > 300 for image in tags.named("img"))


@pytest.mark.parametrize(("simulated", "notice"), [(True, SIMULATED_TRAINING), (False, RESEARCH_ONLY)])
def test_what_the_results_are_worth_is_said_at_the_top_and_at_the_end(simulated, notice):
    text = Tags(group_page(_report(simulated=simulated))).text
    assert text.count(notice) == 3
    assert (SIMULATED_IMAGES in text) == simulated
    assert (SIMULATED_TRAINING in text) == simulated


def test_the_same_report_gives_the_same_text():
    assert group_page(_report(_training_parts())) == group_page(_report(_training_parts()))


def test_every_part_of_a_training_is_there():
    parts = {part.anchor: part for part in _training_parts((1, 2))}
    assert list(parts) == ["methods", "thresholds", "subjects", "calibration", "raters-and-sites", "examples"]
    titles = [section.title for part in parts.values() for section in (*part.sections, *part.folded)]
    for title in (
        "Methods side by side", "Thresholds in other ways", "For a reader", "Two raters", "Calibration",
        "Operating points of the trained models", "Thresholds of the folds",
        "What trained and what was scored",
    ):  # fmt: skip
        assert titles.count(title) == 1
    names = [figure.name for part in parts.values() for figure in part.figures]
    assert names == [
        "curves_main", "counts_main", "reliability_method-1", "reliability_method-2",
        "examples_method-1", "examples_method-2",
    ]  # fmt: skip


def test_a_training_with_a_single_rim():
    text = Tags(group_page(_report(_training_parts(n_rim=1)))).text
    assert "undefined" in text
    assert "nan" not in text.lower().split()


def test_columns_of_numbers_stand_flush_right():
    rows = (("net", "0.5 (0.4 to 0.6)", "–", "1 of 3: 0.3", "−0.2 (−0.3 to −0.1)*", "22.5 %"),) * 2
    assert numeric_columns(Section("", ("a",) * 6, rows)) == (False, True, True, False, True, True)
    assert numeric_columns(Section("", ("a", "b"), ())) == (False, False)
