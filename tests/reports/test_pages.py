import re
import time
from dataclasses import replace

import numpy as np
import pytest

from qsmrim_app.errors import UnknownLesionError
from qsmrim_app.records import Case, RegistrationResult, SessionKey
from qsmrim_app.reports.methods_text import MethodsText
from qsmrim_app.reports.notices import RESEARCH_ONLY, SIMULATED_IMAGES, SIMULATED_TRAINING
from qsmrim_app.reports.pages import InputRow, QualityRow, SubjectReport, subject_page
from qsmrim_app.reports.references import Reference
from qsmrim_app.tables.columns import EXCLUSION_REASONS
from qsmrim_app.tables.lesion_table import lesion_table
from tests.phantoms import phantom_case
from tests.reports.builders import MODEL, Tags, report_of, rows_of, without_neighbours

EVIL = "\"'></title></style><script>alert(1)</script><img src=//x onerror=alert(1)><!--{{7*7}}{%raw%}&lt;"


def many_lesions(n):
    """A phantom head with n lesions of 2 x 2 x 1 voxels."""
    case = phantom_case(lesions=())
    places = np.argwhere(case.brain_mask.data[::3, ::3, :])[: 8 * n : 8] * (3, 3, 1)
    assert len(places) == n
    for label, (i, j, k) in enumerate(places, start=1):
        case.lesions.data[i : i + 2, j : j + 2, k] = label
    return case


# ---- what it says ------------------------------------------------------------------------------------------
def test_the_counts_stand_at_the_top():
    case = phantom_case()
    page = Tags(subject_page(report_of(case, lesion_table(rows_of(case, {1: 0.9, 2: 0.1, 3: 0.2, 4: 0.42})))))
    assert "2 rim+ of 5 lesions (threshold 0.42)" in page.text
    assert "2 rim−, 1 not classified" in page.text


def test_each_lesion_has_its_numbers_and_six_pictures():
    case = phantom_case()
    page = subject_page(report_of(case, lesion_table(rows_of(case, {1: 0.9, 2: 0.1, 3: 0.2, 4: 0.4199}))))
    cards = re.findall(r'<article.*?id="lesion-(\d+)".*?</article>', page, re.S)
    assert cards == ["1", "4", "3", "2", "5"]
    assert page.count('<path class="outline"') == 30
    first = Tags(re.search(r'<article[^>]*id="lesion-1".*?</article>', page, re.S)[0])
    assert "p = 0.900" in first.text
    assert "3 of 3" in first.text
    row = next(row for row in rows_of(case, {}) if row["index"] == 1)
    assert f"{row['x_mm']:.1f}, {row['y_mm']:.1f}, {row['z_mm']:.1f} mm" in first.text


def test_every_row_links_to_its_card():
    tags = Tags(subject_page(report_of(phantom_case())))
    ids = {attributes["id"] for _, attributes in tags.tags if "id" in attributes}
    targets = {a["href"][1:] for a in tags.named("a") if a["href"].startswith("#")}
    assert {f"lesion-{label}" for label in range(1, 6)} <= targets <= ids


def test_one_lesion():
    page = Tags(subject_page(report_of(without_neighbours(phantom_case(), 4))))
    assert "0 rim+ of 1 lesion (threshold" in page.text
    assert len(page.named("article")) == 1


def test_no_lesions():
    page = Tags(subject_page(report_of(phantom_case(lesions=()), lesion_table([]))))
    assert "No lesions" in page.text
    assert not page.named("article")
    assert "Registration of FLAIR to QSM" in page.text


def test_a_lesion_outside_the_image_is_listed_without_a_picture():
    case = without_neighbours(phantom_case(), 1)
    outside = {"subject": "01", "index": 9, "name": "lesion-009", "excluded_because": "too_small"}
    page = Tags(subject_page(report_of(case, lesion_table([*rows_of(case, {1: 0.9}), outside]))))
    assert "1 rim+ of 2 lesions" in page.text
    assert EXCLUSION_REASONS["too_small"] in page.text
    assert "No picture" in page.text


def test_a_lesion_without_a_row_is_an_error():
    case = phantom_case()
    rows = [row for row in rows_of(case, {}) if row["index"] != 3]
    with pytest.raises(UnknownLesionError, match=r"sub-01: .* \[3\]"):
        subject_page(report_of(case, lesion_table(rows)))


def test_without_a_model_nothing_is_called_negative():
    case = phantom_case()
    page = Tags(subject_page(replace(report_of(case, lesion_table(rows_of(case, {}))), model=None)))
    assert "5 lesions, not classified" in page.text
    assert "rim+ of" not in page.text


def test_a_failed_session_shows_its_errors_first():
    page = Tags(subject_page(SubjectReport(SessionKey("02", "01"), "0.1.0", errors=("the unit is unknown",))))
    assert "Not analysed" in page.text
    assert "the unit is unknown" in page.text
    assert "No lesions" not in page.text
    assert not page.named("svg")


