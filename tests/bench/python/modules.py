"""Student and teacher as PyTorch modules, of the layers that PyTorch has fast kernels for."""

import torch
from bundle import Bundle
from torch import Tensor, nn
from torch.nn import functional


def of(found: Bundle) -> nn.Module:
    made = Student(found) if found.manifest["kind"] == "student" else Teacher(found)
    return made.eval()


def linear(found: Bundle, weight: str, bias: str) -> nn.Linear:
    return filled(nn.Linear(*found[weight].shape[::-1]), weight=found[weight], bias=found[bias])


def filled(module: nn.Module, **values: object) -> nn.Module:
    module.load_state_dict({name: torch.tensor(value) for name, value in values.items()})
    return module


class Student(nn.Module):
    def __init__(self, found: Bundle) -> None:
        super().__init__()
        shape = found.architecture
        self.embedding = nn.Embedding.from_pretrained(torch.tensor(found["embedding"]))
        self.lstm = nn.LSTM(shape["embedding"], shape["hidden"], bidirectional=True, batch_first=True)
        values = {}
        for direction, suffix in (("forward", ""), ("backward", "_reverse")):
            bias = found[f"lstm.{direction}.bias"]
            values[f"weight_ih_l0{suffix}"] = found[f"lstm.{direction}.input"]
            values[f"weight_hh_l0{suffix}"] = found[f"lstm.{direction}.recurrent"]
            # The bundle's biases are the sums of the two that PyTorch has.
            values[f"bias_ih_l0{suffix}"] = bias
            values[f"bias_hh_l0{suffix}"] = 0 * bias
        filled(self.lstm, **values)
        self.projection = linear(found, "attention.projection", "attention.bias")
        self.vector = torch.tensor(found["attention.vector"])
        self.classifier = linear(found, "classifier.weight", "classifier.bias")

    def forward(self, ids: Tensor) -> Tensor:
        states, _ = self.lstm(self.embedding(ids))
        scores = torch.tanh(self.projection(states)) @ self.vector
        attention = torch.softmax(scores, dim=1)
        return self.classifier((attention[:, None] @ states)[:, 0])


class Layer(nn.Module):
    def __init__(self, found: Bundle, name: str) -> None:
        super().__init__()
        self.heads = found.architecture["heads"]

        def part(place: str) -> nn.Linear:
            return linear(found, f"{name}.{place}", f"{name}.{place}.bias")

        self.query, self.key, self.value = (part(f"attention.{which}") for which in ("query", "key", "value"))
        self.output, self.expand, self.contract = part("attention.output"), part("feedforward.input"), part("feedforward.output")
        self.attention_norm, self.feedforward_norm = norm(found, f"{name}.attention"), norm(found, f"{name}.feedforward")

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (part(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (self.query, self.key, self.value))
        mixed = functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        x = self.attention_norm(self.output(mixed) + x)
        return self.feedforward_norm(self.contract(functional.gelu(self.expand(x))) + x)


class Teacher(nn.Module):
    def __init__(self, found: Bundle) -> None:
        super().__init__()
        self.word = nn.Embedding.from_pretrained(torch.tensor(found["embedding.word"]))
        # Every token is of the first type.
        self.position = torch.tensor(found["embedding.position"] + found["embedding.type"][0])
        self.norm = norm(found, "embedding")
        self.layers = nn.ModuleList(Layer(found, f"layer.{index}") for index in range(found.architecture["layers"]))
        self.dense = linear(found, "head.dense", "head.dense.bias")
        self.classifier = linear(found, "classifier.weight", "classifier.bias")

    def forward(self, ids: Tensor) -> Tensor:
        x = self.norm(self.word(ids) + self.position[: ids.shape[1]])
        for layer in self.layers:
            x = layer(x)
        return self.classifier(torch.tanh(self.dense(x[:, 0])))


def norm(found: Bundle, name: str) -> nn.LayerNorm:
    weight, bias = (found[f"{name}.norm.{part}"] for part in ("weight", "bias"))
    return filled(nn.LayerNorm(len(weight), eps=found.architecture["epsilon"]), weight=weight, bias=bias)
