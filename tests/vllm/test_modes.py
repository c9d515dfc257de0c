"""Modes are a setting of each request: any mix of them in one engine, and no page that takes the engine down."""

from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.vllm.reading import V1_MODES, V2_MODES, count_vision_tokens, draw_page, greedy, read, token_ids

if TYPE_CHECKING:
    from vllm import LLM

V1_TOKENS = {"tiny": 73, "small": 111, "base": 273, "large": 421, "gundam": 903}
"""Of an A4 page upright: 8 x 9 + 1, 10 x 11 + 1, 16 x 17 + 1, 20 x 21 + 1, and 30 x 21 more for two by three tiles."""
V2_TOKENS = {"base": 257, "gundam": 1121}


@pytest.mark.parametrize("mode", V1_MODES)
def test_each_mode_alone_has_its_tokens(deepseek_llm: "LLM", mode: str) -> None:
    [output] = read(deepseek_llm, [draw_page()], [V1_MODES[mode]])
    assert count_vision_tokens(output, deepseek_llm) == V1_TOKENS[mode]
    assert output.outputs[0].text


def test_a_request_without_a_mode_is_gundam(deepseek_llm: "LLM") -> None:
    [default, gundam] = read(deepseek_llm, [draw_page()] * 2, [None, V1_MODES["gundam"]])
    assert token_ids(default) == token_ids(gundam)


def test_eight_pages_at_once_in_mixed_modes_read_as_they_do_alone(deepseek_llm: "LLM") -> None:
    modes = ["gundam", "tiny", "large", "gundam", "base", "small", "tiny", "gundam"]
    pages = [draw_page(seed=seed) for seed in range(len(modes))]
    together = read(deepseek_llm, pages, [V1_MODES[mode] for mode in modes])
    alone = [read(deepseek_llm, [page], [V1_MODES[mode]])[0] for page, mode in zip(pages, modes, strict=True)]
    assert [count_vision_tokens(output, deepseek_llm) for output in together] == [V1_TOKENS[mode] for mode in modes]
    assert [token_ids(output) for output in together] == [token_ids(output) for output in alone]
    assert len({tuple(token_ids(output)) for output in together}) == len(modes)


def test_the_same_page_in_five_modes_reads_the_same_with_and_without_caches(deepseek_llm: "LLM", stock_llm: "LLM") -> None:
    modes = [V1_MODES[mode] for mode in ("gundam", "tiny", "base", "tiny", "gundam", "large", "small")]
    pages = [draw_page(seed=9)] * len(modes)
    cached = [token_ids(output) for _ in range(2) for output in read(stock_llm, pages, modes)]
    uncached = [token_ids(output) for output in read(deepseek_llm, pages, modes)]
    assert cached == uncached * 2
    assert len({tuple(ids) for ids in uncached}) == 5


def half_black() -> Image.Image:
    """Its normalised pixels sum to zero, which upstream takes for "no page" or "no tiles"."""
    page = Image.new("RGB", (1280, 1280), "white")
    page.paste((0, 0, 0), (0, 0, 640, 1280))
    return page


ODD_PAGES = {
    "one pixel": (Image.new("RGB", (1, 1)), 273),
    "a column": (Image.new("RGB", (1, 4000)), 933),
    "a row": (Image.new("RGB", (4000, 1)), 883),
    "no larger than a tile": (draw_page((640, 640)), 273),
    "a little larger than a tile": (draw_page((640, 641)), 693),
    "a strip of six tiles": (draw_page((640, 3840)), 933),
    "a lying strip": (draw_page((3840, 640)), 883),
    "half black": (half_black(), 693),
}
"""In gundam: 273, and 10 h x (10 w + 1) for w by h tiles."""


def test_no_shape_of_page_takes_the_engine_down(deepseek_llm: "LLM") -> None:
    pages = [page for page, _ in ODD_PAGES.values()]
    outputs = read(deepseek_llm, pages, [V1_MODES["gundam"]] * len(pages))
    found = {name: count_vision_tokens(output, deepseek_llm) for name, output in zip(ODD_PAGES, outputs, strict=True)}
    assert found == {name: num_tokens for name, (_, num_tokens) in ODD_PAGES.items()}