def test_warnings_come_before_the_lesions():
    page = subject_page(replace(report_of(phantom_case()), warnings=("qform and sform disagree",)))
    assert page.index("qform and sform disagree") < page.index("<article")


# ---- notices -----------------------------------------------------------------------------------------------
def test_training_on_simulated_lesions_is_said_where_it_stays_in_sight():
    page = subject_page(report_of(phantom_case()))
    assert SIMULATED_TRAINING in Tags(re.search(r"<header.*?</header>", page, re.S)[0]).text  # sticky
    assert page.count(SIMULATED_TRAINING) >= 3


def test_a_model_of_patients_is_still_for_research():
    report = replace(
        report_of(phantom_case()), model=replace(MODEL, trained_on_simulation=False), methods=None
    )
    page = subject_page(report)
    assert "Trained on simulated lesions; for" not in page
    assert page.count(RESEARCH_ONLY) >= 3


def test_every_picture_of_simulated_data_says_so():
    page = subject_page(replace(report_of(phantom_case()), simulated_images=True))
    tags = Tags(page)
    assert SIMULATED_IMAGES in tags.text
    assert len(tags.with_class("sim")) == len(tags.named("svg")) > 30
    assert not Tags(subject_page(report_of(phantom_case()))).with_class("sim")


# ---- safety ------------------------------------------------------------------------------------------------
def poisoned(text):
    """A report with a text in every field that can hold one."""
    case = phantom_case()
    rows = rows_of(case, {1: 0.9, 2: 0.1, 3: 0.1})
    for row in rows:
        row |= {"subject": text, "session": text, "name": text, "flags": text}
    rows[3] |= {"excluded_because": text}
    case = Case(SessionKey(text, text), case.qsm, case.flair, case.lesions, case.brain_mask)
    return SubjectReport(
        key=case.key,
        app_version=text,
        case=case,
        table=lesion_table(rows),
        model=replace(MODEL, name=text, version=text, method=text, operating_point=text, trained_on=text),
        registration=RegistrationResult(np.eye(4), text, text, 0.1, 0.2, 0.3, 0.4, fell_back=True),
        inputs=(InputRow(text, text, text),),
        quality=(QualityRow(text, text, text, True),),
        warnings=(text,),
        errors=(),
        methods=MethodsText((text,), (Reference(text, text),)),
    )


def test_no_text_can_add_markup():
    harmless, evil = Tags(subject_page(poisoned("x"))), Tags(subject_page(poisoned(EVIL)))
    assert [tag for tag, _ in evil.tags] == [tag for tag, _ in harmless.tags]
    assert [set(attributes) for _, attributes in evil.tags] == [set(a) for _, a in harmless.tags]
    assert "{{7*7}}" in evil.text
    assert evil.text.count("<script>alert(1)</script>") > 20


def test_an_error_cannot_add_markup():
    report = SubjectReport(SessionKey(EVIL), "1", errors=(EVIL,))
    harmless = SubjectReport(SessionKey("x"), "1", errors=("x",))
    assert [t for t, _ in Tags(subject_page(report)).tags] == [
        t for t, _ in Tags(subject_page(harmless)).tags
    ]


def test_nothing_is_loaded_and_nothing_runs():
    page = subject_page(poisoned(EVIL))
    for tag, attributes in Tags(page).tags:
        assert tag not in ("script", "link", "iframe", "object", "embed", "form", "base", "foreignobject")
        assert not [
            name for name in attributes if name.startswith("on") or name in ("src", "srcset", "action")
        ]
        target = attributes.get("href", "#")
        if tag == "image":
            assert target.startswith("data:image/png;base64,")
        else:
            assert target.startswith("#") or (tag == "a" and target.startswith("https://doi.org/"))
    styles = "".join(re.findall(r"<style>.*?</style>", page, re.S))
    assert "url(" not in styles
    assert "@import" not in styles


def test_the_policy_forbids_the_network():
    policies = [
        meta["content"]
        for meta in Tags(subject_page(report_of(phantom_case()))).named("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    assert len(policies) == 1
    assert "default-src 'none'" in policies[0]
    assert "script" not in policies[0]


# ---- form --------------------------------------------------------------------------------------------------
def test_the_same_report_gives_the_same_page():
    assert subject_page(report_of(phantom_case())) == subject_page(report_of(phantom_case()))


def test_the_switch_hides_every_outline():
    page = subject_page(report_of(phantom_case()))
    assert "#show-outline:not(:checked) ~ main .outline { visibility: hidden; }" in page
    assert page.index('id="show-outline"') < page.index("<main>")


def test_three_hundred_lesions():
    report = report_of(many_lesions(300))
    start = time.perf_counter()
    page = subject_page(report)
    assert time.perf_counter() - start < 30
    assert len(page) < 15e6
    assert page.count("<article") == 300
    assert 'id="lesion-300"' in page


def test_an_oblique_case_is_drawn():
    assert subject_page(report_of(phantom_case(oblique=True))).count("<article") == 5
