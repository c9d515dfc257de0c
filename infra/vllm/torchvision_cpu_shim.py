"""Lets the torchvision wheel of PyPI, which is built for CUDA, be imported next to a torch that is not.

Its `_C.so` needs the CUDA libraries and does not load; `torchvision/_meta_registrations.py` then dies with "operator
torchvision::nms does not exist", because it registers two fake kernels no matter what. vLLM's image processor of DeepSeek-OCR
imports `torchvision.transforms` only, which needs neither. So the schemas of those two operators are declared just before
that module is imported, and only if `_C.so` did not load.

It must act in every process, and vLLM spawns some: running this file copies it into site-packages of the running
interpreter and adds a `.pth` that imports it at start. The cost is one finder on `sys.meta_path` (microseconds an import).
"""

import importlib.abc
import importlib.machinery
import shutil
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

NEEDS_SCHEMAS = "torchvision._meta_registrations"
SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


class SchemaFinder(importlib.abc.MetaPathFinder):
    """Finds nothing; declares the schemas when the module that needs them is about to be found."""

    def __init__(self) -> None:
        self._library: object = None

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname == NEEDS_SCHEMAS and self._library is None:
            import torch
            from torchvision.extension import _has_ops

            if not _has_ops():
                library = torch.library.Library("torchvision", "DEF")
                for schema in SCHEMAS:
                    library.define(schema)
                self._library = library  # the operators live as long as this does
        return None


def install() -> Path:
    """Copies this file into site-packages with a `.pth` beside it; returns the `.pth`."""
    site_packages = Path(sysconfig.get_path("purelib"))
    shutil.copyfile(__file__, site_packages / "torchvision_cpu_shim.py")
    start = site_packages / "torchvision_cpu_shim.pth"
    start.write_text("import torchvision_cpu_shim\n")
    return start


if __name__ == "__main__":
    install()
else:
    sys.meta_path.insert(0, SchemaFinder())
