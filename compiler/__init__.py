"""The compiler: from the integer graph to programs and memory images."""

from .layer import Schedule, schedule
from .macs import count_macs
from .search import Choices, recall, searched

__all__ = ["Choices", "Schedule", "count_macs", "recall", "schedule", "searched"]
