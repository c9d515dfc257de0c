"""Which language a page is in, how much of it, and how clean the detector finds it.

In: a text and its letters per script. Out: a `LanguageGuess`. Knows nothing of pages, engines or rules. A script that one
language owns decides alone (zh, ja, ko, th, el, he, ...); pycld2 decides the rest, py3langid where pycld2 has no wheel.
Costs 60 us per 1,000 letters with pycld2, ten times that with py3langid (B of the reference).
"""

import importlib.metadata
import math
import re
from collections.abc import Mapping
from typing import NamedTuple

from pipeline.quality.characters import CJK_SCRIPTS

try:
    import pycld2

    DETECTOR_PACKAGE = "pycld2"
except ImportError:  # no wheel for aarch64 Linux and Python 3.14
    import py3langid

    DETECTOR_PACKAGE = "py3langid"

LANGUAGE_DETECTOR = f"{DETECTOR_PACKAGE} {importlib.metadata.version(DETECTOR_PACKAGE)}"
"""Name and version for the footer of the tables."""

UNDETERMINED = "und"
MIN_LETTERS = 50
MIN_LETTER_FRACTION = 0.20
"""Below either a page is `und` (FinePDFs' rule, A2): numbers, formulas and single titles have no language."""
MAX_DETECTED_CHARS = 2000
"""The detector reads this much from the middle of a longer page: accuracy and usual scores were measured on 2 kB (A3, B)."""
CJK_LETTER_WEIGHT = 3
"""A Han, kana or hangul letter counts as three: 1.7 Han characters make a word where Latin needs five letters."""
MIN_KANA_FRACTION = 0.05
"""Of Han and kana: above it the page is Japanese; running Japanese has 0.3 to 0.7, Chinese next to none."""

SCRIPT_LANGUAGES: Mapping[str, str] = {
    "Armn": "hy",
    "Cher": "chr",
    "Geor": "ka",
    "Grek": "el",
    "Gujr": "gu",
    "Guru": "pa",
    "Hang": "ko",
    "Hani": "zh",
    "Hebr": "he",
    "Jpan": "ja",
    "Khmr": "km",
    "Knda": "kn",
    "Laoo": "lo",
    "Mlym": "ml",
    "Mymr": "my",
    "Orya": "or",
    "Sinh": "si",
    "Taml": "ta",
    "Telu": "te",
    "Thaa": "dv",
    "Thai": "th",
    "Tibt": "bo",
}
"""Scripts whose text is in one language nearly always."""

USUAL_SCORES: Mapping[str, float] = {
    "de": 1051.0,
    "en": 1190.0,
    "es": 484.0,
    "fr": 779.0,
    "ja": 3351.0,
    "ko": 3679.0,
    "ru": 623.0,
    "zh": 1960.0,
}
"""Median pycld2 score on clean pages, A3 of the reference; a language that is not here has no score fraction."""

RENAMED_CODES: Mapping[str, str] = {"iw": "he", "jw": "jv", "in": "id", "ji": "yi", "un": UNDETERMINED}
"""pycld2's older codes in ISO 639-1."""

MARKUP_TAG = re.compile(r"<[^<>\n]{1,200}>")
ADDRESS = re.compile(r"https?://\S+")
MARKUP_CHARS = "|*#_`~\\"
"""Markup and addresses look like English to a detector."""
REFUSED = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF))
    + "]"
)
"""What pycld2 0.42 raises on, found by trying every code point."""


class LanguageGuess(NamedTuple):
    language: str
    """BCP-47 primary tag, `und` when undecidable."""
    score: float
    """Share of the text in that language, 0..1."""
    score_fraction: float | None
    """Detector score over the language's usual one; None when unknown."""
    script: str
    """ISO 15924 of most letters, `Jpan` for Han with kana, `Zyyy` when there are none."""


def guess_language(text: str, *, letters_by_script: Mapping[str, int], num_visible: int) -> LanguageGuess:
    """`num_visible` counts the characters that are not white space. A text of under 50 letters, or with letters under 20 % of
    its visible characters, is `und` with score 0."""
    script, script_fraction = main_script(letters_by_script)
    num_letters = sum(letters_by_script.values())
    if num_letters < MIN_LETTERS or num_letters < MIN_LETTER_FRACTION * num_visible:
        return LanguageGuess(UNDETERMINED, 0.0, None, script)
    detected = _detect(prose_of(text))
    owner = SCRIPT_LANGUAGES.get(script)
    if owner is None or script_fraction < 0.5:
        return LanguageGuess(*detected, script)
    return LanguageGuess(owner, script_fraction, detected[2] if detected[0] == owner else None, script)


def main_script(letters_by_script: Mapping[str, int]) -> tuple[str, float]:
    """The script of most letters and its share, where a CJK letter weighs three."""
    weights = {script: n * (CJK_LETTER_WEIGHT if script in CJK_SCRIPTS else 1) for script, n in letters_by_script.items()}
    kana = weights.pop("Hira", 0) + weights.pop("Kana", 0)
    han_and_kana = kana + weights.pop("Hani", 0)
    if han_and_kana:
        weights["Jpan" if kana >= MIN_KANA_FRACTION * han_and_kana else "Hani"] = han_and_kana
    if not weights:
        return "Zyyy", 0.0
    script = max(weights, key=lambda name: (weights[name], name))
    return script, weights[script] / sum(weights.values())


def prose_of(text: str) -> str:
    """The text as the detector may see it: no markup, no addresses, at most MAX_DETECTED_CHARS from its middle."""
    if len(text) > MAX_DETECTED_CHARS:
        start = (len(text) - MAX_DETECTED_CHARS) // 2
        text = text[start : start + MAX_DETECTED_CHARS]
    text = ADDRESS.sub(" ", MARKUP_TAG.sub(" ", text))
    for char in MARKUP_CHARS:
        text = text.replace(char, " ")
    return text


def _detect_with_pycld2(text: str) -> tuple[str, float, float | None]:
    try:
        _, _, details = pycld2.detect(text.encode("utf-8", "replace"), isPlainText=True)
    except pycld2.error:
        _, _, details = pycld2.detect(REFUSED.sub("", text).encode("utf-8", "replace"), isPlainText=True)
    _, code, percent, score = details[0]
    language = RENAMED_CODES.get(code, UNDETERMINED if code.startswith("xx") else code.split("-")[0])
    if language == UNDETERMINED:
        return UNDETERMINED, 0.0, None
    usual = USUAL_SCORES.get(language)
    return language, percent / 100.0, score / usual if usual else None


def _detect_with_py3langid(text: str) -> tuple[str, float, float | None]:
    """py3langid names one language for the whole text: the score is its probability (log-likelihoods over the root of the
    text's bytes, as py3langid 0.4 normalises them), and a score fraction does not exist."""
    ranked = py3langid.rank(text)
    language, best = ranked[0]
    temperature = math.sqrt(max(len(text.encode("utf-8")), 1))
    probability = 1.0 / sum(math.exp((score - best) / temperature) for _, score in ranked)
    return (UNDETERMINED, 0.0, None) if language == "zxx" else (language, probability, None)


_detect = _detect_with_pycld2 if DETECTOR_PACKAGE == "pycld2" else _detect_with_py3langid
