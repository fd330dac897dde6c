from contextlib import nullcontext

import pytest
import torch

from qsmrim_app.errors import UsageError
from qsmrim_app.learning.devices import choose_device, mixed_precision

no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there")


def test_the_cpu_is_always_there():
    assert choose_device("cpu") == ("cpu", ())


@no_gpu
def test_auto_falls_back_with_a_warning():
    device, warnings = choose_device("auto")
    assert device == "cpu"
    assert len(warnings) == 1
    assert "CPU" in warnings[0]


@no_gpu
@pytest.mark.parametrize("wanted", ["cuda", "cuda:1"])
def test_a_gpu_that_is_not_there_is_refused(wanted):
    with pytest.raises(UsageError, match="no usable GPU"):
        choose_device(wanted)


@pytest.mark.parametrize("wanted", ["gpu", "cuda:", "cuda:x", "", "CPU", "cpu:0"])
def test_unknown_devices_are_refused(wanted):
    with pytest.raises(UsageError, match="unknown device"):
        choose_device(wanted)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_auto_takes_a_working_gpu():
    assert choose_device("auto") == ("cuda", ())


def test_mixed_precision_is_for_a_gpu_that_has_it(monkeypatch):
    assert isinstance(mixed_precision("cpu"), nullcontext)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    assert isinstance(mixed_precision("cuda:1"), nullcontext)
    asked = []
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    monkeypatch.setattr(torch, "autocast", lambda kind, dtype: asked.append((kind, dtype)))
    mixed_precision("cuda")
    assert asked == [("cuda", torch.bfloat16)]
