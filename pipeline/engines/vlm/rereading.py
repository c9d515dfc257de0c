"""A rung's changes laid over an engine's config: what a page is read with the second time. Pure.

In: the config, a rung, the reading so far. Out: another config, or None when the changes lead to no other reading.
"""

from pipeline.config import DeepseekOcr2Config, DeepseekOcrConfig, Mode, NgramLimit, RereadRung, VlmConfig
from pipeline.engines.vlm.modes import DEEPSEEK_OCR, DEEPSEEK_OCR_2, larger_mode
from pipeline.records import PageImage, PageText


def changed_config(config: VlmConfig, rung: RereadRung, page: PageImage, previous: PageText) -> VlmConfig | None:
    """None when no larger mode is left, or the page was read with just these settings already. The config's own check has
    seen to it that the model has every setting that the rung changes."""
    mode = _mode_of(config, rung, page, previous)
    if rung.mode == "larger" and mode is None:
        return None
    updates: dict[str, object] = {}
    if mode is not None and mode != previous.mode:
        updates["mode"] = mode
    if rung.prompt is not None and rung.prompt != getattr(config, "prompt", None):
        updates["prompt"] = rung.prompt
    if rung.ngram_size is not None or rung.ngram_window is not None:
        updates["ngram"] = _ngram(config.ngram or NgramLimit(), rung)
    if rung.temperature is not None and rung.temperature != config.temperature:
        updates["temperature"] = rung.temperature
    if not updates:
        return None
    if isinstance(config, DeepseekOcrConfig | DeepseekOcr2Config):
        updates.setdefault("mode", mode or previous.mode or config.mode)
    return config.model_copy(update=updates)


def _mode_of(config: VlmConfig, rung: RereadRung, page: PageImage, previous: PageText) -> Mode | None:
    """The mode to read in; None when the rung leaves it or there is no larger one."""
    if rung.mode is None or rung.mode != "larger":
        return rung.mode
    if not isinstance(config, DeepseekOcrConfig | DeepseekOcr2Config):
        return None
    model = DEEPSEEK_OCR if isinstance(config, DeepseekOcrConfig) else DEEPSEEK_OCR_2
    read_in = next((mode for mode in model.modes if mode == previous.mode), None)
    if read_in is None:
        return None
    height_px, width_px = page.pixels_HWC.shape[:2]
    return larger_mode(model, read_in, width_px, height_px, allowed=model.modes)


def _ngram(limit: NgramLimit, rung: RereadRung) -> NgramLimit:
    return limit.model_copy(update={"size": rung.ngram_size or limit.size, "window": rung.ngram_window or limit.window})
