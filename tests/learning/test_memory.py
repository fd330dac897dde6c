import logging

import numpy as np
import pytest
import torch

from qsmrim_app.errors import ModelError
from qsmrim_app.learning.memory import peak_memory_gb, smaller_batch, with_smaller_batches


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
    assert "--device cpu" in str(failure.value)
    with pytest.raises(ModelError):
        smaller_batch(1, 1, "cpu")


def test_other_errors_pass():
    def broken(_):
        raise ValueError("no memory error")

    with pytest.raises(ValueError, match="no memory error"):
        with_smaller_batches(broken, 4, 2, "cpu")


def test_the_peak_holds_what_was_freed():
    before = peak_memory_gb()
    block = np.ones(60_000_000)  # 0.48 GB
    del block
    assert before + 0.2 < peak_memory_gb() < before + 2
