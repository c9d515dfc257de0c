"""A loop cut off, in the text and in the blocks."""

import pytest

from pipeline.config import CleaningConfig, CutRung, PageRules
from pipeline.engines.ladder.cutting import cut_text
from pipeline.quality.assessment import PageAssessor
from pipeline.records import Block, PageId
from tests.conftest import prose_of
from tests.engines.ladder.doubles import Told, image, ladder_on, reading, wider

PAGE = PageId("doc", 0)


def blocks(*texts: str) -> tuple[Block, ...]:
    return tuple(Block(label="text", text=text, box_pt=(0, float(at), 1, at + 1.0)) for at, text in enumerate(texts))


def test_blocks_are_cut_where_the_text_is() -> None:
    page = reading(PAGE, "head\nbody\nbody\nbody", blocks=blocks("head", "body", "body", "body"), text_tokens=9)
    cut = cut_text(page, len("head\nbody\nbo"))
    assert cut.text == "head\nbody\nbo"
    assert [block.text for block in cut.blocks] == ["head", "body", "bo"]
    assert (cut.flags, cut.finish_reason, cut.seconds, cut.text_tokens) == (("loop_cut",), "stop", 0.0, None)


def test_a_block_that_stands_otherwise_in_the_text_goes_with_its_neighbours() -> None:
    page = reading(PAGE, "head\n<table>x</table>\nfoot\nfoot", blocks=blocks("head", "x | y", "foot", "foot", "z | z"))
    assert [block.text for block in cut_text(page, len(page.text) - 5).blocks] == ["head", "x | y", "foot"]


@pytest.mark.parametrize("head_chars", [600, 0])
def test_a_page_that_ends_in_circles_keeps_its_head_where_that_is_worth_keeping(head_chars: int) -> None:
    text = prose_of(1, 1)[:head_chars] + "\n" + "and again the same words of the mill. " * 40
    assessor = PageAssessor(rules=PageRules(), cleaning=CleaningConfig(), configured_dpi=72.0)

    class Loops(Told):
        def recognize(self, pages):  # type: ignore[no-untyped-def]
            for page in pages:
                yield reading(page.page_id, text, finish_reason="repetition")

    (answer,) = ladder_on(Loops(), CutRung(name="cut"), assessor=assessor).recognize([image()])
    if head_chars == 0:
        assert (answer.rung, answer.attempts) == ("first", ())
        return
    assert (answer.rung, answer.flags, answer.seconds) == ("cut", ("loop_cut",), 1.0)
    assert answer.text.startswith(prose_of(1, 1)[:head_chars])
    assert len(answer.text) < head_chars + 100
    assert [attempt.reasons for attempt in answer.attempts] == [("loop",)]


def test_a_loop_that_an_earlier_rung_made_otherwise_bad_can_still_be_cut() -> None:
    base = Told({0: "loop loop"}, {(0, "wider"): "truncated"})
    rungs = (wider(), CutRung(name="cut"))

    class Cuttable:
        def reasons_against(self, facts, page):  # type: ignore[no-untyped-def]
            return () if "loop_cut" in page.flags else tuple(page.text.split())

        def loop_start(self, text: str) -> int | None:
            return 4

        def trusts_layer(self, facts: object) -> bool:
            return False

    (answer,) = ladder_on(base, *rungs, assessor=Cuttable()).recognize([image()])
    assert (answer.rung, answer.text, [each.rung for each in answer.attempts]) == ("cut", "loop", ["first", "wider"])
