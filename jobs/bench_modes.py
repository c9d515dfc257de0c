"""`python -m jobs.bench_modes CORPUS`: which modes the policy chooses, what that saves, and how well it guesses from pixels.

In: the reference corpus. Out: a dated section at the end of a Markdown page. Reads no text: a page costs its rendering and two
mode choices, about 0.1 s. The truth of a guess is the page's own text layer, counted by `policy.layer_tokens`; documents are
halved by their hash, so that a constant fitted on one half can be held against the other.
"""

import argparse
import hashlib
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from jobs.bench_pages import CorpusDocument, has_layer_truth, read_manifest
from jobs.bench_report import append_section, machine_lines
from jobs.command_line import DONE, run_command
from pipeline.config import DeepseekOcr2Config, DeepseekOcrConfig, ModePolicy, RenderConfig
from pipeline.engines.vlm.density import measure_lines
from pipeline.engines.vlm.modes import DEEPSEEK_OCR, DEEPSEEK_OCR_2, VisionModel, vision_tokens
from pipeline.engines.vlm.policy import ModeChoice, choose_mode, layer_tokens, line_tokens
from pipeline.errors import ConfigError
from pipeline.records import DocumentRef, OpenedDocument, PageImage
from pipeline.rendering import render_document

SEED = 20261123
DPI = 144
"""As the authors of DeepSeek-OCR render."""
FOLDERS = ("born_digital", "scanned", "rescans", "olmocr_bench_sample")
MIN_TOKENS = 30
"""A page with less text says nothing of an estimate."""
MAX_GARBLED_FRACTION, MAX_HIDDEN_FRACTION = 0.01, 0.1
HALVES = ("first half", "second half")
MODELS: Mapping[str, tuple[VisionModel, ModePolicy]] = {
    "deepseek-ocr": (DEEPSEEK_OCR, DeepseekOcrConfig().policy),
    "deepseek-ocr-2": (DEEPSEEK_OCR_2, DeepseekOcr2Config().policy),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One page, and what the policy makes of it."""

    document: CorpusDocument
    has_truth: bool
    """Its text layer may be believed."""
    layer_tokens: int
    line_tokens: int
    choice: ModeChoice
    """As a build would choose."""
    pixel_choice: ModeChoice
    """The same without the text layer."""
    gundam_tokens: int
    choice_s: float
    """CPU seconds of `choice`."""

    @property
    def half(self) -> str:
        return HALVES[int(self.document.sha256[:4], 16) % 2]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m jobs.bench_modes",
        description="Modes that the policy chooses on a corpus, vision tokens beside gundam, and guesses beside text layers.",
        epilog="example:\n  python -m jobs.bench_modes ../shared/corpus/dev --pages-per-document 6",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("corpus", type=Path, help="folder with manifest.csv")
    parser.add_argument("--model", choices=tuple(MODELS), default="deepseek-ocr", help="%(default)s")
    parser.add_argument("--pages-per-document", type=int, default=6, help="drawn by hash (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("infra/benchmarks/modes.md"), help="results page (%(default)s)")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    cv2.setNumThreads(1)
    model, policy = MODELS[arguments.model]
    samples = [
        sample_of(document, image, model, policy)
        for document in read_manifest(arguments.corpus)
        if document.folder in FOLDERS and document.path.is_file()
        for image in drawn_pages(document, arguments.pages_per_document)
    ]
    if not samples:
        raise ConfigError(f"no page in the folders {', '.join(FOLDERS)} of {arguments.corpus}; give the reference corpus")
    lines = [*machine_lines(), "", *report(samples, model, policy, arguments.pages_per_document)]
    print(append_section(arguments.out, f"modes and vision tokens, {model.name}", lines))
    return DONE


def drawn_pages(document: CorpusDocument, num_pages: int) -> Iterator[PageImage]:
    """Up to `num_pages` pages by sha256(seed:document:page); pages that do not render are left out."""
    data = document.path.read_bytes()
    reference = DocumentRef(uri=str(document.path), size_bytes=len(data), version=document.sha256, sha256=document.sha256)
    config = RenderConfig(dpi=DPI)
    opened = next(render_document(reference, data, config=config))
    if not isinstance(opened, OpenedDocument):
        return
    drawn = sorted(range(opened.num_pages), key=lambda page_index: _lot(f"{document.sha256}:{page_index}"))[:num_pages]
    for page_index in sorted(drawn):
        events = render_document(reference, data, config=config, first_page=page_index)
        event = next((event for event in events if not isinstance(event, OpenedDocument)), None)
        if isinstance(event, PageImage):
            yield event


def sample_of(document: CorpusDocument, image: PageImage, model: VisionModel, policy: ModePolicy) -> Sample:
    started_s = time.process_time()
    choice = choose_mode(image, policy, model)
    choice_s = time.process_time() - started_s
    facts = image.facts
    without_layer = replace(facts, layer_text="", layer_garbled_fraction=None, layer_hidden_fraction=None)
    num_tokens = layer_tokens(facts.layer_text)
    height_px, width_px = image.pixels_HWC.shape[:2]
    return Sample(
        document=document,
        has_truth=has_layer_truth(document)
        and num_tokens >= MIN_TOKENS
        and (facts.layer_garbled_fraction or 0.0) <= MAX_GARBLED_FRACTION
        and (facts.layer_hidden_fraction or 0.0) <= MAX_HIDDEN_FRACTION,
        layer_tokens=num_tokens,
        line_tokens=line_tokens(measure_lines(image.pixels_HWC)),
        choice=choice,
        pixel_choice=choose_mode(replace(image, facts=without_layer), policy, model),
        gundam_tokens=vision_tokens(model, "gundam", width_px, height_px),
        choice_s=choice_s,
    )


def report(samples: Sequence[Sample], model: VisionModel, policy: ModePolicy, per_document: int) -> list[str]:
    """The section's lines below the machine's."""
    true = [sample for sample in samples if sample.has_truth]
    median_s, slow_s = np.percentile([sample.choice_s for sample in samples], (50, 90))
    return [
        f"Up to {per_document} pages a document, drawn by sha256(seed:document:page), seed {SEED}, at {DPI} dpi, grey. Policy: "
        f"at most {policy.compression_at_most:g} expected text tokens per vision token, at least "
        f"{policy.line_px_at_least:g} px from line to line. A choice took {1000 * median_s:.1f} ms of CPU (median; 90 %: "
        f"{1000 * slow_s:.1f} ms). Whether a mode reads a page well is not measured here: no model was run.",
        "",
        *_mode_lines(samples, model),
        "",
        "Tokens expected from pixels alone over those of the text layer, on born-digital pages whose layer may be believed "
        f"(not known to lie, at most {MAX_GARBLED_FRACTION:.0%} garbled and {MAX_HIDDEN_FRACTION:.0%} hidden, {MIN_TOKENS} "
        "tokens or more):",
        "",
        *_accuracy_lines(true),
        "",
        *_agreement_lines(true, model),
    ]


def _mode_lines(samples: Sequence[Sample], model: VisionModel) -> list[str]:
    lines = [
        f"| folder | pages | {' | '.join(model.modes)} | none holds | from layer / lines / neither | vision tokens a page "
        "| all gundam | gundam over auto |",
        "|---" * (len(model.modes) + 7) + "|",
    ]
    for folder in (*FOLDERS, "all"):
        chosen = [sample for sample in samples if folder in (sample.document.folder, "all")]
        if not chosen:
            continue
        modes = Counter(sample.choice.mode for sample in chosen)
        evidence = Counter(sample.choice.evidence for sample in chosen)
        auto = float(np.mean([sample.choice.vision_tokens for sample in chosen]))
        gundam = float(np.mean([sample.gundam_tokens for sample in chosen]))
        cells = [
            *(folder, str(len(chosen)), *(str(modes[mode]) for mode in model.modes)),
            str(sum(not sample.choice.holds for sample in chosen)),
            " / ".join(str(evidence[kind]) for kind in ("layer", "lines", "none")),
            *(f"{auto:.0f}", f"{gundam:.0f}", f"{gundam / auto:.2f}"),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _accuracy_lines(samples: Sequence[Sample]) -> list[str]:
    lines = ["| documents | number | pages | median | 10 % | 90 % | one vote a document |", "|---|---|---|---|---|---|---|"]
    for half in (*HALVES, "all"):
        chosen = [sample for sample in samples if half in (sample.half, "all")]
        if not chosen:
            continue
        ratios = _ratios(chosen)
        median, low, high = np.percentile([ratio for group in ratios.values() for ratio in group], (50, 10, 90))
        by_document = float(np.median([np.median(group) for group in ratios.values()]))
        lines.append(f"| {half} | {len(ratios)} | {len(chosen)} | {median:.2f} | {low:.2f} | {high:.2f} | {by_document:.3f} |")
    return lines


def _ratios(samples: Sequence[Sample]) -> dict[str, list[float]]:
    """Tokens from lines over tokens of the layer, by document."""
    ratios: dict[str, list[float]] = {}
    for sample in samples:
        ratios.setdefault(sample.document.sha256, []).append(sample.line_tokens / sample.layer_tokens)
    return ratios


def _agreement_lines(samples: Sequence[Sample], model: VisionModel) -> list[str]:
    if not samples:
        return []
    pairs = Counter((sample.choice.mode, sample.pixel_choice.mode) for sample in samples)
    order = list(model.modes)
    same = sum(count for (by_layer, by_pixels), count in pairs.items() if by_layer == by_pixels)
    smaller = sum(count for (by_layer, by_pixels), count in pairs.items() if order.index(by_pixels) < order.index(by_layer))
    return [
        f"The mode chosen from pixels is the one chosen with the layer on {same / len(samples):.1%} of these pages, a smaller "
        f"one on {smaller / len(samples):.1%}. Rows: with the layer; columns: from pixels.",
        "",
        f"| | {' | '.join(order)} |",
        "|---" * (len(order) + 1) + "|",
        *(f"| {row} | {' | '.join(str(pairs[row, column]) for column in order)} |" for row in order),
    ]


def _lot(key: str) -> str:
    return hashlib.sha256(f"{SEED}:{key}".encode()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
