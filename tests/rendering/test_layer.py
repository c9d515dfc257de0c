"""The text layer's looks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.rendering.layer import MAX_LAYER_CHARS, garbled_fraction, layer_of, storable


@pytest.mark.parametrize(
    ("text", "fraction"),
    [
        ("Plain words,\ttabs\r\nand lines, ünd 書.", 0.0),
        ("ab\ufffd\ufffd", 0.5),
        ("\ue000\uf8ff\U000f0001x", 0.75),
        ("infor\x02mation", 1 / 12),
        ("soft\u00adhyphen", 0.0),
        ("(cid:12) ok", 0.1),
        ("", 0.0),
        (" \n", 0.0),
    ],
)
def test_garbled_characters_are_counted_against_all_that_show(text: str, fraction: float) -> None:
    assert garbled_fraction(text) == pytest.approx(fraction)


@given(st.text(st.characters(), max_size=200))
def test_a_layer_can_always_be_stored_and_its_fraction_is_one(text: str) -> None:
    kept, fraction = layer_of(text)
    kept.encode("utf-8")
    assert (fraction is None) == (kept == "")
    assert fraction is None or 0.0 <= fraction <= 1.0


def test_surrogates_are_joined_or_replaced() -> None:
    assert storable("\ud835\udc00 \udc00") == "\U0001d400 \ufffd"


def test_a_layer_is_cut_at_its_cap() -> None:
    assert len(layer_of("word " * MAX_LAYER_CHARS)[0]) == MAX_LAYER_CHARS
