"""How the tests read pages: drawn pages, the modes as the models publish them, an engine in this process."""

import contextlib
import gc
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from vllm import LLM, RequestOutput, SamplingParams

V1_MODES = {
    "tiny": {"base_size": 512, "image_size": 512, "crop_mode": False},
    "small": {"base_size": 640, "image_size": 640, "crop_mode": False},
    "base": {"base_size": 1024, "image_size": 1024, "crop_mode": False},
    "large": {"base_size": 1280, "image_size": 1280, "crop_mode": False},
    "gundam": {"base_size": 1024, "image_size": 640, "crop_mode": True},
}
V2_MODES = {
    "base": {"base_size": 1024, "image_size": 1024, "crop_mode": False},
    "gundam": {"base_size": 1024, "image_size": 768, "crop_mode": True},
}
PROMPT = "<image>\nFree OCR."
A4_PX = (794, 1123)


def draw_page(size_px: tuple[int, int] = A4_PX, *, seed: int = 0) -> Image.Image:
    """A page of numbered lines, another one for each seed."""
    page = Image.new("RGB", size_px, "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(size=22)
    for line, top in enumerate(range(30, size_px[1] - 30, 34)):
        pen.text((40, top), f"Line {line} of page {seed}: {(line + 1) * (seed + 3) * 7919}", fill="black", font=font)
    return page


@contextlib.contextmanager
def open_llm(model_dir: Path, architecture: str | None = None, **arguments: object) -> Iterator[LLM]:
    """One engine in this process; without an architecture, the one that the model's own config names.

    In float32, where two ways to the same token do not differ by rounding. Use it in session fixtures only: closing one
    takes the process groups from all others in the process.
    """
    overrides = {"architectures": [architecture]} if architecture else {}
    llm = LLM(
        model=str(model_dir),
        hf_overrides=overrides,
        enforce_eager=True,
        max_model_len=2048,
        max_num_batched_tokens=2048,
        max_num_seqs=8,
        seed=0,
        **{"dtype": "float32", **arguments},
    )
    yield llm
    del llm
    gc.collect()


def read(
    llm: LLM,
    pages: Sequence[Image.Image],
    modes: Sequence[dict[str, object] | None],
    sampling: SamplingParams | Sequence[SamplingParams] | None = None,
) -> list[RequestOutput]:
    """All pages at once, each in its mode."""
    requests = [
        {"prompt": PROMPT, "multi_modal_data": {"image": page}, **({"mm_processor_kwargs": mode} if mode else {})}
        for page, mode in zip(pages, modes, strict=True)
    ]
    return llm.generate(requests, sampling or greedy(), use_tqdm=False)


def greedy(max_tokens: int = 24, **settings: object) -> SamplingParams:
    return SamplingParams(temperature=0.0, max_tokens=max_tokens, **settings)


def count_vision_tokens(output: RequestOutput, llm: LLM) -> int:
    return output.prompt_token_ids.count(llm.get_tokenizer().convert_tokens_to_ids("<image>"))


def token_ids(output: RequestOutput) -> list[int]:
    return list(output.outputs[0].token_ids)
