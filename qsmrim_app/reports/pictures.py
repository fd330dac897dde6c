"""Grey and coloured pictures as PNG data that a page carries inside itself."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from qsmrim_app.records import Case, Volume


@dataclass(frozen=True)
class Window:
    """The values shown as black and as white."""

    low: float
    high: float

    def grey(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """Grey levels 0 to 255, same shape; beyond the window clipped."""
        share = (values.astype(np.float64) - self.low) / max(self.high - self.low, 1e-9)
        return np.rint(255 * np.clip(share, 0, 1)).astype(np.uint8)


QSM_BELOW_PPB, QSM_ABOVE_PPB = 75.0, 125.0  # tissue dark grey, a rim light grey, veins and iron near white


def qsm_window(qsm: Volume, brain_mask: Volume) -> Window:
    """A window of fixed width about the brain's median, to 5 ppb: maps of any reference look alike."""
    inside = qsm.data[brain_mask.data & (qsm.data != 0)]
    middle = 5 * round(float(np.median(inside)) / 5) if inside.size else 0
    return Window(middle - QSM_BELOW_PPB, middle + QSM_ABOVE_PPB)


def flair_window(flair: Volume, brain_mask: Volume) -> Window:
    """Black at the 1st percentile of the brain, its median in the middle: lesions are not yet white."""
    inside = flair.data[brain_mask.data] if brain_mask.data.any() else flair.data
    low, middle, high = np.percentile(inside, (1, 50, 99.9))
    return Window(float(low), max(float(high), float(2 * middle - low)))


@dataclass(frozen=True, eq=False)
class GreyImages:
    """Both images of a case in grey levels, shape (i, j, k), uint8, with the windows that were used."""

    qsm: NDArray[np.uint8]
    flair: NDArray[np.uint8]
    qsm_window: Window
    flair_window: Window


def grey_images(case: Case) -> GreyImages:
    """QSM and FLAIR in grey levels; black where nothing was measured (0 outside the brain)."""
    windows = qsm_window(case.qsm, case.brain_mask), flair_window(case.flair, case.brain_mask)
    qsm, flair = (
        np.where(~case.brain_mask.data & (image.data == 0), np.uint8(0), window.grey(image.data))
        for image, window in zip((case.qsm, case.flair), windows, strict=True)
    )
    return GreyImages(qsm, flair, *windows)


def png_uri(picture: NDArray[np.uint8]) -> str:
    """A PNG as ``data:`` address, without time or text; shape (rows, columns) or (rows, columns, 3)."""
    buffer = BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(buffer, "PNG", compress_level=9)
    return png_data_uri(buffer.getvalue())


def png_data_uri(png: bytes) -> str:
    """The bytes of a PNG file as ``data:`` address."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
