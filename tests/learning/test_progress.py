import pytest

from qsmrim_app.learning.progress import EpochReport, duration


def test_a_report_says_how_far_it_is_and_how_many_batches_gave_no_synthetic_row():
    assert str(EpochReport(3, 1, 40, 0.25, 5, 2, 1e-4, 25.2, 990.0)) == (
        "seed 3, epoch 1 of 40: loss 0.2500, 25 s, 16 min left; "
        "2 of 5 batches held fewer than two rim+ lesions"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (119.4, "119 s"), (121, "2 min"), (7199, "120 min"),
        (7200, "2.0 h"), (172_799, "48.0 h"), (172_800, "2.0 days"), (864_000, "10.0 days"),
    ],
)  # fmt: skip
def test_lengths_of_time(seconds, text):
    assert duration(seconds) == text