@pytest.mark.parametrize("mode", ["tiny", "small", "base", "large"])
def test_one_pixel_is_a_page_in_every_mode(deepseek_llm: "LLM", mode: str) -> None:
    [output] = read(deepseek_llm, [Image.new("RGB", (1, 1))], [V1_MODES[mode]])
    assert count_vision_tokens(output, deepseek_llm) == V1_TOKENS[mode]


def test_a_size_that_no_tower_reads_fails_the_request_alone(deepseek_llm: "LLM") -> None:
    with pytest.raises(RuntimeError, match="Failed to load the processor") as refused:
        read(deepseek_llm, [draw_page()], [{"base_size": 1000, "image_size": 640, "crop_mode": True}])
    assert "1000 px cannot be read" in str(refused.value.__cause__)
    assert read(deepseek_llm, [draw_page()], [V1_MODES["tiny"]])


def test_memory_is_sized_by_the_largest_page(deepseek_llm: "LLM") -> None:
    from vllm.multimodal import MULTIMODAL_REGISTRY
    from vllm.multimodal.encoder_budget import MultiModalBudget

    budget = MultiModalBudget(deepseek_llm.llm_engine.vllm_config, MULTIMODAL_REGISTRY)
    assert budget.mm_max_toks_per_item == {"image": 933}


def test_a_looping_page_is_stopped_by_name(deepseek_llm: "LLM") -> None:
    from vllm.sampling_params import RepetitionDetectionParams

    stop = RepetitionDetectionParams(max_pattern_size=20, min_pattern_size=1, min_count=8)
    sampling = [greedy(200, ignore_eos=True, repetition_detection=stop), greedy(200, ignore_eos=True)]
    [stopped, free] = read(deepseek_llm, [draw_page()] * 2, [V1_MODES["base"]] * 2, sampling)
    assert stopped.outputs[0].finish_reason == "repetition"
    assert free.outputs[0].finish_reason == "length"
    assert token_ids(free)[: len(token_ids(stopped))] == token_ids(stopped)


SECOND_MODEL_PAGES = (
    (draw_page(), "gundam", 1121),
    (draw_page(), "base", 257),
    (draw_page((768, 4608)), "gundam", 1121),
    (draw_page((768, 768)), "gundam", 257),
    (Image.new("RGB", (1, 1)), "gundam", 257),
    (half_black(), "gundam", 833),
)
"""With the tokens of each: 257, and 144 for each tile."""


def test_the_second_model_reads_both_its_modes_mixed(deepseek2_llm: "LLM") -> None:
    pages, modes, num_tokens = zip(*SECOND_MODEL_PAGES, strict=True)
    outputs = read(deepseek2_llm, pages, [V2_MODES[mode] for mode in modes])
    assert [count_vision_tokens(output, deepseek2_llm) for output in outputs] == list(num_tokens)
    [alone] = read(deepseek2_llm, pages[1:2], [V2_MODES["base"]])
    assert token_ids(outputs[1]) == token_ids(alone) != token_ids(outputs[0])


def test_a_mode_that_the_second_model_does_not_know_fails_the_request_alone(deepseek2_llm: "LLM") -> None:
    with pytest.raises(RuntimeError, match="Failed to load the processor"):
        read(deepseek2_llm, [draw_page()], [V1_MODES["tiny"]])
    assert read(deepseek2_llm, [draw_page()], [V2_MODES["base"]])


def test_qwen_reads_a_page_beside_the_plug_in(qwen_llm: "LLM") -> None:
    request = {
        "prompt": "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>Read.<|im_end|>\n<|im_start|>assistant\n",
        "multi_modal_data": {"image": draw_page((280, 392))},
    }
    [output] = qwen_llm.generate([request], greedy(), use_tqdm=False)
    image_token_id = qwen_llm.get_tokenizer().convert_tokens_to_ids("<|image_pad|>")
    assert output.prompt_token_ids.count(image_token_id) == 10 * 14  # squares of 28 px
    assert output.outputs[0].text
