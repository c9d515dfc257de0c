"""A stream as a torch dataset, of samples or of packed token sequences; the only module of this room that imports torch.

In: a `Stream`, the rank, how many ranks there are. Out: dicts, ready for `torch.utils.data.DataLoader` or torchdata's
`StatefulDataLoader`, with any number of workers. `state_dict()` says where this worker stands after the last sample it gave;
`load_state_dict` goes on from there in the same world. Another number of ranks or workers goes on from what
`checkpoint.resume` makes of the states:

    dataset = SampleDataset(stream, rank=rank, num_ranks=6, resumption=resume(stream, [state_of_one_of_8_ranks]))

Epochs lie in the stream (`num_epochs`), so iterate once; whoever iterates again begins again.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
from torch.utils.data import IterableDataset, get_worker_info

from pipeline.errors import ConfigError
from pipeline.readers.checkpoint import SAMPLES, Resumption, Standing, State, from_state, to_state
from pipeline.readers.lanes import Sample
from pipeline.readers.packing import Pack, Piece, best_fit, concatenate, laid_out
from pipeline.readers.share import Course, World
from pipeline.readers.stream import NUM_THREADS, Stream, read
from pipeline.readers.tokens import TokenizerFile, open_tokenizer

NUM_OPEN = 32
"""Open sequences of best-fit packing: of 2,048 tokens each they make a state of at most 262 kB."""
TokenSequence = dict[str, npt.NDArray[np.int64]]
"""`input_ids`, `position_ids`, `document_ids`; see `packing.laid_out`."""


class _ReaderDataset(IterableDataset[object]):
    """What both datasets share: where they stand, and how they are taken up again."""

    def __init__(
        self, stream: Stream, *, rank: int, num_ranks: int, resumption: Resumption | None = None, num_threads: int = NUM_THREADS
    ) -> None:
        """`rank` of `num_ranks` as torch.distributed counts them. `num_threads` fetch and decode. Raises ConfigError."""
        if not 0 <= rank < num_ranks:
            raise ConfigError(f"rank {rank} is not one of {num_ranks} ranks, which are counted from 0")
        self._stream = stream
        self._rank = rank
        self._num_ranks = num_ranks
        self._resumption = resumption or Resumption(course=Course(end=stream.end))
        self._num_threads = num_threads
        self._loaded: Standing | None = None
        self._standing: Standing | None = None
        self._num_taken = 0
        """Of the standing, apart from the rest: a new Standing for every sample costs 6 us."""

    @abstractmethod
    def _from(self, standing: Standing) -> Iterator[tuple[Standing, int, object]]:
        """What is given from there on, each with where it leaves the reader and how many samples it has read by then."""

    @property
    @abstractmethod
    def _form(self) -> str:
        """What is given, and in which measure: a state of another form does not fit."""

    @abstractmethod
    def _beginning(self) -> Standing: ...

    def __iter__(self) -> Iterator[object]:
        self._standing, self._loaded = self._loaded or self._beginning(), None
        self._num_taken = self._standing.num_taken
        for self._standing, self._num_taken, given in self._from(self._standing):  # noqa: B020  it moves with what is given
            yield given

    def state_dict(self) -> State:
        """After what this worker gave last."""
        if self._standing is None:
            return to_state(self._loaded or self._beginning())
        return to_state(replace(self._standing, num_taken=self._num_taken))

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        """Raises ConfigError for the state of another stream, another world or another worker."""
        loaded, here = from_state(state, self._stream), self._beginning()
        if loaded.form == SAMPLES:
            loaded = replace(loaded, rank=here.rank)
        told, wanted = ((each.form, each.world, each.rank, each.worker) for each in (loaded, here))
        if told != wanted:
            raise ConfigError(
                f"this state is of {told}, here is {wanted}; in another world go on with "
                "resumption=pipeline.readers.checkpoint.resume(stream, states) in place of load_state_dict"
            )
        self._loaded, self._standing = loaded, None

    def _standing_at_start(self) -> Standing:
        info = get_worker_info()
        return Standing(
            identity=self._stream.identity,
            form=self._form,
            course=self._resumption.course,
            world=World(num_ranks=self._num_ranks, num_workers=info.num_workers if info else 1),
            rank=self._rank,
            worker=info.id if info else 0,
            num_taken=0,
        )

    def _samples(self, standing: Standing) -> Iterator[Sample]:
        return read(
            self._stream,
            standing.course,
            world=standing.world,
            rank=standing.rank,
            worker=standing.worker,
            num_taken=standing.num_taken,
            num_threads=self._num_threads,
        )


class SampleDataset(_ReaderDataset):
    """Rows as dicts of the columns asked for. The state of any one rank is enough for `checkpoint.resume`."""

    def _from(self, standing: Standing) -> Iterator[tuple[Standing, int, Sample]]:
        for num_taken, sample in enumerate(self._samples(standing), standing.num_taken + 1):
            yield standing, num_taken, sample

    @property
    def _form(self) -> str:
        return SAMPLES

    def _beginning(self) -> Standing:
        if self._resumption.pieces:
            raise ConfigError("this run gave packed sequences, and tokens that it had in hand are left; go on with sequences")
        return self._standing_at_start()


class SequenceDataset(_ReaderDataset):
    """Sequences of `sequence_tokens` token ids, packed from the column `text`.

    A sequence that is left open at the end of the stream is padded, so nothing is lost. Ranks reach the end at different
    steps: train for a number of steps on a stream without end. `checkpoint.resume` needs the states of all ranks.
    """

    def __init__(
        self,
        stream: Stream,
        *,
        tokenizer: TokenizerFile,
        sequence_tokens: int,
        packing: Literal["concatenate", "best_fit"] = "concatenate",
        num_open: int = NUM_OPEN,
        padding_token: int = 0,
        rank: int,
        num_ranks: int,
        resumption: Resumption | None = None,
        num_threads: int = NUM_THREADS,
    ) -> None:
        super().__init__(stream, rank=rank, num_ranks=num_ranks, resumption=resumption, num_threads=num_threads)
        ways: dict[str, Pack] = {
            "concatenate": partial(concatenate, sequence_tokens=sequence_tokens),
            "best_fit": partial(best_fit, sequence_tokens=sequence_tokens, num_open=num_open),
        }
        self._pack = ways[packing]
        self._lay_out = partial(laid_out, sequence_tokens=sequence_tokens, padding_token=padding_token)
        self._tokenizer = tokenizer
        self._packed_form = f"sequences of {sequence_tokens} tokens by {packing}"

    @property
    def _form(self) -> str:
        return self._packed_form

    def _from(self, standing: Standing) -> Iterator[tuple[Standing, int, TokenSequence]]:
        encode = open_tokenizer(self._tokenizer)
        yield from self._given(standing)
        standing = replace(standing, ready=())
        for num_taken, sample in enumerate(self._samples(standing), standing.num_taken + 1):
            standing = self._with_document(replace(standing, num_taken=num_taken), encode(str(sample["text"])))
            yield from self._given(standing)
            standing = replace(standing, ready=())
        yield from self._given(replace(standing, ready=standing.open_sequences, open_sequences=()))

    def _with_document(self, standing: Standing, document: Piece) -> Standing:
        packed = self._pack(standing.open_sequences, document)
        return replace(standing, open_sequences=packed.open_sequences, ready=(*standing.ready, *packed.full))

    def _given(self, standing: Standing) -> Iterator[tuple[Standing, int, TokenSequence]]:
        for number, pieces in enumerate(standing.ready, 1):
            yield replace(standing, ready=standing.ready[number:]), standing.num_taken, self._lay_out(pieces)

    def _beginning(self) -> Standing:
        """With this reader's part of the tokens that readers of another world had in hand."""
        standing = self._standing_at_start()
        reader = standing.rank * standing.world.num_workers + standing.worker
        for piece in self._resumption.pieces[reader :: standing.world.num_readers]:
            standing = self._with_document(standing, piece)
        return standing
