"""What the ppocr engine reads, on pages drawn here."""

import cv2
import numpy as np
import numpy.typing as npt
import onnx
import pymupdf
import pytest

from pipeline.config import PpocrConfig
from pipeline.engines import open_engine
from pipeline.engines.ppocr.detection import boxes_from_map, estimate_skew, find_lines
from pipeline.engines.ppocr.engine import PpocrEngine
from pipeline.engines.ppocr.int8 import convolutions, quantize
from pipeline.engines.ppocr.pages import stretch_contrast
from pipeline.engines.ppocr.ranges import RECOGNITION_RANGES
from pipeline.engines.ppocr.weights import load_recognition
from pipeline.errors import EngineDead
from pipeline.records import PageText
from tests.engines.pages import DPI, PROSE, draw_grey, page_image, write_lines

CHINESE = ("水车在黎明时缓缓转动，雨落在磨坊上。", "磨坊主数了七袋大麦和一袋黑麦。", "到了中午，河水已经涨过旧石标记。")


def read(engine: PpocrEngine, grey: npt.NDArray[np.uint8]) -> PageText:
    (answer,) = engine.recognize([page_image(grey)])
    assert answer.status == "ok", answer.error
    return answer


@pytest.fixture(scope="module")
def chinese_grey() -> npt.NDArray[np.uint8]:
    def draw(page: pymupdf.Page) -> None:
        for k, line in enumerate(CHINESE):
            page.insert_text((40, 60 + 24 * k), line, fontsize=13, fontname="china-s")

    return draw_grey(draw, height_pt=160)


def test_prose_is_read_word_for_word(ppocr: PpocrEngine, prose_grey: npt.NDArray[np.uint8]) -> None:
    answer = read(ppocr, prose_grey)
    assert answer.text == "\n".join(PROSE)
    assert answer.confidence is not None
    assert answer.confidence > 0.95
    assert answer.flags == ()


def test_a_colour_page_reads_as_its_grey_one(ppocr_latin: PpocrEngine, prose_grey: npt.NDArray[np.uint8]) -> None:
    (answer,) = ppocr_latin.recognize([page_image(np.repeat(prose_grey[:, :, None], 3, axis=2))])
    assert answer.text == read(ppocr_latin, prose_grey).text


def test_each_line_is_a_block_in_points_of_the_page(ppocr: PpocrEngine, prose_grey: npt.NDArray[np.uint8]) -> None:
    blocks = read(ppocr, prose_grey).blocks
    assert [block.text for block in blocks] == list(PROSE)
    for k, block in enumerate(blocks):
        x0, y0, x1, y1 = block.box_pt
        baseline = 50 + k * 11 * 1.4
        assert x0 == pytest.approx(40, abs=4)
        assert y0 < baseline < y1
        assert x1 == pytest.approx(40 + pymupdf.get_text_length(PROSE[k], "helv", 11), abs=6)
        assert block.confidence is not None


def test_a_taller_line_is_a_heading_and_stands_apart(ppocr_latin: PpocrEngine) -> None:
    def draw(page: pymupdf.Page) -> None:
        write_lines(page, ("The Old Mill",), size=22)
        write_lines(page, PROSE, y=85)

    answer = read(ppocr_latin, draw_grey(draw, height_pt=200))
    assert answer.blocks[0].label == "heading"
    assert {block.label for block in answer.blocks[1:]} == {"line"}
    assert answer.text.startswith("The Old Mill\n\nRain fell")


def test_two_columns_are_read_left_first(ppocr_latin: PpocrEngine) -> None:
    left = tuple(f"left column sentence {word}" for word in ("one", "two", "three", "four", "five", "six"))
    right = tuple(f"right column statement {word}" for word in ("one", "two", "three", "four", "five", "six"))

    def draw(page: pymupdf.Page) -> None:
        write_lines(page, left)
        write_lines(page, right, x=210)

    lines = read(ppocr_latin, draw_grey(draw, height_pt=180)).text.split()
    assert lines == " ".join(left + right).split()


