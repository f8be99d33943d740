"""The clocks of this process."""

from __future__ import annotations

import time


class SystemClock:
    """Implements the desk's ``Clock``."""

    def monotonic_s(self) -> float:
        """Return seconds that never run backwards."""
        return time.monotonic()

    def wall_ms(self) -> int:
        """Return unix time in milliseconds."""
        return time.time_ns() // 1_000_000
