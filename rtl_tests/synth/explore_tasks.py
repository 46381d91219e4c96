"""A small network, and stand-ins that measure a point of a sweep without any tool."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
from schedule_layers import random_conv2d

from maccord.golden.graph import Network, Node, Tensor
from maccord.sim.network.task import NetworkRecording
from maccord.synth.explore_point import MISFIT, Measurement, Row

__all__ = ["crashing", "network", "recording", "stand_in"]


def network(seed: int = 1, stride: int = 1) -> Network:
    """A convolution of 3 to 8 channels."""
    layer = random_conv2d(np.random.default_rng(seed), (8, 3, 3, 3), stride=(stride, stride))
    source = Tensor("net.input", (1, 8, 8, 3), layer.input)
    return Network("net", source, (Node(layer, ("net.input",)),), layer.name)


def recording() -> NetworkRecording:
    """What a simulation would be compared with."""
    x_q = np.zeros((1, 8, 8, 3), np.uint8)
    logits = np.zeros((1, 1), np.float32)
    return NetworkRecording("qnnpack", "seeded", "clean", 0, network(), x_q, {}, logits)


def stand_in(task: Measurement) -> Row:
    """As much area as multipliers, one seed better than the other; 8 columns do not fit."""
    parameters = task.parameters
    multipliers = parameters.rows * parameters.cols
    resources = {"lut": 10.0 * multipliers, "dsp": float(multipliers)}
    if parameters.cols == 8:
        return replace(task.row, status=MISFIT, reason="too wide", resources=resources)
    return replace(
        task.row,
        resources=resources,
        percent={"lut": multipliers / 10, "dsp": float(multipliers)},
        fmax_mhz=(100.0, 110.0),
        clock_mhz=100.0,
        cycles=1_000_000 // parameters.cols,
        model_cycles=1_000_000 // parameters.cols,
        frames_per_second=100.0 * parameters.cols,
        utilization=0.5,
        bound="array",
        share=0.9,
    )


def crashing(task: Measurement) -> Row:
    """As `stand_in`, but the process dies over 2 columns."""
    if task.parameters.cols == 2:
        os._exit(9)
    return stand_in(task)
