"""ONNX bytes to something that can be called with arrays: OpenVINO on x86, ONNX Runtime elsewhere.

The only module that imports an inference runtime. OpenVINO runs these networks in a third of ONNX Runtime's time on x86
(Xeon with AVX512-VNNI, one thread, one 100 dpi page: detection 0.25 s against 0.99 s, recognition 1.05 s/Mpx against
1.24 s/Mpx, measured 2026-11-23); ONNX Runtime is there for every other machine. Threads are always set: the runtimes would
otherwise take every core they see, once per worker.
"""

import importlib.util
import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from pipeline.errors import EngineError

Array = npt.NDArray[np.generic]
Network = Callable[[npt.NDArray[np.float32]], list[Array]]
"""One input, the outputs in the model's order; the arrays belong to the caller."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Runtime:
    """A way to run networks, with its name for the record."""

    name: str
    """`openvino` or `onnxruntime`."""
    has_fast_int8: bool
    """8-bit convolutions are faster than float here, and exact: without VNNI instructions their sums may saturate."""
    load: Callable[[bytes], Network]
    """ONNX bytes to a network; not thread-safe, one caller at a time."""


def open_runtime(choice: Literal["auto", "openvino", "onnxruntime"], *, threads: int) -> Runtime:
    """The configured runtime, or with "auto" the faster one that is installed. Raises EngineError."""
    if choice == "openvino" or (choice == "auto" and _openvino_wins()):
        return _open_openvino(threads)
    return _open_onnxruntime(threads)


def _openvino_wins() -> bool:
    return platform.machine().lower() in ("x86_64", "amd64") and importlib.util.find_spec("openvino") is not None


def _has_vnni() -> bool:
    """As Linux reports it; elsewhere float is used."""
    cpu_info = Path("/proc/cpuinfo")
    return cpu_info.is_file() and "_vnni" in cpu_info.read_text(encoding="utf-8", errors="replace")


def _open_openvino(threads: int) -> Runtime:
    try:
        import openvino
    except ImportError as error:
        raise EngineError(f"engine.runtime is openvino, which cannot be imported: {error}; install it or use auto") from error
    core = openvino.Core()
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": "f32",
        "ENABLE_CPU_PINNING": False,
    }

    def load(model: bytes) -> Network:
        request = core.compile_model(core.read_model(model), "CPU", settings).create_infer_request()
        num_outputs = len(request.model_outputs)

        def run(values: npt.NDArray[np.float32]) -> list[Array]:
            request.infer([values])
            return [np.array(request.get_output_tensor(i).data) for i in range(num_outputs)]

        return run

    return Runtime(name="openvino", has_fast_int8=_has_vnni(), load=load)


def _open_onnxruntime(threads: int) -> Runtime:
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineError(f"the ppocr engine needs onnxruntime, which cannot be imported: {error}") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")

    def load(model: bytes) -> Network:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        input_name = session.get_inputs()[0].name

        def run(values: npt.NDArray[np.float32]) -> list[Array]:
            return [np.asarray(output) for output in session.run(None, {input_name: values})]

        return run

    return Runtime(name="onnxruntime", has_fast_int8=False, load=load)
