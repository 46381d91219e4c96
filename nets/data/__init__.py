"""Data sets: labelled images of one size, with bounding boxes for occlusions."""
