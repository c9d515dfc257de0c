"""Damaged, crafted and encrypted documents in a limited child process: each gives a well-formed stream of events."""

import zlib
from pathlib import Path

import pytest

from tests.rendering.in_child import Summary, summaries

NUM_DOCUMENTS = 40


def is_well_formed(summary: Summary) -> bool:
    if summary.kinds == "D":
        return bool(summary.reason)
    return summary.kinds[:1] == "O" and len(summary.kinds) == 1 + summary.num_pages and set(summary.kinds[1:]) <= {"I", "F"}


@pytest.mark.corpus
def test_hostile_documents_give_a_sensible_stream(corpus_dir: Path) -> None:
    """A spread of the folder without the decompression bombs, which take half a minute each."""
    paths = sorted(path for path in (corpus_dir / "hostile").rglob("*") if path.is_file() and "bomb" not in path.name)
    spread = paths[:: max(1, len(paths) // NUM_DOCUMENTS)][:NUM_DOCUMENTS]
    found = summaries(spread, limit_bytes=4_000_000_000, deadline_s=60)
    assert {name: s for name, s in found.items() if s.ended != "returned" or not is_well_formed(s)} == {}


def test_a_stream_that_unpacks_to_gigabytes_hurts_only_its_own_process(tmp_path: Path) -> None:
    packer = zlib.compressobj(1)
    bomb = b"".join(packer.compress(b"0 0 m 9 9 l S\n" * 1_000_000) for _ in range(20)) + packer.flush()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] /Contents 4 0 R >>",
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n%b\nendstream" % (len(bomb), bomb),
    ]
    body = b"".join(b"%d 0 obj\n%b\nendobj\n" % (number, text) for number, text in enumerate(objects, 1))
    path = tmp_path / "bomb.pdf"
    path.write_bytes(b"%PDF-1.4\n" + body + b"trailer << /Root 1 0 R >>\n")
    (summary,) = summaries([path], limit_bytes=500_000_000, deadline_s=60).values()
    assert (summary.kinds, summary.ended) == ("OF", "returned")
    assert "failed" in summary.errors[0]
