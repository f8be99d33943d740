"""Tables of ``pmm localnet`` for a person."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from pmm.localnet.feeds import FeedReading
from pmm.localnet.pool_prices import PoolPrice
from pmm.localnet.status import Status


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else 160)


def print_status(status: Status) -> None:
    """Print the node, its contracts, and how many stand on which evidence."""
    console = _console()
    kind = "genuine bytecode" if status.node.genuine else "published builds and stand-ins"
    console.print(
        f"{status.node.url}  chain id {status.chain_id}  block {status.block_number}  "
        f"process {status.node.pid}  {status.client}  {kind}"
    )
    table = Table("protocol", "contract", "evidence", "code hash", box=None)
    table.add_column("address", no_wrap=True, min_width=42)
    table.add_column("package")
    for contract in status.contracts:
        placed = contract.placement
        table.add_row(
            *(placed.protocol, placed.name, str(placed.evidence), contract.codehash[:10]),
            *(placed.address, f"{placed.package} {placed.version}"),
        )
    console.print(table)
    counts = Counter(str(contract.placement.evidence) for contract in status.contracts)
    console.print("evidence: " + ", ".join(f"{count} {name}" for name, count in counts.most_common()))


def print_prices(feeds: Sequence[FeedReading], pools: Sequence[PoolPrice], *, only: str | None) -> None:
    """Print feeds and how far each pool is from them; ``only`` keeps what holds one asset."""
    console = _console()
    table = Table("feed", "USD", box=None)
    for feed in feeds:
        if only in (None, feed.asset):
            table.add_row(f"{feed.asset}/USD", f"{feed.price_usd:f}")
    console.print(table)
    table = Table("pool", "address", "from the feeds, bps", box=None)
    for pool in pools:
        if only is None or only in pool.pool.assets:
            table.add_row(pool.pool.name, pool.address, f"{pool.deviation_bps:z.4f}")
    console.print(table)
