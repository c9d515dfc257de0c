"""Data, scripts and styles as parts of an HTML file. In: plain values and the names of our own assets. Out: Markup.

Everything that comes from a document is hostile: it enters as JSON in which `<`, `>`, `&` and the line separators of JavaScript
are escaped, so that it cannot end its element, or through Jinja with autoescape. The page runs only scripts and styles
whose hash stands in its own policy, and loads nothing but `data:` images. Costs one pass over the data.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

Json = str | int | float | bool | None | Sequence["Json"] | Mapping[str, "Json"]
ASSETS = "pipeline.reporting", "assets"
ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}
"""`</script>` and `<!--` cannot stand in the element that they would end or change."""
ENVIRONMENT = Environment(
    loader=PackageLoader(*ASSETS),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@cache
def asset(name: str) -> str:
    """Text of a file in `assets/`."""
    return resources.files(ASSETS[0]).joinpath(ASSETS[1], name).read_text(encoding="utf-8")


def render(template: str, **values: object) -> Markup:
    """A template of `assets/`; every value that is not Markup is escaped."""
    return Markup(ENVIRONMENT.get_template(template).render(values))


def json_element(element_id: str, data: Json) -> Markup:
    """`<script type="application/json">`, which no browser runs. Raises ValueError for NaN and infinities: a signal that is not
    known is None. A lone surrogate, which UTF-8 cannot hold, is escaped as JSON does."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).translate(ESCAPES)
    text = "".join(f"\\u{ord(sign):04x}" if "\ud800" <= sign <= "\udfff" else sign for sign in text)
    return Markup('<script type="application/json" id="{}">{}</script>').format(element_id, Markup(text))


def policy(scripts: Iterable[str], styles: Iterable[str]) -> str:
    """The Content-Security-Policy under which these scripts and styles run, and nothing else does or loads."""
    return "; ".join(
        [
            "default-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            "img-src data:",
            f"script-src {_hashes(scripts)}",
            f"style-src {_hashes(styles)}",
        ]
    )


def _hashes(texts: Iterable[str]) -> str:
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
    return " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"
