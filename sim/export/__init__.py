"""Everything that another tool needs to run a network on the accelerator, as files."""
