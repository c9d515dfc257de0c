"""A build to its report: one HTML page of what is stored of it. In: the store and a build. Out: the page, and its key.

A picture of stored facts: it may be made again at any time, and replaces the one that is there. Costs what `facts` costs, and a
page of about 200 kB beside the samples of `further` sections.
"""

import shlex
from collections.abc import Iterable, Sequence

from markupsafe import Markup

from pipeline.builds import layout
from pipeline.config import BuildConfig
from pipeline.interfaces import ObjectStore
from pipeline.reporting.build_figures import build_figures, funnel
from pipeline.reporting.document_figures import document_figures
from pipeline.reporting.embedding import render
from pipeline.reporting.facts import BuildFacts, read_facts
from pipeline.reporting.figure import Figure, Query, figure_card
from pipeline.reporting.headline import headline
from pipeline.reporting.page import Section, render_page
from pipeline.reporting.page_figures import page_figures
from pipeline.reporting.reading_figures import reading_figures
from pipeline.reporting.worker_figures import worker_figures


def build_report(
    store: ObjectStore, build_id: str, *, config: BuildConfig | None = None, further: Sequence[Section] = ()
) -> str:
    """The page. `config` is for the cost alone; `further` sections stand between headline and figures. Raises BuildError when
    the build was never planned, VerifyError, StoreError."""
    facts = read_facts(store, build_id, config)
    return render_page(
        f"Build {build_id}",
        [
            Section(section_id="summary", title="Summary", body=headline(facts, _card(facts, funnel(facts)))),
            *further,
            _section(facts, "pages", "Pages", page_figures(facts.pages)),
            _section(facts, "documents", "Documents", document_figures(facts)),
            _section(facts, "reading", "Reading", [*reading_figures(facts), *worker_figures(facts)]),
            _section(facts, "history", "History", build_figures(facts)),
            Section(section_id="about", title="About", body=_about(facts)),
        ],
        subtitle=f"{facts.dataset_uri}, planned {facts.plan.planned_at:%Y-%m-%d %H:%M} UTC",
    )


def put_report(store: ObjectStore, build_id: str, page: str) -> str:
    """Replaces the report of the build; gives its key."""
    key = layout.report_key(build_id)
    store.put(key, page.encode())
    return key


def figures_of(facts: BuildFacts) -> Iterable[Figure]:
    """Every figure of the page."""
    yield funnel(facts)
    yield from page_figures(facts.pages)
    yield from document_figures(facts)
    yield from reading_figures(facts)
    yield from worker_figures(facts)
    yield from build_figures(facts)


def _section(facts: BuildFacts, section_id: str, title: str, figures: Iterable[Figure]) -> Section:
    cards = Markup("\n").join(_card(facts, figure) for figure in figures)
    body = (
        Markup('<div class="figures">{}</div>').format(cards)
        if cards
        else Markup('<p class="none">No build before it, and no golden set.</p>')
    )
    return Section(section_id=section_id, title=title, body=body)


def _card(facts: BuildFacts, figure: Figure) -> Markup:
    return figure_card(figure, _command(facts, figure))


def _command(facts: BuildFacts, figure: Figure) -> str:
    """The beginning of the command line that answers the figure's query."""
    is_of_version = isinstance(figure.source, Query) and figure.source.table == "version" and facts.version is not None
    version = f" --version {facts.version.version_id}" if is_of_version and facts.version else ""
    return f"pagemill sql {shlex.quote(facts.dataset_uri)} --build {shlex.quote(facts.build_id)}{version}"


def _about(facts: BuildFacts) -> Markup:
    stamp = facts.plan.stamp
    return render(
        "about.html.j2",
        rows={
            "Dataset": facts.dataset_uri,
            "Input": facts.plan.input_uri,
            "Build": facts.build_id,
            "Version": facts.version.version_id if facts.version else "none",
            "Engine": stamp.engine,
            "Language detector": stamp.lang_detector,
            "Code": stamp.code_version,
            "Shards": f"{facts.num_shards_done:,} of {facts.num_shards:,}",
        },
        settings={"Recipe": stamp.recipe, "Rules": stamp.rules},
    )
