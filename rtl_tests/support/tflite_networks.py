"""Four small TFLite networks of all imported operators, and the files that hold them.

``python rtl_tests/support/tflite_networks.py`` writes the files again; a test compares.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tflite_builder import TfliteBuilder

__all__ = ["FOLDER", "NETWORKS", "concatenated", "depthwise", "gated", "images", "residual"]

FOLDER = Path(__file__).with_name("tflite_files")


def images(shape: tuple[int, ...], count: int, seed: int = 0) -> np.ndarray:
    """Return inputs (count, ...) for a network's shape."""
    rng = np.random.default_rng(seed)
    return rng.normal(0, 2.5, (count, *shape[1:])).astype(np.float32)


def residual() -> bytes:
    """Return a network with a padded stem, a residual sum and integer averages."""
    net = TfliteBuilder(1)
    x = net.input((1, 18, 18, 3))
    x = net.pad("stem/pad", x, [[0, 0], [1, 1], [1, 1], [0, 0]])
    x = net.conv("stem/conv", x, 16, stride=2, padding="VALID", activation="RELU")
    y = net.conv("block/conv1", x, 16, activation="RELU")
    y = net.conv("block/conv2", y, 16)
    x = net.pair("ADD", "block/add", y, x, y.scale * 0.8, activation="RELU")
    x = net.conv("reduce", x, 12, stride=2, padding="SAME")
    x = net.pool("AVERAGE_POOL_2D", "pool", x, 2, 2)
    x = net.flatten("flatten", x)
    x = net.linear("logits", x, 10)
    return net.file(net.dequantize("output", x))


def depthwise() -> bytes:
    """Return a network of depthwise convolutions with ReLU6, and a softmax, int8 at both ends."""
    net = TfliteBuilder(2)
    x = net.input((1, 16, 16, 3), "INT8")
    x = net.conv("stem", x, 8, stride=2, activation="RELU6", scale=6 / 255)
    x = net.conv("dw1", x, 8, depthwise=True, activation="RELU6", scale=0.02)
    x = net.conv("pw1", x, 12, 1)
    x = net.conv("dw2", x, 24, 5, stride=2, depthwise=True, activation="RELU6", scale=0.03)
    x = net.conv("pw2", x, 16, 1, activation="RELU6")
    x = net.mean("mean", x, keep=False)
    x = net.linear("logits", x, 10)
    x = net.unary("SOFTMAX", "softmax", x, 1 / 256, -128, "SoftmaxOptions")
    net.graph.operators[-1].builtinOptions.beta = 1.0
    return net.file(x)


def concatenated() -> bytes:
    """Return a network with pools and concatenations, uint8 at its input."""
    net = TfliteBuilder(3)
    x = net.input((1, 15, 15, 3), "UINT8")
    x = net.conv("stem", x, 12, stride=1, activation="RELU")
    x = net.pool("MAX_POOL_2D", "max1", x, 3, 2, "SAME")
    a = net.conv("fire/squeeze", x, 8, 1)
    b = net.conv("fire/left", a, 8, 1, scale=a.scale, activation="RELU", zero=-20)
    c = net.conv("fire/right", a, 16, 3, scale=a.scale, activation="RELU", zero=-20)
    x = net.concatenation("fire/concat", [b, c])
    x = net.pool("MAX_POOL_2D", "max2", x, 2, 2)
    x = net.pool("AVERAGE_POOL_2D", "average", x, 3, 1)
    x = net.linear("logits", x, 10)
    return net.file(x)


def gated() -> bytes:
    """Return a network with a squeeze-and-excite gate, tables and a repetition of pixels."""
    net = TfliteBuilder(4)
    x = net.input((1, 16, 16, 3))
    x = net.conv("stem", x, 16, stride=2)
    x = net.unary("HARD_SWISH", "swish", x, x.scale * 0.6, -110, "HardSwishOptions")
    s = net.mean("gate/mean", x, keep=True)
    s = net.conv("gate/reduce", s, 8, 1, activation="RELU")
    s = net.conv("gate/expand", s, 16, 1)
    s = net.unary("LOGISTIC", "gate/sigmoid", s, 1 / 256, -128)
    x = net.pair("MUL", "gate/mul", x, s, x.scale * 0.5)
    y = net.conv("down", x, 16, stride=2)
    y = net.upsample("up", y, 2)
    x = net.pair("ADD", "skip", x, y, y.scale)
    x = net.unary("TANH", "tanh", x, 1 / 128, 0)
    x = net.mean("mean", x, keep=True)
    return net.file(net.dequantize("output", net.linear("logits", x, 10)))


NETWORKS = {
    "residual": residual,
    "depthwise": depthwise,
    "concatenated": concatenated,
    "gated": gated,
}


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(exist_ok=True)
    for name, make in NETWORKS.items():
        (FOLDER / f"{name}.tflite").write_bytes(make())


if __name__ == "__main__":
    main()
