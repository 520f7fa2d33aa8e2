"""Reads a `.glass` bundle: its manifest, its vocabulary, its weights as the floats they stand for."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy
from safetensors import safe_open


@dataclass
class Bundle:
    manifest: dict
    vocabulary: list[str]
    tensors: dict[str, numpy.ndarray]

    @property
    def architecture(self) -> dict:
        return self.manifest["architecture"]

    def __getitem__(self, name: str) -> numpy.ndarray:
        """A tensor in f32; of an int8 matrix each row times its scale."""
        found = self.tensors[name]
        scale = self.tensors.get(f"{name}.scale")
        if scale is None:
            return found
        if found.dtype != numpy.int8:
            raise SystemExit(f"{name}: want int8 weights, found 4-bit ones; export the bundle with --bits 8")
        return found.astype(numpy.float32) * scale[:, None]


def read(path: Path) -> Bundle:
    with safe_open(path, "numpy") as file:
        manifest = json.loads(file.metadata()["stillglass"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    vocabulary = tensors.pop("vocabulary").tobytes().decode().split("\n")
    return Bundle(manifest, vocabulary, tensors)
