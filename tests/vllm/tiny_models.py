"""Writes tiny models with random weights: the real names, tokens, configs and file layout at 1/200 of the size.

In: an empty folder. Out: a model folder that vLLM loads as it would the published one. 15 to 40 MB each, under two seconds.
The answer depends on the page (weights are scaled so that nothing dies out) and is made of English words, `<td>`, `</td>` and,
seldom, the end of the page: all other rows of the output matrix are zero and lose to the best of a hundred words.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tiny_towers_plugin import CLIP_MLP_DIM, ENCODER_DIM, SAM_DIM, SAM_MLP_DIM
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2VLImageProcessor
from transformers.models.qwen2.modeling_qwen2 import Qwen2Config, Qwen2Model

HIDDEN = 128
VOCABULARY = 512
TOWER_LAYERS = 2
BOS, EOS, PAD, IMAGE = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>", "<image>"
MARKUP = ("<|ref|>", "<|/ref|>", "<|det|>", "<|/det|>", "<|grounding|>", "<td>", "</td>", "<tr>", "</tr>")
CHAT = ("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
COMMON_WORDS = """
the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which one you were
all her she there would their we him been has when who will no more if out so up said what its about than into them can only
other time new some could these two may first then do any like my now over such our man me even most made after also did many
off before must well back through years much where your way paper mill water wheel
"""
WORDS = COMMON_WORDS.split()


def write_deepseek(folder: Path, *, seed: int = 0) -> Path:
    """DeepSeek-OCR: SAM and CLIP towers of two small layers, a mixture-of-experts language model of two."""
    token_ids = _write_tokenizer(folder, (BOS, EOS, PAD, IMAGE, *MARKUP), BOS, EOS, PAD)
    _write_deepseek_config(folder, "DeepseekOCRForCausalLM", projector_dim=2048)
    weights = Weights(seed)
    _add_sam(weights, last_conv=1024)
    _add_clip(weights)
    _add_projector(weights, input_dim=2048)
    weights.normal("model.image_newline", HIDDEN, std=0.5)
    _add_language_model(weights, token_ids)
    save_file(weights.tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def write_deepseek2(folder: Path, *, seed: int = 0) -> Path:
    """DeepSeek-OCR-2: the same with a Qwen2 encoder in the place of CLIP, and no newline token."""
    token_ids = _write_tokenizer(folder, (BOS, EOS, PAD, IMAGE, *MARKUP), BOS, EOS, PAD)
    _write_deepseek_config(folder, "DeepseekOCR2ForCausalLM", projector_dim=ENCODER_DIM)
    weights = Weights(seed)
    _add_sam(weights, last_conv=ENCODER_DIM)
    _add_qwen2_encoder(weights)
    _add_projector(weights, input_dim=ENCODER_DIM)
    _add_language_model(weights, token_ids)
    save_file(weights.tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def write_qwen(folder: Path, *, seed: int = 0) -> Path:
    """Qwen2.5-VL, the family of olmOCR-2: every size is in its config, so transformers writes it."""
    token_ids = _write_tokenizer(folder, (*CHAT, *MARKUP), None, "<|im_end|>", "<|endoftext|>")
    size = {"hidden_size": HIDDEN, "intermediate_size": 256, "num_attention_heads": 2, "num_key_value_heads": 2}
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [8, 12, 12]}
    text = {"num_hidden_layers": 2, "vocab_size": VOCABULARY, "max_position_embeddings": 16384, "rope_parameters": rope}
    vision = {"depth": 2, "hidden_size": 64, "num_heads": 2, "intermediate_size": 128, "out_hidden_size": HIDDEN}
    ids = {name: token_ids[token] for name, token in QWEN_TOKENS.items()}
    config = Qwen2_5_VLConfig(
        text_config={**size, **text, "bos_token_id": None, "eos_token_id": token_ids["<|im_end|>"]},
        vision_config={**vision, "fullatt_block_indexes": [1]},
        dtype="bfloat16",
        **ids,
    )
    torch.manual_seed(seed)
    model = Qwen2_5_VLForConditionalGeneration(config).to(torch.bfloat16)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=parameter[0].numel() ** -0.5)
        model.lm_head.weight.mul_(_spoken(token_ids)[:, None])
    model.generation_config.eos_token_id = token_ids["<|im_end|>"]
    model.save_pretrained(folder)
    Qwen2VLImageProcessor(min_pixels=56 * 56, max_pixels=1288 * 1288).save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(QWEN_CHAT)
    return folder


QWEN_TOKENS = {
    "image_token_id": "<|image_pad|>",
    "video_token_id": "<|video_pad|>",
    "vision_start_token_id": "<|vision_start|>",
    "vision_end_token_id": "<|vision_end|>",
}
QWEN_CHAT = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{% if message.content is string %}{{ message.content }}"
    "{% else %}{% for part in message.content %}{% if part.type == 'text' %}{{ part.text }}{% else %}"
    "<|vision_start|><|image_pad|><|vision_end|>{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


class Weights:
    """Random tensors under the names of a checkpoint, in bfloat16, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.tensors: dict[str, torch.Tensor] = {}
        self._chance = torch.Generator().manual_seed(seed)

    def normal(self, name: str, *shape: int, std: float | None = None) -> None:
        """Normal with a deviation that keeps the size of a signal: one over the root of what a row sums over."""
        deviation = torch.Size(shape[1:]).numel() ** -0.5 if std is None else std
        self.tensors[name] = (torch.randn(*shape, generator=self._chance) * deviation).to(torch.bfloat16)

    def zeros(self, name: str, *shape: int) -> None:
        self.tensors[name] = torch.zeros(*shape, dtype=torch.bfloat16)

    def norm(self, name: str, size: int, *, bias: bool = True) -> None:
        self.tensors[f"{name}.weight"] = torch.ones(size, dtype=torch.bfloat16)
        if bias:
            self.zeros(f"{name}.bias", size)

    def linear(self, name: str, num_out: int, num_in: int, *, bias: bool = True) -> None:
        self.normal(f"{name}.weight", num_out, num_in)
        if bias:
            self.zeros(f"{name}.bias", num_out)


