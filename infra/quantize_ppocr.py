"""Measures the value ranges that `engines/ppocr/int8` rounds to, on pages drawn here, and writes `engines/ppocr/ranges.py`.

    python infra/quantize_ppocr.py

Half of the pages are degraded like scans (blur, grey paper, noise). Needs no corpus, no network; a minute on one core.
The range of a tensor is the mean over batches of its least and largest value: single outliers would widen every step.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pymupdf
from onnx import TensorProto, helper

from pipeline.engines.ppocr.detection import detection_input
from pipeline.engines.ppocr.int8 import convolutions
from pipeline.engines.ppocr.recognition import batch_lines
from pipeline.engines.ppocr.weights import load_detection, load_recognition

TARGET = Path(__file__).resolve().parent.parent / "pipeline" / "engines" / "ppocr" / "ranges.py"
NUM_PAGES = 12
DPI = 150
SQUEEZE = 0.8
DETECTION_SCALE = 0.8
FONTS = ("helv", "tiro", "cour", "hebo", "tibo", "tiit")
SIZES = (7, 8, 9, 10, 11, 12, 14, 18)
SYLLABLES = (
    "ka",
    "re",
    "mi",
    "to",
    "lan",
    "ber",
    "con",
    "ing",
    "tion",
    "st",
    "ra",
    "pe",
    "qu",
    "ou",
    "sch",
    "ver",
    "ity",
    "und",
)
HEADER = '''"""Least and largest inputs of the convolutions that run in 8 bits; written by `infra/quantize_ppocr.py`."""

from collections.abc import Mapping

'''


def draw_page(seed: int) -> tuple[npt.NDArray[np.uint8], list[tuple[float, float]]]:
    """One page of invented words, sizes and fonts, and the bands of its lines in points; odd seeds are degraded."""
    rng = np.random.default_rng(seed)
    bands = []
    with pymupdf.open() as document:
        page = document.new_page(width=500, height=700)
        y = 40.0
        while y < 670:
            size = float(rng.choice(SIZES))
            words = " ".join(_word(rng) for _ in range(int(rng.integers(2, 14))))
            page.insert_text((30, y), words, fontsize=size, fontname=str(rng.choice(FONTS)))
            bands.append((y - size * 0.95, y + size * 0.35))
            y += size * 1.5
        pixmap = page.get_pixmap(dpi=DPI, colorspace=pymupdf.csGRAY, alpha=False)
        grey_HW = np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.height, pixmap.width).copy()
    if seed % 2:
        grey_HW = _degrade(grey_HW, rng)
    return grey_HW, bands


def recognition_inputs() -> Iterator[npt.NDArray[np.float32]]:
    """(B, 1, 48, W) lines of all pages."""
    for seed in range(NUM_PAGES):
        grey_HW, bands = draw_page(seed)
        lines = [_trim(grey_HW[int(top * DPI / 72) : int(bottom * DPI / 72)]) for top, bottom in bands]
        yield from (pixels_B1HW for _, pixels_B1HW in batch_lines(lines, SQUEEZE))


def detection_inputs() -> Iterator[npt.NDArray[np.float32]]:
    """(1, 1, H, W) pages."""
    for seed in range(NUM_PAGES):
        yield detection_input(draw_page(seed)[0], DETECTION_SCALE)


def _word(rng: np.random.Generator) -> str:
    word = "".join(rng.choice(SYLLABLES, size=int(rng.integers(1, 5))))
    kind = int(rng.integers(0, 12))
    shapes = {
        0: word.capitalize(),
        1: word.upper(),
        2: str(rng.integers(0, 100000)),
        3: word + str(rng.choice(list(",.;:)!?%"))),
    }
    return shapes.get(kind, word)


def _degrade(grey_HW: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    paper = 40 + cv2.GaussianBlur(grey_HW.astype(np.float32), (0, 0), 0.8) * (190 / 255)
    return np.asarray((paper + rng.normal(0, 9, paper.shape)).clip(0, 255), dtype=np.uint8)


def _trim(line_HW: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    inked = np.flatnonzero((line_HW < 110).any(axis=0))
    return line_HW[:, max(0, inked[0] - 6) : inked[-1] + 8]


def measure_ranges(model_bytes: bytes, inputs: Iterable[npt.NDArray[np.float32]]) -> Iterator[tuple[str, float, float]]:
    """Tensor name and the mean least and largest value; only tensors that are images (not one value a channel)."""
    model = onnx.load_from_string(model_bytes)
    names = list(dict.fromkeys(node.input[0] for node in convolutions(model.graph)))
    del model.graph.output[:]
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    input_name = session.get_inputs()[0].name
    seen: dict[str, list[tuple[float, float]]] = {}
    for values_B1HW in inputs:
        for name, values in zip(names, session.run(None, {input_name: values_B1HW}), strict=True):
            if values.shape[2] * values.shape[3] > 1:
                seen.setdefault(name, []).append((float(values.min()), float(values.max())))
    for name, extremes in seen.items():
        low, high = np.mean(extremes, axis=0)
        yield name, float(f"{low:.4g}"), float(f"{high:.4g}")


def table(name: str, ranges: Iterable[tuple[str, float, float]]) -> str:
    """Python source of one mapping."""
    rows = "".join(f'    "{tensor}": ({low}, {high}),\n' for tensor, low, high in ranges)
    return f"{name}: Mapping[str, tuple[float, float]] = {{\n{rows}}}\n"


if __name__ == "__main__":
    cv2.setNumThreads(1)
    detection = table("DETECTION_RANGES", measure_ranges(load_detection(), detection_inputs()))
    recognition = table("RECOGNITION_RANGES", measure_ranges(load_recognition().body, recognition_inputs()))
    TARGET.write_text(HEADER + detection + recognition)
