"""A device whose memory is too small, played by a network that raises what PyTorch raises."""

import pytest
import torch

from qsmrim_app.detectors.registry import new_detector
from qsmrim_app.errors import ModelError
from qsmrim_app.networks.qsmrim_net import QsmRimNet
from tests.phantom_samples import tiny_settings


class Crowded:
    """Memory holds batches of a certain size; ``seen`` are those that were tried."""

    def __init__(self, monkeypatch, limit):
        self.seen = []
        forward = QsmRimNet.forward

        def crowded(network, patches, *others):
            self.seen.append(len(patches))
            if len(patches) > limit:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return forward(network, patches, *others)

        monkeypatch.setattr(QsmRimNet, "forward", crowded)


def test_inference_goes_on_in_smaller_batches_where_memory_is_short(detector, samples, monkeypatch, caplog):
    expected = detector.predict_logits(samples)
    device = Crowded(monkeypatch, 3)
    assert detector.predict_logits(samples, batch_size=12) == pytest.approx(expected, abs=1e-5)
    assert device.seen == [12, 6] + [3, 3, 3] * 4
    assert "batches of 12; trying 6" in caplog.text


def test_no_memory_for_one_lesion_is_one_sentence(detector, samples, monkeypatch):
    Crowded(monkeypatch, 0)
    with pytest.raises(ModelError, match="even for a batch of 1 lesion"):
        detector.predict_logits(samples, batch_size=4)


def test_training_begins_anew_with_smaller_batches_and_the_model_says_so(fit, samples, monkeypatch):
    small = fit(samples, seeds=(0,), training__batch_size=4)
    Crowded(monkeypatch, 5)
    fallen_back = fit(samples, seeds=(0,), training__batch_size=8)
    assert fallen_back.settings.training.batch_size == 8  # what was asked for
    assert fallen_back.info.training["smaller_batches"] == {"0": 4}
    assert "smaller_batches" not in small.info.training
    assert (fallen_back.predict_logits(samples) == small.predict_logits(samples)).all()
    assert fallen_back.to_bundle().info.training["smaller_batches"] == {"0": 4}


def test_a_training_with_smaller_batches_goes_on_where_it_stopped(samples, monkeypatch, tmp_path):
    Crowded(monkeypatch, 5)
    settings = tiny_settings(training__batch_size=8, training__epochs=3)
    whole = new_detector(settings)
    whole.fit(samples, (0,))
    epochs = []

    def killed(report):
        epochs.append(report.epoch)
        if report.epoch == 2 and len(epochs) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        new_detector(settings).fit(samples, (0,), progress=killed, checkpoint_dir=tmp_path)
    resumed = new_detector(settings)
    resumed.fit(samples, (0,), progress=killed, checkpoint_dir=tmp_path)
    assert epochs == [1, 2, 3]
    assert (resumed.predict_logits(samples) == whole.predict_logits(samples)).all()
