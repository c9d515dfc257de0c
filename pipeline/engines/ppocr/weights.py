"""The PP-OCRv6 small weights inside the installed `rapidocr` wheel, reshaped for this engine; rapidocr itself is not imported.

Three edits, all on the ONNX graph and exact:
* the first convolution takes one grey channel instead of the same one three times (its weights are summed);
* recognition is divided before its last layer into a *body* (pixels to 120 features a step, one step per 8 pixels) and a
  *head* (features to signs), because its 18,710 signs cost 0.48 s/Mpx beside 1.05 for the body (1,683 signs: 0.045);
* a head ends in the best sign and its probability, so that no row of 18,710 floats is copied out, and may be cut to the
  signs of some scripts.
"""

import importlib.util
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from pipeline.errors import EngineError

DETECTION_NAME = "PP-OCRv6_det_small.onnx"
RECOGNITION_NAME = "PP-OCRv6_rec_small.onnx"
BLANK = ""
"""CTC's empty sign, always the first of a vocabulary."""
HEAD_OPSET = 13


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Recognition:
    """Recognition as a body and the matrix of its last layer."""

    body: bytes
    """ONNX: float32 (B, 1, 48, W) in -1..1 to (B, W/8, 120)."""
    weights_FV: npt.NDArray[np.float32]
    bias_V: npt.NDArray[np.float32]
    signs: tuple[str, ...]
    """V signs; the first is BLANK."""


def load_detection() -> bytes:
    """ONNX: float32 (1, 1, H, W) in -1..1, sides multiples of 32, to (1, 1, H, W) probability of text. Raises EngineError."""
    model = _load(DETECTION_NAME)
    _take_grey(model.graph)
    return bytes(model.SerializeToString())


def load_recognition() -> Recognition:
    """Raises EngineError when the wheel does not carry the expected network."""
    model = _load(RECOGNITION_NAME)
    signs = _signs(model)
    _take_grey(model.graph)
    producers = {output: node for node in model.graph.node for output in node.output}
    softmax = producers[model.graph.output[0].name]
    add = _skip_identity(producers, softmax.input[0])
    matmul = _skip_identity(producers, add.input[0])
    if (softmax.op_type, add.op_type, matmul.op_type) != ("Softmax", "Add", "MatMul"):
        raise EngineError(f"{RECOGNITION_NAME} does not end in a linear layer; install rapidocr>=3.10,<4")
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    weights_FV = numpy_helper.to_array(tensors[matmul.input[1]])
    bias_V = numpy_helper.to_array(tensors[add.input[1]])
    if weights_FV.shape[1] != len(signs):
        raise EngineError(f"{RECOGNITION_NAME} has {weights_FV.shape[1]} outputs for {len(signs)} signs")
    _end_at(model.graph, matmul.input[0])
    return Recognition(body=bytes(model.SerializeToString()), weights_FV=weights_FV, bias_V=bias_V, signs=signs)


def build_head(recognition: Recognition, keep: Sequence[int]) -> bytes:
    """ONNX: features (B, T, 120) to the index into `keep` of the best sign (B, T) and its probability (B, T)."""
    columns = np.asarray(keep)
    weights = np.ascontiguousarray(recognition.weights_FV[:, columns])
    nodes = [
        helper.make_node("MatMul", ["features", "weights"], ["scaled"]),
        helper.make_node("Add", ["scaled", "bias"], ["logits"]),
        helper.make_node("ArgMax", ["logits"], ["best"], axis=2, keepdims=0),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=2),
        helper.make_node("ReduceMax", ["probabilities"], ["probability"], axes=[2], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "head",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["B", "T", weights.shape[0]])],
        [
            helper.make_tensor_value_info("best", TensorProto.INT64, ["B", "T"]),
            helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["B", "T"]),
        ],
        [
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(np.ascontiguousarray(recognition.bias_V[columns]), "bias"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", HEAD_OPSET)], ir_version=8)
    return bytes(model.SerializeToString())


def cut_vocabulary(signs: Sequence[str], scripts: Collection[str]) -> list[int]:
    """Indices of the signs that text in these scripts may hold; digits, punctuation and symbols belong to all of them.

    From Unicode properties: a letter counts for the script in its character name after compatibility mapping (so that a
    script small l is Latin), a wide or full-width character counts for han and kana.
    """
    wanted = set(scripts)
    return [i for i, sign in enumerate(signs) if all(not (of := scripts_of(c)) or of & wanted for c in sign)]


def scripts_of(character: str) -> frozenset[str]:
    """The configurable scripts a character may stand in; empty when it may stand in any, {"other"} when in none of them."""
    name = unicodedata.name(character, "")
    if name.startswith(("CJK UNIFIED", "CJK COMPATIBILITY IDEO", "CJK RADICAL", "KANGXI")):
        return frozenset({"han", "kana"})
    if "HIRAGANA" in name or "KATAKANA" in name:
        return frozenset({"kana"})
    if unicodedata.east_asian_width(character) in ("W", "F"):
        return frozenset({"han", "kana"})
    if not unicodedata.category(character).startswith("L"):
        return frozenset()
    plain = [unicodedata.name(c, "") for c in unicodedata.normalize("NFKC", character)]
    if all(n.startswith(("LATIN", "GREEK", "MODIFIER", "SUPERSCRIPT", "SUBSCRIPT")) for n in plain):
        return frozenset({"latin"})
    return frozenset({"other"})


def _load(file_name: str) -> Any:
    spec = importlib.util.find_spec("rapidocr")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        raise EngineError(
            "the ppocr engine reads with the weights of the rapidocr package, which is missing; pip install rapidocr"
        )
    path = Path(folders[0]) / "models" / file_name
    if not path.is_file():
        raise EngineError(f"{path} is missing: this rapidocr does not carry PP-OCRv6; pip install 'rapidocr>=3.10,<4'")
    return onnx.load(str(path))


def _signs(model: Any) -> tuple[str, ...]:
    listed = [entry.value for entry in model.metadata_props if entry.key == "character"]
    if not listed:
        raise EngineError(f"{RECOGNITION_NAME} does not list its signs; install rapidocr>=3.10,<4")
    return (BLANK, *listed[0].splitlines(), " ")


def _take_grey(graph: Any) -> None:
    first = next(node for node in graph.node if graph.input[0].name in node.input)
    kernel = next(tensor for tensor in graph.initializer if tensor.name == first.input[1])
    summed = numpy_helper.to_array(kernel).sum(axis=1, keepdims=True)
    kernel.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(summed), kernel.name))
    graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1
    del graph.value_info[:]


def _skip_identity(producers: dict[str, Any], tensor_name: str) -> Any:
    node = producers[tensor_name]
    while node.op_type == "Identity":
        node = producers[node.input[0]]
    return node


def _end_at(graph: Any, tensor_name: str) -> None:
    """Makes `tensor_name` the only output and removes what it does not need."""
    needed, kept = {tensor_name}, []
    for node in reversed(list(graph.node)):
        if needed & set(node.output):
            needed |= set(node.input)
            kept.append(node)
    tensors = [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.node[:], graph.initializer[:], graph.output[:]
    graph.node.extend(reversed(kept))
    graph.initializer.extend(tensors)
    graph.output.append(helper.make_tensor_value_info(tensor_name, TensorProto.FLOAT, None))
