"""Settings of all tests; they have to precede the first import of NumPy and torch."""

import os

# tests run side by side: more threads than cores would spin against each other
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "2")
