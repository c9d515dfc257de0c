"""Page records of every shape, for properties."""

import dataclasses
from datetime import UTC, datetime

from hypothesis import strategies as st

from pipeline.records import Attempt, Block, PageFacts, PageId, PageRecord, PageSignals, PageText
from tests.tables.samples import document, opened

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NAMES = st.lists(st.sampled_from(["loop", "garbled", "low_conf"]), unique=True, max_size=3).map(tuple)
SINGLE = st.floats(0, 5000, width=32)
DOUBLE = st.floats(0, 1)
COUNT = st.integers(0, 2**31 - 1)
WHEN = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))
OPENED = opened(document("a.pdf"), num_pages=50)

FACTS = st.builds(
    PageFacts,
    width_pt=SINGLE,
    height_pt=SINGLE,
    rotation_degrees=st.sampled_from([0, 90, 180, 270]),
    dpi=SINGLE,
    width_px=COUNT,
    height_px=COUNT,
    ink_fraction=DOUBLE,
    layer_text=st.just(""),
    layer_garbled_fraction=st.none() | DOUBLE,
    layer_hidden_fraction=st.none() | DOUBLE,
)
SIGNALS = st.fixed_dictionaries(
    {
        field.name: {int: COUNT, float: DOUBLE, str: TEXT, bool: st.booleans()}.get(field.type, st.none() | DOUBLE)
        for field in dataclasses.fields(PageSignals)
    }
).map(lambda values: PageSignals(**values))
MODE = st.none() | st.sampled_from(["tiny", "gundam"])
ATTEMPTS = st.builds(Attempt, rung=TEXT, mode=MODE, reasons=NAMES, seconds=SINGLE, output_tokens=st.none() | COUNT, error=TEXT)
BLOCKS = st.builds(
    Block, label=TEXT, text=TEXT, box_pt=st.tuples(SINGLE, SINGLE, SINGLE, SINGLE), confidence=st.none() | SINGLE
)


@st.composite
def page_records_of_one_document(draw: st.DrawFn) -> list[PageRecord]:
    return [draw(_record(index)) for index in range(draw(st.integers(0, 4)))]


def _record(index: int) -> st.SearchStrategy[PageRecord]:
    @st.composite
    def build(draw: st.DrawFn) -> PageRecord:
        page_id = PageId(OPENED.doc_id, index)
        status = draw(st.sampled_from(["ok", "blank", "failed"]))
        text, error = (
            draw(st.tuples(TEXT, st.just("")) | st.tuples(st.just(""), TEXT)) if status == "failed" else (draw(TEXT), "")
        )
        reading = st.builds(
            PageText,
            page_id=st.just(page_id),
            text=st.just(text),
            status=st.just("failed" if error else "ok"),
            error=st.just(error),
            engine=TEXT,
            engine_version=TEXT,
            source=st.sampled_from(["ocr", "text_layer"]),
            blocks=st.lists(BLOCKS, max_size=3).map(tuple),
            confidence=st.none() | DOUBLE,
            mean_logprob=st.none() | st.floats(-9, 0),
            finish_reason=st.none() | st.sampled_from(["stop", "length"]),
            vision_tokens=st.none() | COUNT,
            output_tokens=st.none() | COUNT,
            text_tokens=st.none() | COUNT,
            expected_tokens=st.none() | COUNT,
            mode=MODE,
            rung=st.sampled_from(["first", "wider", "cut"]),
            attempts=st.lists(ATTEMPTS, max_size=3).map(tuple),
            seconds=SINGLE,
            flags=NAMES,
        )
        return PageRecord(
            page_id=page_id,
            document=OPENED,
            status=status,
            text=text,
            reject=draw(NAMES),
            warnings=draw(NAMES),
            furniture=draw(st.lists(TEXT, max_size=2).map(tuple)),
            facts=draw(st.none() | FACTS),
            page=draw(st.none() | reading),
            signals=draw(SIGNALS),
            error=error,
            processed_at=draw(WHEN),
        )

    return build()