def _add_sam(weights: Weights, *, last_conv: int) -> None:
    name = "model.sam_model"
    weights.normal(f"{name}.pos_embed", 1, 64, 64, SAM_DIM, std=0.02)
    weights.normal(f"{name}.patch_embed.proj.weight", SAM_DIM, 3, 16, 16)
    weights.zeros(f"{name}.patch_embed.proj.bias", SAM_DIM)
    for layer in range(TOWER_LAYERS):
        block = f"{name}.blocks.{layer}"
        window = 64 if layer == TOWER_LAYERS - 1 else 14
        weights.norm(f"{block}.norm1", SAM_DIM)
        weights.norm(f"{block}.norm2", SAM_DIM)
        for axis in "hw":
            weights.normal(f"{block}.attn.rel_pos_{axis}", 2 * window - 1, SAM_DIM // 2, std=0.02)
        weights.linear(f"{block}.attn.qkv", 3 * SAM_DIM, SAM_DIM)
        weights.linear(f"{block}.attn.proj", SAM_DIM, SAM_DIM)
        weights.linear(f"{block}.mlp.lin1", SAM_MLP_DIM, SAM_DIM)
        weights.linear(f"{block}.mlp.lin2", SAM_DIM, SAM_MLP_DIM)
    weights.normal(f"{name}.neck.0.weight", 256, SAM_DIM, 1, 1)
    weights.norm(f"{name}.neck.1", 256)
    weights.normal(f"{name}.neck.2.weight", 256, 256, 3, 3)
    weights.norm(f"{name}.neck.3", 256)
    weights.normal(f"{name}.net_2.weight", 512, 256, 3, 3)
    weights.normal(f"{name}.net_3.weight", last_conv, 512, 3, 3)


def _add_clip(weights: Weights) -> None:
    name, dim = "model.vision_model", 1024
    weights.normal(f"{name}.embeddings.class_embedding", dim, std=0.02)
    weights.normal(f"{name}.embeddings.patch_embedding.weight", dim, 3, 14, 14)
    weights.normal(f"{name}.embeddings.position_embedding.weight", 257, dim, std=0.02)
    weights.norm(f"{name}.pre_layrnorm", dim)
    for layer in range(TOWER_LAYERS):
        block = f"{name}.transformer.layers.{layer}"
        weights.linear(f"{block}.self_attn.qkv_proj", 3 * dim, dim)
        weights.linear(f"{block}.self_attn.out_proj", dim, dim)
        weights.norm(f"{block}.layer_norm1", dim)
        weights.norm(f"{block}.layer_norm2", dim)
        weights.linear(f"{block}.mlp.fc1", CLIP_MLP_DIM, dim)
        weights.linear(f"{block}.mlp.fc2", dim, CLIP_MLP_DIM)


def _add_qwen2_encoder(weights: Weights) -> None:
    name = "model.qwen2_model"
    weights.normal(f"{name}.query_768.weight", 144, ENCODER_DIM, std=0.5)
    weights.normal(f"{name}.query_1024.weight", 256, ENCODER_DIM, std=0.5)
    size = {"hidden_size": ENCODER_DIM, "intermediate_size": ENCODER_DIM, "vocab_size": 1}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "num_hidden_layers": TOWER_LAYERS}
    with torch.device("meta"):
        shapes = {key: tensor.shape for key, tensor in Qwen2Model(Qwen2Config(**size, **heads)).state_dict().items()}
    del shapes["embed_tokens.weight"]
    for key, shape in shapes.items():
        if len(shape) > 1:
            weights.normal(f"{name}.model.model.{key}", *shape)
        elif key.endswith("bias"):
            weights.zeros(f"{name}.model.model.{key}", *shape)
        else:
            weights.norm(f"{name}.model.model.{key.removesuffix('.weight')}", shape[0], bias=False)


def _add_projector(weights: Weights, *, input_dim: int) -> None:
    weights.linear("model.projector.layers", HIDDEN, input_dim)
    weights.normal("model.view_seperator", HIDDEN, std=0.5)


