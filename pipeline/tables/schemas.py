"""What the columns of `pages` and `documents` are: names, types, nullability, units.

Sources: reference/filters_and_schemas.md D1 (`pages`), D2 (`documents`, FinePDFs names), D3 (what every reader takes
unchanged: flat scalars, lists of scalars, one list of structs with fixed keys, no dictionary or large types). Neither table
has a `build` column: the build is the hive partition key in the path, and readers disagree on which of the two wins.

Every number a rule compares with a threshold is float64, as it was when the page was judged: 3 repeated lines of 10 are
0.3, which breaks no rule "above 0.3", but as float32 they are 0.30000001, which does. Rejudging must not turn on that.
Geometry and seconds are float32.
"""

from collections.abc import Mapping

import pyarrow as pa

SCHEMA_VERSION = "3"
"""Changes when a column comes, goes or changes its name, type or meaning; stands in each footer and in the manifest. A build
is of one version from its plan on: another version refuses it and says so. 2 added the modes and the ladder to `pages`, 3 the
known documents to their footer."""


def _required(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, kind, nullable=False)


def _list_of(kind: pa.DataType) -> pa.DataType:
    return pa.list_(pa.field("element", kind))


STRINGS = _list_of(pa.string())
TIMESTAMP = pa.timestamp("us", tz="UTC")

BLOCK = pa.struct(
    [
        ("label", pa.string()),
        ("text", pa.string()),
        ("confidence", pa.float32()),
        ("x0_pt", pa.float32()),
        ("y0_pt", pa.float32()),
        ("x1_pt", pa.float32()),
        ("y1_pt", pa.float32()),
    ]
)

ATTEMPT = pa.struct(
    [
        ("rung", pa.string()),
        ("mode", pa.string()),
        ("reasons", STRINGS),
        ("seconds", pa.float32()),
        ("output_tokens", pa.int32()),
        ("error", pa.string()),
    ]
)

SIGNAL_COLUMNS: Mapping[str, str] = {
    "num_chars": "chars",
    "num_words": "words",
    "num_letters": "letters",
    "num_digits": "digits",
    "garbled_fraction": "garbled",
    "alpha_word_fraction": "alpha_words",
    "mean_word_chars": "mean_word_len",
    "dup_line_fraction": "dup_line",
    "dup_10gram_fraction": "dup_10gram",
    "top_2gram_fraction": "top_2gram",
    "zlib_fraction": "zlib_ratio",
    "tail_repeats": "tail_repeats",
    "tail_repeat_chars": "tail_repeat_chars",
    "equal_line_run": "equal_line_run",
    "equal_line_run_chars": "equal_line_run_chars",
    "toc_line_fraction": "toc_lines",
    "reference_line_fraction": "reference_lines",
    "table_char_fraction": "table_chars",
    "language": "language",
    "language_score": "language_score",
    "language_score_fraction": "lang_ratio",
    "script": "script",
    "layer_chars": "layer_chars",
    "layer_recall": "layer_recall",
    "layer_precision": "layer_precision",
    "layer_repeats": "layer_repeats",
}
"""Field of `records.PageSignals` to column of `pages`: every field, so that rejudging needs the table alone."""

