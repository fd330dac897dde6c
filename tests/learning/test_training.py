import logging
import time

import numpy as np
import pytest
import torch

from qsmrim_app.detectors.registry import new_detector
from qsmrim_app.errors import ModelError, UsageError
from qsmrim_app.learning import training
from qsmrim_app.learning.batches import TrainingRows
from qsmrim_app.learning.checkpoints import load_checkpoint
from qsmrim_app.learning.scaling import fit_feature_scaler, scale_patches
from qsmrim_app.learning.training import TrainingRun, seconds_per_lesion, train
from qsmrim_app.networks.build import build_network
from qsmrim_app.networks.qsmrim_net import QsmRimNet
from tests.phantom_samples import lesion_samples, tiny_settings


def _rows(n, rng):
    samples = lesion_samples(n, rng)
    return TrainingRows(
        torch.from_numpy(samples.patches),
        torch.from_numpy(fit_feature_scaler(samples.features, 10).transform(samples.features)),
        torch.from_numpy(samples.rim.astype(np.float32)),
    )


def _train(rows, seed=0, progress=None, checkpoint=None, fingerprint="", **changes):
    settings = tiny_settings(**changes)
    run = TrainingRun(settings, seed, checkpoint=checkpoint, fingerprint=fingerprint)
    return train(lambda: QsmRimNet(settings.network), rows, run, progress)


def _same(one, other):
    return all(
        torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    )


def test_overfits_eight_lesions(rng):
    rows = _rows(8, rng)
    reports = []
    network = _train(
        rows,
        progress=reports.append,
        training__epochs=40,
        training__milestones=(),
        training__batch_size=8,
        training__learning_rate=1e-2,
        training__augment=False,
        network__classifier_dropout=0.1,
    )
    logits = network(scale_patches(rows.patches, tiny_settings().patch), rows.features).logits
    assert ((logits > 0) == (rows.labels > 0.5)).all()
    assert reports[-1].loss < 0.2 < reports[0].loss


def test_same_seed_same_weights_another_seed_others(rng):
    rows = _rows(8, rng)
    one, again, other = _train(rows, seed=1), _train(rows, seed=1), _train(rows, seed=2)
    assert _same(one, again)
    assert not _same(one, other)


def test_the_callers_random_state_is_left_alone(rng):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    _train(_rows(4, rng))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_killed_run_ends_in_the_same_weights(rng, tmp_path):
    rows = _rows(8, rng)
    whole = _train(rows, training__epochs=4)
    seen = []

    def killed(report):
        seen.append(report.epoch)
        if report.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _train(rows, progress=killed, checkpoint=tmp_path / "c.pt", training__epochs=4)
    resumed = _train(
        rows,
        progress=lambda report: seen.append(report.epoch),
        checkpoint=tmp_path / "c.pt",
        training__epochs=4,
    )
    assert seen == [1, 2, 3, 4]
    assert _same(whole, resumed)


def test_a_checkpoint_of_other_data_is_not_resumed(rng, tmp_path, caplog):
    rows = _rows(4, rng)
    _train(rows, checkpoint=tmp_path / "c.pt", fingerprint="one")
    seen = []
    with caplog.at_level(logging.WARNING):
        _train(rows, progress=seen.append, checkpoint=tmp_path / "c.pt", fingerprint="two")
    assert [report.epoch for report in seen] == [1, 2]
    assert "other data or settings" in caplog.text


def test_the_learning_rate_falls_at_each_milestone(rng, tmp_path):
    rates = {}

    def note(report):
        state = load_checkpoint(tmp_path / "c.pt")
        rates[report.epoch] = state["optimizer"]["param_groups"][0]["lr"]

    _train(_rows(4, rng), progress=note, checkpoint=tmp_path / "c.pt", training__epochs=10)
    expected = dict.fromkeys(range(1, 5), 1e-4) | {5: 1e-5, 6: 1e-5, 7: 1e-6, 8: 1e-6, 9: 1e-7, 10: 1e-7}
    assert rates == pytest.approx(expected)  # the rate of the next epoch


