"""`python infra/vllm/pieces.py OUT [FOLDER ...]`: what a GPU machine without a package registry needs, in pieces of 58 MB.

In: wheels from the registry (pieces.txt, versions from infra/images/gpu.lock, Python 3.12), this checkout's own wheel, and
folders to take along (page images, a corpus). Out: `OUT/piece-00`, ... to be carried over one by one, and `OUT/join.py`, which
unpacks them there. Left out is what a run on Hopper never opens: FlashAttention 2, kernels of other generations, headers,
Ray's Java, boto3's other services: 480 MB of wheels become about 190. Costs 3 minutes, most of it xz on two cores.
"""

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
PIECE_BYTES = 58_000_000
PLATFORMS = [f"manylinux_2_{minor}_x86_64" for minor in (38, 36, 35, 34, 31, 28, 27, 26, 24, 17, 12, 5)]
PLATFORMS += ["manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64"]
LEFT_OUT = (
    "vllm/vllm_flash_attn/_vllm_fa2_C.abi3.so",
    "vllm/vllm-rs",
    "vllm/third_party/deep_gemm",
    "vllm/third_party/fmha_sm100",
    "vllm/third_party/flashmla",
    "vllm/_flashmla_*.so",
    "vllm/_qutlass_C.abi3.so",
    "ray/jars",
    "ray/cpp",
    "ray/dashboard/client",
)
SERVICES = ("s3", "sts", "sso", "sso-oidc", "signin")
"""Of boto3's, those that opening a bucket looks into."""


def main(argv: Sequence[str]) -> None:
    out, *taken_along = map(Path, argv)
    out.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        site, wheels = Path(scratch, "site"), Path(scratch, "wheels")
        download(wheels)
        for wheel in sorted(wheels.glob("*.whl")):
            unpack(wheel, site)
        trim(site)
        archive = Path(scratch, "site.tar.xz")
        subprocess.run(["tar", "-C", str(site), "-I", "xz -T0 -6", "-cf", str(archive), "."], check=True)
        archives = [archive]
        for folder in taken_along:
            archives.append(Path(scratch, f"{folder.name}.tar.xz"))
            command = ["tar", "-C", str(folder.parent), "-I", "xz -T0 -1", "-cf", str(archives[-1]), folder.name]
            subprocess.run(command, check=True)
        cut(archives, out)
    shutil.copy(HERE / "join.py", out)


def download(wheels: Path) -> None:
    """The wheels of pieces.txt, and this checkout's."""
    locked = dict(line.split(" ")[0].split("==") for line in _lines(HERE.parent / "images" / "gpu.lock") if "==" in line)
    wanted = [f"{name}=={locked[name]}" for line in _lines(HERE / "pieces.txt") for name in line.split()]
    kinds = [word for platform in PLATFORMS for word in ("--platform", platform)]
    for_312 = ["--python-version", "3.12", "--implementation", "cp", "--abi", "cp312", "--abi", "abi3", "--abi", "none"]
    pip = [sys.executable, "-m", "pip"]
    subprocess.run(
        [*pip, "download", "--quiet", "--no-deps", "--only-binary=:all:", *for_312, *kinds, "-d", str(wheels), *wanted],
        check=True,
    )
    subprocess.run([*pip, "wheel", "--quiet", "--no-deps", "-w", str(wheels), str(HERE.parent.parent)], check=True)


def unpack(wheel: Path, site: Path) -> None:
    """With the modes that zipfile forgets: Ray starts programs of its own."""
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(site)
        for entry in opened.infolist():
            if mode := entry.external_attr >> 16 & 0o777:
                (site / entry.filename).chmod(mode)


def trim(site: Path) -> None:
    """Takes out what no run opens."""
    for pattern in LEFT_OUT:
        for path in site.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in (site / "botocore" / "data").iterdir():
        if path.is_dir() and path.name not in SERVICES:
            shutil.rmtree(path)


def cut(archives: Sequence[Path], out: Path) -> None:
    """Lays the archives end to end, their names and sizes before them, and cuts that into pieces."""
    with Path(out, "whole").open("w+b") as whole:
        whole.write(" ".join(f"{path.name}={path.stat().st_size}" for path in archives).encode() + b"\n")
        for path in archives:
            with path.open("rb") as archive:
                shutil.copyfileobj(archive, whole)
        whole.seek(0)
        for number, piece in enumerate(iter(lambda: whole.read(PIECE_BYTES), b"")):
            Path(out, f"piece-{number:02d}").write_bytes(piece)
    Path(out, "whole").unlink()


def _lines(path: Path) -> Iterator[str]:
    return (line for line in path.read_text("utf-8").splitlines() if not line.startswith("#"))


if __name__ == "__main__":
    main(sys.argv[1:])
