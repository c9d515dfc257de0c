"""Builds for the tests of inspector and explorer: pages of every kind, in a folder, without an engine."""

import hashlib
import random
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from itertools import groupby
from pathlib import Path

from pipeline.builds import layout
from pipeline.config import PageRules
from pipeline.interfaces import ObjectStore
from pipeline.publishing.assemble import rejudge
from pipeline.quality.language import MIN_LETTER_FRACTION
from pipeline.quality.rule_table import REJECT_RULES, comparisons
from pipeline.receipts import Shard
from pipeline.records import LOOP_CUT, Attempt, Block, OpenedDocument, PageRecord, PageSignals, PageText
from pipeline.reporting.page_signals import SIGNALS
from pipeline.reporting.scales import SCALES
from pipeline.tables.pages import encode_pages
from tests.conftest import draw_pdf
from tests.tables.samples import blank_page, document, head, opened, page, unread_page

BUILD_ID = "main"
CALM = {"confidence": 0.95, "mean_logprob": -0.1, "layer_garbled_fraction": None, "layer_hidden_fraction": None}
"""Signals of a page that are no PageSignals, on a good one."""
SIGNAL_FIELDS = {field.name for field in fields(PageSignals)}


def put_pages(store: ObjectStore, records: Iterable[PageRecord]) -> None:
    """Each document in a shard of its own."""
    ordered = sorted(records, key=lambda record: record.page_id)
    for of, pages in groupby(ordered, key=lambda record: record.document):
        shard = Shard(shard_id=of.doc_id[:32], documents=(of.document,))
        shard_head = head(shard)
        documents = replace(shard_head.documents, opened=(of,))
        store.put(
            layout.pages_key(BUILD_ID, shard.shard_id), encode_pages(list(pages), replace(shard_head, documents=documents))
        )


def random_pages(num_documents: int, *, seed: int = 7) -> list[PageRecord]:
    """Six pages a document; half of those that were read are strange in two signals, half in all. The default rules judge."""
    chance = random.Random(seed)
    records: list[PageRecord] = []
    for number in range(num_documents):
        of = opened(document(f"{number:04d}.pdf"), 6)
        records += [
            blank_page(of, 0),
            unread_page(of, 1, error="no glyphs"),
            *(_random_page(of, index, chance) for index in range(2, 6)),
        ]
    return records


def _random_page(of: OpenedDocument, index: int, chance: random.Random) -> PageRecord:
    made = page(of, index, f"Page {index} of {of.document.uri}. " + "It says what it says. " * chance.randrange(1, 30))
    calm = {**{name: getattr(made.signals, name) for name in SIGNALS if name in SIGNAL_FIELDS}, **CALM}
    strange = SIGNALS if chance.random() < 0.5 else chance.sample(SIGNALS, 2)
    values = {name: _value(name, chance) if name in strange else calm[name] for name in SIGNALS}
    of_signals = {name: value for name, value in values.items() if name in SIGNAL_FIELDS}
    signals = replace(
        made.signals,
        **of_signals,  # type: ignore[arg-type]
        language=chance.choice(["en", "zh", "und", "ar"]),
        script=chance.choice(["Latn", "Hani", "Arab"]),
        layer_repeats=chance.random() < 0.2,
    )
    if chance.random() < 0.1:  # exactly at the share of letters from which language is looked at
        signals = replace(signals, num_chars=1000, num_letters=round(MIN_LETTER_FRACTION * 1000))
    assert made.page is not None
    assert made.facts is not None
    reading: PageText = replace(
        made.page,
        status=chance.choice(["ok", "ok", "ok", "failed"]) if index == 5 else "ok",
        confidence=values["confidence"],
        mean_logprob=values["mean_logprob"],
        finish_reason=chance.choice([None, "stop", "stop", "length", "repetition"]),
        source=chance.choice(["ocr", "ocr", "text_layer"]),
        mode=chance.choice([None, "tiny", "gundam"]),
        rung=chance.choice(["first", "first", "wider"]),
        flags=chance.choice([(), (), (LOOP_CUT,), ("unreadable_script",), (LOOP_CUT, "turned")]),
        attempts=(Attempt(rung="first", mode="tiny", reasons=("loop",), seconds=1.5, output_tokens=900),),
        blocks=tuple(_block(number, chance) for number in range(5)),
    )
    facts = replace(
        made.facts,
        layer_garbled_fraction=values["layer_garbled_fraction"],
        layer_hidden_fraction=values["layer_hidden_fraction"],
    )
    status = "failed" if reading.finish_reason in ("length", "repetition") and LOOP_CUT not in reading.flags else "ok"
    judged = rejudge(replace(made, page=reading, facts=facts, signals=signals, status=status), PageRules())
    return replace(judged, status="failed" if judged.reject == ("engine_failed",) else status)


def _block(number: int, chance: random.Random) -> Block:
    top_pt = 40.0 + 60.0 * number
    return Block(label="line", text=f"block {number}", confidence=chance.random(), box_pt=(50.0, top_pt, 400.0, top_pt + 30.0))


def _value(name: str, chance: random.Random) -> float | None:
    """One in five lies on a point, where `<`, `>` and `>=` differ, and one in five right beside it."""
    scale = SCALES[name]
    may_be_unknown = name in ("confidence", "mean_logprob", "language_score_fraction") or name.startswith("layer_")
    if may_be_unknown and name != "layer_chars" and chance.random() < 0.2:
        return None
    point = chance.randrange(scale.first, scale.last + 1, scale.stride) / scale.per_unit
    if scale.per_unit == 1:
        return int(point)
    return chance.choice([point, point + 1e-12, point - 1e-12, scale.last / scale.per_unit * chance.random(), point])


def random_rules(chance: random.Random, names: Sequence[str]) -> PageRules:
    """Every threshold somewhere on its scale."""
    scale_of = {each.threshold: SCALES[each.signal] for condition in REJECT_RULES.values() for each in comparisons(condition)}
    values = {
        name: chance.randrange(scale_of[name].first, scale_of[name].last + 1, scale_of[name].stride) / scale_of[name].per_unit
        for name in names
    }
    return PageRules.model_validate(
        {name: value or 1 for name, value in values.items() if name != "gibberish_score_below" or value}
    )


def drawn_pages(path: Path) -> list[PageRecord]:
    """Two pages of a PDF that is there, so that they can be drawn; the first has two blocks, one on its line of print."""
    draw_pdf(path, ["A line of print.", "Another page."])
    data = path.read_bytes()
    of = replace(
        opened(replace(document(path.name), uri=str(path), size_bytes=len(data)), 2), doc_id=hashlib.sha256(data).hexdigest()
    )
    blocks = [
        Block(label="line", text="A line of print.", box_pt=(58.0, 58.0, 140.0, 76.0), confidence=0.98),
        Block(label="line", text="and one below it", box_pt=(58.0, 400.0, 300.0, 420.0), confidence=0.4),
    ]
    return [with_blocks(page(of, 0, "A line of print. and one below it"), blocks), page(of, 1, "Another page.")]


def with_blocks(record: PageRecord, blocks: Sequence[Block]) -> PageRecord:
    """The same page, read as these."""
    assert record.page is not None
    return replace(record, page=replace(record.page, blocks=tuple(blocks)))
