"""What reads scratchpads for the array, and writes its outputs."""
