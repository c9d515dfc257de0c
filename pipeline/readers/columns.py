"""A decoded block by places: the value of a column at one row, made when that row is asked for.

In: a column of a block as Arrow has it. Out: a function from a place to a Python value. A text is decoded from Arrow's bytes
when it is taken, and freed by whoever took it before the next one is made, so all of them pass through the same few pages of
memory; making a block's texts at once (`to_pylist`) costs a fifth more of all reading (infra/decisions/0014) and holds them
twice. Any other column is converted at once: small values are cheaper together. Knows no lane and no file.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa

ValueAt = Callable[[int], object]


def value_at(column: pa.ChunkedArray) -> ValueAt:
    """The Python value of each place, counted from 0; a text that is not UTF-8 raises UnicodeDecodeError."""
    if column.type != pa.string() or column.null_count:
        made: list[object] = column.to_pylist()
        return made.__getitem__
    values = column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
    _, ends, data = values.buffers()
    if data is None:
        return ([""] * len(values)).__getitem__
    stops = np.frombuffer(ends, dtype=np.int32)[values.offset : values.offset + len(values) + 1].tolist()
    encoded = memoryview(data)
    return lambda place: str(encoded[stops[place] : stops[place + 1]], "utf-8")
