"""Files, caches, processes and console, shared by all commands."""
