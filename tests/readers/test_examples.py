"""The examples of the README are run as they stand there, on a small published version."""

import re
from pathlib import Path

import pytest

from tests.readers.published import NUM_DOCUMENTS, publish_into

ROOT = Path(__file__).resolve().parents[2]
SECTION = (ROOT / "README.md").read_text(encoding="utf-8").split("<!-- examples -->")[1]
BLOCKS = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
CHECKS = {
    "datasets": lambda names: isinstance(names["first"], str),
    "duckdb": lambda names: sum(row[1] for row in names["languages"]) == NUM_DOCUMENTS,
    "polars": lambda names: names["long"].height == NUM_DOCUMENTS,
    "pandas": lambda names: len(names["signals"]) == NUM_DOCUMENTS,
    "ray": lambda names: names["num_documents"] == NUM_DOCUMENTS,
    "datatrove": lambda names: len(names["texts"]) == NUM_DOCUMENTS,
    "torchtitan": lambda names: torchtitan_reads_it(),
    "torchdata": lambda names: len(names["batch"]["text"]) > 0 and len(list(names["dataset"])) > 0,
}
"""What must be true after the block of each library."""


def library_of(block: str) -> str:
    imported = re.findall(r"^(?:import|from) (\w+)", block, re.MULTILINE)
    return next(name for name in ("torchtitan", *imported) if name in imported)


def torchtitan_reads_it() -> bool:
    from torchtitan.hf_datasets.text_datasets import HuggingFaceTextDataset

    class Characters:
        def encode(self, text: str, add_bos: bool, add_eos: bool) -> list[int]:
            return [ord(character) % 250 for character in text]

    dataset = HuggingFaceTextDataset("papers", None, Characters(), seq_len=64)  # type: ignore[arg-type]
    inputs, labels = next(iter(dataset))
    return len(inputs["input"]) == len(labels) == 64


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dataset")
    publish_into(folder)
    return folder


def test_every_library_has_its_example() -> None:
    assert [library_of(block) for block in BLOCKS] == list(CHECKS)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:'set_vital' is deprecated")
@pytest.mark.parametrize("library", [pytest.param(name, marks=pytest.mark.ray if name == "ray" else ()) for name in CHECKS])
def test_an_example_of_the_readme_runs(
    library: str, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    pytest.importorskip(library, reason=f"{library} is not in this environment; `make test-vllm` has torch")
    if library == "ray":
        request.getfixturevalue("ray_cluster")
    (block,) = (block for block in BLOCKS if library_of(block) == library)
    names: dict[str, object] = {}
    exec(block.replace("out/papers", str(place)), names)
    assert CHECKS[library](names)
