"""`python -m jobs.bench_modes CORPUS`: which modes the policy chooses, what that saves, and how well it guesses from pixels.

In: the reference corpus. Out: a dated section at the end of a Markdown page. Reads no text: a page costs its rendering and two
mode choices, about 0.1 s. The truth of a guess is the page's own text layer, or a scan's transcript, counted by
`policy.layer_tokens`; born-digital documents are halved by their hash, so that a constant fitted on one half can be held
against the other.
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
from jobs.bench_section import append_section, machine_lines
from jobs.command_line import DONE, run_command
from pipeline.config import DeepseekOcr2Config, DeepseekOcrConfig, Mode, ModePolicy, RenderConfig
from pipeline.engines.vlm.density import measure_lines
from pipeline.engines.vlm.modes import DEEPSEEK_OCR, DEEPSEEK_OCR_2, VisionModel, vision_tokens
from pipeline.engines.vlm.policy import ModeChoice, cheapest_mode, choose_mode, layer_tokens, line_tokens
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
SCANS = ("scanned", "rescans")
TRANSCRIBED = "scans with a transcript"
HALVES = ("born digital, first half", "born digital, second half")
MODELS: Mapping[str, tuple[VisionModel, ModePolicy]] = {
    "deepseek-ocr": (DEEPSEEK_OCR, DeepseekOcrConfig().policy),
    "deepseek-ocr-2": (DEEPSEEK_OCR_2, DeepseekOcr2Config().policy),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One page, and what the policy makes of it."""

    document: CorpusDocument
    true_tokens: int | None
    """Of a text layer that may be believed, or of the transcript; None without either."""
    line_tokens: int
    choice: ModeChoice
    """As a build would choose."""
    pixel_mode: Mode
    """The same without the text layer."""
    true_mode: Mode
    """The same from `true_tokens`; that of `choice` where they are not known."""
    gundam_tokens: int
    choice_s: float
    """CPU seconds of `choice`."""

    @property
    def group(self) -> str:
        half = HALVES[int(self.document.sha256[:4], 16) % 2]
        return half if self.document.folder == "born_digital" else TRANSCRIBED


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
    without_layer = replace(image.facts, layer_text="", layer_garbled_fraction=None, layer_hidden_fraction=None)
    true_tokens = true_tokens_of(document, image)
    lines = measure_lines(image.pixels_HWC)
    height_px, width_px = image.pixels_HWC.shape[:2]
    true_choice = cheapest_mode(
        model,
        policy,
        size_px=(width_px, height_px),
        expected_tokens=choice.expected_tokens if true_tokens is None else true_tokens,
        line_pitch_px=lines.line_pitch_px,
        evidence="layer",
    )
    return Sample(
        document=document,
        true_tokens=true_tokens,
        line_tokens=line_tokens(lines),
        choice=choice,
        pixel_mode=choose_mode(replace(image, facts=without_layer), policy, model).mode,
        true_mode=true_choice.mode,
        gundam_tokens=vision_tokens(model, "gundam", width_px, height_px),
        choice_s=choice_s,
    )


def true_tokens_of(document: CorpusDocument, image: PageImage) -> int | None:
    """Tokens of the transcript or of a layer that may be believed; None when there is neither, or fewer than MIN_TOKENS."""
    facts, text = image.facts, ""
    if document.folder in SCANS and document.truth_path:
        pages = document.truth_path.read_text(encoding="utf-8").split("\f")
        text = pages[image.page_id.page_index] if image.page_id.page_index < len(pages) else ""
    elif (
        has_layer_truth(document)
        and (facts.layer_garbled_fraction or 0.0) <= MAX_GARBLED_FRACTION
        and (facts.layer_hidden_fraction or 0.0) <= MAX_HIDDEN_FRACTION
    ):
        text = facts.layer_text
    num_tokens = layer_tokens(text)
    return num_tokens if num_tokens >= MIN_TOKENS else None


def report(samples: Sequence[Sample], model: VisionModel, policy: ModePolicy, per_document: int) -> list[str]:
    """The section's lines below the machine's."""
    median_s, slow_s = np.percentile([sample.choice_s for sample in samples], (50, 90))
    return [
        f"Up to {per_document} pages a document, drawn by sha256(seed:document:page), seed {SEED}, at {DPI} dpi, grey. Policy: "
        f"at most {policy.compression_at_most:g} expected text tokens per vision token, at least "
        f"{policy.line_px_at_least:g} px from line to line. A choice took {1000 * median_s:.1f} ms of CPU (median; 90 %: "
        f"{1000 * slow_s:.1f} ms). Whether a mode reads a page well is not measured here: no model was run.",
        "",
        *_mode_lines(samples, model),
        "",
        "Tokens expected from pixels alone over the true ones: those of the text layer on born-digital pages where it may "
        f"be believed (not known to lie, at most {MAX_GARBLED_FRACTION:.0%} garbled and {MAX_HIDDEN_FRACTION:.0%} hidden), "
        f"those of the transcript on scans; pages with {MIN_TOKENS} tokens or more. Mode: share of pages on which pixels give "
        "the mode that the true tokens give, and on which they give a smaller one; both have the pitch of lines from pixels.",
        "",
        *_accuracy_lines(samples, model),
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


def _accuracy_lines(samples: Sequence[Sample], model: VisionModel) -> list[str]:
    lines = [
        "| pages of | documents | pages | median | 10 % | 90 % | median, one vote a document | same mode | smaller mode |",
        "|---" * 9 + "|",
    ]
    order = list(model.modes)
    for group in (*HALVES, TRANSCRIBED):
        known = [(sample, sample.true_tokens) for sample in samples if sample.true_tokens and sample.group == group]
        if not known:
            continue
        ratios: dict[str, list[float]] = {}
        for sample, true_tokens in known:
            ratios.setdefault(sample.document.sha256, []).append(sample.line_tokens / true_tokens)
        median, low, high = np.percentile([ratio for page_ratios in ratios.values() for ratio in page_ratios], (50, 10, 90))
        steps = [order.index(sample.pixel_mode) - order.index(sample.true_mode) for sample, _ in known]
        cells = [
            *(group, str(len(ratios)), str(len(known)), f"{median:.2f}", f"{low:.2f}", f"{high:.2f}"),
            f"{np.median([np.median(page_ratios) for page_ratios in ratios.values()]):.2f}",
            *(f"{steps.count(0) / len(steps):.1%}", f"{sum(step < 0 for step in steps) / len(steps):.1%}"),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _lot(key: str) -> str:
    return hashlib.sha256(f"{SEED}:{key}".encode()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
