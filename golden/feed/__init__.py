"""Order in which the array's operands are read, and its outputs written."""
