"""A student as ONNX: embedding, BiLSTM, additive attention, classifier."""

import numpy
import onnx
from bundle import Bundle
from graph import Graph

# A bundle's gates are input, forget, cell, output; ONNX wants input, output, forget, cell.
GATES = [0, 3, 1, 2]
DIRECTIONS = ("forward", "backward")
# The score of what is padding.
OUTSIDE = numpy.float32(-1e30)


def graphs(found: Bundle) -> dict[str, onnx.ModelProto]:
    return {"one": one(found), "many": many(found)}


def one(found: Bundle) -> onnx.ModelProto:
    """A single text: nothing is padded, so nothing is masked."""
    graph = Graph()
    ids = graph.input("ids", onnx.TensorProto.INT64, [1, "time"])
    states = bilstm(graph, found, ids, None)
    return answer(graph, found, states, scores(graph, found, states))


def many(found: Bundle) -> onnx.ModelProto:
    """Texts of any lengths, padded to the longest."""
    graph = Graph()
    ids = graph.input("ids", onnx.TensorProto.INT64, ["batch", "time"])
    lengths = graph.input("lengths", onnx.TensorProto.INT32, ["batch"])
    states = bilstm(graph, found, ids, lengths)
    zero, one = (graph.constant(numpy.int64(number)) for number in (0, 1))
    time = graph.node("Gather", [graph.node("Shape", [ids]), one])
    steps = graph.node("Range", [zero, time, one])
    ends = graph.node("Cast", [lengths], to=onnx.TensorProto.INT64)
    ends = graph.node("Reshape", [ends, graph.constant(numpy.array([-1, 1, 1]))])
    inside = graph.node("Less", [steps, ends])
    masked = graph.node("Where", [inside, scores(graph, found, states), graph.constant(OUTSIDE)])
    return answer(graph, found, states, masked)


def bilstm(graph: Graph, found: Bundle, ids: str, lengths: str | None) -> str:
    """ids [batch, time] → [batch, time, 2H], forward states first."""
    hidden = found.architecture["hidden"]
    # Turned while they are integers: the LSTM reads [time, batch, E].
    turned = graph.node("Transpose", [ids], perm=[1, 0])
    x = graph.node("Gather", [graph.constant(found["embedding"]), turned])
    weights = [graph.constant(both(found, part)) for part in ("input", "recurrent")]
    bias = both(found, "bias")
    # The bundle's biases are the sums of the two that ONNX has.
    bias = graph.constant(numpy.concatenate([bias, numpy.zeros_like(bias)], axis=1))
    inputs = [x, *weights, bias, *([lengths] if lengths else [])]
    # [time, 2, batch, H]
    states = graph.node("LSTM", inputs, direction="bidirectional", hidden_size=hidden)
    states = graph.node("Transpose", [states], perm=[2, 0, 1, 3])
    return graph.node("Reshape", [states, graph.constant(numpy.array([0, 0, 2 * hidden]))])


def both(found: Bundle, part: str) -> numpy.ndarray:
    """A part of both directions, its gates as ONNX has them."""

    def turned(direction: str) -> numpy.ndarray:
        gates = numpy.split(found[f"lstm.{direction}.{part}"], 4)
        return numpy.concatenate([gates[gate] for gate in GATES])

    return numpy.stack([turned(direction) for direction in DIRECTIONS])


def scores(graph: Graph, found: Bundle, states: str) -> str:
    """[batch, time, 2H] → [batch, 1, time]."""
    projected = graph.linear(states, found["attention.projection"], found["attention.bias"])
    vector = graph.constant(found["attention.vector"][:, None])
    scores = graph.node("MatMul", [graph.node("Tanh", [projected]), vector])
    return graph.node("Transpose", [scores], perm=[0, 2, 1])


def answer(graph: Graph, found: Bundle, states: str, scores: str) -> onnx.ModelProto:
    """What the weighted mean of the states says."""
    attention = graph.node("Softmax", [scores], axis=2)
    # [batch, 1, 2H]
    mean = graph.node("MatMul", [attention, states])
    mean = graph.node("Squeeze", [mean, graph.constant(numpy.array([1]))])
    logits = graph.linear(mean, found["classifier.weight"], found["classifier.bias"])
    return graph.model(logits, len(found.manifest["labels"]))
