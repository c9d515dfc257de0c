"""`python3 join.py PIECES TO`: unpacks what pieces.py has cut, on the machine with the GPU.

In: a folder with all the pieces. Out: `TO/site`, to be named in PYTHONPATH, and the folders that were taken along. Needs the
standard library only; holds all pieces in memory.
"""

import io
import sys
import tarfile
from pathlib import Path


def main(pieces: Path, to: Path) -> None:
    whole = io.BytesIO(b"".join(path.read_bytes() for path in sorted(pieces.glob("piece-*"))))
    for entry in whole.readline().decode().split():
        name, size = entry.split("=")
        place = to / "site" if name == "site.tar.xz" else to
        place.mkdir(parents=True, exist_ok=True)
        with tarfile.open(fileobj=io.BytesIO(whole.read(int(size)))) as archive:
            archive.extractall(place, filter="data")
    if rest := whole.read():
        raise SystemExit(f"{len(rest)} bytes too many: are there pieces of another cut in {pieces}?")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
