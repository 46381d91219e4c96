"""Line and toggle coverage of the RTL, by block of the Amaranth sources."""
