"""Model folders for benchmarks: DeepSeek-OCR's architecture, in full size or tiny, its tokenizer's shape, and no weights.

In: sizes and an empty folder. Out: config.json, processor_config.json, tokenizer.json, tokenizer_config.json, for vLLM's
`load_format: dummy`, which draws all weights. Writing the full tokenizer takes 1 s and 2 MB.

Where the numbers come from: DeepSeek-OCR's config.json as three ports of the model repeat it, one of them as JSON in a test;
DeepSeek-OCR's model hub could not be reached. Two checks: vLLM's classes accept it, and the language model and both towers add
up to the 3.34 billion parameters of the published checkpoint of the same architecture (6,672,212,480 bytes in bfloat16).
Not verified: `vision_config` and `projector_config` beyond what vLLM reads (`input_dim` and `n_embed`; the towers are fixed in
its code), and every token but those of SPECIAL_IDS.

Dummy weights are uniform within 0.001, so attention hardly matters and a token is decided by the one before it: pages
of a batch go through one sequence of tokens, each at its own place in it. That keeps the experts and the n-gram limit at
work, but says nothing of how evenly real text loads them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, product
from pathlib import Path
from string import ascii_lowercase

from pipeline.errors import ConfigError

BOS, EOS, PAD, IMAGE = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>", "<image>"
MARKUP = ("<|ref|>", "<|/ref|>", "<|det|>", "<|/det|>", "<|grounding|>", "<td>", "</td>", "<tr>", "</tr>")
SPECIAL_IDS: Mapping[str, int] = {
    BOS: 0,
    EOS: 1,
    PAD: 2,
    **{token: 128815 + index for index, token in enumerate((IMAGE, *MARKUP))},
}
"""<td> and </td> as in DeepSeek-OCR's own scripts (128821, 128822); the others as in the tokenizer of baidu/Unlimited-OCR,
which agrees with these two and has the same vocabulary."""
TOWER_DIM = 2048
"""What both towers give for a cell together: 1,024 of SAM and 1,024 of CLIP; fixed in vLLM's code."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LanguageSizes:
    """The mixture-of-experts language model, in the words of its config."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    """Keys and values have as many."""
    intermediate_size: int
    """Of the first layer, which is dense."""
    moe_intermediate_size: int
    n_routed_experts: int
    num_experts_per_tok: int
    n_shared_experts: int
    vocab_size: int
    tower_layers: int = 0
    """Layers of each vision tower, where the plug-in of the tests is installed; 0: as published."""


FULL = LanguageSizes(
    hidden_size=1280,
    num_hidden_layers=12,
    num_attention_heads=10,
    intermediate_size=6848,
    moe_intermediate_size=896,
    n_routed_experts=64,
    num_experts_per_tok=6,
    n_shared_experts=2,
    vocab_size=129280,
)
TINY = LanguageSizes(
    hidden_size=128,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=256,
    moe_intermediate_size=64,
    n_routed_experts=4,
    num_experts_per_tok=2,
    n_shared_experts=1,
    vocab_size=512,
    tower_layers=2,
)
SIZES: Mapping[str, LanguageSizes] = {"full": FULL, "tiny": TINY}


def write_model(folder: Path, sizes: LanguageSizes) -> Path:
    """Returns the folder. Raises ConfigError for a vocabulary that cannot hold bytes and special tokens."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        **language_config(sizes),
        "architectures": ["DeepseekOCRForCausalLM"],
        "model_type": "deepseek_vl_v2",
        "candidate_resolutions": [[1024, 1024]],
        "global_view_pos": "head",
        "tile_tag": "2D",
        "language_config": language_config(sizes),
        "projector_config": {
            "input_dim": TOWER_DIM,
            "model_type": "mlp_projector",
            "n_embed": sizes.hidden_size,
            "projector_type": "linear",
        },
        "vision_config": {
            "image_size": 1024,
            "model_name": "deeplip_b_l",
            "model_type": "vision",
            "tiny_tower_layers": sizes.tower_layers,
        },
    }
    processor = {
        "processor_class": "DeepseekVLV2Processor",
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
        "image_token": IMAGE,
        "normalize": True,
        "pad_token": PAD,
        "patch_size": 16,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    (folder / "processor_config.json").write_text(json.dumps(processor, indent=1))
    _write_tokenizer(folder, vocabulary_of(sizes.vocab_size))
    return folder


def language_config(sizes: LanguageSizes) -> dict[str, object]:
    """The section `language_config` of config.json."""
    return {
        "architectures": ["DeepseekV2ForCausalLM"],
        "bos_token_id": SPECIAL_IDS[BOS],
        "eos_token_id": SPECIAL_IDS[EOS],
        "first_k_dense_replace": 1,
        "hidden_size": sizes.hidden_size,
        "intermediate_size": sizes.intermediate_size,
        "kv_lora_rank": None,
        "lm_head": True,
        "max_position_embeddings": 8192,
        "moe_intermediate_size": sizes.moe_intermediate_size,
        "n_group": 1,
        "n_routed_experts": sizes.n_routed_experts,
        "n_shared_experts": sizes.n_shared_experts,
        "num_attention_heads": sizes.num_attention_heads,
        "num_experts_per_tok": sizes.num_experts_per_tok,
        "num_hidden_layers": sizes.num_hidden_layers,
        "num_key_value_heads": sizes.num_attention_heads,
        "q_lora_rank": None,
        "qk_nope_head_dim": 0,
        "qk_rope_head_dim": 0,
        "rm_head": False,
        "topk_group": 1,
        "topk_method": "greedy",
        "torch_dtype": "bfloat16",
        "use_mla": False,
        "v_head_dim": 0,
        "vocab_size": sizes.vocab_size,
    }


def vocabulary_of(size: int) -> dict[str, int]:
    """Every id below `size` once: special tokens at their published ids (at the end of a vocabulary that does not reach so
    far), the 256 bytes, and made-up words in between. Raises ConfigError when that does not fit."""
    special = dict(SPECIAL_IDS)
    if size <= max(special.values()):
        special = {BOS: 0, EOS: 1, PAD: 2} | {token: size - 1 - index for index, token in enumerate((IMAGE, *MARKUP))}
    letters = byte_letters()
    if size < len(letters) + len(special):
        raise ConfigError(f"a vocabulary of {size} cannot hold {len(letters)} bytes and {len(special)} special tokens")
    words = ("Ġ" + "".join(word) for length in (2, 3, 4) for word in product(ascii_lowercase, repeat=length))
    taken = set(special.values())
    free_ids = (index for index in range(size) if index not in taken)
    return special | {token: index for index, token in zip(free_ids, chain(letters, words), strict=False)}


def byte_letters() -> list[str]:
    """The letters that stand for the 256 bytes in a byte-level vocabulary (GPT-2's): a printable byte is its own Latin-1
    letter, the others are those from U+0100 on."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    return [chr(byte) for byte in sorted(printable)] + [chr(0x100 + index) for index in range(256 - len(printable))]


def _write_tokenizer(folder: Path, vocabulary: Mapping[str, int]) -> None:
    """Byte-level without merges: it decodes every id, and encodes text byte by byte."""
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    tokenizer = {
        "version": "1.0",
        "added_tokens": [{"id": vocabulary[token], "content": token, **flags} for token in SPECIAL_IDS],
        "pre_tokenizer": byte_level,
        "decoder": byte_level,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": []},
    }
    settings = {
        "tokenizer_class": "LlamaTokenizerFast",
        "add_bos_token": True,
        "add_eos_token": False,
        "bos_token": BOS,
        "eos_token": EOS,
        "pad_token": PAD,
        "model_max_length": 131072,
        "clean_up_tokenization_spaces": False,
    }
    for name, values in {"tokenizer.json": tokenizer, "tokenizer_config.json": settings}.items():
        (folder / name).write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")
