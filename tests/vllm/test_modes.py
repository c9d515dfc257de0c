"""Modes are a setting of each request: any mix of them in one engine, and no page that takes the engine down."""

from typing import TYPE_CHECKING

import pytest

from tests.vllm.reading import V1_MODES, count_vision_tokens, draw_page, read, token_ids

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
    deepseek_llm.reset_prefix_cache()
    deepseek_llm.reset_mm_cache()
    alone = [read(deepseek_llm, [page], [V1_MODES[mode]])[0] for page, mode in zip(pages, modes, strict=True)]
    assert [count_vision_tokens(output, deepseek_llm) for output in together] == [V1_TOKENS[mode] for mode in modes]
    assert [token_ids(output) for output in together] == [token_ids(output) for output in alone]
    assert len({tuple(token_ids(output)) for output in together}) == len(modes)
