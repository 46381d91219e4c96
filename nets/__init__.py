"""The PyTorch side: networks, quantization, the importer, images and perturbations."""
