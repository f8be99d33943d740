"""A node with automatic mining answers ``eth_sendRawTransaction`` before it mines; tests wait for the block."""

from __future__ import annotations

import time

from pmm.chain.rpc import JsonRpc

_WITHIN_S = 30.0
_PAUSE_S = 0.005


def wait_until_mined(rpc: JsonRpc) -> None:
    """Wait until nothing that can be mined is in the node's pool."""
    deadline_s = time.monotonic() + _WITHIN_S
    while int(rpc.call("txpool_status")["pending"], 16):
        assert time.monotonic() < deadline_s, f"the node has mined nothing for {_WITHIN_S:.0f} s"
        time.sleep(_PAUSE_S)
