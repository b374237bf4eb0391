"""How a System runs, as data: which equations share a loop nest, which are BLAS calls, where each tensor lives."""

from .plan import Schedule, schedule

__all__ = ["Schedule", "schedule"]
