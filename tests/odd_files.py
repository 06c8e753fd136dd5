"""Odd files: experiments and models as an editor, a broken disk or somebody ill-meaning leaves them, and which are sound."""

import json
import os
import struct
from functools import cache

from playground.experiment import encode
from playground.experiment.presets import preset
from playground.formats import safetensors
from playground.storage import resource


@cache
def sound_model():
    """The bytes of a model of the gauss preset as it is before training."""
    from pathlib import Path

    from playground.training.trainer import Trainer

    trainer = Trainer(preset("gauss"), "reference")
    trainer.record()
    return safetensors.to_bytes(trainer.model(), Path("model.safetensors"))


def experiment(change):
    """The circle preset's file with a change made by hand."""

    def make():
        content = json.loads(encode(preset("circle")))
        replaced = change(content)
        return (replaced if isinstance(replaced, str) else json.dumps(content)).encode()

    return make


def at(path, value):
    """The circle preset's file with something else at a path."""

    def change(content):
        *above, last = path.split(".")
        for name in above:
            content = content[int(name)] if isinstance(content, list) else content[name]
        content[int(last) if isinstance(content, list) else last] = value

    return experiment(change)


def blocks(depth):
    """A dense layer, and one within so many blocks."""
    layers = [{"type": "dense", "units": 4}]
    for _ in range(depth):
        layers = [{"type": "residual", "layers": layers}]
    return [{"type": "dense", "units": 4}, *layers]


def table(path):
    """An experiment that learns from a file of that name."""
    return at("data.source", {"type": "file", "path": path})


def weights(path):
    """An experiment that starts from the weights of a file of that name."""
    return at("network.initializer", {"type": "from_file", "path": path})


def model(change):
    """A model's file whose header was changed by hand."""

    def make():
        data = sound_model()
        (length,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8 : 8 + length])
        change(header)
        changed = json.dumps(header).encode()
        return struct.pack("<Q", len(changed)) + changed + data[8 + length :]

    return make


def metadata(key, text):
    return model(lambda header: header["__metadata__"].update({key: text}))


def prepared(field, value):
    """A model whose preprocessing was changed by hand."""

    def change(header):
        content = json.loads(header["__metadata__"]["playground.preprocessing"])
        content[field] = value
        header["__metadata__"]["playground.preprocessing"] = json.dumps(content)

    return model(change)


def content(number):
    """A model each of whose weights was made the same number, be it one or none."""

    def make():
        data = sound_model()
        (length,) = struct.unpack("<Q", data[:8])
        return data[: 8 + length] + struct.pack("<f", number) * ((len(data) - 8 - length) // 4)

    return make


def cut(keep):
    return lambda: sound_model()[:keep]


PLACES = {
    "device": "/dev/zero",
    "null": "/dev/null",
    "terminal": "/dev/tty",
    "standard input": "/dev/stdin",
    "kernel log": "/proc/kmsg",
    "memory": "/proc/self/mem",
    "pipe": "pipe",
    "folder": ".",
    "gone": "gone/gone.csv",
    "zero byte": "a\0b",
    "half character": "a\udc80",
    "long": "n" * 5000,
    "spaces": "   ",
    "tilde": "~/table.csv",
    "address": "http://server.invalid/t.csv",
    "share": "//server.invalid/share/t.csv",
    "windows share": r"\\server.invalid\share\t.csv",
}
# By name: what makes the file, and whether it opens (and trains, where there is anything to train on).
ODD = {
    "circle.json": (experiment(lambda content: None), True),
    "bom.json": (lambda: b"\xef\xbb\xbf" + resource("presets", "circle.json").read_bytes(), True),
    "name of controls.json": (at("name", "a\n\0\x1b[31m\u202eb"), True),
    "epochs as a float.json": (at("training.epochs", 3.0), False),
    "name of markup.json": (at("name", "[/x]<b>"), True),
    "half character in a key.json": (at("data.\ud800", 1), False),
    "half character.json": (at("name", "\ud800"), False),
    "digits.json": (experiment(lambda content: '{"version": ' + "1" * 5000 + "}"), False),
    "many digits.json": (at("version", 10**390), False),
    "long name.json": (at("name", "n" * 100_000), False),
    "long key.json": (at("k" * 100_000, 1), False),
    "twice.json": (experiment(lambda content: json.dumps(content)[:-1] + ', "name": "again"}'), False),
    "deep.json": (experiment(lambda content: '{"a":' * 100_000), False),
    "blocks within blocks.json": (at("network.layers", blocks(40)), True),
    "blocks without end.json": (at("network.layers", blocks(300)), False),
    "nan.json": (at("training.l1", float("nan")), False),
    "infinity.json": (at("training.l1", float("-inf")), False),
    "bool.json": (at("training.epochs", True), False),
    "out of range.json": (at("data.source.samples", 10**9), False),
    "half.json": (lambda: encode(preset("circle"))[:300], False),
    "empty.json": (lambda: b"", False),
    "utf-16.json": (lambda: encode(preset("circle")).decode().encode("utf-16"), False),
    "random.json": (lambda: bytes(range(256)) * 4, False),
    **{f"table {name}.json": (table(path), False) for name, path in PLACES.items()},
    **{f"weights {name}.json": (weights(path), False) for name, path in PLACES.items()},
    "sound.safetensors": (sound_model, True),
    "weights of zero.safetensors": (content(0.0), True),
    "weights as large as can be.safetensors": (content(3e38), True),
    "weights that are no numbers.safetensors": (content(float("nan")), False),
    "weights without end.safetensors": (content(float("inf")), False),
    "cut.safetensors": (cut(-1), False),
    "half.safetensors": (cut(200), False),
    "eight bytes.safetensors": (cut(8), False),
    "empty.safetensors": (cut(0), False),
    "random.safetensors": (lambda: bytes(range(256)) * 4, False),
    "long header.safetensors": (lambda: b"\xff" * 7 + b"\x7f" + sound_model()[8:], False),
    "mean.safetensors": (prepared("mean", [1e308, 0.0]), False),
    "mean beyond its scale.safetensors": (prepared("mean", [1e29, 1e29]), False),
    "scale.safetensors": (prepared("scale", [1e-320, 1.0]), False),
    "scale of zero.safetensors": (prepared("scale", [0.0, 1.0]), False),
    "scale below zero.safetensors": (prepared("scale", [-1.0, 1.0]), False),
    "scale that is none.safetensors": (prepared("scale", [None, 1.0]), False),
    "classes twice.safetensors": (prepared("classes", ["a", "a"]), False),
    "digits.safetensors": (metadata("playground.preprocessing", '{"outputs": ' + "1" * 5000 + "}"), False),
    "deep.safetensors": (metadata("playground.preprocessing", '{"x":' * 100_000), False),
    "half character.safetensors": (metadata("playground.preprocessing", '{"task": "\ud800"}'), False),
    "metrics.safetensors": (metadata("playground.metrics", "[]"), False),
    "experiment.safetensors": (metadata("playground.experiment", "1" * 5000), False),
    "long experiment.safetensors": (metadata("playground.experiment", '{"' + "k" * 100_000 + '": 1}'), False),
}


def write(name, folder):
    """Make an odd file, and what it may name; its path."""
    if hasattr(os, "mkfifo") and not (folder / "pipe").exists():
        os.mkfifo(folder / "pipe")
    path = folder / name
    path.write_bytes(ODD[name][0]())
    return path
