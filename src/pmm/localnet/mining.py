"""Waiting for a node with automatic mining, which answers ``eth_sendRawTransaction`` before it mines.

While anvil makes a block, calls at the newest block see the state of the next one, and receipts are there before the
block is: what is read then belongs to no block. The pool is empty only behind all of it.
"""

from __future__ import annotations

import time
from typing import Final

from pmm.chain.rpc import JsonRpc
from pmm.errors import PmmError

_WITHIN_S: Final = 30.0
_PAUSE_S: Final = 0.005


def wait_until_mined(rpc: JsonRpc) -> None:
    """Wait until nothing that can be mined is in the node's pool; raises PmmError after half a minute."""
    deadline_s = time.monotonic() + _WITHIN_S
    while waiting := int(rpc.call("txpool_status")["pending"], 16):
        if time.monotonic() > deadline_s:
            raise PmmError(
                f"expected the node at {rpc.shown_url} to mine within {_WITHIN_S:.0f} s, found {waiting} waiting "
                "transactions; start it with automatic mining"
            )
        time.sleep(_PAUSE_S)
