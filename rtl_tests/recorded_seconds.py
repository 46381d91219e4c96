"""How long test files take: seconds of processor time from an empty build/, by file.

Only their order matters, to `conftest.py`; a file that is not here takes less than these.
"""

__all__ = ["SECONDS"]

SECONDS = {
    "test_synthesis.py": 700,
    "test_accelerator.py": 110,
    "test_full_size.py": 100,
    "test_multiply.py": 60,
}
