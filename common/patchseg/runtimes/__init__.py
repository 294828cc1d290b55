"""What computes a network: torch, or a runtime made for the machine's processor."""

from .choice import RUNTIMES, at_runtime, fast_runtime

__all__ = ["RUNTIMES", "at_runtime", "fast_runtime"]
