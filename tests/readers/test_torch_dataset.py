"""Through real loaders, with real workers: resume at every sample, and in another world.

torch is no dependency of the default install (PyPI's wheel pulls 2 GB of CUDA): `make test-vllm` runs these in its environment.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

REASON = "torch and torchdata are in the extra [torch]; `make test-vllm` has them"
torch = pytest.importorskip("torch", reason=REASON)
pytest.importorskip("torchdata", reason=REASON)

from torchdata.stateful_dataloader import StatefulDataLoader  # noqa: E402

from pipeline.errors import ConfigError  # noqa: E402
from pipeline.readers.checkpoint import resume  # noqa: E402
from pipeline.readers.order import OrderSettings  # noqa: E402
from pipeline.readers.row_groups import TableSource  # noqa: E402
from pipeline.readers.stream import Stream, open_stream  # noqa: E402
from pipeline.readers.tokens import TokenizerFile  # noqa: E402
from pipeline.readers.torch_dataset import SampleDataset, SequenceDataset  # noqa: E402
from pipeline.store import FolderStore  # noqa: E402
from tests.readers.tables import row, write_version  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore:'set_vital' is deprecated"),  # torchdata 0.11 on torch 2.13
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),  # forks loader workers beside threads
]
NUM_ROWS = 120
SETTINGS = OrderSettings(seed=5, num_lanes=6, groups_per_lane=1, buffer_rows=8)
LAYOUTS = pytest.mark.parametrize("num_workers", [0, 2])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("version")
    write_version(FolderStore(root=folder), ([30, 10], [35], [5, 20, 20]))
    return folder


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> TokenizerFile:
    """Trained here, on the rows themselves."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<end>"], show_progress=False)
    trained.train_from_iterator([str(row(number)["text"]) for number in range(NUM_ROWS)], trainer)
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    trained.save(str(path))
    return TokenizerFile(path=path, end_token="<end>")


def stream_of(folder: Path, columns: tuple[str, ...] = ("id",), num_epochs: int = 1) -> Stream:
    from pipeline.readers.groups import open_version

    store = FolderStore(root=folder)
    source = TableSource(store=store, groups=open_version(store, "v1"), columns=columns)
    return open_stream([source], settings=SETTINGS, window_samples=12, num_epochs=num_epochs)


def loader_of(dataset: Any, num_workers: int, batch_size: int = 3) -> Any:
    return StatefulDataLoader(dataset, batch_size=batch_size, num_workers=num_workers)


def ids(batches: Iterator[Any]) -> list[int]:
    return [int(sample) for batch in batches for sample in batch["id"]]


@pytest.mark.parametrize(("num_workers", "batch_size", "stride"), [(0, 1, 1), (0, 3, 1), (2, 3, 9)])
def test_a_loader_gives_an_epoch_once_and_goes_on_after_every_batch(
    folder: Path, num_workers: int, batch_size: int, stride: int
) -> None:
    """With one sample a batch: after every sample, so in the middle of row groups and files too."""

    def loader() -> Any:
        return loader_of(SampleDataset(stream_of(folder), rank=0, num_ranks=1), num_workers, batch_size)

    first = loader()
    batches = iter(first)
    whole, states = [], []
    for batch in batches:
        whole.append([int(sample) for sample in batch["id"]])
        states.append(first.state_dict())
    assert sorted(sample for batch in whole for sample in batch) == list(range(NUM_ROWS))
    for num_batches in range(0, len(whole), stride):
        second = loader()
        second.load_state_dict(states[num_batches])
        assert ids(iter(second)) == [sample for batch in whole[num_batches + 1 :] for sample in batch]


@pytest.mark.parametrize(("before", "after"), [((8, 1), (6, 1)), ((2, 2), (3, 0)), ((1, 0), (4, 2)), ((3, 2), (3, 1))])
def test_the_state_of_one_rank_resumes_any_other_world(folder: Path, before: tuple[int, int], after: tuple[int, int]) -> None:
    """(ranks, workers) before and after; two batches of three were taken."""
    stream = stream_of(folder)
    seen: list[int] = []
    states = []
    for rank in range(before[0]):
        loader = loader_of(SampleDataset(stream, rank=rank, num_ranks=before[0]), before[1])
        seen += ids(islice(iter(loader), 2))
        states.append(loader.state_dict())
    resumption = resume(stream, [states[-1]])
    for rank in range(after[0]):
        dataset = SampleDataset(stream, rank=rank, num_ranks=after[0], resumption=resumption)
        seen += ids(iter(loader_of(dataset, after[1])))
    assert sorted(seen) == list(range(NUM_ROWS))


