import logging

import numpy as np
import pytest
import torch

from qsmrim_app.errors import ModelError
from qsmrim_app.learning.memory import look_in_batches, peak_memory_gb, smaller_batch, with_smaller_batches


def fits_up_to(limit, tried):
    def action(size):
        tried.append(size)
        if size > limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return f"done with {size}"

    return action


def test_the_largest_half_that_fits_is_taken(caplog):
    tried = []
    with caplog.at_level(logging.WARNING):
        assert with_smaller_batches(fits_up_to(20, tried), 64, 2, "cpu") == ("done with 16", 16)
    assert tried == [64, 32, 16]
    assert caplog.messages[0] == "device 'cpu' has too little memory for batches of 64; trying 32"


def test_what_fits_is_not_made_smaller():
    tried = []
    assert with_smaller_batches(fits_up_to(64, tried), 64, 2, "cpu") == ("done with 64", 64)
    assert tried == [64]


def test_an_end_is_said_in_one_sentence():
    tried = []
    with pytest.raises(ModelError, match="too small even for a batch of 3 lesion") as failure:
        with_smaller_batches(fits_up_to(1, tried), 12, 2, "cpu")
    assert tried == [12, 6, 3]
    assert "fewer --nprocs" in str(failure.value)
    with pytest.raises(ModelError):
        smaller_batch(1, 1, "cpu")


@pytest.mark.parametrize(
    "words",  # the first two came from a GPU that another program filled
    [
        "CUDA error: out of memory\nSearch for `cudaErrorMemoryAllocation'",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
        "cuDNN error: CUDNN_STATUS_NOT_INITIALIZED",
        "DefaultCPUAllocator: can't allocate memory: you tried to allocate 7 bytes",
    ],
)
def test_a_library_that_finds_no_memory_is_a_full_device_too(words):
    seen = []

    def look(rows, device):
        seen.append((rows.start, device))
        if device == "cpu:0":
            raise RuntimeError(words)

    look_in_batches(look, 3, 2, "cpu:0")
    assert seen == [(0, "cpu:0"), (0, "cpu:0"), (0, "cpu"), (2, "cpu")]

    with pytest.raises(ModelError, match="use fewer --nprocs"):
        with_smaller_batches(lambda _: look(slice(0), "cpu:0"), 4, 2, "cpu:0")
    with pytest.raises(
        ModelError, match=r"use --device cpu, .* wait until other programs have left this one"
    ):
        smaller_batch(2, 2, "cuda:1")


@pytest.mark.parametrize("error", [ValueError("out of memory"), RuntimeError("sizes do not match")])
def test_other_errors_pass(error):
    def broken(*_):
        raise error

    with pytest.raises(type(error), match=str(error)):
        with_smaller_batches(broken, 4, 2, "cpu")
    with pytest.raises(type(error), match=str(error)):
        look_in_batches(broken, 4, 2, "cuda")


def test_the_peak_holds_what_was_freed():
    before = peak_memory_gb()
    block = np.ones(60_000_000)  # 0.48 GB
    del block
    assert before + 0.2 < peak_memory_gb() < before + 2