PAGES_SCHEMA = pa.schema(
    [
        _required("id", pa.string()),  # "{doc_id}/{page:06d}"
        _required("doc_id", pa.string()),  # sha256 of the document's bytes, hex
        _required("page", pa.int32()),  # 0-based
        _required("n_pages", pa.int32()),
        _required("uri", pa.string()),  # the document's canonical name; its other names are in the footer
        _required("text", pa.string()),  # cleaned Markdown; "" unless something was read
        _required("status", pa.string()),  # ok, blank, failed, forgotten
        _required("reject", STRINGS),  # empty: kept
        _required("warnings", STRINGS),
        _required("error", pa.string()),  # "" unless failed
        pa.field("source", pa.string()),  # ocr, text_layer; this and the next three are null when no engine was asked
        pa.field("engine_status", pa.string()),  # ok, failed; a page it read may still be failed: a loop, a cut text
        pa.field("engine", pa.string()),
        pa.field("engine_version", pa.string()),
        _required("language", pa.string()),  # BCP-47 primary tag
        _required("language_score", pa.float64()),
        _required("script", pa.string()),  # ISO 15924
        pa.field("width_pt", pa.float32()),  # as displayed; this and the next five are null when nothing was rendered
        pa.field("height_pt", pa.float32()),
        pa.field("rotation", pa.int16()),  # degrees
        pa.field("dpi", pa.float32()),  # the effective one, below the configured one when a cap scaled the page down
        pa.field("width_px", pa.int32()),
        pa.field("height_px", pa.int32()),
        pa.field("ink", pa.float64()),
        pa.field("layer_garbled", pa.float64()),  # null without a text layer
        pa.field("layer_hidden", pa.float64()),  # share of the layer that is not drawn; null without a text layer
        pa.field("ocr_conf", pa.float64()),
        pa.field("mean_logprob", pa.float64()),  # nats per token
        pa.field("finish_reason", pa.string()),  # stop, length, repetition
        pa.field("vision_tokens", pa.int32()),
        pa.field("output_tokens", pa.int32()),  # generated, markup included
        pa.field("text_tokens", pa.int32()),  # of the text alone
        pa.field("expected_tokens", pa.int32()),  # what the mode policy expected of them
        pa.field("mode", pa.string()),  # the engine's resolution setting
        pa.field("compression", pa.float64()),  # text tokens per vision token; null where one of them is not known
        pa.field("rung", pa.string()),  # step of the ladder that read the page, `first` before any; null: no engine was asked
        _required("attempts", _list_of(ATTEMPT)),  # the readings that the ladder set aside, oldest first
        _required("flags", STRINGS),  # what the engine noticed about its own reading
        _required("layer_chars", pa.int32()),
        pa.field("layer_recall", pa.float64()),  # null without a trusted text layer
        pa.field("layer_precision", pa.float64()),
        _required("layer_repeats", pa.bool_()),
        _required("chars", pa.int32()),  # code points
        _required("words", pa.int32()),
        _required("letters", pa.int32()),
        _required("digits", pa.int32()),
        _required("garbled", pa.float64()),
        _required("alpha_words", pa.float64()),
        _required("mean_word_len", pa.float64()),
        _required("dup_line", pa.float64()),
        _required("dup_10gram", pa.float64()),
        _required("top_2gram", pa.float64()),
        _required("zlib_ratio", pa.float64()),
        _required("tail_repeats", pa.int32()),
        _required("tail_repeat_chars", pa.int32()),
        _required("equal_line_run", pa.int32()),
        _required("equal_line_run_chars", pa.int32()),
        _required("toc_lines", pa.float64()),
        _required("reference_lines", pa.float64()),
        _required("table_chars", pa.float64()),
        pa.field("lang_ratio", pa.float64()),
        _required("furniture", STRINGS),
        _required("blocks", _list_of(BLOCK)),
        pa.field("text_hash", pa.binary(16)),  # sha256 of the UTF-8 text, first 16 bytes; null for an empty text
        pa.field("seconds", pa.float32()),  # engine time, that of the attempts included
        _required("processed_at", TIMESTAMP),
    ]
)

DOCUMENTS_SCHEMA = pa.schema(
    [
        _required("text", pa.string()),
        _required("id", pa.string()),  # sha256 of the document's bytes, hex
        pa.field("url", pa.string()),  # the URI when it has a scheme
        _required("file_path", pa.string()),  # the URI
        _required("aliases", STRINGS),  # other names of the same bytes
        pa.field("date", TIMESTAMP),  # of the source; null when it does not say
        _required("title", pa.string()),
        _required("author", pa.string()),
        _required("n_pages", pa.int32()),
        _required("page_ends", _list_of(pa.int64())),  # end offset in code points of each kept page
        _required("page_indices", _list_of(pa.int32())),  # its 0-based page
        _required("language", pa.string()),
        pa.field("language_score", pa.float64()),
        _required("script", pa.string()),
        _required("per_page_languages", STRINGS),
        pa.field("token_count", pa.int64()),  # null unless a tokenizer is named
        pa.field("tokenizer", pa.string()),
        _required("chars", pa.int64()),
        _required("words", pa.int64()),
        _required("bytes", pa.int64()),  # of the UTF-8 text
        _required("extractor", pa.string()),
        _required("ocr_pages", pa.int32()),
        _required("failed_pages", pa.int32()),
        _required("blank_pages", pa.int32()),
        pa.field("ocr_conf", pa.float64()),
        _required("is_form", pa.bool_()),
        _required("alpha_words", pa.float64()),
        _required("mean_word_len", pa.float64()),
        _required("dup_line", pa.float64()),
        _required("dup_10gram", pa.float64()),
        pa.field("minhash_cluster_size", pa.int32()),  # null where no near-duplicate search was made
        _required("duplicate_count", pa.int32()),  # further copies of the same bytes
        pa.field("license", pa.string()),
        _required("pipeline_version", pa.string()),
    ]
)
