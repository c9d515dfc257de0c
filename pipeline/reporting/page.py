"""Sections to one HTML file. In: sections, with their data and the names of their assets. Out: the file as text.

The file loads nothing and needs no server: scripts, styles and images stand in it. A section is a body that Jinja rendered (or
markup of its own) and, where it is alive, data as JSON and a script that finds it by `pagemill.data(name)` and draws by
`pagemill.element(...)`, which sets text and never HTML (`assets/page.js`). Knows no build.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from pipeline.reporting.embedding import Json, asset, json_element, policy, render

PAGE_SCRIPTS = ("page.js",)
PAGE_STYLES = ("page.css",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """One part of the page, and one entry of its navigation."""

    section_id: str
    """Of the HTML element, and of links to it."""
    title: str
    body: Markup
    """Goes into the page as it is: by `embedding.render`, or made of parts that are escaped."""
    data: Mapping[str, Json] = field(default_factory=dict)
    """By name, which is unique in the page."""
    scripts: tuple[str, ...] = ()
    """Files in `assets/`; each stands in the page once, after all data, in the order of the sections."""
    styles: tuple[str, ...] = ()


def render_page(title: str, sections: Sequence[Section], *, subtitle: str = "") -> str:
    """The whole file."""
    scripts = [asset(name) for name in _once(PAGE_SCRIPTS, *(section.scripts for section in sections))]
    styles = [asset(name) for name in _once(PAGE_STYLES, *(section.styles for section in sections))]
    return str(
        render(
            "page.html.j2",
            title=title,
            subtitle=subtitle,
            sections=sections,
            policy=policy(scripts, styles),
            styles=[Markup(style) for style in styles],
            scripts=[Markup(script) for script in scripts],
            data=[json_element(f"data-{name}", value) for section in sections for name, value in section.data.items()],
        )
    )


def _once(*names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name for some in names for name in some))
