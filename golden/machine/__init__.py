"""The accelerator, instruction by instruction."""
