"""Text to token ids, by a `tokenizer.json`.

In: the path of a tokenizer as Hugging Face's `tokenizers` writes it (the extra `torch` brings the library), and the token that
ends a document. Out: ids as int32. One document at a time, on the thread that asks; loader workers are what runs beside.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.errors import ConfigError
from pipeline.readers.packing import Piece


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenizerFile:
    """Plain data; opened where it is used."""

    path: Path
    end_token: str
    """Closes every document, such as `<|endoftext|>`; must be in the vocabulary."""


def open_tokenizer(file: TokenizerFile) -> Callable[[str], Piece]:
    """A function from a text to its ids with the end token behind them. Raises ConfigError."""
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise ConfigError("tokens need the library `tokenizers`; install pagemill[torch]") from error
    if not file.path.is_file():
        raise ConfigError(f"there is no tokenizer in {file.path}; give the path of a tokenizer.json")
    tokenizer = Tokenizer.from_file(str(file.path))
    end_id = tokenizer.token_to_id(file.end_token)
    if end_id is None:
        raise ConfigError(f"{file.path} knows no token {file.end_token!r}; name the one that ends a document in its vocabulary")
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def encode(text: str) -> Piece:
        return np.array([*tokenizer.encode(text, add_special_tokens=False).ids, end_id], dtype=np.int32)

    return encode
