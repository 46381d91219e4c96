"""The command line: how each thing is called."""
