"""Our n-gram processor bans what vLLM's stock one bans: rule by rule, batch by batch, page by page."""

import random
from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from vllm import SamplingParams
from vllm.exceptions import VLLMValidationError
from vllm.model_executor.models.deepseek_ocr import NGramPerReqLogitsProcessor, NoRepeatNGramLogitsProcessor
from vllm.v1.sample.logits_processor import BatchUpdate, MoveDirectionality

from pipeline.engines.vlm.ngram import banned_tokens
from pipeline.engines.vlm.ngram_processor import NgramProcessor, limit_of
from tests.vllm.reading import V1_MODES, draw_page, greedy, read, token_ids

if TYPE_CHECKING:
    from vllm import LLM

VOCABULARY = 8
CPU = torch.device("cpu")


@given(
    ids=st.lists(st.integers(0, 2), max_size=60) | st.lists(st.integers(0, 2), min_size=20, max_size=60),
    size=st.integers(1, 4),
    window=st.integers(1, 70),
    free=st.sets(st.integers(0, 2)),
)
def test_the_rule_is_the_stock_rule(ids: list[int], size: int, window: int, free: set[int]) -> None:
    logits = NoRepeatNGramLogitsProcessor(size, window, free)(ids, torch.zeros(VOCABULARY))
    stock = set(torch.isinf(logits).nonzero().flatten().tolist())
    assert banned_tokens(ids, size, window, free) == stock


@pytest.mark.parametrize("seed", range(20))
def test_rows_that_come_go_and_move_keep_their_rules(seed: int) -> None:
    """Random life of a batch, both processors fed the same updates, every step compared."""
    chance = random.Random(seed)
    ours, stock = NgramProcessor(None, CPU, False), NGramPerReqLogitsProcessor(None, CPU, False)
    rows: dict[int, list[int]] = {}
    for _ in range(60):
        update = random_update(chance, rows)
        ours.update_state(update)
        stock.update_state(update)
        for ids in rows.values():
            ids.append(chance.randrange(3))
        shape = (8, VOCABULARY)
        assert torch.equal(ours.apply(torch.zeros(shape)), stock.apply(torch.zeros(shape)))


def random_update(chance: random.Random, rows: dict[int, list[int]]) -> BatchUpdate | None:
    """One of the changes that a batch of eight rows sees in a step; `rows` holds each row's tokens and is changed with it."""
    empty, full = [row for row in range(8) if row not in rows], list(rows)
    match chance.choice(["add", "add", "remove", "move", "swap", "replace", "nothing"]):
        case "add" if empty:
            return added(chance, rows, chance.choice(empty))
        case "replace" if full:
            return added(chance, rows, chance.choice(full))
        case "remove" if full:
            row = chance.choice(full)
            del rows[row]
            return BatchUpdate(batch_size=len(rows), removed=[row], added=[], moved=[])
        case "move" if full and empty:
            source, target = chance.choice(full), chance.choice(empty)
            rows[target] = rows.pop(source)
            return moved(rows, source, target, MoveDirectionality.UNIDIRECTIONAL)
        case "swap" if len(full) > 1:
            source, target = chance.sample(full, 2)
            rows[source], rows[target] = rows[target], rows[source]
            return moved(rows, source, target, MoveDirectionality.SWAP)
        case _:
            return None


def added(chance: random.Random, rows: dict[int, list[int]], row: int) -> BatchUpdate:
    limit = {"ngram_size": chance.randint(1, 3), "window_size": chance.randint(2, 20), "whitelist_token_ids": [0]}
    params = SamplingParams(extra_args=chance.choice([limit, limit, limit, None]))
    rows[row] = [chance.randrange(3) for _ in range(chance.randrange(10))]
    return BatchUpdate(batch_size=len(rows), removed=[], added=[(row, params, [], rows[row])], moved=[])


def moved(rows: dict[int, list[int]], source: int, target: int, direction: MoveDirectionality) -> BatchUpdate:
    return BatchUpdate(batch_size=len(rows), removed=[], added=[], moved=[(source, target, direction)])


def test_only_the_banned_tokens_of_a_row_change() -> None:
    processor = NgramProcessor(None, CPU, False)
    limit = SamplingParams(extra_args={"ngram_size": 2, "window_size": 10})
    rows = [(0, limit, [], [1, 2, 1]), (1, SamplingParams(), [], [1, 2, 1]), (2, limit, [], [3, 4, 5])]
    processor.update_state(BatchUpdate(batch_size=3, removed=[], added=rows, moved=[]))
    logits = processor.apply(torch.zeros(3, VOCABULARY, dtype=torch.float32))
    assert torch.isinf(logits).nonzero().tolist() == [[0, 2]]


