"""Outputs in DeepSeek-OCR's grammar, written by the tests."""

EOS = "<\uff5cend\u2581of\u2581sentence\uff5c>"


def ref(label: str, box: str, content: str = "") -> str:
    """One block as the model writes it."""
    return f"<|ref|>{label}<|/ref|><|det|>{box}<|/det|>\n{content}"
