"""Programs of random tiles in every mode, written by hand, with what the golden kernels say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from golden_layers import random_conv2d
from tile_programs import TileProgram

from maccord.golden.array.add import add_factors
from maccord.golden.graph import Add, AvgPool2d, Conv2d, MaxPool2d, Mul, Quantization
from maccord.golden.kernels.add import add
from maccord.golden.kernels.avg_pool2d import avg_pool2d, mean_multiplier
from maccord.golden.kernels.conv2d import conv2d
from maccord.golden.kernels.max_pool2d import max_pool2d
from maccord.golden.kernels.mul import check_mul, mul
from maccord.spec.isa import (
    WINDOW,
    Mode,
    Opcode,
)
from maccord.verify.regress.operations import random_quantization

__all__ = ["WindowProgram"]


class WindowProgram(TileProgram):
    """A program under construction: layers one behind the other, each on its own bytes."""

    def add_random_layer(self, mode: Mode) -> None:
        """Append a layer of a mode, of any geometry; where there are tables, at times with one."""
        self._table = None
        if self.parameters.lookup and self._rng.random() < 0.7:
            self._load_table()
        {
            Mode.DENSE: self._dense,
            Mode.DEPTHWISE: self._depthwise,
            Mode.MAX: self._maximum,
            Mode.ADD: self._sum,
            Mode.MUL: self._product,
        }[mode]()

    def _stream(
        self, layer: Conv2d, tile: slice, matrices: np.ndarray, folded: np.ndarray
    ) -> np.ndarray:
        """Rows of weights of a column tile: bias, multiplier, and a matrix for each pass."""
        bias = folded[tile].astype("<i4").view(np.int8).reshape(-1, 4).T
        multiplier = layer.multiplier[tile].astype("<f4").view(np.int8).reshape(-1, 4).T
        return np.concatenate([bias, multiplier, matrices.reshape(-1, bias.shape[1])])

    def _convolve(self, layer: Conv2d, x: np.ndarray, y: np.ndarray) -> None:
        """A depthwise convolution; a mean is one with weights of 1."""
        p = self.parameters
        channels, _, kh, kw = layer.weight.shape
        zero = layer.input.zero_point
        cells = np.pad(x ^ 0x80, [*layer.pads, (0, 0)])
        edge = np.pad(np.zeros(x.shape[:2], bool), layer.pads, constant_values=True)
        cells[edge] = zero ^ 0x80
        base, pitch = self._cells(cells)
        line = cells.shape[1] * pitch
        full = p.window_width
        window = min(kh, WINDOW), min(kw, full)
        if window[1] == 4:
            window = window[0], full
        parts = -(-kh // WINDOW), -(-kw // full)
        weight = layer.weight[:, 0].astype(np.int32)
        folded = layer.bias_q + (128 - zero) * weight.sum(axis=(1, 2))
        matrices = np.zeros((*parts, p.rows, channels), np.int8)
        for y0, x0 in np.ndindex(kh, kw):
            row = (WINDOW - window[0] + y0 % WINDOW) * full + full - window[1] + x0 % full
            matrices[y0 // WINDOW, x0 // full, row] = weight[:, y0, x0]
        tiles = [slice(c, min(c + p.cols, channels)) for c in range(0, channels, p.cols)]
        streams = [self._stream(layer, t, matrices[..., t], folded) for t in tiles]
        low, high = layer.bounds
        self._emit(
            Opcode.SETUP,
            mode=Mode.DEPTHWISE,
            run=p.rows,
            taps=parts[1],
            tap_pitch=full * pitch,
            lines=parts[0],
            line_pitch=WINDOW * line,
            step_x=pitch,
            step_y=line,
            zero_point=layer.output.zero_point - 128,
            low=low - 128,
            high=high - 128,
            **self._window(window, layer.stride),
        )
        sy, sx = layer.stride
        widest = (p.line_cells - window[1]) // sx + 1
        # Passes beyond the kernel may read on into what comes behind the cells.
        self._take("activation", 2 * line + (full - 1) * pitch)
        self._tiles(y, lambda y, x, c: base + y * sy * line + x * sx * pitch + c, streams, widest)

    def _window(self, window: tuple[int, int], stride: tuple[int, int]) -> dict[str, int]:
        names = ("window_height", "window_width", "stride_y", "stride_x")
        cells = window[0], window[1] if window[1] <= WINDOW else 0
        return dict(zip(names, (*cells, *stride), strict=True))

    def _geometry(self, largest: int) -> dict[str, tuple[int, ...]]:
        """Kernel, stride and padding at random."""
        rng = self._rng
        kernel = tuple(int(k) for k in rng.integers(1, largest + 1, 2))
        stride = tuple(int(s) for s in rng.choice([1, 1, 2, 3, 5], 2))
        padding = tuple(int(rng.integers(0, k // 2 + 1)) for k in kernel)
        return {"kernel": kernel, "stride": stride, "padding": padding}

    def _input(self, kernel: tuple[int, int] = (1, 1), channels: int = 0) -> np.ndarray:
        """A tensor of codes, shape (height, width, channels), as large as the kernel or larger."""
        rng = self._rng
        height, width = (int(rng.integers(k, 12 + (k > 6))) for k in kernel)
        channels = channels or int(rng.integers(2, 2 * self.parameters.cols + 2))
        return rng.integers(0, 256, (height, width, channels), dtype=np.uint8)

    def _depthwise(self) -> None:
        rng = self._rng
        geometry = self._geometry(int(rng.choice([3, 3, 7])))
        kernel = geometry.pop("kernel")
        x = self._input(kernel)
        channels = x.shape[2]
        if rng.random() < 0.3:
            pool = AvgPool2d("mean", random_quantization(rng), kernel, **geometry)
            y = avg_pool2d(x[None], pool)[0]
            layer = random_conv2d(rng, channels, 1, kernel, groups=channels, **geometry)
            factor = np.full(channels, mean_multiplier(pool))
            layer = replace(
                layer,
                weight=np.ones_like(layer.weight),
                bias_q=np.zeros(channels, np.int32),
                multiplier=factor,
                input=pool.input,
                output=pool.input,
                relu=False,
            )
        else:
            layer = random_conv2d(rng, channels, 1, kernel, groups=channels, **geometry)
            y = conv2d(x[None], layer)[0]
        self._convolve(layer, x, y)

    def _maximum(self) -> None:
        rng, p = self._rng, self.parameters
        geometry = self._geometry(WINDOW)
        if geometry["kernel"] == (1, 1):
            geometry["kernel"] = (1, 2)
        pool = MaxPool2d("max", random_quantization(rng), **geometry)
        x = self._input(pool.kernel)
        low, high = (
            sorted(int(n) for n in rng.integers(0, 256, 2)) if rng.random() < 0.3 else (0, 255)
        )
        y = max_pool2d(x[None], pool)[0].clip(low, high)
        cells = np.pad(x, [*((n, n) for n in pool.padding), (0, 0)]) ^ 0x80
        base, pitch = self._cells(cells)
        line = cells.shape[1] * pitch
        self._emit(
            Opcode.SETUP,
            mode=Mode.MAX,
            run=p.rows,
            taps=1,
            lines=1,
            step_x=pitch,
            step_y=line,
            low=low - 128,
            high=high - 128,
            **self._window(pool.kernel, pool.stride),
        )
        sy, sx = pool.stride
        widest = (p.line_cells - pool.kernel[1]) // sx + 1
        self._tiles(y, lambda y, x, c: base + y * sy * line + x * sx * pitch + c, None, widest)

    def _sum(self) -> None:
        rng, p = self._rng, self.parameters
        a = self._input()
        b = rng.integers(0, 256, a.shape, dtype=np.uint8)
        first, second, output = (random_quantization(rng) for _ in range(3))
        half_up = p.half_up and bool(rng.integers(2))
        if p.half_up:  # half of the sums are ties
            second = Quantization(first.scale, second.zero_point)
            output = Quantization(2 * first.scale, output.zero_point)
        rounding = "half_up" if half_up else "half_away"
        relu = bool(rng.integers(2))
        operation = Add("sum", (first, second), output, relu, rounding=rounding)
        pitch = a.shape[2] + int(rng.integers(4))
        line = a.shape[1] * pitch
        banks = p.activation_banks
        apart = -(-a.shape[0] * line // banks) * banks
        base = self._take("activation", 2 * apart)
        self._load(a ^ 0x80, pitch, base, signal=0)
        self._load(b ^ 0x80, pitch, base + apart)
        factors = add_factors(first, second, output, rounding)
        self._emit(
            Opcode.SETUP_ADD,
            factor_a=factors.a,
            factor_b=factors.b,
            shift=factors.shift,
            zero_point_a=first.zero_point - 128,
            zero_point_b=second.zero_point - 128,
            operand_pitch=apart,
            step_x=pitch,
            step_y=line,
            zero_point=output.zero_point - 128,
            low=(output.zero_point if operation.relu else 0) - 128,
            high=127,
            half_up=int(half_up),
        )
        y = add(a, b, operation)
        self._tiles(y, lambda y, x, c: base + y * line + x * pitch + c)

    def _product(self) -> None:
        """Of two tensors, or with one value per channel."""
        rng, p = self._rng, self.parameters
        broadcast = bool(rng.integers(2))
        a = self._input()[:8, :8] if broadcast else self._input()
        b = rng.integers(0, 256, a.shape, dtype=np.uint8)
        first, second, wide = (random_quantization(rng) for _ in range(3))
        output = Quantization(first.scale * second.scale * 250, wide.zero_point)
        operation = Mul("product", (first, second), output, relu=bool(rng.integers(2)))
        pitch = a.shape[2] + int(rng.integers(4))
        line = a.shape[1] * pitch
        banks = p.activation_banks
        apart = -(-a.shape[0] * line // banks) * banks
        base = self._take("activation", 2 * apart)
        self._load(a ^ 0x80, pitch, base, signal=0)
        self._load(b ^ 0x80, pitch, base + apart)
        self._emit(
            Opcode.SETUP_MUL,
            multiplier=int(check_mul(operation).view(np.uint32)),
            zero_point_a=first.zero_point - 128,
            zero_point_b=second.zero_point - 128,
            operand_pitch=apart,
            broadcast=broadcast,
            step_x=pitch,
            step_y=line,
            zero_point=output.zero_point - 128,
            low=(output.zero_point if operation.relu else 0) - 128,
            high=127,
        )
        # With `broadcast`, the tile's first pixel has the only values that count.
        factor = b[None, :1, :1] if broadcast else b[None]
        y = mul(a[None], factor, operation)[0]
        self._tiles(y, lambda y, x, c: base + y * line + x * pitch + c, whole=broadcast)

    def _dense(self) -> None:
        """A convolution of 1 x 1, to lie between the others."""
        rng, p = self._rng, self.parameters
        x = self._input()
        layer = random_conv2d(rng, int(rng.integers(2, 2 * p.cols + 2)), x.shape[2], (1, 1))
        base, pitch = self._cells(x ^ 0x80)
        outputs, depth = layer.weight.shape[:2]
        weight = layer.weight[:, :, 0, 0]
        folded = layer.bias_q + (128 - layer.input.zero_point) * weight.astype(np.int32).sum(axis=1)
        matrices = np.zeros((-(-depth // p.rows) * p.rows, outputs), np.int8)
        matrices[:depth] = weight.T
        tiles = [slice(c, min(c + p.cols, outputs)) for c in range(0, outputs, p.cols)]
        streams = [self._stream(layer, t, matrices[:, t], folded) for t in tiles]
        low, high = layer.bounds
        self._emit(
            Opcode.SETUP,
            run=depth,
            taps=1,
            lines=1,
            step_x=pitch,
            step_y=x.shape[1] * pitch,
            zero_point=layer.output.zero_point - 128,
            low=low - 128,
            high=high - 128,
        )
        y = conv2d(x[None], layer)[0]
        line = x.shape[1] * pitch
        self._tiles(y, lambda y, x, c: base + y * line + x * pitch, streams)
