import pytest

from qsmrim_app.reports.cards import expert_summary, lesion_cards, rim_classes
from qsmrim_app.tables.columns import EXCLUSION_REASONS, LESION_FLAGS
from qsmrim_app.tables.lesion_table import lesion_table


def row(index, **values):
    return {"subject": "01", "index": index, "name": f"lesion-{index}", **values}


def predicted(index, p, **values):
    return row(index, p_rim=p, rim_predicted=int(p >= 0.42), votes=2, **values)


TABLE = lesion_table(
    [
        row(1, excluded_because="too_small"),
        predicted(2, 0.1, rim_expert=1),
        predicted(3, 0.5, rim_expert=1),
        predicted(4, 0.9, rim_expert=0),
        predicted(5, 0.3),
        row(6),
    ]
)


def test_rim_positive_first_then_by_probability():
    cards = lesion_cards(TABLE, {}, 3)
    assert [card.label for card in cards] == [4, 3, 5, 2, 1, 6]
    assert [card.kind for card in cards[:3]] == ["rim_positive", "rim_positive", "rim_negative"]


def test_a_row_without_prediction_is_not_called_negative():
    assert rim_classes(TABLE)[6] == "unclassified"
    assert lesion_cards(TABLE, {}, 3)[-1].remarks == ("no prediction was made",)


def test_an_excluded_row_stays_unclassified_whatever_else_it_holds():
    table = lesion_table([row(1, excluded_because="no_qsm", rim_predicted=1, p_rim=0.9)])
    assert rim_classes(table) == {1: "unclassified"}
    assert lesion_cards(table, {}, 3)[0].remarks == (EXCLUSION_REASONS["no_qsm"],)


def test_votes_name_the_members():
    assert lesion_cards(TABLE, {}, 3)[0].votes == "2 of 3"
    assert lesion_cards(TABLE, {}, None)[0].votes == "2"
    assert lesion_cards(TABLE, {}, 3)[-1].votes == "–"


def test_agreement_with_the_expert():
    by_label = {card.label: card for card in lesion_cards(TABLE, {}, 3)}
    assert {label: card.agreement for label, card in by_label.items()} == {
        1: "", 2: "differs", 3: "agrees", 4: "differs", 5: "", 6: "",
    }  # fmt: skip
    assert (by_label[4].expert, by_label[3].expert, by_label[5].expert) == ("rim\N{MINUS SIGN}", "rim+", "–")


def test_expert_summary():
    summary = expert_summary(TABLE)
    assert (summary.rated, summary.positive, summary.differing) == (3, 2, 2)


def test_a_lesion_the_model_was_trained_on_says_so():
    table = lesion_table(
        [predicted(1, 0.9, in_training_set=1, flags="cropped"), predicted(2, 0.9, in_training_set=0)]
    )
    first, second = lesion_cards(table, {}, 1)
    assert first.remarks[0] == LESION_FLAGS["cropped"]
    assert "trained on this lesion" in first.remarks[1]
    assert second.remarks == ()


def test_raters_and_truth_stand_apart_from_the_consensus():
    table = lesion_table([predicted(1, 0.9, rim_rater1=1, rim_rater2=0, rim_truth=1)])
    assert lesion_cards(table, {}, 1)[0].others == (
        ("Rater 1", "rim+"),
        ("Rater 2", "rim\N{MINUS SIGN}"),
        ("Simulated truth", "rim+"),
    )


@pytest.mark.parametrize(
    ("volume", "shown"), [(5.06, "5.1"), (99.96, "100.0"), (1234.5, "1234"), (None, "–")]
)
def test_volume(volume, shown):
    assert lesion_cards(lesion_table([predicted(1, 0.9, volume_mm3=volume)]), {}, 1)[0].volume == shown


def test_no_rows():
    empty = lesion_table([])
    assert lesion_cards(empty, {}, 3) == ()
    assert rim_classes(empty) == {}
    assert expert_summary(empty).rated == 0
