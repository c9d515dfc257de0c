"""Line images to text: lines of many pages, sorted by width, in small batches; CTC with a small and a whole vocabulary.

A line is scaled to 48 pixels of height and narrowed by a *squeeze*. The body of the network is shared by two heads. The
*first* one knows the signs of the configured (or, for all scripts, the Latin) vocabulary; the *whole* one knows every sign
and costs ten times as much, so it is asked only about lines that the first one is not sure of. Knows nothing of pages.

Array legend: H, W pixels of one line; B lines, T steps (8 px each), F features.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.engines.ppocr.int8 import quantize
from pipeline.engines.ppocr.ranges import RECOGNITION_RANGES
from pipeline.engines.ppocr.runtime import Network, Runtime
from pipeline.engines.ppocr.weights import build_head, cut_vocabulary, load_recognition

Precision = Literal["int8", "f32"]

LINE_HEIGHT_PX = 48
LINES_PER_CALL = 4
WIDTH_STEP_PX = 64
"""Widths are rounded up to this: few shapes for the runtime to prepare, little padding."""
MIN_WIDTH_PX = 16
MAX_WIDTH_PX = 3200
"""A longer line is squeezed into this; bounds the memory of one call."""
SURE_SIGN_ABOVE = 0.6
"""A sign the first vocabulary lacks shows as one weak sign in an otherwise confident line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What a line says."""

    text: str
    confidence: float
    """Mean probability of its signs, 0..1; 0.0 for an empty text."""
    weakest: float
    """Probability of its least certain sign, 0..1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    network: Network
    signs: tuple[str, ...]


class LineReader:
    """The recognition network, open."""

    def __init__(self, runtime: Runtime, scripts: Sequence[str], precision: Precision) -> None:
        """`scripts` are those of the first vocabulary. Raises EngineError when the weights are missing."""
        recognition = load_recognition()
        body = quantize(recognition.body, RECOGNITION_RANGES) if precision == "int8" else recognition.body
        self._body = runtime.load(body)
        first = cut_vocabulary(recognition.signs, scripts)
        whole = range(len(recognition.signs))
        self._first = Head(
            network=runtime.load(build_head(recognition, first)), signs=tuple(recognition.signs[i] for i in first)
        )
        self._whole = Head(network=runtime.load(build_head(recognition, whole)), signs=recognition.signs)

    def read_first(self, lines: Sequence[npt.NDArray[np.uint8]], *, squeeze: float) -> list[Reading]:
        """With the first vocabulary only."""
        return self._read(lines, squeeze, doubt_below=0.0)

    def read_whole(self, lines: Sequence[npt.NDArray[np.uint8]], *, squeeze: float) -> list[Reading]:
        """With every sign."""
        return self._read(lines, squeeze, doubt_below=math.inf)

    def read_both(self, lines: Sequence[npt.NDArray[np.uint8]], *, squeeze: float, doubt_below: float) -> list[Reading]:
        """With the first vocabulary, and with every sign where that is not sure of the line or of one of its signs."""
        return self._read(lines, squeeze, doubt_below=doubt_below)

    def _read(self, lines: Sequence[npt.NDArray[np.uint8]], squeeze: float, *, doubt_below: float) -> list[Reading]:
        readings: dict[int, Reading] = {}
        for chosen, pixels_B1HW in batch_lines(lines, squeeze):
            features_BTF = np.asarray(self._body(pixels_B1HW)[0], dtype=np.float32)
            readings.update(zip(chosen, self._decode(features_BTF, doubt_below), strict=True))
        return [readings[i] for i in range(len(lines))]

    def _decode(self, features_BTF: npt.NDArray[np.float32], doubt_below: float) -> list[Reading]:
        if doubt_below > 1.0:
            return _decode_with(self._whole, features_BTF)
        readings = _decode_with(self._first, features_BTF)
        doubtful = [i for i, reading in enumerate(readings) if _is_doubtful(reading, doubt_below)]
        if doubtful:
            for i, reading in zip(doubtful, _decode_with(self._whole, features_BTF[doubtful]), strict=True):
                readings[i] = reading
        return readings


def batch_lines(lines: Sequence[npt.NDArray[np.uint8]], squeeze: float) -> Iterator[tuple[list[int], npt.NDArray[np.float32]]]:
    """Indices of lines and their pixels (B, 1, 48, W) in -1..1, narrow lines first, grey (0) to the right of each."""
    widths = [_width_px(line, squeeze) for line in lines]
    by_width = sorted(range(len(lines)), key=lambda i: widths[i])
    for start in range(0, len(by_width), LINES_PER_CALL):
        chosen = by_width[start : start + LINES_PER_CALL]
        width = math.ceil(widths[chosen[-1]] / WIDTH_STEP_PX) * WIDTH_STEP_PX
        pixels = np.zeros((len(chosen), 1, LINE_HEIGHT_PX, width), np.float32)
        for row, i in enumerate(chosen):
            scaled_HW = cv2.resize(lines[i], (widths[i], LINE_HEIGHT_PX), interpolation=cv2.INTER_LINEAR)
            pixels[row, 0, :, : widths[i]] = scaled_HW.astype(np.float32) * np.float32(2 / 255) - np.float32(1)
        yield chosen, pixels


def decode_ctc(
    best_T: Sequence[int] | npt.NDArray[np.int64], probability_T: npt.NDArray[np.float32], signs: Sequence[str]
) -> Reading:
    """CTC's greedy path: repeats collapse, blanks (index 0) vanish; a blank between two equal signs keeps both."""
    best = np.asarray(best_T)
    kept = best != 0
    kept[1:] &= best[1:] != best[:-1]
    if not kept.any():
        return Reading(text="", confidence=0.0, weakest=0.0)
    probabilities = probability_T[kept]
    return Reading(
        text="".join(signs[i] for i in best[kept]).strip(),
        confidence=float(probabilities.mean()),
        weakest=float(probabilities.min()),
    )


def _decode_with(head: Head, features_BTF: npt.NDArray[np.float32]) -> list[Reading]:
    best_BT, probability_BT = head.network(features_BTF)
    return [
        decode_ctc(best_T, probability_T, head.signs)
        for best_T, probability_T in zip(best_BT.astype(np.int64), probability_BT.astype(np.float32), strict=True)
    ]


def _is_doubtful(reading: Reading, doubt_below: float) -> bool:
    return bool(reading.confidence < doubt_below or (doubt_below > 0.0 and reading.weakest < SURE_SIGN_ABOVE))


def _width_px(line_HW: npt.NDArray[np.uint8], squeeze: float) -> int:
    height, width = int(line_HW.shape[0]), int(line_HW.shape[1])
    return min(max(MIN_WIDTH_PX, math.ceil(LINE_HEIGHT_PX * width / height * squeeze)), MAX_WIDTH_PX)
