"""Tables in a model's HTML, brought to a form that is nothing but a table.

In: text with `<table>` elements. Out: the same with bare tags: table, caption, thead, tbody, tfoot, tr, th and td keep
rowspan and colspan alone, br, b, i, u, em, strong, sub and sup keep no attribute. Whatever else looks like a tag inside a
table is text of the page, `a<b and c>d` or a printed `<script>`, and becomes `&lt;`: a reader sees it, a browser does not run
it. Nothing is dropped but attributes, and an unclosed table stays unclosed: its end tells a loop of empty cells. Text outside
of tables is left as it is: a textbook of HTML may print any tag, and a text column is not a web page. One pass, 4 MB/s.
"""

import re
from collections.abc import Iterator

TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)([^<>]*)(>?)")
"""Or the beginning of one: `<a<script>` is a tag to a browser once its second `<` is escaped."""
SPAN = re.compile(r"\b(rowspan|colspan)\s*=\s*[\"']?(\d{1,4})", re.IGNORECASE)
TABLE_TAGS = frozenset({"table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"})
INLINE_TAGS = frozenset({"br", "b", "i", "u", "em", "strong", "sub", "sup"})


def bare_tables(text: str) -> str:
    """The text with its tables bare; nested tables are inside."""
    return "".join(_rewritten(text)) if "<t" in text or "<T" in text else text


def _rewritten(text: str) -> Iterator[str]:
    depth, at = 0, 0
    for tag in TAG.finditer(text):
        yield text[at : tag.start()]
        at = tag.end()
        slash, name = tag[1], tag[2].lower()
        if name == "table" and tag[4]:
            depth = max(depth - 1, 0) if slash else depth + 1
        elif depth == 0:
            yield tag[0]
            continue
        is_cut = not tag[4] and not tag[3] and at == len(text)
        yield tag[0] if is_cut and name in TABLE_TAGS else _bare(slash, name, tag[0])
    yield text[at:]


def _bare(slash: str, name: str, tag: str) -> str:
    if name in TABLE_TAGS and tag.endswith(">"):
        spans = "" if slash else "".join(f' {key.lower()}="{int(number)}"' for key, number in SPAN.findall(tag))
        return f"<{slash}{name}{spans}>"
    if name in INLINE_TAGS and re.fullmatch(r"</?\w+\s*/?>", tag):
        return f"<{slash}{name}>"
    return "&lt;" + tag[1:]
