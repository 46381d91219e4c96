"""Co-simulation: Verilator build, testbench, memory model, comparison, command line."""