def test_a_resumed_world_can_be_resumed_again(folder: Path) -> None:
    stream = stream_of(folder)
    seen: list[int] = []
    resumption = None
    for num_ranks in (5, 3, 4, 1):
        loaders = [
            loader_of(SampleDataset(stream, rank=rank, num_ranks=num_ranks, resumption=resumption), 0)
            for rank in range(num_ranks)
        ]
        for loader in loaders:
            seen += ids(islice(iter(loader), None if num_ranks == 1 else 3))
        resumption = resume(stream, [loaders[0].state_dict()])
    assert sorted(seen) == list(range(NUM_ROWS))


def test_a_reader_that_is_taken_up_at_the_end_stays_there(folder: Path) -> None:
    stream = stream_of(folder)
    first = SampleDataset(stream, rank=0, num_ranks=1)
    assert len(list(first)) == NUM_ROWS
    second = SampleDataset(stream, rank=0, num_ranks=1)
    second.load_state_dict(first.state_dict())
    assert list(second) == []
    assert second.state_dict() == first.state_dict()


def test_a_state_that_does_not_fit_is_refused_with_what_to_do(folder: Path) -> None:
    stream = stream_of(folder)
    dataset = SampleDataset(stream, rank=0, num_ranks=2)
    state = dataset.state_dict()
    with pytest.raises(ConfigError, match="resumption="):
        SampleDataset(stream, rank=0, num_ranks=3).load_state_dict(state)
    with pytest.raises(ConfigError, match="another order"):
        SampleDataset(stream_of(folder, columns=("id", "text"), num_epochs=1), rank=0, num_ranks=2).load_state_dict(
            {**state, "identity": "other"}
        )
    with pytest.raises(ConfigError, match="not one of 2"):
        SampleDataset(stream, rank=2, num_ranks=2)


@pytest.mark.parametrize("packing", ["concatenate", "best_fit"])
@LAYOUTS
def test_packed_sequences_go_on_after_every_batch(
    folder: Path, tokenizer: TokenizerFile, packing: Any, num_workers: int
) -> None:
    def loader() -> Any:
        stream = stream_of(folder, columns=("text",))
        dataset = SequenceDataset(
            stream, tokenizer=tokenizer, sequence_tokens=32, packing=packing, rank=0, num_ranks=1, num_open=4
        )
        return loader_of(dataset, num_workers, batch_size=1)

    first = loader()
    whole, states = [], []
    for batch in iter(first):
        assert set(batch) == {"input_ids", "position_ids", "document_ids"}
        assert batch["input_ids"].shape[1] == 32
        whole.append(batch["input_ids"])
        states.append(first.state_dict())
    assert len(whole) > 20
    for num_batches in range(0, len(whole), 5 if num_workers == 0 else 17):
        second = loader()
        second.load_state_dict(states[num_batches])
        rest = [batch["input_ids"] for batch in iter(second)]
        assert torch.equal(torch.cat([*whole[: num_batches + 1], *rest]), torch.cat(whole))


@pytest.mark.parametrize("packing", ["concatenate", "best_fit"])
def test_no_token_is_lost_or_doubled_when_the_world_changes(folder: Path, tokenizer: TokenizerFile, packing: Any) -> None:
    """Four ranks stop after 1, 2, 3 and 4 sequences; three take over."""
    stream = stream_of(folder, columns=("text",))

    def dataset(rank: int, num_ranks: int, resumption: Any = None) -> SequenceDataset:
        return SequenceDataset(
            stream,
            tokenizer=tokenizer,
            sequence_tokens=32,
            packing=packing,
            rank=rank,
            num_ranks=num_ranks,
            resumption=resumption,
        )

    def tokens_of(sequences: Iterator[Any]) -> list[int]:
        return [
            int(token)
            for s in sequences
            for token, number in zip(s["input_ids"], s["document_ids"], strict=True)
            if number >= 0
        ]

    whole = sorted(tokens_of(iter(dataset(0, 1))))
    given_tokens, states = [], []
    for rank in range(4):
        one = dataset(rank, 4)
        given_tokens += tokens_of(islice(iter(one), rank + 1))
        states.append(one.state_dict())
    with pytest.raises(ConfigError, match="states of all 4 ranks"):
        resume(stream, states[:2])
    resumption = resume(stream, states)
    for rank in range(3):
        given_tokens += tokens_of(iter(dataset(rank, 3, resumption)))
    assert sorted(given_tokens) == whole


def test_targets_never_cross_documents(folder: Path, tokenizer: TokenizerFile) -> None:
    stream = stream_of(folder, columns=("text",))
    end = 0
    for sequence in SequenceDataset(stream, tokenizer=tokenizer, sequence_tokens=32, rank=0, num_ranks=1):
        ends = ((sequence["input_ids"] == end) & (sequence["document_ids"] >= 0)).nonzero()[0]
        for at in ends[ends < 31]:
            assert sequence["document_ids"][at] != sequence["document_ids"][at + 1]
            assert sequence["position_ids"][at + 1] == 0
