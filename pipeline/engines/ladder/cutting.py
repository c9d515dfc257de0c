"""A reading up to the point where it began to run in circles. In: a reading and where to cut it. Out: what came before. Pure.

Blocks are cut where the text is: each is looked for in the text after the one before it. One that does not stand in the text as
it is (a figure, a table written otherwise) lies where the one before it ended.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pipeline.records import LOOP_CUT, Block, PageText


def cut_text(page: PageText, start: int) -> PageText:
    """The reading's first `start` characters, flagged `loop_cut`; how it ended stays on record. It took no seconds of its own,
    and of how many tokens its text is, nobody knows."""
    return replace(
        page,
        text=page.text[:start].rstrip(),
        text_tokens=None,
        seconds=0.0,
        blocks=tuple(_blocks_before(page.text, page.blocks, start)),
        flags=tuple(dict.fromkeys((*page.flags, LOOP_CUT))),
    )


def _blocks_before(text: str, blocks: Sequence[Block], start: int) -> Iterator[Block]:
    cursor = 0
    for block in blocks:
        found = text.find(block.text, cursor)
        begin = cursor if found < 0 else found
        if begin >= start:
            return
        if found < 0:
            yield block
            continue
        cursor = found + len(block.text)
        yield block if cursor <= start else replace(block, text=text[found:start].rstrip())
