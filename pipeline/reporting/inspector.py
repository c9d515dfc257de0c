"""Pages side by side with what was read of them: the inspector of a report and of `pagemill inspect`.

In: SampledPages and the rules they are judged by. Out: one Section. Each page is an element of data of its own, parsed when
it is looked at, and its picture another; what is listed and filtered stands in a third. Texts are cut to MAX_TEXT_CHARS and
blocks to MAX_BLOCKS, and their true sizes told. A page takes 8 kB in the file beside its picture.
"""

import base64
from collections.abc import Iterable
from dataclasses import asdict

from pipeline.config import PageRules
from pipeline.quality.rule_table import REJECT_RULES, comparisons
from pipeline.quality.rules import evidence_of
from pipeline.records import Attempt, Block, PageRecord, PageText
from pipeline.rendering.apart import Picture
from pipeline.reporting.embedding import Json, render
from pipeline.reporting.page import Section
from pipeline.reporting.page_signals import COLUMN_OF_FIELD
from pipeline.reporting.samples import SampledPage

SECTION_ID = "inspector"
MAX_TEXT_CHARS = 20_000
MAX_BLOCKS = 600
MAX_BLOCK_CHARS = 2_000
MAX_FURNITURE = 40


def inspector_section(pages: Iterable[SampledPage], rules: PageRules, *, listed: Iterable[PageRecord] = ()) -> Section:
    """`listed` are pages beyond the sampled ones that the list shall name; a server gives those that it has not drawn."""
    sampled = list(pages)
    present = {str(page.record.page_id) for page in sampled}
    data: dict[str, Json] = {}
    rows = [_listed(page.record, page.strata) for page in sampled]
    rows += [_listed(record, ()) for record in listed if str(record.page_id) not in present]
    for page in sampled:
        page_id = str(page.record.page_id)
        data[f"page-{page_id}"] = _page_values(page, rules)
        if isinstance(page.look, Picture):
            data[f"picture-{page_id}"] = base64.b64encode(page.look.data).decode()
    data["inspector"] = {"pages": rows}
    return Section(
        section_id=SECTION_ID,
        title="Inspector",
        body=render("inspector.html.j2", num_pages=len(rows)),
        data=data,
        scripts=("inspector.js",),
        styles=("inspector.css",),
    )


def _listed(record: PageRecord, strata: tuple[str, ...]) -> dict[str, Json]:
    """What the list shows and the filters ask for."""
    reading = record.page
    return {
        "id": str(record.page_id),
        "page": record.page_id.page_index,
        "numPages": record.document.num_pages,
        "uri": record.document.document.uri[:MAX_BLOCK_CHARS],
        "status": record.status,
        "reject": list(record.reject),
        "warnings": list(record.warnings),
        "rung": None if reading is None else reading.rung,
        "mode": None if reading is None else reading.mode,
        "engine": None if reading is None else reading.engine,
        "language": record.signals.language if reading is not None else None,
        "confidence": None if reading is None else reading.confidence,
        "strata": list(strata),
    }


def _page_values(page: SampledPage, rules: PageRules) -> dict[str, Json]:
    record, look = page.record, page.look
    blocks = () if record.page is None else record.page.blocks
    return {
        "title": record.document.title,
        "author": record.document.author,
        "error": record.error[:MAX_BLOCK_CHARS],
        "text": record.text[:MAX_TEXT_CHARS],
        "textChars": len(record.text),
        "blocks": [_block_values(block) for block in blocks[:MAX_BLOCKS]],
        "numBlocks": len(blocks),
        "furniture": [line[:MAX_BLOCK_CHARS] for line in record.furniture[:MAX_FURNITURE]],
        "widthPt": None if record.facts is None else record.facts.width_pt,
        "heightPt": None if record.facts is None else record.facts.height_pt,
        "rotation": None if record.facts is None else record.facts.rotation_degrees,
        "dpi": None if record.facts is None else record.facts.dpi,
        "ink": None if record.facts is None else record.facts.ink_fraction,
        "look": {"widthPx": look.width_px, "heightPx": look.height_px} if isinstance(look, Picture) else {"error": look.error},
        "reading": None if record.page is None else _reading_values(record.page),
        "attempts": [] if record.page is None else [_attempt_values(each) for each in record.page.attempts],
        "signals": {COLUMN_OF_FIELD[name]: value for name, value in asdict(record.signals).items()},
        "tests": _tests(record, rules),
    }


def _block_values(block: Block) -> dict[str, Json]:
    return {
        "label": block.label,
        "text": block.text[:MAX_BLOCK_CHARS],
        "chars": len(block.text),
        "confidence": block.confidence,
        "boxPt": [round(side_pt, 2) for side_pt in block.box_pt],
    }


def _reading_values(reading: PageText) -> dict[str, Json]:
    return {
        "engine": f"{reading.engine} ({reading.engine_version})",
        "source": reading.source,
        "mode": reading.mode,
        "rung": reading.rung,
        "confidence": reading.confidence,
        "meanLogprob": reading.mean_logprob,
        "finishReason": reading.finish_reason,
        "visionTokens": reading.vision_tokens,
        "outputTokens": reading.output_tokens,
        "textTokens": reading.text_tokens,
        "seconds": reading.seconds,
        "flags": list(reading.flags),
    }


def _attempt_values(attempt: Attempt) -> dict[str, Json]:
    return {
        "rung": attempt.rung,
        "mode": attempt.mode,
        "reasons": list(attempt.reasons),
        "seconds": attempt.seconds,
        "outputTokens": attempt.output_tokens,
        "error": attempt.error[:MAX_BLOCK_CHARS],
    }


def _tests(record: PageRecord, rules: PageRules) -> list[Json]:
    """What each rule holds against what; [] for a page that no rule decides on."""
    if record.facts is None or record.page is None or record.page.status == "failed":
        return []
    evidence = evidence_of(record.facts, record.page, record.signals)
    return [
        {
            "rule": name,
            "isBroken": condition.holds(evidence, rules),
            "column": COLUMN_OF_FIELD[each.signal],
            "value": evidence.numbers[each.signal],
            "comparison": each.comparison,
            "threshold": each.threshold,
            "limit": getattr(rules, each.threshold),
            "holds": each.holds(evidence, rules),
        }
        for name, condition in REJECT_RULES.items()
        for each in dict.fromkeys(comparisons(condition))
    ]
