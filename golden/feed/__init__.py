"""Order of the array's operand reads and output writes."""