@pytest.mark.parametrize("degrees", [-4.0, 2.5])
def test_a_skewed_page_is_read_and_its_boxes_lie_on_the_page_as_given(
    ppocr_latin: PpocrEngine, prose_grey: npt.NDArray[np.uint8], degrees: float
) -> None:
    height, width = prose_grey.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    answer = read(ppocr_latin, cv2.warpAffine(prose_grey, turn, (width, height), borderValue=255))
    assert answer.text == "\n".join(PROSE)
    straight = read(ppocr_latin, prose_grey).blocks
    for block, expected in zip(answer.blocks, straight, strict=True):
        centre = np.array([expected.box_pt[0] + expected.box_pt[2], expected.box_pt[1] + expected.box_pt[3], 144 / DPI])
        moved = turn @ (centre * DPI / 144)
        assert (block.box_pt[0] + block.box_pt[2]) * DPI / 144 == pytest.approx(moved[0], abs=6)
        assert (block.box_pt[1] + block.box_pt[3]) * DPI / 144 == pytest.approx(moved[1], abs=6)


def test_the_skew_of_a_drawn_map_is_found() -> None:
    page = np.zeros((400, 600), np.float32)
    for y in range(40, 360, 30):
        cv2.line(page, (50, y), (550, y + 26), 1.0, thickness=8)
    assert estimate_skew(page) == pytest.approx(np.degrees(np.arctan2(26, 500)), abs=0.2)
    assert estimate_skew(np.zeros((400, 600), np.float32)) == 0.0


def test_boxes_grow_around_the_core_that_the_map_marks() -> None:
    page = np.zeros((100, 200), np.float32)
    page[40:50, 20:180] = 0.9
    page[70:71, 20:180] = 0.9
    (box,) = boxes_from_map(page)
    assert box[0] < 20 < 180 < box[2]
    assert 30 < box[1] < 40 < 50 < box[3] < 60


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_turned_page_is_read_upright_and_flagged(
    ppocr_latin: PpocrEngine, prose_grey: npt.NDArray[np.uint8], turn: int
) -> None:
    answer = read(ppocr_latin, np.ascontiguousarray(np.rot90(prose_grey, turn)))
    assert answer.text == "\n".join(PROSE)
    assert answer.flags == ("turned",)
    height_pt, width_pt = prose_grey.shape[0] * 72 / DPI, prose_grey.shape[1] * 72 / DPI
    x0, y0, x1, y1 = answer.blocks[0].box_pt
    centre = ((x0 + x1) / 2, (y0 + y1) / 2)
    expected = {1: (50, width_pt - 180), 2: (width_pt - 180, height_pt - 50), 3: (height_pt - 50, 180)}[turn]
    assert centre == pytest.approx(expected, abs=12)


def test_a_line_that_runs_up_the_margin_is_read(ppocr_latin: PpocrEngine) -> None:
    def draw(page: pymupdf.Page) -> None:
        write_lines(page, PROSE, x=80)
        page.insert_text((30, 180), "arXiv stamp of 1999", fontsize=12, fontname="helv", rotate=90)

    answer = read(ppocr_latin, draw_grey(draw, height_pt=200))
    assert "arXiv stamp of 1999" in answer.text
    assert answer.flags == ()


def test_a_chinese_page_is_read_by_the_whole_vocabulary(ppocr: PpocrEngine, chinese_grey: npt.NDArray[np.uint8]) -> None:
    answer = read(ppocr, chinese_grey)
    assert answer.text.replace(" ", "").splitlines() == list(CHINESE)
    assert answer.flags == ()


def test_a_chinese_page_under_latin_is_flagged_and_not_turned_into_noise(
    ppocr_latin: PpocrEngine, chinese_grey: npt.NDArray[np.uint8]
) -> None:
    answer = read(ppocr_latin, chinese_grey)
    assert answer.flags == ("script_mismatch",)
    assert answer.text.replace(" ", "").splitlines() == list(CHINESE)


@pytest.mark.parametrize("name", ["ppocr", "ppocr_latin"])
def test_a_page_in_a_script_without_signs_is_flagged(request: pytest.FixtureRequest, name: str) -> None:
    russian = (
        "Мельница стояла на берегу широкой реки",
        "Вода медленно поднималась до старого камня",
        "Никто не переходил через мост",
    )

    def draw(page: pymupdf.Page) -> None:
        writer = pymupdf.TextWriter(page.rect)
        for k, line in enumerate(russian):
            writer.append((40, 60 + 24 * k), line, font=pymupdf.Font("cjk"), fontsize=12)
        writer.write_text(page)

    answer = read(request.getfixturevalue(name), draw_grey(draw, height_pt=160))
    assert "unreadable_script" in answer.flags