def _add_language_model(weights: Weights, token_ids: dict[str, int]) -> None:
    config = _language_config()
    weights.normal("model.embed_tokens.weight", VOCABULARY, HIDDEN, std=0.5)
    weights.normal("lm_head.weight", VOCABULARY, HIDDEN)
    weights.tensors["lm_head.weight"] *= _spoken(token_ids)[:, None]
    weights.norm("model.norm", HIDDEN, bias=False)
    for layer in range(config["num_hidden_layers"]):
        block = f"model.layers.{layer}"
        weights.norm(f"{block}.input_layernorm", HIDDEN, bias=False)
        weights.norm(f"{block}.post_attention_layernorm", HIDDEN, bias=False)
        for projection in "qkvo":
            # Four times the usual: attention picks cells of the page instead of averaging them away.
            weights.normal(f"{block}.self_attn.{projection}_proj.weight", HIDDEN, HIDDEN, std=4 * HIDDEN**-0.5)
        if layer < config["first_k_dense_replace"]:
            _add_gated_mlp(weights, f"{block}.mlp", config["intermediate_size"])
            continue
        weights.normal(f"{block}.mlp.gate.weight", config["n_routed_experts"], HIDDEN)
        _add_gated_mlp(weights, f"{block}.mlp.shared_experts", config["moe_intermediate_size"])
        for expert in range(config["n_routed_experts"]):
            _add_gated_mlp(weights, f"{block}.mlp.experts.{expert}", config["moe_intermediate_size"])


def _add_gated_mlp(weights: Weights, name: str, size: int) -> None:
    weights.linear(f"{name}.gate_proj", size, HIDDEN, bias=False)
    weights.linear(f"{name}.up_proj", size, HIDDEN, bias=False)
    weights.linear(f"{name}.down_proj", HIDDEN, size, bias=False)


def _spoken(token_ids: dict[str, int]) -> torch.Tensor:
    """1 for the tokens that the model may say, 0 for the others."""
    spoken = torch.zeros(VOCABULARY, dtype=torch.bfloat16)
    ends = [token for token in (EOS, "<|im_end|>") if token in token_ids]
    spoken[[token_ids[token] for token in (*(f"Ġ{word}" for word in WORDS), "<td>", "</td>", *ends)]] = 1.0
    return spoken


def _language_config() -> dict[str, object]:
    return {
        "architectures": ["DeepseekV2ForCausalLM"],
        "bos_token_id": 0,
        "eos_token_id": 1,
        "first_k_dense_replace": 1,
        "hidden_size": HIDDEN,
        "intermediate_size": 256,
        "kv_lora_rank": None,
        "lm_head": True,
        "max_position_embeddings": 8192,
        "moe_intermediate_size": 64,
        "n_group": 1,
        "n_routed_experts": 4,
        "n_shared_experts": 1,
        "num_attention_heads": 2,
        "num_experts_per_tok": 2,
        "num_hidden_layers": 2,
        "num_key_value_heads": 2,
        "q_lora_rank": None,
        "qk_nope_head_dim": 0,
        "qk_rope_head_dim": 0,
        "rm_head": False,
        "topk_group": 1,
        "topk_method": "greedy",
        "torch_dtype": "bfloat16",
        "use_mla": False,
        "v_head_dim": 0,
        "vocab_size": VOCABULARY,
    }


def _write_deepseek_config(folder: Path, architecture: str, *, projector_dim: int) -> None:
    language = _language_config()
    projector = {"input_dim": projector_dim, "model_type": "mlp_projector", "n_embed": HIDDEN, "projector_type": "linear"}
    vision = {"image_size": 1024, "model_name": "deeplip_b_l", "model_type": "vision", "tiny_tower_layers": TOWER_LAYERS}
    config = {
        **language,
        "architectures": [architecture],
        "model_type": "deepseek_vl_v2",
        "candidate_resolutions": [[1024, 1024]],
        "global_view_pos": "head",
        "tile_tag": "2D",
        "language_config": language,
        "projector_config": projector,
        "vision_config": vision,
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
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "processor_config.json").write_text(json.dumps(processor))


def _write_tokenizer(folder: Path, special: tuple[str, ...], bos: str | None, eos: str, pad: str) -> dict[str, int]:
    """Bytes and a hundred words; `special` first where ids matter (bos 0, eos 1, pad 2 as published). Returns the ids."""
    folder.mkdir(parents=True, exist_ok=True)
    tokens = [*special, *sorted(pre_tokenizers.ByteLevel.alphabet()), *(f"Ġ{word}" for word in WORDS)]
    vocabulary = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], byte_fallback=False, unk_token=None))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "LlamaTokenizerFast" if bos else "Qwen2TokenizerFast",
        "add_bos_token": bool(bos),
        "add_eos_token": False,
        "bos_token": bos,
        "eos_token": eos,
        "pad_token": pad,
        "model_max_length": 131072,
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, ensure_ascii=False))
    return vocabulary
