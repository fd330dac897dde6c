import itertools

import pytest

from benchmarks.timing import alternate, alternate_outcomes, ratios, significant, spread


def test_actions_take_turns_and_the_first_turn_does_not_count():
    order, ticks = [], itertools.count()
    actions = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    found = alternate(actions, 2, clock=lambda: float(next(ticks)))
    assert order == ["a", "b"] * 3
    assert found == {"a": [1.0, 1.0], "b": [1.0, 1.0]}  # one tick between beginning and end


def test_outcomes_are_those_of_the_last_turn():
    numbers = itertools.count()
    _, outcomes = alternate_outcomes({"n": lambda: next(numbers)}, 3, warm_up=False)
    assert outcomes == {"n": 2}


def test_a_ratio_is_of_one_turn():
    assert ratios([10.0, 40.0], [1.0, 2.0]) == [10.0, 20.0]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.71834, "0.718"), (1249.6, "1,250"), (36.14, "36.1"), (0.0, "0"), (0.000022, "0.0000220")],
)
def test_significant_digits(value, text):
    assert significant(value) == text


def test_a_spread_is_median_lowest_highest():
    assert spread([3.0, 1.0, 2.0]) == "2.00 (1.00 to 3.00)"
    assert spread([2.5]) == "2.50"
