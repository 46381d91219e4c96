"""What comes with the Verilog: headers and a description for software, files for other tools."""
