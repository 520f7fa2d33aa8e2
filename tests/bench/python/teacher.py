"""A BERT teacher as ONNX, of the plain operators that an export from PyTorch has: onnxruntime fuses them."""

import numpy
import onnx
from bundle import Bundle
from graph import Graph

INT64 = onnx.TensorProto.INT64
# What is added to the scores of padding.
OUTSIDE = numpy.float32(-1e9)


def graphs(found: Bundle) -> dict[str, onnx.ModelProto]:
    return {"one": one(found), "pipeline": pipeline(found)}


def one(found: Bundle) -> onnx.ModelProto:
    """A single text: nothing is padded, so nothing is masked."""
    graph = Graph()
    ids = graph.input("ids", INT64, [1, "time"])
    return answer(graph, found, ids, None)


def pipeline(found: Bundle) -> onnx.ModelProto:
    """Padded texts, with the inputs that transformers.js gives."""
    graph = Graph()
    names = ["input_ids", "attention_mask", "token_type_ids"]
    ids, mask, _ = [graph.input(name, INT64, ["batch", "time"]) for name in names]
    mask = graph.node("Cast", [mask], to=onnx.TensorProto.FLOAT)
    outside = graph.node("Sub", [graph.constant(numpy.float32(1)), mask])
    outside = graph.node("Mul", [outside, graph.constant(OUTSIDE)])
    # [batch, 1, 1, time], for every head and every token.
    outside = graph.node("Unsqueeze", [outside, graph.constant(numpy.array([1, 2]))])
    return answer(graph, found, ids, outside)


def answer(graph: Graph, found: Bundle, ids: str, outside: str | None) -> onnx.ModelProto:
    x = embedded(graph, found, ids)
    for index in range(found.architecture["layers"]):
        x = layer(graph, found, f"layer.{index}", x, outside)
    logits = graph.linear(pooled(graph, found, x), found["classifier.weight"], found["classifier.bias"])
    return graph.model(logits, len(found.manifest["labels"]))


def embedded(graph: Graph, found: Bundle, ids: str) -> str:
    """ids [batch, time] → [batch, time, D]."""
    words = graph.node("Gather", [graph.constant(found["embedding.word"]), ids])
    # Every token is of the first type, so its row is part of the position's.
    positions = found["embedding.position"]
    if found.architecture["types"] > 0:
        positions = positions + found["embedding.type"][0]
    zero, one = (graph.constant(numpy.array([number])) for number in (0, 1))
    time = graph.node("Slice", [graph.node("Shape", [ids]), one, graph.constant(numpy.array([2]))])
    positions = graph.node("Slice", [graph.constant(positions), zero, time, zero])
    return norm(graph, found, "embedding", graph.node("Add", [words, positions]))


def layer(graph: Graph, found: Bundle, name: str, x: str, outside: str | None) -> str:
    attended = linear(graph, found, f"{name}.attention.output", attention(graph, found, name, x, outside))
    x = norm(graph, found, f"{name}.attention", graph.node("Add", [attended, x]))
    inner = linear(graph, found, f"{name}.feedforward.input", x)
    active = graph.node("Gelu", [inner])
    sum = graph.node("Add", [linear(graph, found, f"{name}.feedforward.output", active), x])
    return norm(graph, found, f"{name}.feedforward", sum)


def attention(graph: Graph, found: Bundle, name: str, x: str, outside: str | None) -> str:
    """Every head's mixture of the values, [batch, time, D]."""
    heads, hidden = found.architecture["heads"], found.architecture["hidden"]
    split = graph.constant(numpy.array([0, 0, heads, hidden // heads]))

    def part(which: str, turn: list[int]) -> str:
        projected = linear(graph, found, f"{name}.attention.{which}", x)
        return graph.node("Transpose", [graph.node("Reshape", [projected, split])], perm=turn)

    query, value = part("query", [0, 2, 1, 3]), part("value", [0, 2, 1, 3])
    scores = graph.node("MatMul", [query, part("key", [0, 2, 3, 1])])
    scores = graph.node("Div", [scores, graph.constant(numpy.float32((hidden // heads) ** 0.5))])
    if outside is not None:
        scores = graph.node("Add", [scores, outside])
    mixed = graph.node("MatMul", [graph.node("Softmax", [scores], axis=-1), value])
    mixed = graph.node("Transpose", [mixed], perm=[0, 2, 1, 3])
    return graph.node("Reshape", [mixed, graph.constant(numpy.array([0, 0, hidden]))])


def pooled(graph: Graph, found: Bundle, x: str) -> str:
    """[batch, time, D] → [batch, D]."""
    if found.architecture["pooling"] != "cls":
        raise SystemExit(f"pooling: want cls, found {found.architecture['pooling']}")
    first = graph.node("Gather", [x, graph.constant(numpy.int64(0))], axis=1)
    dense = found.architecture["dense"]
    if dense == "none":
        return first
    return graph.node(dense.capitalize(), [linear(graph, found, "head.dense", first)])


def linear(graph: Graph, found: Bundle, name: str, x: str) -> str:
    return graph.linear(x, found[name], found[f"{name}.bias"])


def norm(graph: Graph, found: Bundle, name: str, x: str) -> str:
    weights = [graph.constant(found[f"{name}.norm.{part}"]) for part in ("weight", "bias")]
    return graph.node("LayerNormalization", [x, *weights], axis=-1, epsilon=found.architecture["epsilon"])
