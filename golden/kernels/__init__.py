"""Golden kernels: bit-exact output of whole layers."""
