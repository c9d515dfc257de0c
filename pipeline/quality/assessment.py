"""What is wrong with one reading, while other readings of the page can still be had: the ladder's view of quality.

In: what is known of a page and one reading of it. Out: reject reasons, as the build would judge the page alone. Furniture and
words broken over a page's end need the neighbours, so the final verdict may differ for a page that is mostly running head.
Knows no engine. CPU time, measured: 1.8 ms a page of 3 kB and 34 lines, 2.7 ms with a text layer to compare, 12 ms for a loop
of 26 kB.
"""

from dataclasses import dataclass

from pipeline.config import CleaningConfig, PageRules
from pipeline.quality.cleaning import clean_document
from pipeline.quality.repetition import loop_start
from pipeline.quality.rules import is_layer_trusted, judge_page
from pipeline.quality.signals import measure_pages
from pipeline.records import PageFacts, PageText


@dataclass(frozen=True, kw_only=True, slots=True)
class PageAssessor:
    """`interfaces.Assessor` by the rules of a build."""

    rules: PageRules
    cleaning: CleaningConfig
    configured_dpi: float

    def reasons_against(self, facts: PageFacts, page: PageText) -> tuple[str, ...]:
        (cleaned,) = clean_document([page.text], self.cleaning)
        (signals,) = measure_pages([cleaned.text], layer_texts=[facts.layer_text], layer_garbled=[facts.layer_garbled_fraction])
        verdict = judge_page(facts, page, signals, self.rules, configured_dpi=self.configured_dpi)
        return (*verdict.reject, *(name for name in verdict.warnings if name == "overfull"))

    def loop_start(self, text: str) -> int | None:
        return loop_start(text, self.rules)

    def trusts_layer(self, facts: PageFacts) -> bool:
        return is_layer_trusted(facts, sum(map(len, facts.layer_text.split())), self.rules)
