"""Vision transformers on PyTorch's quantized kernels."""
