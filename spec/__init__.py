"""What was agreed: parameters, instruction set, registers."""
