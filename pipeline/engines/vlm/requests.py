"""Questions to requests: prompt texts become token ids, each once; the image token is found and the page gets its seed.

The prompt goes to vLLM as ids because its tokenizer may drop the BOS that DeepSeek-OCR was trained with (transformers 5
ignores `add_bos_token` beside a tokenizer.json).
"""

import hashlib
import threading
from functools import lru_cache
from itertools import count

from pipeline.config import VlmConfig
from pipeline.engines.vlm.generation import Request, sampling_params
from pipeline.engines.vlm.profiles import Profile, Question
from pipeline.engines.vlm.serving import Tokenizer
from pipeline.errors import EngineError
from pipeline.records import PageId


class Requests:
    """Holds the tokenizer and what it made of the few prompts there are."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._numbers = count()
        self._lock = threading.Lock()
        self._prompt_ids = lru_cache(maxsize=64)(self._encode)

    def make(self, page_id: PageId, question: Question, config: VlmConfig, profile: Profile) -> Request:
        """Raises EngineError for a tokenizer that lacks a token the profile needs."""
        free = config.ngram.free if config.ngram else ()
        return Request(
            request_id=f"{page_id}#{next(self._numbers)}",
            prompt_token_ids=self._prompt_ids(question.prompt, profile.image_token, profile.begins_with_bos),
            image_token_id=self.token_id(profile.image_token),
            image=question.image,
            processor_settings=question.processor_settings,
            sampling=sampling_params(config, free_token_ids=tuple(map(self.token_id, free)), seed=_seed(page_id)),
            repetition=config.repetition,
        )

    def token_id(self, token: str) -> int:
        """Raises EngineError when it is no token of the vocabulary."""
        with self._lock:
            ids = self._tokenizer.encode(token, add_special_tokens=False)
        if len(ids) != 1:
            raise EngineError(
                f"{token!r} is {len(ids)} tokens for this model's tokenizer, not one; is engine.model the right model?"
            )
        return ids[0]

    def num_tokens(self, text: str) -> int:
        """One thread at a time: a Hugging Face tokenizer that encodes in two threads may raise "Already borrowed"."""
        with self._lock:
            return len(self._tokenizer.encode(text, add_special_tokens=False))

    def _encode(self, prompt: str, image_token: str, begins_with_bos: bool) -> tuple[int, ...]:
        with self._lock:
            ids = self._tokenizer.encode(prompt, add_special_tokens=False)
        if begins_with_bos:
            ids = self._with_bos(ids)
        if ids.count(self.token_id(image_token)) != 1:
            raise EngineError(
                f"the prompt {prompt!r} holds {image_token!r} {ids.count(self.token_id(image_token))} times, not once"
            )
        return tuple(ids)

    def _with_bos(self, ids: list[int]) -> list[int]:
        bos = self._tokenizer.bos_token_id
        if bos is None:
            raise EngineError(
                "the model's tokenizer has no BOS token, with which this model's prompt begins; check engine.model"
            )
        return ids if ids[:1] == [bos] else [bos, *ids]


def _seed(page_id: PageId) -> int:
    """The same page draws the same way in every build."""
    return int.from_bytes(hashlib.sha256(str(page_id).encode()).digest()[:4], "big")
