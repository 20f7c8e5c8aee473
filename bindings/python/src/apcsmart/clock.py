"""The clock that sessions run on outside of tests."""

import time


def clock_ms() -> int:
    """Milliseconds since the machine started, the time that it slept included, as :class:`~apcsmart.Session` needs it."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime_ns(clock) // 1_000_000
