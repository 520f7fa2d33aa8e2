"""An ONNX graph, written node after node."""

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

# Of the operators; the last that brought one we use is Gelu's.
OPSET = 20
# What every onnxruntime of the benchmark reads.
IR = 10


class Graph:
    def __init__(self) -> None:
        self._nodes, self._constants, self._inputs = [], [], []

    def input(self, name: str, kind: int, shape: list[int | str]) -> str:
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def constant(self, value: numpy.ndarray | numpy.generic) -> str:
        name = f"constant.{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(numpy.asarray(value), name))
        return name

    def node(self, operator: str, inputs: list[str], **attributes: object) -> str:
        """Adds a node; the name of its first output."""
        name = f"{operator}.{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def linear(self, x: str, weight: numpy.ndarray, bias: numpy.ndarray) -> str:
        """x · weightᵀ + bias; weight [out, in] as a bundle has it."""
        product = self.node("MatMul", [x, self.constant(numpy.ascontiguousarray(weight.T))])
        return self.node("Add", [product, self.constant(bias)])

    def model(self, logits: str, labels: int) -> onnx.ModelProto:
        output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", labels])
        self._nodes.append(helper.make_node("Identity", [logits], ["logits"]))
        graph = helper.make_graph(self._nodes, "stillglass", self._inputs, [output], self._constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