def test_batches_with_few_rim_lesions_are_counted(rng):
    rows = _rows(9, rng)
    rows.labels[:] = 0
    rows.labels[0] = 1
    reports = []
    _train(rows, progress=reports.append)
    assert [(report.n_batches, report.n_batches_few_rim) for report in reports] == [(2, 2), (2, 2)]


def test_augmentation_is_used_in_training(rng):
    rows = _rows(4, rng)
    assert not _same(_train(rows), _train(rows, training__augment=False))


def test_one_lesion_is_no_training_set(rng):
    with pytest.raises(ModelError, match="found 1 lesions"):
        _train(_rows(1, rng))


def test_a_batch_of_one_is_refused(rng):
    with pytest.raises(UsageError, match="batch_size is 1; expected a whole number from 2"):
        _train(_rows(4, rng), training__batch_size=1)


def test_an_early_milestone_leaves_the_first_epoch_its_learning_rate(rng):
    rows = _rows(4, rng)
    early = _train(rows, training__epochs=1, training__milestones=(0.1, 0.5))
    assert _same(early, _train(rows, training__epochs=1, training__milestones=()))


def test_a_training_that_diverges_is_stopped(rng):
    rows = _rows(4, rng)
    rows.features[0, 0] = torch.nan
    with pytest.raises(ModelError, match="the loss of epoch 1 is nan"):
        _train(rows)


def test_a_report_tells_learning_rate_and_time(rng):
    reports = []
    _train(_rows(8, rng), progress=reports.append, training__epochs=4)
    assert [report.learning_rate for report in reports] == pytest.approx([1e-4, 1e-4, 1e-5, 1e-6])
    assert all(report.seconds > 0 for report in reports)
    assert reports[0].seconds_left >= 3 * reports[0].seconds
    assert reports[-1].seconds_left == 0


def test_the_measured_pace_is_that_of_the_training_and_leaves_nothing(rng, tmp_path):
    rows, settings = (
        _rows(64, rng),
        tiny_settings(training__epochs=12, training__batch_size=16, network__width=8),
    )
    run = TrainingRun(settings, 0, checkpoint=tmp_path / "c.pt")
    torch.manual_seed(5)
    before = torch.get_rng_state()
    ratios = []
    for _ in range(5):  # the median of several, as other programs run beside this one
        expected = seconds_per_lesion(lambda: QsmRimNet(settings.network), rows, run) * 64 * 12
        assert not run.checkpoint.exists()
        assert torch.equal(torch.get_rng_state(), before)
        begin = time.perf_counter()
        train(lambda: QsmRimNet(settings.network), rows, TrainingRun(settings, 0))
        ratios.append((time.perf_counter() - begin) / expected)
    assert 1 / 1.5 < np.median(ratios) < 1.5


def test_a_network_learns_in_mixed_precision(rng, monkeypatch):
    """The one without an image: on the CPU, PyTorch's bfloat16 gradient of a convolution is NaN at times."""
    monkeypatch.setattr(training, "mixed_precision", lambda _: torch.autocast("cpu", dtype=torch.bfloat16))
    settings, losses = tiny_settings(method="aprl-nn", training__epochs=40, training__learning_rate=1e-2), []
    network = train(
        lambda: build_network(new_detector(settings).settings),
        _rows(16, rng),
        TrainingRun(settings, 0),
        lambda report: losses.append(report.loss),
    )
    assert losses[-1] < 0.7 * losses[0]
    assert all(value.dtype == torch.float32 for value in network.parameters())


def test_synthetic_rows_are_made_in_mixed_precision(rng):
    rows, settings = _rows(8, rng), tiny_settings()
    torch.manual_seed(0)
    network = QsmRimNet(settings.network).train()
    patches = scale_patches(rows.patches, settings.patch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits, labels = network(patches, rows.features, rows.labels, torch.Generator().manual_seed(0))
    assert len(logits) == len(labels) == 8 + 2 * 4
    assert torch.isfinite(logits).all()
    assert labels.tolist() == [*rows.labels.tolist(), *[1.0] * 8]
