"""Language: every script that the tests can write, and the honest `und`."""

import subprocess
import sys
import unicodedata

import pytest

from pipeline.quality.language import LANGUAGE_DETECTOR, MAX_DETECTED_CHARS, main_script, prose_of
from tests.quality.prose import PROSE, ROOT, signals_of, with_noise

SCRIPTS = {"ru": "Cyrl", "el": "Grek", "zh": "Hani", "ja": "Jpan", "ko": "Hang", "ar": "Arab", "th": "Thai", "he": "Hebr"}


@pytest.mark.parametrize("language", PROSE)
def test_a_page_of_prose_is_known_by_its_language_and_script(language: str) -> None:
    signals = signals_of(PROSE[language])
    assert (signals.language, signals.script) == (language, SCRIPTS.get(language, "Latn"))
    assert signals.language_score > 0.8


def test_a_chinese_page_full_of_latin_names_is_still_chinese() -> None:
    mixed = PROSE["zh"] + " PyTorch, NumPy, OpenVINO, ResNet, Transformer, Gradient Descent, Learning Rate, Batch Size."
    assert signals_of(mixed).language == "zh"


def test_numbers_formulas_and_titles_have_no_language() -> None:
    assert signals_of("Annual report of the harbour board").language == "und"
    assert signals_of("12.5 33.1 88.0 x = 4 y = 7 " * 30).language == "und"
    assert signals_of(" ".join(f"{word} 31415926535897932384626" for word in PROSE["en"].split())).language == "und"
    assert signals_of(" ".join(f"{word} 314" for word in PROSE["en"].split())).language == "en"


def test_markup_and_addresses_are_not_taken_for_english() -> None:
    marked = "<td>https://example.org/the/quick/way</td> | **" + PROSE["ru"] + "** |\n" + "<td></td>" * 40
    assert signals_of(marked).language == "ru"
    assert "example" not in prose_of(marked)


def test_noise_lowers_the_score_fraction_step_by_step() -> None:
    scores = [signals_of(with_noise(PROSE["en"], rate)).language_score_fraction or 0.0 for rate in (0.0, 0.1, 0.3, 0.6)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0.7
    assert scores[3] < 0.35


def test_a_language_whose_usual_score_nobody_measured_has_no_score_fraction() -> None:
    assert signals_of(PROSE["ar"]).language_score_fraction is None


def test_controls_surrogates_and_noncharacters_do_not_break_detection() -> None:
    junk = "".join(chr(code) for code in [*range(32), 0x7F, 0x85, 0xD800, 0xFDD0, 0xFFFE, 0xFFFF, 0x1FFFE, 0x5FFFE, 0x10FFFF])
    signals = signals_of(PROSE["fr"] + junk + PROSE["fr"])
    assert signals.language == "fr"


def test_every_letter_belongs_to_a_script_and_none_is_lost() -> None:
    letters = [chr(code) for code in range(0x30000) if unicodedata.category(chr(code))[0] == "L"]
    assert signals_of("".join(letters)).num_letters == len(letters)


def test_no_letters_have_no_script() -> None:
    assert main_script({}) == ("Zyyy", 0.0)


def test_a_few_kana_do_not_make_a_chinese_page_japanese() -> None:
    assert main_script({"Hani": 400, "Hira": 3}) == ("Hani", 1.0)
    assert main_script({"Hani": 100, "Hira": 40})[0] == "Jpan"


def test_a_very_long_page_is_detected_from_its_middle() -> None:
    assert len(prose_of(PROSE["de"] * 100)) == MAX_DETECTED_CHARS


def test_the_detector_tells_its_name_and_version() -> None:
    name, _, version = LANGUAGE_DETECTOR.partition(" ")
    assert name in ("pycld2", "py3langid")
    assert version[0].isdigit()


@pytest.mark.skipif(not LANGUAGE_DETECTOR.startswith("pycld2"), reason="the fallback is what runs here anyway")
def test_without_pycld2_the_fallback_finds_the_same_languages() -> None:
    pytest.importorskip("py3langid")
    program = (
        "import sys; sys.modules['pycld2'] = None\n"
        "from tests.quality.prose import PROSE, signals_of\n"
        "from pipeline.quality.language import LANGUAGE_DETECTOR\n"
        "assert LANGUAGE_DETECTOR.startswith('py3langid')\n"
        "for language, text in PROSE.items():\n"
        "    signals = signals_of(text)\n"
        "    assert signals.language == language, (language, signals.language)\n"
        "    assert 0.3 < signals.language_score <= 1.0, signals\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
