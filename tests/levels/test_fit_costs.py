import logging
import time
from dataclasses import replace

import numpy as np
import pytest

from qsmrim_app.errors import ModelError
from qsmrim_app.levels.fit_costs import CostQuestion, FitCost, measure_cost
from qsmrim_app.levels.fitting import EVERYTHING, FitName, FitPlace, fit_one, plan_fits, unfinished
from qsmrim_app.levels.making_fits import make_fits
from qsmrim_app.settings import ResourceSettings
from tests.phantom_samples import complete_samples, lesion_samples, tiny_settings

FOLD_OF = {f"{number:03d}": number % 2 for number in range(10)}


@pytest.fixture
def samples():
    return lesion_samples(20, np.random.default_rng(1))


@pytest.fixture
def planned(samples, tmp_path):
    names = [FitName(fold, 0) for fold in (0, 1, EVERYTHING)]
    return plan_fits(
        names, tiny_settings(), samples, FOLD_OF, FitPlace(tmp_path, "cpu", 2, tmp_path / "logs")
    )


def asked(planned, samples, **resources):
    return CostQuestion(list(planned.values()), samples.subjects, ResourceSettings(**resources))


def test_the_others_follow_from_one_fit_by_their_rows(planned, samples):
    found = asked(planned, samples, nprocs=2).answer(
        [FitCost("qsmrim-net", 10.0, 1.5, 10), FitCost("qsmrim-net", 14.0, 1.0, 10)]
    )
    (method,) = found.methods
    assert method.n_fits == 3
    assert method.seconds == pytest.approx(1.2 * (10 + 10 + 20))
    assert found.seconds == pytest.approx(24)
    assert found.memory_gb == 1.5
    assert str(found) == (
        "expected: qsmrim-net 3 x 16 s; 2 at once, so about 24 s in all; 1.5 GB a process, 3.0 GB in all"
    )


def test_more_processes_than_fits_do_not_make_a_fit_shorter(planned, samples):
    found = asked(planned, samples, nprocs=8).answer([FitCost("qsmrim-net", 10.0, 1.0, 10)])
    assert found.n_workers == 3
    assert found.seconds == pytest.approx(40 / 3)


def test_a_lack_of_memory_is_said_before(planned, samples, caplog):
    with caplog.at_level(logging.WARNING):
        asked(planned, samples, nprocs=2, memory_gb=4.0).answer([FitCost("qsmrim-net", 1.0, 2.5, 10)])
    assert caplog.messages == [
        "2 fits at once need about 5.0 GB and may use 4.0; give fewer --nprocs or more --mem"
    ]
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        asked(planned, samples, nprocs=1, memory_gb=4.0).answer([FitCost("qsmrim-net", 1.0, 2.5, 10)])
    assert not caplog.messages


def test_as_many_are_measured_at_once_as_will_be_made_and_only_once(planned, samples):
    question = asked(planned, samples, nprocs=2)
    assert [task.name for task in question.trials()] == [FitName(0, 0)] * 2
    assert question.trials() == []
    assert CostQuestion([], samples.subjects, ResourceSettings()).trials() == []


def test_the_answer_comes_before_the_first_epoch(planned, samples, caplog, tmp_path):
    with caplog.at_level(logging.INFO):
        make_fits(planned, 2, asked(planned, samples, nprocs=2, memory_gb=1e-3))
    said = [
        number for number, line in enumerate(caplog.messages) if line.startswith("expected: qsmrim-net 3 x")
    ]
    epochs = [number for number, line in enumerate(caplog.messages) if "epoch 1 of 2" in line]
    assert len(said) == 1
    assert len(epochs) == 3
    assert any("give fewer --nprocs" in line for line in caplog.messages)
    assert "3 of 3 fits done" in caplog.messages[-1]
    assert not unfinished(planned)
    assert len(list((tmp_path / "logs").glob("*.csv"))) == 3


@pytest.mark.slow
@pytest.mark.parametrize("method", ["qsmrim-net", "aprl-rf"])
def test_the_expected_time_is_true_within_a_factor(method, tmp_path):
    samples = complete_samples(200, np.random.default_rng(1))
    fold_of = dict.fromkeys(samples.subjects.tolist(), 0)
    settings = tiny_settings(
        method=method, network__n_features=527, network__width=8, training__epochs=10, training__batch_size=32
    )
    (task,) = plan_fits(
        [FitName(EVERYTHING, 0)], settings, samples, fold_of, FitPlace(tmp_path, "cpu", 1)
    ).values()
    ratios = []
    for number in range(3):  # the median of several, as other programs run beside this one
        expected = measure_cost(task).seconds
        again = replace(task, folder=tmp_path / str(number))
        begin = time.perf_counter()
        fit_one(again)
        ratios.append((time.perf_counter() - begin) / expected)
    assert 1 / 1.5 < np.median(ratios) < 1.5


def test_what_cannot_be_measured_does_not_hide_why(samples, tmp_path):
    alone = replace(samples, rim=np.zeros(len(samples)))
    planned = plan_fits([FitName(0, 0)], tiny_settings(), alone, FOLD_OF, FitPlace(tmp_path, "cpu", 1))
    with pytest.raises(ModelError, match="found 0 of 10 rim"):
        make_fits(planned, 1, asked(planned, samples))
