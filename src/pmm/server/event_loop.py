"""Runs the server's event loop so that threads and garbage collection hold it up as little as they can."""

from __future__ import annotations

import gc
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

Result = TypeVar("Result")

# A thread that computes, as the market reader does, lets the event loop have its turn after this, not after 5 ms.
_SWITCH_INTERVAL_S = 0.0005
# Live quotes are tens of thousands of objects, none of them garbage: look through all of them seldom.
_GC_THRESHOLDS = (50_000, 20, 100)


def run(serving: Coroutine[Any, Any, Result]) -> Result:
    """Run ``serving`` to its end and return what it returns."""
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    gc.collect()
    # What the start has built stays for the whole run.
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    return uvloop.run(serving)
