"""Recorded outputs of PyTorch's quantized kernels, to which the golden model is held."""
