"""Detection and the recognition body with 8-bit convolutions, made when the engine opens: no second set of weights is shipped.

Weights are rounded per output channel (symmetric, largest value at 127); activations by the ranges in `ppocr.ranges`, which
`infra/quantize_ppocr.py` measures on lines it draws itself. The first, the depthwise and the squeeze-and-excitation
convolutions stay in float, and so does attention. On a Xeon with AVX512-VNNI, one thread, the body takes 0.45 s/Mpx instead
of 1.1, a page 1.4 CPU s instead of 2.8, at the same CER of 0.56 % on 24 born-digital pages; detection of an A4 page at
120 dpi takes 0.24 s instead of 0.38, with 0.4 to 1 % of the map's pixels on the other side of its threshold (2026-11-23).
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper, version_converter

QUANTIZE_OPSET = 13
"""The first with a scale per channel."""
NUM_STEPS = 255


def convolutions(graph: Any) -> Iterator[Any]:
    """The nodes that may run in 8 bits: dense convolutions but the first."""
    for node in graph.node:
        is_dense = all(attribute.i == 1 for attribute in node.attribute if attribute.name == "group")
        if node.op_type == "Conv" and is_dense and node.input[0] != graph.input[0].name:
            yield node


def quantize(model: bytes, ranges: Mapping[str, tuple[float, float]]) -> bytes:
    """The ONNX model with 8-bit convolutions wherever `ranges` knows the least and largest input, by tensor name."""
    upgraded = version_converter.convert_version(onnx.load_from_string(model), QUANTIZE_OPSET)
    graph = upgraded.graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    chosen = {node.output[0] for node in convolutions(graph) if node.input[0] in ranges}
    rounded: set[str] = set()
    nodes: list[Any] = []
    for node in graph.node:
        if node.output[0] in chosen:
            values, weights = node.input[0], node.input[1]
            if values not in rounded:
                nodes += _round_values(graph, values, ranges[values])
            if weights not in rounded:
                nodes.append(_round_weights(graph, tensors[weights]))
            rounded |= {values, weights}
            node.input[0], node.input[1] = f"{values}_rounded", f"{weights}_rounded"
        nodes.append(node)
    copied = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:], graph.value_info[:]
    graph.node.extend(copied)
    unused = [tensor for name, tensor in tensors.items() if name in rounded]
    for tensor in unused:
        graph.initializer.remove(tensor)
    return bytes(upgraded.SerializeToString())


def _round_values(graph: Any, name: str, value_range: tuple[float, float]) -> list[Any]:
    low, high = min(value_range[0], 0.0), max(value_range[1], 0.0)
    step = (high - low) / NUM_STEPS
    graph.initializer.append(numpy_helper.from_array(np.array(step, np.float32), f"{name}_step"))
    graph.initializer.append(numpy_helper.from_array(np.array(round(-low / step), np.uint8), f"{name}_zero"))
    parameters = [f"{name}_step", f"{name}_zero"]
    return [
        helper.make_node("QuantizeLinear", [name, *parameters], [f"{name}_8bit"]),
        helper.make_node("DequantizeLinear", [f"{name}_8bit", *parameters], [f"{name}_rounded"]),
    ]


def _round_weights(graph: Any, tensor: Any) -> Any:
    name, weights_OIHW = tensor.name, numpy_helper.to_array(tensor)
    largest_O = np.abs(weights_OIHW).reshape(len(weights_OIHW), -1).max(axis=1)
    step_O = np.maximum(largest_O / 127, 1e-9).astype(np.float32)
    rounded_OIHW = np.round(weights_OIHW / step_O[:, None, None, None]).clip(-127, 127).astype(np.int8)
    graph.initializer.append(numpy_helper.from_array(rounded_OIHW, f"{name}_8bit"))
    graph.initializer.append(numpy_helper.from_array(step_O, f"{name}_step"))
    graph.initializer.append(numpy_helper.from_array(np.zeros(len(step_O), np.int8), f"{name}_zero"))
    inputs = [f"{name}_8bit", f"{name}_step", f"{name}_zero"]
    return helper.make_node("DequantizeLinear", inputs, [f"{name}_rounded"], axis=0)