WRONG = (
    {"ngram_size": 0},
    {"ngram_size": "30"},
    {"ngram_size": 2.0},
    {"ngram_size": 30, "window_size": 0},
    {"ngram_size": 30, "window_size": None},
    {"ngram_size": 30, "whitelist_token_ids": 5},
)
RIGHT = (
    None,
    {"window_size": -1},
    {"ngram_size": None},
    {"ngram_size": 30},
    {"ngram_size": 30, "window_size": 90, "whitelist_token_ids": [1, 2]},
    {"ngram_size": 30, "whitelist_token_ids": None},
)


@pytest.mark.parametrize("arguments", WRONG, ids=str)
def test_both_refuse_what_makes_no_sense(arguments: dict[str, object]) -> None:
    for processor in (NgramProcessor, NGramPerReqLogitsProcessor):
        with pytest.raises(ValueError):
            processor.validate_params(SamplingParams(extra_args=arguments))


@pytest.mark.parametrize("arguments", RIGHT, ids=str)
def test_both_take_what_makes_sense(arguments: dict[str, object] | None) -> None:
    for processor in (NgramProcessor, NGramPerReqLogitsProcessor):
        processor.validate_params(SamplingParams(extra_args=arguments))


def test_empty_arguments_ask_for_no_rule() -> None:
    """The stock processor takes `{}` itself for an n-gram size and refuses it."""
    assert limit_of(SamplingParams(extra_args={})) is None


def test_the_window_is_the_stock_one_where_none_is_given() -> None:
    limit = limit_of(SamplingParams(extra_args={"ngram_size": 30}))
    assert limit is not None
    assert limit.window == 100


def test_the_engine_refuses_a_wrong_request_and_goes_on(deepseek_llm: "LLM") -> None:
    with pytest.raises((ValueError, VLLMValidationError), match="ngram_size"):
        read(deepseek_llm, [draw_page()], [V1_MODES["tiny"]], greedy(extra_args={"ngram_size": 0}))
    assert read(deepseek_llm, [draw_page()], [V1_MODES["tiny"]])


def repeats(ids: list[int], size: int) -> int:
    runs = [tuple(ids[start : start + size]) for start in range(len(ids) - size + 1)]
    return len(runs) - len(set(runs))


LIMITS = (
    None,
    {"ngram_size": 2, "window_size": 500},
    {"ngram_size": 3, "window_size": 500},
    {"ngram_size": 3, "window_size": 8},
)


def test_each_page_of_a_batch_follows_its_own_rule(deepseek_llm: "LLM") -> None:
    sampling = [greedy(80, ignore_eos=True, extra_args=limit) for limit in LIMITS]
    outputs = read(deepseek_llm, [draw_page()] * 4, [V1_MODES["base"]] * 4, sampling)
    unlimited, pairs, triples, narrow = [token_ids(output) for output in outputs]
    assert repeats(unlimited, 3) > 0
    assert repeats(pairs, 2) == 0
    assert repeats(triples, 3) == 0 < repeats(triples, 2)
    assert repeats(narrow, 3) > 0
    assert narrow not in (unlimited, triples)


def test_free_tokens_come_again(deepseek_llm: "LLM") -> None:
    mode = V1_MODES["base"]
    [unlimited] = read(deepseek_llm, [draw_page()], [mode], greedy(80, ignore_eos=True))
    limit = {"ngram_size": 2, "window_size": 500, "whitelist_token_ids": sorted(set(token_ids(unlimited)))}
    [free] = read(deepseek_llm, [draw_page()], [mode], greedy(80, ignore_eos=True, extra_args=limit))
    assert token_ids(free) == token_ids(unlimited)


def test_stock_and_own_processor_read_the_same(deepseek_llm: "LLM", stock_llm: "LLM") -> None:
    sampling = [greedy(80, ignore_eos=True, extra_args=limit) for limit in LIMITS]
    pages, modes = [draw_page(seed=seed) for seed in range(4)], [V1_MODES["tiny"]] * 4
    ours, stock = [read(llm, pages, modes, sampling) for llm in (deepseek_llm, stock_llm)]
    assert [token_ids(output) for output in ours] == [token_ids(output) for output in stock]
