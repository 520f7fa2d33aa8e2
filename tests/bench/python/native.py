"""Answers the benchmark's questions about onnxruntime and PyTorch on one thread of the CPU, one JSON line for each
that it reads: a row with its model and `ids` gives `{"logits": [[…]]}`; `{"row", "calls"}` gives `{"ms"}`.

    python native.py onnxruntime | pytorch
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

Forward = Callable[[object], object]


def onnxruntime(question: dict) -> tuple[Forward, Callable]:
    import numpy
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(question["onnx"], options, providers=["CPUExecutionProvider"])
    return lambda ids: session.run(None, {"ids": ids})[0], lambda ids: numpy.array([ids], numpy.int64)


def pytorch(question: dict) -> tuple[Forward, Callable]:
    import bundle
    import modules
    import torch

    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    model = modules.of(bundle.read(Path(question["glass"])))
    if question.get("quantized"):
        layers = {torch.nn.LSTM, torch.nn.Linear}
        model = torch.ao.quantization.quantize_dynamic(model, layers, dtype=torch.qint8)
    return model, lambda ids: torch.tensor([ids])


LIBRARIES = {"onnxruntime": onnxruntime, "pytorch": pytorch}


def answer(question: dict, rows: dict, library: Callable) -> dict:
    if "calls" not in question:
        forward, prepare = library(question)
        inputs = [prepare(ids) for ids in question["ids"]]
        rows[question["row"]] = forward, cycle(inputs)
        return {"logits": [forward(ids)[0].tolist() for ids in inputs]}
    forward, inputs = rows[question["row"]]
    began = time.perf_counter()
    for _ in range(question["calls"]):
        forward(next(inputs))
    return {"ms": (time.perf_counter() - began) * 1e3 / question["calls"]}


if __name__ == "__main__":
    # PyTorch says that its quantization will move.
    warnings.simplefilter("ignore", DeprecationWarning)
    rows: dict = {}
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line), rows, LIBRARIES[sys.argv[1]])), flush=True)
