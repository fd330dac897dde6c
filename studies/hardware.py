"""What a figure was measured on, in words."""

from __future__ import annotations

import os
from pathlib import Path

import torch


def hardware() -> str:
    """``2 cores of an AMD EPYC``, and the GPU where there is one."""
    cores = len(os.sched_getaffinity(0))
    processor = f"{cores} core{'s' if cores > 1 else ''} of an {_processor()}"
    return f"{torch.cuda.get_device_name()}, {processor}" if torch.cuda.is_available() else processor


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "CPU")
