"""The threshold explorer as a section of a page. In: `ExplorerPages` and the rules they are judged by. Out: one Section.

What each threshold means stands beside it in words; `assets/explorer.js` evaluates the same conditions as `quality.rule_table`.
"""

from collections.abc import Collection, Mapping

from pipeline.config import RulesConfig
from pipeline.reporting.embedding import Json, render
from pipeline.reporting.explorer import ExplorerPages, explorer_values, thresholds
from pipeline.reporting.page import Section

SECTION_ID = "thresholds"
MEANINGS: Mapping[str, str] = {
    "loop_tail_repeats": "how often the last piece of the text repeats itself at its end",
    "loop_tail_chars": "characters that those repeats cover",
    "loop_equal_lines": "longest run of equal lines",
    "loop_equal_line_chars": "characters of that run",
    "loop_zlib_below": "compressed size of the text over its size",
    "loop_zlib_min_chars": "characters from which compression is looked at",
    "loop_dup_10gram_above": "share of the text in repeated runs of ten words",
    "loop_dup_10gram_min_words": "words from which repeated runs are looked at",
    "garbled_above": "share of characters that are replacements, private or control",
    "word_rules_min_words": "words from which word lengths are looked at",
    "glued_mean_word_chars_above": "mean length of a word, characters",
    "gibberish_min_letters": "letters from which language is looked at",
    "gibberish_score_below": "the language's score over its usual score",
    "gibberish_garbled_above": "share of garbled characters that makes gibberish certain",
    "low_conf_warn_below": "confidence that makes gibberish certain, and warns",
    "low_logprob_warn_below": "mean log probability that makes gibberish certain, and warns",
    "low_conf_below": "mean confidence of the engine",
    "low_logprob_below": "mean log probability of a token, nats",
    "layer_recall_below": "share of the text layer's words that were read",
    "layer_precision_below": "share of the words read that stand in the text layer",
    "layer_min_chars": "characters from which a text layer proves something",
    "layer_garbled_below": "share of garbled characters in a text layer that can be trusted",
    "layer_hidden_below": "share of a text layer that is not drawn",
}
"""Of every threshold that a reject rule has; a test compares the two lists."""


def explorer_section(pages: ExplorerPages, rules: RulesConfig, *, shown: Collection[str]) -> Section:
    """`shown` are ids of pages that the inspector of the same page has."""
    values: dict[str, Json] = {
        **explorer_values(pages, rules.pages, shown=shown),
        "meanings": dict(MEANINGS),
        "allRules": rules.model_dump(mode="json"),
    }
    return Section(
        section_id=SECTION_ID,
        title="Thresholds",
        body=render(
            "explorer.html.j2",
            num_pages=len(pages.ids),
            num_pages_of_build=pages.num_pages_of_build,
            num_thresholds=len(thresholds()),
        ),
        data={"explorer": values},
        scripts=("explorer.js",),
        styles=("explorer.css",),
    )
