#!/usr/bin/env python3
"""Trains multinomial logistic regression with nothing but Python's standard library.

It shows that a user's own command can replace the built-in trainer:

    training: {run: [python3, train_plain.py]}

It reads the table $SALLYPORT_IN/train, whose label column is the last one unless SALLYPORT_STEP's schema says
otherwise, and writes $SALLYPORT_OUT/model/model.json and model.safetensors. The same seed gives the same
bytes. It leaves no checkpoints, so that its training cannot be replayed; the training gate says so.
"""

import csv
import json
import math
import os
import pathlib
import random
import struct

EPOCHS = 12
LEARNING_RATE = 0.3
WEIGHT_DECAY = 1e-4


def read_table(path, schema):
    with open(path, newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        header = next(rows)
        rows = list(rows)
    label = header.index(schema.get("label") or header[-1])
    roles = {schema.get(role) for role in ("id", "contributor", "group")} - {None, ""}
    if not schema:
        roles = {name for name in header if name == "id"}
    features = [i for i, name in enumerate(header) if i != label and name not in roles]
    values = [[float(row[i]) for i in features] for row in rows]
    return values, [row[label] for row in rows]


def class_order(labels):
    """Numbers by value and everything else by its bytes, as the built-in trainer orders classes."""
    names = sorted(set(labels))
    try:
        return sorted(names, key=float)
    except ValueError:
        return names


def softmax(scores):
    largest = max(scores)
    powers = [math.exp(score - largest) for score in scores]
    total = sum(powers)
    return [power / total for power in powers]


def train(values, targets, class_count, seed):
    """Stochastic gradient descent, one example at a time, with a rate that falls in a straight line to 0."""
    width = len(values[0])
    weights = [[0.0] * width for _ in range(class_count)]
    bias = [0.0] * class_count
    order = list(range(len(values)))
    shuffler = random.Random(seed)
    steps = EPOCHS * len(values)
    step = 0
    for _ in range(EPOCHS):
        shuffler.shuffle(order)
        for i in order:
            rate = LEARNING_RATE * (1 - step / steps)
            step += 1
            x = values[i]
            scores = [sum(map(float.__mul__, row, x)) + b for row, b in zip(weights, bias)]
            for c, chance in enumerate(softmax(scores)):
                error = chance - (c == targets[i])
                if abs(error) < 1e-4:
                    continue
                pull = rate * error
                keep = 1 - rate * WEIGHT_DECAY
                weights[c] = [keep * w - pull * v for w, v in zip(weights[c], x)]
                bias[c] -= pull
    return weights, bias


def safetensors(arrays):
    """The bytes of a safetensors file; arrays is a list of (name, shape, flat values)."""
    header, data = {}, b""
    for name, shape, values in sorted(arrays):
        begin = len(data)
        data += struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, len(data)]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def main():
    step = json.loads(os.environ.get("SALLYPORT_STEP") or "{}")
    schema = step.get("schema", {})
    seed = int(os.environ.get("SALLYPORT_SEED") or 1)
    values, labels = read_table(pathlib.Path(os.environ["SALLYPORT_IN"]) / "train", schema)
    classes = class_order(labels)
    index = {name: i for i, name in enumerate(classes)}
    columns = list(zip(*values))
    low, high = min(map(min, columns)), max(map(max, columns))
    scale = (high - low) or 1.0
    scaled = [[(v - low) / scale for v in row] for row in values]
    weights, bias = train(scaled, [index[name] for name in labels], len(classes), seed)

    width = len(columns)
    network = {
        "format": "sallyport-network/1",
        "classes": classes,
        "input": {"features": width, "shape": [width], "shift": low, "scale": scale,
                  "minimum": low, "maximum": low + scale},
        "layers": [{"type": "linear", "in": width, "out": len(classes)}],
    }
    arrays = [("layers.0.weight", [len(classes), width], [w for row in weights for w in row]),
              ("layers.0.bias", [len(classes)], bias)]
    folder = pathlib.Path(os.environ["SALLYPORT_OUT"]) / "model"
    folder.mkdir(parents=True)
    (folder / "model.json").write_text(json.dumps(network, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    (folder / "model.safetensors").write_bytes(safetensors(arrays))


if __name__ == "__main__":
    main()
