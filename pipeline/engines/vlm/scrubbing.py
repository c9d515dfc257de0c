"""What no page shows and a model writes nevertheless: special tokens of its vocabulary, halves of them, control characters.

In: a model's output, decoded with its special tokens. Out: text that holds none and can be encoded as UTF-8. The vocabulary
is not consulted: everything of a special token's form goes, in DeepSeek's wide spelling with U+FF5C and U+2581 and in the
plain one, look-alike bars and brackets and invisible signs in between included, so that a page cannot print one into the
training text. A page that is about such tokens loses them; `<|x|>` with a name of one or two characters is mathematics and
stays. Linear in the text: 1 MB of `<|` takes under 0.2 s.
"""

import re

LESS, BAR, GREATER = "[<\uff1c\ufe64]", "[|\uff5c\u2502\u2223\u01c0\u2758\u00a6]", "[>\uff1e\ufe65]"
UNSEEN = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
"""Soft hyphen, zero-width signs and marks of writing direction."""
NAME = rf"[\w/\u2581.\-{UNSEEN}]"
SPECIAL_TOKEN = re.compile(rf"{LESS}{BAR}{NAME}{{3,64}}{BAR}{GREATER}|<image>")
"""`<|grounding|>`, `<|im_end|>`, `<\uff5cend\u2581of\u2581sentence\uff5c>`, and the one DeepSeek-OCR spells `<image>`."""
HALF_TOKEN = re.compile(rf"{LESS}{BAR}{NAME}{{0,64}}{BAR}?\s*\Z")
"""Cut off by the end of the output."""
END_TOKEN = re.compile("<\uff5cend\u2581of\u2581sentence\uff5c>|<[|](?:im_end|endoftext)[|]>")
"""Ends every output that came to its end."""
LINE_BREAK = re.compile("\r\n?|[\v\f\x85\u2028\u2029]")
CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
SURROGATE = re.compile("[\ud800-\udfff]")
SPACE_AT_LINE_END = re.compile(r"(?<![ \t])[ \t]+$", re.MULTILINE)
"""The look-behind tries each run of spaces once, not once from each of its spaces."""
EMPTY_LINES = re.compile(r"\n{3,}")


def encodable(text: str) -> str:
    """Line breaks as newlines, no controls, U+FFFD for surrogates."""
    return SURROGATE.sub("\ufffd", CONTROL.sub("", LINE_BREAK.sub("\n", text)))


def without_half_token(output: str) -> tuple[str, bool]:
    """The output without a token that its end cut off, and whether there was one."""
    whole, num_halves = HALF_TOKEN.subn("", output)
    return whole, num_halves > 0


def without_special_tokens(text: str) -> tuple[str, bool]:
    """The text with a space for each special token, and whether there was one but that which ends the output. The space keeps
    what stood on both sides from becoming a token itself: `<|re<|ref|>f|>`."""
    bare, num_tokens = SPECIAL_TOKEN.subn(" ", END_TOKEN.sub(" ", text))
    return bare, num_tokens > 0


def tidy(text: str) -> str:
    """No space at a line's end, at most one empty line, no margin."""
    return EMPTY_LINES.sub("\n\n", SPACE_AT_LINE_END.sub("", text)).strip()
