"""A dry run of the GPU bench on the CPU: every part on the real vLLM, figures held against each other, not against speed."""

import json
from pathlib import Path

import pytest
import torch
from transformers import CLIPVisionConfig, CLIPVisionModel, PreTrainedConfig
from vllm.config import VllmConfig, set_current_vllm_config
from vllm.model_executor.models.deepencoder import build_sam_vit_b
from vllm.transformers_utils.config import get_config

from jobs import bench_gpu
from jobs.bench_gpu_model import FULL, write_model
from tests.conftest import draw_pdf, prose_of

PUBLISHED_BYTES = 6_672_212_480
"""All weights of baidu/Unlimited-OCR in bfloat16: towers, projector and language model of the same sizes as DeepSeek-OCR's."""
OUTPUT_TOKENS = 12
V1_TOKENS = {"tiny": 73, "small": 111}
ON_THE_CPU = [
    *("--size", "tiny", "--output-tokens", str(OUTPUT_TOKENS)),
    *("--set", "engine.gpus=0", "--set", "engine.cpus=1", "--set", "engine.policy.modes=[tiny, small]"),
    *("--set", "engine.max_model_tokens=400", "--set", "engine.serving.max_batched_tokens=1024"),
    *("--set", "engine.serving.enforce_eager=true", "--set", "engine.serving.max_num_seqs=4"),
]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for document in range(2):
        draw_pdf(folder / f"paper{document}.pdf", [prose_of(document, page) for page in range(3)])
    return folder


def test_the_engine_part_counts_every_page_and_token_of_every_case(corpus: Path, tmp_path: Path) -> None:
    out, details = tmp_path / "gpu.md", tmp_path / "figures.json"
    cases = ["--modes", "tiny,small", "--in-flight", "1,2", "--fill", "3", "--ngram", "ours,stock"]
    argv = ["engine", *ON_THE_CPU, "--pages", str(corpus), *cases, "--write", str(out), "--details", str(details)]
    assert bench_gpu.main(argv) == 0
    runs = json.loads(details.read_text())
    assert len({(run["ngram"], run["mode"], run["window_pages"]) for run in runs}) == len(runs) == 8
    for run in runs:
        assert (run["num_failed"], run["num_pages"]) == (0, 3 * run["window_pages"])
        assert run["output_tokens"] == OUTPUT_TOKENS * run["num_pages"]
        assert run["vision_tokens"] == V1_TOKENS[run["mode"]] * run["num_pages"]
        assert run["pages_by_mode"] == {run["mode"]: run["num_pages"]}
        assert run["seconds"] > 0.0
        assert run["steady_pages_per_s"] > 0.0
        assert all(0.0 < run["shares"][stage] < 1.0 for stage in ("prepare", "process", "prefill", "decode"))
        assert sum(run["shares"].values()) == pytest.approx(1.0)
    assert sum(line.startswith(("| ours |", "| stock |")) for line in out.read_text().splitlines()) == 8


def test_the_front_part_measures_every_mode_and_adds_it_up(corpus: Path, tmp_path: Path) -> None:
    details = tmp_path / "figures.json"
    argv = ["front", *ON_THE_CPU, "--pages", str(corpus), "--modes", "tiny,gundam,auto", "--rounds", "1"]
    assert bench_gpu.main([*argv, "--num-pages", "3", "--details", str(details)]) == 0
    figures = json.loads(details.read_text())
    assert [len(figures[step]["gundam"]["seconds"]) for step in ("prepare", "process")] == [3, 3]
    assert len(figures["render"]["seconds"]) == 3
    steps = [figures["render"], *figures["prepare"].values(), *figures["process"].values()]
    assert all(seconds > 0.0 for step in steps for seconds in step["seconds"])
    assert sum(figures["process"]["gundam"]["seconds"]) > sum(figures["process"]["tiny"]["seconds"])


def test_the_factory_part_builds_a_corpus_that_verifies(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VLLM_ENABLE_V1_MULTIPROCESSING", "VLLM_CPU_KVCACHE_SPACE"):
        monkeypatch.delenv(name, raising=False)  # the worker must set what it needs
    details = tmp_path / "figures.json"
    assert bench_gpu.main(["factory", *ON_THE_CPU, str(corpus), "--details", str(details)]) == 0
    run = json.loads(details.read_text())
    assert (run["num_documents"], run["num_pages"], run["findings"]) == (2, 6, [])
    assert run["num_read"] == sum(run["pages_by_mode"].values()) == 6
    assert run["output_tokens"] == OUTPUT_TOKENS * run["num_read"]
    assert 0.0 < run["span_s"] < run["elapsed_s"]
    assert 0.0 < run["engine_busy_fraction"] <= 1.0
    assert all(0.0 <= fraction <= 1.0 for fraction in run["shard_fractions"].values())


def test_the_full_architecture_has_as_many_parameters_as_the_published_one(tmp_path: Path) -> None:
    """SAM as vLLM builds it, CLIP-L/14 as transformers does, which alone has a norm after the layers."""
    config = get_config(str(write_model(tmp_path, FULL)), trust_remote_code=False)
    clip_config = CLIPVisionConfig(
        hidden_size=1024, intermediate_size=4096, num_attention_heads=16, num_hidden_layers=24, image_size=224, patch_size=14
    )
    with set_current_vllm_config(VllmConfig()), torch.device("meta"):
        sam, clip = build_sam_vit_b(), CLIPVisionModel(clip_config)
        projector = torch.nn.Linear(config.projector_config.input_dim, config.projector_config.n_embed)
    parts = [*sam.named_parameters(), *clip.named_parameters(), *projector.named_parameters()]
    num_tower = sum(tensor.numel() for name, tensor in parts if "post_layernorm" not in name)
    newline_and_separator = 2 * config.projector_config.n_embed
    assert 2 * (num_tower + newline_and_separator + language_parameters(config.text_config)) == PUBLISHED_BYTES


def language_parameters(config: PreTrainedConfig) -> int:
    """Of the mixture of experts with plain attention, both embeddings counted."""
    hidden, layers = config.hidden_size, config.num_hidden_layers
    experts = config.n_routed_experts + config.n_shared_experts
    mixture = 3 * hidden * config.moe_intermediate_size * experts + hidden * config.n_routed_experts
    dense = 3 * hidden * config.intermediate_size
    attention_and_norms = 4 * hidden**2 + 2 * hidden
    return 2 * config.vocab_size * hidden + hidden + layers * attention_and_norms + dense + (layers - 1) * mixture
