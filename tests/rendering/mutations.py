"""Real documents, damaged at random but the same way every time: a seed and a number give one input."""

import random
import re
from collections.abc import Callable, Sequence

Mutation = Callable[[random.Random, bytes, Sequence[bytes]], bytes]
"""Chance, the document so far, and all start documents to take pieces from."""

OBJECT = re.compile(rb"\d+ \d+ obj\b.*?endobj", re.DOTALL)
STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)
NUMBER = re.compile(rb"(?<=[ \[/\n])-?\d{1,10}(?=[ \]/\n>])")
NAME = re.compile(rb"/[A-Z][A-Za-z0-9]{1,16}")
ODD_NUMBERS = (b"0", b"-1", b"1", b"65536", b"2147483647", b"-2147483648", b"4294967296", b"99999999999", b"0.0001")
MAX_BYTES = 2_000_000


def mutated(seed: int, number: int, documents: Sequence[bytes]) -> bytes:
    """Input `number` of the run with `seed`: one of the documents with one to five mutations."""
    chance = random.Random(f"{seed}/{number}")
    data = chance.choice(documents)
    for _ in range(chance.randint(1, 5)):
        data = chance.choice(MUTATIONS)(chance, data, documents)[:MAX_BYTES]
    return data


def flip_bytes(chance: random.Random, data: bytes, documents: Sequence[bytes]) -> bytes:
    changed = bytearray(data)
    for _ in range(min(len(changed), chance.choice((1, 4, 32, 256)))):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def cut(chance: random.Random, data: bytes, documents: Sequence[bytes]) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] if chance.random() < 0.7 else data[at:]


def delete_chunk(chance: random.Random, data: bytes, documents: Sequence[bytes]) -> bytes:
    start, end = _span(chance, data)
    return data[:start] + data[end:]


def double_chunk(chance: random.Random, data: bytes, documents: Sequence[bytes]) -> bytes:
    start, end = _span(chance, data)
    return data[:end] + data[start:end] * chance.choice((1, 2, 50)) + data[end:]


def swap_objects(chance: random.Random, data: bytes, documents: Sequence[bytes]) -> bytes:
    """The bodies of two objects change places, their numbers stay."""
    found = list(OBJECT.finditer(data))
    if len(found) < 2:
        return data
    first, second = sorted(chance.sample(found, 2), key=lambda match: match.start())
    head_a, body_a = first[0].split(b"obj", 1)
    head_b, body_b = second[0].split(b"obj", 1)
    between = data[first.end() : second.start()]
    return b"".join((data[: first.start()], head_a, b"obj", body_b, between, head_b, b"obj", body_a, data[second.end() :]))


def change_numbers(chance: random.Random, data: bytes, documents: Sequence[bytes]) -> bytes:
    """Numbers outside streams mostly: sizes, counts, references, boxes."""
    return _replaced(chance, NUMBER, data, lambda: chance.choice((*ODD_NUMBERS, b"%d" % chance.randrange(100))))


def change_names(chance: random.Random, data: bytes, documents: Sequence[bytes]) -> bytes:
    names = NAME.findall(chance.choice(documents)[:200_000]) or [b"/Page"]
    return _replaced(chance, NAME, data, lambda: chance.choice(names))


def splice_stream(chance: random.Random, data: bytes, documents: Sequence[bytes]) -> bytes:
    """The body of a stream gives way to that of another document's."""
    bodies = [match[1] for match in STREAM.finditer(chance.choice(documents)[:500_000])]
    return _replaced(chance, STREAM, data, lambda: b"stream\n" + chance.choice(bodies) + b"endstream", 1) if bodies else data


def join_documents(chance: random.Random, data: bytes, documents: Sequence[bytes]) -> bytes:
    return data[: chance.randrange(len(data) + 1)] + chance.choice(documents)[-50_000:]


MUTATIONS: tuple[Mutation, ...] = (
    flip_bytes,
    flip_bytes,
    cut,
    delete_chunk,
    double_chunk,
    swap_objects,
    change_numbers,
    change_numbers,
    change_names,
    splice_stream,
    join_documents,
)


def _span(chance: random.Random, data: bytes) -> tuple[int, int]:
    start = chance.randrange(len(data) + 1)
    return start, min(len(data), start + int(10 ** chance.uniform(0, 5)))


def _replaced(
    chance: random.Random, pattern: re.Pattern[bytes], data: bytes, replacement: Callable[[], bytes], most: int = 20
) -> bytes:
    found = list(pattern.finditer(data))
    chosen = sorted(chance.sample(range(len(found)), min(len(found), chance.randint(1, most))))
    pieces, at = [], 0
    for index in chosen:
        pieces += [data[at : found[index].start()], replacement()]
        at = found[index].end()
    return b"".join((*pieces, data[at:]))
