import pytest

from qsmrim_app.reports.cohort_part import cohort_part, flow_of, missing_part
from qsmrim_app.reports.cohort_tables import class_table, cohort_table, lesion_counts, outcome_table
from qsmrim_app.tables.session_counts import SessionCounts
from tests.reports.cohorts import facts_of, lesion

ABSENT = (
    SessionCounts("a:04", "", "failed", reason="sub-04: no FLAIR"),
    SessionCounts("b:01", "x", "no_output"),
)


def _cohort():
    return facts_of(
        {
            ("a:01", "1"): [lesion(rim_expert=1, rim_predicted=0), lesion(40, 10, rim_expert=0)],
            ("a:01", "2"): [
                lesion(900, 50, rim_expert=1),
                lesion(3, excluded_because="too_small", rim_expert=1),
            ],
            ("a:02", ""): [],
            ("b:02", ""): [lesion(20, 5), lesion(0, excluded_because="not_on_grid")],
        },
        ABSENT,
    )


def test_every_session_is_counted_once_by_how_it_ended():
    rows = {row[0]: row[1:] for row in outcome_table(_cohort()).rows}
    # participants, sessions, analysed, without lesions, failed, no output
    assert rows == {"a": ("3", "4", "3", "1", "1", "0"), "b": ("2", "2", "1", "0", "0", "1")}


def test_every_lesion_is_counted_and_why_it_is_out():
    rows = {row[0]: row[1] for row in lesion_counts(_cohort()).rows}
    assert rows == {
        "in the lesion tables": "6",
        "not classified: not on grid": "1",
        "not classified: too small": "1",
        "with patch and features": "4",
        "of these without a prediction": "3",
        "without a rating": "2",
        "rated, not classified": "1",
    }


def test_the_cohort_by_hand():
    table = cohort_table(_cohort())
    rows = {row[0]: row[1:] for row in table.rows}
    assert list(rows) == ["a", "b", "all"]
    # participants, sessions, lesions, a session, mL a session, rim+, participants with rim+, rim+ among these
    assert rows["a"] == ("2", "3", "4", "2 (1 to 2)", "0.1 (0.1 to 0.5)", "3", "1 of 2", "3 (3 to 3)")
    assert rows["b"][5:] == ("–", "–", "–")  # nobody rated
    assert rows["all"][:3] == ("3", "4", "6")
    assert "expert" in table.text


def test_lesions_by_rim_status():
    rows = {row[0]: row[1:] for row in class_table(_cohort()).rows}
    assert rows["rim+"] == ("3", "100 (52 to 500)", "30 (30 to 40)")
    assert rows["rim−"] == ("1", "40 (40 to 40)", "10 (10 to 10)")
    assert rows["no status"][0] == "2"


def test_the_flow_leaves_nothing_out():
    steps, ends = flow_of(_cohort())
    assert [step.kept for step in steps] == [
        ("5 participants", "6 sessions"),
        ("4 sessions analysed", "6 lesions"),
        ("4 lesions with patch and features",),
        ("3 lesions rated by experts",),
    ]
    assert [step.left_out for step in steps] == [
        ("1 session: failed", "1 session: no output"),
        ("1 not on grid", "1 too small"),
        ("1 without a rating",),
        (),
    ]
    assert ends == ("2 rim+", "1 rim−")


def test_without_experts_the_prediction_is_shown_and_named():
    facts = facts_of({("01", ""): [lesion(rim_predicted=1), lesion(rim_predicted=0)], ("02", ""): []})
    assert facts.whose == "predicted"
    assert facts.rim_counts() == {"01": 1, "02": 0}
    assert flow_of(facts)[1] == ("1 rim+", "1 rim−")
    assert "predicted" in cohort_table(facts).text


def test_reasons_stand_with_the_sessions_that_lack():
    (listed,) = missing_part(_cohort()).folded
    assert listed.rows == (("a:04", "–", "failed", "sub-04: no FLAIR"), ("b:01", "x", "no output", ""))
    assert missing_part(facts_of({("01", ""): [lesion()]})).folded == ()


@pytest.mark.parametrize(
    "lesions",
    [{}, {("01", ""): []}, {("01", ""): [lesion()]}, {("01", ""): [lesion(0, float("nan"), rim_expert=1)]}],
    ids=["nobody", "no lesion", "no status", "one rim+ that fills no voxel"],
)
def test_small_cohorts_have_their_parts(lesions):
    facts = facts_of(lesions, ABSENT)
    for part in (missing_part(facts), cohort_part(facts)):
        assert all(figure.png.startswith(b"\x89PNG") for figure in part.figures)
    counts = dict(row[:2] for row in lesion_counts(facts).rows)
    assert counts["in the lesion tables"] == str(sum(map(len, lesions.values())))


def test_the_numbers_of_the_figure_are_those_of_the_table():
    facts = _cohort()
    assert sum(facts.rim_counts().values()) == int(cohort_table(facts).rows[-1][6])
