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
        """A tensor in f32; of a matrix of integers each row, or each group of a row's columns, times its scale."""
        found = self.tensors[name]
        scale = self.tensors.get(f"{name}.scale")
        if scale is None:
            return found
        if found.dtype == numpy.uint8:
            found = nibbles(found)
        groups = found.reshape(*scale.shape, -1).astype(numpy.float32)
        return (groups * scale[..., None]).reshape(found.shape)


def nibbles(packed: numpy.ndarray) -> numpy.ndarray:
    """4-bit integers `[rows, columns]` of `[rows, columns / 2]` bytes, the earlier column in the low half, 8 for zero."""
    halves = numpy.stack([packed & 15, packed >> 4], axis=-1)
    return halves.reshape(len(packed), -1).astype(numpy.int8) - 8


def read(path: Path) -> Bundle:
    with safe_open(path, "numpy") as file:
        manifest = json.loads(file.metadata()["stillglass"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    vocabulary = tensors.pop("vocabulary").tobytes().decode().split("\n")
    return Bundle(manifest, vocabulary, tensors)
