"""The scheduler: from the integer graph to programs and memory images."""

from .layer import Schedule, schedule
from .macs import count_macs

__all__ = ["Schedule", "count_macs", "schedule"]
