"""Makes of every FOLDER/NAME/model.glass what the other runtimes read, beside it:

    one.f32.onnx    ids [1, time] → logits, and the same in u8 and i8
    many.f32.onnx   ids [batch, time], lengths [batch] → logits; students only
    tokenizer.json, tokenizer_config.json, config.json, onnx/   a folder as transformers.js loads it
    linear.bin      a weight for every piece and label, of a linear model over bags of words

u8 and i8 are onnxruntime's dynamic quantization with unsigned and signed weights, a scale for each channel, all 8 bits
used; which of the two is faster depends on the machine. One scale for all channels, or 7 bits (`reduce_range`), brings
no student's answers nearer to the float model's than PROBABILITY of interleave.mjs where there is VNNI.

    python export.py FOLDER
"""

import json
import logging
import shutil
import sys
from pathlib import Path

import numpy
import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic

import bundle
import student
import teacher

QUANTIZED = {"u8": QuantType.QUInt8, "i8": QuantType.QInt8}


def export(folder: Path) -> None:
    found = bundle.read(folder / "model.glass")
    graphs = (student if found.manifest["kind"] == "student" else teacher).graphs(found)
    for name, model in graphs.items():
        save(model, folder / f"{name}.f32.onnx")
    tokenizer(found, folder)
    linear(found, folder)
    if "pipeline" in graphs:
        pipeline(found, folder)


def save(model: onnx.ModelProto, path: Path) -> None:
    """Writes a model and its quantized variants."""
    onnx.checker.check_model(model)
    onnx.save(model, path)
    for name, weights in QUANTIZED.items():
        quantize_dynamic(path, path.with_name(path.name.replace("f32", name)), weight_type=weights, per_channel=True)


def tokenizer(found: bundle.Bundle, folder: Path) -> None:
    """The tokenizer as Hugging Face's libraries store one."""
    spec, pieces = found.manifest["tokenizer"], found.vocabulary
    special = [spec[name] for name in ("unknown", "first", "last", "padding") if name in spec]
    post = None
    if "first" in spec:
        first, last = pieces[spec["first"]], pieces[spec["last"]]
        post = {
            "type": "TemplateProcessing",
            "single": [
                {"SpecialToken": {"id": first, "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": last, "type_id": 0}},
            ],
            "pair": [],
            "special_tokens": {
                name: {"id": name, "ids": [spec[key]], "tokens": [name]} for key, name in (("first", first), ("last", last))
            },
        }
    content = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": id,
                "content": pieces[id],
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for id in special
        ],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": spec["strip_accents"],
            "lowercase": spec["lowercase"],
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": post,
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": pieces[spec["unknown"]],
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {piece: id for id, piece in enumerate(pieces)},
        },
    }
    write(folder / "tokenizer.json", content)
    names = {"unknown": "unk_token", "first": "cls_token", "last": "sep_token", "padding": "pad_token"}
    settings = {name: pieces[spec[key]] for key, name in names.items() if key in spec}
    settings |= {"tokenizer_class": "BertTokenizer", "model_max_length": found.manifest["max_tokens"] + 2}
    write(folder / "tokenizer_config.json", settings)


def pipeline(found: bundle.Bundle, folder: Path) -> None:
    """The folder that transformers.js makes a text-classification pipeline of."""
    shape, labels = found.architecture, found.manifest["labels"]
    config = {
        "model_type": "bert",
        "architectures": ["BertForSequenceClassification"],
        "hidden_size": shape["hidden"],
        "num_hidden_layers": shape["layers"],
        "num_attention_heads": shape["heads"],
        "intermediate_size": shape["intermediate"],
        "max_position_embeddings": shape["positions"],
        "vocab_size": shape["vocabulary"],
        "pad_token_id": found.manifest["tokenizer"]["padding"],
        "id2label": {str(id): label for id, label in enumerate(labels)},
        "label2id": {label: id for id, label in enumerate(labels)},
    }
    write(folder / "config.json", config)
    (folder / "onnx").mkdir(exist_ok=True)
    # The names by which it asks for each type.
    for variant, name in {"f32": "model", "u8": "model_uint8", "i8": "model_int8"}.items():
        shutil.move(folder / f"pipeline.{variant}.onnx", folder / "onnx" / f"{name}.onnx")


def linear(found: bundle.Bundle, folder: Path) -> None:
    """Made-up weights: how such a model answers does not matter, how large and fast it is does."""
    shape = len(found.vocabulary), len(found.manifest["labels"])
    weights = numpy.random.default_rng(1).normal(0, 0.1, shape)
    (folder / "linear.bin").write_bytes(weights.astype("<f4").tobytes())


def write(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


if __name__ == "__main__":
    # It advises to optimise models first, which the runtimes do when they load them.
    logging.disable(logging.WARNING)
    for path in sorted(Path(sys.argv[1]).glob("*/model.glass")):
        print(f"    {path.parent.name}", flush=True)
        export(path.parent)
