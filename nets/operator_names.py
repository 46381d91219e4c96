"""Modules and functions of converted networks, by the name of the step that they become."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["FUNCTIONS", "MODULES", "SIGNATURES"]

SIGNATURES = {  # parameters after the tensor, in the order of PyTorch's functions
    "max_pool2d": ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"),
    "avg_pool2d": (
        *("kernel_size", "stride", "padding"),
        *("ceil_mode", "count_include_pad", "divisor_override"),
    ),
    "adaptive_avg_pool2d": ("output_size",),
    "max_pool1d": ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"),
    "avg_pool1d": ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"),
    "adaptive_avg_pool1d": ("output_size",),
    "squeeze": ("dim",),
    "mean": ("dim", "keepdim"),
    "flatten": ("start_dim", "end_dim"),
    "relu": ("inplace",),
    "relu6": ("inplace",),
    "hardtanh": ("min_val", "max_val", "inplace"),
    "clamp": ("min", "max"),
    "cat": ("dim",),
    "narrow": ("dim", "start", "length"),
    "channel_shuffle": ("groups",),
    "interpolate": ("size", "scale_factor", "mode", "align_corners"),
    "identity": (),
}
MODULES: tuple[tuple[type[nn.Module], str], ...] = (
    (nn.MaxPool2d, "max_pool2d"),
    (nn.AvgPool2d, "avg_pool2d"),
    (nn.AdaptiveAvgPool2d, "adaptive_avg_pool2d"),
    (nn.MaxPool1d, "max_pool1d"),
    (nn.AvgPool1d, "avg_pool1d"),
    (nn.AdaptiveAvgPool1d, "adaptive_avg_pool1d"),
    (nn.ReLU6, "relu6"),  # before Hardtanh, its base class
    (nn.Hardtanh, "hardtanh"),
    (nn.ReLU, "relu"),
    (nn.Dropout, "identity"),
    (nn.Dropout2d, "identity"),
    (nn.Identity, "identity"),
    (nn.ChannelShuffle, "channel_shuffle"),
)
FUNCTIONS: dict[object, str] = {
    **dict.fromkeys((nn.functional.max_pool2d, torch.max_pool2d), "max_pool2d"),
    nn.functional.avg_pool2d: "avg_pool2d",
    nn.functional.adaptive_avg_pool2d: "adaptive_avg_pool2d",
    **dict.fromkeys((nn.functional.max_pool1d, torch.max_pool1d), "max_pool1d"),
    **dict.fromkeys((nn.functional.avg_pool1d, torch.avg_pool1d), "avg_pool1d"),
    **dict.fromkeys((nn.functional.adaptive_avg_pool1d,), "adaptive_avg_pool1d"),
    **dict.fromkeys((torch.squeeze, "squeeze"), "squeeze"),
    **dict.fromkeys((torch.mean, "mean"), "mean"),
    **dict.fromkeys((torch.flatten, "flatten"), "flatten"),
    **dict.fromkeys((nn.functional.relu, torch.relu, "relu", "relu_"), "relu"),
    nn.functional.relu6: "relu6",
    nn.functional.hardtanh: "hardtanh",
    **dict.fromkeys((torch.clamp, "clamp", "clamp_"), "clamp"),
    **dict.fromkeys((torch.cat, torch.concat, torch.concatenate), "cat"),
    torch.narrow: "narrow",
    nn.functional.interpolate: "interpolate",
    # quantized dropout has quantization parameters but ignores them
    **dict.fromkeys((torch.ops.quantized.dropout, "contiguous"), "identity"),
}
