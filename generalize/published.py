"""QGen's published figures for CIFAR (tables 1 to 3), to stand beside the user's own."""

from __future__ import annotations

__all__ = ["GAPS", "NORMS", "SIZES"]

#: Table 1, NiN: training and test accuracy in percent, training and test loss, gap; by data.
GAPS: dict[str, dict[str, tuple[float, ...]]] = {
    "cifar10": {
        "FP32": (97.61, 88.05, 0.103, 0.405, 0.302),
        "W8": (97.5, 88.01, 0.106, 0.407, 0.301),
        "W4": (96.9, 87.7, 0.125, 0.413, 0.288),
        "W2": (93.4, 86.11, 0.222, 0.446, 0.224),
    },
    "cifar100": {
        "FP32": (95.28, 63.48, 0.207, 1.687, 1.48),
        "W8": (95.17, 63.44, 0.211, 1.685, 1.469),
        "W4": (93.5, 63.19, 0.271, 1.648, 1.38),
        "W2": (81.21, 62.11, 0.676, 1.537, 0.859),
    },
}
#: The sizes of NiN (depth x width) of tables 2 and 3.
SIZES = {"cifar10": ("4x10", "4x12"), "cifar100": ("5x10", "5x12")}
#: Table 2: L2 norms of the weights, by data, size and precision.
NORMS: dict[str, dict[str, dict[str, float]]] = {
    "cifar10": {
        "4x10": {"FP32": 130.686, "W8": 53.804, "W4": 54.291, "W2": 47.263},
        "4x12": {"FP32": 73.042, "W8": 46.750, "W4": 46.523, "W2": 43.039},
    },
    "cifar100": {
        "5x10": {"FP32": 190.414, "W8": 60.905, "W4": 60.707, "W2": 60.981},
        "5x12": {"FP32": 163.768, "W8": 87.307, "W4": 87.931, "W2": 82.230},
    },
}
