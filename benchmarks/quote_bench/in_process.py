"""One firm quote inside the process: price, risk, admission with a durable journal, signature; and its parts.

Runs on the core of the servers; ``python -m quote_bench.in_process RPC RECORD JOURNAL COUNT`` prints JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from pmm.domain import Decision
from pmm.relayers.codec import RelayerCall, RouteKind
from pmm.relayers.refusals import WireRefusal
from pmm.relayers.registry import open_codecs
from pmm.server.assembly import relayer_settings
from pmm.server.event_loop import run
from pmm.server.runtime import Runtime, open_runtime
from pmm.settings import load_settings
from quote_bench.requests import order_bodies

_WARM_UP = 500


async def _measure(runtime: Runtime, count: int) -> list[float]:
    runtime.start()
    await runtime.refresher.wait_for_read(10.0)
    codecs = open_codecs(relayer_settings(runtime.settings, runtime.node))
    reader = next(codec for codec in codecs if codec.profile.name == "pmm")
    route = next(route for route in reader.profile.routes if route.kind is RouteKind.FIRM)
    body = order_bodies(seed=2)
    elapsed: list[float] = []
    for number in range(_WARM_UP + count):
        request = reader.decode(RelayerCall(route=route, request_id=f"{number:032x}", body=body()))
        assert not isinstance(request, WireRefusal), request
        started = time.perf_counter()
        answered = await runtime.desk.firm_quote(request)
        elapsed.append(time.perf_counter() - started)
        assert not isinstance(answered, Decision), answered
    return elapsed[_WARM_UP:]


def main() -> None:
    """Measure and print percentiles in microseconds."""
    rpc, record, journal, count = sys.argv[1:]
    settings = load_settings(
        {"rpc_url": rpc, "deployment": Path(record), "journal": Path(journal), "port": 0}
    )
    runtime = open_runtime(settings)
    try:
        elapsed = run(_measure(runtime, int(count)))
    finally:
        runtime.close()
    p50, p99 = np.percentile(elapsed, (50, 99)) * 1e6
    print(json.dumps({"p50_us": float(p50), "p99_us": float(p99)}))


if __name__ == "__main__":
    main()
