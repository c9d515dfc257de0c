"""A logits processor for vLLM (V1 interface): the n-gram rule for all pages of a step at once.

Engine argument `logits_processors=["pipeline.engines.vlm.ngram_processor:NgramProcessor"]`. A request switches it on with the
`extra_args` that vLLM's stock processor for DeepSeek-OCR takes: `ngram_size`, `window_size` (default 100),
`whitelist_token_ids`. It bans what the stock one bans, in one assignment per step (one copy from host to device) instead of
one per page, and costs nothing in a step where nothing is banned.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from vllm import SamplingParams
from vllm.config import VllmConfig
from vllm.v1.sample.logits_processor import BatchUpdate, LogitsProcessor, MoveDirectionality

from pipeline.engines.vlm.ngram import banned_tokens

DEFAULT_WINDOW = 100
"""Tokens; of the stock processor."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """What one request asked for."""

    size: int
    window: int
    free: frozenset[int]


def limit_of(params: SamplingParams) -> Limit | None:
    """The request's rule; None where it asks for none. Raises ValueError for values the stock processor refuses."""
    arguments = params.extra_args or {}
    size = arguments.get("ngram_size")
    if size is None:
        return None
    window = arguments.get("window_size", DEFAULT_WINDOW)
    free = arguments.get("whitelist_token_ids")
    for name, value in (("ngram_size", size), ("window_size", window)):
        if not isinstance(value, int) or value <= 0:
            raise ValueError(f"{name} is {value!r}, but it counts tokens: give a whole number above 0")
    if free is not None and not isinstance(free, Iterable):
        raise ValueError(f"whitelist_token_ids is {free!r}: give a list of token ids, or leave it out")
    return Limit(size=size, window=window, free=frozenset(free or ()))


class NgramProcessor(LogitsProcessor):
    """Holds, for each row of the batch with a rule, the rule and vLLM's own list of that request's tokens."""

    def __init__(self, vllm_config: VllmConfig, device: torch.device, is_pin_memory: bool) -> None:
        self._device = device
        self._pin = is_pin_memory
        self._minus_infinity = torch.tensor(-float("inf"), device=device)
        self._rows: dict[int, tuple[Limit, list[int]]] = {}

    @classmethod
    def validate_params(cls, sampling_params: SamplingParams) -> None:
        limit_of(sampling_params)

    def is_argmax_invariant(self) -> bool:
        return False

    def update_state(self, batch_update: BatchUpdate | None) -> None:
        """Follows requests as they come, go and change rows, in the order that vLLM prescribes."""
        if batch_update is None:
            return
        for row in batch_update.removed:
            self._rows.pop(row, None)
        for row, params, _prompt_ids, token_ids in batch_update.added:
            limit = limit_of(params)
            self._rows.pop(row, None)
            if limit is not None:
                self._rows[row] = (limit, token_ids)
        for source, target, direction in batch_update.moved:
            moved, replaced = self._rows.pop(source, None), self._rows.pop(target, None)
            if moved is not None:
                self._rows[target] = moved
            if replaced is not None and direction is MoveDirectionality.SWAP:
                self._rows[source] = replaced

    def apply(self, logits: torch.Tensor) -> torch.Tensor:
        """Bans in place; `logits` is (rows, vocabulary)."""
        banned = list(self._banned())
        if not banned:
            return logits
        pairs = torch.tensor(banned, dtype=torch.int64, pin_memory=self._pin)
        rows, tokens = pairs.to(self._device, non_blocking=True).unbind(dim=1)
        return logits.index_put_((rows, tokens), self._minus_infinity.to(logits.dtype))

    def _banned(self) -> Iterator[tuple[int, int]]:
        for row, (limit, token_ids) in self._rows.items():
            for token in banned_tokens(token_ids, limit.size, limit.window, limit.free):
                yield row, token