def test_the_version_names_weights_runtime_and_scripts(ppocr: PpocrEngine, ppocr_latin: PpocrEngine) -> None:
    assert ppocr.version.startswith("PP-OCRv6-small/")
    assert ppocr.version.endswith("/all")
    assert ppocr_latin.version.endswith("/latin")


def test_both_runtimes_read_the_same(ppocr_latin: PpocrEngine, prose_grey: npt.NDArray[np.uint8]) -> None:
    engine = PpocrEngine(PpocrConfig(scripts=("latin",), runtime="onnxruntime"))
    answer = read(engine, prose_grey)
    assert "onnxruntime" in engine.version
    assert answer.text == read(ppocr_latin, prose_grey).text


def test_8_bit_convolutions_read_as_float_ones_do(prose_grey: npt.NDArray[np.uint8]) -> None:
    answers = {}
    for precision in ("int8", "f32"):
        engine = open_engine(PpocrConfig(scripts=("latin",), precision=precision))
        assert f"-{precision}/" in engine.version
        (answers[precision],) = engine.recognize([page_image(prose_grey)])
    assert answers["int8"].text == answers["f32"].text
    assert answers["f32"].confidence is not None
    assert answers["int8"].confidence == pytest.approx(answers["f32"].confidence, abs=0.02)


def test_every_measured_range_belongs_to_a_convolution_and_makes_it_8_bit() -> None:
    model = onnx.load_from_string(quantize(load_recognition().body, RECOGNITION_RANGES))
    rounded = [node for node in convolutions(model.graph) if node.input[0].endswith("_rounded")]
    assert {node.input[0].removesuffix("_rounded") for node in rounded} == set(RECOGNITION_RANGES)
    assert len(rounded) >= 30


def test_networks_that_no_longer_answer_are_a_dead_engine(
    prose_grey: npt.NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = PpocrEngine(PpocrConfig(scripts=("latin",)))

    def lost(values: npt.NDArray[np.float32]) -> list[npt.NDArray[np.generic]]:
        raise RuntimeError("the runtime is gone")

    monkeypatch.setattr(engine, "_detect", lost)
    with pytest.raises(EngineDead, match="no longer answer"):
        list(engine.recognize([page_image(prose_grey)]))


def test_detection_keeps_a_bounded_size_for_a_giant_page() -> None:
    shapes: list[tuple[int, ...]] = []

    def spy(values: npt.NDArray[np.float32]) -> list[npt.NDArray[np.generic]]:
        shapes.append(values.shape)
        return [np.zeros_like(values)]

    sheet = find_lines(np.full((6000, 4000), 255, np.uint8), spy, scale=0.66)
    assert len(sheet.boxes_N4) == 0
    assert max(shapes[0]) <= 2400


def test_grey_paper_becomes_white_and_a_clean_or_dark_page_stays_as_it_is() -> None:
    scan_HW = np.random.default_rng(1).normal(225, 8, (200, 200)).clip(0, 255).astype(np.uint8)
    scan_HW[50:60, 20:180] = 60
    stretched_HW = stretch_contrast(scan_HW)
    assert stretched_HW[50:60, 20:180].max() < 20
    assert (stretched_HW[100:] == 255).mean() > 0.45
    clean_HW = np.full((200, 200), 255, np.uint8)
    clean_HW[50:60, 20:180] = 0
    light_on_grey_HW = np.full((200, 200), 120, np.uint8)
    light_on_grey_HW[50:60, 20:180] = 255
    light_on_grey_HW[:20] = 0
    assert np.array_equal(stretch_contrast(clean_HW), clean_HW)
    assert np.array_equal(stretch_contrast(light_on_grey_HW), light_on_grey_HW)


def test_a_bump_on_a_core_does_not_make_its_line_higher() -> None:
    map_HW = np.zeros((64, 300), np.float32)
    map_HW[20:28, 20:280] = 0.9
    plain = boxes_from_map(map_HW)
    map_HW[18:20, 100:110] = 0.9
    bumped = boxes_from_map(map_HW)
    assert abs((bumped[0, 3] - bumped[0, 1]) - (plain[0, 3] - plain[0, 1])) < 1.0
