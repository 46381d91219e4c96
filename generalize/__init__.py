"""Whether quantized networks generalize: the experiments of QGen."""
