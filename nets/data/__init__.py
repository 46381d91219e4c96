"""Data sets: labelled images of one size, with the boxes that occlusions fall into."""
