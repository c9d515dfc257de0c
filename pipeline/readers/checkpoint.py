"""Where a reader stands, as plain values, and how another number of readers goes on from there. Knows no torch.

In: states as `torch_dataset.py` gives them, or what a loader has wrapped around them. Out: a `Course`, and the tokens that
were read and not given. Ranks that give samples move in step, so the state of one of them says what all have read; ranks that
give packed sequences do not, so all their states are needed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict, cast

import numpy as np

from pipeline.errors import ConfigError
from pipeline.readers.packing import Piece, Pieces
from pipeline.readers.share import Course, World, remaining
from pipeline.readers.stream import Stream

FORMAT = "pagemill-reader/1"
SAMPLES = "samples"


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """One loader worker of one rank."""

    identity: str
    """Of the stream."""
    course: Course
    world: World
    rank: int
    worker: int
    num_taken: int
    """Samples of `course` that it has read."""
    form: str = SAMPLES
    """What is given; see `torch_dataset.py`."""
    open_sequences: tuple[Pieces, ...] = ()
    """Packed sequences that are not full yet."""
    ready: tuple[Pieces, ...] = ()
    """Packed sequences that are full and not yet given."""


class State(TypedDict):
    """A `Standing` as plain values, which any checkpoint can hold; pieces as the bytes of int32."""

    format: str
    identity: str
    head: list[int]
    tail: int
    end: int | None
    num_ranks: int
    num_workers: int
    rank: int
    worker: int
    num_taken: int
    form: str
    open_sequences: list[list[bytes]]
    ready: list[list[bytes]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Resumption:
    """What any number of readers needs to go on."""

    course: Course
    pieces: tuple[Piece, ...] = ()
    """Tokens of documents that were read but not given."""


def to_state(standing: Standing) -> State:
    return State(
        format=FORMAT,
        identity=standing.identity,
        head=list(standing.course.head),
        tail=standing.course.tail,
        end=standing.course.end,
        num_ranks=standing.world.num_ranks,
        num_workers=standing.world.num_workers,
        rank=standing.rank,
        worker=standing.worker,
        num_taken=standing.num_taken,
        form=standing.form,
        open_sequences=_bytes_of(standing.open_sequences),
        ready=_bytes_of(standing.ready),
    )


def from_state(state: Mapping[str, object], stream: Stream) -> Standing:
    """Raises ConfigError when the state is of another stream: other tables, conditions, weights, seed or sizes."""
    if state.get("format") != FORMAT:
        raise ConfigError(f"this state has the format {state.get('format')!r}, not {FORMAT!r}; it was made by another version")
    if state["identity"] != stream.identity:
        raise ConfigError(
            "this state is of another order: tables, version, conditions, weights, order settings and window_samples "
            "must be those of the run that made it. To begin anew, load no state"
        )
    value = cast("State", state)
    return Standing(
        identity=stream.identity,
        course=Course(head=tuple(value["head"]), tail=value["tail"], end=value["end"]),
        world=World(num_ranks=value["num_ranks"], num_workers=value["num_workers"]),
        rank=value["rank"],
        worker=value["worker"],
        num_taken=value["num_taken"],
        form=value["form"],
        open_sequences=_pieces_of(value["open_sequences"]),
        ready=_pieces_of(value["ready"]),
    )


def resume(stream: Stream, states: Sequence[Mapping[str, object]]) -> Resumption:
    """What is left, for any number of ranks and workers. `states`: `loader.state_dict()` of one rank where samples are given
    as they are, of every rank where they are packed. Raises ConfigError when some are missing."""
    found = [from_state(state, stream) for state in _worker_states(states)]
    if not found:
        raise ConfigError("no reader's state is in these states; give those of a loader that had been asked for a batch")
    first = found[0]
    taken = {(each.rank, each.worker): each.num_taken for each in found}
    ranks = sorted({each.rank for each in found})
    counts = np.zeros((first.world.num_ranks, first.world.num_workers), dtype=np.int64)
    for rank, worker in np.ndindex(counts.shape):
        known_rank = ranks[0] if first.form == SAMPLES and len(ranks) == 1 else rank
        if (known_rank, worker) not in taken:
            raise ConfigError(
                f"the state of rank {rank}, worker {worker} is missing: packed sequences need the states of all "
                f"{first.world.num_ranks} ranks, each with the states of all {first.world.num_workers} workers"
            )
        counts[rank, worker] = taken[known_rank, worker]
    course = remaining(first.course, counts, window_samples=stream.window_samples, lanes_of=stream.lanes_of)
    sequences = [sequence for each in found for sequence in (*each.ready, *each.open_sequences)]
    return Resumption(course=course, pieces=tuple(piece for sequence in sequences for piece in sequence))


def _worker_states(states: object) -> Iterator[Mapping[str, object]]:
    """Readers' states, however a loader has nested them."""
    if isinstance(states, Mapping):
        if states.get("_steps_since_snapshot"):
            raise ConfigError("the loader's state is older than its last batch; make it with snapshot_every_n_steps=1")
        if "format" in states and "identity" in states:
            yield states
            return
        states = list(states.values())
    if isinstance(states, Sequence) and not isinstance(states, str | bytes):
        for state in states:
            yield from _worker_states(state)


def _bytes_of(sequences: tuple[Pieces, ...]) -> list[list[bytes]]:
    return [[piece.tobytes() for piece in sequence] for sequence in sequences]


def _pieces_of(sequences: list[list[bytes]]) -> tuple[Pieces, ...]:
    return tuple(tuple(np.frombuffer(piece, dtype=np.int32) for piece in sequence) for sequence in sequences)
