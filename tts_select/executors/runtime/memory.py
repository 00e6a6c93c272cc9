"""Gives freed memory back to the system."""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Give back what the C library keeps of freed memory; do nothing where it knows no such call.

    Keys and values of steps are many small pieces of all lengths: the holes that they leave fit nothing, and
    resident memory would grow for a thousand problems while the tensors in use do not.
    """
    if sys.platform == "linux" and hasattr(ctypes.CDLL(None), "malloc_trim"):
        ctypes.CDLL(None).malloc_trim(0)
